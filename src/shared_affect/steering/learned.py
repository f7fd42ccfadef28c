"""Judges that are models of others: a sequence classifier, and a language model that is made to choose.

Both give their own labels; a table (`resources/judges/{labels}.tsv`) says which emotion each stands for. Labels that
stand for none (neutral) are labels too: a text may get one of them, and then it shows no emotion.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.base.files import digest_of
from shared_affect.base.log import LOG
from shared_affect.models.choices import continued, log_probabilities
from shared_affect.models.classifiers import Classifier, labels_of, load_classifier
from shared_affect.models.load import load_model
from shared_affect.models.tokens import TextIds, load_ids
from shared_affect.steering.files import JUDGED
from shared_affect.steering.judges import Judge, TextJudge, verdicts
from shared_affect.steering.label_maps import LabelMap, read_targets
from shared_affect.study.inputs import Question, read_question

if TYPE_CHECKING:
    from transformers import PreTrainedModel

MOST_TOKENS = 256
"""Of a text that a language model is asked about; what is longer is cut at its end."""


def top_and_pooled(own: np.ndarray, column: np.ndarray, n: int) -> tuple[np.ndarray, np.ndarray]:
    """The top label, and the probabilities of labels that stand for one emotion added up.

    Parameters
    ----------
    own : ndarray, ``[n_texts, n_own]``
        Probabilities of the judge's own labels.
    column : ndarray of int, ``[n_own]``
        The name that each stands for.
    n : int
        Names.
    """
    found = np.zeros((len(own), n), own.dtype)
    np.add.at(found.T, column, own.T)
    return column[own.argmax(1)] if len(own) else np.zeros(0, int), np.minimum(found, 1)


@dataclass
class ClassifierJudge:
    """A sequence classifier as a judge: its top label, and its own probabilities.

    Attributes
    ----------
    language : str
    labels : tuple of str
        Emotions, and labels that stand for none.
    """

    language: str
    classifier: Classifier
    targets: LabelMap
    labels: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.labels, self._column = self.targets.emotions_of(self.classifier.labels)

    @property
    def by_words(self) -> bool:
        """It reads what stands there."""
        return False

    def judge(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """As `TextJudge.judge`."""
        return top_and_pooled(self.classifier.probabilities(texts), self._column, len(self.labels))


@dataclass
class ForcedChoice:
    """A causal language model as a judge: which label it finds likeliest after a question about the text.

    The score of a label is the sum of its tokens' log-probabilities. With `calibrated` that of the same label after the
    question about an empty text is taken off (contextual calibration, Zhao et al. 2021, ICML; the pointwise mutual
    information of Holtzman et al. 2021, EMNLP): what a label gains by being a common or a short word is gone.
    Probabilities are the softmax of the scores over labels.

    Tokens of a label are those that it has after the question (`models.choices.continued`). Where a label merges with
    the question's last token, all labels are scored from before that token on.

    Attributes
    ----------
    language : str
    own : tuple of str
        Words that it chooses from.
    """

    language: str
    model: PreTrainedModel
    ids: TextIds
    question: Question
    targets: LabelMap
    calibrated: bool = True
    rows: int = 32
    where: str = ""
    labels: tuple[str, ...] = field(init=False)

    def __post_init__(self) -> None:
        self.own = tuple(self.targets.emotion)
        self.labels, self._column = self.targets.emotions_of(self.own)
        question, last = self.question.before(""), self.ids.ids([self.question.before("")])[0]
        if merged := len(last) - len(self._asked("")[0]):
            LOG.info("%s: labels merge with the last %d tokens of %r: scored from there", self.where, merged, question)

    @property
    def by_words(self) -> bool:
        """It reads what stands there."""
        return False

    def _asked(self, text: str) -> tuple[list[int], tuple[tuple[int, ...], ...]]:
        """The question about a text, and each label, in tokens."""
        return continued(self.ids, self.question.before(text), [self.question.lead + label for label in self.own])

    def scores(self, texts: Sequence[str]) -> np.ndarray:
        """Score of each label, ``[n_texts, n_own]``, nats."""
        cut = [self._cut(t) for t in texts]
        if n := sum(c != t for c, t in zip(cut, texts, strict=True)):
            LOG.info(
                "%s: %d of %d texts have more than %d tokens and were cut there", self.where, n, len(cut), MOST_TOKENS
            )
        distinct = list(dict.fromkeys(["", *cut] if self.calibrated else cut))
        asked = [self._asked(t) for t in distinct]
        alike: dict[tuple[tuple[int, ...], ...], list[int]] = {}
        for i, (_, labels) in enumerate(asked):
            alike.setdefault(labels, []).append(i)
        found = np.zeros((len(distinct), len(self.own)))
        for labels, at in alike.items():
            beginnings = [asked[i][0] for i in at]
            found[at] = log_probabilities(self.model, beginnings, labels, rows=self.rows, where=self.where)
        if self.calibrated:
            found = found - found[0]
        place = {t: i for i, t in enumerate(distinct)}
        return found[[place[t] for t in cut]]

    def _cut(self, text: str) -> str:
        lead = len(self.ids.first)
        coded = self.ids.encode_batch([text])[0]
        return text if len(coded.ids) - lead <= MOST_TOKENS else text[: coded.offsets[lead + MOST_TOKENS - 1][1]]

    def judge(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """As `TextJudge.judge`."""
        scores = self.scores(texts)
        p = np.exp(scores - scores.max(1, keepdims=True)) if len(scores) else scores
        return top_and_pooled((p / p.sum(1, keepdims=True)).astype(np.float32), self._column, len(self.labels))


def open_forced_choice(
    folder: str | Path, questions: str | Path, targets: LabelMap, language: str, how: Mapping
) -> ForcedChoice:
    """Load a language model as a judge.

    Parameters
    ----------
    folder : path
        Of the model.
    questions : path
        Table of questions of the language.
    targets : LabelMap
    language : str
    how : mapping
        ``question`` (its name), ``calibrated``, ``bos``, ``numerics`` (`dtype, device, attention`), ``rows``,
        ``where``.
    """
    model = load_model(folder, **how["numerics"], where=how["where"])
    question = read_question(questions, how["question"])
    asked = dict(calibrated=how["calibrated"], rows=how["rows"], where=how["where"])
    return ForcedChoice(language, model, load_ids(folder, how["bos"]), question, targets, **asked)


FILES = ("judge", "facts", "folder", "labels", "questions")
"""Names of the files that a judge is opened from."""


def files_of(inputs: Mapping[str, str]) -> dict[str, str]:
    """A judge's files among a job's inputs; of a model's configuration its folder."""
    found = {k: str(v) for k, v in inputs.items() if k in FILES}
    return found | ({"folder": str(Path(found["folder"]).parent)} if "folder" in found else {})


def open_judge(files: Mapping[str, str], how: Mapping, language: str) -> TextJudge:
    """A learned judge of any kind, from its files.

    Parameters
    ----------
    files : mapping of name -> path
        ``judge`` and ``facts`` (embedded), ``folder`` and ``labels`` (classifier), these and ``questions`` (language
        model).
    how : mapping
        ``kind`` of ``config/judges.tsv``, and what its kind needs.
    language : str
    """
    if how["kind"] == "embedded":
        return Judge.load(files["judge"], files["facts"])
    if how["kind"] == "classifier":
        labels = labels_of(files["folder"], how["where"])
        targets = read_targets(files["labels"], labels, f"the classifier {files['folder']}")
        of_machine = {k: how[k] for k in ("device", "rows", "where")}
        return ClassifierJudge(language, load_classifier(files["folder"], **of_machine), targets)
    return open_forced_choice(files["folder"], files["questions"], read_targets(files["labels"]), language, how)


# ---- verdicts that are kept in a file


@dataclass
class Kept:
    """What a judge has said of texts and is kept in a file.

    Attributes
    ----------
    language : str
    labels : tuple of str
    verdicts : dict of digest of a text -> (top, probability or None)
    """

    language: str
    labels: tuple[str, ...]
    verdicts: dict[str, tuple[int, np.ndarray]]
    by_words: bool = False
    where: str = ""

    def judge(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """As `TextJudge.judge`.

        Raises
        ------
        ValueError
            For a text that the judge was not given.
        """
        digests = [digest_of(t) for t in texts]
        if lacking := [t for t, d in zip(texts, digests, strict=True) if d not in self.verdicts]:
            raise ValueError(f"{self.where} holds no verdict on {lacking[0]!r:.80}; delete it and run again")
        found = [self.verdicts[d] for d in digests]
        probability = np.array([p for _, p in found]).reshape(-1, len(self.labels))
        return np.array([t for t, _ in found], int), probability


def keep(path: str | Path, judge: TextJudge, texts: Sequence[str], masked: Sequence[str]) -> None:
    """Judge texts, and the same without concept words (`scores.Cut.without_words`), and write what was said."""
    distinct = list(dict.fromkeys([*texts, *masked]))  # most texts have no concept word
    place = {t: i for i, t in enumerate(distinct)}
    every, p = verdicts(judge, distinct)
    own = [place[t] for t in texts]
    top, probability, masked_top = every[own], p[own], every[[place[t] for t in masked]]
    names, counts = np.unique(np.array([*judge.labels, "none"])[top], return_counts=True)
    told = ", ".join(f"{n} {c}" for n, c in zip(names.tolist(), counts.tolist(), strict=True))
    LOG.info("%d texts, as they stand: %s", len(texts), told)
    JUDGED.write(
        path,
        {
            "text": np.array([digest_of(t) for t in texts]),
            "masked": np.array([digest_of(t) for t in masked]),
            "labels": np.array(judge.labels),
            "top": top.astype(np.int64),
            "probability": np.clip(probability, 0, 1).astype(np.float32),
            "masked_top": masked_top.astype(np.int64),
            "by_words": np.array([judge.by_words]),
        },
    )


def read_kept(path: str | Path, language: str) -> Kept:
    """Read what `keep` wrote."""
    found = JUDGED.read(path)
    labels = tuple(map(str, found["labels"]))
    unknown = np.full(len(labels), np.nan)
    said = {str(d): (int(t), unknown) for d, t in zip(found["masked"], found["masked_top"], strict=True)}
    own = zip(found["text"], found["top"], found["probability"], strict=True)
    said |= {str(d): (int(t), p) for d, t, p in own}
    return Kept(language, labels, said, bool(found["by_words"][0]), str(path))


def learned_judges(
    embedded: Sequence[str | Path], kept: Mapping[str, str | Path], language: str
) -> dict[str, TextJudge]:
    """Learned judges of a language by name, the declared one first.

    Parameters
    ----------
    embedded : two paths, or none
        Of the judge `embedded`, where the language has it.
    kept : mapping of judge -> path
        What the others have said.
    language : str
    """
    found: dict[str, TextJudge] = {"embedded": Judge.load(*embedded)} if embedded else {}
    return found | {name: read_kept(path, language) for name, path in kept.items()}
