"""Do AUROC of vignettes keep their level, and do their intervals cover, where vignettes of a scenario are alike?"""

from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr, ndtri

from shared_affect.base.seeds import rng as generator
from shared_affect.simulations._tally import rate
from shared_affect.validity.auroc import Texts, intervals, mean_interval, permutation_p
from shared_affect.validity.files import AGAINST
from shared_affect.validity.table import TESTED

TITLE = "Vignettes: level of the tests, coverage of the intervals"
TEXT = """
As in AIPsy: eight categories of three scenarios of four vignettes, each with a matched neutral text, and 24 unmatched
ones; seven categories stand for emotions. A score is normal, of variance 1. What is alike:

- *scenarios alike*: .3 of the variance is that of a scenario, whole and its neutral texts too;
- *what happens alike*: .6 of the variance of vignettes is that of their scenario, and their neutral texts have no part
  in it; *own* alone: in the score for the vignettes' own emotion and in no other;
- *emotions alike*: .6 of the variance of every text is the same in the scores for all emotions;
- *two emotions*: two categories stand for emotions, six for none; scenarios alike;
- *six scenarios*: six scenarios of two vignettes; what happens alike.

Rows of p count p <= .05 where there is nothing (199 permutations; of the mean, and of single emotions where they have
one: against other emotions 1 in 2,024 is the smallest, against matched neutral texts three scenarios allow none). The
others say how often 95 % intervals hold the true AUROC; intervals of single emotions are pooled over them. With twelve
vignettes they are wide: .4 at AUROC .5. *Not kept*: where the scenarios of an emotion differ among themselves and those
of others do not, they cannot change places, and p against other emotions is too small; the intervals hold there too.
"""
CATEGORIES, VIGNETTES, UNMATCHED = 8, 12, 24
PERMUTATIONS = 199


@dataclass(frozen=True)
class World:
    """What is alike in scores, as shares of their variance; `own_only`: in the score for the own emotion alone."""

    name: str
    alike: float = 0.0
    told: float = 0.0
    own_only: bool = False
    common: float = 0.0
    emotions: int = 7
    scenarios: int = 3
    areas: tuple[float, ...] = (0.5, 0.9)


WORLDS = (
    World("nothing alike", areas=(0.5, 0.7, 0.9, 0.97)),
    World("scenarios alike", alike=0.3, areas=(0.5, 0.7, 0.9, 0.97)),
    World("what happens alike", told=0.6),
    World("what happens alike, own", told=0.6, own_only=True),
    World("emotions alike", common=0.6),
    World("two emotions", alike=0.3, emotions=2),
    World("six scenarios", told=0.6, scenarios=6),
)


def drawn(world: World, area: float, rng: np.random.Generator) -> Texts:
    """Scores of one dataset; own vignettes lie above other emotions' and above all neutral texts by this AUROC."""
    blocks = CATEGORIES * world.scenarios
    block = np.repeat(np.arange(blocks), VIGNETTES // world.scenarios)
    own = np.repeat(np.arange(CATEGORIES), VIGNETTES)
    own[own >= world.emotions] = -1
    names = tuple("abcdefg"[: world.emotions])
    mine = own[:, None] == np.arange(len(names))

    def draw(n: int) -> np.ndarray:
        shared, each = rng.normal(size=(n, 1)), rng.normal(size=(n, len(names)))
        return np.sqrt(world.common) * shared + np.sqrt(1 - world.common) * each

    shared, happens = np.sqrt(world.alike) * draw(blocks)[block], draw(blocks)[block]
    told = np.where(mine | (not world.own_only), world.told, 0.0)
    scores = shared + np.sqrt(told) * happens + np.sqrt(1 - world.alike - told) * draw(len(own))
    neutral = shared + np.sqrt(1 - world.alike) * draw(len(own))
    scores[mine] += ndtri(area) * np.sqrt(2)
    return Texts(names, own, block, scores, neutral, draw(UNMATCHED))


def truth(world: World, area: float, what: str) -> float:
    """AUROC of all texts that could be drawn; a neutral text and a vignette share a scenario in one pair of some."""
    if what != "matched-neutral":
        return area
    d, same = ndtri(area) * np.sqrt(2), 1 / world.scenarios  # pairs inside a scenario share what is alike
    return float((1 - same) * ndtr(d / np.sqrt(2)) + same * ndtr(d / np.sqrt(2 * (1 - world.alike))))


def _hits(world: World, area: float, texts: Texts, rng: np.random.Generator) -> dict[str, list]:
    """What is counted of one dataset: quantity -> true or false, one or several."""
    found: dict[str, list] = {}
    for what in AGAINST:
        true = truth(world, area, what)
        low, high = mean_interval(texts, what)
        found[f"{what}: an emotion's interval"] = [a <= true <= b for a, b in intervals(texts, what)]
        found[f"{what}: interval of the mean"] = [low <= true <= high]
        if area == 0.5 and what in TESTED:
            each, mean = permutation_p(texts, what, PERMUTATIONS, rng)
            if not np.isnan(each).any():
                found[f"{what}: an emotion's p <= .05"] = list(each <= 0.05)
            found[f"{what}: p of the mean <= .05"] = [mean <= 0.05]
    return found


def run(n: int, root_seed: int) -> list[dict]:
    """Rows of all settings."""
    rows = []
    for world in WORLDS:
        for area in world.areas:
            name = f"AUROC {area:g}, {world.name}"
            found: dict[str, list] = {}
            for k in range(n):
                rng = generator(root_seed, "simulation validity_level", name, k)
                for quantity, hits in _hits(world, area, drawn(world, area, rng), rng).items():
                    found.setdefault(quantity, []).extend(hits)
            for quantity, hits in found.items():
                rows.append(rate(name, quantity, np.array(hits, float), _meant(world, quantity)) | {"n": n})
    return rows


def _meant(world: World, quantity: str) -> str:
    """What a rate should be."""
    what, of = quantity.split(": ")
    if "p" not in of.split():
        return ".93 or more"
    return "not kept" if world.own_only and what == "other-emotions" else "<= .05"
