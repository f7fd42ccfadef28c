"""One published table from the files it collects."""

from shared_affect.base.log import start_log
from shared_affect.results.collect import collect
from shared_affect.results.contracts import write_table

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    p = snakemake.params
    frame = collect(p.table, {f: p.identities[f] for f in snakemake.input}, p.root_seed)
    log.info("%d rows from %d files", len(frame), len(snakemake.input))
    write_table(snakemake.output[0], p.table, frame)
