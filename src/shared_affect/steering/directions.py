"""Directions in the residual stream from numbers: of an emotion space, of a difference of means, at random."""

from __future__ import annotations

import numpy as np


def unit(v: np.ndarray) -> np.ndarray:
    """Vector(s) scaled to norm 1 along the last axis.

    Raises
    ------
    ValueError
        If a vector is zero or not finite.
    """
    norm = np.linalg.norm(v, axis=-1, keepdims=True)
    if not np.isfinite(norm).all():
        raise ValueError(
            "a steering vector is NaN or infinite: residuals, codes or decoder rows that it is made of are not finite"
        )
    if not np.all(norm > 0):
        raise ValueError(
            "a steering vector is zero: no feature of the emotion space tells the emotion's words from the others'"
        )
    return (v / norm).astype(np.float32)


def concept_vector(feature_ids: np.ndarray, weights: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Weighted sum of decoder rows, unit norm (docs/steering.md).

    Parameters
    ----------
    feature_ids : ndarray of int, ``[k]``
    weights : ndarray, ``[k]``
        Of either sign.
    directions : ndarray, ``[d_sae, d]``
        Decoder rows.

    Returns
    -------
    ndarray of float32, ``[d]``

    Raises
    ------
    ValueError
        As `unit`.

    Examples
    --------
    Two of three features, one that the emotion has and one that it lacks:

    >>> decoder = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])
    >>> concept_vector(np.array([0, 1]), np.array([3.0, -4.0]), decoder).astype(float).round(2).tolist()
    [0.6, -0.8]
    """
    return unit(np.asarray(weights, float) @ directions[np.asarray(feature_ids, int)].astype(float))


def difference_of_means(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Unit difference of the mean residuals of two word groups (``[n, d]`` each), the usual baseline without an SAE."""
    return unit(inside.mean(0, dtype=np.float64) - outside.mean(0, dtype=np.float64))


def random_directions(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """`n` directions ``[n, d]``, uniform on the sphere."""
    return unit(rng.normal(size=(n, d)))
