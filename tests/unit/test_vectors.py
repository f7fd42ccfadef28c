"""Vectors against naive sums, halves of concept-sets, and the file that vectors stand in."""

import numpy as np
import pytest

from shared_affect.steering.directions import concept_vector, difference_of_means, unit
from shared_affect.steering.vectors import read_vectors, split_words, write_vectors


def test_vectors_against_naive_sums(tmp_path):
    rng = np.random.default_rng(0)
    directions = rng.normal(size=(10, 4)).astype(np.float32)
    naive = 0.75 * directions[2] + 0.25 * directions[7]
    assert np.allclose(
        concept_vector(np.array([2, 7]), np.array([0.75, 0.25]), directions), naive / np.linalg.norm(naive), atol=1e-6
    )
    inside, outside = rng.normal(size=(5, 4)), rng.normal(size=(6, 4))
    d = np.array([np.mean([r[k] for r in inside]) - np.mean([r[k] for r in outside]) for k in range(4)])
    assert np.allclose(difference_of_means(inside, outside), d / np.sqrt((d**2).sum()), atol=1e-6)
    with pytest.raises(ValueError, match="zero"):
        unit(np.zeros(3))
    write_vectors(tmp_path / "v.safetensors", {"concept": naive, "random": directions}, {"words_used": ["快乐"]})
    arrays, facts = read_vectors(tmp_path / "v.safetensors")
    assert np.allclose(arrays["concept"], naive) and facts == {"words_used": ["快乐"]}


def test_halves_are_disjoint_complete_and_seeded():
    words = list("abcdefg")
    used, held = split_words(words, np.random.default_rng(1))
    assert len(used) == 4 and sorted(used + held) == words
    assert split_words(words, np.random.default_rng(1)) == (used, held)
    with pytest.raises(ValueError, match="cannot be halved"):
        split_words(["a"], np.random.default_rng(1))


def test_halves_share_the_parts_of_speech():
    words, kinds = list("abcdefgh"), list("nnnjjjvv")
    share = dict.fromkeys(words, 0)
    for seed in range(400):
        used, held = split_words(words, np.random.default_rng(seed), kinds)
        assert len(used) == len(held) == 4 and sorted(used + held) == words
        for kind in "njv":
            counts = [sum(kinds[words.index(w)] == kind for w in half) for half in (used, held)]
            assert abs(counts[0] - counts[1]) <= 1
        for w in used:
            share[w] += 1 / 400
    assert all(abs(v - 0.5) < 0.1 for v in share.values())
    assert len(split_words(words[:7], np.random.default_rng(0), kinds[:7])[0]) == 4
