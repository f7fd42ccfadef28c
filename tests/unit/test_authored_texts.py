"""Texts of the project's own: enough of them, each once, and none of the affect-free ones with a word of an emotion."""

import csv

import pytest

from shared_affect.base.reading import read_lines
from shared_affect.words.lemma_families import family_links
from shared_affect.words.segmentation import Segmenter, normal

LENGTHS = {"en": (20, 130), "zh": (7, 45)}
"""Characters of a sentence, least and most."""

OTHER_WORDS = {("long", "longing")}
"""A word of the texts and one of an emotion that share a stem and no meaning: of length, not of desire."""


@pytest.fixture(scope="module")
def tables(root):
    """Words of emotions by language, and its rule for families."""
    found = {}
    with (root / "config/languages.tsv").open(encoding="utf-8", newline="") as f:
        rules = {r["language"]: r["lemma_rule"] for r in csv.DictReader(f, delimiter="\t")}
    for language in LENGTHS:
        with (root / f"resources/concepts/{language}.tsv").open(encoding="utf-8", newline="") as f:
            words = dict.fromkeys(normal(r["word"]) for r in csv.DictReader(f, delimiter="\t"))
        found[language] = (list(words), rules[language])
    return found


def lines(root, kind, language):
    return read_lines(root / f"resources/texts/{kind}_{language}.txt")


@pytest.mark.parametrize("language", LENGTHS)
def test_there_are_enough_and_each_stands_once(root, language):
    of = {kind: lines(root, kind, language) for kind in ("fidelity", "neutral")}
    for kind, found in of.items():
        assert len(found) >= 400, kind
        bare = ["".join(c for c in normal(x) if c.isalnum()) for x in found]
        assert len(set(bare)) == len(bare), kind
        least, most = LENGTHS[language]
        assert not [x for x in found if not least <= len(x) <= most], kind
    assert not set(of["fidelity"]) & set(of["neutral"])


@pytest.mark.parametrize("language", LENGTHS)
def test_no_affect_free_text_holds_a_word_of_an_emotion_or_of_its_family(root, tables, language):
    words, rule = tables[language]
    segment = Segmenter(language, words)
    cut = {x: list(dict.fromkeys(segment(x))) for x in lines(root, "neutral", language)}
    others = [t for t in dict.fromkeys(t for tokens in cut.values() for t in tokens) if t not in set(words)]
    every = [*words, *others]
    kin = {w: w for w in words}
    for i, j in family_links(every, rule):
        for a, b in ((i, j), (j, i)):
            if a < len(words) <= b:
                kin[every[b]] = every[a]
    hits = [(x, t, kin[t]) for x, tokens in cut.items() for t in tokens if t in kin and (t, kin[t]) not in OTHER_WORDS]
    hits += [(x, w, w) for x in cut for w in words if len(segment(w)) > 1 and w in normal(x)]
    assert not hits
