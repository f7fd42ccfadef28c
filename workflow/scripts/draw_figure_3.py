"""Figure 3: rating prediction, shared features, cultural differences."""

from shared_affect.base.log import start_log
from shared_affect.base.tables import read_emotions
from shared_affect.results.figures import draw_ratings
from shared_affect.results.fonts import figure_style
from shared_affect.results.panels import Names, read_tables, save

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i, p, o = snakemake.input, snakemake.params, snakemake.output
    names = Names(p.style["models"], p.style["languages"], read_emotions(i.emotions))
    with figure_style(i.font):
        figure, source = draw_ratings(read_tables(i.tables), names)
        save(figure, source, pdf=o.pdf, png=o.png, csv=o.csv, banner=p.style["banner"])
    log.info("%d rows in the source data", len(source))
