"""Files that a whole study needs, looked for before any job: texts, prompts, cues, categories, label maps, own data.

Files that a rule makes, below ``{results}``, are not looked for, nor those of ``config/sources.tsv``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from shared_affect.base.reading import read_lines
from shared_affect.planning import prompts
from shared_affect.planning.study_checks import concept_sources, fill
from shared_affect.planted.rows import LANGUAGES as PLANTED_LANGUAGES
from shared_affect.study.config import PLACE, ConfigError, read_committed
from shared_affect.study.inputs import OWN_CONCEPTS, read_labels, read_names

RUNNING_TEXTS = {
    "fidelity": "ordinary text, on which SAEs are checked",
    "neutral": "affect-free text, on which firing rates are counted",
}
"""Running texts that every language needs, and what for."""


def check_files(
    config: Mapping, tables: Mapping[str, Sequence[Mapping]], places: Mapping[str, str], resources: str | Path
) -> None:
    """Files that a language or a dataset needs are there.

    Parameters
    ----------
    config : mapping
    tables : mapping
        Rows of ``variants, human, emotions, languages``.
    places : mapping
        Names in braces of paths and what they stand for; ``results`` and ``data_dir`` among them.
    resources : path
        Folder of the committed inputs.

    Raises
    ------
    ConfigError
        Naming the file, what it is for and what would do without it.
    """
    resources = Path(resources)
    world = Path(places["results"]) / "world/affect"
    for language in config["languages"]:
        _check_running_texts(config, language, resources, world)
        if config["steering"]["enabled"]:
            _check_splitter(language, tables["languages"])
            check_steered(config, language, resources, world, [r["emotion"] for r in tables["emotions"]])
    for source in concept_sources(config, tables["variants"]):
        if source not in OWN_CONCEPTS:
            for language in config["languages"]:
                _check_names_of_emotions(source, language, tables, resources)
    if (resources / "translations.tsv").is_file():
        read_committed(resources / "translations.tsv", ["pair"], None, key=["pair"])
    for r in tables["human"]:
        if r["language"] in config["languages"] and (r["kind"], r["dataset"]) in {
            ("judgements", config["human"]),
            ("norms", config["norms"]),
            ("profiles", config["profiles"]),
            *(("vignettes", dataset) for dataset in config["validity"]),
        }:
            _check_dataset(r, places)
            if r["kind"] in ("profiles", "vignettes"):
                _check_beside(r, config["emotions"], [e["emotion"] for e in tables["emotions"]], resources)


def _check_beside(row: Mapping, asked: Sequence[str] | str, known: Sequence[str], resources: Path) -> None:
    """What emotions are called in profiles of words or in vignettes is written down, and enough of the study's are."""
    raters = row["human_language"]
    of_profiles = row["kind"] == "profiles"
    path = resources / (f"profiles/{raters}.tsv" if of_profiles else f"categories/{row['dataset']}.tsv")
    where = f"config/human.tsv, row {row['dataset']} {row['kind']} {row['language']}"
    remedy = f"write it (docs/{'data' if of_profiles else 'validity'}.md), or take the dataset out of config.yaml"
    _need(path, f"{where}: its words or categories stand for emotions by it", remedy)
    names = read_names(path, "word" if of_profiles else "category", known=known, may_be_empty=not of_profiles)
    if of_profiles:
        _need(resources / f"concepts/{raters}.tsv", f"{where}: concept words in the raters' language", remedy)
    emotions = known if asked == "all" else asked
    found = [e for e in dict.fromkeys(e for e, _ in names if e) if e in emotions]
    if len(found) < (least := 3 if of_profiles else 2):
        raise ConfigError(
            f"{PLACE}: key emotions names {len(found)} that {row['dataset']} has {row['kind']} of"
            f" ({', '.join(found) or 'none'}); needed: {least} or more; {path.name} knows"
            f" {', '.join(dict.fromkeys(e for e, _ in names if e))}"
        )


def _need(path: Path, what: str, remedy: str) -> None:
    if not path.is_file():
        raise ConfigError(f"{path} does not exist: {what}; {remedy}")


def _check_running_texts(config: Mapping, language: str, resources: Path, world: Path) -> None:
    """A language has running texts, authored or of the planted world."""
    for name, what in RUNNING_TEXTS.items():
        file = f"texts/{name}_{language}.txt"
        if config["running_texts"] == "authored":
            _need(
                resources / file,
                f"language {language!r} needs {what}",
                "write it, one text a line (docs/data.md, Add a language), or take the language out of "
                "config.yaml, key languages",
            )
            _read_running(resources / file)
        elif language not in PLANTED_LANGUAGES:
            _need(
                world / f"{name}_{language}.txt",
                f"language {language!r} needs {what}",
                f"{PLACE}: the planted world speaks {', '.join(PLANTED_LANGUAGES)}: set running_texts to authored "
                f"and write {resources.name}/{file}, or put the file there",
            )


def _read_running(path: Path) -> None:
    """Running texts are read once before any job, as jobs read them."""
    try:
        read_lines(path)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def _check_names_of_emotions(
    source: str, language: str, tables: Mapping[str, Sequence[Mapping]], resources: Path
) -> None:
    """What the emotions are called in a source of concept words is written down."""
    kind = next(
        r["kind"]
        for r in tables["human"]
        if r["dataset"] == source and r["language"] == language and r["kind"] in ("association", "lexicon")
    )
    lexicon = kind == "lexicon"
    path = resources / (f"categories/{source}.tsv" if lexicon else f"cues/{language}.tsv")
    _need(
        path,
        f"concept words of {source!r}, language {language!r}, are found by it",
        "write it (docs/concepts.md), or name another source (config.yaml, key concepts; config/variants.tsv)",
    )
    known = [r["emotion"] for r in tables["emotions"]]
    read_names(path, "category" if lexicon else "word", known=known, may_be_empty=lexicon)


def _check_dataset(row: Mapping, places: Mapping[str, str]) -> None:
    """Files of a row of human.tsv that no rule makes and no source offers are there, and can be read."""
    where = f"config/human.tsv, row {row['dataset']} {row['kind']} {row['language']}"
    columns = [("path", p) for p in row["path"].split()] + [
        (c, row[c]) for c in ("valence_norm", "coordinates") if row[c] and "/" in row[c]
    ]
    for column, text in ((c, t) for c, t in columns if not t.startswith(("{data}", "{results}"))):
        path = Path(fill(text, places, f"{where}, column {column}"))
        _need(path, f"{where}, column {column}, names it", "put it there or change the row")
    if row["loader"] == "standard" and row["raters"] != "planted":
        _read_own(row, places, where)


def _read_own(row: Mapping, places: Mapping[str, str], where: str) -> None:
    """A dataset of the user's own is read once before any job, as its job reads it."""
    paths = [
        Path(places["data_dir"], text.removeprefix("{data}/"))
        if text.startswith("{data}")
        else Path(fill(text, places, f"{where}, column path"))
        for text in row["path"].split()
    ]
    if not all(p.is_file() for p in paths):
        return  # of data_dir: named with everything else that is lacking
    from shared_affect.human.loaders import load

    try:
        load(row["kind"], row["loader"], paths)
    except ValueError as error:
        raise ConfigError(f"{error} ({where})") from None


def _check_splitter(language: str, languages: Sequence[Mapping]) -> None:
    """Words can be found in the texts of a language that is steered in."""
    from shared_affect.words.segmentation import check_splitter

    splitter = next(r["splitter"] for r in languages if r["language"] == language)
    try:
        check_splitter(splitter, language, "steered texts are judged by their words")
    except ValueError as error:
        raise ConfigError(f"{PLACE}: steering.enabled is true: {error}, or set steering.enabled to false") from None


def check_steered(
    config: Mapping, language: str, resources: Path, world: Path, emotions: Sequence[str] | None = None
) -> None:
    """A language can be steered in: it has prompts of both halves and a judge's texts.

    Labels of the judge's texts stand for some of these emotions; with None that is not looked at.

    Raises
    ------
    ConfigError
        Naming what is missing and that steering can be left out.
    """
    without = "or set steering.enabled to false (config.yaml)"
    prompts.read_set(config["prompts"], language, resources, f", {without}")
    if config["judge_texts"] == "planted":
        if language not in PLANTED_LANGUAGES and not (world / f"judge_{language}.tsv").is_file():
            raise ConfigError(
                f"{PLACE}: key judge_texts is planted, and the planted world speaks "
                f"{', '.join(PLANTED_LANGUAGES)}; needed for {language!r}: a dataset of kind labelled-text, {without}"
            )
    elif (
        language in config["judge_texts"]
        and not (labels := resources / f"judges/{config['judge_texts'][language]}.tsv").is_file()
    ):
        raise ConfigError(
            f"{labels} does not exist: it says which emotions the labels of {config['judge_texts'][language]!r} "
            f"stand for; write it (docs/concepts.md), {without}"
        )
    elif language in config["judge_texts"]:
        read_labels(labels, emotions)
