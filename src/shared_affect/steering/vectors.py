"""The vectors of an emotion: the words and features that they are made of (`directions` turns these into directions,
`plan` says which arm wants which), and the file they stand in.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from shared_affect.base.contracts import as_read
from shared_affect.base.files import atomic_path, reading_from
from shared_affect.base.seeds import rng
from shared_affect.features.codes import LanguageCodes
from shared_affect.features.select import select
from shared_affect.models.sae_folder import decoder_directions
from shared_affect.steering.files import STEERING_VECTORS
from shared_affect.steering.plan import Material, make_vectors


def split_words(
    words: Sequence[str], rng: np.random.Generator, kinds: Sequence[str] | None = None
) -> tuple[list[str], list[str]]:
    """Two halves of a concept-set: the words a vector is built from, and the words held out.

    Parameters
    ----------
    words : sequence of str
    rng : Generator
    kinds : sequence of str, optional
        Part of speech of each word. Each is spread over both halves as evenly as numbers allow: otherwise the vector of
        a small half points to verbs or nouns as much as to the emotion.

    Returns
    -------
    used, held_out : list of str
        In the order of `words`; with an odd number `used` has one more.

    Raises
    ------
    ValueError
        If there are fewer than two words.

    Examples
    --------
    >>> used, held_out = split_words(["joy", "delight", "bliss", "glee"], np.random.default_rng(0))
    >>> used, held_out
    (['joy', 'bliss'], ['delight', 'glee'])
    """
    if len(words) < 2:
        raise ValueError(
            f"a concept-set of {len(words)} word(s) cannot be halved; needed: 2 or more"
            " (resources/concepts/<language>.tsv)"
        )
    order = rng.permutation(len(words))
    if kinds is not None and len(set(kinds)) > 1:
        names = {k: i for i, k in enumerate(rng.permutation(sorted(set(kinds))))}
        order = order[np.argsort([names[kinds[i]] for i in order], kind="stable")]
        first = int(rng.integers(2)) if len(words) % 2 == 0 else 0
        order = np.concatenate([order[first::2], order[1 - first :: 2]])
    used = set(order[: (len(words) + 1) // 2].tolist())
    return [w for i, w in enumerate(words) if i in used], [w for i, w in enumerate(words) if i not in used]


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
    decoder = decoder_directions(sae_folder)
    where = {w: i for i, w in enumerate(codes.concepts.words)}
    space = chosen["feature"][chosen["emotion"].isin(contrast)].to_numpy()
    out = {}
    for emotion, (used, held) in halves.items():
        features = np.union1d(space, chosen["feature"][chosen["emotion"] == emotion])
        others = {w for e, (a, _) in halves.items() if e in contrast and e != emotion for w in a}
        inside, outside = [where[w] for w in used], sorted(where[w] for w in others - set(used) - set(held))
        x, residuals = codes.concepts.columns(features), codes.concepts.dense
        weights = x[inside].mean(0, dtype=float) - x[outside].mean(0, dtype=float)
        material = Material(
            features, weights, decoder, residuals[inside], residuals[outside], n_random, root_seed, names
        )
        facts = {"words_used": used, "words_held_out": held, "features": features.tolist(), "weights": weights.tolist()}
        out[emotion] = make_vectors(material), facts
    return out


def write_vectors(path: str | Path, vectors: Mapping[str, np.ndarray], facts: Mapping) -> None:
    """Vectors of one emotion as safetensors; `facts` (words, features, weights) go into its metadata."""
    from safetensors.numpy import save

    arrays = {k: np.ascontiguousarray(v, np.float32) for k, v in vectors.items()}
    STEERING_VECTORS.check(arrays, path)
    with atomic_path(path) as tmp:
        tmp.write_bytes(save(arrays, metadata={"facts": json.dumps(facts, ensure_ascii=False)}))


def read_vectors(path: str | Path) -> tuple[dict[str, np.ndarray], dict]:
    """Read what `write_vectors` wrote."""
    from safetensors import safe_open

    with reading_from(path), safe_open(path, "numpy") as f:
        vectors, facts = {k: f.get_tensor(k) for k in f.keys()}, json.loads(f.metadata()["facts"])
    with as_read(path):
        STEERING_VECTORS.check(vectors, path)
    return vectors, facts
