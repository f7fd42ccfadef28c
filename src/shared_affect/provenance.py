"""Facts about a run that a reader needs to repeat it."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from importlib.metadata import distributions
from pathlib import Path


def describe_run() -> dict:
    """Git commit (None outside a checkout), dirty flag, Python, packages, machine, time.

    The resolved revisions of downloaded models stand beside it, where any were downloaded.
    """
    def git(*args: str) -> str | None:
        try:
            return subprocess.run(["git", *args], capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None

    status = git("status", "--porcelain")
    revisions = Path("resources/retrieved/revisions.json")
    return {
        "commit": git("rev-parse", "HEAD"),
        "uncommitted_changes": None if status is None else bool(status),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "packages": dict(sorted({d.metadata["Name"]: d.version for d in distributions()}.items())),
        "revisions": revisions.read_text(encoding="utf-8") if revisions.exists() else None,
    }
