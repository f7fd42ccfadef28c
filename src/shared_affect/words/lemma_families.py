"""Words that no fold may part: lemma families of a language and translation pairs, closed under both.

If a model has read "kissed" with its rating, then "kiss" is no unseen word, and neither is 亲吻 where a second language
is predicted from the first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.reading import LINE, read_written
from shared_affect.words.files import TRANSLATIONS

SNOWBALL = "snowball-"
RULES = (
    "none",
    "shared-headword",
    *(
        SNOWBALL + k
        for k in "danish dutch english finnish french german hungarian italian norwegian portuguese romanian russian"
        " spanish swedish".split()
    ),
)
"""Allowed in config/languages.tsv, column lemma_rule."""


def undouble(word: str) -> str:
    """A reduplicated Chinese word without its reduplication: AABB and ABAB give AB (Li & Thompson 1981, Mandarin
    Chinese, on reduplication).
    """
    if len(word) == 4:
        if word[0] == word[1] and word[2] == word[3]:
            return word[0] + word[2]
        if word[:2] == word[2:]:
            return word[:2]
    return word


def headword_links(words: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of Chinese words with a shared headword.

    Two words share one if, after `undouble`, they are equal, or one of two or more characters opens or closes the
    other: 好奇 and 好奇心, 赞成 and 不赞成, 高兴 and 高高兴兴. Chinese words have no endings to cut off, and a compound
    has its head at its end (nouns) or its beginning (verbs) (Packard 2000, The Morphology of Chinese). A single
    character makes no family: 心 closes hundreds of words.

    Parameters
    ----------
    words : sequence of str
        Simplified, in NFC.

    Returns
    -------
    list of (int, int)
        Positions in `words`; each relation once, not closed.
    """
    stem = [undouble(w) for w in words]
    first: dict[str, int] = {}
    links = [(first.setdefault(s, i), i) for i, s in enumerate(stem)]
    for s, i in list(first.items()):
        parts = {part for k in range(2, len(s)) for part in (s[:k], s[-k:])}
        links += [(first[part], i) for part in sorted(parts) if part in first]
    return [(i, j) for i, j in links if i != j]


def stem_links(words: Sequence[str], language: str) -> list[tuple[int, int]]:
    """Pairs of words with one stem by the Snowball stemmer of `language` (Porter 2001, Snowball; NLTK's copy): kiss,
    kissed, kisses.

    Irregular forms (sang, song) and negations (happy, unhappy) have stems of their own.
    """
    from nltk.stem.snowball import SnowballStemmer

    stem = SnowballStemmer(language).stem
    first: dict[str, int] = {}
    links = [(first.setdefault(stem(w), i), i) for i, w in enumerate(words)]
    return [(i, j) for i, j in links if i != j]


def family_links(words: Sequence[str], rule: str) -> list[tuple[int, int]]:
    """Pairs of words of one lemma family by a rule of config/languages.tsv, not closed.

    Raises
    ------
    ValueError
        Unknown rule.
    """
    if rule not in RULES:
        raise ValueError(f"lemma_rule is {rule!r}; allowed: {', '.join(RULES)} (config/languages.tsv)")
    if rule == "none":
        return []
    return headword_links(words) if rule == "shared-headword" else stem_links(words, rule.removeprefix(SNOWBALL))


def read_translations(path: str | Path, languages: Sequence[str]) -> pd.DataFrame:
    """Translation pairs of the given languages, from the table that people write.

    Parameters
    ----------
    path : path
        Tab-separated, ``pair`` and a column a language. A cell may be empty; a word may stand in several pairs.
    languages : sequence of str

    Returns
    -------
    DataFrame
        ``pair`` and the languages' columns; "" where a pair has no word. A language without a column has none anywhere.

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses; a pair or a row of words that stands twice.
    """
    frame = pd.DataFrame(read_written(path, ["pair"], None, key=["pair"]))
    columns = [str(c) for c in frame if c not in ("pair", LINE)]
    for k in languages:
        if k not in frame:
            LOG.info("%s: no column %r; words of that language have no translations", path, k)
            frame[k] = ""
    some = (frame[columns] != "").sum(axis=1) > 1  # a row with one word only is no pair
    if (doubled := frame[columns][some].duplicated()).any():
        row = frame.loc[doubled[doubled].index[0]]
        raise ValueError(
            f"{path}, line {row[LINE]}: {', '.join(columns)} = {' '.join(row[columns])} stands twice; allowed: once"
        )
    return frame[["pair", *languages]]


def read_pairs(path: str | Path) -> pd.DataFrame:
    """Translation pairs as their contract has them: "" where a pair has no word."""
    return TRANSLATIONS.read(path).astype(object).fillna("")


def add_dictionaries(translations: pd.DataFrame, dictionaries: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    """Translation pairs with those of dictionaries behind them.

    Parameters
    ----------
    translations : DataFrame as of `read_translations`
    dictionaries : mapping of language -> DataFrame
        ``word`` and ``translation_{language}``; pairs that are not there yet are added, languages that are no column
        are left out.

    Returns
    -------
    DataFrame
        Columns as before.
    """
    for k, entries in dictionaries.items():
        for other in (
            o for o in translations if k in translations and o not in ("pair", k) and f"translation_{o}" in entries
        ):
            known = pd.MultiIndex.from_frame(translations[[k, other]])
            more = entries[["word", f"translation_{other}"]].set_axis([k, other], axis=1).drop_duplicates()
            more = more[~pd.MultiIndex.from_frame(more).isin(known)]
            translations = pd.concat(
                [translations, more.assign(pair="dictionary " + more[k] + " " + more[other])], ignore_index=True
            ).fillna("")
    return translations


def word_groups(
    words: Mapping[str, Sequence[str]], rules: Mapping[str, str], translations: pd.DataFrame
) -> dict[str, np.ndarray]:
    """Group of every word of every language: two words share one if a chain of lemma families and translation pairs
    joins them.

    Parameters
    ----------
    words : mapping of language -> words, each once
    rules : mapping of language -> rule of `family_links`
    translations : DataFrame as of `read_translations`
        Rows with words that are not in `words` join nothing.

    Returns
    -------
    dict of language -> array of str
        The name of a group is its first word with its language.

    Raises
    ------
    ValueError
        A word stands twice in a language, a language without a rule, an unknown rule.

    Examples
    --------
    >>> pairs = pd.DataFrame({"pair": ["p1"], "en": ["kiss"], "zh": ["亲吻"]})
    >>> words = {"en": ["kiss", "kissed", "sun"], "zh": ["亲吻", "太阳"]}
    >>> found = word_groups(words, {"en": "snowball-english", "zh": "shared-headword"}, pairs)
    >>> {k: groups.tolist() for k, groups in found.items()}
    {'en': ['en kiss', 'en kiss', 'en sun'], 'zh': ['en kiss', 'zh 太阳']}
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    start: dict[str, int] = {}
    names: list[str] = []
    links: list[tuple[int, int]] = []
    for k, own in words.items():
        if len(set(own)) != len(own):
            raise ValueError(f"{len(own)} words of {k!r}, {len(set(own))} distinct; allowed: each once")
        if k not in rules:
            raise ValueError(
                f"language {k!r} has no lemma rule; known: {', '.join(rules)} (config/languages.tsv, column lemma_rule)"
            )
        start[k] = len(names)
        names += [f"{k} {w}" for w in own]
        links += [(start[k] + i, start[k] + j) for i, j in family_links(own, rules[k])]
    n_family = len(links)
    place = {name: i for i, name in enumerate(names)}
    for row in translations[list(words)].itertuples(index=False):
        met = [place[f"{k} {w}"] for k, w in zip(words, row, strict=True) if f"{k} {w}" in place]
        links += [(met[0], other) for other in met[1:]]
    i, j = np.array(links, int).reshape(-1, 2).T
    found = connected_components(coo_array((np.ones(len(i)), (i, j)), shape=(len(names), len(names))), directed=False)[
        1
    ]
    first = np.unique(found, return_index=True)[1]
    named = np.array(names, dtype=str)[first[found]]
    sizes = np.bincount(found)
    LOG.info(
        "%d words in %d groups, the largest of %d (%s); %d links by lemma, %d by translation",
        len(names),
        len(sizes),
        sizes.max(initial=0),
        names[first[sizes.argmax()]] if len(sizes) else "-",
        n_family,
        len(links) - n_family,
    )
    return {k: named[s : s + len(words[k])] for k, s in start.items()}
