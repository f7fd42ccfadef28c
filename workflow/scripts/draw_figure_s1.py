"""Figure S1: every test of the claims in the main study and its negative controls."""

from shared_affect.figures import draw_controls
from shared_affect.fonts import figure_style
from shared_affect.panels import Names, read_tables, save
from shared_affect.runtime import start_log
from shared_affect.tables import read_emotions

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i, p, o = snakemake.input, snakemake.params, snakemake.output
    names = Names(p.style["models"], p.style["languages"], read_emotions(i.emotions))
    with figure_style(i.font):
        figure, source = draw_controls(read_tables(i.tables), names)
        save(figure, source, pdf=o.pdf, png=o.png, csv=o.csv, banner=p.style["banner"])
    log.info("%d rows in the source data", len(source))
