"""How good a judge is: on texts that people labelled, and against other judges.

A judge gives a text one label. People may give it several, so each label that they gave is right. Per emotion the area
under the ROC curve of the judge's probability is threshold-free and comparable between corpora in which emotions are
differently frequent; F1 of the top label is what SemEval-2025 task 11 and GoEmotions report. The expected calibration
error is that of Guo et al. (2017, ICML), over 15 bins of equal width.
"""

from __future__ import annotations

import itertools
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.steering.label_maps import LabelMap

BINS = 15
"""Of equal width, of the probability of the top label."""

ASSESSED = 2000
"""Texts of a corpus on which judges are assessed, at most: the same for all of them."""


@dataclass(frozen=True)
class Truth:
    """Texts and what people found in them.

    Attributes
    ----------
    texts : list of str
    classes : tuple of str
        Emotions that people could find.
    shown : ndarray of bool, ``[n_texts, n_classes]``
        A text may show several, or none.
    """

    texts: list[str]
    classes: tuple[str, ...]
    shown: np.ndarray


def truth_of(labelled: pd.DataFrame, targets: Mapping[str, str]) -> Truth:
    """Texts of a corpus in long form, their labels by what they stand for.

    Parameters
    ----------
    labelled : DataFrame ``split, text_id, text, label``
    targets : mapping of label -> emotion
        "" for a label that stands for none.

    Examples
    --------
    >>> rows = [("a", "1", "x", "happiness"), ("a", "1", "x", "fear"), ("a", "2", "y", "neutral")]
    >>> frame = pd.DataFrame(rows, columns=["split", "text_id", "text", "label"])
    >>> found = truth_of(frame, {"happiness": "joy", "fear": "fear", "neutral": ""})
    >>> found.texts, found.classes, found.shown.astype(int).tolist()
    (['x', 'y'], ('joy', 'fear'), [[1, 1], [0, 0]])
    """
    number, own = pd.factorize(pd.MultiIndex.from_frame(labelled[["split", "text_id"]]))
    there = set(labelled["label"])
    classes = tuple(dict.fromkeys(e for label, e in targets.items() if e and label in there))
    shown = np.zeros((len(own), len(classes)), bool)
    at = {label: classes.index(e) for label, e in targets.items() if e in classes}
    for i, label in zip(number, labelled["label"], strict=True):
        if label in at:
            shown[i, at[label]] = True
    return Truth(texts_of(labelled), classes, shown)


def texts_of(labelled: pd.DataFrame) -> list[str]:
    """Texts of a corpus in long form, each once, in the order in which they first stand."""
    return labelled.drop_duplicates(["split", "text_id"])["text"].tolist()


def draw(labelled: pd.DataFrame, rng: np.random.Generator, most: int = ASSESSED) -> pd.DataFrame:
    """So many texts of a corpus at random, all rows of each; all where there are fewer."""
    own = labelled[["split", "text_id"]].drop_duplicates()
    if len(own) <= most:
        return labelled
    kept = pd.MultiIndex.from_frame(own.iloc[np.sort(rng.permutation(len(own))[:most])])
    return labelled[pd.MultiIndex.from_frame(labelled[["split", "text_id"]]).isin(kept)]


@dataclass(frozen=True)
class Said:
    """What a judge says of texts.

    Attributes
    ----------
    labels : tuple of str
        Distinct.
    top : ndarray of int, ``[n_texts]``
        -1 for no label.
    probability : ndarray, ``[n_texts, n_labels]``
    """

    labels: tuple[str, ...]
    top: np.ndarray
    probability: np.ndarray

    def pooled(self, to: Mapping[str, str]) -> Said:
        """The same with labels put together: the probability of several that stand for one is their sum.

        Probabilities of a classifier of several labels need not add up to 1; a sum above 1 counts as 1. The top label
        stays the one that it was, under the name that it stands for: another may have the larger sum.
        """
        named = [to.get(x) or x for x in self.labels]
        labels = tuple(dict.fromkeys(named))
        column = np.array([labels.index(x) for x in named])
        probability = np.zeros((len(self.top), len(labels)))
        np.add.at(probability.T, column, self.probability.T)
        return Said(labels, np.where(self.top >= 0, column[self.top], -1), np.minimum(probability, 1))


def f1(true: np.ndarray, predicted: np.ndarray) -> float:
    """2 TP / (2 TP + FP + FN); NaN where nothing is true or predicted."""
    both = float(np.sum(true) + np.sum(predicted))
    return 2 * float(np.sum(true & predicted)) / both if both else float("nan")


def reliability(confidence: np.ndarray, right: np.ndarray, bins: int = BINS) -> pd.DataFrame:
    """Texts by confidence: mean confidence and share that is right in each bin of equal width that holds any.

    Returns
    -------
    DataFrame ``low high n confidence share_right``
    """
    at = np.minimum((np.asarray(confidence) * bins).astype(int), bins - 1)
    frame = pd.DataFrame({"bin": at, "confidence": confidence, "share_right": np.asarray(right, float)})
    found = frame.groupby("bin").agg(
        n=("bin", "size"), confidence=("confidence", "mean"), share_right=("share_right", "mean")
    )
    return found.assign(low=found.index / bins, high=(found.index + 1) / bins).reset_index(drop=True)


def calibration_error(table: pd.DataFrame) -> float:
    """Expected calibration error: mean distance of confidence and share right over bins, each with its texts' weight.

    Examples
    --------
    Ten texts with confidence .9 of which six are right are off by .3:

    >>> round(calibration_error(reliability(np.full(10, 0.9), np.arange(10) < 6)), 10)
    0.3
    """
    if not len(table):
        return float("nan")
    return float(np.average((table["confidence"] - table["share_right"]).abs(), weights=table["n"]))


def quality(truth: Truth, said: Said, none: Collection[str] = ()) -> list[tuple[str, str, float, int]]:
    """How good a judge is on texts, over the emotions that both the judge and the people have labels for.

    Accuracy and calibration are over texts that show one of these at least; F1 and AUROC over all texts, those without
    any emotion among them. A text is right if the top label is among its own. `ece_all` is the calibration over all
    texts with a verdict, as steering meets them: there a text without any emotion is right if its top label is one that
    stands for none, and wrong otherwise.

    Parameters
    ----------
    truth : Truth
    said : Said
    none : collection of str
        Labels of the judge that stand for no emotion.

    Returns
    -------
    list of (of, quantity, value, n)
        `of` is ``all``, an emotion, or a bin of confidence; none where there is no emotion in common.
    """
    classes = [c for c in truth.classes if c in said.labels]
    if not classes or not len(truth.texts):
        return []
    shown = truth.shown[:, [truth.classes.index(c) for c in classes]]
    columns = np.array([said.labels.index(c) for c in classes])
    hit = said.top[:, None] == columns
    some = shown.any(1)
    n = int(some.sum())
    rows: list[tuple[str, str, float, int]] = []
    for k, c in enumerate(classes):
        positive = int(shown[:, k].sum())
        rows.append((c, "f1", f1(shown[:, k], hit[:, k]) if positive else np.nan, positive))
        rows.append((c, "auroc", _auroc(shown[:, k], said.probability[:, columns[k]]), positive))
    of = {q: [v for _, name, v, _ in rows if name == q and np.isfinite(v)] for q in ("f1", "auroc")}
    means = {f"macro_{q}": float(np.mean(v)) if v else np.nan for q, v in of.items()}
    given = some & (said.top >= 0)
    right = (shown & hit).any(1)
    confidence = said.probability[np.flatnonzero(given), said.top[given]]
    bins = reliability(confidence, right[given])
    rightly_none = ~truth.shown.any(1) & np.isin(said.top, [k for k, x in enumerate(said.labels) if x in none])
    with_label = np.flatnonzero(said.top >= 0)
    every_bin = reliability(said.probability[with_label, said.top[with_label]], (right | rightly_none)[with_label])
    over = {
        "accuracy": float(right[some].mean()) if n else np.nan,
        **means,
        "ece": calibration_error(bins),
        "ece_all": calibration_error(every_bin),
        "chance_majority": float(shown[some].mean(0).max()) if n else np.nan,
        "chance_uniform": float(shown[some].mean()) if n else np.nan,
        "share_without_label": float((said.top < 0).mean()),
    }
    every = ("macro_f1", "macro_auroc", "ece_all", "share_without_label")
    rows = [("all", q, v, len(said.top) if q in every else n) for q, v in over.items()] + rows
    for low, high, count, mean, share in bins[["low", "high", "n", "confidence", "share_right"]].to_numpy(float):
        name = f"{low:.2f}-{high:.2f}"
        rows += [(name, "confidence", float(mean), int(count)), (name, "share_right", float(share), int(count))]
    return rows


def _auroc(shown: np.ndarray, probability: np.ndarray) -> float:
    """NaN where all texts show it, or none."""
    from sklearn.metrics import roc_auc_score

    return float(roc_auc_score(shown, probability)) if 0 < shown.sum() < len(shown) else float("nan")


COLUMNS = ["of", "quantity", "value", "n"]


def assess(
    labelled: pd.DataFrame, corpus: LabelMap, said: Said, own: LabelMap, name: str, tested_on: str = "unseen"
) -> pd.DataFrame:
    """How good a judge is on a corpus: by emotions of one name, and by basic emotions.

    Parameters
    ----------
    labelled : DataFrame ``split, text_id, text, label``
    corpus : LabelMap
        Of the corpus.
    said : Said
        Of its texts, in the order in which they first stand.
    own : LabelMap
        Of the judge; without basic emotions there is no second level.
    name : str
        Of the corpus.
    tested_on : {"unseen", "seen", "unknown"}
        What the judge knows of it.

    Returns
    -------
    DataFrame ``corpus texts judge_level of quantity value n``

    Raises
    ------
    ValueError
        If judge and corpus have no emotion in common on either level.
    """
    levels = {"fine": (corpus.emotion, said)}
    if own.basic_of:
        levels["basic"] = (corpus.basic, said.pooled(own.basic_of))
    parts = [
        pd.DataFrame(quality(truth_of(labelled, targets), what, own.without_emotion), columns=COLUMNS).assign(
            judge_level=level
        )
        for level, (targets, what) in levels.items()
    ]
    found = pd.concat([p for p in parts if len(p)] or parts[:1], ignore_index=True)
    if not len(found):
        raise ValueError(
            f"no emotion of the corpus {name} is a label of the judge ({', '.join(said.labels)}); needed: one at least"
            " (resources/judges/*.tsv, or take the corpus out of config.yaml, key judge_tests)"
        )
    return found.assign(corpus=name, texts=tested_on)[["corpus", "texts", "judge_level", *COLUMNS]]


def of_held_out(true: Sequence[str], said: Said, facts: Mapping[str, object], name: str) -> pd.DataFrame:
    """How good an embedded judge is on the texts that its trial model did not learn from, one label each.

    Parameters
    ----------
    true : sequence of str
    said : Said
        By the trial model.
    facts : mapping
        Of `judges.train_judge`; its numbers stand in the table as they are.
    name : str
        Of the corpus that it learned from.

    Returns
    -------
    DataFrame ``corpus texts judge_level of quantity value n``
    """
    labels = np.array(said.labels)
    truth = Truth(list(true), said.labels, np.asarray(true)[:, None] == labels)
    numbers = {k: float(v) for k, v in facts.items() if isinstance(v, (int, float)) and not isinstance(v, bool)}
    found = [r for r in quality(truth, said) if r[0] != "all" or r[1] not in numbers]
    rows = [("all", k, v, len(true)) for k, v in numbers.items()] + found
    frame = pd.DataFrame(rows, columns=COLUMNS)
    return frame.assign(corpus=name, texts="held-out", judge_level="fine")[["corpus", "texts", "judge_level", *COLUMNS]]


# ---- against each other


def agreement(hits: Mapping[str, np.ndarray], emotions: Sequence[str], rows: np.ndarray) -> pd.DataFrame:
    """Cohen's kappa of every two judges, for each emotion and over all texts and emotions that both know.

    Parameters
    ----------
    hits : mapping of judge -> ndarray of 0/1, ``[n_texts, n_emotions]``
        NaN in the columns of emotions that a judge has no label for.
    emotions : sequence of str
        Columns.
    rows : ndarray of int or bool
        Texts that count.

    Returns
    -------
    DataFrame ``judge_a judge_b emotion kappa agreement share_a share_b n``
    """
    found = []
    for a, b in itertools.combinations(hits, 2):
        one, other = hits[a][rows].astype(float), hits[b][rows].astype(float)
        both = np.isfinite(one).all(0) & np.isfinite(other).all(0)
        if both.any() and len(one):
            found.append((a, b, "all", *_kappa(one[:, both].ravel(), other[:, both].ravel())))
            found += [(a, b, emotions[k], *_kappa(one[:, k], other[:, k])) for k in np.flatnonzero(both).tolist()]
    columns = ["judge_a", "judge_b", "emotion", "kappa", "agreement", "share_a", "share_b", "n"]
    return pd.DataFrame(found, columns=columns).astype({"kappa": float})


def _kappa(a: np.ndarray, b: np.ndarray) -> tuple[float, float, float, float, int]:
    """Kappa (NaN where both say one and the same of all texts), agreement, both shares, number of decisions."""
    from sklearn.metrics import cohen_kappa_score

    same, left, right = float((a == b).mean()), float(a.mean()), float(b.mean())
    certain = left in (0.0, 1.0) and left == right
    return float("nan") if certain else float(cohen_kappa_score(a, b)), same, left, right, len(a)
