"""Texts that people labelled with emotions. Long form: ``split, text_id, text, label``, one row a text and label.

A text without any emotion has the label of its dataset that says so (`neutral`), so that it is there at all. Where
people said how strong an emotion is, ``intensity`` holds it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.reading import read_rows
from shared_affect.human import published
from shared_affect.human.judgements import read_labels

COLUMNS = ["split", "text_id", "text", "label"]
BRIGHTER_LABELS = ("anger", "disgust", "fear", "joy", "sadness", "surprise")
NEUTRAL = "neutral"
MOST_INTENSE = 3
CLUE_LABELS = ("like", "happiness", "sadness", "anger", "disgust", "fear", "surprise")


def read_goemotions(labels: str | Path, *splits: str | Path) -> pd.DataFrame:
    """English Reddit comments of Demszky et al. (2020, ACL): 27 emotions and neutral, one or more a text.

    Parameters
    ----------
    labels : path
        ``labels.txt``: 28 names, one a line; their position is the number in the other files.
    *splits : path
        ``train.tsv, dev.tsv, test.tsv``: no header; text, numbers joined by commas, id, separated by tabs. 43,410,
        5,426 and 5,427 texts.

    Returns
    -------
    DataFrame
        The module's columns; `split` is the file's name without its ending.

    Raises
    ------
    ValueError
        A line without three cells, a number without a name, an id that stands twice in a file.
    """
    names = read_labels(labels)
    rows = []
    for path in splits:
        seen: dict[str, int] = {}
        for line, cells in read_rows(path, quoted=False, as_is=True):
            if len(cells) != 3:
                raise ValueError(
                    f"{path}, line {line}: {len(cells)} cells; expected text, labels, id, separated by tabs"
                )
            content, numbers, identity = cells
            if identity in seen:
                raise ValueError(
                    f"{path}, line {line}: id {identity!r} stands in line {seen[identity]} too; expected once"
                )
            seen[identity] = line
            for number in numbers.split(","):
                if not number.isdecimal() or int(number) >= len(names):
                    raise ValueError(
                        f"{path}, line {line}: label {number!r}; expected whole numbers from 0 to {len(names) - 1}"
                    )
                rows.append((Path(path).stem, identity, content, names[int(number)]))
    return pd.DataFrame(rows, columns=COLUMNS)


def read_clue_emotion(*splits: str | Path) -> pd.DataFrame:
    """Chinese Weibo posts of CLUEEmotion2020 (Li et al. 2016, LREC): one of seven labels a text; simplified.

    Parameters
    ----------
    *splits : path
        ``valid.txt, test.txt`` (and ``train.txt`` where it is at hand): one JSON object a line with ``id, content,
        label``. 3,966 and 3,967 texts.

    Returns
    -------
    DataFrame
        The module's columns; `split` is the file's name without its ending.

    Raises
    ------
    ValueError
        A line that is no such object, an unknown label, an id that stands twice in a file.
    """
    rows = []
    for path in splits:
        seen: dict[str, int] = {}
        for line, text in enumerate(published.read_text(path).split("\n"), start=1):
            if not text.strip():
                continue
            try:
                entry = json.loads(text)
            except json.JSONDecodeError as error:
                raise ValueError(f"{path}, line {line}: {error.msg}; expected one JSON object a line") from None
            if not isinstance(entry, dict) or (missing := [k for k in ("id", "content", "label") if k not in entry]):
                raise ValueError(
                    f"{path}, line {line}:"
                    f" {'no object' if not isinstance(entry, dict) else f'key {missing[0]!r} is missing'}; expected id,"
                    " content, label"
                )
            if not isinstance(entry["content"], str) or not isinstance(entry["label"], str):
                raise ValueError(
                    f"{path}, line {line}: content and label are {entry['content']!r} and {entry['label']!r}; expected"
                    " text"
                )
            if entry["label"] not in CLUE_LABELS:
                raise ValueError(
                    f"{path}, line {line}: label is {entry['label']!r}; expected one of {', '.join(CLUE_LABELS)}"
                )
            if (identity := str(entry["id"])) in seen:
                raise ValueError(
                    f"{path}, line {line}: id {identity!r} stands in line {seen[identity]} too; expected once"
                )
            seen[identity] = line
            rows.append((Path(path).stem, identity, entry["content"], entry["label"]))
    return pd.DataFrame(rows, columns=COLUMNS)


def read_brighter(*splits: str | Path) -> pd.DataFrame:
    """Texts of BRIGHTER (Muhammad et al. 2025; SemEval-2025 task 11), one language, several emotions a text.

    All languages and both tracks have one form: ``id, text``, then a column an emotion, which differ by language
    (English has no disgust). Track a says 0 or 1, track b how intense an emotion is, 0 to 3; the labels are the same
    (an intensity above 0), so one reader takes both.

    Parameters
    ----------
    *splits : path
        ``train/eng.csv``, ``dev/eng.csv``, ``test/eng.csv`` of one track. A split is named by its folder.

    Returns
    -------
    DataFrame
        The module's columns and ``intensity`` (1 to 3; of track a 1 for every label, which nobody rated; 0 in texts
        that show none of the emotions, whose label is `NEUTRAL`). Texts that nobody labelled (the English test of track
        a) are left out; the log says how many.

    Raises
    ------
    ValueError
        A column that is no emotion of the dataset, a value that is no whole number from 0 to 3, a text with some
        values missing, an id that stands twice in a file, splits with other emotions, or no labelled text at all.
    """
    rows: list[tuple[str, str, str, str, int]] = []
    emotions: list[str] | None = None
    for path in splits:
        lines = iter(read_rows(path, separator=",", as_is=True))
        line, header = next(lines, (1, []))
        found = header[2:]
        if header[:2] != ["id", "text"] or not found or (odd := [e for e in found if e not in BRIGHTER_LABELS]):
            what = f"column {odd[0]!r}" if header[:2] == ["id", "text"] and found else f"columns {', '.join(header)}"
            raise ValueError(
                f"{path}, line {line}: {what}; expected id, text, and some of {', '.join(BRIGHTER_LABELS)}"
            )
        if emotions is not None and found != emotions:
            raise ValueError(f"{path}: emotions {', '.join(found)}; expected those of the other splits, {emotions}")
        emotions = found
        rows += _brighter_split(Path(path), emotions, lines)
    if not rows:
        raise ValueError(
            f"{', '.join(map(str, splits))}: no text has labels; the English test of track a has none, that of track b"
            " has (config/human.tsv, column path)"
        )
    return pd.DataFrame(rows, columns=[*COLUMNS, "intensity"])


def _brighter_split(
    path: Path, emotions: Sequence[str], lines: Iterable[tuple[int, list[str]]]
) -> list[tuple[str, str, str, str, int]]:
    """Rows of one file, a text and label each."""
    rows, seen, bare = [], dict[str, int](), 0
    for line, cells in lines:
        if len(cells) != 2 + len(emotions):
            raise ValueError(f"{path}, line {line}: {len(cells)} cells; expected {2 + len(emotions)}")
        identity, content, *values = cells
        if identity in seen:
            raise ValueError(f"{path}, line {line}: id {identity!r} stands in line {seen[identity]} too; expected once")
        seen[identity] = line
        if not any(values):
            bare += 1
            continue
        allowed = [str(i) for i in range(MOST_INTENSE + 1)]
        if wrong := [(e, v) for e, v in zip(emotions, values, strict=True) if v not in allowed]:
            e, v = wrong[0]
            raise ValueError(f"{path}, line {line}: {e} is {v!r}; expected a whole number from 0 to {MOST_INTENSE}")
        shown = [(e, int(v)) for e, v in zip(emotions, values, strict=True) if v != "0"]
        rows += [(path.parent.name, identity, content, e, v) for e, v in shown or [(NEUTRAL, 0)]]
    if bare:
        LOG.info("%s: %d of %d texts have no labels and are left out", path, bare, len(seen))
    return rows
