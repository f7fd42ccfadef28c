"""Are the same features selected on half of the words, and do they mark the other half?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.base.stats import percentile_interval
from shared_affect.features.columns import Codes, ColumnCodes, as_dense
from shared_affect.features.contrast import (
    MIN_ACTIVE_WORDS,
    SelectionRule,
    auroc_by_emotion,
    best_candidates,
    check_concepts,
    check_density,
    feature_aurocs,
    find_candidates,
    mean_difference,
    positive_weights,
)
from shared_affect.words.concept_sets import shuffle_membership


def _halves(membership: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """True for one half of each emotion's words."""
    # every word gets its half below; the draw stays, since the numbers after it depend on it
    first = rng.random(len(membership)) < 0.5
    for e in range(membership.shape[1]):
        words = rng.permutation(np.flatnonzero(membership[:, e]))
        n_first = len(words) // 2 + int(len(words) % 2 and rng.random() < 0.5)
        first[words[:n_first]], first[words[n_first:]] = True, False
    return first


def _select_half(
    codes: ColumnCodes, membership: np.ndarray, density: np.ndarray, rule: SelectionRule
) -> tuple[np.ndarray, np.ndarray]:
    """Selected features as booleans [E, F] and their weights [E, F] from one half of the words."""
    candidates = find_candidates(codes, density, rule.max_density)
    auroc = feature_aurocs(codes, membership)
    difference = mean_difference(codes, membership)
    chosen = np.zeros(auroc.shape, bool)
    weight = np.zeros(auroc.shape)
    for e in range(len(auroc)):
        kept = best_candidates(auroc[e], difference[e], candidates, rule.n_features)
        chosen[e, kept] = True
        weight[e, kept] = positive_weights(difference[e, kept])[0]
    return chosen, weight


def _one_split(
    words: _Words, membership: np.ndarray, density: np.ndarray, rule: SelectionRule, rng: np.random.Generator
) -> np.ndarray:
    """Held-out AUROC (mean of both directions) and Jaccard of one split, [2, E]."""
    first = _halves(membership, rng)
    halves = [(words.sorted.among(m), membership[m]) for m in (first, ~first)]
    (chosen_a, weight_a), (chosen_b, weight_b) = [_select_half(*h, density, rule) for h in halves]
    auroc = [
        np.diag(auroc_by_emotion(words.weighted(m, w), membership[m]))
        for m, w in ((first, weight_b), (~first, weight_a))
    ]
    jaccard = (chosen_a & chosen_b).sum(1) / (chosen_a | chosen_b).sum(1)
    return np.array([np.mean(auroc, 0), jaccard])


@dataclass(frozen=True, eq=False)
class _Words:
    """Codes of the concept words as they are, and sorted by feature and value, once for all splits."""

    codes: Codes
    sorted: ColumnCodes

    def weighted(self, words: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """Weighted code sums [words, E] of some words, for weights [E, F]."""
        used = np.flatnonzero(weight.any(0))
        return as_dense(self.codes[words][:, used]) @ weight[:, used].T


@dataclass(frozen=True)
class Repeats:
    """How often words are halved, sets shuffled and emotions drawn anew.

    Attributes
    ----------
    splits : int
        Halves of the observed sets.
    shuffles : int
        Shuffled concept-sets, one split each.
    bootstrap : int
        Resamples of emotions.
    """

    splits: int = 10
    shuffles: int = 40
    bootstrap: int = 2000


def split_half_reproducibility(
    codes: Codes,
    membership: np.ndarray,
    emotions: Sequence[str],
    density: np.ndarray,
    rule: SelectionRule,
    *,
    repeats: Repeats | None = None,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Do features selected on half of the words mark the other half, and are the same features selected?

    Each split halves every emotion's own words; both halves select, and each is scored on the other: `held-out AUROC`
    of the weighted code sum of the selected features (words of the emotion against words of the others), and the
    Jaccard index of the two selections. The floor is the same code on shuffled concept-sets, one split each.

    Parameters
    ----------
    codes, membership, emotions, density, rule
        As in `select.select_emotion_features`.
    repeats : Repeats, optional
    rng : Generator

    Returns
    -------
    DataFrame
        quantity (`held_out_auroc`, `jaccard`), arm (`observed`, `shuffled-concepts`), value (mean over emotions),
        ci_low, ci_high (observed: 95 % bootstrap over emotions of the values averaged over splits; shuffled: 95 % of
        draws), shuffled_high (97.5 % point of the shuffled draws), n_emotions, n_splits, n_shuffles.

    Raises
    ------
    ValueError
        As `select.select_emotion_features`, or fewer than 1 split or shuffle.
    """
    repeats = repeats or Repeats()
    codes, membership = check_concepts(codes, membership, emotions)
    density = check_density(density, codes.shape[1])
    if min(repeats.splits, repeats.shuffles, repeats.bootstrap, rule.n_features) < 1:
        raise ValueError(
            f"n_splits {repeats.splits}, n_shuffles {repeats.shuffles}, n_bootstrap {repeats.bootstrap}, n_features"
            f" {rule.n_features}; allowed: integers >= 1 (config.yaml)"
        )
    alive = np.flatnonzero(ColumnCodes.of(codes).active() >= MIN_ACTIVE_WORDS)
    codes, density = codes[:, alive], density[alive]
    words = _Words(codes, ColumnCodes.of(codes))
    observed = np.mean([_one_split(words, membership, density, rule, rng) for _ in range(repeats.splits)], 0)
    shuffled = np.array(
        [
            _one_split(words, shuffle_membership(membership, rng), density, rule, rng).mean(1)
            for _ in range(repeats.shuffles)
        ]
    )
    return _rows(observed, shuffled, repeats, rng)


def _rows(observed: np.ndarray, shuffled: np.ndarray, repeats: Repeats, rng: np.random.Generator) -> pd.DataFrame:
    """The table, from values ``[quantity, emotion]`` and those of shuffled sets ``[shuffle, quantity]``."""
    n = observed.shape[1]
    resample = rng.integers(0, n, (repeats.bootstrap, n))
    columns = ["quantity", "arm", "value", "ci_low", "ci_high", "shuffled_high", "n_emotions", "n_splits", "n_shuffles"]
    rows = []
    for k, quantity in enumerate(("held_out_auroc", "jaccard")):
        floor = percentile_interval(shuffled[:, k], level=0.95, axis=0)
        interval = percentile_interval(observed[k][resample].mean(1), level=0.95, axis=0)
        for arm, value, (low, high) in (
            ("observed", observed[k].mean(), interval),
            ("shuffled-concepts", shuffled[:, k].mean(), floor),
        ):
            numbers = [float(x) for x in (value, low, high, floor[1])]
            rows.append((quantity, arm, *numbers, n, repeats.splits, repeats.shuffles))
    return pd.DataFrame(rows, columns=columns)
