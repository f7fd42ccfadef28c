"""Lexicons: words under named emotions, and a dictionary."""

from __future__ import annotations

import re
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.reading import numbered_lines
from shared_affect.human import published

DUTIR_CATEGORIES = {
    "PA": "joy",
    "PE": "ease",
    "PD": "respect",
    "PH": "praise",
    "PG": "trust",
    "PB": "love",
    "PK": "wish",
    "NA": "anger",
    "NB": "sadness",
    "NJ": "disappointment",
    "NH": "guilt",
    "PF": "longing",
    "NI": "panic",
    "NC": "fear",
    "NG": "shame",
    "NE": "vexation",
    "ND": "hatred",
    "NN": "blame",
    "NK": "envy",
    "NL": "doubt",
    "PC": "surprise",
}
"""Codes of the ontology and English names of ours for them."""

DUTIR_POLARITY = {"0": "neutral", "1": "positive", "2": "negative", "3": "both"}
DUTIR_STRAYS = {"second": ("已经不被使用", "5"), "polarity": ("7",)}
"""What stands by mistake in the published workbook, once each; read as unknown."""


def read_hierarchy(path: str | Path) -> pd.DataFrame:
    """Categories of WordNet-Affect and what they are a kind of.

    Parameters
    ----------
    path : path
        ``a-hierarchy.xml``: elements ``categ`` with ``name`` and ``isa``.

    Returns
    -------
    DataFrame
        ``category, parent, path``: one row a category and parent (a few have two); `path` runs from ``root`` down,
        joined by ``/``, by first parents. "sympathy" is named as a parent but is no entry: its children's path begins
        with it.

    Raises
    ------
    ValueError
        No XML, an entry without a name, or a category that is its own ancestor.
    """
    text = published.read_text(path)
    try:
        entries = [(e.get("name") or "", e.get("isa") or "") for e in ElementTree.fromstring(text).iter("categ")]
    except ElementTree.ParseError as error:
        raise ValueError(f"{path}: {error}; expected XML with elements categ (name, isa)") from None
    if not entries or not all(name for name, _ in entries):
        raise ValueError(
            f"{path}: {len(entries)} categories, {sum(not name for name, _ in entries)} without a name; expected"
            " elements categ (name, isa)"
        )
    entries = list(dict.fromkeys(entries))
    parent: dict[str, str] = {}
    for name, above in entries:
        parent.setdefault(name, above)

    def line_of(name: str) -> str:
        line, above = [name], parent[name]
        while above:
            if above in line:
                raise ValueError(f"{path}: category {above!r} is its own ancestor; expected a hierarchy")
            line.append(above)
            above = parent.get(above, "")
        return "/".join(reversed(line))

    return pd.DataFrame(
        [(name, above, line_of(name)) for name, above in entries], columns=["category", "parent", "path"]
    )


def read_wordnet_affect(terms: str | Path, hierarchy: str | Path) -> pd.DataFrame:
    """English terms of WordNet-Affect 1.1 (Strapparava & Valitutti 2004, LREC) in 28 categories, with their place in
    its hierarchy.

    Parameters
    ----------
    terms : path
        ``wnaffect.tsv``: tab, ``term, pos, category, emotion``.
    hierarchy : path
        ``a-hierarchy.xml``.

    Returns
    -------
    DataFrame
        ``word, pos, category`` (lower case), ``valence_class`` (positive, negative, neutral, ambiguous), ``path``.
        1,641 rows; a word may stand under several categories. The terms' categories are upper ones ("dislike" holds
        anger, hate and disgust, as ``general-dislike`` does in the hierarchy): a category is looked up as
        ``general-{category}``, ``{valence_class}-{category}``, itself and ``self-{category}``, in this order.

    Raises
    ------
    ValueError
        Anything that `published` refuses, or a category that the hierarchy lacks.
    """
    table = published.read_table(terms, ["term", "pos", "category", "emotion"], quoted=False)
    published.choices(terms, table, "pos", ("NOUN", "ADJ", "VERB", "ADV"))
    published.choices(terms, table, "emotion", ("Positive", "Negative", "Neutral", "Ambiguous"))
    known = read_hierarchy(hierarchy).drop_duplicates("category").set_index("category")["path"]
    paths = []
    for category, valence, line in zip(table["category"].str.lower(), table["emotion"].str.lower(), table["line"]):
        # "dislike" is a narrower category of the hierarchy too; the terms' one holds anger and hate
        tried = [f"general-{category}", f"{valence}-{category}", category, f"self-{category}"]
        found = [t for t in tried if t in known]
        if not found:
            raise ValueError(
                f"{terms}, line {line}: category {category!r} ({valence}) is not in {Path(hierarchy).name}; expected"
                f" one of {', '.join(tried)}"
            )
        paths.append(known[found[0]])
    frame = pd.DataFrame(
        {
            "word": published.words(terms, table, "term", "latin"),
            "pos": table["pos"].str.lower(),
            "category": table["category"].str.lower(),
            "valence_class": table["emotion"].str.lower(),
            "path": paths,
        }
    )
    return frame


def read_dutir(path: str | Path) -> pd.DataFrame:
    """Chinese affective lexicon ontology of Xu Linhong et al. (2008): 27,466 rows, 21 categories, simplified
    characters.

    Parameters
    ----------
    path : path
        The workbook; columns ``词语, 词性种类, 词义数, 词义序号, 情感分类, 强度, 极性, 辅助情感分类``.

    Returns
    -------
    DataFrame
        ``word, pos, sense`` (NaN where not given), ``code`` (e.g. ``NA``), ``category`` (our English name),
        ``intensity`` (0..9 as published; the authors' levels are 1, 3, 5, 7, 9), ``polarity`` (neutral, positive,
        negative, both, or empty), ``second_code``. A word may have several rows: senses, and the workbook's own
        repetitions. Spaces around words are taken off.

    Raises
    ------
    ValueError
        Anything that `published` refuses; an unknown category or polarity other than the known strays of the published
        file.
    """
    word, pos, sense, code, intensity, polarity, second = columns = [
        "词语",
        "词性种类",
        "词义序号",
        "情感分类",
        "强度",
        "极性",
        "辅助情感分类",
    ]
    table = published.read_workbook(path, columns)
    for column, key in ((second, "second"), (polarity, "polarity")):
        stray = table[column].isin(DUTIR_STRAYS[key])
        for line, found in zip(table["line"][stray], table[column][stray]):
            LOG.info("%s, row %d: %s is %r, a known misprint, read as unknown", path, line, column, found)
        table.loc[stray, column] = ""
    published.choices(path, table, code, DUTIR_CATEGORIES)
    published.choices(path, table, second, (*DUTIR_CATEGORIES, ""))
    published.choices(path, table, polarity, (*DUTIR_POLARITY, ""))
    if (empty := table[word] == "").any():
        raise ValueError(f"{path}, row {table['line'][empty].iloc[0]}: {word} is empty; expected a word")
    return pd.DataFrame(
        {
            "word": table[word],
            "pos": table[pos],
            "sense": published.numbers(path, table, sense, 1, np.inf, label=word, whole=True, missing=True),
            "code": table[code],
            "category": table[code].map(DUTIR_CATEGORIES),
            "intensity": published.numbers(path, table, intensity, 0, 9, label=word, whole=True),
            "polarity": table[polarity].map(DUTIR_POLARITY).fillna(""),
            "second_code": table[second],
        }
    )


_ENTRY = re.compile(r"(\S+) (\S+) \[([^\]]*)\] /(.+)/")


def read_cedict(path: str | Path) -> pd.DataFrame:
    """Chinese-English dictionary CC-CEDICT.

    Parameters
    ----------
    path : path
        ``cedict_ts.u8``: lines ``traditional simplified [pinyin] /gloss/gloss/``, comments begin with ``#``.

    Returns
    -------
    DataFrame
        ``word`` (simplified, Chinese characters only), ``traditional``, ``pinyin``, ``translation_en``: the first gloss
        if it is one English word, an article or "to" before it and remarks in brackets taken off; other entries are
        left out. A word has a row for each entry.

    Raises
    ------
    ValueError
        Anything that `published` refuses, or a line of another form.
    """
    rows = []
    for line, text in numbered_lines(path):
        if text.startswith("#"):
            continue
        if (found := _ENTRY.fullmatch(text)) is None:
            raise ValueError(
                f"{path}, line {line}: {text[:60]!r}; expected: traditional simplified [pinyin] /gloss/gloss/"
            )
        traditional, word, pinyin, glosses = found.groups()
        gloss = re.sub(r"\([^)]*\)", "", glosses.split("/")[0]).strip()
        gloss = re.sub(r"^(?:to|a|an|the) ", "", gloss)
        if re.fullmatch(r"[A-Za-z]+(?:-[A-Za-z]+)*", gloss) and re.fullmatch(r"[\u3400-\u9fff]+", word):
            rows.append((word, traditional, pinyin, gloss))
    if not rows:
        raise ValueError(f"{path}: no entry has one English word as its first gloss; expected the dictionary CC-CEDICT")
    return pd.DataFrame(rows, columns=["word", "traditional", "pinyin", "translation_en"])
