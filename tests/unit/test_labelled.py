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


# ---- BRIGHTER


def brighter(tmp_path, split, text):
    path = tmp_path / split / "eng.csv"
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def test_brighter_several_labels_and_intensities(tmp_path):
    one = brighter(tmp_path, "train", 'id,text,anger,fear,joy\na1,"So, ""fine""",0,3,1\na2,Nothing,0,0,0\n')
    two = brighter(tmp_path, "dev", "id,text,anger,fear,joy\na1,Ha,1,0,0\n")
    frame = labelled_texts.read_brighter(one, two)
    assert frame.values.tolist() == [
        ["train", "a1", 'So, "fine"', "fear", 3],
        ["train", "a1", 'So, "fine"', "joy", 1],
        ["train", "a2", "Nothing", "neutral", 0],
        ["dev", "a1", "Ha", "anger", 1],
    ]


def test_brighter_texts_without_labels_are_left_out_and_counted(tmp_path, caplog):
    bare = brighter(tmp_path, "test", "id,text,anger,fear\nb1,Who knows,,\n")
    with pytest.raises(ValueError, match="no text has labels; the English test of track a has none"):
        labelled_texts.read_brighter(bare)
    full = brighter(tmp_path, "train", "id,text,anger,fear\na1,Ha,1,0\n")
    with caplog.at_level("INFO"):
        assert len(labelled_texts.read_brighter(full, bare)) == 1
    assert "1 of 1 texts have no labels" in caplog.text


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("id,text,anger,hope\na,x,1,0\n", "line 1: column 'hope'; expected id, text, and some of anger, disgust"),
        ("text,id,anger\nx,a,1\n", "line 1: columns text, id, anger"),
        ("id,text\na,x\n", "line 1: columns id, text"),
        ("id,text,anger,fear\na,x,1\n", "line 2: 3 cells; expected 4"),
        ("id,text,anger,fear\na,x,1,4\n", "line 2: fear is '4'; expected a whole number from 0 to 3"),
        ("id,text,anger,fear\na,x,1,\n", "line 2: fear is ''"),
        ("id,text,anger,fear\na,x,1.0,0\n", r"line 2: anger is '1\.0'"),
        ("id,text,anger,fear\na,x,1,0\na,y,0,0\n", "line 3: id 'a' stands in line 2 too"),
    ],
)
def test_bad_brighter_is_named(tmp_path, text, message):
    with pytest.raises(ValueError, match=message):
        labelled_texts.read_brighter(brighter(tmp_path, "train", text))


def test_splits_of_brighter_have_the_same_emotions(tmp_path):
    one = brighter(tmp_path, "train", "id,text,anger,fear\na,x,1,0\n")
    two = brighter(tmp_path, "dev", "id,text,anger,joy\na,x,1,0\n")
    with pytest.raises(ValueError, match=r"dev/eng\.csv: emotions anger, joy; expected those of the other splits"):
        labelled_texts.read_brighter(one, two)


@pytest.mark.parametrize(
    ("code", "emotions", "texts"),
    [("eng", 5, {"dev": 115, "test": 2765, "train": 2763}), ("chn", 6, {"dev": 200, "test": 2642, "train": 2642})],
)
def test_real_brighter(published_files, code, emotions, texts):
    splits = ("train", "dev", "test")
    frame = labelled_texts.read_brighter(*(published_files("BRIGHTER", f"track_b/{s}/{code}.csv") for s in splits))
    own = frame.drop_duplicates(["split", "text_id"])
    assert own.groupby("split").size().to_dict() == texts
    assert frame["label"].nunique() == emotions + 1 and set(frame["intensity"]) == {0, 1, 2, 3}
    assert (frame["label"] == "neutral").equals(frame["intensity"] == 0)
    plain = labelled_texts.read_brighter(published_files("BRIGHTER", f"track_a/train/{code}.csv"))
    assert set(plain["intensity"]) == {0, 1} and plain["label"].nunique() == emotions + 1
