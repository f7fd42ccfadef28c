"""Features that carry the same emotion profile in two languages, and whether there are more than chance gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.stats import auroc_columns
from shared_affect.features.columns import Codes, ColumnCodes, as_dense
from shared_affect.features.contrast import check_concepts
from shared_affect.features.profiles import basis, profiles, without_covariates

PERMUTATIONS_PER_BLOCK = 2000
LANGUAGE_AUROC = 0.9
"""A feature that tells the two languages' words apart better than this marks a language, not an emotion."""
ENOUGH = 50
"""Permuted counts as large as the observed one after which permuting words stops: p is then known to a seventh (Besag &
Clifford 1991).
"""
WORD_BLOCK = 500_000
FREQUENCY_BIN = 10
"""Words of like frequency that change places."""


@dataclass(frozen=True)
class LanguageWords:
    """The concept words of one language.

    Attributes
    ----------
    codes : array or sparse matrix [n_words, F]
        Only features active in both languages are made dense, as float64: 4,000 of 800 words are 26 MB.
    membership : bool array [n_words, E]
        Words of several sets are left out.
    covariates : DataFrame, optional
        One row a word, in the order of the codes; ``log10_count`` is its frequency, other columns (length, number of
        tokens) are taken out of the profiles too. A column that is not known of every word, or does not vary, is left
        aside.
    """

    codes: Codes
    membership: np.ndarray
    covariates: pd.DataFrame | None = None

    @property
    def n_words(self) -> int:
        """How many there are."""
        return self.codes.shape[0]

    def active(self) -> np.ndarray:
        """Share of the words on which each feature is active, [F]."""
        return ColumnCodes.of(self.codes).active() / self.n_words

    def of(self, features: np.ndarray) -> np.ndarray:
        """Codes of some features, dense."""
        if isinstance(self.codes, np.ndarray):
            return self.codes[:, features]
        return np.asfortranarray(as_dense(self.codes[:, features]))

    def frequency(self) -> np.ndarray | None:
        """``log10_count`` if it is known of every word."""
        c = self.covariates
        if c is None or "log10_count" not in c or not np.isfinite(c["log10_count"]).all():
            return None
        return c["log10_count"].to_numpy(float)


@dataclass(frozen=True)
class SharedFeatures:
    """Result of `shared_features`.

    Attributes
    ----------
    features : DataFrame
        One row for each feature active in both languages that tells no language: feature, active_<language> (share of
        concept words) twice, profile_r, threshold, shared.
    n_active_both, n_language, n_shared, n_language_shared : int
        Features active in both languages, those of them that tell the language (left out), the shared ones, and those
        left out that would count as shared.
    expected, null_high : float
        Mean and 97.5 % point of the count under permutations: of the two kinds, the one with the larger p.
    p, p_labels, p_words : float
        (1 + number of permuted counts >= n_shared) / (permutations + 1): emotion labels permuted, words permuted, and
        the larger of both.
    n_permutations, n_word_permutations : int
        Asked of either kind; permutations of words made (fewer where `ENOUGH` counts were as large).
    frequency_known : bool
        Whether word frequencies of both languages took part.
    """

    features: pd.DataFrame
    n_active_both: int
    n_language: int
    n_shared: int
    n_language_shared: int
    expected: float
    null_high: float
    p: float
    p_labels: float
    p_words: float
    n_permutations: int
    n_word_permutations: int
    frequency_known: bool

    @property
    def ids(self) -> np.ndarray:
        """Ids of the shared features, ascending."""
        return self.features.feature[self.features.shared].to_numpy(int)


def _swap_words(frequency: np.ndarray | None, n: int, rng: np.random.Generator) -> np.ndarray:
    """A random order of words in which each stands in the place of one of like frequency (of any, where none is
    known).
    """
    if frequency is None:
        return rng.permutation(n)
    order = np.lexsort((rng.random(n), frequency))
    shift = int(rng.integers(FREQUENCY_BIN))  # where bins begin differs between draws
    bins = (np.arange(n) + shift) // FREQUENCY_BIN
    out = np.empty(n, int)
    out[order] = order[np.lexsort((rng.random(n), bins))]
    return out


def _permuted_profile_r(a: np.ndarray, b: np.ndarray, n_permutations: int, rng: np.random.Generator) -> np.ndarray:
    """Profile correlations [n_permutations, features] with the emotions of `b` relabelled.

    A relabelling is a 0/1 matrix E x E, so all of them together are one product with the table of a[e] * b[e'].
    """
    n = len(a)
    table = (a[:, None] * b[None] / n).reshape(n * n, -1).astype(np.float32)
    out = np.empty((n_permutations, a.shape[1]), np.float32)
    for start in range(0, n_permutations, PERMUTATIONS_PER_BLOCK):
        stop = min(start + PERMUTATIONS_PER_BLOCK, n_permutations)
        order = rng.permuted(np.tile(np.arange(n), (stop - start, 1)), axis=1)
        choose = np.zeros((stop - start, n * n), np.float32)
        np.put_along_axis(choose, np.arange(n) * n + order, 1, axis=1)
        out[start:stop] = choose @ table
    return out


@dataclass(frozen=True)
class _Side:
    """One language's codes without what word properties explain, ready for profiles.

    Attributes
    ----------
    codes, variance : array [words, features]
    share : array [emotions, words]
        Share of each word in the mean of an emotion.
    frequency : array [words] or None
    """

    codes: np.ndarray
    variance: np.ndarray
    share: np.ndarray
    frequency: np.ndarray | None

    @classmethod
    def of(cls, words: LanguageWords, features: np.ndarray) -> _Side:
        explained = basis(words.covariates, words.n_words)
        codes, variance = without_covariates(words.of(features), words.membership, explained)
        return cls(codes, variance, (words.membership / words.membership.sum(0)).T, words.frequency())

    def own_profiles(self) -> np.ndarray:
        return profiles(self.codes, self.variance, self.share)


def _word_counts(
    a: np.ndarray, second: _Side, threshold: float, *, observed: int, n: int, rng: np.random.Generator
) -> np.ndarray:
    """Counts of shared features with the second language's words in each other's places: `n`, or up to the `ENOUGH`-th
    as large as observed.
    """
    codes, variance, share, a = (x.astype(np.float32) for x in (second.codes, second.variance, second.share, a))
    block = max(1, WORD_BLOCK // (share.shape[0] * max(share.shape[1], codes.shape[1])))
    counts = np.zeros(0, int)
    while len(counts) < n:
        orders = [_swap_words(second.frequency, len(codes), rng) for _ in range(min(block, n - len(counts)))]
        permuted = profiles(codes, variance, np.stack([share[:, order] for order in orders]))
        counts = np.append(counts, ((a * permuted).mean(-2) > threshold).sum(-1))
        reached = np.flatnonzero(np.cumsum(counts >= observed) == ENOUGH)
        if len(reached):
            return counts[: reached[0] + 1]
    return counts


def _p_of_words(counts: np.ndarray, observed: int, n: int) -> float:
    """p of at most `n` permuted counts; where permuting stopped early the last one was one of those as large."""
    as_large = int((counts >= observed).sum())
    return as_large / len(counts) if len(counts) < n else (1 + as_large) / (n + 1)


def _checked(words_by_language: Mapping[str, LanguageWords], emotions: Sequence[str]) -> list[LanguageWords]:
    """Both languages, with the words that stand in one set."""
    found = []
    for w in words_by_language.values():
        codes, member = check_concepts(w.codes, w.membership, emotions)
        found.append(replace(w, codes=codes, membership=member))
    if found[0].codes.shape[1] != found[1].codes.shape[1]:
        raise ValueError(
            f"{found[0].codes.shape[1]} and {found[1].codes.shape[1]} features; allowed: codes of one SAE in both"
            " languages"
        )
    for language, w in zip(words_by_language, found, strict=True):
        if w.covariates is not None and len(w.covariates) != w.n_words:
            raise ValueError(
                f"covariates of {language!r} have another number of rows than its codes; allowed: one row a word"
            )
    return found


def _active_in_both(words: Sequence[LanguageWords], active: np.ndarray, least: float) -> tuple[np.ndarray, np.ndarray]:
    """Features active in both languages that tell no language, and those that do."""
    both = np.flatnonzero((active >= least).all(0) & (active > 0).all(0))
    if not len(both):
        return both, both
    telling = auroc_columns(*(w.of(both) for w in words))[0]
    is_kept = np.maximum(telling, 1 - telling) <= LANGUAGE_AUROC
    return both[is_kept], both[~is_kept]


def _profile_r(words: Sequence[LanguageWords], features: np.ndarray) -> np.ndarray:
    """Correlation of the profiles of some features, [F]."""
    a, b = (_Side.of(w, features).own_profiles() for w in words)
    return (a * b).mean(0)


@dataclass(frozen=True)
class _Chance:
    """What permuting gives; attributes as in `SharedFeatures`, and what they are where no feature is left."""

    expected: float = 0.0
    null_high: float = 0.0
    p: float = 1.0
    p_labels: float = 1.0
    p_words: float = 1.0
    n_word_permutations: int = 0

    @classmethod
    def of(cls, labels: np.ndarray, words: np.ndarray, observed: int, n: int) -> _Chance:
        """From the permuted counts of both kinds, of at most `n` permutations."""
        p_labels = float((1 + (labels >= observed).sum()) / (n + 1))
        p_words = _p_of_words(words, observed, n)
        p, counts = max([(p_labels, labels), (p_words, words)], key=lambda kind: kind[0])
        return cls(float(counts.mean()), float(np.quantile(counts, 0.975)), p, p_labels, p_words, len(words))


def shared_features(
    words_by_language: Mapping[str, LanguageWords],
    emotions: Sequence[str],
    *,
    min_active: float = 0.02,
    n_permutations: int = 1000,
    rng: np.random.Generator,
    words_rng: np.random.Generator | None = None,
    level: float = 0.95,
) -> SharedFeatures:
    """Features that carry the same emotion profile in two languages, and whether there are more than chance gives.

    Chance has two forms, and the claim asks for both. *Labels*: an emotion of one language has nothing to do with the
    emotion of that name in the other; what sets have in common besides emotion, their sizes and the properties of their
    words, is taken out of the profiles first. *Words*: a set is any words of such frequencies; the words of the second
    language change place with words of like frequency, sets and their sizes stay.

    Parameters
    ----------
    words_by_language : mapping of two languages -> LanguageWords
        Codes of one SAE.
    emotions : sequence of E names
    min_active : float
        A feature counts as active in a language if it fires on this share of its concept words or more.
    n_permutations : int
        Permutations of the emotion labels of the second language, and at most as many of its words, the same for all
        features.
    rng, words_rng : Generator
        For labels, and for words (default: the same one, afterwards).
    level : float
        Quantile of the label-permuted correlations (pooled over features and permutations) that a shared feature
        exceeds.

    Returns
    -------
    SharedFeatures

    Raises
    ------
    ValueError
        If there are not two languages with equal feature counts, a concept-set is too small, or covariates do not fit
        the words.

    Notes
    -----
    Where no feature is active in both languages the count is 0 and p is 1; the log says so.

    Examples
    --------
    Six emotions of four words; the first four of ten features have the same profile in both languages.

    >>> rng = np.random.default_rng(0)
    >>> label = np.repeat(np.arange(6), 4)
    >>> profiles = {k: rng.normal(size=(6, 10)) for k in ("en", "zh")}
    >>> profiles["zh"][:, :4] = profiles["en"][:, :4]
    >>> words = {
    ...     k: LanguageWords(np.maximum(p[label] + 0.1 * rng.normal(size=(24, 10)), 0), label[:, None] == np.arange(6))
    ...     for k, p in profiles.items()
    ... }
    >>> found = shared_features(words, list("abcdef"), n_permutations=99, rng=rng)
    >>> found.ids, found.n_active_both, round(found.p, 2)
    (array([0, 1, 2, 3]), 10, 0.01)
    """
    languages = list(words_by_language)
    if len(languages) != 2:
        raise ValueError(f"languages {languages}; allowed: two")
    if n_permutations < 1 or not 0 < level < 1 or not 0 <= min_active <= 1:
        raise ValueError(
            f"n_permutations {n_permutations}, level {level}, min_active {min_active}; allowed: >= 1, 0..1, 0..1"
            " (config.yaml)"
        )
    words = _checked(words_by_language, emotions)
    active = np.array([w.active() for w in words])
    both, telling = _active_in_both(words, active, min_active)
    n_language, n_language_shared = len(telling), 0
    columns = {"feature": both, **{f"active_{k}": active[i, both] for i, k in enumerate(languages)}}
    if len(both):
        first, second = (_Side.of(w, both) for w in words)
        a, b = first.own_profiles(), second.own_profiles()
        observed = (a * b).mean(0)
        null = _permuted_profile_r(a, b, n_permutations, rng)
        threshold = float(np.quantile(null, level))
        shared = observed > threshold
        n_shared, draw = int(shared.sum()), words_rng or rng
        by_words = _word_counts(a, second, threshold, observed=n_shared, n=n_permutations, rng=draw)
        chance = _Chance.of((null > threshold).sum(1), by_words, n_shared, n_permutations)
        n_language_shared = int((_profile_r(words, telling) > threshold).sum()) if n_language else 0
        frame = pd.DataFrame({**columns, "profile_r": observed, "threshold": threshold, "shared": shared})
    else:
        chance = _Chance()
        frame = pd.DataFrame({**columns, "profile_r": [], "threshold": [], "shared": np.zeros(0, bool)})
    _tell(frame, chance, n_language, active.shape[1])
    return SharedFeatures(
        frame,
        n_active_both=len(both) + n_language,
        n_language=n_language,
        n_shared=int(frame["shared"].sum()),
        n_language_shared=n_language_shared,
        expected=chance.expected,
        null_high=chance.null_high,
        p=chance.p,
        p_labels=chance.p_labels,
        p_words=chance.p_words,
        n_permutations=n_permutations,
        n_word_permutations=chance.n_word_permutations,
        frequency_known=all(w.frequency() is not None for w in words),
    )


def _tell(frame: pd.DataFrame, chance: _Chance, n_language: int, n_features: int) -> None:
    if not len(frame):
        LOG.info("shared features: none of %d is active in both languages without telling them apart", n_features)
        return
    LOG.info(
        "shared features: %d of %d active in both (%d tell the language), %.1f expected; p %.4g by labels, %.4g by"
        " words",
        frame["shared"].sum(),
        len(frame) + n_language,
        n_language,
        chance.expected,
        chance.p_labels,
        chance.p_words,
    )
