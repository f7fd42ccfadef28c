"""What is found of a claim, in the form of claims.json."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from shared_affect.study.vocabulary import VERDICTS

HOLDS, FAILS, INCONCLUSIVE, NOT_TESTED = VERDICTS


@dataclass(frozen=True)
class Estimate:
    """A number with its interval, and what it was counted over; None or NaN where a number does not exist."""

    value: float | None = None
    ci_low: float | None = None
    ci_high: float | None = None
    n: float | None = None

    @classmethod
    def of(cls, row: pd.Series, value: str, n: str | None = None) -> Estimate:
        """From a row of a published table: its column `value`, its interval, and its column `n`."""
        return cls(row[value], row.get("ci_low"), row.get("ci_high"), None if n is None else row[n])


@dataclass(frozen=True)
class Tested:
    """A test in its family."""

    p: float | None = None
    p_adjusted: float | None = None
    family: str = ""
    n_permutations: float | None = None

    @classmethod
    def of(cls, row: pd.Series) -> Tested:
        """From a row of a published table."""
        return cls(row["p"], row["p_adjusted"], row["family"], row["n_permutations"])


@dataclass(frozen=True)
class Beside:
    """The control that stands beside a claim's number ("" = none)."""

    name: str = ""
    estimate: Estimate = field(default_factory=Estimate)


@dataclass(frozen=True)
class Finding:
    """A verdict on one claim for one model and language, with the number that it rests on.

    Attributes
    ----------
    verdict : {"holds", "fails", "inconclusive", "not-tested"}
    statistic : str
        The number in words.
    table : str
        Published tables that the number can be found in.
    human : str
        Human dataset that entered it.
    """

    verdict: str
    statistic: str = ""
    estimate: Estimate = field(default_factory=Estimate)
    test: Tested = field(default_factory=Tested)
    beside: Beside = field(default_factory=Beside)
    table: str = ""
    human: str = ""
    reason: str = ""

    def as_entry(self) -> dict[str, Any]:
        """Its part of an entry of claims.json; numbers that do not exist are null."""
        e, t, c = self.estimate, self.test, self.beside
        return {
            "human": self.human,
            "statistic": self.statistic,
            "value": number(e.value),
            "ci_low": number(e.ci_low),
            "ci_high": number(e.ci_high),
            "n": _count(e.n),
            "p": number(t.p),
            "p_adjusted": number(t.p_adjusted),
            "family": t.family,
            "n_permutations": _count(t.n_permutations),
            "control": {
                "name": c.name,
                "value": number(c.estimate.value),
                "ci_low": number(c.estimate.ci_low),
                "ci_high": number(c.estimate.ci_high),
            },
            "table": self.table,
            "verdict": self.verdict,
            "reason": self.reason,
        }


def not_tested(reason: str) -> Finding:
    """Finding where an input or an arm is missing."""
    return Finding(NOT_TESTED, reason=reason)


def number(x: float | None) -> float | None:
    """A number of a table, None where it holds none."""
    return None if x is None or pd.isna(x) else float(x)


def _count(x: float | None) -> int | None:
    value = number(x)
    return None if value is None else int(value)


def verdict_of(conditions: Sequence[bool], high: float | None, null: float = 0.0) -> str:
    """``holds`` if all conditions do; ``fails`` if the quantity's upper limit is at or below its null; else
    ``inconclusive``.

    Examples
    --------
    >>> verdict_of([True, False], high=-0.1), verdict_of([True, False], high=0.2)
    ('fails', 'inconclusive')
    """
    if all(conditions):
        return HOLDS
    return FAILS if high is not None and not math.isnan(high) and high <= null else INCONCLUSIVE
