"""Who holds the lock of a working folder: a lock whose owner is dead is taken away, any other never.

Snakemake's lock files name files, not processes. So a run says who it is before it takes them (`announce`), writes
beside them which are its own once it has them (`claim`), and the next run compares (`release_dead`). A run that was
killed between the two has announced itself and claimed nothing: what nobody has claimed is its, if nobody else lives
who has announced himself. A process is dead for certain if it ran on this machine and its process id is gone, belongs
to a process that started at another time, or the machine was started anew since. Everything else is left alone and told
in words. A dead run's jobs may live on: on this machine they are found by a variable of their environment, on the nodes
of a SLURM cluster by the queue.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from shared_affect.base.files import write_json

RUN = "SHARED_AFFECT_RUN"
"""Variable of the environment by which jobs of a run are known after the run itself is gone."""
UNLOCK = "snakemake --unlock"
ANNOUNCED = "starting"
"""Folder, beside that of the lock files, where runs announce themselves."""


def _read(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _state(pid: int) -> tuple[str, str]:
    """State and start time of a process in the kernel's words, empty where there is none or the system has no /proc."""
    fields = _read(f"/proc/{pid}/stat").rpartition(")")[2].split()
    return (fields[0], fields[19]) if len(fields) > 19 else ("", "")


def _namespace() -> str:
    try:
        return os.readlink("/proc/self/ns/pid")
    except OSError:
        return ""


def describe_process() -> dict:
    """This process, so that another one can tell later whether it is still there."""
    return {
        "host": socket.gethostname(),
        "machine": _read("/etc/machine-id"),
        "boot": _read("/proc/sys/kernel/random/boot_id"),
        "namespace": _namespace(),
        "pid": os.getpid(),
        "started": _state(os.getpid())[1],
        "since": time.strftime("%Y-%m-%d %H:%M:%S"),
    }


def name_run() -> str:
    """Give all processes that are started from here on the name of this run."""
    me = describe_process()
    os.environ[RUN] = f"{me['host']}:{me['boot']}:{me['pid']}:{me['started']}"
    return os.environ[RUN]


def can_be_seen(owner: dict) -> bool:
    """Whether its process, if there is one, is among those that this process can see."""
    me = describe_process()
    return all(owner[k] == me[k] for k in ("host", "machine", "boot", "namespace"))


def is_dead(owner: dict) -> bool:
    """Whether the process that `describe_process` described is gone for certain; False where this machine cannot
    know.
    """
    me = describe_process()
    if owner["host"] != me["host"] or owner["machine"] != me["machine"]:
        return False
    if owner["boot"] != me["boot"]:
        return bool(me["machine"])  # the same machine, started anew; without its id another one may bear the same name
    if not can_be_seen(owner):
        return False
    state, started = _state(owner["pid"])
    if started:
        return state in "ZX" or started != owner["started"]
    try:
        os.kill(owner["pid"], 0)
    except ProcessLookupError:
        return True
    except OSError:
        pass
    return False


def _jobs_of(run: str) -> list[int]:
    """Processes that a run has started and that are still there."""
    found, wanted = [], f"{RUN}={run}".encode()
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0") and _state(int(folder.name))[0] not in (
                "Z",
                "X",
                "",
            ):
                found.append(int(folder.name))
    return sorted(found)


def _queued_in(folder: Path) -> list[str] | None:
    """Ids of Snakemake's jobs in SLURM's queue, waiting or running, that work in a folder; None if it does not answer.

    The plugin hands every job the folder to work in, and the rule in its comment.
    """
    if (squeue := shutil.which("squeue")) is None:
        return None
    left = "PENDING,CONFIGURING,RUNNING,SUSPENDED,COMPLETING"  # by itself it leaves suspended ones out
    ask = [squeue, "--noheader", f"--user={os.geteuid()}", f"--states={left}", "--format=%A|%k|%Z"]
    try:
        lines = subprocess.run(ask, capture_output=True, text=True, timeout=60, check=True).stdout.splitlines()
    except (OSError, subprocess.SubprocessError):
        return None
    jobs = [line.split("|", 2) for line in lines if line.count("|") >= 2]
    here = os.path.realpath(folder)
    return sorted(
        (i for i, rule, at in jobs if rule.startswith(("rule_", "group_")) and os.path.realpath(at) == here), key=int
    )


def claim(folder: Path, files: Iterable[str], slurm: bool = False) -> None:
    """Write beside the lock files of this run whose they are.

    Parameters
    ----------
    folder : path
        Of the lock files: ``.snakemake/locks`` in the folder that the run works in.
    files : paths
        The lock files.
    slurm : bool
        Whether jobs of this run go to SLURM.
    """
    files = [Path(f).name for f in files]
    if files:
        owner = describe_process() | {"run": os.environ.get(RUN, ""), "files": files, "slurm": slurm}
        write_json(folder / f"owner-{owner['host']}-{owner['pid']}.json", owner)


def announce(folder: Path) -> Path | None:
    """Write beside the folder of the lock files that this process may take them; where, so that it can be removed when
    they are claimed or the process ends. None where nothing can be written.
    """
    me = describe_process()
    path = folder.parent / ANNOUNCED / f"{me['host']}-{me['pid']}.json"
    with contextlib.suppress(OSError):
        folder.parent.mkdir(parents=True, exist_ok=True)
        with _alone(folder):  # not while another run looks whose an unclaimed lock is
            write_json(path, me)
        return path
    return None


def hold(folder: Path, study: str) -> TextIO | None:
    """Lock a study for this process until it ends or closes what is returned.

    Snakemake's locks do not last: the end of any run in a folder removes those of all others. This one is the system's
    and dies with its holder.

    Parameters
    ----------
    folder : path
        Of Snakemake's lock files; this one stands beside it.
    study : str

    Returns
    -------
    file, or None where the file system has no such locks

    Raises
    ------
    ValueError
        If another process holds it, naming that.
    """
    import fcntl

    path = folder.parent / ANNOUNCED / f"{study}.lock"
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = open(path, "a+", encoding="utf-8")
    except OSError:
        return None
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        file.seek(0)
        holder = file.read().strip() or "another process"
        file.close()
        raise ValueError(
            f"a run of study {study} works in this folder already ({holder}). Wait until it has ended, or end it;"
            " another study needs another name (--config study=NAME)"
        ) from None
    except OSError:
        file.close()
        return None
    file.truncate(0)
    file.write(_named(describe_process()))
    file.flush()
    return file


def _announced(folder: Path) -> tuple[list[dict], list[dict]]:
    """Who has announced himself: the dead, whose notes are removed by `release_dead`, and all others."""
    dead: list[dict] = []
    others: list[dict] = []
    for path in sorted((folder.parent / ANNOUNCED).glob("*.json")):
        try:
            who = json.loads(path.read_text(encoding="utf-8")) | {"note": str(path)}
            (dead if is_dead(who) else others).append(who)
        except FileNotFoundError:
            continue
        except (ValueError, KeyError, OSError):
            others.append({"note": str(path)})
    return dead, others


def _named(owner: dict) -> str:
    return f"process {owner['pid']} on {owner['host']}, since {owner['since']}"


def _release_unclaimed(folder: Path, left: Iterable[str]) -> list[str]:
    """Take away lock files that nobody has claimed, if who has announced himself is dead; in sentences, what was done
    or why nothing was.
    """
    gone, others = _announced(folder)
    if not left or (gone and not others):
        for path in [*(folder / name for name in left), *(Path(who["note"]) for who in gone)]:
            path.unlink(missing_ok=True)
        if not left:
            return []
        return [f"A run was killed as it began ({_named(gone[-1])}); its lock is taken away."]
    if seen := [who for who in others if "pid" in who and can_be_seen(who)]:
        return [f"A run begins in this folder ({_named(seen[0])}). Wait until it has ended, or end it."]
    return [f"This folder is locked, and by whom is not known. If no other run works here: {UNLOCK}"]


def _jobs_left(owner: dict, folder: Path) -> tuple[list[int], list[str] | None]:
    """What a dead run has left working: processes of this machine, and jobs in SLURM's queue (None: unknown)."""
    return _jobs_of(owner["run"]), _queued_in(folder.resolve().parents[1]) if owner.get("slurm") else []


def release_dead(folder: Path) -> list[str]:
    """Take away the locks whose owners are dead; what was done, or why nothing was, in sentences.

    Parameters
    ----------
    folder : path
        Of the lock files (``*.lock``) and of what `claim` wrote. It may not exist.
    """
    if not any(folder.glob("*.lock")):
        return []
    with _alone(folder) as alone:
        if not alone:
            return [
                "This folder is locked, and its file system does not let one look at that alone. If no other run works"
                f" here: {UNLOCK}"
            ]
        said, left = [], {p.name for p in folder.glob("*.lock")}
        for path in sorted(folder.glob("owner-*.json")):
            try:
                owner = json.loads(path.read_text(encoding="utf-8"))
                who = _named(owner)
                dead, files = is_dead(owner), set(owner["files"])
                own, queued = _jobs_left(owner, folder) if dead else ([], [])
            except (ValueError, KeyError, OSError):
                continue
            left -= files
            if not dead:
                if not can_be_seen(owner):
                    said.append(
                        f"A run holds the lock of this folder ({who}). Whether it still runs cannot be seen from here;"
                        f" if you know that it does not: {UNLOCK}"
                    )
            elif queued is None:
                said.append(
                    f"A run was killed ({who}), and squeue does not say whether jobs of it still work in this folder."
                    f" Try again when SLURM answers; if you know that none does: {UNLOCK}"
                )
            elif own or queued:
                how = [f"{end} {' '.join(map(str, ids))}" for end, ids in (("kill", own), ("scancel", queued)) if ids]
                said.append(
                    f"A run was killed ({who}), but jobs that it had started still work in this folder. Wait until they"
                    f" have ended, or end them, then use the same command: {'; '.join(how)}"
                )
            else:
                for name in [*files, path.name]:
                    (folder / name).unlink(missing_ok=True)
                said.append(f"A run was killed ({who}); its lock is taken away.")
        return said + _release_unclaimed(folder, left)


@contextlib.contextmanager
def _alone(folder: Path):
    """Whether this process may look at the locks alone: of two runs that start at once, one may not take away the
    other's new lock.
    """
    with contextlib.ExitStack() as held:
        try:
            import fcntl

            fcntl.flock(held.enter_context(open(folder.parent / "owners.lock", "w")), fcntl.LOCK_EX)
        except (ImportError, OSError):
            yield False
        else:
            yield True
