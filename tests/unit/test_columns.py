"""Sparse ranks, sums and counts against the dense ones, value for value."""

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from shared_affect.base.stats import auroc_columns, auroc_of_ranks, midranks
from shared_affect.features.columns import ColumnCodes, labels_of
from shared_affect.features.contrast import SelectionRule, auroc_by_emotion, feature_aurocs, mean_difference
from shared_affect.features.reproducibility import Repeats, split_half_reproducibility
from shared_affect.features.select import select_emotion_features

N_WORDS, N_FEATURES, N_EMOTIONS = 42, 60, 6


def table(seed, negative=False):
    """Few levels, many ties, columns that are all 0 or nowhere 0; an explicit 0 is stored."""
    rng = np.random.default_rng(seed)
    x = np.round(rng.exponential(2, (N_WORDS, N_FEATURES)), 1) * (rng.random((N_WORDS, N_FEATURES)) < 0.3)
    x[:, 0], x[:, 1] = 0, rng.permutation(N_WORDS) + 1
    if negative:
        x *= rng.choice([-1, 1], x.shape)
    dense = x.astype(np.float32)
    stored = csr_matrix(dense)
    stored.data[3] = 0
    dense = stored.toarray()
    return dense, stored


@pytest.fixture
def member():
    return np.repeat(np.eye(N_EMOTIONS, dtype=bool), N_WORDS // N_EMOTIONS, axis=0)


@pytest.mark.parametrize("negative", [False, True])
def test_ranks_sums_and_counts_are_those_of_the_dense_table(member, negative):
    dense, stored = table(1, negative)
    label = labels_of(member)
    ranks = midranks(dense, axis=0)
    for codes in (ColumnCodes.of(stored), ColumnCodes.of(dense)):
        np.testing.assert_array_equal(codes.rank_sums(label, N_EMOTIONS), member.T.astype(float) @ ranks)
        np.testing.assert_array_equal(codes.sums(label, N_EMOTIONS), member.T.astype(float) @ dense)
        np.testing.assert_array_equal(codes.rank_variation(), ((ranks - (N_WORDS + 1) / 2) ** 2).sum(0))
        np.testing.assert_array_equal(codes.active(), (dense > 0).sum(0))
        np.testing.assert_array_equal(feature_aurocs(codes, member), auroc_by_emotion(dense, member))
    own, others = member.astype(float), (~member).astype(float)
    expected = (own.T @ dense) / own.sum(0)[:, None] - (others.T @ dense) / others.sum(0)[:, None]
    np.testing.assert_allclose(mean_difference(ColumnCodes.of(stored), member), expected, rtol=1e-13, atol=1e-13)


def test_some_words_are_ranked_among_themselves(member):
    dense, stored = table(2)
    some = np.random.default_rng(0).random(N_WORDS) < 0.5
    part = ColumnCodes.of(stored).among(some)
    label = labels_of(member)[some]
    expected = member[some].T.astype(float) @ midranks(dense[some], axis=0)
    np.testing.assert_array_equal(part.rank_sums(label, N_EMOTIONS), expected)
    nobody = np.where(label == 2, -1, label)
    expected[2] = 0
    np.testing.assert_array_equal(part.rank_sums(nobody, N_EMOTIONS), expected)


def test_area_and_p_come_from_the_same_formula(member):
    dense, stored = table(3)
    codes, own = ColumnCodes.of(stored), member[:, 4]
    got = auroc_of_ranks(codes.rank_sums(labels_of(member), N_EMOTIONS)[4], codes.rank_variation(), 7, N_WORDS - 7)
    for a, b in zip(got, auroc_columns(dense[own], dense[~own]), strict=True):
        np.testing.assert_array_equal(a, b)


def test_selection_and_halves_do_not_ask_whether_codes_are_sparse(member):
    dense, stored = table(4)
    names, density = [f"e{i}" for i in range(N_EMOTIONS)], np.full(N_FEATURES, 0.1)
    rule = SelectionRule(0.5, 5)
    found, repeats = [], Repeats(3, 4, 50)
    for codes in (dense, stored):
        beside = {"e1": codes[:9]}
        frame = select_emotion_features(codes, member, names, density, rule, control_codes=beside)
        rng = np.random.default_rng(5)
        found.append((frame, split_half_reproducibility(codes, member, names, density, rule, repeats=repeats, rng=rng)))
    for a, b in zip(*found, strict=True):
        assert a.equals(b)
    assert found[0][0]["auroc_neutral"].notna().sum() == 5


def test_an_empty_table_has_ranks_of_ties_only(member):
    codes = ColumnCodes.of(csr_matrix((N_WORDS, 3), dtype=np.float32))
    np.testing.assert_array_equal(feature_aurocs(codes, member), np.full((N_EMOTIONS, 3), 0.5))
