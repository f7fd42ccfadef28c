"""An SAE from any repository of the hub: the installed huggingface_hub against a server that answers as it does."""

import json
import re

import numpy as np
import pytest
from conftest import make_model, make_sae
from fake_hub import Hub
from test_hub import python

from shared_affect.models.hub import collect_revisions
from shared_affect.models.hub_saes import _what_it_holds
from shared_affect.models.sae_folder import check_folder, sae_digest
from shared_affect.study.config import ConfigError, read_committed, read_table

COMMIT = "a" * 40


@pytest.fixture
def sae(tmp_path):
    """A folder in sae-lens' layout, of block 1."""
    return make_sae(tmp_path / "made", metadata={"hook_name": "model.layers.1", "prepend_bos": True})


@pytest.fixture
def hub(sae):
    files = {f"small/layer_1/{p.name}": p.read_bytes() for p in sae.iterdir()}
    made = Hub(files | {"README.md": b"x", "other/layer_3/sae_weights.safetensors": b"y"}, repository="lab/saes")
    yield made
    made.close()


def retrieve(folder, home, hub=None, layer=1, more=None, **row):
    """The function behind the rule, in a process that knows this hub alone."""
    commit = row.pop("commit", "")
    row = {"id": "lab/saes", "subfolder": "small/layer_1", "revision": None, "d_in": 32} | row
    code = (
        "import sys; sys.path.insert(0, 'workflow/scripts'); from retrieve_sae import retrieve_sae;"
        f" retrieve_sae({row!r}, {str(folder)!r}, layer={layer}, model='m', sae='s', commit={commit!r})"
    )
    return python(code, home, hub, **(more or {}))


def test_an_sae_is_fetched_once_checked_and_known_by_its_commit(hub, sae, tmp_path):
    folder = tmp_path / "saes/m/s"
    code, text = retrieve(folder, tmp_path / "home", hub)
    assert code == 0, text
    assert sae_digest(folder) == sae_digest(sae)
    # nothing but the two files was fetched
    assert {p.split("/")[-1] for _, p, _ in hub.log if "/resolve/" in p} == {"cfg.json", "sae_weights.safetensors"}
    found = {"id": "lab/saes", "subfolder": "small/layer_1", "asked": "main", "commit": COMMIT}
    assert collect_revisions(tmp_path / "models", tmp_path / "saes") == {"m s": found}
    assert check_folder(folder, 1, "row")["hook_name"] == "model.layers.1"
    # the same again, and by its commit where no hub is
    hub.log.clear()
    assert retrieve(folder, tmp_path / "home", hub)[0] == 0 and not any("/resolve/" in p for _, p, _ in hub.log)
    code, text = retrieve(tmp_path / "again", tmp_path / "home", None, revision=COMMIT)
    assert code == 0 and sae_digest(tmp_path / "again") == sae_digest(sae), text


def test_what_a_row_names_now_goes_before_what_its_branch_has_become(hub, tmp_path):
    folder = tmp_path / "saes/m/s"
    assert retrieve(folder, tmp_path / "home", hub)[0] == 0
    facts, hub.commit = json.loads((folder / "revision.json").read_text()), "b" * 40
    code, text = retrieve(folder, tmp_path / "home", hub, commit=COMMIT)
    assert code == 0 and json.loads((folder / "revision.json").read_text()) == facts, text


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"id": "lab/none"}, "SAE m s: the hub knows no 'lab/none'"),
        ({"revision": "v9"}, "SAE m s: lab/saes has no revision 'v9' (config/saes.tsv, column revision)"),
        ({"subfolder": "big"}, "it has no folder 'big'; folders with an SAE: other/layer_3, small/layer_1"),
        ({"subfolder": "small"}, "it is a folder of SAEs: name one of small/layer_1 in column subfolder"),
        ({"subfolder": None}, "it is a folder of SAEs: name one of other/layer_3, small/layer_1"),
        ({"subfolder": "other/layer_3"}, "has no other/layer_3/cfg.json; it holds sae_weights.safetensors; needed"),
        ({"d_in": 48}, "d_in is 32, but the model's residual has 48 dimensions"),
    ],
)
def test_what_is_wrong_is_named_with_row_and_column(hub, tmp_path, row, words):
    code, text = retrieve(tmp_path / "s", tmp_path / "home", hub, **row)
    assert code and words in text and "config/saes.tsv" in text, text[-1500:]


def test_another_block_is_refused_and_a_closed_door_named(hub, tmp_path):
    code, text = retrieve(tmp_path / "s", tmp_path / "home", hub, layer=2)
    assert code and "hook_name is 'model.layers.1'; allowed: 'blocks.2.hook_resid_post'" in text, text[-1500:]
    hub.gated = True
    code, text = retrieve(tmp_path / "t", tmp_path / "home", hub)
    assert code and "https://huggingface.co/lab/saes" in text and "HF_TOKEN" in text and "config/saes.tsv" in text
    assert not (tmp_path / "t/cfg.json").exists()


def test_a_wrong_byte_is_refused(hub, tmp_path):
    name = "small/layer_1/sae_weights.safetensors"
    true = hub.files[name]
    hub.lie[name] = true[:-1] + bytes([true[-1] ^ 1])
    code, text = retrieve(tmp_path / "s", tmp_path / "home", hub)
    assert code and "sae_weights.safetensors: checksum is" in text and not (tmp_path / "s").exists()
    hub.lie.clear()
    assert retrieve(tmp_path / "s", tmp_path / "home", hub)[0] == 0


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (["cfg.json", "sae.safetensors"], "sparsify's layout"),
        (["config.json", "ae.pt"], "dictionary_learning's layout"),
        (["params.npz"], "Gemma Scope's layout"),
        (["layer3.sae.pt"], "Qwen-Scope's layout"),
        (["sae_final.pt"], "may hold code"),
        (["notes.txt"], "it holds notes.txt; needed: cfg.json and sae_weights.safetensors"),
    ],
)
def test_other_layouts_are_named_with_what_helps(names, words):
    said = _what_it_holds([f"x/{n}" for n in names], "x")
    assert words in said and ("source release" in said or "docs/models.md" in said)


@pytest.mark.parametrize(
    ("hook", "fits"),
    [
        ("blocks.1.hook_resid_post", True),
        ("model.layers.1", True),
        ("transformer.h.1", True),
        ("model.layers.11", False),
        ("model.layers.1.mlp", False),
        ("blocks.1.hook_resid_pre", False),
        ("blocks.1.hook_mlp_out", False),
    ],
)
def test_a_hook_is_named_as_transformerlens_or_as_transformers_names_it(tmp_path, hook, fits):
    folder = make_sae(tmp_path / "s", metadata={"hook_name": hook})
    if fits:
        assert check_folder(folder, 1, "row")["hook_name"] == hook
    else:
        with pytest.raises(ConfigError, match=r"hook_name is .*allowed: 'blocks.1.hook_resid_post'"):
            check_folder(folder, 1, "row")


def test_an_sae_that_names_a_module_reads_what_the_model_hands_on(tmp_path):
    """sae-lens on a model of transformers catches the output of the module it names: the residual after that block."""
    import torch

    from shared_affect.models.load import load_model

    model = load_model(make_model("llama", tmp_path / "m", layers=3))
    caught = []
    model.get_submodule("model.layers.1").register_forward_hook(lambda m, a, out: caught.append(out))
    with torch.inference_mode():
        said = model(torch.tensor([[1, 5, 6]]), output_hidden_states=True).hidden_states
    out = caught[0][0] if isinstance(caught[0], tuple) else caught[0]
    assert np.array_equal(out.numpy(), said[2].numpy())


def test_committed_rows_name_what_sae_lens_lists(root):
    """Release, id, block and model of every row, against the table in the installed library."""
    from sae_lens.loading.pretrained_saes_directory import get_pretrained_saes_directory

    tables = {t: read_table(root / f"config/{t}.tsv", root / f"workflow/schemas/{t}.yaml") for t in ("models", "saes")}
    models, known = {r["model"]: r for r in tables["models"]}, get_pretrained_saes_directory()
    rows = [r for r in tables["saes"] if r["source"] == "release"]
    assert len(rows) > 25
    for row in rows:
        listed = known[row["release"]]
        place = listed.saes_map[row["id"]]
        numbers = re.search(r"layer_?(\d+)|blocks\.(\d+)|^l?(\d+)[r-]|-L(\d+)R", place)
        assert numbers and row["layer"] in [int(n) for n in numbers.groups() if n], (row["sae"], place)
        model = models[row["model"]]
        model = models[model["twin_of"] or row["model"]]  # an untrained twin is read through its original's
        assert (model["source"], model["id"].rsplit("/")[-1]) == ("hub", listed.model.rsplit("/")[-1]), row["sae"]


def test_committed_numbers_of_active_features_are_those_of_sae_lens(root):
    """The table's own column, where it has one; else the name of the file. Other rows name another source."""
    from sae_lens.loading.pretrained_saes_directory import get_pretrained_saes_directory

    known, held = get_pretrained_saes_directory(), 0
    for row in read_committed(
        root / "resources/shapes/saes.tsv", ["release", "id", "source"], None, may_be_empty=("l0",)
    ):
        listed = known.get(row["release"])
        if listed is None or row["id"] not in listed.saes_map:
            continue
        named = re.search(r"average_l0_(\d+)", listed.saes_map[row["id"]])
        said = listed.expected_l0.get(row["id"]) or (float(named[1]) if named else 0)
        if said:
            held += 1
            assert row["l0"] == f"{said:.0f}", (row["release"], row["id"])
        else:
            assert not row["source"].startswith("sae-lens' table"), (row["release"], row["id"])
    assert held > 20


def test_revisions_of_a_model_without_saes_are_as_they_were(tmp_path):
    (tmp_path / "models/m").mkdir(parents=True)
    facts = {"id": "lab/tiny", "asked": "main", "commit": COMMIT, "files": {}}
    (tmp_path / "models/m/revision.json").write_text(json.dumps(facts))
    assert collect_revisions(tmp_path / "models") == {"m": {k: v for k, v in facts.items() if k != "files"}}
