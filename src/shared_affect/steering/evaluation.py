"""Judging of generated texts, and the statistics of steering.

A judge says for every text and every emotion whether the text shows it: `lexicon` (any concept word),
`lexicon-held-out` (only concept words the vector was not built from) and `embedded` (the classifier of `judges`). Every
text is judged for every emotion once; an arm then picks what it needs: texts steered to the target, to all other
emotions (`wrong-emotion`), in random directions, or not at all. The unit of inference is the prompt.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
from scipy.stats import t as student_t

from shared_affect.base.log import LOG
from shared_affect.steering.judges import Judge
from shared_affect.study.inputs import SPLITS
from shared_affect.words.segmentation import (
    Segmenter,
    drop_words,
    find_words,
    normal,
    script_share,
    tokens_of,
)

JUDGES = ("lexicon", "lexicon-held-out", "embedded")
ARMS = ("concept", "diff-means", "random", "none")
OF_NO_EMOTION = ("random", "none")
NO_EMOTION = "-"
MAX_FLUENT_NLL_RATIO = 2.0
"""Where the fluency map reaches 0; see `fluency`."""

_KEY = ["emotion", "arm", "strength", "prompt", "sample"]
_COLUMNS = [*_KEY, "split", "direction", "text", "nll", "n_tokens"]
_QUALITIES = ("nll", "distinct_2", "repetition", "valence", "arousal", "language_kept")


# ---- generated texts


def read_generations(paths: Iterable[str | Path]) -> pd.DataFrame:
    """Texts of one model, SAE and language from its emotions' ``generations.jsonl`` and ``baselines.jsonl``.

    Unsteered texts and random directions belong to no emotion: theirs is ``-``.

    Returns
    -------
    DataFrame
        ``emotion arm strength prompt sample split direction text nll n_tokens``; `strength` in mean residual norms,
        `nll` in nats per token, `direction` -1 where there was only one.

    Raises
    ------
    ValueError
        If a field is missing, a word is outside its vocabulary, `nll` is not finite, a text stands there twice, or an
        arm stands under an emotion that it cannot have.
    """
    records = []
    for path in paths:
        with open(path, encoding="utf-8") as f:
            records += [json.loads(line) for line in f if line.strip()]
    if not records:
        raise ValueError("no generated text in the files given; needed: at least one (config.yaml, key steering)")
    return check_generations(pd.DataFrame(records))


def check_generations(frame: pd.DataFrame) -> pd.DataFrame:
    """The records of `read_generations` from a frame of raw ones; raises as it does."""
    if missing := [c for c in _COLUMNS if c not in frame]:
        raise ValueError(
            f"generated texts lack the field {missing[0]!r}; found: {', '.join(frame.columns)} (generations.jsonl)"
        )
    frame = frame[_COLUMNS].copy()
    for column, words in (("arm", ARMS), ("split", SPLITS)):
        bad = frame.loc[~frame[column].isin(words), column]
        if len(bad):
            raise ValueError(f"generated texts: {column} is {bad.iloc[0]!r}; allowed: {', '.join(words)}")
    if not np.isfinite(frame["nll"].to_numpy(float)).all():
        raise ValueError("generated texts: nll is not finite somewhere; allowed: nats per token of every text")
    frame["direction"] = frame["direction"].astype(float).fillna(-1).astype(int)
    misplaced = frame["arm"].isin(OF_NO_EMOTION) != (frame["emotion"] == NO_EMOTION)
    if misplaced.any():
        raise ValueError(
            f"generated texts: arm {frame.loc[misplaced.idxmax(), 'arm']} under the emotion"
            f" {frame.loc[misplaced.idxmax(), 'emotion']!r}; allowed: {', '.join(OF_NO_EMOTION)} under {NO_EMOTION!r}"
            " and no other arm there"
        )
    doubled = frame.duplicated(_KEY)
    if doubled.any():
        raise ValueError(
            f"generated texts: two different ones for {frame.loc[doubled.idxmax(), _KEY].to_dict()}; allowed: one (were"
            " files of several runs mixed?)"
        )
    if (frame.groupby("prompt")["split"].nunique() > 1).any():
        raise ValueError(
            "generated texts: a prompt stands in both splits; allowed: one of choose, score"
            " (resources/prompts/<language>.tsv)"
        )
    return frame.reset_index(drop=True)


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
    hits = {name: find_words(tokens, lexicons[name], segment) for name in JUDGES[:2]}
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
    if missing := [name for name in JUDGES[:2] if name not in lexicons]:
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


# ---- statistics, by prompt


class _Cells:
    """Sums over the texts of one split, by arm, strength, steered emotion and prompt."""

    def __init__(self, scored: Scored, split: str):
        if split not in SPLITS:
            raise ValueError(f"split is {split!r}; allowed: {', '.join(SPLITS)}")
        self.scored = scored
        rows = np.flatnonzero((scored.texts["split"] == split).to_numpy())
        texts = scored.texts.iloc[rows]
        self.prompts = sorted(texts["prompt"].unique())
        steered = set(scored.texts["emotion"]) - {NO_EMOTION}
        self.emotions = [e for e in scored.emotions if e in steered]
        self._targets = [scored.emotions.index(e) for e in self.emotions]
        if not self.prompts or not self.emotions:
            raise ValueError(
                f"no steered texts with prompts of split {split!r}; needed: at least one of each"
                " (resources/prompts/<language>.tsv)"
            )
        self._rows: dict[tuple[str, float], np.ndarray] = {}
        self._groups: dict[tuple[str, float], np.ndarray] = {}
        at_prompt = pd.Index(self.prompts).get_indexer(texts["prompt"])
        at_emotion = np.maximum(pd.Index(self.emotions).get_indexer(texts["emotion"]), 0)  # texts of no emotion: row 0
        for key, places in texts.groupby(["arm", "strength"], sort=True).indices.items():
            arm, strength = str(key[0]), float(key[1])
            groups = at_emotion[places] * len(self.prompts) + at_prompt[places]
            needed = len(self.prompts) * (1 if arm in OF_NO_EMOTION else len(self.emotions))
            if len(np.unique(groups)) != needed:
                raise ValueError(
                    f"arm {arm} at strength {strength}: {len(np.unique(groups))} of {needed} emotion x prompt cells of"
                    f" split {split} have texts; needed: all"
                )
            self._rows[arm, strength], self._groups[arm, strength] = rows[places], groups
        if ("none", 0.0) not in self._rows:
            raise ValueError("no text of arm none at strength 0; needed: the unsteered texts of the same prompts")

    def strengths(self, arm: str) -> list[float]:
        """Strengths of an arm, ascending; `wrong-emotion` reads the arm concept."""
        source = "concept" if arm == "wrong-emotion" else arm
        return sorted(s for a, s in self._rows if a == source)

    def arms(self) -> list[str]:
        """Arms with texts; `wrong-emotion` needs two emotions or more."""
        found = [a for a in ARMS if self.strengths(a)]
        return [*found, "wrong-emotion"] if "concept" in found and len(self.emotions) > 1 else found

    def by_target(self, arm: str, strength: float, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Sums and counts of `values` (``[n_texts]`` or ``[n_texts, n_emotions]``, NaN left out) per target and prompt.

        A target's texts are those steered to it (`concept`, `diff-means`), those of all other emotions
        (`wrong-emotion`), or all: random directions and unsteered texts belong to no emotion.

        Returns
        -------
        sums, counts : ndarray, ``[n_steered_emotions, n_prompts]``
        """
        key = ("concept" if arm == "wrong-emotion" else arm, strength)
        if key not in self._rows:
            raise ValueError(
                f"no text of arm {key[0]} at strength {strength}; there are:"
                f" {', '.join(map(str, self.strengths(arm))) or 'none'} (config.yaml, key steering.strengths)"
            )
        x = np.asarray(values, float)[self._rows[key]]
        x = x[:, self._targets] if x.ndim == 2 else np.repeat(x[:, None], len(self.emotions), 1)
        finite = np.isfinite(x)
        sums, counts = self._add(key, np.where(finite, x, 0)), self._add(key, finite.astype(float))
        return self._pick(arm, sums), self._pick(arm, counts)

    def _add(self, key: tuple[str, float], x: np.ndarray) -> np.ndarray:
        out = np.zeros((len(self.emotions) * len(self.prompts), x.shape[1]))
        np.add.at(out, self._groups[key], x)
        return out.reshape(len(self.emotions), len(self.prompts), -1)

    def _pick(self, arm: str, block: np.ndarray) -> np.ndarray:
        own = np.einsum("kpk->kp", block)
        if arm in ("concept", "diff-means"):
            return own
        total = block.sum(0).T
        return total - own if arm == "wrong-emotion" else total

    def mean(self, arm: str, strength: float, values: np.ndarray) -> np.ndarray:
        """Mean per target, ``[n_steered_emotions]``; NaN where no text has a value."""
        return _ratio(*(a.sum(1) for a in self.by_target(arm, strength, values)))

    def nll_ratio(self, arm: str, strength: float) -> tuple[np.ndarray, np.ndarray]:
        """Ratio of mean NLL to that of arm none on the same prompts, and exp of their difference, per target."""
        nll = self.scored.texts["nll"].to_numpy(float)
        steered, plain = self.mean(arm, strength, nll), self.mean("none", 0.0, nll)
        return steered / plain, np.exp(steered - plain)


def _ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b > 0)


# Intervals. A text is a yes or a no, texts of one prompt are alike, prompts are few and rates come near 0 and 1: a
# percentile bootstrap over 12 prompts covered .84 to .91 where .95 was meant. The variance is that of prompts
# (linearised ratio, the texts of a prompt together); it is turned into the number of independent texts that would have
# it, and that number into a score interval (Wilson 1927), which does not collapse at 0 and 1, with the t of the
# prompts. Emotions are fixed: a mean over emotions is one over these emotions, on other prompts.


@dataclass(frozen=True)
class _Rate:
    """Rates of one arm with what they owe to every prompt.

    Attributes
    ----------
    rate : ndarray, ``[n]``
    influence : ndarray, ``[n, n_prompts]``
        Sums to 0; the variance of the rate is the sum of its squares over n_prompts (n_prompts - 1).
    n_texts : ndarray, ``[n]``
    """

    rate: np.ndarray
    influence: np.ndarray
    n_texts: np.ndarray

    @classmethod
    def of(cls, sums: np.ndarray, counts: np.ndarray) -> _Rate:
        """Of sums and counts ``[n_emotions, n_prompts]``, the mean over emotions last; NaN for an emotion without a
        value.
        """
        if counts.shape[1] < 2:
            raise ValueError(
                f"{counts.shape[1]} prompt of split score; needed: 2 or more, an interval is one over prompts"
                " (resources/prompts/<language>.tsv)"
            )
        total = counts.sum(1)
        rate = _ratio(sums.sum(1), total)
        influence = _ratio(sums - rate[:, None] * counts, (total / counts.shape[1])[:, None])
        return cls(_with_mean(rate), _with_mean(influence), np.append(total, total.sum()))

    def variance(self) -> np.ndarray:
        return _covariance(self.influence, self.influence)

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Score interval of every rate; NaN for a rate that is NaN."""
        n_prompts = self.influence.shape[1]
        p = np.clip(self.rate, 0, 1)
        z = student_t.ppf((1 + level) / 2, n_prompts - 1)
        variance = self.variance()
        alone = np.divide(p * (1 - p), self.n_texts, out=np.zeros_like(p), where=self.n_texts > 0)
        # few hits say little of how alike texts of a prompt are: an emotion is given no less of it than all emotions
        # together show
        tested = np.isfinite(variance[:-1]) & np.isfinite(alone[:-1])
        shared = variance[:-1][tested].sum() / alone[:-1][tested].sum() if alone[:-1][tested].sum() > 0 else 1.0
        variance[:-1] = np.maximum(variance[:-1], shared * alone[:-1])
        n = np.divide(p * (1 - p), variance, out=self.n_texts.astype(float), where=variance > 0)
        n = np.clip(n, n_prompts - 1, np.maximum(self.n_texts, n_prompts - 1))
        centre, half = (
            (p + z**2 / (2 * n)) / (1 + z**2 / n),
            z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n),
        )
        return np.minimum(centre - half, p), np.maximum(centre + half, p)


def _covariance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of two estimates from their influences on the same prompts."""
    n = a.shape[1]
    return (a * b).sum(1) / (n * (n - 1))


def _difference_interval(a: _Rate, b: _Rate) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a - b, prompts shared: both score intervals put together, with the correlation of the rates (Newcombe
    1998, Zou & Donner 2008).
    """
    (a_low, a_high), (b_low, b_high) = a.interval(), b.interval()
    both = np.sqrt(a.variance() * b.variance())
    r = np.divide(_covariance(a.influence, b.influence), both, out=np.zeros_like(both), where=both > 0)
    d = a.rate - b.rate

    def reach(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.sqrt(np.clip(x**2 + y**2 - 2 * r * x * y, 0, None))

    return d - reach(a.rate - a_low, b_high - b.rate), d + reach(a_high - a.rate, b.rate - b_low)


def _ratio_interval(a: _Rate, b: _Rate, row: int) -> tuple[float, float]:
    """Interval of a / b of one row, on the log scale with the t of the prompts; NaN where a rate is 0."""
    if not (a.rate[row] > 0 and b.rate[row] > 0):
        return np.nan, np.nan
    influence = a.influence[row] / a.rate[row] - b.influence[row] / b.rate[row]
    half = student_t.ppf(0.975, len(influence) - 1) * np.sqrt(_covariance(influence[None], influence[None])[0])
    ratio = a.rate[row] / b.rate[row]
    return float(ratio * np.exp(-half)), float(ratio * np.exp(half))


def mixed_interval(differences: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Interval of the mean of a table emotions x prompts in which both are random draws.

    Crossed random effects with one value a cell: variance (MS_emotion + MS_prompt - MS_rest) / cells, degrees of
    freedom by Satterthwaite. With balanced cells this is what a mixed model gives. It speaks of other emotions too, and
    so is wider; the claims read the interval over prompts.

    Parameters
    ----------
    differences : ndarray, ``[n_emotions, n_prompts]``
        Rows with a NaN are left out; fewer than two rows or columns give NaN.
    """
    x = differences[np.isfinite(differences).all(1)]
    e, p = x.shape
    if min(e, p) < 2:
        return np.nan, np.nan
    mean, rows, columns = x.mean(), x.mean(1), x.mean(0)
    of_rows, of_columns = p * rows.var(ddof=1), e * columns.var(ddof=1)
    rest = ((x - rows[:, None] - columns + mean) ** 2).sum() / ((e - 1) * (p - 1))
    together = of_rows + of_columns - rest
    if together <= max(of_rows, of_columns):  # the smaller component is estimated as none
        together, freedom = max(of_rows, of_columns), (e - 1 if of_rows >= of_columns else p - 1)
    else:
        freedom = together**2 / (of_rows**2 / (e - 1) + of_columns**2 / (p - 1) + rest**2 / ((e - 1) * (p - 1)))
    half = student_t.ppf((1 + level) / 2, freedom) * np.sqrt(together / (e * p))
    return float(mean - half), float(mean + half)


def _mean_over_emotions(x: np.ndarray) -> np.ndarray:
    """Mean over the emotions that have a value; NaN if none has."""
    tested = np.isfinite(x).reshape(len(x), -1).all(1)
    return x[tested].mean(0) if tested.any() else np.full(x.shape[1:], np.nan)


def choose_strength(scored: Scored, *, max_nll_ratio: float = 1.5, judge: str = "lexicon") -> pd.DataFrame:
    """Strength of every emotion and steered arm, from the prompts of split ``choose`` only.

    The largest strength whose NLL ratio to unsteered text of the same prompts is at most `max_nll_ratio`; where none
    is, the smallest strength with `qualified` false. The texts of arm random are pooled: one strength for all emotions.

    Parameters
    ----------
    scored : Scored
    max_nll_ratio : float
        Below the limit that is asked of the scored half, so that the scored half stays inside its own.
    judge : {"lexicon", "lexicon-held-out", "embedded"}
        Whose rate on the choosing half is reported; it does not choose.

    Returns
    -------
    DataFrame
        ``emotion arm strength_resid_norm nll_ratio_choose target_rate_choose qualified n_prompts_choose``.

    Raises
    ------
    ValueError
        If `max_nll_ratio` is not above 0, the judge is unknown, or texts are missing.
    """
    _known_judge(judge)
    if not max_nll_ratio > 0:
        raise ValueError(
            f"max_nll_ratio is {max_nll_ratio}; allowed: > 0 (config.yaml, key steering.max_nll_ratio_choose)"
        )
    cells = _Cells(scored, "choose")
    rows = []
    for arm in [a for a in cells.arms() if a not in ("none", "wrong-emotion")]:
        strengths = cells.strengths(arm)
        ratios = np.array([cells.nll_ratio(arm, s)[0] for s in strengths])
        rates = np.array([cells.mean(arm, s, scored.hits[judge]) for s in strengths])
        for k, emotion in enumerate(cells.emotions):
            fluent = np.flatnonzero(ratios[:, k] <= max_nll_ratio)
            i = int(fluent[-1]) if len(fluent) else 0
            rows.append((emotion, arm, strengths[i], ratios[i, k], rates[i, k], bool(len(fluent)), len(cells.prompts)))
    return pd.DataFrame(
        rows,
        columns=[
            "emotion",
            "arm",
            "strength_resid_norm",
            "nll_ratio_choose",
            "target_rate_choose",
            "qualified",
            "n_prompts_choose",
        ],
    )


def _known_judge(judge: str) -> None:
    if judge not in JUDGES:
        raise ValueError(f"judge is {judge!r}; allowed: {', '.join(JUDGES)}")


def summarise(scored: Scored, *, seed: int) -> pd.DataFrame:
    """Rows of ``steering.csv`` (without the identity columns): every arm at every strength, on split ``score`` only.

    `target_probability` and `masked_target_rate` come from the judge embedded alone (NaN elsewhere); `content_kept` is
    not computed in this version (NaN). `harmonic_mean` is that of `target_rate` and `fluency` of `nll_ratio`. The
    interval is one over prompts (docs/steering.md).

    Parameters
    ----------
    scored : Scored
    seed : int
        Sampling seed of the texts, reported.

    Returns
    -------
    DataFrame
        ``emotion arm strength_resid_norm judge judge_level target_rate ci_low ci_high target_probability
        masked_target_rate nll_ratio perplexity_ratio distinct_2 repetition valence arousal language_kept content_kept
        harmonic_mean n_prompts seed``.

    Raises
    ------
    ValueError
        If texts are missing.
    """
    cells = _Cells(scored, "score")
    blocks = [_summary(cells, arm, s, judge) for arm in cells.arms() for s in cells.strengths(arm) for judge in JUDGES]
    frame = pd.concat(blocks, ignore_index=True)
    return frame.assign(n_prompts=len(cells.prompts), seed=seed)


def _summary(cells: _Cells, arm: str, strength: float, judge: str) -> pd.DataFrame:
    scored, nan = cells.scored, np.full(len(cells.emotions), np.nan)
    sums, counts = cells.by_target(arm, strength, scored.hits[judge])
    found = _Rate.of(sums, counts)
    rate, (low, high) = found.rate[:-1], (x[:-1] for x in found.interval())
    ratio, perplexity = cells.nll_ratio(arm, strength)
    fluent = fluency(ratio)
    learned = judge == "embedded"
    quality = {q: cells.mean(arm, strength, scored.texts[q].to_numpy(float)) for q in _QUALITIES[1:]}
    return pd.DataFrame(
        {
            "emotion": cells.emotions,
            "arm": arm,
            "strength_resid_norm": strength,
            "judge": judge,
            "judge_level": "fine",
            "target_rate": rate,
            "ci_low": low,
            "ci_high": high,
            "target_probability": cells.mean(arm, strength, scored.probability) if learned else nan,
            "masked_target_rate": cells.mean(arm, strength, scored.masked) if learned else nan,
            "nll_ratio": ratio,
            "perplexity_ratio": perplexity,
            **quality,
            "content_kept": nan,
            "harmonic_mean": np.where(
                rate + fluent == 0, 0.0, 2 * rate * fluent / np.where(rate + fluent == 0, 1, rate + fluent)
            ),
        }
    )


def _chosen(chosen: pd.DataFrame, arm: str, emotions: Sequence[str]) -> pd.Series:
    """Strength by emotion of an arm."""
    rows = chosen[chosen["arm"] == arm].set_index("emotion")["strength_resid_norm"]
    if rows.index.has_duplicates or (missing := [e for e in emotions if e not in rows.index]):
        raise ValueError(
            f"chosen strengths of arm {arm} are missing or doubled for an emotion; needed: one for each of"
            f" {', '.join(emotions)}" + (f" (missing: {missing[0]})" if not rows.index.has_duplicates else "")
        )
    return rows.loc[list(emotions)]


def _at_chosen(cells: _Cells, arm: str, strengths: pd.Series, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """`_Cells.by_target` with every emotion at its own strength (arm none at 0)."""
    wanted = np.zeros(len(strengths)) if arm == "none" else strengths.to_numpy(float)
    sums, counts = np.empty((len(wanted), len(cells.prompts))), np.empty((len(wanted), len(cells.prompts)))
    for s in np.unique(wanted):
        here = wanted == s
        all_sums, all_counts = cells.by_target(arm, float(s), values)
        sums[here], counts[here] = all_sums[here], all_counts[here]
    return sums, counts


def confusion(scored: Scored, chosen: pd.DataFrame, *, arm: str = "concept") -> pd.DataFrame:
    """What texts steered to each emotion were taken for, at the chosen strength, on split ``score``.

    Returns
    -------
    DataFrame
        ``emotion judge label count n_texts rate``: one row for every pair of emotions and judge. The judge embedded
        has only emotions that it knows, but also the labels that are no studied emotion and "" (no known word), so that
        its counts add up to `n_texts`; under the lexicons a text may show several emotions or none.

    Raises
    ------
    ValueError
        If the arm has no chosen strength for an emotion.
    """
    cells = _Cells(scored, "score")
    strengths = _chosen(chosen, arm, cells.emotions)
    texts = scored.texts
    known = [
        e for e, column in zip(scored.emotions, scored.hits["embedded"].T, strict=True) if np.isfinite(column).all()
    ]
    labels = [*known, *sorted(set(texts["label"]) - set(known))]
    rows = []
    for emotion, strength in strengths.items():
        here = (
            (texts["emotion"] == emotion)
            & (texts["arm"] == arm)
            & (texts["strength"] == strength)
            & (texts["split"] == "score")
        ).to_numpy()
        n = int(here.sum())
        rows += [
            (emotion, j, e, int(c), n) for j in JUDGES[:2] for e, c in zip(scored.emotions, scored.hits[j][here].sum(0))
        ]
        counts = texts.loc[here, "label"].value_counts()
        rows += [(emotion, "embedded", x, int(counts.get(x, 0)), n) for x in labels]
    out = pd.DataFrame(rows, columns=["emotion", "judge", "label", "count", "n_texts"])
    return out.assign(rate=out["count"] / out["n_texts"])


def claim_rows(scored: Scored, chosen: pd.DataFrame) -> pd.DataFrame:
    """Paired differences at the strength chosen for the arm concept, on split ``score``, per emotion and over all.

    Both sides of a difference share prompts and strength (arm none: strength 0); intervals are 95 % over prompts.
    Comparisons: ``concept-random``, ``concept-wrong-emotion`` and ``concept-diff-means`` for each judge, and
    ``masked-concept-none`` (judge embedded, concept words taken out on both sides). Rows with emotion ``all`` average
    the emotions, each with the same weight; `mixed_ci_low` and `mixed_ci_high` take emotions for random, too
    (`mixed_interval`).

    Returns
    -------
    DataFrame
        ``emotion comparison judge strength_resid_norm rate_a rate_b rate_b_ci_low rate_b_ci_high difference ci_low
        ci_high mixed_ci_low mixed_ci_high nll_ratio qualified n_prompts``; `strength_resid_norm` and `nll_ratio` are
        means in the rows ``all``, `qualified` (the strength met its limit on the choosing half) holds there if it holds
        for all.

    Raises
    ------
    ValueError
        If a strength or an arm's texts are missing.
    """
    cells = _Cells(scored, "score")
    strengths = _chosen(chosen, "concept", cells.emotions)
    qualified = chosen[chosen["arm"] == "concept"].set_index("emotion")["qualified"].loc[cells.emotions].to_numpy(bool)
    nll = _ratio(*(a.sum(1) for a in _at_chosen(cells, "concept", strengths, scored.texts["nll"]))) / cells.mean(
        "none", 0.0, scored.texts["nll"]
    )
    pairs = [
        (f"concept-{other}", judge, other, scored.hits[judge])
        for judge in JUDGES
        for other in ("random", "wrong-emotion", "diff-means")
        if other in cells.arms()
    ]
    pairs.append(("masked-concept-none", "embedded", "none", scored.masked))
    blocks = []
    for comparison, judge, other, values in pairs:
        a, b = _at_chosen(cells, "concept", strengths, values), _at_chosen(cells, other, strengths, values)
        rate_a, rate_b = _Rate.of(*a), _Rate.of(*b)
        (low, high), (b_low, b_high) = _difference_interval(rate_a, rate_b), rate_b.interval()
        mixed = np.full((2, len(cells.emotions) + 1), np.nan)
        mixed[:, -1] = mixed_interval(_ratio(*a) - _ratio(*b))
        blocks.append(
            pd.DataFrame(
                {
                    "emotion": [*cells.emotions, "all"],
                    "comparison": comparison,
                    "judge": judge,
                    "strength_resid_norm": _with_mean(strengths.to_numpy(float)),
                    "rate_a": rate_a.rate,
                    "rate_b": rate_b.rate,
                    "rate_b_ci_low": b_low,
                    "rate_b_ci_high": b_high,
                    "difference": rate_a.rate - rate_b.rate,
                    "ci_low": low,
                    "ci_high": high,
                    "mixed_ci_low": mixed[0],
                    "mixed_ci_high": mixed[1],
                    "nll_ratio": _with_mean(nll),
                    "qualified": [*qualified, qualified.all()],
                    "n_prompts": len(cells.prompts),
                }
            )
        )
    return pd.concat(blocks, ignore_index=True)


def _with_mean(x: np.ndarray) -> np.ndarray:
    return np.concatenate([x, _mean_over_emotions(x)[None]])


def pooled_rates(scored: Scored, chosen: pd.DataFrame) -> pd.DataFrame:
    """Target rate of every arm averaged over emotions, and the concept vector's rate over it, on split ``score``.

    Arms concept, random, wrong-emotion at the strength chosen for concept, diff-means at its own, none at 0.

    Returns
    -------
    DataFrame
        ``arm judge rate ci_low ci_high concept_over_arm ratio_ci_low ratio_ci_high nll_ratio n_emotions n_prompts``. A
        ratio is NaN where the arm's rate is 0, its interval where either rate is.

    Raises
    ------
    ValueError
        If a strength or an arm's texts are missing.
    """
    cells = _Cells(scored, "score")
    concept = _chosen(chosen, "concept", cells.emotions)
    strengths = {arm: _chosen(chosen, arm, cells.emotions) if arm == "diff-means" else concept for arm in cells.arms()}
    plain = cells.mean("none", 0.0, scored.texts["nll"])
    rows = []
    for judge in JUDGES:
        cell = {arm: _at_chosen(cells, arm, s, scored.hits[judge]) for arm, s in strengths.items()}
        found = {arm: _Rate.of(*sn) for arm, sn in cell.items()}
        for arm, own in found.items():
            low, high = (x[-1] for x in own.interval())
            ratio = found["concept"].rate[-1] / own.rate[-1] if own.rate[-1] > 0 else np.nan
            r_low, r_high = _ratio_interval(found["concept"], own, -1)
            nll = (
                _ratio(*(a.sum(1) for a in _at_chosen(cells, arm, strengths[arm], scored.texts["nll"]))) / plain
            ).mean()
            rows.append(
                (
                    arm,
                    judge,
                    own.rate[-1],
                    low,
                    high,
                    ratio,
                    r_low,
                    r_high,
                    nll,
                    int(np.isfinite(own.rate[:-1]).sum()),
                    len(cells.prompts),
                )
            )
    columns = [
        "arm",
        "judge",
        "rate",
        "ci_low",
        "ci_high",
        "concept_over_arm",
        "ratio_ci_low",
        "ratio_ci_high",
        "nll_ratio",
        "n_emotions",
        "n_prompts",
    ]
    return pd.DataFrame(rows, columns=columns).astype({c: float for c in columns[2:9]})


def claim_summary(rows: pd.DataFrame, *, max_nll_ratio: float = 1.6, judge: str = "lexicon") -> pd.DataFrame:
    """The claims `steering`, `expression` and `beyond-means` of one model and language from `claim_rows`.

    An emotion passes `steering` if both of its differences (to random and to wrong-emotion) have intervals above 0 and
    its NLL ratio on the scored half is at most `max_nll_ratio`; it passes `expression` if its masked difference to
    unsteered text has one above 0. `beyond-means` compares with difference of means at the same strength, the one
    chosen for the concept vector; an emotion passes it if the lower limit is above 0 (what the claim asks of the mean
    over emotions, a margin, stands in `claims`).

    Returns
    -------
    DataFrame
        ``claim statistic value ci_low ci_high n_prompts n_passing n_emotions nll_ratio control_name control_value
        control_ci_low control_ci_high``; `value` is the mean difference over emotions (to random; to unsteered).

    Raises
    ------
    ValueError
        If the judge is unknown or a comparison is missing.
    """
    _known_judge(judge)
    parts = {}
    for comparison, of in (
        ("concept-random", judge),
        ("concept-wrong-emotion", judge),
        ("masked-concept-none", "embedded"),
        ("concept-diff-means", judge),
    ):
        part = rows[(rows["comparison"] == comparison) & (rows["judge"] == of)].set_index("emotion")
        if "all" not in part.index:
            raise ValueError(
                f"no rows {comparison} of judge {of}; needed for the claims (steer to two emotions or more, with arms"
                " random and diff-means)"
            )
        parts[comparison] = part
    above = {c: part.drop(index="all")["ci_low"] > 0 for c, part in parts.items()}
    random, masked = parts["concept-random"], parts["masked-concept-none"]
    fluent = random.drop(index="all")["nll_ratio"] <= max_nll_ratio
    passing = {
        "steering": above["concept-random"] & above["concept-wrong-emotion"].loc[fluent.index] & fluent,
        "expression": above["masked-concept-none"],
        "beyond-means": above["concept-diff-means"],
    }
    out = []
    for claim, part, name, what in (
        ("steering", random, "random", f"target rate minus random ({judge})"),
        ("expression", masked, "none", "masked target rate minus unsteered (embedded)"),
        (
            "beyond-means",
            parts["concept-diff-means"],
            "diff-means",
            f"target rate minus difference of means at the same strength ({judge})",
        ),
    ):
        r = part.loc["all"]
        out.append(
            {
                "claim": claim,
                "statistic": what,
                "value": r["difference"],
                "ci_low": r["ci_low"],
                "ci_high": r["ci_high"],
                "n_prompts": r["n_prompts"],
                "n_passing": int(passing[claim].sum()),
                "n_emotions": int(part.drop(index="all")["difference"].notna().sum()),
                "nll_ratio": r["nll_ratio"],
                "control_name": name,
                "control_value": r["rate_b"],
                "control_ci_low": r["rate_b_ci_low"],
                "control_ci_high": r["rate_b_ci_high"],
            }
        )
    return pd.DataFrame(out)
