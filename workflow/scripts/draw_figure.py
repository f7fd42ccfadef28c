"""One figure from published tables, with its source data."""

from shared_affect.base.log import start_log
from shared_affect.base.tables import read_emotions
from shared_affect.results.figures.spaces import read_spaces
from shared_affect.results.figures.table import FIGURES, SPACE, Material
from shared_affect.results.fonts import figure_style
from shared_affect.results.panels import Names, read_tables, save

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i, p, o = snakemake.input, snakemake.params, snakemake.output
    names = Names(p.style["models"], p.style["languages"], read_emotions(i.emotions))
    with figure_style(i.font):
        spaces = read_spaces(p.units, {kind: i[kind] for kind in SPACE})
        material = Material(read_tables(i.tables), names, spaces, p.style["max_nll_ratio"])
        figure, source = FIGURES[p.figure].draw(material)
        save(figure, source, pdf=o.pdf, png=o.png, csv=o.csv, banner=p.style["banner"])
    log.info("%d rows in the source data", len(source))
