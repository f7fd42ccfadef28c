"""Ridge on sparse and on large predictors against the decomposition that small ones get."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from scipy.sparse import random as random_matrix

from shared_affect.ratings import blocks, ridge, wide
from shared_affect.ratings.folds import CrossFolds, Folds
from shared_affect.ratings.folds import folds as draw_outer


def codes(n, n_features, seed, density=0.03):
    rng = np.random.default_rng(seed)
    made = random_matrix(
        n, n_features, density=density, random_state=rng, data_rvs=lambda k: rng.exponential(1, k) + 0.3
    )
    return csr_matrix(made)


@pytest.fixture(scope="module")
def world():
    """150 words, 700 features of which some fire often; a target that features give, and one that is constant."""
    rng = np.random.default_rng(0)
    X = codes(150, 700, 1)
    X = csr_matrix(X + csr_matrix((rng.random((150, 700)) < np.linspace(0.6, 0, 700)) * 2.0))
    Y = np.column_stack([X[:, :30] @ rng.normal(size=30) + rng.normal(size=150), np.full(150, 3.0)])
    groups = np.arange(150) // 2
    return X, Y, Folds.draw(draw_outer(groups, 5, rng), groups, 4, rng)


@pytest.fixture
def small_limits(monkeypatch):
    """Everything is large."""
    for name in ("LARGE", "DENSE_COLUMNS", "DENSE_BYTES", "LARGE_BYTES"):
        monkeypatch.setattr(ridge, name, 1)


def test_sparse_codes_give_the_predictions_of_dense_ones(world, small_limits, monkeypatch):
    X, Y, folds = world
    got = ridge.nested_cv_predict(X, Y, folds)
    monkeypatch.undo()
    np.testing.assert_allclose(got, ridge.nested_cv_predict(X.toarray(), Y, folds), atol=1e-6)
    assert np.corrcoef(got[:, 0], Y[:, 0])[0, 1] > 0.3 and np.allclose(got[:, 1], 3)


def test_every_penalty_comes_from_the_steps_of_one(world):
    X, Y, folds = world
    train, test = folds.inner[0] > 0, np.flatnonzero(folds.inner[0] == 0)
    mean, scale = ridge._centre_and_scale(X.toarray()[train])
    path = ridge._fit_path((X.toarray()[train] - mean) / scale, Y[train])
    expected = np.array(list(path.along((X.toarray()[test] - mean) / scale, ridge.ALPHAS)))
    penalties = np.repeat(ridge.ALPHAS[:, None], 2, axis=1)
    for together in (100, 2):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(wide, "COLUMNS", together)
            fits = [wide.Fit(train, test, train)] * 2
            found = wide.predict(wide.WideCodes.of(X), Y, fits, [penalties] * 2, ridge.CONSTANT)
        for got in found:
            np.testing.assert_allclose(got, expected, atol=1e-6)


def test_transfer_of_sparse_and_of_large_predictors(world, small_limits, monkeypatch):
    X, Y, folds = world
    other = codes(120, 700, 2)
    rng = np.random.default_rng(3)
    groups = np.r_[np.arange(40), 1000 + np.arange(80)]
    both = CrossFolds.draw(folds.groups, groups, draw_outer(groups, 4, rng), 3, rng)
    sparse = ridge.transfer_predict(X, Y, other, both)
    few = [m[:, :60].toarray() for m in (X, other)]
    dense = ridge.transfer_predict(few[0], Y, few[1], both)
    monkeypatch.undo()
    np.testing.assert_allclose(sparse, ridge.transfer_predict(X.toarray(), Y, other.toarray(), both), atol=1e-6)
    np.testing.assert_allclose(dense, ridge.transfer_predict(few[0], Y, few[1], both), atol=1e-9)


def test_large_dense_predictors_give_the_predictions_of_small_ones(world, small_limits, monkeypatch):
    X, Y, folds = world
    few = X[:, :60].toarray() + 1000  # a mean far larger than what varies
    got = ridge.nested_cv_predict(few, Y, folds)
    monkeypatch.undo()
    np.testing.assert_allclose(got, ridge.nested_cv_predict(few, Y, folds), atol=1e-8)


@pytest.mark.parametrize("n_targets", [3, 20])
def test_folds_are_added_up_for_few_and_for_many_targets(n_targets, world, small_limits, monkeypatch):
    """Targets far from 0, each with a penalty of its own; the same within a language and across two."""
    X, _, folds = world
    rng = np.random.default_rng(4)
    few = X[:, :20].toarray() + 1000
    noise = np.geomspace(0.1, 30, n_targets)
    Y = few[:, :5] @ rng.normal(size=(5, n_targets)) + noise * rng.normal(size=(len(few), n_targets)) + 500
    assert ridge._in_blocks(few, n_targets)
    groups = np.r_[np.arange(40), 1000 + np.arange(80)]
    both = CrossFolds.draw(folds.groups, groups, draw_outer(groups, 4, rng), 3, rng)
    other = codes(120, 20, 2).toarray() + 990
    within, across = ridge.nested_cv_predict(few, Y, folds), ridge.transfer_predict(few, Y, other, both)
    monkeypatch.undo()
    assert not ridge._in_blocks(few, n_targets)
    np.testing.assert_allclose(within, ridge.nested_cv_predict(few, Y, folds), atol=1e-7)
    np.testing.assert_allclose(across, ridge.transfer_predict(few, Y, other, both), atol=1e-7)


def test_an_error_from_sums_is_that_of_the_words():
    rng = np.random.default_rng(5)
    X, Y, weights, intercepts = (rng.normal(size=s) for s in ((40, 6), (40, 9), (6, 9), 9))
    direct = ((X @ weights + intercepts - Y) ** 2).sum(0)
    np.testing.assert_allclose(blocks.Moments.of(X, Y).squared_errors(weights, intercepts), direct)


def test_few_features_of_sparse_codes_are_taken_as_dense_ones(world):
    X, Y, folds = world
    dense = np.asfortranarray(X[:, :20].toarray())
    got = ridge.nested_cv_predict(csr_matrix(X[:, :20]), Y, folds)
    np.testing.assert_array_equal(got, ridge.nested_cv_predict(dense, Y, folds))


def test_what_does_not_converge_is_refused(world, small_limits, monkeypatch):
    monkeypatch.setattr(wide, "MOST_STEPS", 2)
    with pytest.raises(ValueError, match="has not converged after 2 steps"):
        ridge.nested_cv_predict(*world)


def test_too_many_systems_are_told_beforehand(world, small_limits, monkeypatch, caplog):
    monkeypatch.setattr(wide, "MANY", 9)
    X, Y, folds = world
    ridge.nested_cv_predict(X, Y[:, :1], folds)
    assert "20 fits and targets, which takes hours" in caplog.text and "n_permutations" in caplog.text
