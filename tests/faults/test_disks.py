"""Disks that are full, that can only be read, that give back other bytes; two runs in one folder."""

import contextlib
import os
import re
import resource
import shutil
import signal
import subprocess
import time

import pytest
from faulty import resume

from shared_affect.base.journal import Journal

pytestmark = [pytest.mark.workflow, pytest.mark.faults]
SAE = "b0-btk"


def flip(path, at, mask=0x10):
    """Change one byte of a file and nothing else of it, its time least of all."""
    times = path.stat()
    whole = bytearray(path.read_bytes())
    whole[at] ^= mask
    path.write_bytes(bytes(whole))
    os.utime(path, ns=(times.st_atime_ns, times.st_mtime_ns))


@contextlib.contextmanager
def mounted(folder, *options):
    """A file system on a folder, which hides what stood there."""
    done = subprocess.run(["mount", *options, str(folder)], capture_output=True, text=True)
    if done.returncode:
        pytest.skip(f"a disk that fills up or turns read-only is mounted, which only root may: {done.stderr.strip()}")
    try:
        yield lambda how: subprocess.run(["mount", "-o", f"remount,{how}", str(folder)], check=True)
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


@contextlib.contextmanager
def only_read(folder):
    with mounted(folder, "--bind", str(folder)):
        subprocess.run(["mount", "-o", "remount,bind,ro", str(folder)], check=True)
        yield


def targets(kind):
    """A file of each language that a job of a kind makes: what hangs on it stays, so it is asked for by name."""
    place = {
        "extraction": f"features/gemma2-planted/{SAE}/{{}}/running_text.npz",
        "generation": f"steering/gemma2-planted/{SAE}/{{}}/joy/generations.jsonl",
    }[kind]
    return [f"results/tiny/{place.format(language)}" for language in ("en", "zh")]


def failed(study, *args, **popen):
    """What a run said that cannot end well."""
    with open(study.folder / "said.txt", "wb"):
        pass
    process = study.start(*args, **popen)
    code = process.wait(timeout=1800)
    text = (study.folder / "said.txt").read_text(encoding="utf-8", errors="replace")
    assert code == 1, text[-3000:]
    return text


def test_a_full_disk_says_so_and_after_room_is_made_the_same_command_ends_in_the_same_bytes(made):
    study = made.study
    study.forget()
    (study.folder / "results").mkdir()
    results = study.folder / "results"
    with mounted(results, "-t", "tmpfs", "-o", "size=600k", "tmpfs") as remount:
        assert "not enough disk: needed" in failed(study) and not study.begun()
        remount("size=100g")  # enough when the run is planned; then somebody else fills it
        process = study.start()
        while not study.begun() and process.poll() is None:
            time.sleep(0.02)
        used = sum(p.stat().st_blocks * 512 for p in results.rglob("*"))
        remount(f"size={used // 1024 + 600}k")
        assert process.wait(timeout=1800) == 1
        text = (study.folder / "said.txt").read_text(encoding="utf-8", errors="replace")
        said = " ".join(text.split())
        assert "could not be written: No space left on device. What to do: make room on this disk" in said
        assert "Traceback" not in text
        remount("size=100g")
        resume(study)
        made.same()


def test_a_limit_on_files_ends_the_journal_and_without_it_the_same_command_goes_on(made):
    study = made.study
    largest = max(p.stat().st_size for p in (study.folder / "resources/journal").glob("*.journal"))
    study.forget()
    text = failed(
        study, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (largest // 2, resource.RLIM_INFINITY))
    )
    assert re.search(r"a record of \d+ bytes could not be written: File too large", text)
    assert "what stood there before is kept" in text
    kept = study.records()
    assert kept and all(made.records[name][k] == v for name, own in kept.items() for k, v in own.items())
    resume(study)
    made.same()


def test_results_that_can_only_be_read_stop_a_run_before_its_first_job(made):
    study = made.study
    study.path("claims.json").unlink()
    with only_read(study.folder / "results"):
        text = failed(study)
        assert "results/tiny cannot be written to. What to do: this disk can only be read" in " ".join(text.split())
        assert "Traceback" not in text
        assert "Select jobs to execute" not in text
    resume(study)
    made.same()


def test_a_journal_that_can_only_be_read_is_read_and_says_so_when_it_must_grow(made):
    study = made.study
    asked = targets("extraction")
    for target in asked:
        (study.folder / target).unlink()
    with only_read(study.folder / "resources/journal"):
        resume(study, *asked)  # everything stands there
    made.same()
    for target in asked:
        (study.folder / target).unlink()
    journal = study.folder / "resources/journal"
    shutil.copytree(journal, study.folder / "journal.kept")
    for path in journal.glob("*.journal"):
        path.unlink()
    with only_read(journal):
        text = failed(study, *asked)
        said = " ".join(text.split())
        assert re.search(r"\S+\.journal could not be written: Read-only file system. What to do: this disk can", said)
        assert "Traceback" not in text
    resume(study, *asked)
    for path in (study.folder / "journal.kept").glob("*part*.journal"):
        shutil.copy2(path, journal)  # of generation, which was not asked for
    shutil.rmtree(study.folder / "journal.kept")
    resume(study)
    made.same()


def test_the_second_of_two_runs_is_refused_and_the_first_is_unharmed(made):
    study = made.study
    study.forget()
    first = study.start()
    try:
        end = time.time() + 300
        while not study.newer("logs/tiny/train_lm/*.log", 0) and time.time() < end:
            time.sleep(0.05)
        for args in ([], ["results/tiny/claims.json"]):
            code, text = study.snakemake(*args, check=False)
            assert code == 1 and "cannot be locked" in text and "taken away" not in text
        # as the end of a run of another study does to all locks
        shutil.rmtree(study.folder / ".snakemake/locks")
        code, text = study.snakemake(check=False)
        assert code == 1 and "a run of study tiny works in this folder already" in " ".join(text.split())
        assert first.wait(timeout=1800) == 0
    finally:
        if first.poll() is None:
            os.killpg(first.pid, signal.SIGKILL)
    made.same()


def test_two_runs_that_begin_at_once_leave_one(made):
    study = made.study
    study.forget()
    both = [study.start(), study.start()]
    codes = sorted(p.wait(timeout=1800) for p in both)
    if codes != [0, 1]:
        assert codes == [1, 1]  # each saw the other's
        resume(study)
    made.same()


@pytest.mark.parametrize("kind", ["extraction", "generation"])
def test_a_flipped_byte_of_a_record_costs_that_record(made, kind):
    study = made.study
    names = {"extraction": lambda n: "part" not in n, "generation": lambda n: "part" in n}
    name = next(n for n in sorted(made.records) if names[kind](n))
    path = study.folder / "resources/journal" / name
    record = list(Journal(path)._index.values())[len(made.records[name]) // 2]
    flip(path, record.start + record.length // 2)
    asked = targets(kind)
    for target in asked:
        (study.folder / target).unlink()
    resume(study, *asked)
    log = study.logs("extract_features" if kind == "extraction" else "generate_texts")
    assert "damaged" in log and "computed" in log
    resume(study)
    made.same()


FILES = {  # what is read, what is made of it
    "codes": (f"codes/gemma2-planted/{SAE}/en.npz", f"spaces/gemma2-planted/{SAE}/en.npz"),
    "space": (f"spaces/gemma2-planted/{SAE}/en.npz", f"dimensions/gemma2-planted/{SAE}/en/planted.tsv"),
    "vector": (
        f"steering/gemma2-planted/{SAE}/en/joy/vector.safetensors",
        f"steering/gemma2-planted/{SAE}/en/chosen.tsv",
    ),
    "texts": (
        f"steering/gemma2-planted/{SAE}/en/joy/generations.jsonl",
        f"steering/gemma2-planted/{SAE}/en/chosen.tsv",
    ),
    "table": ("tables/rsa.csv", "claims.json"),
    "judge": ("judges/embedded/en.json", f"steering/gemma2-planted/{SAE}/en/chosen.tsv"),
}


@pytest.mark.parametrize("name", FILES)
def test_a_damaged_file_of_the_results_is_named_and_made_anew(made, name):
    study = made.study
    read, hangs_on_it = map(study.path, FILES[name])
    flip(read, read.stat().st_size // 2 if name in ("codes", "space") else 4, mask=0x80)
    hangs_on_it.unlink()
    asked = str(hangs_on_it.relative_to(study.folder))
    text = failed(study, asked)
    said = " ".join(text.split())
    assert f"{read.relative_to(study.folder)} cannot be read" in said, text[-3000:]
    assert "Delete the file and use the same command again" in said and "Traceback" not in text
    read.unlink()
    resume(study, asked)
    resume(study)
    made.same()


def test_a_final_file_that_was_changed_is_told_by_show(made):
    study = made.study
    path = study.path("tables", "rsa.csv")
    at = path.stat().st_size // 2
    flip(path, at)
    try:
        done = subprocess.run(
            [study.command()[0], "-m", "shared_affect.show", str(study.path())],
            capture_output=True,
            text=True,
            cwd=study.folder,
            env=study.environment,
        )
        said = " ".join(done.stdout.split())
        assert "Made or changed after that was written: tables/rsa.csv" in said
    finally:
        flip(path, at)
