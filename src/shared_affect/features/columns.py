"""Ranks, sums and counts of sparse codes, words x features, at the cost of what is not 0.

Concept words number hundreds, features of a wide SAE 131,072: a dense table of ranks is 850 MB where the codes that are
not 0 are a few. Rank sums are halves of whole numbers far below 2^53, so they are exact in any order of adding; sums of
float32 codes in float64 are too, unless codes of a feature differ by more than 2^20 in size.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.sparse import coo_matrix, csr_matrix, issparse

Codes = np.ndarray | csr_matrix
"""Words x features, dense or in sparse rows."""


@dataclass(frozen=True, eq=False)
class ColumnCodes:
    """What is not 0 of a table of words x features, sorted by feature, then by value.

    Attributes
    ----------
    rows, columns : int array [n_stored]
    values : float64 array [n_stored]
    shape : (n_words, n_features)

    Examples
    --------
    >>> codes = ColumnCodes.of(np.array([[3.0, 0.0], [2.0, 1.0], [0.0, 1.0], [1.0, 5.0]]))
    >>> codes.rank_sums(np.array([0, 0, 1, 1]), 2)
    array([[7. , 3.5],
           [3. , 6.5]])
    """

    rows: np.ndarray
    columns: np.ndarray
    values: np.ndarray
    shape: tuple[int, int]

    @classmethod
    def of(cls, codes: Codes) -> ColumnCodes:
        """From a dense or sparse table."""
        stored = coo_matrix(codes)
        if issparse(codes):
            stored.sum_duplicates()
        values = stored.data.astype(float)
        order = np.lexsort((values, stored.col))
        order = order[values[order] != 0]
        return cls(stored.row[order], stored.col[order], values[order], (stored.shape[0], stored.shape[1]))

    def among(self, words: np.ndarray) -> ColumnCodes:
        """Of some words (a boolean a word), renumbered in their order."""
        kept = words[self.rows]
        place = np.cumsum(words) - 1
        shape = (int(words.sum()), self.shape[1])
        return ColumnCodes(place[self.rows[kept]], self.columns[kept], self.values[kept], shape)

    def active(self) -> np.ndarray:
        """Number of words on which each feature is above 0."""
        return np.bincount(self.columns[self.values > 0], minlength=self.shape[1])

    def ranks(self) -> tuple[np.ndarray, np.ndarray]:
        """Mid-ranks, in two parts: by how much each stored value's exceeds that of a 0, and that of a 0, by feature."""
        n_words, n_features = self.shape
        stored = np.bincount(self.columns, minlength=n_features)
        below = np.bincount(self.columns[self.values < 0], minlength=n_features)
        zeros = n_words - stored
        of_zero = below + (zeros + 1) / 2
        if not len(self.values):
            return np.empty(0), of_zero
        new = np.ones(len(self.values), bool)
        new[1:] = (self.columns[1:] != self.columns[:-1]) | (self.values[1:] != self.values[:-1])
        starts = np.flatnonzero(new)
        length = np.diff(np.append(starts, len(new)))
        column = self.columns[starts]
        first = starts - (np.cumsum(stored) - stored)[column]  # place in its column, from 0
        middle = first + (length + 1) / 2 + np.where(self.values[starts] > 0, zeros[column], 0)
        return np.repeat(middle - of_zero[column], length), of_zero

    def rank_sums(self, label: np.ndarray, n_labels: int) -> np.ndarray:
        """Sum of the mid-ranks of each label's words, ``[n_labels, n_features]``; label -1 is nobody's."""
        return self.sums_of(label, n_labels, *self.ranks())

    def sums_of(self, label: np.ndarray, n_labels: int, excess: np.ndarray, of_zero: np.ndarray) -> np.ndarray:
        """`rank_sums` from `ranks` made before."""
        sizes = np.bincount(label[label >= 0], minlength=n_labels)
        return self._sums(label, n_labels, excess) + sizes[:, None] * of_zero

    def sums(self, label: np.ndarray, n_labels: int) -> np.ndarray:
        """Sum of the codes of each label's words, ``[n_labels, n_features]``."""
        return self._sums(label, n_labels, self.values)

    def _sums(self, label: np.ndarray, n_labels: int, numbers: np.ndarray) -> np.ndarray:
        n_features, own = self.shape[1], label[self.rows]
        if (label < 0).any():
            kept = own >= 0
            own, columns, numbers = own[kept], self.columns[kept], numbers[kept]
        else:
            columns = self.columns
        flat = np.bincount(own * np.int64(n_features) + columns, weights=numbers, minlength=n_labels * n_features)
        return flat.reshape(n_labels, n_features)

    def rank_variation(self) -> np.ndarray:
        """Sum of squared deviations of each feature's mid-ranks from their mean: what ties leave of it."""
        excess, of_zero = self.ranks()
        n_words, n_features = self.shape
        mean = (n_words + 1) / 2
        own = (of_zero[self.columns] + excess - mean) ** 2
        zeros = n_words - np.bincount(self.columns, minlength=n_features)
        return np.bincount(self.columns, weights=own, minlength=n_features) + zeros * (of_zero - mean) ** 2


def labels_of(membership: np.ndarray) -> np.ndarray:
    """Number of each word's emotion, -1 for words of none; of several, the first."""
    return np.where(membership.any(1), membership.argmax(1), -1)


def all_finite(codes: Codes) -> bool:
    """Whether every code is finite."""
    return bool(np.isfinite(codes.data if issparse(codes) else codes).all())


def as_dense(codes: Codes) -> np.ndarray:
    """A few columns or rows as a dense array."""
    return codes.toarray() if issparse(codes) else np.asarray(codes)
