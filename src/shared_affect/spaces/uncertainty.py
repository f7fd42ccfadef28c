"""Sampling error of correlations with raters, emotions and raters both counting as drawn."""

from __future__ import annotations

import numpy as np
from scipy.special import stdtrit

from shared_affect.spaces.pair_sets import MIN_PAIRS, PairSet
from shared_affect.spaces.rater_ranks import Estimates, Resamples, correlations

BOOTSTRAP_CHUNK = 250


def emotion_weights(chosen: PairSet, n: int, rng: np.random.Generator) -> np.ndarray:
    """Multiplicities of emotions, (n emotions, B); resamples with fewer than 3 different pairs are drawn again."""
    size = len(chosen.labels)

    def draw(count: int) -> np.ndarray:
        return rng.multinomial(size, np.full(size, 1 / size), size=count).T

    counts = draw(n)
    while (poor := ((counts[chosen.first] * counts[chosen.second]) > 0).sum(0) < MIN_PAIRS).any():
        counts[:, poor] = draw(int(poor.sum()))
    return counts


def bootstrap(found: Estimates, n_bootstrap: int, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """Joint resamples of emotions and raters: name -> (2 statistics, 2 scales, n_bootstrap)."""
    chosen = found.chosen
    emotions = emotion_weights(chosen, n_bootstrap, rng).astype(float)
    n_raters = len(found.humans.values)
    raters = rng.multinomial(n_raters, np.full(n_raters, 1 / n_raters), size=n_bootstrap).T.astype(float)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in found.values}
    for start in range(0, n_bootstrap, BOOTSTRAP_CHUNK):
        part = slice(start, start + BOOTSTRAP_CHUNK)
        # A pair of an emotion with itself stands in no pair set, so self-pairs of a resample drop out here.
        at = Resamples(emotions[chosen.first, part] * emotions[chosen.second, part], found.nuisances)
        human = found.humans.sides(at, raters[:, part])
        for name, v in found.values.items():
            parts[name].append(correlations(v, at, human))
    return {name: np.concatenate(p, axis=-1) for name, p in parts.items()}


def jackknife(found: Estimates) -> dict[str, np.ndarray]:
    """What each emotion and each rater adds to the sampling error: name -> (2 statistics, 2 scales, emotions + raters),
    squares summing to a variance.

    Values with one emotion left out move more than its pairs weigh, because the others then share one: that is taken
    back (infinitesimal jackknife). Empty where leaving one out leaves too few pairs.
    """
    chosen = found.chosen
    n, n_raters = len(chosen.labels), len(found.humans.values)
    counts = 1 - np.eye(n)
    weights = counts[chosen.first] * counts[chosen.second]
    if (weights.sum(0) < MIN_PAIRS).any():
        return {}
    left = weights.mean(0)
    raters = np.ones((n_raters, n))
    if n_raters > 1:
        weights = np.hstack([weights, np.ones((len(weights), n_raters))])
        raters = np.hstack([raters, 1 - np.eye(n_raters)])
    at = Resamples(weights, found.nuisances)
    human = found.humans.sides(at, raters)
    out = {}
    for name, v in found.values.items():
        left_out = correlations(v, at, human)
        emotions, of_raters = left_out[..., :n], left_out[..., n:]
        parts = [(emotions - emotions.mean(-1, keepdims=True)) * left]
        if n_raters > 1:
            parts.append((of_raters - of_raters.mean(-1, keepdims=True)) * np.sqrt((n_raters - 1) / n_raters))
        out[name] = np.concatenate(parts, axis=-1)
    return out


def interval(estimate: np.ndarray, added: np.ndarray, n_emotions: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval around estimates (...), from what `jackknife` found (..., n), as wide as Student's t.

    Resamples do worse: an emotion drawn twice makes pairs that agree for no other reason, so their mean is off, and a
    pair is drawn with the product of two counts, which triples the part of the variance that belongs to single pairs
    (docs/methods.md has both).
    """
    half = np.sqrt((added**2).sum(-1)) * stdtrit(n_emotions - 1, 0.975)
    return estimate - half, estimate + half
