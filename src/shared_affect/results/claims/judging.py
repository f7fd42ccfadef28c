"""Verdicts on all claims of a study."""

from __future__ import annotations

from typing import Any

from shared_affect.results.claims.controls import judge_control
from shared_affect.results.claims.finding import Finding
from shared_affect.results.claims.rules import Case, Evidence
from shared_affect.results.claims.table import ROWS, Claim


def judge(claim: Claim, evidence: Evidence, model: str, language: str) -> Finding:
    """Verdict on one claim for one model and language."""
    if claim.rule is None:
        return judge_control(evidence.tables, claim.control)
    return claim.rule(evidence, Case(claim.id, model, language, claim.family))


def judge_all(evidence: Evidence) -> list[dict[str, Any]]:
    """All claims of a study as the list that claims.json holds.

    Examples
    --------
    >>> import pandas as pd
    >>> from shared_affect.results.claims.rules import Setting
    >>> row = {"control": "none", "spec": "primary", "model": "m", "sae": "s", "language": "en", "human": "h"}
    >>> row |= {"pairs": "all", "statistic": "rho-a", "representation_a": "sae-space", "representation_b": "static"}
    >>> row |= {"difference": 0.12, "ci_low": 0.05, "ci_high": 0.19, "n_emotions": 27}
    >>> setting = Setting(["m"], ["en"], [], "s", "h", "n", margin=0.02, steering_margin=0.05)
    >>> found = judge_all(Evidence({"rsa_differences": pd.DataFrame([row])}, setting))
    >>> [(c["value"], c["ci_low"], c["verdict"]) for c in found if c["id"] == "beyond-baselines"]
    [(0.12, 0.05, 'holds')]
    >>> {c["verdict"] for c in found if c["id"] != "beyond-baselines"}
    {'not-tested'}
    """
    return [
        _entry(claim, evidence.setting.sae, model, language, judge(claim, evidence, model, language))
        for claim in (ROWS if evidence.setting.models else ())
        for model, language in claim.asked_of(evidence.setting)
    ]


def _entry(claim: Claim, sae: str, model: str, language: str, finding: Finding) -> dict[str, Any]:
    found = finding.as_entry()
    who = {"id": claim.id, "model": model, "sae": sae, "language": language, "human": found.pop("human")}
    return who | {"statement": claim.statement} | found
