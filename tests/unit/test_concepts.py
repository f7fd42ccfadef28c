"""Concept-sets from associations and lexicons: on made-up rows, and on the real files where they are."""

import numpy as np
import pandas as pd
import pytest
from conftest import ROOT

from shared_affect.base.tables import group_words, read_tsv
from shared_affect.human.associations import read_usf
from shared_affect.human.lexicons import read_dutir, read_wordnet_affect
from shared_affect.words.concept_sets import (
    check_sets,
    describe_words,
    from_associations,
    from_lexicon,
    require_own,
    single_words,
)
from shared_affect.words.controls import word_properties

EMOTIONS = read_tsv(ROOT / "resources/emotions.tsv")["emotion"].tolist()
PAIRS = pd.DataFrame(
    [
        ("joy", "glad", 0.3),
        ("joy", "ice cream", 0.2),
        ("joy", "rare", 0.01),
        ("cheer", "joy", 0.5),
        ("glad", "joyful", 0.1),
        ("fear", "dark", 0.4),
    ],
    columns=["cue", "target", "strength"],
)
CUES = {"joy": ["joy", "joyful", "unknown"], "fear": ["fear"], "awe": ["awe"]}


def test_directions_strengths_and_limits():
    def words(**settings):
        return {
            e: dict(zip(g["word"], g["strength"]))
            for e, g in from_associations(PAIRS, CUES, "latin", **settings).groupby("emotion")
        }

    assert (
        words()["joy"] == {"joy": 1, "joyful": 1, "cheer": 0.5, "glad": 0.3}
        and words()["fear"] == {"fear": 1, "dark": 0.4}
        and "awe" not in words()
    )
    assert words(direction="forward")["joy"] == {"joy": 1, "joyful": 1, "glad": 0.3}
    assert words(direction="backward")["joy"] == {"joy": 1, "joyful": 1, "cheer": 0.5, "glad": 0.1}
    assert "rare" in words(min_strength=0)["joy"] and list(words(max_words=3)["joy"]) == ["joy", "joyful", "cheer"]
    with pytest.raises(ValueError, match="direction is 'up'; allowed: forward, backward, both"):
        words(direction="up")


def test_lexicon_categories_and_order():
    terms = pd.DataFrame(
        {
            "word": ["merry", "gay", "merry", "wrath", "two words"],
            "category": ["joy", "joy", "levity", "anger", "joy"],
            "intensity": [5, 9, 7, 3, 9],
        }
    )
    found = from_lexicon(terms, {"joy": ["joy"], "levity": ["joy", "amusement"], "anger": []}, "latin")
    assert found.values.tolist() == [
        ["joy", "gay", 1.0],
        ["joy", "merry", pytest.approx(7 / 9)],
        ["amusement", "merry", pytest.approx(7 / 9)],
    ]
    with pytest.raises(ValueError, match="has no category 'mirth'; allowed: anger, joy, levity"):
        from_lexicon(terms, {"mirth": ["joy"]}, "latin")


def test_phrases_are_segmented_and_denials_left_out():
    assert single_words("高兴", "han") == ["高兴"] and single_words("打了一个喷嚏", "han") == ["喷嚏"]
    assert single_words("没有希望", "han") == [] and single_words("joy", "han") == []
    assert (
        single_words("panic attack", "latin") == []
        and single_words("self-love", "latin") == ["self-love"]
        and single_words("快乐", "latin") == []
    )


def test_lacking_emotions_are_all_named():
    with pytest.raises(
        ValueError,
        match=r"swow, language zh: 2 emotions have fewer than 2 words: fear \(1\), awe \(0\).*emotions: \[joy\]",
    ):
        check_sets(
            pd.DataFrame({"emotion": ["joy", "joy", "fear"], "word": ["a", "b", "c"], "strength": 1.0}),
            ["joy", "fear", "awe"],
            "swow",
            "zh",
        )
    shared = pd.DataFrame(
        {"emotion": ["joy"] * 3 + ["fear"] * 3, "word": ["a", "b", "c", "b", "c", "d"], "strength": 1.0}
    )
    with pytest.raises(
        ValueError,
        match=(
            r"2 emotions have fewer than 2 words that stand in no other emotion's set: joy \(1 of 3\), fear \(1 of"
            r" 3\)\. Words of several sets"
        ),
    ):
        require_own(group_words(shared, ["joy", "fear"]), "swow")
    require_own(group_words(shared, ["joy"]), "swow")  # an emotion that is not studied takes no word away
    require_own(group_words(shared, ["joy", "fear"]), "swow", at_least=1)
    require_own(
        group_words(shared, ["joy"]) | {"awe": ["b", "c", "e", "f"]}, "swow", contrast=["joy"]
    )  # nor does one outside the contrast


def test_every_word_is_described():
    sets = pd.DataFrame(
        {
            "emotion": ["joy", "pride", "pride"],
            "word": ["glad", "glad", "proud"],
            "source": "usf",
            "strength": [0.5, 0.1, 1.0],
        }
    )
    properties = word_properties(["glad", "proud"], [1, 2], [pd.DataFrame({"word": ["glad"], "count": [9]})])
    frame = describe_words(
        sets, {"glad": ["glad"], "proud": ["pr", "oud"]}, {"glad": 0.0, "proud": 0.5}, properties, ["proud"]
    )
    assert (
        frame["n_sets"].tolist() == [2, 2, 1]
        and frame["n_tokens"].tolist() == [1, 1, 2]
        and frame["in_norms"].tolist() == [False, False, True]
    )
    assert (
        frame["log10_count"].tolist() == [1, 1, 0]
        and frame["concreteness"].isna().all()
        and frame["broken_share"].tolist() == [0, 0, 0.5]
    )


@pytest.mark.parametrize("language", ["en", "zh"])
def test_cues_name_every_emotion_and_no_cue_names_two_but_what_two_share(language):
    cues = read_tsv(ROOT / f"resources/cues/{language}.tsv")
    labels = read_tsv(ROOT / "resources/emotions.tsv").set_index("emotion")
    assert list(dict.fromkeys(cues["emotion"])) == EMOTIONS and not cues["word"].duplicated().any()
    for emotion, words in group_words(cues, EMOTIONS).items():
        assert words[0] == (emotion if language == "en" else labels.loc[emotion, "label_zh"])


def sets_of(path, terms, script):
    names = read_tsv(path)
    return from_lexicon(terms, {c: g["emotion"].dropna().tolist() for c, g in names.groupby("category")}, script)


def test_usf_has_words_for_every_emotion(published_files):
    files = [
        published_files(f"USF_free_association/Cue_Target_Pairs.{part}.csv")
        for part in ("A-B", "C", "D-F", "G-K", "L-O", "P-R", "S", "T-Z")
    ]
    frame = from_associations(
        read_usf(*files), group_words(read_tsv(ROOT / "resources/cues/en.tsv"), EMOTIONS), "latin"
    )
    assert frame["emotion"].value_counts().reindex(EMOTIONS).min() >= 9
    # every answer to grief but two stands at sadness or remorse, too
    with pytest.raises(
        ValueError,
        match=(
            r"usf: 1 emotions have fewer than 3 words that stand in no other emotion's set: grief \(2 of \d+\)\."
            r" .*Steering.*key emotions: \["
        ),
    ):
        require_own(group_words(frame, EMOTIONS), "usf", at_least=3)
    assert {"mad", "rage"} <= set(frame["word"][frame["emotion"] == "anger"]) and frame["strength"].between(
        0.02, 1
    ).all()


def test_wordnet_affect_and_dutir_cover_the_emotions_their_categories_name(published_files):
    english = sets_of(
        ROOT / "resources/categories/wordnet-affect.tsv",
        read_wordnet_affect(
            published_files("WordNet-Affect/wnaffect.tsv"), published_files("WordNet-Affect/a-hierarchy.xml")
        ),
        "latin",
    )
    assert (
        {"grateful", "thankful"} <= set(english["word"][english["emotion"] == "gratitude"])
        and english["emotion"].nunique() == 13
        and english["strength"].isna().all()
    )
    chinese = sets_of(
        ROOT / "resources/categories/dutir.tsv", read_dutir(published_files("DUTIR/情感词汇本体.xlsx")), "han"
    )
    assert chinese["emotion"].nunique() == 17 and {"忏悔", "悔恨"} <= set(
        chinese["word"][chinese["emotion"] == "remorse"]
    )
    assert set(english["emotion"]) | set(chinese["emotion"]) <= set(EMOTIONS) and np.isfinite(chinese["strength"]).all()
