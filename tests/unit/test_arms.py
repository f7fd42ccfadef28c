"""Arms hold what they are named after, and a new one is one record."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_within import SETTINGS, SHARED, folds_of, rated_world

from shared_affect.base.seeds import Seeds
from shared_affect.ratings.across import predict_transfer
from shared_affect.ratings.arms import ARMS, Arm, Design, Material, Sources, Untested, predictors
from shared_affect.ratings.rated_words import ordinary_norms, rated_words
from shared_affect.ratings.within import Settings, long_predictions, predict_arms
from shared_affect.study.vocabulary import RATING_ARMS

BY_NAME = {a.name: a for a in ARMS}


@pytest.fixture(scope="module")
def world():
    return rated_world()


def material_of(codes, sources, n_matched=5, features=None):
    known = codes.rated.rows([w for w in codes.rated.words if w != "joy0"])
    live = known.live() if features is None else features
    return Material(known, live, sources, SETTINGS["n_outer"], n_matched, Seeds(2))


def test_every_arm_and_every_difference_has_a_word_of_the_study():
    names = [a.name for a in ARMS]
    assert set(names) <= set(RATING_ARMS) and len(set(names)) == len(names)
    assert {x for a in ARMS for pair in a.differences for x in pair} <= set(names)
    assert [a.name for a in ARMS if a.tested] == ["emotion-space"]
    assert [a.name for a in ARMS if a.tested_across] == ["shared"] and BY_NAME["shared"].transfers


def test_arms_hold_the_features_they_are_named_after(world):
    codes = world[0]["en"]
    silent = codes.rated.sparse.tolil()
    silent[:, 3] = 0  # a selected feature that fires on no rated word
    codes = replace(codes, rated=replace(codes.rated, sparse=silent.tocsr()))
    codes.rated.sparse.eliminate_zeros()
    material = material_of(codes, Sources(np.arange(10), SHARED))
    live = material.features
    assert 3 not in live and material.codes.shape == (120, len(live))
    np.testing.assert_array_equal(material.codes.toarray(), codes.rated.sparse.toarray()[:-1][:, live])
    logs = np.log1p(codes.rated.sparse.toarray()[:-1].astype(float))
    for name, features in (
        ("shared", [0, 1, 2, 4, 5]),
        ("emotion-space", [0, 1, 2, 4, 5, 6, 7, 8, 9]),
        ("all", live),
    ):
        np.testing.assert_array_equal(predictors(BY_NAME[name], material).X.toarray(), logs[:, features])
    np.testing.assert_array_equal(predictors(BY_NAME["dense"], material).X, codes.rated.dense[:-1])
    np.testing.assert_array_equal(predictors(BY_NAME["static"], material).X, codes.rated.static[:-1])
    matched = predictors(BY_NAME["outside-matched"], material)
    assert len(matched.draws) == 5 and all(len(set(d)) == 9 and live[d].min() > 9 for d in matched.draws)
    assert [r["variable"] for r in matched.notes["balance"]] == ["log_density", "log_norm"]
    assert matched.notes["n_beyond"] >= 0


def test_the_arm_of_associations_knows_their_words_in_lower_case(world):
    codes = world[0]["en"]
    upper = replace(codes, rated=replace(codes.rated, words=tuple(w.upper() for w in codes.rated.words)))
    known = upper.rated.rows([w for w in upper.rated.words if w != "JOY0"])
    words, vectors = [f"w{i}" for i in (7, *range(20, 110), 3)], np.random.default_rng(3).normal(size=(92, 4))
    material = Material(known, known.live(), Sources(associations=(words, vectors)), 4, 5, Seeds(2))
    design = predictors(BY_NAME["association"], material)
    assert [known.words[i] for i in design.rows] == ["W3", "W7", *(f"W{i}" for i in range(20, 110))]
    np.testing.assert_array_equal(design.X[:3], vectors[[91, 0, 1]])
    few = replace(material, sources=Sources(associations=(words[:79], vectors)))
    assert predictors(BY_NAME["association"], few) == Untested("79 of 120 rated words have associations; needed: 80")


def test_an_arm_that_is_not_asked_for_is_none_and_one_without_a_feature_says_so(world):
    codes = world[0]["en"]
    nothing = material_of(codes, Sources())
    assert predictors(BY_NAME["shared"], nothing) is None and predictors(BY_NAME["association"], nothing) is None
    assert predictors(BY_NAME["emotion-space"], nothing) == Untested("no feature in this arm")
    with pytest.raises(ValueError, match=r"arm 'x' has shape \(3, 2\)"):
        predictors(Arm("x", lambda m: Design(np.ones((3, 2)))), nothing)
    with pytest.raises(ValueError, match="partial is False"):
        predictors(Arm("x", lambda m: Design(np.ones((3, 2)), np.arange(3))), nothing)


def test_a_new_arm_is_one_record_and_moves_no_byte_of_another(world):
    """Among the others, with differences of its own, partial or not; within a language and across two."""
    codes, norms, pairs = world
    drawn, dimensions = folds_of(norms, pairs), ["valence", "arousal"]
    known = ([f"w{i}" for i in range(100)], np.random.default_rng(3).normal(size=(100, 4)))
    sources = Sources(np.arange(10), SHARED, known)
    rated = {k: rated_words(ordinary_norms(codes[k], norms[k], drawn, k), dimensions) for k in codes}
    live = np.unique(np.concatenate([c.rated.live() for c in codes.values()]))
    settings = Settings.of(SETTINGS)

    def run(arms):
        own = predict_arms(material_of(codes["en"], sources), rated["en"], settings, Seeds(2), arms)
        both = predict_transfer(
            {k: material_of(c, sources, features=live) for k, c in codes.items()},
            rated,
            {k: np.arange(60) for k in codes},
            settings,
            Seeds(2),
            arms,
        )
        return own | {"predictions": long_predictions(own["predictions"])}, both["scores"]

    def valence_quadratic(material):
        x = material.codes[:, :1].toarray().astype(float)
        return Design(np.column_stack([x, x**2]))

    whole = Arm(
        "valence-quadratic", valence_quadratic, differences=(("emotion-space", "valence-quadratic"),), transfers=True
    )
    partial = Arm(
        "covariates",
        lambda m: Design(m.codes[::2, :4].toarray().astype(float), np.arange(0, m.codes.shape[0], 2)),
        differences=(("static", "covariates"),),
        partial=True,
    )
    assert {whole.name, partial.name} <= set(RATING_ARMS)
    before, before_across = run(ARMS)
    after, after_across = run((partial, *ARMS[:2], whole, *ARMS[2:]))
    new = {whole.name, partial.name}

    def others(frame):
        arms = [c for c in ("arm", "arm_a", "arm_b") if c in frame]
        return frame[~frame[arms].isin(new).any(axis=1)].to_csv(index=False)

    for table in ("scores", "differences", "predictions"):
        assert others(after[table]) == before[table].to_csv(index=False), table
    assert others(after_across) == before_across.to_csv(index=False)
    assert new <= set(after["scores"]["arm"]) and whole.name in set(after_across["arm"])
    assert set(after["predictions"]["arm"]) - set(before["predictions"]["arm"]) == {whole.name}
    assert {"valence-quadratic", "covariates"} <= set(after["differences"]["arm_b"])
    assert isinstance(before["scores"], pd.DataFrame) and len(after["scores"]) == len(before["scores"]) + 4
