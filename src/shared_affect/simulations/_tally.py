"""What a simulation counts, as rows of its table."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

COLUMNS = ("setting", "quantity", "meant", "value", "ci_low", "ci_high", "n")


def rate(setting: str, quantity: str, hits: ArrayLike, meant: str) -> dict:
    """One row: how often something happened, with a 95 % Wilson interval.

    Parameters
    ----------
    setting : str
        What the simulated world was like.
    quantity : str
        What was counted, e.g. ``structure rejects at .01``.
    hits : array of bool [n]
        One value a simulated dataset.
    meant : str
        What it should be, e.g. ``<= .01`` or ``.93 to .97``.

    Examples
    --------
    >>> row = rate("nothing there", "rejects at .05", np.array([True] + 19 * [False]), "<= .05")
    >>> row["value"], round(row["ci_high"], 3)
    (0.05, 0.236)
    """
    hits = np.asarray(hits, float)
    if hits.ndim != 1 or not len(hits) or not np.isin(hits, (0, 1)).all():
        raise ValueError(
            f"hits have shape {hits.shape}; allowed: one true or false for each simulated dataset, at least one"
        )
    n, p, z = len(hits), hits.mean(), 1.959963984540054
    centre, half = (
        (p + z**2 / (2 * n)) / (1 + z**2 / n),
        z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n),
    )
    return {
        "setting": setting,
        "quantity": quantity,
        "meant": meant,
        "value": float(p),
        "ci_low": float(centre - half),
        "ci_high": float(centre + half),
        "n": n,
    }


def mean(setting: str, quantity: str, values: ArrayLike, meant: str) -> dict:
    """One row: a mean over simulated datasets, with its 95 % normal interval."""
    values = np.asarray(values, float)
    if values.ndim != 1 or len(values) < 2 or not np.isfinite(values).all():
        raise ValueError(
            f"values have shape {values.shape}; allowed: one finite number for each of at least 2 simulated datasets"
        )
    half = 1.959963984540054 * values.std(ddof=1) / np.sqrt(len(values))
    return {
        "setting": setting,
        "quantity": quantity,
        "meant": meant,
        "value": float(values.mean()),
        "ci_low": float(values.mean() - half),
        "ci_high": float(values.mean() + half),
        "n": len(values),
    }
