# Before anything is read: where the library stands, and config.yaml looked at by ourselves. Snakemake would say of a
# broken one neither its name nor the line.
# Inputs: config.yaml.
import os
import sys
from pathlib import Path

from snakemake.exceptions import WorkflowError

BASE = Path(workflow.basedir)
sys.path.insert(0, str(BASE / "src"))

from shared_affect.base.reading import one_screen
from shared_affect.study import overlays


def checked(function, *args, **kwargs):
    """A refusal is one screen and exit code 1; so is a file that the system does not let us read."""
    try:
        return function(*args, **kwargs)
    except (ValueError, OSError) as error:
        raise WorkflowError(one_screen(str(error))) from None


if workflow.is_main_process and Path("config.yaml").exists():
    checked(overlays.check_file, "config.yaml")
