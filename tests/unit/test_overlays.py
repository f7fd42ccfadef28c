"""What overlays and the command line give: types made right, folders expanded, losses refused."""

import pytest
import yaml
from snakemake.cli import parse_config
from snakemake.utils import update_config

from shared_affect.study.config import ConfigError, check_mapping, read_schema
from shared_affect.study.overlays import check_file, check_merge, convert, expand_folders, expand_path


@pytest.fixture(scope="module")
def default(root):
    return yaml.safe_load((root / "config.yaml").read_text(encoding="utf-8")), read_schema(
        root / "workflow/schemas/config.yaml"
    )


def given(default, *entries):
    """A configuration as snakemake makes it of ``--config``, converted and checked."""
    config = yaml.safe_load(yaml.safe_dump(default[0]))
    update_config(config, parse_config(entries))
    made = convert(config, default[1])
    check_mapping(made, default[1], "config")
    return made


def test_nested_keys_of_the_command_line_come_in_their_types_and_keep_their_neighbours(default):
    made = given(
        default,
        "steering={enabled: false, strengths: [0.2, 0.5], samples_per_prompt: 3}",
        "force=true",
        "root_seed=3",
        "ratings={margin: 0.05}",
        "data_dir=",
        "languages=[en]",
    )
    assert made["steering"] == default[0]["steering"] | {
        "enabled": False,
        "strengths": [0.2, 0.5],
        "samples_per_prompt": 3,
    }
    assert (
        made["force"] is True
        and made["root_seed"] == 3
        and made["ratings"]["margin"] == 0.05
        and made["data_dir"] == ""
        and made["languages"] == ["en"]
    )
    assert type(made["steering"]["samples_per_prompt"]) is int
    assert convert(default[0], default[1]) == default[0]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("steering={enabled: perhaps}", "steering.enabled is 'perhaps'"),
        ("ratings={n_outer: 2.5}", "ratings.n_outer is '2.5'"),
        ("study=7", "study is 7.*quotes"),
        ("languages=en", r"languages is 'en'.*\[en\]"),
        ("rsa={n_permutations: many}", "n_permutations is 'many'"),
        ("steering={strengths: [0.2, nan]}", "finite"),
    ],
)
def test_what_has_no_such_type_is_refused(default, entry, words):
    with pytest.raises(ConfigError, match=words):
        given(default, entry)


def test_folders_are_expanded_once_and_must_exist(tmp_path, monkeypatch):
    (tmp_path / "data").mkdir()
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("WHERE", str(tmp_path / "data"))
    for written in ("~/data", "$WHERE", "${WHERE}", str(tmp_path / "data")):
        config = {"data_dir": written, "models_dir": ""}
        expand_folders(config)
        assert config == {"data_dir": str(tmp_path / "data"), "models_dir": ""}
    for key, written, words in (
        ("data_dir", "~/nowhere", "key data_dir is '~/nowhere'.*nowhere is no folder"),
        ("models_dir", "$NOBODY_SET_THIS/x", r"key models_dir: .*a variable that is not set"),
    ):
        with pytest.raises(ConfigError, match=words):
            expand_folders({"data_dir": "", "models_dir": ""} | {key: written})
    assert expand_path("plain/path") == "plain/path"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("study: a\nmodels: [x]\nstudy: b\n", "line 3: key 'study' stands twice"),
        ("rsa:\n  pairs: [all]\n  pairs: [all]\n", "line 3: key 'pairs'"),
        ("rsa:\n\tpairs: [all]\n", "no YAML.*line 2"),
        ("models: [a\nstudy: b\n", "no YAML.*line"),
    ],
)
def test_an_overlay_that_cannot_mean_what_it_says_is_named_with_its_line(tmp_path, text, words):
    (tmp_path / "own.yaml").write_text(text)
    with pytest.raises(ConfigError, match=rf"own\.yaml.*{words}"):
        check_file(tmp_path / "own.yaml")


def test_committed_overlays_are_read(root):
    for path in [root / "config.yaml", *(root / "studies").glob("*.yaml")]:
        assert check_file(path) == yaml.safe_load(path.read_text(encoding="utf-8"))


def test_an_empty_mapping_that_would_clear_nothing_is_refused():
    base, overlay = (
        ("config.yaml", {"associations": {}, "steering": {"enabled": True}}),
        ("a.yaml", {"associations": {"en": "usf"}, "steering": {"enabled": False}}),
    )
    check_merge([base, overlay, ("--config", {"associations": {"zh": "swow"}})])
    check_merge([base, ("--config", {"associations": {}})])
    with pytest.raises(ConfigError, match=r"--config: key associations is \{\}, but \{'en': 'usf'\}"):
        check_merge([base, overlay, ("--config", {"associations": {}})])
