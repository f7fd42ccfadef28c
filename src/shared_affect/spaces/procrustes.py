"""Layouts turned to human valence and arousal: how well they fit at best, and how well emotions left out are placed.

Valence and arousal are judged apart (`dimensions`). One statistic for both (a Procrustes disparity) is small for a
space that has valence alone, and the correlation of an axis that was turned to fit is large for nothing: both are
reported, no claim reads them.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.linalg import orthogonal_procrustes

from shared_affect.spaces.layouts import Layout, human_values, two_axes

PERMUTATION_BLOCK = 20_000


def _pair_of_configurations(coords: ArrayLike, human: ArrayLike, least: int) -> tuple[np.ndarray, np.ndarray]:
    coords, human = np.asarray(coords, float), np.asarray(human, float)
    if coords.shape != human.shape or coords.ndim != 2 or coords.shape[1] != 2 or len(coords) < least:
        raise ValueError(
            f"coordinates {coords.shape} and human values {human.shape}; allowed: both (n, 2), n >= {least}"
        )
    if not (np.isfinite(coords).all() and np.isfinite(human).all()):
        raise ValueError("coordinates or human values are not finite; allowed: finite numbers")
    if not (np.ptp(coords, axis=0).any() and np.ptp(human, axis=0).any()):
        raise ValueError("all coordinates or all human values are equal; allowed: points that differ")
    return coords, human


def _standard(x: np.ndarray) -> np.ndarray:
    x = x - x.mean(0)
    return x / np.linalg.norm(x)


def procrustes_to_human(coords: ArrayLike, human: ArrayLike, n_permutations: int, rng: np.random.Generator) -> dict:
    """How far a layout is from human valence-arousal after the best rotation, reflection, shift and scale.

    The standardised disparity of ``scipy.spatial.procrustes``, 1 - (s1 + s2)^2 with s the singular values of the 2x2
    cross product; their sum is sqrt(|M|^2 + 2 |det M|), so all permutations are one array operation.

    Parameters
    ----------
    coords : array_like, shape (n, 2)
    human : array_like, shape (n, 2); valence and arousal of the same labels in the same order
    n_permutations : int
        Joint permutations of the labels.
    rng : numpy Generator

    Returns
    -------
    dict
        disparity (0 same shape, 1 unrelated), p (one-sided, small disparity), n_permutations.
    """
    coords, human = _pair_of_configurations(coords, human, 3)
    if n_permutations < 1:
        raise ValueError(f"n_permutations is {n_permutations}; allowed: at least 1")
    a, b = _standard(coords), _standard(human)

    def disparity(orders: np.ndarray) -> np.ndarray:
        m = np.einsum("ni,bnj->bij", a, b[orders])
        det = m[:, 0, 0] * m[:, 1, 1] - m[:, 0, 1] * m[:, 1, 0]
        return 1 - ((m**2).sum((1, 2)) + 2 * np.abs(det))

    n = len(a)
    observed = float(disparity(np.arange(n)[None])[0])
    as_small = 0
    for start in range(0, n_permutations, PERMUTATION_BLOCK):
        count = min(PERMUTATION_BLOCK, n_permutations - start)
        orders = rng.permuted(np.tile(np.arange(n), (count, 1)), axis=1)
        as_small += int((disparity(orders) <= observed + 1e-12).sum())
    return {
        "disparity": max(observed, 0.0),
        "p": (as_small + 1) / (n_permutations + 1),
        "n_permutations": n_permutations,
    }


def procrustes_fit(coords: np.ndarray, human: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Least-squares similarity transform onto human values: ``human ~ coords @ matrix + shift``.

    Returns
    -------
    matrix : ndarray, shape (2, 2); rotation or reflection times scale
    shift : ndarray, shape (2,)
    """
    centre, target = coords.mean(0), human.mean(0)
    x = coords - centre
    rotation, total = orthogonal_procrustes(x, human - target)
    square = (x**2).sum()
    matrix = rotation * (total / square if square > 0 else 0.0)
    return matrix, target - centre @ matrix


def leave_one_out_error(coords: ArrayLike, human: ArrayLike) -> tuple[float, float]:
    """Error of placing each emotion from a transform fitted on all the others.

    The layout itself is made without human values, so only the transform is fitted and only it is left out.

    Returns
    -------
    rmse, baseline_rmse : float
        Root of the squared error averaged over emotions and over the two axes, in human units; the baseline places
        every emotion at the mean of the others.
    """
    coords, human = _pair_of_configurations(coords, human, 4)
    errors, baseline = [], []
    for i in range(len(coords)):
        others = np.arange(len(coords)) != i
        matrix, shift = procrustes_fit(coords[others], human[others])
        errors.append(coords[i] @ matrix + shift - human[i])
        baseline.append(human[others].mean(0) - human[i])
    return float(np.sqrt(np.mean(np.square(errors)))), float(np.sqrt(np.mean(np.square(baseline))))


def turned_r(
    coords: np.ndarray, human: np.ndarray, n_permutations: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Correlation of each human dimension with its axis of the turned layout, and the same with permuted labels, turned
    anew each time.

    The turn was fitted on the same emotions, so that this is .2 on average for a layout that has nothing to do with
    them.

    Returns
    -------
    observed : ndarray, shape (2,)
    null : ndarray, shape (n_permutations, 2)
    """
    x, y = coords - coords.mean(0), human - human.mean(0)
    orders = np.concatenate(
        [np.arange(len(x))[None], rng.permuted(np.tile(np.arange(len(x)), (n_permutations, 1)), axis=1)]
    )
    cross = np.einsum("ni,bnj->bij", x, y[orders])
    u, _, v = np.linalg.svd(cross)
    turn = u @ v
    covariance = np.einsum("bij,bij->bj", turn, cross)
    spread = np.sqrt(np.einsum("bij,ik,bkj->bj", turn, x.T @ x, turn) * (y**2).sum(0))
    r = np.divide(covariance, spread, out=np.zeros_like(covariance), where=spread > 0)
    return r[0], r[1:]


def align_to_human(layout: Layout, human: pd.DataFrame) -> pd.DataFrame:
    """The layout turned, scaled and shifted onto valence (x) and arousal (y), fitted on all emotions.

    Parameters
    ----------
    layout : Layout, its first two axes are used
    human : DataFrame with columns emotion, valence, arousal; the layout's emotions, in any order

    Returns
    -------
    DataFrame
        Columns emotion, x_valence, y_arousal, human_valence, human_arousal, all in human units.
    """
    va = human_values(layout, human)
    coords, va = _pair_of_configurations(two_axes(layout), va, 3)
    matrix, shift = procrustes_fit(coords, va)
    placed = coords @ matrix + shift
    return pd.DataFrame(
        {
            "emotion": layout.labels,
            "x_valence": placed[:, 0],
            "y_arousal": placed[:, 1],
            "human_valence": va[:, 0],
            "human_arousal": va[:, 1],
        }
    )
