"""Figure 1: emotion spaces beside the raters' affect and judgements."""

from shared_affect.base.log import start_log
from shared_affect.base.naming import by_name
from shared_affect.base.tables import read_emotions
from shared_affect.results.figures import draw_spaces, read_space
from shared_affect.results.fonts import figure_style
from shared_affect.results.panels import Names, read_tables, save

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i, p, o = snakemake.input, snakemake.params, snakemake.output
    names = Names(p.style["models"], p.style["languages"], read_emotions(i.emotions))
    with figure_style(i.font):
        units = [(u["model"], u["language"]) for u in p.units]
        own = [by_name(units, files) for files in (i.coordinates, i.spaces)]
        of_language = [
            by_name(dict.fromkeys(k for _, k in units), dict.fromkeys(files)) for files in (i.judgements, i.affect)
        ]
        spaces = [read_space(*u, *(files[u] for files in own), *(files[u[1]] for files in of_language)) for u in units]
        figure, source = draw_spaces(spaces, read_tables(i.tables), names)
        save(figure, source, pdf=o.pdf, png=o.png, csv=o.csv, banner=p.style["banner"])
    log.info("%d rows in the source data", len(source))
