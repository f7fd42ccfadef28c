"""Do intervals of congruence with human judgements hold their level when emotions and raters are drawn anew?"""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import pdist

from shared_affect.base.seeds import rng as seeded
from shared_affect.simulations._tally import mean, rate
from shared_affect.spaces.pair_sets import PairSets
from shared_affect.spaces.rdm import RaterRDMs, rdm_from_condensed
from shared_affect.spaces.rsa import Repeats, compare_differences, compare_spaces

TITLE = "Congruence with human judgements: coverage of intervals"
TEXT = """
Emotions are drawn from a population (four coordinates, the first is valence), raters too: each weighs the coordinates
in a way of his own and judges with noise, in whole numbers of 1 to 9. A *strong* model has the coordinates and little
else, a *weak* one mostly others, the model *none* others alone. The truth is the mean over twelve draws of 240 emotions
and as many raters as a dataset has (the mean of more raters agrees better with any model). 27 emotions and 40 raters a
dataset, both drawn each time. *Middle minus estimate* says whether an interval lies off its centre.
"""
N_EMOTIONS, N_RATERS = 27, 40
MODELS = ("strong", "weak", "none")
DIFFERENCES = (("strong", "weak"), ("weak", "none"))
PAIRS = ("all", "within-valence", "partial")


def draw(n: int, n_raters: int, rng: np.random.Generator):
    """Models, raters, classes and the nuisance of `partial` for emotions and raters drawn anew."""
    z = rng.standard_normal((n, 4)) * (1.6, 1, 0.8, 0.8)
    own, others = rng.standard_normal((2, n, 6))
    weights = np.exp(0.3 * rng.standard_normal((n_raters, 4)))
    distance = np.array([pdist(z * w) for w in weights])
    labels = tuple(f"e{k:03d}" for k in range(n))
    values = np.clip(np.round(1 + 1.6 * distance + 1.2 * rng.standard_normal(distance.shape)), 1, 9)
    points = {"strong": np.c_[z, 0.3 * own], "weak": np.c_[0.45 * z, own], "none": others}
    return (
        {k: rdm_from_condensed(labels, pdist(x)) for k, x in points.items()},
        RaterRDMs(labels, tuple(f"r{k:03d}" for k in range(n_raters)), values),
        dict(zip(labels, np.where(z[:, 0] > 0, "positive", "negative").tolist(), strict=True)),
        {"valence": rdm_from_condensed(labels, pdist(z[:, :1]))},
    )


def values_of(n: int, n_raters: int, rng: np.random.Generator, intervals: bool):
    """Rows of `compare_spaces` and of `compare_differences` for one draw: rho-a, and Spearman for `partial`."""
    models, raters, classes, nuisances = draw(n, n_raters, rng)
    pairs = PairSets(PAIRS, classes, nuisances)
    spaces = compare_spaces(models, raters, pairs=pairs, repeats=Repeats(0, int(intervals), n_splits=1), rng=rng)
    keep = (spaces["statistic"] == "rho-a") | (spaces["pairs"] == "partial")
    if not intervals:
        return spaces[keep].set_index(["pairs", "representation"])
    differences = compare_differences(models, raters, reference_pairs=DIFFERENCES, pairs=pairs, n_bootstrap=2, rng=rng)
    kept = (differences["statistic"] == "rho-a") | (differences["pairs"] == "partial")
    return spaces[keep].set_index(["pairs", "representation"]), differences[kept].set_index(
        ["pairs", "representation_a", "representation_b"]
    )


def run(
    n: int,
    root_seed: int,
    n_emotions: int = N_EMOTIONS,
    n_raters: int = N_RATERS,
    n_truth: int = 12,
    n_large: int = 240,
) -> list[dict]:
    """Coverage of every interval; about 0.2 s a dataset on one core."""
    large = [
        values_of(n_large, n_raters, seeded(root_seed, "simulate", "rsa_coverage", "truth", str(k)), False)
        for k in range(n_truth)
    ]
    truth = {
        scale: dict(zip(large[0].index, np.mean([f[scale] for f in large], 0), strict=True))
        for scale in ("rho", "rho_group")
    }
    found = [
        values_of(n_emotions, n_raters, seeded(root_seed, "simulate", "rsa_coverage", str(k)), True) for k in range(n)
    ]
    rows = []
    for pairs in PAIRS:
        for model in MODELS:
            for scale, low, high in (
                ("rho", "ci_low", "ci_high"),
                ("rho_group", "rho_group_ci_low", "rho_group_ci_high"),
            ):
                f = np.array([s.loc[(pairs, model), [scale, low, high]].to_numpy(float) for s, _ in found])
                at = truth[scale][pairs, model]
                rows.append(
                    rate(
                        f"{pairs}, {model}",
                        f"interval of {scale} holds the truth",
                        (f[:, 1] <= at) & (at <= f[:, 2]),
                        ".93 to .97",
                    )
                )
                rows.append(
                    mean(f"{pairs}, {model}", f"middle minus estimate of {scale}", f[:, 1:].mean(1) - f[:, 0], "0")
                )
        for a, b in DIFFERENCES:
            f = np.array([d.loc[(pairs, a, b), ["ci_low", "ci_high"]].to_numpy(float) for _, d in found])
            at = truth["rho"][pairs, a] - truth["rho"][pairs, b]
            rows.append(
                rate(
                    f"{pairs}, {a} - {b}",
                    "interval of the difference holds the truth",
                    (f[:, 0] <= at) & (at <= f[:, 1]),
                    ".93 to .97",
                )
            )
    return rows
