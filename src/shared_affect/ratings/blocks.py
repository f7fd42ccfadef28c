"""Ridge on dense predictors of many words and columns: Gram matrices added up over folds, one factor a penalty.

Residuals of a 9-billion-weight model are 3,584 wide: a Gram matrix is 103 MB, and that of a training set is the sum of
its folds' (one pass over the words for an outer fold in place of six). A Cholesky factor for each penalty is a third of
the work of one tridiagonal form, most of which waits for memory. Equal to `ridge` up to rounding.

Bytes at 25,000 words of width 3,584: predictors once 717 MB (float64), one inner fold's words 129 MB twice, eight Gram
matrices 820 MB.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over some words: their number, predictors [F], squares of these [F, F], targets [T], products [F, T]."""

    n: int
    x: np.ndarray
    xx: np.ndarray
    y: np.ndarray
    xy: np.ndarray

    @classmethod
    def of(cls, X: np.ndarray, Y: np.ndarray) -> Moments:
        """Of all words given."""
        return cls(len(X), X.sum(0), X.T @ X, Y.sum(0), X.T @ Y)

    @classmethod
    def total(cls, parts: Sequence[Moments], without: int = -1) -> Moments:
        """Of several parts together, but one."""
        kept = [m for i, m in enumerate(parts) if i != without]
        xx = kept[0].xx.copy()
        for m in kept[1:]:
            xx += m.xx
        x, y, xy = (np.sum([getattr(m, k) for m in kept], axis=0) for k in ("x", "y", "xy"))
        return cls(sum(m.n for m in kept), x, xx, y, xy)


@dataclass(frozen=True, eq=False)
class BlockFit:
    """A training set, centred and scaled as by `ridge`."""

    mean: np.ndarray
    scale: float
    gram: np.ndarray
    right: np.ndarray
    target_mean: np.ndarray

    @classmethod
    def of(cls, m: Moments, constant: float, largest: float) -> BlockFit:
        """From the moments of the words; those are overwritten. `largest` predictor: below `constant` of it is none."""
        mean, target_mean = m.x / m.n, m.y / m.n
        gram = m.xx
        gram -= np.outer(mean, m.x)
        scale = float(np.sqrt(max(np.trace(gram), 0.0) / m.n / len(mean)))
        scale = scale if scale > constant * max(1.0, largest) else 1.0
        gram /= scale**2
        return cls(mean, scale, gram, (m.xy - np.outer(mean, m.y)) / scale, target_mean)

    def weights(self, alpha: float, targets: Sequence[int]) -> np.ndarray:
        """Ridge weights [F, targets] at one penalty."""
        penalised = self.gram.copy(order="F")
        penalised.ravel("K")[:: len(penalised) + 1] += alpha
        factor, info = lapack.dpotrf(penalised, lower=1, overwrite_a=1, clean=0)
        if info:
            raise np.linalg.LinAlgError(f"dpotrf: info {info}, the penalised Gram matrix is not positive definite")
        solved, info = lapack.dpotrs(factor, np.asfortranarray(self.right[:, list(targets)]), lower=1)
        return solved

    def predict(self, X: np.ndarray, weights: np.ndarray, mean: np.ndarray | None = None) -> np.ndarray:
        """Predictions [n, K] without the targets' mean; words are centred on the training words' mean or another."""
        centre = self.mean if mean is None else mean
        return (X @ weights - centre @ weights) / self.scale


def choose_and_fit(
    X: np.ndarray, Y: np.ndarray, inner: np.ndarray, centre: np.ndarray, alphas: np.ndarray, constant: float
) -> tuple[BlockFit, np.ndarray]:
    """A training set's fit and weights [F, T], each target at the penalty with the smallest inner-fold error.

    Parameters
    ----------
    X, Y : arrays [n, F], [n, T]
    inner : int array [n]
        Inner fold of each word; -1: not a training word.
    centre : array [F]
        About the mean of the words: taken off first, so that no sum of squares is much larger than what varies.
    alphas, constant
        As of `ridge`.
    """
    places = [np.flatnonzero(inner == f) for f in np.unique(inner[inner >= 0])]
    largest = max(float(X.max()), -float(X.min()))
    parts = [Moments.of(X[rows] - centre, Y[rows]) for rows in places]
    n_targets = Y.shape[1]
    error = np.zeros((len(alphas), n_targets))
    for k, rows in enumerate(places):
        fit = BlockFit.of(Moments.total(parts, without=k), constant, largest)
        weights = np.hstack([fit.weights(a, range(n_targets)) for a in alphas])
        found = fit.predict(X[rows] - centre, weights).reshape(-1, len(alphas), n_targets) + fit.target_mean
        error += ((found - Y[rows][:, None]) ** 2).sum(0)
    chosen = error.argmin(0)
    fit = BlockFit.of(Moments.total(parts), constant, largest)
    return fit, np.hstack([fit.weights(alphas[a], [t]) for t, a in enumerate(chosen)])
