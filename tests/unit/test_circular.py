"""Order of emotions around a circle, against a naive loop and permuted labels."""

import numpy as np
import pytest

from shared_affect.spaces.circular import circular_order


def naive(x, y):
    """Fisher & Lee's coefficient, pair by pair."""
    a, b = (np.arctan2(*(p - p.mean(0)).T) for p in (x, y))
    n = len(a)
    pairs = [(i, j) for i in range(n) for j in range(i + 1, n)]
    sines = np.array([[np.sin(v[i] - v[j]) for i, j in pairs] for v in (a, b)])
    return abs((sines[0] * sines[1]).sum()) / np.sqrt((sines[0] ** 2).sum() * (sines[1] ** 2).sum())


@pytest.mark.parametrize("seed", range(4))
def test_the_order_equals_a_loop_over_pairs_and_its_p_a_loop_over_permutations(seed):
    rng = np.random.default_rng(seed)
    x, y = rng.normal(size=(9, 2)), rng.normal(size=(9, 2)) + 3
    found = circular_order(x, y, 199, np.random.default_rng(7))
    assert found["value"] == pytest.approx(naive(x, y), abs=1e-12)
    orders = np.random.default_rng(7).permuted(np.tile(np.arange(9), (199, 1)), axis=1)
    null = np.array([naive(x, y[o]) for o in orders])
    assert found["p"] == ((null >= found["value"] - 1e-12).sum() + 1) / 200
    assert found["null_mean"] == pytest.approx(null.mean())
    assert found["null_high"] == pytest.approx(np.quantile(null, 0.975))


def test_rotation_reflection_and_scale_change_nothing():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(12, 2)), rng.normal(size=(12, 2))
    c, s = np.cos(1.1), np.sin(1.1)
    turned = 5 * x @ np.array([[c, -s], [s, c]]) @ np.diag([1, -1]) + 2
    values = [circular_order(p, y, 9, np.random.default_rng(1))["value"] for p in (x, turned)]
    assert values[0] == pytest.approx(values[1], abs=1e-12)


def test_a_ring_whose_labels_are_shuffled_is_no_circumplex():
    """The shape is a perfect ring in both; only the order of its labels tells."""
    rng = np.random.default_rng(3)
    angles = np.linspace(0, 2 * np.pi, 20, endpoint=False)
    ring = np.column_stack([np.cos(angles), np.sin(angles)])
    assert circular_order(ring, ring, 999, rng)["p"] == 0.001
    p = [circular_order(ring[rng.permutation(20)], ring, 199, rng)["p"] for _ in range(300)]
    assert 0.02 <= np.mean(np.array(p) <= 0.05) <= 0.09


def test_points_without_directions_have_no_order():
    flat = np.column_stack([np.arange(5.0), np.zeros(5)])
    found = circular_order(flat, np.random.default_rng(0).normal(size=(5, 2)), 99, np.random.default_rng(0))
    assert found["value"] == 0 and found["p"] == 1


@pytest.mark.parametrize(
    ("x", "y", "n", "match"),
    [
        (np.ones((4, 2)), np.ones((5, 2)), 9, "both"),
        (np.ones((2, 2)), np.ones((2, 2)), 9, "n >= 3"),
        (np.full((4, 2), np.nan), np.ones((4, 2)), 9, "finite"),
        (np.ones((4, 2)), np.ones((4, 2)), 0, "at least 1"),
    ],
)
def test_bad_input_is_refused(x, y, n, match):
    with pytest.raises(ValueError, match=match):
        circular_order(x, y, n, np.random.default_rng(0))
