"""Matrices keep their labels: values against sklearn and loops, wrong input named."""

import numpy as np
import pandas as pd
import pytest
from sklearn.metrics import pairwise_distances

from shared_affect.spaces.rdm import (
    RDM,
    RaterRDMs,
    cosine_rdm,
    euclidean_rdm,
    rdm_from_condensed,
    require_same_labels,
)

LABELS = ("joy", "fear", "anger", "relief")


def long_judgements(rng, raters=3):
    rows = []
    for r in range(raters):
        for i, a in enumerate(LABELS):
            for b in LABELS[i + 1 :]:
                pair = (a, b) if rng.random() < 0.5 else (b, a)
                rows.append((f"r{r}", *pair, int(rng.integers(1, 10))))
    frame = pd.DataFrame(rows, columns=["rater", "emotion_a", "emotion_b", "dissimilarity"])
    return frame.sample(frac=1, random_state=1)


def test_distances_equal_sklearn():
    points = np.random.default_rng(0).normal(size=(4, 6))
    np.testing.assert_allclose(
        cosine_rdm(points, LABELS).values, pairwise_distances(points, metric="cosine"), atol=1e-11
    )
    np.testing.assert_allclose(euclidean_rdm(points, LABELS).values, pairwise_distances(points), atol=1e-11)
    line = euclidean_rdm([1.0, 3.0, 2.0, 7.0], LABELS)
    assert line.values[0, 3] == 6


def test_zero_and_infinite_points_are_named():
    points = np.ones((4, 2))
    points[1] = 0
    with pytest.raises(ValueError, match="fear"):
        cosine_rdm(points, LABELS)
    points[2] = np.inf
    with pytest.raises(ValueError, match="anger"):
        euclidean_rdm(points, LABELS)
    with pytest.raises(ValueError, match="one row a label"):
        cosine_rdm(points[:3], LABELS)


def test_condensed_and_subset_go_by_label():
    rdm = euclidean_rdm([1.0, 3.0, 2.0, 7.0], LABELS)
    order = ("relief", "joy", "anger")
    expected = [6, 5, 1]
    np.testing.assert_array_equal(rdm.condensed(order), expected)
    np.testing.assert_array_equal(rdm.subset(order).condensed(), expected)
    np.testing.assert_array_equal(rdm_from_condensed(LABELS, rdm.condensed()).values, rdm.values)
    with pytest.raises(ValueError, match="pride"):
        rdm.condensed(("joy", "pride"))
    with pytest.raises(ValueError, match="more than once"):
        rdm.subset(("joy", "joy", "fear"))
    with pytest.raises(ValueError, match="allowed"):
        rdm_from_condensed(LABELS, [1, 2, 3])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda v: v[:3], "shape"),
        (lambda v: v + np.eye(4), "zero diagonal"),
        (lambda v: v + np.triu(np.ones((4, 4)), 1), "symmetric"),
        (lambda v: np.where(v == v[0, 1], np.nan, v), "joy"),
    ],
)
def test_what_is_no_rdm_is_refused(change, message):
    values = euclidean_rdm([1.0, 3.0, 2.0, 7.0], LABELS).values
    with pytest.raises(ValueError, match=message):
        RDM(LABELS, change(values))


def test_doubled_labels_are_refused_and_values_are_read_only():
    with pytest.raises(ValueError, match="more than once"):
        RDM(("a", "a"), np.zeros((2, 2)))
    source = np.array([[0.0, 1], [1, 0]])
    rdm = RDM(("a", "b"), source)
    source[0, 1] = 5
    assert rdm.values[0, 1] == 1
    with pytest.raises(ValueError, match="read-only"):
        rdm.values[0, 1] = 2


def test_from_long_finds_every_pair_in_either_order():
    frame = long_judgements(np.random.default_rng(4))
    for labels in (None, LABELS):
        raters = RaterRDMs.from_long(frame, labels)
        assert raters.labels == (tuple(sorted(LABELS)) if labels is None else LABELS)
        for r, row in zip(raters.raters, raters.values):
            square = rdm_from_condensed(raters.labels, row)
            for line in frame[frame["rater"] == r].itertuples():
                assert square.subset((line.emotion_a, line.emotion_b)).values[0, 1] == line.dissimilarity


def test_from_long_refuses_what_is_not_complete():
    frame = long_judgements(np.random.default_rng(5))
    with pytest.raises(ValueError, match="missing or doubled"):
        RaterRDMs.from_long(frame.iloc[1:])
    twice = frame.iloc[[0]].rename(columns={"emotion_a": "emotion_b", "emotion_b": "emotion_a"})
    with pytest.raises(ValueError, match="2 times"):
        RaterRDMs.from_long(pd.concat([frame, twice]))
    with pytest.raises(ValueError, match="themselves"):
        RaterRDMs.from_long(frame.assign(emotion_b=frame["emotion_a"]))
    with pytest.raises(ValueError, match="relief"):
        RaterRDMs.from_long(frame, LABELS[:3])
    with pytest.raises(ValueError, match="columns"):
        RaterRDMs.from_long(frame.drop(columns="rater"))
    with pytest.raises(ValueError, match="not finite"):
        RaterRDMs.from_long(frame.assign(dissimilarity=np.nan))


def test_rater_subset_and_mean_go_by_label():
    raters = RaterRDMs.from_long(long_judgements(np.random.default_rng(6)))
    order = ("relief", "anger", "joy")
    for got, row in zip(raters.subset(order).values, raters.values):
        np.testing.assert_array_equal(got, rdm_from_condensed(raters.labels, row).condensed(order))
    np.testing.assert_allclose(raters.mean().condensed(), raters.values.mean(0))
    with pytest.raises(ValueError, match="distinct"):
        RaterRDMs(raters.labels, ("a", "a", "b"), raters.values)


def test_labels_of_both_sides_are_named():
    require_same_labels("x", ("a", "b"), ("b", "a"))
    with pytest.raises(ValueError, match=r"missing \['c'\], not expected \['b'\]"):
        require_same_labels("x", ("a", "b"), ("a", "c"))
