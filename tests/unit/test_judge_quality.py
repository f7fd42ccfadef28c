"""How good judges are: closed forms of calibration, F1, areas under curves and kappa; texts of several labels."""

import numpy as np
import pandas as pd
import pytest

from shared_affect.steering.files import JUDGE_AGREEMENT, JUDGE_QUALITY
from shared_affect.steering.label_maps import LabelMap
from shared_affect.steering.quality import (
    Said,
    Truth,
    agreement,
    assess,
    calibration_error,
    draw,
    f1,
    of_held_out,
    quality,
    reliability,
    texts_of,
    truth_of,
)


def corpus(rows):
    return pd.DataFrame(rows, columns=["split", "text_id", "text", "label"])


SEVERAL = corpus(
    [
        ("train", "1", "a", "happiness"),
        ("train", "1", "a", "fear"),
        ("dev", "1", "b", "neutral"),
        ("dev", "2", "c", "like"),
        ("dev", "3", "d", "fear"),
    ]
)
MAP = LabelMap(
    {"happiness": "joy", "like": "love", "fear": "fear", "rage": "anger", "neutral": ""},
    {"happiness": "joy", "like": "joy", "fear": "fear", "rage": "anger", "neutral": ""},
)


def test_every_label_of_a_text_is_true_and_a_text_without_emotion_stays():
    found = truth_of(SEVERAL, MAP.emotion)
    assert found.texts == ["a", "b", "c", "d"] == texts_of(SEVERAL)
    assert found.classes == ("joy", "love", "fear")  # nobody was angry, so anger cannot be tested
    assert found.shown.astype(int).tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0], [0, 0, 1]]
    pooled = truth_of(SEVERAL, MAP.basic)
    assert pooled.classes == ("joy", "fear") and pooled.shown[:, 0].tolist() == [True, False, True, False]


def test_a_draw_keeps_all_labels_of_its_texts():
    frame = corpus([("t", str(i), f"text {i}", x) for i in range(50) for x in ("happiness", "fear")])
    found = draw(frame, np.random.default_rng(0), 20)
    assert len(found) == 40 and found.groupby("text_id").size().eq(2).all()
    assert (
        found.equals(draw(frame, np.random.default_rng(0), 20)) and draw(frame, np.random.default_rng(0), 50) is frame
    )


def test_calibration_closed_form():
    # two bins: .9 of which 6 of 10 are right, .5 of which all 10 are
    confidence, right = np.repeat([0.9, 0.5], 10), np.r_[np.arange(10) < 6, np.ones(10, bool)]
    table = reliability(confidence, right, bins=10)
    assert table["n"].tolist() == [10, 10] and table["low"].tolist() == [0.5, 0.9]
    assert table["share_right"].tolist() == [1.0, 0.6]
    assert calibration_error(table) == pytest.approx((0.5 + 0.3) / 2)
    sure = reliability(np.ones(4), np.ones(4, bool))  # 1 belongs to the last bin
    assert calibration_error(sure) == 0 and sure["high"].tolist() == [1.0]
    assert np.isnan(calibration_error(reliability(np.zeros(0), np.zeros(0, bool))))


def test_a_judge_that_says_its_chances_is_calibrated():
    rng = np.random.default_rng(1)
    p = rng.dirichlet(np.ones(4) * 0.5, 20000)
    true = (p.cumsum(1) > rng.random((len(p), 1))).argmax(1)
    said = Said(tuple("abcd"), p.argmax(1), p)
    rows = {r[1]: r[2] for r in quality(Truth([""] * len(p), tuple("abcd"), true[:, None] == np.arange(4)), said)}
    assert rows["ece"] < 0.02
    sharp = p**3 / (p**3).sum(1, keepdims=True)
    over = Said(tuple("abcd"), p.argmax(1), sharp)
    found = {r[1]: r[2] for r in quality(Truth([""] * len(p), tuple("abcd"), true[:, None] == np.arange(4)), over)}
    assert found["accuracy"] == rows["accuracy"] and found["ece"] > 0.1


def test_quality_equals_scikit_learn():
    from sklearn.metrics import accuracy_score, f1_score, roc_auc_score

    rng = np.random.default_rng(2)
    names = np.array(["fear", "joy", "love"])
    true, p = rng.choice(names, 200), rng.dirichlet(np.ones(3), 200)
    said = Said(tuple(names), p.argmax(1), p)
    found = {(r[0], r[1]): r[2] for r in quality(Truth(list(true), tuple(names), true[:, None] == names), said)}
    assert found["all", "accuracy"] == pytest.approx(accuracy_score(true, names[p.argmax(1)]))
    assert found["all", "macro_f1"] == pytest.approx(f1_score(true, names[p.argmax(1)], average="macro"))
    assert found["all", "macro_auroc"] == pytest.approx(
        np.mean([roc_auc_score(true == x, p[:, k]) for k, x in enumerate(names)])
    )
    assert found["joy", "f1"] == pytest.approx(f1_score(true, names[p.argmax(1)], average=None)[1])
    assert found["all", "chance_uniform"] == pytest.approx(1 / 3)


def test_texts_of_several_labels_and_of_none():
    truth = truth_of(SEVERAL, MAP.emotion)
    p = np.array([[0.6, 0.3, 0.1], [0.4, 0.3, 0.3], [0.2, 0.2, 0.6], [0.8, 0.1, 0.1]])
    said = Said(("fear", "love", "neutral"), np.array([0, 0, 1, -1]), p)
    found = {(r[0], r[1]): (r[2], r[3]) for r in quality(truth, said)}
    assert ("joy", "f1") not in found  # the judge has no such label
    # texts a, c and d show fear or love: a right (one of its labels), c right, d has no label
    assert found["all", "accuracy"] == (pytest.approx(2 / 3), 3)
    assert found["all", "share_without_label"] == (0.25, 4)
    assert found["fear", "f1"] == (pytest.approx(2 / 4), 2)  # a hit, b false, d missed
    assert found["fear", "auroc"] == (1.0, 2)
    assert np.isnan(f1(np.zeros(2, bool), np.zeros(2, bool)))


def test_calibration_over_all_texts_counts_those_without_an_emotion():
    """Neutral texts that get an emotion are wrong, those that get the label for none are right."""
    truth = Truth([""] * 4, ("fear", "joy"), np.array([[1, 0], [0, 0], [0, 0], [0, 0]], bool))
    p = np.full((4, 3), 0.0)
    p[np.arange(4), [0, 0, 2, 2]] = 0.9
    said = Said(("fear", "love", "neutral"), np.array([0, 0, 2, -1]), p)
    of = {r[1]: r[2] for r in quality(truth, said, {"neutral"}) if r[0] == "all"}
    assert of["ece"] == pytest.approx(0.1)
    assert of["ece_all"] == pytest.approx(abs(0.9 - 2 / 3))  # right: the fear, the neutral one; no verdict: left out
    # an emotion that people could find and the judge has no label for is no text without emotion
    shown = Truth([""], ("fear", "joy"), np.array([[0, 1]], bool))
    neutral = {r[1]: r[2] for r in quality(shown, Said(said.labels, np.array([2]), p[2:3]), {"neutral"})}
    assert neutral["ece_all"] == pytest.approx(0.9)
    assert {r[1]: r[2] for r in quality(truth, said)}["ece_all"] == pytest.approx(abs(0.9 - 1 / 3))


def test_labels_that_stand_for_one_are_pooled():
    said = Said(("joy", "love", "fear", "neutral"), np.array([1, 3, -1]), np.array([[0.3, 0.4, 0.2, 0.1]] * 3))
    pooled = said.pooled({"joy": "joy", "love": "joy", "fear": "fear"})
    assert pooled.labels == ("joy", "fear", "neutral") and pooled.top.tolist() == [0, 2, -1]
    assert pooled.probability[0] == pytest.approx([0.7, 0.2, 0.1])


def test_a_corpus_on_both_levels_and_one_without_a_common_emotion(tmp_path):
    said = Said(("joy", "love", "fear"), np.array([0, 0, 0, 2]), np.full((4, 3), 1 / 3))
    found = assess(SEVERAL, MAP, said, MAP, "clue", "unknown")
    assert set(found["texts"]) == {"unknown"}
    JUDGE_QUALITY.write(tmp_path / "q.tsv", found)
    accuracy = found[(found["of"] == "all") & (found["quantity"] == "accuracy")].set_index("judge_level")["value"]
    assert accuracy["fine"] == pytest.approx(2 / 3) and accuracy["basic"] == 1.0  # love was taken for joy
    with pytest.raises(ValueError, match=r"no emotion of the corpus clue is a label of the judge \(pride\)"):
        assess(SEVERAL, MAP, Said(("pride",), np.zeros(4, int), np.ones((4, 1))), LabelMap({}, {}), "clue")


def test_what_a_judge_says_of_itself_stands_in_its_table(tmp_path):
    said = Said(("fear", "joy"), np.array([0, 1, 1]), np.array([[0.9, 0.1], [0.2, 0.8], [0.4, 0.6]]))
    facts = {"accuracy": 0.5, "n_labels": 2, "trained_on": "words", "macro_f1": 0.4}
    found = of_held_out(["fear", "joy", "fear"], said, facts, "goemotions")
    JUDGE_QUALITY.write(tmp_path / "q.tsv", found)
    own = found[found["of"] == "all"].set_index("quantity")["value"]
    assert own["accuracy"] == 0.5 and own["n_labels"] == 2 and own["macro_auroc"] == 1.0
    assert set(found["texts"]) == {"held-out"} and set(found["corpus"]) == {"goemotions"}


def test_kappa_closed_form_and_judges_without_a_label(tmp_path):
    # Cohen's own table: both yes 20, both no 15, one of them alone 5 and 10
    a = np.repeat([1.0, 1, 0, 0], [20, 5, 10, 15])
    b = np.repeat([1.0, 0, 1, 0], [20, 5, 10, 15])
    nothing = np.zeros(50)
    hits = {
        "one": np.column_stack([a, np.full(50, np.nan), nothing]),
        "two": np.column_stack([b, b, nothing]),
        "three": np.column_stack([1 - a, b, np.full(50, np.nan)]),
    }
    found = agreement(hits, ("joy", "fear", "awe"), np.arange(50))
    JUDGE_AGREEMENT.write(tmp_path / "a.tsv", found)
    found = found.set_index(["judge_a", "judge_b", "emotion"])
    assert found.loc[("one", "two", "joy"), "kappa"] == pytest.approx(0.4)
    assert found.loc[("one", "two", "joy"), "agreement"] == pytest.approx(0.7)
    assert np.isnan(found.loc[("one", "two", "awe"), "kappa"]) and found.loc[("one", "two", "awe"), "agreement"] == 1
    assert ("one", "two", "fear") not in found.index and found.loc[("one", "two", "all"), "n"] == 100
    assert found.loc[("one", "three", "joy"), "kappa"] == pytest.approx(-(1 - 0) * 1.0)
    assert found.loc[("two", "three", "fear"), "kappa"] == 1
