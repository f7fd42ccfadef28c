"""What organises an emotion space: its first two dimensions beside human valence and arousal.

Valence and arousal are judged apart. One statistic for both (a Procrustes disparity) is small for a space that has
valence alone, and the correlation of an axis that was turned to fit is large for nothing: both are reported, no claim
reads them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.linalg import orthogonal_procrustes

from shared_affect.base.stats import percentile_interval
from shared_affect.spaces.rdm import RDM, require_same_labels

PERMUTATION_BLOCK = 20_000
DIMENSIONS = ("valence", "arousal")
PLANE = 2
"""Axes of the layout that may carry a dimension: a claim says that it organises the space, so it must lie in the plane
of the two widest.
"""


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
    return pd.DataFrame(
        {
            "emotion": layout.labels,
            "x_valence": placed[:, 0],
            "y_arousal": placed[:, 1],
            "human_valence": va[:, 0],
            "human_arousal": va[:, 1],
        }
    )


def _hat(design: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Projection onto the columns of a design, and one minus its diagonal (0: a point that no other one predicts)."""
    left, size, _ = np.linalg.svd(design, full_matrices=False)
    left = left[:, size > size[0] * 1e-10]
    hat = left @ left.T
    return hat, 1 - np.diag(hat)


def _rivals(values: np.ndarray) -> np.ndarray:
    """Columns 1, x, x^2, |x| of the other dimension: extremes of valence are arousing, and distances that level off
    bend valence into a second axis.
    """
    x = (values - values.mean()) / values.std()
    return np.column_stack([np.ones(len(x)), x, x**2, np.abs(x)])


@dataclass(frozen=True)
class Readout:
    """How well coordinates predict one dimension of emotions that were left out.

    Attributes
    ----------
    r2, ci_low, ci_high : float
        1 - squared error / squared error without the coordinates, each emotion left out once; bootstrap of emotions on
        the stored errors.
    p : float
        One-sided, label permutation.
    """

    r2: float
    ci_low: float
    ci_high: float
    p: float


def read_out(
    coords: ArrayLike,
    values: ArrayLike,
    *,
    beside: ArrayLike | None = None,
    n_permutations: int,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> Readout:
    """Leave-one-emotion-out R2 of a human dimension from coordinates of a space.

    The regression is fitted on all other emotions, with and without the coordinates; the left-out errors of least
    squares are closed forms (residual / (1 - leverage)), so all permutations are one product.

    Parameters
    ----------
    coords : array_like, shape (n, k)
    values : array_like, shape (n,)
        The human dimension, labels in the same order.
    beside : array_like, shape (n, m), optional
        What is predicted from anyway; the R2 is what coordinates add to it. Default: the mean of the other emotions.
        What is permuted is then the residual given `beside` (Freedman & Lane 1983).

    Returns
    -------
    Readout
        NaN throughout where there are too few emotions for the regression (fewer than its columns + 2).

    Raises
    ------
    ValueError
        If a number is not finite, the values are constant, or there is no permutation or resample.
    """
    x, y = np.asarray(coords, float), np.asarray(values, float)
    z = np.ones((len(y), 1)) if beside is None else np.asarray(beside, float)
    if (
        x.ndim != 2
        or z.ndim != 2
        or not len(x) == len(z) == len(y)
        or not (np.isfinite(x).all() and np.isfinite(y).all() and np.isfinite(z).all())
    ):
        raise ValueError(
            f"coordinates {x.shape}, values {y.shape}, beside {z.shape}; allowed: finite, one row an emotion"
        )
    if np.ptp(y) == 0:
        raise ValueError("the human dimension is constant; allowed: values that differ")
    if n_permutations < 1 or n_bootstrap < 1:
        raise ValueError(f"n_permutations is {n_permutations}, n_bootstrap {n_bootstrap}; allowed: at least 1 of each")
    nan = Readout(np.nan, np.nan, np.nan, np.nan)
    if len(y) < z.shape[1] + x.shape[1] + 2:
        return nan
    small, small_free = _hat(z)
    full, full_free = _hat(np.column_stack([z, x]))
    rest = y - small @ y
    if min(small_free.min(), full_free.min()) < 1e-9 or rest.std() < 1e-9 * y.std():
        return nan

    def errors(targets: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Left-out errors with and without the coordinates; targets in rows."""
        return (targets - targets @ full) / full_free, (targets - targets @ small) / small_free

    with_coords, without = (e[0] ** 2 for e in errors(rest[None]))
    r2 = 1 - with_coords.sum() / without.sum()
    as_large = 0
    for start in range(0, n_permutations, PERMUTATION_BLOCK):
        a, b = errors(rng.permuted(np.tile(rest, (min(PERMUTATION_BLOCK, n_permutations - start), 1)), axis=1))
        as_large += int((1 - (a**2).sum(1) / (b**2).sum(1) >= r2 - 1e-12).sum())
    weights = rng.multinomial(len(y), np.full(len(y), 1 / len(y)), size=n_bootstrap)
    low, high = percentile_interval(1 - weights @ with_coords / (weights @ without))
    return Readout(float(r2), float(low), float(high), (as_large + 1) / (n_permutations + 1))


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


def organise(
    layout: Layout,
    human: pd.DataFrame,
    *,
    n_permutations: int,
    n_bootstrap: int,
    draw: Callable[..., np.random.Generator],
) -> pd.DataFrame:
    """Whether valence and arousal, each on its own, organise a space.

    Parameters
    ----------
    layout : Layout, from `classical_mds` or `pca`; its first `PLANE` axes are used
    human : DataFrame with columns emotion, valence, arousal; the layout's emotions, in any order
    n_permutations, n_bootstrap : int
    draw : callable
        Generator of a named purpose, e.g. ``draw("valence")``; without a name that of the Procrustes test.

    Returns
    -------
    DataFrame
        Columns quantity, value, ci_low, ci_high, p, p_alone, p_beyond, null_mean, null_high, n_permutations,
        n_emotions; NaN where a quantity has none. Quantities: ``loo_r2_valence`` and ``loo_r2_arousal`` (left-out R2
        from the plane; `p_alone` its own, `p_beyond` that of the next, `p` the larger of both),
        ``loo_r2_valence_beyond_arousal`` and ``loo_r2_arousal_beyond_valence`` (what the plane adds to the other
        dimension, its square and its size), procrustes_disparity, loo_rmse and loo_rmse_mean_baseline (human units),
        r_valence and r_arousal (turned axes, in-sample, beside their mean and 97.5 % point under permuted labels),
        variance_explained_1 and variance_explained_2 (of the layout's own axes).
    """
    va = _human_values(layout, human)
    coords = _two_axes(layout)
    test = procrustes_to_human(coords, va, n_permutations, draw())
    error, baseline = leave_one_out_error(coords, va)
    rows = [
        {
            "quantity": "procrustes_disparity",
            "value": test["disparity"],
            "p": test["p"],
            "n_permutations": n_permutations,
        },
        {"quantity": "loo_rmse", "value": error},
        {"quantity": "loo_rmse_mean_baseline", "value": baseline},
    ]
    observed, null = turned_r(coords, va, n_permutations, draw("turned"))
    rows += [
        {
            "quantity": f"r_{d}",
            "value": observed[k],
            "null_mean": null[:, k].mean(),
            "null_high": np.quantile(null[:, k], 0.975),
        }
        for k, d in enumerate(DIMENSIONS)
    ]
    rows += [{"quantity": f"variance_explained_{k + 1}", "value": float(layout.explained[k])} for k in range(2)]
    for k, d in enumerate(DIMENSIONS):
        other = DIMENSIONS[1 - k]
        settings = {"n_permutations": n_permutations, "n_bootstrap": n_bootstrap}
        alone = read_out(layout.coords[:, :PLANE], va[:, k], rng=draw(d), **settings)
        beyond = read_out(
            layout.coords[:, :PLANE], va[:, k], beside=_rivals(va[:, 1 - k]), rng=draw(d, "beyond", other), **settings
        )
        rows += [
            {
                "quantity": f"loo_r2_{d}",
                "value": alone.r2,
                "ci_low": alone.ci_low,
                "ci_high": alone.ci_high,
                "p": np.maximum(alone.p, beyond.p),
                "p_alone": alone.p,
                "p_beyond": beyond.p,
                "n_permutations": n_permutations,
            },
            {
                "quantity": f"loo_r2_{d}_beyond_{other}",
                "value": beyond.r2,
                "ci_low": beyond.ci_low,
                "ci_high": beyond.ci_high,
                "p": beyond.p,
                "n_permutations": n_permutations,
            },
        ]
    columns = [
        "quantity",
        "value",
        "ci_low",
        "ci_high",
        "p",
        "p_alone",
        "p_beyond",
        "null_mean",
        "null_high",
        "n_permutations",
    ]
    frame = pd.DataFrame(rows, columns=columns)
    frame["n_permutations"] = frame["n_permutations"].fillna(0).astype(int)
    return frame.assign(n_emotions=len(layout.labels))
