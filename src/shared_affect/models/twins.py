"""Untrained twins: a model's configuration and tokenizer, with weights drawn anew by its architecture's own rule.

What an analysis finds in a twin comes from its design, its tokens and the words, not from what the model has learned.
"""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING, cast

from shared_affect.base.files import writing_to
from shared_affect.models.blocks import find_blocks
from shared_affect.models.model_folder import WHERE, look

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

TOKENIZER_FILES = (
    "tokenizer.json",
    "tokenizer_config.json",
    "special_tokens_map.json",
    "added_tokens.json",
    "chat_template.jinja",
    "generation_config.json",
)
"""Files that say how a model's texts become tokens, and where they end."""

WHOLE = "1000GB"
"""Weights are saved in one file, whatever their number: its name does not depend on their size."""


def draw_twin(folder: str | Path, *, dtype: str, seed: int, where: str = WHERE) -> PreTrainedModel:
    """A model of a folder's configuration whose weights are drawn by the architecture's own initialisation.

    Parameters
    ----------
    folder : path
        Folder of the original; its weights are not read.
    dtype : {"float32", "bfloat16", "float16"}
        Weights are drawn in it: 9 billion take 18 GB in 16 bits.
    seed : int
        Of torch's generator, which is left as it was.
    where : str
        Table and row named in errors.

    Returns
    -------
    transformers.PreTrainedModel in evaluation mode

    Raises
    ------
    ValueError
        If the original is no causal language model, transformers cannot make the twin, or its embedding comes out
        constant: it would not be random.
    """
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM

    look(Path(folder), where)
    config = AutoConfig.from_pretrained(folder)
    if getattr(config, "quantization_config", None) is not None:
        del config.quantization_config  # weights that nobody has trained need no packing
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            model: PreTrainedModel = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, dtype))
        except (ValueError, KeyError, AttributeError, ImportError) as error:
            raise ValueError(f"no twin of {folder} can be made ({where}): {type(error).__name__}: {error}") from error
    find_blocks(model, where)
    if not float(_embedding(model)[:64].detach().float().std()) > 0:
        raise ValueError(f"{where}: the initialisation of {type(model).__name__} leaves its embedding constant")
    return model.eval()


def _embedding(model: PreTrainedModel) -> Tensor:
    return cast("Tensor", model.get_input_embeddings().weight)


def make_twin(original: str | Path, folder: str | Path, *, dtype: str, seed: int, where: str = WHERE) -> dict:
    """Draw a twin and save it with its original's tokenizer, as a folder like any other.

    Parameters
    ----------
    original, folder : path
        The original's folder, and where the twin is saved.
    dtype, seed, where
        As `draw_twin`.

    Returns
    -------
    dict
        ``architecture parameters dtype seed embedding_sd tied``.
    """
    original, folder = Path(original), Path(folder)
    model = draw_twin(original, dtype=dtype, seed=seed, where=where)
    with writing_to(folder):
        model.save_pretrained(folder, max_shard_size=WHOLE)
        for name in TOKENIZER_FILES:
            if (original / name).exists():
                shutil.copyfile(original / name, folder / name)
    return {
        "architecture": type(model).__name__,
        "parameters": model.num_parameters(),
        "dtype": dtype,
        "seed": seed,
        "embedding_sd": round(float(_embedding(model)[:4096].detach().float().std()), 6),
        "tied": bool(model.all_tied_weights_keys),
    }
