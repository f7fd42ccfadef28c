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


@dataclass(eq=False)
class _Path:
    """Predictions [penalties, n_test, T] of one fit, as they grow."""

    predicted: np.ndarray
    along: np.ndarray  # of the search directions
    last: np.ndarray  # [n_test, T], of the unshifted direction before


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
    out: list[np.ndarray] = []
    for start in range(0, len(fits), each):
        out += _predict_together(codes, Y, fits[start : start + each], alphas[start : start + each], constant)
    return out


def _predict_together(
    codes: WideCodes, Y: np.ndarray, fits: Sequence[Fit], alphas: Sequence[np.ndarray], constant: float
) -> list[np.ndarray]:
    T = Y.shape[1]
    masks = np.column_stack([f.train for f in fits]).astype(float)
    sizes, scales = np.repeat(masks.sum(0), T), np.repeat(codes.scales(masks, constant), T)
    centres = [f.centre for f in fits]
    penalties = np.hstack([np.asarray(a, float) for a in alphas])  # [K, systems]
    inside = np.repeat(masks, T, axis=1)
    targets = np.tile(Y, (1, len(fits))) * inside
    means = targets.sum(0) / sizes
    r = (targets - means) * inside
    del targets
    base = penalties[0]
    shift = penalties - base
    paths = [_Path(*(np.zeros((len(penalties), len(f.test), T)) for _ in "pa"), np.zeros((len(f.test), T))) for f in fits]
    p, rr = r.copy(), (r**2).sum(0)
    limit = TOLERANCE**2 * rr
    zeta, zeta_last = np.ones_like(penalties), np.ones_like(penalties)
    step_last, turn = np.ones(len(base)), np.zeros(len(base))
    turn_shifted = np.zeros_like(penalties)
    steps = 0
    while (going := np.flatnonzero(np.repeat((rr > limit).reshape(-1, T).any(1), T))).size:
        if steps == MOST_STEPS:
            raise ValueError(
                f"ridge on {codes.rows.shape} codes has not converged after {MOST_STEPS} steps; allowed: codes and"
                " ratings that are finite and vary (config.yaml, key ratings)"
            )
        steps += 1
        q = codes.gram(np.ascontiguousarray(p[:, going])) / scales[going] ** 2
        own = rr[going] > 0
        for i, f in enumerate(fits):
            at = np.searchsorted(going, i * T)
            if at == len(going) or going[at] != i * T:
                continue
            of_p = q[f.test, at : at + T] - q[centres[i], at : at + T].mean(0)
            of_r = of_p - turn[i * T : i * T + T] * paths[i].last
            paths[i].last = of_p
            columns = slice(i * T, i * T + T)
            paths[i].along *= turn_shifted[:, None, columns]
            paths[i].along += zeta[:, None, columns] * of_r
        q -= (q * inside[:, going]).sum(0) / sizes[going]
        q *= inside[:, going]
        q += base[going] * p[:, going]
        pq = (p[:, going] * q).sum(0)
        step = np.divide(rr[going], pq, out=np.zeros(len(going)), where=own & (pq > 0))
        zeta_new, ratio = _next_zeta(zeta[:, going], zeta_last[:, going], step, step_last[going], turn[going], shift[:, going])
        for i in range(len(fits)):
            at = np.searchsorted(going, i * T)
            if at < len(going) and going[at] == i * T:
                columns = slice(at, at + T)
                paths[i].predicted += (step[columns] * ratio[:, columns])[:, None] * paths[i].along
        r[:, going] -= step * q
        new = (r[:, going] ** 2).sum(0)
        turn[going] = np.divide(new, rr[going], out=np.zeros(len(going)), where=own)
        turn_shifted[:, going] = turn[going] * ratio**2
        zeta_last[:, going], zeta[:, going] = zeta[:, going], zeta_new
        step_last[going], rr[going] = np.where(step > 0, step, 1.0), new
        p[:, going] = r[:, going] + turn[going] * p[:, going]
    LOG.info("ridge on sparse codes: %d fits, %d steps", len(fits), steps)
    return [path.predicted + means[i * T : i * T + T] for i, path in enumerate(paths)]


def _next_zeta(
    zeta: np.ndarray, before: np.ndarray, step: np.ndarray, step_before: np.ndarray, turn: np.ndarray, shift: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """What the residuals of the shifted systems are of the unshifted one's, and its change; 0 once they vanish."""
    below = step_before * before * (1 + shift * step) + step * turn * (before - zeta)
    ratio = np.divide(before * step_before, below, out=np.zeros_like(zeta), where=(np.abs(zeta) > 1e-100) & (below != 0))
    return zeta * ratio, ratio
