"""Rank statistics, multiplicity corrections and intervals shared by every stage."""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

# Below this share of the untied rank variance a side counts as constant: rounding, not order.
CONSTANT = 1e-9


def midranks(x: ArrayLike, axis: int = -1) -> np.ndarray:
    """Ranks from 1 along `axis`, ties sharing their mean rank.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    x = np.asarray(x, float)
    if not np.isfinite(x).all():
        raise ValueError(f"{int((~np.isfinite(x)).sum())} values to rank are not finite; allowed: finite numbers only")
    # pandas ranks as fast as scipy.stats, whose import alone costs more than most jobs
    moved = np.moveaxis(x, axis, 0)
    ranks = (
        pd.DataFrame(moved.reshape(len(moved), int(np.prod(moved.shape[1:])))).rank().to_numpy().reshape(moved.shape)
    )
    return np.moveaxis(ranks, 0, axis)


def rank_variation(n: ArrayLike) -> np.ndarray:
    """Sum of squared deviations of `n` untied ranks from their mean, (n^3 - n) / 12."""
    n = np.asarray(n, float)
    return (n**3 - n) / 12


def _centred_ranks(x: ArrayLike, y: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    x, y = np.asarray(x, float), np.asarray(y, float)
    if x.shape[-1:] != y.shape[-1:] or x.ndim == 0 or x.shape[-1] < 2:
        raise ValueError(f"shapes {x.shape} and {y.shape} to correlate; allowed: last axes of equal length >= 2")
    mean = (x.shape[-1] + 1) / 2
    return midranks(x) - mean, midranks(y) - mean


def rho_a(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Expected Spearman correlation under random tie-breaking, over the last axis.

    ``12 sum (r_x - m)(r_y - m) / (n^3 - n)`` with mid-ranks (Schuett et al. 2023, eLife 12:e82566). Equal to
    Spearman's rho where nothing is tied; 0 where a side is constant.

    Parameters
    ----------
    x, y : array_like, shapes (..., n), leading axes broadcast

    Returns
    -------
    ndarray, the broadcast leading shape, in [-1, 1]

    Examples
    --------
    >>> float(rho_a([1, 2, 3, 4], [10, 20, 20, 40]).round(3)), float(rho_a([1, 2, 3, 4], [5, 5, 5, 5]))
    (0.9, 0.0)
    """
    rx, ry = _centred_ranks(x, y)
    return (rx * ry).sum(-1) / rank_variation(rx.shape[-1])


def spearman(x: ArrayLike, y: ArrayLike) -> np.ndarray:
    """Spearman correlation over the last axis; 0 where a side is constant, as `rho_a` is.

    Parameters
    ----------
    x, y : array_like, shapes (..., n), leading axes broadcast
    """
    rx, ry = _centred_ranks(x, y)
    sx, sy = (rx**2).sum(-1), (ry**2).sum(-1)
    scale = np.sqrt(sx * sy)
    product = (rx * ry).sum(-1)
    return np.divide(product, scale, out=np.zeros_like(product), where=scale > 0)


def _p_values(p: ArrayLike) -> np.ndarray:
    p = np.asarray(p, float)
    if p.ndim != 1 or not ((p >= 0) & (p <= 1)).all():
        raise ValueError(f"p values {p!r}; allowed: one dimension, each in [0, 1] (leave out what was not tested)")
    return p


def holm(p: ArrayLike) -> np.ndarray:
    """Holm-adjusted p values of one family, in the order given (Holm 1979).

    Examples
    --------
    >>> holm([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.06, 0.06]
    """
    p = _p_values(p)
    order = np.argsort(p, kind="stable")
    stepped = p[order] * np.arange(p.size, 0, -1)
    out = np.empty_like(p)
    out[order] = np.minimum(np.maximum.accumulate(stepped), 1)
    return out


def benjamini_hochberg(p: ArrayLike) -> np.ndarray:
    """Benjamini-Hochberg q values of one family, in the order given (Benjamini & Hochberg 1995).

    Examples
    --------
    >>> benjamini_hochberg([0.01, 0.04, 0.03]).round(3).tolist()
    [0.03, 0.04, 0.04]
    """
    p = _p_values(p)
    order = np.argsort(p, kind="stable")[::-1]
    stepped = p[order] * p.size / np.arange(p.size, 0, -1)
    out = np.empty_like(p)
    out[order] = np.minimum(np.minimum.accumulate(stepped), 1)
    return out


FAMILY_CORRELATION = 0.5
"""Between normal scores of two tests of a family when nothing is there, as `family_p` takes it."""


def family_p(p: ArrayLike) -> float:
    """One p for a family of one-sided tests: is one of them far out, or are many a little out together?

    Each question gets half of the level: Simes (1986) on the p, and the sum of their normal scores, taken to correlate
    by `FAMILY_CORRELATION` (0 would be Stouffer's); it is conservative where they correlate less. The second does not
    stop at the smallest p that the permutations allow.

    Parameters
    ----------
    p : array_like, shape (n,)
    """
    p = _p_values(p)
    z = -ndtri(np.clip(p, 1e-15, 0.9999))  # a permutation p may be 1
    together = ndtr(-z.sum() / np.sqrt(p.size * (1 + (p.size - 1) * FAMILY_CORRELATION)))
    return float(min(2 * min(benjamini_hochberg(p).min(), together), 1)) if p.size > 1 else float(p[0])


def percentile_interval(samples: ArrayLike, level: float = 0.95, axis: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Lower and upper end of the central percentile interval of resampled estimates.

    Raises
    ------
    ValueError
        If `level` is outside (0, 1), there is no sample, or a sample is not finite.
    """
    samples = np.asarray(samples, float)
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; allowed: between 0 and 1, both excluded")
    if samples.shape[axis] == 0 or not np.isfinite(samples).all():
        raise ValueError("samples are empty or not finite; allowed: at least one, all finite")
    low, high = np.quantile(samples, [(1 - level) / 2, (1 + level) / 2], axis=axis)
    return low, high


def weighted_midranks(values: ArrayLike, weights: ArrayLike) -> np.ndarray:
    """Mid-rank each item has in a sample where item i of column b occurs ``weights[i, b]`` times.

    Equals ranking the sample written out in full, at the cost of one sort for all resamples.

    Parameters
    ----------
    values : array_like, shape (P,) or (P, B)
        What is ranked: the same in every resample, or per resample.
    weights : array_like, shape (P, B)
        Whole numbers >= 0. An item that does not occur gets a rank between those of its neighbours.

    Returns
    -------
    ndarray, shape (P, B)
    """
    values, weights = np.asarray(values, float), np.asarray(weights, float)
    if weights.ndim != 2 or values.shape not in (weights.shape, weights.shape[:1]):
        raise ValueError(f"values {values.shape} and weights {weights.shape}; allowed: (P,) or (P, B) with (P, B)")
    if values.ndim == 1:
        _, inverse = np.unique(values, return_inverse=True)
        order = np.argsort(inverse, kind="stable")
        starts = np.searchsorted(inverse[order], np.arange(inverse.max() + 1))
        counts = np.add.reduceat(weights[order], starts, axis=0)
        return (np.cumsum(counts, axis=0) - counts / 2 + 0.5)[inverse]
    order = np.argsort(values, axis=0)
    v, w = np.take_along_axis(values, order, 0), np.take_along_axis(weights, order, 0)
    after = np.cumsum(w, axis=0)
    new = v[1:] != v[:-1]
    # Both running sums never fall along a column, so filling a run of ties is a running extreme.
    lower, upper = np.zeros_like(w), after.copy()
    lower[1:] = np.where(new, after[:-1], 0)
    upper[:-1] = np.where(new, after[:-1], np.inf)
    lower = np.maximum.accumulate(lower, axis=0)
    upper = np.minimum.accumulate(upper[::-1], axis=0)[::-1]
    out = np.empty_like(w)
    np.put_along_axis(out, order, (lower + upper + 1) / 2, 0)
    return out


def auroc_columns(positive: ArrayLike, negative: ArrayLike) -> tuple[np.ndarray, np.ndarray]:
    """Area under the ROC curve and one-sided Mann-Whitney p (positive greater) of every column.

    Normal approximation with tie and continuity correction, as ``scipy.stats.mannwhitneyu(alternative="greater",
    method="asymptotic")``. A constant column has area 1/2 and p 1.

    Parameters
    ----------
    positive : array_like, shape (n1, F)
    negative : array_like, shape (n0, F)

    Returns
    -------
    auroc, p : ndarray, shape (F,)

    Examples
    --------
    >>> area, p = auroc_columns([[3, 0], [2, 0]], [[1, 0], [0, 0]])
    >>> area.tolist(), p.round(3).tolist()
    ([1.0, 0.5], [0.123, 1.0])
    """
    positive, negative = np.asarray(positive, float), np.asarray(negative, float)
    if positive.ndim != 2 or negative.ndim != 2 or positive.shape[1] != negative.shape[1]:
        raise ValueError(f"shapes {positive.shape} and {negative.shape}; allowed: (n1, F) and (n0, F)")
    n1, n0 = len(positive), len(negative)
    if not (n1 and n0):
        raise ValueError(f"{n1} positive and {n0} negative rows; allowed: at least one of each")
    n = n1 + n0
    ranks = midranks(np.concatenate([positive, negative]), axis=0)
    return auroc_of_ranks(ranks[:n1].sum(0), ((ranks - (n + 1) / 2) ** 2).sum(0), n1, n0)


def auroc_of_ranks(rank_sum: np.ndarray, variation: np.ndarray, n1: int, n0: int) -> tuple[np.ndarray, np.ndarray]:
    """`auroc_columns` from the sum of the positives' mid-ranks, and the squared deviations of all mid-ranks."""
    n, u = n1 + n0, rank_sum - n1 * (n1 + 1) / 2
    # What ties take from the rank variation is exactly sum (t^3 - t) / 12.
    sd = np.sqrt(n1 * n0 * variation / (n * (n - 1)))
    z = np.divide(u - n1 * n0 / 2 - 0.5, sd, out=np.full_like(u, -np.inf), where=sd > 0)
    return u / (n1 * n0), ndtr(-z)
