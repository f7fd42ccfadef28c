"""How well a score of each emotion tells its vignettes from other texts: AUROC, intervals, permutation p.

An AUROC is the share of pairs (a vignette of the emotion, another text) in which the vignette has the higher score,
ties counting half. Vignettes of one scenario are no independent samples of an emotion, not even beside their matched
neutral texts: what happens in a scenario stands in all its vignettes and in none of these. So what is exchanged or left
out is always a whole scenario.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import brentq
from scipy.special import expit, logit, ndtri, stdtrit

from shared_affect.base.stats import midranks

BLOCK = 1_000_000
"""Places of texts in permutations held at once: 8 MB."""

LEAST_ORDERS = 20
"""Orders of scenarios without which no p can be .05."""


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
        If a scenario has vignettes of two emotions, or an emotion none or all of them.
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
            if not 1 <= (n := int((self.own == e).sum())) < len(self.own):
                raise ValueError(
                    f"{name!r} has {n} of {len(self.own)} vignettes; needed: some of it and some of other emotions"
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


def intervals(texts: Texts, what: str, level: float = 0.95) -> np.ndarray:
    """Intervals of each emotion's AUROC (`newcombe`), ``[E, 2]``.

    Vignettes of one scenario count for as many as they are worth: their number over 1 + (m - 1) icc, m vignettes a
    scenario, icc their likeness in ranks (`likeness`). Of an emotion's own vignettes it is taken over all emotions
    together, since one has a few scenarios only; told from matched neutral texts, it is that of what a vignette's rank
    exceeds its neutral text's by, for no more of the texts enters the AUROC. Other emotions' vignettes have their own.
    """
    ranks, n_own = [], [int((texts.own == e).sum()) for e in range(len(texts.emotions))]
    for e, n in enumerate(n_own):
        own, other = texts.against(what, e)
        found = midranks(np.concatenate([own, other]))
        ranks.append((found[:n], found[n:]))
    gains = [own - other if what == "matched-neutral" else own for own, other in ranks]
    at = [texts.own == e for e in range(len(n_own))]
    block, whose = (np.concatenate([of[mine] for mine in at]) for of in (texts.block, texts.own))
    mine = _worth(np.concatenate(gains), block, whose)
    ends = []
    for e, n in enumerate(n_own):
        own, other = texts.against(what, e)
        others = {"matched-neutral": mine, "unmatched-neutral": 1.0}.get(what)
        if others is None:
            others = _worth(ranks[e][1], texts.block[~at[e]], texts.own[~at[e]])
        ends.append(newcombe(auroc(own, other), n * mine, len(other) * others, level))
    return np.array(ends)


def _worth(values: np.ndarray, block: np.ndarray, group: np.ndarray) -> float:
    """Independent texts that one of several in a scenario counts for."""
    return 1 / (1 + (len(values) / len(np.unique(block)) - 1) * likeness(values, block, group))


def likeness(values: np.ndarray, block: np.ndarray, group: np.ndarray) -> float:
    """How alike values of a scenario are, beyond those of its group: intraclass correlation, 0 to 1.

    Of a one-way analysis of variance of scenarios inside groups (Donner 1986, Int. Stat. Review 54:67).

    Examples
    --------
    >>> likeness(np.array([1.0, 1, 2, 2, 7, 7, 9, 9]), np.repeat([0, 1, 2, 3], 2), np.repeat([0, 1], 4))
    1.0
    """
    blocks, first, at = np.unique(block, return_index=True, return_inverse=True)
    n_block, whose = np.bincount(at), group[first]
    means = np.bincount(at, values) / n_block
    centred = means - np.array([np.average(means[whose == w], weights=n_block[whose == w]) for w in whose])
    freedom = len(blocks) - len(np.unique(whose))
    if freedom < 1 or len(values) <= len(blocks):
        return 0.0
    between = float((n_block * centred**2).sum()) / freedom
    within = float(((values - means[at]) ** 2).sum()) / (len(values) - len(blocks))
    m = len(values) / len(blocks)
    total = between + (m - 1) * within
    return float(np.clip((between - within) / total, 0, 1)) if total > 0 else 0.0


def mean_interval(texts: Texts, what: str, level: float = 0.95) -> tuple[float, float]:
    """Interval of the mean AUROC over emotions, scenarios counting as drawn inside each emotion.

    Each scenario is left out once; the logit of the mean keeps ends inside 0 to 1. What else is drawn adds its part to
    the variance: told from other emotions, scenarios that stand for none of the emotions (one alone is taken as given);
    told from unmatched neutral texts, these, which all emotions share. Student's t; degrees of freedom: scenarios of
    the emotions less emotions, or unmatched texts less one where these are fewer.

    Raises
    ------
    ValueError
        If an emotion has one scenario, or there is one unmatched text.
    """
    n_own, n_other = int((texts.own >= 0).sum()), max(len(texts.unmatched), len(texts.own))
    least = 0.5 / (n_own * n_other)  # half a pair, so that a perfect mean has a logit

    def scaled(area: ArrayLike) -> np.ndarray:
        return np.asarray(logit(np.clip(area, least, 1 - least)))

    variance, freedom = 0.0, 0
    for e, name in enumerate(texts.emotions):
        if len(blocks := np.unique(texts.block[texts.own == e])) < 2:
            raise ValueError(f"emotion {name!r} has {len(blocks)} scenario; needed: 2 or more")
        variance += _jackknife(scaled(_means_without(texts, what, blocks)))
        freedom += len(blocks) - 1
    rest = np.unique(texts.block[texts.own < 0])
    if what == "other-emotions" and len(rest) > 1:
        variance += _jackknife(scaled(_means_without(texts, what, rest)))
    if what == "unmatched-neutral":
        variance += _jackknife(scaled(_means_without_unmatched(texts)))
        freedom = min(freedom, len(texts.unmatched) - 1)
    area = scaled(texts.aurocs(what).mean())
    half = stdtrit(freedom, (1 + level) / 2) * np.sqrt(variance)
    return float(expit(area - half)), float(expit(area + half))


def _means_without(texts: Texts, what: str, blocks: np.ndarray) -> np.ndarray:
    """Mean AUROC without each of some scenarios."""
    return np.array([texts.without(b).aurocs(what).mean() for b in blocks])


def _means_without_unmatched(texts: Texts) -> np.ndarray:
    """Mean AUROC without each of the unmatched texts."""
    if (k := len(texts.unmatched)) < 2:
        raise ValueError(f"{k} unmatched neutral text; needed: 2 or more")
    below = np.zeros(k)  # of each, how often it lies below an emotion's vignettes, mean over emotions
    for e in range(len(texts.emotions)):
        own, other = texts.against("unmatched-neutral", e)
        higher = own[:, None] - other
        below += ((higher > 0) + 0.5 * (higher == 0)).mean(0) / len(texts.emotions)
    return (below.sum() - below) / (k - 1)


def _jackknife(left: np.ndarray) -> float:
    """Variance from the values without each of what is drawn."""
    return (len(left) - 1) / len(left) * float(((left - left.mean()) ** 2).sum())


def permutation_p(texts: Texts, what: str, n: int, rng: np.random.Generator) -> tuple[np.ndarray, float]:
    """One-sided p of each emotion's AUROC and of their mean.

    Against matched neutral texts vignettes and partners change places, all of a scenario at once; an emotion of so few
    scenarios that no p could be .05 has none (NaN). Against other emotions scenarios change their emotion.

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

    Raises
    ------
    ValueError
        Against other emotions, if scenarios have unequal numbers of vignettes.
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
    """Of scenarios whose vignettes change places with their neutral partners."""
    gains, lowest = [], []
    for e in range(len(sizes)):
        mine = texts.own == e
        ranks = midranks(np.concatenate([texts.scores[mine, e], texts.neutral[mine, e]]))
        vignette, neutral = ranks[: sizes[e]], ranks[sizes[e] :]
        at = np.unique(texts.block[mine], return_inverse=True)[1]
        gains.append(np.bincount(at, neutral - vignette))  # what the swap of a scenario adds to the rank sum
        lowest.append(vignette.sum())
    observed = _areas(np.array(lowest), sizes, sizes)
    each, mean = np.ones(len(sizes)), 1
    for size in _parts(n, sum(len(g) for g in gains)):
        swapped = [rng.random((size, len(g))) < 0.5 for g in gains]
        sums = np.stack([low + s @ g for low, s, g in zip(lowest, swapped, gains, strict=True)], axis=1)
        areas = _areas(sums, sizes, sizes)
        each += (areas >= observed - 1e-12).sum(0)
        mean += int((areas.mean(1) >= observed.mean() - 1e-12).sum())
    each[[2 ** len(g) < LEAST_ORDERS for g in gains]] = np.nan
    return each / (n + 1), mean / (n + 1)
