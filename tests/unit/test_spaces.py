"""Random draws beside the emotion space, and the ladder's simplest rungs."""

import logging
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.sparse import csr_matrix
from test_codes import make_codes

from shared_affect.rdm import RDM
from shared_affect.spaces import affect_rdms, compare_all, draws, representations


def with_columns(codes, x):
    return replace(codes, concepts=replace(codes.concepts, sparse=csr_matrix(np.asarray(x, np.float32))))


def sparse_world(n_features, densities, seed=0):
    """Concept words on which feature f fires with the given density, at random."""
    codes = make_codes()
    g = np.random.default_rng(seed)
    n = len(codes.concepts.words)
    x = np.zeros((n, n_features))
    for f, density in enumerate(densities):
        x[g.permutation(n)[: round(density * n)], f] = g.uniform(0.5, 2)
    return with_columns(codes, x)


def test_random_features_are_taken_once_and_from_outside():
    # as many outside as inside: without replacement every draw is the whole outside
    codes = sparse_world(10, [0.8] * 10)
    inside, outside = np.arange(5), np.arange(5, 10)
    found = draws(codes, inside, 4, np.random.default_rng(0))["random-sae"]
    expected = representations(codes, outside)["sae-space"].values
    for values in found:
        np.testing.assert_allclose(values, expected, atol=1e-5)


def test_too_few_outside_lets_selected_features_be_drawn_too():
    codes = sparse_world(6, [0.8] * 6)
    found = draws(codes, np.arange(4), 30, np.random.default_rng(0))["random-sae"]
    outside = representations(codes, np.array([4, 5]))["sae-space"].values
    assert not any(np.allclose(v, outside, atol=1e-5) for v in found) and len({v.tobytes() for v in found}) > 5


def test_random_features_match_the_selected_in_density():
    # rare features all read the same one word, frequent ones many: a draw for frequent features holds no rare one
    codes = sparse_world(40, [*np.linspace(0.35, 0.98, 20), *[1 / 30] * 20])
    x = codes.concepts.sparse.toarray()
    x[:, 20:] = 0
    x[0, 20:] = 1
    codes = with_columns(codes, x)
    selected = np.array([9, 10, 11])
    for values in draws(codes, selected, 20, np.random.default_rng(1))["random-sae"]:
        # with rare features alone only the first emotion would differ from the others
        others = values[1:, 1:][~np.eye(4, dtype=bool)]
        assert others.max() > 0.1
    rare = draws(codes, np.array([20, 21, 22]), 5, np.random.default_rng(1))["random-sae"]
    assert all(np.abs(v[1:, 1:]).max() < 1e-5 for v in rare)


def test_shuffled_sets_keep_the_features_and_lose_the_geometry():
    codes = make_codes()
    selected = np.arange(15)
    observed = representations(codes, selected)["sae-space"].values
    upper = np.triu_indices(5, 1)
    shuffled = draws(codes, selected, 20, np.random.default_rng(2))["shuffled-concepts"]
    assert all(not np.allclose(v, observed, atol=0.05) for v in shuffled) and len({v.tobytes() for v in shuffled}) == 20
    assert all(np.allclose(v, v.T) and not np.diag(v).any() for v in shuffled)
    # planted emotions are nearly orthogonal to one another, mixtures of them are not always
    assert shuffled[:, upper[0], upper[1]].std() > 2 * observed[upper].std()


def test_an_emotion_without_an_active_feature_stands_at_the_mean_distance():
    codes = make_codes(emotions=("joy", "fear", "anger"))
    x = np.zeros((18, 64))
    x[:6, 0], x[6:12, 0], x[12:, 0] = 2.0, 1.0, 1.5  # anger at the mean of all words: no direction after centring
    x[:, 1:3] = x[:, :1]
    found = draws(with_columns(codes, x), np.array([0]), 1, np.random.default_rng(0))["random-sae"][0]
    np.testing.assert_allclose(found, [[0, 2, 1], [2, 0, 1], [1, 1, 0]], atol=1e-6)


AFFECT = pd.DataFrame({"emotion": ["joy", "fear", "anger", "calm"], "valence": [0.8, -0.6, -0.5, 0.3], "arousal": [0.4, 0.6, 0.7, -0.5],
                       "valence_class": ["positive", "negative", "negative", "positive"]})


def test_affect_rungs_against_a_loop():
    found = affect_rdms(AFFECT)
    for i, a in AFFECT.iterrows():
        for j, b in AFFECT.iterrows():
            assert found["valence-sign"].values[i, j] == (a["valence_class"] != b["valence_class"])
            assert found["valence-arousal"].values[i, j] == pytest.approx(np.hypot(a["valence"] - b["valence"], a["arousal"] - b["arousal"]))
    assert found["valence-sign"].labels == tuple(AFFECT["emotion"])


def test_only_the_two_sae_spaces_are_tested_and_who_was_not_judged_is_logged(caplog):
    codes = make_codes()
    rdms = representations(codes, np.arange(15))
    judged = AFFECT["emotion"].tolist()
    g = np.random.default_rng(1)
    judgements = pd.DataFrame([{"rater": r, "emotion_a": a, "emotion_b": b, "dissimilarity": g.uniform(1, 9)} for r in "xyz" for i, a in enumerate(judged) for b in judged[i + 1:]])
    random = {"random-sae": [RDM(codes.emotions, v) for v in draws(codes, np.arange(15), 5, g)["random-sae"]]}
    logger = logging.getLogger("shared_affect")
    logger.propagate, before = True, logger.propagate
    with caplog.at_level("INFO", "shared_affect"):
        rsa, _ = compare_all(rdms, random, judgements, AFFECT, pairs=["all"], n_permutations=99, n_bootstrap=50, rng=g)
    logger.propagate = before
    assert set(rsa.loc[rsa["p"].notna(), "representation"]) == {"sae-space", "sae-all"}
    assert "not judged, left out: pride" in caplog.text
