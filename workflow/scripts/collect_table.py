"""One published table from the files it collects."""

from shared_affect.base.log import start_log
from shared_affect.results.collect import collect
from shared_affect.results.contracts import write_table

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    frame = collect(snakemake.params.table, list(snakemake.input), snakemake.params.identities)
    log.info("%d rows from %d files", len(frame), len(snakemake.input))
    write_table(snakemake.output[0], snakemake.params.table, frame)
