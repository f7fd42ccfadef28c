"""Ridge on dense predictors of many words: sums over folds, from which fits and their errors follow without the words.

A training set's Gram matrix is the sum of its folds', and the squared error of a fit in a fold it has not seen follows
from that fold's sums, so the words are read once for each outer fold, whatever the number of inner folds and penalties.
Few targets are solved by `band`, many by one eigendecomposition. Equal to `ridge` up to rounding.

Bytes at 25,000 words: of width 3,584, predictors once 717 MB (float64), one inner fold's words 129 MB twice, eight Gram
matrices 820 MB; of 1,000 targets, one inner fold's 36 MB twice.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.linalg import lapack

from shared_affect.ratings.band import BandForm

FEW_TARGETS = 8
"""From here on an eigendecomposition pays."""


@dataclass(frozen=True, eq=False)
class Moments:
    """Sums over some words: their number, predictors [F], squares of these [F, F], targets [T], squares, products."""

    n: int
    x: np.ndarray
    xx: np.ndarray
    y: np.ndarray
    yy: np.ndarray  # of each target [T]
    xy: np.ndarray  # [F, T]

    @classmethod
    def of(cls, X: np.ndarray, Y: np.ndarray) -> Moments:
        """Of all words given."""
        return cls(len(X), X.sum(0), X.T @ X, Y.sum(0), np.einsum("ij,ij->j", Y, Y), X.T @ Y)

    @classmethod
    def total(cls, parts: Sequence[Moments], without: int = -1) -> Moments:
        """Of several parts together, but one."""
        kept = [m for i, m in enumerate(parts) if i != without]
        added = {}
        for name in ("x", "xx", "y", "yy", "xy"):
            added[name] = getattr(kept[0], name).copy()
            for m in kept[1:]:
                added[name] += getattr(m, name)
        return cls(sum(m.n for m in kept), **added)

    def squared_errors(self, weights: np.ndarray, intercepts: np.ndarray) -> np.ndarray:
        """Summed squared error [T] of predictions X @ weights + intercepts."""
        found = self.yy - 2 * np.einsum("ij,ij->j", weights, self.xy)
        found += np.einsum("ij,ij->j", weights, self.xx @ weights)
        found += intercepts * (self.n * intercepts + 2 * (self.x @ weights - self.y))
        return found


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

    @cached_property
    def _eigen(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Eigenvalues, vectors and what the targets load on these."""
        values, vectors = np.linalg.eigh(self.gram)
        return np.clip(values, 0, None)[:, None], vectors, vectors.T @ self.right

    def along(self, alphas: np.ndarray) -> Iterator[np.ndarray]:
        """Ridge weights [F, T] of one penalty after the other."""
        if self.right.shape[1] < FEW_TARGETS:
            yield from BandForm.of(self.gram).solve(self.right, alphas).transpose(1, 0, 2)
            return
        values, vectors, loads = self._eigen
        for alpha in alphas:
            yield vectors @ (loads / (values + alpha))

    def at(self, alphas: np.ndarray) -> np.ndarray:
        """Ridge weights [F, T], each target at its own penalty [T]."""
        if len(alphas) >= FEW_TARGETS:
            values, vectors, loads = self._eigen
            return vectors @ (loads / (values + alphas))
        return np.hstack([self._at_one(alpha, [t]) for t, alpha in enumerate(alphas)])

    def _at_one(self, alpha: float, targets: list[int]) -> np.ndarray:
        """By a Cholesky factor: one penalty is too few for a band form."""
        penalised = self.gram.copy(order="F")
        penalised.ravel("K")[:: len(penalised) + 1] += alpha
        factor, info = lapack.dpotrf(penalised, lower=1, overwrite_a=1, clean=0)
        if info:
            raise np.linalg.LinAlgError(f"dpotrf: info {info}, the penalised Gram matrix is not positive definite")
        solved, _ = lapack.dpotrs(factor, np.asfortranarray(self.right[:, targets]), lower=1)
        return solved

    def errors(self, held_out: Moments, alphas: np.ndarray) -> np.ndarray:
        """Summed squared error [alphas, T] over words of which the moments are known."""
        found = []
        for weights in self.along(alphas):
            unscaled = weights / self.scale
            found.append(held_out.squared_errors(unscaled, self.target_mean - self.mean @ unscaled))
        return np.array(found)

    def predict(self, X: np.ndarray, weights: np.ndarray, mean: np.ndarray | None = None) -> np.ndarray:
        """Predictions [n, T]; words are centred on the training words' mean or another."""
        centre = self.mean if mean is None else mean
        found = X @ (weights / self.scale)
        found += self.target_mean - centre @ (weights / self.scale)
        return found


def choose_and_fit(
    X: np.ndarray,
    Y: np.ndarray,
    inner: np.ndarray,
    centre: tuple[np.ndarray, np.ndarray],
    alphas: np.ndarray,
    constant: float,
) -> tuple[BlockFit, np.ndarray]:
    """A training set's fit and weights [F, T], each target at the penalty with the smallest inner-fold error.

    Parameters
    ----------
    X, Y : arrays [n, F], [n, T]
    inner : int array [n]
        Inner fold of each word; -1: not a training word.
    centre : arrays [F], [T]
        About the means of predictors and targets: taken off first, so that no sum of squares is much larger than what
        varies.
    alphas, constant
        As of `ridge`.
    """
    places = [np.flatnonzero(inner == f) for f in np.unique(inner[inner >= 0])]
    largest = max(float(X.max()), -float(X.min()))
    parts = [Moments.of(X[rows] - centre[0], Y[rows] - centre[1]) for rows in places]
    error = np.zeros((len(alphas), Y.shape[1]))
    for k, own in enumerate(parts):
        error += BlockFit.of(Moments.total(parts, without=k), constant, largest).errors(own, alphas)
    fit = BlockFit.of(Moments.total(parts), constant, largest)
    return fit, fit.at(alphas[error.argmin(0)])
