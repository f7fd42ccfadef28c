"""The tensors of a sparse autoencoder in sae-lens' disk format, held against its configuration; no torch."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np

from shared_affect.models.sae_config import CONFIG, REMEDY, WEIGHTS, SaeConfig, listed

FLOATS = {"F64": ("float64", 8), "F32": ("float32", 4), "F16": ("float16", 2), "BF16": ("bfloat16", 2)}
"""Types of tensors: safetensors' name, the usual name, bytes a number."""


def check_tensors(folder: str | Path, config: SaeConfig, where: str = "") -> tuple[str, int]:
    """Hold the header of the weights against the configuration: names, types and shapes; no weight is read.

    Returns
    -------
    tuple of str and int
        Type of the widest tensor (``W_dec``) and bytes of the file.

    Raises
    ------
    ValueError
        If the file is absent or cut, or a tensor is missing, unexpected, of another shape or no number.
    """
    path, place = Path(folder) / WEIGHTS, where and f" ({where})"
    if not path.is_file():
        raise ValueError(
            f"{folder} has no {WEIGHTS}: found {listed(Path(folder))}; needed: {CONFIG} and {WEIGHTS}, sae-lens' "
            f"disk format. {REMEDY}{place}"
        )
    header, needed = _header(path, place), config.shapes()
    if missing := [k for k in needed if k not in header]:
        raise ValueError(
            f"{path}: tensor {missing[0]} is missing; found: {', '.join(header) or 'none'}; architecture "
            f"{config.architecture!r} needs: {', '.join(needed)}{place}"
        )
    for name, (kind, shape, _) in header.items():
        # an older sae-lens wrote a factor for every feature; that it is 1 is looked at when weights are read
        expected = (config.d_sae,) if name == "scaling_factor" else needed.get(name)
        if expected is None:
            raise ValueError(
                f"{path}: tensor {name} is unexpected; architecture {config.architecture!r} has: {', '.join(needed)} "
                f"and nothing else. {REMEDY}{place}"
            )
        if shape != expected:
            raise ValueError(
                f"{path}: tensor {name} has shape {list(shape)}; needed: {list(expected)}, since {CONFIG} says d_in "
                f"{config.d_in}, d_sae {config.d_sae}{place}"
            )
        if kind not in FLOATS:
            raise ValueError(
                f"{path}: tensor {name} is of type {kind}; allowed: "
                f"{', '.join(name for name, _ in FLOATS.values())}{place}"
            )
    return FLOATS[header["W_dec"][0]][0], path.stat().st_size


def _header(path: Path, place: str = "") -> dict[str, tuple[str, tuple[int, ...], int]]:
    """Name -> (type, shape, first byte) of every tensor of a safetensors file, in order of names.

    Raises
    ------
    ValueError
        If it is not whole.
    """
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, "np"):
            pass  # holds the header against the length of the file
    except (SafetensorError, OSError) as error:
        raise ValueError(
            f"{path} is no whole safetensors file ({error}); remove it and let the workflow make or fetch it "
            f"again{place}"
        ) from None
    with open(path, "rb") as f:
        size = int.from_bytes(f.read(8), "little")
        tensors = json.loads(f.read(size))
    return {
        k: (t["dtype"], tuple(t["shape"]), 8 + size + t["data_offsets"][0])
        for k, t in sorted(tensors.items())
        if k != "__metadata__"
    }


def read_tensor(path: str | Path, name: str) -> np.ndarray:
    """One tensor as float32, whatever float type it is stored in; NumPy has no bfloat16 of its own.

    Raises
    ------
    ValueError
        If the file is not whole, has no such tensor, or the tensor holds NaN or infinite values.
    """
    header = _header(Path(path))
    if name not in header:
        raise ValueError(f"{path}: tensor {name} is missing; found: {', '.join(header) or 'none'}")
    kind, shape, start = header[name]
    if kind not in FLOATS:
        raise ValueError(
            f"{path}: tensor {name} is of type {kind}; allowed: {', '.join(n for n, _ in FLOATS.values())}"
        )
    stored = np.fromfile(
        path, {"F64": "<f8", "F32": "<f4", "F16": "<f2", "BF16": "<u2"}[kind], math.prod(shape), offset=start
    )
    if kind == "BF16":  # the upper half of a float32
        wide = stored.astype(np.uint32)
        wide <<= 16
        values = wide.view(np.float32)
    else:
        with np.errstate(over="ignore"):
            values = stored.astype(np.float32, copy=False)
    # a sum in float64 is finite just where all values are, and needs no mask of the tensor's size
    check_finite(path, name, float(values.sum(dtype=np.float64)))
    return values.reshape(shape)


def check_finite(path: str | Path, name: str, total: float) -> None:
    """Stop where a tensor's sum in float64 shows that it holds NaN or infinite values.

    Raises
    ------
    ValueError
        Naming file and tensor.
    """
    if not math.isfinite(total):
        raise ValueError(
            f"{path}: tensor {name} holds NaN or infinite values (in float32); allowed: finite numbers. Get or train "
            "the SAE again"
        )
