"""The log of a job, and progress bars where a person waits."""

from __future__ import annotations

import logging
import sys
from pathlib import Path

from shared_affect.base.files import DamagedError, UnwritableError
from shared_affect.base.rooms import check_imported

LOG = logging.getLogger("shared_affect")


def start_log(path: str | Path | None = None) -> logging.Logger:
    """Log to `path` (or standard error) with time and level; returns the package's logger.

    Standard error is not redirected: progress bars keep the terminal, the file keeps the facts. An error that ends the
    job goes to the log with its trace, unless it is the disk's, and to standard error in one line. A job of a workflow
    stops here if the code it has imported is not the code whose digest the workflow keeps.

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
        of_the_disk = issubclass(kind, (UnwritableError, DamagedError))  # says which file and what to do
        LOG.error("%s", error, exc_info=None if of_the_disk else (kind, error, trace))
        if path:
            print(f"{kind.__name__}: {error}", file=sys.stderr)

    sys.excepthook = log_error
    check_imported()
    return LOG


def progress(items, total: int | None = None, label: str = ""):
    """Iterate with a bar on a terminal; silent where standard error is a file."""
    from tqdm import tqdm

    return tqdm(items, total=total, desc=label, disable=not sys.stderr.isatty(), leave=False, dynamic_ncols=True)
