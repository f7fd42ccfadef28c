"""A study is not overwritten by another configuration unasked; one that only adds to it is let through."""

import copy

import pytest
import yaml

from shared_affect.study.checks import check_study
from shared_affect.study.config import ConfigError, read_schema, read_table
from shared_affect.study.folder import (
    FINALS,
    FREE,
    GROWS,
    STAMP,
    check_folder,
    describe_study,
    drop_finals,
    read_settings,
    write_settings,
)


@pytest.fixture(scope="module")
def repository(root):
    tables = {
        t: read_table(root / f"config/{t}.tsv", root / f"workflow/schemas/{t}.yaml")
        for t in ("models", "saes", "languages", "human", "variants", "judges")
    }
    tables["emotions"] = read_table(root / "resources/emotions.tsv", root / "workflow/schemas/emotions.yaml")
    config = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    schema = read_schema(root / "workflow/schemas/config.yaml")
    sections = [k for k, s in schema["properties"].items() if "properties" in s]
    paths = [{k: root / f"resources/{kind}/{k}.tsv" for k in ("en", "zh")} for kind in ("concepts", "templates")]
    return config, tables, sections, lambda c, t: check_study(c, root / "workflow/schemas/config.yaml", t, *paths)


class Folder:
    def __init__(self, path, repository):
        self.path, (self.config, self.tables, self.sections, self.emotions) = path, repository

    def settings(self, change=None, tables=None):
        config, tables = copy.deepcopy(self.config) | (change or {}), tables or self.tables
        return describe_study(config, self.emotions(config, tables), tables)

    def start(self, **more):
        write_settings(self.path, self.settings(**more))
        (self.path / "tables").mkdir(exist_ok=True)
        (self.path / "tables/rsa.csv").write_text("numbers\n")
        return self

    def check(self, change=None, tables=None, force=False):
        return check_folder(self.path, self.settings(change, tables), self.sections, force)

    def rows(self, table, name, **cells):
        key = {
            "models": "model",
            "saes": "model",
            "emotions": "emotion",
            "human": "dataset",
            "languages": "language",
            "variants": "variant",
        }[table]
        return self.tables | {table: [r | cells if r[key] == name else r for r in self.tables[table]]}


@pytest.fixture
def folder(tmp_path, repository):
    return Folder(tmp_path / "planted", repository)


CHANGES = {
    "a language less": ({"languages": ["en"]}, ["key languages: [en, zh] there, [en] now"]),
    "languages the other way round": ({"languages": ["zh", "en"]}, ["[en, zh] there, [zh, en] now"]),
    "another seed": ({"root_seed": 7}, ["key root_seed: 0 there, 7 now"]),
    "an emotion less": (
        {"emotions": ["joy", "fear", "love", "anger", "sadness", "disgust", "gratitude"]},
        ["key emotions"],
    ),
    "a model less": (
        {"models": ["gemma2-planted"]},
        ["key models: [gemma2-planted, llama-planted] there, [gemma2-planted] now"],
    ),
    "a model for another": (
        {"control_models": ["gemma2-untrained-2", "llama-untrained-1", "gemma2-no-affect"]},
        ["key control_models"],
    ),
    "no steering": ({"steering": {"enabled": False}}, ["key steering.enabled: true there, false now"]),
    "other strengths": ({"steering": {"strengths": [0.2, 0.5]}}, ["key steering.strengths"]),
    "fewer permutations": ({"rsa": {"n_permutations": 1000}}, ["key rsa.n_permutations: 10000 there, 1000 now"]),
    "other concepts": ({"concepts": "table"}, ["key concepts: 'planted' there, 'table' now"]),
    "templates in another order": ({"templates": ["word-is", "bare", "said", "think-of"]}, ["key templates"]),
}


def merged(config, change):
    return {k: config[k] | v if isinstance(v, dict) else v for k, v in change.items()}


@pytest.mark.parametrize("case", CHANGES)
@pytest.mark.parametrize("finished", [True, False])
def test_a_change_of_numbers_is_refused_by_key_with_both_values(folder, case, finished):
    folder.start()
    if finished:
        (folder.path / "run_config.yaml").write_text(yaml.safe_dump(folder.config))
    change, words = CHANGES[case]
    with pytest.raises(ConfigError) as error:
        folder.check(merged(folder.config, change))
    message = str(error.value)
    assert all(
        w in message
        for w in [
            *words,
            "--config study=NAME",
            "--config force=true",
            "a study" if finished else "an unfinished study",
        ]
    ), message
    assert message.count("\n") < 14
    found = folder.check(merged(folder.config, change), force=True)
    assert len(found) == 1 and found[0] in message


@pytest.mark.parametrize(
    "change",
    [
        {"models": ["llama-planted", "gemma2-planted"]},
        {"control_models": ["gemma2-no-affect", "llama-no-affect", "gemma2-untrained-1", "llama-untrained-1"]},
        {"data_dir": "elsewhere"},
        {"models_dir": "elsewhere"},
        {"emotions_per_job": 3},
        {"force": True},
        {},
    ],
)
def test_what_adds_or_changes_no_number_passes(folder, change):
    assert folder.start().check(change) == []


@pytest.mark.parametrize(
    "fewer",
    [{"specs": []}, {"control_variants": ["shuffled-norms"]}, {"models": ["llama-planted"], "control_models": []}],
)
def test_specs_controls_and_models_may_be_added(folder, fewer):
    assert folder.start(change=fewer).check() == []


def with_saes(folder, *names):
    """Tables with more SAEs of a model."""
    first = next(r for r in folder.tables["saes"] if r["model"] == "gemma2-planted")
    return folder.tables | {"saes": [*folder.tables["saes"], *(first | {"sae": s} for s in names)]}


def test_saes_may_be_added_and_not_taken_away(folder):
    two, three = with_saes(folder, "b1-btk"), with_saes(folder, "b1-btk", "b2-btk")
    folder.start(tables=three)
    assert read_settings(folder.path)["config"]["saes"] == ["b0-btk"]
    assert set(read_settings(folder.path)["tables"]["saes"]) == {
        f"{m} b0-btk" for m in (*folder.config["models"], *folder.config["control_models"])
    }
    for saes in ("all", ["b1-btk"], ["b0-btk", "b2-btk"], ["b0-btk"], "primary"):
        assert folder.check({"saes": saes}, three) == []
    folder.start(change={"saes": "all"}, tables=two)
    assert folder.check({"saes": "all"}, three) == folder.check({"saes": ["b1-btk"]}, two) == []
    with pytest.raises(ConfigError, match=r"key saes: \[b0-btk, b1-btk\] there, \[b0-btk\] now"):
        folder.check({"saes": "primary"}, two)
    changed = {**three, "saes": [r | {"k": 9} if r["sae"] == "b2-btk" else r for r in three["saes"]]}
    assert folder.check({"saes": "all"}, changed) == []  # a row that nothing was made from


@pytest.mark.parametrize("asked", ["primary", "all", ["b1-btk"]])
def test_saes_of_a_study_known_by_its_run_config(folder, asked):
    tables = with_saes(folder, "b1-btk")
    folder.path.mkdir()
    (folder.path / "run_config.yaml").write_text(yaml.safe_dump(folder.config | {"saes": asked}))
    assert folder.check({"saes": "all"}, tables) == folder.check({"saes": asked}, tables) == []
    if asked == ["b1-btk"]:
        with pytest.raises(ConfigError, match="key saes"):
            folder.check({"saes": "primary"}, tables)


def test_an_added_emotion_passes_and_is_then_part_of_the_study(folder):
    some = ["anger", "fear", "joy", "love", "relief", "sadness"]
    folder.start(change={"emotions": some})
    assert folder.check({"emotions": [*some, "pride"]}) == []
    assert folder.check() == []  # all of them
    folder.start(change={"emotions": [*some, "pride"]})
    with pytest.raises(ConfigError, match="key emotions"):
        folder.check({"emotions": some})
    # `all`, where the table has gained a row
    write_settings(
        folder.path, describe_study(folder.config, folder.emotions(folder.config, folder.tables)[:-1], folder.tables)
    )
    assert folder.check() == [] and "surprise" not in read_settings(folder.path)["config"]["emotions"]


@pytest.mark.parametrize(
    ("table", "name", "cells", "words"),
    [
        (
            "models",
            "gemma2-planted",
            {"train_tokens": 60000},
            "config/models.tsv, row gemma2-planted, column train_tokens: 1200000 there, 60000 now",
        ),
        ("saes", "llama-planted", {"k": 9}, "config/saes.tsv, row llama-planted b0-btk, column k: 8 there, 9 now"),
        (
            "emotions",
            "joy",
            {"contrast": False},
            "resources/emotions.tsv, row joy, column contrast: true there, false now",
        ),
        ("languages", "en", {"lemma_rule": "none"}, "config/languages.tsv, row en, column lemma_rule"),
        (
            "variants",
            "shuffled-norms",
            {"shuffle": "concepts"},
            "config/variants.tsv, row shuffled-norms, column shuffle",
        ),
    ],
)
def test_a_changed_row_in_use_is_refused(folder, table, name, cells, words):
    folder.start()
    with pytest.raises(ConfigError) as error:
        folder.check(tables=folder.rows(table, name, **cells))
    assert words in str(error.value)


@pytest.mark.parametrize(
    ("table", "name", "cells"),
    [
        ("models", "gemma2-planted", {"label": "x"}),
        ("models", "gemma2-planted", {"shards": 3}),
        ("models", "stories260k", {"dtype": "bfloat16"}),
        ("saes", "gemma2-planted", {"l0_max": 99.0}),
        ("human", "warriner", {"path": "x"}),
        ("emotions", "joy", {"label_zh": "x"}),
    ],
)
def test_rows_out_of_use_and_columns_without_numbers_are_free(folder, table, name, cells):
    folder.start()
    assert folder.check(tables=folder.rows(table, name, **cells)) == []


def test_a_study_of_before_is_known_by_its_run_config(folder):
    folder.path.mkdir()
    (folder.path / "run_config.yaml").write_text(yaml.safe_dump(folder.config))
    assert folder.check() == []
    for change, words in (
        ({"languages": ["en"]}, "key languages"),
        ({"emotions": ["joy", "fear", "love", "anger", "sadness", "disgust", "pride"]}, "key emotions: 'all' there"),
    ):
        with pytest.raises(ConfigError, match=words):
            folder.check(change)
    # a key that only one version knows is no change of the user's
    (folder.path / "run_config.yaml").write_text(
        yaml.safe_dump({k: v for k, v in folder.config.items() if k != "readout"} | {"gone": 1})
    )
    assert folder.check() == []


def test_what_was_added_and_not_finished_can_be_given_up(folder):
    more = [*folder.config["models"], "stories260k"]
    folder.config = folder.config | {"models_dir": "x"}
    write_settings(folder.path, folder.settings() | {"config": folder.config | {"models": more}})
    (folder.path / "tables.csv").touch()
    with pytest.raises(ConfigError, match="key models"):
        folder.check()
    (folder.path / "run_config.yaml").write_text(yaml.safe_dump(folder.config))
    assert folder.check() == []
    with pytest.raises(ConfigError, match="key root_seed"):
        folder.check({"root_seed": 3})
    with pytest.raises(ConfigError, match="row llama-planted, column train_tokens"):
        folder.check(tables=folder.rows("models", "llama-planted", train_tokens=1))


def test_an_empty_folder_or_one_that_cannot_be_read(folder):
    assert folder.check({"root_seed": 7}) == []
    write_settings(folder.path, folder.settings())  # a run that stopped before it made anything
    (folder.path / "tables").mkdir()
    assert read_settings(folder.path) is None and folder.check({"root_seed": 7}) == []
    folder.start()
    (folder.path / STAMP).write_text("config: [")
    with pytest.raises(ConfigError, match=r"settings.yaml cannot be read.*study=NAME"):
        folder.check()


def test_what_is_written_is_read_as_the_same(folder):
    folder.start()
    assert read_settings(folder.path) == folder.settings()
    assert {*FREE, *GROWS} <= {"study", *folder.config}


def test_finals_of_an_overwritten_study_go_unless_they_hold(tmp_path):
    for name in (*FINALS, "other.csv"):
        (tmp_path / name).touch()
    gone = drop_finals(tmp_path, lambda path: path.endswith("claims.json"))
    assert {p.name for p in tmp_path.iterdir()} == {"claims.json", "other.csv"} and len(gone) == len(FINALS) - 1


RESTS = {
    "a twin of another model": ("bilingual-qwen3-untrained", {"twin_of": "bilingual-gemma2"}),
    "the original of a twin, itself not in the study": ("bilingual-qwen3", {"path": "{models_dir}/another"}),
    "a language model that judges": ("qwen3-1.7b", {"revision": "a" * 40}),
    "how it computes": ("qwen3-1.7b", {"dtype": "float32"}),
}


@pytest.mark.parametrize("case", RESTS)
def test_models_on_which_numbers_rest_are_settings(folder, case):
    model, cells = RESTS[case]
    more = {"control_models": ["bilingual-qwen3-untrained"], "judges": {"en": ["qwen3-choice"]}, "saes": ["b0-btk"]}
    folder.config = folder.config | more | {"primary_sae": "b0-btk"}
    folder.emotions = lambda config, tables: ["joy", "fear"]
    folder.start()
    assert folder.check() == []
    with pytest.raises(ConfigError, match=f"config/models.tsv, row {model}, column {next(iter(cells))}"):
        folder.check(tables=folder.rows("models", model, **cells))
    assert folder.check(tables=folder.rows("models", "pythia-70m", **cells)) == []  # not read
    # a folder of an earlier version knew neither column nor row, and is no reason to refuse
    old = yaml.safe_load((folder.path / STAMP).read_text(encoding="utf-8"))
    rows = {m: r for m, r in old["tables"]["models"].items() if m.startswith(("gemma2-", "llama-", "bilingual"))}
    del rows["bilingual-qwen3"]
    for row in rows.values():
        del row["twin_of"]
    write_settings(folder.path, old | {"tables": old["tables"] | {"models": rows}})
    assert folder.check() == [] and folder.check(tables=folder.rows("models", model, **cells)) == []
