"""The words of the study: controls, representations, pair sets, arms."""

from __future__ import annotations

CONTROLS = ("none", "untrained", "shuffled-norms", "shuffled-concepts", "no-affect")


REPRESENTATIONS = (
    "sae-space",
    "sae-all",
    "dense",
    "static",
    "random-sae",
    "shuffled-concepts",
    "non-emotion",
    "valence-sign",
    "valence-arousal",
    "association",
    "set-overlap",
    "with-shared-words",
)


PAIR_SETS = ("all", "within-valence", "within-positive", "within-negative", "partial")


RATING_ARMS = (
    "all",
    "emotion-space",
    "shared",
    "en-only",
    "zh-only",
    "outside-matched",
    "dense",
    "static",
    "association",
    "covariates",
    "valence-quadratic",
)


STEERING_ARMS = (
    "concept",
    "output-filtered",
    "diff-means",
    "wrong-emotion",
    "random",
    "random-features",
    "prompt",
    "none",
    "negative",
    "ablation",
    "cross-language",
    "carried",
)
