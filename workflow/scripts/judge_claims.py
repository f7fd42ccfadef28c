"""Verdicts on every claim from the published tables, and the page that shows them."""

import json
from pathlib import Path

import pandas as pd

from shared_affect.base.files import write_json, write_text
from shared_affect.base.log import start_log
from shared_affect.base.tables import read_csv, read_tsv
from shared_affect.results.claims import judge_all, render
from shared_affect.results.show import sentences

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i, p = snakemake.input, snakemake.params
    tables = {name: read_csv(f) for name, f in p.tables.items()}
    notes = {
        (who["model"], who["language"]): json.loads(Path(f).read_text(encoding="utf-8"))["not_tested"]
        for f, who in p.notes.items()
    }
    steering = pd.concat([read_tsv(f) for f in i.steering], ignore_index=True) if i.steering else None
    claims = judge_all(tables, notes, steering, p.study)
    for c in claims:
        log.info("%s %s %s: %s %s", c["id"], c["model"], c["language"], c["verdict"], c["reason"])
    write_json(snakemake.output.claims, claims)
    write_text(snakemake.output.table, render(claims, " ".join([p.note, *sentences(claims)]).strip()))
