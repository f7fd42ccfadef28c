"""Emotions laid out by their dissimilarities, and the human values that stand beside."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.spaces.rdm import RDM, require_same_labels


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

    Examples
    --------
    >>> from shared_affect.spaces.rdm import euclidean_rdm
    >>> layout = classical_mds(euclidean_rdm([0.0, 1.0, 5.0], ["calm", "sad", "glad"]))
    >>> layout.coords[:, 0].round(2).tolist(), layout.explained.round(2).tolist()
    ([-2.0, -1.0, 3.0], [1.0, 0.0])
    """
    n = len(rdm.labels)
    _check_k(k, n - 1)
    centre = np.eye(n) - 1 / n
    roots, vectors = np.linalg.eigh(-0.5 * centre @ rdm.values**2 @ centre)
    roots, vectors = np.clip(roots[::-1], 0, None), vectors[:, ::-1]
    if roots.sum() == 0:
        raise ValueError("every dissimilarity is 0; allowed: a space in which labels differ")
    return Layout(rdm.labels, _signed(vectors[:, :k] * np.sqrt(roots[:k])), roots[:k] / roots.sum())


def human_values(layout: Layout, human: pd.DataFrame) -> np.ndarray:
    """Valence and arousal in the order of the layout's labels, (n, 2).

    Raises
    ------
    ValueError
        If a column or label is missing or an emotion is doubled.
    """
    absent = [c for c in ("emotion", "valence", "arousal") if c not in human]
    if absent:
        raise ValueError(f"columns {absent} are missing from the human values; found {list(human.columns)}")
    emotions = human["emotion"].tolist()
    if len(set(emotions)) != len(emotions):
        raise ValueError("emotions occur more than once in the human values; allowed: one row an emotion")
    require_same_labels("human values against the layout", emotions, layout.labels)
    return human.set_index("emotion").loc[list(layout.labels), ["valence", "arousal"]].to_numpy(float)


def two_axes(layout: Layout) -> np.ndarray:
    """Coordinates on the two widest axes, (n, 2); fewer raise ValueError."""
    if layout.coords.shape[1] < 2:
        raise ValueError(f"layout of {layout.coords.shape[1]} dimension; allowed: at least 2")
    return layout.coords[:, :2]
