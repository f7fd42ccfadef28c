"""Judges of texts: what every learned judge is, and the embedded one, a linear classifier on word n-grams."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np

from shared_affect.base.log import LOG
from shared_affect.steering.files import JUDGE, JUDGE_FACTS
from shared_affect.words.segmentation import Segmenter, Writing, check_texts

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix


class TextJudge(Protocol):
    """Whoever gives a text one label, and every label a probability.

    Attributes
    ----------
    language : str
        Of the texts that it reads.
    labels : tuple of str
        Emotions, and labels that stand for none.
    """

    @property
    def language(self) -> str: ...

    @property
    def labels(self) -> tuple[str, ...]: ...

    @property
    def by_words(self) -> bool:
        """Whether it cuts texts into words: then case, punctuation and blanks are nothing to it."""
        ...

    def judge(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Top label of every text (index, -1 for none, ``[n_texts]``), and probabilities, ``[n_texts, n_labels]``."""
        ...


def has_nothing(text: str) -> bool:
    """Whether a text has no letter, digit or picture.

    Examples
    --------
    >>> [has_nothing(t) for t in ("", " ,...!", "a", "7", "\U0001f600")]
    [True, True, False, False, False]
    """
    return not any((kind := unicodedata.category(c))[0] in "LN" or kind == "So" for c in text)


def verdicts(judge: TextJudge, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
    """What any judge says of texts: as `TextJudge.judge`, but a text that has nothing in it gets no label.

    A model that must choose gives a label to nothing, too, and taking concept words out leaves nothing of some texts.
    """
    top, probability = judge.judge(texts)
    return np.where([has_nothing(t) for t in texts], -1, top).astype(int), probability


@dataclass(frozen=True)
class HeldOut:
    """What the trial model says of the texts that were kept from it.

    Attributes
    ----------
    true : ndarray of str, ``[n_texts]``
    labels : tuple of str
    top, probability : ndarray
        As `TextJudge.judge` gives them.
    """

    true: np.ndarray
    labels: tuple[str, ...]
    top: np.ndarray
    probability: np.ndarray


@dataclass
class Judge:
    """A linear text classifier: tf-idf of word 1-2-grams (1 + log tf, unit norm) and multinomial logistic regression.

    Made by `train_judge`, or by `Judge.load`.

    Attributes
    ----------
    language : str
    splitter : str
        How its texts are cut into words (config/languages.tsv).
    vocabulary : ndarray of str, ``[n_features]``
        n-grams, the words of a pair separated by a space.
    idf : ndarray, ``[n_features]``
    coefficients : ndarray, ``[n_labels, n_features]``
    intercepts : ndarray, ``[n_labels]``
    labels : tuple of str
    words : tuple of str
        Words that the splitter was told to know.
    facts : dict
        Held-out accuracy and how it was found, see `train_judge`.
    held_out : HeldOut, optional
        Of a judge that was trained just now; no file keeps it.
    """

    language: str
    splitter: str
    vocabulary: np.ndarray
    idf: np.ndarray
    coefficients: np.ndarray
    intercepts: np.ndarray
    labels: tuple[str, ...]
    words: tuple[str, ...] = ()
    facts: dict = field(default_factory=dict)
    held_out: HeldOut | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self._segment = Segmenter(self.splitter, self.words)
        self._index = {str(g): i for i, g in enumerate(self.vocabulary)}

    @property
    def by_words(self) -> bool:
        """It cuts texts into words."""
        return True

    def _tfidf(self, texts: Sequence[str]) -> csr_matrix:
        from scipy.sparse import csr_matrix

        found: list[int] = []
        times: list[int] = []
        starts = [0]
        for text in texts:
            counts: dict[int, int] = {}
            tokens = self._segment(text)
            for gram in (*tokens, *map(" ".join, pairwise(tokens))):
                if (i := self._index.get(gram)) is not None:
                    counts[i] = counts.get(i, 0) + 1
            found += counts
            times += counts.values()
            starts.append(len(found))
        columns = np.array(found, np.int64)
        values = (1 + np.log(np.array(times, np.float64))) * self.idf[columns]
        rows = np.repeat(np.arange(len(texts)), np.diff(starts))
        norms = np.sqrt(np.bincount(rows, values**2, minlength=len(texts)))
        return csr_matrix((values / norms[rows], columns, starts), shape=(len(texts), len(self.idf)))

    def _probabilities(self, X: csr_matrix) -> np.ndarray:
        z = X @ self.coefficients.T + self.intercepts
        p = np.exp(z - z.max(1, keepdims=True))
        return p / p.sum(1, keepdims=True)

    def judge(self, texts: Sequence[str]) -> tuple[np.ndarray, np.ndarray]:
        """Top label of every text and the probabilities.

        Returns
        -------
        top : ndarray of int, ``[n_texts]``
            Index into `labels`; -1 where a text has no known word and so no label.
        probability : ndarray, ``[n_texts, n_labels]``
        """
        X = self._tfidf(texts)
        p = self._probabilities(X)
        return np.where(np.diff(X.indptr) > 0, p.argmax(1), -1), p

    def save(self, arrays: str | Path, facts: str | Path) -> None:
        """Write numbers and n-grams as ``.npz`` and labels, words and facts as JSON; no pickles."""
        JUDGE.write(
            arrays,
            {
                "vocabulary": self.vocabulary,
                "idf": self.idf,
                "coefficients": self.coefficients,
                "intercepts": self.intercepts,
            },
        )
        JUDGE_FACTS.write(
            facts,
            {
                **self.facts,
                "language": self.language,
                "splitter": self.splitter,
                "labels": list(self.labels),
                "words": list(self.words),
            },
        )

    @classmethod
    def load(cls, arrays: str | Path, facts: str | Path) -> Judge:
        """Read what `save` wrote."""
        told = JUDGE_FACTS.read(facts)
        language, splitter = told.pop("language"), told.pop("splitter")
        labels, words = tuple(told.pop("labels")), tuple(told.pop("words"))
        found = JUDGE.read(arrays)
        return cls(language=language, splitter=splitter, labels=labels, words=words, facts=told, **found)


NGRAMS = (1, 2)
MIN_DOCUMENTS = 2
INVERSE_PENALTY = 2.0


def _fit(texts: Sequence[str], labels: np.ndarray, writing: Writing, segment: Segmenter, facts: dict) -> Judge:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.linear_model import LogisticRegression

    vectorizer = TfidfVectorizer(
        tokenizer=segment,
        token_pattern=None,
        lowercase=False,
        ngram_range=NGRAMS,
        min_df=MIN_DOCUMENTS,
        sublinear_tf=True,
    )
    model = LogisticRegression(C=INVERSE_PENALTY, max_iter=300, tol=1e-3).fit(vectorizer.fit_transform(texts), labels)
    coefficients, intercepts = model.coef_, model.intercept_
    if len(model.classes_) == 2:  # scikit-learn keeps one row for two labels
        coefficients, intercepts = np.vstack([np.zeros_like(coefficients), coefficients]), np.r_[0.0, intercepts]
    return Judge(
        language=writing.language,
        splitter=writing.splitter,
        vocabulary=vectorizer.get_feature_names_out().astype(str),
        idf=vectorizer.idf_,
        coefficients=coefficients,
        intercepts=intercepts,
        labels=tuple(map(str, model.classes_)),
        words=segment.words,
        facts=facts,
    )


def train_judge(
    texts: Sequence[str],
    labels: Sequence[str],
    writing: Writing,
    rng: np.random.Generator,
    words: Iterable[str] = (),
    held_out: float = 0.2,
) -> Judge:
    """Train the embedded judge and say how good it is on texts it has not seen.

    Accuracy comes from a model trained on the rest of a stratified split; the judge returned is trained again on all
    texts.

    Parameters
    ----------
    texts, labels : sequences of equal length
    writing : Writing
        How their language is written.
    rng : numpy Generator
        Draws the split.
    words : iterable of str
        Words the splitter has to know, e.g. all concept and rated words.
    held_out : float
        Share of the texts held out.

    Returns
    -------
    Judge
        `facts`: ``accuracy macro_f1 chance_majority chance_uniform n_held_out n_trained n_all n_labels n_features
        trained_on``.

    Raises
    ------
    ValueError
        If lengths differ, most words are in another script, there are fewer than two labels, or a label has fewer than
        two texts on either side of the split.

    Examples
    --------
    >>> texts = ["a party and a song", "a song at the party", "the snake in the storm", "a storm and a snake"] * 3
    >>> english = Writing("en", "latin", "letters")
    >>> judge = train_judge(texts, ["joy", "joy", "fear", "fear"] * 3, english, np.random.default_rng(0))
    >>> top, probability = judge.judge(["the party was a song", "quite unheard"])
    >>> [judge.labels[i] if i >= 0 else "" for i in top]
    ['joy', '']
    """
    texts, named = list(texts), np.asarray([str(x) for x in labels])
    if len(texts) != len(named):
        raise ValueError(f"{len(texts)} texts and {len(named)} labels; allowed: as many of one as of the other")
    check_texts(texts, writing, f"judge texts in {writing.language!r}")
    if not 0 < held_out < 1:
        raise ValueError(f"held_out is {held_out}; allowed: between 0 and 1")
    names, counts = np.unique(named, return_counts=True)
    if len(names) < 2 or counts.min() < 4:
        raise ValueError(
            f"judge texts have {len(names)} label(s), the rarest with {counts.min() if len(counts) else 0} texts; "
            "needed: two labels or more with at least 4 texts each (more judge texts)"
        )
    test = np.zeros(len(texts), bool)
    for name, n in zip(names, counts, strict=True):
        test[rng.permutation(np.flatnonzero(named == name))[: max(1, round(held_out * n))]] = True
    segment = Segmenter(writing.splitter, words)
    trial = _fit([t for t, x in zip(texts, test, strict=True) if not x], named[~test], writing, segment, {})
    top, probability = trial.judge([t for t, x in zip(texts, test, strict=True) if x])
    predicted = np.where(top >= 0, np.array(trial.labels)[top], "")
    facts = accuracy_of(named[test], predicted) | {
        "chance_majority": float(counts.max() / counts.sum()),
        "chance_uniform": 1 / len(names),
        "n_held_out": int(test.sum()),
        "n_trained": int((~test).sum()),
        "n_all": len(texts),
        "n_labels": len(names),
        "trained_on": "all texts; accuracy from a model of the n_trained others",
    }
    judge = _fit(texts, named, writing, segment, facts)
    judge.facts["n_features"] = len(judge.idf)
    judge.held_out = HeldOut(named[test], trial.labels, top, probability)
    LOG.info(
        "judge %s: accuracy %.3f, macro-F1 %.3f on %d held-out texts (majority %.3f)",
        writing.language,
        facts["accuracy"],
        facts["macro_f1"],
        facts["n_held_out"],
        facts["chance_majority"],
    )
    return judge


def accuracy_of(true: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """Accuracy, and the unweighted mean over the true labels of F1 = 2 TP / (2 TP + FP + FN)."""
    f1 = [
        2 * np.sum((true == x) & (predicted == x)) / (np.sum(true == x) + np.sum(predicted == x))
        for x in np.unique(true)
    ]
    return {"accuracy": float(np.mean(true == predicted)), "macro_f1": float(np.mean(f1))}
