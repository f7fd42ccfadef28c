"""Causal language models in memory, every weight of them from a local folder."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shared_affect.base import card_locks
from shared_affect.models.blocks import cut, find_blocks
from shared_affect.models.cards import first_line, is_out_of_memory, named, resolve_device
from shared_affect.models.model_folder import OF_OTHER_SENSES, OTHER_SENSES, WHERE, look, some
from shared_affect.models.numerics import Numerics

if TYPE_CHECKING:
    from transformers import PreTrainedModel

__all__ = ["Numerics", "first_line", "is_out_of_memory", "load_model", "resolve_device"]


def load_model(
    folder: str | Path,
    *,
    dtype: str = "float32",
    device: str = "cpu",
    attention: str = "eager",
    deepest: int | None = None,
    where: str = WHERE,
) -> PreTrainedModel:
    """Load a causal language model for inference, every weight of it from the folder.

    Parameters
    ----------
    folder : path
        Hugging Face folder with safetensors weights; no remote code is run.
    dtype : {"float32", "bfloat16", "float16"}
    device : {"auto", "cpu", "cuda", "cuda:N"}
        A card is this process's own from here on (`card_locks.take`).
    attention : {"eager", "sdpa"}
    deepest : int, optional
        Last block that is wanted; those above it are not even read. All by default.
    where : str
        Table and row named in errors.

    Returns
    -------
    transformers.PreTrainedModel in evaluation mode

    Raises
    ------
    ValueError
        If transformers cannot make the model, if a weight is absent, left over, of another shape than the configuration
        says, NaN or infinite: transformers would fill the gap with random numbers and go on.
    """
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    card_locks.take(device, str(folder), where)  # before weights are read: it may have to wait
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM
    from transformers.utils import logging

    logging.disable_progress_bar()
    logging.set_verbosity_error()  # what its warnings tell is looked at below
    allowed = ("float32", "bfloat16", "float16")
    if dtype not in allowed:
        raise ValueError(f"dtype is {dtype!r}; allowed: {', '.join(allowed)} (config/models.tsv, column dtype)")
    look(Path(folder), where)
    with named(folder, "cannot be loaded as a causal language model", where):
        whole = AutoConfig.from_pretrained(folder)
        _unpack(whole)
        with torch.device("meta"):  # the class and its shape alone, no weights
            empty = AutoModelForCausalLM.from_config(whole)
        at, n_blocks = find_blocks(empty, where)
        kind: type[PreTrainedModel] = type(empty)
        if deepest is not None and deepest + 1 < n_blocks:
            kind = cut(kind, at, deepest)
        loaded: Any = kind.from_pretrained(
            folder,
            config=empty.config,
            dtype=getattr(torch, dtype),
            attn_implementation=attention,
            use_safetensors=True,
            ignore_mismatched_sizes=True,
            output_loading_info=True,
        )
        model, found = loaded
    composite = any(getattr(whole, k, None) is not None for k in OTHER_SENSES)
    _check_loaded(found, folder, where, at, n_blocks, deepest, composite)
    if untied := sorted(set(empty.all_tied_weights_keys) - set(model.all_tied_weights_keys)):
        raise ValueError(
            f"{folder}: config.json ties {some(untied)} to the embedding, but the weights hold both and they differ"
            f" ({where}); which is meant? Set tie_word_embeddings to false there if the model was trained so"
        )
    model = model.to(resolve_device(device, where)).eval()
    _check_finite(model, folder, where)
    return model


def _unpack(config: Any) -> None:
    """Ask for plain weights where a file holds packed ones (gpt-oss: four bits in blocks) and transformers can unpack
    them as it reads: what a kernel made of packed ones would depend on the card and on what is installed beside it.
    """
    packed = getattr(config, "quantization_config", None)
    if isinstance(packed, dict) and packed.get("quant_method") in ("mxfp4", "fp8"):
        packed["dequantize"] = True


def _check_loaded(
    found: Mapping, folder: str | Path, where: str, at: str, n_blocks: int, deepest: int | None, composite: bool
) -> None:
    """Hold transformers' report of a load against what may be left out: blocks above the deepest, eyes and ears of a
    model read as text.
    """
    block = re.compile(rf"(?:^|\.){re.escape(at.rsplit('.', 1)[-1])}\.(\d+)\.")

    def left_out(name: str) -> bool:
        numbers = [int(n) for n in block.findall(name)]
        above = deepest is not None and any(deepest < n < n_blocks for n in numbers)
        return above or (composite and OF_OTHER_SENSES.search(name) is not None)

    gone = {
        "missing from the weights": sorted(found["missing_keys"]),
        "in the weights, but not in the model": sorted(k for k in found["unexpected_keys"] if not left_out(k)),
        "of another shape in the weights than in config.json": sorted(
            f"{k} {list(has)} for {list(wants)}" for k, has, wants in found["mismatched_keys"]
        ),
        "not read": sorted(map(str, found.get("error_msgs", []))),
    }
    if any(gone.values()):
        told = "; ".join(f"{what}: {some(names)}" for what, names in gone.items() if names)
        raise ValueError(
            f"{folder}: the weights are not those of its config.json ({where}). {told}. transformers would go on with"
            " random numbers there; fetch or save the model again, whole and under its own names"
        )


def _check_finite(model: PreTrainedModel, folder: str | Path, where: str) -> None:
    """Smallest and largest value of each weight that is kept in files: NaN and infinity show in them, without a mask as
    large as the weight.
    """
    import torch

    with torch.inference_mode():
        bad = [
            name
            for name, p in model.state_dict().items()
            if p.numel() and p.is_floating_point() and not torch.stack(p.aminmax()).isfinite().all()
        ]
    if bad:
        raise ValueError(
            f"{folder}: NaN or infinite weights as {str(model.dtype).removeprefix('torch.')}: {some(bad)}; "
            f"try dtype float32 (column dtype) or fetch the model again ({where})"
        )
