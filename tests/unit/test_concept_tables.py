"""The committed concept words: complete, disjoint as promised, and the planted rows untouched."""

import csv
import hashlib
from collections import Counter

import pytest

from shared_affect.study.inputs import read_concepts

PLANTED = {"en": "ab64ad97a0d11057", "zh": "aef2868a2440c7a5"}


def rows(path):
    with open(path, encoding="utf-8", newline="") as f:
        return list(csv.DictReader(f, delimiter="\t"))


@pytest.fixture(params=["en", "zh"])
def language(request):
    return request.param


@pytest.fixture
def concepts(root, language):
    return rows(root / f"resources/concepts/{language}.tsv")


def test_planted_rows_are_untouched(root, language, concepts):
    """The planted world is made of these rows; another word or order is another world."""
    lines = [
        line
        for line in (root / f"resources/concepts/{language}.tsv").read_text(encoding="utf-8").splitlines()
        if line.split("\t")[3] == "true"
    ]
    assert hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16] == PLANTED[language]
    assert [r["planted"] for r in concepts] == ["true"] * len(lines) + ["false"] * (len(concepts) - len(lines))


def test_every_emotion_has_its_words_and_no_word_more_than_two_sets(root, concepts):
    emotions = [r["emotion"] for r in rows(root / "resources/emotions.tsv")]
    count = Counter(r["emotion"] for r in concepts)
    assert list(count) == emotions and len(emotions) == 27
    assert all(12 <= n <= 30 for n in count.values()), count
    assert max(Counter(r["word"] for r in concepts).values()) <= 2
    assert all(len({r["word"] for r in concepts if r["emotion"] == e}) == count[e] for e in emotions)


def test_words_are_single_words_of_their_script(language, concepts):
    for r in concepts:
        word = r["word"]
        assert r["pos"] in "njv" and r["source"]
        assert (
            word.isascii() and word.isalpha() and word.islower()
            if language == "en"
            else 1 <= len(word) <= 4 and all("一" <= c <= "鿿" for c in word)
        ), word
    new = [r for r in concepts if r["planted"] == "false"]
    assert {r["pos"] for r in new} == set("njv")


def test_chinese_words_are_words_to_jieba(root):
    import jieba

    jieba.setLogLevel(60)
    words = [r["word"] for r in rows(root / "resources/concepts/zh.tsv")]
    whole = [w for w in words if len(jieba.lcut(w)) == 1]
    assert len(whole) / len(words) > 0.97


def test_control_families_hold_no_concept_word_and_no_rated_word(root, language, concepts):
    families = rows(root / f"resources/families/{language}.tsv")
    ordinary = {r[language] for r in rows(root / "resources/planted/ordinary.tsv")}
    words = [r["word"] for r in families]
    assert len(set(words)) == len(words) and not set(words) & ({r["word"] for r in concepts} | ordinary)
    assert Counter(r["family"] for r in families) == {"tools": 16, "animals": 16, "furniture": 16}


def test_a_study_of_the_planted_world_reads_its_rows_alone(root, language):
    path = root / f"resources/concepts/{language}.tsv"
    planted, everything = (read_concepts(path, ["joy", "fear"], which) for which in ("planted", "table"))
    assert {e: len(w) for e, w in planted.items()} == {"joy": 8, "fear": 8}
    assert all(everything[e][:8] == planted[e] and len(everything[e]) > 12 for e in planted)


def test_an_emotion_without_planted_rows_keeps_all_of_them(tmp_path):
    path = tmp_path / "xx.tsv"
    path.write_text(
        "emotion\tword\tplanted\njoy\ta\ttrue\njoy\tb\ttrue\njoy\tc\tfalse\nawe\td\tfalse\nawe\te\tfalse\n",
        encoding="utf-8",
    )
    assert read_concepts(path, ["joy", "awe"], "planted") == {"joy": ["a", "b"], "awe": ["d", "e"]}
