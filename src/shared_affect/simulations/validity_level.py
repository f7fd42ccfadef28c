"""Do AUROC of vignettes keep their level, and do their intervals cover, where vignettes of a scenario are alike?"""

import numpy as np
from scipy.special import ndtr, ndtri

from shared_affect.base.seeds import rng as generator
from shared_affect.simulations._tally import rate
from shared_affect.validity.auroc import Texts, interval, mean_interval, permutation_p

TITLE = "Vignettes: level of the tests, coverage of the intervals"
TEXT = """
As in AIPsy: eight categories of three scenarios of four vignettes, each with a matched neutral text; seven categories
stand for emotions. A score is normal; *alike*: the share of its variance that a scenario has, whole and its neutral
texts too. The first rows count p <= .05 where there is nothing (199 permutations; of single emotions, whose smallest p
against other emotions is 1 in 2,024; and of the mean). The others say how often 95 % intervals hold the true AUROC;
intervals of single emotions are pooled over the seven. With twelve vignettes they are wide: .4 at AUROC .5.
"""
EMOTIONS, CATEGORIES, SCENARIOS, VERSIONS = tuple("abcdefg"), 8, 3, 4
AGAINST = ("matched-neutral", "other-emotions")
AREAS, ALIKE = (0.5, 0.7, 0.9, 0.97), (0.0, 0.3)
PERMUTATIONS = 199


def world(area: float, alike: float, rng: np.random.Generator) -> Texts:
    """Scores of one dataset; own vignettes lie above other emotions' and above their neutral texts by this AUROC."""
    blocks = CATEGORIES * SCENARIOS
    block = np.repeat(np.arange(blocks), VERSIONS)
    own = np.repeat(np.arange(CATEGORIES), SCENARIOS * VERSIONS)
    own[own >= len(EMOTIONS)] = -1
    shared = np.sqrt(alike) * rng.normal(size=(blocks, len(EMOTIONS)))[block]
    scores, neutral = (shared + np.sqrt(1 - alike) * rng.normal(size=shared.shape) for _ in range(2))
    mine = np.flatnonzero(own >= 0)
    scores[mine, own[mine]] += ndtri(area) * np.sqrt(2)
    return Texts(EMOTIONS, own, block, scores, neutral, np.empty((0, len(EMOTIONS))))


def truth(area: float, alike: float, what: str) -> float:
    """AUROC of all texts that could be drawn; of a neutral text and a vignette, one pair in three shares a scenario."""
    if what == "other-emotions":
        return area
    d = ndtri(area) * np.sqrt(2)
    same = 1 / SCENARIOS  # of twelve by twelve pairs, those inside a scenario share what is alike
    return float((1 - same) * ndtr(d / np.sqrt(2)) + same * ndtr(d / np.sqrt(2 * (1 - alike))))


def run(n: int, root_seed: int) -> list[dict]:
    """Rows of all settings."""
    rows = []
    for alike in ALIKE:
        for area in AREAS:
            name = f"AUROC {area:g}, scenarios {'alike' if alike else 'not alike'}"
            found: dict[str, list] = {}
            for k in range(n):
                rng = generator(root_seed, "simulation validity_level", name, k)
                texts = world(area, alike, rng)
                for what in AGAINST:
                    true = truth(area, alike, what)
                    ends = [interval(texts, what, e) for e in range(len(EMOTIONS))]
                    low, high = mean_interval(texts, what)
                    found.setdefault(f"{what}: an emotion's interval", []).extend(a <= true <= b for a, b in ends)
                    found.setdefault(f"{what}: interval of the mean", []).append(low <= true <= high)
                    if area == 0.5:
                        each, mean = permutation_p(texts, what, PERMUTATIONS, rng)
                        found.setdefault(f"{what}: an emotion's p <= .05", []).extend(each <= 0.05)
                        found.setdefault(f"{what}: p of the mean <= .05", []).append(mean <= 0.05)
            for quantity, hits in found.items():
                meant = "<= .05" if "p" in quantity.split(": ")[1].split() else ".93 or more"
                rows.append(rate(name, quantity, np.array(hits, float), meant) | {"n": n})
    return rows
