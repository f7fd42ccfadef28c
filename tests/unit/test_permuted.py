"""Codes permuted over words: the selection of every draw against the selection itself, and its spaces against a
loop.
"""

from dataclasses import replace

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from test_codes import EMOTIONS, make_codes

from shared_affect.features.centroids import emotion_space
from shared_affect.features.permuted import _permuted_columns
from shared_affect.features.select import select
from shared_affect.spaces.permuted_spaces import permuted_spaces
from shared_affect.spaces.rdm import cosine_rdm

SETTINGS = {"fdr": 0.05, "max_density": 0.9, "per_emotion": 4}


def with_order(codes, order):
    """Word i with the codes of word order[i]."""
    return replace(codes, concepts=replace(codes.concepts, sparse=csr_matrix(codes.concepts.sparse[order])))


def tied(codes):
    """Few levels and many zeros: AUROC ties at every boundary, some broken by the mean difference, some by the id
    alone.
    """
    x = np.round(codes.concepts.sparse.toarray())
    x[:, 40:] = (x[:, 40:] > 1) * 2
    x[:, 50:56] = x[:, 49:50]
    density = np.linspace(0, 1, 64)  # the last ones fire too often
    return replace(codes, concepts=replace(codes.concepts, sparse=csr_matrix(x.astype(np.float32))), density=density)


@pytest.mark.parametrize("make", [lambda c: c, tied])
@pytest.mark.parametrize("contrast", [EMOTIONS, EMOTIONS[:-2]])
def test_features_of_permuted_codes_are_those_that_selection_keeps(make, contrast, monkeypatch):
    codes = make(make_codes(per=5))
    monkeypatch.setattr("shared_affect.features.permuted.ORDERS", 300)  # several blocks
    live = codes.concepts.live()
    x = codes.concepts.columns(live)
    ids = live[(codes.density[live] <= SETTINGS["max_density"]) & ((x > 0).sum(0) >= 2)]
    seen = set()
    for order, columns, _ in _permuted_columns(codes, set(contrast), SETTINGS, 40, np.random.default_rng(0)):
        found = set(ids[columns].tolist())
        assert found == set(select(with_order(codes, order), set(contrast), SETTINGS)["feature"])
        seen.add(tuple(sorted(found)))
    assert len(seen) > 20


def test_spaces_of_permuted_codes_equal_a_loop():
    codes = make_codes()
    found = permuted_spaces(codes, set(EMOTIONS), SETTINGS, 12, np.random.default_rng(1))
    orders = [o for o, *_ in _permuted_columns(codes, set(EMOTIONS), SETTINGS, 12, np.random.default_rng(1))]
    assert len({tuple(o) for o in orders}) == 12
    for k, order in enumerate(orders):
        moved = with_order(codes, order)
        selected = select(moved, set(EMOTIONS), SETTINGS)["feature"].unique()
        for name, columns in (("sae-space", selected), ("sae-all", moved.concepts.live())):
            expected = cosine_rdm(
                emotion_space(moved.concepts.columns(columns), moved.membership, EMOTIONS), EMOTIONS
            ).condensed()
            np.testing.assert_allclose(found[name].values[k], expected, atol=1e-5)
