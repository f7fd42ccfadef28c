"""What is known of words apart from affect: frequency in film subtitles, concreteness."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.human import published
from shared_affect.human.norms import to_common
from shared_affect.words.segmentation import normal


def _frequencies(path: str | Path, table: pd.DataFrame, columns: Mapping[str, tuple[str, float, bool]]) -> pd.DataFrame:
    found = {
        name: published.numbers(path, table, source, low, np.inf, label="Word", whole=whole)
        for name, (source, low, whole) in columns.items()
    }
    frame = pd.DataFrame({"word": published.mend_spreadsheet(table["Word"].to_numpy(object))} | found).assign(
        line=table["line"]
    )
    return published.unique(path, frame, ["word"], ["count"]).drop(columns="line")


def read_subtlex_us(path: str | Path) -> pd.DataFrame:
    """English word frequencies of Brysbaert & New (2009, Behavior Research Methods 41:977): 74,286 words, 51 million
    tokens.

    Parameters
    ----------
    path : path
        ``SUBTLEXus74286wordstextversion.txt``: tab, ``Word, FREQcount, SUBTLWF, Lg10WF, SUBTLCD``. A last line of
        underscores, which the file ends in, is left out.

    Returns
    -------
    DataFrame
        ``word, count, per_million, log10_count`` (log10 of count + 1), ``films_percent`` (of films that use the word).

    Raises
    ------
    ValueError
        Anything that `published` refuses.
    """
    table = published.read_table(path, ["Word", "FREQcount", "SUBTLWF", "Lg10WF", "SUBTLCD"], quoted=False, note="____")
    return _frequencies(
        path,
        table,
        {
            "count": ("FREQcount", 1, True),
            "per_million": ("SUBTLWF", 0, False),
            "log10_count": ("Lg10WF", 0, False),
            "films_percent": ("SUBTLCD", 0, False),
        },
    )


def read_subtlex_ch(path: str | Path) -> pd.DataFrame:
    """Chinese word frequencies of Cai & Brysbaert (2010, PLoS ONE 5:e10729): 99,121 words, simplified.

    Parameters
    ----------
    path : path
        ``SUBTLEX-CH-WF.xlsx``: ``Word, WCount, W/million, logW, W-CD%``; the header may follow two lines on the corpus.

    Returns
    -------
    DataFrame
        ``word, count, per_million, log10_count`` (log10 of count), ``films_percent``.

    Raises
    ------
    ValueError
        Anything that `published` refuses.
    """
    table = published.read_workbook(path, ["Word", "WCount", "W/million", "logW", "W-CD%"], header_within=3)
    return _frequencies(
        path,
        table,
        {
            "count": ("WCount", 1, True),
            "per_million": ("W/million", 0, False),
            "log10_count": ("logW", 0, False),
            "films_percent": ("W-CD%", 0, False),
        },
    )


def read_concreteness(path: str | Path) -> pd.DataFrame:
    """English concreteness of Brysbaert, Warriner & Kuperman (2014, Behavior Research Methods 46:904): 39,954 words and
    two-word phrases.

    Parameters
    ----------
    path : path
        ``Concreteness_ratings_Brysbaert_et_al_BRM.txt``: tab, ``Word, Bigram, Conc.M`` (1-5)``, Conc.SD, Unknown,
        Total``.

    Returns
    -------
    DataFrame
        ``word, concreteness`` (-1..1), ``concreteness_sd`` (same unit), ``concreteness_n`` (raters who know the word),
        ``concreteness_1to5, concreteness_sd_1to5, percent_known`` (0..100), ``two_words`` (bool).

    Raises
    ------
    ValueError
        Anything that `published` refuses.
    """
    table = published.read_table(path, ["Word", "Bigram", "Conc.M", "Conc.SD", "Unknown", "Total"], quoted=False)
    published.choices(path, table, "Bigram", ("0", "1"))
    table["Word"] = published.words(path, table, "Word", "latin")
    table = published.unique(path, table, ["Word"], ["Conc.M", "Conc.SD"])
    mean, sd = (
        published.numbers(path, table, "Conc.M", 1, 5, label="Word"),
        published.numbers(path, table, "Conc.SD", 0, 4, label="Word"),
    )
    total, unknown = (
        published.numbers(path, table, c, low, np.inf, label="Word", whole=True)
        for c, low in (("Total", 1), ("Unknown", 0))
    )
    if (bad := unknown >= total).any():
        k = int(np.argmax(bad))
        raise ValueError(
            f"{path}, line {table['line'].iloc[k]}: Unknown of {table['Word'].iloc[k]!r} is {unknown[k]:g} of"
            f" {total[k]:g}; expected fewer than Total"
        )
    return pd.DataFrame(
        {
            "word": published.mend_spreadsheet(table["Word"].to_numpy(object)),
            "concreteness": to_common(mean, 1, 5),
            "concreteness_sd": sd / 2,
            "concreteness_n": total - unknown,
            "concreteness_1to5": mean,
            "concreteness_sd_1to5": sd,
            "percent_known": 100 * (total - unknown) / total,
            "two_words": table["Bigram"] == "1",
        }
    )


def count_words(text: str, words: Sequence[str]) -> list[int]:
    """How often words stand in a text, without case: a Latin word as a whole word, any other as a run of its
    characters.
    """
    text = normal(text)
    latin = Counter(re.findall(r"[a-z]+", text))
    found = [normal(w) for w in words]
    return [latin[w] if re.fullmatch("[a-z]+", w) else text.count(w) for w in found]


def word_covariates(
    words: Sequence[str], described: pd.DataFrame, corpus: str | None = None, *, gaps: bool = False
) -> pd.DataFrame:
    """What is known of concept words apart from emotion, one row a word in the order given.

    Parameters
    ----------
    words : sequence of str
    described : DataFrame ``word, n_tokens, log10_count``
        Of `concepts.describe_words`; a word of several emotions may stand there several times.
    corpus : str, optional
        Text that the models were trained on, to count words in where no frequencies were given.
    gaps : bool
        Frequencies that are known of some words alone are given all the same, NaN for the others.

    Returns
    -------
    DataFrame
        Index: words. ``length`` (characters), ``n_tokens``, and ``log10_count`` (of count + 1) where frequencies are
        known or counted.

    Raises
    ------
    ValueError
        If a word is not described.
    """
    table = described.drop_duplicates("word").set_index("word")
    if missing := [w for w in words if w not in table.index]:
        raise ValueError(
            f"concept word {missing[0]!r} is not described ({len(missing)} missing); match the control words again"
        )
    own = table.loc[list(words)]
    frame = pd.DataFrame(
        {"length": [len(w) for w in words], "n_tokens": own["n_tokens"].to_numpy(float)},
        index=pd.Index(list(words), name="word"),
        dtype=float,
    )
    counts = own["log10_count"].to_numpy(float)
    if np.isfinite(counts).all():
        frame["log10_count"] = counts
    elif corpus is not None:
        frame["log10_count"] = np.log10(np.array(count_words(corpus, words)) + 1)
    elif gaps and np.isfinite(counts).any():
        frame["log10_count"] = counts
    return frame
