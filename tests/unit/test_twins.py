"""Untrained twins: the original's design and tokenizer, weights that are nobody's."""

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file
from tokenizers_made import gpt2_type

from shared_affect.models import twins
from shared_affect.models.load import load_model
from shared_affect.models.tokens import load_ids

TINY = dict(
    hidden_size=24,
    intermediate_size=32,
    num_hidden_layers=2,
    num_attention_heads=2,
    num_key_value_heads=1,
    head_dim=12,
    max_position_embeddings=64,
)
KINDS = {
    "gemma2": ("Gemma2Config", {"tie_word_embeddings": True}),
    "llama": ("LlamaConfig", {"tie_word_embeddings": False}),
    "qwen3": ("Qwen3Config", {"tie_word_embeddings": True}),
    "gpt-neox": ("GPTNeoXConfig", {"tie_word_embeddings": False}),
}


@pytest.fixture(scope="module", params=KINDS)
def original(request, tmp_path_factory):
    """A model whose weights are far from any initialisation, as trained ones are, and its tokenizer."""
    import torch
    import transformers

    folder = tmp_path_factory.mktemp(request.param)
    gpt2_type(folder)
    size = len(json.loads((folder / "tokenizer.json").read_text())["model"]["vocab"])
    name, more = KINDS[request.param]
    given = {k: v for k, v in TINY.items() if name != "GPTNeoXConfig" or k not in ("num_key_value_heads", "head_dim")}
    model = transformers.AutoModelForCausalLM.from_config(
        getattr(transformers, name)(vocab_size=size + 3, **given, **more)
    )
    with torch.no_grad():
        for p in model.parameters():
            p.add_(torch.full_like(p, 0.5))
    model.save_pretrained(folder)
    return folder


def made(original, tmp_path, **how):
    facts = twins.make_twin(original, tmp_path / "twin", **{"dtype": "float32", "seed": 3} | how)
    return facts, load_file(tmp_path / "twin/model.safetensors")


def test_a_twin_has_its_originals_design_and_tokens_and_none_of_its_weights(original, tmp_path):
    facts, weights = made(original, tmp_path)
    first = load_file(original / "model.safetensors")
    assert {k: v.shape for k, v in weights.items()} == {k: v.shape for k, v in first.items()}
    assert [k for k in weights if np.array_equal(weights[k], first[k])] == []
    model, before = load_model(tmp_path / "twin"), load_model(original)
    told = [
        m.config.to_dict() | dict.fromkeys(("transformers_version", "dtype", "_name_or_path")) for m in (model, before)
    ]
    assert told[0] == told[1] and facts["architecture"] == type(before).__name__
    assert facts["tied"] is bool(before.all_tied_weights_keys)
    assert facts["parameters"] == before.num_parameters()
    texts = ["now they are happy", "快乐"]
    assert load_ids(tmp_path / "twin", None).ids(texts) == load_ids(original, None).ids(texts)


def test_its_weights_are_drawn_by_the_architecture_and_hang_on_the_seed_alone(original, tmp_path):
    import torch

    drawn = [made(original, tmp_path / name, seed=seed)[1] for name, seed in (("a", 3), ("b", 3), ("c", 4))]
    matrices = [k for k, v in drawn[0].items() if v.ndim == 2]
    assert all(np.array_equal(drawn[0][k], drawn[1][k]) for k in drawn[0])
    assert not any(np.array_equal(drawn[0][k], drawn[2][k]) for k in matrices)
    # config.json says initializer_range .02: a normal distribution of that width
    assert all(0.015 < float(drawn[0][k].std()) < 0.025 for k in matrices)
    state = torch.random.get_rng_state()
    twins.draw_twin(original, dtype="float32", seed=1)
    assert torch.equal(state, torch.random.get_rng_state())


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
def test_weights_are_of_the_rows_dtype(original, tmp_path, dtype):
    import torch

    facts = twins.make_twin(original, tmp_path, dtype=dtype, seed=3)
    model = load_model(tmp_path, dtype=dtype)
    assert facts["dtype"] == dtype and {p.dtype for p in model.parameters()} == {getattr(torch, dtype)}
    assert json.loads((tmp_path / "config.json").read_text())["dtype"] == dtype


def test_a_folder_that_is_no_causal_language_model_is_refused_with_its_row(tmp_path):
    from transformers import BertConfig, BertForMaskedLM

    size = dict(hidden_size=8, num_attention_heads=1, num_hidden_layers=1, intermediate_size=8, vocab_size=20)
    BertForMaskedLM(BertConfig(**size)).save_pretrained(tmp_path)
    with pytest.raises(ValueError, match=r"not a causal language model.*config/models.tsv, row m"):
        twins.draw_twin(tmp_path, dtype="float32", seed=0, where="config/models.tsv, row m")


def test_a_packed_original_has_a_twin_of_plain_weights(original, tmp_path):
    config = json.loads((original / "config.json").read_text())
    (tmp_path / "packed").mkdir()
    for file in original.iterdir():
        shutil.copy(file, tmp_path / "packed")
    packed = config | {"quantization_config": {"quant_method": "mxfp4"}}
    (tmp_path / "packed/config.json").write_text(json.dumps(packed))
    twins.make_twin(tmp_path / "packed", tmp_path / "twin", dtype="float32", seed=3)
    assert "quantization_config" not in json.loads((tmp_path / "twin/config.json").read_text())
