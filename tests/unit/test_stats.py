"""Rank statistics against scipy, statsmodels, and the sample written out in full."""

from itertools import permutations

import numpy as np
import pytest
from scipy import stats as sps
from statsmodels.stats.multitest import multipletests

from shared_affect.base import stats


def test_rho_a_is_spearman_without_ties_and_the_mean_over_tie_breaking_with_them():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 40))
    assert stats.rho_a(x, y) == pytest.approx(sps.spearmanr(x, y).statistic, abs=1e-12)
    tied, other = [1, 1, 2, 3], [4, 2, 2, 1]
    broken = []
    for p in permutations(range(2)):
        for q in permutations(range(2)):
            a = np.array([1, 2, 3, 4], float)
            a[:2] = np.array([1, 2])[list(p)]
            b = np.array([4, 2, 3, 1], float)
            b[1:3] = np.array([2, 3])[list(q)]
            broken.append(sps.pearsonr(a, b).statistic)
    assert stats.rho_a(tied, other) == pytest.approx(np.mean(broken), abs=1e-12)


def test_spearman_equals_scipy_with_ties_and_broadcasts():
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 4, (5, 30)), rng.integers(0, 4, 30)
    expected = [sps.spearmanr(row, y).statistic for row in x]
    np.testing.assert_allclose(stats.spearman(x, y), expected, atol=1e-12)
    np.testing.assert_allclose(stats.rho_a(x, y), [stats.rho_a(row, y) for row in x], atol=1e-15)


def test_constant_side_is_zero_and_not_nan():
    assert stats.rho_a(np.ones(5), np.arange(5)) == 0
    assert stats.spearman(np.ones(5), np.arange(5)) == 0


def test_midranks_refuse_nan_and_shapes_that_differ():
    with pytest.raises(ValueError, match="not finite"):
        stats.midranks([1, np.nan])
    with pytest.raises(ValueError, match="equal length"):
        stats.rho_a([1, 2, 3], [1, 2])


@pytest.mark.parametrize("seed", range(3))
def test_adjusted_p_equal_statsmodels_and_a_loop(seed):
    p = np.round(np.random.default_rng(seed).beta(0.4, 2, 17), 2)
    np.testing.assert_allclose(stats.holm(p), multipletests(p, method="holm")[1], atol=1e-14)
    np.testing.assert_allclose(stats.benjamini_hochberg(p), multipletests(p, method="fdr_bh")[1], atol=1e-14)
    for i in range(p.size):
        assert stats.holm(p)[i] == pytest.approx(min(1, max((p >= q).sum() * q for q in p if q <= p[i])), abs=1e-14)
        assert stats.benjamini_hochberg(p)[i] == pytest.approx(
            min(1, min(q * p.size / (p <= q).sum() for q in p if q >= p[i])), abs=1e-14
        )


def test_adjusted_p_refuse_what_was_not_tested():
    for adjust in (stats.holm, stats.benjamini_hochberg):
        with pytest.raises(ValueError, match="each in"):
            adjust([0.1, np.nan])
        assert adjust([]).size == 0


def test_percentile_interval():
    low, high = stats.percentile_interval(np.arange(1001), level=0.9)
    assert (low, high) == pytest.approx((50, 950))
    low, high = stats.percentile_interval(np.arange(20).reshape(2, 10), axis=1)
    np.testing.assert_allclose(high, np.percentile(np.arange(20).reshape(2, 10), 97.5, axis=1))
    for bad in ([], [1, np.nan]):
        with pytest.raises(ValueError, match="samples"):
            stats.percentile_interval(bad)
    with pytest.raises(ValueError, match="level"):
        stats.percentile_interval([1, 2], level=95)


def test_weighted_midranks_equal_the_sample_written_out():
    rng = np.random.default_rng(2)
    weights = rng.integers(0, 4, (25, 12))
    for values in (rng.integers(0, 6, 25), rng.normal(size=25), rng.integers(0, 6, (25, 12))):
        got = stats.weighted_midranks(values, weights)
        for b in range(12):
            column = values if values.ndim == 1 else values[:, b]
            sample = np.repeat(np.arange(25), weights[:, b])
            ranks = sps.rankdata(column[sample])
            for item in range(25):
                np.testing.assert_array_equal(ranks[sample == item], got[item, b])
    with pytest.raises(ValueError, match="allowed"):
        stats.weighted_midranks(np.ones(3), np.ones((4, 2)))


def test_auroc_columns_equal_scipy_and_a_count_of_pairs():
    rng = np.random.default_rng(3)
    pos = np.maximum(rng.normal(0.3, 1, (13, 40)), 0).round(1)
    neg = np.maximum(rng.normal(0, 1, (70, 40)), 0).round(1)
    pos[:, 0] = neg[:, 0] = 0
    auroc, p = stats.auroc_columns(pos, neg)
    assert (auroc[0], p[0]) == (0.5, 1.0)
    reference = sps.mannwhitneyu(pos[:, 1:], neg[:, 1:], alternative="greater", method="asymptotic", axis=0)
    np.testing.assert_allclose(p[1:], reference.pvalue, rtol=1e-10)
    np.testing.assert_allclose(auroc[1:], reference.statistic / (13 * 70), atol=1e-12)
    for f in (1, 7):
        wins = [(a > b) + 0.5 * (a == b) for a in pos[:, f] for b in neg[:, f]]
        assert auroc[f] == pytest.approx(np.mean(wins))
    with pytest.raises(ValueError, match="at least one"):
        stats.auroc_columns(pos[:0], neg)
