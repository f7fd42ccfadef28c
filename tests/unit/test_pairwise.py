"""Every space against every other, and against people."""

import logging

import numpy as np
import pandas as pd
import pytest
from scipy.stats import spearmanr

from shared_affect.base.seeds import Seeds
from shared_affect.spaces.files import SPACE_PAIRS
from shared_affect.spaces.pair_sets import PairSets
from shared_affect.spaces.pairwise import View, common_classes, compare_pairwise, views_of_people
from shared_affect.spaces.rdm import RaterRDMs, euclidean_rdm
from shared_affect.spaces.rsa import Repeats, compare_spaces

EMOTIONS = tuple("abcdefgh")
CLASSES = dict(zip(EMOTIONS, ["positive"] * 4 + ["negative"] * 4, strict=True))
HOW = dict(pairs=["all", "within-valence"], n_permutations=199, n_bootstrap=50)


def view(name, language="en", kind="space", sae="s"):
    return View(kind, name, sae, language)


def rdm(seed, labels=EMOTIONS):
    return euclidean_rdm(np.random.default_rng(seed).normal(size=(len(labels), 3)), labels)


def test_every_two_views_once_and_equal_to_a_comparison_with_one_rater(tmp_path):
    views = {view("m1"): rdm(0), view("m1", "zh"): rdm(1), view("m2"): rdm(2)}
    found = compare_pairwise(views, CLASSES, seeds=Seeds(0), **HOW)
    assert len(found) == 3 * 2 and not found.duplicated(list(SPACE_PAIRS.key)).any()
    SPACE_PAIRS.write(tmp_path / "t.tsv", found)
    pd.testing.assert_frame_equal(SPACE_PAIRS.read(tmp_path / "t.tsv"), found, check_dtype=False)
    row = found.query("name_a == 'm1' and language_a == 'zh' and name_b == 'm2' and pairs == 'all'").iloc[0]
    a, b = rdm(1), rdm(2)
    # without ties rho-a is Spearman's
    assert row["rho"] == pytest.approx(spearmanr(a.condensed(), b.condensed())[0]) and row["n_pairs"] == 28
    alone = compare_spaces(
        {"x": a},
        RaterRDMs(EMOTIONS, ("y",), b.condensed()[None]),
        pairs=PairSets(["all"], CLASSES),
        repeats=Repeats(0, 50),
        rng=np.random.default_rng(0),
    ).iloc[0]
    assert (row["ci_low"], row["ci_high"]) == (alone["ci_low"], alone["ci_high"])
    assert found["p"].between(0.005, 1).all() and (found["n_permutations"] == 199).all()


def test_sides_can_be_exchanged_and_a_view_more_moves_no_number():
    views = {view("m1"): rdm(0), view("m2"): rdm(1)}
    one = compare_pairwise(views, CLASSES, seeds=Seeds(0), **HOW)
    back = compare_pairwise(dict(reversed(views.items())), CLASSES, seeds=Seeds(0), **HOW)
    np.testing.assert_allclose(one[["rho", "ci_low", "ci_high"]], back[["rho", "ci_low", "ci_high"]], atol=1e-12)
    more = compare_pairwise({view("m0"): rdm(5), **views}, CLASSES, seeds=Seeds(0), **HOW)
    same = more[(more["name_a"] == "m1") & (more["name_b"] == "m2")].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, one)


def test_views_meet_in_the_emotions_that_both_know_and_too_few_are_told(caplog):
    views = {
        view("m1"): rdm(0),
        view("people", kind="judgements", sae="-"): rdm(1, tuple("hgfedx")),
        view("m2"): rdm(2),
    }
    found = compare_pairwise(views, CLASSES, seeds=Seeds(0), **HOW)
    with_people = found[found["kind_b"] == "judgements"]
    # d alone is positive there: inside a class without any one of the other four there are three pairs
    assert with_people.set_index("pairs")["n_emotions"].to_dict() == {"all": 5, "within-valence": 4}
    few = {view("m1"): rdm(0), view("m2"): rdm(1, ("a", "b", "x"))}
    with caplog.at_level(logging.INFO, logger="shared_affect"):
        logging.getLogger("shared_affect").propagate = True
        assert compare_pairwise(few, CLASSES, seeds=Seeds(0), **HOW).empty
    assert "space m1 s en and space m2 s en: pair set all is left out" in caplog.text


def test_equal_spaces_agree_wholly_and_a_flat_one_with_nothing():
    flat = euclidean_rdm(np.eye(8), EMOTIONS)
    views = {view("m1"): rdm(0), view("same"): rdm(0), view("flat"): flat}
    found = compare_pairwise(views, CLASSES, seeds=Seeds(0), **HOW).query("pairs == 'all'").set_index("name_b")
    assert found.loc["same", "rho"] == pytest.approx(1) and found.loc["same", "p"] == 0.005
    assert (found.loc["flat", "rho"] == 0).all() and (found.loc["flat", "p"] == 1).all()


def test_people_are_the_mean_of_their_judgements_and_of_their_groups():
    rng = np.random.default_rng(0)
    judged = [
        {"rater": r, "emotion_a": a, "emotion_b": b, "dissimilarity": float(rng.integers(1, 9))}
        for r in "xy"
        for i, a in enumerate("abc")
        for b in "abc"[i + 1 :]
    ]
    profiles = [
        {"wording": w, "emotion": e, "group": g, "scale": s, "rating": rng.uniform(1, 5), "n_words": 1}
        for w in ("names", "concept-sets")
        for e in "abc"
        for g in ("women", "men")
        for s in ("happy", "afraid")
    ]
    frame = pd.DataFrame(judged)
    found = views_of_people("li", {"en": frame}, {("song", "zh"): pd.DataFrame(profiles)})
    assert list(found) == [View("judgements", "li", "-", "en"), View("profiles", "song", "-", "zh")]
    mean = frame.query("emotion_a == 'a' and emotion_b == 'c'")["dissimilarity"].mean()
    assert found[View("judgements", "li", "-", "en")].subset(("a", "c")).values[0, 1] == mean
    alone = pd.DataFrame(profiles).query("emotion == 'a'")
    assert len(views_of_people("li", {"en": frame}, {("song", "zh"): alone})) == 1


def test_classes_in_which_languages_differ_are_none(caplog):
    en = pd.DataFrame({"emotion": ["joy", "pride", "fear"], "valence_class": ["positive", "positive", "negative"]})
    zh = en.assign(valence_class=["positive", "negative", "negative"])
    with caplog.at_level(logging.INFO, logger="shared_affect"):
        logging.getLogger("shared_affect").propagate = True
        assert common_classes([en, zh]) == {"joy": "positive", "fear": "negative"}
    assert "languages differ: pride" in caplog.text
