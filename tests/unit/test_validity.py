"""Vignettes: how they are read, AUROC and its intervals, permutations, features beside as controls."""

import itertools
import json

import numpy as np
import pandas as pd
import pytest
from made_vignettes import write_aipsy
from scipy.sparse import csr_matrix
from scipy.stats import mannwhitneyu, norm

from shared_affect.base.seeds import Seeds
from shared_affect.features.codes import LanguageCodes, WordCodes
from shared_affect.features.select import select
from shared_affect.features.texts import READOUTS, text_codes
from shared_affect.human import vignettes
from shared_affect.human.files import VIGNETTES
from shared_affect.models.fidelity import rows_at_once
from shared_affect.validity.auroc import Texts, auroc, interval, likeness, mean_interval, newcombe, permutation_p
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


def made(rng, *, own=0.0, neutral=0.0, alike=0.0, emotions=3, others=1, scenarios=3, versions=4):
    """Scores of vignettes: how far an emotion's own lie above others' and above their neutral texts; how alike a
    scenario's are.
    """
    blocks = (emotions + others) * scenarios
    block = np.repeat(np.arange(blocks), versions)
    whose = np.repeat(np.r_[np.arange(emotions), [-1] * others], scenarios * versions)
    shared = rng.normal(size=(blocks, emotions))[block] * np.sqrt(alike)
    x, y = (shared + rng.normal(size=(len(block), emotions)) * np.sqrt(1 - alike) for _ in range(2))
    at = np.flatnonzero(whose >= 0)
    x[at, whose[at]] += own
    y[at, whose[at]] += own - neutral
    return Texts(tuple("abcdefgh"[:emotions]), whose, block, x, y, rng.normal(size=(5, emotions)))


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
    each, _ = permutation_p(t, "matched-neutral", 20_000, np.random.default_rng(0))
    mine = t.own == 1
    own, other = t.scores[mine, 1], t.neutral[mine, 1]
    areas = []
    for swap in itertools.product([False, True], repeat=4):
        s = np.array(swap)
        areas.append(auroc(np.where(s, other, own), np.where(s, own, other)))
    assert each[1] == pytest.approx(np.mean(np.array(areas) >= auroc(own, other) - 1e-12), abs=0.02)


@pytest.mark.parametrize("what", ["matched-neutral", "other-emotions"])
def test_tests_keep_their_level_and_find_what_is_there(what):
    """100 worlds: rejections at .05 below the 99.9 % point of a binomial, scenarios alike or not."""
    rng = np.random.default_rng(100)
    p = np.array([permutation_p(made(rng, alike=a), what, 199, rng)[1] for a in (0, 0.5) for _ in range(50)])
    assert (p <= 0.05).sum() <= 13
    found = [permutation_p(made(rng, own=1.5, neutral=1.5, alike=0.3), what, 199, rng)[1] for _ in range(10)]
    assert np.median(found) <= 0.01


def test_intervals_cover_with_scenarios_alike_or_not():
    """Small form of the simulation in docs/validity.md: 60 worlds, 3 emotions each."""
    rng, d = np.random.default_rng(101), norm.ppf(0.8) * np.sqrt(2)
    for alike in (0, 0.3):
        each, mean = 0, 0
        for _ in range(60):
            t = made(rng, own=d, alike=alike)
            ends = [interval(t, "other-emotions", e) for e in range(3)]
            each += sum(low <= 0.8 <= high for low, high in ends)
            low, high = mean_interval(t, "other-emotions")
            mean += low <= 0.8 <= high
        assert each >= 160 and mean >= 50, (alike, each, mean)


def test_likeness_is_that_of_scenarios():
    rng = np.random.default_rng(5)
    found = [np.mean([likeness(made(rng, alike=a), 0) for _ in range(60)]) for a in (0, 0.3, 0.8)]
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
