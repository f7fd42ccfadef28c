"""Where concept words come from: a committed table, free associations, or an affect lexicon, read by its kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.tables import group_words, read_tsv
from shared_affect.study.inputs import read_concepts, read_names, read_parts_of_speech
from shared_affect.words.concept_sets import COLUMNS, from_associations, from_lexicon


def from_table(path: str | Path, source: str, emotions: Sequence[str]) -> pd.DataFrame:
    """Words that a committed table marks with a source, with their parts of speech.

    Returns
    -------
    DataFrame
        ``emotion, word, strength, pos``; `strength` is NaN, `pos` None where the table gives none.
    """
    rows = [(e, w, np.nan) for e, words in read_concepts(path, emotions, source).items() for w in words]
    frame = pd.DataFrame(rows, columns=COLUMNS)
    of = read_parts_of_speech(path)
    frame["pos"] = [of[own] or None for own in zip(frame["emotion"], frame["word"], strict=True)]
    return frame


def from_association_files(
    path: str | Path, cues: str | Path, emotions: Sequence[str], known: Sequence[str], script: str, settings: Mapping
) -> pd.DataFrame:
    """`from_associations` of a prepared file and a table of cues (``resources/cues``); `settings` are its keywords."""
    named = pd.DataFrame(read_names(cues, "word", known), columns=["emotion", "word"])
    return from_associations(read_tsv(path), group_words(named, emotions), script, **settings)


def from_lexicon_files(
    path: str | Path, categories: str | Path, emotions: Sequence[str], known: Sequence[str], script: str, max_words: int
) -> pd.DataFrame:
    """`from_lexicon` of a prepared file and a table of categories (``resources/categories``)."""
    rows = read_names(categories, "category", known, may_be_empty=True)
    names = pd.DataFrame(rows, columns=["emotion", "category"])
    emotions_of = {str(c): [e for e in g["emotion"] if e in emotions] for c, g in names.groupby("category")}
    return from_lexicon(read_tsv(path), emotions_of, script, max_words=max_words)


def read_source(
    kind: str,
    words: str | Path,
    names: str | Path | None,
    source: str,
    *,
    emotions: Sequence[str],
    known: Sequence[str],
    script: str,
    settings: Mapping,
) -> pd.DataFrame:
    """Concept-sets from a source of any kind.

    Parameters
    ----------
    kind : {"table", "association", "lexicon"}
    words, names : path
        The source, and what it calls the emotions (cues or categories; None for a table).
    source : str
        Rows of a table that are meant.
    emotions, known : sequence of str
        Emotions wanted, and every emotion that `names` may name.
    script : str
        Of config/languages.tsv.
    settings : mapping
        config.yaml, key concept_sets.

    Returns
    -------
    DataFrame
        ``emotion, word, strength``, and ``pos`` from a table.

    Raises
    ------
    ValueError
        If the kind is unknown, or one but a table comes without names.
    """
    if kind == "table":
        return from_table(words, source, emotions)
    if names is None or kind not in ("association", "lexicon"):
        raise ValueError(
            f"kind of a source is {kind!r}, names {names}; allowed: table, association, lexicon (with names)"
        )
    if kind == "association":
        return from_association_files(words, names, emotions, known, script, settings)
    return from_lexicon_files(words, names, emotions, known, script, settings["max_words"])
