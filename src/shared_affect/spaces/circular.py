"""Whether emotions stand around a circle in the order in which people's valence and arousal put them.

Any cloud of points has an order around its middle, and shuffled labels look like a ring as well: a circumplex is in the
labels, not in the shape. So the order is held against that of people, and its null is permuted labels.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

PERMUTATION_BLOCK = 20_000


def circular_order(coords: ArrayLike, human: ArrayLike, n_permutations: int, rng: np.random.Generator) -> dict:
    """Agreement of the angles of two configurations about their means, whatever their rotation and reflection.

    The circular correlation of Fisher & Lee (1983, Biometrika 70:327), its size: sums over pairs of products of sines
    of differences of angles, which are determinants of 2 x 2 products, so all permutations are one array operation.

    Parameters
    ----------
    coords : array_like, shape (n, 2)
    human : array_like, shape (n, 2); valence and arousal of the same labels in the same order
    n_permutations : int
        Of the labels.
    rng : numpy Generator

    Returns
    -------
    dict
        value (0 no order in common, 1 the same), p (one-sided), null_mean, null_high (97.5 % point), n_permutations.

    Raises
    ------
    ValueError
        If shapes differ, there are fewer than 3 points, numbers are not finite, or there is no permutation.

    Examples
    --------
    Points turned by a quarter and mirrored keep their order:

    >>> import numpy as np
    >>> human = np.array([[1, 0], [0.5, 1], [-0.5, 0.8], [-1, -0.2], [0, -1]])
    >>> found = circular_order(human[:, ::-1], human, 999, np.random.default_rng(0))
    >>> round(found["value"], 3), found["p"] < 0.1
    (1.0, True)
    """
    x, y = np.asarray(coords, float), np.asarray(human, float)
    if x.shape != y.shape or x.ndim != 2 or x.shape[1] != 2 or len(x) < 3:
        raise ValueError(f"coordinates {x.shape} and human values {y.shape}; allowed: both (n, 2), n >= 3")
    if not (np.isfinite(x).all() and np.isfinite(y).all()):
        raise ValueError("coordinates or human values are not finite; allowed: finite numbers")
    if n_permutations < 1:
        raise ValueError(f"n_permutations is {n_permutations}; allowed: at least 1")
    a, b = _directions(x), _directions(y)
    size = np.sqrt(np.linalg.det(a.T @ a) * np.linalg.det(b.T @ b))

    def agreement(orders: np.ndarray) -> np.ndarray:
        m = np.einsum("ni,bnj->bij", a, b[orders])
        found = np.abs(m[:, 0, 0] * m[:, 1, 1] - m[:, 0, 1] * m[:, 1, 0])
        return found / size if size > 0 else np.zeros(len(orders))

    observed = float(agreement(np.arange(len(x))[None])[0])
    null = np.empty(n_permutations)
    for start in range(0, n_permutations, PERMUTATION_BLOCK):
        part = null[start : start + PERMUTATION_BLOCK]
        part[:] = agreement(rng.permuted(np.tile(np.arange(len(x)), (len(part), 1)), axis=1))
    return {
        "value": observed,
        "p": (int((null >= observed - 1e-12).sum()) + 1) / (n_permutations + 1),
        "null_mean": float(null.mean()),
        "null_high": float(np.quantile(null, 0.975)),
        "n_permutations": n_permutations,
    }


def _directions(points: np.ndarray) -> np.ndarray:
    """Cosine and sine of the angle of each point about the mean, (n, 2); zeros for a point that stands there."""
    centred = points - points.mean(0)
    size = np.linalg.norm(centred, axis=1, keepdims=True)
    return np.divide(centred, size, out=np.zeros_like(centred), where=size > 0)
