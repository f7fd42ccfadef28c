# shared-affect: from concept words to figures. Targets are files under results/{study}/; see docs/workflow.md.
from snakemake.utils import min_version

min_version("9.27")


# With --sdm conda: what this file and the jobs import, behind this folder's own library (study.smk).
conda: "envs/shared-affect.yaml"


include: "workflow/rules/start.smk"


configfile: "config.yaml"


include: "workflow/rules/study.smk"


# What came out stands first (record_provenance); until then what was done.
FIRST = Path(STUDY.results, "report.rst")


report: str(FIRST.resolve()) if FIRST.exists() else "workflow/report/workflow.rst"


wildcard_constraints:
    **dict.fromkeys(("language", "source", "target"), r"[a-z0-9][a-z0-9.]*"),
    **dict.fromkeys(("model", "sae", "emotion", "judge"), r"[a-z0-9][a-z0-9.-]*"),
    **dict.fromkeys(("human", "norms", "profiles", "vignettes"), r"[a-z0-9][a-z0-9.-]*"),
    variant=r"((spec|control)/[a-z0-9][a-z0-9.-]*/)?",
    world=r"affect|no-affect",


rule all:
    default_target: True
    input:
        lambda w: FINAL,


include: "workflow/rules/retrieve.smk"
include: "workflow/rules/human.smk"


if STUDY.models:

    include: "workflow/rules/asked.smk"


include: "workflow/rules/results.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/run.smk"


onstart:
    hold_study()
    # Snakemake's limit of 100 jobs a second starts a timer at every scheduling, and each timer schedules anew: after
    # 200 jobs 200 times a second, looking up every input of every ready job, a quarter of a core in all. Without the
    # limit it schedules when a job ends.
    workflow.scheduler.job_rate_limiter = None
    SAID.append("a run says it itself")
    FOUND, TOLD = estimate_run()
    for LINE in TOLD:
        logger.info(LINE)
    if LACKS := [*STUDY.lacking(), *too_large(FOUND)]:
        raise WorkflowError("\n".join(LACKS))
    if OVERWRITES:
        VALID = {str(f) for job in workflow.dag.jobs if not workflow.dag.needrun(job) for f in job.output}
        GONE = study_folder.drop_finals(STUDY.results, VALID.__contains__)
        logger.warning(f"{OVERWRITES[0]}; removed: {', '.join(GONE) or 'nothing'}")
    study_folder.write_settings(STUDY.results, looks.settings_of(STUDY))
    begin_run()
