# The study: config and tables read and checked once. What rules ask of it is STUDY (shared_affect/planning/plan.py).
# Inputs: config.yaml (+ overlays), config/*.tsv, resources/emotions.tsv, resources/concepts/{language}.tsv.
# Everything wrong with them that can be known now is said now, before any job.
from snakemake.logging import logger
from snakemake_interface_executor_plugins.settings import ExecMode

# What every job gets unless the user has set it. glibc keeps freed memory: page faults of tensors given back and asked
# for anew at each step were an eighth of the training time.
for NAME, VALUE in {"MALLOC_MMAP_THRESHOLD_": 2**25, "MALLOC_TRIM_THRESHOLD_": 2**30}.items():
    os.environ.setdefault(NAME, str(VALUE))

from shared_affect.base import card_locks, rooms
from shared_affect.planning import looks, pinning
from shared_affect.planning.checkout import Checkout
from shared_affect.planning.plan import read_study
from shared_affect.study import folder as study_folder
from shared_affect.study import overlays

# Jobs run in the Python of this process and see what --sdm conda has put behind its packages.
PATHS = os.environ.get("PYTHONPATH", "").split(os.pathsep)
SEEN = [p for p in sys.path if any(p.startswith(f"{e.env.path}{os.sep}") for e in workflow.injected_conda_envs)]
if SEEN:
    os.environ.update(PYTHONPATH=os.pathsep.join(dict.fromkeys([*filter(None, PATHS), *SEEN])))
# Jobs import the library of this folder, whichever environment is active; one that parses this again keeps the run's
# digests.
checked(rooms.declare, BASE / "src", keep_digests=workflow.exec_mode != ExecMode.DEFAULT)
CHECKOUT = Checkout(
    tables=BASE / "config",
    schemas=BASE / "workflow/schemas",
    resources=BASE / "resources",
    scripts=BASE / "workflow/scripts",
    package=BASE / "src/shared_affect",
)
# digests, without which an edited module would rerun nothing
code, code_of = CHECKOUT.code, CHECKOUT.code_of
TABLES = checked(CHECKOUT.read_tables)
if workflow.is_main_process:
    FILES = dict.fromkeys(
        os.path.relpath(path) for path in ["config.yaml", *workflow.config_settings.configfiles] if Path(path).exists()
    )
    checked(
        overlays.check_merge,
        [
            *((path, checked(overlays.check_file, path)) for path in FILES),
            ("--config", workflow.config_settings.config),
        ],
    )
STUDY = checked(read_study, config, CHECKOUT, TABLES)
config.update(STUDY.config)
# resources of a rule: memory and minutes by what a job works on
needs = STUDY.needs
if workflow.local_exec and any(STUDY.row("models", model=m)["device"] == "auto" for m in STUDY.models):
    needs.sizes.a_card = bool(card_locks.visible())
# looked at once, by the process that plans: jobs of a cluster read the Snakefile again
OVERWRITES = looks.overwriting(STUDY, checked(looks.look, STUDY)) if workflow.is_main_process else []
FINAL = [f"{STUDY.results}/{name}" for name in ("claims.json", "provenance.json", "run_config.yaml", "report.rst")]


# where rules write: "<results>/..." in a rule
pathvars:
    results=STUDY.results,
    logs=f"logs/{STUDY.name}",
    benchmarks=f"benchmarks/{STUDY.name}",
    retrieved=STUDY.retrieved,
