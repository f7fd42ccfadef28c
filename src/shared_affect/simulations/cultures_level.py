"""Are cultural differences found where one language only uses the scale otherwise, or is read less well?"""

import numpy as np
import pandas as pd

from shared_affect.base.seeds import rng as generator
from shared_affect.ratings.cultures import culture_difference_r
from shared_affect.simulations._tally import mean, rate

TITLE = "Cultural differences and the use of a scale"
TEXT = """
350 translation pairs with one valence for both words; the Chinese raters use a scale of another width and an offset.
Ratings hold noise, and so do the predictions, more or less of it in either language (reliabilities in brackets:
predicted en, zh; rated en, zh). Nothing differs between the cultures, so the interval of r should lie above 0 in 2.5 %
and be off 0 in 5 % of the datasets. *Raw difference* and *least-squares residuals* show what the same data give without
the study's correction. Power: in one pair of five the Chinese word means something else (SD as given, in units of the
valence).
"""
N, BOOTSTRAP = 350, 500
# setting -> width and offset of the Chinese scale, reliabilities (predicted en, zh, rated en, zh), SD of the real
# differences
SETTINGS = {
    "same scale": (1.0, 0.0, (0.8, 0.8, 0.9, 0.9), 0.0),
    "width .8": (0.8, 0.3, (0.8, 0.8, 0.9, 0.9), 0.0),
    "width .6": (0.6, 0.3, (0.8, 0.8, 0.9, 0.9), 0.0),
    "width .6, Chinese read and rated worse [.85 .4 .9 .6]": (0.6, 0.3, (0.85, 0.4, 0.9, 0.6), 0.0),
    "width .6, English read worse, Chinese rated worse [.4 .85 .9 .6]": (0.6, -0.3, (0.4, 0.85, 0.9, 0.6), 0.0),
    "width 1.5, Chinese read worse [.8 .3 .7 .9]": (1.5, 0.5, (0.8, 0.3, 0.7, 0.9), 0.0),
    "width .6, predictions say nothing": (0.6, 0.3, (0.0, 0.0, 0.9, 0.8), 0.0),
    "real differences, SD .5, width .8": (0.8, 0.3, (0.8, 0.7, 0.9, 0.8), 0.5),
    "real differences, SD 1, width .6": (0.6, 0.3, (0.8, 0.6, 0.9, 0.7), 1.0),
}


def world(
    width: float, offset: float, reliability: tuple[float, ...], spread: float, rng: np.random.Generator
) -> tuple[dict[str, pd.Series], dict[str, pd.Series]]:
    """Predicted and rated valence of the pairs by language."""
    common = rng.normal(size=N)
    own = {"en": common, "zh": common + spread * rng.normal(size=N) * (rng.random(N) < 0.2)}
    scale, shift = {"en": 1.0, "zh": width}, {"en": 0.0, "zh": offset}

    def noisy(language: str, share: float) -> np.ndarray:
        """Values of which a share of the variance is the valence."""
        if share == 0:
            return rng.normal(size=N)
        return own[language] + rng.normal(0, np.sqrt(1 / share - 1), N)

    pairs = pd.Index([f"p{i}" for i in range(N)])
    # a ridge regression shrinks what it predicts badly
    predicted = {
        k: pd.Series(max(r, 0.1) * scale[k] * noisy(k, r) + shift[k], pairs)
        for k, r in zip(("en", "zh"), reliability[:2], strict=True)
    }
    rated = {
        k: pd.Series(scale[k] * noisy(k, r) + shift[k], pairs)
        for k, r in zip(("en", "zh"), reliability[2:], strict=True)
    }
    return predicted, rated


def _residual(y: np.ndarray, x: np.ndarray) -> np.ndarray:
    return y - np.polyval(np.polyfit(x, y, 1), x)


def one(setting: str, rng: np.random.Generator) -> dict:
    """What is found in one dataset, by the study and without its correction."""
    predicted, rated = world(*SETTINGS[setting], rng)
    found = culture_difference_r(predicted, rated, n_bootstrap=BOOTSTRAP, rng=rng)
    p, r = ([side[k].to_numpy() for k in ("en", "zh")] for side in (predicted, rated))
    return {
        "above": found["ci_low"] > 0,
        "off": found["ci_low"] > 0 or found["ci_high"] < 0,
        "r": found["r"],
        "raw": np.corrcoef(p[1] - p[0], r[1] - r[0])[0, 1],
        "least squares": np.corrcoef(_residual(p[1], p[0]), _residual(r[1], r[0]))[0, 1],
    }


def run(n: int, root_seed: int) -> list[dict]:
    """Rows of all settings."""
    rows = []
    for setting, (_, _, _, spread) in SETTINGS.items():
        found = pd.DataFrame(
            [one(setting, generator(root_seed, "simulation cultures_level", setting, k)) for k in range(n)]
        )
        rows.append(rate(setting, "interval above 0", found["above"], "power" if spread else "<= .025"))
        if not spread:
            rows.append(rate(setting, "interval off 0", found["off"], "<= .05"))
        rows.append(mean(setting, "r", found["r"], "above 0" if spread else "0"))
        rows += [
            mean(setting, f"r of {name}", found[column], "not the study's")
            for name, column in (("raw difference", "raw"), ("least-squares residuals", "least squares"))
        ]
    return rows
