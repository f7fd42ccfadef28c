"""What was run and what came out: code, packages, machine, configuration, tables, final files; the report's first
screen.
"""

import json
from pathlib import Path

import yaml

from shared_affect.base.files import write_json, write_text
from shared_affect.base.log import start_log
from shared_affect.results.show import digest_of_output, rst
from shared_affect.study.provenance import describe_run

if __name__ == "__main__":
    start_log(snakemake.log[0])
    p, i, o = snakemake.params, snakemake.input, snakemake.output
    fetched = json.loads(Path(i.revisions[0]).read_text(encoding="utf-8")) if p.models else {}
    outputs = {str(Path(f).relative_to(p.root)): digest_of_output(f) for f in sorted([i.claims, *i.final])}
    run = describe_run({m: fetched[m] for m in p.models}, p.folder)
    run |= {
        "banner": p.banner,
        "config_tables": p.tables,
        "resources": p.resources,
        "code_of_rules": p.rules,
        "outputs": outputs,
    }
    write_json(o.provenance, run)
    write_text(o.config, yaml.safe_dump(p.config, allow_unicode=True, sort_keys=True))
    write_text(o.first, rst(json.loads(Path(i.claims).read_text(encoding="utf-8")), run) + p.text)
