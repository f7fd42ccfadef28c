"""Codes of residuals as sparse rows, and what is computed on a card on its way to the host."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.models.memory import CODES
from shared_affect.models.saes import SAE

if TYPE_CHECKING:
    from torch import Tensor

ENCODE_BATCH = 1024
"""Residuals encoded at once; with `memory.CODES`, bounds the dense codes of wide SAEs on the device."""

Arrays = dict[str, np.ndarray]
Later = Callable[[], Arrays]
"""Gives arrays when it is called, and waits then for what is still on its way from the card. It may be called once."""


def encode_rows(d_sae: int) -> int:
    """Residuals whose dense codes may stand on the device at once."""
    return min(ENCODE_BATCH, max(1, CODES // d_sae))


def sparse_codes(sae: SAE, x: Tensor) -> Later:
    """Codes of residuals ``[n, d_in]`` as the arrays of a CSR matrix; the non-zeros are looked for where the codes are.

    Parameters
    ----------
    sae : SAE
        On the residuals' device.
    x : Tensor
        Any float type.

    Returns
    -------
    callable
        Gives ``data, indices, indptr, d_sae``.

    Raises
    ------
    ValueError
        If a code is not finite.
    """
    find = _find_there if x.device.type == "cuda" else _find_here
    return to_csr([find(sae.encode(part.float())) for part in x.split(encode_rows(sae.d_sae))], sae.d_sae)


def to_csr(parts: Sequence[Callable[[], tuple[np.ndarray, np.ndarray, np.ndarray]]], d_sae: int) -> Later:
    """Values, columns and counts of rows, part after part, as one CSR matrix."""

    def arrays() -> Arrays:
        data, indices, counts = (np.concatenate(p) for p in zip(*(part() for part in parts), strict=True))
        return {
            "data": data,
            "indices": indices,
            "indptr": np.concatenate([[0], np.cumsum(counts)]).astype(np.int64),
            "d_sae": np.array([d_sae]),
        }

    return arrays


def _find_here(codes: Tensor) -> Callable[[], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Non-zeros of codes in the host's memory; numpy finds what is true several times faster than what is not zero."""
    import torch

    active = (codes != 0).numpy()
    flat = np.flatnonzero(active)
    values = codes.flatten()[torch.from_numpy(flat)].numpy()
    _check_finite(int((~np.isfinite(values)).sum()))
    found = values, (flat % codes.shape[1]).astype(np.int32), active.sum(1)
    return lambda: found


def _find_there(codes: Tensor) -> Callable[[], tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Non-zeros of codes on a card: only they are copied."""
    import torch

    flat = codes.flatten().nonzero()[:, 0]
    values = codes.flatten()[flat]
    _check_finite(int((~torch.isfinite(values)).sum()))
    copied = copy_later(values, (flat % codes.shape[1]).int(), torch.count_nonzero(codes, dim=1))

    def found() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        values, columns, counts = copied()
        return values, columns, counts

    return found


def _check_finite(bad: int) -> None:
    if bad:
        raise ValueError(
            f"SAE codes hold {bad} NaN or infinite values; is a residual zero, which run-time normalisation divides by?"
        )


def copy_later(*tensors: Tensor) -> Callable[[], list[np.ndarray]]:
    """Copy tensors to the host while the device goes on; what is returned waits until they are there.

    On a card through pinned memory, behind what was asked of the card so far. bfloat16, which numpy lacks, comes as its
    bits in uint16.
    """
    import torch

    def array(t: Tensor) -> np.ndarray:
        return t.view(torch.int16).numpy().view(np.uint16) if t.dtype == torch.bfloat16 else t.numpy()

    if not tensors or tensors[0].device.type != "cuda":
        return lambda: [array(t) for t in tensors]
    there = [torch.empty(t.shape, dtype=t.dtype, pin_memory=True) for t in tensors]
    for own, t in zip(there, tensors, strict=True):
        own.copy_(t, non_blocking=True)
    done = torch.cuda.Event()
    done.record(torch.cuda.current_stream(tensors[0].device))

    def arrays() -> list[np.ndarray]:
        done.synchronize()
        return [array(t) for t in there]

    return arrays


def take_rows(csr: Mapping[str, np.ndarray], rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Data, column indices and numbers of entries of some rows of a CSR matrix, in the order given."""
    starts, counts = csr["indptr"][rows], np.diff(csr["indptr"])[rows]
    at = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
    return csr["data"][at], csr["indices"][at], counts


def narrow(dense: np.ndarray, dtype: str) -> Arrays:
    """Residuals as they are kept, without loss, two bytes a number where the model has no more.

    float16 does not hold what bfloat16 holds (above 65,504 it is infinite), so bfloat16 is kept as its bits, under a
    name that says so.

    Parameters
    ----------
    dense : ndarray
        As `copy_later` gives it.
    dtype : str
        The model's.
    """
    return {"dense.bfloat16" if dtype == "bfloat16" else "dense": dense}


def widen(arrays: Mapping[str, np.ndarray]) -> np.ndarray:
    """Residuals in float32 from what `narrow` kept.

    Examples
    --------
    >>> widen({"dense.bfloat16": np.array([0x3F80, 0xC77F], np.uint16)})  # 1 and -65280
    array([ 1.000e+00, -6.528e+04], dtype=float32)
    """
    if "dense.bfloat16" in arrays:
        return (arrays["dense.bfloat16"].astype(np.uint32) << 16).view(np.float32)
    return arrays["dense"].astype(np.float32, copy=False)
