"""The planted world: its tables, its geometry, its simulated people and its texts."""

import dataclasses
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chisquare, rankdata, spearmanr

from shared_affect.planted.world import DIMENSIONS, LANGUAGES, SLOTS, World, WorldSettings, WorldTables

RESOURCES = Path(__file__).parents[2] / "resources"


@pytest.fixture(scope="module")
def tables():
    return WorldTables.read(
        RESOURCES / "planted",
        {k: RESOURCES / f"concepts/{k}.tsv" for k in LANGUAGES},
        {k: RESOURCES / f"templates/{k}.tsv" for k in LANGUAGES},
    )


@pytest.fixture(scope="module")
def world(tables):
    return World(tables, 100)


@pytest.fixture(scope="module")
def flat(tables):
    return World(tables, 100, affect=False)


@pytest.fixture(scope="module")
def documents(world):
    return world.documents(3000, "test")


# ---- tables


def test_tables_agree_with_each_other(tables):
    emotions = pd.read_csv(RESOURCES / "emotions.tsv", sep="\t")
    assert len(emotions) == 27 and emotions["emotion"].tolist() == tables.emotions["emotion"].tolist()
    assert sorted(emotions.loc[emotions["basic"], "emotion"]) == [
        "anger",
        "disgust",
        "fear",
        "joy",
        "sadness",
        "surprise",
    ]
    for language in LANGUAGES:
        concepts = tables.concepts[language]
        assert set(concepts["emotion"]) == set(emotions["emotion"]) and not concepts["word"].duplicated().any()
        assert concepts[concepts["planted"]].groupby("emotion").size().between(7, 9).all()
    translations = pd.read_csv(RESOURCES / "translations.tsv", sep="\t", dtype=str)
    pd.testing.assert_frame_equal(
        translations[: len(tables.ordinary)], tables.ordinary[["pair", "en", "zh"]].astype(translations.dtypes)
    )


def test_templates_come_in_pairs_and_one_is_held_out(tables):
    en, zh = (tables.templates[k] for k in LANGUAGES)
    assert en["template"].tolist() == zh["template"].tolist() and en["held_out"].tolist() == zh["held_out"].tolist()
    assert en["held_out"].sum() == 1 and (~en["held_out"]).sum() >= 3
    for text, stop in [*((t, ".") for t in en["text"]), *((t, "。") for t in zh["text"])]:
        assert text.count("{word}") == 1 and text.endswith(stop)
    assert en["text"][0] == "{word}." and zh["text"][0] == "{word}。"


def test_sentence_templates_of_both_languages_have_the_same_slots(world):
    for en, zh in zip(world.sentence_templates["en"], world.sentence_templates["zh"], strict=True):
        slots = [sorted(re.findall(r"\{(\w)\}", t)) for t in (en.replace("{j}", "{n}"), zh)]
        assert slots[0] == slots[1] and set(slots[0]) <= {*SLOTS, "b", "N"}


def test_neutral_sentences_hold_no_word_of_the_world(world, tables):
    english = set(world.words.loc[world.words["language"] == "en", "word"])
    chinese = world.words.loc[world.words["language"] == "zh", "word"]
    assert not [w for t in tables.neutral["en"] for w in re.findall("[a-z]+", t.lower()) if w in english]
    assert not [(t, w) for t in tables.neutral["zh"] for w in chinese if w in t]


# ---- geometry and people


def test_centres_differ_between_seeds_but_keep_their_valence_sign(tables):
    base = tables.emotions[list(DIMENSIONS)].to_numpy()
    shift = tables.emotions[[f"zh_shift_{d}" for d in DIMENSIONS]].to_numpy()
    moved = []
    for seed in range(100, 108):
        centres = World(tables, seed).centres
        for language, middle in (("en", base), ("zh", base + shift)):
            assert (np.sign(centres[language][:, 0]) == np.sign(middle[:, 0])).all() and np.abs(
                centres[language]
            ).max() <= 1
        inside = np.abs(base) < 0.6
        inside[:, 0] = False
        moved.append((centres["en"] - base)[inside])
    moved = np.concatenate(moved)
    assert abs(moved.std() - WorldSettings().centre_jitter) < 0.01 and abs(moved.mean()) < 0.01


def test_words_stand_around_their_centres(world):
    words = world.words
    for language in LANGUAGES:
        concept = words[(words["language"] == language) & (words["emotion"] != "")]
        centre = (
            world.emotion_centres(language).set_index("emotion").loc[concept["emotion"], list(DIMENSIONS)].to_numpy()
        )
        off = concept[list(DIMENSIONS)].to_numpy() - centre
        assert abs(off.std() - 0.15) < 0.015
    pairs = words[words["pair"] != ""].pivot(index="pair", columns="language", values="valence")
    moved = (pairs["zh"] - pairs["en"]).abs() > 0.5
    assert 0.04 < moved.mean() < 0.18
    assert pairs[~moved].corr().iloc[0, 1] > 0.95


def test_norms_have_the_reliability_their_sd_declares(world):
    for language in LANGUAGES:
        norms = world.norms(language)
        truth = world.truth().query("language == @language").set_index("word").loc[norms["word"]]
        for dimension in ("valence", "arousal"):
            assert norms[dimension].abs().max() < 1
            error = norms[dimension].to_numpy() / world.settings.rating_unit - truth[dimension].to_numpy()
            assert abs(error.std() - 0.15) < 0.015
            declared = 1 - (norms[f"{dimension}_sd"] ** 2 / norms[f"{dimension}_n"]).mean() / norms[dimension].var(
                ddof=1
            )
            assert abs(declared - np.corrcoef(norms[dimension], truth[dimension])[0, 1] ** 2) < 0.02


def ceilings(judgements):
    """Lower ceiling and corrected split-half by loops over raters, Spearman from scipy on untied averages."""
    rows = np.array([group["dissimilarity_1to9"].to_numpy() for _, group in judgements.groupby("rater")])
    n = rows.shape[1]
    ranks = np.array([rankdata(r) for r in rows])

    def rho_a(x, y):
        return sum(12 * (a - (n + 1) / 2) * (b - (n + 1) / 2) for a, b in zip(rankdata(x), rankdata(y))) / (n**3 - n)

    low = np.mean([rho_a(r, np.delete(ranks, i, 0).mean(0)) for i, r in enumerate(rows)])
    g = np.random.default_rng(0)
    halves = []
    for _ in range(20):
        order = g.permutation(len(rows))
        halves.append(rho_a(rows[order[::2]].mean(0), rows[order[1::2]].mean(0)))
    split = np.mean(halves)
    return low, np.sqrt(2 * split / (1 + split))


@pytest.mark.parametrize("language", LANGUAGES)
def test_judgements_have_the_declared_noise_ceilings(world, language):
    judgements = world.judgements(language)
    assert judgements.groupby("rater").size().tolist() == [351] * 40
    assert judgements["dissimilarity_1to9"].between(1, 9).all() and judgements["dissimilarity_1to9"].nunique() == 9
    low, group = ceilings(judgements)
    assert 0.70 <= low <= 0.75 and group >= 0.97
    centres = world.emotion_centres(language).set_index("emotion")
    mean = judgements.groupby(["emotion_a", "emotion_b"], sort=False)["dissimilarity_1to9"].mean()
    distance = [sum((centres.loc[a] - centres.loc[b]) ** 2) ** 0.5 for a, b in mean.index]
    assert spearmanr(mean, distance)[0] > 0.97


def test_people_do_not_depend_on_the_texts_having_affect(world, flat):
    for language in LANGUAGES:
        pd.testing.assert_frame_equal(world.norms(language), flat.norms(language))
        pd.testing.assert_frame_equal(world.judgements(language), flat.judgements(language))


# ---- texts


def test_words_are_emitted_by_frequency_and_distance(world, flat):
    """Observed counts against probabilities from a naive loop; the control world ignores the distance."""
    pool = world._pool[0, SLOTS.index("p")]
    state = np.array([0.4, -0.3, 0.1, 0.2], np.float32)
    with_affect, without = [], []
    for i in pool:
        frequency = np.exp(world._log_frequency[i])
        with_affect.append(frequency * np.exp(-sum((world._coordinates[i] - state) ** 2) / (2 * 0.3**2)))
        without.append(frequency)
    for w, p in ((world, with_affect), (flat, without)):
        p = np.array(p, float) / sum(p)
        drawn = w._emit(
            w._coordinates[pool], np.tile(state, (40000, 1)), w._log_frequency[pool], 0.3, np.random.default_rng(0)
        )
        common = p * 40000 > 5
        observed = np.bincount(drawn, minlength=len(pool))
        observed, expected = (
            np.r_[observed[common], observed[~common].sum()],
            np.r_[p[common], p[~common].sum()] * 40000,
        )
        keep = expected > 0
        assert observed[~keep].sum() == 0
        assert chisquare(observed[keep], expected[keep] / expected[keep].sum() * observed[keep].sum()).pvalue > 0.001


def affect_of_texts(world, texts):
    """Mean valence of the first and the last known word of each English text."""
    valence = world.words[world.words["language"] == "en"].set_index("word")["valence"]
    found = [[w for w in re.findall("[a-z]+", t) if w in valence.index] for t in texts]
    return np.array([(valence[f[0]], valence[f[-1]]) for f in found if len(f) > 1])


def test_words_of_a_document_share_their_affect_and_in_the_control_world_do_not(world, flat):
    with_affect = affect_of_texts(world, world.fidelity_texts("en", 600))
    without = affect_of_texts(flat, flat.fidelity_texts("en", 600))
    assert np.corrcoef(with_affect.T)[0, 1] > 0.4
    assert abs(np.corrcoef(without.T)[0, 1]) < 0.15


def test_translation_keeps_emotions_only_in_the_world_with_affect(world, flat):
    emotion = world.words["emotion"].to_numpy(object)
    language, pair = world._language, world.words["pair"].to_numpy(object)
    concept = np.flatnonzero(emotion != "")
    for w, expected in ((world, 1.0), (flat, 1 / 27)):
        same = []
        for (k, _slot), (table, counts) in w._translation.items():
            for i in np.flatnonzero(pair != ""):
                assert counts[i] == 1 and pair[table[i, 0]] == pair[i] and language[table[i, 0]] == k
            for i in concept:
                assert (language[table[i, : counts[i]]] == k).all()
                same += (emotion[table[i, : counts[i]]] == emotion[i]).tolist()
        assert abs(np.mean(same) - expected) < 0.02
    assert all((counts == 1).all() for _, counts in flat._translation.values())


def test_parallel_documents_translate_pairs(tables):
    settings = dataclasses.replace(WorldSettings(), kind_shares=(0, 0, 0, 1, 0), carrier_share=0.0)
    world = World(tables, 101, settings=settings)
    texts = world.documents(200, "parallel")
    seen = 0
    for text in texts:
        english = set(re.findall("[A-Za-z]+", text))
        for pair in tables.ordinary.itertuples():
            if pair.en in english:
                seen += 1
                assert pair.zh in text
    assert seen > 200


def test_documents_use_every_carrier_but_the_held_out_one(world, documents, tables):
    text = " ".join(documents)
    for language in LANGUAGES:
        for row in tables.templates[language].itertuples():
            before = row.text.split("{word}")[0]
            if before:
                assert (before in text) == (not row.held_out), row.text
    assert re.search(r"\. [a-z]+\. ", text) and re.search(r"。[^。，a-z ]{1,4}。", text)


def test_document_kinds_and_spelling(world, documents):
    assert len(documents) == 3000
    latin, han = (np.array([bool(re.search(p, d)) for d in documents]) for p in ("[a-z]", "[\u4e00-\u9fff]"))
    assert 0.12 < (latin & ~han).mean() < 0.25 and 0.12 < (han & ~latin).mean() < 0.25
    assert not [
        d for d in documents if "  " in d or "{" in d or " ." in d or " 。" in d or d != d.strip() or "None" in d
    ]
    assert all(d.endswith((".", "。")) for d in documents)


def test_single_language_texts(world, tables):
    assert not [t for t in world.fidelity_texts("zh", 50) + world.neutral_texts("zh", 50) if re.search("[a-z]", t)]
    assert not [
        t for t in world.fidelity_texts("en", 50) + world.neutral_texts("en", 50) if re.search("[\u4e00-\u9fff]", t)
    ]
    allowed = set(tables.neutral["en"])
    assert all(
        set(re.findall(r"[^.]+\.", t)) <= {s if i == 0 else f" {s}" for s in allowed for i in (0, 1)}
        for t in world.neutral_texts("en", 20)
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_judge_labels_name_the_nearest_centre(world, language):
    judge = world.judge_documents(language, 600)
    assert judge["label"].nunique() == 27 and set(judge["label"]) == set(world.emotions)
    concepts = world.words[(world.words["language"] == language) & (world.words["emotion"] != "")]
    words, coordinates, centres = (
        concepts["word"].tolist(),
        concepts[list(DIMENSIONS)].to_numpy(),
        world.centres[language],
    )
    near = []
    for row in judge.itertuples():
        found = [w in row.text for w in words]
        if sum(found) > 1:
            distance = ((centres - coordinates[found].mean(0)) ** 2).sum(1)
            near.append(rankdata(distance)[world.emotions.index(row.label)])
    assert len(near) > 200 and np.median(near) <= 3


def test_equal_seeds_give_equal_texts_and_other_purposes_others(world, tables, documents):
    again = World(tables, 100)
    assert again.documents(300, "test") == world.documents(300, "test")
    assert not set(again.documents(300, "other")) & set(documents)
    assert World(tables, 101).documents(50, "test") != world.documents(50, "test")
    assert world.documents(0, "test") == []


def test_wrong_input_is_refused(world, tables, tmp_path):
    with pytest.raises(ValueError, match="language is 'de'"):
        world.norms("de")
    with pytest.raises(ValueError, match="n is -1"):
        world.documents(-1, "test")
    with pytest.raises(ValueError, match="kind_shares"):
        World(tables, 100, settings=dataclasses.replace(WorldSettings(), kind_shares=(1.0,)))
    doubled = tables.concepts["en"].assign(word=tables.concepts["en"]["word"].replace("anger", "rage"))
    with pytest.raises(ValueError, match="'rage' stands twice"):
        World(dataclasses.replace(tables, concepts={**tables.concepts, "en": doubled}), 100)
    unknown = tables.concepts["en"].assign(emotion=tables.concepts["en"]["emotion"].replace("anger", "ire"))
    with pytest.raises(ValueError, match="'ire'"):
        World(dataclasses.replace(tables, concepts={**tables.concepts, "en": unknown}), 100)
    with pytest.raises(ValueError, match="no concepts table"):
        WorldTables.read(RESOURCES / "planted", {"en": RESOURCES / "concepts/en.tsv"}, {})
    (tmp_path / "en.tsv").write_text("emotion\tword\tpos\n", encoding="utf-8")
    with pytest.raises(ValueError, match="column 'planted' is missing"):
        WorldTables.read(
            RESOURCES / "planted",
            {k: tmp_path / "en.tsv" for k in LANGUAGES},
            {k: RESOURCES / f"templates/{k}.tsv" for k in LANGUAGES},
        )


def test_planted_rows_are_found_by_name_whatever_stands_beside_them(root, tmp_path):
    from shared_affect.planted.rows import planted_rows

    text = (root / "resources/concepts/en.tsv").read_text(encoding="utf-8")
    rows = planted_rows(root / "resources/concepts/en.tsv")
    assert rows == [line for line in text.splitlines() if line.split("\t")[3] == "true"] and len(rows) > 100
    moved = "\n".join(
        "\t".join(["note" if k == 0 else "true", *line.split("\t")[::-1]]) for k, line in enumerate(text.splitlines())
    )
    (tmp_path / "en.tsv").write_text(moved + "\n", encoding="utf-8")
    assert planted_rows(tmp_path / "en.tsv") == rows
    (tmp_path / "en.tsv").write_text(text.replace("planted", "plantd", 1), encoding="utf-8")
    with pytest.raises(ValueError, match=r"en\.tsv: column 'planted' is missing"):
        planted_rows(tmp_path / "en.tsv")
