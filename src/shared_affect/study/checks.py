"""Checks of a whole study: what its configuration names stands in the tables, and fits together.

Each refusal is one screen: the value found, the values allowed, the place to change it.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from shared_affect.base.reading import shown
from shared_affect.study import analysed
from shared_affect.study.config import PLACE, ConfigError, check_mapping, hint, listing, read_schema
from shared_affect.study.inputs import OWN_CONCEPTS, read_concepts, read_templates

ALPHA = 0.01
"""Holm-adjusted p below which a test rejects (docs/claims.md)."""

MODELS = ("models", "control_models")
"""Keys of the configuration that name models."""

EMPTY = {bool: "false", list: "[]", dict: "{}", str: "''"}
"""What a key is set to that asks for nothing."""

OF_MODELS = (
    *(*MODELS, "control_variants", "specs", "associations", "dictionaries", "word_properties"),
    *("profiles", "validity", "judges", "judge_tests"),
)
"""Keys that say what is asked of models, or what they are held against: each is empty in a study without models."""


def check_study(
    config: Mapping,
    schema_path: str | Path,
    tables: Mapping[str, list[dict]],
    concept_paths: Mapping[str, Path],
    template_paths: Mapping[str, Path],
) -> list[str]:
    """Check a whole study and return its emotions in table order.

    Parameters
    ----------
    config : mapping
    schema_path : path
        Schema of the config.
    tables : mapping
        Rows of ``models, saes, languages, human, variants, emotions``.
    concept_paths : mapping of language -> path
    template_paths : mapping of language -> path

    Raises
    ------
    ConfigError
        At the first thing that is wrong.
    """
    check_mapping(config, read_schema(schema_path), PLACE)
    _check_rows_exist(config, tables)
    _check_agreement(config, tables["human"])
    if not config["models"]:
        return _check_human_side(config, tables)
    _check_has_inputs(config, template_paths, concept_paths)
    _check_templates(config, tables["variants"], template_paths)
    _check_permutations(config, tables["models"])
    _check_models(config, tables["models"])
    analysed.check(config, tables["saes"])
    _check_human(config, tables["human"])
    _check_beside(config, tables["human"])
    _check_judge_texts(config, tables["human"])
    known = [r["emotion"] for r in tables["emotions"]]
    emotions = _check_emotions(config, known)
    _check_concepts(config, emotions, known, tables, concept_paths)
    _check_word_data(config, tables["human"])
    return emotions


def _check_has_inputs(config: Mapping, templates: Mapping[str, Path], concepts: Mapping[str, Path]) -> None:
    """A model can be asked in every language: one that has human data alone is no language of a study with models."""
    for language in config["languages"]:
        lacking = [str(Path(*p[language].parts[-3:])) for p in (templates, concepts) if not p[language].is_file()]
        if lacking:
            raise ConfigError(
                f"{PLACE}: key languages names {language!r}, which has human data only: {' and '.join(lacking)}"
                f" {'do' if len(lacking) > 1 else 'does'} not exist, and models are asked by them; write"
                f" {'them' if len(lacking) > 1 else 'it'} (docs/data.md, Add a language), take the language out, or set"
                " models to [] for the human side alone"
            )


def _check_human_side(config: Mapping, tables: Mapping[str, list[dict]]) -> list[str]:
    """A study without models: ratings, and how far people agree; returns its emotions."""
    asked = {k: config[k] for k in OF_MODELS if config[k]}
    if asked or config["steering"]["enabled"]:
        key, value = next(iter(asked.items())) if asked else ("steering.enabled", True)
        raise ConfigError(
            f"{PLACE}: key models is [], so nothing is asked of models, but key {key} is {shown(value)}; allowed then:"
            f" {EMPTY[type(value)]}, or name models"
        )
    _check_human(config, tables["human"], ("norms",))
    return _check_emotions(config, [r["emotion"] for r in tables["emotions"]])


def _check_agreement(config: Mapping, human: Sequence[Mapping]) -> None:
    """Datasets whose raters are compared hold ratings of concepts, in two languages or more."""
    rows = [r for r in human if r["kind"] == "concept-ratings"]
    allowed = list(dict.fromkeys(r["dataset"] for r in rows))
    _check_names(config["agreement"], allowed, "agreement", "config/human.tsv, kind concept-ratings")
    languages = {r["human_language"] for r in rows if r["dataset"] in config["agreement"]}
    if len(languages) == 1:
        raise ConfigError(
            f"{PLACE}: key agreement is {shown(config['agreement'])}, all of raters in {languages.pop()!r}; needed: two"
            f" languages or more; allowed: {listing([r['dataset'] + ' (' + r['human_language'] + ')' for r in rows])}"
            " (config/human.tsv, kind concept-ratings)"
        )


def _check_names(found: Sequence[str], allowed: Sequence[str], key: str, table: str) -> None:
    """Every name stands in a table, and once in its key."""
    for name in found:
        if name not in allowed:
            raise ConfigError(
                f"{PLACE}: key {key} names {shown(name)}{hint(name, allowed)}; allowed: {listing(allowed)} ({table})"
            )
    if twice := [n for n, c in Counter(found).items() if c > 1]:
        raise ConfigError(f"{PLACE}: key {key} names {shown(twice[0])} twice; allowed: once")


def _check_rows_exist(config: Mapping, tables: Mapping[str, Sequence[Mapping]]) -> None:
    """Languages, models and variants have rows."""
    for keys, table, column in ((("languages",), "languages", "language"), (MODELS, "models", "model")):
        rows = [r[column] for r in tables[table]]
        _check_names([n for k in keys for n in config[k]], rows, " or ".join(keys), f"config/{table}.tsv")
    for kind, key in (("control", "control_variants"), ("spec", "specs")):
        rows = [r["variant"] for r in tables["variants"] if r["kind"] == kind]
        _check_names(config[key], rows, key, "config/variants.tsv")


def _check_templates(config: Mapping, variants: Sequence[Mapping], paths: Mapping[str, Path]) -> None:
    """Templates of the study and of its variants stand in every language's table, which is read as a job reads it."""
    used = [r for r in variants if r["variant"] in config["specs"] + config["control_variants"] and r["templates"]]
    for language in config["languages"]:
        of_language, carriers = f"resources/templates/{language}.tsv", list(read_templates(paths[language]))
        _check_names(config["templates"], carriers, "templates", of_language)
        for r in used:
            if unknown := [t for t in r["templates"].split() if t not in carriers]:
                raise ConfigError(
                    f"config/variants.tsv: variant {r['variant']}, column templates names"
                    f" {shown(unknown[0])}{hint(unknown[0], carriers)}; allowed: {listing(carriers)} ({of_language})"
                )


def _check_permutations(config: Mapping, models: Sequence[Mapping]) -> None:
    """A family of tests must be able to reject: its smallest Holm-adjusted p lies below ALPHA."""
    control = Counter(r["control"] for r in models if r["model"] in config["control_models"])
    n_models = max(len(config["models"]), *control.values(), 1)
    for section, key, n_tests in (
        ("rsa", "n_permutations", n_models * len(config["languages"])),
        ("rsa", "n_code_permutations", n_models * len(config["languages"])),
        ("ratings", "n_permutations", n_models * len(config["languages"])),
        ("shared", "n_permutations", n_models),
    ):
        needed, found = math.ceil(round(n_tests / ALPHA, 6)), config[section][key]
        if found < needed:
            raise ConfigError(
                f"{PLACE}: key {section}.{key} is {found}; needed: {needed} or more, or the {n_tests} tests of a family"
                f" cannot reject at {ALPHA}"
            )


def _check_models(config: Mapping, models: Sequence[Mapping]) -> None:
    """Models and controls stand under their own key, and their folder is named."""
    for r in models:
        for key, control in (("models", False), ("control_models", True)):
            if r["model"] in config[key] and (r["control"] != "none") != control:
                raise ConfigError(
                    f"{PLACE}: key {key} names {r['model']!r}, whose control is {r['control']!r} (config/models.tsv); "
                    f"allowed: rows with control {'other than none' if control else 'none'}"
                )
    used = config["models"] + config["control_models"]
    local = [r["model"] for r in models if r["model"] in used and "{models_dir}" in (r["path"] or "")]
    if local and not config["models_dir"]:
        raise ConfigError(
            f"{PLACE}: key models_dir is empty; needed: the folder that holds {local[0]!r} (config/models.tsv, column"
            " path)"
        )


def _check_human(config: Mapping, human: Sequence[Mapping], kinds: Sequence[str] = ("judgements", "norms")) -> None:
    """Judgements and norms have a row in every language."""
    for kind, key in ((k, {"judgements": "human", "norms": "norms"}[k]) for k in kinds):
        for language in config["languages"]:
            allowed = [r["dataset"] for r in human if r["kind"] == kind and r["language"] == language]
            if config[key] not in allowed:
                raise ConfigError(
                    f"{PLACE}: key {key} is {shown(config[key])}; allowed for language {language!r}:"
                    f" {listing(allowed) or 'none'} (config/human.tsv, kind {kind})"
                )


def _check_beside(config: Mapping, human: Sequence[Mapping]) -> None:
    """Profiles of words and vignettes have a row in some language of the study; the others are left out and named."""
    asked = [("profiles", config["profiles"], "profiles")] if config["profiles"] else []
    asked += [("validity", dataset, "vignettes") for dataset in config["validity"]]
    for key, dataset, kind in asked:
        rows = [r for r in human if r["kind"] == kind]
        names = list(dict.fromkeys(r["dataset"] for r in rows))
        if dataset not in names:
            raise ConfigError(
                f"{PLACE}: key {key} names {shown(dataset)}{hint(dataset, names)}; allowed: {listing(names) or 'none'}"
                f" (config/human.tsv, kind {kind})"
            )
        there = [r["language"] for r in rows if r["dataset"] == dataset]
        if not set(there) & set(config["languages"]):
            raise ConfigError(
                f"{PLACE}: key {key} names {shown(dataset)}, which has {kind} in {listing(there)} and in none of the"
                f" study's languages ({listing(config['languages'])}); allowed: a dataset with a row for one of them"
                f" (config/human.tsv, kind {kind}), or none"
            )


def _check_judge_texts(config: Mapping, human: Sequence[Mapping]) -> None:
    """Where texts are judged, the judge has labelled texts in every language."""
    if not config["steering"]["enabled"] or config["judge_texts"] == "planted":
        return
    for language in config["languages"]:
        if language not in config["judge_texts"] and config["judges"].get(language):
            continue  # another judge reads it (planning/judges.py)
        allowed = [r["dataset"] for r in human if r["kind"] == "labelled-text" and r["language"] == language]
        if (found := config["judge_texts"].get(language)) not in allowed:
            raise ConfigError(
                f"{PLACE}: key judge_texts.{language} is {shown(found)}; allowed: {listing(allowed) or 'none'}"
                " (config/human.tsv, kind labelled-text); or leave it out and name a judge of another kind (key"
                f" judges.{language}, config/judges.tsv)"
            )


def _check_emotions(config: Mapping, known: Sequence[str]) -> list[str]:
    """The study's emotions, in table order."""
    asked = known if config["emotions"] == "all" else list(config["emotions"])
    _check_names(asked, known, "emotions", "resources/emotions.tsv")
    emotions = [e for e in known if e in asked]
    if len(emotions) < 4:
        raise ConfigError(
            f"{PLACE}: key emotions has {len(emotions)}; needed: 4 or more, an emotion space has no shape below that"
        )
    return emotions


def _check_concepts(
    config: Mapping,
    emotions: Sequence[str],
    known: Sequence[str],
    tables: Mapping[str, Sequence[Mapping]],
    paths: Mapping[str, Path],
) -> None:
    """Every source of concept-sets, the primary one and those of specs, has words in every language."""
    sources = {f"{PLACE}: key concepts": config["concepts"]} | {
        f"config/variants.tsv: variant {r['variant']}, column concepts": r["concepts"]
        for r in tables["variants"]
        if r["variant"] in config["specs"] and r["concepts"]
    }
    for where, source in sources.items():
        for language in config["languages"]:
            if source in OWN_CONCEPTS:
                read_concepts(paths[language], emotions, source, known)
            else:
                _check_dataset(source, ("association", "lexicon"), language, tables["human"], where, OWN_CONCEPTS)


def _check_word_data(config: Mapping, human: Sequence[Mapping]) -> None:
    """Datasets of word properties, associations and dictionaries have rows of their kind."""
    for key, kinds in (
        ("word_properties", ("frequency", "concreteness")),
        ("associations", ("association",)),
        ("dictionaries", ("dictionary",)),
    ):
        _check_names(list(config[key]), config["languages"], key, "config.yaml, key languages")
        for language, found in config[key].items():
            for dataset in [found] if isinstance(found, str) else found:
                _check_dataset(dataset, kinds, language, human, f"{PLACE}: key {key}.{language}")


def _check_dataset(
    found: str, kinds: Sequence[str], language: str, rows: Sequence[Mapping], where: str, others: Sequence[str] = ()
) -> None:
    """A dataset has a row of one of these kinds in a language; `others` are allowed beside them."""
    allowed = [*others, *(r["dataset"] for r in rows if r["kind"] in kinds and r["language"] == language)]
    if found not in allowed:
        raise ConfigError(
            f"{where} is {shown(found)}{hint(found, allowed)}; allowed for language {language!r}:"
            f" {listing(allowed) or 'none'} (config/human.tsv, kind {' or '.join(kinds)})"
        )
