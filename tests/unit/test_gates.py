"""Mistakes that nothing would show otherwise, planted one by one: each must stop the job."""

import json
from contextlib import nullcontext

import numpy as np
import pytest
from conftest import make_model, make_sae, make_tokenizer

from shared_affect.base.gates import passes
from shared_affect.features.extraction import Extractor
from shared_affect.features.gates import check_gates
from shared_affect.features.held import SaeSource
from shared_affect.models.fidelity import check_fidelity
from shared_affect.models.load import Numerics, load_model
from shared_affect.models.model_folder import ModelRow
from shared_affect.models.pieces import broken_share, check_script
from shared_affect.models.sae_folder import decoder_directions
from shared_affect.models.sae_training import SaeSpec, train_sae
from shared_affect.models.saes import DiskSAE
from shared_affect.models.tokens import load_tokenizer

LIMITS = {"explained_variance_min": 0.7, "l0_min": 2, "l0_max": 16}
WORDS = "joy fear calm table stone".split()


def sentences(n, seed):
    g = np.random.default_rng(seed)
    return [" ".join(g.choice(["the", "word", "is", "now", "think", "of", *WORDS], 12)) + "." for _ in range(n)]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A small model and an SAE trained on its first block."""
    import torch

    folder = tmp_path_factory.mktemp("gate")
    model = load_model(make_model("llama", folder / "model", layers=3))
    with torch.no_grad():
        for block in model.model.layers:  # blocks that do something: random ones barely change the residual
            block.self_attn.o_proj.weight *= 20
            block.mlp.down_proj.weight *= 20
    model.save_pretrained(folder / "model")
    facts = train_sae(
        model,
        make_tokenizer(),
        sentences(1500, 0),
        SaeSpec(layer=0, k=6, d_sae=96, n_tokens=120_000),
        out_dir=folder / "sae",
        seed=1,
    )
    assert facts["explained_variance"] > 0.8
    return folder / "model", folder / "sae"


def altered(sae, folder, weights=None, **cfg):
    """A copy of an SAE with other weights or facts."""
    from safetensors.numpy import load_file, save_file

    folder.mkdir()
    w = load_file(sae / "sae_weights.safetensors")
    save_file(w | (weights(w) if weights else {}), folder / "sae_weights.safetensors")
    (folder / "cfg.json").write_text(json.dumps(json.loads((sae / "cfg.json").read_text()) | cfg))
    return folder


def gate(model, sae, layer, journal, bos=None, **numerics):
    """What the extraction job does before it writes anything."""
    texts = sentences(40, 7)
    facts = Extractor(
        model, {"s": SaeSource(str(sae), layer)}, "en", Numerics(**numerics), journal, row=ModelRow(bos=bos)
    ).running_text(texts, texts)["s"]
    check_fidelity(facts, LIMITS, "config/saes.tsv, model m, sae s, language en")
    return facts


def test_the_right_reading_passes(trained, tmp_path):
    facts = gate(*trained, 0, tmp_path / "j")
    assert facts["explained_variance"][0] > 0.8 and facts["loss_recovered"][0] > 0.5


def test_a_wrong_layer_is_refused_by_name_and_without_a_name_by_its_fidelity(trained, tmp_path):
    model, sae = trained
    with pytest.raises(
        ValueError, match=r"hook_name is 'blocks.0.hook_resid_post'; allowed: 'blocks.2.hook_resid_post'.*column layer"
    ):
        gate(model, sae, 2, tmp_path / "j")
    assert not (tmp_path / "j").exists()
    with pytest.raises(ValueError, match=r"explained_variance is .*config/saes\.tsv, model m, sae s, language en"):
        gate(model, altered(sae, tmp_path / "unnamed", metadata={}), 2, tmp_path / "j")


def test_an_unfolded_norm_is_refused_by_name_and_without_a_name_by_its_fidelity(trained, tmp_path):
    model, sae = trained
    factor = 0.2  # what sae-lens multiplies residuals by in training and folds into the weights when it saves

    def unfold(w):
        return {"W_enc": w["W_enc"] / factor, "W_dec": w["W_dec"] * factor, "b_dec": w["b_dec"] * factor}

    with pytest.raises(ValueError, match=r"normalize_activations is 'expected_average_only_in'.*fold the factor"):
        gate(
            model,
            altered(sae, tmp_path / "named", unfold, normalize_activations="expected_average_only_in"),
            0,
            tmp_path / "j",
        )
    with pytest.raises(ValueError, match=r"SAE fidelity: .*normalisation wrong"):
        gate(model, altered(sae, tmp_path / "silent", unfold), 0, tmp_path / "j")


def test_a_wrong_bos_rule_is_refused_by_name(trained, tmp_path):
    model, sae = trained
    metadata = json.loads((sae / "cfg.json").read_text())["metadata"]
    with pytest.raises(ValueError, match="prepend_bos is False, but the model's tokenizer puts a BOS"):
        gate(model, altered(sae, tmp_path / "named", metadata=metadata | {"prepend_bos": False}), 0, tmp_path / "j")
    no_bos = tmp_path / "no-bos"
    no_bos.mkdir()
    for file in model.iterdir():
        (no_bos / file.name).write_bytes(file.read_bytes())
    tokenizer = json.loads((no_bos / "tokenizer.json").read_text())
    (no_bos / "tokenizer.json").write_text(json.dumps(tokenizer | {"post_processor": None}))
    with pytest.raises(
        ValueError, match=r"prepend_bos is True, but the model's tokenizer puts no BOS.*config/models.tsv, column bos"
    ):
        gate(no_bos, sae, 0, tmp_path / "j", bos="none")
    # its file names a BOS that the template does not put: that is the stand-in, and the SAE reads what it was trained
    # on
    assert (
        gate(no_bos, sae, 0, tmp_path / "j")["explained_variance"]
        == gate(model, sae, 0, tmp_path / "j")["explained_variance"]
    )


def with_weight(model, folder, value):
    """A copy of a model with one weight changed."""
    from safetensors.numpy import load_file, save_file

    folder.mkdir()
    for file in model.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())
    weights = load_file(folder / "model.safetensors")
    weights["model.layers.0.mlp.down_proj.weight"][0] = value
    weights["model.layers.0.mlp.up_proj.weight"] *= 1e4 if value > 1e30 else 1
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


@pytest.mark.parametrize("value", [np.nan, -np.inf])
def test_weights_that_are_not_finite_are_named_when_they_are_read(trained, tmp_path, value):
    model, sae = trained
    with pytest.raises(
        ValueError,
        match=r"NaN or infinite weights as float32: model\.layers\.0\.mlp\.down_proj\.weight.*config/models\.tsv",
    ):
        gate(with_weight(model, tmp_path / "nan", value), sae, 0, tmp_path / "j")
    with pytest.raises(ValueError, match="infinite weights as float16"):
        load_model(with_weight(model, tmp_path / "large", 1e6), dtype="float16")


def test_a_residual_that_is_not_finite_stops_the_job_and_leaves_no_record(trained, tmp_path):
    model, sae = trained
    broken = with_weight(model, tmp_path / "overflow", 3e38)  # the weight is finite, its product is not
    with pytest.raises(ValueError, match=r"NaN or infinite residual.*config/models\.tsv"):
        gate(broken, sae, 0, tmp_path / "j")
    extractor = Extractor(broken, {"s": SaeSource(str(sae), 0)}, "en", Numerics(), tmp_path / "j")
    extractor._shares_prefix = True  # as if it had been proved on words that do not overflow
    with pytest.raises(ValueError, match="overflow: NaN or infinite residual after block 0"):
        extractor.words({"x": ["joy", "fear"]}, {"bare": "{word}."})
    assert not len(extractor.records.journals["s"])


@pytest.mark.parametrize("which", ["model", "sae"])
def test_truncated_weights_are_named(trained, tmp_path, which):
    model, sae = trained
    copies = {}
    for name, source in (("model", model), ("sae", sae)):
        copies[name] = tmp_path / name
        copies[name].mkdir()
        for file in source.iterdir():
            (copies[name] / file.name).write_bytes(file.read_bytes())
    file = next(copies[which].glob("*.safetensors"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(ValueError, match=f"{file} is no whole safetensors file"):
        gate(copies["model"], copies["sae"], 0, tmp_path / "j")
    if which == "sae":
        with pytest.raises(ValueError, match="is no whole safetensors file"):
            decoder_directions(copies["sae"])


def test_layer_outside_the_model_and_another_width_are_named(trained, tmp_path):
    model, sae = trained
    with pytest.raises(
        ValueError, match=r"layer 5 of a model with 3 blocks; allowed: 0 to 2 \(config/saes.tsv, column layer\)"
    ):
        gate(model, altered(sae, tmp_path / "deep", metadata={}), 5, tmp_path / "j")
    with pytest.raises(ValueError, match=r"SAE s reads 16 dimensions, the model .* has 32"):
        gate(model, make_sae(tmp_path / "narrow", d_in=16), 0, tmp_path / "j")


def test_share_of_broken_pieces(trained, tmp_path):
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers

    ours = load_tokenizer(trained[0])
    assert broken_share(ours, ["joy", "快乐", "sadness"]) == 0
    assert broken_share(ours, ["γγ"]) > 0.4  # the unknown piece beside the word mark
    alphabet = {c: i for i, c in enumerate(sorted(pre_tokenizers.ByteLevel.alphabet()))}
    bytewise = Tokenizer(models.BPE(vocab=alphabet, merges=[]))
    bytewise.pre_tokenizer, bytewise.decoder = pre_tokenizers.ByteLevel(add_prefix_space=False), decoders.ByteLevel()
    assert broken_share(bytewise, ["joy"]) == 0
    assert broken_share(bytewise, ["快乐"]) == pytest.approx(6 / 7)  # six bytes and a blank
    check_script(bytewise, ["joy"], 0.2, "m", "en")
    with pytest.raises(ValueError, match=r"model m, language zh: 86% .* allowed: <= 20% \(config/languages.tsv"):
        check_script(bytewise, ["快乐"], 0.2, "m", "zh")


def test_reconstruction_is_what_the_gate_measures(trained):
    import torch

    sae = DiskSAE(trained[1])
    x = torch.randn(5, 32, generator=torch.Generator().manual_seed(0))
    assert torch.equal(sae.reconstruct(x), sae.decode(sae.encode(x)))


NOT_FINITE = [float("nan"), float("inf"), float("-inf")]


@pytest.mark.parametrize("value", [*NOT_FINITE, np.float32("nan"), np.float64("inf")])
def test_what_is_not_finite_passes_no_gate(value):
    assert not passes(value) and not passes(value, low=0) and not passes(value, high=0) and not passes(value, 0, 1)
    assert (
        passes(0.5)
        and passes(0.5, 0.5)
        and passes(0.5, high=0.5)
        and not passes(0.5, 0.6)
        and not passes(0.5, high=0.4)
    )


@pytest.mark.parametrize("value", NOT_FINITE)
def test_the_script_gate_lets_through_only_what_satisfies_it(monkeypatch, value):
    monkeypatch.setattr("shared_affect.models.pieces.broken_share", lambda *args: value)
    with pytest.raises(ValueError, match="allowed: <= 20%"):
        check_script(None, ["joy"], 0.2, "m", "en")


@pytest.mark.parametrize("value", NOT_FINITE)
def test_steering_stops_at_a_norm_or_vector_that_is_not_finite(trained, value):
    from shared_affect.steering.directions import unit
    from shared_affect.steering.generate import Place

    with pytest.raises(ValueError, match=r"residual_norm is .*; allowed: > 0 and finite"):
        Place(*trained, 0, value)
    with pytest.raises(ValueError, match="steering vector is NaN or infinite"):
        unit(np.array([1.0, value]))


@pytest.mark.parametrize("value", NOT_FINITE)
def test_a_permutation_test_of_what_is_not_finite_is_no_significance(value):
    from shared_affect.ratings.scores import p_greater

    assert p_greater(0.5, np.zeros(99)) == 0.01
    with pytest.raises(ValueError, match=r"not finite|of (nan|inf|-inf)"):
        p_greater(value, np.zeros(99))
    with pytest.raises(ValueError, match="1 values that are not finite"):
        p_greater(0.5, np.append(np.zeros(98), value))


@pytest.mark.parametrize("value", NOT_FINITE)
def test_a_language_model_whose_loss_is_not_finite_is_not_kept(root, tmp_path, monkeypatch, value):
    """The script of `train_lm`, with training replaced by a loss."""
    import runpy

    from shared_affect.planted import language_model

    folder = make_model("llama", tmp_path / "m")
    (tmp_path / "text").write_text("a\n")
    monkeypatch.setattr(language_model, "train_language_model", lambda *args, **kwargs: (None, {"val_loss": value}))
    train_lm = runpy.run_path(str(root / "workflow/scripts/train_lm.py"))["train_lm"]
    row = {"family": "llama", "replicate": 0, "train_tokens": 1, "max_validation_loss": 1.85}
    files = (tmp_path / "text", tmp_path / "text", folder, tmp_path / "out", tmp_path / "facts.json")
    with pytest.raises(
        ValueError, match=r"LM not trained enough: validation loss is (nan|inf|-inf) nats a token; allowed: <= 1.85"
    ):
        train_lm(*files, row=row, model="m", root_seed=1)
    assert not (tmp_path / "out").exists()


def test_codes_that_are_not_finite_reach_no_journal(tmp_path):
    import torch

    from shared_affect.features.encoding import sparse_codes

    sae = DiskSAE(make_sae(tmp_path / "s", normalize_activations="constant_norm_rescale"))
    assert len(sparse_codes(sae, torch.ones(2, 32))()["data"])
    with pytest.raises(ValueError, match=r"SAE codes hold .* NaN or infinite values"):
        sparse_codes(sae, torch.stack([torch.ones(32), torch.zeros(32)]))


def test_one_nan_in_the_decoder_stops_the_job(trained, tmp_path):
    model, sae = trained

    def spoil(w):
        w["W_dec"][3, 2] = np.nan
        return w

    with pytest.raises(ValueError, match="tensor W_dec holds NaN or infinite values"):
        gate(model, altered(sae, tmp_path / "nan", spoil), 0, tmp_path / "j")


def test_an_sae_that_fires_nowhere_is_refused_before_words_are_read(trained, tmp_path):
    """As the published SAE of a model may on its untrained twin, whose rows have no limits."""
    model, sae = trained
    silent = altered(sae, tmp_path / "silent", lambda w: {"b_enc": w["b_enc"] - 1e6})
    limits = dict.fromkeys(LIMITS)
    texts = sentences(40, 7)
    for folder, words in ((silent, "none can be chosen.*model m, sae s, language en.*control_models"), (sae, None)):
        ex = Extractor(model, {"s": SaeSource(str(folder), 0)}, "en", Numerics(), tmp_path / folder.name / "j")
        with pytest.raises(ValueError, match=words) if words else nullcontext():
            check_gates(ex, ["joy"], texts, texts, {"s": limits}, max_broken_share=0.2, model="m")


def test_a_nan_of_the_past_does_not_pass_out_of_the_journal(trained, tmp_path):
    """A record written before weights were looked at."""
    from shared_affect.base.journal import pack, unpack

    model, sae = trained
    texts = sentences(40, 7)
    ex = Extractor(model, {"s": SaeSource(str(sae), 0)}, "en", Numerics(), tmp_path / "j")
    facts = ex.running_text(texts, texts)["s"]
    journal = ex.records.journals["s"]
    (key,) = journal._own._index
    with journal.writing("test"):
        journal.append(key, pack(unpack(journal.get(key)) | {"explained_variance": np.array([np.nan])}))
    with pytest.raises(ValueError, match=r"explained_variance is nan; allowed: >= 0.7"):
        gate(model, sae, 0, tmp_path / "j")
    assert np.isfinite(facts["explained_variance"][0])


def test_the_gates_stand_before_words_and_fill_the_journal(trained, tmp_path):
    model, sae = trained
    saes, texts, words = {"s": SaeSource(str(sae), 0)}, sentences(40, 7), {"x": ["joy", "fear"]}

    def passed(limits, share=0.2, concept_words=("joy",)):
        ex = Extractor(model, saes, "en", Numerics(), tmp_path / "j")
        return ex, check_gates(ex, concept_words, texts, texts, {"s": limits}, max_broken_share=share, model="m")

    with pytest.raises(ValueError, match=r"model m, language en: .* allowed: <= 20%"):
        passed(LIMITS, concept_words=("γγ",))
    assert not (tmp_path / "j").exists()
    with pytest.raises(ValueError, match=r"l0 is .*config/saes.tsv, model m, sae s, language en, column l0_max"):
        passed(LIMITS | {"l0_max": 3})
    first, facts = passed(LIMITS)
    assert first.model_loads == 0 and facts["s"]["explained_variance"][0] > 0.7  # measured by the job that was refused
    shard = Extractor(model, saes, "en", Numerics(), tmp_path / "j", part="shard0of1")
    assert shard.shard(words, {"bare": "{word}."}, 0, 1) == 1
    whole, _ = passed(LIMITS)
    whole.words(words, {"bare": "{word}."})
    assert whole.model_loads == 0
