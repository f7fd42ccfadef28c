"""Judgements of pairs of emotions, rater by rater, as published."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.reading import numbered_lines, read_rows
from shared_affect.human import published

N_ATTRIBUTES = 14
ROUNDING = 1e-6
"""The published files hold 15 digits: what differs by more is another number."""


def read_labels(path: str | Path) -> list[str]:
    """Emotion labels, one a line, each once.

    Raises
    ------
    ValueError
        A label stands twice, or as `published.read_text`.
    """
    first: dict[str, int] = {}
    for line, label in numbered_lines(path):
        if label in first:
            raise ValueError(f"{path}, line {line}: label {label!r} stands in line {first[label]} too; expected once")
        first[label] = line
    return list(first)


def _complete(path: str | Path, columns: list[str], low: float, high: float) -> np.ndarray:
    table = published.read_table(path, columns, ",")
    return np.column_stack([published.numbers(path, table, c, low, high) for c in columns])


def _pair_means(path: str | Path) -> dict[frozenset[str], tuple[float, int]]:
    """Mean distance of each labelled pair of the workbook, and its row."""
    table = published.read_workbook(path, ["EmoPair_1", "EmoPair_2", "DistMean"])
    means = published.numbers(path, table, "DistMean", 1, 9, label="EmoPair_1")
    found: dict[frozenset[str], tuple[float, int]] = {}
    for a, b, mean, line in zip(table["EmoPair_1"], table["EmoPair_2"], means, table["line"]):
        if frozenset((a, b)) in found:
            raise ValueError(
                f"{path}, row {line}: pair {a} - {b} stands in row {found[frozenset((a, b))][1]} too; expected once"
            )
        found[frozenset((a, b))] = (float(mean), int(line))
    return found


def read_li2024(judged: str | Path, order: str | Path, labelled: str | Path) -> pd.DataFrame:
    """Distances of Li et al. (2024; arXiv 2302.09582): 61 English-speaking raters x 351 pairs of the 27 GoEmotions
    words.

    The rater file holds numbers without labels, in the order of another file. Both are held against a third one that
    carries labels: a wrong order is refused, for it would give plausible nonsense.

    Parameters
    ----------
    judged : path
        ``ind_dist_subjective_comparison.csv``: comma, a header, one row a rater, one column a pair (j = i+1.. inside
        i). Complete; where `labelled` lacks a rater's judgement the authors put the pair's mean.
    order : path
        ``reordered_emotions.csv``: the labels in that order, one a line.
    labelled : path
        ``data.xlsx``: ``EmoPair_1, EmoPair_2, DistMean`` (alphabetical, with "neutral").

    Returns
    -------
    DataFrame
        ``rater`` (r01..r61: position in the file), ``emotion_a, emotion_b, dissimilarity`` (1..9, 9 = most different)
        and ``dissimilarity_m1to1``, the same on -1..1. 21,411 rows.

    Raises
    ------
    ValueError
        Wrong number of columns, something out of 1..9, or a pair whose mean over raters is not the mean that the
        labelled file gives for it (rows or labels in another order).
    """
    labels = read_labels(order)
    first, second = np.triu_indices(len(labels), 1)
    values = _complete(judged, [f"V{k + 1}" for k in range(len(first))], 1, 9)
    means = _pair_means(labelled)
    for k, (i, j) in enumerate(zip(first, second)):
        pair = frozenset((labels[i], labels[j]))
        if pair not in means:
            raise ValueError(
                f"{order}, line {j + 1}: pair {labels[i]} - {labels[j]} is not in {Path(labelled).name}; expected"
                " labels that stand there"
            )
        expected, row = means[pair]
        if not abs(values[:, k].mean() - expected) <= ROUNDING:
            raise ValueError(
                f"{judged}: column V{k + 1} has mean {values[:, k].mean():.4f}, but for {labels[i]} - {labels[j]} row"
                f" {row} of {Path(labelled).name} has {expected:.4f}; expected the columns in the order of"
                f" {Path(order).name} (these files are not in one order)"
            )
    raters = [f"r{k + 1:0{len(str(len(values)))}d}" for k in range(len(values))]
    names = np.array(labels, object)
    frame = pd.DataFrame(
        {
            "rater": np.repeat(raters, len(first)),
            "emotion_a": np.tile(names[first], len(values)),
            "emotion_b": np.tile(names[second], len(values)),
            "dissimilarity": values.ravel(),
        }
    )
    return frame.assign(dissimilarity_m1to1=(frame["dissimilarity"] - 5) / 4)


def read_li2024_attributes(
    scores: str | Path, order: str | Path, average: str | Path, alphabetical: str | Path
) -> pd.DataFrame:
    """The 14 attributes of the 27 emotions of Li et al. (2024), as the authors scaled them.

    Parameters
    ----------
    scores : path
        ``score_emotional_PCs.csv``: comma, 14 columns on 0..1 (each from its lowest to its highest emotion), rows in
        the order of `order`.
    order : path
        ``reordered_emotions.csv``.
    average : path
        ``average.csv``: arousal and valence as rated, -1..1, rows in the order of `alphabetical` without "neutral".
    alphabetical : path
        ``emotions.txt``.

    Returns
    -------
    DataFrame
        Long: ``emotion, attribute, score_0to1, score`` (the same on -1..1). 378 rows. The raters of these attributes
        are other answers of the same study: never used to split its own judgements.

    Raises
    ------
    ValueError
        Missing column, number out of range, or valence or arousal that do not fit `average` by label (rows in another
        order).
    """
    labels = read_labels(order)
    names = read_rows(scores, ",")[0][1]
    if len(names) != N_ATTRIBUTES or not {"valence", "arousal"} <= set(names):
        raise ValueError(
            f"{scores}, line 1: columns {', '.join(names)}; expected {N_ATTRIBUTES} attributes, valence and arousal"
            " among them"
        )
    values = _complete(scores, names, -ROUNDING, 1 + ROUNDING)
    rated = _complete(average, ["valence", "arousal"], -1, 1)
    rated_labels = [e for e in read_labels(alphabetical) if e != "neutral"]
    if len(values) != len(labels) or len(rated) != len(rated_labels) or set(labels) != set(rated_labels):
        raise ValueError(
            f"{scores} has {len(values)} rows for {len(labels)} labels, {average} {len(rated)} for {len(rated_labels)};"
            " expected one row a label and the same labels"
        )
    rated = rated[[rated_labels.index(e) for e in labels]]
    for k, name in enumerate(("valence", "arousal")):
        low, high = rated[:, k].min(), rated[:, k].max()
        expected = (rated[:, k] - low) / (high - low)
        wrong = np.abs(values[:, names.index(name)] - expected) > ROUNDING
        if wrong.any():
            at = int(np.argmax(wrong))
            raise ValueError(
                f"{scores}, line {at + 2}: {name} of {labels[at]!r} is {values[at, names.index(name)]:.4f}; expected"
                f" {expected[at]:.4f}, from {Path(average).name} (rows and labels are not in one order)"
            )
    frame = pd.DataFrame(
        {
            "emotion": np.repeat(np.array(labels, object), len(names)),
            "attribute": np.tile(np.array(names, object), len(labels)),
            "score_0to1": np.clip(values, 0, 1).ravel(),
        }
    )
    return frame.assign(score=2 * frame["score_0to1"] - 1)
