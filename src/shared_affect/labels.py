"""From a judge's own labels to the study's emotions and to the basic ones."""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd

from shared_affect.runtime import LOG

COLUMNS = ["label", "emotion", "basic", "source", "note"]
LEVELS = ("fine", "basic")


def read_label_map(path: str | Path, labels: Sequence[str], emotions: Sequence[str], basic: Sequence[str]) -> pd.DataFrame:
    """What each label of a judge stands for.

    Parameters
    ----------
    path : path
        Tab-separated, ``label, emotion, basic, source, note``; `emotion` and `basic` are empty where a label has no counterpart.
    labels : sequence of str
        The labels that the judge gives.
    emotions, basic : sequence of str
        Emotions of resources/emotions.tsv, and those among them that are basic.

    Returns
    -------
    DataFrame
        The file's columns, "" where there is no counterpart.

    Raises
    ------
    ValueError
        Other columns, a label that stands twice, is missing or is not the judge's, an unknown target, or a basic emotion that is mapped to another basic one.
    """
    frame = pd.read_csv(path, sep="\t", dtype=str, keep_default_na=False, encoding="utf-8-sig", quoting=csv.QUOTE_NONE)
    if list(frame) != COLUMNS:
        raise ValueError(f"{path}: columns are {', '.join(frame)}; expected {', '.join(COLUMNS)}")
    if frame["label"].duplicated().any():
        raise ValueError(f"{path}: label {frame['label'][frame['label'].duplicated()].iloc[0]!r} stands twice; allowed: once")
    if unknown := [x for x in frame["label"] if x not in labels]:
        raise ValueError(f"{path}: label {unknown[0]!r} is none of the judge's; allowed: {', '.join(labels)}")
    if missing := [x for x in labels if x not in set(frame["label"])]:
        raise ValueError(f"{path}: the judge's label {missing[0]!r} has no row; add it, with empty cells where it has no counterpart")
    for column, allowed in (("emotion", emotions), ("basic", basic)):
        if bad := [x for x in frame[column] if x and x not in allowed]:
            raise ValueError(f"{path}: {column} is {bad[0]!r}; allowed: {', '.join(allowed)}, or empty (resources/emotions.tsv)")
    crossed = frame[frame["emotion"].isin(basic) & (frame["emotion"] != frame["basic"])]
    if len(crossed):
        row = crossed.iloc[0]
        raise ValueError(f"{path}: label {row['label']!r} has emotion {row['emotion']!r}, a basic one, and basic {row['basic']!r}; allowed: {row['emotion']!r}")
    return frame


def basic_groups(label_map: pd.DataFrame) -> dict[str, str]:
    """Basic emotion of each emotion, by a map whose labels are the study's emotions (GoEmotions: the authors' own grouping); emotions without one are left out."""
    rows = label_map[(label_map["emotion"] != "") & (label_map["basic"] != "")]
    return dict(zip(rows["emotion"], rows["basic"], strict=True))


def target_labels(label_map: pd.DataFrame, emotions: Sequence[str], level: str, groups: Mapping[str, str]) -> dict[str, tuple[str, ...]]:
    """Labels of the judge that count as a hit for each emotion; none = the judge cannot test it.

    Parameters
    ----------
    label_map : DataFrame as of `read_label_map`
    emotions : sequence of str
    level : {"fine", "basic"}
        ``fine``: labels that stand for the emotion itself. ``basic``: labels of the same basic emotion, so that annoyance is tested as anger.
    groups : mapping of emotion -> basic emotion
        As of `basic_groups`; used for ``basic`` alone.

    Returns
    -------
    dict of emotion -> tuple of labels, all emotions in order; the log names those without any

    Raises
    ------
    ValueError
        Unknown level.
    """
    if level not in LEVELS:
        raise ValueError(f"judge level is {level!r}; allowed: {', '.join(LEVELS)}")
    column = {"fine": "emotion", "basic": "basic"}[level]
    wanted = {e: e if level == "fine" else groups.get(e, "") for e in emotions}
    found = {e: tuple(label_map["label"][(label_map[column] == target) & (target != "")]) for e, target in wanted.items()}
    if untested := [e for e, own in found.items() if not own]:
        LOG.info("judge, level %s: not tested for want of a label: %s", level, ", ".join(untested))
    return found
