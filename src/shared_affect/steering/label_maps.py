"""From the labels of people's texts to our emotions: committed tables, one a dataset of labelled texts."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.reading import listed
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
        Anything that `reading.read_written` refuses; a label that is missing or doubled, a target that does not exist,
        or a table of which no label stands in the texts.

    Notes
    -----
    One table serves all languages of a dataset, and some lack a label (English BRIGHTER has no disgust): labels of the
    table that no text has are said in the log.
    """
    frame = pd.DataFrame(read_labels(path, emotions))
    check_labels(frame["label"].tolist(), labels, str(path), "the texts")
    if spare := [x for x in frame["label"] if x not in labels]:
        LOG.info("%s: no text has the label %s", path, ", ".join(spare))
    return frame[["label", "emotion", "basic"]]


def check_labels(known: Sequence[str], found: Collection[str], table: str, what: str) -> None:
    """Every label that texts or a classifier have stands in the table of labels.

    Parameters
    ----------
    known : sequence of str
        Labels of the table.
    found : collection of str
    table : str
        Named as what to change.
    what : str
        Whose labels they are.

    Raises
    ------
    ValueError
        Naming the labels found, those of the table, and the table.
    """
    if lacking := sorted(set(found) - set(known)):
        raise ValueError(
            f"{table}: label {lacking[0]!r} is in {what} but not in the table; found: {listed(sorted(found))}; in the"
            f" table: {listed(list(known))}; needed: a row for every label of {what} (empty cells = no emotion)"
        )


def read_targets(path: str | Path, labels: Collection[str] | None = None, what: str = "the texts") -> LabelMap:
    """A table of labels as mappings: see `LabelMap`.

    Parameters
    ----------
    path : path
        Of a table that has been checked (`read_label_map`), or is held against `labels` here.
    labels : collection of str, optional
    what : str
        Whose labels they are.
    """
    rows = read_labels(path)
    if labels is not None:
        check_labels([r["label"] for r in rows], labels, str(path), what)
    return LabelMap({r["label"]: r["emotion"] for r in rows}, {r["label"]: r["basic"] for r in rows})


@dataclass(frozen=True)
class LabelMap:
    """What labels stand for, "" for nothing.

    Attributes
    ----------
    emotion, basic : dict of label -> emotion, basic emotion
    """

    emotion: dict[str, str]
    basic: dict[str, str]

    @property
    def basic_of(self) -> dict[str, str]:
        """Basic emotion of each emotion, of the first label that stands for it."""
        found: dict[str, str] = {}
        for label, emotion in self.emotion.items():
            if emotion and self.basic[label]:
                found.setdefault(emotion, self.basic[label])
        return found

    @property
    def without_emotion(self) -> frozenset[str]:
        """Labels that stand for no emotion."""
        return frozenset(label for label, emotion in self.emotion.items() if not emotion)

    def emotions_of(self, labels: Sequence[str]) -> tuple[tuple[str, ...], np.ndarray]:
        """A judge's own labels under the names that it is known by: emotions, and labels that stand for none as they
        are.

        Returns
        -------
        names : tuple of str
            Each once.
        column : ndarray of int, ``[n_labels]``
            Which of them each label is.
        """
        named = [self.emotion[x] or x for x in labels]
        names = tuple(dict.fromkeys(named))
        return names, np.array([names.index(x) for x in named])


def judge_texts(
    texts: pd.DataFrame, label_map: pd.DataFrame, emotions: Collection[str]
) -> tuple[pd.DataFrame, list[str]]:
    """Texts to train a judge on: those that people gave exactly one label, which has a counterpart.

    A judge gives one label, so a text of several teaches it nothing clear. Where people said how intense each emotion
    is, a text of several counts with the one that is stronger than all others.

    Parameters
    ----------
    texts : DataFrame ``split, text_id, text, label``, and ``intensity`` where it is known
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
    own = ["split", "text_id"]
    alone = ~texts.duplicated(own, keep=False)
    if "intensity" in texts:
        strongest = texts["intensity"] == texts.groupby(own)["intensity"].transform("max")
        alone |= strongest & (strongest.groupby([texts[c] for c in own]).transform("sum") == 1)
    found = texts.loc[alone, ["text"]].assign(label=texts.loc[alone, "label"].map(to))
    found = found[found["label"].isin(set(emotions))].reset_index(drop=True)
    untested = [e for e in emotions if e not in set(found["label"])]
    LOG.info(
        "%d of %d texts have one label (or a strongest one) with a counterpart; no label for: %s",
        len(found),
        texts[["split", "text_id"]].drop_duplicates().shape[0],
        ", ".join(untested) or "none",
    )
    return found, untested
