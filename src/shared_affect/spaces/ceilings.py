"""How well raters agree with each other: what no model of them can be expected to exceed."""

from __future__ import annotations

import numpy as np
import pandas as pd

from shared_affect.base.stats import midranks, rho_a, spearman
from shared_affect.spaces.pair_sets import PairSets
from shared_affect.spaces.rater_ranks import Resamples, reported, unit_resample
from shared_affect.spaces.rdm import RaterRDMs


def _rows_correlated(x: np.ndarray, y: np.ndarray, statistic: str, at: Resamples) -> np.ndarray:
    """Correlation of each row of x with the row of y, given the nuisances of the unit resample `at`."""
    if not len(at.basis):
        return (rho_a if statistic == "rho-a" else spearman)(x, y)
    basis, inverse = at.basis[..., 0], at.inverse[0]

    def unit(values: np.ndarray) -> np.ndarray:
        ranks = midranks(values) - (at.total[0] + 1) / 2
        residual = ranks - ranks @ basis.T @ inverse @ basis
        return residual * at.inverse_norm((residual**2).sum(-1))[..., None]

    return (unit(x) * unit(y)).sum(-1)


def ceilings_of(
    values: np.ndarray, statistic: str, at: Resamples, n_splits: int, rng: np.random.Generator
) -> dict[str, float]:
    """Ceilings of one statistic from judgements (R, P), R >= 2."""
    n_raters = len(values)
    ranks = midranks(values)
    total = ranks.sum(0)
    low = _rows_correlated(values, (total - ranks) / (n_raters - 1), statistic, at).mean()
    high = _rows_correlated(values, np.broadcast_to(total, values.shape), statistic, at).mean()
    half = np.arange(n_raters) < n_raters // 2
    first = rng.permuted(np.tile(half, (n_splits, 1)), axis=1).astype(float)
    split = float(_rows_correlated(first @ values, (1 - first) @ values, statistic, at).mean())
    corrected = 2 * split / (1 + split) if split > 0 else 0.0
    return {
        "ceiling_low": float(low),
        "ceiling_high": float(high),
        "ceiling_group": float(np.sqrt(corrected)),
        "split_half": split,
    }


def ceilings(
    raters: RaterRDMs,
    *,
    pairs: PairSets,
    rng: np.random.Generator,
    n_splits: int = 1000,
) -> pd.DataFrame:
    """How well raters agree with each other: what no model of them can be expected to exceed.

    Parameters
    ----------
    raters : RaterRDMs, at least 2 raters
    pairs : PairSets
        For ``partial`` every correlation is one of residualised ranks.
    rng : numpy Generator
    n_splits : int
        Random halves of the raters.

    Returns
    -------
    DataFrame
        Columns pairs, quantity, statistic, value, n (emotions), n_raters. Quantities: ``ceiling_low`` (mean over
        raters of the correlation with the rank-average of the others) and ``ceiling_high`` (of all), for ``rho``;
        ``split_half`` (mean correlation between half-means, uncorrected) and ``ceiling_group``, for ``rho_group``:
        sqrt(2r / (1 + r)) of it, 0 where halves do not agree.

    Raises
    ------
    ValueError
        If there is one rater, a label or class does not fit, or a pair set has fewer than 3 pairs.
    """
    if len(raters.raters) < 2:
        raise ValueError("1 rater; allowed: at least 2 (a ceiling is agreement between raters)")
    if n_splits < 1:
        raise ValueError(f"n_splits is {n_splits}; allowed: at least 1")
    pairs.check({}, raters)
    rows = []
    for name, child in pairs.streams(rng):
        chosen = pairs.select(name, raters.labels)
        values = chosen.of_raters(raters)
        at = unit_resample(values.shape[1], chosen.of_nuisances(pairs.nuisances))
        for _, statistic in reported(chosen):
            found = ceilings_of(values, statistic, at, n_splits, child)
            rows += [
                {
                    "pairs": name,
                    "quantity": q,
                    "statistic": statistic,
                    "value": v,
                    "n": len(chosen.labels),
                    "n_raters": len(raters.raters),
                }
                for q, v in found.items()
            ]
    return pd.DataFrame(rows)
