"""What the fuzz has found (test_fuzz.py), each as an example of its kind."""

import datetime

import pytest
import yaml

from shared_affect.base.reading import one_screen, shown
from shared_affect.planning.study_checks import check_rule_names, fill
from shared_affect.planted.worldtables import check_world
from shared_affect.study.config import ConfigError, check_mapping, check_values, hint, read_schema, read_table
from shared_affect.study.folder import check_folder
from shared_affect.study.inputs import read_labels, read_number, read_templates
from shared_affect.study.overlays import LARGEST, check_file, convert, expand_folders, expand_path


@pytest.fixture(scope="module")
def schema(root):
    return read_schema(root / "workflow/schemas/config.yaml")


def test_a_message_is_one_screen_whatever_it_quotes():
    said = one_screen("before " + "\x1b[2J\u202e" + "x" * 10_000 + "\n" * 100 + " allowed: a, b")
    assert len(said) <= 2000 and said.count("\n") < 25 and all(c.isprintable() or c == "\n" for c in said)
    assert said.startswith(r"before \x1b[2J\u202e") and said.endswith(" allowed: a, b") and "left out" in said
    assert str(ConfigError("x" * 5000)).count("x") < 2000
    assert shown(10**5000) == "a whole number of 5001 digits" and len(shown(["y" * 9999] * 9999)) < 1000
    assert hint("x" * 100_000, ["a"]) == "" and hint(3, ["a"]) == ""


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({"study": "planted\n"}, r"key study is 'planted\\n'; allowed: text in one line"),
        ({"study": "a\x00b"}, "key study is"),
        ({"rsa": {"a\nb": 1}}, "a key of rsa is"),
        ({"languages": ["en", float("nan")]}, "key languages.1 is nan; allowed: a finite number"),
        ({"root_seed": 10**5000}, "whole number of 5001 digits; allowed: less than"),
        ({"root_seed": 1j}, "allowed: a text, a number"),
        ({"dictionaries": {False: "cedict"}}, "a key of dictionaries is False.*YAML reads no, off"),
        ({"emotions": {"joy"}}, "allowed: a text, a number"),
        ({"study": datetime.date(2024, 1, 31)}, "key study is 2024-01-31; allowed: .*quotation marks"),
    ],
)
def test_values_that_only_yaml_brings_are_refused_before_the_schema(config, words):
    with pytest.raises(ConfigError, match=words):
        check_values(config, "own.yaml")


def test_values_without_end_are_refused_at_once():
    laughs, circle = ["ha"] * 10, {}
    for _ in range(12):
        laughs = [laughs] * 10
    circle["en"] = circle
    for value in (laughs, circle):
        with pytest.raises(ConfigError, match=r"more than .*allowed: less"):
            check_values({"associations": value}, "own.yaml")


@pytest.mark.parametrize(
    ("key", "found", "words"),
    [
        ("study", "x" * 101, "characters <= 100"),
        ("study", False, "YAML reads no, off, yes and on"),
        ("root_seed", -1, "integer, >= 0"),
        ("root_seed", True, "integer"),
    ],
)
def test_names_and_numbers_of_the_schema(root, schema, key, found, words):
    default = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match=words):
        check_mapping(default | {key: found}, schema, "own.yaml")


@pytest.mark.parametrize(
    ("section", "key", "found"),
    [
        ("rsa", "n_permutations", 10**12),
        ("steering", "max_new_tokens", 10**9),
        ("steering", "temperature", 0),
        ("steering", "temperature", 1e-9),
        ("steering", "strengths", [-0.2]),
        ("steering", "strengths", [0.2, 0.2]),
        ("steering", "strengths", [1e308]),
        ("ratings", "n_outer", 10**6),
    ],
)
def test_numbers_that_would_run_for_ever_or_divide_by_nothing(root, schema, section, key, found):
    default = yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8"))
    with pytest.raises(ConfigError, match=rf"{section}\.{key}"):
        check_mapping(default | {section: default[section] | {key: found}}, schema, "own.yaml")


def test_every_number_of_a_configuration_has_two_bounds(schema):
    def numbers(own, path):
        for key, value in own.get("properties", {}).items():
            yield from numbers(value, f"{path}.{key}")
        if own.get("items"):
            yield from numbers(own["items"], f"{path}[]")
        if own.get("type") in ("integer", "number"):
            yield path, own

    for path, own in numbers(schema, "config"):
        assert {"minimum", "exclusiveMinimum"} & set(own) and {"maximum", "exclusiveMaximum"} & set(own), path


def test_numbers_come_whole_where_a_loop_counts_by_them_and_only_in_ascii():
    whole, real = {"type": "integer"}, {"type": "number"}
    assert convert(10000.0, whole) == 10000 and type(convert(10000.0, whole)) is int
    assert convert("1_000", whole) == "1_000" and convert("１", whole) == "１" and convert("1_0.5", real) == "1_0.5"
    assert type(convert(True, whole)) is bool and convert("1e3", whole) == "1e3" and convert("1e3", real) == 1000


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("rsa: {n_draws: 010}", "line 1: '010' is a number of another base"),
        ("a: 1\nb: 16:40", "line 2: '16:40' is a number of another base"),
        ("b: 1:30.5", "another base"),
        ("? [a]\n: 1", "line 1: a key is a list or a mapping"),
        ("? {a: 1}\n: 1", "line 1: a key is a list or a mapping"),
        ("- a\n", r"is \['a'\]; needed: keys with values"),
        ("study", "is 'study'; needed: keys"),
        ("study: !!python/object:os.system {}", "no YAML"),
        ("associations: &a {en: *a}", "an alias that holds itself"),
        ("x: " + "[" * 3000, "too deep"),
        ("---\na: 1\n---\nb: 2", "no YAML"),
        ("study: \x01", "no YAML"),
        ("", "is empty"),
        ("root_seed: " + "9" * 5000, "no number that can be kept"),
        ("\ufeff" + "a: 1\n" * 2, "line 2: key 'a' stands twice"),
        ('{"a": 1, "a": 2}', "key 'a' stands twice"),
        ("# " + "x" * LARGEST, "bytes; allowed for a configuration: 1,000,000"),
        (
            "a: &a [x,x,x,x,x,x,x,x,x]\n"
            + "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}' if i else '*a'] * 9)}]" for i in range(9)),
            "more than 100,000 values",
        ),
    ],
)
def test_a_file_that_yaml_reads_otherwise_than_a_person(tmp_path, text, words):
    (tmp_path / "own.yaml").write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=rf"(?s)own\.yaml.*{words}"):
        check_file(tmp_path / "own.yaml")


def test_files_of_other_encodings_and_none(tmp_path):
    (tmp_path / "own.yaml").write_bytes("study: a\n".encode("utf-16"))
    with pytest.raises(ConfigError, match="mark of UTF-16"):
        check_file(tmp_path / "own.yaml")
    with pytest.raises(ConfigError, match="does not exist"):
        check_file(tmp_path / "nowhere.yaml")
    (tmp_path / "own.json").write_text("study: 1_000\nforce: yes\nb: 0x10\n")  # what is no JSON may be YAML
    assert check_file(tmp_path / "own.json") == {"study": 1000, "force": True, "b": 16}
    (tmp_path / "own.yaml").write_bytes(b"\xef\xbb\xbfbase: &b {n: 1}\r\nown: {<<: *b, m: 2}\r\n")
    assert check_file(tmp_path / "own.yaml") == {"base": {"n": 1}, "own": {"n": 1, "m": 2}}


@pytest.mark.parametrize(
    "text",
    [
        "{results.__class__}",
        "{results[0]}",
        "{results!r}",
        "{results:>9999999999}",
        "{}",
        "{0}",
        "{nothing}",
        "{",
        "{{x}}",
        "~nobody-of-this-name/x",
        "x" * 300,
        "y/" * 3000,
        "a\x00b",
        "$NOT_SET_ANYWHERE/x",
    ],
)
def test_a_path_of_a_table_holds_names_of_folders_and_no_format(text):
    with pytest.raises(ConfigError, match=r"config/models.tsv"):
        fill(text, {"results": "results/planted"}, "config/models.tsv, row x, column path")


def test_paths_that_are_paths_stay(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    places = {"results": "results/planted", "data_dir": "/d e"}
    assert fill("{results}/models/a", places, "") == "results/planted/models/a"
    assert fill("~/快乐 a", places, "") == f"{tmp_path}/快乐 a" and fill("{data_dir}/x", places, "") == "/d e/x"
    with pytest.raises(ConfigError, match="brace"):
        expand_path("/data/{x}")
    with pytest.raises(ConfigError, match="longer than a file system takes"):
        expand_folders({"data_dir": "x" * 5000, "models_dir": ""})


def test_two_models_do_not_share_the_name_of_a_rule():
    check_rule_names(["a-b", "a-c"])
    with pytest.raises(ConfigError, match=r"'a-b' and 'a\.b', which differ in - and \. alone"):
        check_rule_names(["a-b", "a.b"])


def test_numbers_flags_and_labels_of_committed_tables(tmp_path):
    for found in ("nan", "1.5", "x", "", "1_0", "inf"):
        with pytest.raises(ConfigError, match=r"line 3: valence is .*allowed: a number from -1 to 1"):
            read_number("resources/planted/emotions.tsv", {"valence": found, "line": 3}, "valence", 1)
    (tmp_path / "en.tsv").write_text("template\ttext\theld_out\nbare\t{word}.\tFALSE\n")
    with pytest.raises(ConfigError, match="line 2: held_out is 'FALSE'; allowed: true, false"):
        read_templates(tmp_path / "en.tsv")
    (tmp_path / "map.tsv").write_text("label\temotion\tbasic\njoy\tjoi\tjoy\n")
    with pytest.raises(ConfigError, match="line 2: emotion is 'joi'; allowed: joy, or empty"):
        read_labels(tmp_path / "map.tsv", ["joy"])


def test_a_planted_world_that_lacks_a_column_is_named_by_its_file(root, tmp_path):
    (tmp_path / "planted").mkdir()
    for file in (root / "resources/planted").glob("*.tsv"):
        (tmp_path / "planted" / file.name).write_bytes(file.read_bytes())
    tables = [{k: root / f"resources/{of}/{k}.tsv" for k in ("en", "zh")} for of in ("concepts", "templates")]
    check_world(tmp_path / "planted", *tables, 0)
    (tmp_path / "planted/body.tsv").write_text("en\tvalence\tarousal\na\t0\t0\n")
    with pytest.raises(ValueError, match=r"planted/body.tsv: column 'zh' is missing; found: en, valence, arousal"):
        check_world(tmp_path / "planted", *tables, 0)


@pytest.mark.parametrize(
    "text",
    [
        "- a",
        "config: [1]\n",
        "config: {}\ntables: {models: {a: 1}}\n",
        "tables: {}\n",
        b"\xff\xfe",
        "config: {}\ntables: [1]",
    ],
)
def test_settings_of_a_folder_that_are_none_are_told(tmp_path, text):
    data = text if isinstance(text, bytes) else text.encode()
    (tmp_path / "settings.yaml").write_bytes(data)
    (tmp_path / "claims.json").write_text("{}")
    with pytest.raises(ConfigError, match=r"settings\.yaml cannot be read"):
        check_folder(tmp_path, {"config": {}, "tables": {}, "all_emotions": True}, [])


def test_a_table_saved_with_commas_and_flags_in_capitals_are_told_what_to_change(root, tmp_path):
    schema = root / "workflow/schemas/models.yaml"
    text = (root / "config/models.tsv").read_text(encoding="utf-8")
    own = tmp_path / "models.tsv"
    own.write_text(text.replace("\t", ","), encoding="utf-8")
    with pytest.raises(ConfigError, match="separated by tabs, not by commas"):
        read_table(own, schema)
    own.write_text(text.replace("\tfalse\t", "\tFALSE\t", 1), encoding="utf-8")
    with pytest.raises(ConfigError, match="line 2: key gated is 'FALSE'; allowed: boolean: true, false"):
        read_table(own, schema)
