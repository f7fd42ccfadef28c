"""One job a card: two fake cards, real processes side by side, locks that die with their holder."""

import itertools
import logging
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from shared_affect.base import card_locks

TWO = "GPU 0: Fake A (UUID: GPU-aaaa-1)\nGPU 1: Fake B (UUID: GPU-bbbb-2)\n"
DIVIDED = (
    "GPU 0: Fake A (UUID: GPU-aaaa-1)\n"
    "  MIG 1g.10gb     Device  0: (UUID: MIG-1111)\n"
    "  MIG 1g.10gb     Device  1: (UUID: MIG-2222)\n"
    "GPU 1: Fake B (UUID: GPU-bbbb-2)\n"
)
JOB = """
import os, sys, time
from pathlib import Path
from shared_affect.base import card_locks
held = card_locks.take(sys.argv[2], sys.argv[1], folder=Path(sys.argv[3]))
begun = time.monotonic()
time.sleep(float(sys.argv[4]))
print(os.environ.get("CUDA_VISIBLE_DEVICES"), held.name if held else None, begun, time.monotonic(), flush=True)
assert "torch" not in sys.modules
"""


@pytest.fixture
def smi(tmp_path, monkeypatch):
    """Puts a program of that name first that knows two cards, or others."""

    def made(listing=TWO):
        folder = tmp_path / "bin"
        folder.mkdir(exist_ok=True)
        (folder / "listing").write_text(listing)
        program = folder / "nvidia-smi"
        program.write_text(f'#!/bin/sh\nif [ "$1" = "-L" ]; then cat {folder}/listing; else echo "2048, 81920"; fi\n')
        program.chmod(0o755)
        monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")

    for name in (card_locks.VISIBLE, *card_locks.SCHEDULERS):
        monkeypatch.setenv(name, "")  # so that it is put back, whatever a test leaves
        monkeypatch.delenv(name)
    monkeypatch.setattr(card_locks, "_held", None)
    made()
    return made


def job(folder, name, device="auto", seconds=0.4, **environment):
    command = [sys.executable, "-c", JOB, name, device, str(folder), str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=os.environ | environment)


def told(processes):
    found = []
    for p in processes:
        out, _ = p.communicate(timeout=60)
        assert p.returncode == 0
        entry, name, begun, ended = out.split()
        found.append((entry, name, float(begun), float(ended)))
    return found


def test_jobs_side_by_side_have_a_card_each(smi, tmp_path):
    found = told([job(tmp_path, f"job {i}") for i in range(4)])
    assert {entry for entry, *_ in found} == {"GPU-aaaa-1", "GPU-bbbb-2"}
    for entry in {entry for entry, *_ in found}:
        spans = sorted((begun, ended) for e, _, begun, ended in found if e == entry)
        assert all(first[1] <= second[0] for first, second in itertools.pairwise(spans)), spans


def test_a_job_that_was_killed_leaves_its_card_free(smi, tmp_path):
    smi("GPU 0: Fake A (UUID: GPU-aaaa-1)\n")
    first = job(tmp_path, "first", seconds=60)
    lock = tmp_path / "GPU-aaaa-1.lock"
    for _ in range(400):
        if lock.exists() and "first" in lock.read_text():
            break
        time.sleep(0.05)
    assert card_locks._lock(card_locks.visible()[0], "second", tmp_path) is None
    first.send_signal(signal.SIGKILL)
    first.wait()
    held = card_locks._lock(card_locks.visible()[0], "second", tmp_path)
    assert held is not None and "second" in lock.read_text()
    os.close(held.descriptor)


def test_the_second_on_a_card_waits_and_says_for_whom(smi, tmp_path, caplog, capsys, monkeypatch):
    monkeypatch.setattr(logging.getLogger("shared_affect"), "propagate", True)
    caplog.set_level(logging.INFO, logger="shared_affect")
    one, two = (card_locks._lock(c, f"model {c.name}", tmp_path) for c in card_locks.visible())
    slept = []

    def sleep(seconds):
        slept.append(seconds)
        if len(slept) == 3:
            os.close(two.descriptor)

    assert card_locks.take("auto", "third", folder=tmp_path, sleep=sleep).name == "GPU-bbbb-2"
    assert len(slept) == 3 and os.environ[card_locks.VISIBLE] == "GPU-bbbb-2"
    assert "waiting for a card: 2 of 2 in use" in caplog.text and "model GPU-aaaa-1" in caplog.text
    assert "waiting for a card: 2 of 2 in use" in capsys.readouterr().err
    assert "card GPU-bbbb-2 (Fake B), one of 2, 2.0 of 80.0 GiB free" in caplog.text
    # asked again, it keeps what it has
    assert card_locks.take("auto", "third", folder=tmp_path, sleep=sleep).name == "GPU-bbbb-2"
    os.close(one.descriptor)
    os.close(card_locks._held.descriptor)


def test_a_pinned_row_takes_that_card_and_hides_none(smi, tmp_path):
    found = told([job(tmp_path, f"job {i}", "cuda:1", 0.2) for i in range(2)])
    assert [f[:2] for f in found] == [("None", "GPU-bbbb-2")] * 2
    (_, _, begun_a, ended_a), (_, _, begun_b, ended_b) = found
    assert ended_a <= begun_b or ended_b <= begun_a


def test_a_pinned_card_that_is_not_there_is_refused(smi, tmp_path, monkeypatch):
    with pytest.raises(
        ValueError, match=r"device is 'cuda:2'; allowed: cuda:0, cuda:1, or auto \(row x, column device"
    ):
        card_locks.take("cuda:2", where="row x", folder=tmp_path)
    monkeypatch.setenv(card_locks.VISIBLE, "1")
    with pytest.raises(ValueError, match=r"allowed: cuda:0, or auto .*; CUDA_VISIBLE_DEVICES is '1'"):
        card_locks.take("cuda:1", folder=tmp_path)


def test_a_processor_takes_no_card(smi, tmp_path, monkeypatch):
    assert card_locks.take("cpu", folder=tmp_path) is None and list(tmp_path.glob("*.lock")) == []
    monkeypatch.setattr(card_locks, "installed", list)
    assert card_locks.take("auto", folder=tmp_path) is None and list(tmp_path.glob("*.lock")) == []
    assert card_locks.VISIBLE not in os.environ


@pytest.mark.parametrize(
    ("said", "names"),
    [
        (None, ["GPU-aaaa-1", "GPU-bbbb-2"]),
        ("1", ["GPU-bbbb-2"]),
        ("1,0", ["GPU-bbbb-2", "GPU-aaaa-1"]),
        ("GPU-bbbb", ["GPU-bbbb-2"]),
        ("", []),
        ("-1", []),
        ("0,-1,1", ["GPU-aaaa-1"]),
        ("7", ["7"]),
    ],
)
def test_cards_that_are_visible(smi, monkeypatch, said, names):
    if said is not None:
        monkeypatch.setenv(card_locks.VISIBLE, said)
    assert [c.name for c in card_locks.visible()] == names
    assert said is None or [c.entry for c in card_locks.visible()] == said.split(",")[: len(names)]


def test_parts_of_a_divided_card_stand_in_its_place(smi):
    smi(DIVIDED)
    assert [c.name for c in card_locks.installed()] == ["MIG-1111", "MIG-2222", "GPU-bbbb-2"]


def test_what_a_scheduler_has_given_is_kept(smi, tmp_path, monkeypatch):
    monkeypatch.setenv("SLURM_JOB_ID", "12")
    monkeypatch.setenv(card_locks.VISIBLE, "1")
    held = card_locks.take("auto", folder=tmp_path)
    assert held == card_locks.Card("1", "GPU-bbbb-2", "Fake B") and os.environ[card_locks.VISIBLE] == "1"
    os.close(card_locks._held.descriptor)
    # where nothing tells cards apart, the number may be another card in another job: no lock, no waiting
    monkeypatch.setattr(card_locks, "_held", None)
    monkeypatch.setattr(card_locks, "installed", list)
    other = tmp_path / "other"
    other.mkdir()
    assert card_locks.take("auto", folder=other) is None and list(other.iterdir()) == []
    assert os.environ[card_locks.VISIBLE] == "1"


def test_locks_stand_on_the_machine_and_are_the_users(tmp_path, monkeypatch):
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    assert card_locks.lock_folder() == Path(f"/tmp/shared-affect-cards-{os.getuid()}")
    assert card_locks.lock_folder().stat().st_mode & 0o077 == 0


def test_a_model_that_is_loaded_takes_its_card_first(smi, tmp_path, monkeypatch):
    from shared_affect.models import load

    asked = []
    monkeypatch.setattr(card_locks, "take", lambda *a, **k: asked.append(a))
    with pytest.raises(ValueError, match="nowhere"):
        load.load_model(tmp_path / "nowhere", device="cuda", where="row y")
    assert asked == [("cuda", str(tmp_path / "nowhere"), "row y")]
    # and nothing asks torch for cards before that
    seen = []
    monkeypatch.setattr("torch.cuda.is_available", lambda: bool(seen.append(len(asked))))
    assert load.resolve_device("auto") == "cpu" and seen == [2]
