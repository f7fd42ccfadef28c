"""Verdicts on every claim from the published tables, and the page that shows them."""

import pandas as pd

from shared_affect.base.files import read_json, write_json, write_text
from shared_affect.base.log import LOG, start_log
from shared_affect.base.tables import read_csv, read_tsv
from shared_affect.results.claims.judging import judge_all
from shared_affect.results.claims.page import render
from shared_affect.results.claims.rules import Evidence, Setting
from shared_affect.results.show import sentences


def judge_claims(tables, notes, steering, out, page, *, study, note):
    """Verdicts on every claim, and the page that shows them.

    Parameters
    ----------
    tables : dict of name -> path
        Published tables (csv).
    notes : dict of path -> identity
        What predictions could not test (json), and whose notes they are: ``model``, ``language``.
    steering : list of path
        What claims on steering rest on (tsv); none where nothing is steered.
    out, page : path
        Claims (json), the page (html).
    study : dict
        Settings of the study that claims are about (results/claims.py).
    note : str
        What is planted.
    """
    not_tested = {(who["model"], who["language"]): read_json(f)["not_tested"] for f, who in notes.items()}
    steered = pd.concat([read_tsv(f) for f in steering], ignore_index=True) if steering else None
    published = {name: read_csv(f) for name, f in tables.items()}
    claims = judge_all(Evidence(published, Setting(**study), not_tested, steered))
    for c in claims:
        LOG.info("%s %s %s: %s %s", c["id"], c["model"], c["language"], c["verdict"], c["reason"])
    write_json(out, claims)
    flips = published["judge_flips"].to_dict("records") if "judge_flips" in published else []
    write_text(page, render(claims, " ".join([note, *sentences(claims)]).strip(), flips))


if __name__ == "__main__":
    start_log(snakemake.log[0])
    i, o, p = snakemake.input, snakemake.output, snakemake.params
    judge_claims(p.tables, p.notes, i.steering, o.claims, o.table, study=p.study, note=p.note)
