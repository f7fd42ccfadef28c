"""The study as one object: rows, places, people's files, variants, groups of jobs, digests; no snakemake."""

import copy

import pytest
import yaml

from shared_affect.base.contracts import Published, Table, text, whole
from shared_affect.planning import looks, study_checks
from shared_affect.planning.checkout import CONFIG_TABLES, Checkout, file_digest
from shared_affect.planning.grid import KINDS, Kind, spread
from shared_affect.planning.plan import read_study
from shared_affect.planning.variants import Settings, Variants
from shared_affect.results.contracts import CONTRACTS, as_collected
from shared_affect.results.published import published_files
from shared_affect.study.config import ConfigError


@pytest.fixture(scope="module")
def checkout(root):
    return Checkout(
        tables=root / "config",
        schemas=root / "workflow/schemas",
        resources=root / "resources",
        scripts=root / "workflow/scripts",
        package=root / "src/shared_affect",
    )


@pytest.fixture(scope="module")
def make(root, checkout):
    """A study of the committed configuration, with keys and rows changed."""
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    tables = checkout.read_tables()

    def made(rows=(), more_saes=(), **keys):
        changed = copy.deepcopy(tables)
        for model, name, layer in more_saes:
            first = next(r for r in changed["saes"] if r["model"] == model)
            path = "{results}/saes/" + f"{model}/{name}"
            changed["saes"].append(first | {"sae": name, "layer": layer, "path": path})
        for table, where, values in rows:
            found = [r for r in changed[table] if all(r[k] == v for k, v in where.items())]
            assert found, (table, where)
            for row in found:
                row.update(values)
        return read_study(copy.deepcopy(config) | keys, checkout, changed)

    return made


@pytest.fixture(scope="module")
def study(make):
    return make()


# ---- reading and checking


def test_a_study_is_read_in_the_types_of_its_schema(make):
    study = make(steering={"enabled": "false", **make().config["steering"], "strengths": ["0.2"]}, root_seed="3")
    assert study.config["root_seed"] == 3 and study.config["steering"]["strengths"] == [0.2]
    assert study.name == "planted" and study.results == "results/planted" and len(study.emotions) == 27


@pytest.mark.parametrize(
    ("rows", "keys", "message"),
    [
        ([], {"language": ["en"]}, r"unknown key language \(did you mean 'languages'"),
        ([], {"models": ["gemma2-plantd"]}, "names 'gemma2-plantd' .did you mean 'gemma2-planted'"),
        ([], {"data_dir": "nowhere"}, "key data_dir is 'nowhere'"),
        ([("models", {"model": "gemma2-planted"}, {"world": None})], {}, "row gemma2-planted: column world is empty"),
        (
            [("human", {"dataset": "planted", "kind": "judgements"}, {"valence_split": None})],
            {},
            "judgements planted, language en: valence_norm or valence_split is empty; needed: both",
        ),
        (
            [
                (
                    "human",
                    {"dataset": "planted", "kind": "judgements"},
                    {"valence_norm": "planted", "human_language": "fr"},
                )
            ],
            {},
            r"config/human.tsv has 0 rows with {'kind': 'norms', 'dataset': 'planted', 'language': 'fr'}",
        ),
        (
            [("human", {"dataset": "planted", "kind": "norms"}, {"path": "{data}/none/at.all"})],
            {},
            "names none/at.all, which has no row in config/sources.tsv",
        ),
        (
            [("human", {"dataset": "planted"}, {"path": "{elsewhere}/x.tsv"})],
            {},
            r"allowed in braces: results, data_dir",
        ),
    ],
)
def test_what_is_wrong_is_named(make, rows, keys, message):
    with pytest.raises(ConfigError, match=message):
        make(rows, **keys)


# ---- names, rows, places


def test_names_follow_the_configuration(make, study):
    assert study.pair == ["en", "zh"] and study.directions == ["en-zh", "zh-en"]
    assert study.models[:2] == study.claiming == study.steered == ["gemma2-planted", "llama-planted"]
    assert len(study.models) == 5 and study.groups == [study.emotions]
    assert (study.retrieved, study.journal) == ("resources/retrieved", "resources/journal")
    one = make(languages=["zh"], steering=study.config["steering"] | {"enabled": False}, emotions_per_job=10)
    assert one.pair == one.directions == one.steered == [] and [len(g) for g in one.groups] == [10, 10, 7]
    assert [e for group in one.groups for e in group] == one.emotions


def test_a_row_is_found_by_its_values_or_refused(study):
    assert study.row("models", model="gemma2-planted")["family"] == "gemma2"
    assert study.cells("models", ("family", "world"), model="llama-planted") == {"family": "llama", "world": "affect"}
    with pytest.raises(ConfigError, match=r"models.tsv has 0 rows with {'model': 'none'}; needed: exactly one"):
        study.row("models", model="none")
    with pytest.raises(ConfigError, match=r"saes.tsv has \d+ rows with {'sae': 'b0-btk'}; needed: exactly one"):
        study.row("saes", sae="b0-btk")


def test_places_are_filled_in(make, study, tmp_path):
    assert study.model_path("gemma2-planted") == "results/planted/models/gemma2-planted"
    assert study.sae_path("gemma2-planted", "b0-btk") == "results/planted/saes/gemma2-planted/b0-btk"
    assert study.model_path("gemma-2-9b-it") == "resources/retrieved/models/gemma-2-9b-it"
    own = make(models_dir=str(tmp_path))
    assert own.model_path("stories260k") == f"{tmp_path}/stories260K"
    with pytest.raises(ConfigError, match=r"row x, column path is '{x}/y'; allowed in braces: results, data_dir"):
        study.row_path({"model": "x", "path": "{x}/y"})
    assert study.world_file("gemma2-no-affect", "train.txt") == "results/planted/world/no-affect/train.txt"


def test_models_and_saes_by_their_source(make, study):
    assert study.hub_models == study.released_saes == [] and "gemma2-planted" in study.trained_models
    paper = make(
        models=["gemma-2-9b-it"],
        control_models=[],
        primary_sae="primary",
        concepts="table",
        running_texts="authored",
        specs=[],
        human="li2024",
        norms="warriner-xu2022",
        judge_texts={"en": "goemotions", "zh": "clue-emotion"},
    )
    assert paper.hub_models == ["gemma-2-9b-it"] and {r["model"] for r in paper.released_saes} == {"gemma-2-9b-it"}
    assert [study.gpu(m) for m in ("gemma2-planted", "gemma-2-9b-it")] == [0, 1]
    assert set(study.numerics("gemma2-planted", "bos")) == {"dtype", "device", "attention", "bos"}


def test_training_texts_of_saes(make, study, tmp_path):
    assert study.training_texts("gemma2-planted", "b0-btk") == ["results/planted/world/affect/sae.txt"]
    (tmp_path / "own.txt").write_text("one\n")
    where = {"model": "gemma2-planted", "sae": "b0-btk"}
    own = make([("saes", where, {"texts": str(tmp_path / "own.txt")})])
    assert own.training_texts(*where.values()) == [str(tmp_path / "own.txt")]
    sampled = make([("saes", where, {"texts": "sampled"})])
    assert sampled.training_texts(*where.values()) == ["results/planted/samples/gemma2-planted.txt"]
    assert where.items() <= next(r for r in sampled.sampled_saes if r["model"] == "gemma2-planted").items()
    with pytest.raises(ConfigError, match=r"config/saes.tsv, model gemma2-planted, sae b0-btk, column texts is"):
        looks.look_at_texts(make([("saes", where, {"texts": str(tmp_path / "none.txt")})]))


def test_weights_exchanged_in_place_are_seen(study, tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    row = {"source": "local", "path": str(tmp_path)}
    before = study.own_files(row)
    assert set(before) == {"config.json", "model.safetensors"} and study.own_files(row) == before
    (tmp_path / "model.safetensors").write_bytes(b"22")
    assert study.own_files(row) != before
    for change in ({"source": "trained"}, {"path": "results/planted/models/a"}, {"path": str(tmp_path / "none")}):
        assert study.own_files(row | change) == {}


# ---- people's files


@pytest.fixture
def usf(make, tmp_path):
    """A study that reads associations in many files, of which the user has one."""
    (tmp_path / "USF_free_association").mkdir()
    (tmp_path / "USF_free_association/Cue_Target_Pairs.A-B.csv").touch()
    return make(data_dir=str(tmp_path))


def test_files_of_people_are_the_users_or_are_lacking(usf, study, tmp_path):
    files = usf.data.files("association", "usf", "en")
    assert files == [f"{tmp_path}/USF_free_association/Cue_Target_Pairs.A-B.csv"]
    wanted = usf.data.row("association", "usf", "en")["path"].split()
    assert list(usf.data.missing) == wanted[1:] and len(wanted) > 2
    (sentence,) = usf.lacking()
    assert f"USF_free_association: {len(wanted) - 1} files are needed" in sentence
    assert study.data.files("norms", "planted", "en") == ["results/planted/world/human/norms_en.tsv"]
    assert study.lacking() == [] and study.data.missing == {}
    assert len(usf.data.digests("association", "usf", "en")) == len(wanted)


def test_what_is_downloaded_has_its_place_and_digest(study):
    (row,) = (r for r in study.tables["human"] if r["dataset"] == "subtlex-us")
    source = next(r for r in study.tables["sources"] if row["path"] == f"{{data}}/{r['folder']}/{r['file']}")
    (found,) = study.data.files("frequency", "subtlex-us", "en") or [None]
    assert found in (None, f"resources/retrieved/data/{source['folder']}/{source['file']}")
    assert study.data.digests("frequency", "subtlex-us", "en") == [source["sha256"]]


def test_affect_comes_from_a_file_of_its_own_or_from_norms_by_words(make, study):
    assert study.data.affect_of("planted", "zh") == ("results/planted/world/human/centres_zh.tsv", None)
    path, labels = study.data.affect_of("li2024", "en")
    own = study.data.row("judgements", "li2024", "en")
    assert path == f"results/planted/human/{own['valence_norm']}/norms_{own['human_language']}.tsv"
    assert list(labels) == study.emotion_names and all(labels.values())
    french = make([("human", {"dataset": "li2024", "kind": "judgements"}, {"human_language": "fr"})])
    french.tables["human"].append(own | {"kind": "norms", "dataset": own["valence_norm"], "language": "fr", "path": ""})
    with pytest.raises(ConfigError, match=r"names for 'fr' \(column labels\), but language 'fr' has none"):
        french.data.affect_of("li2024", "en")


def test_words_and_vectors_beside_the_models(make):
    study = make(associations={"en": "usf"}, word_properties={"en": ["subtlex-us", "brysbaert"]})
    assert study.data.association_vectors("en") == ["results/planted/human/usf/vectors_en.npz"]
    assert study.data.association_vectors("zh") == study.data.word_properties("zh") == []
    assert study.data.word_properties("en") == [
        "results/planted/human/subtlex-us/frequency_en.tsv",
        "results/planted/human/brysbaert/concreteness_en.tsv",
    ]
    assert study.data.concept_source("table", "en") == ("table", {"words": "resources/concepts/en.tsv"})
    assert study.data.concept_source("usf", "en") == (
        "association",
        {"words": "results/planted/human/usf/association_en.tsv", "names": "resources/cues/en.tsv"},
    )
    assert study.data.concept_source("dutir", "zh")[1]["names"] == "resources/categories/dutir.tsv"
    planted = {k: f"results/planted/world/human/truth_{k}.tsv" for k in ("en", "zh")}
    assert study.data.culture_values("planted") == planted
    rated = {k: f"results/planted/human/warriner-xu2022/norms_{k}.tsv" for k in ("en", "zh")}
    assert study.data.culture_values("warriner-xu2022") == rated


def test_texts_of_the_world_or_of_people(make, study):
    assert study.running_texts == "results/planted/world/affect"
    assert study.judges.texts("embedded", "en") == "results/planted/world/affect/judge_en.tsv"
    ours = make(running_texts="authored", judge_texts={"en": "goemotions", "zh": "clue-emotion"})
    assert ours.running_texts == "resources/texts" and (
        ours.judges.texts("embedded", "zh") == "results/planted/judges/embedded/zh/texts.tsv"
    )


# ---- variants


def test_a_variant_reads_what_its_row_says_and_else_the_primary_configuration(study):
    primary = study.settings("")
    assert primary == Settings(study.config["templates"], study.config["readout"], "planted")
    held = study.settings("spec/held-out-carrier/")
    assert held.templates != primary.templates and (held.readout, held.concepts) == (primary.readout, "planted")
    assert study.settings("control/shuffled-norms/") == Settings(primary.templates, primary.readout, "planted", "norms")
    with pytest.raises(
        ConfigError, match=r"variants.tsv has no variant of the folder 'spec/none/'; allowed: spec/held"
    ):
        study.settings("spec/none/")


def test_a_variant_has_files_of_its_own_only_where_it_touches(study):
    touched = {
        v: [side for side in ("concepts", "human", "model") if study.variants.touches(v, side)]
        for v in ("", "spec/held-out-carrier/", "control/shuffled-norms/", "control/shuffled-concepts/")
    }
    assert list(touched.values()) == [["model"], ["model"], ["human"], ["concepts", "model"]]
    assert [v.folder for v in study.variants.touching("both")] == [v for v in touched if v]
    assert [v.name for v in study.variants.touching("concepts")] == ["shuffled-concepts"]


def test_other_words_are_read_beside_those_of_the_primary_configuration():
    config = {"templates": ["t"], "readout": "word", "concepts": "table", "specs": ["b", "a"], "control_variants": []}
    row = {"kind": "spec", "templates": None, "readout": None, "shuffle": "none"}
    rows = [row | {"variant": v, "concepts": c} for v, c in (("a", "usf"), ("b", "dutir"), ("c", "swow"), ("d", None))]
    variants = Variants(config, rows)
    assert variants.concept_files() == {
        "table": "concepts/{language}.tsv",
        "usf": "spec/a/concepts/{language}.tsv",
        "dutir": "spec/b/concepts/{language}.tsv",
    }
    assert [v.folder for v in variants.asked] == ["spec/b/", "spec/a/"] and variants.touches("spec/a/", "concepts")
    assert (variants.concept_folder("table"), variants.concept_folder("usf")) == ("concepts", "concepts-usf")


def test_an_input_is_the_variants_own_or_the_primary_one(study):
    codes = study.own("model", "r/{variant}codes/{model}/{language}.npz", language=["en", "zh"])
    norms = study.own("human", "r/{variant}norms_{language}.tsv")
    wildcards = {"variant": "spec/held-out-carrier/", "model": "m", "language": "en"}
    assert codes(wildcards) == ["r/spec/held-out-carrier/codes/m/en.npz", "r/spec/held-out-carrier/codes/m/zh.npz"]
    assert norms(wildcards) == ["r/norms_en.tsv"]
    assert norms(wildcards | {"variant": "control/shuffled-norms/"}) == ["r/control/shuffled-norms/norms_en.tsv"]


def test_words_of_its_own_that_an_emotion_needs(make, study):
    needed = [study_checks.OWN_WORDS_STEERED, study_checks.OWN_WORDS]
    assert [study.own_words(v) for v in ("", "spec/held-out-carrier/")] == needed
    unsteered = make(steering=study.config["steering"] | {"enabled": False})
    assert unsteered.own_words("") == study_checks.OWN_WORDS


# ---- the grid


def test_every_published_table_has_its_files(make, study):
    asked = {"layer_profile", "rsa_profiles", "validity", "human_agreement"}  # of studies that ask for them
    assert set(KINDS) == set(CONTRACTS) == {*study.grid.tables, *asked} and not asked & set(study.grid.tables)
    asked = make(agreement=["yi2025", "coso2023", "speed2024"])
    assert set(asked.grid.tables) - set(study.grid.tables) == {"human_agreement"}
    assert list(asked.grid.files("human_agreement")) == ["results/planted/human/agreement.tsv"]
    found = [(r["dataset"], r["language"]) for r in asked.data.agreement()]
    assert found == [("yi2025", "zh"), ("coso2023", "hr"), ("speed2024", "nl")]
    one = make(languages=["en"], steering=study.config["steering"] | {"enabled": False})
    gone = {"shared_features", "shared_overlap", "cultures", "judges"}
    gone |= {t for t in KINDS if t.startswith(("steering", "judge_"))}
    assert set(study.grid.tables) - set(one.grid.tables) == gone


@pytest.mark.parametrize(
    ("place", "side", "name"),
    [
        ("{variant}sizes/{model}/{language}.tsv", None, "sizes"),  # variants write it, and nobody would collect it
        ("sizes/{model}/{language}.tsv", "concepts", "sizes"),
        ("{variant}sizes/{language}.tsv", "concepts", "sizes"),  # of no model, so of no unit of a variant
        ("{variant}sizes/{model}/{language}.tsv", "concepts", "features"),  # another's name
    ],
)
def test_a_published_file_that_would_be_collected_in_part_is_refused(monkeypatch, place, side, name):
    fields = (text("emotion", ""), whole("n_words", ""))
    sizes = Table(place, "count_sizes", "", fields, ("emotion",), published=Published(name, side))
    monkeypatch.setattr("shared_affect.words.files.SIZES", sizes, raising=False)
    with pytest.raises(ValueError, match="SIZES"):
        published_files()


def test_a_side_that_no_variant_could_reach_is_refused():
    with pytest.raises(ValueError, match=r"side is 'concepts' for sizes/\{language\}\.tsv; allowed: none"):
        Kind("sizes/{language}.tsv", "concepts")


def test_a_published_file_needs_its_record_alone(monkeypatch):
    fields = (text("emotion", ""), whole("n_words", ""))
    own = Published("sizes", "concepts", words={"emotion": ("joy",)})
    sizes = Table("{variant}sizes/{model}/{language}.tsv", "count_sizes", "", fields, ("emotion",), published=own)
    monkeypatch.setattr("shared_affect.words.files.SIZES", sizes, raising=False)
    assert published_files()["sizes"] == (own, sizes)
    contract = as_collected(own, sizes)
    assert contract.key == ("control", "spec", "root_seed", "model", "language", "emotion")
    assert contract.values == ("n_words",) and contract.words == {"emotion": ("joy",)}


@pytest.mark.parametrize("table", KINDS)
def test_a_file_is_whose_its_path_says(study, table):
    for path, who in study.grid.files(table).items():
        parts = path.removeprefix("results/planted/").rsplit(".", 1)[0].split("/")
        kind, name = parts[:2] if parts[0] in ("spec", "control") else ("", "")
        own = {k: v for k, v in who.items() if k not in ("control", "spec", "human_language")}
        assert (own or not KINDS[table].axes) and set(own.values()) <= set(parts), path
        assert set(own) | {"control", "spec"} <= set(CONTRACTS[table].columns)
        assert who["spec"] == (name if kind == "spec" else "primary")
        control = "none" if "model" not in who else study.row("models", model=who["model"])["control"]
        assert who["control"] == (name if kind == "control" else control)


def test_variants_run_for_the_models_that_make_claims_where_they_touch(study):
    files = study.grid.files("concept_words")
    folders = ["", "control/shuffled-concepts/"]
    models = {"": study.models, "control/shuffled-concepts/": study.claiming}
    wanted = [f"{v}controls/{m}/{k}/words.tsv" for v in folders for m in models[v] for k in ("en", "zh")]
    assert list(files) == [f"results/planted/{f}" for f in wanted]
    ratings = study.grid.files("ratings")
    assert {who["language"] for who in ratings.values()} == {"en", "zh", "en-zh", "zh-en"}
    assert ratings["results/planted/control/shuffled-norms/ratings/llama-planted/b0-btk/zh-en/planted/arousal.tsv"] == {
        "control": "shuffled-norms",
        "spec": "primary",
        "model": "llama-planted",
        "sae": "b0-btk",
        "language": "zh-en",
        "norms": "planted",
        "dimension": "arousal",
    }
    assert {who["model"] for who in study.grid.files("steering_pooled").values()} == set(study.claiming)


def test_people_who_are_compared_with_two_languages_have_one_ceiling(make, study):
    names = {"human": "planted"}
    assert list(study.grid.files("human_ceilings")) == [
        f"results/planted/human/planted/{kind}_{k}.tsv" for kind in ("ceilings", "norm_ceilings") for k in ("en", "zh")
    ]
    same = make([("human", {"dataset": "planted", "kind": "judgements"}, {"human_language": "en"})])
    (first, *rest) = same.grid.files("human_ceilings").items()
    assert first == ("results/planted/human/planted/ceilings_en.tsv", {"control": "none", "spec": "primary", **names})
    assert [path for path, _ in rest] == [f"results/planted/human/planted/norm_ceilings_{k}.tsv" for k in ("en", "zh")]
    assert {who["human_language"] for who in same.grid.files("rsa").values()} == {"en"}


MORE = (("gemma2-planted", "b1-btk", 1), ("gemma2-untrained-1", "b1-btk", 1), ("llama-planted", "b0-wide", 0))


def test_saes_beside_the_primary_one_are_analysed_where_the_study_says_so(make):
    by_name = {m: ["b0-btk"] for m in make().models}
    for saes, more in (
        ("primary", {}),
        (["b0-btk"], {}),
        ("all", {m: name for m, name, _ in MORE}),
        (["b1-btk"], {m: name for m, name, _ in MORE[:2]}),
        (["b0-wide"], {"llama-planted": "b0-wide"}),
    ):
        study = make(more_saes=MORE, saes=saes)
        wanted = {m: [*own, *([more[m]] if m in more else [])] for m, own in by_name.items()}
        assert {m: [r["sae"] for r in study.saes_of(m)] for m in study.models} == wanted
        assert study.saes == [r for m in study.models for r in study.saes_of(m)]
        assert study.is_profiled == study.grid.has("profile") == bool(more)
        assert ("layer_profile" in study.grid.tables) == bool(more)
        assert study.sae == "b0-btk" and len(study.row_path(study.saes[0])) > 0
    assert not make(saes="all").is_profiled  # each model of the default study has one


def test_claims_and_all_other_tables_are_those_of_the_primary_sae_alone(make, study):
    profiled = make(more_saes=MORE, saes="all")
    assert set(profiled.grid.tables) - set(study.grid.tables) == {"layer_profile"}
    for table in study.grid.tables:
        assert list(profiled.grid.files(table).items()) == list(study.grid.files(table).items()), table
    assert profiled.grid.notes() == study.grid.notes()
    assert profiled.grid.claimed == study.grid.claimed == study.grid.tables
    files = profiled.grid.files("layer_profile")
    assert len(files) == 2 * len(profiled.saes)
    assert {(who["model"], who["sae"], who["control"]) for who in files.values()} == {
        (r["model"], r["sae"], profiled.row("models", model=r["model"])["control"]) for r in profiled.saes
    }
    assert files["results/planted/layer_profile/gemma2-untrained-1/b1-btk/zh.tsv"] == {
        "control": "untrained",
        "spec": "primary",
        "model": "gemma2-untrained-1",
        "sae": "b1-btk",
        "language": "zh",
    }


def test_an_sae_that_no_job_reads_is_not_looked_at(make, tmp_path):
    wrong = ("saes", {"sae": "b1-btk"}, {"k": None, "texts": str(tmp_path / "none.txt")})
    for saes in ("primary", ["b0-wide"]):
        looks.look_at_texts(make([wrong], MORE, saes=saes))
    with pytest.raises(ConfigError, match=r"saes.tsv, row gemma2-planted b1-btk: column k is empty"):
        make([wrong], MORE, saes="all")
    wrong[2].pop("k")
    with pytest.raises(ConfigError, match=r"saes.tsv, model gemma2-planted, sae b1-btk, column texts is"):
        looks.look_at_texts(make([wrong], MORE, saes=["b1-btk"]))


def test_whom_a_profile_compares_with(make, study):
    own = {"dataset": "planted", "human_language": "zh"}
    assert study.data.people("zh") == {"rho": own, "r": own}
    people = make(human="li2024", norms="warriner-xu2022").data.people("zh")
    assert people == {
        "rho": {"dataset": "li2024", "human_language": "en"},
        "r": {"dataset": "warriner-xu2022", "human_language": "zh"},
    }


def test_notes_are_of_the_main_study(study):
    notes = study.grid.notes()
    assert list(notes.values()) == [{"model": m, "language": k} for m in study.claiming for k in ("en", "zh")]
    assert next(iter(notes)) == "results/planted/ratings/gemma2-planted/b0-btk/en/planted/notes.json"
    assert list(spread({})) == [{}] and list(spread({"a": "xy", "b": "z"}))[1] == {"a": "y", "b": "z"}


# ---- the whole


def test_what_is_planted_is_said(make, study):
    assert study.banner.startswith("Planted (simulated) world")
    people = make(human="li2024", judge_texts={"en": "goemotions", "zh": "clue-emotion"})
    assert "word ratings" in people.banner and "judgements" not in people.banner
    assert "running texts" in people.banner and "judge" not in people.banner


def test_another_studys_folder_is_named(study, tmp_path, monkeypatch):
    assert looks.overwriting(study, []) == []
    assert looks.overwriting(study, ["key root_seed"]) == [
        "results/planted holds a study with other settings (key root_seed); force is true, so a run overwrites it"
    ]
    assert looks.settings_of(study)["all_emotions"] is True


def test_classes_of_emotions_where_they_are_known(make, study):
    assert set(looks.classes_of(study, "en").values()) == {"positive", "negative"}
    people = make(human="li2024")
    assert looks.classes_of(people, "en") is None
    some = make(human="li2024", emotions=study.emotions[:5])
    assert looks.classes_of(some, "en") is None  # the norms are not there


def test_digests_follow_the_code_and_the_inputs(root, checkout, tmp_path):
    assert checkout.code("collect_table") == checkout.code("collect_table") != checkout.code("predict_ratings")
    assert checkout.code_of("models/texts") != checkout.code_of("models/texts", "models/tokens")
    assert checkout.version_of("features.extraction") >= 2
    assert list(checkout.digests_of_tables()) == list(CONFIG_TABLES)
    found = checkout.digests_of_resources()
    assert found["resources/emotions.tsv"] == file_digest(root / "resources/emotions.tsv")
    assert "resources/concepts/zh.tsv" in found and not [k for k in found if "journal" in k or "retrieved" in k]
    assert "steering" in checkout.sections and "models" not in checkout.sections


# ---- beside the claims: profiles of words, vignettes


def test_profiles_and_vignettes_are_asked_for_by_keys_of_their_own(make, study):
    assert not study.profiles and not study.vignettes and not study.profiled_languages
    asked = make(profiles="song2026", validity=["aipsy"], data_dir="")
    assert asked.profiled_languages == ["en", "zh"] and asked.vignettes == ["aipsy"]
    assert set(asked.grid.tables) - set(study.grid.tables) == {"rsa_profiles", "validity"}
    files = asked.grid.files("validity")
    assert {who["language"] for who in files.values()} == {"en"}  # there are none in Chinese
    assert {who["control"] for who in files.values()} == {"none", "untrained", "no-affect", "shuffled-concepts"}
    assert "results/planted/validity/llama-planted/b0-btk/en/aipsy.tsv" in files
    profiled = asked.grid.files("rsa_profiles")
    assert "shuffled-norms" in {who["control"] for who in profiled.values()}
    assert all("human" not in who for who in profiled.values())  # never under the name of the judgements
    assert not set(profiled) & set(asked.grid.files("rsa"))
    (said,) = asked.left_out()
    assert "validity: aipsy has no vignettes in zh" in said and study.left_out() == []
    # CVAW, whose valence splits the emotions, is not downloaded: said with what is lacking
    assert any("CVAW_all_SD.csv" in text for text in asked.lacking())


def test_judgements_of_chinese_speakers_need_a_row_and_no_code(make):
    row = {"human_language": "zh", "loader": "standard", "path": "{results}/own.tsv", "valence_norm": "cvaw"}
    own = make([("human", {"dataset": "li2024", "kind": "judgements", "language": "zh"}, row)], human="li2024")
    path, labels = own.data.affect_of("li2024", "zh")
    assert path.endswith("human/cvaw/norms_zh.tsv") and labels["anger"] == "愤怒"
    identity = own.grid.identity("", {"human": "li2024", "language": "zh"})
    assert identity["human_language"] == "zh"


def test_datasets_that_no_language_of_the_study_has_are_refused(make):
    with pytest.raises(ConfigError, match="key validity names 'aipsy', which has vignettes in en and in none of the"):
        make(languages=["zh"], validity=["aipsy"])
    with pytest.raises(ConfigError, match=r"key validity names 'aipsi' \(did you mean 'aipsy'\?\); allowed: aipsy"):
        make(validity=["aipsi"])
    with pytest.raises(ConfigError, match="key profiles names 'li2024'; allowed: song2026"):
        make(profiles="li2024")
