"""What a whole study needs is asked for before any job, in words that say what is there, what is needed and where."""

import copy
import shutil

import numpy as np
import pytest
import yaml

from shared_affect.features.codes import LanguageCodes, WordCodes
from shared_affect.features.reproducibility import Repeats, split_half_reproducibility
from shared_affect.features.select import rule_of, select
from shared_affect.planning import file_checks, study_checks
from shared_affect.planted.language_model import SETTINGS
from shared_affect.planted.world import LANGUAGES, World, WorldTables
from shared_affect.spaces import pair_sets
from shared_affect.steering.vectors import build_vectors
from shared_affect.study.config import ConfigError, read_table
from shared_affect.study.inputs import read_concepts


@pytest.fixture(scope="module")
def study(root):
    tables = {
        t: read_table(root / f"config/{t}.tsv", root / f"workflow/schemas/{t}.yaml")
        for t in ("models", "saes", "languages", "human", "variants")
    }
    tables["emotions"] = read_table(root / "resources/emotions.tsv", root / "workflow/schemas/emotions.yaml")
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    return (
        config,
        tables,
        {k: root / f"resources/concepts/{k}.tsv" for k in ("en", "zh")},
        [r["emotion"] for r in tables["emotions"]],
    )


def steered(config, enabled):
    return config | {"steering": config["steering"] | {"enabled": enabled}}


# ---- words


def with_words(path, folder, words):
    folder.mkdir(exist_ok=True)
    new = folder / path.name
    new.write_text(
        path.read_text(encoding="utf-8") + "".join(f"nostalgia\t{w}\tn\tfalse\tauthored\n" for w in words),
        encoding="utf-8",
    )
    return new


@pytest.mark.parametrize(
    ("words", "steering", "message"),
    [
        (["nostalgia", "nostalgic", "homesick"], True, None),
        (["nostalgia", "nostalgic"], False, None),
        (
            ["nostalgia", "nostalgic"],
            True,
            (
                r"en.tsv.*needed: 3 or more \(steering.*nostalgia has 2 \(nostalgia, nostalgic\).*steering.enabled to"
                r" false \(then 2 are enough\)"
            ),
        ),
        (
            ["nostalgia", "nostalgic", "joy"],
            True,
            r"nostalgia has 2 \(nostalgia, nostalgic\)\. 1 words stand under several emotions and count for none",
        ),
        (["nostalgia", "joy"], False, r"needed: 2 or more \(features.*nostalgia has 1 \(nostalgia\).*key emotions$"),
    ],
)
def test_an_added_emotion_needs_words_of_its_own(study, tmp_path, words, steering, message):
    config, tables, paths, emotions = study
    paths = {
        "en": with_words(paths["en"], tmp_path / "c", words),
        "zh": with_words(paths["zh"], tmp_path / "c", ["怀旧", "怀念", "思乡"]),
    }
    ask = [steered(config, steering), [*emotions, "nostalgia"], tables, paths]
    if message is None:
        return study_checks.check_words(*ask)
    with pytest.raises(ConfigError, match=message):
        study_checks.check_words(*ask)


def test_every_emotion_that_has_too_few_is_named_at_once(study, tmp_path):
    config, tables, paths, emotions = study
    kept = [
        line
        for line in paths["zh"].read_text(encoding="utf-8").splitlines()
        if not line.startswith(("pride\t", "joy\t"))
    ]
    (tmp_path / "zh.tsv").write_text(
        "\n".join([*kept, *(f"{e}\t词{e}{i}\tn\ttrue\tx" for e in ("pride", "joy") for i in "ab")]) + "\n",
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match=r"zh.tsv.*joy has 2 .*; pride has 2 "):
        study_checks.check_words(config, emotions, tables, paths | {"zh": tmp_path / "zh.tsv"})


def made_codes(n_words, d=16, n_features=40, n_emotions=5):
    """Random codes; the last emotion has `n_words` words, the others six."""
    from scipy.sparse import csr_matrix

    g = np.random.default_rng(3)
    sizes = [6] * (n_emotions - 1) + [n_words]
    membership = np.zeros((sum(sizes), n_emotions), bool)
    membership[np.arange(sum(sizes)), np.repeat(np.arange(n_emotions), sizes)] = True

    def part(names):
        return WordCodes(
            tuple(names),
            csr_matrix(g.exponential(size=(len(names), n_features))),
            g.normal(size=(len(names), d)),
            g.normal(size=(len(names), d)),
        )

    return LanguageCodes(
        tuple("abcde"[:n_emotions]),
        membership,
        part([f"w{i}" for i in range(sum(sizes))]),
        part(["r1", "r2", "r3"]),
        np.full(n_features, 0.1),
        (),
    )


@pytest.mark.parametrize(
    ("n_words", "features", "vectors"),
    [(1, False, False), (study_checks.OWN_WORDS, True, False), (study_checks.OWN_WORDS_STEERED, True, True)],
)
def test_the_numbers_asked_for_are_those_that_the_library_needs(monkeypatch, n_words, features, vectors):
    codes, settings = made_codes(n_words), {"per_emotion": 3, "fdr": 0.05, "max_density": 0.9}
    contrast = set(codes.emotions[:-1])
    monkeypatch.setattr(
        "shared_affect.steering.vectors.decoder_directions",
        lambda folder: np.random.default_rng(0).normal(size=(40, 16)),
    )

    def runs(function):
        try:
            function()
        except ValueError:
            return False
        return True

    def halves():
        live = codes.concepts.live()
        split_half_reproducibility(
            codes.concepts.columns(live),
            codes.membership,
            codes.emotions,
            codes.density[live],
            rule_of(settings),
            repeats=Repeats(splits=2, shuffles=2, bootstrap=10),
            rng=np.random.default_rng(0),
        )

    assert runs(lambda: select(codes, contrast, settings)) == features and runs(halves) == features
    assert {
        runs(lambda s=s: build_vectors(codes, contrast, "", settings, n_random=2, root_seed=s, names=("m", "s", "en")))
        for s in range(5)
    } == {vectors}


# ---- emotions


def test_constants_are_those_of_the_rooms_that_are_not_entered(root):
    assert (
        pair_sets.MIN_PAIRS == study_checks.MIN_PAIRS
        and {k: s.layers for k, s in SETTINGS.items()} == study_checks.TRAINED_BLOCKS
        and tuple(LANGUAGES) == file_checks.PLANTED_LANGUAGES
    )


@pytest.mark.parametrize("seed", [0, 1, 17])
def test_planted_classes_are_those_of_the_world(root, seed):
    tables = WorldTables.read(
        root / "resources/planted",
        {k: root / f"resources/concepts/{k}.tsv" for k in LANGUAGES},
        {k: root / f"resources/templates/{k}.tsv" for k in LANGUAGES},
    )
    world = World(tables, seed)
    for language in LANGUAGES:
        centres = world.emotion_centres(language)
        assert study_checks.planted_classes(root / "resources/planted/emotions.tsv", language) == dict(
            zip(centres["emotion"], np.where(centres["valence"] > 0, "positive", "negative"), strict=True)
        )


@pytest.mark.parametrize(
    ("emotions", "pairs", "message"),
    [
        (["joy", "love", "fear", "anger"], ["all"], None),
        (
            ["joy", "love", "fear", "anger"],
            ["all", "within-valence"],
            r"2 pairs for the pair set 'within-valence' in language 'en'.*positive: joy, love; negative: fear, anger",
        ),
        (["joy", "love", "pride", "fear", "anger"], ["all", "within-valence"], None),
        (
            ["joy", "love", "pride", "fear", "anger"],
            ["all", "within-negative"],
            "1 pairs for the pair set 'within-negative' in language 'en'",
        ),
        # pride is a bad thing in the planted Chinese
        (
            ["joy", "love", "pride", "fear", "anger", "grief"],
            ["all", "within-positive"],
            "'within-positive' in language 'zh'.*positive: joy, love; negative: pride",
        ),
        (
            ["joy", "love", "relief", "fear", "anger", "grief"],
            ["all", "within-valence", "within-positive", "within-negative"],
            None,
        ),
        (
            ["joy", "love", "fear", "nostalgia", "awe"],
            ["all"],
            "leaves 3 with valence in language 'en'; needed: 4.*without a rating of valence: nostalgia, awe",
        ),
    ],
)
def test_emotions_are_enough_for_every_pair_set(root, study, emotions, pairs, message):
    config = study[0] | {"rsa": study[0]["rsa"] | {"pairs": pairs}}

    def classes_of(language):
        return study_checks.planted_classes(root / "resources/planted/emotions.tsv", language)

    if message:
        with pytest.raises(ConfigError, match=message):
            study_checks.check_emotions(config, emotions, classes_of)
    else:
        study_checks.check_emotions(config, emotions, classes_of)
    known = classes_of("en")
    for name in pairs:
        try:
            n = len(
                pair_sets.select_pairs(
                    name, [e for e in emotions if e in known], {e: known[e] for e in emotions if e in known}
                ).first
            )
        except ValueError:
            n = study_checks.n_pairs(name, {e: known[e] for e in emotions if e in known})
            assert n < pair_sets.MIN_PAIRS
        assert n == study_checks.n_pairs(name, {e: known[e] for e in emotions if e in known})


def test_what_is_not_known_yet_is_not_counted(study):
    study_checks.check_emotions(study[0], ["joy"], lambda language: None)


# ---- rows


OF_HUB = {"source": "hub", "id": "lab/x", "path": "{retrieved}/saes/gemma2-planted/b0-btk"}
OF_RELEASE = {"source": "release", "release": "r", "id": "x", "path": "{retrieved}/saes/gemma2-planted/b0-btk"}


@pytest.mark.parametrize(
    ("table", "cells", "words"),
    [
        (
            "saes",
            {"layer": 2},
            "config/saes.tsv, row gemma2-planted b0-btk: column layer is 2; allowed: 0 to 1, a gemma2 model",
        ),
        ("saes", {"k": None}, "column k is empty; needed where source is trained"),
        ("saes", {"k": 2000}, "column k is 2000; allowed: at most d_sae, 1024"),
        (
            "saes",
            {"path": "{results}/saes/elsewhere"},
            (
                "column path is '{results}/saes/elsewhere'; allowed where source is trained: "
                "{results}/saes/gemma2-planted/b0-btk"
            ),
        ),
        ("saes", {"l0_min": 40.0}, "column l0_min is 40, l0_max 32"),
        (
            "saes",
            {"source": "release", "path": "{retrieved}/saes/gemma2-planted/b0-btk"},
            "column release is empty; needed where source is release",
        ),
        ("saes", {"subfolder": "x"}, "column subfolder is 'x'; allowed: empty where source is trained"),
        ("saes", {"revision": "main"}, "column revision is 'main'; allowed: empty where source is trained"),
        (
            "saes",
            OF_RELEASE | {"revision": "main"},
            "only rows of source hub have it; sae-lens fetches a release at no revision",
        ),
        ("saes", OF_HUB | {"id": None}, "column id is empty; needed where source is hub"),
        ("saes", OF_HUB | {"id": "lab/x/layer_1"}, "allowed where source is hub: owner/name of a repository"),
        ("saes", OF_HUB | {"release": "r"}, "column release is 'r'; allowed: empty where source is hub"),
        ("saes", OF_HUB | {"subfolder": "../x"}, "column subfolder is '../x'; allowed: names of folders"),
        ("saes", OF_HUB | {"subfolder": "/x"}, "column subfolder is '/x'; allowed: names of folders"),
        ("saes", OF_HUB | {"path": "{models_dir}/x"}, "allowed where source is hub: {retrieved}/saes/gemma2-planted"),
        (
            "models",
            {"family": "gpt9"},
            (
                "config/models.tsv, row gemma2-planted: column family is 'gpt9'; allowed where source is trained: "
                "gemma2, llama"
            ),
        ),
        ("models", {"world": None}, "column world is empty; needed where source is trained"),
        (
            "models",
            {"path": "{results}/models/other"},
            "allowed where source is trained: {results}/models/gemma2-planted",
        ),
        (
            "models",
            {"source": "hub", "path": "{retrieved}/models/gemma2-planted"},
            "column id is empty; needed where source is hub",
        ),
    ],
)
def test_a_row_holds_what_its_source_needs(study, table, cells, words):
    config, tables = study[:2]
    rows = [r | cells if r["model"] == "gemma2-planted" else r for r in tables[table]]
    with pytest.raises(ConfigError) as error:
        study_checks.check_rows(config, tables | {table: rows})
    assert words in str(error.value)
    # a row that the study does not use is nobody's business
    study_checks.check_rows(config | {"models": ["llama-planted"]}, tables | {table: rows})


def test_committed_rows_hold_what_their_sources_need(study):
    config, tables = study[:2]
    study_checks.check_rows(config | {"models": [r["model"] for r in tables["models"]], "control_models": []}, tables)


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({"shuffle": "none"}, "column shuffle is 'none' in a control"),
        ({"concepts": "usf"}, "column concepts is 'usf' in a control"),
    ],
)
def test_a_control_shuffles_and_reads_the_same_words(study, cells, words):
    config, tables = study[:2]
    with pytest.raises(ConfigError, match=words):
        study_checks.check_rows(
            config,
            tables | {"variants": [r | cells if r["variant"] == "shuffled-norms" else r for r in tables["variants"]]},
        )


def test_paths_are_filled_in_or_their_row_is_named(monkeypatch):
    monkeypatch.setenv("MINE", "/mine")
    assert study_checks.fill("$MINE/{results}/x", {"results": "r"}, "t") == "/mine/r/x"
    for text, words in (
        ("{model_dir}/x", r"t is '\{model_dir\}/x'; allowed in braces: results, data_dir"),
        ("{}/x", "allowed in braces"),
        ("$NOBODY_SET_THIS/x", "t: .*a variable that is not set"),
    ):
        with pytest.raises(ConfigError, match=words):
            study_checks.fill(text, {"results": "r", "data_dir": "d"}, "t")


# ---- languages and files


@pytest.fixture
def resources(root, tmp_path):
    for name in ("texts", "prompts", "cues", "categories", "judges", "profiles", "concepts"):
        shutil.copytree(root / "resources" / name, tmp_path / "resources" / name)
    return tmp_path / "resources"


REAL = {"running_texts": "authored", "judge_texts": {"en": "goemotions", "zh": "clue-emotion"}}
MISSING = {
    "fidelity text": (REAL, "texts/fidelity_zh.txt", "language 'zh' needs ordinary text"),
    "neutral text": (REAL, "texts/neutral_en.txt", "language 'en' needs affect-free text"),
    "prompts": (
        {},
        "prompts/planted/zh.tsv",
        "language 'zh' is steered from prompts of the set 'planted' .*which has en; .*steering.enabled to false",
    ),
    "label map": (REAL, "judges/clue-emotion.tsv", "labels of 'clue-emotion' stand for"),
    "cues": ({"concepts": "usf", "languages": ["en"]}, "cues/en.tsv", "concept words of 'usf', language 'en'"),
    "categories": (
        {"concepts": "dutir", "languages": ["zh"]},
        "categories/dutir.tsv",
        "concept words of 'dutir', language 'zh'",
    ),
    "cues of a spec": ({"specs": ["usf-concepts"], "languages": ["en"]}, "cues/en.tsv", "concept words of 'usf'"),
    "names of emotions": ({"profiles": "song2026"}, "profiles/zh.tsv", "row song2026 profiles"),
    "concept words of raters": ({"profiles": "song2026"}, "concepts/zh.tsv", "concept words in the raters' language"),
    "categories of vignettes": ({"validity": ["aipsy"]}, "categories/aipsy.tsv", "row aipsy vignettes en"),
}


@pytest.mark.parametrize("case", MISSING)
def test_a_file_that_a_language_or_a_dataset_needs_is_missed_before_any_job(study, resources, tmp_path, case):
    change, file, words = MISSING[case]
    ask = [study[0] | change, study[1], {"results": str(tmp_path / "results/x"), "data_dir": ""}, resources]
    file_checks.check_files(*ask)
    (resources / file).unlink()
    with pytest.raises(ConfigError, match=rf"{file} does not exist.*{words}"):
        file_checks.check_files(*ask)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"profiles": "song2026"},
            "names 2 that song2026 has profiles of .joy, love.; needed: 3 or more; zh.tsv knows",
        ),
        (
            {"validity": ["aipsy"]},
            "names 1 that aipsy has vignettes of .joy.; needed: 2 or more; aipsy.tsv knows anger",
        ),
    ],
)
def test_emotions_without_profiles_or_vignettes_are_refused_before_any_job(study, resources, tmp_path, change, message):
    places = {"results": str(tmp_path / "results/x"), "data_dir": ""}
    config = study[0] | {"emotions": ["joy", "love", "caring", "optimism"]} | change
    with pytest.raises(ConfigError, match=message):
        file_checks.check_files(config, study[1], places, resources)


def new_language(study, **change):
    tables = study[1] | {
        "human": [
            *study[1]["human"],
            *(
                next(r for r in study[1]["human"] if r["dataset"] == "planted" and r["kind"] == k) | {"language": "fr"}
                for k in ("judgements", "norms")
            ),
        ],
        "languages": [*study[1]["languages"], study[1]["languages"][0] | {"language": "fr", "splitter": None}],
    }
    return study[0] | {"languages": ["fr"]} | change, tables


def test_a_language_without_rules_or_texts_is_refused_and_steering_named(study, resources, tmp_path):
    places, results = {"results": str(tmp_path / "results/x"), "data_dir": ""}, tmp_path / "results/x/world/affect"
    config, tables = new_language(study)
    with pytest.raises(
        ConfigError,
        match=r"fidelity_fr.txt does not exist.*the planted world speaks en, zh: set running_texts to authored",
    ):
        file_checks.check_files(config, tables, places, resources)
    results.mkdir(parents=True)
    for name in ("fidelity", "neutral"):
        (results / f"{name}_fr.txt").write_text("x\n")
    with pytest.raises(
        ConfigError,
        match=r"steering.enabled is true: language 'fr' has no splitter.*allowed: letters, jieba \(config/languages.tsv"
        r", column splitter\), or set steering.enabled to false",
    ):
        file_checks.check_files(config, tables, places, resources)
    file_checks.check_files(steered(config, False), tables, places, resources)


def test_prompts_of_one_half_alone_are_refused(study, resources, tmp_path):
    path = resources / "prompts/planted/en.tsv"
    path.write_text(
        "".join(line for line in path.read_text(encoding="utf-8").splitlines(True) if "\tscore\t" not in line),
        encoding="utf-8",
    )
    with pytest.raises(ConfigError, match="no prompt of split 'score'"):
        file_checks.check_files(study[0], study[1], {"results": str(tmp_path), "data_dir": ""}, resources)


def test_data_of_ones_own_are_looked_for(study, resources, tmp_path):
    config, tables = study[0] | {"norms": "own"}, study[1]
    row = next(r for r in tables["human"] if r["dataset"] == "planted" and r["kind"] == "norms")
    own = [
        row | {"dataset": "own", "language": k, "path": "{data_dir}/own.tsv", "coordinates": None} for k in ("en", "zh")
    ]
    ask = [
        config,
        tables | {"human": [*tables["human"], *own]},
        {"results": str(tmp_path / "r"), "data_dir": str(tmp_path)},
        resources,
    ]
    with pytest.raises(
        ConfigError, match=r"own.tsv does not exist: config/human.tsv, row own norms en, column path, names it"
    ):
        file_checks.check_files(*ask)
    (tmp_path / "own.tsv").touch()
    file_checks.check_files(*ask)


def test_the_committed_words_are_enough(study):
    config, tables, paths, emotions = copy.deepcopy(study)
    for source in ("planted", "table"):
        study_checks.check_words(config | {"concepts": source}, emotions, tables, paths)
        assert all(read_concepts(paths[k], emotions, source) for k in paths)


def test_files_of_people_are_read_before_any_job_as_their_job_reads_them(study, tmp_path, root):
    """What the first job of a file would refuse, the check refuses: cell counts, splits, names, ranges."""
    resources = tmp_path / "resources"
    shutil.copytree(root / "resources", resources, ignore=shutil.ignore_patterns("retrieved", "journal", "fonts"))
    prompts, own = resources / "prompts/planted/en.tsv", tmp_path / "norms.tsv"
    own.write_text("word\tvalence\tarousal\nglad\t0.5\t0.1\nsad\t-0.5\t0.2\n", encoding="utf-8")
    row = {
        "dataset": "mine",
        "kind": "norms",
        "language": "en",
        "loader": "standard",
        "path": str(own),
        "raters": "ours",
        "valence_norm": None,
        "coordinates": None,
    }
    config, tables = study[0] | {"norms": "mine"}, study[1]
    tables = tables | {"human": [*tables["human"], row | {k: None for k in tables["human"][0] if k not in row}]}
    places = {"results": "results/x", "data_dir": "", "models_dir": "", "retrieved": "r"}
    file_checks.check_files(config, tables, places, resources)
    for path, change, message in (
        (prompts, lambda text: text.replace("choose", "chose", 1), "split is 'chose'"),
        (prompts, lambda text: text.rstrip("\n") + "\tone cell more\n", "cells"),
        (resources / "translations.tsv", lambda text: text.replace("\t", "\t\t", 1), "3 cells; needed: 4"),
        (own, lambda text: text.replace("0.5", "9", 1), r"valence of 'glad' is '9'"),
        (own, lambda text: text + "glad \t0\t0\n", "spaces"),
    ):
        before = path.read_text(encoding="utf-8")
        path.write_text(change(before), encoding="utf-8")
        with pytest.raises(ConfigError, match=message):
            file_checks.check_files(config, tables, places, resources)
        path.write_text(before, encoding="utf-8")


TWIN = {
    "model": "twin",
    "source": "untrained-twin",
    "path": "{results}/models/twin",
    "twin_of": "stories260k",
    "control": "untrained",
}


@pytest.mark.parametrize(
    ("cells", "words"),
    [
        ({}, ""),
        ({"twin_of": None}, "row twin: column twin_of is empty; needed where source is untrained-twin"),
        (
            {"twin_of": "storys260k"},
            "column twin_of is 'storys260k' (did you mean 'stories260k'?); allowed: a row whose",
        ),
        (
            {"twin_of": "gemma2-planted"},
            "column twin_of is 'gemma2-planted'; allowed: a row whose source is local or hub",
        ),
        ({"twin_of": "gemma-2-2b-untrained"}, "allowed: a row whose source is local or hub"),
        ({"control": "none"}, "column control is 'none'; allowed where source is untrained-twin: untrained"),
        ({"bos": "none"}, "column bos is 'none'; allowed: None, as of stories260k, whose twin this is"),
        ({"path": "{models_dir}/twin"}, "allowed where source is untrained-twin: {results}/models/twin"),
        ({"source": "local", "control": "none"}, "column twin_of is 'stories260k', and source 'local'; allowed: empty"),
    ],
)
def test_an_untrained_twin_names_a_real_model(study, cells, words):
    config, tables = study[:2]
    own = next(r for r in tables["models"] if r["model"] == "stories260k") | TWIN | cells
    sae = next(r for r in tables["saes"] if r["model"] == "stories260k") | {"model": "twin", "sae": "b0-btk"}
    sae |= {"path": "{results}/saes/twin/b0-btk"}
    rows = tables | {"models": [*tables["models"], own], "saes": [*tables["saes"], sae]}
    config = config | {"control_models": ["twin"]}
    if not words:
        return study_checks.check_rows(config, rows)
    with pytest.raises(ConfigError) as error:
        study_checks.check_rows(config, rows)
    assert words in str(error.value)


def test_a_published_sae_of_a_twin_is_its_originals(study):
    config, tables = study[:2]
    config = config | {"models": ["pythia-70m"], "control_models": ["pythia-70m-untrained"], "primary_sae": "primary"}
    study_checks.check_rows(config, tables)
    for cells in (
        {"id": "blocks.2.hook_resid_post"},
        {"layer": 2},
        {"path": "{retrieved}/saes/pythia-70m-untrained/primary"},
    ):
        changed = [r | cells if r["model"] == "pythia-70m-untrained" else r for r in tables["saes"]]
        with pytest.raises(ConfigError, match="row pythia-70m-untrained primary: "):
            study_checks.check_rows(config, tables | {"saes": changed})


def twinned(tables, model, **cells):
    """Tables in which the rows of a model's SAEs have these cells."""
    return tables | {"saes": [r | cells if r["model"] == model else r for r in tables["saes"]]}


BILINGUAL = {"models": ["bilingual-qwen3"], "control_models": ["bilingual-qwen3-untrained"], "primary_sae": "middle"}


@pytest.mark.parametrize(
    "cells",
    [
        {"layer": 4},
        {"architecture": "topk"},
        {"k": 8},
        {"d_sae": 512},
        {"texts": "{data_dir}/texts"},
        {"train_tokens": 900_000},
        {"train_tokens": 1000},
    ],
)
def test_a_trained_sae_of_a_twin_is_made_as_its_originals(study, cells):
    config, tables = study[0] | BILINGUAL, study[1]
    study_checks.check_rows(config, tables)
    with pytest.raises(ConfigError, match=r"row bilingual-qwen3-untrained middle: it is not the SAE.*needed: layer 5"):
        study_checks.check_rows(config, twinned(tables, "bilingual-qwen3-untrained", **cells))


def test_a_twin_asks_its_original_for_no_more_texts_than_that_writes_for_itself(study):
    """Beside a published SAE one may be trained on the twin; where the original trains others, their texts are all."""
    config, tables = study[0] | BILINGUAL, study[1]
    saes = [r | ({"sae": "other"} if r["model"] == "bilingual-qwen3" else {}) for r in tables["saes"]]
    study_checks.check_rows(config | {"models": []}, tables | {"saes": saes})
    more = twinned(tables | {"saes": saes}, "bilingual-qwen3-untrained", train_tokens=600_001)
    with pytest.raises(ConfigError, match="column train_tokens is 600001; allowed: at most 600000"):
        study_checks.check_rows(config | {"models": []}, more)


HUB = {"source": "hub", "id": "lab/saes", "subfolder": "layer_5", "revision": "a" * 40, "texts": None}
HUB_PATH = {"path": "{retrieved}/saes/bilingual-qwen3/middle"}


def test_an_sae_of_the_hub_that_is_read_on_a_twin_is_its_originals(study):
    config, tables = study[0] | BILINGUAL, study[1]
    both = twinned(tables, "bilingual-qwen3", **HUB, **HUB_PATH)
    both = twinned(both, "bilingual-qwen3-untrained", **HUB, **HUB_PATH)
    study_checks.check_rows(config, both)
    for cells in ({"id": "lab/other"}, {"subfolder": "layer_4"}, {"revision": "b" * 40}, {"layer": 4}):
        with pytest.raises(ConfigError, match="row bilingual-qwen3-untrained middle: it is not"):
            study_checks.check_rows(config, twinned(both, "bilingual-qwen3-untrained", **cells))
    with pytest.raises(ConfigError, match="column path is"):
        own = {"path": "{retrieved}/saes/bilingual-qwen3-untrained/middle"}
        study_checks.check_rows(config, twinned(both, "bilingual-qwen3-untrained", **own))
