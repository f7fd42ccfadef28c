"""Facts about a run that a reader needs to repeat it."""

from __future__ import annotations

import os
import platform
import subprocess
import time
from collections.abc import Mapping
from importlib.metadata import distributions
from pathlib import Path

from shared_affect import __version__
from shared_affect.base.rooms import LIBRARY, digest_of_library, digests_of_packages


def describe_run(revisions: Mapping[str, Mapping] | None = None, folder: str | Path = ".") -> dict:
    """Git commit, uncommitted changes, the library that was imported, Python, packages, machine, time.

    Parameters
    ----------
    revisions : mapping of model -> ``id, asked, commit``, optional
        Of the study's downloaded models; they stand beside the rest.
    folder : path
        Of the code. The commit is None unless this folder itself is a git checkout: not the one a run happens to be
        started in, nor one that the folder only lies in.
    """
    folder = Path(folder).resolve()
    environment = {k: v for k, v in os.environ.items() if not k.startswith("GIT_")}

    def git(*args: str) -> str | None:
        try:
            done = subprocess.run(
                ["git", "-C", str(folder), *args],
                capture_output=True,
                text=True,
                check=True,
                timeout=10,
                env=environment,
            )
            return done.stdout.rstrip("\n")
        except (OSError, subprocess.SubprocessError):
            return None

    top = git("rev-parse", "--show-toplevel")
    status = git("status", "--porcelain") if top and Path(top).resolve() == folder else None
    return {
        "commit": None if status is None else git("rev-parse", "HEAD"),
        "uncommitted_changes": None if status is None else bool(status),
        "changed_files": None if status is None else [line[3:] for line in status.splitlines()][:50],
        "library": {
            "version": __version__,
            "folder": str(LIBRARY),
            "digest": digest_of_library(),
            "packages": digests_of_packages(),
        },
        "python": platform.python_version(),
        "platform": platform.platform(),
        "cpu_count": os.cpu_count(),
        "finished": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "packages": dict(sorted({d.metadata["Name"]: d.version for d in distributions()}.items())),
        "revisions": dict(revisions or {}),
    }
