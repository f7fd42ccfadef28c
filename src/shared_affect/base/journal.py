"""Append-only store of results that cost accelerator time, kept outside the workflow's outputs.

A journal is one file of records ``magic, key, length, sha256, payload``. A killed job leaves whole records and
at most one torn record at the end, which is ignored by readers and cut off by the next writer. A power loss may leave
zeros or garbage there, a bad disk anywhere: what is damaged is left out and computed again, record by record, and what
stands behind it is found by its magic and digest. One process writes at a time, under an OS lock that dies with its
holder.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import io
import json
import os
import shutil
import socket
import struct
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple, TextIO

import numpy as np

from shared_affect.base.files import REASONS, writing_to
from shared_affect.base.log import LOG

MAGIC = b"SAJ1"
HEADER = struct.Struct("<4s32sQ32s")
BLOCK = 1 << 22
PATIENCE = 150
"""Seconds to wait for a holder on another machine: a file server notices late (NFS: after 90 s) that it died."""


class Record(NamedTuple):
    """Where a record stands: first byte, key, length and digest of its payload."""

    at: int
    key: str
    length: int
    digest: bytes

    @property
    def start(self) -> int:
        return self.at + HEADER.size

    @property
    def end(self) -> int:
        return self.start + self.length


def _read_header(f, at: int, size: int) -> Record | None:
    """The record that begins at a byte, if one does and ends within the file."""
    f.seek(at)
    head = f.read(HEADER.size)
    if len(head) < HEADER.size:
        return None
    magic, key, length, digest = HEADER.unpack(head)
    record = Record(at, key.hex(), length, digest)
    return record if magic == MAGIC and record.end <= size else None


class JournalLocked(RuntimeError):
    """Another process is writing this journal."""


def _is_elsewhere(holder: str) -> bool:
    """Whether a lock file names another machine than this one."""
    try:
        return json.loads(holder)["host"] != socket.gethostname()
    except (ValueError, KeyError, TypeError):
        return False


def _lock(file: TextIO, path: Path, patience: float) -> None:
    """Lock a file for this process alone; see `Journal.writing`."""
    end, told = time.monotonic() + patience, False
    while True:
        try:
            return fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise OSError(
                    error.errno,
                    f"{file.name} cannot be locked: {error.strerror}. Without locks two jobs could write {path} at"
                    " once: put the study's folder on a file system that has them (Lustre: mounted with flock), and"
                    " run again",
                ) from None
        file.seek(0)
        holder = file.read().strip()
        # the lock of a process of this machine dies with it: who holds it here, works
        if not _is_elsewhere(holder) or time.monotonic() >= end:
            raise JournalLocked(
                f"{path} is being written by {holder or 'another process'}; wait for it to end, or stop it, and run"
                " again"
            )
        if not told:
            LOG.warning("%s is held by %s on another machine; waiting up to %d s", path, holder, patience)
            told = True
        time.sleep(min(1.0, patience / 10))


class Journal:
    """One append-only file of ``key -> bytes``.

    Parameters
    ----------
    path : path
        The file; its folder is made when the first record is written. A lock file stands beside it.

    Raises
    ------
    ValueError
        If the file holds something else than journal records.

    Examples
    --------
    >>> import tempfile
    >>> from shared_affect.base.files import digest_of
    >>> folder = tempfile.TemporaryDirectory()
    >>> journal, key = Journal(f"{folder.name}/codes.journal"), digest_of({"word": "joy", "layer": 1})
    >>> with journal.writing("a notebook"):
    ...     journal.append(key, b"costly")
    >>> key in journal, Journal(journal.path).get(key)
    (True, b'costly')
    >>> folder.cleanup()
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._lock_path = self.path.with_suffix(".lock")
        self._index: dict[str, Record] = {}
        self._end = 0
        self._file: io.FileIO | None = None
        self._sound: set[Record] = set()
        self._named: set[int] = set()
        self._scan()

    def _scan(self) -> None:
        """Index records from header to header; where none stands, look for the next whole one. Digests are checked
        there, of the last record, and of every record that is asked for."""
        self._index.clear()
        self._end = 0
        if not self.path.exists():
            return
        with open(self.path, "rb") as f:
            size = os.fstat(f.fileno()).st_size
            at, last, start = 0, None, b""
            while True:
                if record := _read_header(f, at, size):
                    self._index[record.key], last = record, record
                    self._end = at = record.end
                    continue
                if last is not None and not self._is_sound(
                    f, last
                ):  # its length may be wrong, and others stand inside it
                    self._index.pop(last.key, None)
                    self._end = at = last.at
                elif at >= size:
                    break
                if (found := self._search(f, at + 1, size)) is None:
                    break
                self._warn(at, f"{found - at} bytes from byte {at} are no whole record and are left out")
                at, last = found, None
            f.seek(0)
            start = f.read(len(MAGIC))
        # one flipped byte in the only record's magic, or zeros, still is a journal
        if (
            not self._index
            and not self._end
            and start.strip(b"\0")
            and sum(a != b for a, b in zip(start, MAGIC, strict=False)) > 1
        ):
            raise ValueError(
                f"{self.path} is no journal at byte 0: found {start!r}, expected {MAGIC!r}, and no whole record stands"
                " anywhere in it; move it to another folder and run again"
            )

    def _is_sound(self, f, record: Record) -> bool:
        if record not in self._sound:
            f.seek(record.start)
            if hashlib.sha256(f.read(record.length)).digest() != record.digest:
                return False
            self._sound.add(record)
        return True

    def _search(self, f, at: int, size: int) -> int | None:
        """First byte, from `at`, of a record whose digest is right."""
        while at < size:  # block by block: a mapped file that a writer cuts meanwhile would kill this process
            f.seek(at)
            block, here = f.read(BLOCK), -1
            while (here := block.find(MAGIC, here + 1)) >= 0:
                if (record := _read_header(f, at + here, size)) and self._is_sound(f, record):
                    return at + here
            at += max(1, len(block) - len(MAGIC) + 1)
        return None

    def _warn(self, at: int, what: str) -> None:
        if at not in self._named:
            self._named.add(at)
            LOG.warning("%s: damaged: %s; what is missing is computed again", self.path, what)

    def __contains__(self, key: str) -> bool:
        if (record := self._index.get(key)) is None:
            return False
        if record not in self._sound:
            with open(self.path, "rb") as f:
                if not self._is_sound(f, record):
                    self._warn(
                        record.at, f"record {key[:12]} at byte {record.at} does not match its digest and is left out"
                    )
                    del self._index[key]
                    return False
        return True

    def __len__(self) -> int:
        return len(self._index)

    def get(self, key: str) -> bytes:
        """Payload of a record.

        Raises
        ------
        KeyError
            If there is no such record.
        ValueError
            If its bytes do not match their digest.
        """
        record = self._index[key]
        with open(self.path, "rb") as f:
            f.seek(record.start)
            payload = f.read(record.length)
        if record not in self._sound and hashlib.sha256(payload).digest() != record.digest:
            raise ValueError(
                f"{self.path}: record {key[:12]} at byte {record.at} is damaged; run again: it alone is left out and"
                " computed anew"
            )
        return payload

    @contextlib.contextmanager
    def writing(self, holder: str) -> Iterator[Journal]:
        """Hold the journal's lock, cut off what stands behind the last whole record, and allow `append`.

        A record torn by a kill is worth nothing; of anything else that is cut off a copy is kept beside the journal.

        Parameters
        ----------
        holder : str
            Who writes; named in the error a second writer gets.

        Raises
        ------
        JournalLocked
            If another process holds the lock: at once where it runs on this machine, else after `PATIENCE` seconds.
        OSError
            If the file system has no locks.
        """
        with writing_to(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            open(self._lock_path, "a", encoding="utf-8").close()
        with open(self._lock_path, "a+", encoding="utf-8") as lock:
            _lock(lock, self.path, PATIENCE)
            lock.truncate(0)
            who = {"job": holder, "pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %T")}
            with writing_to(self.path):
                os.write(lock.fileno(), json.dumps(who).encode())  # unbuffered, as below
            self._scan()
            self._keep_tail()
            # unbuffered: what could not be written must not be tried again when the file is closed
            with open(self.path, "ab", buffering=0) as f:
                f.truncate(self._end)
                self._file = f
                try:
                    yield self
                finally:
                    self._file = None

    def _keep_tail(self) -> None:
        """Copy what stands behind the last whole record, unless it is the beginning of a record that a kill cut
        short.
        """
        size = self.path.stat().st_size if self.path.exists() else 0
        if self._end >= size:
            return
        with open(self.path, "rb") as f:
            f.seek(self._end)
            head = f.read(HEADER.size)
            torn = len(head) < HEADER.size or self._end + HEADER.size + HEADER.unpack(head)[2] > size
            if MAGIC.startswith(head[: len(MAGIC)]) and torn:
                return
            f.seek(self._end)
            digest = hashlib.file_digest(f, "sha256").hexdigest()[:8]
            copy = self.path.with_name(f"{self.path.name}.cut-{self._end}-{digest}")
            f.seek(self._end)
            with open(copy, "wb") as out:
                shutil.copyfileobj(f, out, BLOCK)
                out.flush()
                os.fsync(out.fileno())
        LOG.warning(
            "%s: damaged: %d bytes behind the last whole record (byte %d) are cut off; a copy is kept as %s",
            self.path,
            size - self._end,
            self._end,
            copy.name,
        )

    def append(self, key: str, payload: bytes) -> None:
        """Write one record and force it to disk; raises as `append_many`."""
        self.append_many([(key, payload)])

    def append_many(self, records: Iterable[tuple[str, bytes]]) -> None:
        """Write records and force them to disk together: a power loss may take all of them, a kill those not written.

        Parameters
        ----------
        records : iterable of (key, payload)
            Taken one after another, so that no more than one need be in memory.

        Raises
        ------
        RuntimeError
            Outside of `writing`.
        OSError
            If the disk takes no more; records before the one that failed stay, those of this call among them.
        """
        if self._file is None:
            raise RuntimeError("append needs an open `with journal.writing(...)` block")
        size, begun = 0, self._end
        try:
            for key, payload in records:
                size = len(payload)
                digest = hashlib.sha256(payload).digest()
                left = memoryview(HEADER.pack(MAGIC, bytes.fromhex(key), size, digest) + payload)
                while left:
                    left = left[self._file.write(left) :]
                self._index[key] = Record(self._end, key, size, digest)
                self._end += HEADER.size + size
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(self._end)
            kept = "what stood there before is kept"
            if self._end > begun:
                kept += f", and {self._end - begun} bytes of this group"
                with contextlib.suppress(OSError):
                    os.fsync(self._file.fileno())
            raise OSError(
                error.errno,
                f"{self.path}: a record of {size} bytes could not be written: {error.strerror}; "
                f"{kept}. What to do: {REASONS.get(error.errno or 0, REASONS[errno.ENOSPC])}",
            ) from None


class JournalParts:
    """Journals of one name, which jobs that share a task write one each; all are read.

    Parameters
    ----------
    folder : path
    name : str
    part : str
        The part this job writes; empty where one job does it all.
    """

    def __init__(self, folder: str | Path, name: str, part: str = ""):
        folder = Path(folder)
        self._own = Journal(folder / f"{name}{part and '-'}{part}.journal")
        self._others = [
            Journal(p)
            for p in sorted([*folder.glob(f"{name}.journal"), *folder.glob(f"{name}-*.journal")])
            if p != self._own.path
        ]

    def __contains__(self, key: str) -> bool:
        return any(key in j for j in (self._own, *self._others))

    def __len__(self) -> int:
        return sum(map(len, (self._own, *self._others)))

    def get(self, key: str) -> bytes:
        """`Journal.get` from the part that has the record."""
        return next((j for j in self._others if key in j), self._own).get(key)

    def writing(self, holder: str):
        """`Journal.writing` for this job's part."""
        return self._own.writing(holder)

    def append(self, key: str, payload: bytes) -> None:
        """`Journal.append` to this job's part."""
        self._own.append(key, payload)

    def append_many(self, records: Iterable[tuple[str, bytes]]) -> None:
        """`Journal.append_many` to this job's part."""
        self._own.append_many(records)


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as one safetensors payload."""
    from safetensors.numpy import save

    return save({k: np.ascontiguousarray(v) for k, v in arrays.items()})


def packed_names(payload: bytes) -> set[str]:
    """Names of the arrays of a payload, from its header alone."""
    size = int.from_bytes(payload[:8], "little")
    return set(json.loads(payload[8 : 8 + size])) - {"__metadata__"}


def unpack(payload: bytes) -> dict[str, np.ndarray]:
    """Inverse of `pack`; in the order of names, because safetensors gives another order in every process."""
    from safetensors.numpy import load

    return dict(sorted(load(payload).items()))
