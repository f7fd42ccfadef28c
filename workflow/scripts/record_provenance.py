"""What was run: code, packages, machine, configuration, tables."""

import json
from pathlib import Path

import yaml

from shared_affect.provenance import describe_run
from shared_affect.runtime import start_log, write_json, write_text

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p = snakemake.params
    fetched = json.loads(Path(snakemake.input.revisions[0]).read_text(encoding="utf-8")) if p.models else {}
    write_json(snakemake.output.provenance, describe_run({m: fetched[m] for m in p.models}) | {"config_tables": p.tables})
    write_text(snakemake.output.config, yaml.safe_dump(p.config, allow_unicode=True, sort_keys=True))
