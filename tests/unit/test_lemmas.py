"""Words that no fold may part: families by stem and headword, closed together with translations."""

from collections import Counter

import numpy as np
import pandas as pd
import pytest
import yaml

from shared_affect.ratings.folds import paired_folds
from shared_affect.words.lemma_families import (
    RULES,
    add_dictionaries,
    family_links,
    headword_links,
    read_translations,
    undouble,
    word_groups,
)

BOTH = {"en": "snowball-english", "zh": "shared-headword"}
NO_PAIRS = pd.DataFrame({"pair": [], "en": [], "zh": []}, dtype=str)


def closed(names, related):
    """Families by repeated merging, the slow way."""
    sets = [{n} for n in names]
    while True:
        for a in sets:
            other = next((b for b in sets if b is not a and any(related(x, y) for x in a for y in b)), None)
            if other is not None:
                sets.remove(a)
                sets.remove(other)
                sets.append(a | other)
                break
        else:
            return {frozenset(s) for s in sets}


def as_sets(groups, words):
    found = {}
    for k, names in groups.items():
        for g, w in zip(names, words[k], strict=True):
            found.setdefault(g, set()).add((k, w))
    return {frozenset(s) for s in found.values()}


STEMS = {  # from the sample vocabulary of the English (Porter2) stemmer, snowballstem.org
    "consign": "consign consigned consigning consignment",
    "consist": "consist consisted consistency consistent consistently consisting consists",
    "knight": "knight knightly knights",
    "knock": "knock knocked knocker knocking",
    "consolation": "consolation consolations",
    "console": "console consoled consoles",
}


def test_english_families_are_those_of_the_published_sample():
    words = " ".join(STEMS.values()).split()
    groups = word_groups({"en": words}, BOTH, NO_PAIRS)
    of = dict(zip(words, groups["en"].tolist(), strict=True))
    assert (
        of["consigned"] == of["consignment"] == "en consign"
        and of["consistently"] == of["consists"]
        and of["knightly"] == of["knights"]
        and of["knocked"] == of["knocking"]
    )
    assert of["knocker"] != of["knock"] and of["consolation"] == of["consolations"]
    assert len({of[w] for w in ("consign", "consist", "knight", "knock", "consolation")}) == 5


@pytest.mark.parametrize(
    ("word", "simple"),
    [
        ("高高兴兴", "高兴"),
        ("研究研究", "研究"),
        ("妈妈", "妈妈"),
        ("乐呵呵", "乐呵呵"),
        ("得意洋洋", "得意洋洋"),
        ("好好先生", "好好先生"),
        ("", ""),
    ],
)
def test_reduplication_is_undone(word, simple):
    assert undouble(word) == simple


@pytest.mark.parametrize(
    ("a", "b", "family"),
    [
        ("好奇", "好奇心", True),
        ("赞成", "不赞成", True),
        ("高兴", "高高兴兴", True),
        ("不安", "坐立不安", True),
        ("开开心心", "开心果", True),
        ("好奇心", "好奇", True),
        ("爱", "爱情", False),
        ("开心", "关心", False),
        ("安静", "平静", False),
        ("立不", "坐立不安", False),
        ("快乐", "快乐", True),
    ],
)
def test_a_shared_headword_opens_or_closes_the_other_word(a, b, family):
    words = [a, b] if a != b else [a, b + b]
    groups = word_groups({"zh": words}, BOTH, NO_PAIRS)["zh"]
    assert (groups[0] == groups[1]) == family


def share_headword(a, b):
    a, b = sorted((undouble(a), undouble(b)), key=len)
    return a == b or (len(a) > 1 and len(b) > len(a) and (b.startswith(a) or b.endswith(a)))


def test_groups_are_the_closure_against_a_naive_loop():
    """Words from few letters, so that families, pairs and chains of both meet at random."""
    from nltk.stem.snowball import SnowballStemmer

    stem = SnowballStemmer("english").stem
    for seed in range(25):
        rng = np.random.default_rng(seed)
        bases = ["kiss", "walk", "stone", "play", "cheer", "hope"]
        words = {
            "en": sorted({rng.choice(bases) + rng.choice(["", "s", "ed", "ing", "er"]) for _ in range(12)}),
            "zh": sorted({"".join(rng.choice(list("天地人心"), rng.integers(1, 5))) for _ in range(12)}),
        }
        pairs = {(rng.choice(words["en"]), rng.choice(words["zh"])) for _ in range(4)} | {
            ("absent", words["zh"][0]),
            (words["en"][0], ""),
        }
        table = pd.DataFrame([(f"p{i}", *p) for i, p in enumerate(sorted(pairs))], columns=["pair", "en", "zh"])

        def related(x, y, pairs=pairs):
            (k, a), (m, b) = sorted((x, y))
            return (
                stem(a) == stem(b)
                if (k, m) == ("en", "en")
                else share_headword(a, b)
                if (k, m) == ("zh", "zh")
                else (a, b) in pairs
            )

        groups = word_groups(words, BOTH, table)
        assert as_sets(groups, words) == closed([(k, w) for k in words for w in words[k]], related), seed
        # the order of rows, words and languages does not matter
        other = {k: words[k][::-1] for k in ("zh", "en")}
        assert as_sets(word_groups(other, BOTH, table[::-1]), other) == as_sets(groups, words)


def test_no_family_and_no_pair_stands_in_two_folds(root):
    translations = read_translations(root / "resources/translations.tsv", ["en", "zh"])
    words = {k: [w for w in dict.fromkeys(translations[k]) if w] for k in ("en", "zh")}
    groups = word_groups(words, BOTH, translations)
    fold = paired_folds(groups, 10, np.random.default_rng(0))
    of = {(k, w): int(f) for k in words for w, f in zip(words[k], fold[k], strict=True)}
    assert all(of["en", r.en] == of["zh", r.zh] for r in translations.itertuples())
    for k, rule in BOTH.items():
        links = family_links(words[k], rule)
        assert len(links) >= 10 and all(of[k, words[k][i]] == of[k, words[k][j]] for i, j in links)
    # chains do not eat the table: folds of about equal size can be cut
    sizes = Counter(np.concatenate(list(groups.values())).tolist())
    load = Counter(of.values())
    assert max(sizes.values()) <= 20 and max(load.values()) - min(load.values()) <= 2


def test_the_committed_pairs_cover_every_concept_control_and_planted_word(root):
    translations = read_translations(root / "resources/translations.tsv", ["en", "zh"])
    for k in ("en", "zh"):
        for folder in ("concepts", "families"):
            table = pd.read_csv(root / f"resources/{folder}/{k}.tsv", sep="\t", dtype=str, keep_default_na=False)
            assert set(table["word"]) <= set(translations[k]), (folder, k)
    ordinary = pd.read_csv(root / "resources/planted/ordinary.tsv", sep="\t", dtype=str)
    pd.testing.assert_frame_equal(
        translations[: len(ordinary)], ordinary[["pair", "en", "zh"]].astype(translations.dtypes)
    )
    assert translations[["en", "zh"]].ne("").all(axis=None)
    assert all(w.isascii() and w.isalpha() and w.islower() for w in translations["en"]) and all(
        "一" <= c <= "鿿" for w in translations["zh"] for c in w
    )


def test_a_third_language_may_have_gaps_or_no_column(tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("pair\ten\tzh\tde\na\tjoy\t快乐\tFreude\nb\tfear\t\tAngst\nc\tcalm\t平静\t\n", encoding="utf-8")
    table = read_translations(path, ["de", "zh", "fr"])
    assert (
        list(table) == ["pair", "de", "zh", "fr"]
        and table["fr"].eq("").all()
        and table["de"].tolist() == ["Freude", "Angst", ""]
    )
    words = {"de": ["Freude", "Freuden", "Angst"], "zh": ["快乐", "平静"], "fr": ["joie"]}
    groups = word_groups(words, {"de": "snowball-german", "zh": "shared-headword", "fr": "none"}, table)
    assert as_sets(groups, words) == {
        frozenset({("de", "Freude"), ("de", "Freuden"), ("zh", "快乐")}),
        frozenset({("de", "Angst")}),
        frozenset({("zh", "平静")}),
        frozenset({("fr", "joie")}),
    }


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("en\tzh\njoy\t快乐\n", "'pair' is missing"),
        ("pair\ten\tzh\na\tjoy\t快乐\na\tfear\t恐惧\n", "line 3: pair 'a' stands in line 2 too"),
        ("pair\ten\tzh\na\tjoy\t快乐\nb\tjoy\t快乐\n", "line 3: en, zh = joy 快乐 stands twice"),
        ("pair\ten\tzh\na\tjoy \t快乐\n", "line 2: en is 'joy '"),
    ],
)
def test_bad_pairs_are_named(tmp_path, text, message):
    path = tmp_path / "t.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_translations(path, ["en", "zh"])


def test_bad_rules_and_words_are_named():
    with pytest.raises(ValueError, match=r"'porter'; allowed: none, shared-headword.*config/languages.tsv"):
        family_links(["a"], "porter")
    with pytest.raises(ValueError, match=r"2 words of 'en', 1 distinct"):
        word_groups({"en": ["a", "a"]}, BOTH, NO_PAIRS)
    with pytest.raises(ValueError, match=r"'fr' has no lemma rule; known: en, zh"):
        word_groups({"fr": ["a"]}, BOTH, NO_PAIRS)
    assert family_links(["kiss", "kissed"], "none") == [] and headword_links([]) == []


def test_every_rule_stands_in_the_schema_and_works(root):
    schema = yaml.safe_load((root / "workflow/schemas/languages.yaml").read_text(encoding="utf-8"))
    assert schema["properties"]["lemma_rule"]["enum"] == list(RULES)
    for rule in RULES:
        assert family_links(["aaaa", "bbbb"], rule) == []


def test_one_language_of_the_committed_pairs_is_read_though_its_words_repeat(root):
    table = read_translations(root / "resources/translations.tsv", ["en"])
    assert list(table) == ["pair", "en"] and table["en"].duplicated().any()


def test_pairs_of_a_dictionary_are_added_once(root, tmp_path):
    path = tmp_path / "t.tsv"
    path.write_text("pair\ten\tzh\na\tjoy\t快乐\n", encoding="utf-8")
    dictionary = pd.DataFrame(
        {
            "word": ["快乐", "快乐", "害怕", "害怕"],
            "traditional": "x",
            "translation_en": ["joy", "happy", "fear", "fear"],
        }
    )
    table = add_dictionaries(read_translations(path, ["de", "en", "zh"]), {"zh": dictionary})
    assert list(table) == ["pair", "de", "en", "zh"] and (table["de"] == "").all()  # English glosses are no German
    assert (
        table[["en", "zh"]].values.tolist() == [["joy", "快乐"], ["happy", "快乐"], ["fear", "害怕"]]
        and table["pair"].is_unique
    )
    words = {"en": ["joy", "happy", "fear"], "zh": ["快乐", "害怕"]}
    groups = word_groups(words, {"en": "none", "zh": "none"}, table)
    assert len({*groups["en"][:2], groups["zh"][0]}) == 1 and groups["en"][2] == groups["zh"][1] != groups["en"][0]
    alone = read_translations(path, ["en"])
    assert add_dictionaries(alone, {"zh": dictionary}).equals(alone)
