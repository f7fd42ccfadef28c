"""A tiny random bilingual model with its tokenizer and SAEs, made once a session."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ["HF_HUB_OFFLINE"] = "1"

ROOT = Path(__file__).resolve().parents[1]
WORDS = [
    "joy",
    "fear",
    "calm",
    "the",
    "word",
    "is",
    "now",
    "think",
    "of",
    "table",
    "stone",
    "快乐",
    "害怕",
    "这个词是",
    "石头",
    "sadness",
]


LONGEST = (
    *("test_study.py", "test_own_rows.py", "test_several_saes.py", "test_beside.py", "test_kills.py"),
    *("test_lexicon_study.py", "test_interrupted.py", "test_data.py", "test_texts.py"),
)
"""Files that take minutes, in the order in which two workers begin with them."""


def pytest_collection_modifyitems(items):
    if os.environ.get("PYTEST_XDIST_WORKER"):
        first = {name: place for place, name in enumerate(LONGEST)}
        items.sort(key=lambda item: first.get(item.path.name, len(first)))
    if not os.environ.get("FAULTS"):
        for item in items:
            if item.get_closest_marker("faults"):
                item.add_marker(pytest.mark.skip(reason="takes long: make test-faults (FAULTS=1)"))


@pytest.fixture(scope="session")
def root():
    return ROOT


@pytest.fixture(scope="session")
def checkout(root):
    """The committed tables, schemas, resources, scripts and library."""
    from shared_affect.planning.checkout import Checkout

    return Checkout(
        tables=root / "config",
        schemas=root / "workflow/schemas",
        resources=root / "resources",
        scripts=root / "workflow/scripts",
        package=root / "src/shared_affect",
    )


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """An undisturbed run. Whatever a test of faults does to it, it ends in the same bytes."""
    from faulty import Made

    return Made(tmp_path_factory.mktemp("faults"))


def make_tokenizer():
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    pieces = [("▁" if w.isascii() else "") + w for w in WORDS if w != "sadness"] + ["▁sad", "ness", ".", "。", "▁"]
    characters = sorted(set("".join(WORDS)) - set(pieces))
    vocabulary = (
        [(s, 0.0) for s in ("<pad>", "<bos>", "<eos>", "<unk>")]
        + [(p, -1.0) for p in pieces]
        + [(c, -8.0) for c in characters]
    )
    tokenizer = Tokenizer(models.Unigram(vocabulary, unk_id=3, byte_fallback=False))
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace(prepend_scheme="always")
    tokenizer.decoder = decoders.Metaspace(prepend_scheme="always")
    tokenizer.post_processor = processors.TemplateProcessing(single="<bos> $A", special_tokens=[("<bos>", 1)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, pad_token="<pad>", bos_token="<bos>", eos_token="<eos>", unk_token="<unk>"
    )


def make_model(family: str, folder: Path, layers: int = 2, context: int = 64) -> Path:
    import torch
    from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

    tokenizer = make_tokenizer()
    shape = dict(
        vocab_size=len(tokenizer),
        hidden_size=32,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        intermediate_size=64,
        max_position_embeddings=context,
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = (
            Gemma2ForCausalLM(Gemma2Config(head_dim=8, query_pre_attn_scalar=8, sliding_window=64, **shape))
            if family == "gemma2"
            else LlamaForCausalLM(LlamaConfig(**shape))
        )
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_sae(
    folder: Path, architecture: str = "jumprelu", d_in: int = 32, d_sae: int = 64, seed: int = 0, **cfg
) -> Path:
    from safetensors.numpy import save_file

    rng = np.random.default_rng(seed)
    folder.mkdir(parents=True, exist_ok=True)
    weights = {
        "W_enc": rng.normal(0, 0.3, (d_in, d_sae)),
        "W_dec": rng.normal(0, 0.3, (d_sae, d_in)),
        "b_enc": rng.normal(0, 0.1, d_sae),
        "b_dec": rng.normal(0, 0.1, d_in),
    }
    if architecture == "jumprelu":
        weights["threshold"] = np.abs(rng.normal(0.2, 0.1, d_sae))
    if architecture == "gated":
        del weights["b_enc"]
        weights |= {k: rng.normal(0, 0.2, d_sae) for k in ("b_gate", "b_mag", "r_mag")}
    save_file({k: v.astype(np.float32) for k, v in weights.items()}, folder / "sae_weights.safetensors")
    base = {
        "architecture": architecture,
        "d_in": d_in,
        "d_sae": d_sae,
        "dtype": "float32",
        "device": "cpu",
        "apply_b_dec_to_input": True,
        "normalize_activations": "none",
        "metadata": {},
    }
    (folder / "cfg.json").write_text(json.dumps(base | ({"k": 8} if architecture == "topk" else {}) | cfg))
    return folder


@pytest.fixture(scope="session", params=["gemma2", "llama"])
def model_folder(request, tmp_path_factory):
    return make_model(request.param, tmp_path_factory.mktemp(request.param))


@pytest.fixture(scope="session")
def sae_folder(tmp_path_factory):
    return make_sae(tmp_path_factory.mktemp("sae"))


@pytest.fixture(scope="session")
def published_files():
    """Path of a published file in the folder that SHARED_AFFECT_DATA names; a test that needs one is skipped where it
    is absent.
    """
    folder = os.environ.get("SHARED_AFFECT_DATA", "")

    def path(*parts):
        if not folder:
            pytest.skip("SHARED_AFFECT_DATA is not set: no folder with published data (CONTRIBUTING.md)")
        if not (found := Path(folder, *parts)).is_file():
            pytest.skip(f"{'/'.join(parts)} is not in the folder that SHARED_AFFECT_DATA names")
        return found

    return path
