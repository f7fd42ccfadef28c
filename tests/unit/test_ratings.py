"""Rating prediction: against scikit-learn, scipy, closed forms, naive loops and simulations without a signal."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, pearsonr, spearmanr
from test_ridge import data

from shared_affect.base.seeds import Seeds
from shared_affect.ratings.folds import folds, inner_folds, paired_folds, permuted_indices
from shared_affect.ratings.ratings import (
    _bootstrap_r,
    culture_difference_r,
    equivalent,
    matched_draws,
    pair_correlation,
    paired_difference,
    permutation_test,
    predict_arms,
    predict_partial_arm,
    predict_transfer,
    reliability_ceiling,
    resample_words,
    score,
    within_fold_r,
)
from shared_affect.ratings.ridge import ALPHAS, nested_cv_predict

# --- scores


def test_within_fold_r_equals_scipy_and_counts_constant_folds_as_0():
    rng = np.random.default_rng(0)
    y, prediction, fold = rng.normal(size=30), rng.normal(size=30), np.arange(30) % 3
    by_hand = [pearsonr(y[fold == f], prediction[fold == f])[0] for f in range(3)]
    assert within_fold_r(y, prediction, fold) == pytest.approx(np.mean(by_hand))
    prediction[fold == 1] = 0.1 + 0.2
    assert within_fold_r(y, prediction, fold) == pytest.approx((by_hand[0] + by_hand[2]) / 3)
    # means of folds are of no account
    assert within_fold_r(y + 5 * fold, prediction - 9 * fold, fold) == pytest.approx((by_hand[0] + by_hand[2]) / 3)


def test_score_equals_its_definitions():
    rng = np.random.default_rng(0)
    y, fold = np.round(rng.normal(size=40), 1), np.arange(40) % 4
    prediction = y + rng.normal(size=40)
    got = score(y, prediction, fold, resample_words(fold, 2000, rng))
    assert got["spearman"] == pytest.approx(
        np.mean([spearmanr(y[fold == f], prediction[fold == f])[0] for f in range(4)])
    )
    assert got["r2"] == pytest.approx(1 - ((y - prediction) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    assert got["rmse"] == pytest.approx(np.sqrt(np.mean((y - prediction) ** 2)))
    assert got["n_words"] == 40 and got["ci_low"] < got["r"] < got["ci_high"]
    with pytest.raises(ValueError, match="ratings that vary"):
        score(np.ones(40), prediction, fold, resample_words(fold, 10, rng))


def test_bootstrap_of_weights_equals_writing_the_samples_out():
    rng = np.random.default_rng(0)
    y, prediction, fold = rng.normal(size=24), rng.normal(size=24), np.arange(24) % 3
    weights = resample_words(fold, 40, rng)
    got = _bootstrap_r(y, prediction, weights)
    for b in range(40):
        rows = [np.repeat(r, w[b].astype(int)) for r, w in weights]
        assert all(len(r) == 8 for r in rows)
        assert got[b] == pytest.approx(np.mean([pearsonr(y[r], prediction[r])[0] for r in rows]), abs=1e-9)


def test_interval_width_is_about_that_of_theory():
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    got = score(y, y + rng.normal(size=400), np.zeros(400, int), resample_words(np.zeros(400, int), 2000, rng))
    se = (1 - got["r"] ** 2) / np.sqrt(400)
    assert got["ci_high"] - got["ci_low"] == pytest.approx(2 * 1.96 * se, rel=0.2)


def test_paired_difference_is_narrower_than_unpaired_and_finds_equality():
    rng = np.random.default_rng(0)
    y, fold = rng.normal(size=300), np.arange(300) % 5
    a = y + rng.normal(size=300)
    b = a + 0.05 * rng.normal(size=300)
    resamples = resample_words(fold, 2000, rng)
    got = paired_difference(y, a, b, fold, resamples)
    assert got["difference"] == pytest.approx(within_fold_r(y, a, fold) - within_fold_r(y, b, fold))
    alone = score(y, a, fold, resamples)
    assert got["ci_high"] - got["ci_low"] < 0.3 * (alone["ci_high"] - alone["ci_low"])
    assert got["ci_low"] <= got["ci90_low"] <= got["ci90_high"] <= got["ci_high"]
    same = paired_difference(y, a, a, fold, resamples)
    assert set(same.values()) == {0.0}
    worse = paired_difference(y, a, rng.normal(size=300), fold, resamples)
    assert worse["ci_low"] > 0
    assert equivalent(same["ci90_low"], same["ci90_high"], 0.02) and not equivalent(
        worse["ci90_low"], worse["ci90_high"], 0.02
    )


def test_equivalence_needs_the_whole_interval():
    assert equivalent(-0.019, 0.019, 0.02)
    assert not equivalent(-0.021, 0.0, 0.02) and not equivalent(0.0, 0.021, 0.02)
    with pytest.raises(ValueError, match="margin"):
        equivalent(0, 0, 0)


def test_ceiling_is_the_correlation_with_the_noise_free_rating():
    rng = np.random.default_rng(0)
    truth, raters = rng.normal(size=20000), 9
    ratings = truth[:, None] + 2 * rng.normal(size=(20000, raters))
    mean, sd = ratings.mean(1), ratings.std(1, ddof=1)
    ceiling = reliability_ceiling(mean, sd, np.full(20000, raters))
    assert ceiling == pytest.approx(np.corrcoef(mean, truth)[0, 1], abs=0.005)
    assert reliability_ceiling(mean, sd, None) is None
    small = reliability_ceiling(np.array([1.0, 3, 5]), np.array([1.0, 1, 2]), np.array([4, 4, 8]))
    assert small == pytest.approx(np.sqrt(1 - (1 / 4 + 1 / 4 + 4 / 8) / 3 / 4))
    with pytest.raises(ValueError, match="reliability"):
        reliability_ceiling(mean, 100 * sd, np.full(20000, raters))
    with pytest.raises(ValueError, match="missing"):
        reliability_ceiling(mean, sd, np.full(20000, np.nan))


def test_permutation_test_equals_refitting_each_permutation():
    X, Y, groups, rng = data(4, n=40, noise=8)
    outer = folds(groups, 4, rng)
    got = permutation_test(X, Y[:, 0], outer, groups, n_permutations=30, n_inner=3, rng=np.random.default_rng(3))
    again = np.random.default_rng(3)
    inner_folds(outer, groups, 3, again)  # the test draws its inner folds first
    index = permuted_indices(groups, 30, again)
    null = []
    for row in index:
        y = Y[row, 0]
        null.append(
            within_fold_r(
                y, nested_cv_predict(X, y[:, None], outer, groups, n_inner=3, rng=np.random.default_rng(3))[:, 0], outer
            )
        )
    assert got["p"] == (1 + sum(v >= got["r"] - 1e-12 for v in null)) / 31
    assert got["null_mean"] == pytest.approx(np.mean(null)) and got["null_high"] == pytest.approx(
        np.quantile(null, 0.95)
    )


def test_without_a_signal_p_is_uniform_and_r_centred_where_pooled_r_is_not():
    n_sim, r, pooled, p = 300, [], [], []
    for seed in range(n_sim):
        rng = np.random.default_rng(seed)
        X, y, groups = rng.normal(size=(40, 8)), rng.normal(size=40), np.repeat(np.arange(20), 2)
        outer = folds(groups, 5, rng)
        result = permutation_test(
            X, y, outer, groups, n_permutations=19, alphas=np.logspace(-1, 4, 6), n_inner=3, rng=rng
        )
        r.append(result["r"])
        p.append(result["p"])
        predicted = nested_cv_predict(X, y[:, None], outer, groups, alphas=np.logspace(-1, 4, 6), n_inner=3, rng=rng)[
            :, 0
        ]
        pooled.append(np.corrcoef(y, predicted)[0, 1])
    hits = (np.array(p) <= 0.05).sum()
    assert binom.ppf(0.001, n_sim, 0.05) <= hits <= binom.ppf(0.999, n_sim, 0.05)
    assert abs(np.mean(r)) < 4 * np.std(r) / np.sqrt(n_sim)
    assert np.mean(pooled) < -0.1  # why correlations are taken inside folds


def test_permutation_test_finds_a_signal():
    X, Y, groups, rng = data()
    got = permutation_test(X, Y[:, 0], folds(groups, 5, rng), groups, n_permutations=99, rng=rng)
    assert got["p"] == 0.01 and got["r"] > 0.8 > got["null_high"]


# --- matched sets


def test_matched_draws_balance_density_and_norm():
    rng = np.random.default_rng(0)
    density = np.exp(rng.normal(-3, 1, 400)).clip(0, 1)
    norm = np.exp(rng.normal(0, 0.5, 400))
    target = np.argsort(density)[200:320:2]
    got = matched_draws(target, np.arange(400), density, norm, n_draws=50, caliper=0.25, rng=rng)
    assert got.reason is None and len(got.draws) == 50 and got.n_pool == 340
    for d in got.draws:
        assert len(set(d)) == len(target) and not set(d) & set(target)
    assert len({tuple(sorted(d)) for d in got.draws}) == 50
    balance = got.balance.set_index("variable")
    assert abs(balance.loc["log_density", "smd_before"]) > 0.5 > 0.2 > balance.loc["log_density", "smd_after_worst"]
    inside, drawn = np.log(density[target]), np.array([np.log(density[d]).mean() for d in got.draws])
    outside = np.log(density[np.setdiff1d(np.arange(400), target)])
    sd = np.sqrt((inside.var() + outside.var()) / 2)
    assert balance.loc["log_density", "smd_after"] == pytest.approx((inside.mean() - drawn.mean()) / sd)


def test_matched_draws_count_partners_beyond_the_caliper():
    density = np.r_[0.9, 0.9, np.full(6, 0.01)]
    got = matched_draws([0, 1], np.arange(8), density, np.ones(8), n_draws=5, rng=np.random.default_rng(0))
    assert got.n_beyond == 2 and all(set(d) <= set(range(2, 8)) for d in got.draws)
    density[2:4] = 0.9
    got = matched_draws([0, 1], np.arange(8), density, np.ones(8), n_draws=5, rng=np.random.default_rng(0))
    assert got.n_beyond == 0 and all(set(d) == {2, 3} for d in got.draws)


def test_matched_draws_say_why_they_were_not_made():
    got = matched_draws(np.arange(10), np.arange(29), np.full(29, 0.1), np.ones(29), rng=np.random.default_rng(0))
    assert got.draws == [] and "19" in got.reason and "10" in got.reason
    empty = matched_draws(np.arange(0), np.arange(29), np.full(29, 0.1), np.ones(29), rng=np.random.default_rng(0))
    assert empty.draws == [] and "no live feature" in empty.reason


def test_pair_correlation_goes_by_place():
    a, b = np.array([1.0, 2, 3, 9]), np.array([3.0, 1, 2.5, 1.5])
    assert pair_correlation(a, np.array([0, 1, 2, 2]), b, np.array([1, 3, 0, 2])) == pytest.approx(
        pearsonr([1, 2, 3, 3], [1, 1.5, 3, 2.5])[0]
    )
    with pytest.raises(ValueError, match="2 common pairs"):
        pair_correlation(a, np.array([0, 1]), b, np.array([1, 3]))
    with pytest.raises(ValueError, match="do not vary"):
        pair_correlation(a, np.array([0, 0, 0]), b, np.array([1, 3, 2]))


# --- whole analyses


def language(seed, n=80, n_features=30):
    rng = np.random.default_rng(seed)
    latent = np.random.default_rng(99).normal(size=(n, 2))
    weights = np.random.default_rng(98).normal(size=(2, n_features))
    weights[:, 20:] = 0
    codes = np.maximum(latent @ weights + 0.5 * rng.normal(size=(n, n_features)), 0)
    ratings = {"valence": latent[:, 0] + 0.2 * rng.normal(size=n), "arousal": latent[:, 1] + 0.2 * rng.normal(size=n)}
    return codes, ratings, [f"{seed}-{i}" for i in range(n)], rng


@pytest.fixture(scope="module")
def analysis():
    codes, ratings, words, rng = language(0)
    groups = np.arange(80) // 2
    fold = folds(groups, 5, rng)
    density = (codes > 0).mean(0)
    matched = matched_draws(np.arange(6), np.arange(20, 34) - 4, density, np.ones(30), n_draws=7, rng=rng)
    arms = {
        "all": np.arange(30),
        "emotion-space": np.arange(6),
        "shared": np.arange(0),
        "static": rng.normal(size=(80, 4)),
        "single": np.log1p(codes[:, :6]),
    }
    result = predict_arms(
        codes, ratings, groups, arms, words=words, fold=fold, matched=matched, ceilings={"valence": 0.9, "arousal": None},
        n_permutations=99, n_bootstrap=200, seeds=Seeds(0),
    )  # fmt: skip
    return result, codes, ratings, groups, fold, matched


def test_predict_arms_rows(analysis):
    result, _, _, _, _, _ = analysis
    scores = result["scores"].set_index(["arm", "dimension"])
    assert result["not_tested"] == {"shared": "no feature in this arm"}
    assert {a for a, _ in scores.index} == {"all", "emotion-space", "static", "single", "outside-matched"}
    assert scores.p.notna().sum() == 2 and scores.loc[("emotion-space", "valence"), "p"] == 0.01
    assert (
        scores.loc[("emotion-space", "valence"), "r_over_ceiling"]
        == scores.loc[("emotion-space", "valence"), "r"] / 0.9
    )
    assert np.isnan(scores.loc[("emotion-space", "arousal"), "ceiling"])
    assert scores.loc[("emotion-space", "valence"), "r"] > 0.7 and abs(scores.loc[("static", "valence"), "r"]) < 0.4
    # ids are log1p of the codes, a matrix is taken as it is, and all arms use the same folds
    assert scores.loc[("single", "valence"), "r"] == pytest.approx(scores.loc[("emotion-space", "valence"), "r"])
    numbers = scores.drop(columns=["p", "ceiling", "r_over_ceiling"])
    assert numbers.notna().all(axis=None)


def test_predict_arms_matched_is_the_median_draw(analysis):
    result, codes, ratings, groups, fold, matched = analysis
    scores = result["scores"].set_index(["arm", "dimension"])
    stored = result["predictions"]["outside-matched"]
    for name, y in ratings.items():
        own = within_fold_r(y, stored[name].to_numpy(), fold)
        assert own == pytest.approx(scores.loc[("outside-matched", name), "r"])  # an odd number of draws: exactly one
        mine = [
            within_fold_r(
                y,
                nested_cv_predict(np.log1p(codes[:, d]), y[:, None], fold, groups, rng=np.random.default_rng(3))[:, 0],
                fold,
            )
            for d in matched.draws
        ]
        assert np.median(mine) == pytest.approx(own, abs=0.1)  # other inner folds, so only about equal


def test_predict_arms_differences_agree_with_scores(analysis):
    result, _, ratings, _, fold, _ = analysis
    predictions = result["predictions"]
    assert predictions.index.name == "word" and predictions.shape == (80, 10)
    pairs = {(d.arm_a, d.arm_b) for d in result["differences"].itertuples()}
    assert pairs == {("emotion-space", "outside-matched"), ("emotion-space", "all"), ("emotion-space", "static")}
    for row in result["differences"].itertuples():
        y = ratings[row.dimension]
        a, b = (predictions[arm][row.dimension].to_numpy() for arm in (row.arm_a, row.arm_b))
        assert row.difference == pytest.approx(within_fold_r(y, a, fold) - within_fold_r(y, b, fold))
        assert row.equivalent == (-0.02 < row.ci90_low and row.ci90_high < 0.02)


def test_predict_arms_refuses_bad_input(analysis):
    _, codes, ratings, groups, fold, _ = analysis
    words = list(map(str, range(80)))
    with pytest.raises(ValueError, match="arm 'all'"):
        predict_arms(codes, ratings, groups, {"all": np.array([1, 1])}, words=words, fold=fold, seeds=Seeds(0))
    with pytest.raises(ValueError, match="word labels"):
        predict_arms(codes, ratings, groups, {}, words=["x"] * 80, fold=fold, seeds=Seeds(0))
    with pytest.raises(ValueError, match="'valence'"):
        predict_arms(codes, {"valence": np.full(80, np.nan)}, groups, {}, words=words, fold=fold, seeds=Seeds(0))
    with pytest.raises(ValueError, match="negative"):
        predict_arms(-codes, ratings, groups, {}, words=words, fold=fold, seeds=Seeds(0))


def test_an_arm_more_or_a_draw_more_moves_no_number_of_another_arm(analysis):
    """Each purpose has a stream of its own; one generator for all made the inner folds depend on `n_matched`."""
    _, codes, ratings, groups, fold, _ = analysis
    words, density = list(map(str, range(80))), (codes > 0).mean(0)

    def scores(n_draws, arms, **more):
        matched = matched_draws(
            np.arange(6), np.arange(6, 30), density, np.ones(30), n_draws=n_draws, rng=Seeds(4).rng("outside-matched")
        )
        got = predict_arms(
            codes,
            ratings,
            groups,
            arms,
            words=words,
            fold=fold,
            matched=matched,
            n_bootstrap=50,
            seeds=Seeds(4),
            **more,
        )
        return got["scores"].set_index(["arm", "dimension"]), got["differences"].set_index(
            ["arm_a", "arm_b", "dimension"]
        )

    arms = {"all": np.arange(30), "emotion-space": np.arange(6)}
    few, few_differences = scores(3, arms, n_permutations=19)
    more, more_differences = scores(5, {"first": np.arange(3), **arms}, n_permutations=19)
    kept = [a for a in few.index if a[0] != "outside-matched"]
    assert len(kept) == 4
    pd.testing.assert_frame_equal(few.loc[kept], more.loc[kept], check_exact=True)
    own = ("emotion-space", "all")
    pd.testing.assert_frame_equal(few_differences.loc[own], more_differences.loc[own], check_exact=True)
    other = scores(3, arms, n_permutations=39)[0]
    pd.testing.assert_frame_equal(
        few.drop(columns=["p", "n_permutations"]), other.drop(columns=["p", "n_permutations"]), check_exact=True
    )


@pytest.fixture(scope="module")
def two_languages():
    both = {k: language(seed) for k, seed in (("en", 1), ("zh", 2))}
    codes, ratings, words = ({k: v[i] for k, v in both.items()} for i in range(3))
    groups = {k: np.arange(80) for k in both}
    fold = paired_folds(groups, 5, np.random.default_rng(0))
    return codes, ratings, groups, words, fold


def test_predict_transfer(two_languages):
    codes, ratings, groups, words, fold = two_languages
    arms = {"shared": np.arange(20), "dense": {k: codes[k][:, :5] for k in codes}, "none": np.arange(0)}
    got = predict_transfer(
        codes,
        ratings,
        groups,
        arms,
        words=words,
        fold=fold,
        pairs=groups,
        n_permutations=99,
        n_bootstrap=100,
        seeds=Seeds(0),
    )
    scores = got["scores"].set_index(["direction", "arm", "dimension"])
    assert {d for d, _, _ in scores.index} == {"en-zh", "zh-en"} and set(got["not_tested"]) == {"none"}
    assert (scores.xs("shared", level="arm").p == 0.01).all() and scores.xs("dense", level="arm").p.isna().all()
    assert (scores.xs("shared", level="arm").r > 0.7).all()
    human = pearsonr(ratings["en"]["valence"], ratings["zh"]["valence"])[0]
    assert scores.loc[("en-zh", "shared", "valence"), "ceiling"] == pytest.approx(human)
    assert list(got["predictions"]["en-zh"].index) == words["zh"]
    stored = got["predictions"]["zh-en"][("shared", "arousal")].to_numpy()
    r = within_fold_r(ratings["en"]["arousal"], stored, fold["en"])
    assert r == pytest.approx(scores.loc[("zh-en", "shared", "arousal"), "r"])


def test_an_arm_more_moves_no_number_of_another_in_transfer(two_languages):
    codes, ratings, groups, words, fold = two_languages
    common = {"words": words, "fold": fold, "pairs": groups, "n_permutations": 19, "n_bootstrap": 50, "seeds": Seeds(3)}
    one = predict_transfer(codes, ratings, groups, {"shared": np.arange(20)}, **common)["scores"].set_index(
        ["direction", "arm", "dimension"]
    )
    two = predict_transfer(codes, ratings, groups, {"all": np.arange(30), "shared": np.arange(20)}, **common)[
        "scores"
    ].set_index(["direction", "arm", "dimension"])
    pd.testing.assert_frame_equal(one, two.loc[one.index], check_exact=True)


def test_ratings_that_do_not_agree_are_no_ceiling(two_languages):
    codes, ratings, groups, words, fold = two_languages
    shuffled = {
        "en": ratings["en"],
        "zh": {d: np.random.default_rng(5).permutation(y) for d, y in ratings["zh"].items()},
    }
    assert all(0 < abs(pearsonr(ratings["en"][d], shuffled["zh"][d])[0]) < 0.2 for d in ratings["en"])
    got = predict_transfer(
        codes,
        shuffled,
        groups,
        {"shared": np.arange(20)},
        words=words,
        fold=fold,
        pairs=groups,
        n_permutations=19,
        n_bootstrap=100,
        seeds=Seeds(0),
    )["scores"]
    assert got[["ceiling", "r_over_ceiling"]].isna().all(axis=None) and got["r"].notna().all()


def test_predict_transfer_p_is_uniform_without_a_signal():
    n_sim, p = 60, []
    for seed in range(n_sim):
        rng = np.random.default_rng(seed)
        codes = {k: np.maximum(rng.normal(size=(24, 5)), 0) for k in ("en", "zh")}
        ratings = {k: {"valence": rng.normal(size=24)} for k in codes}
        groups, words = {k: np.arange(24) for k in codes}, {k: list(range(24)) for k in codes}
        fold = paired_folds(groups, 4, rng)
        settings = {"n_permutations": 19, "n_bootstrap": 2, "n_inner": 3, "alphas": ALPHAS[::4], "seeds": Seeds(seed)}
        p.extend(
            predict_transfer(
                codes, ratings, groups, {"shared": np.arange(5)}, words=words, fold=fold, pairs=groups, **settings
            )["scores"].p
        )
    hits = (np.array(p) <= 0.05).sum()
    assert hits <= binom.ppf(0.999, 2 * n_sim, 0.05) and 0.4 < np.mean(p) < 0.65


def by_hand(p, r):
    """The difference of two rows that is uncorrelated with the sum of two others, each on its own scale."""
    common = sum((x - x.mean()) / x.std() for x in r)
    a, b = (np.mean((x - x.mean()) / x.std() * common) for x in p)
    return a * p[1] / p[1].std() - b * p[0] / p[0].std()


def test_culture_difference_goes_by_label():
    rng = np.random.default_rng(0)
    pairs = [f"p{i}" for i in range(50)]
    common, real = rng.normal(size=(2, 50))
    rated = {"en": pd.Series(common, pairs), "zh": pd.Series(common + real, pairs)}
    predicted = {
        "en": rated["en"] + 0.3 * rng.normal(size=50),
        "zh": (rated["zh"] + 0.3 * rng.normal(size=50)).sample(frac=1, random_state=1),
    }
    got = culture_difference_r(predicted, rated, rng=rng)
    p, r = ([side[k].loc[pairs].to_numpy() for k in ("en", "zh")] for side in (predicted, rated))
    assert got["r"] == pytest.approx(pearsonr(by_hand(p, r), by_hand(r, p))[0])
    assert 0.5 < got["ci_low"] < got["r"] < got["ci_high"] < 1 and got["n_pairs"] == 50
    # another scale, another zero and the other direction change nothing
    other = culture_difference_r(
        {k: predicted[k] * 0.6 + 4 for k in ("zh", "en")},
        {k: rated[k] * 7 - 1 for k in ("en", "zh")},
        n_bootstrap=2,
        rng=rng,
    )
    assert other["r"] == pytest.approx(got["r"])
    with pytest.raises(ValueError, match="pairs of predicted zh"):
        culture_difference_r(predicted | {"en": predicted["en"].iloc[1:]}, rated, rng=rng)
    with pytest.raises(ValueError, match="does not vary"):
        culture_difference_r(predicted, rated | {"zh": rated["zh"] * 0}, rng=rng)
    with pytest.raises(ValueError, match="the same two"):
        culture_difference_r(predicted, {"en": rated["en"], "fr": rated["zh"]}, rng=rng)


def test_a_narrower_scale_is_no_cultural_difference(caplog):
    rng = np.random.default_rng(1)
    pairs = [f"p{i}" for i in range(350)]
    common = pd.Series(rng.normal(size=350), pairs)
    rated = {"en": common, "zh": 0.6 * common + 2}
    with caplog.at_level("WARNING", "shared_affect"):
        assert np.isnan(
            culture_difference_r(
                {"en": common + 0.5 * rng.normal(size=350), "zh": 0.6 * common + 0.5 * rng.normal(size=350)},
                rated,
                n_bootstrap=50,
                rng=rng,
            )["r"]
        )


def test_an_arm_that_knows_some_words_is_the_same_fit_on_those_words_alone():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 4)), rng.normal(size=120)
    y[::2] += 2 * X[::2, 0]
    rows, fold, groups = np.arange(0, 120, 2), np.arange(120) // 2 % 5, np.arange(120).astype(str)
    other = rng.normal(size=(120, 1))
    scores, differences = predict_partial_arm(
        "association",
        X[rows],
        rows,
        {"valence": y},
        groups,
        fold,
        {"all": other},
        n_bootstrap=200,
        n_inner=3,
        seeds=Seeds(1),
    )
    predicted = nested_cv_predict(
        X[rows], y[rows, None], fold[rows], groups[rows], n_inner=3, rng=Seeds(1).rng("association", "inner_folds")
    )[:, 0]
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
