"""Wrong configuration: one screen, the value found, the values allowed, the place to change it."""

import copy

import pytest
import yaml

from shared_affect.study.checks import check_study
from shared_affect.study.config import ConfigError, read_table
from shared_affect.study.inputs import read_concepts, read_templates

LANGUAGES = ("en", "zh", "es", "de")
TABLES = ("models", "saes", "languages", "human", "variants")


@pytest.fixture(scope="module")
def study(root):
    tables = {t: read_table(root / f"config/{t}.tsv", root / f"workflow/schemas/{t}.yaml") for t in TABLES}
    tables["emotions"] = read_table(root / "resources/emotions.tsv", root / "workflow/schemas/emotions.yaml")
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    templates = {k: root / f"resources/templates/{k}.tsv" for k in LANGUAGES}
    return (
        config,
        root / "workflow/schemas/config.yaml",
        tables,
        {k: root / f"resources/concepts/{k}.tsv" for k in LANGUAGES},
        templates,
    )


def test_the_default_study_passes_in_table_order(study):
    emotions = check_study(*study)
    assert len(emotions) == 27 == len(set(emotions)) and emotions == [r["emotion"] for r in study[2]["emotions"]]
    config = study[0] | {"emotions": ["joy", "anger", "fear", "love"]}
    assert check_study(config, *study[1:]) == ["anger", "fear", "joy", "love"]


HUMAN_SIDE = {"models": [], "control_models": [], "control_variants": [], "specs": [], "norms": "norare"}


def test_the_human_side_needs_neither_templates_nor_concepts(study):
    config = study[0] | HUMAN_SIDE | {"languages": ["es", "de"], "agreement": ["stadthagen2017", "schmidtke2014"]}
    config |= {"steering": study[0]["steering"] | {"enabled": False}}
    assert len(check_study(config, *study[1:])) == 27
    for change, words in (
        ({"norms": "yi2025"}, "key norms is 'yi2025'.*language 'es'.*stadthagen2017"),
        ({"steering": study[0]["steering"]}, "key steering.enabled is True; allowed then: false"),
        ({"associations": {"es": "usf"}}, r"key associations is .*allowed then: \{\}"),
        ({"profiles": "song2026"}, "key profiles is 'song2026'; allowed then: '', or name models"),
        ({"validity": ["nonsense"]}, r"key validity is \['nonsense'\]; allowed then: \[\]"),
        ({"judges": {"es": ["nonsense"]}}, r"key judges is .*allowed then: \{\}"),
        ({"judge_tests": {"es": ["nonsense"]}}, r"key judge_tests is .*allowed then: \{\}"),
        ({"languages": ["hr"]}, "key norms is 'norare'; allowed for language 'hr': none"),
    ):
        with pytest.raises(ConfigError, match=words):
            check_study(config | change, *study[1:])


BAD = {
    "misspelt key": ({"stduy": "x"}, ["unknown key stduy", "did you mean 'study'"]),
    "wrong type": ({"root_seed": "seven"}, ["root_seed is 'seven'", "integer", ">= 0"]),
    "not a number": (
        {
            "ratings": {
                "n_outer": 10,
                "n_inner": 5,
                "n_permutations": 999,
                "n_bootstrap": 100,
                "n_matched": 10,
                "margin": float("nan"),
            }
        },
        ["ratings.margin is nan", "finite"],
    ),
    "list of other things": ({"models": ["llama-planted", 3]}, ["models.1 is 3", "string"]),
    "section that is no section": ({"rsa": None}, ["key rsa is None", "object"]),
    "number too small": ({"root_seed": -1}, ["root_seed is -1", ">= 0"]),
    "unknown emotion": (
        {"emotions": ["joy", "anger", "fear", "lovve"]},
        ["'lovve'", "did you mean 'love'", "resources/emotions.tsv"],
    ),
    "doubled emotion": ({"emotions": ["joy", "joy", "fear", "love"]}, ["'joy' twice", "key emotions"]),
    "too few emotions": ({"emotions": ["joy", "fear", "love", "anger"][:3]}, ["key emotions", "items >= 4"]),
    "unknown model": ({"models": ["gpt-7"]}, ["'gpt-7'", "gemma2-planted", "config/models.tsv"]),
    "control among the models": (
        {"models": ["gemma2-untrained-2"]},
        ["'gemma2-untrained-2'", "'untrained'", "control none"],
    ),
    "model among the controls": (
        {"control_models": ["llama-planted"], "models": ["gemma2-planted"]},
        ["'llama-planted'", "other than none"],
    ),
    "agreement of what has no concepts": (
        {"agreement": ["warriner", "yi2025"]},
        ["agreement names 'warriner'", "warriner-norare", "kind concept-ratings"],
    ),
    "agreement of one language": (
        {"agreement": ["stadthagen2017", "ferre2017"]},
        ["all of raters in 'es'", "two languages or more", "coso2023 (hr)"],
    ),
    "models with human data only": (
        {"languages": ["en", "es"]},
        ["'es'", "human data only", "templates/es.tsv and resources/concepts/es.tsv", "models to []"],
    ),
    "controls without models": ({"models": []}, ["key models is []", "control_models", "allowed then: []"]),
    "unknown language": ({"languages": ["en", "fr"]}, ["'fr'", "allowed: en, zh", "config/languages.tsv"]),
    "unknown variant": ({"specs": ["shuffled-norms"]}, ["'shuffled-norms'", "held-out-carrier", "key specs"]),
    "SAE of no model": ({"primary_sae": "b9"}, ["'b9'", "b0-btk", "config/saes.tsv"]),
    "unknown SAE": (
        {"saes": ["b0-btk", "b0-bkt"]},
        ["key saes names 'b0-bkt'", "did you mean 'b0-btk'", "gemma2-planted has b0-btk", "config/saes.tsv"],
    ),
    "SAE of another study's model": (
        {"saes": ["l9-16k"]},
        ["key saes names 'l9-16k'", "allowed: primary, all, or a list", "llama-planted has b0-btk"],
    ),
    "name of one SAE that is no list": (
        {"saes": "b0-btk"},
        ["key saes is 'b0-btk'", "primary", "all", "(a list: [b0-btk])"],
    ),
    "no SAE": ({"saes": []}, ["key saes is []", "items >= 1"]),
    "doubled SAE": ({"saes": ["b0-btk", "b0-btk"]}, ["saes has 'b0-btk' twice", "allowed: once"]),
    "unknown template": (
        {"templates": ["bare", "sayd"]},
        ["'sayd'", "did you mean 'said'", "resources/templates/en.tsv"],
    ),
    "doubled template": ({"templates": ["bare", "bare"]}, ["templates has 'bare' twice", "allowed: once"]),
    "doubled dimension": ({"dimensions": ["valence", "valence"]}, ["dimensions has 'valence' twice"]),
    "too few permutations": (
        {"shared": {"min_active": 0.02, "n_permutations": 199}},
        ["shared.n_permutations is 199", "needed: 200", "2 tests of a family"],
    ),
    "too few permutations of codes": (
        {
            "rsa": {
                "pairs": ["all"],
                "n_permutations": 10000,
                "n_code_permutations": 1000,
                "nuisances": [],
                "n_bootstrap": 100,
                "n_draws": 10,
            },
            "control_models": [f"{m}-untrained-{k}" for m in ("gemma2", "llama") for k in range(1, 6)]
            + ["gemma2-no-affect"],
        },
        ["rsa.n_code_permutations is 1000", "needed: 2000", "20 tests of a family"],
    ),
    "no permutations of codes": (
        {
            "rsa": {
                "pairs": ["all"],
                "n_permutations": 10000,
                "n_code_permutations": 200,
                "nuisances": [],
                "n_bootstrap": 100,
                "n_draws": 10,
            }
        },
        ["rsa.n_code_permutations is 200", ">= 1000"],
    ),
    "folder of models not given": (
        {"models": ["stories260k"], "primary_sae": "b2-btk"},
        ["models_dir is empty", "'stories260k'"],
    ),
    "unknown dataset": ({"human": "warriner"}, ["'warriner'", "planted", "config/human.tsv"]),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_config_says_found_allowed_and_where(study, case):
    change, words = BAD[case]
    with pytest.raises(ConfigError) as error:
        check_study(copy.deepcopy(study[0]) | change, *study[1:])
    message = str(error.value)
    assert (
        "config.yaml" in message
        and message.count("\n") < 12
        and len(message) < 1600
        and all(w in message for w in words)
    ), message


def test_a_missing_or_misspelt_key_is_named_with_the_nearest(study):
    rest = {k: v for k, v in study[0].items() if k != "study"}
    with pytest.raises(ConfigError, match=r"config.yaml, --configfile or --config: key study is missing"):
        check_study(rest, *study[1:])
    with pytest.raises(ConfigError, match=r"unknown key stduy \(did you mean 'study'"):
        check_study(rest | {"stduy": "x"}, *study[1:])
    with pytest.raises(ConfigError, match=r"unknown key rsa.pair \(did you mean 'pairs'"):
        check_study(study[0] | {"rsa": study[0]["rsa"] | {"pair": ["all"]}}, *study[1:])


def test_a_table_of_emotions_too_short_and_an_empty_set_stop_the_study(study, tmp_path):
    config, schema, tables, concepts, templates = study
    with pytest.raises(ConfigError, match="key emotions has 3; needed: 4"):
        check_study(config, schema, tables | {"emotions": tables["emotions"][:3]}, concepts, templates)
    lines = concepts["zh"].read_text(encoding="utf-8").splitlines()
    (tmp_path / "zh.tsv").write_text(
        "\n".join(line for line in lines if not line.startswith("pride\t")), encoding="utf-8"
    )
    with pytest.raises(ConfigError, match=r"zh.tsv: the concept-set of 'pride' has 0 word.*config.yaml, key emotions"):
        check_study(config, schema, tables, concepts | {"zh": tmp_path / "zh.tsv"}, templates)


def test_a_language_without_words_or_with_a_small_set_is_named(study, tmp_path):
    with pytest.raises(ConfigError, match="'fr' has no concept words"):
        read_concepts(tmp_path / "concepts/fr.tsv", ["joy"])
    path = tmp_path / "en.tsv"
    path.write_text("emotion\tword\njoy\tjoy\njoy\tglad\nfear\tfear\n", encoding="utf-8")
    assert read_concepts(path, ["joy"]) == {"joy": ["joy", "glad"]}
    with pytest.raises(ConfigError, match=r"'fear' has 1 word.*needed: 2"):
        read_concepts(path, ["joy", "fear"])
    path.write_text("emotion\tword\njoy\tjoy\njoy\tjoy\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="'joy' stands twice"):
        read_concepts(path, ["joy"])
    for text, message in (
        ("joy\tglad\n", "column 'emotion' is missing"),
        ("emotion\tword\njoy\tglad\njoy\n", "line 3: 1 cells; needed: 2"),
        ("emotion\tword\njoy\tglad \n", "line 2: word is 'glad '"),
    ):
        path.write_text(text, encoding="utf-8")
        with pytest.raises(ConfigError, match=message):
            read_concepts(path, ["joy"])


def test_a_misspelt_row_of_the_concept_words_is_named(tmp_path):
    path = tmp_path / "en.tsv"
    path.write_text("emotion\tword\tplanted\njoy\tjoy\ttrue\njoy\tglad\ttrue\njooy\tmerry\tfalse\n", encoding="utf-8")
    with pytest.raises(
        ConfigError,
        match=r"line 4: emotion is 'jooy' \(did you mean 'joy'\?\); allowed: fear, joy \(resources/emotions.tsv\)",
    ):
        read_concepts(path, ["joy"], known=["fear", "joy"])
    path.write_text("emotion\tword\tplanted\njoy\tjoy\ttrue\njoy\tglad\tTrue\n", encoding="utf-8")
    with pytest.raises(ConfigError, match="line 3: planted is 'True'; allowed: true, false"):
        read_concepts(path, ["joy"], "planted")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (None, "does not exist"),
        ("template\nbare\n", "column 'text' is missing"),
        ("template\ttext\theld_out\nbare\tthe word.\tfalse\n", "line 2: text is 'the word.'"),
        ("template\ttext\theld_out\nbare\t{word}.\tfalse\nbare\t{word}!\tfalse\n", "'bare' stands 2 times"),
    ],
)
def test_bad_templates_are_named(tmp_path, text, message):
    path = tmp_path / "en.tsv"
    if text is not None:
        path.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=message):
        read_templates(path)


def test_a_variant_of_an_unknown_template_is_named(study):
    config, schema, tables, concepts, templates = study
    rows = [r | {"templates": "note noet"} if r["variant"] == "held-out-carrier" else r for r in tables["variants"]]
    with pytest.raises(
        ConfigError, match=r"variant held-out-carrier, column templates names 'noet' \(did you mean 'note'"
    ):
        check_study(config, schema, tables | {"variants": rows}, concepts, templates)


SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "key": ["name"],
    "required": ["name", "n", "x", "flag"],
    "properties": {
        "name": {"type": "string"},
        "n": {"type": ["integer", "null"], "minimum": 1},
        "x": {"type": "number"},
        "flag": {"type": "boolean"},
    },
}
HEAD = "name\tn\tx\tflag\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("name\tm\tx\tflag\n", ["unknown column 'm'"]),
        ("name\tn\tx\n", ["'flag' is missing"]),
        (HEAD + "a\t1\t2\n", ["line 2", "3 cells", "needed: 4"]),
        (HEAD + "a\t1\t2\ttrue\t9\n", ["line 2"]),
        (HEAD + "a\tmany\t2\ttrue\n", ["line 2", "n is 'many'", "integer"]),
        (HEAD + "a\t0\t2\ttrue\n", ["n is 0", ">= 1"]),
        ("name\tn\tx\tx\tflag\n", ["'x' stands 2 times"]),
        (HEAD + "a\t1\tnan\ttrue\n", ["x is nan", "finite"]),
        (HEAD + "a\t--1\t2\ttrue\n", ["n is '--1'", "integer"]),
        (HEAD + "a\t１\t2\ttrue\n", ["n is '１'", "integer"]),
        (HEAD + "a\t1\t1_0\ttrue\n", ["x is '1_0'", "number"]),
        (HEAD + "a\t1\tbig\ttrue\n", ["x is 'big'", "number"]),
        (HEAD + "a\t1\t2\tyes\n", ["flag is 'yes'", "boolean"]),
        (HEAD + "a\t1\t2\ttrue\na\t1\t2\ttrue\n", ["name = a stands 2 times"]),
    ],
)
def test_bad_tables_name_line_and_column(tmp_path, text, words):
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(SCHEMA))
    (tmp_path / "t.tsv").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as error:
        read_table(tmp_path / "t.tsv", tmp_path / "schema.yaml")
    assert "t.tsv" in str(error.value) and all(w in str(error.value) for w in words), str(error.value)


def test_a_table_that_is_not_there_is_named(tmp_path):
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(SCHEMA))
    with pytest.raises(ConfigError, match=r"absent\.tsv does not exist.*flag"):
        read_table(tmp_path / "absent.tsv", tmp_path / "schema.yaml")


def test_good_tables_are_typed(tmp_path):
    (tmp_path / "schema.yaml").write_text(yaml.safe_dump(SCHEMA))
    (tmp_path / "t.tsv").write_text("\ufeff" + HEAD + 'a\t\t.5\tfalse\n"b\t3\t1\ttrue\n', encoding="utf-8")
    assert read_table(tmp_path / "t.tsv", tmp_path / "schema.yaml") == [
        {"name": "a", "n": None, "x": 0.5, "flag": False},
        {"name": '"b', "n": 3, "x": 1.0, "flag": True},
    ]
