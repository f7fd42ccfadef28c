"""Killed runs, jobs without a log, the environment of another clone: what a run does before and beside its rules."""

import os
import shutil
import signal
import subprocess
import time

import pytest
from test_study import Study, edit_table

pytestmark = pytest.mark.workflow
TARGET = "results/tiny/models/gemma2-planted/model.safetensors"


def begun(study, process):
    """Wait until the training has begun."""
    end = time.time() + 120
    while time.time() < end and process.poll() is None:
        if (study.folder / "logs/tiny/train_lm/gemma2-planted.log").exists():
            return
        time.sleep(0.02)
    raise AssertionError("the training has not begun")


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    made = Study(tmp_path_factory.mktemp("interrupted"))
    edit_table(
        made.folder / "config/models.tsv",
        lambda rows: [r | {"train_tokens": "8192" if int(r["train_tokens"] or 0) else "0"} for r in rows],
    )
    made.set(texts={"validation": 10, "sae": 10, "fidelity": 10, "neutral": 10, "judge": 100})
    made.snakemake(TARGET)
    return made


def test_the_same_command_goes_on_after_a_kill_and_ends_in_the_same_bytes(study):
    wanted = (study.folder / TARGET).read_bytes()
    (study.folder / TARGET).unlink()
    locks = study.folder / ".snakemake/locks"
    process = subprocess.Popen(
        study.command(TARGET),
        cwd=study.folder,
        env=study.environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        (study.folder / "logs/tiny/train_lm/gemma2-planted.log").unlink(missing_ok=True)
        begun(study, process)
        os.killpg(process.pid, signal.SIGSTOP)  # it lives, but does not get on
        held = sorted(p.name for p in locks.iterdir())
        assert [p for p in held if p.startswith("owner-")] and len(held) == 3
        _, text = study.snakemake("-n", TARGET)
        assert "taken away" not in text
        code, text = study.snakemake(TARGET, check=False)
        assert code and "cannot be locked" in text
        assert sorted(p.name for p in locks.iterdir()) == held and process.poll() is None
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    time.sleep(0.5)
    assert sorted(p.name for p in locks.iterdir()) == held
    _, text = study.snakemake(TARGET)
    assert (
        "was killed" in text
        and "taken away" in text
        and "train_lm of gemma2-planted was interrupted: it starts anew" in text
    )
    assert (study.folder / TARGET).read_bytes() == wanted and not locks.exists()


def test_a_job_that_dies_before_its_log_begins_has_a_log_that_rich_can_show(study):
    (study.folder / TARGET).unlink()
    log = study.folder / "logs/tiny/train_lm/gemma2-planted.log"
    log.unlink()
    script = study.folder / "workflow/scripts/train_lm.py"
    kept = script.read_text(encoding="utf-8")
    script.write_text("raise SystemExit('died before its log')\n", encoding="utf-8")
    try:
        code, text = study.snakemake("--logger", "rich", "--", TARGET, check=False)
        assert (
            code
            and "Traceback" not in text
            and "FileNotFoundError" not in text
            and "died before it began to write here" in " ".join(text.split())
        )
    finally:
        script.write_text(kept, encoding="utf-8")


@pytest.fixture
def other(study, tmp_path):
    """Another clone, whose library says so and ends the job."""
    shutil.copytree(study.folder / "src", tmp_path / "other/src", ignore=shutil.ignore_patterns("__pycache__"))
    (tmp_path / "other/src/shared_affect/planted/world.py").write_text(
        "raise SystemExit('the other clone runs')\n", encoding="utf-8"
    )
    yield tmp_path / "other/src"
    study.variables = {}


def test_jobs_run_this_clones_code_in_the_environment_of_another(study, other):
    target = "results/tiny/world/human/norms_en.tsv"
    study.variables = {"PYTHONPATH": str(other)}
    _, text = study.snakemake(target)
    assert "the other clone runs" not in text and (study.folder / target).exists()


def test_another_clone_that_comes_first_all_the_same_stops_the_run(study, other, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(f"import sys\nsys.path.insert(0, {str(other)!r})\n", encoding="utf-8")
    study.variables = {"PYTHONPATH": str(tmp_path)}
    code, text = study.snakemake("-n", check=False)
    assert (
        code
        and "jobs would import shared_affect from" in text
        and str(other) in text
        and "Job stats" not in text
        and len(text.strip().split("\n")) <= 24
    )
