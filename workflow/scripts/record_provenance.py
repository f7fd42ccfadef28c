"""What was run: code, packages, machine, configuration, tables."""

import yaml

from shared_affect.provenance import describe_run
from shared_affect.runtime import start_log, write_json, write_text

if __name__ == "__main__":
    start_log(snakemake.log[0])
    write_json(snakemake.output.provenance, describe_run() | {"config_tables": snakemake.params.tables})
    write_text(snakemake.output.config, yaml.safe_dump(snakemake.params.config, allow_unicode=True, sort_keys=True))
