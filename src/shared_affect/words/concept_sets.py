"""Concept-sets from free associations and affect lexicons, and what is known of their words.

Every builder returns ``emotion, word, strength``: `strength` runs from 0 to 1 (share of answers, or intensity over its
maximum; NaN where the source has none), strongest first. Words in common to several emotions stay in all of these sets
and are reported (`describe_words`), but no claim reads them (`own_words`): what people associate leaks into a space
through words in common.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import cache

import numpy as np
import pandas as pd

from shared_affect.base.letters import in_script
from shared_affect.base.log import LOG
from shared_affect.words.segmentation import WORD

COLUMNS = ["emotion", "word", "strength"]
DIRECTIONS = ("forward", "backward", "both")
MAX_INTENSITY = 9
"""Of DUTIR; see `lexicons.read_dutir`."""

_WORD, _CHINESE = re.compile(rf"{WORD}(?:['’-]{WORD})*"), re.compile(r"[\u3400-\u9fff]+")
_CONTENT = ("n", "v", "a", "i", "l", "z")
"""First letters of jieba's tags of nouns, verbs, adjectives, idioms, set phrases and descriptive words."""

_NEGATIONS = frozenset("不 没 没有 无 非 别 未 莫 勿".split())


def from_associations(
    pairs: pd.DataFrame,
    cues: Mapping[str, Sequence[str]],
    script: str,
    *,
    direction: str = "both",
    min_strength: float = 0.02,
    max_words: int = 30,
) -> pd.DataFrame:
    """Words that people name at the cues of an emotion (forward), or at which they name a cue (backward).

    Parameters
    ----------
    pairs : DataFrame
        Of `associations`: ``cue, target, strength``.
    cues : mapping of emotion -> words that name it
        They belong to the set, with strength 1, where the source knows them.
    script : str
        Of config/languages.tsv; see `single_words`.
    direction : {"forward", "backward", "both"}
    min_strength : float
        Share of answers that a pair needs.
    max_words : int
        Strongest words kept.

    Returns
    -------
    DataFrame
        The module's columns; an emotion none of whose cues is known has no row.

    Raises
    ------
    ValueError
        If the direction is unknown.

    Examples
    --------
    >>> pairs = pd.DataFrame([("joy", "glad", 0.2), ("smile", "joy", 0.1), ("joy", "the end", 0.3)])
    >>> pairs.columns = ["cue", "target", "strength"]
    >>> from_associations(pairs, {"joy": ["joy"]}, "latin")["word"].tolist()
    ['joy', 'glad', 'smile']
    """
    if direction not in DIRECTIONS:
        raise ValueError(
            f"direction is {direction!r}; allowed: {', '.join(DIRECTIONS)} (config.yaml, key concept_sets)"
        )
    strong = pairs[pairs["strength"] >= min_strength]
    sides = {"forward": ("cue", "target"), "backward": ("target", "cue")}
    known = set(pairs["cue"]) | set(pairs["target"])
    rows = []
    for emotion, own in cues.items():
        found = dict.fromkeys((w for w in own if w in known), 1.0)
        for side in sides if direction == "both" else (direction,):
            given, named = sides[side]
            for phrase, strength in strong.loc[strong[given].isin(own), [named, "strength"]].itertuples(index=False):
                for word in single_words(phrase, script):
                    found[word] = max(found.get(word, 0.0), float(strength))
        rows += [(emotion, w, s) for w, s in found.items()]
    return _strongest(rows, max_words)


def from_lexicon(
    terms: pd.DataFrame, emotions_of: Mapping[str, Sequence[str]], script: str, *, max_words: int = 30
) -> pd.DataFrame:
    """Words that a lexicon lists under the categories of an emotion.

    Parameters
    ----------
    terms : DataFrame
        Of `lexicons`: ``word, category``, and ``intensity`` (0..9) where the lexicon has one.
    emotions_of : mapping of category -> emotions it stands for
    script : str
    max_words : int
        Kept for each emotion: the most intense first, then (Chinese) the most frequent in jieba's dictionary, then the
        shortest, then by code point. Chinese entries that are not in that dictionary are phrases or rare, and left out.
    """
    if unknown := sorted(set(emotions_of) - set(terms["category"])):
        raise ValueError(
            f"the lexicon has no category {unknown[0]!r}; allowed: {', '.join(sorted(set(terms['category'])))}"
            " (resources/categories)"
        )
    strength = terms["intensity"] / MAX_INTENSITY if "intensity" in terms else pd.Series(np.nan, terms.index)
    rows = [
        (emotion, word, s)
        for phrase, category, s in zip(terms["word"], terms["category"], strength)
        for emotion in emotions_of.get(category, ())
        for word in single_words(phrase, script)
        if word == phrase and (script != "han" or _count(word))
    ]
    return _strongest(rows, max_words, _count if script == "han" else lambda word: 0)


def _strongest(
    rows: list[tuple[str, str, float]], max_words: int, count: Callable[[str], int] = lambda word: 0
) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=COLUMNS)
    order = frame.assign(
        falling=-frame["strength"].fillna(0),
        rarity=[-count(w) for w in frame["word"]],
        length=frame["word"].str.len(),
        place=pd.factorize(frame["emotion"])[0],
    )
    order = order.sort_values(["place", "falling", "rarity", "length", "word"]).drop_duplicates(["emotion", "word"])
    return order.groupby("emotion", sort=False).head(max_words)[COLUMNS].reset_index(drop=True)


@cache
def _cutter():
    import jieba
    import jieba.posseg

    jieba.setLogLevel(60)
    jieba.dt.initialize()
    return jieba.dt, jieba.posseg.dt


def _count(word: str) -> int:
    """Occurrences behind jieba's dictionary; 0 for what is not in it."""
    return _cutter()[0].FREQ.get(word) or 0


def single_words(phrase: str, script: str) -> list[str]:
    """Words that an entry stands for.

    An entry of several words in an alphabet stands for none. A Chinese one that is a word of jieba's dictionary is
    itself; a phrase is segmented by jieba and gives its nouns, verbs and adjectives of two characters or more, unless
    it denies something.

    Parameters
    ----------
    phrase : str
    script : str
        Of config/languages.tsv.
    """
    phrase = phrase.strip()
    if script == "han":
        phrase = re.sub(r"[\s，、。！？…·]+", "", phrase)
        if not _CHINESE.fullmatch(phrase):
            return []
        if len(phrase) <= 2 or _count(phrase):
            return [phrase]
        parts = [(w, tag) for w, tag in _cutter()[1].cut(phrase)]
        return (
            []
            if any(w in _NEGATIONS for w, _ in parts)
            else [w for w, tag in parts if len(w) > 1 and tag[0] in _CONTENT]
        )
    own = all(in_script(c, script) for c in phrase if c.isalpha())
    return [phrase] if own and _WORD.fullmatch(phrase) else []


def own_words(membership: np.ndarray, contrast: np.ndarray | None = None) -> np.ndarray:
    """Membership without the words of several sets: the one rule behind centroids, selection and vectors.

    Parameters
    ----------
    membership : bool array [n_words, E]
    contrast : bool array [E], optional
        Emotions that the others are told apart from (resources/emotions.tsv). A word of one contrast emotion stays its
        own whatever emotions outside the contrast name it too, and leaves theirs: an added emotion takes no word from
        the others.

    Returns
    -------
    bool array [n_words, E]
        At most one emotion a word.
    """
    membership = np.asarray(membership)
    inside = np.ones(membership.shape[1], bool) if contrast is None else np.asarray(contrast, bool)
    in_contrast = membership[:, inside].sum(1)
    out = membership.copy()
    out[:, inside] &= (in_contrast == 1)[:, None]
    out[:, ~inside] &= ((in_contrast == 0) & (membership.sum(1) == 1))[:, None]
    return out


def own_sets(sets: Mapping[str, Sequence[str]], contrast: Collection[str] | None = None) -> dict[str, list[str]]:
    """Concept-sets without the words of several of them, by `own_words`; words keep their order.

    Examples
    --------
    >>> own_sets({"joy": ["glad", "tears"], "grief": ["tears", "loss"]})
    {'joy': ['glad'], 'grief': ['loss']}
    >>> own_sets({"joy": ["glad", "tears"], "grief": ["tears", "loss"]}, contrast=["joy"])
    {'joy': ['glad', 'tears'], 'grief': ['loss']}
    """
    words = list(dict.fromkeys(w for own in sets.values() for w in own))
    inside = None if contrast is None else np.array([e in contrast for e in sets])
    member = own_words(
        np.array([[w in own for own in map(set, sets.values())] for w in words], bool).reshape(len(words), len(sets)),
        inside,
    )
    kept = {e: {w for w, m in zip(words, member[:, j], strict=True) if m} for j, e in enumerate(sets)}
    return {e: [w for w in own if w in kept[e]] for e, own in sets.items()}


def require_own(
    sets: Mapping[str, Sequence[str]], where: str, contrast: Collection[str] | None = None, at_least: int = 2
) -> None:
    """Say which emotions keep too few words once those of several sets have left.

    Raises
    ------
    ValueError
        Naming all of them, with how many words each has and keeps.
    """
    own = own_sets(sets, contrast)
    if few := [e for e in sets if len(own[e]) < at_least]:
        raise ValueError(
            f"{where}: {len(few)} emotions have fewer than {at_least} words that stand in no other emotion's set:"
            f" {', '.join(f'{e} ({len(own[e])} of {len(sets[e])})' for e in few)}. Words of several sets enter no claim"
            " (docs/concepts.md). "
            + (
                "Steering makes a vector of half of them, which needs two; without it 2 are enough. "
                if at_least > 2
                else ""
            )
            + "Give these emotions words of their own, or study the others alone (config.yaml, key emotions:"
            f" [{', '.join(e for e in sets if e not in few)}])"
        )


def check_sets(frame: pd.DataFrame, emotions: Sequence[str], source: str, language: str) -> None:
    """Say which emotions a source has too few words for.

    Parameters
    ----------
    frame : DataFrame
        ``emotion, word``.
    emotions : sequence of str
    source, language : str
        For messages.

    Raises
    ------
    ValueError
        Naming all of them and the emotions that remain.
    """
    sizes = frame["emotion"].value_counts()
    if lacking := [e for e in emotions if sizes.get(e, 0) < 2]:
        left = [e for e in emotions if e not in lacking]
        has_strength = "strength" in frame and frame["strength"].notna().any()
        raise ValueError(
            f"concept-sets from {source}, language {language}: {len(lacking)} emotions have fewer than 2"
            f" words: {', '.join(f'{e} ({sizes.get(e, 0)})' for e in lacking)}. Lower concept_sets.min_strength, add"
            f" cues or categories ({'resources/cues' if has_strength else 'resources/categories'}),"
            f" or study the others alone (config.yaml, key emotions: [{', '.join(left)}])"
        )


def log_sets(frame: pd.DataFrame) -> None:
    """Log sizes and overlap of concept-sets."""
    sizes = frame["emotion"].value_counts()
    shared = frame["word"].value_counts()
    LOG.info(
        "%d words in %d sets of %d to %d; %d in more than one (%.1f %%), which enter no claim: %s",
        len(shared),
        len(sizes),
        sizes.min(),
        sizes.max(),
        int((shared > 1).sum()),
        100 * (shared > 1).mean(),
        ", ".join(sorted(shared.index[shared > 1])) or "-",
    )


def shuffle_membership(membership: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Give every concept word another concept word's sets: sizes and overlaps stay (negative control)."""
    membership = np.asarray(membership)
    out = np.zeros_like(membership)
    rows = np.flatnonzero(membership.any(1))
    out[rows] = membership[rng.permutation(rows)]
    return out


def permute_words(frame: pd.DataFrame, emotions: Sequence[str], rng: np.random.Generator) -> pd.DataFrame:
    """The negative control: every word gets the membership of another one (`shuffle_membership`).

    Parameters
    ----------
    frame : DataFrame
        ``emotion, word, source`` and what is known of a word in its set; that is unknown afterwards.
    emotions : sequence of str
    rng : Generator
    """
    words = frame["word"].drop_duplicates().tolist()
    sets = [set(frame["word"][frame["emotion"] == e]) for e in emotions]
    membership = shuffle_membership(np.array([[w in s for s in sets] for w in words]), rng)
    rows = [(e, w) for j, e in enumerate(emotions) for w, own in zip(words, membership, strict=True) if own[j]]
    return (
        pd.DataFrame(rows, columns=["emotion", "word"])
        .assign(source=frame["source"].iloc[0])
        .reindex(columns=frame.columns)
    )


def describe_words(
    sets: pd.DataFrame,
    pieces: Mapping[str, Sequence[str]],
    broken: Mapping[str, float],
    properties: pd.DataFrame,
    rated: Sequence[str],
) -> pd.DataFrame:
    """What is known of every concept word.

    Parameters
    ----------
    sets : DataFrame
        ``emotion, word, source, strength``.
    pieces : mapping of word -> its tokens in one model
    broken : mapping of word -> share of its tokens that are unknown or single bytes
    properties : DataFrame
        Of `matching.word_properties`.
    rated : sequence of str
        Words of the norms.

    Returns
    -------
    DataFrame
        ``emotion, word, source, strength, n_sets, n_tokens, broken_share, in_norms, log10_count, concreteness``, NaN
        where unknown.
    """
    known = set(rated)
    return sets[["emotion", "word", "source", "strength"]].assign(
        n_sets=sets["word"].map(sets["word"].value_counts()),
        n_tokens=[len(pieces[w]) for w in sets["word"]],
        broken_share=[broken[w] for w in sets["word"]],
        in_norms=sets["word"].isin(known),
        **{
            c: properties[c].reindex(sets["word"]).to_numpy() if c in properties else np.nan
            for c in ("log10_count", "concreteness")
        },
    )
