"""The standard form of human data, and its readers: what own datasets are written in and published ones are brought to.

Norms: ``word, valence, arousal, valence_sd, valence_n, arousal_sd, arousal_n`` on a common scale of -1..1; SD and N are
NaN where nobody gives them. Ratings of concepts: ``concept, gloss, word, dimension, value``. Judgements: ``rater,
emotion_a, emotion_b, dissimilarity``, every rater on every pair. Affect of emotions: ``emotion, valence, arousal,
valence_class``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.reading import LINE, place, read_written
from shared_affect.human.files import NORMS
from shared_affect.human.norare import check_concepts, of_concepts
from shared_affect.human.norms import COLUMNS as NORM_COLUMNS
from shared_affect.human.published import MISSING, numbers

DISSIMILARITY = "dissimilarity_1to9"
"""Column of standard judgements; its name declares the scale."""


def _read(
    path: str | Path,
    words: Sequence[str],
    scales: Mapping[str, tuple[float, float, bool]],
    unknown: Mapping[str, tuple[float, float, bool]] | None = None,
    key: Sequence[str] = (),
) -> pd.DataFrame:
    """A table that a person wrote: words as text, numbers (lowest, highest, whole) inside their scale; those in
    `unknown` may be lacking.
    """
    unknown = unknown or {}
    frame = pd.DataFrame(read_written(path, [*words, *scales], list(unknown), may_be_empty=list(unknown), key=key))
    for c, (low, high, whole) in {**scales, **unknown}.items():
        if c not in frame:
            frame[c] = np.nan
            continue
        numbers(path, frame, c, low, high, label=words[0], whole=whole, missing=c in unknown)
        frame[c] = pd.to_numeric(frame[c].replace({m: None for m in MISSING} if c in unknown else {}))
    return frame


def read_norms(path: str | Path) -> pd.DataFrame:
    """Word ratings in standard form, sorted by word in code-point order.

    Columns ``word, valence, arousal`` (-1..1) and, where they are known, ``valence_sd, arousal_sd`` (0..2, the same
    unit) and ``valence_n, arousal_n`` (raters, 1 or more): these four may be left out or have empty cells, and the
    ceiling is unknown then.

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses: a missing column, an empty cell, a word rated twice; something
        that is no number or lies outside its scale.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as own:
    ...     print("word", "valence", "arousal", "valence_n", sep="\\t", file=own)
    ...     print("sun", 0.7, -0.2, 31, sep="\\t", file=own)
    ...     print("fog", -0.25, -0.5, 30, sep="\\t", file=own, flush=True)
    ...     print(read_norms(own.name)[["word", "valence", "arousal", "valence_n"]].to_string(index=False))
    word  valence  arousal  valence_n
     fog    -0.25     -0.5         30
     sun     0.70     -0.2         31
    """
    sd, n = (0.0, 2.0, False), (1.0, np.inf, True)
    frame = _read(
        path,
        ["word"],
        dict.fromkeys(("valence", "arousal"), (-1.0, 1.0, False)),
        {"valence_sd": sd, "valence_n": n, "arousal_sd": sd, "arousal_n": n},
        key=["word"],
    )
    for c in (c for c in NORM_COLUMNS if frame[c].isna().any()):
        LOG.info(
            "%s: %s is unknown for %d of %d words, so the ceiling is unknown too",
            path,
            c,
            frame[c].isna().sum(),
            len(frame),
        )
    return frame[NORM_COLUMNS].sort_values("word", ignore_index=True)


def read_judgements(path: str | Path) -> pd.DataFrame:
    """Pairwise judgements in standard form: ``rater, emotion_a, emotion_b, dissimilarity_1to9`` (9 = most different).

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses; something that is no number from 1 to 9 (a judgement that was not
        given has no row); an emotion paired with itself; a pair that a rater judges twice, in either order.
    """
    frame = _read(path, ["rater", "emotion_a", "emotion_b"], {DISSIMILARITY: (1.0, 9.0, False)})
    first: dict[tuple, int] = {}
    for rater, a, b, line in zip(frame["rater"], frame["emotion_a"], frame["emotion_b"], frame[LINE], strict=True):
        if a == b:
            raise ValueError(
                f"{place(path, line, 3)}: rater {rater!r} judges {a!r} against itself; allowed: two different emotions"
            )
        own = (rater, *sorted((a, b)))
        if own in first:
            raise ValueError(
                f"{place(path, line, 3)}: rater {rater!r} judges {a} - {b} in line {first[own]} too; allowed: every"
                " pair once, in either order"
            )
        first[own] = line
    return frame.rename(columns={DISSIMILARITY: "dissimilarity"})[["rater", "emotion_a", "emotion_b", "dissimilarity"]]


def read_concepts(path: str | Path) -> pd.DataFrame:
    """Ratings of concepts in standard form: ``concept, gloss, word, dimension, value`` on -1..1, one row a word of a
    concept and what was rated. ``concept`` is its number in Concepticon, ``gloss`` its name there.

    Returns
    -------
    DataFrame
        As of `norare.of_concepts`: a concept of several words has the mean of their ratings.

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses; a number outside -1..1; a word that is rated twice in one thing
        under a concept; whatever `norare.check_concepts` refuses.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.NamedTemporaryFile("w", suffix=".tsv", encoding="utf-8") as own:
    ...     print("concept", "gloss", "word", "dimension", "value", sep="\\t", file=own)
    ...     print(1343, "SUN", "inti", "valence", 0.7, sep="\\t", file=own)
    ...     print(1343, "SUN", "willka", "valence", 0.5, sep="\\t", file=own, flush=True)
    ...     print(read_concepts(own.name).round(2).to_string(index=False))
    concept gloss dimension  value  n_words       words
       1343   SUN   valence    0.6        2 inti|willka
    """
    columns = ["concept", "gloss", "word", "dimension"]
    frame = _read(path, columns, {"value": (-1.0, 1.0, False)}, key=["concept", "word", "dimension"])
    check_concepts(path, frame, "concept", "gloss", "word")
    return of_concepts(frame)


def read_coordinates(path: str | Path) -> pd.DataFrame:
    """Values that stand for the truth in cultural differences (config/human.tsv, column coordinates): ``word,
    valence``.

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses; a word that stands twice; something that is no number.
    """
    return _read(path, ["word"], {"valence": (-np.inf, np.inf, False)}, key=["word"]).drop(columns=LINE)


def studied_pairs(frame: pd.DataFrame, emotions: Sequence[str], where: str) -> pd.DataFrame:
    """Judgements of pairs of the given emotions.

    Raises
    ------
    ValueError
        If none of them is judged; names `where` the judgements come from.
    """
    found = frame[frame["emotion_a"].isin(emotions) & frame["emotion_b"].isin(emotions)]
    if found.empty:
        raise ValueError(
            f"{where}: no pair of the study's emotions is judged; found: {', '.join(list(emotions)[:5])} ... in"
            " config.yaml, key emotions"
        )
    return found[["rater", "emotion_a", "emotion_b", "dissimilarity"]].reset_index(drop=True)


def read_affect(
    path: str | Path, emotions: Sequence[str], split: float, labels: Mapping[str, str] | None = None
) -> pd.DataFrame:
    """Valence and arousal of the emotions and the valence class they fall in (above `split` = positive).

    Parameters
    ----------
    path : path
        Columns ``emotion, valence, arousal``; or norms in standard form, where each emotion is looked up by its label.
    emotions : sequence of str
    split : float
        On the scale of the file (norms in standard form: -1..1, so 0 is the middle of a published 1-9 scale).
    labels : mapping of emotion -> word, optional
        The word that names it in the language of the norms. An emotion without ratings is left out and logged.

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses, something that is no number, an emotion twice, none of the
        emotions, or a file whose valences all lie on one side of `split`.
    """
    if labels is None:
        free = (-np.inf, np.inf, False)
        frame = _read(path, ["emotion"], {"valence": free, "arousal": free}, key=["emotion"])
        if not frame["valence"].min() <= split <= frame["valence"].max():
            raise ValueError(
                f"{place(path, parts=3)}: valence runs from {frame['valence'].min():g} to {frame['valence'].max():g},"
                f" so all emotions fall on one side of {split:g}; expected both sides (another scale? config/human.tsv,"
                " column valence_split)"
            )
    else:
        # norms that this workflow has prepared
        rated = NORMS.read(path).set_index("word")
        if absent := [f"{e} ({labels[e]})" if labels[e] != e else e for e in emotions if labels[e] not in rated.index]:
            LOG.info("%s: not rated, so without valence: %s", path, ", ".join(absent))
        known = [e for e in emotions if labels[e] in rated.index]
        frame = (
            rated.loc[[labels[e] for e in known], ["valence", "arousal"]].assign(emotion=known).reset_index(drop=True)
        )
    frame = frame[frame["emotion"].isin(emotions)].reset_index(drop=True)
    if frame.empty:
        raise ValueError(f"{path} has none of the study's emotions (config.yaml, key emotions)")
    frame["valence_class"] = np.where(frame["valence"] > split, "positive", "negative")
    return frame[["emotion", "valence", "arousal", "valence_class"]]
