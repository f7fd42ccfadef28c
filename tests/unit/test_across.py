"""Transfer between languages: what both share is found, no pair stands on both sides, arms do not move each other."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, pearsonr
from test_within import RULES, SETTINGS, SHARED, folds_of, language, material_of, rated_world

from shared_affect.base.seeds import Seeds
from shared_affect.ratings import across as room
from shared_affect.ratings.across import predict_across, predict_transfer
from shared_affect.ratings.arms import ARMS, Arm, Design, predictors
from shared_affect.ratings.folds import paired_folds
from shared_affect.ratings.rated_words import RatedWords
from shared_affect.ratings.ridge import ALPHAS
from shared_affect.ratings.scores import within_fold_r
from shared_affect.ratings.within import Settings


def across(codes, norms, pairs, rules=RULES, dimensions=("valence",)):
    return predict_across(
        codes,
        norms,
        folds_of(norms, pairs, rules),
        pairs,
        SHARED,
        dimensions=dimensions,
        settings=SETTINGS,
        seeds=Seeds(2),
    )


@pytest.fixture(scope="module")
def world():
    return rated_world()


def test_transfer_finds_what_both_languages_share_and_nothing_else(world):
    found = across(*world, dimensions=("valence", "arousal"))
    assert list(dict.fromkeys(found["arm"])) == ["shared", "all", "dense"]  # what is tested stands first
    found = found.set_index(["direction", "dimension", "arm"])
    for direction in ("en-zh", "zh-en"):
        assert (
            found.loc[(direction, "valence", "shared"), "r"] > 0.8
            and found.loc[(direction, "valence", "shared"), "p"] == 0.01
        )
        assert (
            abs(found.loc[(direction, "arousal", "shared"), "r"]) < 0.4
            and found.loc[(direction, "arousal", "shared"), "p"] > 0.01
        )
        assert found.loc[(direction, "valence", "shared"), "n_words"] == 120  # joy0 is a concept word
    assert found["p"].notna().groupby("arm").any().to_dict() == {"shared": True, "all": False, "dense": False}


@pytest.fixture
def seen(monkeypatch):
    """What `predict_across` hands to `predict_transfer`."""
    given = {}

    def record(materials, rated, pairs, settings, seeds):
        given.update(materials=materials, rated=rated, pairs=pairs)
        return {"scores": pd.DataFrame(), "not_tested": {}}

    monkeypatch.setattr(room, "predict_transfer", record)
    return given


def test_a_translation_pair_has_one_group_and_one_fold_and_shared_features_are_those_marked(world, seen):
    across(*world)
    rated = seen["rated"]
    place = {k: {w: i for i, w in enumerate(rated[k].words)} for k in ("en", "zh")}
    assert all("joy0" not in p for p in place.values())
    for _, pair in world[2].iterrows():
        (a, b) = (place[k][pair[k]] for k in ("en", "zh"))
        assert rated["en"].groups[a] == rated["zh"].groups[b] and rated["en"].fold[a] == rated["zh"].fold[b]
    assert [(rated["en"].words[a], rated["zh"].words[b]) for a, b in zip(*seen["pairs"].values(), strict=True)] == list(
        zip(world[2]["en"], world[2]["zh"], strict=True)
    )
    # unpaired words of equal spelling are no pair
    assert len({*rated["en"].groups} & {*rated["zh"].groups}) == 60
    live = np.unique(np.concatenate([c.rated.rows(rated[k].words).live() for k, c in world[0].items()]))
    shared = next(a for a in ARMS if a.name == "shared")
    for k, material in seen["materials"].items():
        assert material.features.tolist() == live.tolist() and material.codes.shape == (120, len(live))
        own = world[0][k].rated.rows(rated[k].words).columns(np.arange(6))
        np.testing.assert_array_equal(predictors(shared, material).X.toarray(), np.log1p(own.astype(float)))


def test_a_lemma_family_and_its_translations_fall_in_one_fold(world, seen):
    """kiss and kissed have translations of their own; the four belong together, in both languages."""
    codes, norms, _ = world
    names = {"en": {"w0": "kiss", "w1": "kissed"}, "zh": {"w0": "亲吻", "w1": "接吻", "w2": "好奇", "w3": "好奇心"}}
    codes = {
        k: replace(c, rated=replace(c.rated, words=tuple(names[k].get(w, w) for w in c.rated.words)))
        for k, c in codes.items()
    }
    norms = {k: f.assign(word=f["word"].replace(names[k])) for k, f in norms.items()}
    pairs = pd.DataFrame({"pair": ["a", "b", "c"], "en": ["kiss", "kissed", "w7"], "zh": ["亲吻", "接吻", "好奇心"]})
    across(codes, norms, pairs, {"en": "snowball-english", "zh": "shared-headword"})
    found = {
        (k, w): (g, f) for k, r in seen["rated"].items() for w, g, f in zip(r.words, r.groups, r.fold, strict=True)
    }
    assert len({found[p] for p in (("en", "kiss"), ("en", "kissed"), ("zh", "亲吻"), ("zh", "接吻"))}) == 1
    assert (
        len({found[p] for p in (("en", "w7"), ("zh", "好奇"), ("zh", "好奇心"))}) == 1
        and found["en", "w7"] != found["en", "kiss"]
    )


# --- whole analyses


def first_features(name, n, **options):
    return Arm(name, lambda m: Design(np.log1p(m.codes[:, :n].astype(float))), transfers=True, **options)


ROOT = Seeds(0)
TESTED = first_features("shared", 20, tested_across=True)


@pytest.fixture(scope="module")
def two_languages():
    both = {k: language(seed) for k, seed in (("en", 1), ("zh", 2))}
    groups = {k: np.arange(80) for k in both}
    fold = paired_folds(groups, 5, np.random.default_rng(0))
    materials = {k: material_of(v[0], v[2], dense=v[0][:, :5]) for k, v in both.items()}
    return materials, {k: RatedWords(v[2], v[1], groups[k], fold[k]) for k, v in both.items()}, groups


def transferred(two_languages, arms, settings, seeds=ROOT):
    materials, rated, pairs = two_languages
    return predict_transfer(materials, rated, pairs, settings, seeds, arms)


def test_predict_transfer(two_languages):
    _, rated, _ = two_languages
    dense = next(a for a in ARMS if a.name == "dense")
    arms = (dense, TESTED, first_features("none", 0))
    got = transferred(two_languages, arms, Settings(n_permutations=99, n_bootstrap=100))
    scores = got["scores"].set_index(["direction", "arm", "dimension"])
    assert {d for d, _, _ in scores.index} == {"en-zh", "zh-en"} and set(got["not_tested"]) == {"none"}
    assert (scores.xs("shared", level="arm").p == 0.01).all() and scores.xs("dense", level="arm").p.isna().all()
    assert (scores.xs("shared", level="arm").r > 0.7).all()
    human = pearsonr(rated["en"].ratings["valence"], rated["zh"].ratings["valence"])[0]
    assert scores.loc[("en-zh", "shared", "valence"), "ceiling"] == pytest.approx(human)
    assert list(got["predictions"]["en-zh"].index) == rated["zh"].words
    stored = got["predictions"]["zh-en"][("shared", "arousal")].to_numpy()
    r = within_fold_r(rated["en"].ratings["arousal"], stored, rated["en"].fold)
    assert r == pytest.approx(scores.loc[("zh-en", "shared", "arousal"), "r"])


def test_an_arm_more_moves_no_number_of_another_in_transfer(two_languages):
    settings, keys = Settings(n_permutations=19, n_bootstrap=50), ["direction", "arm", "dimension"]
    one = transferred(two_languages, (TESTED,), settings, Seeds(3))["scores"].set_index(keys)
    two = transferred(two_languages, (first_features("all", 30), TESTED), settings, Seeds(3))["scores"].set_index(keys)
    pd.testing.assert_frame_equal(one, two.loc[one.index], check_exact=True)


def test_ratings_that_do_not_agree_are_no_ceiling(two_languages):
    materials, rated, pairs = two_languages
    other = {d: np.random.default_rng(5).permutation(y) for d, y in rated["zh"].ratings.items()}
    shuffled = rated | {"zh": replace(rated["zh"], ratings=other)}
    assert all(0 < abs(pearsonr(rated["en"].ratings[d], other[d])[0]) < 0.2 for d in other)
    got = transferred((materials, shuffled, pairs), (TESTED,), Settings(n_permutations=19, n_bootstrap=100))["scores"]
    assert got[["ceiling", "r_over_ceiling"]].isna().all(axis=None) and got["r"].notna().all()


def test_what_cannot_be_transferred_is_refused(two_languages):
    materials, rated, pairs = two_languages
    settings = Settings(n_permutations=0, n_bootstrap=2)
    with pytest.raises(ValueError, match="allowed: two"):
        predict_transfer({"en": materials["en"]}, rated, pairs, settings, Seeds(0))
    with pytest.raises(ValueError, match="allowed: the same in both"):
        fewer = replace(rated["zh"], ratings={"valence": rated["zh"].ratings["valence"]})
        predict_transfer(materials, rated | {"zh": fewer}, pairs, settings, Seeds(0))
    with pytest.raises(ValueError, match="one design of all words"):
        drawn = Arm("x", lambda m: Design(m.codes, draws=[np.arange(2)]), transfers=True)
        predict_transfer(materials, rated, pairs, settings, Seeds(0), (drawn,))


def test_predict_transfer_p_is_uniform_without_a_signal():
    n_sim, p = 60, []
    for seed in range(n_sim):
        rng = np.random.default_rng(seed)
        codes = {k: np.maximum(rng.normal(size=(24, 5)), 0) for k in ("en", "zh")}
        ratings = {k: {"valence": rng.normal(size=24)} for k in codes}
        groups, words = {k: np.arange(24) for k in codes}, [str(i) for i in range(24)]
        fold = paired_folds(groups, 4, rng)
        settings = Settings(n_permutations=19, n_bootstrap=2, n_inner=3, alphas=ALPHAS[::4])
        rated = {k: RatedWords(words, ratings[k], groups[k], fold[k]) for k in codes}
        materials = {k: material_of(codes[k], words) for k in codes}
        arm = first_features("shared", 5, tested_across=True)
        p.extend(predict_transfer(materials, rated, groups, settings, Seeds(seed), (arm,))["scores"].p)
    hits = (np.array(p) <= 0.05).sum()
    assert hits <= binom.ppf(0.999, 2 * n_sim, 0.05) and 0.4 < np.mean(p) < 0.65
