"""Features that would be selected if codes had nothing to do with words: codes permuted over words, concept-sets as
they are.

Codes change places among words that are active alike (`strata`), so that sets of frequent or long words stay sets of
much or little activity: how much of the mean code a set has would otherwise put all sets on one line, and count as
structure.

Permuting codes over words is permuting rows of the membership table, so ranks are made once and all emotions of many
draws are one matrix product. Rank sums are halves of whole numbers below 2^23, which float32 holds exactly: the
selection is that of `select.select_emotion_features` on the permuted codes, ties included.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

import numpy as np

from shared_affect.base.stats import midranks
from shared_affect.features.codes import LanguageCodes
from shared_affect.features.contrast import MIN_ACTIVE_WORDS

EXACT = 2**23
"""Largest rank sum whose half steps float32 holds."""

N_STRATA = 20
"""Groups of words, equal in number, inside which codes are permuted."""

NUMBERS = 16_000_000
"""Rank sums held at once: 64 MB."""


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
        yield order, x[columns].T.astype(float)


def _permuted_columns(
    codes: LanguageCodes, contrast: Collection[str], settings: Mapping, n: int, rng: np.random.Generator
) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Order, rows of `x` that are selected, and `x`, the codes of all possible candidates as ``[features, words]``."""
    c, member, k = codes.concepts, codes.membership, settings["per_emotion"]
    live = c.live()
    live = live[codes.density[live] <= settings["max_density"]]
    x = np.ascontiguousarray(c.columns(live).T)
    x = x[(x > 0).sum(1) >= MIN_ACTIVE_WORDS]
    if not len(x):
        raise ValueError(
            "no feature is a candidate on the concept words; allowed: at least one (config.yaml, key"
            " features.max_density)"
        )
    n_words, groups_of_words = len(c.words), strata(codes)
    ranks = midranks(x).astype(np.float32 if n_words**2 < EXACT else np.float64)
    # an emotion outside the contrast is told apart from the contrast emotions alone, and they are never told apart from
    # it
    inside = np.array([e in contrast for e in codes.emotions])
    groups = [(np.flatnonzero(inside), inside)] if inside.any() else []
    groups += [(np.array([e]), inside | (np.arange(len(inside)) == e)) for e in np.flatnonzero(~inside)]
    block = max(1, NUMBERS // (len(x) * len(inside)))
    for start in range(0, n, block):
        orders = np.empty((min(block, n - start), n_words), int)
        for words in groups_of_words:
            orders[:, words] = rng.permuted(np.tile(words, (len(orders), 1)), axis=1)
        # word i has the codes of row order[i], so row r belongs to the emotions of word inverse[r]
        of_row = member[np.argsort(orders, axis=1)]
        chosen = np.zeros((len(orders), len(x)), bool)
        for emotions, among in groups:
            if among.all():
                _choose(chosen, ranks, x, of_row, np.ones(of_row.shape[:2], bool), emotions, k)
                continue
            for d in range(len(orders)):
                rows = of_row[d][:, among].any(1)
                _choose(chosen[d : d + 1], _ranks_among(ranks, x, rows), x, of_row[d : d + 1], rows[None], emotions, k)
        for order, row in zip(orders, chosen, strict=True):
            yield order, np.flatnonzero(row), x


def _ranks_among(ranks: np.ndarray, x: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Mid-ranks among the words of `rows`, from those among all words: what words outside add is taken off."""
    out = ranks.copy()
    for j in np.flatnonzero(~rows):
        out -= (x > x[:, j : j + 1]) + np.float32(0.5) * (x == x[:, j : j + 1])
    out[(x[:, rows] > 0).sum(1) < MIN_ACTIVE_WORDS] = -np.inf  # no candidate here
    return out


def _choose(
    chosen: np.ndarray,
    ranks: np.ndarray,
    x: np.ndarray,
    of_row: np.ndarray,
    rows: np.ndarray,
    emotions: np.ndarray,
    k: int,
) -> None:
    """Mark in `chosen` [draws, features] the `k` best features of each emotion, by rank sum, mean difference, smaller
    id.
    """
    n_draws, n_words, _ = of_row.shape
    mine = of_row[:, :, emotions].transpose(0, 2, 1).reshape(-1, n_words)
    candidates = np.flatnonzero(np.isfinite(ranks[:, 0]))
    sums = mine.astype(ranks.dtype) @ ranks[candidates].T
    k = min(k, len(candidates))
    least = np.partition(sums, len(candidates) - k, axis=1)[:, len(candidates) - k, None]
    best = sums >= least
    for i in np.flatnonzero(best.sum(1) > k):
        tied = np.flatnonzero(sums[i] == least[i])
        others = rows[i // len(emotions)] & ~mine[i]
        values = x[candidates[tied]].astype(float)
        difference = values @ mine[i] / mine[i].sum() - values @ others / others.sum()
        best[i, tied[np.argsort(-difference, kind="stable")[k - (best[i].sum() - len(tied)) :]]] = False
    draw = np.repeat(np.arange(n_draws), len(emotions))
    at, column = np.nonzero(best)
    chosen[draw[at], candidates[column]] = True
