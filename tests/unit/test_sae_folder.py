"""What an SAE's folder declares: every layout read to one form as sae-lens reads it, and everything else refused by
name.
"""

import json
import subprocess
import sys

import numpy as np
import pytest
from conftest import make_model, make_sae

from shared_affect.features.extraction import Extractor
from shared_affect.features.held import SaeSource
from shared_affect.models.fidelity import check_fidelity
from shared_affect.models.load import Numerics
from shared_affect.models.sae_folder import check_folder, check_hook, decoder_directions
from shared_affect.models.saes import DiskSAE
from shared_affect.study.config import ConfigError

ROW = "config/saes.tsv, model m, sae s"
OLD = {
    "dtype": "torch.float32",
    "device": "cpu",
    "model_name": "m",
    "hook_name": "blocks.2.hook_resid_post",
    "hook_layer": 2,
    "hook_head_index": None,
    "prepend_bos": True,
    "normalize_activations": "none",
    "apply_b_dec_to_input": True,
    "finetuning_scaling_factor": False,
    "sae_lens_training_version": "5.3.0",
    "context_size": 128,
    "dataset_path": "x",
    "dataset_trust_remote_code": True,
    "neuronpedia_id": None,
    "model_from_pretrained_kwargs": {"center_writing_weights": False},
    "seqpos_slice": [None],
    "reshape_activations": "none",
    "activation_fn_str": "relu",
    "activation_fn_kwargs": {},
}
"""Top level of a configuration as sae-lens wrote it before version 6."""


def old_sae(folder, weights_of="standard", drop=(), **cfg):
    """An SAE whose configuration stands in the layout before version 6."""
    make_sae(folder, weights_of)
    base = {"architecture": weights_of, "d_in": 32, "d_sae": 64} | OLD | cfg
    (folder / "cfg.json").write_text(json.dumps({k: v for k, v in base.items() if k not in drop}))
    return folder


def rewrite(folder, change):
    """The same folder with other tensors."""
    from safetensors.torch import load_file, save_file

    w = load_file(folder / "sae_weights.safetensors")
    w = change(w) or w
    save_file({k: v.contiguous() for k, v in w.items()}, folder / "sae_weights.safetensors")
    return folder


def residuals(scale=1.0):
    import torch

    return scale * torch.randn(50, 32, generator=torch.Generator().manual_seed(2))


TOPK = {"architecture": "standard", "activation_fn_str": "topk", "activation_fn_kwargs": {"k": 4}}
OLD_LAYOUTS = {
    "relu": ("standard", {}, ()),
    "no architecture": ("standard", {}, ("architecture",)),
    "top-k as an activation": ("standard", TOPK, ()),
    "top-k as an activation, renamed": (
        "standard",
        {"activation_fn": "topk", "activation_fn_kwargs": {"k": 5}},
        ("activation_fn_str",),
    ),
    "top-k, unsigned": ("standard", TOPK | {"activation_fn_kwargs": {"k": 6, "signed": False}}, ()),
    "top-k by architecture": ("topk", {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": 7}}, ()),
    "jumprelu": ("jumprelu", {}, ()),
    "gated": ("gated", {}, ()),
    "bias left on": ("standard", {"apply_b_dec_to_input": False}, ()),
    "bias not said": ("standard", {}, ("apply_b_dec_to_input",)),
    "norm as a truth value": ("standard", {"normalize_activations": False}, ()),
    "norm null": ("standard", {"normalize_activations": None}, ()),
    "layer norm": ("standard", {"normalize_activations": "layer_norm"}, ()),
    "oldest names": (
        "standard",
        {"hook_point": "blocks.2.hook_resid_post", "hook_point_layer": 2, "hook_point_head_index": None},
        ("hook_name", "hook_layer", "hook_head_index"),
    ),
    "a training run's keys": (
        "standard",
        {
            "l1_coefficient": 5.0,
            "lp_norm": 1.0,
            "noise_scale": 0.0,
            "decoder_init_norm": 0.1,
            "use_ghost_grads": False,
            "lr": 1e-4,
        },
        (),
    ),
}


@pytest.mark.parametrize("case", OLD_LAYOUTS)
def test_old_layouts_are_read_as_sae_lens_reads_them(tmp_path, case):
    import torch
    from sae_lens import SAE

    weights_of, cfg, drop = OLD_LAYOUTS[case]
    folder = old_sae(tmp_path / "s", weights_of, drop, **cfg)
    ours, theirs, x = DiskSAE(folder), SAE.load_from_disk(folder, device="cpu"), residuals()
    with torch.no_grad():
        expected = theirs.encode(x)
        rebuilt = theirs.decode(expected)
    assert torch.allclose(ours.encode(x), expected, atol=1e-5) and torch.allclose(
        ours.reconstruct(x), rebuilt, atol=1e-5
    )
    assert (expected > 0).any() and not (expected > 0).all()
    facts = check_folder(folder, 2, ROW)
    assert facts["architecture"] == ours.cfg.architecture == theirs.cfg.architecture() and (
        facts["d_in"],
        facts["d_sae"],
    ) == (32, 64)
    check_hook(folder, 2, True, ROW)


def test_an_old_top_k_keeps_as_many_features_as_it_says(tmp_path):
    folder = old_sae(tmp_path / "s", **TOPK)
    active = (DiskSAE(folder).encode(residuals()) > 0).sum(1)
    assert active.max() == 4 and check_folder(folder, 2, ROW)["k"] == 4
    relu = (DiskSAE(old_sae(tmp_path / "r")).encode(residuals()) > 0).sum(1)
    assert relu.float().mean() > 10


@pytest.mark.parametrize(
    ("cfg", "drop"),
    [
        ({"hook_name": "blocks.2.hook_resid_pre"}, ()),
        ({"hook_name": "blocks.2.hook_mlp_out"}, ()),
        ({"hook_name": "blocks.1.hook_resid_post"}, ("hook_layer",)),
        ({"hook_point": "blocks.2.hook_resid_pre"}, ("hook_name",)),
        ({"hook_layer": 3}, ("hook_name",)),
        ({"hook_point_layer": 3}, ("hook_name", "hook_layer")),
        ({"hf_hook_name": "model.layers.2.mlp"}, ("hook_name",)),
        ({"hf_hook_name": "model.layers.12"}, ("hook_name",)),
        ({"metadata": {"hook_name": "blocks.2.hook_resid_pre"}}, ("hook_name",)),
    ],
)
def test_the_hook_gate_reads_every_layout(tmp_path, cfg, drop):
    folder = old_sae(tmp_path / "s", drop=drop, **cfg)
    for gate in (lambda: check_hook(folder, 2, True, ROW), lambda: check_folder(folder, 2, ROW)):
        with pytest.raises(
            ValueError, match=r"(hook_name|hook_layer) is .*; allowed: .*config/saes.tsv, model m, sae s, column layer"
        ):
            gate()


def test_bos_is_read_from_every_layout(tmp_path):
    folder = old_sae(tmp_path / "s")
    with pytest.raises(ValueError, match="prepend_bos is True"):
        check_hook(folder, 2, False, ROW)
    assert check_folder(folder, 2, ROW)["prepend_bos"] is True


NEW = {"sae_lens_version": "6.0.0"}
REFUSED = {
    "activation_fn": [
        {"activation_fn_str": "tanh-relu"},
        {"activation_fn_str": "topk", "metadata": NEW},
        {"activation_fn_str": "gelu"},
    ],
    "key k is missing": [
        {"activation_fn_str": "topk"},
        {"activation_fn_str": "topk", "activation_fn_kwargs": {"k": None}},
    ],
    "activation_fn_kwargs.k": [{"activation_fn_kwargs": {"k": 8}}, TOPK | {"k": 8}],
    "activation_fn_kwargs.signed": [TOPK | {"activation_fn_kwargs": {"k": 4, "signed": True}}],
    "activation_fn_kwargs": [{"activation_fn_kwargs": 4}],
    "k is": [TOPK | {"activation_fn_kwargs": {"k": v}} for v in (0, -1, 3.7, 4.0, 65, True, "4")] + [{"k": 8}],
    "normalize_activations is 'expected_average_only_in'.*fold": [
        {"normalize_activations": True},
        {"normalize_activations": "expected_average_only_in"},
    ],
    "normalize_activations": [{"normalize_activations": "covariance_whitening"}, {"normalize_activations": 1}],
    "apply_b_dec_to_input": [{"apply_b_dec_to_input": v} for v in (0.5, "false", None, 1)],
    "finetuning_scaling_factor": [{"finetuning_scaling_factor": True}],
    "reshape_activations": [{"reshape_activations": "hook_z"}],
    "rescale_acts_by_decoder_norm": [{"rescale_acts_by_decoder_norm": True}, {"rescale_acts_by_decoder_norm": "no"}],
    "use_error_term": [{"use_error_term": True}],
    "hook_head_index": [{"hook_head_index": 0}],
    "hook_name_out": [{"hook_name_out": "blocks.3.hook_mlp_out"}],
    "d_out": [{"d_out": 16}],
    "seqpos_slice": [{"seqpos_slice": [1, None]}, {"seqpos_slice": [0, 10]}],
    "model_from_pretrained_kwargs": [
        {"model_from_pretrained_kwargs": v}
        for v in ({"center_writing_weights": True}, {"revision": "step3000"}, {"checkpoint_value": 4000}, ["x"])
    ],
    "jump_relu_threshold": [{"jump_relu_threshold": 0.3}],
    "scale_factor": [{"scale_factor": 2.0}],
    "metadata.seqpos": [{"seqpos_slice": None, "metadata": {"seqpos": 3}}],
    "metadata.k": [{"metadata": {"k": 4}}],
    "metadata": [{"metadata": "x"}],
    "architecture is 'transcoder'.*reads": [{"architecture": "transcoder", "d_out": 32}],
    "architecture is 'batchtopk'.*save_inference_model": [{"architecture": "batchtopk", "k": 4}],
    "architecture": [{"architecture": a} for a in ("crosscoder", "matryoshka_batchtopk", "temporal", ["topk"])],
    "d_sae": [{"d_sae": v} for v in (64.5, 0, "64", None, True)],
    "d_in": [{"d_in": None}],
    "prepend_bos": [{"prepend_bos": "yes"}],
    "hook_layer": [{"hook_layer": "2"}],
    "hook_name is .* metadata.hook_name is": [{"metadata": {"hook_name": "blocks.1.hook_resid_post"}}],
    "prepend_bos is True, but metadata.prepend_bos is False": [{"metadata": {"prepend_bos": False}}],
    "activation_fn_str is 'relu', but activation_fn is 'topk'": [{"activation_fn": "topk"}],
}


@pytest.mark.parametrize(("words", "cfg"), [(words, c) for words, cases in REFUSED.items() for c in cases])
def test_what_is_not_honoured_is_refused_with_key_values_and_row(tmp_path, words, cfg):
    folder = old_sae(tmp_path / "s", **cfg)
    with pytest.raises(ConfigError, match=words.replace("metadata.seqpos", "seqpos")) as error:
        check_folder(folder, 2, ROW)
    text = str(error.value)
    assert (
        f"{folder}/cfg.json" in text
        and ("allowed: " in text or "needed: " in text)
        and ROW in text
        and len(text) < 1000
    )
    with pytest.raises(ValueError):
        DiskSAE(folder)
    with pytest.raises(ValueError):
        decoder_directions(folder)


def test_keys_that_ask_for_nothing_are_allowed(tmp_path):
    cfg = {
        "finetuning_scaling_factor": None,
        "hook_head_index": None,
        "hook_name_out": None,
        "d_out": 32,
        "seqpos_slice": None,
        "some_future_key": None,
        "use_error_term": False,
        "model_from_pretrained_kwargs": {"fold_ln": True, "n_devices": 1, "center_writing_weights": False},
        "metadata": NEW | {"prepend_bos": True, "l0": 3.2},
        "hf_hook_name": "model.layers.2.output",
        "seed": 4,
        "matryoshka_widths": [8, 64],
    }
    assert check_folder(old_sae(tmp_path / "s", **cfg), 2, ROW)["architecture"] == "standard"


def test_a_new_layout_without_architecture_and_a_doubled_key_are_refused(tmp_path):
    folder = make_sae(tmp_path / "s", metadata=NEW)
    cfg = json.loads((folder / "cfg.json").read_text())
    (folder / "cfg.json").write_text(json.dumps({k: v for k, v in cfg.items() if k != "architecture"}))
    with pytest.raises(ConfigError, match="key architecture is missing; allowed: standard, topk, jumprelu, gated"):
        check_folder(folder, 0, ROW)
    (folder / "cfg.json").write_text(json.dumps(cfg)[:-1] + ', "d_sae": 32}')
    with pytest.raises(ConfigError, match="key d_sae stands twice"):
        check_folder(folder, 0, ROW)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        '{"architecture": "standard", "d_in": 32,',
        "[1, 2]",
        "\x00\x00\x00\x00",
        "version https://git-lfs.github.com/spec/v1",
    ],
)
def test_a_cut_configuration_is_named(tmp_path, text):
    folder = make_sae(tmp_path / "s")
    (folder / "cfg.json").write_text(text)
    for read in (lambda: check_folder(folder, 0, ROW), lambda: check_hook(folder, 0, True, ROW)):
        with pytest.raises(ValueError, match=r"s/cfg.json (is no whole JSON file|holds a list).*model m, sae s"):
            read()
    with pytest.raises(ValueError, match=r"s/cfg.json"):
        DiskSAE(folder)


def test_absent_files_and_folders_of_others_are_named_with_a_remedy(tmp_path):
    def said(folder):
        with pytest.raises(ConfigError) as error:
            check_folder(folder, 0, ROW)
        assert ROW in str(error.value) and str(folder) in str(error.value)
        return str(error.value)

    assert "is no folder" in said(tmp_path / "nowhere")
    folder = make_sae(tmp_path / "s")
    (folder / "sae_weights.safetensors").rename(folder / "sae_weights.pt")
    assert "has no sae_weights.safetensors: found cfg.json, sae_weights.pt" in said(folder)
    (folder / "cfg.json").unlink()
    assert "has no cfg.json: found sae_weights.pt" in said(folder)
    make_sae(tmp_path / "many" / "layer_3")
    assert "name one of layer_3" in said(tmp_path / "many")
    foreign = tmp_path / "dictionary"
    foreign.mkdir()
    (foreign / "ae.pt").write_bytes(b"x")
    (foreign / "config.json").write_text("{}")
    assert "save_model" in said(foreign)


def test_the_layout_of_sparsify_is_refused_and_the_remedy_of_the_docs_works(tmp_path, root, monkeypatch):
    import torch
    from safetensors.torch import save_file

    old = tmp_path / "layers.2"
    old.mkdir()
    g = torch.Generator().manual_seed(0)
    w = {
        "encoder.weight": torch.randn(64, 32, generator=g),
        "encoder.bias": torch.randn(64, generator=g),
        "W_dec": torch.randn(64, 32, generator=g),
        "b_dec": torch.randn(32, generator=g),
    }
    save_file(w, old / "sae.safetensors")
    cfg = {
        "activation": "topk",
        "expansion_factor": 2,
        "normalize_decoder": True,
        "num_latents": 64,
        "k": 4,
        "multi_topk": False,
        "skip_connection": False,
        "transcode": False,
        "d_in": 32,
    }
    (old / "cfg.json").write_text(json.dumps(cfg | {"skip_connection": True}))
    with pytest.raises(ConfigError, match="transcoder in sparsify's layout"):
        check_folder(old, 2, ROW)
    (old / "cfg.json").write_text(json.dumps(cfg))
    for _ in range(2):
        with pytest.raises(ConfigError, match=r"sparsify's layout.*docs/models.md.*column path.*model m, sae s"):
            check_folder(old, 2, ROW)
        if _ == 0:
            kept = (old / "cfg.json").read_text()
            (old / "cfg.json").unlink()
    (old / "cfg.json").write_text(kept)
    text = (root / "docs/models.md").read_text(encoding="utf-8")
    code = text[text.index("### SAEs in other layouts") :].split("```python\n")[1].split("```")[0]
    assert check_folder(_run(code, old, tmp_path / "new"), 2, ROW)["k"] == 4
    x = residuals()
    pre = ((x - w["b_dec"]) @ w["encoder.weight"].T + w["encoder.bias"]).relu()
    expected = torch.where(pre >= pre.topk(4).values[:, -1:], pre, torch.zeros_like(pre))
    assert torch.allclose(DiskSAE(tmp_path / "new").encode(x), expected, atol=1e-5)


def _run(code, old, new):
    exec(code.replace('"OLD"', repr(str(old))).replace('"NEW"', repr(str(new))), {})
    return new


SHAPES = {
    "tensor b_enc has shape \\[1\\]; needed: \\[64\\]": ("jumprelu", lambda w: w.update(b_enc=w["b_enc"][:1])),
    "tensor W_dec has shape \\[32, 64\\]; needed: \\[64, 32\\]": ("jumprelu", lambda w: w.update(W_dec=w["W_dec"].T)),
    "tensor W_enc has shape": ("jumprelu", lambda w: w.update(W_enc=w["W_enc"].T)),
    "tensor W_dec has shape \\[60": ("jumprelu", lambda w: w.update(W_dec=w["W_dec"][:60])),
    "tensor b_dec has shape \\[\\]": ("jumprelu", lambda w: w.update(b_dec=w["b_dec"].sum())),
    "tensor threshold has shape \\[1\\]": ("jumprelu", lambda w: w.update(threshold=w["threshold"][:1])),
    "tensor threshold is missing; found: W_dec, W_enc, b_dec, b_enc; architecture 'jumprelu' needs": (
        "jumprelu",
        lambda w: w.pop("threshold") is None,
    ),
    "tensor W_enc is missing": ("topk", lambda w: w.pop("W_enc") is None),
    "tensor log_threshold is unexpected": ("jumprelu", lambda w: w.update(log_threshold=w["threshold"].log())),
    "tensor threshold is unexpected; architecture 'standard'": (
        "standard",
        lambda w: w.update(threshold=w["b_enc"].abs()),
    ),
    "tensor b_enc is unexpected": ("gated", lambda w: w.update(b_enc=w["b_mag"] + 1)),
    "tensor r_mag has shape \\[63\\]": ("gated", lambda w: w.update(r_mag=w["r_mag"][1:])),
    "tensor b_gate is missing": ("gated", lambda w: w.pop("b_gate") is None),
    "tensor b_mag has shape": ("gated", lambda w: w.update(b_mag=w["b_mag"][None])),
    "tensor b_enc is of type I64; allowed: float64, float32, float16, bfloat16": (
        "topk",
        lambda w: w.update(b_enc=w["b_enc"].long()),
    ),
    "tensor W_enc has shape \\[2, 32, 64\\]": (
        "topk",
        lambda w: w.update(W_enc=w["W_enc"].expand(2, -1, -1)),
    ),  # a crosscoder
}


@pytest.mark.parametrize("words", SHAPES)
def test_tensors_that_do_not_fit_are_named(tmp_path, words):
    architecture, change = SHAPES[words]
    folder = rewrite(make_sae(tmp_path / "s", architecture), lambda w: change(w) and None)
    with pytest.raises(ConfigError, match=f"s/sae_weights.safetensors: {words}.*model m, sae s"):
        check_folder(folder, 0, ROW)
    for read in (DiskSAE, decoder_directions):
        with pytest.raises(ValueError, match=words):
            read(folder)


def test_d_sae_of_the_file_and_width_of_the_model_are_held_against_the_weights(tmp_path):
    with pytest.raises(
        ConfigError, match=r"W_dec has shape \[64, 32\]; needed: \[32, 32\], since cfg.json says d_in 32, d_sae 32"
    ):
        check_folder(old_sae(tmp_path / "a", d_sae=32), 2, ROW)
    folder = make_sae(tmp_path / "s")
    assert check_folder(folder, 0, ROW, d_in=32)["bytes"] == (folder / "sae_weights.safetensors").stat().st_size
    with pytest.raises(ConfigError, match=r"d_in is 32, but the model's residual has 48 dimensions.*model m, sae s"):
        check_folder(folder, 0, ROW, d_in=48)


@pytest.mark.parametrize("cut", [1, 100, 8000])
def test_cut_weights_are_named_before_they_are_read(tmp_path, cut):
    folder = make_sae(tmp_path / "s")
    file = folder / "sae_weights.safetensors"
    file.write_bytes(file.read_bytes()[:-cut])
    with pytest.raises(ConfigError, match=r"s/sae_weights.safetensors is no whole safetensors file.*model m, sae s"):
        check_folder(folder, 0, ROW)
    file.write_bytes(b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n")
    with pytest.raises(ConfigError, match="is no whole safetensors file"):
        check_folder(folder, 0, ROW)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
@pytest.mark.parametrize("architecture", ["standard", "topk", "jumprelu", "gated"])
def test_every_float_type_is_read(tmp_path, dtype, architecture):
    import torch
    from sae_lens import SAE

    folder = rewrite(
        make_sae(tmp_path / "s", architecture, metadata=NEW),
        lambda w: {k: v.to(getattr(torch, dtype)) for k, v in w.items()},
    )
    assert check_folder(folder, 0, ROW)["dtype"] == dtype
    ours, theirs, x = DiskSAE(folder), SAE.load_from_disk(folder, device="cpu", dtype="float32"), residuals()
    with torch.no_grad():
        assert torch.allclose(ours.encode(x), theirs.encode(x), atol=1e-5)
    directions = decoder_directions(folder)
    assert directions.dtype == np.float32 and np.array_equal(directions, ours.weights["W_dec"].numpy())


def test_extraction_runs_from_a_bfloat16_file(tmp_path):
    import torch

    model = make_model("llama", tmp_path / "m")
    folder = rewrite(make_sae(tmp_path / "s"), lambda w: {k: v.to(torch.bfloat16) for k, v in w.items()})
    ex = Extractor(model, {"s": SaeSource(str(folder), 1)}, "en", Numerics(dtype="bfloat16"), tmp_path / "j")
    found = ex.words({"x": ["joy", "fear"]}, {"bare": "{word}."})["s"]["x"]
    assert len(found["data"]) and np.isfinite(ex.deviation(["joy", "fear"], "{word}.")["s"]["precision_cosine"][0])


BAD = [float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize("tensor", ["W_enc", "W_dec", "b_enc", "b_dec", "threshold"])
def test_a_weight_that_is_not_finite_is_named(tmp_path, tensor, value):
    def spoil(w):
        w[tensor].view(-1)[5] = value

    folder = rewrite(make_sae(tmp_path / "s"), spoil)
    with pytest.raises(ValueError, match=f"s/sae_weights.safetensors: tensor {tensor} holds NaN or infinite values"):
        DiskSAE(folder)
    if tensor == "W_dec":
        with pytest.raises(ValueError, match="tensor W_dec holds NaN or infinite values"):
            decoder_directions(folder)


@pytest.mark.parametrize("dtype", ["bfloat16", "float16", "float64"])
def test_not_finite_is_seen_in_every_float_type(tmp_path, dtype):
    import torch

    def spoil(w):
        w = {k: v.to(getattr(torch, dtype)) for k, v in w.items()}
        w["W_dec"][3, 2] = 1e300 if dtype == "float64" else float("nan")  # finite, but not as float32
        return w

    folder = rewrite(make_sae(tmp_path / "s"), spoil)
    for read in (DiskSAE, decoder_directions):
        with pytest.raises(ValueError, match="tensor W_dec holds NaN or infinite values"):
            read(folder)


def test_a_decoder_row_of_norm_zero_cannot_be_rescaled(tmp_path):
    folder = rewrite(
        make_sae(tmp_path / "s", "topk", rescale_acts_by_decoder_norm=True), lambda w: w["W_dec"][3].zero_() is None
    )
    with np.errstate(all="ignore"):
        for read in (DiskSAE, decoder_directions):
            with pytest.raises(ValueError, match=r"a row has norm 0"):
                read(folder)


def test_a_scaling_factor_of_ones_is_nothing_and_another_is_refused(tmp_path):
    import torch

    plain = DiskSAE(old_sae(tmp_path / "a")).encode(residuals())
    assert torch.equal(
        DiskSAE(rewrite(old_sae(tmp_path / "b"), lambda w: w.update(scaling_factor=torch.ones(64)))).encode(
            residuals()
        ),
        plain,
    )
    with pytest.raises(ValueError, match="scaling_factor holds 1 to 2; allowed: 1 alone"):
        DiskSAE(rewrite(old_sae(tmp_path / "c"), lambda w: w.update(scaling_factor=torch.linspace(1, 2, 64))))


def test_the_early_look_needs_no_torch(tmp_path):
    folder = make_sae(tmp_path / "s")
    code = (
        "import sys; sys.modules['torch'] = None\nfrom shared_affect.models.sae_folder import check_folder;"
        f" print(check_folder({str(folder)!r}, 0, 'row'))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0 and "jumprelu" in done.stdout, done.stderr


def test_extraction_refuses_before_a_model_is_read_and_names_the_row(tmp_path):
    model = make_model("llama", tmp_path / "m")
    with pytest.raises(ValueError, match=r"b_enc has shape \[1\].*config/saes.tsv, sae s"):
        Extractor(
            model,
            {"s": SaeSource(str(rewrite(make_sae(tmp_path / "s"), lambda w: w.update(b_enc=w["b_enc"][:1]))), 1)},
            "en",
            Numerics(),
            tmp_path / "j",
        )
    assert not (tmp_path / "j").exists()


def test_a_fetched_sae_is_held_against_its_row(root, tmp_path, monkeypatch):
    """The script of `retrieve_sae`, with the download replaced by a folder."""
    import runpy
    from types import SimpleNamespace

    monkeypatch.setattr("shared_affect.models.hub.fetch_sae", lambda release, name, folder: old_sae(folder))
    for layer, words in (
        (2, None),
        (3, r"allowed: 'blocks.3.hook_resid_post'.*config/saes.tsv, .*m.* s, column layer"),
    ):
        folder = tmp_path / str(layer)
        monkeypatch.setattr(
            "builtins.snakemake",
            SimpleNamespace(
                log=[str(tmp_path / "log")],
                output=[str(folder / "cfg.json")],
                wildcards=SimpleNamespace(model="m", sae="s"),
                resources=SimpleNamespace(commit=""),
                params=SimpleNamespace(row={"release": "r", "id": "i"}, layer=layer),
            ),
            raising=False,
        )
        script = str(root / "workflow/scripts/retrieve_sae.py")
        if words is None:
            runpy.run_path(script, run_name="__main__")
        else:
            with pytest.raises(ConfigError, match=words):
                runpy.run_path(script, run_name="__main__")


GATES = {"explained_variance_min": 0.5, "l0_min": 2, "l0_max": 16}


@pytest.mark.parametrize("value", BAD)
@pytest.mark.parametrize(
    ("quantity", "limits"),
    [
        ("explained_variance", ("explained_variance_min",)),
        ("l0", ("l0_min",)),
        ("l0", ("l0_max",)),
        ("l0", ("l0_min", "l0_max")),
    ],
)
def test_the_fidelity_gate_lets_through_only_what_satisfies_it(quantity, limits, value):
    facts = {"explained_variance": 0.9, "l0": 8.0}
    check_fidelity(facts, GATES, ROW)
    for other in ({"loss_recovered": value}, {quantity: value}):  # without any limit, too
        with pytest.raises(ValueError, match=r"is (nan|inf|-inf); allowed: a finite number.*column dtype"):
            check_fidelity(facts | other, dict.fromkeys(GATES), ROW)
    only = {k: GATES[k] if k in limits else None for k in GATES}
    with pytest.raises(ValueError, match=f"SAE fidelity: {quantity} is (nan|inf|-inf); allowed: .*model m, sae s"):
        check_fidelity(facts | {quantity: np.array([value])}, only, ROW)
