"""Do intervals of target rates and their differences cover the truth at the number of prompts that is scored?"""

import numpy as np
import pandas as pd
from scipy.special import expit

from shared_affect.base.seeds import rng as generator
from shared_affect.simulations._tally import rate
from shared_affect.steering.plan import NO_EMOTION
from shared_affect.steering.scores import Scored
from shared_affect.steering.statistics import claim_rows, pooled_rates, summarise
from shared_affect.study.vocabulary import JUDGES

TITLE = "Intervals of steering over prompts"
TEXT = """
24 scored prompts, ten emotions, one text a prompt for every steered emotion and unsteered, nine for random directions,
as in the planted study. The chance of a hit is logistic: a level of the emotion, what the prompt does to all texts and
what it does to the texts of one arm and emotion (prompts *alike*: SD 0; *different*: SD 1 each; *very different*: SD 2
and 1), and the effect of the vector. Emotions stay, prompts are drawn anew for each dataset; the truth is the mean over
20,000 prompts. *Per emotion* pools the emotions of a dataset; coverage .95 is meant. The last rows count differences
called above 0 where there are none (.025 is meant).
"""
PROMPTS, EMOTIONS, RANDOM = 24, tuple(f"e{i}" for i in range(10)), 9
LEVELS = np.linspace(-4.5, -1.0, len(EMOTIONS))
# setting -> SD of a prompt over all texts, SD of a prompt within arm and emotion, effect of the vector
SETTINGS = {
    "prompts alike, no effect": (0, 0, 0),
    "prompts different, no effect": (1, 1, 0),
    "prompts very different, no effect": (2, 1, 0),
    "prompts alike, medium effect": (0, 0, 2.5),
    "prompts different, medium effect": (1, 1, 2.5),
    "prompts very different, medium effect": (2, 1, 2.5),
    "prompts alike, strong effect": (0, 0, 5),
    "prompts different, strong effect": (1, 1, 5),
    "prompts very different, strong effect": (2, 1, 5),
}
CHOSEN = pd.DataFrame({"emotion": EMOTIONS, "arm": "concept", "strength_resid_norm": 0.3, "qualified": True})


def _texts() -> pd.DataFrame:
    steered = [(e, arm, 0.3, p, 0) for arm in ("concept",) for e in EMOTIONS for p in range(PROMPTS)]
    free = [(NO_EMOTION, "none", 0.0, p, 0) for p in range(PROMPTS)] + [
        (NO_EMOTION, "random", 0.3, p, s) for p in range(PROMPTS) for s in range(RANDOM)
    ]
    frame = pd.DataFrame(steered + free, columns=["emotion", "arm", "strength", "prompt", "sample"])
    return frame.assign(
        prompt=frame["prompt"].map("p{:02d}".format),
        split="score",
        nll=2.0,
        n_tokens=9,
        distinct_2=1.0,
        repetition=0.0,
        valence=0.0,
        arousal=0.0,
        language_kept=True,
        label="",
    )


TEXTS = _texts()


def chances(
    spread: float, own: float, effect: float, rng: np.random.Generator, n_prompts: int = PROMPTS
) -> dict[str, np.ndarray]:
    """Chance of a hit by prompt and judged emotion: texts steered to it, and texts that belong to no emotion."""
    prompt = spread * rng.normal(size=(n_prompts, 1))
    return {
        arm: expit(
            LEVELS + (effect if arm == "concept" else 0) + prompt + own * rng.normal(size=(n_prompts, len(EMOTIONS)))
        )
        for arm in ("concept", "random", "none")
    }


def scored(chance: dict[str, np.ndarray], rng: np.random.Generator) -> Scored:
    """Texts judged for every emotion; one steered to an emotion shows the others as an unsteered one does."""
    prompt = TEXTS["prompt"].str[1:].astype(int).to_numpy()
    p = chance["none"][prompt]
    for arm in ("concept", "random"):
        here = (TEXTS["arm"] == arm).to_numpy()
        if arm == "random":
            p[here] = chance[arm][prompt[here]]
        else:
            e = TEXTS["emotion"][here].map(EMOTIONS.index).to_numpy()
            p[here, e] = chance[arm][prompt[here], e]
    hits = (rng.random(p.shape) < p).astype(float)
    learned = {"embedded": hits}
    return Scored(TEXTS, EMOTIONS, dict.fromkeys(JUDGES, hits), learned, learned, {})


def one(setting: str, truth: dict[str, np.ndarray], rng: np.random.Generator) -> dict[str, np.ndarray | bool]:
    """Which intervals of one dataset cover the truth."""
    spread, own, effect = SETTINGS[setting]
    s = scored(chances(spread, own, effect, rng), rng)
    rates = summarise(s, seed=0)
    rates = rates[rates["judge"] == "lexicon"].set_index("arm")
    rows = claim_rows(s, CHOSEN)
    rows = rows[(rows["judge"] == "lexicon") & (rows["comparison"] == "concept-random")]
    pooled = pooled_rates(s, CHOSEN).set_index(["arm", "judge"]).to_dict("index")
    difference = truth["concept"] - truth["random"]
    out: dict[str, np.ndarray | bool] = {}
    for arm in ("concept", "random", "none"):
        r = rates.loc[arm]
        out[f"rate {arm}, per emotion"] = ((r["ci_low"] <= truth[arm]) & (truth[arm] <= r["ci_high"])).to_numpy()
        over = pooled[arm, "lexicon"]
        out[f"rate {arm}, over emotions"] = bool(over["ci_low"] <= truth[arm].mean() <= over["ci_high"])
    low, high, every = rows["ci_low"].to_numpy(), rows["ci_high"].to_numpy(), np.append(difference, difference.mean())
    covered = (low <= every + 1e-12) & (every <= high + 1e-12)
    out |= {"difference, per emotion": covered[:-1], "difference, over emotions": bool(covered[-1])}
    if effect == 0:
        out |= {"called above 0, per emotion": low[:-1] > 0, "called above 0, over emotions": bool(low[-1] > 0)}
    return out


def run(n: int, root_seed: int) -> list[dict]:
    """Rows of all settings; emotions of one dataset share prompts, so n is the number of datasets and per-emotion rows
    average over emotions first.
    """
    rows = []
    for setting, (spread, own, effect) in SETTINGS.items():
        far = chances(spread, own, effect, generator(root_seed, "simulation steering_coverage truth", setting), 20_000)
        truth = {arm: x.mean(0) for arm, x in far.items()}
        if effect == 0:
            truth["random"] = truth["none"] = truth["concept"]
        found = pd.DataFrame(
            [one(setting, truth, generator(root_seed, "simulation steering_coverage", setting, k)) for k in range(n)]
        )
        for quantity in map(str, found):
            meant = (
                "<= .025"
                if quantity.startswith("called")
                else ".93 or more"
                if quantity.startswith("rate") or "per emotion" in quantity
                else ".93 to .97"
            )
            row = rate(setting, quantity, np.concatenate([np.atleast_1d(x) for x in found[quantity]]), meant)
            rows.append(row | {"n": n})
    return rows
