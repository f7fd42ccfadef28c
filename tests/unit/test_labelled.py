"""Texts under emotions."""

import pytest

from shared_affect.human import labelled_texts


def goemotions(tmp_path, text):
    (tmp_path / "labels.txt").write_text("anger\njoy\nlove\n")
    (tmp_path / "train.tsv").write_text(text, encoding="utf-8")
    return tmp_path / "labels.txt", tmp_path / "train.tsv"


def test_goemotions_one_row_a_label(tmp_path):
    frame = labelled_texts.read_goemotions(*goemotions(tmp_path, 'I "love it\t1,2\tid1\nYes\t0\tid2\n'))
    assert frame.values.tolist() == [
        ["train", "id1", 'I "love it', "joy"],
        ["train", "id1", 'I "love it', "love"],
        ["train", "id2", "Yes", "anger"],
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Yes\t0\n", "line 1: 2 cells; expected text, labels, id"),
        ("Yes\t3\tid\n", "line 1: label '3'; expected whole numbers from 0 to 2"),
        ("Yes\t0\tid\nNo\t1\tid\n", "line 2: id 'id' stands in line 1 too"),
        ("", "is empty"),
    ],
)
def test_bad_goemotions_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        labelled_texts.read_goemotions(*goemotions(tmp_path, text))


def test_clue_emotion(tmp_path):
    (tmp_path / "valid.txt").write_text('{"id": 0, "content": "今天很开心", "label": "happiness"}\n', encoding="utf-8")
    assert labelled_texts.read_clue_emotion(tmp_path / "valid.txt").values.tolist() == [
        ["valid", "0", "今天很开心", "happiness"]
    ]
    for text, message in (
        ('{"id": 0, "content": "x"}', "line 1: key 'label' is missing"),
        ('{"id": 0', "line 1: .*expected one JSON object a line"),
        ("[1]", "line 1: no object"),
        ('{"id": 0, "content": "x", "label": "joy"}', "line 1: label is 'joy'; expected one of like"),
        (
            '{"id": 0, "content": "x", "label": "fear"}\n{"id": 0, "content": "x", "label": "fear"}',
            "line 2: id '0' stands in line 1 too",
        ),
    ):
        (tmp_path / "valid.txt").write_text(text)
        with pytest.raises(ValueError, match=message):
            labelled_texts.read_clue_emotion(tmp_path / "valid.txt")


def test_real_texts(published_files):
    frame = labelled_texts.read_goemotions(
        *(published_files("GoEmotions", f) for f in ("labels.txt", "train.tsv", "dev.tsv", "test.tsv"))
    )
    assert (
        frame.groupby("split")["text_id"].nunique().to_dict() == {"train": 43410, "dev": 5426, "test": 5427}
        and frame["label"].nunique() == 28
    )
    clue = labelled_texts.read_clue_emotion(*(published_files("CLUEEmotion2020", f) for f in ("valid.txt", "test.txt")))
    assert clue["split"].value_counts().to_dict() == {"valid": 3966, "test": 3967} and set(clue["label"]) == set(
        labelled_texts.CLUE_LABELS
    )
