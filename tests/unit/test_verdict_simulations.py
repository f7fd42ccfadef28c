"""What was found to hold for nothing, on few datasets; `make simulations` runs the same on a thousand."""

import numpy as np
import pandas as pd
import pytest

from shared_affect.base.seeds import rng
from shared_affect.simulations import (
    controls_level,
    cultures_level,
    dimensions_level,
    shared_level,
    steering_coverage,
)


def datasets(one, setting, n, **extra):
    return pd.DataFrame([one(*setting, rng(100, "test", str(setting), k), **extra) for k in range(n)])


@pytest.mark.parametrize("setting", ["valence only", "valence only, norms correlate .7"])
def test_a_space_of_valence_alone_has_no_arousal(setting):
    found = datasets(dimensions_level.one, dimensions_level.SETTINGS[setting], 20, n_permutations=499)
    assert found["joint"].mean() > 0.9, "one p for both says yes"
    assert found["valence"].mean() > 0.7 and found["arousal"].sum() <= 1
    assert found["r arousal"].mean() > 0.1


def test_both_dimensions_are_found_where_both_are_there():
    found = datasets(dimensions_level.one, dimensions_level.SETTINGS["both"], 10, n_permutations=499)
    assert found[["valence", "arousal"]].mean().min() > 0.7


@pytest.mark.parametrize(
    "setting", ["width .8", "width .6", "width .6, English read worse, Chinese rated worse [.4 .85 .9 .6]"]
)
def test_a_scale_of_another_width_is_no_cultural_difference(setting):
    found = datasets(cultures_level.one, (setting,), 40)
    assert found["above"].sum() <= 5 and abs(found["r"].mean()) < 0.03
    assert abs(found["raw"].mean()) > 0.05, "the raw difference follows the scale"


def test_real_cultural_differences_are_found():
    assert datasets(cultures_level.one, ("real differences, SD 1, width .6",), 20)["above"].mean() > 0.7


@pytest.mark.parametrize("setting", ["sizes agree", "frequency agrees, known"])
def test_sets_of_equal_size_or_frequency_share_no_features(setting):
    p = datasets(shared_level.one, (setting,), 15, n_permutations=99)["p"]
    assert (p <= 0.05).sum() <= 4 and p.mean() > 0.3


def test_shared_features_are_found_beside_frequency():
    assert (
        datasets(shared_level.one, ("power: shared, frequency agrees and is known",), 4, n_permutations=99)["p"] <= 0.02
    ).all()


@pytest.mark.parametrize("setting", ["prompts very different, no effect", "prompts different, strong effect"])
def test_intervals_of_steering_cover(setting):
    far = steering_coverage.chances(*steering_coverage.SETTINGS[setting], rng(100, "truth"), 20_000)
    truth = {arm: x.mean(0) for arm, x in far.items()}
    if setting.endswith("no effect"):
        truth["concept"] = truth["random"] = truth["none"]
    found = [steering_coverage.one(setting, truth, rng(100, "test", setting, k)) for k in range(12)]
    for quantity in ("rate concept, per emotion", "difference, per emotion"):
        assert np.mean([f[quantity] for f in found]) > 0.9


def test_a_study_with_empty_controls_seldom_fails_and_one_that_leaks_does():
    empty = datasets(controls_level.one, ("tests of a family correlate .5",), 25)
    assert empty["now"].sum() <= 2 and empty["before"].sum() >= 1
    for leak in ("structure leaks in untrained models", "ratings of valence leak in untrained models"):
        assert datasets(controls_level.one, (leak,), 6)["now"].mean() > 0.8


@pytest.mark.parametrize("setting", list(controls_level.SETTINGS))
def test_every_setting_of_the_controls_can_be_drawn(setting):
    assert set(controls_level.one(setting, rng(100, "test", setting))) == {"now", "before"}
