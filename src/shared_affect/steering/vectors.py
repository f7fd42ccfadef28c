"""Which words and features a steering vector is made of."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import numpy as np

from shared_affect.base.seeds import rng
from shared_affect.features.codes import LanguageCodes
from shared_affect.features.selection import select
from shared_affect.models.saes import decoder_directions
from shared_affect.steering.directions import (
    concept_vector,
    difference_of_means,
    random_directions,
    split_words,
)


def halve(
    codes: LanguageCodes,
    emotions: Iterable[str],
    language: str,
    root_seed: int,
    parts_of_speech: Mapping[tuple[str, str], str] | None = None,
) -> dict[str, tuple[list[str], list[str]]]:
    """Words a vector is built from and words held out, for each emotion, with the same parts of speech in both where
    they are known.

    The halves depend on root seed, language and emotion alone: every model is steered from the same words, and an added
    emotion leaves the others' halves alone.
    """
    sets = {
        e: [w for w, m in zip(codes.concepts.words, codes.membership[:, codes.emotions.index(e)], strict=True) if m]
        for e in emotions
    }
    known = parts_of_speech or {}
    return {
        e: split_words(words, rng(root_seed, "split_words", language, e), [known.get((e, w), "") for w in words])
        for e, words in sets.items()
    }


def build_vectors(
    codes: LanguageCodes,
    contrast: Collection[str],
    sae_folder,
    settings: Mapping,
    *,
    n_random: int,
    root_seed: int,
    names: tuple[str, str, str],
    parts_of_speech: Mapping[tuple[str, str], str] | None = None,
) -> dict[str, tuple[dict[str, np.ndarray], dict]]:
    """Vectors of all emotions from half of the concept words.

    The concept vector is the emotion's point in its emotion space, decoded: the features selected for all contrast
    emotions (and its own), each weighted by its mean code over the emotion's words minus that over the others' words.
    Weights of either sign: what all emotions share cancels, and the vector lowers what the others have and this one
    lacks.

    Parameters
    ----------
    codes : LanguageCodes
    contrast : collection of str
        Emotions that stand for "the other emotions"; one that is not among them changes no other's vector.
    sae_folder : path
    settings : mapping
        ``per_emotion``, ``fdr``, ``max_density``.
    n_random : int
        Random directions, the same for all emotions.
    root_seed : int
    names : tuple of str
        Model, SAE, language.
    parts_of_speech : mapping of (emotion, word) -> str, optional

    Returns
    -------
    dict of emotion -> (vectors, facts)
        ``concept [d]``, ``diff-means [d]``, ``random [n_random, d]``, unit norm; ``words_used``, ``words_held_out``,
        ``features [k]``, ``weights [k]`` (differences of mean codes).
    """
    halves = halve(codes, codes.emotions, names[2], root_seed, parts_of_speech)
    chosen = select(codes, contrast, settings, words={w for used, _ in halves.values() for w in used})
    directions = decoder_directions(sae_folder)
    where = {w: i for i, w in enumerate(codes.concepts.words)}
    space = chosen["feature"][chosen["emotion"].isin(contrast)].to_numpy()
    out = {}
    for emotion, (used, held) in halves.items():
        features = np.union1d(space, chosen["feature"][chosen["emotion"] == emotion])
        outside = (
            {w for e, (a, _) in halves.items() if e in contrast and e != emotion for w in a} - set(used) - set(held)
        )
        inside, beside = [where[w] for w in used], sorted(where[w] for w in outside)
        x = codes.concepts.columns(features)
        weights = x[inside].mean(0, dtype=float) - x[beside].mean(0, dtype=float)
        vectors = {
            "concept": concept_vector(features, weights, directions),
            "diff-means": difference_of_means(codes.concepts.dense[inside], codes.concepts.dense[beside]),
            "random": random_directions(n_random, directions.shape[1], rng(root_seed, "random_directions", *names)),
        }
        out[emotion] = (
            vectors,
            {"words_used": used, "words_held_out": held, "features": features.tolist(), "weights": weights.tolist()},
        )
    return out
