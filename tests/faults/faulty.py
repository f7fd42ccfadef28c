"""A reduced study that is killed, and what must be the same afterwards."""

import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from test_study import Study, edit_table

from shared_affect.base.files import UNFINISHED
from shared_affect.base.journal import Journal

OF_ONE_RUN = ("provenance.json",)
"""When a run ended and on which machine: the one file that may differ."""


def _digest(path: Path) -> str:
    """sha256 of a file, without the seconds that a training took."""
    content = path.read_bytes()
    if path.name == "facts.json":
        content = json.dumps({k: v for k, v in json.loads(content).items() if k != "seconds"}).encode()
    return hashlib.sha256(content).hexdigest()


class Faulty(Study):
    """The smallest study that runs every kind of rule, in a folder of its own.

    Control models and variants are more of the same rules, twice as many jobs in all: none here.
    """

    def __init__(self, folder: Path):
        super().__init__(folder)
        edit_table(
            folder / "config/models.tsv",
            lambda rows: [r | {"train_tokens": "8192" if int(r["train_tokens"] or 0) else "0"} for r in rows],
        )
        edit_table(folder / "config/saes.tsv", lambda rows: [r | {"train_tokens": "8192"} for r in rows])
        self.set(
            emotions=["anger", "fear", "joy", "love", "sadness", "approval"],
            texts={"validation": 10, "sae": 300, "fidelity": 10, "neutral": 10, "judge": 200},
            rsa=self.config["rsa"] | {"n_permutations": 1000},
            steering=self.config["steering"] | {"strengths": [0.5], "max_new_tokens": 4, "random_directions": 12},
            control_models=[],
            control_variants=[],
            specs=[],
        )
        self.cores = 2

    def command(self, *args):
        return [*super().command()[:3], "--cores", str(self.cores), *args]

    def start(self, *args, **popen):
        """The README's command, as the leader of a process group, what it says in a file."""
        with open(self.folder / "said.txt", "ab") as said:
            return subprocess.Popen(
                self.command(*args),
                cwd=self.folder,
                env=self.environment,
                stdout=said,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                **popen,
            )

    def result(self) -> dict[str, str]:
        """Digest of every file of the results, what a killed writer has left included, but of `OF_ONE_RUN`."""
        return {
            p.relative_to(self.path()).as_posix(): _digest(p)
            for p in sorted(self.path().rglob("*"))
            if p.is_file() and p.name not in OF_ONE_RUN
        }

    def records(self) -> dict[str, dict[str, str]]:
        """Digest of every record of every journal."""
        found = {}
        for path in sorted((self.folder / "resources/journal").glob("*.journal")):
            journal = Journal(path)
            found[path.name] = {k: hashlib.sha256(journal.get(k)).hexdigest() for k in sorted(journal._index)}
        return found

    def forget(self):
        """As before the first run."""
        for name in ("results", "logs", "benchmarks", ".snakemake", "resources/journal"):
            shutil.rmtree(self.folder / name, ignore_errors=True)

    def begun(self) -> list[Path]:
        """Logs of jobs."""
        return [p for p in (self.folder / "logs").rglob("*.log") if p.is_file()]

    def newer(self, pattern: str, since: float) -> bool:
        """Whether a file of this pattern has been written since a moment."""
        for path in self.folder.glob(pattern):
            try:
                if path.stat().st_mtime >= since:
                    return True
            except FileNotFoundError:
                continue
        return False


@dataclass
class Kill:
    """When and how a run is ended.

    Attributes
    ----------
    after : str
        "" counts from the start; "lock" from the moment the lock is taken and nobody has said whose it is; any other is
        the pattern of a file that is written.
    delay : float
        Seconds after that.
    jobs : int
        How many jobs must have begun, in this run and those before it; a moment that does not hang on how fast the
        machine is.
    whom : {"group", "job", "main"}
        Every process of the run, one job of it, or the process that plans alone.
    how : signal
    """

    after: str = ""
    delay: float = 0.0
    whom: str = "group"
    how: signal.Signals = signal.SIGKILL
    jobs: int = 0

    def __str__(self) -> str:
        after = f"{self.jobs} jobs" if self.jobs else self.after or "the start"
        return f"{self.how.name} of the {self.whom} {self.delay:.2f} s after {after}"


def _children(pid: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == pid and fields[0] not in "ZX":
            found.append(int(path.parent.name))
    return found


def _reached(study: Faulty, kill: Kill, began: float) -> bool:
    if kill.after == "lock":
        locks = study.folder / ".snakemake/locks"
        return any(locks.glob("*.lock")) and not any(locks.glob("owner-*"))
    if kill.jobs:
        return time.time() > began + 1 and len(study.begun()) >= kill.jobs
    return not kill.after or study.newer(kill.after, began)


def run_and_kill(study: Faulty, kill: Kill, limit: float = 1200) -> str:
    """Start the study, end it at a moment; how it went: "killed", or "ended before"."""
    began = time.time()
    process = study.start()
    while not _reached(study, kill, began) and process.poll() is None:
        if time.time() - began > limit:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            raise AssertionError(f"{kill}: never reached; see {study.folder}/said.txt")
        time.sleep(0.001 if kill.after == "lock" else 0.02)
    end = time.time() + kill.delay
    while time.time() < end and process.poll() is None:
        time.sleep(min(0.01, max(0, end - time.time())))
    if process.poll() is not None:
        return "ended before"
    if kill.whom == "group":
        os.killpg(process.pid, kill.how)
    elif kill.whom == "main":
        process.send_signal(kill.how)
    else:
        while not (jobs := _children(process.pid)) and process.poll() is None:
            time.sleep(0.01)
        for pid in jobs[:1]:
            os.kill(pid, kill.how)
    if kill.whom == "main" and kill.how == signal.SIGKILL:
        process.wait()
        _wait_for_group(process.pid)
    process.wait(timeout=limit)
    return "killed"


def _wait_for_group(group: int, limit: float = 120) -> None:
    """Wait until the jobs that a killed run has left have ended."""
    end = time.time() + limit
    while time.time() < end:
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.05)


def resume(study: Faulty, *targets: str) -> str:
    """The same command again; what it said. It must end well."""
    code, text = study.snakemake(*targets, check=False)
    if code:
        raise AssertionError(f"the same command again ended with {code}:\n{text[-6000:]}")
    return text


def same(study: Faulty, wanted: dict[str, str], records: dict[str, dict[str, str]]) -> None:
    """Raise unless every file and every record is what an undisturbed run has made."""
    found = study.result()
    assert sorted(found) == sorted(wanted), {
        "too many": sorted(set(found) - set(wanted))[:9],
        "lacking": sorted(set(wanted) - set(found))[:9],
    }
    assert [name for name in wanted if found[name] != wanted[name]] == []
    assert study.records() == records
    assert not (study.folder / ".snakemake/locks").exists()
    assert not [p for p in study.folder.rglob(f".*{UNFINISHED}")]


def seed() -> int:
    """Of the moments; FAULT_SEED repeats one."""
    given = os.environ.get("FAULT_SEED") or random.SystemRandom().randrange(10**6)
    print(f"FAULT_SEED={given}")
    return int(given)


class Made:
    """A study that was made undisturbed, what it made, and how long that took."""

    def __init__(self, folder: Path):
        self.study = Faulty(folder)
        began = time.time()
        self.study.snakemake()
        self.seconds = time.time() - began
        self.wanted, self.records = self.study.result(), self.study.records()
        self.ends = sorted(p.stat().st_mtime - began for p in self.study.begun())

    def at(self, moment: float) -> Kill:
        """A kill at a moment of the undisturbed run: by the jobs that had ended then, and the seconds since."""
        ended = [t for t in self.ends if t <= moment]
        return Kill(jobs=len(ended), delay=min(moment - ended[-1], 5.0)) if ended else Kill(delay=moment)

    def same(self, study: Faulty | None = None) -> None:
        same(study or self.study, self.wanted, self.records)
