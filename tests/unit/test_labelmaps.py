"""Label maps: complete, to targets that exist; texts with one label alone are used."""

import pandas as pd
import pytest

from shared_affect.human.labelled_texts import CLUE_LABELS
from shared_affect.steering.label_maps import judge_texts, read_label_map
from shared_affect.study.inputs import BASIC


def emotions(root):
    return pd.read_csv(root / "resources/emotions.tsv", sep="\t")["emotion"].tolist()


def test_committed_maps_are_complete(root):
    ours = emotions(root)
    go = read_label_map(root / "resources/judges/goemotions.tsv", [*ours, "neutral"], ours)
    assert (
        len(go) == 28 and set(go["emotion"]) - {""} == set(ours) and go.set_index("label")["emotion"]["neutral"] == ""
    )
    assert set(go["basic"]) - {""} == set(BASIC) and all(go.set_index("label")["basic"][b] == b for b in BASIC)
    clue = read_label_map(root / "resources/judges/clue-emotion.tsv", CLUE_LABELS, ours)
    assert len(clue) == 7 and set(clue["emotion"]) == {"joy", "sadness", "anger", "disgust", "fear", "surprise", "love"}


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ("label\temotion\njoy\tjoy\n", "column 'basic' is missing"),
        ("label\temotion\tbasic\njoy\tjoy\tjoy\njoy\tjoy\tjoy\n", "label 'joy' stands in line 2 too"),
        (
            "label\temotion\tbasic\njoy\tjoy\tjoy\n",
            "map.tsv: label 'rage' is in the texts but not in the table; found: joy, rage; in the table: joy; needed",
        ),
        (
            "label\temotion\tbasic\njoy\tjoy\tjoy\nrage\tfury\tanger\n",
            "emotion is 'fury'; allowed: joy, anger, or empty",
        ),
        ("label\temotion\tbasic\njoy\tjoy\tjoy\nrage\tanger\tlove\n", "basic is 'love'"),
    ],
)
def test_bad_maps_are_named(tmp_path, table, words):
    path = tmp_path / "map.tsv"
    path.write_text(table, encoding="utf-8")
    with pytest.raises(ValueError, match=words):
        read_label_map(path, ["joy", "rage"], ["joy", "anger"])


def test_one_map_serves_languages_that_lack_a_label(tmp_path, caplog):
    path = tmp_path / "map.tsv"
    path.write_text("label\temotion\tbasic\njoy\tjoy\tjoy\nrage\tanger\tanger\nx\t\t\n", encoding="utf-8")
    with caplog.at_level("INFO"):
        assert len(read_label_map(path, ["joy", "rage"], ["joy", "anger"])) == 3
    assert "no text has the label x" in caplog.text


def test_a_text_of_several_labels_counts_where_one_is_strongest():
    rows = [
        ("train", "1", "a", "joy", 1),
        ("train", "1", "a", "rage", 3),
        ("train", "2", "b", "joy", 2),
        ("train", "2", "b", "rage", 2),
        ("dev", "2", "c", "joy", 1),
        ("dev", "3", "d", "neutral", 0),
    ]
    texts = pd.DataFrame(rows, columns=["split", "text_id", "text", "label", "intensity"])
    maps = pd.DataFrame({"label": ["joy", "rage", "neutral"], "emotion": ["joy", "anger", ""], "basic": ""})
    found, _ = judge_texts(texts, maps, ["joy", "anger"])
    assert found.to_dict("records") == [{"text": "a", "label": "anger"}, {"text": "c", "label": "joy"}]
    without, _ = judge_texts(texts.drop(columns="intensity"), maps, ["joy", "anger"])
    assert without["text"].tolist() == ["c"]


def test_texts_with_one_label_that_has_a_counterpart():
    texts = pd.DataFrame(
        [
            ("train", "1", "a", "joy"),
            ("train", "2", "b", "joy"),
            ("train", "2", "b", "rage"),
            ("dev", "2", "c", "rage"),
            ("dev", "3", "d", "neutral"),
        ],
        columns=["split", "text_id", "text", "label"],
    )
    maps = pd.DataFrame(
        {"label": ["joy", "rage", "neutral"], "emotion": ["joy", "anger", ""], "basic": ["joy", "anger", ""]}
    )
    found, untested = judge_texts(texts, maps, ["joy", "fear", "anger"])
    assert found.to_dict("records") == [
        {"text": "a", "label": "joy"},
        {"text": "c", "label": "anger"},
    ] and untested == ["fear"]
    naive = [
        t
        for t in texts["text"].unique()
        if len(texts[texts["text"] == t]) == 1 and texts[texts["text"] == t]["label"].iloc[0] != "neutral"
    ]
    assert found["text"].tolist() == naive
