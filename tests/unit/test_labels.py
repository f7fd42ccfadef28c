"""Judges' labels and what they stand for."""

import pandas as pd
import pytest

from shared_affect import judgements, lexicons, norms
from shared_affect.labelled import CLUE_LABELS
from shared_affect.labels import basic_groups, read_label_map, target_labels

SIX = ["anger", "disgust", "fear", "joy", "sadness", "surprise"]


@pytest.fixture(scope="module")
def table(root):
    return pd.read_csv(root / "resources/emotions.tsv", sep="\t")


@pytest.fixture(scope="module")
def maps(root, table):
    emotions = table["emotion"].tolist()
    assert table["emotion"][table["basic"]].tolist() == SIX
    return {"goemotions": read_label_map(root / "resources/judges/goemotions.tsv", [*emotions, "neutral"], emotions, SIX),
            "clue": read_label_map(root / "resources/judges/clue.tsv", CLUE_LABELS, emotions, SIX)}


def test_goemotions_has_every_emotion_and_its_authors_grouping(maps, table):
    emotions = table["emotion"].tolist()
    groups = basic_groups(maps["goemotions"])
    assert target_labels(maps["goemotions"], emotions, "fine", groups) == {e: (e,) for e in emotions}
    assert list(groups) == emotions and {b: list(groups.values()).count(b) for b in SIX} == {"anger": 3, "disgust": 1, "fear": 2, "joy": 12, "sadness": 5, "surprise": 4}
    found = target_labels(maps["goemotions"], ["annoyance", "caring"], "basic", groups)
    assert found["annoyance"] == ("anger", "annoyance", "disapproval") and "love" in found["caring"] and "neutral" not in found["caring"]


def test_a_judge_of_seven_labels_leaves_emotions_untested_by_name(maps, table, caplog):
    emotions = table["emotion"].tolist()
    groups = basic_groups(maps["goemotions"])
    with caplog.at_level("INFO", "shared_affect"):
        fine = target_labels(maps["clue"], emotions, "fine", groups)
    assert {e: v for e, v in fine.items() if v} == {"anger": ("anger",), "disgust": ("disgust",), "fear": ("fear",), "joy": ("happiness",), "sadness": ("sadness",), "surprise": ("surprise",)}
    assert "not tested for want of a label: admiration, amusement, annoyance" in caplog.text and "love" in caplog.text
    coarse = target_labels(maps["clue"], [*emotions, "nostalgia"], "basic", groups)
    assert coarse["annoyance"] == ("anger",) and coarse["love"] == ("happiness",) and coarse["nostalgia"] == () and not any("like" in v for v in coarse.values())
    with pytest.raises(ValueError, match="'coarse'; allowed: fine, basic"):
        target_labels(maps["clue"], emotions, "coarse", groups)


HEAD = "label\temotion\tbasic\tsource\tnote\n"


@pytest.mark.parametrize(("text", "message"), [
    ("label\temotion\tbasic\na\tjoy\tjoy\n", "columns are label, emotion, basic; expected label"), (HEAD + "a\tjoy\tjoy\tx\t\na\t\t\tx\t\n", "label 'a' stands twice"),
    (HEAD + "a\tjoy\tjoy\tx\t\nc\t\t\tx\t\n", "label 'c' is none of the judge's; allowed: a, b"), (HEAD + "a\tjoy\tjoy\tx\t\n", "label 'b' has no row"),
    (HEAD + "a\tglee\tjoy\tx\t\nb\t\t\tx\t\n", "emotion is 'glee'; allowed: joy, love, anger, or empty"), (HEAD + "a\tlove\tlove\tx\t\nb\t\t\tx\t\n", "basic is 'love'; allowed: joy, anger"),
    (HEAD + "a\tjoy\tanger\tx\t\nb\t\t\tx\t\n", "'joy', a basic one, and basic 'anger'")])
def test_bad_maps_are_named(tmp_path, text, message):
    path = tmp_path / "m.tsv"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ValueError, match=message):
        read_label_map(path, ["a", "b"], ["joy", "love", "anger"], ["joy", "anger"])


def test_the_maps_have_the_published_labels(maps, published_files):
    assert maps["goemotions"]["label"].tolist() == judgements.read_labels(published_files("GoEmotions", "labels.txt"))


def test_chinese_labels_stand_where_their_source_says(table, published_files):
    dutir = lexicons.read_dutir(published_files("DUTIR", "情感词汇本体.xlsx"))
    cvaw = set(norms.read_cvaw(published_files("ChineseEmoBank", "CVAW_all_SD.csv"))["word"])
    kinds = set()
    for row in table.itertuples():
        where = row.label_zh_source.split()
        kinds.add(" ".join(where[:2]))
        if where[0] == "DUTIR":
            assert where[1] in ("category", "entry") and (where[1] == "category" or where[2] in set(dutir["code"][dutir["word"] == row.label_zh])), row.emotion
        else:
            assert (row.label_zh in cvaw, row.label_zh in set(dutir["word"])) == (where[0] == "CVAW", False), row.emotion
    assert kinds == {"DUTIR category", "DUTIR entry", "CVAW entry", "authored"}
