"""Gates: a measured number goes through where it satisfies its limits, and nowhere else."""

from __future__ import annotations

import math


def passes(value: float, low: float | None = None, high: float | None = None) -> bool:
    """Whether a measured number is finite and within its limits.

    Written so that NaN stops: ``value < limit`` is false for NaN, and a gate that stops where that is true lets it
    through.

    Parameters
    ----------
    value : float
    low, high : float, optional
        Limits that still pass; None = no limit.
    """
    return math.isfinite(value) and (low is None or value >= low) and (high is None or value <= high)
