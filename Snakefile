# shared-affect: from concept words to figures. Targets are files under results/{study}/; see docs/workflow.md.
from snakemake.utils import min_version

min_version("9.27")


configfile: "config.yaml"


include: "workflow/rules/study.smk"


# What came out stands first (record_provenance); until then what was done.
report: str(Path(R, "report.rst").resolve()) if Path(R, "report.rst").exists() else "workflow/report/workflow.rst"


wildcard_constraints:
    variant=r"((spec|control)/[a-z0-9][a-z0-9.-]*/)?",
    model=r"[a-z0-9][a-z0-9.-]*",
    sae=r"[a-z0-9][a-z0-9.-]*",
    language=r"[a-z0-9][a-z0-9.]*",
    source=r"[a-z0-9][a-z0-9.]*",
    target=r"[a-z0-9][a-z0-9.]*",
    emotion=r"[a-z0-9][a-z0-9.-]*",
    human=r"[a-z0-9][a-z0-9.-]*",
    norms=r"[a-z0-9][a-z0-9.-]*",
    world=r"affect|no-affect",


rule all:
    default_target: True
    input:
        lambda w: FINAL,


include: "workflow/rules/hub.smk"
include: "workflow/rules/retrieve.smk"
include: "workflow/rules/planted.smk"
include: "workflow/rules/saes.smk"
include: "workflow/rules/human.smk"
include: "workflow/rules/features.smk"
include: "workflow/rules/spaces.smk"
include: "workflow/rules/ratings.smk"
include: "workflow/rules/steering.smk"
include: "workflow/rules/results.smk"
include: "workflow/rules/figures.smk"
include: "workflow/rules/run.smk"


onstart:
    from shared_affect.hub import has_token, licence_message

    # Snakemake's limit of 100 jobs a second starts a timer at every scheduling, and each timer schedules anew: after 200 jobs
    # 200 times a second, looking up every input of every ready job, a quarter of a core in all. Without the limit it schedules when a job ends.
    workflow.scheduler.job_rate_limiter = None
    for model in HUB_MODELS:
        asked = row("models", model=model)
        if asked["gated"] and not Path(model_path(model), "revision.json").exists() and not has_token():
            raise WorkflowError(licence_message(asked["id"], model))
    if LACKING:
        raise WorkflowError("\n".join(LACKING.values()))
    begin_run()
