# What a run does besides its rules: takes away the lock of a killed run, makes logs that can be shown, says what starts
# anew.
# Inputs: .snakemake/locks. Outputs: the same; a log where a job has left none.
import atexit
from contextlib import suppress
from logging import Filter

from shared_affect.base.files import cannot_be_written, remove_unfinished
from shared_affect.planning import estimate
from shared_affect.planning.checkout import file_digest
from shared_affect.study import owners
from snakemake.settings.types import Quietness
from snakemake_interface_logger_plugins.common import LogEvent

LOCKS = Path(".snakemake/locks")
TRAINING = {
    "train_lm": "{model}",
    "train_sae": "{model}/{sae}",
    "sample_documents": "{model}",
    "train_judge": "{language}",
}  # nothing of these is in the journal

NOTE, HELD = None, []
if workflow.exec_mode == ExecMode.DEFAULT:
    owners.name_run()
    for SENTENCE in owners.release_dead(LOCKS):
        logger.warning(SENTENCE)
    if NOTE := owners.announce(LOCKS):
        atexit.register(NOTE.unlink, missing_ok=True)


if workflow.is_main_process:
    for SENTENCE in cannot_be_written(STUDY.results, f"logs/{STUDY.name}", f"benchmarks/{STUDY.name}"):
        logger.warning(SENTENCE)


class LogsExist(Filter):
    """A job that dies before it writes has a log when its error is told: `--logger rich` reads it without looking."""

    def filter(self, record):
        if getattr(record, "event", None) == LogEvent.JOB_ERROR:
            for log in getattr(record, "log", None) or []:
                # never over one that a slow file system does not show yet
                with suppress(OSError), open(log, "x", encoding="utf-8") as f:
                    f.write("The job died before it began to write here; what it said stands on the terminal.\n")
        return True


if not any(type(f).__name__ == "LogsExist" for f in logger.filters):
    logger.addFilter(LogsExist())


# What is lacking is said last, below the plan; a run stops on it before its first job.
SAID = []


def planned():
    """Jobs that are to be done: the name of their script, their wildcards, of extraction its model."""
    names = {m.replace("-", "_").replace(".", "_"): m for m in STUDY.models}
    found = []
    for job in filter(workflow.dag.needrun, workflow.dag.jobs):
        if job.rule.script:
            script = Path(job.rule.script).stem
            model = names.get(job.rule.name.removeprefix(f"{script}_"))
            found.append((script, job.wildcards_dict | ({"model": model} if model else {})))
    return found


def estimate_run():
    """What the planned jobs take, and the lines that tell it; none under --quiet."""
    found = estimate.reckon(STUDY, planned())
    quiet = {Quietness.ALL, Quietness.PROGRESS} & set(workflow.output_settings.quiet or [])
    return found, [] if quiet else estimate.tell(STUDY, found)


def too_large(found):
    """Why the disks cannot hold it, if they cannot; `--touch` writes nothing."""
    if workflow.touch:
        return []
    try:
        estimate.check_space(estimate.places(STUDY, found))
    except ValueError as error:
        return [str(error)]
    return []


def say_last():
    """Below a plan that no run has followed."""
    found, told = estimate_run() if not SAID and workflow.dryrun and workflow.dag else (None, [])
    refused = [f"A run is refused: {t}" for t in too_large(found)] if found else []
    if told or refused:
        print("", *told, *refused, sep="\n", file=sys.stderr)
    for text in [] if SAID else [*OVERWRITES, *STUDY.left_out(), *(f"Lacking: {t}" for t in STUDY.lacking())]:
        print(f"\n{text}", end="", file=sys.stderr)


if workflow.is_main_process:
    atexit.register(say_last)


def hold_study():
    """Before anything of a study is touched; the file stays open as long as this process lives."""
    HELD.append(checked(owners.hold, LOCKS, STUDY.name))


def begin_run():
    """Once the lock is held and before the first job."""
    slurm = getattr(workflow.executor_plugin, "name", "") == "slurm"
    owners.claim(LOCKS, getattr(workflow.persistence, "_lockfile", {}).values(), slurm=slurm)
    if NOTE:
        NOTE.unlink(missing_ok=True)
    # without a lock that lasts another run may be writing them
    if HELD and HELD[0] and (LEFT := remove_unfinished(STUDY.results)):
        logger.info(f"{LEFT} half-written files of a killed run are removed")
    for text in STUDY.left_out():
        logger.warning(text)
    for job in workflow.dag.needrun_jobs():
        if job.rule.name in TRAINING and workflow.persistence._filter_incomplete_keys(map(str, job.output)):
            logger.warning(
                f"{job.rule.name} of {TRAINING[job.rule.name].format(**job.wildcards_dict)} was interrupted:"
                " it starts anew, nothing of it was kept"
            )


def code_of_rules():
    """Digests by which the code of every rule is known, or the version of what the journal keeps."""
    found = {}
    for r in workflow.rules:
        script = BASE / "workflow/scripts" / Path(r.script or "none").name
        if script.is_file():
            known = {k: v for k, v in r.params.items() if k in ("code", "version")}
            found[r.name] = {"script": file_digest(script), **known}
    return found
