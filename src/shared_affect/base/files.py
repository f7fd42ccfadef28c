"""Digests, atomic files, arrays and JSON on disk; what a disk that takes or gives no bytes means, in words."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import json
import os
import re
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

UNFINISHED = ".unfinished"
"""How the names of files end that are being written; hidden, so nothing that looks for results finds them."""

AGAIN = "then use the same command again"

REASONS = {
    errno.ENOSPC: f"make room on this disk, {AGAIN}",
    errno.EDQUOT: f"make room within your quota, {AGAIN}",
    errno.EFBIG: f"raise the limit on the size of a file (ulimit -f), {AGAIN}",
    errno.EROFS: f"this disk can only be read: let it be written to, or run in another folder, {AGAIN}",
    errno.EACCES: f"you may not write there: change whose the folder is or what it allows, {AGAIN}",
    errno.EPERM: f"you may not write there: change whose the folder is or what it allows, {AGAIN}",
    errno.EIO: f"the disk has a fault: see to it, {AGAIN}",
}
"""What to do where a system call that writes gives this error."""

DAMAGED = (
    "what stands there is not what was written: damaged on the disk, or changed since. Delete the file and use the"
    " same command again: it is made anew"
)


def _umask() -> int:
    mask = os.umask(0o022)  # it cannot be asked for without being set
    os.umask(mask)
    return mask


UMASK = _umask()
"""What this process takes from the permissions of its files."""


class UnwritableError(OSError):
    """A file could not be written, for a reason that the user can do something about."""


class DamagedError(ValueError):
    """A file cannot be read as what it is."""


def digest_of(value: object) -> str:
    """sha256 (hex) of a JSON-serialisable value in canonical form."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(text.encode()).hexdigest()


def digest_of_files(*paths: str | Path) -> str:
    """sha256 (hex) over names and bytes of files, in the order of their names."""
    h = hashlib.sha256()
    for p in sorted(map(Path, paths), key=lambda q: q.name):
        h.update(p.name.encode() + b"\0")
        with open(p, "rb") as f:
            while block := f.read(1 << 20):
                h.update(block)
    return h.hexdigest()


def _cause(error: BaseException | None) -> int | None:
    """Number of the system's error that an exception, or one it came out of, stands for; None if it is no such.

    Programs in other languages (safetensors) say it in words: ``I/O error: No space left on device (os error 28)``.
    """
    while error is not None:
        number = error.errno if isinstance(error, OSError) else None
        if number is None and (said := re.search(r"os error (\d+)\)", str(error))):
            number = int(said[1])
        if number in REASONS:
            return number
        error = error.__cause__ or error.__context__
    return None


@contextlib.contextmanager
def writing_to(path: str | Path) -> Iterator[None]:
    """Say which file or folder could not be written, why, and what to do.

    Raises
    ------
    UnwritableError
        In place of whatever came of a full disk, one that can only be read, and the like (`REASONS`), unless it says
        more than the system's words already.
    """
    try:
        yield
    except Exception as error:
        number = _cause(error)
        told = isinstance(error, OSError) and error.errno and error.strerror != os.strerror(error.errno)
        if number is None or told:
            raise
        raise UnwritableError(
            number, f"{path} could not be written: {os.strerror(number)}. What to do: {REASONS[number]}"
        ) from None


@contextlib.contextmanager
def reading_from(path: str | Path) -> Iterator[None]:
    """Say which file holds something else than what was written, and what to do.

    Raises
    ------
    DamagedError
        In place of whatever a reader makes of wrong bytes; a file that is not there or may not be read says so itself.
    """
    try:
        yield
    except OSError as error:
        if error.errno is not None:
            raise
        raise DamagedError(f"{path} cannot be read ({error}): {DAMAGED}") from None
    except Exception as error:
        said = " ".join(str(error).split())[:200]
        raise DamagedError(f"{path} cannot be read ({type(error).__name__}: {said}): {DAMAGED}") from None


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there only if the block ends without an error.

    Its bytes are on the disk before the name is: a power cut leaves the old file or the new one, never an empty one.
    What a kill leaves is named ``.*.unfinished`` and goes with the next run (`remove_unfinished`).

    Raises
    ------
    UnwritableError
        As of `writing_to`.
    """
    path = Path(path)
    with writing_to(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        fd, tmp = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=UNFINISHED)
        os.close(fd)
        try:
            yield Path(tmp)
            os.chmod(tmp, 0o666 & ~UMASK)
            with open(tmp, "rb") as f:
                os.fsync(f.fileno())
            os.replace(tmp, path)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(tmp)


def cannot_be_written(*folders: str | Path) -> list[str]:
    """Which of these folders, or the first that is there above one that is not, takes no files, in sentences."""
    said = {}
    for folder in map(Path, folders):
        there = next(p for p in (folder, *folder.absolute().parents) if p.exists())
        if not os.access(there, os.W_OK | os.X_OK):
            can_only_be_read = os.statvfs(there).f_flag & os.ST_RDONLY
            why = REASONS[errno.EROFS if can_only_be_read else errno.EACCES]
            said[there] = f"{there} cannot be written to. What to do: {why}"
    return list(said.values())


def remove_unfinished(folder: str | Path) -> int:
    """Remove what killed writers have left below a folder in which nobody writes now; how many files that were."""
    left = list(Path(folder).rglob(f".*{UNFINISHED}"))
    for path in left:
        path.unlink(missing_ok=True)
    return len(left)


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text atomically."""
    with atomic_path(path) as tmp:
        tmp.write_text(text, encoding="utf-8")


def write_json(path: str | Path, value: object) -> None:
    """Write JSON atomically: sorted by insertion, readable Chinese, NaN refused."""
    write_text(path, json.dumps(value, ensure_ascii=False, indent=1, allow_nan=False) + "\n")


LARGE = 2**26
"""Bytes from which on an array is compressed only if that pays."""
PAYS = 0.5
"""Share of its bytes that compression must leave at most."""


def _shrinks(a: np.ndarray) -> bool:
    """Whether compression pays: what looks random, such as residuals, costs a second for 20 MB and stays large."""
    if a.nbytes < LARGE:
        return True
    sample = np.ascontiguousarray(a.reshape(-1)[: 2**22 // a.itemsize]).tobytes()
    return len(zlib.compress(sample, 1)) < PAYS * len(sample)


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays to one ``.npz`` (no pickles; equal arrays give equal bytes)."""
    for name, a in arrays.items():
        if np.asarray(a).dtype == object:
            raise ValueError(
                f"array {name!r} for {path} has dtype object; allowed: numbers, booleans, fixed-width text"
            )
    with atomic_path(path) as tmp, zipfile.ZipFile(tmp, "w") as archive:
        for name, a in arrays.items():
            a = np.asanyarray(a)
            member = zipfile.ZipInfo(f"{name}.npy")  # no date but 1980's
            member.compress_type = zipfile.ZIP_DEFLATED if _shrinks(a) else zipfile.ZIP_STORED
            with archive.open(member, "w", force_zip64=True) as f:
                np.lib.format.write_array(f, a, allow_pickle=False)


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote; `DamagedError` if it is not that."""
    with reading_from(path), np.load(path, allow_pickle=False) as z:
        return {k: z[k] for k in z.files}


def read_json(path: str | Path) -> Any:
    """Read what `write_json` wrote; `DamagedError` if it is not that."""
    with reading_from(path):
        return json.loads(Path(path).read_text(encoding="utf-8"))
