"""A model of few bits computed in float32 a block at a time, against the same model read in float32 whole."""

import subprocess
import sys

import pytest
from test_architectures import RIGHT, WITH_EYES, WITHOUT_PREFIX, make

from shared_affect.models.blocks import blocks
from shared_affect.models.float32 import in_float32
from shared_affect.models.load import load_model
from shared_affect.models.residual import block_outputs

IDS = [[1, 5, 9, 7, 20, 11, 6], [1, 8, 8, 30, 4, 17, 2]]


@pytest.mark.parametrize("dtype", ["bfloat16", "float16"])
@pytest.mark.parametrize("name", [*RIGHT, *WITHOUT_PREFIX, *WITH_EYES])
def test_block_by_block_is_the_whole_model_in_float32(tmp_path, name, dtype):
    import torch

    folder = saved_as(make(name, tmp_path / "m"), dtype)
    whole, low, ids = load_model(folder), load_model(folder, dtype=dtype), torch.tensor(IDS)
    n = len(blocks(low))
    with torch.inference_mode():
        expected = block_outputs(whole, range(n), input_ids=ids)
        before = block_outputs(low, range(n), input_ids=ids)
        with in_float32(low):
            found = block_outputs(low, range(n), input_ids=ids)
        after = block_outputs(low, range(n), input_ids=ids)
    for layer in range(n):
        assert found[layer].dtype == torch.float32
        scale = expected[layer].abs().max()
        assert (found[layer] - expected[layer]).abs().max() <= 1e-6 * scale
        # and what was put in is taken out again, without a trace
        assert torch.equal(before[layer], after[layer]) and before[layer].dtype == after[layer].dtype


def saved_as(folder, dtype):
    """The weights in another type, as whoever published the model saved them."""
    import torch
    from safetensors.torch import load_file, save_file

    path = folder / "model.safetensors"
    weights = {k: v.to(getattr(torch, dtype)) if v.is_floating_point() else v for k, v in load_file(path).items()}
    save_file(weights, path, metadata={"format": "pt"})
    return folder


def test_one_block_at_a_time_is_wide_and_an_error_leaves_nothing_behind(tmp_path):
    import torch

    folder = saved_as(make("llama", tmp_path / "m"), "bfloat16")
    model, wide = load_model(folder, dtype="bfloat16"), []

    def count(module, args, output):
        wide.append([{str(p.dtype) for p in b.parameters()} for b in blocks(model)].count({"torch.float32"}))

    with in_float32(model), torch.inference_mode():
        for block in blocks(model):
            block.mlp.register_forward_hook(count)
        block_outputs(model, [len(blocks(model)) - 1], input_ids=torch.tensor(IDS))
        # the embedding as a whole stays as it is
        assert model.get_input_embeddings().weight.dtype == torch.bfloat16
    assert wide == [1] * len(blocks(model))

    def fails(module, args, output):
        raise RuntimeError("in the middle")

    blocks(model)[1].mlp.register_forward_hook(fails)
    with pytest.raises(RuntimeError, match="middle"), in_float32(model), torch.inference_mode():
        block_outputs(model, [1], input_ids=torch.tensor(IDS))
    assert {p.dtype for p in model.parameters()} == {torch.bfloat16}


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_weights_in_their_own_type_are_no_memory_of_the_process(tmp_path):
    """20 million weights: float32 of them stand in the mapped file, bfloat16 made of float32 in memory."""
    code = f"""
import re, sys, torch
from transformers import LlamaConfig, LlamaForCausalLM
from shared_affect.models.load import load_model

def held():
    return int(re.search(r"RssAnon:\\s+(\\d+)", open("/proc/self/status").read())[1]) / 1024

shape = dict(hidden_size=512, num_hidden_layers=4, num_attention_heads=8, intermediate_size=2048, vocab_size=2000)
LlamaForCausalLM(LlamaConfig(**shape)).save_pretrained({str(tmp_path)!r})
load_model({str(tmp_path)!r})
for dtype in ("float32", "bfloat16"):
    before = held()
    model = load_model({str(tmp_path)!r}, dtype=dtype)
    print(held() - before)
    del model
print(sum(p.numel() for p in load_model({str(tmp_path)!r}).parameters()) / 2**20)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    mapped, made, millions = map(float, done.stdout.split()[-3:])
    assert mapped < millions and made > 1.5 * millions  # MiB: 4 and 2 bytes a weight if they were in memory
