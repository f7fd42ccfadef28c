"""One figure from published tables, with its source data."""

from collections.abc import Mapping, Sequence

from shared_affect.base.log import start_log
from shared_affect.base.tables import read_emotions
from shared_affect.results.figures.spaces import read_spaces
from shared_affect.results.figures.table import FIGURES, SPACE, Material
from shared_affect.results.fonts import figure_style
from shared_affect.results.panels import Names, read_tables, save


def draw_figure(
    name: str,
    tables: Sequence[str],
    files: Mapping[str, Sequence[str]],
    units: Sequence[Mapping[str, str]],
    style: Mapping,
    font: str,
    emotions: str,
    to: Mapping[str, str],
) -> int:
    """Draw a row of the table of figures, and return how many rows its source data have.

    Parameters
    ----------
    name : str
        Of the figure, in `results.figures.table`.
    tables : sequence of path
        The published tables that it reads.
    files : mapping of kind -> sequence of path
        Of the spaces it shows, as in `spaces.read_spaces`.
    units : sequence of mappings
        ``model, language`` of these spaces; none where it shows none.
    style : mapping
        ``models, languages, judges`` (id -> words), ``max_nll_ratio``, ``banner``.
    font, emotions : path
        The committed font, and resources/emotions.tsv.
    to : mapping
        ``pdf, png, csv``: where it is written.
    """
    names = Names(style["models"], style["languages"], read_emotions(emotions), style["judges"])
    with figure_style(font):
        material = Material(read_tables(tables), names, read_spaces(units, files), style["max_nll_ratio"])
        figure, source = FIGURES[name].draw(material)
        save(figure, source, **to, banner=style["banner"])
    return len(source)


if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i, p, o = snakemake.input, snakemake.params, snakemake.output
    n = draw_figure(
        p.figure, i.tables, {kind: i[kind] for kind in SPACE}, p.units, p.style, i.font, i.emotions, dict(o.items())
    )
    log.info("%d rows in the source data", n)
