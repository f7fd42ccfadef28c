"""Faults that a run must survive. The short part runs with all tests, the rest with ``make test-faults``."""

import os
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "workflow"))


def pytest_configure(config):
    config.addinivalue_line("markers", "faults: kills runs, fills disks and the like (half an hour; make test-faults)")


def pytest_collection_modifyitems(items):
    if not os.environ.get("FAULTS"):
        for item in items:
            if item.get_closest_marker("faults"):
                item.add_marker(pytest.mark.skip(reason="takes long: make test-faults (FAULTS=1)"))


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """An undisturbed run. Whatever a test does to it, it ends in the same bytes."""
    from faulty import Made

    return Made(tmp_path_factory.mktemp("faults"))
