"""Vignettes: how they are read, AUROC and its intervals, permutations, features beside as controls."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from made_vignettes import write_aipsy
from scipy.sparse import csr_matrix
from scipy.stats import mannwhitneyu

from shared_affect.base.seeds import Seeds
from shared_affect.features.codes import LanguageCodes, WordCodes
from shared_affect.features.select import select
from shared_affect.features.texts import READOUTS, text_codes
from shared_affect.human import vignettes
from shared_affect.human.files import VIGNETTES
from shared_affect.models.fidelity import rows_at_once
from shared_affect.validity.auroc import Texts, auroc, intervals, likeness, mean_interval, newcombe, permutation_p
from shared_affect.validity.files import TEXT_CODES, VALIDITY
from shared_affect.validity.scores import drawn_features, features_of_shuffled_sets
from shared_affect.validity.table import Stimuli, validity

CATEGORIES = ["rage", "terror", "ecstasy", "vigilance"]
OF = {"rage": "anger", "terror": "fear", "ecstasy": "joy"}


def test_vignettes_point_at_their_neutral_texts(tmp_path):
    frame = vignettes.read_aipsy(*write_aipsy(tmp_path, CATEGORIES))
    VIGNETTES.check(frame, "here")
    assert frame["role"].value_counts().to_dict() == {"vignette": 16, "neutral": 16, "unmatched": 2}
    own = frame.set_index("text_id")
    for v in frame["text_id"][frame["role"] == "vignette"]:
        partner = own.loc[v, "partner"]
        assert own.loc[partner, "partner"] == v and own.loc[partner, "category"] == own.loc[v, "category"]
    assert frame["block"].nunique() == 8
    names = [("", "vigilance"), *((e, c) for c, e in OF.items())]
    assert vignettes.emotions_of(frame, names, ["anger", "fear", "joy", "love"]) == OF
    with pytest.raises(ValueError, match="stand for 1 of the study's emotions; needed: 2"):
        vignettes.emotions_of(frame, names, ["joy", "love"])
    with pytest.raises(ValueError, match="category 'rage' of the vignettes stands for no known emotion"):
        vignettes.emotions_of(frame, names[:1], ["joy"])


DESIGNS = {
    "a scenario more": (
        lambda f: f.assign(block=f["block"].mask(f["text_id"].isin(["B-rage-d1-v1", "N-rage-d1-c1"]), "rage-9")),
        "scenarios of 1, 2 vignettes .'rage-9' has 1.; needed: as many in each",
    ),
    "one scenario": (
        lambda f: f[(f["category"] != "rage") | (f["block"] == "rage-1")],
        "emotion 'anger' has 1 scenario; needed: 2 or more",
    ),
    "a scenario of two categories": (
        lambda f: f.assign(block=f["block"].replace("terror-1", "rage-1")),
        "scenario 'rage-1' has vignettes of rage, terror; allowed: of one category",
    ),
    "a partner that is a vignette": (
        lambda f: f.assign(partner=f["partner"].where(f["text_id"] != "B-rage-d1-v1", "B-rage-d1-v2")),
        "vignette 'B-rage-d1-v1' is matched with 'B-rage-d1-v2'; needed: the text_id of a neutral text",
    ),
    "a neutral text of two vignettes": (
        lambda f: f.assign(partner=f["partner"].replace("N-rage-d1-c2", "N-rage-d1-c1")),
        "neutral text 'N-rage-d1-c1' is matched with several vignettes; allowed: one",
    ),
    "no partner": (
        lambda f: f.assign(partner=f["partner"].where(f["text_id"] != "B-rage-d1-v1", None)),
        "vignette 'B-rage-d1-v1' is matched with None; needed: the text_id of a neutral text",
    ),
    "no scenario": (
        lambda f: f.assign(block=f["block"].where(f["text_id"] != "B-rage-d1-v1", None)),
        "vignette 'B-rage-d1-v1' has no block",
    ),
    "one unmatched": (
        lambda f: f[f["text_id"] != "c-1"],
        "1 unmatched neutral text; needed: none, or 2 or more",
    ),
}


@pytest.mark.parametrize("case", DESIGNS)
def test_a_design_that_cannot_be_measured_is_refused_before_a_model_reads_it(tmp_path, case):
    change, message = DESIGNS[case]
    frame = vignettes.read_aipsy(*write_aipsy(tmp_path, CATEGORIES))
    vignettes.check_design(frame, OF)
    with pytest.raises(ValueError, match=message):
        vignettes.check_design(change(frame), OF)


def test_what_the_design_allows_can_be_measured(tmp_path):
    """A category of no emotion may have one scenario, a scenario one vignette, an emotion two scenarios."""
    frame = vignettes.read_aipsy(*write_aipsy(tmp_path, CATEGORIES, versions=1))
    frame = frame[(frame["category"] != "vigilance") | frame["block"].isin(["vigilance-1"])]
    frame = frame[frame["role"] != "unmatched"]
    vignettes.check_design(frame, OF)
    rng, own = np.random.default_rng(0), frame[frame["role"] == "vignette"]
    whose = np.array([list(OF.values()).index(OF[c]) if c in OF else -1 for c in own["category"]])
    x, y = rng.normal(size=(2, len(own), 3))
    t = Texts(tuple(OF.values()), whose, np.unique(own["block"], return_inverse=True)[1], x, y, np.empty((0, 3)))
    for what in ("matched-neutral", "other-emotions"):
        assert np.isfinite([*mean_interval(t, what), *intervals(t, what).ravel()]).all()
        assert 0 < permutation_p(t, what, 99, rng)[1] <= 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda es: [es[0] | {"stimulus_set": "D"}, *es[1:]],
            "line 1: stimulus_set is 'D'; expected one of B_clinical",
        ),
        (lambda es: [es[0], es[0] | {"id": "x"}, *es[2:]], "line 2: text .* stands in .*line 1 too"),
        (lambda es: [es[0], es[1] | {"id": es[0]["id"]}, *es[2:]], "line 2: id .* stands in .*line 1 too"),
        (lambda es: es[1:], "is matched with 'B-rage-d1-v1'; expected a vignette that is matched with it"),
        (lambda es: [es[0] | {"matched_control_id": None}, *es[1:]], "expected a neutral text"),
        (lambda es: [{k: v for k, v in es[0].items() if k != "domain"}, *es[1:]], "line 1: key 'domain' is missing"),
        (lambda es: [es[0] | {"text": ""}, *es[1:]], "line 1: text is ''; expected text"),
    ],
)
def test_a_bad_file_of_vignettes_is_named(tmp_path, change, message):
    with pytest.raises(ValueError, match=message):
        vignettes.read_aipsy(*write_aipsy(tmp_path, CATEGORIES, change=change))


def test_a_line_that_is_no_object_is_named(tmp_path):
    first, second = write_aipsy(tmp_path, CATEGORIES)
    first.write_text("[1]\n")
    with pytest.raises(ValueError, match="line 1: no object; expected id, text"):
        vignettes.read_aipsy(first, second)


def test_real_vignettes(published_files, root):
    files = [published_files("AIPsy", f) for f in ("stimuli.jsonl", "set_c_complex_neutral.jsonl")]
    frame = vignettes.read_aipsy(*files)
    assert frame["role"].value_counts().to_dict() == {"vignette": 96, "neutral": 96, "unmatched": 24}
    own = frame[frame["role"] == "vignette"]
    assert set(own["category"].value_counts()) == {12} and set(own["block"].value_counts()) == {4}
    from shared_affect.study.inputs import read_names

    names = read_names(root / "resources/categories/aipsy.tsv", "category", may_be_empty=True)
    found = vignettes.emotions_of(frame, names, [e for e, _ in names if e])
    assert len(found) == 7 and "vigilance" not in found


# ---- codes of texts


def test_codes_are_means_over_tokens_and_those_of_the_last(model_folder, sae_folder):
    import torch

    from shared_affect.models.load import load_model
    from shared_affect.models.residual import block_outputs
    from shared_affect.models.saes import DiskSAE
    from shared_affect.models.tokens import load_ids

    texts = ["the word is joy.", "now think of the stone, now of joy.", "joy."]
    model, sae = load_model(model_folder), DiskSAE(sae_folder)
    coded = load_ids(model_folder).encode_batch(texts)
    found = text_codes(model, {"s": 1}, lambda name: sae, coded, "cpu", 2)["s"]
    x = csr_matrix((found["data"], found["indices"], found["indptr"]), shape=(6, sae.d_sae)).toarray()
    for i, c in enumerate(coded):
        with torch.inference_mode():
            codes = sae.encode(block_outputs(model, [1], input_ids=torch.tensor([c.ids]))[1][0]).numpy()
        kept = codes[np.array(c.counts)]
        assert np.allclose(x[i], kept.mean(0), atol=1e-5) and np.allclose(x[3 + i], kept[-1], atol=1e-5)
        assert found["n_tokens"][i] == len(kept) == len(c.ids) - 1  # BOS counts nowhere
    assert rows_at_once(sae.d_sae) > 1


def test_texts_are_read_once_and_served_by_the_journal(model_folder, sae_folder, tmp_path):
    from shared_affect.features.extraction import Extractor
    from shared_affect.features.held import SaeSource
    from shared_affect.models.numerics import Numerics

    def extractor():
        return Extractor(model_folder, {"s": SaeSource(str(sae_folder), 1)}, "en", Numerics(), tmp_path)

    first, texts = extractor(), ["the word is joy.", "now think of stone."]
    a = first.texts(texts)["s"]
    second = extractor()
    b = second.texts(texts)["s"]
    assert first.model_loads == 1 and second.model_loads == 0
    assert all(np.array_equal(a[k], b[k]) for k in a)
    ids = {"text_ids": np.array(["a", "b"]), "readouts": np.array(READOUTS)}
    TEXT_CODES.check(ids | a, "here")


def test_a_text_longer_than_the_model_reads_is_refused(model_folder, sae_folder):
    from shared_affect.models.load import load_model
    from shared_affect.models.saes import DiskSAE
    from shared_affect.models.tokens import load_ids

    model = load_model(model_folder)
    limit = model.config.max_position_embeddings
    coded = load_ids(model_folder).encode_batch(["joy " * (limit + 1)])
    with pytest.raises(ValueError, match=f"the model reads {limit}"):
        text_codes(model, {"s": 1}, lambda name: DiskSAE(sae_folder), coded, "cpu", 2)


# ---- statistics


def made(rng, *, own=0.0, neutral=0.0, alike=0.0, told=0.0, common=0.0, emotions=3, others=1, scenarios=3, versions=4):
    """Scores of vignettes: how far an emotion's own lie above others' and above their neutral texts; how alike a
    scenario's texts are; how alike its vignettes are beyond their neutral texts; what scores of all emotions share.
    """
    blocks = (emotions + others) * scenarios
    block = np.repeat(np.arange(blocks), versions)
    whose = np.repeat(np.r_[np.arange(emotions), [-1] * others], scenarios * versions)

    def draw(n):
        return np.sqrt(common) * rng.normal(size=(n, 1)) + np.sqrt(1 - common) * rng.normal(size=(n, emotions))

    shared, happens = draw(blocks)[block] * np.sqrt(alike), draw(blocks)[block] * np.sqrt(told)
    x = shared + happens + draw(len(block)) * np.sqrt(1 - alike - told)
    y = shared + draw(len(block)) * np.sqrt(1 - alike)
    at = np.flatnonzero(whose >= 0)
    x[at, whose[at]] += own
    y[at, whose[at]] += own - neutral
    return Texts(tuple("abcdefgh"[:emotions]), whose, block, x, y, draw(24))


def parts_of(texts, kept):
    """The same with some vignettes alone."""
    return Texts(
        texts.emotions, *(x[kept] for x in (texts.own, texts.block, texts.scores, texts.neutral)), texts.unmatched
    )


def test_auroc_is_mann_whitneys():
    rng = np.random.default_rng(0)
    for _ in range(5):
        a, b = rng.integers(0, 6, 12).astype(float), rng.integers(0, 6, 30).astype(float)
        assert auroc(a, b) == pytest.approx(mannwhitneyu(a, b).statistic / 360)


def test_aurocs_by_hand():
    t = made(np.random.default_rng(1))
    mine = t.own == 1
    pairs = list(itertools.product(t.scores[mine, 1], t.scores[~mine, 1]))
    assert t.aurocs("other-emotions")[1] == pytest.approx(np.mean([a > b for a, b in pairs]))
    pairs = list(itertools.product(t.scores[mine, 1], t.neutral[mine, 1]))
    assert t.aurocs("matched-neutral")[1] == pytest.approx(np.mean([a > b for a, b in pairs]))


def test_newcombe_agrees_with_the_published_example_and_stays_inside():
    # Newcombe 2006: at area 1/2 the interval is symmetric; it narrows with texts; never leaves 0 to 1
    low, high = newcombe(0.5, 12, 84)
    assert low + high == pytest.approx(1) and 0.3 < low < 0.35
    assert newcombe(1.0, 12, 12)[1] == 1 and newcombe(0.0, 12, 12)[0] == 0
    assert newcombe(0.8, 48, 48)[0] > newcombe(0.8, 12, 12)[0]
    assert newcombe(0.3, 12, 30)[0] == pytest.approx(1 - newcombe(0.7, 12, 30)[1])


def test_permutations_of_a_few_scenarios_are_enumerated_right():
    t = made(np.random.default_rng(2), own=0.8, emotions=2, others=1, scenarios=2, versions=2)
    each, _ = permutation_p(t, "other-emotions", 20_000, np.random.default_rng(0))
    blocks = np.unique(t.block)
    observed = t.aurocs("other-emotions")[0]
    areas = []
    for chosen in itertools.combinations(blocks, 2):
        mine = np.isin(t.block, chosen)
        areas.append(auroc(t.scores[mine, 0], t.scores[~mine, 0]))
    assert each[0] == pytest.approx(np.mean(np.array(areas) >= observed - 1e-12), abs=0.02)


def test_a_scenario_changes_places_as_a_whole():
    t = made(np.random.default_rng(2), own=0.8, neutral=0.3, emotions=2, others=1, scenarios=5, versions=2)
    each, _ = permutation_p(t, "matched-neutral", 20_000, np.random.default_rng(0))
    mine = t.own == 1
    own, other, block = t.scores[mine, 1], t.neutral[mine, 1], t.block[mine] - t.block[mine].min()
    areas = []
    for swap in itertools.product([False, True], repeat=5):
        s = np.array(swap)[block]
        areas.append(auroc(np.where(s, other, own), np.where(s, own, other)))
    assert each[1] == pytest.approx(np.mean(np.array(areas) >= auroc(own, other) - 1e-12), abs=0.02)


def test_three_scenarios_are_too_few_for_a_p_of_one_emotion():
    t = made(np.random.default_rng(2), own=9.0, neutral=9.0)
    each, mean = permutation_p(t, "matched-neutral", 999, np.random.default_rng(0))
    assert np.isnan(each).all() and mean <= 0.01  # 8 swaps of three scenarios, 512 of nine


@pytest.mark.parametrize("what", ["matched-neutral", "other-emotions"])
def test_tests_keep_their_level_and_find_what_is_there(what):
    """100 worlds: rejections at .05 below the 99.9 % point of a binomial, scenarios alike or not."""
    rng = np.random.default_rng(100)
    p = np.array([permutation_p(made(rng, alike=a), what, 199, rng)[1] for a in (0, 0.5) for _ in range(50)])
    assert (p <= 0.05).sum() <= 13
    found = [permutation_p(made(rng, own=1.5, neutral=1.5, alike=0.3), what, 199, rng)[1] for _ in range(10)]
    assert np.median(found) <= 0.01


WORLDS = {
    "scenarios alike": {"alike": 0.3},
    "what happens alike": {"told": 0.6},
    "scores of all emotions alike": {"common": 0.6},
    "two emotions of eight": {"alike": 0.3, "emotions": 2, "others": 6},
}


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("what", ["matched-neutral", "other-emotions", "unmatched-neutral"])
def test_intervals_cover(what, world):
    """Small form of the simulation in docs/methods.md: 60 worlds in which nothing is there; the 99.9 % point."""
    rng, each, mean, n = np.random.default_rng(101), 0, 0, 60
    for _ in range(n):
        t = made(rng, **WORLDS[world])
        each += np.mean([low <= 0.5 <= high for low, high in intervals(t, what)])
        low, high = mean_interval(t, what)
        mean += low <= 0.5 <= high
    assert each >= 0.9 * n and mean >= 50, (each / n, mean)


@pytest.mark.parametrize("what", ["matched-neutral", "unmatched-neutral"])
def test_vignettes_of_no_emotion_narrow_no_interval_that_they_have_no_part_in(what):
    """They add nothing to the variance, so nothing to its degrees of freedom."""
    t = made(np.random.default_rng(1), own=0.7, alike=0.3, emotions=2, others=6)
    without = parts_of(t, t.own >= 0)
    assert mean_interval(t, what) == pytest.approx(mean_interval(without, what))
    assert intervals(t, what) == pytest.approx(intervals(without, what))


def test_unmatched_texts_are_drawn_too():
    t = made(np.random.default_rng(1), common=0.6)
    few = Texts(t.emotions, t.own, t.block, t.scores, t.neutral, t.unmatched[:4])
    widths = [high - low for low, high in (mean_interval(x, "unmatched-neutral") for x in (few, t))]
    assert widths[0] > 1.3 * widths[1]
    one = Texts(t.emotions, t.own, t.block, t.scores, t.neutral, t.unmatched[:1])
    with pytest.raises(ValueError, match="1 unmatched neutral text; needed: 2 or more"):
        mean_interval(one, "unmatched-neutral")


def test_one_vignette_a_scenario_is_enough():
    t = made(np.random.default_rng(1), own=0.7, versions=1)
    for what in ("matched-neutral", "other-emotions", "unmatched-neutral"):
        low, high = mean_interval(t, what)
        assert 0 <= low < high <= 1 and np.isfinite(intervals(t, what)).all()
    assert permutation_p(t, "other-emotions", 99, np.random.default_rng(0))[1] <= 1


def test_likeness_is_that_of_scenarios():
    rng = np.random.default_rng(5)
    found = []
    for alike in (0, 0.3, 0.8):
        worlds = [made(rng, alike=alike) for _ in range(60)]
        found.append(np.mean([likeness(t.scores[:, 0], t.block, t.own) for t in worlds]))
    assert found[0] < 0.12 and 0.15 < found[1] < 0.45 and found[2] > 0.6


def test_an_interval_that_cannot_be_made_is_refused():
    with pytest.raises(ValueError, match="1 scenario; needed: 2"):
        mean_interval(made(np.random.default_rng(0), scenarios=1), "other-emotions")
    t = made(np.random.default_rng(0))
    with pytest.raises(ValueError, match="scenario 0 has vignettes of several emotions"):
        Texts(t.emotions, t.own, np.zeros_like(t.block), t.scores, t.neutral, t.unmatched)


# ---- the whole


@pytest.fixture
def world(tmp_path):
    """Three emotions, features 0 to 8 mark them, the others nothing; vignettes fire them, neutral texts do not."""
    rng, emotions = np.random.default_rng(7), ("anger", "fear", "joy")
    membership = np.repeat(np.eye(3, dtype=bool), 8, axis=0)
    x = rng.gamma(1, 1, (24, 60)) * (rng.random((24, 60)) < 0.3)
    for e in range(3):
        x[membership[:, e], 3 * e : 3 * e + 3] += 3
    words = tuple(f"w{k}" for k in range(24))
    concepts = WordCodes(words, csr_matrix(x.astype(np.float32)), np.ones((24, 2)), np.ones((24, 2)))
    codes = LanguageCodes(emotions, membership, concepts, concepts, np.full(60, 0.1))
    texts = vignettes.read_aipsy(*write_aipsy(tmp_path, CATEGORIES, scenarios=2, versions=3))
    y = rng.gamma(1, 1, (2, len(texts), 60)) * (rng.random((2, len(texts), 60)) < 0.3)
    for i, (role, category) in enumerate(zip(texts["role"], texts["category"], strict=True)):
        if role == "vignette" and category in OF:
            at = 3 * emotions.index(OF[category])
            y[:, i, at : at + 3] += 2
    every = csr_matrix(y.reshape(-1, 60).astype(np.float32))
    arrays = {
        "text_ids": texts["text_id"].to_numpy(str),
        "readouts": np.array(READOUTS),
        "n_tokens": np.full(len(texts), 9),
        "data": every.data,
        "indices": every.indices,
        "indptr": every.indptr,
        "d_sae": np.int64(60),
    }
    return texts, arrays, codes


SETTINGS = {"per_emotion": 3, "fdr": 0.05, "max_density": 0.5, "shuffles": 6}


def table(texts, arrays, codes, seed=0):
    selected = select(codes, codes.emotions, SETTINGS)
    stimuli = Stimuli.of(texts, arrays, OF)
    how = dict(contrast=codes.emotions, settings=SETTINGS, n_draws=12, n_permutations=199)
    return validity(stimuli, codes, selected, **how, seeds=Seeds(seed, ("test",)))


def test_what_is_planted_comes_back_and_the_controls_do_not_find_it(world):
    found = table(*world)
    VALIDITY.check(found, "here")
    mean = found[(found["emotion"] == "mean") & (found["readout"] == "mean")].set_index(["arm", "against"])
    for what in ("matched-neutral", "other-emotions"):
        own = mean.loc["features", what]
        assert own["auroc"] > 0.9 and own["ci_low"] > 0.7 and own["p"] <= 0.05
        for arm in ("random-features", "shuffled-sets"):
            assert mean.loc[arm, what]["ci_high"] < own["auroc"] and mean.loc[arm, what]["n_draws"] in (6, 12)
    assert np.isnan(mean.loc["features", "unmatched-neutral"]["p"])
    each = found[(found["arm"] == "features") & (found["against"] == "other-emotions")]
    assert set(each["n_against"][each["emotion"] == "joy"]) == {18}  # vigilance, that stands for none, among them


def test_texts_are_found_by_their_ids(world):
    texts, arrays, codes = world
    mixed = table(texts.sample(frac=1, random_state=2), arrays, codes)
    key = ["arm", "readout", "against", "emotion"]
    pd.testing.assert_series_equal(
        mixed.set_index(key)["auroc"].sort_index(), table(*world).set_index(key)["auroc"].sort_index()
    )
    with pytest.raises(ValueError, match=r"has no codes \(1 missing"):
        Stimuli.of(texts, arrays | {"text_ids": np.append(arrays["text_ids"][:-1], "x")}, OF)


def test_drawn_features_lie_outside_the_selection_and_shuffled_sets_inside_the_sae(world):
    _, _, codes = world
    selected = select(codes, codes.emotions, SETTINGS)
    rng = np.random.default_rng(0)
    for own in drawn_features(codes, selected, codes.emotions, 5, rng):
        assert not set(own["feature"]) & set(selected["feature"])
        assert own.groupby("emotion")["weight"].sum().round(6).eq(1).all()
    again = list(features_of_shuffled_sets(codes, codes.emotions, SETTINGS, 3, rng))
    assert all(set(f["emotion"]) == set(codes.emotions) for f in again)
    assert not again[0]["feature"].equals(again[1]["feature"])


def test_made_up_vignettes_name_nothing_of_others(tmp_path, published_files):
    real = {json.loads(line)["text"] for line in published_files("AIPsy", "stimuli.jsonl").read_text().splitlines()}
    assert not real & set(vignettes.read_aipsy(*write_aipsy(tmp_path, CATEGORIES))["text"])
