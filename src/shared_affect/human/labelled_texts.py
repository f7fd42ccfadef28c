"""Texts that people labelled with emotions. Long form: ``split, text_id, text, label``, one row a text and label."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd

from shared_affect.base.reading import read_rows
from shared_affect.human import published
from shared_affect.human.judgements import read_labels

COLUMNS = ["split", "text_id", "text", "label"]
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
