"""Sets of features outside the space, matched to it."""

import numpy as np
import pytest

from shared_affect.ratings.matched import matched_draws


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
