"""Which words and features a steering vector is made of."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from shared_affect.codes import LanguageCodes
from shared_affect.runtime import rng
from shared_affect.saes import decoder_directions
from shared_affect.selection import select
from shared_affect.steering import concept_vector, difference_of_means, random_directions, split_words


def build_vectors(codes: LanguageCodes, emotion: str, contrast: Collection[str], sae_folder, settings: Mapping, *, n_random: int, root_seed: int,
                  names: tuple[str, ...]) -> tuple[dict[str, np.ndarray], dict]:
    """Vectors of one emotion from half of the concept words.

    Parameters
    ----------
    codes : LanguageCodes
    emotion : str
    contrast : collection of str
        Emotions that stand for "the other emotions".
    sae_folder : path
    settings : mapping
        ``per_emotion``, ``fdr``, ``max_density``.
    n_random : int
        Random directions.
    root_seed : int
    names : tuple of str
        Model, SAE, language: each emotion's halves and directions depend on these names and its own, on nothing else,
        so that an added emotion leaves the others' vectors alone.

    Returns
    -------
    vectors : dict
        ``concept [d]``, ``diff-means [d]``, ``random [n_random, d]``, unit norm.
    facts : dict
        ``words_used``, ``words_held_out``, ``features``, ``weights``.
    """
    halves = {}
    for e in {emotion, *(c for c in codes.emotions if c in contrast)}:
        words = [w for w, m in zip(codes.concepts.words, codes.membership[:, codes.emotions.index(e)], strict=True) if m]
        # model and SAE stay out of the seed: every model is steered from the same half
        halves[e] = split_words(words, rng(root_seed, "split_words", names[-1], e))
    used = {w for a, _ in halves.values() for w in a}
    chosen = select(codes, contrast, settings, wanted=[emotion], words=used)
    directions = decoder_directions(sae_folder)
    where = {w: i for i, w in enumerate(codes.concepts.words)}
    inside = [where[w] for w in halves[emotion][0]]
    outside = [where[w] for e, (a, _) in halves.items() if e != emotion for w in a if w not in halves[emotion][0]]
    vectors = {
        "concept": concept_vector(chosen["feature"].to_numpy(), chosen["weight"].to_numpy(), directions),
        "diff-means": difference_of_means(codes.concepts.dense[inside], codes.concepts.dense[sorted(outside)]),
        "random": random_directions(n_random, directions.shape[1], rng(root_seed, "random_directions", *names, emotion)),
    }
    return vectors, {"words_used": halves[emotion][0], "words_held_out": halves[emotion][1], "features": chosen["feature"].tolist(), "weights": chosen["weight"].tolist()}
