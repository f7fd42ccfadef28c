"""Prediction within a language: which words and folds enter it, and arms against refits, loops and worlds without a
signal.
"""

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from scipy.stats import binom
from test_codes import make_codes
from test_ridge import data

from shared_affect.base.seeds import Seeds
from shared_affect.features.codes import WordCodes
from shared_affect.ratings.arms import Arm, Design, Material, Sources
from shared_affect.ratings.folds import Folds, draw_folds, folds, permuted_indices
from shared_affect.ratings.matched import matched_draws
from shared_affect.ratings.rated_words import RatedWords
from shared_affect.ratings.ridge import ALPHAS, N_INNER, nested_cv_predict
from shared_affect.ratings.scores import p_greater, reliability_ceiling, within_fold_r
from shared_affect.ratings.within import (
    Settings,
    long_predictions,
    permuted_r,
    predict_arms,
    predict_language,
    predict_partial,
)

SETTINGS = {"n_outer": 4, "n_inner": 3, "n_permutations": 99, "n_bootstrap": 50, "n_matched": 5, "margin": 0.02}
RULES = {"en": "none", "zh": "none"}
SHARED = pd.DataFrame({"feature": range(12), "shared": [True] * 6 + [False] * 6})


def folds_of(norms, pairs, rules=RULES):
    return draw_folds(
        {k: f["word"].tolist() for k, f in norms.items()}, pairs, rules, SETTINGS["n_outer"], np.random.default_rng(1)
    )


def rated_world():
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


@pytest.fixture(scope="module")
def world():
    return rated_world()


def within(codes, norms, pairs, space, shared=None, associations=None, settings=SETTINGS):
    return predict_language(
        codes,
        "en",
        norms["en"],
        folds_of(norms, pairs),
        Sources(space, shared, associations),
        dimensions=["valence"],
        settings=settings,
        seeds=Seeds(2),
    )


# --- permuted ratings


def permutation_test(X, y, outer, groups, n, rng, n_inner=N_INNER, alphas=ALPHAS):
    found = Folds.draw(outer, groups, n_inner, rng)
    r, null = permuted_r(X, y, found, permuted_indices(groups, n, rng), alphas)
    return r, null, p_greater(r, null)


def test_permuted_ratings_are_refitted_one_by_one():
    X, Y, groups, rng = data(4, n=40, noise=8)
    outer = folds(groups, 4, rng)
    r, null, p = permutation_test(X, Y[:, 0], outer, groups, 30, np.random.default_rng(3), n_inner=3)
    again = np.random.default_rng(3)
    found = Folds.draw(outer, groups, 3, again)  # the test draws its inner folds first
    each = []
    for row in permuted_indices(groups, 30, again):
        y = Y[row, 0]
        each.append(within_fold_r(y, nested_cv_predict(X, y[:, None], found)[:, 0], outer))
    assert p == (1 + sum(v >= r - 1e-12 for v in each)) / 31
    np.testing.assert_allclose(null, each, atol=1e-9)


def test_without_a_signal_p_is_uniform_and_r_centred_where_pooled_r_is_not():
    n_sim, r, pooled, p = 300, [], [], []
    alphas = np.logspace(-1, 4, 6)
    for seed in range(n_sim):
        rng = np.random.default_rng(seed)
        X, y, groups = rng.normal(size=(40, 8)), rng.normal(size=40), np.repeat(np.arange(20), 2)
        outer = folds(groups, 5, rng)
        result = permutation_test(X, y, outer, groups, 19, rng, n_inner=3, alphas=alphas)
        r.append(result[0])
        p.append(result[2])
        predicted = nested_cv_predict(X, y[:, None], Folds.draw(outer, groups, 3, rng), alphas)[:, 0]
        pooled.append(np.corrcoef(y, predicted)[0, 1])
    hits = (np.array(p) <= 0.05).sum()
    assert binom.ppf(0.001, n_sim, 0.05) <= hits <= binom.ppf(0.999, n_sim, 0.05)
    assert abs(np.mean(r)) < 4 * np.std(r) / np.sqrt(n_sim)
    assert np.mean(pooled) < -0.1  # why correlations are taken inside folds


def test_permutations_find_a_signal():
    X, Y, groups, rng = data()
    r, null, p = permutation_test(X, Y[:, 0], folds(groups, 5, rng), groups, 99, rng)
    assert p == 0.01 and r > 0.8 > np.quantile(null, 0.95)


# --- arms

ROOT = Seeds(0)


def language(seed, n=80, n_features=30):
    rng = np.random.default_rng(seed)
    latent = np.random.default_rng(99).normal(size=(n, 2))
    weights = np.random.default_rng(98).normal(size=(2, n_features))
    weights[:, 20:] = 0
    codes = np.maximum(latent @ weights + 0.5 * rng.normal(size=(n, n_features)), 0)
    ratings = {"valence": latent[:, 0] + 0.2 * rng.normal(size=n), "arousal": latent[:, 1] + 0.2 * rng.normal(size=n)}
    return codes, ratings, [f"{seed}-{i}" for i in range(n)], rng


def material_of(codes, words, space=(), shared=None, n_folds=5, n_matched=5, seeds=ROOT, dense=None, static=None):
    n = len(words)
    known = WordCodes(
        tuple(words),
        csr_matrix(codes),
        np.ones((n, 2)) if dense is None else dense,
        np.ones((n, 2)) if static is None else static,
    )
    sources = Sources(np.asarray(space, int), shared)
    return Material(known, np.arange(codes.shape[1]), sources, n_folds, n_matched, seeds)


@pytest.fixture(scope="module")
def analysis():
    codes, ratings, words, rng = language(0)
    codes = codes.astype(np.float32).astype(float)  # as they are stored
    groups = np.arange(80) // 2
    fold = folds(groups, 5, rng)
    noise = {"valence": (np.full(80, 0.8), np.full(80, 5))}
    rated = RatedWords(words, ratings, groups, fold, noise)
    nothing = pd.DataFrame({"feature": [1], "shared": [False]})
    material = material_of(codes, words, range(6), nothing, n_matched=7, static=rng.normal(size=(80, 4)))
    settings = Settings(n_permutations=99, n_bootstrap=200)
    return predict_arms(material, rated, settings, Seeds(0)), codes, material, rated


def test_rows_of_scores(analysis):
    result, codes, material, rated = analysis
    scores = result["scores"].set_index(["arm", "dimension"])
    assert result["not_tested"] == {"shared": "no feature in this arm"}
    assert list(dict.fromkeys(a for a, _ in scores.index)) == [
        "all",
        "emotion-space",
        "dense",
        "static",
        "outside-matched",
    ]
    assert scores.p.notna().sum() == 2 and scores.loc[("emotion-space", "valence"), "p"] == 0.01
    valence = scores.loc[("emotion-space", "valence")]
    ceiling = reliability_ceiling(rated.ratings["valence"], *rated.noise["valence"])
    assert valence["r_over_ceiling"] == valence["r"] / ceiling and valence["ceiling"] == ceiling < 1
    assert np.isnan(scores.loc[("emotion-space", "arousal"), "ceiling"])
    assert valence["r"] > 0.7 and abs(scores.loc[("static", "valence"), "r"]) < 0.4
    numbers = scores.drop(columns=["p", "ceiling", "r_over_ceiling"])
    assert numbers.notna().all(axis=None)
    # features are log1p of the codes, a matrix is taken as it is, and all arms use the same folds
    single = Arm("single", lambda m: Design(np.log1p(codes[:, :6])))
    again = predict_arms(material, rated, Settings(n_permutations=0, n_bootstrap=2), Seeds(0), (single,))["scores"]
    assert again["r"].tolist() == pytest.approx(scores.loc["emotion-space", "r"].tolist())


def test_the_matched_arm_is_the_median_draw(analysis):
    result, codes, material, rated = analysis
    scores = result["scores"].set_index(["arm", "dimension"])
    stored = result["predictions"]["outside-matched"]
    draws = matched_draws(
        np.arange(6),
        np.arange(6, 30),
        (codes > 0).mean(0),
        np.linalg.norm(material.codes.toarray(), axis=0),
        n_draws=7,
        rng=Seeds(0).rng("outside-matched"),
    ).draws
    other = Folds.draw(rated.fold, rated.groups, 5, np.random.default_rng(3))
    for name, y in rated.ratings.items():
        own = within_fold_r(y, stored[name].to_numpy(), rated.fold)
        assert own == pytest.approx(scores.loc[("outside-matched", name), "r"])  # an odd number of draws: exactly one
        mine = [
            within_fold_r(y, nested_cv_predict(np.log1p(codes[:, d]), y[:, None], other)[:, 0], rated.fold)
            for d in draws
        ]
        assert np.median(mine) == pytest.approx(own, abs=0.1)  # other inner folds, so only about equal


def test_differences_agree_with_scores(analysis):
    result, _, _, rated = analysis
    predictions = result["predictions"]
    assert predictions.index.name == "word" and predictions.shape == (80, 10)
    pairs = [(d.arm_a, d.arm_b) for d in result["differences"].itertuples()][::2]
    assert pairs == [("emotion-space", "outside-matched"), ("emotion-space", "all"), ("emotion-space", "static")]
    for row in result["differences"].itertuples():
        y = rated.ratings[row.dimension]
        a, b = (predictions[arm][row.dimension].to_numpy() for arm in (row.arm_a, row.arm_b))
        assert row.difference == pytest.approx(within_fold_r(y, a, rated.fold) - within_fold_r(y, b, rated.fold))
        assert row.equivalent == (-0.02 < row.ci90_low and row.ci90_high < 0.02)


def test_bad_input_is_refused(analysis):
    _, codes, material, rated = analysis
    words, settings = list(rated.words), Settings(n_permutations=0, n_bootstrap=2)
    with pytest.raises(ValueError, match="word labels"):
        RatedWords(["x"] * 80, rated.ratings, rated.groups, rated.fold)
    with pytest.raises(ValueError, match="'valence'"):
        RatedWords(words, {"valence": np.full(80, np.nan)}, rated.groups, rated.fold)
    with pytest.raises(ValueError, match="no rating dimension"):
        RatedWords(words, {}, rated.groups, rated.fold)
    with pytest.raises(ValueError, match="negative"):
        predict_arms(material_of(-codes, words), rated, settings, Seeds(0))
    with pytest.raises(ValueError, match="the same words in one order"):
        predict_arms(material_of(codes, words[::-1]), rated, settings, Seeds(0))
    with pytest.raises(ValueError, match="several folds"):
        split = RatedWords(words, rated.ratings, rated.groups, np.arange(80) % 5)
        predict_arms(material, split, settings, Seeds(0))


def test_an_arm_more_or_a_draw_more_moves_no_number_of_another_arm(analysis):
    """Each purpose has a stream of its own; one generator for all made the inner folds depend on `n_matched`."""
    from shared_affect.ratings.arms import ARMS

    _, codes, _, rated = analysis

    def scores(n_draws, arms=ARMS, n_permutations=19):
        material = material_of(codes, rated.words, range(6), n_matched=n_draws, seeds=Seeds(4))
        settings = Settings(n_permutations=n_permutations, n_bootstrap=50)
        got = predict_arms(material, rated, settings, Seeds(4), arms)
        return got["scores"].set_index(["arm", "dimension"]), got["differences"].set_index(
            ["arm_a", "arm_b", "dimension"]
        )

    few, few_differences = scores(3)
    first = Arm("first", lambda m: Design(np.log1p(m.codes[:, :3].astype(float))))
    more, more_differences = scores(5, (first, *ARMS))
    kept = [a for a in few.index if a[0] != "outside-matched"]
    assert len(kept) == 8
    pd.testing.assert_frame_equal(few.loc[kept], more.loc[kept], check_exact=True)
    own = ("emotion-space", "all")
    pd.testing.assert_frame_equal(few_differences.loc[own], more_differences.loc[own], check_exact=True)
    other = scores(3, n_permutations=39)[0]
    pd.testing.assert_frame_equal(
        few.drop(columns=["p", "n_permutations"]), other.drop(columns=["p", "n_permutations"]), check_exact=True
    )


def test_an_arm_that_knows_some_words_is_the_same_fit_on_those_words_alone():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 4)), rng.normal(size=120)
    y[::2] += 2 * X[::2, 0]
    rows, fold, groups = np.arange(0, 120, 2), np.arange(120) // 2 % 5, np.arange(120).astype(str)
    other = rng.normal(size=(120, 1))
    rated = RatedWords([f"w{i}" for i in range(120)], {"valence": y}, groups, fold)
    arm = Arm("association", lambda m: None, differences=(("all", "association"),), partial=True)
    settings = Settings(n_bootstrap=200, n_inner=3)
    rows_of = predict_partial(arm, Design(X[rows], rows), rated, {"all": other}, settings, Seeds(1))
    scores, differences = (pd.DataFrame(found) for found in rows_of)
    own = Folds.draw(fold[rows], groups[rows], 3, Seeds(1).rng("association", "inner_folds"))
    predicted = nested_cv_predict(X[rows], y[rows, None], own)[:, 0]
    assert (
        scores["r"].item() == pytest.approx(within_fold_r(y[rows], predicted, fold[rows])) and scores["r"].item() > 0.8
    )
    assert scores["n_words"].item() == 60 and np.isnan(scores["p"].item()) and np.isnan(scores["ceiling"].item())
    row = differences.iloc[0]
    assert (row["arm_a"], row["arm_b"]) == ("all", "association")
    assert (
        row["difference"] == pytest.approx(within_fold_r(y[rows], other[rows, 0], fold[rows]) - scores["r"].item())
        and row["ci_high"] < 0
    )


# --- one language of a study


def test_matched_draws_and_associations_move_no_other_arm(world):
    codes, norms, pairs = world
    known = ([f"w{i}" for i in range(100)], np.random.default_rng(3).normal(size=(100, 4)))

    def scores(settings, associations=None):
        got = within(codes["en"], norms, pairs, np.arange(10), SHARED, associations, settings)
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


def test_a_rated_word_without_a_fold_is_named(world):
    codes, norms, pairs = world
    drawn = folds_of(norms, pairs)
    with pytest.raises(ValueError, match="1 rated words of 'en' are in no fold, 'w3'"):
        predict_language(
            codes["en"],
            "en",
            norms["en"],
            drawn[drawn["word"] != "w3"],
            Sources(np.arange(10)),
            dimensions=["valence"],
            settings=SETTINGS,
            seeds=Seeds(2),
        )
