"""Which words, folds and features enter the prediction of ratings, within and across languages."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_codes import make_codes

from shared_affect.base.seeds import Seeds
from shared_affect.ratings import prediction
from shared_affect.ratings.prediction import (
    culture_differences,
    draw_folds,
    long_predictions,
    predict_across,
    predict_language,
)
from shared_affect.ratings.ratings import culture_difference_r

SETTINGS = {"n_outer": 4, "n_inner": 3, "n_permutations": 99, "n_bootstrap": 50, "n_matched": 5, "margin": 0.02}
RULES = {"en": "none", "zh": "none"}
SHARED = pd.DataFrame({"feature": range(12), "shared": [True] * 6 + [False] * 6})


def folds_of(norms, pairs, rules=RULES):
    return draw_folds(
        {k: f["word"].tolist() for k, f in norms.items()}, pairs, rules, SETTINGS["n_outer"], np.random.default_rng(1)
    )


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


def within(codes, norms, pairs, space, shared=None):
    return predict_language(
        codes,
        "en",
        norms["en"],
        folds_of(norms, pairs),
        space,
        shared,
        dimensions=["valence"],
        settings=SETTINGS,
        seeds=Seeds(2),
    )


@pytest.fixture(scope="module")
def world():
    """Two languages whose valence is read from the same six features, arousal from none; half of the words are
    pairs.
    """
    weights = np.random.default_rng(7).normal(size=6)
    codes, norms = {}, {}
    for seed, k in enumerate(("en", "zh")):
        codes[k] = make_codes(seed=seed, n_rated=120)
        g = np.random.default_rng(seed + 50)
        valence = codes[k].rated.sparse.toarray()[:, :6] @ weights
        frame = {"word": list(codes[k].rated.words), "valence": valence / 4, "arousal": g.uniform(-1, 1, len(valence))}
        norms[k] = pd.DataFrame(
            frame | {f"{d}_{s}": v for d in ("valence", "arousal") for s, v in (("sd", 0.1), ("n", 20))}
        )
    pairs = pd.DataFrame(
        {"pair": range(60), "en": [f"w{i}" for i in range(60)], "zh": [f"w{119 - i}" for i in range(60)]}
    )
    return codes, norms, pairs


def test_transfer_finds_what_both_languages_share_and_nothing_else(world):
    found = across(*world, dimensions=("valence", "arousal")).set_index(["direction", "dimension", "arm"])
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


def test_a_translation_pair_has_one_group_and_one_fold_and_shared_features_are_those_marked(world, monkeypatch):
    seen = {}

    def record(x, y, groups, arms, *, words, fold, pairs, **rest):
        seen.update(groups=groups, arms=arms, words=words, fold=fold, pairs=pairs, x=x)
        return {"scores": pd.DataFrame(), "not_tested": {}}

    monkeypatch.setattr(prediction, "predict_transfer", record)
    across(*world)
    place = {k: {w: i for i, w in enumerate(seen["words"][k])} for k in ("en", "zh")}
    assert all("joy0" not in p for p in place.values())
    for _, pair in world[2].iterrows():
        (a, b) = (place[k][pair[k]] for k in ("en", "zh"))
        assert seen["groups"]["en"][a] == seen["groups"]["zh"][b] and seen["fold"]["en"][a] == seen["fold"]["zh"][b]
    assert [
        (seen["words"]["en"][a], seen["words"]["zh"][b]) for a, b in zip(*seen["pairs"].values(), strict=True)
    ] == list(zip(world[2]["en"], world[2]["zh"], strict=True))
    # unpaired words of equal spelling are no pair
    assert len({*seen["groups"]["en"]} & {*seen["groups"]["zh"]}) == 60
    live = np.unique(np.concatenate([c.rated.rows(seen["words"][k]).live() for k, c in world[0].items()]))
    assert live[seen["arms"]["shared"]].tolist() == [0, 1, 2, 3, 4, 5] and seen["x"]["en"].shape == (120, len(live))


def test_arms_hold_the_features_they_are_named_after(world, monkeypatch):
    seen = {}
    real = prediction.predict_arms
    monkeypatch.setattr(
        prediction,
        "predict_arms",
        lambda x, y, groups, arms, **rest: seen.update(arms=arms, x=x) or real(x, y, groups, arms, **rest),
    )
    codes = world[0]["en"]
    silent = codes.rated.sparse.tolil()
    silent[:, 3] = 0  # a selected feature that fires on no rated word
    codes = replace(codes, rated=replace(codes.rated, sparse=silent.tocsr()))
    codes.rated.sparse.eliminate_zeros()
    result = within(codes, world[1], world[2], np.arange(10), SHARED)
    live = codes.rated.rows([w for w in codes.rated.words if w != "joy0"]).live()
    assert live[seen["arms"]["shared"]].tolist() == [0, 1, 2, 4, 5] and live[
        seen["arms"]["emotion-space"]
    ].tolist() == [0, 1, 2, 4, 5, 6, 7, 8, 9]
    np.testing.assert_array_equal(seen["x"], codes.rated.sparse.toarray()[:-1][:, live])
    assert (result["n_emotion_space"], result["n_live"]) == (9, len(live)) and set(result["scores"]["arm"]) >= {
        "all",
        "emotion-space",
        "shared",
        "dense",
        "static",
        "outside-matched",
    }
    assert [r["variable"] for r in result["matched"]["balance"]] == ["log_density", "log_norm"] and result["matched"][
        "n_beyond"
    ] >= 0


def test_matched_draws_and_associations_move_no_other_arm(world):
    codes, norms, pairs = world
    known = ([f"w{i}" for i in range(100)], np.random.default_rng(3).normal(size=(100, 4)))

    def scores(settings, associations=None):
        got = predict_language(
            codes["en"],
            "en",
            norms["en"],
            folds_of(norms, pairs),
            np.arange(10),
            SHARED,
            associations,
            dimensions=["valence"],
            settings=settings,
            seeds=Seeds(2),
        )
        return got["scores"].set_index("arm")

    plain, more = scores(SETTINGS), scores(SETTINGS | {"n_matched": 9}, known)
    assert "association" in more.index and "association" not in plain.index
    kept = plain.index.drop("outside-matched")
    pd.testing.assert_frame_equal(plain.loc[kept], more.loc[kept], check_exact=True)


def test_too_few_features_outside_leave_that_arm_untested_with_the_counts(world):
    codes, norms, pairs = world
    result = within(codes["en"], norms, pairs, np.arange(40))
    assert "24 live features outside for 40 inside" in result["not_tested"][
        "outside-matched"
    ] and "outside-matched" not in set(result["scores"]["arm"])
    long = long_predictions(result["predictions"])
    assert list(long) == ["word", "arm", "dimension", "prediction"]
    word, arm, dimension, value = long.iloc[17]
    assert (
        result["predictions"].loc[word, (arm, dimension)] == value and len(long) == 120 * result["predictions"].shape[1]
    )


def test_ratings_without_a_number_of_raters_have_an_unknown_ceiling(world):
    codes, norms, pairs = world
    unknown = {k: f.assign(valence_n=np.nan) for k, f in norms.items()}
    known, without = (within(codes["en"], n, pairs, np.arange(10))["scores"] for n in (norms, unknown))
    assert known["ceiling"].notna().all() and without[["ceiling", "r_over_ceiling"]].isna().all(axis=None)
    assert known["r"].tolist() == without["r"].tolist()


def test_pairs_that_lack_a_side_stay_out_of_cultural_differences():
    g = np.random.default_rng(4)
    pairs = pd.DataFrame({"pair": range(6), "en": [f"e{i}" for i in range(6)], "zh": [f"z{i}" for i in range(6)]})
    whole = {
        k: pd.DataFrame({"word": pairs[k], "arm": "all", "dimension": "valence", "prediction": g.normal(size=6)})
        for k in ("en", "zh")
    }
    values = {k: pd.DataFrame({"word": pairs[k], "valence": g.normal(size=6)}) for k in ("en", "zh")}
    predictions = {
        "en": whole["en"].drop(0),
        "zh": whole["zh"].drop(1)[::-1],
    }  # a concept word in each language, another order
    found = culture_differences(predictions, values, pairs, n_bootstrap=20, rng=g).iloc[0]
    kept = {
        k: (
            whole[k].set_index(pairs["pair"])["prediction"].loc[2:],
            values[k].set_index(pairs["pair"])["valence"].loc[2:],
        )
        for k in ("en", "zh")
    }
    want = culture_difference_r(*({k: v[i] for k, v in kept.items()} for i in (0, 1)), n_bootstrap=2, rng=g)
    assert found["r"] == pytest.approx(want["r"]) and found["n_pairs"] == 4


def test_a_lemma_family_and_its_translations_fall_in_one_fold(world, monkeypatch):
    """kiss and kissed have translations of their own; the four belong together, in both languages."""
    codes, norms, _ = world
    names = {"en": {"w0": "kiss", "w1": "kissed"}, "zh": {"w0": "亲吻", "w1": "接吻", "w2": "好奇", "w3": "好奇心"}}
    codes = {
        k: replace(c, rated=replace(c.rated, words=tuple(names[k].get(w, w) for w in c.rated.words)))
        for k, c in codes.items()
    }
    norms = {k: f.assign(word=f["word"].replace(names[k])) for k, f in norms.items()}
    pairs = pd.DataFrame({"pair": ["a", "b", "c"], "en": ["kiss", "kissed", "w7"], "zh": ["亲吻", "接吻", "好奇心"]})
    seen = {}
    monkeypatch.setattr(
        prediction,
        "predict_transfer",
        lambda x, y, groups, arms, *, words, fold, **rest: (
            seen.update(groups=groups, words=words, fold=fold) or {"scores": None, "not_tested": {}}
        ),
    )
    across(codes, norms, pairs, {"en": "snowball-english", "zh": "shared-headword"})
    found = {
        (k, w): (g, f)
        for k in codes
        for w, g, f in zip(seen["words"][k], seen["groups"][k], seen["fold"][k], strict=True)
    }
    assert len({found[p] for p in (("en", "kiss"), ("en", "kissed"), ("zh", "亲吻"), ("zh", "接吻"))}) == 1
    assert (
        len({found[p] for p in (("en", "w7"), ("zh", "好奇"), ("zh", "好奇心"))}) == 1
        and found["en", "w7"] != found["en", "kiss"]
    )


def test_a_word_of_two_pairs_enters_both_in_cultural_differences():
    g = np.random.default_rng(5)
    pairs = pd.DataFrame(
        {"pair": list("abcd"), "en": ["sad", "sad", "glad", "calm"], "zh": ["难过", "伤心", "高兴", "平静"]}
    )
    words = {k: sorted(set(pairs[k])) for k in ("en", "zh")}
    predictions = {
        k: pd.DataFrame({"word": w, "arm": "all", "dimension": "valence", "prediction": g.normal(size=len(w))})
        for k, w in words.items()
    }
    values = {k: pd.DataFrame({"word": w, "valence": g.normal(size=len(w))}) for k, w in words.items()}
    found = culture_differences(predictions, values, pairs, n_bootstrap=20, rng=g).iloc[0]
    sides = (
        {k: pairs.set_index("pair")[k].map(f[k].set_index("word")[c]) for k in words}
        for f, c in ((predictions, "prediction"), (values, "valence"))
    )
    assert found["n_pairs"] == 4 and found["r"] == pytest.approx(
        culture_difference_r(*sides, n_bootstrap=2, rng=g)["r"]
    )


def test_a_rated_word_without_a_fold_is_named(world):
    codes, norms, pairs = world
    folds = folds_of(norms, pairs)
    with pytest.raises(ValueError, match="1 rated words of 'en' are in no fold, 'w3'"):
        predict_language(
            codes["en"],
            "en",
            norms["en"],
            folds[folds["word"] != "w3"],
            np.arange(10),
            None,
            dimensions=["valence"],
            settings=SETTINGS,
            seeds=Seeds(2),
        )
