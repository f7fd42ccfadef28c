"""Append-only store of results that cost accelerator time, kept outside the workflow's outputs.

A journal is one file of records ``magic, key, length, sha256, payload``. A killed job leaves whole records and
at most one torn record at the end, which is ignored by readers and cut off by the next writer. One process
writes at a time, under an OS lock that dies with its holder.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import socket
import struct
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

MAGIC = b"SAJ1"
HEADER = struct.Struct("<4s32sQ32s")


class JournalLocked(RuntimeError):
    """Another process is writing this journal."""


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
    """

    def __init__(self, path: str | Path):
        self.path = Path(path)
        self._lock_path = self.path.with_suffix(".lock")
        self._index: dict[str, tuple[int, int, bytes]] = {}
        self._end = 0
        self._file = None
        self._scan()

    def _scan(self) -> None:
        """Index whole records; stop at a torn one. Only the last record's digest is checked here."""
        self._index.clear()
        self._end = 0
        if not self.path.exists():
            return
        size = self.path.stat().st_size
        with open(self.path, "rb") as f:
            last = None
            while self._end + HEADER.size <= size:
                f.seek(self._end)
                magic, key, length, digest = HEADER.unpack(f.read(HEADER.size))
                if magic != MAGIC:
                    raise ValueError(f"{self.path} is no journal at byte {self._end}: found {magic!r}, expected {MAGIC!r}; "
                                     "remove it (`make clean-journal` removes all) and run again")
                start = self._end + HEADER.size
                if start + length > size:
                    break
                last = key.hex()
                self._index[last] = (start, length, digest)
                self._end = start + length
            if last is not None:
                start, length, digest = self._index[last]
                f.seek(start)
                if hashlib.sha256(f.read(length)).digest() != digest:
                    del self._index[last]
                    self._end = start - HEADER.size

    def __contains__(self, key: str) -> bool:
        return key in self._index

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
        start, length, digest = self._index[key]
        with open(self.path, "rb") as f:
            f.seek(start)
            payload = f.read(length)
        if hashlib.sha256(payload).digest() != digest:
            raise ValueError(f"{self.path}: record {key[:12]} is damaged; remove the file and run again")
        return payload

    @contextlib.contextmanager
    def writing(self, holder: str) -> Iterator[Journal]:
        """Hold the journal's lock, cut off a torn record, and allow `append`.

        Parameters
        ----------
        holder : str
            Who writes; named in the error a second writer gets.

        Raises
        ------
        JournalLocked
            If another process holds the lock.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with open(self._lock_path, "a+", encoding="utf-8") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                lock.seek(0)
                raise JournalLocked(f"{self.path} is being written by {lock.read().strip() or 'another process'}; "
                                    "wait for it to end, or stop it, and run again") from None
            lock.truncate(0)
            lock.write(json.dumps({"job": holder, "pid": os.getpid(), "host": socket.gethostname(), "since": time.strftime("%F %T")}))
            lock.flush()
            self._scan()
            # unbuffered: what could not be written must not be tried again when the file is closed
            with open(self.path, "ab", buffering=0) as f:
                f.truncate(self._end)
                self._file = f
                try:
                    yield self
                finally:
                    self._file = None

    def append(self, key: str, payload: bytes) -> None:
        """Write one record and force it to disk.

        Raises
        ------
        RuntimeError
            Outside of `writing`.
        OSError
            If the disk takes no more; records before this one stay.
        """
        if self._file is None:
            raise RuntimeError("append needs an open `with journal.writing(...)` block")
        digest = hashlib.sha256(payload).digest()
        left = memoryview(HEADER.pack(MAGIC, bytes.fromhex(key), len(payload), digest) + payload)
        try:
            while left:
                left = left[self._file.write(left) :]
            os.fsync(self._file.fileno())
        except OSError as error:
            self._file.truncate(self._end)
            raise OSError(error.errno, f"{self.path}: a record of {len(payload)} bytes could not be written: {error.strerror}; "
                          "what stood there before is kept. Make room on this disk and run again") from None
        self._index[key] = (self._end + HEADER.size, len(payload), digest)
        self._end += HEADER.size + len(payload)


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
        self._others = [Journal(p) for p in sorted([*folder.glob(f"{name}.journal"), *folder.glob(f"{name}-*.journal")]) if p != self._own.path]

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


def pack(arrays: Mapping[str, np.ndarray]) -> bytes:
    """Arrays as one safetensors payload."""
    from safetensors.numpy import save

    return save({k: np.ascontiguousarray(v) for k, v in arrays.items()})


def unpack(payload: bytes) -> dict[str, np.ndarray]:
    """Inverse of `pack`; in the order of names, because safetensors gives another order in every process."""
    from safetensors.numpy import load

    return dict(sorted(load(payload).items()))
