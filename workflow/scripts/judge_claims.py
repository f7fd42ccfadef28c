"""Verdicts on every claim from the published tables, and the page that shows them."""

import json
from pathlib import Path

import pandas as pd

from shared_affect.base.files import write_json, write_text
from shared_affect.base.log import start_log
from shared_affect.base.tables import read_csv, read_tsv
from shared_affect.results.claims.judging import judge_all
from shared_affect.results.claims.page import render
from shared_affect.results.claims.rules import Evidence, Setting
from shared_affect.results.collect import identity_of
from shared_affect.results.show import sentences

if __name__ == "__main__":
    log = start_log(snakemake.log[0])
    i = snakemake.input
    tables = {Path(f).stem: read_csv(f) for f in i.tables}
    who = {f: identity_of(f, "rating_differences", snakemake.params.root) for f in i.notes}
    notes = {
        (w["model"], w["language"]): json.loads(Path(f).read_text(encoding="utf-8"))["not_tested"]
        for f, w in who.items()
    }
    steering = pd.concat([read_tsv(f) for f in i.steering], ignore_index=True) if i.steering else None
    claims = judge_all(Evidence(tables, Setting(**snakemake.params.study), notes, steering))
    for c in claims:
        log.info("%s %s %s: %s %s", c["id"], c["model"], c["language"], c["verdict"], c["reason"])
    write_json(snakemake.output.claims, claims)
    write_text(snakemake.output.table, render(claims, " ".join([snakemake.params.note, *sentences(claims)]).strip()))
