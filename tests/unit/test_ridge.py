"""Nested ridge, within a language and across two, against loops of scikit-learn ridges."""

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from shared_affect.ratings import blocks
from shared_affect.ratings.folds import CrossFolds, Folds, folds, inner_folds, paired_folds
from shared_affect.ratings.ridge import N_INNER, nested_cv_predict, transfer_predict
from shared_affect.ratings.scores import within_fold_r, within_fold_rs


def data(seed=0, n=60, n_features=12, noise=0.5):
    """Words in families of 1-3, ratings linear in the features."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, n_features)) * rng.uniform(0.2, 3, n_features) + 5
    Y = X[:, :4] @ rng.normal(size=(4, 3)) + noise * rng.normal(size=(n, 3))
    groups = np.repeat(np.arange(n), rng.integers(1, 4, n))[:n]
    return X, Y, groups, rng


def nested_by(X, Y, outer, groups, rng, **options):
    return nested_cv_predict(X, Y, Folds.draw(outer, groups, N_INNER, rng), **options)


def one_scale(train, *others):
    mean, scale = train.mean(0), np.sqrt(train.var(0).mean())
    return [(m - mean) / scale for m in (train, *others)]


@pytest.mark.parametrize("n_features", [6, 90])
def test_nested_predictions_equal_a_loop_of_scikit_learn_ridges(n_features):
    X, Y, groups, rng = data(1, n=50, n_features=n_features)
    X[:, -1] = 3.0  # a feature that never varies
    outer = folds(groups, 4, rng)
    alphas = np.logspace(-2, 3, 6)
    got = nested_cv_predict(X, Y, Folds.draw(outer, groups, 3, np.random.default_rng(7)), alphas)
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
        monkeypatch.setattr(blocks, "FEW_TARGETS", limit)
        found.append(nested_by(X, Y, outer, groups, rng=np.random.default_rng(3)))
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-10)


def test_targets_do_not_influence_each_other():
    X, Y, groups, rng = data()
    outer = folds(groups, 5, rng)
    together = nested_by(X, Y, outer, groups, rng=np.random.default_rng(1))
    apart = [nested_by(X, Y[:, [t]], outer, groups, rng=np.random.default_rng(1)) for t in range(3)]
    np.testing.assert_allclose(together, np.hstack(apart), atol=1e-9)


def test_features_that_never_vary_predict_the_training_mean():
    X, Y, groups, rng = data()
    outer = folds(groups, 5, rng)
    got = nested_by(np.ones_like(X), Y, outer, groups, rng=rng)
    for f in range(5):
        np.testing.assert_allclose(got[outer == f], np.broadcast_to(Y[outer != f].mean(0), got[outer == f].shape))
    np.testing.assert_array_equal(within_fold_rs(Y, got, outer), 0)


def test_nested_cv_refuses_bad_input():
    X, Y, groups, rng = data()
    outer = folds(groups, 5, rng)
    with pytest.raises(ValueError, match="several folds"):
        nested_by(X, Y, np.arange(len(X)) % 5, groups, rng=rng)
    with pytest.raises(ValueError, match="not finite"):
        nested_by(X, np.where(Y == Y[3, 1], np.nan, Y), outer, groups, rng=rng)
    with pytest.raises(ValueError, match="allowed"):
        nested_by(X[:-1], Y, outer, groups, rng=rng)


def test_transfer_equals_a_loop_of_scikit_learn_ridges():
    rng = np.random.default_rng(0)
    groups = {"en": np.arange(40), "zh": np.r_[np.arange(10, 40), np.arange(100, 110)]}
    X = {k: rng.normal(size=(40, 7)) for k in groups}
    Y = X["en"][:, :3] @ rng.normal(size=(3, 2)) + rng.normal(size=(40, 2))
    fold = paired_folds(groups, 4, rng)
    alphas = np.logspace(-1, 3, 5)
    found = CrossFolds.draw(groups["en"], groups["zh"], fold["zh"], 3, np.random.default_rng(5))
    got = transfer_predict(X["en"], Y, X["zh"], found, alphas)
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
    predicted = transfer_predict(X, y, X, CrossFolds.draw(groups, groups, fold, N_INNER, rng))
    assert abs(within_fold_r(y[:, 0], predicted[:, 0], fold)) < 0.1
    leaked = transfer_predict(X, y, X, CrossFolds.draw(groups, groups + 1000, fold, N_INNER, rng))
    assert within_fold_r(y[:, 0], leaked[:, 0], fold) > 0.9


def test_transfer_refuses_bad_input():
    rng = np.random.default_rng(0)
    X, y, groups = rng.normal(size=(40, 3)), rng.normal(size=(40, 1)), np.arange(40)
    fold = folds(groups, 5, rng)
    found = CrossFolds.draw(groups, groups, fold, N_INNER, rng)
    with pytest.raises(ValueError, match="the same features"):
        transfer_predict(X, y, X[:, :2], found)
    with pytest.raises(ValueError, match="one for each word"):
        transfer_predict(X[1:], y[1:], X, found)
    with pytest.raises(ValueError, match="not finite"):
        transfer_predict(X, np.where(y == y[3], np.nan, y), X, found)
    with pytest.raises(ValueError, match="several folds"):
        CrossFolds.draw(groups, np.append(groups[1:], 2), fold, N_INNER, rng)
    with pytest.raises(ValueError, match="fewer than 2 folds"):
        CrossFolds.draw(groups, groups, np.zeros(40, int), N_INNER, rng)
    with pytest.raises(ValueError, match="one for each word"):
        CrossFolds.draw(groups, groups[1:], fold, N_INNER, rng)
