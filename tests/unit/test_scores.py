"""Scores of predictions and their ceilings: against scipy, closed forms and samples written out."""

import numpy as np
import pytest
from scipy.stats import pearsonr, spearmanr

from shared_affect.ratings.scores import (
    _bootstrap_r,
    equivalent,
    known_ceiling,
    p_greater,
    pair_correlation,
    paired_difference,
    reliability_ceiling,
    resample_words,
    score,
    within_fold_r,
)


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
    assert known_ceiling(mean, sd, np.full(20000, raters)) == ceiling
    unknown = np.append(sd[1:], np.nan)
    assert known_ceiling(mean, unknown, np.full(20000, raters)) is None is known_ceiling(mean, sd, unknown)
    small = reliability_ceiling(np.array([1.0, 3, 5]), np.array([1.0, 1, 2]), np.array([4, 4, 8]))
    assert small == pytest.approx(np.sqrt(1 - (1 / 4 + 1 / 4 + 4 / 8) / 3 / 4))
    with pytest.raises(ValueError, match="reliability"):
        reliability_ceiling(mean, 100 * sd, np.full(20000, raters))
    with pytest.raises(ValueError, match="missing"):
        reliability_ceiling(mean, sd, np.full(20000, np.nan))


def test_pair_correlation_goes_by_place():
    a, b = np.array([1.0, 2, 3, 9]), np.array([3.0, 1, 2.5, 1.5])
    assert pair_correlation(a, np.array([0, 1, 2, 2]), b, np.array([1, 3, 0, 2])) == pytest.approx(
        pearsonr([1, 2, 3, 3], [1, 1.5, 3, 2.5])[0]
    )
    with pytest.raises(ValueError, match="2 common pairs"):
        pair_correlation(a, np.array([0, 1]), b, np.array([1, 3]))
    with pytest.raises(ValueError, match="do not vary"):
        pair_correlation(a, np.array([0, 0, 0]), b, np.array([1, 3, 2]))


def test_p_counts_the_observed_value_among_the_permuted():
    assert p_greater(0.5, np.array([0.1, 0.5, 0.7])) == 3 / 4
    assert p_greater(0.9, np.zeros(19)) == 1 / 20
