"""Families of tests: which rows of the published tables are tested together, and what Holm's method makes of their p.

A family is one claim's tests in the main study, or in one negative control; or tests that no claim reads.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.base.stats import holm
from shared_affect.study.checks import ALPHA
from shared_affect.study.vocabulary import PRIMARY_SPEC

IN_CONTROL = " | "
"""Stands between a family and the control it is tested in."""


@dataclass(frozen=True)
class Family:
    """Rows of a published table that are tested together.

    Attributes
    ----------
    name : str
        The claim's id where a claim reads them.
    table : str
    where : mapping of column -> word
        Their rows.
    statistic : str
        Column of the number that is tested.
    label : str
        What figures call that number ("" = in none).
    across : bool or None
        Rows across two languages (``en-zh``), within one, or None: the table knows no such difference.
    """

    name: str
    table: str
    where: Mapping[str, str]
    statistic: str
    label: str = ""
    across: bool | None = None

    def rows(self, frame: pd.DataFrame) -> pd.Series:
        """Whether each row of the table is one of its tests' rows, in whichever control."""
        here = pd.Series(True, index=frame.index)
        for column, word in self.where.items():
            here &= frame[column] == word
        if self.across is not None:
            here &= frame["language"].str.contains("-") == self.across
        return here


def _congruence(name: str, pairs: str, representation: str = "sae-space", label: str = "") -> Family:
    where = {"representation": representation, "pairs": pairs, "statistic": "rho-a"}
    return Family(name, "rsa", where, "rho", label)


def _ratings(name: str, arm: str, dimension: str, *, across: bool, label: str = "") -> Family:
    return Family(name, "ratings", {"arm": arm, "dimension": dimension}, "r", label, across)


STRUCTURE = _congruence("structure", "all", label="ρ, all pairs")
FINE_STRUCTURE = _congruence("fine-structure", "within-valence", label="ρ, within valence class")
DIMENSION_VALENCE = Family("dimension-valence", "dimensions", {"quantity": "loo_r2_valence"}, "value")
DIMENSION_AROUSAL = Family("dimension-arousal", "dimensions", {"quantity": "loo_r2_arousal"}, "value")
RATINGS_VALENCE = _ratings("ratings-valence", "emotion-space", "valence", across=False, label="r, valence")
RATINGS_AROUSAL = _ratings("ratings-arousal", "emotion-space", "arousal", across=False, label="r, arousal")
TRANSFER = _ratings("transfer", "shared", "valence", across=True, label="r, across languages")
SHARED_UNIVERSAL = Family(
    "shared-universal", "shared_features", {"quantity": "n_shared"}, "value", "shared features (count)"
)
FAMILIES = (
    STRUCTURE,
    FINE_STRUCTURE,
    DIMENSION_VALENCE,
    DIMENSION_AROUSAL,
    RATINGS_VALENCE,
    RATINGS_AROUSAL,
    TRANSFER,
    SHARED_UNIVERSAL,
    # no claim reads these
    _congruence("structure (sae-all)", "all", "sae-all"),
    _congruence("fine-structure (sae-all)", "within-valence", "sae-all"),
    _ratings("transfer-arousal", "shared", "arousal", across=True),
)


def families(table: str, frame: pd.DataFrame) -> pd.Series:
    """Family of every tested row: its claim, and in a control the control too; "" for rows that make no claim.

    Examples
    --------
    >>> rows = pd.DataFrame({"quantity": ["n_shared", "n_shared", "n_language"], "p": [0.001, 0.4, None]})
    >>> families("shared_features", rows.assign(spec="primary", control=["none", "untrained", "none"])).tolist()
    ['shared-universal', 'shared-universal | untrained', '']
    """
    out = pd.Series("", index=frame.index)
    for family in FAMILIES:
        if family.table == table:
            here = family.rows(frame) & (frame["spec"] == PRIMARY_SPEC) & frame["p"].notna()
            control = (IN_CONTROL + frame["control"]).where(frame["control"] != "none", "")
            out = out.where(~here, family.name + control)
    return out


def claim_of(frame: pd.DataFrame) -> pd.Series:
    """The family of every row without its control: the claim, where one reads it; "" for rows of no family."""
    named = frame["family"].astype(object).fillna("").astype(str)  # a column without a family holds no words
    return named.str.split(IN_CONTROL, regex=False).str[0]


def tested_p(frame: pd.DataFrame) -> pd.Series:
    """The p of every row: where there are two nulls (`p`, `p_codes`) the larger, since a claim needs both."""
    return frame[["p", "p_codes"]].max(axis=1) if "p_codes" in frame else frame["p"]


def adjust(frame: pd.DataFrame, alpha: float = ALPHA) -> pd.Series:
    """Holm-adjusted p within each family; NaN where there is no family.

    A row with a second null (`p_codes` beside `p`) has the larger of the two adjusted p: it rejects where both do.

    Raises
    ------
    ValueError
        If a family is so large for its number of permutations that nothing in it could be rejected at `alpha`.

    Examples
    --------
    >>> tests = pd.DataFrame({"family": ["structure", "structure", ""], "p": [0.001, 0.02, 0.5]})
    >>> adjust(tests.assign(n_permutations=9999)).tolist()
    [0.002, 0.02, nan]
    """
    out = pd.Series(np.nan, index=frame.index)
    for family, group in frame[frame["family"] != ""].groupby("family"):
        adjusted = []
        for p, n in (("p", "n_permutations"), ("p_codes", "n_code_permutations")):
            if p not in group:
                continue
            if group[p].isna().any():
                raise ValueError(
                    f"family {family!r}: {int(group[p].isna().sum())} of {len(group)} tests have no {p}; needed: all"
                    f" (config.yaml, {n} of rsa)"
                )
            smallest = 1 / (group[n].min() + 1)
            if smallest * len(group) >= alpha:
                raise ValueError(
                    f"family {family!r}: {len(group)} tests with {int(group[n].min())} permutations cannot reject at"
                    f" {alpha}; needed: at least {int(np.ceil(len(group) / alpha))} (config.yaml, {n} of"
                    f" {'rsa' if p == 'p_codes' else 'rsa, ratings or shared'})"
                )
            adjusted.append(holm(group[p].to_numpy()))
        out[group.index] = np.max(adjusted, axis=0)
    return out
