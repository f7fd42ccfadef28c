"""Features that would be selected if codes had nothing to do with words: codes permuted over words, concept-sets as
they are.

Codes change places among words that are active alike (`strata`), so that sets of frequent or long words stay sets of
much or little activity: how much of the mean code a set has would otherwise put all sets on one line, and count as
structure.

Permuting codes over words is permuting rows of the membership table, so ranks are made once, and the rank sums of all
emotions in a draw are one pass over the codes that are not 0. Rank sums are halves of whole numbers, exact in any
order: the selection is that of `select.select_emotion_features` on the permuted codes, ties included.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np
from scipy.sparse import csr_matrix

from shared_affect.features.codes import LanguageCodes
from shared_affect.features.columns import ColumnCodes
from shared_affect.features.contrast import MIN_ACTIVE_WORDS

N_STRATA = 20
"""Groups of words, equal in number, inside which codes are permuted."""

ORDERS = 1_000_000
"""Places of words in permutations drawn at once: 8 MB."""


def strata(codes: LanguageCodes) -> list[np.ndarray]:
    """Positions of words in groups of equal size along the projection of their codes on the mean code."""
    c = codes.concepts.sparse
    along = np.asarray(c @ np.asarray(c.mean(0)).ravel()).ravel()
    return np.array_split(np.argsort(along, kind="stable"), max(1, min(N_STRATA, len(along) // 8)))


def permuted_selections(
    codes: LanguageCodes, contrast: Collection[str], settings: Mapping, n: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Draw by draw, the order of the codes and the codes of the features selected in that order.

    Parameters
    ----------
    codes : LanguageCodes
    contrast, settings
        As in `select.select`.
    n : int
        Draws.
    rng : Generator

    Yields
    ------
    order : ndarray of int, ``[n_words]``
        Word i is given the codes of word ``order[i]``.
    x : ndarray, ``[n_words, k]``, float64
        Codes, in the words' own order, of the union of the features selected for all emotions.
    """
    for order, columns, x in _permuted_columns(codes, contrast, settings, n, rng):
        yield order, x[columns].toarray().T.astype(float)


def _permuted_columns(
    codes: LanguageCodes, contrast: Collection[str], settings: Mapping, n: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, csr_matrix]]:
    """Order, rows of `x` that are selected, and `x`, the codes of all possible candidates as ``[features, words]``."""
    c, member, k = codes.concepts, codes.membership, settings["per_emotion"]
    live = c.live()
    live = live[codes.density[live] <= settings["max_density"]]
    x = csr_matrix(c.only(live).T)
    x = x[np.flatnonzero(np.diff(csr_matrix(x > 0).indptr) >= MIN_ACTIVE_WORDS)]
    if not x.shape[0]:
        raise ValueError(
            "no feature is a candidate on the concept words; allowed: at least one (config.yaml, key"
            " features.max_density)"
        )
    n_words, groups_of_words = len(c.words), strata(codes)
    every = ColumnCodes.of(csr_matrix(x.T))
    ranks = every.ranks()
    # an emotion outside the contrast is told apart from the contrast emotions alone, and they are never told apart from
    # it
    inside = np.array([e in contrast for e in codes.emotions])
    groups = [(np.flatnonzero(inside), inside)] if inside.any() else []
    groups += [(np.array([e]), inside | (np.arange(len(inside)) == e)) for e in np.flatnonzero(~inside)]
    label = member.argmax(1)
    for order in _orders(groups_of_words, n_words, n, rng):
        of_row = np.empty(n_words, int)
        of_row[order] = label  # word i has the codes of row order[i]
        chosen = np.zeros(x.shape[0], bool)
        for emotions, among in groups:
            rows = among[of_row]
            own = _places(of_row, emotions, len(inside))
            if rows.all():
                _choose(chosen, every, ranks, own, len(emotions), k)
            else:
                part = every.among(rows)
                _choose(chosen, part, part.ranks(), own[rows], len(emotions), k)
        yield order, np.flatnonzero(chosen), x


def _orders(groups: list[np.ndarray], n_words: int, n: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Random orders of the words, each among those of its group."""
    block = max(1, ORDERS // n_words)
    for start in range(0, n, block):
        orders = np.empty((min(block, n - start), n_words), int)
        for words in groups:
            orders[:, words] = rng.permuted(np.tile(words, (len(orders), 1)), axis=1)
        yield from orders


def _places(of_row: np.ndarray, emotions: np.ndarray, n_emotions: int) -> np.ndarray:
    """Place of each row's emotion in `emotions`, -1 for those of others."""
    place = np.full(n_emotions, -1)
    place[emotions] = np.arange(len(emotions))
    return place[of_row]


def _choose(
    chosen: np.ndarray,
    codes: ColumnCodes,
    ranks: tuple[np.ndarray, np.ndarray],
    label: np.ndarray,
    n_emotions: int,
    k: int,
) -> None:
    """Mark in `chosen` [features] the `k` best features of each emotion, by rank sum, mean difference, smaller id."""
    candidates = np.flatnonzero(codes.active() >= MIN_ACTIVE_WORDS)
    every = codes.sums_of(label, n_emotions, *ranks)
    k = min(k, len(candidates))
    for e, sums in enumerate(every[:, candidates] if len(candidates) < every.shape[1] else every):
        least = np.partition(sums, len(candidates) - k)[len(candidates) - k]
        best = sums >= least
        if best.sum() > k:
            tied = np.flatnonzero(sums == least)
            difference = _mean_differences(codes, candidates[tied], label == e)
            best[tied[np.argsort(-difference, kind="stable")[k - (best.sum() - len(tied)) :]]] = False
        chosen[candidates[best]] = True


def _mean_differences(codes: ColumnCodes, features: np.ndarray, mine: np.ndarray) -> np.ndarray:
    """Mean code of some words minus that of all others, of some features (ascending)."""
    n_features = codes.shape[1]
    wanted = np.zeros(n_features, bool)
    wanted[features] = True
    at = np.flatnonzero(wanted[codes.columns])
    own = mine[codes.rows[at]]
    sums = [np.bincount(codes.columns[a], codes.values[a], n_features)[features] for a in (at[own], at[~own])]
    return sums[0] / mine.sum() - sums[1] / (~mine).sum()
