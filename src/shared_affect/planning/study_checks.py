"""What a whole study needs, asked for before any job: words, emotions, languages, rows that fit their source.

Each of these was once found by a job, hours after the study had started. What one key or one table says is checked in
`checks`; here is what several say together.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from shared_affect.base.reading import read_written
from shared_affect.study.checks import (
    OWN_CONCEPTS,
    PLACE,
    ConfigError,
    read_concepts,
    read_names,
    read_prompts,
)
from shared_affect.study.overlays import expand_path

PLANTED_LANGUAGES = ("en", "zh")
"""Languages of the planted world (planted/world.py)."""

TRAINED_BLOCKS = {"gemma2": 2, "llama": 2}
"""Blocks of the models that the workflow trains (planted/language_model.py, which needs torch to be asked)."""

OWN_WORDS = 2
OWN_WORDS_STEERED = 3
"""Words that an emotion needs for itself: features are told from two; a vector is made of half of the words, and that
half needs two again."""

MIN_PAIRS = 3
"""Pairs of emotions that a pair set needs (rsa.py)."""

MIN_EMOTIONS = 4
"""Emotions with valence and arousal that the dimensions need (dimensions.py)."""

COLUMNS_OF = {
    ("models", "trained"): ("world", "train_tokens", "replicate"),
    ("models", "hub"): ("id",),
    ("saes", "trained"): ("architecture", "k", "d_sae", "texts", "train_tokens"),
    ("saes", "release"): ("release", "id"),
}
"""Columns that a row of a source needs."""

FOLDER_OF = {
    ("models", "trained"): "{results}/models/{model}",
    ("models", "hub"): "{retrieved}/models/{model}",
    ("saes", "trained"): "{results}/saes/{model}/{sae}",
    ("saes", "release"): "{retrieved}/saes/{model}/{sae}",
}
"""Where the workflow itself puts what it makes or fetches."""


def fill(text: str, places: Mapping[str, str], where: str) -> str:
    """A path of a table with its folders, ``~`` and ``$VARIABLES`` filled in.

    Parameters
    ----------
    text : str
    places : mapping
        Names in braces and what they stand for.
    where : str
        Table, row and column for messages.

    Raises
    ------
    ConfigError
        For a brace that names nothing.
    """
    try:
        return expand_path(text.format(**places))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None
    except (KeyError, IndexError, ValueError):
        raise ConfigError(f"{where} is {text!r}; allowed in braces: {', '.join(places)}") from None


def check_rows(config: Mapping, tables: Mapping[str, Sequence[Mapping]]) -> None:
    """Rows of models and SAEs that the study uses hold what their source needs.

    Raises
    ------
    ConfigError
        Naming table, row and column.
    """
    used = set(config["models"]) | set(config["control_models"])
    families = {r["model"]: r for r in tables["models"]}
    for table in ("models", "saes"):
        for r in (r for r in tables[table] if r["model"] in used):
            where = f"config/{table}.tsv, row {r['model']}{' ' + r['sae'] if table == 'saes' else ''}"
            kind = (table, r["source"])
            if empty := [c for c in COLUMNS_OF.get(kind, ()) if r[c] is None]:
                raise ConfigError(
                    f"{where}: column {empty[0]} is empty; needed where source is {r['source']} (docs/configuration.md)"
                )
            if kind in FOLDER_OF and r["path"] != (
                needed := FOLDER_OF[kind].replace("{model}", r["model"]).replace("{sae}", r.get("sae", ""))
            ):
                raise ConfigError(
                    f"{where}: column path is {r['path']!r}; allowed where source is {r['source']}: {needed}"
                )
            if table == "models":
                if r["source"] == "trained" and r["family"] not in TRAINED_BLOCKS:
                    raise ConfigError(
                        f"{where}: column family is {r['family']!r}; allowed where source is trained: "
                        f"{', '.join(TRAINED_BLOCKS)}"
                    )
                continue
            model = families[r["model"]]
            if model["source"] == "trained" and r["layer"] >= TRAINED_BLOCKS[model["family"]]:
                n = TRAINED_BLOCKS[model["family"]]
                raise ConfigError(
                    f"{where}: column layer is {r['layer']}; allowed: 0 to {n - 1}, a {model['family']} model "
                    f"that the workflow trains has {n} blocks"
                )
            if r["source"] == "trained" and r["k"] > r["d_sae"]:
                raise ConfigError(f"{where}: column k is {r['k']}; allowed: at most d_sae, {r['d_sae']}")
            if r["source"] == "trained" and r["texts"] == "world" and not model["world"]:
                raise ConfigError(
                    f"{where}: column texts is 'world', but the model has no planted world (config/models.tsv, "
                    f"column world); allowed here: texts of another kind"
                )
            if None not in (r["l0_min"], r["l0_max"]) and r["l0_min"] > r["l0_max"]:
                raise ConfigError(
                    f"{where}: column l0_min is {r['l0_min']:g}, l0_max {r['l0_max']:g}; allowed: l0_min at most l0_max"
                )
    for r in (r for r in tables["variants"] if r["variant"] in config["control_variants"]):
        where = f"config/variants.tsv, row {r['variant']}"
        if r["shuffle"] == "none":
            raise ConfigError(f"{where}: column shuffle is 'none' in a control; allowed: norms, concepts")
        if r["concepts"]:
            raise ConfigError(
                f"{where}: column concepts is {r['concepts']!r} in a control; allowed: empty (a row of kind "
                f"spec may read other words)"
            )


def check_words(
    config: Mapping, emotions: Sequence[str], tables: Mapping[str, Sequence[Mapping]], concept_paths: Mapping[str, Path]
) -> None:
    """Each emotion has enough words of its own, in every language, wherever words stand in the committed tables.

    Words of several emotions are no emotion's own: they are left out where features are selected.

    Raises
    ------
    ConfigError
        Naming every emotion that has too few, its language and its words.
    """
    steered = config["steering"]["enabled"]
    needed = OWN_WORDS_STEERED if steered else OWN_WORDS
    sources = dict.fromkeys(
        [
            config["concepts"],
            *(r["concepts"] for r in tables["variants"] if r["variant"] in config["specs"] and r["concepts"]),
        ]
    )
    contrast = {r["emotion"] for r in tables["emotions"] if r["contrast"]}
    for source in (s for s in sources if s in OWN_CONCEPTS):
        # only the primary configuration is steered
        least = needed if source == config["concepts"] else OWN_WORDS
        for language in config["languages"]:
            words = read_concepts(concept_paths[language], emotions, source)
            sets = Counter(w for own in words.values() for w in own)
            among = Counter(w for e, own in words.items() if e in contrast for w in own)
            # the rule of `concepts.own_words`, which needs pandas: an emotion outside the contrast takes no word from
            # the others
            own = {
                e: [w for w in found if (among[w] == 1 if e in contrast else not among[w] and sets[w] == 1)]
                for e, found in words.items()
            }
            if poor := [e for e in emotions if len(own[e]) < least]:
                listed = "; ".join(f"{e} has {len(own[e])} ({', '.join(own[e]) or 'none'})" for e in poor[:6]) + (
                    f"; and {len(poor) - 6} more" if len(poor) > 6 else ""
                )
                why = (
                    "steering makes a vector of half of them, which needs two"
                    if least > OWN_WORDS
                    else "features are told from two"
                )
                shared = sum(n > 1 for n in sets.values())
                raise ConfigError(
                    f"resources/concepts/{language}.tsv: words of an emotion's own, needed: {least} or more "
                    f"({why}): {listed}. "
                    + (f"{shared} words stand under several emotions and count for none. " if shared else "")
                    + f"Add rows, take the emotion out of config.yaml, key "
                    f"emotions{', or set steering.enabled to false (then 2 are enough)' if least > OWN_WORDS else ''}"
                )


def check_files(
    config: Mapping, tables: Mapping[str, Sequence[Mapping]], places: Mapping[str, str], resources: str | Path
) -> None:
    """Files that a language or a dataset needs are there: texts, prompts, cues, categories, label maps, own data.

    Files that a rule makes, below ``{results}``, are not looked for, nor those of ``config/sources.tsv``.

    Raises
    ------
    ConfigError
        Naming the file, what it is for and what would do without it.
    """
    resources = Path(resources)
    world = Path(places["results"]) / "world/affect"

    def need(path: Path, what: str, remedy: str) -> None:
        if not path.is_file():
            raise ConfigError(f"{path} does not exist: {what}; {remedy}")

    planted_only = f"{PLACE}: the planted world speaks {', '.join(PLANTED_LANGUAGES)}"
    for k in config["languages"]:
        for name, what in (
            ("fidelity", "ordinary text, on which SAEs are checked"),
            ("neutral", "affect-free text, on which firing rates are counted"),
        ):
            if config["running_texts"] == "authored":
                need(
                    resources / f"texts/{name}_{k}.txt",
                    f"language {k!r} needs {what}",
                    "write it, one text a line (docs/data.md, Add a language), or take the language out of "
                    "config.yaml, key languages",
                )
            elif k not in PLANTED_LANGUAGES:
                need(
                    world / f"{name}_{k}.txt",
                    f"language {k!r} needs {what}",
                    f"{planted_only}: set running_texts to authored and write "
                    f"{resources.name}/texts/{name}_{k}.txt, or put the file there",
                )
        if config["steering"]["enabled"]:
            check_steered(config, k, resources, world)
    for source in {config["concepts"]} | {
        r["concepts"] for r in tables["variants"] if r["variant"] in config["specs"] and r["concepts"]
    }:
        for k in (k for k in config["languages"] if source not in OWN_CONCEPTS):
            kind = next(
                r["kind"]
                for r in tables["human"]
                if r["dataset"] == source and r["language"] == k and r["kind"] in ("association", "lexicon")
            )
            path = resources / (f"cues/{k}.tsv" if kind == "association" else f"categories/{source}.tsv")
            need(
                path,
                f"concept words of {source!r}, language {k!r}, are found by it",
                "write it (docs/concepts.md), or name another source (config.yaml, key concepts; config/variants.tsv)",
            )
            known = [r["emotion"] for r in tables["emotions"]]
            lexicon = kind == "lexicon"
            read_names(path, "category" if lexicon else "word", known=known, may_be_empty=lexicon)
    if (resources / "translations.tsv").is_file():
        _as_written(resources / "translations.tsv", ["pair"], None, key=["pair"])
    for r in tables["human"]:
        if r["language"] in config["languages"] and (r["kind"], r["dataset"]) in {
            ("judgements", config["human"]),
            ("norms", config["norms"]),
        }:
            where = f"config/human.tsv, row {r['dataset']} {r['kind']} {r['language']}"
            columns = [("path", p) for p in r["path"].split()] + [
                (c, r[c]) for c in ("valence_norm", "coordinates") if r[c] and "/" in r[c]
            ]
            for column, text in ((c, t) for c, t in columns if not t.startswith(("{data}", "{results}"))):
                need(
                    Path(fill(text, places, f"{where}, column {column}")),
                    f"{where}, column {column}, names it",
                    "put it there or change the row",
                )
            if r["loader"] == "standard" and r["raters"] != "planted":
                _read_own(r, places, where)


def _as_written(path: Path, needed: Sequence[str], optional: Sequence[str] | None = (), **how) -> list[dict]:
    """`reading.read_written`, whose refusals are errors of the configuration here."""
    try:
        return read_written(path, needed, optional, **how)
    except ValueError as error:
        raise ConfigError(str(error)) from None


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


def check_steered(config: Mapping, language: str, resources: Path, world: Path) -> None:
    """A language can be steered in: words can be found in its texts, it has prompts of both halves and a judge's texts.

    Raises
    ------
    ConfigError
        Naming what is missing and that steering can be left out.
    """
    from shared_affect.words.segmentation import LANGUAGES

    without = "or set steering.enabled to false (config.yaml)"
    if language not in LANGUAGES:
        raise ConfigError(
            f"{PLACE}: steering.enabled is true and languages names {language!r}, in whose texts no words can "
            f"be found; allowed: {', '.join(LANGUAGES)} "
            f"(shared_affect/words/segmentation.py), {without}"
        )
    prompts = resources / f"prompts/{language}.tsv"
    if not prompts.is_file():
        raise ConfigError(
            f"{prompts} does not exist: language {language!r} is steered from prompts; write it (columns "
            f"prompt, split, text), {without}"
        )
    splits = {split for _, split, _ in read_prompts(prompts)}
    if lacking := [s for s in ("choose", "score") if s not in splits]:
        raise ConfigError(
            f"{prompts} has no prompt of split {lacking[0]!r}; needed: prompts of both halves (choose, score), "
            f"{without}"
        )
    if config["judge_texts"] == "planted":
        if language not in PLANTED_LANGUAGES and not (world / f"judge_{language}.tsv").is_file():
            raise ConfigError(
                f"{PLACE}: key judge_texts is planted, and the planted world speaks "
                f"{', '.join(PLANTED_LANGUAGES)}; needed for {language!r}: a dataset of kind labelled-text, {without}"
            )
    elif not (labels := resources / f"judges/{config['judge_texts'][language]}.tsv").is_file():
        raise ConfigError(
            f"{labels} does not exist: it says which emotions the labels of {config['judge_texts'][language]!r} "
            f"stand for; write it (docs/concepts.md), {without}"
        )


def planted_classes(path: str | Path, language: str) -> dict[str, str]:
    """Valence class of every planted emotion in a language, by the committed table: no seed moves a centre over
    zero.
    """
    rows = _as_written(path, ["emotion", "valence"], None)
    middle = {
        r["emotion"]: float(r["valence"]) + (float(r.get("zh_shift_valence") or 0) if language == "zh" else 0)
        for r in rows
    }
    return {e: "positive" if v > 0 else "negative" for e, v in middle.items()}


def n_pairs(name: str, classes: Mapping[str, str]) -> int:
    """Pairs of a pair set, by the rule of `rsa.select_pairs`."""
    sizes = Counter(classes.values())
    if name == "all":
        return len(classes) * (len(classes) - 1) // 2
    wanted = ("positive", "negative") if name == "within-valence" else (name.removeprefix("within-"),)
    return sum(sizes[c] * (sizes[c] - 1) // 2 for c in wanted)


def check_emotions(
    config: Mapping, emotions: Sequence[str], classes_of: Callable[[str], Mapping[str, str] | None]
) -> None:
    """The emotions are enough for every pair set and for the dimensions.

    Parameters
    ----------
    config : mapping
    emotions : sequence of str
    classes_of : function of a language
        Emotion -> "positive" or "negative" of those whose valence is known; None where nothing is known before the run.

    Raises
    ------
    ConfigError
        Naming the pair set, what it has and what each class holds.
    """
    for language in config["languages"]:
        known = classes_of(language)
        if known is None:
            continue
        classes = {e: known[e] for e in emotions if e in known}
        unrated = [e for e in emotions if e not in known]
        held = "; ".join(
            f"{c}: {', '.join(e for e in classes if classes[e] == c) or 'none'}" for c in ("positive", "negative")
        )
        held += f"; without a rating of valence: {', '.join(unrated)}" if unrated else ""
        if len(classes) < MIN_EMOTIONS:
            raise ConfigError(
                f"{PLACE}: key emotions leaves {len(classes)} with valence in language {language!r}; needed: "
                f"{MIN_EMOTIONS} or more for the dimensions ({held})"
            )
        for name in config["rsa"]["pairs"]:
            if (n := n_pairs(name, classes)) < MIN_PAIRS:
                raise ConfigError(
                    f"{PLACE}: key emotions leaves {n} pairs for the pair set {name!r} in language "
                    f"{language!r}; needed: {MIN_PAIRS} or more ({held}). "
                    "Add emotions of a class that has fewer than 3, or take the pair set out of rsa.pairs"
                )
