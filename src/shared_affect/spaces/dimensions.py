"""What organises an emotion space: human valence and arousal, each read from its first two dimensions."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from shared_affect.base.stats import percentile_interval
from shared_affect.spaces.circular import circular_order
from shared_affect.spaces.layouts import Layout, human_values, two_axes
from shared_affect.spaces.procrustes import leave_one_out_error, procrustes_to_human, turned_r

PERMUTATION_BLOCK = 20_000
DIMENSIONS = ("valence", "arousal")
PLANE = 2
"""Axes of the layout that may carry a dimension: a claim says that it organises the space, so it must lie in the plane
of the two widest.
"""


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
    layout : Layout, of `classical_mds`; its first `PLANE` axes are used
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
        variance_explained_1 and variance_explained_2 (of the layout's own axes), circular_order (of the angles in the
        plane, with those of valence and arousal).
    """
    va = human_values(layout, human)
    n = n_permutations
    rows = _turned_rows(layout, va, n, draw)
    rows += [{"quantity": f"variance_explained_{k + 1}", "value": float(layout.explained[k])} for k in range(2)]
    for k, d in enumerate(DIMENSIONS):
        x, other = layout.coords[:, :PLANE], DIMENSIONS[1 - k]
        alone = read_out(x, va[:, k], n_permutations=n, n_bootstrap=n_bootstrap, rng=draw(d))
        rivals, rng = _rivals(va[:, 1 - k]), draw(d, "beyond", other)
        beyond = read_out(x, va[:, k], beside=rivals, n_permutations=n, n_bootstrap=n_bootstrap, rng=rng)
        p = {"p": np.maximum(alone.p, beyond.p), "p_alone": alone.p, "p_beyond": beyond.p}
        rows += [
            {"quantity": f"loo_r2_{d}", **_value(alone), **p, "n_permutations": n},
            {"quantity": f"loo_r2_{d}_beyond_{other}", **_value(beyond), "p": beyond.p, "n_permutations": n},
        ]
    rows.append({"quantity": "circular_order", **circular_order(two_axes(layout), va, n, draw("circular"))})
    frame = pd.DataFrame(rows, columns=COLUMNS)
    frame["n_permutations"] = frame["n_permutations"].fillna(0).astype(int)
    return frame.assign(n_emotions=len(layout.labels))


COLUMNS = [
    *("quantity", "value", "ci_low", "ci_high", "p", "p_alone", "p_beyond", "null_mean", "null_high", "n_permutations")
]


def _value(found: Readout) -> dict[str, float]:
    return {"value": found.r2, "ci_low": found.ci_low, "ci_high": found.ci_high}


def _turned_rows(
    layout: Layout, va: np.ndarray, n_permutations: int, draw: Callable[..., np.random.Generator]
) -> list[dict[str, object]]:
    """What is seen once the layout is turned to the human plane."""
    coords = two_axes(layout)
    test = procrustes_to_human(coords, va, n_permutations, draw())
    error, baseline = leave_one_out_error(coords, va)
    observed, null = turned_r(coords, va, n_permutations, draw("turned"))
    return [
        {
            "quantity": "procrustes_disparity",
            "value": test["disparity"],
            "p": test["p"],
            "n_permutations": n_permutations,
        },
        {"quantity": "loo_rmse", "value": error},
        {"quantity": "loo_rmse_mean_baseline", "value": baseline},
        *(
            {
                "quantity": f"r_{d}",
                "value": observed[k],
                "null_mean": null[:, k].mean(),
                "null_high": np.quantile(null[:, k], 0.975),
            }
            for k, d in enumerate(DIMENSIONS)
        ),
    ]
