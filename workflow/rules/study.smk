# The study: config and tables read and checked once, and the few look-ups that rules need.
# Inputs: config.yaml (+ overlays), config/*.tsv, resources/emotions.tsv, resources/concepts/{language}.tsv.
# Everything wrong with them that can be known now is said now, before any job.
import hashlib
import os
import re
import sys
from functools import cache
from pathlib import Path

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger
from snakemake_interface_executor_plugins.settings import ExecMode

# What every job gets unless the user has set it. glibc keeps freed memory: page faults of tensors given back and asked
# for anew at each step were an eighth of the training time.
for NAME, VALUE in {"MALLOC_MMAP_THRESHOLD_": 2**25, "MALLOC_TRIM_THRESHOLD_": 2**30}.items():
    os.environ.setdefault(NAME, str(VALUE))

BASE = Path(workflow.basedir)
sys.path.insert(0, str(BASE / "src"))

from shared_affect.base import rooms
from shared_affect.planning import early_look, file_checks, study_checks
from shared_affect.study import folder as study_folder
from shared_affect.study import overlays
from shared_affect.study.banners import banner
from shared_affect.study.checks import check_study
from shared_affect.study.config import ConfigError, read_schema, read_table
from shared_affect.study.inputs import OWN_CONCEPTS, read_concepts
from shared_affect.models.hub import has_token, licence_message
from shared_affect.human.downloads import Lacking, find_file, list_lacking


def checked(function, *args, **kwargs):
    try:
        return function(*args, **kwargs)
    except ValueError as error:
        raise WorkflowError(str(error)) from None


# Jobs import the library of this folder, whichever environment is active; one that parses this again keeps the run's digests.
checked(rooms.declare, BASE / "src", keep_digests=workflow.exec_mode != ExecMode.DEFAULT)
TABLES = {
    name: checked(read_table, BASE / "config" / f"{name}.tsv", BASE / "workflow/schemas" / f"{name}.yaml")
    for name in ("models", "saes", "languages", "human", "sources", "variants")
}
TABLES["emotions"] = checked(read_table, BASE / "resources/emotions.tsv", BASE / "workflow/schemas/emotions.yaml")
CONCEPTS = {row["language"]: BASE / "resources/concepts" / f"{row['language']}.tsv" for row in TABLES["languages"]}
TEMPLATES = {k: BASE / "resources/templates" / f"{k}.tsv" for k in CONCEPTS}
SCHEMA = read_schema(BASE / "workflow/schemas/config.yaml")
SECTIONS = [k for k, s in SCHEMA["properties"].items() if "properties" in s]
# what snakemake has merged: overlays, then the command line, whose nested values come as text
if workflow.is_main_process:
    FILES = dict.fromkeys(os.path.relpath(path) for path in ["config.yaml", *workflow.config_settings.configfiles] if Path(path).exists())
    checked(overlays.check_merge, [*((path, checked(overlays.check_file, path)) for path in FILES), ("--config", workflow.config_settings.config)])
config.update(overlays.convert(config, SCHEMA))
EMOTIONS = checked(check_study, config, BASE / "workflow/schemas/config.yaml", TABLES, CONCEPTS, TEMPLATES)
checked(overlays.expand_folders, config)
checked(study_checks.check_rows, config, TABLES)
checked(study_checks.check_words, config, EMOTIONS, TABLES, CONCEPTS)

STUDY = config["study"]
R = f"results/{STUDY}"
LOGS = f"logs/{STUDY}"
BENCH = f"benchmarks/{STUDY}"
LANGUAGES = config["languages"]
PAIR = LANGUAGES[:2] if len(LANGUAGES) > 1 else []
DIRECTIONS = [f"{PAIR[0]}-{PAIR[1]}", f"{PAIR[1]}-{PAIR[0]}"] if PAIR else []
SAE = config["primary_sae"]
MODELS = config["models"] + config["control_models"]
RETRIEVED = "resources/retrieved"
PLACES = {"results": R, "data_dir": config["data_dir"], "models_dir": config["models_dir"], "retrieved": RETRIEVED}
STEERED = config["models"] if config["steering"]["enabled"] else []


def row(table, **keys):
    """The one row of a config table with these values."""
    found = [r for r in TABLES[table] if all(r[k] == v for k, v in keys.items())]
    if len(found) != 1:
        raise WorkflowError(f"config/{table}.tsv has {len(found)} rows with {keys}; needed: exactly one")
    return found[0]


def place(text, where="config/*.tsv: a path"):
    """A path of a config table with its folders filled in."""
    return checked(study_checks.fill, text, PLACES, where)


def row_path(r):
    """Folder of a row of models or SAEs."""
    table, name = ("saes", f"{r['model']} {r['sae']}") if "sae" in r else ("models", r["model"])
    return place(r["path"], f"config/{table}.tsv, row {name}, column path")


def model_path(model):
    return row_path(row("models", model=model))


def sae_path(model, sae):
    return row_path(row("saes", model=model, sae=sae))


def saes_of(model):
    return [r["sae"] for r in TABLES["saes"] if r["model"] == model]


def human_row(kind, dataset, language):
    return row("human", kind=kind, dataset=dataset, language=language)


# said wherever numbers are shown that rest on something planted
BANNER = banner(
    [human_row(kind, config[key], k) for kind, key in (("judgements", "human"), ("norms", "norms")) for k in LANGUAGES],
    *({m: row("models", model=m)["source"] for m in config[key]} for key in ("models", "control_models")),
    [
        what
        for key, what in (("running_texts", "running texts"), ("judge_texts", "training texts of the judge"))
        if config[key] == "planted" and (key == "running_texts" or config["steering"]["enabled"])
    ],
)


LACKING = {}  # path in human.tsv -> why it is not there; stops a run before its first job (Snakefile), a dry run plans without


def human_files(kind, dataset, language):
    """Files of a dataset: {data}/folder/file stands in data_dir, or where a download puts it."""
    found = []
    for p in human_row(kind, dataset, language)["path"].split():
        try:
            found.append(find_file(*p.removeprefix("{data}/").split("/", 1), config["data_dir"], TABLES["sources"], f"{RETRIEVED}/data") if p.startswith("{data}/") else place(p))
        except Lacking as error:
            LACKING[p] = error
        except ConfigError as error:
            raise WorkflowError(str(error)) from None
    return found


def kind_of(dataset, language, *kinds):
    """Which of some kinds a dataset is in a language."""
    return next(r["kind"] for r in TABLES["human"] if r["dataset"] == dataset and r["language"] == language and r["kind"] in kinds)


def association_vectors(w):
    """Vectors of the association dataset that stands beside the models as a baseline in a language, if one does."""
    return [f"{R}/human/{config['associations'][w.language]}/vectors_{w.language}.npz"] if w.language in config["associations"] else []


def digests(kind, dataset, language):
    """The published sha256 of each of these files, None where none is known."""
    known = {f"{{data}}/{r['folder']}/{r['file']}": r["sha256"] for r in TABLES["sources"]}
    return [known.get(p) for p in human_row(kind, dataset, language)["path"].split()]


def affect_of(dataset, language):
    """File with valence and arousal of the emotions, and the words to look up if it is a file of norms (else None)."""
    own = human_row("judgements", dataset, language)
    if not own["valence_norm"] or own["valence_split"] is None:
        raise WorkflowError(f"config/human.tsv: judgements {dataset}, language {language}: valence_norm or valence_split is empty; needed: both")
    if "/" in own["valence_norm"]:
        return place(own["valence_norm"]), None
    raters = own["human_language"]
    human_files("norms", own["valence_norm"], raters)
    column = "emotion" if raters == "en" else f"label_{raters}"
    if column not in TABLES["emotions"][0]:
        raise WorkflowError(
            f"config/human.tsv: judgements {dataset}, language {language}: valence_norm is {own['valence_norm']!r}, but resources/emotions.tsv has no column {column} with the "
            "words to look up in it; add that column, or name a file with emotion, valence, arousal"
        )
    return f"{R}/human/{own['valence_norm']}/norms_{raters}.tsv", {r["emotion"]: r[column] for r in TABLES["emotions"]}


def read_settings(variant):
    """Templates, read-out, concept-sets and shuffle of a variant ("" = the primary configuration)."""
    own = row("variants", variant=variant.split("/")[1]) if variant else {}
    return {
        "templates": own["templates"].split() if own.get("templates") else config["templates"],
        "readout": own.get("readout") or config["readout"],
        "concepts": own.get("concepts") or config["concepts"],
        "shuffle": own.get("shuffle") or "none",
    }


# Which shuffles touch which side: a file that a variant does not touch is the primary configuration's.
TOUCHED_BY = {"concepts": ["concepts"], "human": ["norms"], "model": ["none", "concepts"]}


def touches(variant, side):
    """Whether a variant has files of its own on a side; one that shuffles nothing reads the model or its words otherwise."""
    settings = read_settings(variant)
    return settings["shuffle"] in TOUCHED_BY[side] or (side == "concepts" and settings["concepts"] != config["concepts"])


def own(side, pattern, **axes):
    """Input function: files of the variant where it touches that side (concepts, human, model), else the primary ones."""

    def files(w):
        touched = touches(w.variant, side)
        values = {k: v for k, v in w.items() if k != "variant"} | {"variant": w.variant if touched else ""}
        return [f.format(**values) for f in expand(pattern, **axes, allow_missing=True)]

    return files


# Where the concept-sets of each source stand: a spec may read other words than the primary configuration.
CONCEPT_FILES = {config["concepts"]: f"{R}/concepts/{{language}}.tsv"}
CONCEPT_FILES |= {
    r["concepts"]: f"{R}/spec/{r['variant']}/concepts/{{language}}.tsv"
    for r in TABLES["variants"]
    if r["variant"] in config["specs"] and r["concepts"] not in (None, config["concepts"])
}


def concept_folder(source):
    """Folder of the codes of a source's words, beside those of the rated words."""
    return "concepts" if source == config["concepts"] else f"concepts-{source}"


@cache
def code(script):
    """Digest of the library behind a script, so that editing a module reruns the cheap rules that use it."""
    return rooms.code_behind(BASE / "workflow/scripts" / f"{script}.py")


def code_of(*names):
    """Digest of these modules alone, for training: an edit elsewhere must not cost minutes."""
    return rooms.digest_of_rooms(BASE / "src/shared_affect" / f"{name}.py" for name in names)


version_of = rooms.version_of  # of a module whose results are kept in the journal: raising it asks the journal anew


def code_of_file(path):
    """Digest of a committed file."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


def gpu(model):
    """GPU slots a job of this model takes."""
    return 0 if row("models", model=model)["device"] == "cpu" else 1


VARIANTS = [f"spec/{v}/" for v in config["specs"]] + [f"control/{v}/" for v in config["control_variants"]]
UNITS = {
    side: [("", m) for m in MODELS] + [(v, m) for v in VARIANTS for m in config["models"] if any(touches(v, s) for s in sides)]
    for side, sides in {"concepts": ["concepts"], "human": ["human"], "model": ["model"], "both": ["human", "model"]}.items()
}
for LANGUAGE in LANGUAGES:
    human_files("judgements", config["human"], LANGUAGE)
    human_files("norms", config["norms"], LANGUAGE)
    affect_of(config["human"], LANGUAGE)


def classes_of(language):
    """Valence class of each emotion in a language, where it is known before the run; None where it is not."""
    own = human_row("judgements", config["human"], language)
    if own["raters"] == "planted":
        return study_checks.planted_classes(BASE / "resources/planted/emotions.tsv", language)
    if config["emotions"] == "all":
        return None  # all 27 are enough for every pair set; reading their ratings takes seconds
    path, labels = affect_of(config["human"], language)
    if labels is None:
        return early_look.classes(path, EMOTIONS, own["valence_split"])
    files = human_files("norms", own["valence_norm"], own["human_language"])
    return early_look.classes(files, EMOTIONS, own["valence_split"], labels, human_row("norms", own["valence_norm"], own["human_language"])["loader"])


# looked at once, by the process that plans: jobs of a cluster read the Snakefile again
SETTINGS = study_folder.describe_study(config, EMOTIONS, TABLES)
OVERWRITES = []
if workflow.is_main_process:
    OVERWRITES = checked(study_folder.check_folder, R, SETTINGS, SECTIONS, config["force"])
    checked(file_checks.check_files, config, TABLES, PLACES, "resources")
    checked(study_checks.check_emotions, config, EMOTIONS, classes_of)
    checked(early_look.look, MODELS, TABLES["models"], TABLES["saes"], row_path)


def overwriting():
    """What a run says that overwrites another study, as force allows."""
    return [f"{R} holds a study with other settings ({', '.join(OVERWRITES)}); force is true, so a run overwrites it"] if OVERWRITES else []


def lacking():
    """What a run lacks that a plan does without, once a cause: files of the user's own, access to gated models."""
    gated = [r for r in TABLES["models"] if r["model"] in MODELS and r["source"] == "hub" and r["gated"] and not Path(row_path(r), "revision.json").exists()]
    said = [licence_message(r["id"], r["model"]) for r in gated] if gated and not has_token() else []
    return said + list_lacking(list(LACKING.values()), config["data_dir"])


JOURNAL = "resources/journal"
FINAL = [f"{R}/claims.json", f"{R}/provenance.json", f"{R}/run_config.yaml", f"{R}/report.rst"]
