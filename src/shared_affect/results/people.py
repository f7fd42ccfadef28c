"""What people themselves reach, in words: the yardstick beside results that cross languages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd


def interval(r: Mapping) -> str:
    """A correlation with its interval, in words."""
    return f"{r['r']:.3f} ({r['ci_low']:.3f} to {r['ci_high']:.3f})"


def yardstick(agreement: pd.DataFrame, languages: Sequence[str], dimension: str) -> str:
    """How far people of two languages agree in a dimension, in words; "" where no two sets of raters do.

    Parameters
    ----------
    agreement : DataFrame as of the table human_agreement
    languages : sequence of str
        Two languages, in any order.
    dimension : str
    """
    asked = agreement[agreement["dimension"] == dimension]
    rows = asked[[{a, b} == set(languages) for a, b in zip(asked["language_a"], asked["language_b"], strict=True)]]
    return "; ".join(
        f"r {interval(r)} over {r['n_concepts']:,} concepts, {r['human_a']} and {r['human_b']}"
        for r in rows.to_dict("records")
    )
