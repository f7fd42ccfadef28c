"""The hub, really spoken to, on loopback: the installed huggingface_hub against a server that answers as the hub
does.
"""

import json
import os
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import ROOT, make_model
from fake_hub import Hub
from safetensors.numpy import load_file, save

from shared_affect.models.saes import DiskSAE

COMMIT = "a" * 40


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    folder = make_model("llama", tmp_path_factory.mktemp("model"))
    return {p.name: p.read_bytes() for p in folder.iterdir()} | {
        "pytorch_model.bin": b"a pickle",
        "modeling_own.py": b"print('code')",
        "README.md": b"read me",
    }


@pytest.fixture
def hub(files):
    made = Hub(files)
    yield made
    made.close()


def python(code, home, hub=None, **more):
    """Run code in a process that knows this hub alone; returns exit code and what it printed."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("HF_")}
    environment |= {
        "HF_ENDPOINT": hub.url if hub else "http://127.0.0.1:9",
        "HF_HOME": str(home),
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_DISABLE_PROGRESS_BARS": "1",
        "PYTHONPATH": str(ROOT / "src"),
        "HOME": str(home),
        **more,
    }
    done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def fetch(folder, home, hub=None, revision="main", repository="lab/tiny", commit=None, **more):
    return python(
        f"from shared_affect.models.hub import fetch_model; print(fetch_model({repository!r}, {revision!r},"
        f" {str(folder)!r}, 'm', commit={commit!r})['commit'])",
        home,
        hub,
        **more,
    )


def test_what_a_row_names_now_goes_before_what_its_branch_has_become(hub, tmp_path):
    assert fetch(tmp_path / "m", tmp_path / "home", hub)[0] == 0
    facts = json.loads((tmp_path / "m/revision.json").read_text())
    hub.commit = "b" * 40
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub, commit=COMMIT)
    assert code == 0 and json.loads((tmp_path / "m/revision.json").read_text()) == facts, text
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub)
    assert code == 0 and "b" * 40 in text


def test_first_download_then_a_warm_cache_then_no_hub_at_all(hub, files, tmp_path):
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub)
    assert code == 0 and COMMIT in text, text
    found = {p.name: p.read_bytes() for p in (tmp_path / "m").iterdir()}
    facts = json.loads(found.pop("revision.json"))
    assert (
        facts["id"] == "lab/tiny"
        and facts["commit"] == COMMIT
        and facts["files"]["model.safetensors"] == hub.entry("model.safetensors")["lfs"]["oid"]
    )
    assert found == {k: v for k, v in files.items() if k.endswith((".json", ".safetensors"))}  # no pickle, no code
    hub.log.clear()
    assert fetch(tmp_path / "m", tmp_path / "home", hub)[0] == 0
    assert not any("/resolve/" in p for _, p, _ in hub.log)
    code, text = fetch(tmp_path / "again", tmp_path / "home", None, COMMIT)
    assert code == 0 and (tmp_path / "again/model.safetensors").read_bytes() == files["model.safetensors"], text
    # a branch must be resolved, and nobody is there to say what it stands for
    code, text = fetch(tmp_path / "third", tmp_path / "home", None, "main")
    assert code and "ConnectionError: model m: lab/tiny at main" in text and "columns source and path" in text


def test_an_interrupted_download_goes_on_where_it_stopped(files, tmp_path):
    big = os.urandom(24_000_000)
    hub = Hub(files | {"extra.safetensors": big})
    hub.cut = {"extra.safetensors": [12_000_000]}
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub)
    assert code == 0 and (tmp_path / "m/extra.safetensors").read_bytes() == big, text
    # huggingface_hub keeps whole pieces of 10 MB
    assert hub.downloads("extra.safetensors") == [("GET", None), ("GET", f"bytes={10 * 2**20}-")]
    hub.close()


def test_after_a_failed_run_only_what_is_missing_is_fetched(files, tmp_path):
    hub = Hub(files | {"extra.safetensors": os.urandom(1_000_000)})
    hub.cut = {"extra.safetensors": [1000] * 20}
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub)
    assert code and not (tmp_path / "m").exists(), text
    assert hub.downloads("model.safetensors")
    hub.cut.clear()
    hub.log.clear()
    assert fetch(tmp_path / "m", tmp_path / "home", hub)[0] == 0
    assert len(hub.downloads("extra.safetensors")) == 1 and not hub.downloads("model.safetensors")
    hub.close()


def test_a_wrong_checksum_is_refused_and_the_next_run_fetches_anew(hub, files, tmp_path):
    true = files["model.safetensors"]
    hub.lie["model.safetensors"] = true[:-1] + bytes([true[-1] ^ 1])
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub)
    assert code and "model.safetensors: checksum is" in text and "run again" in text and not (tmp_path / "m").exists()
    hub.lie.clear()
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub)
    assert code == 0 and (tmp_path / "m/model.safetensors").read_bytes() == true, text


def test_small_files_are_checked_too(hub, files, tmp_path):
    assert fetch(tmp_path / "m", tmp_path / "home", hub)[0] == 0
    blob = (tmp_path / "m/config.json").resolve()
    blob.write_bytes(blob.read_bytes().replace(b"32", b"23", 1))
    code, text = fetch(tmp_path / "m", tmp_path / "home", None, COMMIT)
    assert code and "config.json: checksum is" in text


def test_a_cache_without_links_is_checked_against_the_hub_and_works_without_it_later(hub, files, tmp_path):
    plain = {"HF_HUB_DISABLE_SYMLINKS": "1"}
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub, **plain)
    assert code == 0, text
    facts = json.loads((tmp_path / "m/revision.json").read_text())
    assert (
        facts["files"]["config.json"] == hub.entry("config.json")["oid"]
        and facts["files"]["model.safetensors"] == hub.entry("model.safetensors")["lfs"]["oid"]
    )
    assert (tmp_path / "m/model.safetensors").read_bytes() == files["model.safetensors"]
    assert (
        not (tmp_path / "m/model.safetensors").resolve().name == facts["files"]["model.safetensors"]
    )  # really a cache of plain files
    assert fetch(tmp_path / "m", tmp_path / "home", None, COMMIT, **plain)[0] == 0  # checksums of the earlier fetch
    code, text = fetch(tmp_path / "again", tmp_path / "home", None, COMMIT, **plain)
    assert code and "ConnectionError: model m" in text and not (tmp_path / "again").exists()
    spoilt = (tmp_path / "m/model.safetensors").resolve()
    spoilt.write_bytes(spoilt.read_bytes()[:-1] + b"x")
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub, COMMIT, **plain)
    assert code and "model.safetensors: checksum is" in text and "run again" in text
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub, COMMIT, **plain)
    assert code == 0 and (tmp_path / "m/model.safetensors").read_bytes() == files["model.safetensors"], text


def test_only_what_was_fetched_is_taken_away(hub, files, tmp_path):
    hub.files = files | {"onnx/extra.safetensors": files["model.safetensors"]}
    folder = tmp_path / "m"
    # weights that a repository holds once more, in a folder, are left there
    assert fetch(folder, tmp_path / "home", hub)[0] == 0 and not (folder / "onnx").exists()
    assert not hub.downloads("extra.safetensors")
    (folder / "onnx").mkdir()
    (folder / "onnx/extra.safetensors").symlink_to((folder / "model.safetensors").resolve())  # as it once was
    (folder / "revision.json").unlink()  # as snakemake does before the rule runs again
    assert fetch(folder, tmp_path / "home", hub)[0] == 0  # and a folder inside it is no obstacle
    (folder / "notes").mkdir()
    for own in (folder / "weights-of-mine.safetensors", folder / "notes/diary.txt"):
        own.write_text("years of work")
        hub.log.clear()
        code, text = fetch(folder, tmp_path / "home", hub)
        assert (
            code
            and own.relative_to(folder).as_posix() in text
            and "did not put there" in text
            and "columns source and path" in text
        )
        assert (
            own.read_text() == "years of work" and (folder / "config.json").exists() and not hub.log
        )  # nothing was asked or touched
        own.unlink()
    mine = tmp_path / "mine"
    mine.write_text("x")
    (folder / "link").symlink_to(mine)
    assert "holds link" in fetch(folder, tmp_path / "home", hub)[1] and (folder / "link").is_symlink()


def test_where_links_cannot_be_made_copies_are_made_and_known_again(hub, files, tmp_path):
    code = (
        "import pathlib; from shared_affect.models import hub\n"
        "def refuse(self, target): raise OSError(1, 'Operation not permitted')\n"
        "pathlib.Path.symlink_to = refuse; print(hub.fetch_model('lab/tiny', 'main',"
        f" {str(tmp_path / 'm')!r}, 'm')['commit'])"
    )
    for _ in range(2):
        done, text = python(code, tmp_path / "home", hub)
        assert done == 0 and COMMIT in text, text
    assert (tmp_path / "m/model.safetensors").read_bytes() == files["model.safetensors"] and not (
        tmp_path / "m/model.safetensors"
    ).is_symlink()


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"repository": "lab/other"}, "the hub knows no 'lab/other'"),
        ({"revision": "v9"}, "lab/tiny has no revision 'v9' (config/models.tsv, column revision)"),
    ],
)
def test_what_does_not_exist_is_named(hub, tmp_path, asked, words):
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub, **asked)
    assert code and words in text


def test_a_gated_model_names_licence_and_variable(hub, tmp_path):
    hub.gated = True
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub)
    assert code and "https://huggingface.co/lab/tiny" in text and "HF_TOKEN" in text
    asked = "from shared_affect.models.hub import has_token; print(has_token())"
    assert python(asked, tmp_path / "home", hub)[1].strip() == "False"
    assert python(asked, tmp_path / "home", hub, HF_TOKEN="hf_x")[1].strip() == "True"


def test_a_repository_without_safetensors_is_refused(tmp_path):
    hub = Hub({"config.json": b"{}", "pytorch_model.bin": b"x"})
    code, text = fetch(tmp_path / "m", tmp_path / "home", hub)
    assert code and "holds config.json; needed: config.json and *.safetensors" in text
    hub.close()


def test_unknown_sae_release_is_named(tmp_path):
    code, text = python(
        f"from shared_affect.models.hub import fetch_sae; fetch_sae('no-such', 'x', {str(tmp_path / 's')!r})", tmp_path
    )
    assert code and "SAE release 'no-such' is unknown" in text
    code, text = python(
        f"from shared_affect.models.hub import fetch_sae; fetch_sae('gpt2-small-res-jb', 'x', {str(tmp_path / 's')!r})",
        tmp_path,
    )
    assert code and "has no 'x'; allowed: blocks.0.hook_resid_pre" in text


RELEASE, SAE_ID, SAE_REPOSITORY, SAE_FOLDER = (
    "pythia-70m-deduped-res-sm",
    "blocks.0.hook_resid_post",
    "ctigges/pythia-70m-deduped__res-sm_processed",
    "0-res-sm",
)


@pytest.fixture
def sae_hub():
    """The repository of a release that sae-lens knows, with a very small SAE in it."""
    rng = np.random.default_rng(0)
    shapes = {"W_enc": (8, 24), "b_enc": (24,), "W_dec": (24, 8), "b_dec": (8,)}
    weights = {k: rng.normal(size=s).astype(np.float32) for k, s in shapes.items()}
    cfg = {
        "architecture": "standard",
        "d_in": 8,
        "d_sae": 24,
        "dtype": "torch.float32",
        "device": "cpu",
        "model_name": "pythia-70m-deduped",
        "hook_name": SAE_ID,
        "hook_layer": 0,
        "hook_head_index": None,
        "prepend_bos": True,
        "context_size": 128,
        "dataset_path": "x",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "activation_fn_str": "relu",
        "finetuning_scaling_factor": False,
    }
    made = Hub(
        {f"{SAE_FOLDER}/cfg.json": json.dumps(cfg).encode(), f"{SAE_FOLDER}/sae_weights.safetensors": save(weights)},
        repository=SAE_REPOSITORY,
    )
    yield made, weights
    made.close()


def test_a_published_sae_is_fetched_in_its_disk_format_and_from_a_warm_cache(sae_hub, tmp_path):
    hub, weights = sae_hub

    def get(folder, hub, **more):
        return python(
            f"from shared_affect.models.hub import fetch_sae; print(fetch_sae({RELEASE!r}, {SAE_ID!r},"
            f" {str(folder)!r}))",
            tmp_path / "home",
            hub,
            **more,
        )

    code, text = get(tmp_path / "s", hub)
    assert code == 0 and f"'hook_name': '{SAE_ID}'" in text, text[-2000:]
    stored = load_file(tmp_path / "s/sae_weights.safetensors")
    assert set(stored) == set(weights) and all(np.array_equal(stored[k], weights[k]) for k in weights)
    sae, x = (
        DiskSAE(tmp_path / "s", "cpu"),
        torch.tensor(np.random.default_rng(1).normal(size=(50, 8)).astype(np.float32)),
    )
    expected = np.maximum((x.numpy() - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"], 0)
    np.testing.assert_allclose(sae.encode(x).numpy(), expected, atol=1e-5)
    hub.close()
    code, text = get(tmp_path / "again", None, HF_HUB_OFFLINE="1")
    assert code == 0 and load_file(tmp_path / "again/sae_weights.safetensors").keys() == stored.keys(), text[-2000:]
    code, text = python(
        f"from shared_affect.models.hub import fetch_sae; print(fetch_sae({RELEASE!r}, {SAE_ID!r},"
        f" {str(tmp_path / 'third')!r}))",
        tmp_path / "empty",
    )
    assert (
        code
        and f"SAE release {RELEASE}, {SAE_ID}" in text
        and "config/saes.tsv" in text
        and not (tmp_path / "third/cfg.json").exists()
    ), text[-2000:]


def test_an_activation_that_sae_lens_passes_over_is_refused(sae_hub, tmp_path):
    hub, _ = sae_hub
    name = f"{SAE_FOLDER}/cfg.json"
    hub.files[name] = json.dumps(json.loads(hub.files[name]) | {"activation_fn_str": "tanh-relu"}).encode()
    code, text = python(
        f"from shared_affect.models.hub import fetch_sae; print(fetch_sae({RELEASE!r}, {SAE_ID!r},"
        f" {str(tmp_path / 's')!r}))",
        tmp_path / "home",
        hub,
    )
    assert (
        code
        and f"{SAE_REPOSITORY}/{SAE_FOLDER}/cfg.json: activation_fn is 'tanh-relu'; allowed: relu" in text
        and f"release {RELEASE}, id {SAE_ID}" in text
    ), text[-2000:]
    assert not (tmp_path / "s/cfg.json").exists()


def test_a_spoilt_sae_is_refused(sae_hub, tmp_path):
    hub, _ = sae_hub
    name = f"{SAE_FOLDER}/sae_weights.safetensors"
    hub.files[name] = hub.files[name][:-100]
    code, text = python(
        f"from shared_affect.models.hub import fetch_sae; print(fetch_sae({RELEASE!r}, {SAE_ID!r},"
        f" {str(tmp_path / 's')!r}))",
        tmp_path / "home",
        hub,
    )
    assert code and f"SAE release {RELEASE}, {SAE_ID}" in text and not (tmp_path / "s/cfg.json").exists(), text[-2000:]
