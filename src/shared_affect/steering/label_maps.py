"""From the labels of people's texts to our emotions: committed tables, one a dataset of labelled texts."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.study.inputs import read_labels


def read_label_map(path: str | Path, labels: Collection[str], emotions: Collection[str]) -> pd.DataFrame:
    """Which emotion, and which basic emotion, a label stands for.

    Parameters
    ----------
    path : path
        Table ``label, emotion, basic``; an empty cell = no counterpart.
    labels : collection of str
        Labels of the dataset; each must stand in the table once.
    emotions : collection of str
        All emotions that exist.

    Returns
    -------
    DataFrame ``label, emotion, basic``

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses; a label that is missing, doubled or unknown, or a target that does
        not exist.
    """
    frame = pd.DataFrame(read_labels(path, emotions))
    if wrong := sorted(set(frame["label"]) ^ set(labels)):
        raise ValueError(
            f"{path}: label {wrong[0]!r} is"
            f" {'in the texts but not in the table' if wrong[0] in labels else 'in the table but in no text'}; needed:"
            " every label of the texts, and no other"
        )
    return frame[["label", "emotion", "basic"]]


def judge_texts(
    texts: pd.DataFrame, label_map: pd.DataFrame, emotions: Collection[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Texts to train a judge on: those that people gave exactly one label, which has a counterpart.

    Parameters
    ----------
    texts : DataFrame ``split, text_id, text, label``
        Long form of `labelled`, one row a text and label.
    label_map : DataFrame ``label, emotion, basic``
    emotions : collection of str
        Emotions of the study.

    Returns
    -------
    texts : DataFrame ``text, label``
        `label` is one of our emotions; in the order of the file.
    untested : list of str
        Emotions of the study that no label stands for: this judge cannot test them.
    """
    to = dict(zip(label_map["label"], label_map["emotion"], strict=True))
    alone = ~texts.duplicated(["split", "text_id"], keep=False)
    found = texts.loc[alone, ["text"]].assign(label=texts.loc[alone, "label"].map(to))
    found = found[found["label"].isin(set(emotions))].reset_index(drop=True)
    untested = [e for e in emotions if e not in set(found["label"])]
    LOG.info(
        "%d of %d texts have one label with a counterpart; no label for: %s",
        len(found),
        texts[["split", "text_id"]].drop_duplicates().shape[0],
        ", ".join(untested) or "none",
    )
    return found, untested
