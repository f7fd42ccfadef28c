"""What the process that plans looks at once, before any job: the results folder, files, emotions, models, texts."""

from __future__ import annotations

from pathlib import Path

from shared_affect.planning import early_look, file_checks, judges, prompts, study_checks
from shared_affect.planning.plan import Study
from shared_affect.study import folder as study_folder
from shared_affect.study.config import ConfigError
from shared_affect.study.inputs import OWN_CONCEPTS, read_concepts


def settings_of(study: Study) -> dict:
    """Settings that bear on a study's numbers, written into its folder when a run starts."""
    return study_folder.describe_study(study.config, study.emotions, study.tables)


def look(study: Study) -> list[str]:
    """Look at everything that a study needs and that is there already.

    Returns
    -------
    list of str
        Settings in which the study differs from the one that its results folder holds, where a run may overwrite it.

    Raises
    ------
    ConfigError
        At the first thing that is wrong.
    """
    differing = study_folder.check_folder(
        study.results, settings_of(study), study.checkout.sections, study.config["force"]
    )
    look_at_data(study)
    if not study.models:
        return differing
    file_checks.check_files(study.config, study.tables, study.places, study.inputs)
    look_at_world(study)
    study_checks.check_emotions(study.config, study.emotions, lambda language: classes_of(study, language))
    named = list(dict.fromkeys([*study.models, *map(study.original, study.models)]))
    early_look.look(named, study.tables["models"], study.saes, study.row_path)
    judges.look(study)
    prompts.look(study)
    return differing


def look_at_data(study: Study) -> None:
    """Every dataset that the study reads has a loader of its kind, which takes as many files.

    Raises
    ------
    ConfigError
        Naming the row.
    """
    from shared_affect.human.loaders import loader_of

    named = study_folder.datasets(study.config, study.tables["variants"], study.tables["judges"])
    for r in study.tables["human"]:
        if r["dataset"] in named and (r["language"] in study.languages or r["dataset"] in study.config["agreement"]):
            try:
                loader_of(r["kind"], r["loader"], r["path"].split())
            except ValueError as error:
                where = f"config/human.tsv, row {r['dataset']} {r['kind']} {r['language']}"
                raise ConfigError(f"{where}: {error}") from None


def look_at_world(study: Study) -> None:
    """Where something is planted, a world can be made of its tables.

    Raises
    ------
    ConfigError
        Naming the table.
    """
    from shared_affect.planted.world import LANGUAGES

    rows = [study.data.row(k, d, x) for k, d in study.rated for x in study.languages]
    models = [study.row("models", model=m) for m in study.models]
    texts = [study.config["running_texts"], study.config["judge_texts"] if study.steered else ""]
    if not ("planted" in [*texts, *(r["raters"] for r in rows)] or any(r["source"] == "trained" for r in models)):
        return
    from shared_affect.planted.worldtables import check_world

    own = study.checkout
    try:
        check_world(
            own.resources / "planted",
            {k: own.concepts(k) for k in LANGUAGES},
            {k: own.templates(k) for k in LANGUAGES},
            study.config["root_seed"],
        )
    except ValueError as error:
        raise ConfigError(f"the planted world cannot be made: {error}") from None


def overwriting(study: Study, differing: list[str]) -> list[str]:
    """What a run says that overwrites another study, as the key `force` allows."""
    named = f"{study.results} holds a study with other settings ({', '.join(differing)})"
    return [f"{named}; force is true, so a run overwrites it"] if differing else []


def classes_of(study: Study, language: str) -> dict[str, str] | None:
    """Valence class of each emotion in a language, where it is known before the run; None where it is not."""
    own = study.data.row("judgements", study.human, language)
    if own["raters"] == "planted":
        return study_checks.planted_classes(study.checkout.resources / "planted/emotions.tsv", language)
    if study.config["emotions"] == "all":
        return None  # all 27 are enough for every pair set; reading their ratings takes seconds
    path, labels = study.data.affect_of(study.human, language)
    if labels is None:
        return early_look.classes(path, study.emotions, own["valence_split"])
    norms = ("norms", own["valence_norm"], own["human_language"])
    loader = study.data.row(*norms)["loader"]
    return early_look.classes(study.data.files(*norms), study.emotions, own["valence_split"], labels, loader)


def look_at_texts(study: Study) -> None:
    """Look at the training texts of the study's SAEs, and at the tokenizers of models that are there already.

    Raises
    ------
    ConfigError
        Naming row and column.
    """
    from shared_affect.models.token_checks import look as look_at_tokens

    trained = [r for r in study.saes if r["source"] == "trained"]
    for r in trained:
        study.training_texts(r["model"], r["sae"])
    sampled = {r["model"] for r in trained if r["texts"] == "sampled"}
    texts = {k: own_texts(study, k) for k in study.languages}
    for model in study.models:
        look_at_tokens(
            study.model_path(model),
            study.row("models", model=model)["bos"],
            texts,
            model,
            sampled=model in sampled,
            saes=[
                (study.row_path(r), r["layer"], f"config/saes.tsv, model {model}, sae {r['sae']}")
                for r in study.saes_of(model)
                if r["source"] != "trained"
            ],
        )


def own_texts(study: Study, language: str) -> tuple[dict, Path, list[str], list[str]]:
    """Concept words by source, templates, prompts and running texts of a language, as far as they are there before the
    run: what a tokenizer is tried on.
    """
    sets: dict[str, dict[str, list[str]]] = {}
    source = study.config["concepts"]
    if source in OWN_CONCEPTS:
        sets = {source: read_concepts(study.checkout.concepts(language), study.emotions, source)}
    authored = study.config["running_texts"] == "authored"
    running = [f"{study.inputs}/texts/{kind}_{language}.txt" for kind in ("fidelity", "neutral")] if authored else []
    asked = [f"{study.inputs}/prompts/{study.config['prompts']}/{language}.tsv"] if study.steered else []
    return sets, study.checkout.templates(language), _there(asked), _there(running)


def _there(paths: list[str]) -> list[str]:
    return [p for p in paths if Path(p).exists()]
