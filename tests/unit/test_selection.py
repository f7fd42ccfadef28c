"""Feature ids, densities and order of selection, and the words and contrast of vectors."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import make_sae
from scipy.sparse import csr_matrix, hstack
from test_codes import EMOTIONS, SETTINGS, make_codes

from shared_affect.features.codes import attach_sets, load_codes, write_codes
from shared_affect.features.select import group_features, read_selected, select
from shared_affect.models.sae_folder import decoder_directions
from shared_affect.spaces.rdm import cosine_rdm
from shared_affect.spaces.rungs import Material, representations
from shared_affect.steering.vectors import build_vectors
from shared_affect.words.concept_sets import own_sets, require_own


def moved(part, by):
    return replace(part, sparse=csr_matrix(hstack([csr_matrix((len(part.words), by)), part.sparse])))


def test_feature_ids_are_those_of_the_sae_where_some_never_fire():
    codes = make_codes()
    ten = replace(
        codes,
        concepts=moved(codes.concepts, 10),
        rated=moved(codes.rated, 10),
        density=np.concatenate([np.ones(10), codes.density]),
    )
    expected = select(codes, set(EMOTIONS), SETTINGS)
    pd.testing.assert_frame_equal(
        select(ten, set(EMOTIONS), SETTINGS), expected.assign(feature=expected["feature"] + 10)
    )


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
    assert (
        read_selected([tmp_path / "fear.tsv", tmp_path / "pride.tsv"])["emotion"].tolist()
        == ["fear"] * 4 + ["pride"] * 4
    )


def test_a_word_of_two_emotions_enters_no_selection_space_or_vector(tmp_path):
    codes = make_codes()
    sets = {
        e: [w for w, m in zip(codes.concepts.words, codes.membership[:, k], strict=True) if m]
        for k, e in enumerate(EMOTIONS)
    }
    doubled = sets | {"fear": [*sets["joy"][:2], *sets["fear"]]}
    own = {"joy": sets["joy"][2:]} | {e: sets[e] for e in EMOTIONS[1:]}
    with_doubled, without = (attach_sets(codes.concepts, s, codes.rated, codes.density) for s in (doubled, own))
    assert with_doubled.concepts.words == without.concepts.words and with_doubled.several.words == ("joy0", "joy1")
    assert with_doubled.left_out == ("joy0", "joy1")  # still no ordinary words
    np.testing.assert_array_equal(with_doubled.several_membership, [[True, True, False, False, False]] * 2)
    assert with_doubled.overlap[0, 1] == with_doubled.overlap[1, 0] == 2 / 12 and with_doubled.overlap[0, 2] == 0
    pd.testing.assert_frame_equal(*(select(c, set(EMOTIONS), SETTINGS) for c in (with_doubled, without)))
    sae = make_sae(tmp_path / "sae", d_in=8)
    vectors = [
        build_vectors(c, set(EMOTIONS), sae, SETTINGS, n_random=2, root_seed=2, names=("m", "s", "en"))
        for c in (with_doubled, without)
    ]
    for e in EMOTIONS:
        assert vectors[0][e][1] == vectors[1][e][1] and not {"joy0", "joy1"} & {
            *vectors[0][e][1]["words_used"],
            *vectors[0][e][1]["words_held_out"],
        }
        assert all(
            np.array_equal(vectors[0][e][0][k], vectors[1][e][0][k]) for k in ("concept", "diff-means", "random")
        )
    # the sets with these words stand beside the space, and so does their overlap alone
    selected = np.arange(15)
    rdms, plain = (representations(Material(c, selected)) for c in (with_doubled, without))
    assert set(rdms) - set(plain) == {"set-overlap", "with-shared-words"}
    for name in plain:
        np.testing.assert_array_equal(rdms[name].values, plain[name].values)
    assert (
        rdms["set-overlap"].subset(["fear", "joy"]).values[0, 1] == 1 - 2 / 12
        and rdms["set-overlap"].subset(["joy", "calm"]).values[0, 1] == 1
    )
    x = codes.concepts.columns(selected)
    where = {w: i for i, w in enumerate(codes.concepts.words)}
    centres = [x[[where[w] for w in words]].mean(0) - x.mean(0) for words in doubled.values()]
    np.testing.assert_allclose(rdms["with-shared-words"].values, cosine_rdm(centres, EMOTIONS).values, atol=1e-5)
    write_codes(tmp_path / "codes.npz", with_doubled)
    back = load_codes(tmp_path / "codes.npz")
    np.testing.assert_array_equal(back.overlap, with_doubled.overlap)
    assert back.several.words == ("joy0", "joy1") and back.left_out == with_doubled.left_out


def test_codes_with_a_word_of_two_sets_cannot_be_made():
    codes = make_codes()
    membership = codes.membership.copy()
    membership[3, 1] = True
    with pytest.raises(ValueError, match="'joy3' stands in 2 sets"):
        replace(codes, membership=membership)


def test_an_emotion_left_without_words_of_its_own_is_refused_by_name():
    codes = make_codes()
    sets = {e: [f"{e}{i}" for i in range(6)] for e in EMOTIONS}
    sets["fear"] = ["joy0", "joy1", "fear0"]
    sets["calm"] = ["joy2", "anger0", "anger1"]
    with pytest.raises(
        ValueError,
        match=(
            r"2 emotions have fewer than 2 words that stand in no other emotion's set: fear \(1 of 3\), calm \(0 of"
            r" 3\).*emotions: \[joy, anger, pride\]"
        ),
    ):
        attach_sets(codes.concepts, sets, codes.rated, codes.density)
    assert own_sets(sets)["joy"] == ["joy3", "joy4", "joy5"]
    # outside the contrast it is the added emotion that lacks words, and the others keep theirs
    with pytest.raises(ValueError, match=r"1 emotions.*calm \(0 of 3\)"):
        require_own({k: sets[k] for k in ("joy", "anger", "calm")}, "here", contrast={"joy", "anger"})
    assert own_sets({k: sets[k] for k in ("joy", "calm")}, {"joy"})["joy"] == sets["joy"]


def test_a_concept_vector_is_the_emotions_point_in_the_emotion_space_decoded(tmp_path):
    codes = make_codes()
    sae = make_sae(tmp_path / "sae", d_in=8)
    contrast = set(EMOTIONS[:-1])
    vectors = build_vectors(codes, contrast, sae, SETTINGS, n_random=2, root_seed=2, names=("m", "s", "en"))
    used = {e: facts["words_used"] for e, (_, facts) in vectors.items()}
    chosen = select(codes, contrast, SETTINGS, words={w for own in used.values() for w in own})
    code = dict(zip(codes.concepts.words, codes.concepts.sparse.toarray(), strict=True))
    for emotion, (arrays, facts) in vectors.items():
        others = sorted(
            {w for e in contrast - {emotion} for w in used[e]} - set(used[emotion]) - set(facts["words_held_out"])
        )
        features = sorted(set(chosen["feature"][chosen["emotion"].isin(contrast | {emotion})]))
        direction = np.zeros(8)
        for f in features:
            direction += (
                np.mean([code[w][f] for w in used[emotion]]) - np.mean([code[w][f] for w in others])
            ) * decoder_directions(sae)[f]
        np.testing.assert_allclose(arrays["concept"], direction / np.linalg.norm(direction), atol=1e-6)
        assert facts["features"] == features and min(facts["weights"]) < 0 < max(facts["weights"])


def test_features_of_each_emotion_keep_their_order():
    frame = pd.DataFrame({"emotion": ["fear", "joy", "fear", "awe"], "feature": [3.0, 4.0, 3.0, 9.0]})
    assert list(group_features(frame).items()) == [("fear", {3}), ("joy", {4}), ("awe", {9})]
