"""How well a score of each emotion tells its vignettes from other texts: AUROC, intervals, permutation p.

An AUROC is the share of pairs (a vignette of the emotion, another text) in which the vignette has the higher score,
ties counting half. Vignettes of one scenario are no independent samples of an emotion. So what can be exchanged or left
out is a vignette where its matched neutral text, alike in scenario, is what it is told from; where it is told from
other emotions, and wherever a mean over emotions is taken, a scenario is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtri, stdtrit

from shared_affect.base.stats import midranks

BLOCK = 1_000_000
"""Places of texts in permutations held at once: 8 MB."""


@dataclass(frozen=True, eq=False)
class Texts:
    """Scores of vignettes and of what they are told from.

    Attributes
    ----------
    emotions : tuple of str, length E
    own : ndarray of int, ``[n]``
        Whose each vignette is, a place in `emotions`; -1 for an emotion that is none of them.
    block : ndarray of int, ``[n]``
        Its scenario.
    scores : ndarray, ``[n, E]``
        Of each vignette for each emotion.
    neutral : ndarray, ``[n, E]``
        Of its matched neutral text.
    unmatched : ndarray, ``[k, E]``
        Of neutral texts that match none; may be empty.

    Raises
    ------
    ValueError
        If a scenario has vignettes of two emotions, or an emotion fewer than two vignettes or all of them.
    """

    emotions: tuple[str, ...]
    own: np.ndarray
    block: np.ndarray
    scores: np.ndarray
    neutral: np.ndarray
    unmatched: np.ndarray

    def __post_init__(self) -> None:
        for b in np.unique(self.block):
            if len(set(self.own[self.block == b].tolist())) > 1:
                raise ValueError(f"scenario {b} has vignettes of several emotions; allowed: of one")
        for e, name in enumerate(self.emotions):
            if not 2 <= (n := int((self.own == e).sum())) < len(self.own):
                raise ValueError(
                    f"{name!r} has {n} of {len(self.own)} vignettes; needed: 2 or more, and some of other emotions"
                )

    def against(self, what: str, e: int) -> tuple[np.ndarray, np.ndarray]:
        """Scores for an emotion of its own vignettes, and of what they are told from."""
        mine = self.own == e
        other = {
            "matched-neutral": self.neutral[mine, e],
            "other-emotions": self.scores[~mine, e],
            "unmatched-neutral": self.unmatched[:, e],
        }
        return self.scores[mine, e], other[what]

    def aurocs(self, what: str) -> np.ndarray:
        """AUROC of each emotion, ``[E]``."""
        return np.array([auroc(*self.against(what, e)) for e in range(len(self.emotions))])

    def without(self, block: int) -> Texts:
        """The same without a scenario."""
        kept = self.block != block
        return Texts(
            self.emotions, self.own[kept], self.block[kept], self.scores[kept], self.neutral[kept], self.unmatched
        )


def auroc(own: np.ndarray, other: np.ndarray) -> float:
    """Share of pairs in which `own` is higher, ties counting half.

    >>> auroc(np.array([3.0, 1.0]), np.array([0.0, 1.0]))
    0.875
    """
    higher = own[:, None] - other  # a dozen by some dozens: cheaper than ranks
    return float(((higher > 0).sum() + 0.5 * (higher == 0).sum()) / higher.size)


def newcombe(area: float, n_own: float, n_other: float, level: float = 0.95) -> tuple[float, float]:
    """Interval of an AUROC that keeps its level with a dozen texts and next to 1 (Newcombe 2006, Statistics in Medicine
    25:559, method 5).

    The variance is that of an area as large as the end of the interval under exponential scores, at the mean of both
    numbers of texts (Hanley & McNeil 1982, Radiology 143:29).

    >>> [round(x, 2) for x in newcombe(1.0, 12, 84)]
    [0.91, 1.0]
    """
    z = ndtri((1 + level) / 2)
    n_star = (n_own + n_other) / 2 - 1

    def off(theta: float) -> float:
        variance = theta * (1 - theta) * (1 + n_star * (1 - theta) / (2 - theta) + n_star * theta / (1 + theta))
        return float((area - theta) ** 2 - z**2 * variance / (n_own * n_other))

    low = 0.0 if area <= 0 else brentq(off, 0.0, area - 1e-12) if off(0.0) > 0 else 0.0
    high = 1.0 if area >= 1 else brentq(off, area + 1e-12, 1.0) if off(1.0) > 0 else 1.0
    return float(low), float(high)


def interval(texts: Texts, what: str, e: int, level: float = 0.95) -> tuple[float, float]:
    """Interval of an emotion's AUROC over vignettes (`newcombe`).

    Told from other emotions, vignettes of one scenario count for as many as they are worth: their number over 1 + (m -
    1) icc, m vignettes a scenario, icc their likeness in the ranks of the score (`likeness`). Told from matched neutral
    texts the scenario is on both sides, and a vignette counts in full.
    """
    own, other = texts.against(what, e)
    worth = 1.0
    if what != "matched-neutral":
        m = len(texts.own) / len(np.unique(texts.block))
        worth = 1 / (1 + (m - 1) * likeness(texts, e))
    n_other = len(other) * (worth if what == "other-emotions" else 1)
    return newcombe(auroc(own, other), len(own) * worth, n_other, level)


def likeness(texts: Texts, e: int) -> float:
    """How alike vignettes of a scenario score, beyond those of their emotion: intraclass correlation of ranks, 0 to 1.

    Of a one-way analysis of variance of scenarios inside emotions (Donner 1986, Int. Stat. Review 54:67).
    """
    ranks = midranks(texts.scores[:, e])
    blocks, at = np.unique(texts.block, return_inverse=True)
    n_block = np.bincount(at)
    means = np.bincount(at, ranks) / n_block
    whose = np.array([texts.own[at == b][0] for b in range(len(blocks))])
    centred = means - np.array([np.average(means[whose == w], weights=n_block[whose == w]) for w in whose])
    freedom = len(blocks) - len(np.unique(whose))
    if freedom < 1 or len(ranks) <= len(blocks):
        return 0.0
    between = float((n_block * centred**2).sum()) / freedom
    within = float(((ranks - means[at]) ** 2).sum()) / (len(ranks) - len(blocks))
    m = len(ranks) / len(blocks)
    total = between + (m - 1) * within
    return float(np.clip((between - within) / total, 0, 1)) if total > 0 else 0.0


def mean_interval(texts: Texts, what: str, level: float = 0.95) -> tuple[float, float]:
    """Interval of the mean AUROC over emotions, scenarios counting as drawn inside each emotion.

    Each scenario is left out once; the logit of the mean keeps ends inside 0 to 1 (Student's t, degrees of freedom:
    scenarios less emotions).

    Raises
    ------
    ValueError
        If an emotion has one scenario.
    """
    n_own, n_other = len(texts.own), max(len(texts.unmatched), len(texts.own))
    least = 0.5 / (n_own * n_other)  # half a pair, so that a perfect mean has a logit

    def scaled(area: float) -> float:
        return float(logit(np.clip(area, least, 1 - least)))

    variance, freedom = 0.0, 0
    for own in np.unique(texts.own):
        blocks = np.unique(texts.block[texts.own == own])
        if len(blocks) < 2:
            raise ValueError(f"an emotion has {len(blocks)} scenario; needed: 2 or more")
        left = np.array([scaled(texts.without(b).aurocs(what).mean()) for b in blocks])
        variance += (len(left) - 1) / len(left) * float(((left - left.mean()) ** 2).sum())
        freedom += len(left) - 1
    area = float(texts.aurocs(what).mean())
    half = stdtrit(freedom, (1 + level) / 2) * np.sqrt(variance)
    return float(expit(scaled(area) - half)), float(expit(scaled(area) + half))


def permutation_p(texts: Texts, what: str, n: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """One-sided p of each emotion's AUROC and of their mean.

    Against matched neutral texts a vignette and its partner change places: for an emotion each pair by itself, for the
    mean all pairs of a scenario at once. Against other emotions scenarios change their emotion.

    Parameters
    ----------
    texts : Texts
    what : {"matched-neutral", "other-emotions"}
    n : int
        Permutations; the observed order counts among them.
    rng : Generator

    Returns
    -------
    each : ndarray, ``[E]``
    mean : float
    """
    sizes = np.array([(texts.own == e).sum() for e in range(len(texts.emotions))])
    if what == "matched-neutral":
        return _p_of_swaps(texts, sizes, n, rng)
    ranks = midranks(texts.scores, axis=0)
    n_other = len(texts.own) - sizes
    blocks, first = np.unique(texts.block, return_index=True)
    sums = np.stack([ranks[texts.block == b].sum(0) for b in blocks])  # [blocks, E]
    count = np.array([(texts.block == b).sum() for b in blocks])
    if len(set(count.tolist())) > 1:
        raise ValueError(f"scenarios of {sorted(set(count.tolist()))} vignettes; needed: as many in each")
    label = texts.own[first]
    observed = _areas(np.stack([sums[label == e, e].sum() for e in range(len(sizes))]), sizes, n_other)
    each, mean = np.ones(len(sizes)), 1
    for size in _parts(n, len(blocks)):
        drawn = rng.permuted(np.tile(label, (size, 1)), axis=1)
        got = np.stack([((drawn == e) * sums[:, e]).sum(1) for e in range(len(sizes))], axis=1)
        areas = _areas(got, sizes, n_other)
        each += (areas >= observed - 1e-12).sum(0)
        mean += int((areas.mean(1) >= observed.mean() - 1e-12).sum())
    return each / (n + 1), mean / (n + 1)


def _areas(rank_sums: np.ndarray, n_own: np.ndarray, n_other: np.ndarray) -> np.ndarray:
    return (rank_sums - n_own * (n_own + 1) / 2) / (n_own * n_other)


def _parts(n: int, width: int) -> Sequence[int]:
    block = max(1, BLOCK // width)
    return [min(block, n - start) for start in range(0, n, block)]


def _p_of_swaps(texts: Texts, sizes: np.ndarray, n: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """Of vignettes that change places with their neutral partners: by pairs for each, by scenarios for the mean."""
    gains, blocks, lowest = [], [], []
    for e in range(len(sizes)):
        mine = texts.own == e
        ranks = midranks(np.concatenate([texts.scores[mine, e], texts.neutral[mine, e]]))
        vignette, neutral = ranks[: sizes[e]], ranks[sizes[e] :]
        gains.append(neutral - vignette)  # what a swap adds to the rank sum
        lowest.append(vignette.sum())
        blocks.append(texts.block[mine])
    observed = _areas(np.array(lowest), sizes, sizes)
    each, mean = np.ones(len(sizes)), 1
    scenarios = {e: np.unique(b, return_inverse=True) for e, b in enumerate(blocks)}
    for size in _parts(n, int(sizes.sum())):
        total = np.zeros(size)
        for e in range(len(sizes)):
            swapped = rng.random((size, sizes[e])) < 0.5
            area = _areas(lowest[e] + swapped @ gains[e], sizes[e], sizes[e])
            each[e] += (area >= observed[e] - 1e-12).sum()
            names, at = scenarios[e]
            together = (rng.random((size, len(names))) < 0.5)[:, at]
            total += _areas(lowest[e] + together @ gains[e], sizes[e], sizes[e])
        mean += int((total / len(sizes) >= observed.mean() - 1e-12).sum())
    return each / (n + 1), mean / (n + 1)
