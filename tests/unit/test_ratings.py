"""Rating prediction: against scikit-learn, scipy, closed forms, naive loops and simulations without a signal."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom, pearsonr, spearmanr
from sklearn.linear_model import Ridge

from shared_affect import ratings
from shared_affect.ratings import (
    ALPHAS,
    _bootstrap_r,
    _fold_weights,
    culture_difference_r,
    equivalent,
    folds,
    inner_folds,
    matched_draws,
    nested_cv_predict,
    pair_correlation,
    paired_difference,
    paired_folds,
    permutation_test,
    permuted_indices,
    predict_arms,
    predict_partial_arm,
    predict_transfer,
    reliability_ceiling,
    score,
    transfer_predict,
    within_fold_r,
)


def data(seed=0, n=60, n_features=12, noise=0.5):
    """Words in families of 1-3, ratings linear in the features."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features)) * rng.uniform(0.2, 3, n_features) + 5
    Y = X[:, :4] @ rng.normal(size=(4, 3)) + noise * rng.normal(size=(n, 3))
    groups = np.repeat(np.arange(n), rng.integers(1, 4, n))[:n]
    return X, Y, groups, rng


def one_scale(train, *others):
    mean, scale = train.mean(0), np.sqrt(train.var(0).mean())
    return [(m - mean) / scale for m in (train, *others)]


# --- folds and permutations


def test_folds_keep_groups_whole_and_balanced():
    rng = np.random.default_rng(0)
    groups = np.repeat(np.arange(200), rng.integers(1, 4, 200)).astype(str)
    fold = folds(groups, 10, rng)
    assert all(len(set(fold[groups == g])) == 1 for g in set(groups))
    assert np.ptp(np.bincount(fold)) <= 1 and len(set(fold)) == 10
    assert (folds(groups, 10, np.random.default_rng(1)) == folds(groups, 10, np.random.default_rng(1))).all()
    assert (folds(groups, 10, np.random.default_rng(1)) != folds(groups, 10, np.random.default_rng(2))).any()
    with pytest.raises(ValueError, match="10 folds for 3 groups"):
        folds(["a", "a", "b", "c"], 10, rng)


def test_paired_folds_put_a_pair_into_one_fold():
    rng = np.random.default_rng(0)
    groups = {"zh": rng.permutation(40), "en": np.arange(5, 60)}
    fold = paired_folds(groups, 5, rng)
    of = {k: dict(zip(groups[k], fold[k])) for k in groups}
    assert all(of["en"][g] == of["zh"][g] for g in range(5, 40))
    assert len(fold["en"]) == 55 and len(fold["zh"]) == 40


def test_inner_folds_never_split_a_group_nor_use_held_out_words():
    _, _, groups, rng = data()
    outer = folds(groups, 5, rng)
    inner = inner_folds(outer, groups, 3, rng)
    for f in range(5):
        assert ((inner[f] == -1) == (outer == f)).all()
        for g in set(groups):
            assert len(set(inner[f][groups == g])) == 1


def test_permutations_move_groups_of_equal_size_together():
    groups = np.array(["a", "b", "b", "c", "d", "d", "e", "e", "e"])
    index = permuted_indices(groups, 200, np.random.default_rng(0))
    assert (np.sort(index, 1) == np.arange(9)).all() and len({tuple(r) for r in index}) == 4
    for row in index:
        assert row[[1, 2]].tolist() in ([1, 2], [4, 5]) and row[6:].tolist() == [6, 7, 8]
    with pytest.raises(ValueError, match="equal size"):
        permuted_indices(np.array(["a", "b", "b"]), 5, np.random.default_rng(0))


def test_permutations_are_uniform():
    index = permuted_indices(np.arange(3), 6000, np.random.default_rng(0))
    counts = np.unique(index, axis=0, return_counts=True)[1]
    assert len(counts) == 6 and (abs(counts - 1000) < 150).all()


# --- ridge


@pytest.mark.parametrize("n_features", [6, 90])
def test_nested_predictions_equal_a_loop_of_scikit_learn_ridges(n_features):
    X, Y, groups, rng = data(1, n=50, n_features=n_features)
    X[:, -1] = 3.0  # a feature that never varies
    outer = folds(groups, 4, rng)
    alphas = np.logspace(-2, 3, 6)
    got = nested_cv_predict(X, Y, outer, groups, alphas=alphas, n_inner=3, rng=np.random.default_rng(7))
    inner = inner_folds(outer, groups, 3, np.random.default_rng(7))
    want = np.empty_like(Y)
    chosen = set()
    for f in range(4):
        train, test = outer != f, outer == f
        for t in range(Y.shape[1]):
            errors = []
            for a in alphas:
                error = 0.0
                for g in range(3):
                    fit, check = train & (inner[f] != g), train & (inner[f] == g)
                    A, B = one_scale(X[fit], X[check])
                    error += ((Ridge(a, solver="svd").fit(A, Y[fit, t]).predict(B) - Y[check, t]) ** 2).sum()
                errors.append(error)
            best = alphas[int(np.argmin(errors))]
            chosen.add(best)
            A, B = one_scale(X[train], X[test])
            want[test, t] = Ridge(best, solver="svd").fit(A, Y[train, t]).predict(B)
    np.testing.assert_allclose(got, want, rtol=1e-8, atol=1e-8)
    assert len(chosen) > 1  # otherwise the choice of penalty was not put to the test


@pytest.mark.parametrize("n_features", [1, 2, 3, 40, 90])
def test_few_and_many_targets_take_two_ways_to_one_result(n_features, monkeypatch):
    X, Y, groups, rng = data(2, n=60, n_features=90)
    X = X[:, :n_features]
    outer = folds(groups, 5, rng)
    found = []
    for limit in (0, 100):
        monkeypatch.setattr(ratings, "FEW_TARGETS", limit)
        found.append(nested_cv_predict(X, Y, outer, groups, rng=np.random.default_rng(3)))
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-10)


def test_targets_do_not_influence_each_other():
    X, Y, groups, rng = data()
    outer = folds(groups, 5, rng)
    together = nested_cv_predict(X, Y, outer, groups, rng=np.random.default_rng(1))
    apart = [nested_cv_predict(X, Y[:, [t]], outer, groups, rng=np.random.default_rng(1)) for t in range(3)]
    np.testing.assert_allclose(together, np.hstack(apart), atol=1e-9)


def test_features_that_never_vary_predict_the_training_mean():
    X, Y, groups, rng = data()
    outer = folds(groups, 5, rng)
    got = nested_cv_predict(np.ones_like(X), Y, outer, groups, rng=rng)
    for f in range(5):
        np.testing.assert_allclose(got[outer == f], np.broadcast_to(Y[outer != f].mean(0), got[outer == f].shape))
    np.testing.assert_array_equal(within_fold_r(Y, got, outer), 0)


def test_nested_cv_refuses_bad_input():
    X, Y, groups, rng = data()
    outer = folds(groups, 5, rng)
    with pytest.raises(ValueError, match="several folds"):
        nested_cv_predict(X, Y, np.arange(len(X)) % 5, groups, rng=rng)
    with pytest.raises(ValueError, match="not finite"):
        nested_cv_predict(X, np.where(Y == Y[3, 1], np.nan, Y), outer, groups, rng=rng)
    with pytest.raises(ValueError, match="allowed"):
        nested_cv_predict(X[:-1], Y, outer, groups, rng=rng)


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
    got = score(y, prediction, fold, rng)
    assert got["spearman"] == pytest.approx(np.mean([spearmanr(y[fold == f], prediction[fold == f])[0] for f in range(4)]))
    assert got["r2"] == pytest.approx(1 - ((y - prediction) ** 2).sum() / ((y - y.mean()) ** 2).sum())
    assert got["rmse"] == pytest.approx(np.sqrt(np.mean((y - prediction) ** 2)))
    assert got["n_words"] == 40 and got["ci_low"] < got["r"] < got["ci_high"]
    with pytest.raises(ValueError, match="ratings that vary"):
        score(np.ones(40), prediction, fold, rng)


def test_bootstrap_of_weights_equals_writing_the_samples_out():
    rng = np.random.default_rng(0)
    y, prediction, fold = rng.normal(size=24), rng.normal(size=24), np.arange(24) % 3
    weights = _fold_weights(fold, 40, rng)
    got = _bootstrap_r(y, prediction, weights)
    for b in range(40):
        rows = [np.repeat(r, w[b].astype(int)) for r, w in weights]
        assert all(len(r) == 8 for r in rows)
        assert got[b] == pytest.approx(np.mean([pearsonr(y[r], prediction[r])[0] for r in rows]), abs=1e-9)


def test_interval_width_is_about_that_of_theory():
    rng = np.random.default_rng(0)
    y = rng.normal(size=400)
    got = score(y, y + rng.normal(size=400), np.zeros(400, int), rng)
    se = (1 - got["r"] ** 2) / np.sqrt(400)
    assert got["ci_high"] - got["ci_low"] == pytest.approx(2 * 1.96 * se, rel=0.2)


def test_paired_difference_is_narrower_than_unpaired_and_finds_equality():
    rng = np.random.default_rng(0)
    y, fold = rng.normal(size=300), np.arange(300) % 5
    a = y + rng.normal(size=300)
    b = a + 0.05 * rng.normal(size=300)
    got = paired_difference(y, a, b, fold, rng)
    assert got["difference"] == pytest.approx(within_fold_r(y, a, fold) - within_fold_r(y, b, fold))
    alone = score(y, a, fold, rng)
    assert got["ci_high"] - got["ci_low"] < 0.3 * (alone["ci_high"] - alone["ci_low"])
    assert got["ci_low"] <= got["ci90_low"] <= got["ci90_high"] <= got["ci_high"]
    same = paired_difference(y, a, a, fold, rng)
    assert set(same.values()) == {0.0}
    worse = paired_difference(y, a, rng.normal(size=300), fold, rng)
    assert worse["ci_low"] > 0
    assert equivalent(same["ci90_low"], same["ci90_high"], 0.02) and not equivalent(worse["ci90_low"], worse["ci90_high"], 0.02)


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
        null.append(within_fold_r(y, nested_cv_predict(X, y[:, None], outer, groups, n_inner=3, rng=np.random.default_rng(3))[:, 0], outer))
    assert got["p"] == (1 + sum(v >= got["r"] - 1e-12 for v in null)) / 31
    assert got["null_mean"] == pytest.approx(np.mean(null)) and got["null_high"] == pytest.approx(np.quantile(null, 0.95))


def test_without_a_signal_p_is_uniform_and_r_centred_where_pooled_r_is_not():
    n_sim, r, pooled, p = 300, [], [], []
    for seed in range(n_sim):
        rng = np.random.default_rng(seed)
        X, y, groups = rng.normal(size=(40, 8)), rng.normal(size=40), np.repeat(np.arange(20), 2)
        outer = folds(groups, 5, rng)
        result = permutation_test(X, y, outer, groups, n_permutations=19, alphas=np.logspace(-1, 4, 6), n_inner=3, rng=rng)
        r.append(result["r"])
        p.append(result["p"])
        predicted = nested_cv_predict(X, y[:, None], outer, groups, alphas=np.logspace(-1, 4, 6), n_inner=3, rng=rng)[:, 0]
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


# --- transfer


def test_transfer_equals_a_loop_of_scikit_learn_ridges():
    rng = np.random.default_rng(0)
    groups = {"en": np.arange(40), "zh": np.r_[np.arange(10, 40), np.arange(100, 110)]}
    X = {k: rng.normal(size=(40, 7)) for k in groups}
    Y = X["en"][:, :3] @ rng.normal(size=(3, 2)) + rng.normal(size=(40, 2))
    fold = paired_folds(groups, 4, rng)
    alphas = np.logspace(-1, 3, 5)
    got = transfer_predict(X["en"], Y, groups["en"], X["zh"], groups["zh"], fold["zh"], alphas=alphas, n_inner=3, rng=np.random.default_rng(5))
    again = np.random.default_rng(5)
    for f in range(4):
        test = fold["zh"] == f
        train = np.array([g not in set(groups["zh"][test]) for g in groups["en"]])
        inner = folds(groups["en"][train], 3, again)
        for t in range(2):
            errors = []
            for a in alphas:
                error = 0.0
                for g in range(3):
                    A, B = one_scale(X["en"][train][inner != g], X["en"][train][inner == g])
                    model = Ridge(a, solver="svd").fit(A, Y[train][inner != g, t])
                    error += ((model.predict(B) - Y[train][inner == g, t]) ** 2).sum()
                errors.append(error)
            A = X["en"][train]
            scale = np.sqrt(A.var(0).mean())
            model = Ridge(alphas[int(np.argmin(errors))], solver="svd").fit((A - A.mean(0)) / scale, Y[train, t])
            B = (X["zh"][test] - X["zh"][~test].mean(0)) / scale
            np.testing.assert_allclose(got[test, t], model.predict(B), atol=1e-8)


def test_transfer_never_sees_the_translation_of_a_test_word():
    """Pairs share a private feature and a random rating: a leak would predict it perfectly."""
    rng = np.random.default_rng(0)
    X, groups = np.eye(40), np.arange(40)
    y = rng.normal(size=(40, 1))
    fold = folds(groups, 5, rng)
    predicted = transfer_predict(X, y, groups, X, groups, fold, rng=rng)
    assert abs(within_fold_r(y[:, 0], predicted[:, 0], fold)) < 0.1
    leaked = transfer_predict(X, y, groups, X, groups + 1000, fold, rng=rng)
    assert within_fold_r(y[:, 0], leaked[:, 0], fold) > 0.9


def test_pair_correlation_goes_by_place():
    a, b = np.array([1.0, 2, 3, 9]), np.array([3.0, 1, 2.5, 1.5])
    assert pair_correlation(a, np.array([0, 1, 2, 2]), b, np.array([1, 3, 0, 2])) == pytest.approx(pearsonr([1, 2, 3, 3], [1, 1.5, 3, 2.5])[0])
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
        n_permutations=99, n_bootstrap=200, rng=rng,
    )  # fmt: skip
    return result, codes, ratings, groups, fold, matched


def test_predict_arms_rows(analysis):
    result, _, _, _, _, _ = analysis
    scores = result["scores"].set_index(["arm", "dimension"])
    assert result["not_tested"] == {"shared": "no feature in this arm"}
    assert {a for a, _ in scores.index} == {"all", "emotion-space", "static", "single", "outside-matched"}
    assert scores.p.notna().sum() == 2 and scores.loc[("emotion-space", "valence"), "p"] == 0.01
    assert scores.loc[("emotion-space", "valence"), "r_over_ceiling"] == scores.loc[("emotion-space", "valence"), "r"] / 0.9
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
            within_fold_r(y, nested_cv_predict(np.log1p(codes[:, d]), y[:, None], fold, groups, rng=np.random.default_rng(3))[:, 0], fold)
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
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match="arm 'all'"):
        predict_arms(codes, ratings, groups, {"all": np.array([1, 1])}, words=words, fold=fold, rng=rng)
    with pytest.raises(ValueError, match="word labels"):
        predict_arms(codes, ratings, groups, {}, words=["x"] * 80, fold=fold, rng=rng)
    with pytest.raises(ValueError, match="'valence'"):
        predict_arms(codes, {"valence": np.full(80, np.nan)}, groups, {}, words=words, fold=fold, rng=rng)
    with pytest.raises(ValueError, match="negative"):
        predict_arms(-codes, ratings, groups, {}, words=words, fold=fold, rng=rng)


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
        codes, ratings, groups, arms, words=words, fold=fold, pairs=groups, n_permutations=99, n_bootstrap=100, rng=np.random.default_rng(0)
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


def test_predict_transfer_p_is_uniform_without_a_signal():
    n_sim, p = 60, []
    for seed in range(n_sim):
        rng = np.random.default_rng(seed)
        codes = {k: np.maximum(rng.normal(size=(24, 5)), 0) for k in ("en", "zh")}
        ratings = {k: {"valence": rng.normal(size=24)} for k in codes}
        groups, words = {k: np.arange(24) for k in codes}, {k: list(range(24)) for k in codes}
        fold = paired_folds(groups, 4, rng)
        settings = {"n_permutations": 19, "n_bootstrap": 2, "n_inner": 3, "alphas": ALPHAS[::4], "rng": rng}
        p.extend(predict_transfer(codes, ratings, groups, {"shared": np.arange(5)}, words=words, fold=fold, pairs=groups, **settings)["scores"].p)
    hits = (np.array(p) <= 0.05).sum()
    assert hits <= binom.ppf(0.999, 2 * n_sim, 0.05) and 0.4 < np.mean(p) < 0.65


def test_culture_difference_goes_by_label():
    rng = np.random.default_rng(0)
    pairs = [f"p{i}" for i in range(50)]
    true = pd.Series(rng.normal(size=50), pairs)
    en = pd.Series(rng.normal(size=50), pairs)
    zh = (en + true + 0.5 * rng.normal(size=50)).sample(frac=1, random_state=1)
    got = culture_difference_r(zh, en, true, rng=rng)
    assert got["r"] == pytest.approx(pearsonr(zh.loc[pairs] - en, true)[0])
    assert 0 < got["ci_low"] < got["r"] < got["ci_high"] < 1 and got["n_pairs"] == 50
    with pytest.raises(ValueError, match="pairs of predicted_en"):
        culture_difference_r(zh, en.iloc[1:], true, rng=rng)
    with pytest.raises(ValueError, match="does not vary"):
        culture_difference_r(zh, en, true * 0, rng=rng)


def test_an_arm_that_knows_some_words_is_the_same_fit_on_those_words_alone():
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(120, 4)), rng.normal(size=120)
    y[::2] += 2 * X[::2, 0]
    rows, fold, groups = np.arange(0, 120, 2), np.arange(120) // 2 % 5, np.arange(120).astype(str)
    other = rng.normal(size=(120, 1))
    scores, differences = predict_partial_arm("association", X[rows], rows, {"valence": y}, groups, fold, {"all": other}, n_bootstrap=200, n_inner=3, rng=np.random.default_rng(1))
    predicted = nested_cv_predict(X[rows], y[rows, None], fold[rows], groups[rows], n_inner=3, rng=np.random.default_rng(1))[:, 0]
    assert scores["r"].item() == pytest.approx(within_fold_r(y[rows], predicted, fold[rows])) and scores["r"].item() > 0.8
    assert scores["n_words"].item() == 60 and np.isnan(scores["p"].item()) and np.isnan(scores["ceiling"].item())
    row = differences.iloc[0]
    assert (row["arm_a"], row["arm_b"]) == ("all", "association")
    assert row["difference"] == pytest.approx(within_fold_r(y[rows], other[rows, 0], fold[rows]) - scores["r"].item()) and row["ci_high"] < 0
