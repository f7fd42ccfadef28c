# What a run does besides its rules: takes away the lock of a killed run, makes logs that can be shown, says what starts anew.
# Inputs: .snakemake/locks. Outputs: the same, {LOGS}/*.
from shared_affect import owners

LOCKS = Path(".snakemake/locks")
TRAINING = {"train_lm": "{model}", "train_sae": "{model}/{sae}", "sample_documents": "{model}", "train_judge": "{language}"}  # nothing of these is in the journal

if workflow.exec_mode == ExecMode.DEFAULT:
    owners.name_run()
    for SAID in owners.release_dead(LOCKS):
        logger.warning(SAID)


def begin_run():
    """Once the lock is held and before the first job."""
    owners.claim(LOCKS, getattr(workflow.persistence, "_lockfile", {}).values())
    for job in workflow.dag.needrun_jobs():
        # a job that dies before it writes has a log to show all the same, and not the one of an earlier run
        for log in map(Path, job.log):
            log.parent.mkdir(parents=True, exist_ok=True)
            log.write_text("This job has not begun to write here: it has not started yet, or it died before; its error is on the terminal.\n", encoding="utf-8")
        if job.rule.name in TRAINING and workflow.persistence._filter_incomplete_keys(map(str, job.output)):
            logger.warning(f"{job.rule.name} of {TRAINING[job.rule.name].format(**job.wildcards_dict)} was interrupted: it starts anew, nothing of it was kept")
