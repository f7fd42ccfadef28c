"""Verdicts on the negative controls: whether the claims that they must not show are rejected in them."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from shared_affect.base.stats import family_p
from shared_affect.results.claims.families import claim_of, tested_p
from shared_affect.results.claims.finding import FAILS, HOLDS, Estimate, Finding, Tested, not_tested
from shared_affect.results.claims.table import CONTROLLED, EMPTY, TESTED_TABLES, left_out
from shared_affect.study.checks import ALPHA


def family_level(n_families: int, alpha: float = ALPHA) -> float:
    """Level of one family of a study's negative controls, so that any of them rejects by chance in `alpha` of all
    studies (Sidak; docs/controls.md).

    Examples
    --------
    >>> round(family_level(20), 6)
    0.000502
    """
    return 1 - (1 - alpha) ** (1 / n_families)


def tested_rows(frame: pd.DataFrame) -> pd.DataFrame:
    """Tests in a published table of the claims that negative controls must not show: its rows with the ``claim`` of
    each, and the ``p`` that it needs.
    """
    frame = frame.assign(p=tested_p(frame), claim=claim_of(frame))[frame["p"].notna()]
    return frame[frame["claim"].isin(list(CONTROLLED))]


def tests_of(tables: Mapping[str, pd.DataFrame], control: str) -> tuple[pd.DataFrame, dict[str, pd.DataFrame]]:
    """Tests of a negative control with the claim of each, and those of claims that the control does not void."""
    rows = [tested_rows(tables[t][tables[t]["control"] == control]) for t in TESTED_TABLES if t in tables]
    tests = pd.concat(rows, ignore_index=True) if rows else pd.DataFrame(columns=["claim"])
    aside = left_out(control)
    return tests[~tests["claim"].isin(list(aside))], {c: tests[tests["claim"] == c] for c in aside}


def judge_control(tables: Mapping[str, pd.DataFrame], control: str) -> Finding:
    """Whether a negative control comes back empty.

    Parameters
    ----------
    tables : mapping of table name -> DataFrame
        Published tables with ``control, family, p, p_adjusted``.
    control : str
        One of `vocabulary.CONTROLS`.

    Returns
    -------
    Finding
        It fails where the tests of a claim together reject at the level of a study's families.
    """
    tests, aside = tests_of(tables, control)
    if tests.empty:
        return not_tested(f"no row with control {control}")
    n_families = sum(tests_of(tables, c)[0]["claim"].nunique() for c in EMPTY.values())
    level = family_level(n_families)
    together = tests.groupby("claim", sort=False)["p"].agg(lambda p: family_p(p.to_numpy()))
    rejected = together[together < level]
    named = "; ".join(
        f"{c} (p {p:.2g} of {int((tests['claim'] == c).sum())} tests together)" for c, p in rejected.items()
    )
    said = (
        f"raw p < .05 in {int((tests['p'] < 0.05).sum())} of {len(tests)} tests",
        f"rejected: {named}" if named else "",
        "; ".join(
            f"{c} not part of it ({why}; Holm p < .01 in {int((aside[c]['p_adjusted'] < ALPHA).sum())} of"
            f" {len(aside[c])})"
            for c, why in left_out(control).items()
        ),
    )
    return Finding(
        FAILS if len(rejected) else HOLDS,
        f"claims rejected at {level:.2g}, one of {n_families} families in all controls",
        Estimate(len(rejected), n=len(tests)),
        Tested(tests["p"].min(), 1 - (1 - together.min()) ** n_families, control),
        table=", ".join(f"{t}.csv" for t in TESTED_TABLES),
        reason=". ".join(x for x in said if x),
    )
