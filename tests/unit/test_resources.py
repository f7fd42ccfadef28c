"""What jobs ask for and what a run will take: against measurements, for large studies, on a full disk."""

import copy
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from shared_affect.models.memory import ModelFacts
from shared_affect.planning import estimate
from shared_affect.planning.plan import read_study
from shared_affect.planning.resources import (
    JUDGING,
    MADE,
    MB,
    OF_A_MODEL,
    RULES,
    UNKNOWN_MB,
    WRAPPER_MB,
    generation_bytes,
    text_flops,
)
from shared_affect.study.config import ConfigError

MEASURED = {
    "build_concepts": (125, 1.4),
    "build_space": (350, 8.4),
    "collect_table": (165, 4.1),
    "compare_cultures": (165, 3.1),
    "compare_with_judgements": (243, 5.9),
    "draw_figure": (290, 5.6),
    "draw_folds": (235, 3.9),
    "extract_features": (659, 22.6),
    "find_dimensions": (168, 2.8),
    "find_human_ceilings": (189, 2.2),
    "find_norm_ceilings": (127, 1.5),
    "find_shared_features": (219, 7.6),
    "gather_codes": (156, 2.7),
    "generate_texts": (927, 102.3),
    "judge_claims": (155, 1.9),
    "make_planted_human": (139, 1.8),
    "make_vectors": (157, 2.4),
    "match_controls": (179, 3.9),
    "predict_ratings": (195, 21.7),
    "prepare_judgements": (165, 2.0),
    "prepare_norms": (149, 1.7),
    "prepare_translations": (124, 1.1),
    "score_texts": (358, 22.7),
    "select_features": (159, 4.6),
    "train_judge": (406, 13.8),
    "train_lm": (577, 208.8),
    "train_sae": (803, 101.1),
    "transfer_ratings": (215, 7.3),
    "write_planted_texts": (279, 7.3),
}
"""Largest max_rss (MB of 10^6 bytes) and s of each rule: benchmarks/planted of the default study, run whole on two
cores of an AMD EPYC without a card beside other work, 27 November 2026.
"""

PLANTED = {"model": "gemma2-planted", "sae": "b0-btk", "language": "en", "norms": "planted", "human": "planted"}


@pytest.fixture(scope="module")
def make(root, checkout):
    """A study of the committed configuration, with an overlay, keys and rows changed."""
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    tables = checkout.read_tables()

    def made(overlay="", rows=(), data_dir="", **keys):
        changed = copy.deepcopy(tables)
        for table, where, values in rows:
            for row in (r for r in changed[table] if all(r[k] == v for k, v in where.items())):
                row.update(values)
        own = yaml.safe_load((root / f"studies/{overlay}.yaml").read_text(encoding="utf-8")) if overlay else {}
        both = [k for k, v in own.items() if isinstance(v, dict) and isinstance(config.get(k), dict)]
        own |= {k: config[k] | own[k] for k in both}  # as Snakemake merges an overlay
        return read_study(copy.deepcopy(config) | own | {"data_dir": data_dir} | keys, checkout, changed)

    return made


@pytest.fixture(scope="module")
def planted(make, tmp_path_factory):
    """The default study before anything of it is there."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("empty"))
        study = make()
        for rule in MEASURED:
            study.needs.need(rule, PLANTED)
        yield study


@pytest.fixture(scope="module")
def paper(make, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("empty"))
        yield make("paper")


def jobs_of(study, rules=("extract_features", "generate_texts")):
    return [
        (r, {"model": m, "sae": study.sae, "language": k}) for r in rules for m in study.models for k in study.languages
    ]


# ---- against what was measured


@pytest.mark.parametrize("rule", MEASURED)
def test_what_is_reckoned_covers_what_was_measured_and_not_much_more(planted, rule):
    memory, seconds = MEASURED[rule]
    need = planted.needs.need(rule, PLANTED)
    assert memory <= need.ram / MB <= max(1000, 4 * memory)
    assert need.vram == 0
    assert 60 * planted.needs.minutes(rule, PLANTED) >= 2 * seconds


def test_every_rule_with_a_script_asks_for_memory_and_minutes(root):
    text = "".join(p.read_text(encoding="utf-8") for p in sorted((root / "workflow/rules").glob("*.smk")))
    rules = re.split(r"^ *rule\b", text, flags=re.M)[1:]
    asking = set()
    for rule in rules:
        script = re.search(r"scripts/(\w+)\.py", rule)[1]
        asked = re.search(r'\*\*needs\("(\w+)"', rule)
        assert ("localrule: True" in rule) != bool(asked), script
        if asked:
            assert asked[1] == script and (script in RULES or script in (*OF_A_MODEL, *JUDGING, *MADE))
            asking.add(script)
    assert set(MEASURED) <= asking and set(RULES) <= asking
    # cards are asked for by this name alone
    assert not re.search(r"\bgres\b|gpu_model|slurm_extra", text)


def test_a_rule_without_a_record_is_refused_when_the_rules_are_read(planted):
    with pytest.raises(ValueError, match="rule 'new_rule' says nowhere what it takes"):
        planted.needs("new_rule")


def test_both_grow_with_each_attempt(planted):
    asked = planted.needs("gather_codes")
    at = SimpleNamespace(items=PLANTED.items)
    assert asked["mem_mb"](at, attempt=1) == WRAPPER_MB + 400 and asked["mem_mb"](at, attempt=3) == 3 * (
        WRAPPER_MB + 400
    )
    assert asked["runtime"](at, attempt=2) == 2 * asked["runtime"](at, attempt=1)


def test_the_journal_is_reckoned_as_it_was_measured(planted):
    # 81 MB of journal and 3.2 MB of it for each model and language that writes, 237 MB of results: the same run
    found = estimate.reckon(planted, jobs_of(planted, ("extract_features",)))
    written = [estimate.journal_bytes(planted, "generate_texts", PLANTED) for _ in range(4)]
    assert found.journal + sum(written) == pytest.approx(85e6, rel=0.3)
    assert written[0] == pytest.approx(3.2e6, rel=0.1)


def test_written_texts_are_counted_by_the_record_of_the_arms(planted):
    assert planted.needs.sizes.written("en") == 10_368 + 1_776  # lines of that run's generations and baselines


def test_committed_sizes_are_those_of_the_planted_models(planted):
    from shared_affect.planted.language_model import SETTINGS

    for family, model in (("gemma2", "gemma2-planted"), ("llama", "llama-planted")):
        own, facts = SETTINGS[family], planted.needs.sizes.model(model)
        assert (facts.blocks, facts.hidden, facts.inner) == (own.layers, own.width, own.feed_forward)
        assert facts.key_value == own.key_value_heads * own.width // own.heads


@pytest.mark.parametrize(
    ("model", "weights"),
    [
        ("gemma-2-9b-it", 9_241_705_984),
        ("gemma-2-2b", 2_614_341_888),
        ("llama-3-8b-it", 8_030_261_248),
        ("llama-3.1-8b", 8_030_261_248),
        ("gemma-3-270m", 268_098_176),
        ("gemma-3-1b-it", 999_885_952),
        ("pythia-70m", 70_426_624),
        ("qwen3-1.7b", 1_720_574_976),
        # counted on models of these shapes without weights; Gemma 3 with its eyes
        ("gemma-3-4b-it", 3_880_263_168 + 417_000_000),
        ("gemma-3-12b-it", 11_766_034_176 + 417_000_000),
        ("llama-3.1-8b-it", 8_030_261_248),
        ("qwen3-8b", 8_190_735_360),
        ("qwen3.5-27b", 26_895_998_464),
        ("gpt-oss-20b", 20_914_757_184),
        ("tiny-aya-global", 3_349_227_520),
    ],
)
def test_committed_shapes_give_the_published_number_of_weights(planted, model, weights):
    assert planted.needs.sizes.model(model).weights() == pytest.approx(weights, rel=0.01)


def test_every_fetched_row_has_a_committed_shape(planted):
    sizes = planted.needs.sizes
    sources = {r["model"]: r["source"] for r in planted.tables["models"]}
    for row in planted.tables["models"]:
        assert sources[row["twin_of"] or row["model"]] == "local" or sizes.model(row["model"]) is not None, row["model"]
    for row in planted.tables["saes"]:
        if row["source"] in ("release", "hub"):
            sae = sizes.sae(row)
            assert sae.facts.d_in == sizes.model(row["model"]).hidden
            if width := re.search(r"width_(\d+)k", row["id"]):
                assert sae.facts.d_sae == 1024 * {16: 16, 65: 64, 131: 128}[int(width[1])]
            if width := re.search(r"-w(\d+)k-l(\d+)", row["release"] or ""):  # Qwen-Scope
                assert sae.facts.d_sae == 1024 * int(width[1])
                assert sae.active == int(width[2]) or sizes.is_foreign(row)


# ---- large studies


def test_memory_of_generation_is_about_what_was_measured():
    # one H100, Gemma 2 9B's shape: 26.9 GiB at 432 rows, 35 at 1,296 (24 new tokens behind 9)
    gemma = ModelFacts(42, 198_194_176, 917_504_000, 0, 3584, 14336, 256_000, 2048)
    for rows, measured in ((432, 26.9), (1296, 35)):
        assert measured <= generation_bytes(gemma, 2, rows, 33) / 2**30 <= 1.25 * measured


def test_reading_follows_the_measured_rate(paper):
    # 9,000 texts a second: up to block 20 with one SAE of 131,072 features, as the rate was measured
    facts, sae = paper.needs.sizes.model("gemma-2-9b-it"), paper.needs.sizes.sae(paper.saes_of("gemma-2-9b-it")[0])
    assert 2.4e14 / text_flops(facts, [sae.facts]) == pytest.approx(9000, rel=0.1)


def test_a_large_study_asks_for_what_it_needs(paper):
    needs = paper.needs
    at = {"model": "gemma-2-9b-it", "sae": "primary", "language": "en", "norms": "warriner-xu2022", "human": "li2024"}
    assert 18 < needs.vram_gb("extract_features", at) < 40 and 18 < needs.vram_gb("generate_texts", at) < 40
    assert needs.mem_mb("generate_texts", at) > 18_000 and needs.mem_mb("gather_codes", at) > 2_000
    assert needs.mem_mb("compare_with_judgements", at) < 1_000
    smaller = at | {"sae": "l9-16k"}
    assert needs.mem_mb("make_vectors", smaller) < needs.mem_mb("make_vectors", at)
    assert needs.sizes.texts("en") == (13_915 + needs.sizes.words("en")[0]) * 5


def test_what_a_row_states_is_asked_for(make):
    stated = {"ram_gb": 40, "vram_gb": 21.5, "minutes": 90}
    study = make("paper", rows=[("models", {"model": "gemma-2-9b-it"}, stated)])
    at = {"model": "gemma-2-9b-it", "sae": "primary", "language": "en"}
    assert study.needs.mem_mb("extract_features", at) == 40_000 and study.needs.minutes("generate_texts", at) == 90
    assert study.needs.vram_gb("extract_features", at) == 21.5
    other = at | {"model": "llama-3-8b-it"}
    assert study.needs.mem_mb("extract_features", other) not in (40_000, UNKNOWN_MB)
    assert study.needs.mem_mb("gather_codes", at) != 40_000  # a rule without a model


def test_what_is_not_known_is_named_and_never_invented(make):
    study = make("paper", rows=[("models", {"model": "gemma-2-9b-it"}, {"id": "someone/new-model"})])
    at = {"model": "gemma-2-9b-it", "sae": "primary", "language": "en"}
    assert study.needs.need("extract_features", at) is None
    assert study.needs.mem_mb("extract_features", at) == UNKNOWN_MB
    found = estimate.reckon(study, jobs_of(study))
    assert found.unknown == ["gemma-2-9b-it", "gemma-2-9b-it-untrained"]  # a twin has its original's shape
    assert list(found.models) == ["llama-3-8b-it", "llama-3-8b-it-untrained"]
    assert "gemma-2-9b-it: unknown until it is fetched, and not in these numbers" in "\n".join(
        estimate.tell(study, found)
    )


def test_a_shape_is_read_from_the_folder_where_it_is_there(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    folder = Path("resources/retrieved/models/gemma-2-9b-it")
    folder.mkdir(parents=True)
    small = {
        "hidden_size": 8,
        "num_hidden_layers": 1,
        "num_attention_heads": 1,
        "intermediate_size": 16,
        "vocab_size": 4,
    }
    (folder / "config.json").write_text(str(small).replace("'", '"'))
    assert make("paper").needs.sizes.model("gemma-2-9b-it").hidden == 8


# ---- the screen and the disks


def test_a_small_study_is_told_in_one_line(planted):
    found = estimate.reckon(planted, jobs_of(planted))
    (line,) = estimate.tell(planted, found, usage=lambda p: (0, 0, 63 * 10**9))
    assert re.fullmatch(
        r"Estimate: 20 jobs, \d+ min of one core, largest 1\.\d GB; disk: journal \d+ MB \+ results \d+ MB, free 63 GB",
        line,
    )
    assert estimate.tell(planted, estimate.reckon(planted, [])) == []


def test_a_large_study_is_told_by_model(paper):
    own = [(rule, at) for rule, at in jobs_of(paper) if at["model"] in paper.claiming]
    found = estimate.reckon(paper, [("retrieve_model", {"model": m}) for m in paper.hub_models] + own)
    told = estimate.tell(paper, found, usage=lambda p: (0, 0, 10**12), card=lambda: 24 * 2**30)
    assert len(told) <= 8 and all(len(line) < 200 for line in told)
    assert "hub cache 35 GB" in told[0] and "free 1,000 GB" in told[0]
    assert told[1].split()[:4] == ["model", "weights", "card", "ram"]
    assert any(line.split()[0] == "gemma-2-9b-it" and "130,655" in line for line in told)
    assert any("gemma-2-9b-it" in line and "the card here has 26 GB" in line for line in told)


def test_models_of_today_fit_a_card_of_80_gb(make):
    study = make("today")
    assert len(study.models) == 7
    for model in study.models:
        at = {"model": model, "sae": "primary", "language": "en"}
        needed = [study.needs.vram_gb(rule, at) for rule in ("extract_features", "generate_texts")]
        assert all(needed) and max(needed) < 76, (model, needed)
    # the states of linear attention, 151 MB a text, decide how many are written at once
    qwen = study.needs.sizes.model("qwen3.5-27b")
    assert qwen.remembered(33, 2) == pytest.approx(153e6, rel=0.01) and qwen.linear_blocks == 48
    assert generation_bytes(qwen, 2, 432, 33) > 80 * 2**30 > generation_bytes(qwen, 2, 64, 33)
    # packed weights are fetched as they are stored and held as they are computed with
    sizes = study.needs.sizes
    assert sizes.stored_bytes("gpt-oss-20b") < 14e9 < 40e9 < 2 * sizes.model("gpt-oss-20b").weights()
    told = estimate.tell(study, estimate.reckon(study, jobs_of(study)), usage=lambda p: (0, 0, 10**12))
    assert not any("unknown" in line for line in told)


def test_without_a_card_at_hand_auto_is_the_processor_and_the_cards_hours_are_told(make):
    study, at = make("families"), {"model": "qwen3-1.7b", "language": "en"}
    card = study.needs.need("extract_features", at)
    study.needs.sizes.a_card = False
    processor = study.needs.need("extract_features", at)
    assert card.vram > 0 == processor.vram and processor.seconds > 100 * card.seconds
    found = estimate.reckon(study, [("extract_features", at)])
    own = found.models["qwen3-1.7b"]
    assert found.without_card == found.seconds == processor.seconds
    assert own.on_card and own.reading == card.seconds and own.vram == card.vram
    assert any("no card is visible here: " in x for x in estimate.tell(study, found, card=lambda: None))


def test_shards_share_the_words_and_the_journal_is_counted_once(make):
    study = make("paper", rows=[("models", {"model": "gemma-2-9b-it"}, {"shards": 4})])
    whole, at = make("paper"), {"model": "gemma-2-9b-it", "language": "en"}
    shards = [("extract_shard", at | {"shard": str(i)}) for i in range(4)]
    split = estimate.reckon(study, [("gate_model", at), *shards, ("extract_features", at)])
    once = estimate.reckon(whole, [("extract_features", at)])
    assert split.journal == once.journal > 0
    own, other = split.models["gemma-2-9b-it"], once.models["gemma-2-9b-it"]
    assert own.texts == other.texts and own.reading > other.reading  # five times loaded


def test_a_disk_that_cannot_hold_it_is_refused_with_the_numbers(paper, tmp_path):
    (tmp_path / "journal").mkdir()
    places = [
        estimate.Place("journal", tmp_path / "journal", 17e9),
        estimate.Place("results", tmp_path / "not/yet", 12e9),
    ]
    estimate.check_space(places, usage=lambda p: (0, 0, 30 * 10**9))
    with pytest.raises(ConfigError) as said:
        estimate.check_space(places, usage=lambda p: (0, 0, 20 * 10**9))
    text = str(said.value)
    assert "needed 29 GB: journal 17 GB" in text and "free there: 20 GB" in text and "docs/workflow.md" in text


def test_what_stands_in_the_journal_may_be_part_of_it(tmp_path):
    (tmp_path / "a.journal").write_bytes(bytes(4_000_000))
    journal = estimate.Place("journal", tmp_path, 5e6, lambda: estimate._held_bytes(tmp_path))
    estimate.check_space([journal], usage=lambda p: (0, 0, 1_000_000))
    with pytest.raises(ConfigError, match="needed 5 MB"):
        estimate.check_space([journal], usage=lambda p: (0, 0, 999_000))


def test_the_hubs_cache_is_where_its_library_keeps_it(monkeypatch, tmp_path):
    for name in ("HF_HUB_CACHE", "HF_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert estimate.hub_cache() == tmp_path / ".cache/huggingface/hub"
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    assert estimate.hub_cache() == tmp_path / "hf/hub"
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "own"))
    assert estimate.hub_cache() == tmp_path / "own"


# ---- untrained twins


def test_a_twin_of_a_large_model_is_said_with_its_bytes(paper):
    """Nine billion weights drawn anew: 18 GB below results/, and as much memory."""
    twin, original = "gemma-2-9b-it-untrained", "gemma-2-9b-it"
    assert paper.twins == [twin, "llama-3-8b-it-untrained"] and paper.original(twin) == original
    need = paper.needs.need("make_twin", {"model": twin})
    weights = paper.needs.sizes.model(original).weights()
    assert paper.needs.sizes.model(twin) == paper.needs.sizes.model(original) and 9.0e9 < weights < 9.5e9
    assert 2 * weights < need.ram < 2.6 * weights and need.vram == 0 and 120 < need.seconds < 900
    assert estimate.left_bytes(paper, "make_twin", {"model": twin}) == 2 * weights
    found = estimate.reckon(paper, [("make_twin", {"model": m}) for m in paper.twins])
    assert 33e9 < found.results < 36e9 and found.unknown == [] and found.cache == 0


def test_a_published_sae_on_a_twin_is_reckoned_with_many_active_features_and_that_is_said(make, paper, tmp_path):
    """Nobody knows how many: on one twin of Gemma 2's type 255 of 2,048 were active, on others none."""
    sizes = paper.needs.sizes
    twin, own = (paper.row("saes", model=f"gemma-2-9b-it{x}", sae="primary") for x in ("-untrained", ""))
    assert (sizes.sae(twin).active, sizes.sae(own).active) == (131_072 // 8, 81)
    assert sizes.is_foreign(twin) and not sizes.is_foreign(own)
    at = {"model": "gemma-2-9b-it", "sae": "primary", "language": "en"}
    foreign = at | {"model": "gemma-2-9b-it-untrained"}
    for rule in ("gather_codes", "select_features", "extract_features"):
        assert paper.needs.mem_mb(rule, foreign) > 1.2 * paper.needs.mem_mb(rule, at), rule
    found = estimate.reckon(paper, [("extract_features", at), ("extract_features", foreign)])
    # the original is read through six SAEs, the twin through one
    assert found.models[foreign["model"]].journal > 4 * found.models[at["model"]].journal
    (said,) = (line for line in estimate.tell(paper, found, card=lambda: None) if "one feature in 8" in line)
    assert "gemma-2-9b-it-untrained: " in said and "gemma-2-9b-it," not in said
    names = {"models": ["bilingual-qwen3"], "control_models": ["bilingual-qwen3-untrained"]}
    trained = make(**names, primary_sae="middle", models_dir=str(tmp_path), specs=[])
    assert len(trained.saes) == 2 and not any(map(trained.needs.sizes.is_foreign, trained.saes))


def test_a_judge_that_is_yet_to_be_fetched_asks_for_what_is_published_of_it(make, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    one = {"judges": {"en": ["roberta-goemotions"]}, "judge_tests": {"en": ["goemotions"]}}
    study, at = make(**one), {"judge": "roberta-goemotions", "language": "en", "corpus": "goemotions"}
    for rule in ("judge_texts", "assess_judge"):
        need = study.needs.need(rule, at)
        assert 1e9 < need.ram < 4e9 and need.vram > 5e8, rule
        assert study.needs.mem_mb(rule, at) != UNKNOWN_MB
    found = estimate.reckon(study, [("retrieve_judge", at), ("judge_texts", at)])
    assert found.cache == 499_000_000 and found.unknown == []
    # of one whose size nobody has written down it is said that nothing is known
    other = make(**one, rows=[("judges", {"judge": "roberta-goemotions"}, {"id": "lab/other"})])
    found = estimate.reckon(other, [("retrieve_judge", at), ("judge_texts", at), ("assess_judge", at)])
    assert found.cache == 0 and found.unknown == ["judge roberta-goemotions en"]
    assert any("resources/shapes/judges.tsv" in line for line in estimate.tell(other, found, card=lambda: None))


def test_every_judge_of_the_hub_has_a_committed_size(planted):
    rows = [r for r in planted.tables["judges"] if r["id"]]
    assert rows and all(planted.needs.sizes.judge_bytes(r["judge"], r["language"]) for r in rows)


def test_what_a_twin_needs_of_its_original_is_fetched_once(make, paper):
    rows = {r["model"]: r for r in paper.saes if r["sae"] == "primary"}
    assert paper.row_path(rows["gemma-2-9b-it-untrained"]) == paper.row_path(rows["gemma-2-9b-it"])
    alone = make("paper", models=["llama-3-8b-it"], control_models=["gemma-2-9b-it-untrained"])
    assert alone.hub_models == ["llama-3-8b-it", "gemma-2-9b-it"]


def test_a_twin_reads_the_texts_that_its_original_wrote(make, tmp_path):
    names = {"models": ["bilingual-qwen3"], "control_models": ["bilingual-qwen3-untrained"]}
    study = make(**names, primary_sae="middle", models_dir=str(tmp_path), specs=[])
    files = [study.training_texts(m, "middle") for m in study.models]
    assert files == [["results/planted/samples/bilingual-qwen3.txt"]] * 2
    assert study.sampled_tokens("bilingual-qwen3") == 600_000 and study.sampled_tokens("bilingual-qwen3-untrained") == 0
    assert "bilingual-qwen3-untrained" not in study.sampling_models
    assert study.own_texts("bilingual-qwen3", "middle") == {}


def test_a_twin_changes_nothing_of_what_its_original_writes(make, tmp_path):
    twin = ("saes", {"model": "bilingual-qwen3-untrained"})
    names = {"primary_sae": "middle", "models_dir": str(tmp_path), "specs": [], "models": ["bilingual-qwen3"]}
    more = make(**names, rows=[(*twin, {"train_tokens": 900_000})], control_models=[])
    assert more.sampled_tokens("bilingual-qwen3") == 600_000
    # an original that trains no SAE itself writes for its twin alone
    published = ("saes", {"model": "bilingual-qwen3"}, {"source": "local", "texts": None, "path": "{models_dir}/s"})
    for_it = make(**names, rows=[published], control_models=["bilingual-qwen3-untrained"])
    assert for_it.sampled_tokens("bilingual-qwen3") == 600_000
    assert "bilingual-qwen3" in for_it.sampling_models


def test_an_sae_of_the_hub_is_fetched_once_for_a_model_and_its_twin(make, tmp_path):
    cells = {"source": "hub", "id": "lab/saes", "subfolder": "l5", "revision": "a" * 40, "texts": None}
    cells |= {"path": "{retrieved}/saes/bilingual-qwen3/middle"}
    rows = [("saes", {"model": m}, cells) for m in ("bilingual-qwen3", "bilingual-qwen3-untrained")]
    names = {"primary_sae": "middle", "models_dir": str(tmp_path), "specs": [], "models": ["bilingual-qwen3"]}
    study = make(**names, rows=rows, control_models=["bilingual-qwen3-untrained"])
    assert [r["model"] for r in study.hub_saes] == ["bilingual-qwen3"]
    assert study.from_hub == ["bilingual-qwen3 middle"]


def test_texts_of_ones_own_that_change_make_an_sae_anew(make, tmp_path):
    (tmp_path / "en.txt").write_text("one\ntwo\n")
    changed = [("saes", {"model": "bilingual-qwen3"}, {"texts": "{data_dir}"})]
    study = make(rows=changed, data_dir=str(tmp_path))
    before = study.own_texts("bilingual-qwen3", "middle")
    assert list(before) == [str(tmp_path / "en.txt")] and before[str(tmp_path / "en.txt")][0] == 8
    (tmp_path / "en.txt").write_text("one\ntwo\nthree\n")
    assert study.own_texts("bilingual-qwen3", "middle") != before
    (tmp_path / "zh.txt").write_text("一\n")
    assert len(study.own_texts("bilingual-qwen3", "middle")) == 2


def test_long_lines_of_ones_own_texts_are_named_before_a_run(make, tmp_path):
    names = {"models": ["bilingual-qwen3"], "control_models": [], "primary_sae": "middle", "specs": []}
    own = [("saes", {"model": "bilingual-qwen3"}, {"texts": "{data_dir}", "train_tokens": 1000})]
    (tmp_path / "en.txt").write_text("x" * 200 + "\n" + "a line\n" * 600)
    (tmp_path / "zh.txt").write_text("一句中文\n" * 400, encoding="utf-8")
    study = make(rows=own, **names, models_dir=str(tmp_path), data_dir=str(tmp_path))
    (said,) = study.uneven_texts()
    assert "SAE bilingual-qwen3 middle: " in said and "en.txt, line 1 is 5%" in said and said in study.left_out()
