"""Are features counted as shared by two languages where only sets of words are alike, not what they stand for?"""

from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.base.seeds import rng as generator
from shared_affect.features.shared import LanguageWords, shared_features
from shared_affect.simulations._tally import rate
from shared_affect.study.checks import ALPHA

TITLE = "Shared features: set sizes, word frequency, density, correlated features"
TEXT = """
27 emotions and 60 features in two languages whose concept words are unrelated; 199 permutations of labels and at most
199 of words. A feature is a rectified sum of what its emotion, its word's frequency and chance add. *Sizes* are 3 to 30
words a set. Where sizes or mean frequencies of the sets *agree*, both languages have the same small or rare sets. *Own
structure*: each language has emotions, but of its own (three dimensions, or one). *Frequency known* or not: whether the
study was told how often words occur. Where it was not and the sets' mean frequencies agree strongly, nothing in the
codes tells frequency from emotion, so that the verdict's reason says "word frequency unknown"; the row shows how far
that goes. Power: three tenths of the features mark the same emotions in both languages.
"""
EMOTIONS, FEATURES, PERMUTATIONS = tuple(f"e{i:02d}" for i in range(27)), 60, 199


@dataclass(frozen=True)
class World:
    """How two languages' sets and features are made.

    Attributes
    ----------
    sizes : {"equal", "differ", "agree"}
        Of the sets: 8 words each, or 3 to 30 that differ or agree between the languages.
    frequency : float
        Weight of a word's frequency in its codes.
    agree, known : bool
        Whether the sets' mean frequencies agree, and whether the study is told frequencies.
    density : float
        Share of words on which a feature is active.
    dimensions : int
        Of each language's own structure.
    common : float
        Weight of what three tenths of the features mark in both languages.
    """

    sizes: str = "equal"
    frequency: float = 0.0
    agree: bool = False
    known: bool = True
    density: float = 0.3
    dimensions: int = 0
    common: float = 0.0


SETTINGS = {
    "sets of 8 words, nothing agrees": World(),
    "rare features": World(density=0.05),
    "correlated features": World(dimensions=3),
    "one dimension of its own in each language": World(dimensions=1),
    "sizes differ": World(sizes="differ"),
    "sizes agree": World(sizes="agree"),
    "sizes agree, rare features": World(sizes="agree", density=0.06),
    "sizes agree, own structure": World(sizes="agree", dimensions=3),
    "frequency agrees, known": World(frequency=0.5, agree=True),
    "frequency and sizes agree, known": World(sizes="agree", frequency=0.5, agree=True),
    "frequency and sizes agree, known, rare features": World(sizes="agree", frequency=0.5, agree=True, density=0.1),
    "frequency agrees, unknown": World(frequency=0.5, agree=True, known=False),
    "power: shared, weak": World(common=0.3, sizes="agree"),
    "power: shared": World(common=0.5, sizes="agree"),
    "power: shared, frequency agrees and is known": World(common=0.5, sizes="agree", frequency=0.5, agree=True),
}


def world(setting: str, rng: np.random.Generator) -> dict[str, LanguageWords]:
    """Concept words by language."""
    s = SETTINGS[setting]
    e = len(EMOTIONS)
    sizes, rarity = rng.integers(3, 31, e), rng.normal(size=e)
    load, common = rng.normal(size=FEATURES), rng.normal(size=(e, FEATURES)) * (np.arange(FEATURES) < 0.3 * FEATURES)
    words = {}
    for k in ("en", "zh"):
        first = k == "en"
        n = np.full(e, 8) if s.sizes == "equal" else sizes if first or s.sizes == "agree" else rng.permutation(sizes)
        emotion = np.repeat(np.arange(e), n)
        frequency = (rarity if first or s.agree else rng.permutation(rarity))[emotion] + rng.normal(
            0, 0.7, len(emotion)
        )
        own = s.common * common
        if d := s.dimensions:
            own = own + 0.7 * rng.normal(size=(e, d)) @ rng.normal(size=(d, FEATURES)) / np.sqrt(d)
        x = own[emotion] + s.frequency * load * frequency[:, None] + rng.normal(size=(len(emotion), FEATURES))
        codes = np.clip(x - np.quantile(x, 1 - s.density, axis=0), 0, None)
        known = pd.DataFrame({"log10_count": frequency}) if s.known else None
        words[k] = LanguageWords(codes, emotion[:, None] == np.arange(e), known)
    return words


def one(setting: str, rng: np.random.Generator, n_permutations: int = PERMUTATIONS) -> dict:
    """The p of one dataset."""
    found = shared_features(world(setting, rng), EMOTIONS, n_permutations=n_permutations, rng=rng)
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
