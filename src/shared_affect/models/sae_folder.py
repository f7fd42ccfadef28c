"""A sparse autoencoder's folder: what identifies it, and an early look at all that its files can say; no torch."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np

from shared_affect.base.files import digest_of_files
from shared_affect.models.sae_config import CONFIG, WEIGHTS, SaeConfig, read_config
from shared_affect.models.sae_weights import check_finite, check_tensors, read_tensor
from shared_affect.study.config import ConfigError


def sae_digest(folder: str | Path) -> str:
    """sha256 over configuration and weights; no torch."""
    folder = Path(folder)
    return digest_of_files(folder / CONFIG, folder / WEIGHTS)


def decoder_directions(folder: str | Path) -> np.ndarray:
    """Decoder rows ``[d_sae, d_in]`` float32, such that codes times rows is a residual; no torch."""
    config = read_config(folder)
    check_tensors(folder, config)
    rows = read_tensor(Path(folder) / WEIGHTS, "W_dec")
    if config.rescale_acts_by_decoder_norm:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        check_finite(Path(folder) / WEIGHTS, "W_dec (a row has norm 0)", float(rows.sum(dtype=np.float64)))
    return rows


def check_site(config: SaeConfig, folder: str | Path, layer: int, where: str) -> None:
    """Hold where an SAE was trained against the block that is read; silent where its file says nothing.

    Raises
    ------
    ValueError
        If it was trained at another place.
    """
    # sae-lens names the module itself where it was trained on a model of transformers
    outputs = rf"(.*\.)?(layers|h|blocks)\.{layer}(\.output)?"
    if config.hook_name not in (None, f"blocks.{layer}.hook_resid_post") and not re.fullmatch(
        outputs, str(config.hook_name)
    ):
        raise ValueError(
            f"{folder}/{CONFIG}: hook_name is {config.hook_name!r}; allowed: 'blocks.{layer}.hook_resid_post', the "
            f"output of block {layer} ({where}, column layer)"
        )
    if config.hook_layer is not None and config.hook_layer != layer:
        raise ValueError(
            f"{folder}/{CONFIG}: hook_layer is {config.hook_layer}; allowed: {layer} ({where}, column layer)"
        )
    if config.hf_hook_name is not None and not re.fullmatch(outputs, config.hf_hook_name):
        raise ValueError(
            f"{folder}/{CONFIG}: hf_hook_name is {config.hf_hook_name!r}; allowed: 'model.layers.{layer}', the output "
            f"of block {layer} ({where}, column layer)"
        )


def check_hook(folder: str | Path, layer: int, has_bos: bool, where: str) -> None:
    """Hold what an SAE's file says of its training against how it is to be read; silent where the file says nothing.

    Parameters
    ----------
    folder : path
    layer : int
        Block after which the residual is read, from 0.
    has_bos : bool
        Whether texts begin with a BOS or its stand-in.
    where : str
        Table, row and column to change.

    Raises
    ------
    ValueError
        If it was trained at another hook point or under another BOS rule.
    """
    config = read_config(folder, where)
    check_site(config, folder, layer, where)
    bos = config.prepend_bos
    if bos is not None and bool(bos) != has_bos:
        raise ValueError(
            f"{folder}/cfg.json: prepend_bos is {bos}, but the model's tokenizer puts {'a' if has_bos else 'no'} BOS"
            f" before a text; the SAE would read residuals of another kind ({where}, column path; what stands before a"
            " text: config/models.tsv, column bos)"
        )


def check_folder(folder: str | Path, layer: int, where: str, *, d_in: int | None = None) -> dict:
    """The early look at an SAE: all that its configuration and the header of its weights can say, without torch.

    Parameters
    ----------
    folder : path
    layer : int
        Block after which the residual is read, from 0.
    where : str
        Table and row, e.g. ``config/saes.tsv, model m, sae s``.
    d_in : int, optional
        Width of the model's residual, where it is known.

    Returns
    -------
    dict
        ``architecture, d_in, d_sae, k, layer, hook_name, prepend_bos, dtype, bytes``.

    Raises
    ------
    ConfigError
        Naming file, key or tensor, what was found and what is allowed, and the row.
    """
    try:
        config = read_config(folder, where)
        check_site(config, folder, layer, where)
        dtype, size = check_tensors(folder, config, where)
        if d_in is not None and config.d_in != d_in:
            raise ValueError(
                f"{folder}/{CONFIG}: d_in is {config.d_in}, but the model's residual has {d_in} dimensions: an SAE of "
                f"another model ({where}, columns model and path)"
            )
    except ValueError as error:
        raise ConfigError(str(error)) from None
    return {
        "architecture": config.architecture,
        "d_in": config.d_in,
        "d_sae": config.d_sae,
        "k": config.k,
        "layer": layer,
        "hook_name": config.hook_name,
        "prepend_bos": config.prepend_bos,
        "dtype": dtype,
        "bytes": size,
    }
