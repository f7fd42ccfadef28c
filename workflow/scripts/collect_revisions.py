"""Which commit every fetched model is, in one file."""

from shared_affect.base.files import write_json
from shared_affect.base.log import start_log
from shared_affect.models.hub import collect_revisions

if __name__ == "__main__":
    start_log(snakemake.log[0])
    write_json(snakemake.output[0], collect_revisions(snakemake.params.folder))
