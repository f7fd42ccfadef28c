"""Causal language models from a local folder: identity, loading, and where their blocks are."""

from __future__ import annotations

import json
import os
from pathlib import Path

from shared_affect.runtime import digest_of, digest_of_files


def model_digest(folder: str | Path) -> str:
    """What identifies a model: the hub's commit if it was fetched, else sha256 over configuration and weights; no torch.

    Raises
    ------
    ValueError
        If the folder has no ``config.json`` or no ``*.safetensors``.
    """
    folder = Path(folder)
    weights = sorted(folder.glob("*.safetensors"))
    if not weights or not (folder / "config.json").exists():
        raise ValueError(f"{folder} is no model folder: found {sorted(p.name for p in folder.glob('*')) or 'nothing'}, "
                         "needed config.json and *.safetensors (config/models.tsv, column path)")
    if (revision := folder / "revision.json").exists():
        facts = json.loads(revision.read_text(encoding="utf-8"))
        return digest_of({k: facts[k] for k in ("id", "commit")})
    return digest_of_files(folder / "config.json", *weights)


def tokenizer_digest(folder: str | Path) -> str:
    """sha256 over the tokenizer's file."""
    return digest_of_files(Path(folder) / "tokenizer.json")


def check_weights(folder: str | Path) -> None:
    """Read the header of every weights file and hold it against the file's size.

    Raises
    ------
    ValueError
        If a file is cut short or is no safetensors file.
    """
    from safetensors import SafetensorError, safe_open

    for path in sorted(Path(folder).glob("*.safetensors")):
        try:
            with safe_open(path, "np"):
                pass
        except SafetensorError as error:
            raise ValueError(f"{path} is no whole safetensors file ({error}); remove it and let the workflow make or fetch it again") from None


def resolve_device(device: str) -> str:
    """``auto`` to ``cuda`` where a card is at hand, else ``cpu``; other names pass."""
    import torch

    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def load_model(folder: str | Path, *, dtype: str = "float32", device: str = "cpu", attention: str = "eager", deepest: int | None = None):
    """Load a causal language model for inference.

    Parameters
    ----------
    folder : path
        Hugging Face folder with safetensors weights; no remote code is run.
    dtype : {"float32", "bfloat16", "float16"}
    device : {"auto", "cpu", "cuda", "cuda:N"}
    attention : {"eager", "sdpa"}
    deepest : int, optional
        Last block that is wanted; those above it are not even read. All by default.

    Returns
    -------
    transformers.PreTrainedModel in evaluation mode
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # blocks that are left out on purpose are no news
    allowed = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if dtype not in allowed:
        raise ValueError(f"dtype is {dtype!r}; allowed: {', '.join(allowed)} (config/models.tsv, column dtype)")
    check_weights(folder)
    config = AutoConfig.from_pretrained(folder)
    if deepest is not None:
        text = config.get_text_config()
        text.num_hidden_layers = min(text.num_hidden_layers, deepest + 1)
    model = AutoModelForCausalLM.from_pretrained(folder, config=config, dtype=allowed[dtype], attn_implementation=attention, use_safetensors=True)
    return model.to(resolve_device(device)).eval()


def blocks(model):
    """The decoder blocks (``ModuleList``) of a causal language model.

    Raises
    ------
    ValueError
        If the architecture keeps them under no known name.
    """
    base = model.base_model
    for name in ("layers", "h"):
        if hasattr(base, name):
            return getattr(base, name)
    raise ValueError(f"{type(model).__name__}: decoder blocks not found under base_model.layers or base_model.h")
