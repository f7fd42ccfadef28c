"""Judging of generated texts, one by one.

A judge says for every text and every emotion whether the text shows it: `lexicon` (any concept word),
`lexicon-held-out` (only concept words the vector was not built from) and `embedded` (the classifier of `judges`). Every
text is judged for every emotion once; `statistics` then picks what an arm needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.steering.judges import Judge
from shared_affect.steering.plan import NO_EMOTION
from shared_affect.study.vocabulary import JUDGES
from shared_affect.words.segmentation import (
    Segmenter,
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
        language_share language_kept label masked_label`` (`label` "" where the embedded judge knows no word of the
        text).
    emotions : tuple of str
        Columns of the matrices.
    hits : dict of judge -> ndarray of 0/1, ``[n_texts, n_emotions]``
        NaN in the columns of emotions that the judge has no label for; so below.
    probability : ndarray, ``[n_texts, n_emotions]``
        Of the embedded judge.
    masked : ndarray of 0/1, ``[n_texts, n_emotions]``
        Top label of the embedded judge after all concept words are taken out.
    """

    texts: pd.DataFrame
    emotions: tuple[str, ...]
    hits: dict[str, np.ndarray]
    probability: np.ndarray
    masked: np.ndarray


def score_texts(
    generations: pd.DataFrame,
    lexicons: Mapping[str, Mapping[str, Sequence[str]]],
    judge: Judge,
    norms: pd.DataFrame,
    language: str,
    named_words: Iterable[str] = (),
) -> Scored:
    """Judge all texts of one model, SAE and language.

    Parameters
    ----------
    generations : DataFrame
        From `read_generations`.
    lexicons : mapping of "lexicon", "lexicon-held-out" -> {emotion: words}
        The same emotions in both; their order is that of the result.
    judge : Judge
        Of the same language. An emotion that is none of its labels gets NaN from it, and a warning.
    norms : DataFrame, ``word valence arousal``
        Ratings of words, any scale. Concept words are left out of a text's mean.
    language : {"en", "zh"}
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
        If lexicons disagree on emotions, a steered emotion is not in them, the judge's language differs, or ratings are
        doubled or not finite.
    """
    emotions = _check_scoring(generations, lexicons, judge, norms, language)
    concept_words = sorted(
        {w for lexicon in lexicons.values() for words in lexicon.values() for w in words} | set(named_words)
    )
    segment = Segmenter(language, [*concept_words, *norms["word"]])
    texts = generations["text"].tolist()
    tokens = [segment(t) for t in texts]
    hits = {name: find_words(tokens, lexicons[name], segment) for name in LEXICONS}
    top, probability = judge.judge(texts)
    masked_top, _ = judge.judge(drop_words(tokens, concept_words, segment))
    known = np.isin(emotions, judge.labels)
    if not known.all():
        LOG.warning(
            "judge embedded has no label %s: not tested for them (its labels: %s)",
            ", ".join(np.array(emotions)[~known]),
            ", ".join(judge.labels),
        )
    columns = np.array([judge.labels.index(e) if k else 0 for e, k in zip(emotions, known, strict=True)])

    def for_known(matrix: np.ndarray) -> np.ndarray:
        return np.where(known, matrix, np.nan)

    hits["embedded"] = for_known(top[:, None] == columns)
    frame = generations.drop(columns="text").reset_index(drop=True)
    qualities = [(distinct_share(t, 2), 1 - distinct_share(t, 3), script_share(t, language)) for t in tokens]
    frame[["distinct_2", "repetition", "language_share"]] = np.array(qualities, float).reshape(-1, 3)
    frame["language_kept"] = frame["language_share"] >= 0.5
    frame[["valence", "arousal", "n_rated"]] = _mean_ratings(tokens, norms, concept_words, segment)
    names = np.array([*judge.labels, ""])
    frame["label"], frame["masked_label"] = names[top], names[masked_top]
    LOG.info(
        "scored %d texts in %s for %d emotions; %d without a word the judge knows, %d without a rated word",
        len(frame),
        language,
        len(emotions),
        int((top < 0).sum()),
        int((frame["n_rated"] == 0).sum()),
    )
    return Scored(frame, emotions, hits, for_known(probability[:, columns]), for_known(masked_top[:, None] == columns))


def _check_scoring(generations, lexicons, judge, norms, language) -> tuple[str, ...]:
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
    if judge.language != language:
        raise ValueError(f"the judge's language is {judge.language!r}, the texts' {language!r}; allowed: the same")
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
