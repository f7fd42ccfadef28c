"""What every job needs around its science: seeds, digests, atomic files, logs, threads.

Knows nothing of Snakemake, of the config or of the repository's layout.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import logging
import os
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from shared_affect.rooms import check_imported

LOG = logging.getLogger("shared_affect")


def seed_sequence(root_seed: int, *names: str | int) -> np.random.SeedSequence:
    """Child seed of `root_seed` for a named purpose, stable across processes and platforms.

    Parameters
    ----------
    root_seed : int
        The study's root seed, >= 0.
    *names
        What the numbers are for, e.g. rule name and wildcard values. Equal names give equal seeds.

    Raises
    ------
    ValueError
        If `root_seed` is negative.
    """
    if root_seed < 0:
        raise ValueError(f"root_seed is {root_seed}; allowed: an integer >= 0 (config.yaml, key root_seed)")
    digest = hashlib.sha256("\x1f".join(str(n) for n in names).encode()).digest()
    return np.random.SeedSequence([root_seed, *np.frombuffer(digest[:16], np.uint32).tolist()])


def rng(root_seed: int, *names: str | int) -> np.random.Generator:
    """NumPy generator seeded by `seed_sequence`."""
    return np.random.default_rng(seed_sequence(root_seed, *names))


@dataclass(frozen=True)
class Seeds:
    """Random streams of one analysis, each found by what it is for.

    One generator handed from step to step makes every number depend on how many were drawn before: an arm more, or a
    draw more, then moves all others. A stream of its own for each purpose does not.

    Attributes
    ----------
    root_seed : int
    names : tuple
        What the analysis is, e.g. rule and wildcards.

    Examples
    --------
    >>> seeds = Seeds(0, ("predict_ratings", "en"))
    >>> bool((seeds.rng("bootstrap").random(3) == seeds.rng("bootstrap").random(3)).all())
    True
    """

    root_seed: int
    names: tuple[str | int, ...] = ()

    def rng(self, *purpose: str | int) -> np.random.Generator:
        """A new generator at the start of the stream for a purpose."""
        return rng(self.root_seed, *self.names, *purpose)

    def child(self, *names: str | int) -> Seeds:
        """The streams of a part of the analysis."""
        return Seeds(self.root_seed, (*self.names, *names))


def torch_seed(root_seed: int, *names: str | int) -> int:
    """A 63-bit integer seed for a ``torch.Generator``, derived like `rng`."""
    return int(seed_sequence(root_seed, *names).generate_state(1, np.uint64)[0] >> np.uint64(1))


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


def write_arrays(path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write named arrays to one ``.npz`` (no pickles; equal arrays give equal bytes)."""
    for name, a in arrays.items():
        if np.asarray(a).dtype == object:
            raise ValueError(f"array {name!r} for {path} has dtype object; allowed: numbers, booleans, fixed-width text")
    with atomic_path(path) as tmp, open(tmp, "wb") as f:
        np.savez_compressed(f, **{k: np.asarray(v) for k, v in arrays.items()})


def read_arrays(path: str | Path) -> dict[str, np.ndarray]:
    """Read what `write_arrays` wrote."""
    with np.load(path, allow_pickle=False) as z:
        return {k: z[k] for k in z.files}


def start_log(path: str | Path | None = None) -> logging.Logger:
    """Log to `path` (or standard error) with time and level; returns the package's logger.

    Standard error is not redirected: progress bars keep the terminal, the file keeps the facts. An error that ends the
    job goes to the log with its trace and to standard error in one line. A job of a workflow stops here if the code it
    has imported is not the code whose digest the workflow keeps.

    Raises
    ------
    ValueError
        As `rooms.check_imported`.
    """
    LOG.handlers.clear()
    handler: logging.Handler
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    else:
        handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s", "%H:%M:%S"))
    LOG.addHandler(handler)
    LOG.setLevel(logging.INFO)
    LOG.propagate = False

    def log_error(kind, error, trace):
        LOG.error("%s", error, exc_info=(kind, error, trace))
        if path:
            print(f"{kind.__name__}: {error}", file=sys.stderr)

    sys.excepthook = log_error
    check_imported()
    return LOG


def progress(items, total: int | None = None, label: str = ""):
    """Iterate with a bar on a terminal; silent where standard error is a file."""
    from tqdm import tqdm

    return tqdm(items, total=total, desc=label, disable=not sys.stderr.isatty(), leave=False, dynamic_ncols=True)
