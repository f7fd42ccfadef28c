"""Judging of generated texts, one by one.

A judge says for every text and every emotion whether the text shows it: `lexicon` (any concept word),
`lexicon-held-out` (only concept words the vector was not built from) and learned judges by their names, `embedded`
first among them. Every text is judged for every emotion once; `statistics` then picks what an arm needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.steering.judges import TextJudge, verdicts
from shared_affect.steering.plan import NO_EMOTION
from shared_affect.study.vocabulary import JUDGES
from shared_affect.words.segmentation import (
    Segmenter,
    Writing,
    cut_out,
    drop_words,
    find_words,
    normal,
    script_share,
    tokens_of,
)

LEXICONS = tuple(j for j in JUDGES if j != "embedded")
"""Judges that are lists of words."""
MAX_FLUENT_NLL_RATIO = 2.0
"""Where the fluency map reaches 0; see `fluency`."""


def distinct_share(tokens: Sequence[str], n: int) -> float:
    """Distinct n-grams over n-grams of a text; NaN where it has fewer than `n` words (nothing to repeat)."""
    grams = list(zip(*(tokens[i:] for i in range(n))))
    return len(set(grams)) / len(grams) if grams else float("nan")


def fluency(nll_ratio: np.ndarray | float, worst: float = MAX_FLUENT_NLL_RATIO) -> np.ndarray:
    """Fluency in [0, 1] from the ratio of NLL to that of unsteered text: 1 up to 1, straight down to 0 at `worst`."""
    return np.clip((worst - np.asarray(nll_ratio, float)) / (worst - 1), 0, 1)


@dataclass
class Scored:
    """Every text judged for every emotion.

    Attributes
    ----------
    texts : DataFrame, one row a text
        ``emotion arm strength prompt sample split direction nll n_tokens distinct_2 repetition valence arousal n_rated
        language_share language_kept``.
    emotions : tuple of str
        Columns of the matrices.
    hits : dict of judge -> ndarray of 0/1, ``[n_texts, n_emotions]``
        The word lists first, then the learned judges. NaN in the columns of emotions that a judge has no label for; so
        below.
    probability : dict of learned judge -> ndarray, ``[n_texts, n_emotions]``
    masked : dict of learned judge -> ndarray of 0/1, ``[n_texts, n_emotions]``
        Its top label after all concept words are taken out.
    labels : dict of learned judge -> ndarray of str, ``[n_texts]``
        Its top label, "" where it has none (nothing stands in the text, or the embedded judge knows no word of it).
    """

    texts: pd.DataFrame
    emotions: tuple[str, ...]
    hits: dict[str, np.ndarray]
    probability: dict[str, np.ndarray]
    masked: dict[str, np.ndarray]
    labels: dict[str, np.ndarray]

    @property
    def learned(self) -> list[str]:
        """Judges that have learned what they know, the first of them the declared one."""
        return list(self.masked)


def score_texts(
    generations: pd.DataFrame,
    lexicons: Mapping[str, Mapping[str, Sequence[str]]],
    judges: Mapping[str, TextJudge],
    norms: pd.DataFrame,
    writing: Writing,
    named_words: Iterable[str] = (),
) -> Scored:
    """Judge all texts of one model, SAE and language.

    Parameters
    ----------
    generations : DataFrame
        From `read_generations`.
    lexicons : mapping of "lexicon", "lexicon-held-out" -> {emotion: words}
        The same emotions in both; their order is that of the result.
    judges : mapping of name -> TextJudge
        Learned judges of the same language, the declared one first. An emotion that is none of a judge's labels gets
        NaN from it, and a warning.
    norms : DataFrame, ``word valence arousal``
        Ratings of words, any scale. Concept words are left out of a text's mean.
    writing : Writing
        How the texts' language is written.
    named_words : iterable of str
        Further words taken out before the masked judgement (e.g. the other language's concept words, for texts that
        change language).

    Returns
    -------
    Scored
        `distinct_2` = distinct over all word pairs, `repetition` = share of word triples that stood earlier in the
        text; `valence`, `arousal` = mean rating of the rated words. These are NaN in texts with too few words or
        without a rated word (`n_rated` 0) and left out of means. `language_share` = share of the words in the
        language's script (0 in an empty text), `language_kept` = at least half.

    Raises
    ------
    ValueError
        If lexicons disagree on emotions, a steered emotion is not in them, there is no learned judge, the language or
        splitter of one differs, or ratings are doubled or not finite.
    """
    emotions = _check_scoring(generations, lexicons, judges, norms, writing)
    cut = cut_texts(generations["text"], lexicons.values(), norms["word"], writing, named_words)
    hits = {name: find_words(cut.tokens, lexicons[name], cut.segment) for name in LEXICONS}
    scored = Scored(_qualities(generations, cut, norms, writing), emotions, hits, {}, {}, {})
    for name, judge in judges.items():
        _add_judge(scored, name, judge, cut)
    LOG.info(
        "scored %d texts in %s for %d emotions; %d without a rated word",
        len(scored.texts),
        writing.language,
        len(emotions),
        int((scored.texts["n_rated"] == 0).sum()),
    )
    return scored


@dataclass(frozen=True)
class Cut:
    """Texts and their words.

    Attributes
    ----------
    texts : list of str
        As they stand.
    tokens : list of list of str
    concept_words : list of str
    segment : Segmenter
    """

    texts: list[str]
    tokens: list[list[str]]
    concept_words: list[str]
    segment: Segmenter

    @cached_property
    def _words_left(self) -> list[str]:
        return drop_words(self.tokens, self.concept_words, self.segment)

    @cached_property
    def _rest(self) -> list[str]:
        return cut_out(self.texts, self.concept_words, self.segment)

    def without_words(self, judge: TextJudge) -> list[str]:
        """Texts without concept words: for a judge that cuts them into words the words that are left, for others the
        text itself with the words cut out, since another case, no punctuation and blanks between Chinese words would be
        another text to them.
        """
        return self._words_left if judge.by_words else self._rest


def cut_texts(
    texts: Iterable[str],
    lexicons: Iterable[Mapping[str, Sequence[str]]],
    rated: Iterable[str],
    writing: Writing,
    named_words: Iterable[str] = (),
) -> Cut:
    """Words of texts, and what takes the concept words out of them: what every learned judge is given.

    Parameters
    ----------
    texts : iterable of str
    lexicons : iterable of {emotion: words}
    rated : iterable of str
        Words that the segmentation knows besides.
    writing, named_words
        As of `score_texts`.
    """
    texts = list(texts)
    own = {w for lexicon in lexicons for words in lexicon.values() for w in words}
    concept_words = sorted(own | set(named_words))
    segment = Segmenter(writing.splitter, [*concept_words, *rated])
    tokens = [segment(t) for t in texts]
    return Cut(texts, tokens, concept_words, segment)


def _qualities(generations: pd.DataFrame, cut: Cut, norms: pd.DataFrame, writing: Writing) -> pd.DataFrame:
    """What is said of a text whoever judges it."""
    frame = generations.drop(columns="text").reset_index(drop=True)
    found = [(distinct_share(t, 2), 1 - distinct_share(t, 3), script_share(t, writing.script)) for t in cut.tokens]
    frame[["distinct_2", "repetition", "language_share"]] = np.array(found, float).reshape(-1, 3)
    frame["language_kept"] = frame["language_share"] >= 0.5
    frame[["valence", "arousal", "n_rated"]] = _mean_ratings(cut.tokens, norms, cut.concept_words, cut.segment)
    return frame


def _add_judge(scored: Scored, name: str, judge: TextJudge, cut: Cut) -> None:
    """Add what a learned judge says of the texts."""
    top, probability = verdicts(judge, cut.texts)
    masked_top, _ = verdicts(judge, cut.without_words(judge))
    emotions = scored.emotions
    known = np.isin(emotions, judge.labels)
    if not known.all():
        LOG.warning(
            "judge %s has no label %s: not tested for them (its labels: %s)",
            name,
            ", ".join(np.array(emotions)[~known]),
            ", ".join(judge.labels),
        )
    columns = np.array([judge.labels.index(e) if k else 0 for e, k in zip(emotions, known, strict=True)])

    def for_known(matrix: np.ndarray) -> np.ndarray:
        return np.where(known, matrix, np.nan)

    scored.hits[name] = for_known(top[:, None] == columns)
    scored.probability[name] = for_known(probability[:, columns])
    scored.masked[name] = for_known(masked_top[:, None] == columns)
    scored.labels[name] = np.array([*judge.labels, ""])[top]
    LOG.info("judge %s: %d of %d texts without a label", name, int((top < 0).sum()), len(top))


def _check_scoring(generations, lexicons, judges, norms, writing) -> tuple[str, ...]:
    if missing := [name for name in LEXICONS if name not in lexicons]:
        raise ValueError(f"lexicons are {', '.join(lexicons)}; {missing[0]!r} is missing")
    emotions = tuple(lexicons["lexicon"])
    if set(lexicons["lexicon-held-out"]) != set(emotions) or tuple(lexicons["lexicon-held-out"]) != emotions:
        raise ValueError("the lexicons name different emotions or in another order; allowed: the same in both")
    steered = set(generations["emotion"]) - {NO_EMOTION}
    if unknown := sorted(steered - set(emotions)):
        raise ValueError(
            f"texts are steered to {unknown[0]!r}, which has no concept words; known: {', '.join(emotions)}"
            " (resources/concepts/<language>.tsv)"
        )
    if not judges:
        raise ValueError("no learned judge; needed: one or more (config.yaml, keys judge_texts and judges)")
    for name, judge in judges.items():
        for what, own, other in (
            ("language", judge.language, writing.language),
            ("splitter", getattr(judge, "splitter", writing.splitter), writing.splitter),  # what others said needs none
        ):
            if own != other:
                raise ValueError(
                    f"the judge's {what} is {own!r} (judge {name}), the texts' {other!r}; allowed: the same"
                )
    if norms["word"].duplicated().any() or not np.isfinite(norms[["valence", "arousal"]].to_numpy(float)).all():
        raise ValueError("norms hold a word twice or a rating that is not finite; allowed: one finite rating a word")
    return emotions


def _mean_ratings(tokens, norms: pd.DataFrame, concept_words: Iterable[str], segment: Segmenter) -> np.ndarray:
    """Mean valence, mean arousal and number of rated words of every text, ``[n_texts, 3]``."""
    concept = {w[0] for w in tokens_of(concept_words, segment) if len(w) == 1}
    # words that differ in case alone ("polish", "Polish") are one word in a text: their mean
    pooled = norms.groupby(norms["word"].map(normal))[["valence", "arousal"]].mean()
    ratings = {w: r for w, r in zip(pooled.index, pooled.to_numpy(float)) if w not in concept}
    out = np.full((len(tokens), 3), np.nan)
    for i, text in enumerate(tokens):
        found = [ratings[t] for t in text if t in ratings]
        out[i, 2] = len(found)
        if found:
            out[i, :2] = np.mean(found, axis=0)
    return out
