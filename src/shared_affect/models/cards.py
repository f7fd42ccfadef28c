"""Cards: which device a row means, what a card has free and who else uses it, and what its errors say."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from shared_affect.base import card_locks
from shared_affect.base.log import LOG
from shared_affect.models.model_folder import WHERE

HEADROOM = 5 << 29
"""Bytes of a card that are left for a pass and its codes when it is decided how many SAEs it holds."""

BESIDE = 1 << 30
"""Bytes that others may hold on a card before that is told."""


def resolve_device(device: str, where: str = WHERE, encoder: str = "float32") -> str:
    """``auto`` to ``cuda`` where a card is at hand, else ``cpu``; other names pass.

    The one card that this process may see is taken first (`card_locks.take`): torch looks once, and then keeps to it.

    Raises
    ------
    ValueError
        If a card is asked for, by name or by an encoder in tf32, and there is none.
    """
    card_locks.take(device, where=where)
    import torch

    there = torch.cuda.is_available()
    found = ("cuda" if there else "cpu") if device == "auto" else device
    if found.startswith("cuda") and not there:
        raise ValueError(
            f"device is {device!r}, but torch {torch.__version__} sees no card; allowed here: cpu, auto ({where},"
            " column device). Is the driver running (nvidia-smi), and is this torch a build for CUDA?"
        )
    if encoder == "tf32" and not found.startswith("cuda"):
        raise ValueError(
            f"encoder is 'tf32', which cards alone compute, and the device is {found!r}; allowed here: float32,"
            f" bfloat16 ({where}, column encoder)"
        )
    return found


def is_card(device: str) -> bool:
    return device.split(":")[0] == "cuda"


def free_memory(device: str) -> tuple[int, int, int]:
    """Bytes of a card: free for this process, all there are, and held by other processes.

    What torch has taken and not given out is free for this process.
    """
    import torch

    free, total = torch.cuda.mem_get_info(device)
    own = torch.cuda.memory_reserved(device)
    return free + own - torch.cuda.memory_allocated(device), total, max(0, total - free - own)


def check_room(needed: int, device: str, where: str, reckoned: str = "") -> None:
    """Look at a card before a model is put there.

    Raises
    ------
    ValueError
        If it has less than `needed` bytes free.
    """
    free, total, others = free_memory(device)
    if needed > free:
        who = f"other processes hold {gib(others)}" if others > BESIDE else "nothing else of size is on it"
        raise ValueError(
            f"{where}: the weights alone take {gib(needed)}, and the card ({device}) has {gib(free)} of {gib(total)}"
            f" free: {who} (nvidia-smi names them). Wait, name another card (CUDA_VISIBLE_DEVICES, column device),"
            f" or change column dtype{reckoned and '. Reckoned for the job: '}{reckoned}"
        )
    if others > BESIDE:
        LOG.warning(
            "%s: other processes hold %s of the card %s (nvidia-smi names them): two jobs on one card slow each other"
            " and may run out of memory",
            where,
            gib(others),
            device,
        )


def gib(n: float) -> str:
    """
    >>> gib(3 * 2**29)
    '1.5 GiB'
    """
    return f"{n / 2**30:.1f} GiB"


def is_out_of_memory(error: BaseException) -> bool:
    """Torch raises a class of its own on a card and a plain RuntimeError on a CPU; the driver and the libraries of
    matrix products have words of their own."""
    said = str(error)
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or any(s in said for s in ("can't allocate memory", "CUDA error: out of memory", "CUBLAS_STATUS_ALLOC_FAILED"))
    )


def is_card_failure(error: BaseException) -> bool:
    """Whether a card stopped working: fallen off the bus, reset, a kernel that ended in an error. Nothing else can be
    computed on it by this process afterwards.
    """
    if is_out_of_memory(error):
        return False
    signs = ("CUDA error", "CUDA driver", "CUDNN_STATUS_", "CUBLAS_STATUS_", "NVML", "No CUDA GPUs are available")
    return type(error).__name__ == "AcceleratorError" or any(s in str(error) for s in signs)


class CardFailed(RuntimeError):
    """A card stopped working."""


class OutOfMemory(RuntimeError):
    """Memory ran out where nothing is left to halve."""


def told_failure(error: BaseException, where: str, device: str) -> CardFailed:
    """What a person is told of a card that failed."""
    return CardFailed(
        f"{where}: the card ({device}) failed while it computed: {first_line(error)}. What was computed before stands"
        " in the journal and is not computed again. Look whether the card is still there (nvidia-smi, dmesg), then run"
        " again; on another card set CUDA_VISIBLE_DEVICES or column device"
    )


def told_memory(error: BaseException, where: str, device: str, reckoned: str) -> OutOfMemory:
    """What a person is told where one text alone does not fit."""
    state = ""
    if is_card(device):
        try:
            free, total, others = free_memory(device)
            state = f". The card ({device}) has {gib(free)} of {gib(total)} free, others hold {gib(others)}"
        except Exception as lost:  # a card that cannot even be asked
            state = f". The card ({device}) does not answer: {first_line(lost)}"
    columns = "dtype (bfloat16), encoder (bfloat16) or device" if is_card(device) else "dtype (bfloat16) or device"
    return OutOfMemory(
        f"{where}: out of memory at a batch of one text (chunk_batch 1): {first_line(error)}{state}. Reckoned:"
        f" {reckoned}. Change column {columns} in config/models.tsv, or leave the widest SAE out of config/saes.tsv; a"
        " smaller chunk_batch does not help"
    )


@contextmanager
def named(folder: str | Path, cannot: str, where: str) -> Iterator[None]:
    """Whatever transformers raises for a folder that does not fit it, as a ValueError that names folder and row.

    A device without memory is told by others, who can do something about it.
    """
    try:
        yield
    except Exception as error:
        if is_out_of_memory(error):
            raise
        raise ValueError(f"{folder} {cannot} ({where}): {type(error).__name__}: {first_line(error)}") from error


def first_line(error: BaseException) -> str:
    return next((line for line in str(error).splitlines() if line.strip()), "no message")
