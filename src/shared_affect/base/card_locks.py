"""One job a card: which cards there are, and a lock on the one that this process computes on.

Jobs that run side by side on one machine take a card each, the second on a card waits for the first. The lock is the
system's (flock) and dies with its holder, however it ends. Another user's program on a card holds no such lock: it is
told by the memory that is free, which the log says.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from shared_affect.base.log import LOG

VISIBLE = "CUDA_VISIBLE_DEVICES"
SCHEDULERS = ("SLURM_JOB_ID", "PBS_JOBID", "LSB_JOBID", "FLUX_JOB_ID")
"""Set in a job of a scheduler, which then answers for who computes on which card."""

WAIT_S = 1.0
"""Seconds between two looks at cards that are all taken."""

_GPU = re.compile(r"^GPU (\d+): (.*?)\s*\(UUID: (GPU-[^)]+)\)")
_PART = re.compile(r"^\s+MIG .*\(UUID: (MIG-[^)]+)\)")


class Card(NamedTuple):
    """A card, or a part of one.

    Attributes
    ----------
    entry : str
        What stands for it in ``CUDA_VISIBLE_DEVICES``.
    name : str
        By which it is locked: its UUID where nvidia-smi tells it, else the entry.
    model : str
        For the log; "" where nothing tells it.
    """

    entry: str
    name: str
    model: str = ""


class Held(NamedTuple):
    """The card of this process, and the open file whose lock keeps it."""

    card: Card
    descriptor: int


_held: Held | None = None


def _ask(*arguments: str) -> str:
    """What nvidia-smi answers; "" where it is not there or fails."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return ""
    try:
        return subprocess.run([program, *arguments], capture_output=True, text=True, timeout=60, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return ""


def installed() -> list[Card]:
    """Cards of this machine in the order of nvidia-smi, named by their UUID; no torch.

    Parts of a card that is divided (MIG) stand in its place. Without nvidia-smi the driver's device files count.

    Examples
    --------
    >>> all(c.name for c in installed())
    True
    """
    found: list[Card] = []
    divided = False
    for line in _ask("-L").splitlines():
        if card := _GPU.match(line):
            found.append(Card(card[3], card[3], card[2]))
            divided = False
        elif (part := _PART.match(line)) and found:
            model = found[-1].model
            if not divided:
                found.pop()
            divided = True
            found.append(Card(part[1], part[1], model))
    if found:
        return found
    files = sorted(int(p.name[6:]) for p in Path("/dev").glob("nvidia*") if p.name[6:].isdigit())
    return [Card(str(i), str(i)) for i in range(len(files))]


def visible() -> list[Card]:
    """Cards that this process may use: those that ``CUDA_VISIBLE_DEVICES`` names, else all of the machine.

    As CUDA does, nothing behind an entry that names no card (``-1``, ``NoDevFiles``) is visible.
    """
    said, known = os.environ.get(VISIBLE), installed()
    if said is None:
        return known
    found = []
    for entry in (e.strip() for e in said.split(",")):
        if entry.isdigit():
            same = known[int(entry)] if int(entry) < len(known) else Card(entry, entry)
        elif entry.startswith(("GPU-", "MIG-")):
            same = next((c for c in known if c.name.startswith(entry)), Card(entry, entry))
        else:
            break
        found.append(same._replace(entry=entry))
    return found


def lock_folder() -> Path:
    """Folder of this user's locks, on the machine's own disk and the same for every job, whatever its TMPDIR.

    Raises
    ------
    ValueError
        If something of that name is another user's.
    """
    base = Path("/tmp") if os.path.isdir("/tmp") else Path(tempfile.gettempdir())
    folder = base / f"shared-affect-cards-{os.getuid()}"
    folder.mkdir(mode=0o700, exist_ok=True)
    if folder.is_symlink() or folder.stat().st_uid != os.getuid():
        raise ValueError(f"{folder} is not this user's, so no card can be locked there; needed: remove or rename it")
    return folder


def _lock(card: Card, holder: str, folder: Path) -> Held | None:
    """Take the lock of a card, or None if another process has it."""
    descriptor = os.open(folder / f"{card.name}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"process {os.getpid()}: {holder}\n".encode(), 0)
    return Held(card, descriptor)


def _holder(card: Card, folder: Path) -> str:
    try:
        return (folder / f"{card.name}.lock").read_text(encoding="utf-8").strip() or "a process"
    except OSError:
        return "a process"


def _free_memory(card: Card) -> str:
    """Free and whole memory of a card for the log, "" where nothing tells it."""
    if not card.name.startswith("GPU-"):
        return ""
    answer = _ask("--query-gpu=memory.free,memory.total", "--format=csv,noheader,nounits", f"--id={card.name}")
    numbers = re.findall(r"\d+", answer)
    return f", {int(numbers[0]) / 1024:.1f} of {int(numbers[1]) / 1024:.1f} GiB free" if len(numbers) == 2 else ""


def smallest_memory() -> int | None:
    """Bytes of the smallest card of this machine; None where nothing tells it."""
    answer = _ask("--query-gpu=memory.total", "--format=csv,noheader,nounits")
    found = [int(n) for n in answer.split() if n.isdigit()]
    return min(found) * 2**20 if found else None


def wanted(device: str, cards: Sequence[Card], where: str) -> list[Card]:
    """Cards of which a device may be one: all that are visible, or the one that is pinned.

    Raises
    ------
    ValueError
        If the row pins a card that is not there.
    """
    if ":" not in device:
        return list(cards)
    number = int(device.split(":")[1])
    if number >= len(cards):
        allowed = ", ".join(f"cuda:{i}" for i in range(len(cards))) or "cpu (no card is visible)"
        said = os.environ.get(VISIBLE)
        raise ValueError(
            f"device is {device!r}; allowed: {allowed}, or auto ({where}, column device"
            + (f"; {VISIBLE} is {said!r}" if said is not None else "")
            + ")"
        )
    return [cards[number]]


def take(
    device: str,
    holder: str = "",
    where: str = "config/models.tsv",
    *,
    folder: Path | None = None,
    sleep: Callable[[float], None] = time.sleep,
) -> Card | None:
    """Make one card this process's own before anything is put on it, and hide the others from torch.

    Called before torch asks for cards. A process has one card for as long as it lives: asked again, it keeps it. Where
    every card is held by another job of this user, it waits for the first that comes free and says so in the log.

    Parameters
    ----------
    device : {"auto", "cpu", "cuda", "cuda:N"}
        As in ``config/models.tsv``. ``cuda:N`` waits for the N-th visible card; its name stays right for torch, so
        nothing is hidden.
    holder : str
        What the card is taken for; named to those who wait.
    where : str
        Table and row, named in errors.
    folder : path, optional
        Of the locks; `lock_folder` by default.
    sleep : callable
        Waits some seconds.

    Returns
    -------
    Card or None
        None where the device is ``cpu``, where no card is visible, and where a scheduler has given one that cannot be
        told from another job's.

    Raises
    ------
    ValueError
        If the row pins a card that is not there.
    """
    global _held
    if device == "cpu":
        return None
    if _held is not None:
        return _held.card
    cards = visible()
    among = wanted(device, cards, where)
    if not among:
        return None
    scheduler = next((s for s in SCHEDULERS if s in os.environ), None)
    if scheduler and VISIBLE in os.environ and len(cards) == 1 and not cards[0].name.startswith(("GPU-", "MIG-")):
        # the number may be another card in another job
        LOG.info("card %s: given by the scheduler (%s is %s)", cards[0].entry, scheduler, os.environ[scheduler])
        return None
    folder = folder or lock_folder()
    begun, told = time.monotonic(), ""
    while (found := next(filter(None, (_lock(c, holder, folder) for c in among)), None)) is None:
        if not told:
            held = "; ".join(f"{c.entry} by {_holder(c, folder)}" for c in among)
            told = f"waiting for a card: {len(among)} of {len(cards)} in use ({held})"
            LOG.info("%s", told)
            print(told, file=sys.stderr)  # where a person waits, a log file is not enough
        sleep(WAIT_S)
    _held = found
    _show(found.card, device, len(cards))
    if told:
        LOG.info("waited %.0f s for a card", time.monotonic() - begun)
    return found.card


def _show(card: Card, device: str, visible_cards: int) -> None:
    """Let torch see the card alone, and say which it is."""
    torch = sys.modules.get("torch")
    if ":" not in device:
        if torch is not None and torch.cuda.is_initialized():
            LOG.warning(
                "torch has opened its cards already: it is left to it on which of %d it computes", visible_cards
            )
        else:
            os.environ[VISIBLE] = card.entry
    LOG.info(
        "card %s%s, one of %d%s",
        card.entry,
        f" ({card.model})" if card.model else "",
        visible_cards,
        _free_memory(card),
    )
