"""Representational dissimilarity matrices: numbers that carry their labels."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.spatial.distance import pdist, squareform

TOLERANCE = 1e-9


def _check_labels(labels: Sequence[str]) -> tuple[str, ...]:
    labels = tuple(labels)
    doubled = sorted({x for x in labels if labels.count(x) > 1})
    if doubled:
        raise ValueError(f"labels {doubled} occur more than once; allowed: unique labels")
    if len(labels) < 2:
        raise ValueError(f"{len(labels)} labels; allowed: at least 2")
    return labels


def _positions(labels: Sequence[str], known: tuple[str, ...]) -> np.ndarray:
    """Where each of `labels` stands in `known`; unknown ones raise."""
    where = {x: i for i, x in enumerate(known)}
    missing = sorted(set(labels) - set(known))
    if missing:
        raise ValueError(f"labels {missing} are not in the matrix; allowed: {', '.join(known)}")
    return np.array([where[x] for x in labels], int)


def _pairs_of(labels: Sequence[str], known: tuple[str, ...]) -> np.ndarray:
    """Where each pair of `labels` stands among the pairs of `known`, both in the order of ``np.triu_indices``."""
    at = _positions(_check_labels(labels), known)
    n = len(known)
    place = np.zeros((n, n), int)
    i, j = np.triu_indices(n, 1)
    place[i, j] = place[j, i] = np.arange(i.size)
    i, j = np.triu_indices(len(at), 1)
    return place[at[i], at[j]]


def require_same_labels(what: str, labels: Sequence[str], expected: Sequence[str]) -> None:
    """Raise unless both hold the same labels, in whatever order.

    Raises
    ------
    ValueError
        Naming the labels that only one side has.
    """
    missing, extra = sorted(set(expected) - set(labels)), sorted(set(labels) - set(expected))
    if missing or extra:
        raise ValueError(
            f"{what}: labels missing {missing}, not expected {extra}; "
            "allowed: the same labels on both sides (narrow the wider side with .subset)"
        )


@dataclass(frozen=True, eq=False)
class RDM:
    """A dissimilarity matrix and its labels.

    Attributes
    ----------
    labels : tuple of str, length n, unique
    values : ndarray, shape (n, n)
        Symmetric, zero diagonal, finite; unit of the distance. Read-only.

    Raises
    ------
    ValueError
        If labels are doubled or the matrix is not a dissimilarity matrix of them.
    """

    labels: tuple[str, ...]
    values: np.ndarray

    def __post_init__(self) -> None:
        labels = _check_labels(self.labels)
        values = np.array(self.values, float)
        n = len(labels)
        if values.shape != (n, n):
            raise ValueError(f"matrix of shape {values.shape} for {n} labels; allowed: {(n, n)}")
        if not np.isfinite(values).all():
            rows = sorted({labels[i] for i in np.nonzero(~np.isfinite(values))[0]})
            raise ValueError(f"dissimilarities of {rows} are not finite; allowed: finite numbers")
        scale = TOLERANCE * max(1.0, float(np.abs(values).max()))
        if np.abs(values - values.T).max() > scale or np.abs(np.diag(values)).max() > scale:
            raise ValueError("matrix is not symmetric with a zero diagonal; allowed: dissimilarities only")
        values.flags.writeable = False
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "values", values)

    def subset(self, labels: Sequence[str]) -> RDM:
        """The matrix of `labels`, in their order; unknown or doubled labels raise ValueError."""
        at = _positions(_check_labels(labels), self.labels)
        return RDM(tuple(labels), self.values[np.ix_(at, at)])

    def condensed(self, labels: Sequence[str] | None = None) -> np.ndarray:
        """Dissimilarities of the pairs of `labels` (default: all), in the order of ``np.triu_indices``.

        Returns
        -------
        ndarray, shape (n (n - 1) / 2,)
        """
        at = _positions(_check_labels(self.labels if labels is None else labels), self.labels)
        i, j = np.triu_indices(len(at), 1)
        return self.values[at[i], at[j]]


def rdm_from_condensed(labels: Sequence[str], values: ArrayLike) -> RDM:
    """RDM from the pairs of `labels` in the order of ``np.triu_indices``."""
    n = len(labels)
    values = np.asarray(values, float)
    if values.shape != (n * (n - 1) // 2,):
        raise ValueError(f"{values.shape} values for {n} labels; allowed: ({n * (n - 1) // 2},)")
    return RDM(tuple(labels), squareform(values))


def _points(points: ArrayLike, labels: Sequence[str]) -> np.ndarray:
    points = np.asarray(points, float)
    if points.ndim != 2 or len(points) != len(labels):
        raise ValueError(f"points of shape {points.shape} for {len(labels)} labels; allowed: one row a label")
    bad = [x for x, row in zip(labels, points) if not np.isfinite(row).all()]
    if bad:
        raise ValueError(f"points of {bad} are not finite; allowed: finite numbers")
    return points


def cosine_rdm(points: ArrayLike, labels: Sequence[str]) -> RDM:
    """1 - cosine between rows, rounded to 12 decimals so that the rounding of a machine cannot decide ties.

    Parameters
    ----------
    points : array_like, shape (n, d)
    labels : sequence of str, length n

    Raises
    ------
    ValueError
        If a row is zero (its direction is undefined) or not finite; the label is named.

    Examples
    --------
    >>> rdm = cosine_rdm([[1, 0], [0, 2], [-3, 0]], ["joy", "calm", "grief"])
    >>> rdm.subset(["grief", "joy"]).values.tolist()
    [[0.0, 2.0], [2.0, 0.0]]
    """
    points = _points(points, labels)
    norms = np.linalg.norm(points, axis=1)
    zero = [x for x, size in zip(labels, norms) if size == 0]
    if zero:
        raise ValueError(
            f"points of {zero} are zero vectors, which have no cosine; "
            "allowed: a non-zero vector each (an emotion none of whose features is active is left out)"
        )
    unit = points / norms[:, None]
    i, j = np.triu_indices(len(unit), 1)
    return rdm_from_condensed(labels, np.round(np.clip(1 - (unit @ unit.T)[i, j], 0, 2), 12))


def euclidean_rdm(points: ArrayLike, labels: Sequence[str]) -> RDM:
    """Euclidean distance between rows.

    Parameters
    ----------
    points : array_like, shape (n, d) or (n,), the latter n points on a line
    labels : sequence of str, length n

    Notes
    -----
    Differences of decimal ratings tie on paper but often not in binary (5.6 - 5.3 is not 5.4 - 5.1): such ties stay as
    the machine splits them.
    """
    points = np.asarray(points, float)
    points = _points(points[:, None] if points.ndim == 1 else points, labels)
    return rdm_from_condensed(labels, pdist(points))


@dataclass(frozen=True, eq=False)
class RaterRDMs:
    """Every rater's judgements of every pair.

    Attributes
    ----------
    labels : tuple of str, length n, unique
    raters : tuple of str, length R, unique
    values : ndarray, shape (R, n (n - 1) / 2)
        Dissimilarities, pairs in the order of ``np.triu_indices``; finite. Read-only.

    Raises
    ------
    ValueError
        If labels or raters are doubled, the shape does not fit, or a value is not finite.
    """

    labels: tuple[str, ...]
    raters: tuple[str, ...]
    values: np.ndarray

    def __post_init__(self) -> None:
        labels, raters = _check_labels(self.labels), tuple(self.raters)
        values = np.array(self.values, float)
        if not raters or len(set(raters)) != len(raters):
            raise ValueError(f"{len(raters)} raters, {len(set(raters))} of them distinct; allowed: >= 1, all distinct")
        expected = (len(raters), len(labels) * (len(labels) - 1) // 2)
        if values.shape != expected:
            raise ValueError(f"judgements of shape {values.shape}; allowed: {expected} (raters, pairs)")
        bad = [r for r, row in zip(raters, values) if not np.isfinite(row).all()]
        if bad:
            raise ValueError(f"judgements of raters {bad} are not finite; allowed: complete raters only")
        values.flags.writeable = False
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "raters", raters)
        object.__setattr__(self, "values", values)

    @classmethod
    def from_long(cls, frame: pd.DataFrame, labels: Sequence[str] | None = None) -> RaterRDMs:
        """Read one row per rater and pair.

        Parameters
        ----------
        frame : DataFrame
            Columns rater, emotion_a, emotion_b, dissimilarity; a pair may stand in either order.
        labels : sequence of str, optional
            Order of the labels; default alphabetical. Raters are put in the order of their names.

        Raises
        ------
        ValueError
            If a column or pair is missing, a pair is judged twice by one rater, an emotion is paired with
            itself, or a label is not among `labels`.
        """
        absent = [c for c in ("rater", "emotion_a", "emotion_b", "dissimilarity") if c not in frame]
        if absent:
            raise ValueError(f"columns {absent} are missing; found {list(frame.columns)}")
        a, b = frame["emotion_a"].astype(str).to_numpy(), frame["emotion_b"].astype(str).to_numpy()
        if (a == b).any():
            raise ValueError(
                f"emotions {sorted(set(a[a == b]))} are paired with themselves; allowed: two different ones"
            )
        found = sorted(set(a) | set(b))
        names = _check_labels(found if labels is None else labels)
        require_same_labels("judgements", found, names)
        raters, r = np.unique(frame["rater"].astype(str).to_numpy(), return_inverse=True)
        n = len(names)
        at = pd.Index(names)
        ia, ib = at.get_indexer(pd.Index(a)), at.get_indexer(pd.Index(b))
        low, high = np.minimum(ia, ib), np.maximum(ia, ib)
        pair = low * n - low * (low + 1) // 2 + high - low - 1
        counts = np.zeros((len(raters), n * (n - 1) // 2), int)
        np.add.at(counts, (r, pair), 1)
        if (counts != 1).any():
            who, which = np.argwhere(counts != 1)[0]
            i, j = (x[which] for x in np.triu_indices(n, 1))
            raise ValueError(
                f"{int((counts != 1).sum())} rater-pair judgements are missing or doubled, first: rater "
                f"{raters[who]!r}, {names[i]} - {names[j]}, {counts[who, which]} times; allowed: once each"
            )
        values = np.empty(counts.shape)
        values[r, pair] = frame["dissimilarity"].to_numpy(float)
        return cls(names, tuple(raters.tolist()), values)

    def subset(self, labels: Sequence[str]) -> RaterRDMs:
        """Judgements of the pairs of `labels`, in their order; unknown or doubled labels raise ValueError."""
        return RaterRDMs(tuple(labels), self.raters, self.values[:, _pairs_of(labels, self.labels)])

    def mean(self) -> RDM:
        """The mean dissimilarity over raters."""
        return rdm_from_condensed(self.labels, self.values.mean(axis=0))


@dataclass(frozen=True, eq=False)
class DrawnRDMs:
    """Many random RDMs of the same labels, as pairs.

    Attributes
    ----------
    labels : tuple of str, length n, unique
    values : ndarray, shape (draws, n (n - 1) / 2)
        Pairs in the order of ``np.triu_indices``; finite.

    Raises
    ------
    ValueError
        If the shape does not fit, or a value is not finite.
    """

    labels: tuple[str, ...]
    values: np.ndarray

    def __post_init__(self) -> None:
        labels, values = _check_labels(self.labels), np.asarray(self.values)
        n_pairs = len(labels) * (len(labels) - 1) // 2
        if values.ndim != 2 or values.shape[1] != n_pairs or not len(values) or not np.isfinite(values).all():
            raise ValueError(
                f"drawn RDMs of shape {values.shape}; allowed: (draws >= 1, {n_pairs} pairs of {len(labels)} labels),"
                " all finite"
            )
        object.__setattr__(self, "labels", labels)
        object.__setattr__(self, "values", values)

    def subset(self, labels: Sequence[str]) -> DrawnRDMs:
        """The draws for the pairs of `labels`, in their order; unknown or doubled labels raise ValueError."""
        return DrawnRDMs(tuple(labels), self.values[:, _pairs_of(labels, self.labels)])
