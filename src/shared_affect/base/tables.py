"""Small readers and writers of the files between rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from shared_affect.base.files import atomic_path, reading_from
from shared_affect.base.reading import LINE, read_written


def write_tsv(path: str | Path, frame: pd.DataFrame) -> None:
    """Write a frame as tab-separated UTF-8, atomically."""
    with atomic_path(path) as tmp:
        frame.to_csv(tmp, sep="\t", index=False, lineterminator="\n")


TEXT_COLUMNS = frozenset(
    "word rater emotion emotion_a emotion_b cue target text label control pair prompt template text_id published_form"
    " model sae language concept human_a human_b arm arm_a arm_b attribute beside block category claim comparison"
    " control_name corpus dataset dimension gloss group human human_language judge judge_a judge_b language_a"
    " language_b name_a name_b norms nuisances of pairs partner pos profiles prompts property quantity representation"
    " representation_a representation_b sae_a sae_b scale source spec split statistic vignettes words wrapped".split()
)
"""Words in every table that is read without its contract: text even where all of them look like numbers (raters 01,
02). A test holds them against the contracts.
"""


def _read(path: str | Path, separator: str, is_text: Callable[[str], bool]) -> pd.DataFrame:
    with reading_from(path):
        how: dict[str, Any] = {"sep": separator, "keep_default_na": False, "na_values": [""], "lineterminator": "\n"}
        names = pd.read_csv(path, nrows=0, **how).columns
        return pd.read_csv(path, dtype={name: str for name in names if is_text(name)}, **how)


def read_tsv(path: str | Path, is_text: Callable[[str], bool] = TEXT_COLUMNS.__contains__) -> pd.DataFrame:
    """Read what `write_tsv` wrote: only an empty cell means that a value is missing.

    Cells with tabs, line ends or quotation marks come back as they were. What people write is read by `reading`.

    Parameters
    ----------
    path : path
    is_text : function of a column's name
        Whether its cells are words, whatever they look like. A contract knows that of its own columns.
    """
    return _read(path, "\t", is_text)


def read_csv(path: str | Path) -> pd.DataFrame:
    """Read what `write_table` wrote, as `read_tsv` does."""
    return _read(path, ",", TEXT_COLUMNS.__contains__)


def read_emotions(path: str | Path) -> pd.DataFrame:
    """resources/emotions.tsv, all columns; `basic` and `contrast` as booleans (its schema has been checked before any
    job).
    """
    frame = pd.DataFrame(read_written(path, ["emotion", "basic", "contrast"], None, key=["emotion"])).drop(columns=LINE)
    return frame.assign(**{c: frame[c] == "true" for c in ("basic", "contrast")})


def group_words(frame: pd.DataFrame, emotions: Sequence[str]) -> dict[str, list[str]]:
    """Words of each emotion from a frame ``emotion, word``."""
    return {e: frame["word"][frame["emotion"] == e].tolist() for e in emotions}
