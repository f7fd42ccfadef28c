"""Small readers and writers of the files between rules."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from shared_affect.base.files import atomic_path, reading_from
from shared_affect.base.reading import LINE, read_written


def write_tsv(path: str | Path, frame: pd.DataFrame) -> None:
    """Write a frame as tab-separated UTF-8, atomically."""
    with atomic_path(path) as tmp:
        frame.to_csv(tmp, sep="\t", index=False, lineterminator="\n")


TEXT_COLUMNS = tuple(
    "word rater emotion emotion_a emotion_b cue target text label control pair prompt template text_id published_form"
    " model sae language concept human_a human_b".split()
)
"""Words in every file between rules: text even where all of them look like numbers (raters 01, 02)."""


def read_tsv(path: str | Path) -> pd.DataFrame:
    """Read what `write_tsv` wrote: only an empty cell means that a value is missing, and `TEXT_COLUMNS` are text.

    Cells with tabs, line ends or quotation marks come back as they were. What people write is read by `reading`.
    """
    with reading_from(path):
        return pd.read_csv(
            path,
            sep="\t",
            keep_default_na=False,
            na_values=[""],
            dtype=dict.fromkeys(TEXT_COLUMNS, str),
            lineterminator="\n",
        )


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read what `write_table` wrote, as `read_tsv` does."""
    with reading_from(path):
        return pd.read_csv(
            path, keep_default_na=False, na_values=[""], dtype=dict.fromkeys(TEXT_COLUMNS, str), lineterminator="\n"
        )


def read_emotions(path: str | Path) -> pd.DataFrame:
    """resources/emotions.tsv, all columns; `basic` and `contrast` as booleans (its schema has been checked before any
    job).
    """
    frame = pd.DataFrame(read_written(path, ["emotion", "basic", "contrast"], None, key=["emotion"])).drop(columns=LINE)
    return frame.assign(**{c: frame[c] == "true" for c in ("basic", "contrast")})


def group_words(frame: pd.DataFrame, emotions: Sequence[str]) -> dict[str, list[str]]:
    """Words of each emotion from a frame ``emotion, word``."""
    return {e: frame["word"][frame["emotion"] == e].tolist() for e in emotions}
