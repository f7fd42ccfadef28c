"""Arrays of an extraction, read out: codes and residuals of words, averaged over templates and positions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

POSITIONS = ("word", "after")
"""Read-out positions, in the order in which extraction stores them."""

WORDS = 1024
"""Words whose residuals are averaged at once: 8 rows of width 3,584 in float64 are 235 MB."""


def read_codes(arrays: Mapping[str, np.ndarray], templates: Sequence[str], readout: str) -> np.ndarray:
    """`mean_codes` as a dense array, for few words: float32, ``[n_words, d_sae]``."""
    return mean_codes(arrays, templates, readout).toarray()


def mean_codes(arrays: Mapping[str, np.ndarray], templates: Sequence[str], readout: str) -> csr_matrix:
    """Mean SAE codes of the words over templates and read-out positions.

    Parameters
    ----------
    arrays : mapping
        One list's arrays of `extraction.Extractor.words`.
    templates : sequence of str
        Template names to average over.
    readout : {"word", "after", "word-after"}
        ``word-after`` averages the codes of both positions, after encoding.

    Returns
    -------
    csr_matrix, float32, ``[n_words, d_sae]``
        Nothing dense on the way: 25,000 words of 500 active features are 100 MB. Templates and positions are added in
        their order, in float64.

    Examples
    --------
    Two words in one template, five features; a row of the codes is a word at a position, ``word`` first.

    >>> arrays = {
    ...     "words": np.array(["joy", "fear"]),
    ...     "templates": np.array(["bare"]),
    ...     "data": np.array([4.0, 2.0, 6.0, 1.0], np.float32),
    ...     "indices": np.array([0, 3, 0, 3]),
    ...     "indptr": np.array([0, 1, 2, 3, 4]),
    ...     "d_sae": np.array(5),
    ... }
    >>> mean_codes(arrays, ["bare"], "word").toarray()
    array([[4., 0., 0., 0., 0.],
           [0., 0., 0., 2., 0.]], dtype=float32)
    >>> mean_codes(arrays, ["bare"], "word-after").toarray()
    array([[5. , 0. , 0. , 0. , 0. ],
           [0. , 0. , 0. , 1.5, 0. ]], dtype=float32)
    """
    from scipy.sparse import csr_matrix

    rows = _rows(arrays, templates, readout)
    n, start = len(arrays["words"]), arrays["indptr"]
    total = csr_matrix((n, int(arrays["d_sae"])))
    for r in rows:
        part, ends = slice(start[r * n], start[(r + 1) * n]), start[r * n : (r + 1) * n + 1] - start[r * n]
        own = csr_matrix((arrays["data"][part].astype(float), arrays["indices"][part], ends), shape=total.shape)
        total = csr_matrix(total + own)
    # by hand: a sparse matrix over a number is multiplied by its inverse, which rounds otherwise
    data = total.data.astype(np.float32) / np.float32(len(rows))
    found = csr_matrix((data, total.indices.astype(np.int32), total.indptr.astype(np.int32)), shape=total.shape)
    found.eliminate_zeros()
    found.sort_indices()
    return found


def read_dense(arrays: Mapping[str, np.ndarray], templates: Sequence[str], readout: str) -> np.ndarray:
    """Mean residual ``[n_words, d_in]`` over the same templates and positions as `read_codes`.

    From the residuals of every template and position, or from those means that `average` kept.

    Raises
    ------
    ValueError
        If a template or read-out is not known, or its mean was not kept.
    """
    rows = _rows(arrays, templates, readout)
    if "readouts" in arrays:
        kept, wanted = arrays["readouts"].tolist(), named_readout(templates, readout)
        if wanted not in kept:
            raise ValueError(
                f"no mean residuals of {wanted!r} were kept; there are: {', '.join(kept)}. Extract the features again:"
                " config.yaml, keys templates, readout and specs, say which are kept"
            )
        return arrays["dense"][kept.index(wanted)]
    dense = arrays["dense"].reshape(-1, *arrays["dense"].shape[2:])
    out = np.empty(dense.shape[1:], np.float32)
    for start in range(0, len(out), WORDS):
        out[start : start + WORDS] = dense[rows, start : start + WORDS].mean(0, dtype=np.float64)
    return out


def named_readout(templates: Sequence[str], readout: str) -> str:
    """
    >>> named_readout(["bare", "word-is"], "word")
    'bare+word-is/word'
    """
    return f"{'+'.join(templates)}/{readout}"


def average(arrays: Mapping[str, np.ndarray], readouts: Sequence[tuple[Sequence[str], str]]) -> dict[str, np.ndarray]:
    """Arrays with the mean residuals of some read-outs in place of those of every template and position.

    At 25,000 words, four templates and a width of 3,584 that is .4 GB a read-out instead of 2.9 GB.

    Parameters
    ----------
    arrays : mapping
        One list's arrays of `extraction.Extractor.words`.
    readouts : sequence of (templates, read-out)
        As `read_dense` will be asked.

    Returns
    -------
    dict
        With ``readouts [r]``, their names, and ``dense [r, n_words, d_in]``.
    """
    means = [read_dense(arrays, templates, readout) for templates, readout in readouts]
    return {**arrays, "readouts": np.array([named_readout(t, r) for t, r in readouts]), "dense": np.stack(means)}


def _rows(arrays: Mapping[str, np.ndarray], templates: Sequence[str], readout: str) -> list[int]:
    have = arrays["templates"].tolist()
    if missing := [t for t in templates if t not in have]:
        raise ValueError(
            f"template {missing[0]!r} was not extracted; allowed: {', '.join(have)} (config.yaml, key templates)"
        )
    if readout not in (*POSITIONS, "-".join(POSITIONS)):
        raise ValueError(f"readout is {readout!r}; allowed: word, after, word-after (config.yaml, key readout)")
    positions = [i for i, p in enumerate(POSITIONS) if p in readout.split("-")]
    return [have.index(t) * len(POSITIONS) + p for t in templates for p in positions]


def join_blocks(blocks: Sequence[Mapping[str, np.ndarray]]) -> dict[str, np.ndarray]:
    """Arrays of `extraction.Extractor.words` for several lists as those of one list, words in order of the blocks.

    Raises
    ------
    ValueError
        If the blocks differ in templates, positions, read-outs or the SAE: rows are joined by their place.
    """
    from scipy.sparse import csr_matrix, vstack

    first = blocks[0]
    for name in ("templates", "positions", "readouts", "d_sae"):
        named = [b[name].tolist() if name in b else None for b in blocks]
        if other := [n for n in named if n != named[0]]:
            raise ValueError(f"blocks of words differ in {name}: {named[0]} and {other[0]}; extract the features again")
    n_rows = len(first["templates"]) * len(first["positions"])
    parts = []
    codes = [
        csr_matrix((b["data"], b["indices"], b["indptr"]), shape=(len(b["indptr"]) - 1, int(b["d_sae"])))
        for b in blocks
    ]
    for r in range(n_rows):
        parts += [c[r * len(b["words"]) : (r + 1) * len(b["words"])] for c, b in zip(codes, blocks, strict=True)]
    joined = vstack(parts, format="csr")
    return {
        "words": np.concatenate([b["words"] for b in blocks]),
        "templates": first["templates"],
        "positions": first["positions"],
        **{k: first[k] for k in ("readouts",) if k in first},
        "dense": np.concatenate([b["dense"] for b in blocks], axis=-2),
        "static": np.concatenate([b["static"] for b in blocks]),
        "data": joined.data,
        "indices": joined.indices,
        "indptr": joined.indptr,
        "d_sae": first["d_sae"],
    }
