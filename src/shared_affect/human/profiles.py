"""Profiles of words: how much of each of several emotions people find in a word, group by group of people.

A profile is no judgement of how alike two emotions are. Two words are as far apart as their profiles
(`shared_affect.spaces.profiles`), and what is compared with that stands in tables of its own.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.reading import LINE, read_written
from shared_affect.human import published

COLUMNS = ["word", "group", "scale", "rating_1to5"]
"""Of a profile in standard form: one row a word, group of raters and scale; a rating that is lacking has no row."""

MIN_EMOTIONS = 4
"""Each is left out once for an interval, and three have three pairs."""

SONG_SCALES = tuple("happiness anger sadness fear disgust anxiety surprise contentment amusement serenity".split())
SONG_GROUPS = {"FEMALE": "women", "MALE": "men"}


def read_song2026(path: str | Path) -> pd.DataFrame:
    """Chinese words rated on ten emotions by women and by men (Song 2026), as far as NoRaRe links them to concepts.

    Parameters
    ----------
    path : path
        ``Song-2026-Emotions.tsv``: tab, ``CHINESE`` (simplified) and ``CHINESE_{SCALE}_MEAN_{FEMALE,MALE}``, 1 (not at
        all) to 5. Men's ratings are lacking for 253 words on amusement, 64 on anxiety, 24 on fear, 4 on surprise.

    Returns
    -------
    DataFrame
        `COLUMNS`; groups ``women`` and ``men``; ratings 1 (not at all) to 5. 747 words.

    Raises
    ------
    ValueError
        Missing column, a rating out of 1..5 or lacking on every scale of a group, a word that stands twice with
        different ratings.
    """
    ratings = {
        f"CHINESE_{scale.upper()}_MEAN_{code}": (group, scale)
        for scale in SONG_SCALES
        for code, group in SONG_GROUPS.items()
    }
    table = published.read_table(path, ["CHINESE", *ratings])
    table["CHINESE"] = published.words(path, table, "CHINESE", "han")
    table = published.unique(path, table, ["CHINESE"], list(ratings))
    parts = []
    for column, (group, scale) in ratings.items():
        values = published.numbers(path, table, column, 1, 5, label="CHINESE", missing=True)
        own = pd.DataFrame({"word": table["CHINESE"], "group": group, "scale": scale, "rating_1to5": values})
        if n := int(np.isnan(values).sum()):
            LOG.info("%s: %s is lacking for %d of %d words", published.place(path), column, n, len(values))
        parts.append(own.dropna())
    return pd.concat(parts, ignore_index=True)


def read_profiles(path: str | Path) -> pd.DataFrame:
    """Profiles in standard form: ``word, group, scale, rating_1to5`` (1 = not at all).

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses; a rating outside 1..5; a word, group and scale that stand twice.
    """
    frame = pd.DataFrame(read_written(path, COLUMNS, key=COLUMNS[:3]))
    frame["rating_1to5"] = published.numbers(path, frame, "rating_1to5", 1, 5, label="word")
    return frame.drop(columns=LINE)[COLUMNS]


def read_words(path: str | Path) -> dict[str, list[str]]:
    """Words of each emotion of a committed table with columns ``emotion, word``.

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses, or a row that stands twice.
    """
    found: dict[str, list[str]] = {}
    for row in read_written(
        path,
        ["emotion", "word"],
        ["planted", "pos", "source"],
        may_be_empty=["planted", "pos", "source"],
        key=["emotion", "word"],
    ):
        found.setdefault(row["emotion"], []).append(row["word"])
    return found


def words_of_emotions(
    names: Mapping[str, Sequence[str]], sets: Mapping[str, Sequence[str]]
) -> dict[str, dict[str, list[str]]]:
    """Wording -> emotion -> words that stand for it; words of several concept-sets stand for none.

    >>> found = words_of_emotions({"joy": ["喜悦"]}, {"joy": ["喜悦", "笑"], "amusement": ["笑", "好笑"]})
    >>> found["concept-sets"]
    {'joy': ['喜悦'], 'amusement': ['好笑']}
    """
    n = Counter(w for own in sets.values() for w in set(own))
    return {
        "names": {e: list(own) for e, own in names.items()},
        "concept-sets": {e: [w for w in own if n[w] == 1] for e, own in sets.items()},
    }


def profiles_of_emotions(
    ratings: pd.DataFrame, wordings: Mapping[str, Mapping[str, Sequence[str]]], emotions: Sequence[str]
) -> pd.DataFrame:
    """The profile of each emotion that has a rated word, over the same scales for all.

    On a scale an emotion has the mean over those of its words that every group rated, so that groups are means over the
    same words. A scale on which some emotion has no such word is left out for all emotions: a distance over other
    scales is another distance.

    Parameters
    ----------
    ratings : DataFrame `COLUMNS`
    wordings : mapping of wording -> emotion -> words
    emotions : sequence of str
        Of the study; those without a rated word are left out and logged.

    Returns
    -------
    DataFrame
        ``wording, emotion, group, scale, rating, n_words``: in the order of `wordings` and `emotions`.

    Raises
    ------
    ValueError
        Fewer than two groups, fewer than `MIN_EMOTIONS` emotions, or no scale that all of them have.
    """
    groups = list(dict.fromkeys(ratings["group"]))
    if len(groups) < 2:
        raise ValueError(
            f"profiles of {len(groups)} group(s) of raters ({', '.join(groups)}); needed: 2 or more, whose agreement is"
            " the ceiling"
        )
    wide = ratings.pivot(index="word", columns=["scale", "group"], values="rating_1to5")
    parts = [_of_wording(wide, own, emotions, wording, groups) for wording, own in wordings.items()]
    return pd.concat(parts, ignore_index=True)


def _of_wording(
    wide: pd.DataFrame, words: Mapping[str, Sequence[str]], emotions: Sequence[str], wording: str, groups: list[str]
) -> pd.DataFrame:
    rated = {e: own for e in emotions if (own := [w for w in words.get(e, ()) if w in wide.index])}
    scales = list(dict.fromkeys(wide.columns.get_level_values("scale")))
    if len(rated) < MIN_EMOTIONS:
        raise ValueError(
            f"profiles by {wording}: rated words stand for {len(rated)} of the study's emotions; needed: {MIN_EMOTIONS}"
            " or more (config.yaml, keys profiles and emotions; resources/profiles)"
        )
    rows = []
    for scale in scales:
        both = wide[scale].reindex(columns=groups).dropna()
        kept = {e: [w for w in own if w in both.index] for e, own in rated.items()}
        if lacking := [e for e, own in kept.items() if not own]:
            LOG.info(
                "profiles by %s: scale %s is left out, not every group rated a word of: %s",
                wording,
                scale,
                ", ".join(lacking),
            )
            continue
        for e, own in kept.items():
            mean = both.loc[own].mean()
            rows += [(wording, e, g, scale, float(mean[g]), len(own)) for g in groups]
    if not rows:
        raise ValueError(f"profiles by {wording}: no scale on which every emotion has a rating; needed: one or more")
    LOG.info("profiles by %s: %d emotions: %s", wording, len(rated), ", ".join(rated))
    if left := [e for e in emotions if e not in rated]:
        LOG.info("profiles by %s: no rated word of: %s", wording, ", ".join(left))
    return pd.DataFrame(rows, columns=["wording", "emotion", "group", "scale", "rating", "n_words"])
