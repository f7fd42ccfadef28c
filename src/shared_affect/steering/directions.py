"""Directions in the residual stream: of an emotion space, of a difference of means, at random."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


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

    Raises
    ------
    ValueError
        If there are fewer than two words.
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


def unit(v: np.ndarray) -> np.ndarray:
    """Vector(s) scaled to norm 1 along the last axis.

    Raises
    ------
    ValueError
        If a vector is zero or not finite.
    """
    norm = np.linalg.norm(v, axis=-1, keepdims=True)
    if not np.isfinite(norm).all():
        raise ValueError(
            "a steering vector is NaN or infinite: residuals, codes or decoder rows that it is made of are not finite"
        )
    if not np.all(norm > 0):
        raise ValueError(
            "a steering vector is zero: no feature of the emotion space tells the emotion's words from the others'"
        )
    return (v / norm).astype(np.float32)


def concept_vector(feature_ids: np.ndarray, weights: np.ndarray, directions: np.ndarray) -> np.ndarray:
    """Weighted sum of decoder rows, unit norm (docs/steering.md).

    Parameters
    ----------
    feature_ids : ndarray of int, ``[k]``
    weights : ndarray, ``[k]``
        Of either sign.
    directions : ndarray, ``[d_sae, d]``
        Decoder rows.
    """
    return unit(np.asarray(weights, float) @ directions[np.asarray(feature_ids, int)].astype(float))


def difference_of_means(inside: np.ndarray, outside: np.ndarray) -> np.ndarray:
    """Unit difference of the mean residuals of two word groups (``[n, d]`` each), the usual baseline without an SAE."""
    return unit(inside.mean(0, dtype=np.float64) - outside.mean(0, dtype=np.float64))


def random_directions(n: int, d: int, rng: np.random.Generator) -> np.ndarray:
    """`n` directions ``[n, d]``, uniform on the sphere."""
    return unit(rng.normal(size=(n, d)))
