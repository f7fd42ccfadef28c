"""The same machinery on a small model that was really trained (stories260K, a Llama of 260,032 weights)."""

import os
from pathlib import Path

import numpy as np
import pytest

from shared_affect.features.extraction import Extractor
from shared_affect.features.held import SaeSource
from shared_affect.features.readout import read_codes
from shared_affect.models.blocks import blocks
from shared_affect.models.fidelity import check_fidelity
from shared_affect.models.likelihood import mean_nll
from shared_affect.models.load import Numerics, load_model
from shared_affect.models.pieces import broken_share
from shared_affect.models.residual import Prefix, block_outputs, editing
from shared_affect.models.sae_training import SaeSpec, train_sae
from shared_affect.models.saes import DiskSAE
from shared_affect.models.sampling import Sampling, Start, sample_texts
from shared_affect.models.spans import locate
from shared_affect.models.texts import sample_documents
from shared_affect.models.tokens import load_tokenizer

FOLDER = Path(os.environ.get("SHARED_AFFECT_MODELS", "no folder named")) / "stories260K"
pytestmark = pytest.mark.skipif(
    not (FOLDER / "model.safetensors").exists(),
    reason=(
        "needs the variable SHARED_AFFECT_MODELS: a folder that holds stories260K in Hugging Face format"
        " (CONTRIBUTING.md)"
    ),
)
WORDS = ["happy", "sad", "angry", "scared", "love", "dog", "house", "sunshine"]
TEMPLATES = {"bare": "{word}.", "said": "they said {word}."}


@pytest.fixture(scope="module")
def model():
    return load_model(FOLDER)


@pytest.fixture(scope="module")
def tokenizer():
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(FOLDER)


@pytest.fixture(scope="module")
def documents(model, tokenizer):
    return list(sample_documents(model, tokenizer, 60_000, seed=3, show_progress=False))


@pytest.fixture(scope="module")
def sae(model, tokenizer, documents, tmp_path_factory):
    folder = tmp_path_factory.mktemp("sae")
    facts = train_sae(
        model, tokenizer, documents, SaeSpec(layer=2, k=16, d_sae=512, n_tokens=200_000), out_dir=folder, seed=1
    )
    assert facts["explained_variance"] > 0.8 and 8 < facts["l0"] < 32
    return folder


def test_every_hook_is_the_models_own_hidden_state(model):
    import torch

    ids = torch.randint(3, 500, (4, 20), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        found = block_outputs(model, range(len(blocks(model))), input_ids=ids)
        hidden = model(input_ids=ids, output_hidden_states=True).hidden_states
        for layer in range(len(blocks(model)) - 1):
            assert torch.allclose(found[layer], hidden[layer + 1], atol=1e-5)
        assert torch.allclose(model.base_model.norm(found[4]), hidden[5], atol=1e-5)
        rest = Prefix(model, [2], ids[0, :5].tolist()).continued(ids[:1, 5:])
        assert torch.allclose(rest[2], found[2][:1, 5:], atol=1e-4)


def test_it_writes_stories(model, tokenizer, documents):
    begin = [tokenizer.bos_token_id]
    start, cold = Start(begin, np.random.SeedSequence(0)), Sampling(max_new_tokens=30, temperature=1e-3)
    tokens = sample_texts(model, [start], None, cold, None)
    assert (
        tokenizer.decode(tokens[0], skip_special_tokens=True)
        .strip()
        .startswith("Once upon a time, there was a little girl named")
    )
    assert 0 < mean_nll(model, [begin], tokens)[0] < 1
    assert (
        len(documents) > 200
        and np.mean([d.startswith(("Once", "One")) for d in documents]) > 0.5
        and all("\n" not in d for d in documents)
    )


def test_extraction_equals_one_word_at_a_time(model, sae, tmp_path):
    import torch

    found = Extractor(FOLDER, {"s": SaeSource(str(sae), 2)}, "en", Numerics(), tmp_path).words({"x": WORDS}, TEMPLATES)[
        "s"
    ]["x"]
    encoder, pieces, flips = DiskSAE(sae), load_tokenizer(FOLDER), 0
    for name, template in TEMPLATES.items():
        for row, s in enumerate(locate(pieces, template, WORDS)):
            with torch.inference_mode():
                h = model(input_ids=torch.tensor([s.ids]), output_hidden_states=True).hidden_states[3][0]
            for position, at in (("word", s.last), ("after", s.after)):
                expected, one = encoder.encode(h[at]).numpy(), read_codes(found, [name], position)[row]
                flips += int(((expected != 0) != (one != 0)).sum())
                np.testing.assert_allclose(one, expected, atol=1e-4)
    assert flips == 0


def test_its_sae_passes_the_gate_and_a_wrong_layer_does_not(sae, documents, tmp_path):
    import json

    limits = {"explained_variance_min": 0.7, "l0_min": 8, "l0_max": 32}
    facts = Extractor(FOLDER, {"s": SaeSource(str(sae), 2)}, "en", Numerics(), tmp_path / "j").running_text(
        documents[:60], documents[60:90]
    )["s"]
    check_fidelity(facts, limits, "config/saes.tsv, sae s")
    assert facts["loss"][0] < 2 and facts["loss_recovered"][0] > 0.5
    silent = tmp_path / "silent"
    silent.mkdir()
    (silent / "sae_weights.safetensors").write_bytes((sae / "sae_weights.safetensors").read_bytes())
    (silent / "cfg.json").write_text(json.dumps(json.loads((sae / "cfg.json").read_text()) | {"metadata": {}}))
    wrong = Extractor(FOLDER, {"s": SaeSource(str(silent), 4)}, "en", Numerics(), tmp_path / "j").running_text(
        documents[:60], documents[60:90]
    )["s"]
    with pytest.raises(ValueError, match="SAE fidelity"):
        check_fidelity(wrong, limits, "config/saes.tsv, sae s")


def test_its_tokenizer_reads_english_and_no_chinese():
    pieces = load_tokenizer(FOLDER)
    assert broken_share(pieces, WORDS) == 0 and broken_share(pieces, ["快乐", "害怕"]) > 0.5


def test_a_vector_moves_what_it_would_write(model, tokenizer):
    import torch

    def residual(text):
        return block_outputs(model, [2], input_ids=torch.tensor([tokenizer(text)["input_ids"]]))[2][0]

    prompt = torch.tensor([tokenizer("She was very")["input_ids"]])
    happy, sad = (tokenizer(f"She was very {w}")["input_ids"][prompt.shape[1]] for w in ("happy", "sad"))
    found = {}
    with torch.inference_mode():
        vector = residual("She was very happy.")[-2:].mean(0) - residual("She was very sad.")[-2:].mean(0)
        for strength in (-1.0, 0.0, 1.0):
            with editing(model, 2, lambda h, s=strength: h + s * vector):
                logits = model(input_ids=prompt).logits[0, -1]
            found[strength] = float(logits[happy] - logits[sad])
    assert found[-1.0] < found[0.0] < found[1.0], found
