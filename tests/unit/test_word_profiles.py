"""Profiles of words: how they are read, which words stand for an emotion, how far apart two are."""

import numpy as np
import pandas as pd
import pytest
from made_vignettes import write_song
from scipy.spatial.distance import cosine
from scipy.stats import spearmanr

from shared_affect.base.seeds import Seeds
from shared_affect.base.stats import rho_a
from shared_affect.human import profiles
from shared_affect.human.files import PROFILES
from shared_affect.human.shuffles import shuffle_names
from shared_affect.spaces.files import RSA_PROFILES
from shared_affect.spaces.profiles import COLUMNS, agreement, compare_profiles, profile_rdms
from shared_affect.spaces.rdm import RaterRDMs, rdm_from_condensed
from shared_affect.spaces.space_files import Spaces

EMOTIONS = ["anger", "fear", "joy", "love", "pride"]
WORDS = dict(zip(EMOTIONS, ["愤怒", "害怕", "喜悦", "爱情", "骄傲"], strict=True))


NAMED = tuple(WORDS.values())


def ratings(seed=0, words=NAMED, scales=4):
    rng = np.random.default_rng(seed)
    rows = [(w, g, f"s{k}", rng.uniform(1, 5)) for w in words for g in ("women", "men") for k in range(scales)]
    return pd.DataFrame(rows, columns=profiles.COLUMNS)


def test_songs_table_is_read_by_sex_and_scale(tmp_path):
    own = [1 + k / 10 for k in range(20)]
    path = write_song(tmp_path / "song.tsv", [("愤怒", own), ("高兴", ["", *own[1:]])])
    frame = profiles.read_song2026(path)
    found = frame.set_index(["word", "group", "scale"])["rating_1to5"]
    assert found["愤怒", "women", "happiness"] == 1.0 and found["愤怒", "men", "happiness"] == 1.1
    assert found["愤怒", "men", "serenity"] == 2.9 and len(frame) == 39
    assert ("高兴", "women", "happiness") not in found.index


@pytest.mark.parametrize(
    ("word", "value", "message"),
    [
        ("愤怒", "5.2", "CHINESE_HAPPINESS_MEAN_FEMALE of '愤怒' is '5.2'; expected a number from 1 to 5"),
        ("愤怒", "x", "is 'x'; expected a number"),
        ("anger", "2", "no Chinese character"),
    ],
)
def test_a_bad_table_of_ratings_is_named(tmp_path, word, value, message):
    path = write_song(tmp_path / "song.tsv", [(word, [value] + [2] * 19)])
    with pytest.raises(ValueError, match=message):
        profiles.read_song2026(path)
    path.write_text(path.read_text().replace("CHINESE_FEAR_MEAN_MALE", "CHINESE_FEAR_MALE"))
    with pytest.raises(ValueError, match="CHINESE_FEAR_MEAN_MALE' is missing"):
        profiles.read_song2026(path)


def test_a_word_with_two_ratings_is_refused(tmp_path):
    path = write_song(tmp_path / "song.tsv", [("愤怒", [2] * 20), ("愤怒", [3] * 20)])
    with pytest.raises(ValueError, match="'愤怒' has CHINESE_HAPPINESS_MEAN_FEMALE"):
        profiles.read_song2026(path)


def test_own_profiles_come_in_standard_form(tmp_path):
    path = tmp_path / "own.tsv"
    path.write_text("word\tgroup\tscale\trating_1to5\n愤怒\ta\tfear\t2.5\n愤怒\tb\tfear\t1\n", encoding="utf-8")
    assert profiles.read_profiles(path)["rating_1to5"].tolist() == [2.5, 1.0]
    path.write_text("word\tgroup\tscale\trating_1to5\n愤怒\ta\tfear\t0.5\n", encoding="utf-8")
    with pytest.raises(ValueError, match="from 1 to 5"):
        profiles.read_profiles(path)


def test_groups_are_means_over_the_same_words_and_scales_that_all_have():
    frame = ratings()
    frame = frame[~((frame["word"] == "爱情") & (frame["group"] == "men") & (frame["scale"] == "s3"))]
    more = ratings(1, ["欢喜"])
    more = more[~((more["group"] == "women") & (more["scale"] == "s0"))]
    words = {"names": {e: [w] for e, w in WORDS.items()} | {"joy": ["喜悦", "欢喜", "不在"]}}
    found = profiles.profiles_of_emotions(pd.concat([frame, more]), words, [*EMOTIONS, "awe"])
    PROFILES.check(found, "here")
    assert set(found["scale"]) == {"s0", "s1", "s2"}  # men rated no word of love on s3
    joy = found[(found["emotion"] == "joy") & (found["group"] == "men")].set_index("scale")
    assert joy["n_words"].to_dict() == {"s0": 1, "s1": 2, "s2": 2}
    own = frame[(frame["word"] == "喜悦") & (frame["group"] == "men")].set_index("scale")["rating_1to5"]
    assert joy["rating"]["s0"] == pytest.approx(own["s0"])
    assert "awe" not in set(found["emotion"])
    with pytest.raises(ValueError, match="stand for 3 of the study's emotions; needed: 4"):
        profiles.profiles_of_emotions(frame, words, ["joy", "fear", "love"])
    with pytest.raises(ValueError, match=r"1 group\(s\) of raters"):
        profiles.profiles_of_emotions(frame[frame["group"] == "men"], words, EMOTIONS)


def test_distances_are_cosines_whatever_the_order_and_strength_does_not_count():
    frame = profiles.profiles_of_emotions(ratings(), {"names": {e: [w] for e, w in WORDS.items()}}, EMOTIONS)
    groups = profile_rdms(frame)
    wide = frame[frame["group"] == "women"].pivot(index="emotion", columns="scale", values="rating")
    naive = [cosine(wide.loc[a], wide.loc[b]) for i, a in enumerate(EMOTIONS) for b in EMOTIONS[i + 1 :]]
    assert np.allclose(groups.values[groups.raters.index("women")], naive)
    mixed = profile_rdms(frame.sample(frac=1, random_state=1))
    assert np.allclose(mixed.subset(EMOTIONS).values, groups.values)
    twice = frame.assign(rating=frame["rating"].where(frame["emotion"] != "joy", 2 * frame["rating"]))
    assert np.allclose(profile_rdms(twice).values, groups.values)
    assert agreement(groups) == pytest.approx(spearmanr(*groups.values).statistic)


def compared(pairs, positive=3, wordings=("names",), emotions=EMOTIONS):
    """The profiles of `ratings` against a space made of them; the last of EMOTIONS are positive."""
    words = {w: {e: [WORDS[e]] for e in emotions} for w in wordings}
    frame = profiles.profiles_of_emotions(ratings(), words, EMOTIONS)
    groups = profile_rdms(frame[frame["wording"] == wordings[0]])
    rng = np.random.default_rng(0)
    affect = pd.DataFrame({"emotion": EMOTIONS, "valence": rng.normal(size=5), "arousal": rng.normal(size=5)})
    affect["valence_class"] = ["negative"] * (5 - positive) + ["positive"] * positive
    found = rdm_from_condensed(groups.labels, groups.values.mean(0))
    how = dict(pairs=pairs, n_permutations=99, n_bootstrap=50, human_language="zh", seeds=Seeds(0, ("test",)))
    return compare_profiles(Spaces({"sae-space": found, "sae-all": found}, {}, {}), frame, affect, **how), groups


def test_a_space_made_of_the_profiles_is_found():
    table, groups = compared(["all"])
    RSA_PROFILES.check(table, "here")
    row = table[table["representation"] == "sae-space"].iloc[0]
    assert list(table) == COLUMNS and row["reference"] == "profiles" and row["n_groups"] == 2
    assert row["rho_group"] == pytest.approx(1) and row["group_agreement"] == pytest.approx(agreement(groups))
    assert {"valence-sign", "valence-arousal"} <= set(table["representation"])


@pytest.mark.parametrize(
    ("positive", "kept"),
    [
        (3, {"all"}),  # three positive emotions are two without one: its pair says nothing of an interval
        (4, {"all", "within-valence", "within-positive"}),
        (5, {"all", "within-valence", "within-positive"}),
    ],
)
def test_pair_sets_that_are_too_small_without_one_emotion_are_left_out(positive, kept):
    table, _ = compared(["all", "within-valence", "within-positive", "within-negative"], positive)
    assert set(table["pairs"]) == kept
    own = table[table["representation"] == "valence-arousal"]
    assert (own["ci_high"] > own["ci_low"]).all()


def test_without_any_pair_set_that_is_large_enough_the_sets_are_named():
    with pytest.raises(
        ValueError, match=r"large enough for these profiles: within-positive, within-negative over anger"
    ):
        compared(["within-positive", "within-negative"])


def test_the_control_renames_profiles_and_affect_alike():
    words = {
        "names": {e: [w] for e, w in WORDS.items()},
        "concept-sets": {e: [WORDS[e]] for e in ("joy", "fear", "love", "pride")},
    }
    frame = profiles.profiles_of_emotions(ratings(), words, EMOTIONS)
    affect = pd.DataFrame({"emotion": EMOTIONS, "valence": range(5)})
    new, of_affect = shuffle_names(frame, affect, np.random.default_rng(3))
    renamed = dict(zip(frame["emotion"], new["emotion"], strict=True))
    assert renamed != {e: e for e in renamed} and sorted(renamed.values()) == EMOTIONS
    assert of_affect["emotion"].tolist() == [renamed[e] for e in EMOTIONS]
    assert (new["rating"] == frame["rating"]).all()


def test_women_and_men_agree_by_88_over_the_names(published_files, root):
    frame = profiles.read_song2026(published_files("NoRaRe", "Song-2026-Emotions", "Song-2026-Emotions.tsv"))
    assert frame["word"].nunique() == 747 and len(frame) == 747 * 20 - 345
    names, sets = (profiles.read_words(root / f"resources/{f}/zh.tsv") for f in ("profiles", "concepts"))
    emotions = list(dict.fromkeys(sets))
    found = profiles.profiles_of_emotions(frame, profiles.words_of_emotions(names, sets), emotions)
    by = {w: profile_rdms(own) for w, own in found.groupby("wording")}
    assert len(by["names"].labels) == 11 and agreement(by["names"]) == pytest.approx(0.8771, abs=5e-4)
    assert len(by["concept-sets"].labels) == 22 and agreement(by["concept-sets"]) == pytest.approx(0.930, abs=1e-3)
    assert "amusement" not in set(found["scale"])  # men rated 骄傲 and others on nine scales


def test_judgements_of_english_speakers_agree_with_chinese_profiles(published_files, root):
    from shared_affect.human.judgements import read_li2024

    ratings = profiles.read_song2026(published_files("NoRaRe", "Song-2026-Emotions", "Song-2026-Emotions.tsv"))
    names = profiles.read_words(root / "resources/profiles/zh.tsv")
    groups = profile_rdms(profiles.profiles_of_emotions(ratings, {"names": names}, list(names)))
    files = ("ind_dist_subjective_comparison.csv", "reordered_emotions.csv", "data.xlsx")
    judged = RaterRDMs.from_long(read_li2024(*(published_files("ModelEmotion_Li2024", f) for f in files)))
    mean = judged.subset(groups.labels).values.mean(0)
    assert np.mean(rho_a(groups.values, mean)) == pytest.approx(0.799, abs=1e-3)


def test_names_of_emotions_are_words_of_their_sets(root):
    names, sets = (profiles.read_words(root / f"resources/{f}/zh.tsv") for f in ("profiles", "concepts"))
    assert [(e, w) for e, own in names.items() for w in own if w not in sets[e]] == []
