"""Whether a verdict on steering is that of the claim's own judge alone: the same rules under every judge."""

from __future__ import annotations

import pandas as pd

from shared_affect.results.claims.finding import NOT_TESTED
from shared_affect.results.claims.judging import judge
from shared_affect.results.claims.rules import Evidence, Setting
from shared_affect.results.claims.table import CLAIMS

DECLARED = {"steering": "lexicon", "beyond-means": "lexicon"}
"""Judge of a claim; of the others the first learned judge of the language."""

CHANCE = ["random_rate", "random_ci_low", "random_ci_high", "unsteered_rate", "random_passing"]


def flips(summary: pd.DataFrame, learned: str, margin: float) -> pd.DataFrame:
    """Verdict of each claim on steering under each judge, beside what random directions get from it.

    Parameters
    ----------
    summary : DataFrame
        Of `steering.statistics.claims_by_judge`, one model and language, with columns ``model, language``.
    learned : str
        The first learned judge.
    margin : float
        Of the target rate, by which the concept vector may be worse than difference of means.

    Returns
    -------
    DataFrame
        ``claim judge declared verdict declared_verdict flipped declared_verdict_same value ci_low ci_high n_passing
        n_emotions rate_b minus_random`` and `CHANCE`. A verdict that is not tested flips nothing.

    Notes
    -----
    `declared_verdict_same` is that of the declared judge on the emotions that this judge has a label for: where it is
    `verdict`, it is the emotions that flip it and not the judge. `rate_b` is what the judge gives the arm compared with
    and `minus_random` what the concept vector has above random directions: where both are small, a margin that does not
    shrink with them (`beyond-means`) is easily kept.
    """
    setting = Setting([], [], [], "", "", "", margin=0.0, steering_margin=margin)
    model, language = summary["model"].iloc[0], summary["language"].iloc[0]
    verdicts: dict[tuple[str, str, str], str] = {}
    for (whose, name), part in summary.groupby(["by", "judge"], sort=False):
        evidence = Evidence({}, setting, steering=part)
        for claim in part["claim"]:
            verdicts[str(whose), claim, str(name)] = judge(CLAIMS[claim], evidence, model, language).verdict
    under = summary[summary["by"] == "own"]
    above_random = under[under["claim"] == "steering"].set_index("judge")["value"]
    rows = []
    for r in under.to_dict("records"):
        claim, by = r["claim"], r["judge"]
        declared = DECLARED.get(claim, learned)
        own, other = verdicts["own", claim, by], verdicts["own", claim, declared]
        rows.append(
            {
                "claim": claim,
                "judge": by,
                "declared": by == declared,
                "verdict": own,
                "declared_verdict": other,
                "flipped": own != other and NOT_TESTED not in (own, other),
                "declared_verdict_same": verdicts["declared", claim, by],
                "rate_b": r["control_value"],
                "minus_random": above_random[by],
            }
            | {k: r[k] for k in ("value", "ci_low", "ci_high", "n_passing", "n_emotions", *CHANCE)}
            | {"random_passing": int(r["random_passing"])}
        )
    order = {c: k for k, c in enumerate(CLAIMS)}
    found = pd.DataFrame(rows)
    return found.sort_values("claim", key=lambda x: x.map(order), kind="stable", ignore_index=True)
