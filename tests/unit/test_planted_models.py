"""Tokenizer, small language models and SAEs of the planted world."""

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from shared_affect.models.sae_training import SaeSettings, SaeSpec, SelectingBatchTopK, record_tokens, train_sae
from shared_affect.models.texts import pack
from shared_affect.planted import language_model as lm
from shared_affect.planted.tokenizer import BOS, EOS, PAD, make_tokenizer
from shared_affect.planted.world import LANGUAGES, World, WorldTables

RESOURCES = Path(__file__).parents[2] / "resources"
TINY = {
    family: dataclasses.replace(s, width=32, layers=2, feed_forward=64, batch=8, warm_up=5, learning_rate=1e-2)
    for family, s in lm.SETTINGS.items()
}


@pytest.fixture(scope="module")
def world():
    return World(
        WorldTables.read(
            RESOURCES / "planted",
            {k: RESOURCES / f"concepts/{k}.tsv" for k in LANGUAGES},
            {k: RESOURCES / f"templates/{k}.tsv" for k in LANGUAGES},
        ),
        100,
    )


@pytest.fixture(scope="module")
def tokenizer(world):
    return make_tokenizer(world, ["yesterday my uncle", "昨天我叔叔"])


@pytest.fixture(scope="module")
def texts(world):
    return world.documents(900, "train")


@pytest.mark.parametrize("family", list(TINY))
def test_loss_in_parts_is_the_loss_of_transformers(family, tokenizer, texts):
    rows = pack(tokenizer, texts, 64, 8)
    model = lm.build_language_model(family, tokenizer, seed=1, settings=TINY[family])
    found = []
    for loss in (lm._loss(model, rows), model(input_ids=rows, labels=rows).loss):
        model.zero_grad()
        loss.backward()
        found.append((loss.detach(), [p.grad.clone() for p in model.parameters()]))
    torch.testing.assert_close(*found, rtol=1e-4, atol=1e-6)


@pytest.fixture(scope="module")
def trained(tokenizer, texts):
    return {
        f: lm.train_language_model(
            f, tokenizer, texts[:800], texts[800:], n_tokens=25_000, seed=3, settings=s, show_progress=False
        )
        for f, s in TINY.items()
    }


# ---- tokenizer


def test_every_word_is_one_piece_in_every_template(world, tokenizer):
    for language in LANGUAGES:
        words = world.words.loc[world.words["language"] == language, "word"]
        for template in world.tables.templates[language]["text"]:
            for word in words:
                pieces = [p.removeprefix("▁") for p in tokenizer.tokenize(template.replace("{word}", word))]
                assert pieces.count(word) >= 1 and pieces[-1] in ".。"


def test_no_text_is_unknown_and_bos_stands_first(tokenizer, texts):
    ids = tokenizer([*texts, "yesterday my uncle", "昨天我叔叔"])["input_ids"]
    assert all(i[0] == BOS and tokenizer.unk_token_id not in i for i in ids)
    assert len(tokenizer.tokenize("yesterday my uncle")) == 3
    assert (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) == (PAD, BOS, EOS)
    assert tokenizer.decode(ids[2], skip_special_tokens=True) == texts[2]


def test_tokenizer_files_are_equal_byte_for_byte_and_load_again(world, tokenizer, texts, tmp_path):
    from transformers import AutoTokenizer

    for name in "ab":
        make_tokenizer(world, ["yesterday my uncle", "昨天我叔叔"]).save_pretrained(tmp_path / name)
    for file in ("tokenizer.json", "tokenizer_config.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert AutoTokenizer.from_pretrained(tmp_path / "a")(texts[:20])["input_ids"] == tokenizer(texts[:20])["input_ids"]


# ---- language models


def test_pack_is_the_concatenation_of_texts(tokenizer, texts):
    rows = pack(tokenizer, texts[:30], 16)
    flat = [i for t in texts[:30] for i in [*tokenizer(t)["input_ids"], EOS]]
    assert rows.flatten().tolist() == flat[: rows.numel()] and 0 <= len(flat) - rows.numel() < 16
    assert torch.equal(pack(tokenizer, iter(texts[:30]), 16, 5), rows[:5])
    with pytest.raises(ValueError, match="the texts hold"):
        pack(tokenizer, texts[:2], 16, 1000)


@pytest.mark.parametrize("family", lm.SETTINGS)
def test_training_lowers_the_loss_from_chance(trained, tokenizer, family):
    _, facts = trained[family]
    assert facts["steps"] == 25_000 // (8 * 64) and facts["tokens"] == facts["steps"] * 8 * 64
    assert facts["val_loss"] < math.log(len(tokenizer)) - 2
    json.dumps(facts, allow_nan=False)


@pytest.mark.parametrize("family", lm.SETTINGS)
def test_mean_loss_equals_a_loop_over_positions(trained, tokenizer, texts, family):
    model, _ = trained[family]
    rows = pack(tokenizer, texts[800:810], 64)
    losses = []
    with torch.inference_mode():
        for row in rows:
            log_p = model(input_ids=row[None]).logits[0].log_softmax(-1)
            losses += [-float(log_p[i, row[i + 1]]) for i in range(63)]
    assert lm.mean_loss(model, rows, batch=3) == pytest.approx(np.mean(losses), abs=1e-5)


def test_training_is_repeatable_and_leaves_the_global_generator_alone(trained, tokenizer, texts):
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    again, _ = lm.train_language_model(
        "llama",
        tokenizer,
        texts[:800],
        texts[800:],
        n_tokens=25_000,
        seed=3,
        settings=TINY["llama"],
        show_progress=False,
    )
    assert torch.equal(before, torch.random.get_rng_state())
    for a, b in zip(again.parameters(), trained["llama"][0].parameters(), strict=True):
        torch.testing.assert_close(a, b, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("family", lm.SETTINGS)
def test_no_tokens_leave_the_model_untrained(tokenizer, texts, family):
    model, facts = lm.train_language_model(
        family, tokenizer, texts, texts[:40], n_tokens=0, seed=5, show_progress=False
    )
    fresh = lm.build_language_model(family, tokenizer, seed=5)
    assert facts["steps"] == facts["tokens"] == 0 and facts["log"] == []
    assert all(torch.equal(a, b) for a, b in zip(model.parameters(), fresh.parameters(), strict=True))
    other = lm.build_language_model(family, tokenizer, seed=6)
    assert not torch.equal(other.get_input_embeddings().weight, fresh.get_input_embeddings().weight)


def test_saved_model_loads_with_the_same_outputs(trained, tokenizer, texts, tmp_path):
    from shared_affect.models.load import load_model

    rows = pack(tokenizer, texts[:4], 64)
    for family, (model, _) in trained.items():
        model.save_pretrained(tmp_path / family)
        loaded = load_model(tmp_path / family)
        assert type(loaded) is type(model) and (tmp_path / family / "model.safetensors").exists()
        with torch.inference_mode():
            torch.testing.assert_close(loaded(input_ids=rows).logits, model(input_ids=rows).logits)


def test_rate_warms_up_and_falls():
    s = lm.LanguageModelSettings(warm_up=10, final_share=0.05)
    shares = [lm._rate_share(i, 100, s) for i in range(1, 101)]
    assert shares[0] == pytest.approx(0.1) and np.argmax(shares) == 9 and shares[-1] == pytest.approx(0.05, abs=1e-3)


def test_wrong_language_model_settings_are_refused(tokenizer, texts):
    with pytest.raises(ValueError, match="family is 'gpt2'"):
        lm.train_language_model("gpt2", tokenizer, texts, texts, n_tokens=0, seed=0)
    with pytest.raises(ValueError, match="n_tokens is -5"):
        lm.train_language_model("llama", tokenizer, texts, texts, n_tokens=-5, seed=0)
    with pytest.raises(ValueError, match="no validation rows"):
        lm.train_language_model("llama", tokenizer, texts, [], n_tokens=0, seed=0, settings=TINY["llama"])


# ---- SAEs


@pytest.mark.parametrize("family", lm.SETTINGS)
def test_recorded_tokens_are_hidden_states_without_special_tokens(trained, tokenizer, texts, family):
    model, _ = trained[family]
    rows = pack(tokenizer, texts[:12], 64)
    recorded = record_tokens(model, tokenizer, rows, 0, batch=3)
    with torch.inference_mode():
        hidden = model(input_ids=rows, output_hidden_states=True).hidden_states[1]
    expected = [hidden[i, j] for i in range(len(rows)) for j in range(64) if rows[i, j] not in (PAD, BOS, EOS)]
    torch.testing.assert_close(recorded, torch.stack(expected), atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("architecture", ["batchtopk", "topk"])
def test_sae_is_trained_saved_and_described(trained, tokenizer, texts, tmp_path, architecture):
    model, _ = trained["gemma2"]
    torch.manual_seed(11)
    before = torch.random.get_rng_state()
    facts = train_sae(
        model,
        tokenizer,
        texts,
        SaeSpec(layer=0, architecture=architecture, k=8, d_sae=128, n_tokens=60_000),
        out_dir=tmp_path,
        seed=1,
        settings=SaeSettings(batch=256, learning_rate=4e-3),
    )
    assert torch.equal(before, torch.random.get_rng_state())
    assert facts["explained_variance"] > 0.5 and 4 < facts["l0"] < 16 and 0 <= facts["dead_share"] < 1
    config = json.loads((tmp_path / "cfg.json").read_text())
    assert config["architecture"] == {"batchtopk": "jumprelu", "topk": "topk"}[architecture]
    assert (
        config["metadata"]["hook_name"] == "blocks.0.hook_resid_post"
        and config["metadata"]["hf_hook_name"] == "model.layers.0"
    )
    weights = load_file(tmp_path / "sae_weights.safetensors")
    assert weights["W_enc"].shape == (32, 128) and weights["W_dec"].shape == (128, 32)
    rows = pack(tokenizer, texts, 64)
    held_out = record_tokens(model, tokenizer, rows[-int(len(rows) * 0.1) :], 0)
    z = ((held_out - weights["b_dec"]) @ weights["W_enc"] + weights["b_enc"]).relu()
    codes = (
        z * (z > weights["threshold"]) if "threshold" in weights else torch.where(z >= z.topk(8).values[:, -1:], z, 0)
    )
    rest = held_out - codes @ weights["W_dec"] - weights["b_dec"]
    explained = 1 - rest.pow(2).sum() / (held_out - held_out.mean(0)).pow(2).sum()
    assert float(explained) == pytest.approx(facts["explained_variance"], abs=2e-3)
    assert float((codes > 0).sum(1).float().mean()) == pytest.approx(facts["l0"], abs=0.05)


@pytest.mark.parametrize("digits", [6, 1])  # one digit: many values lie on the border
@pytest.mark.parametrize("shift", [0.0, -2.0])
def test_activation_and_gradient_are_those_of_sae_lens(shift, digits):
    from sae_lens.saes.batchtopk_sae import BatchTopK

    x, g = (torch.randn(64, 40, generator=torch.Generator().manual_seed(s)) for s in (0, 1))
    x = (x + shift).round(decimals=digits)  # at -2 fewer are positive than may stay
    found = []
    for activation in (SelectingBatchTopK(BatchTopK(5)), BatchTopK(5)):
        inputs = x.clone().requires_grad_()
        out = activation(inputs)
        out.backward(g)
        found.append((out.detach(), inputs.grad))
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    assert int((found[0][0] > 0).sum()) == min(5 * 64, int((x > 0).sum()))


def test_wrong_sae_settings_are_refused(trained, tokenizer, texts, tmp_path):
    model, _ = trained["gemma2"]
    with pytest.raises(ValueError, match="architecture is 'relu'"):
        train_sae(model, tokenizer, texts, SaeSpec(layer=0, architecture="relu"), out_dir=tmp_path, seed=1)
    with pytest.raises(ValueError, match="too few"):
        train_sae(model, tokenizer, texts[:5], SaeSpec(layer=0), out_dir=tmp_path, seed=1)
