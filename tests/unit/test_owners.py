"""A lock is taken away only if its owner is dead for certain."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from shared_affect.study import owners

OWNER = """
import os, sys, subprocess, time
from pathlib import Path
from shared_affect.study import owners
owners.name_run()
folder = Path(sys.argv[1])
folder.mkdir(parents=True, exist_ok=True)
(folder / "0.input.lock").write_text("a"); (folder / "0.output.lock").write_text("b")
owners.claim(folder, [str(folder / "0.input.lock"), str(folder / "0.output.lock")])
sleep = [sys.executable, "-c", "import time; time.sleep(60)"]
child = subprocess.Popen(sleep, start_new_session=True) if len(sys.argv) > 2 else None
print(child.pid if child else 0, flush=True)
time.sleep(60)
"""


@pytest.fixture
def folder(tmp_path):
    return tmp_path / ".snakemake/locks"


@pytest.fixture
def owner(folder):
    """A live process that holds the lock."""
    process = subprocess.Popen([sys.executable, "-c", OWNER, str(folder)], stdout=subprocess.PIPE, text=True)
    process.stdout.readline()
    yield process
    process.kill()
    process.wait()


def locks(folder):
    return sorted(p.name for p in folder.glob("*.lock"))


def test_no_folder_no_word(folder):
    assert owners.release_dead(folder) == []


def test_the_lock_of_a_live_run_stays(folder, owner):
    assert owners.release_dead(folder) == [] and locks(folder) == ["0.input.lock", "0.output.lock"]


@pytest.mark.parametrize("reaped", [True, False])
def test_the_lock_of_a_killed_run_goes(folder, owner, reaped):
    os.kill(owner.pid, signal.SIGKILL)
    if reaped:
        owner.wait()
    time.sleep(0.2)
    said = owners.release_dead(folder)
    assert len(said) == 1 and "was killed" in said[0] and "taken away" in said[0] and list(folder.iterdir()) == []


def test_jobs_that_outlive_their_run_keep_its_lock(folder):
    process = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder), "with a job"], stdout=subprocess.PIPE, text=True
    )
    job = int(process.stdout.readline())
    try:
        process.kill()
        process.wait()
        said = owners.release_dead(folder)
        assert f"kill {job}" in said[0] and len(locks(folder)) == 2
    finally:
        os.kill(job, signal.SIGKILL)
    time.sleep(0.2)
    assert "taken away" in owners.release_dead(folder)[0] and locks(folder) == []


def rewrite(folder, **facts):
    (path,) = folder.glob("owner-*.json")
    path.write_text(json.dumps(json.loads(path.read_text()) | facts))


def kill(owner):
    owner.kill()
    owner.wait()


@pytest.mark.parametrize("facts", [{"host": "elsewhere"}, {"machine": "another"}, {"namespace": "pid:[1]"}])
def test_an_owner_that_cannot_be_seen_from_here_keeps_its_lock(folder, owner, facts):
    kill(owner)
    rewrite(folder, **facts)
    said = owners.release_dead(folder)
    assert owners.UNLOCK in said[0] and len(locks(folder)) == 2


def test_a_number_that_another_process_has_now_is_no_owner(folder, owner):
    kill(owner)
    rewrite(folder, pid=os.getpid())
    assert "taken away" in owners.release_dead(folder)[0]


def test_after_power_loss_the_owner_is_dead_whatever_its_number(folder, owner, monkeypatch):
    mine = owners.describe_process()
    monkeypatch.setattr(owners, "describe_process", lambda: mine | {"machine": "m", "boot": "later"})
    rewrite(folder, machine="m", pid=os.getpid())
    assert "taken away" in owners.release_dead(folder)[0] and locks(folder) == []


def test_without_a_machine_id_another_boot_proves_nothing(folder, owner, monkeypatch):
    mine = owners.describe_process()
    monkeypatch.setattr(owners, "describe_process", lambda: mine | {"machine": "", "boot": "later"})
    rewrite(folder, machine="")
    owners.release_dead(folder)
    assert len(locks(folder)) == 2


@pytest.mark.parametrize("content", [None, "", "{", "{}"])
def test_a_lock_whose_owner_is_not_known_stays(folder, content):
    folder.mkdir(parents=True)
    (folder / "0.output.lock").write_text("x")
    if content is not None:
        (folder / "owner-x-1.json").write_text(content)
    said = owners.release_dead(folder)
    assert "by whom is not known" in said[0] and owners.UNLOCK in said[0] and locks(folder) == ["0.output.lock"]


def test_only_the_dead_runs_files_go(folder, owner):
    (folder / "1.output.lock").write_text("of another run")
    kill(owner)
    assert any("taken away" in s for s in owners.release_dead(folder)) and locks(folder) == ["1.output.lock"]


BEGINNING = """
import sys, time
from pathlib import Path
from shared_affect.study import owners
folder = Path(sys.argv[1])
note = owners.announce(folder)
folder.mkdir(parents=True, exist_ok=True)
(folder / "0.input.lock").write_text("a")
print(note, flush=True)
time.sleep(60)
"""


@pytest.fixture
def beginner(folder):
    """A live process that has taken the lock and not yet said whose it is."""
    process = subprocess.Popen([sys.executable, "-c", BEGINNING, str(folder)], stdout=subprocess.PIPE, text=True)
    process.note = process.stdout.readline().strip()
    yield process
    process.kill()
    process.wait()


def test_the_lock_of_a_run_that_was_killed_as_it_began_goes(folder, beginner):
    beginner.kill()
    beginner.wait()
    (said,) = owners.release_dead(folder)
    assert f"process {beginner.pid}" in said and "killed as it began" in said and "taken away" in said
    assert locks(folder) == [] and not os.path.exists(beginner.note)


def test_the_lock_of_a_run_that_begins_stays(folder, beginner):
    (said,) = owners.release_dead(folder)
    assert f"process {beginner.pid}" in said and "begins in this folder" in said and locks(folder) == ["0.input.lock"]


def test_a_dead_beginner_does_not_free_the_lock_of_one_that_lives(folder, beginner):
    dead = subprocess.Popen([sys.executable, "-c", BEGINNING, str(folder)], stdout=subprocess.PIPE, text=True)
    dead.stdout.readline()
    dead.kill()
    dead.wait()
    (said,) = owners.release_dead(folder)
    assert f"process {beginner.pid}" in said and locks(folder) == ["0.input.lock"]
    beginner.kill()
    beginner.wait()
    (said,) = owners.release_dead(folder)  # what was known of the dead one is still known
    assert "taken away" in said and locks(folder) == []


@pytest.mark.parametrize("content", ["", "{", '{"host": "h"}'])
def test_a_note_that_cannot_be_read_frees_no_lock(folder, beginner, content):
    beginner.kill()
    beginner.wait()
    (folder.parent / owners.ANNOUNCED / "other-1.json").write_text(content)
    (said,) = owners.release_dead(folder)
    assert owners.UNLOCK in said and locks(folder) == ["0.input.lock"]


def test_where_nothing_can_be_written_nobody_announces_himself(tmp_path):
    (tmp_path / "file").write_text("x")
    assert owners.announce(tmp_path / "file/locks") is None


HOLDING = """
import sys, time
from pathlib import Path
from shared_affect.study import owners
held = owners.hold(Path(sys.argv[1]), "planted")
print("held", flush=True)
time.sleep(60)
"""


def test_a_study_has_one_run_until_that_ends_or_is_killed(folder):
    process = subprocess.Popen([sys.executable, "-c", HOLDING, str(folder)], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout.readline() == "held\n"
        with pytest.raises(ValueError, match=f"study planted works in this folder already .process {process.pid} on"):
            owners.hold(folder, "planted")
        owners.hold(folder, "another").close()
    finally:
        process.kill()
        process.wait()
    owners.hold(folder, "planted").close()


def test_where_nothing_can_be_written_nothing_is_held(tmp_path):
    (tmp_path / "file").write_text("x")
    assert owners.hold(tmp_path / "file/locks", "planted") is None


def a_queue(folder, monkeypatch, answer, code=0):
    """A squeue on the path that answers so."""
    bin = folder.parents[1] / "bin"
    bin.mkdir()
    (bin / "squeue").write_text(f"#!/bin/sh\ncat <<'END'\n{answer}\nEND\nexit {code}\n")
    (bin / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", f"{bin}:{os.environ['PATH']}")


def test_jobs_that_a_dead_run_left_in_the_queue_keep_its_lock(folder, owner, monkeypatch):
    kill(owner)
    rewrite(folder, slurm=True)
    here = folder.parents[1]
    answer = f"112|rule_train_lm|{here}\n9|rule_extract_features|{here}\n7|(null)|{here}\n8|rule_other|/elsewhere"
    a_queue(folder, monkeypatch, answer)
    (said,) = owners.release_dead(folder)
    assert said.endswith("scancel 9 112") and len(locks(folder)) == 2
    (here / "bin/squeue").write_text("#!/bin/sh\n")
    assert "taken away" in owners.release_dead(folder)[0] and locks(folder) == []


def test_a_queue_that_does_not_answer_keeps_the_lock(folder, owner, monkeypatch):
    kill(owner)
    rewrite(folder, slurm=True)
    a_queue(folder, monkeypatch, "", code=1)
    (said,) = owners.release_dead(folder)
    assert "squeue does not say" in said and owners.UNLOCK in said and len(locks(folder)) == 2


def test_the_queue_does_not_matter_to_a_run_that_used_none(folder, owner, monkeypatch):
    kill(owner)
    a_queue(folder, monkeypatch, "", code=1)
    assert "taken away" in owners.release_dead(folder)[0]
