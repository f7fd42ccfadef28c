"""Human data in standard form, and the shuffles of the negative control."""

import numpy as np
import pandas as pd
import pytest
import yaml

from shared_affect.base.tables import read_tsv
from shared_affect.human.loaders import LOADERS, load
from shared_affect.human.shuffles import shuffle_emotions, shuffle_norms
from shared_affect.human.standard import read_affect, read_judgements, read_norms, studied_pairs

NORMS = pd.DataFrame(
    {
        "word": ["null", "b", "NA"],
        "valence": [0.1, -0.5, 1.0],
        "arousal": [0.2, 0.3, -1.0],
        "valence_sd": 0.2,
        "valence_n": 20,
        "arousal_sd": 0.3,
        "arousal_n": 20,
        "more": 1,
    }
)
NAMES = ["joy", "fear", "anger", "calm"]
PAIRS = pd.DataFrame(
    [
        {"rater": r, "emotion_a": a, "emotion_b": b, "dissimilarity_1to9": 1 + (i * 3 + j * 5 + k) % 9}
        for k, r in enumerate("xyz")
        for i, a in enumerate(NAMES)
        for j, b in enumerate(NAMES)
        if i < j
    ]
)
AFFECT = pd.DataFrame({"emotion": NAMES, "valence": [0.8, -0.6, -0.5, 0.3], "arousal": [0.5, 0.6, 0.7, -0.6]})


def written(tmp_path, frame):
    frame.to_csv(tmp_path / "f.tsv", sep="\t", index=False)
    return tmp_path / "f.tsv"


def test_norms_are_sorted_and_words_like_null_are_words(tmp_path):
    assert read_norms(written(tmp_path, NORMS))["word"].tolist() == ["NA", "b", "null"]


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (NORMS.drop(columns="arousal"), "'arousal' is missing"),
        (NORMS.assign(valence=[0.1, np.nan, 0.2]), "line 3: valence is empty"),
        (NORMS.assign(word="b"), "line 3: word 'b' stands in line 2 too"),
        (NORMS.assign(arousal=[0.1, 5.0, 0.2]), "line 3: arousal of 'b' is '5.0'; expected a number from -1 to 1"),
        (NORMS.assign(valence=[-1.5, 0.0, 0.2]), "valence of 'null' is '-1.5'"),
        (NORMS.assign(valence=["0.1", "high", "0.2"]), "line 3: valence of 'b' is 'high'; expected a number"),
        (NORMS.assign(arousal_sd=[0.1, 0.1, np.inf]), "line 4: arousal_sd of 'NA' is 'inf'"),
        (NORMS[:0], "no rows"),
        (
            NORMS.assign(valence_sd=[0.1, -0.1, 0.1]),
            "line 3: valence_sd of 'b' is '-0.1'; expected a number from 0 to 2",
        ),
        (NORMS.assign(valence_sd=9), "line 2: valence_sd of 'null' is '9'"),
        (NORMS.assign(valence_n=[20, 0, 20]), "line 3: valence_n of 'b' is '0'; expected a whole number >= 1"),
        (NORMS.assign(arousal_n=[20, 7.5, 20]), "line 3: arousal_n of 'b' is '7.5'; expected a whole"),
        (NORMS.assign(valence=["0.1", "0,5", "0.2"]), "is '0,5'"),
        (NORMS.assign(valence=["0.1", "\uff10.5", "0.2"]), "valence of 'b' is"),
        (NORMS.assign(valence=["0.1", "0.5z", "0.2"]), "is '0.5z'"),
        (NORMS.assign(valence=["0.1", "nan", "0.2"]), "is 'nan'"),
        (NORMS.assign(valence_sd=["0.1", "infinity", "0.2"]), "is 'infinity'"),
        (NORMS.assign(valence_sd=["0.1", "NA", "0.2"]), "is 'NA'"),
        (NORMS.rename(columns={"valence_sd": "Valence_SD"}), "unknown column 'Valence_SD' .did you mean 'valence_sd'"),
        (NORMS.rename(columns={"valence_n": "valance_n"}), "did you mean 'valence_n'"),
    ],
)
def test_bad_norms_are_named(tmp_path, frame, message):
    with pytest.raises(ValueError, match=message):
        read_norms(written(tmp_path, frame))


def test_judgements_and_affect_keep_the_studied_emotions(tmp_path):
    path = written(tmp_path, PAIRS)
    found = studied_pairs(read_judgements(path), ["joy", "fear", "awe"], "f.tsv")
    assert len(found) == 3 and list(found) == ["rater", "emotion_a", "emotion_b", "dissimilarity"]
    with pytest.raises(ValueError, match=r"f.tsv: no pair"):
        studied_pairs(read_judgements(path), ["awe", "pride"], "f.tsv")
    affect = read_affect(written(tmp_path, AFFECT), ["joy", "fear", "calm"], 0.3)
    assert dict(zip(affect["emotion"], affect["valence_class"])) == {
        "joy": "positive",
        "fear": "negative",
        "calm": "negative",
    }


@pytest.mark.parametrize(
    ("frame", "emotions", "message"),
    [
        (pd.concat([AFFECT, AFFECT[:1]]), NAMES, "'joy' stands in line 2 too"),
        (AFFECT, ["awe"], "none of the study's emotions"),
        (AFFECT.assign(valence="x"), NAMES, "line 2: valence of 'joy' is 'x'"),
        (
            AFFECT.assign(valence=[8.0, 2.0, 2.5, 6.5]),
            NAMES,
            "valence runs from 2 to 8, so all emotions fall on one side of 0",
        ),
        (AFFECT.assign(arousal=[0.1, np.inf, 0, 0]), NAMES, "line 3: arousal of 'fear' is 'inf'"),
    ],
)
def test_bad_affect_is_named(tmp_path, frame, emotions, message):
    with pytest.raises(ValueError, match=message):
        read_affect(written(tmp_path, frame), emotions, 0)


def test_shuffled_emotions_keep_their_geometry_and_lose_their_names():
    judgements = PAIRS.rename(columns={"dissimilarity_1to9": "dissimilarity"})
    moved, affect = shuffle_emotions(judgements, AFFECT, np.random.default_rng(3))
    assert (
        moved["dissimilarity"].tolist() == judgements["dissimilarity"].tolist()
        and affect["valence"].tolist() == AFFECT["valence"].tolist()
    )
    new = dict(zip(AFFECT["emotion"], affect["emotion"]))
    assert sorted(new.values()) == sorted(NAMES) and new != {n: n for n in NAMES}
    assert moved["emotion_a"].tolist() == [new[e] for e in judgements["emotion_a"]] and moved["emotion_b"].tolist() == [
        new[e] for e in judgements["emotion_b"]
    ]


def test_an_emotion_without_valence_is_shuffled_too():
    judgements = PAIRS.rename(columns={"dissimilarity_1to9": "dissimilarity"})
    falls = set()
    for seed in range(20):
        moved, affect = shuffle_emotions(judgements, AFFECT[:3], np.random.default_rng(seed))
        assert len(affect) == 3 and set(moved["emotion_a"]) | set(moved["emotion_b"]) == set(NAMES)
        falls.add("calm" in set(affect["emotion"]))
    assert falls == {True, False}


def test_affect_by_the_label_in_the_language_of_the_norms(tmp_path, caplog):
    norms = pd.DataFrame(
        {"word": ["Freude", "Angst", "Haus"], "valence": [0.8, -0.7, 0.1], "arousal": [0.4, 0.6, -0.2]}
    ).assign(valence_sd=np.nan, valence_n=np.nan, arousal_sd=np.nan, arousal_n=np.nan)
    found = read_affect(
        written(tmp_path, norms), ["joy", "fear", "caring"], 0, {"joy": "Freude", "fear": "Angst", "caring": "Fürsorge"}
    )
    assert found.values.tolist() == [["joy", 0.8, 0.4, "positive"], ["fear", -0.7, 0.6, "negative"]]
    with pytest.raises(ValueError, match=r"none of the study's emotions"):
        read_affect(written(tmp_path, norms), ["caring"], 0, {"caring": "Fürsorge"})


def test_prepared_norms_keep_words_like_null_and_unknown_numbers(tmp_path):
    frame = NORMS.assign(valence_n=np.nan)
    found = read_tsv(written(tmp_path, frame))
    assert found["word"].tolist() == ["null", "b", "NA"] and found["valence_n"].isna().all()


def test_loaders_are_chosen_by_name(tmp_path, root):
    path = written(tmp_path, NORMS)
    assert load("norms", "standard", [path])["word"].tolist() == ["NA", "b", "null"]
    with pytest.raises(ValueError, match=r"loader 'warriner' for kind 'lexicon'; allowed: norms: standard, warriner"):
        load("lexicon", "warriner", [path])
    with pytest.raises(
        ValueError, match=r"loader 'standard' was given 2 file.s.; expected path .config/human.tsv, column path"
    ):
        load("norms", "standard", [path, path])
    schema = yaml.safe_load((root / "workflow/schemas/human.yaml").read_text())["properties"]
    assert set(schema["loader"]["enum"]) == {name for kind in LOADERS.values() for name in kind} and set(
        schema["kind"]["enum"]
    ) == set(LOADERS)


def test_shuffled_norms_are_the_same_ratings_on_other_words():
    norms = pd.DataFrame(
        {"word": [f"w{i}" for i in range(50)], "valence": np.arange(50.0), "valence_sd": np.arange(50.0) / 2},
        index=range(7, 57),
    )
    moved = shuffle_norms(norms, np.random.default_rng(2))
    assert moved["word"].tolist() == norms["word"].tolist() and sorted(moved["valence"]) == norms["valence"].tolist()
    assert (moved["valence_sd"] == moved["valence"] / 2).all() and (
        moved["valence"].to_numpy() != norms["valence"].to_numpy()
    ).sum() > 40
