"""What organises an emotion space: its first two dimensions beside human valence and arousal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.linalg import orthogonal_procrustes

from shared_affect.rdm import RDM, require_same_labels

PERMUTATION_BLOCK = 20_000


@dataclass(frozen=True, eq=False)
class Layout:
    """Coordinates of labelled points.

    Attributes
    ----------
    labels : tuple of str, length n
    coords : ndarray, shape (n, k); centred, axes in falling order of variance
    explained : ndarray, shape (k,); share of the variance on each axis
    """

    labels: tuple[str, ...]
    coords: np.ndarray
    explained: np.ndarray


def _signed(coords: np.ndarray) -> np.ndarray:
    """Turn each axis so that its largest entry is positive: eigenvectors have no sign of their own."""
    top = coords[np.argmax(np.abs(coords), axis=0), np.arange(coords.shape[1])]
    return coords * np.where(top < 0, -1.0, 1.0)


def _check_k(k: int, most: int) -> None:
    if not 1 <= k <= most:
        raise ValueError(f"k is {k}; allowed: 1 to {most} dimensions")


def classical_mds(rdm: RDM, k: int = 2) -> Layout:
    """Classical (Torgerson) scaling: closed form, no start values, equal input gives equal output.

    Parameters
    ----------
    rdm : RDM
    k : int

    Returns
    -------
    Layout
        `explained` is the axis' eigenvalue over the sum of the positive ones (a non-Euclidean distance also has
        negative ones); an axis without a positive eigenvalue is all zero and explains nothing.
    """
    n = len(rdm.labels)
    _check_k(k, n - 1)
    centre = np.eye(n) - 1 / n
    roots, vectors = np.linalg.eigh(-0.5 * centre @ rdm.values**2 @ centre)
    roots, vectors = np.clip(roots[::-1], 0, None), vectors[:, ::-1]
    if roots.sum() == 0:
        raise ValueError("every dissimilarity is 0; allowed: a space in which labels differ")
    return Layout(rdm.labels, _signed(vectors[:, :k] * np.sqrt(roots[:k])), roots[:k] / roots.sum())


def pca(points: ArrayLike, labels: Sequence[str], k: int = 2) -> Layout:
    """Principal components of points, shape (n, d), one row a label; centred, not scaled."""
    points = np.asarray(points, float)
    if points.ndim != 2 or len(points) != len(labels) or not np.isfinite(points).all():
        raise ValueError(f"points of shape {points.shape} for {len(labels)} labels; allowed: one finite row a label")
    _check_k(k, min(points.shape))
    left, size, _ = np.linalg.svd(points - points.mean(0), full_matrices=False)
    if (size**2).sum() == 0:
        raise ValueError("all points are equal; allowed: a space in which labels differ")
    return Layout(tuple(labels), _signed(left[:, :k] * size[:k]), size[:k] ** 2 / (size**2).sum())


def _pair_of_configurations(coords: ArrayLike, human: ArrayLike, least: int) -> tuple[np.ndarray, np.ndarray]:
    coords, human = np.asarray(coords, float), np.asarray(human, float)
    if coords.shape != human.shape or coords.ndim != 2 or coords.shape[1] != 2 or len(coords) < least:
        raise ValueError(f"coordinates {coords.shape} and human values {human.shape}; allowed: both (n, 2), n >= {least}")
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
    return {"disparity": max(observed, 0.0), "p": (as_small + 1) / (n_permutations + 1),
            "n_permutations": n_permutations}


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


def _human_values(layout: Layout, human: pd.DataFrame) -> np.ndarray:
    """(n, 2) valence and arousal in the order of the layout's labels."""
    absent = [c for c in ("emotion", "valence", "arousal") if c not in human]
    if absent:
        raise ValueError(f"columns {absent} are missing from the human values; found {list(human.columns)}")
    emotions = human["emotion"].tolist()
    if len(set(emotions)) != len(emotions):
        raise ValueError("emotions occur more than once in the human values; allowed: one row an emotion")
    require_same_labels("human values against the layout", emotions, layout.labels)
    return human.set_index("emotion").loc[list(layout.labels), ["valence", "arousal"]].to_numpy(float)


def _two_axes(layout: Layout) -> np.ndarray:
    if layout.coords.shape[1] < 2:
        raise ValueError(f"layout of {layout.coords.shape[1]} dimension; allowed: at least 2")
    return layout.coords[:, :2]


def _correlation(x: np.ndarray, y: np.ndarray) -> float:
    if np.ptp(x) == 0 or np.ptp(y) == 0:
        raise ValueError("an axis or a human dimension is constant; allowed: values that differ")
    return float(np.corrcoef(x, y)[0, 1])


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
    va = _human_values(layout, human)
    coords, va = _pair_of_configurations(_two_axes(layout), va, 3)
    matrix, shift = procrustes_fit(coords, va)
    placed = coords @ matrix + shift
    return pd.DataFrame({"emotion": layout.labels, "x_valence": placed[:, 0], "y_arousal": placed[:, 1],
                         "human_valence": va[:, 0], "human_arousal": va[:, 1]})


def organise(layout: Layout, human: pd.DataFrame, *, n_permutations: int, rng: np.random.Generator) -> pd.DataFrame:
    """Whether valence and arousal organise a space.

    Parameters
    ----------
    layout : Layout, from `classical_mds` or `pca`; its first two axes are used
    human : DataFrame with columns emotion, valence, arousal; the layout's emotions, in any order
    n_permutations : int
    rng : numpy Generator

    Returns
    -------
    DataFrame
        Columns quantity, value, p, n_permutations, n_emotions. Quantities: procrustes_disparity (the only one with a
        p; NaN and 0 permutations elsewhere), loo_rmse and loo_rmse_mean_baseline (human units), r_valence and
        r_arousal (of the turned axes, in-sample: the turn was fitted on the same emotions), variance_explained_1
        and variance_explained_2 (of the layout's own axes).
    """
    va = _human_values(layout, human)
    coords = _two_axes(layout)
    test = procrustes_to_human(coords, va, n_permutations, rng)
    error, baseline = leave_one_out_error(coords, va)
    placed = align_to_human(layout, human)
    values = {"procrustes_disparity": test["disparity"], "loo_rmse": error, "loo_rmse_mean_baseline": baseline,
              "r_valence": _correlation(placed["x_valence"].to_numpy(), va[:, 0]),
              "r_arousal": _correlation(placed["y_arousal"].to_numpy(), va[:, 1]),
              "variance_explained_1": float(layout.explained[0]), "variance_explained_2": float(layout.explained[1])}
    frame = pd.DataFrame({"quantity": list(values), "value": list(values.values())})
    tested = frame["quantity"] == "procrustes_disparity"
    frame["p"] = np.where(tested, test["p"], np.nan)
    frame["n_permutations"] = np.where(tested, n_permutations, 0)
    frame["n_emotions"] = len(layout.labels)
    return frame
