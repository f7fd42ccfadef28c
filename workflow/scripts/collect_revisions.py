"""Which commit every fetched model is, in one file."""

from shared_affect.hub import collect_revisions
from shared_affect.runtime import start_log, write_json

if __name__ == "__main__":
    start_log(snakemake.log[0])
    write_json(snakemake.output[0], collect_revisions(snakemake.params.folder))
