"""Folders on disk are looked at before any job, what is still to come is not, and a refusal names its row."""

import pytest

from shared_affect.planning import early_look
from shared_affect.study.config import ConfigError

MODEL = {"model": "m", "source": "local", "path": "{models_dir}/m"}
SAES = [
    {"model": "m", "sae": "deep", "source": "local", "path": "own/deep", "layer": 7},
    {"model": "m", "sae": "b0", "source": "trained", "path": "{results}/saes/m/b0", "layer": 0},
]


@pytest.fixture
def seen(monkeypatch):
    calls = []
    monkeypatch.setattr(
        early_look,
        "look_at_model",
        lambda folder, where, layers: calls.append((folder.name, where, layers)) or {"hidden_size": 24, "n_blocks": 8},
    )
    monkeypatch.setattr(
        early_look, "look_at_sae", lambda folder, layer, where, d_in: calls.append((folder.name, where, layer, d_in))
    )
    return calls


def look(tmp_path, model=MODEL, saes=SAES, names=("m",)):
    early_look.look(
        names,
        [model],
        saes,
        lambda r: (
            tmp_path
            / r["path"]
            .replace("{models_dir}/", "")
            .replace("{results}/", "results/")
            .replace("{retrieved}/", "retrieved/")
        ),
    )


def test_a_folder_of_ones_own_is_looked_at_once_with_all_its_layers_and_its_saes_with_its_width(tmp_path, seen):
    for name in ("m", "own/deep"):
        (tmp_path / name).mkdir(parents=True)
    look(tmp_path)
    assert seen == [("m", "config/models.tsv, row m", [0, 7]), ("deep", "config/saes.tsv, row m deep", 7, 24)]
    seen.clear()
    look(tmp_path, names=("another",))  # rows that the study does not use
    assert seen == []


@pytest.mark.parametrize(("source", "mark"), [("hub", "revision.json"), ("trained", "config.json")])
def test_a_model_that_is_made_or_fetched_is_looked_at_when_it_is_there(tmp_path, seen, source, mark):
    row = MODEL | {"source": source, "path": "{retrieved}/m"}
    look(tmp_path, row, SAES[1:])
    assert seen == []
    (tmp_path / "retrieved/m").mkdir(parents=True)
    (tmp_path / "retrieved/m/config.json").touch()  # a download that has not ended
    look(tmp_path, row, SAES[1:])
    assert seen == []
    (tmp_path / "retrieved/m" / mark).touch()
    look(tmp_path, row, SAES[1:])
    assert len(seen) == (source == "hub")


def test_what_a_rule_may_still_make_is_waited_for(tmp_path, seen):
    sae = SAES[0] | {"path": "{results}/saes/other/b0"}
    (tmp_path / "m").mkdir()
    look(tmp_path, saes=[sae])
    assert [s[0] for s in seen] == ["m"]
    (tmp_path / "results/saes/other/b0").mkdir(parents=True)
    (tmp_path / "results/saes/other/b0/cfg.json").touch()
    look(tmp_path, saes=[sae])
    assert [s[0] for s in seen] == ["m", "m", "b0"]


def test_an_absent_folder_names_its_row(tmp_path, seen):
    with pytest.raises(ConfigError, match=r"config/models.tsv, row m, column path: .*/m is no folder"):
        look(tmp_path)
    (tmp_path / "m").mkdir()
    with pytest.raises(ConfigError, match=r"config/saes.tsv, row m deep, column path: .*/own/deep is no folder"):
        look(tmp_path)
    # without the model's folder the width is not known: an SAE is looked at all the same
    (tmp_path / "own/deep").mkdir(parents=True)
    look(tmp_path, MODEL | {"source": "hub", "path": "{retrieved}/m"})
    assert seen[-1] == ("deep", "config/saes.tsv, row m deep", 7, None)


@pytest.mark.parametrize(
    "error",
    [
        ValueError("a masked language model"),
        FileNotFoundError("shard 2"),
        ValueError("config/models.tsv, row m: said already"),
    ],
)
def test_a_refusal_names_its_row_once(tmp_path, monkeypatch, error):
    def refuse(*args):
        raise error

    monkeypatch.setattr(early_look, "look_at_model", refuse)
    (tmp_path / "m").mkdir()
    with pytest.raises(ConfigError) as found:
        look(tmp_path)
    assert str(found.value).count("config/models.tsv, row m") == 1 and str(error).split(": ")[-1] in str(found.value)


def test_valence_classes_of_data_at_hand_are_read_as_the_job_reads_them(tmp_path):
    own = tmp_path / "affect.tsv"
    assert early_look.classes(str(own), ["joy"], 0) is None  # not there yet
    own.write_text("emotion\tvalence\tarousal\njoy\t0.5\t0\nfear\t-0.5\t0\nawe\t0.1\t0\n")
    assert early_look.classes(str(own), ["joy", "fear", "awe"], 0.2) == {
        "joy": "positive",
        "fear": "negative",
        "awe": "negative",
    }
    norms = tmp_path / "norms.tsv"
    norms.write_text(
        "word\tvalence\tarousal\tvalence_sd\tvalence_n\tarousal_sd\tarousal_n\n"
        + "".join(f"{w}\t{v}\t0\t0.1\t9\t0.1\t9\n" for w, v in (("bliss", 0.5), ("dread", -0.5)))
    )
    assert early_look.classes(
        [str(norms)], ["joy", "fear", "awe"], 0, {"joy": "bliss", "fear": "dread", "awe": "awe"}, "standard"
    ) == {"joy": "positive", "fear": "negative"}
    own.write_text("emotion\tarousal\njoy\t0\n")
    with pytest.raises(ConfigError, match="column 'valence' is missing"):
        early_look.classes(str(own), ["joy"], 0)
