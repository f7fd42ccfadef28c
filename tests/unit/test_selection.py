"""Feature ids, densities and order of selection, and the words and contrast of vectors."""

from dataclasses import replace

import numpy as np
import pandas as pd
from conftest import make_sae
from scipy.sparse import csr_matrix, hstack
from test_codes import EMOTIONS, SETTINGS, make_codes

from shared_affect.saes import decoder_directions
from shared_affect.selection import read_selected, select
from shared_affect.vectors import build_vectors


def moved(part, by):
    return replace(part, sparse=csr_matrix(hstack([csr_matrix((len(part.words), by)), part.sparse])))


def test_feature_ids_are_those_of_the_sae_where_some_never_fire():
    codes = make_codes()
    ten = replace(codes, concepts=moved(codes.concepts, 10), rated=moved(codes.rated, 10), density=np.concatenate([np.ones(10), codes.density]))
    expected = select(codes, set(EMOTIONS), SETTINGS)
    pd.testing.assert_frame_equal(select(ten, set(EMOTIONS), SETTINGS), expected.assign(feature=expected["feature"] + 10))


def test_features_that_fire_everywhere_are_dropped():
    codes = make_codes()
    density = codes.density.copy()
    density[:3] = 0.95  # joy's own
    found = select(replace(codes, density=density), set(EMOTIONS), SETTINGS)
    assert not set(found["feature"]) & {0, 1, 2} and {3, 4, 5} <= set(found["feature"][found["emotion"] == "fear"])


def test_only_the_wanted_emotions_come_back_unchanged(tmp_path):
    codes = make_codes()
    both = select(codes, set(EMOTIONS), SETTINGS)
    for emotion in ("fear", "pride"):
        one = select(codes, set(EMOTIONS), SETTINGS, wanted=[emotion])
        pd.testing.assert_frame_equal(one, both[both["emotion"] == emotion].reset_index(drop=True))
        one.to_csv(tmp_path / f"{emotion}.tsv", sep="\t", index=False)
    assert read_selected([tmp_path / "fear.tsv", tmp_path / "pride.tsv"])["emotion"].tolist() == ["fear"] * 4 + ["pride"] * 4


def test_a_word_of_two_emotions_stands_against_neither_even_when_held_out(tmp_path):
    codes = make_codes()
    membership = codes.membership.copy()
    membership[:4, 1] = True  # most words of joy are words of fear too
    codes = replace(codes, membership=membership)
    vectors = build_vectors(codes, set(EMOTIONS), make_sae(tmp_path / "sae", d_in=8), SETTINGS, n_random=2, root_seed=2, names=("m", "s", "en"))
    used = {e: set(facts["words_used"]) for e, (_, facts) in vectors.items()}
    held = {e: set(facts["words_held_out"]) for e, (_, facts) in vectors.items()}
    assert used["joy"] & used["fear"] and held["joy"] & used["fear"]
    where = {w: i for i, w in enumerate(codes.concepts.words)}
    outside = set().union(*(used[e] for e in EMOTIONS if e != "joy")) - used["joy"] - held["joy"]
    expected = codes.concepts.dense[[where[w] for w in used["joy"]]].mean(0) - codes.concepts.dense[[where[w] for w in outside]].mean(0)
    np.testing.assert_allclose(vectors["joy"][0]["diff-means"], expected / np.linalg.norm(expected), atol=1e-6)


def test_a_concept_vector_is_the_emotions_point_in_the_emotion_space_decoded(tmp_path):
    codes = make_codes()
    sae = make_sae(tmp_path / "sae", d_in=8)
    contrast = set(EMOTIONS[:-1])
    vectors = build_vectors(codes, contrast, sae, SETTINGS, n_random=2, root_seed=2, names=("m", "s", "en"))
    used = {e: facts["words_used"] for e, (_, facts) in vectors.items()}
    chosen = select(codes, contrast, SETTINGS, words={w for own in used.values() for w in own})
    code = dict(zip(codes.concepts.words, codes.concepts.sparse.toarray(), strict=True))
    for emotion, (arrays, facts) in vectors.items():
        others = sorted({w for e in contrast - {emotion} for w in used[e]} - set(used[emotion]) - set(facts["words_held_out"]))
        features = sorted(set(chosen["feature"][chosen["emotion"].isin(contrast | {emotion})]))
        direction = np.zeros(8)
        for f in features:
            direction += (np.mean([code[w][f] for w in used[emotion]]) - np.mean([code[w][f] for w in others])) * decoder_directions(sae)[f]
        np.testing.assert_allclose(arrays["concept"], direction / np.linalg.norm(direction), atol=1e-6)
        assert facts["features"] == features and min(facts["weights"]) < 0 < max(facts["weights"])
