"""Folds and permutations keep groups of words whole."""

import numpy as np
import pytest
from test_ridge import data

from shared_affect.ratings.folds import folds, inner_folds, paired_folds, permuted_indices


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
