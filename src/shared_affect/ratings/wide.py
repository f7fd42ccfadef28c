"""Ridge on sparse codes of more features than fit as a dense matrix: conjugate gradients for all folds at once.

25,000 words by 100,000 live features are 20 GB in float64, their Gram matrix 5 GB, and one decomposition of it takes
minutes; nested folds ask for sixty. Here a step costs two products with the sparse codes for all folds and targets
together, and all penalties share the steps (Jegerlehner 1996, hep-lat/9612014: shifted systems have one Krylov space).
The result is that of `ridge` up to `TOLERANCE`: the residual of every system, a share of its right side.

Bytes at 25,000 words, 100,000 features, 50 inner fits of two targets: codes twice 300 MB, four arrays words x fits
80 MB, features x fits 80 MB, predictions 110 MB twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from shared_affect.base.log import LOG

TOLERANCE = 1e-9
MOST_STEPS = 20_000
COLUMNS = 100
"""Systems (fits x targets) solved at once."""
MANY = 10_000
"""Systems of one arm from which on the log says that it will take long."""


@dataclass(frozen=True, eq=False)
class Fit:
    """One training set and what is predicted from it.

    Attributes
    ----------
    train, centre : bool arrays [n]
        Words that are fitted; words on whose mean the predicted ones are centred (mostly the same).
    test : int array [n_test]
    """

    train: np.ndarray
    test: np.ndarray
    centre: np.ndarray


@dataclass(frozen=True, eq=False)
class WideCodes:
    """Codes [n, F] and their transpose, both in sparse rows."""

    rows: csr_matrix
    columns: csr_matrix

    @classmethod
    def of(cls, X: csr_matrix) -> WideCodes:
        """From codes [n, F], float64."""
        return cls(X, csr_matrix(X.T))

    def gram(self, V: np.ndarray) -> np.ndarray:
        """X X' V."""
        return self.rows @ (self.columns @ V)

    def scales(self, masks: np.ndarray, constant: float) -> np.ndarray:
        """Root of the mean feature variance over the words of each mask [n, fits]; 1 where nothing varies."""
        squares = np.asarray(self.rows.multiply(self.rows).sum(1)).ravel()
        n, largest = masks.sum(0), float(np.abs(self.rows.data).max(initial=0))
        means = (self.columns @ masks) / n
        variance = (squares @ masks / n - (means**2).sum(0)) / self.rows.shape[1]
        scale = np.sqrt(np.maximum(variance, 0))
        return np.where(scale > constant * max(1.0, largest), scale, 1.0)


def predict(
    codes: WideCodes, Y: np.ndarray, fits: Sequence[Fit], alphas: Sequence[np.ndarray], constant: float
) -> list[np.ndarray]:
    """Ridge predictions of every fit at several penalties.

    Parameters
    ----------
    codes : WideCodes of n words
    Y : array [n, T]
        Targets; those of words that no fit trains on are not looked at.
    fits : sequence of Fit
    alphas : for each fit an array [penalties, T]
        On the standardised scale, smallest first.
    constant : float
        As `ridge.CONSTANT`.

    Returns
    -------
    list of arrays [penalties, n_test, T]
    """
    each = max(1, COLUMNS // Y.shape[1])
    if (n := len(fits) * Y.shape[1]) > MANY:
        LOG.warning(
            "ridge on sparse codes %s: %d fits and targets, which takes hours; fewer permutations (config.yaml, key"
            " ratings.n_permutations) or fewer features in the arm that is tested (shared.min_active,"
            " features.per_emotion) take less",
            codes.rows.shape,
            n,
        )
    out: list[np.ndarray] = []
    for start in range(0, len(fits), each):
        part = slice(start, start + each)
        systems = _Systems(codes, Y, fits[part], np.hstack([np.asarray(a, float) for a in alphas[part]]), constant)
        steps = 0
        while (going := systems.going()).size:
            if steps == MOST_STEPS:
                raise ValueError(
                    f"ridge on {codes.rows.shape} codes has not converged after {MOST_STEPS} steps; allowed: codes and"
                    " ratings that are finite and vary (config.yaml, key ratings)"
                )
            systems.step(going)
            steps += 1
        LOG.info("ridge on sparse codes %s: %d fits, %d steps", codes.rows.shape, len(fits[part]), steps)
        out += systems.predictions()
    return out


class _Systems:
    """Conjugate gradients of many fits side by side, a column for each fit and target; all penalties along.

    The smallest penalty of a column is solved. What the others need follows from its steps: their residuals are
    multiples (`zeta`) of its own. Predictions grow with the steps: no solution is kept.
    """

    def __init__(self, codes: WideCodes, Y: np.ndarray, fits: Sequence[Fit], penalties: np.ndarray, constant: float):
        self.codes, self.fits, self.n_targets = codes, fits, Y.shape[1]
        masks = np.column_stack([f.train for f in fits]).astype(float)
        self.inside = np.repeat(masks, self.n_targets, axis=1)
        self.sizes = self.inside.sum(0)
        self.scales = np.repeat(codes.scales(masks, constant), self.n_targets)
        self.base, self.shift = penalties[0], penalties - penalties[0]
        targets = np.tile(Y, (1, len(fits))) * self.inside
        self.means = targets.sum(0) / self.sizes
        self.residual = (targets - self.means) * self.inside
        self.direction = self.residual.copy()
        self.size = (self.residual**2).sum(0)
        self.limit = TOLERANCE**2 * self.size
        n, shape = len(self.base), penalties.shape
        self.zeta, self.zeta_before, self.turns_shifted = np.ones(shape), np.ones(shape), np.zeros(shape)
        self.step_before, self.turn = np.ones(n), np.zeros(n)
        each = [(len(penalties), len(f.test), self.n_targets) for f in fits]
        self.predicted, self.along = ([np.zeros(s) for s in each] for _ in range(2))
        self.last = [np.zeros(s[1:]) for s in each]

    def going(self) -> np.ndarray:
        """Columns of the fits of which one has not converged."""
        fits = (self.size > self.limit).reshape(-1, self.n_targets).any(1)
        return np.flatnonzero(np.repeat(fits, self.n_targets))

    def predictions(self) -> list[np.ndarray]:
        """Of each fit, [penalties, n_test, T]."""
        means = self.means.reshape(-1, self.n_targets)
        return [found + mean for found, mean in zip(self.predicted, means, strict=True)]

    def step(self, going: np.ndarray) -> None:
        """One step of these columns."""
        p = np.ascontiguousarray(self.direction[:, going])
        q = self.codes.gram(p) / self.scales[going] ** 2
        fits = list(enumerate(going[:: self.n_targets] // self.n_targets))
        for at, i in fits:
            self._turn(i, q[:, at * self.n_targets : (at + 1) * self.n_targets])
        q -= (q * self.inside[:, going]).sum(0) / self.sizes[going]
        q *= self.inside[:, going]
        q += self.base[going] * p
        pq, size = (p * q).sum(0), self.size[going]
        step = np.divide(size, pq, out=np.zeros(len(going)), where=(size > 0) & (pq > 0))
        ratio = self._ratios(going, step)
        for at, i in fits:
            own = slice(at * self.n_targets, (at + 1) * self.n_targets)
            self.predicted[i] += (step[own] * ratio[:, own])[:, None] * self.along[i]
        self.residual[:, going] -= step * q
        new = (self.residual[:, going] ** 2).sum(0)
        self.turn[going] = np.divide(new, size, out=np.zeros(len(going)), where=size > 0)
        self.turns_shifted[:, going] = self.turn[going] * ratio**2
        self.step_before[going], self.size[going] = np.where(step > 0, step, 1.0), new
        self.direction[:, going] = self.residual[:, going] + self.turn[going] * p

    def _turn(self, fit: int, product: np.ndarray) -> None:
        """Predictions along the directions of one fit, of every penalty, from the product [n, T] with its direction."""
        own, columns = self.fits[fit], slice(fit * self.n_targets, (fit + 1) * self.n_targets)
        of_direction = product[own.test] - product[own.centre].mean(0)
        of_residual = of_direction - self.turn[columns] * self.last[fit]
        self.last[fit] = of_direction
        self.along[fit] *= self.turns_shifted[:, None, columns]
        self.along[fit] += self.zeta[:, None, columns] * of_residual

    def _ratios(self, going: np.ndarray, step: np.ndarray) -> np.ndarray:
        """By what the multiples of the shifted residuals change; 0 once they have vanished."""
        zeta, before, taken = self.zeta[:, going], self.zeta_before[:, going], self.step_before[going]
        below = taken * before * (1 + self.shift[:, going] * step) + step * self.turn[going] * (before - zeta)
        there = (np.abs(zeta) > 1e-100) & (below != 0)
        ratio = np.divide(before * taken, below, out=np.zeros_like(zeta), where=there)
        self.zeta_before[:, going], self.zeta[:, going] = zeta, zeta * ratio
        return ratio
