"""Digests, atomic files, arrays and JSON on disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np


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


@contextlib.contextmanager
def atomic_path(path: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `path`; move it there only if the block ends without an error."""
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    fd, tmp = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    os.close(fd)
    try:
        yield Path(tmp)
        os.chmod(tmp, 0o644)
        os.replace(tmp, path)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(tmp)


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
    """Read what `write_arrays` wrote."""
    with np.load(path, allow_pickle=False) as z:
        return {k: z[k] for k in z.files}
