"""Do the verdicts on valence and arousal hold for spaces that have one of them, or none?"""

import numpy as np
import pandas as pd

from shared_affect.base.seeds import rng as generator
from shared_affect.base.stats import holm
from shared_affect.simulations._tally import mean, rate
from shared_affect.spaces.dimensions import DIMENSIONS, organise
from shared_affect.spaces.layouts import classical_mds
from shared_affect.spaces.rdm import RDM, cosine_rdm
from shared_affect.study.checks import ALPHA

TITLE = "Valence and arousal, each on its own"
TEXT = """
27 emotions with a human valence and arousal, drawn anew for each dataset. A space has 60 features: emotion codes along
the dimensions that it has, other directions of its own, and noise; its cosine distances go through the study's MDS and
`organise`, 999 permutations, and Holm over four tests as in a study of two models and two languages (four times the
smallest p that is asked of a single one). A verdict holds where the adjusted p lies below .01 and both intervals above
0. *The old rule* is the joint Procrustes p of both dimensions. In the settings of correlated norms, human arousal and
valence share r = .7, or arousal is high at both ends of valence: the space has valence alone, so that arousal can be
read from it, but adds nothing.
"""
N, FEATURES = 27, 60
# setting -> weights of valence and arousal in the space, relation of the human dimensions
SETTINGS = {
    "neither": ((0, 0), "none"),
    "valence only": ((2, 0), "none"),
    "valence only, weak (r about .7)": ((1, 0), "none"),
    "arousal only": ((0, 2), "none"),
    "valence only, norms correlate .7": ((2, 0), "linear"),
    "arousal only, norms correlate .7": ((0, 2), "linear"),
    "valence only, arousal high at both ends": ((2, 0), "bent"),
    "valence only, distances level off": ((2, 0), "levelling"),
    "both": ((2, 2), "none"),
    "both, weak": ((1.2, 1.2), "none"),
    "both, norms correlate .7": ((2, 2), "linear"),
}


def world(weights: tuple[float, float], relation: str, rng: np.random.Generator) -> tuple[RDM, pd.DataFrame]:
    """One space and the human values of its emotions."""
    v, own = rng.normal(size=(2, N))
    a = {
        "linear": 0.7 * v + np.sqrt(1 - 0.49) * own,
        "bent": np.abs(v) + 0.3 * own,
        "levelling": np.abs(v) + 0.3 * own,
    }.get(relation, own)
    labels = tuple(f"e{i:02d}" for i in range(N))
    human = pd.DataFrame({"emotion": labels, "valence": v, "arousal": a})
    if relation == "levelling":
        # neighbours along valence alone share features: a horseshoe, whose second axis is bent valence
        at = rng.uniform(-2.2, 2.2, FEATURES)
        return cosine_rdm(np.exp(-((v[:, None] - at) ** 2)) + rng.normal(0, 0.1, (N, FEATURES)), labels), human
    others = rng.normal(size=(N, 2))
    latent = np.column_stack([weights[0] * v, weights[1] * a, others])
    return cosine_rdm(latent @ rng.normal(size=(4, FEATURES)) + rng.normal(0, 1.5, (N, FEATURES)), labels), human


def one(weights: tuple[float, float], relation: str, rng: np.random.Generator, n_permutations: int = 999) -> dict:
    """Verdicts and numbers of one dataset."""
    rdm, human = world(weights, relation, rng)
    found = organise(classical_mds(rdm), human, n_permutations=n_permutations, n_bootstrap=999, draw=lambda *names: rng)
    row = found.set_index("quantity").to_dict("index")
    out = {"joint": row["procrustes_disparity"]["p"] < ALPHA}
    for d, other in zip(DIMENSIONS, DIMENSIONS[::-1], strict=True):
        r, beyond = row[f"loo_r2_{d}"], row[f"loo_r2_{d}_beyond_{other}"]
        out |= {
            d: bool(holm([r["p"], 1, 1, 1])[0] < ALPHA and r["ci_low"] > 0 and beyond["ci_low"] > 0),
            f"{d} p": r["p"] < ALPHA,
            f"{d} alone": r["p_alone"] < ALPHA,
            f"r {d}": row[f"r_{d}"]["value"],
        }
    return out


def run(n: int, root_seed: int) -> list[dict]:
    """Rows of all settings."""
    rows = []
    for setting, (weights, relation) in SETTINGS.items():
        found = pd.DataFrame(
            [one(weights, relation, generator(root_seed, "simulation dimensions_level", setting, k)) for k in range(n)]
        )
        there = [w > 0 for w in weights]
        rows.append(rate(setting, "the old rule: joint p < .01", found["joint"], "no claim reads it"))
        for d, has in zip(DIMENSIONS, there, strict=True):
            rows.append(rate(setting, f"dimension-{d} holds", found[d], "power" if has else "<= .01"))
            if not has:
                rows.append(rate(setting, f"{d}: p < .01, one test", found[f"{d} p"], "<= .01"))
                rows.append(mean(setting, f"{d}: in-sample r of the turned axis", found[f"r {d}"], "no claim reads it"))
        if relation in ("linear", "bent", "levelling") and there == [True, False]:
            rows.append(
                rate(
                    setting, "arousal: p < .01 without taking valence out", found["arousal alone"], "no claim reads it"
                )
            )
    return rows
