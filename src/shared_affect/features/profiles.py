"""Profiles of features over emotions, free of what the properties and the number of words make alike."""

from __future__ import annotations

import numpy as np
import pandas as pd


def _spline(x: np.ndarray) -> np.ndarray:
    """Columns of a natural cubic spline with five knots at quantiles (a line where fewer are distinct)."""
    x = (x - x.mean()) / x.std()
    knots = np.unique(np.quantile(x, [0.05, 0.275, 0.5, 0.725, 0.95]))
    if len(knots) < 4:
        return x[:, None]
    bent = [(np.clip(x - k, 0, None) ** 3 - np.clip(x - knots[-1], 0, None) ** 3) / (knots[-1] - k) for k in knots[:-1]]
    return np.column_stack([x, *(b - bent[-1] for b in bent[:-1])])


def basis(covariates: pd.DataFrame | None, n_words: int) -> np.ndarray:
    """Orthonormal columns [words, k] of an intercept and the covariates that vary and are known of every word."""
    columns = [np.ones((n_words, 1))]
    for _, column in () if covariates is None else covariates.items():
        x = column.to_numpy(float)
        if np.isfinite(x).all() and np.ptp(x) > 0:
            columns.append(_spline(x))
    left, size, _ = np.linalg.svd(np.column_stack(columns), full_matrices=False)
    return left[:, size > size[0] * 1e-8]


def without_covariates(codes: np.ndarray, membership: np.ndarray, basis: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Codes [words, features] less what word properties explain, and the variance that such a word has inside a set.

    A set of few words, or of words on which a feature varies much, has a mean that lies far out by chance; where sets
    are small in both languages at once this alone makes profiles alike. The variance is what `profiles` needs to put
    all sets on one scale.
    """
    x = codes.astype(float)
    x = x - basis @ (basis.T @ x)
    share = membership / membership.sum(0)
    inside = (x - membership @ (share.T @ x)) ** 2 * (len(x) / max(len(x) - membership.shape[1], 1))
    spread = inside.mean(0)
    return x, np.maximum(basis @ (basis.T @ inside), 0.1 * spread)


def profiles(codes: np.ndarray, variance: np.ndarray, share: np.ndarray) -> np.ndarray:
    """Mean of each emotion's words over its standard error, standardised over emotions; a flat profile becomes 0 (it
    correlates with nothing).

    The error has two parts: how much sets differ beyond their words (moment estimate, one a feature), and the words'
    variance over their number.

    Parameters
    ----------
    codes, variance : array [words, features]
    share : array [..., emotions, words]
        Share of each word in the mean of an emotion; leading axes are other sets of the same sizes.
    """
    shape, flat = share.shape[:-1], share.reshape(-1, share.shape[-1])
    means, error = ((s @ x).reshape(*shape, -1) for s, x in ((flat, codes), (flat**2, variance)))
    between = np.clip(means.var(-2, ddof=1) - error.mean(-2), 0, None)[..., None, :]
    total = between + error
    weight = np.divide(1, total, out=np.zeros_like(total), where=total > 1e-12)
    known = weight.sum(-2, keepdims=True)
    centre = np.divide((weight * means).sum(-2, keepdims=True), known, out=np.zeros_like(known), where=known > 0)
    scaled = np.sqrt(weight) * (means - centre)
    scaled -= scaled.mean(-2, keepdims=True)
    sd = scaled.std(-2, keepdims=True)
    return np.divide(scaled, sd, out=np.zeros_like(scaled), where=sd > 1e-6)
