"""Facts about a run that a reader needs to repeat it."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import distributions


def describe_run(revisions: Mapping[str, Mapping] | None = None) -> dict:
    """Git commit (None outside a checkout), dirty flag, Python, packages, machine, time.

    Parameters
    ----------
    revisions : mapping of model -> ``id, asked, commit``, optional
        Of the study's downloaded models; they stand beside the rest.
    """
    def git(*args: str) -> str | None:
        try:
            return subprocess.run(["git", *args], capture_output=True, text=True, check=True, timeout=10).stdout.strip()
        except (OSError, subprocess.SubprocessError):
            return None

    status = git("status", "--porcelain")
    return {
        "commit": git("rev-parse", "HEAD"),
        "uncommitted_changes": None if status is None else bool(status),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "packages": dict(sorted({d.metadata["Name"]: d.version for d in distributions()}.items())),
        "revisions": dict(revisions or {}),
    }
