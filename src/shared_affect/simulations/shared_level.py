"""Are features counted as shared by two languages where only sets of words are alike, not what they stand for?"""

import numpy as np
import pandas as pd

from shared_affect.base.seeds import rng as generator
from shared_affect.features.features import shared_features
from shared_affect.simulations._tally import rate
from shared_affect.study.checks import ALPHA

TITLE = "Shared features: set sizes, word frequency, density, correlated features"
TEXT = """
27 emotions and 60 features in two languages whose concept words are unrelated; 199 permutations of labels and at most 199 of words. A feature is a rectified sum of what its emotion, its word's
frequency and chance add. *Sizes* are 3 to 30 words a set. Where sizes or mean frequencies of the sets *agree*, both languages have the same small or rare sets. *Own structure*: each language
has emotions, but of its own (three dimensions, or one). *Frequency known* or not: whether the study was told how often words occur. Where it was not and the sets' mean frequencies agree strongly, nothing
in the codes tells frequency from emotion, so that the verdict's reason says "word frequency unknown"; the row shows how far that goes. Power: three tenths of the features mark the same
emotions in both languages.
"""
EMOTIONS, FEATURES, PERMUTATIONS = tuple(f"e{i:02d}" for i in range(27)), 60, 199
PLAIN = {
    "sizes": "equal",
    "frequency": 0.0,
    "agree": False,
    "known": True,
    "density": 0.3,
    "dimensions": 0,
    "common": 0.0,
}
SETTINGS = {
    "sets of 8 words, nothing agrees": {},
    "rare features": {"density": 0.05},
    "correlated features": {"dimensions": 3},
    "one dimension of its own in each language": {"dimensions": 1},
    "sizes differ": {"sizes": "differ"},
    "sizes agree": {"sizes": "agree"},
    "sizes agree, rare features": {"sizes": "agree", "density": 0.06},
    "sizes agree, own structure": {"sizes": "agree", "dimensions": 3},
    "frequency agrees, known": {"frequency": 0.5, "agree": True},
    "frequency and sizes agree, known": {"sizes": "agree", "frequency": 0.5, "agree": True},
    "frequency and sizes agree, known, rare features": {
        "sizes": "agree",
        "frequency": 0.5,
        "agree": True,
        "density": 0.1,
    },
    "frequency agrees, unknown": {"frequency": 0.5, "agree": True, "known": False},
    "power: shared, weak": {"common": 0.3, "sizes": "agree"},
    "power: shared": {"common": 0.5, "sizes": "agree"},
    "power: shared, frequency agrees and is known": {"common": 0.5, "sizes": "agree", "frequency": 0.5, "agree": True},
}


def world(setting: str, rng: np.random.Generator) -> tuple[dict, dict, dict | None]:
    """Codes, membership and word properties by language."""
    s = PLAIN | SETTINGS[setting]
    e = len(EMOTIONS)
    sizes, rarity = rng.integers(3, 31, e), rng.normal(size=e)
    load, common = rng.normal(size=FEATURES), rng.normal(size=(e, FEATURES)) * (np.arange(FEATURES) < 0.3 * FEATURES)
    codes, membership, known = {}, {}, {}
    for k in ("en", "zh"):
        first = k == "en"
        n = (
            np.full(e, 8)
            if s["sizes"] == "equal"
            else sizes
            if first or s["sizes"] == "agree"
            else rng.permutation(sizes)
        )
        emotion = np.repeat(np.arange(e), n)
        frequency = (rarity if first or s["agree"] else rng.permutation(rarity))[emotion] + rng.normal(
            0, 0.7, len(emotion)
        )
        own = s["common"] * common
        if d := s["dimensions"]:
            own = own + 0.7 * rng.normal(size=(e, d)) @ rng.normal(size=(d, FEATURES)) / np.sqrt(d)
        x = own[emotion] + s["frequency"] * load * frequency[:, None] + rng.normal(size=(len(emotion), FEATURES))
        codes[k] = np.clip(x - np.quantile(x, 1 - s["density"], axis=0), 0, None)
        membership[k] = emotion[:, None] == np.arange(e)
        known[k] = pd.DataFrame({"log10_count": frequency})
    return codes, membership, known if s["known"] else None


def one(setting: str, rng: np.random.Generator, n_permutations: int = PERMUTATIONS) -> dict:
    """The p of one dataset."""
    codes, membership, known = world(setting, rng)
    found = shared_features(
        codes, membership, EMOTIONS, covariates_by_language=known, n_permutations=n_permutations, rng=rng
    )
    return {"p": found.p, "labels": found.p_labels, "words": found.p_words}


def run(n: int, root_seed: int) -> list[dict]:
    """Rows of all settings."""
    rows = []
    for setting in SETTINGS:
        found = pd.DataFrame(
            [one(setting, generator(root_seed, "simulation shared_level", setting, k)) for k in range(n)]
        )
        meant = (
            "power"
            if setting.startswith("power")
            else "the study says that it cannot tell"
            if "unknown" in setting
            else "<= .01"
        )
        rows.append(rate(setting, "p < .01", found["p"] < ALPHA, meant))
        if meant == "<= .01":
            rows.append(rate(setting, "p < .05", found["p"] < 0.05, "<= .05"))
    return rows
