"""Free associations: which words people name when they see a cue, and vectors made of them.

Every reader returns ``cue, target, strength, count, n, backward_strength``: `strength` is the share of the cue's `n`
answers that are the target (0..1), `count` how many they are, `backward_strength` the strength of the cue as an answer
to the target, NaN where the target was no cue.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import svds

from shared_affect.base.log import LOG
from shared_affect.human import published
from shared_affect.human.files import WORD_VECTORS

COLUMNS = ["cue", "target", "strength", "count", "n", "backward_strength"]


def read_usf(*paths: str | Path) -> pd.DataFrame:
    """English associations of Nelson, McEvoy & Schreiber (2004): 5,018 cues, 72,176 pairs that two or more people gave.

    Parameters
    ----------
    *paths : path
        The eight files ``Cue_Target_Pairs.*.csv`` (Appendix A), comma; columns ``CUE, TARGET, NORMED?, #G, #P, FSG,
        BSG``. Missing strengths are marked by U+FFFD, or as on the authors' pages, whose ``<pre>`` is read too: by a
        yen sign in Windows-1252.

    Returns
    -------
    DataFrame
        The module's columns, words in lower case.

    Raises
    ------
    ValueError
        Anything that `published` refuses; a pair that stands twice with different strengths.
    """
    parts = []
    for path in paths:
        table = published.read_table(
            path,
            ["CUE", "TARGET", "#G", "#P", "FSG", "BSG"],
            ",",
            encodings=("utf-8-sig", "cp1252"),
            quoted=False,
            page=True,
        )
        table["BSG"] = table["BSG"].replace({"\u2022": "", "\u00a5": "", "\u00b7": ""})
        values = {
            c: published.numbers(path, table, source, low, high, label="CUE", whole=whole, missing=missing)
            for c, source, low, high, whole, missing in (
                ("strength", "FSG", 0, 1, False, False),
                ("count", "#P", 1, np.inf, True, False),
                ("n", "#G", 1, np.inf, True, False),
                ("backward_strength", "BSG", 0, 1, False, True),
            )
        }
        named = {
            c: np.char.lower(published.words(path, table, source, "latin").astype(str)).astype(object)
            for c, source in (("cue", "CUE"), ("target", "TARGET"))
        }
        parts.append(
            published.unique(
                path, pd.DataFrame(named | values).assign(line=table["line"]), ["cue", "target"], ["strength"]
            )
        )
    frame = pd.concat(parts, ignore_index=True)
    if (twice := frame.duplicated(["cue", "target"])).any():
        first = frame[twice].iloc[0]
        raise ValueError(f"USF: pair {first['cue']} -> {first['target']} stands in two files; expected each file once")
    return frame[COLUMNS]


def read_swow(path: str | Path, script: str) -> pd.DataFrame:
    """Strengths of Small World of Words: all three answers (R123) of every person.

    English: De Deyne et al. (2019, Behavior Research Methods 51:987), 12,000 cues. Chinese: Li et al. (2024).

    Parameters
    ----------
    path : path
        ``strength.SWOW-EN.R123.*`` (tab) or ``strength.SWOWZH.R123.*`` (comma): ``cue, response, R123, N,
        R123.Strength``.
    script : {"latin", "han"}
        Of most cues. Answers are free text and stay as they are.

    Returns
    -------
    DataFrame
        The module's columns. The backward strength is looked up: 0 where the target was a cue and nobody named this
        one.

    Raises
    ------
    ValueError
        Anything that `published` refuses; a pair that stands twice with different strengths.
    """
    first = published.read_text(path).split("\n", 1)[0]
    separator = "\t" if "\t" in first else ","
    table = published.read_table(
        path, ["cue", "response", "R123", "N", "R123.Strength"], separator, quoted=separator == "," or '"' in first
    )
    published.check_script(path, table, "cue", script)
    if (empty := (table["response"] == "").to_numpy()).any():
        LOG.info("%s: %d rows without an answer left out", path, empty.sum())
        table = table[~empty].reset_index(drop=True)
    frame = pd.DataFrame(
        {
            "cue": table["cue"],
            "target": table["response"],
            "strength": published.numbers(path, table, "R123.Strength", 0, 1, label="cue"),
            "count": published.numbers(path, table, "R123", 0, np.inf, label="cue", whole=True),
            "n": published.numbers(path, table, "N", 1, np.inf, label="cue", whole=True),
            "line": table["line"],
        }
    )
    frame = published.unique(path, frame, ["cue", "target"], ["strength"])
    forward = frame.set_index(["cue", "target"])["strength"]
    back = forward.reindex(pd.MultiIndex.from_frame(frame[["target", "cue"]])).to_numpy()
    is_cue = frame["target"].isin(set(frame["cue"])).to_numpy()
    frame["backward_strength"] = np.where(is_cue, np.nan_to_num(back), np.nan)
    return frame[COLUMNS]


def read_swow_en(path: str | Path) -> pd.DataFrame:
    """`read_swow` of the English strengths."""
    return read_swow(path, "latin")


def read_swow_zh(path: str | Path) -> pd.DataFrame:
    """`read_swow` of the Chinese strengths (simplified)."""
    return read_swow(path, "han")


def association_vectors(pairs: pd.DataFrame, n_dimensions: int = 300) -> tuple[list[str], np.ndarray]:
    """Vectors of cues: truncated singular value decomposition of who names what.

    The square root of the strength, cue to answer and answer to cue added up, `n_dimensions` largest singular values,
    rows of unit length: words are near if they have answers, and words they answer, in common. (Word vectors from
    associations: Steyvers, Shiffrin & Nelson 2005; De Deyne et al. 2016, COLING 1861-1870.)

    Parameters
    ----------
    pairs : DataFrame
        The module's columns.
    n_dimensions : int

    Returns
    -------
    words : list of str
        The cues, sorted.
    vectors : ndarray, ``[n_words, n_dimensions]``
        The sign of each dimension is such that its largest entry is positive.

    Raises
    ------
    ValueError
        If there are not more words than dimensions.
    """
    words = sorted(set(pairs["cue"]) | set(pairs["target"]))
    if len(words) <= n_dimensions:
        raise ValueError(
            f"associations of {len(words)} words; needed: more than {n_dimensions}, the dimensions of the vectors"
        )
    place = {w: i for i, w in enumerate(words)}
    at = pairs["cue"].map(place), pairs["target"].map(place)
    one_way = csr_matrix((np.sqrt(pairs["strength"].to_numpy(float)), at), shape=(len(words),) * 2)
    left, size, _ = svds(one_way + one_way.T, k=n_dimensions, v0=np.ones(len(words)))
    left, size = left[:, ::-1], size[::-1]
    left = left * np.sign(left[np.abs(left).argmax(0), np.arange(n_dimensions)])
    cues = sorted(set(pairs["cue"]))
    vectors = (left * size)[[place[w] for w in cues]]
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return cues, vectors / np.where(length > 0, length, 1)


def write_vectors(path: str | Path, words: list[str], vectors: np.ndarray) -> None:
    """Write `association_vectors` as one npz file."""
    WORD_VECTORS.write(path, {"words": np.array(words), "vectors": vectors.astype(np.float32)})


def read_vectors(paths: Sequence[str | Path]) -> tuple[list[str], np.ndarray] | None:
    """Words and vectors of the one file given; None without a file."""
    if not paths:
        return None
    arrays = WORD_VECTORS.read(paths[0])
    return arrays["words"].tolist(), arrays["vectors"]
