"""How often does a study fail one of its negative controls by chance, and does it fail where something leaks?"""

import numpy as np
import pandas as pd
from scipy.stats import norm

from shared_affect.base.seeds import rng as generator
from shared_affect.results.claims.controls import judge_control
from shared_affect.results.claims.families import IN_CONTROL, adjust
from shared_affect.results.claims.finding import FAILS
from shared_affect.results.claims.table import CONTROLLED, EMPTY, left_out
from shared_affect.simulations._tally import rate
from shared_affect.study.checks import ALPHA

TITLE = "The family of the negative controls"
TEXT = """
The tests of the default study's four controls, 20 families of one to four tests in all, as permutation p (10,000 for
the space and shared features, 999 for ratings) in the study's own tables, judged by the study's own code. *Dependent*:
normal scores of tests of one family correlate by .5, as tests of one language or one shuffle do (in ten runs of the
planted study by 0 to .45 in 17 of 18 families, .67 in one), or of all tests of a control by .3 besides. *The rule
before* was: no Holm p below .01 within its family. Leaks: normal scores raised by 4 in all tests of one claim of one
control, in one language of them, or in one test.
"""
MODELS = {"untrained": ("a", "b"), "no-affect": ("a",), "shuffled-norms": ("a", "b"), "shuffled-concepts": ("a", "b")}
# setting -> correlation within a family, within a control, what leaks
SETTINGS = {
    "independent tests": (0.0, 0.0, None),
    "tests of a family correlate .5": (0.5, 0.0, None),
    "tests of a family .5, of a control .3": (0.5, 0.3, None),
    "structure leaks in untrained models": (0.5, 0.0, ("untrained", "structure", "all")),
    "ratings of valence leak in untrained models": (0.5, 0.0, ("untrained", "ratings-valence", "all")),
    "transfer leaks in the world without affect": (0.5, 0.0, ("no-affect", "transfer", "all")),
    "structure leaks in one language": (0.5, 0.0, ("untrained", "structure", "en")),
    "one of four tests of structure is raised": (0.5, 0.0, ("untrained", "structure", "one")),
}


def design() -> pd.DataFrame:
    """Every test of the controls: control, claim, model, language."""
    rows = []
    for control, models in MODELS.items():
        for claim in CONTROLLED:
            languages = (
                ("en-zh",)
                if claim == "shared-universal"
                else ("en-zh", "zh-en")
                if claim == "transfer"
                else ("en", "zh")
            )
            rows += [(control, claim, m, k) for m in models for k in languages if claim not in left_out(control)]
    frame = pd.DataFrame(rows, columns=["control", "claim", "model", "language"])
    frame["family"] = frame["claim"] + IN_CONTROL + frame["control"]
    frame["table"] = frame["claim"].map({c: f.table for c, f in CONTROLLED.items()})
    return frame.assign(n_permutations=np.where(frame["table"] == "ratings", 999, 10_000), spec="primary", sae="s")


DESIGN = design()


def study(
    within: float, across: float, leak: tuple[str, str, str] | None, rng: np.random.Generator
) -> dict[str, pd.DataFrame]:
    """Tables of one study whose controls are empty but for a leak."""
    f = DESIGN.copy()
    z = (
        np.sqrt(1 - within) * rng.normal(size=len(f))
        + np.sqrt(within) * rng.normal(size=f["family"].nunique())[pd.factorize(f["family"])[0]]
    )
    z = (
        np.sqrt(1 - across) * z
        + np.sqrt(across) * rng.normal(size=f["control"].nunique())[pd.factorize(f["control"])[0]]
    )
    if leak:
        here = ((f["control"] == leak[0]) & (f["claim"] == leak[1])).to_numpy()
        if leak[2] == "one":
            here = here & (np.cumsum(here) == 1)
        elif leak[2] != "all":
            here = here & f["language"].str.startswith(leak[2]).to_numpy()
        z = z + 4 * here
    f["p"] = (1 + np.floor(norm.sf(z) * (f["n_permutations"] + 1)).clip(upper=f["n_permutations"])) / (
        f["n_permutations"] + 1
    )
    f["p_adjusted"] = adjust(f)
    return {str(table): rows for table, rows in f.groupby("table")}


def one(setting: str, rng: np.random.Generator) -> dict:
    """Whether one study fails, by the rule and by the rule before."""
    tables = study(*SETTINGS[setting], rng)
    return {
        "now": any(judge_control(tables, c).verdict == FAILS for c in EMPTY.values()),
        "before": any((t["p_adjusted"] < ALPHA).any() for t in tables.values()),
    }


def run(n: int, root_seed: int) -> list[dict]:
    """Rows of all settings."""
    rows = []
    for setting, (_, _, leak) in SETTINGS.items():
        found = pd.DataFrame(
            [one(setting, generator(root_seed, "simulation controls_level", setting, k)) for k in range(n)]
        )
        rows.append(rate(setting, "a study fails", found["now"], "power" if leak else "<= .01"))
        rows.append(rate(setting, "the rule before", found["before"], "no verdict reads it"))
    return rows
