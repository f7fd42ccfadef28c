"""What a whole study needs, asked for before any job: words, emotions, languages, rows that fit their source.

Each of these was once found by a job, hours after the study had started. What one key or one table says is checked in
`study.checks`; here is what several say together. Files are looked for in `file_checks`.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from string import Formatter

from shared_affect.base.reading import shown
from shared_affect.study.analysed import analysed, models_of
from shared_affect.study.config import PLACE, ConfigError, hint, read_committed
from shared_affect.study.inputs import OWN_CONCEPTS, read_concepts, read_number
from shared_affect.study.overlays import expand_path

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
    ("models", "untrained-twin"): ("twin_of",),
    ("saes", "trained"): ("architecture", "k", "d_sae", "texts", "train_tokens"),
    ("saes", "release"): ("release", "id"),
    ("saes", "hub"): ("id",),
}
"""Columns that a row of a source needs."""

SOURCES_OF = {"release": ("release",), "subfolder": ("hub",), "revision": ("hub",)}
"""Columns of the SAEs' table that only rows of some sources are read by."""

FOLDER_OF = {
    ("models", "trained"): "{results}/models/{model}",
    ("models", "hub"): "{retrieved}/models/{model}",
    ("models", "untrained-twin"): "{results}/models/{model}",
    ("saes", "trained"): "{results}/saes/{model}/{sae}",
    ("saes", "release"): "{retrieved}/saes/{model}/{sae}",
    ("saes", "hub"): "{retrieved}/saes/{model}/{sae}",
}
"""Where the workflow itself puts what it makes or fetches."""


SAME_FILES = {"release": ("release", "id"), "hub": ("id", "subfolder", "revision")}
"""Sources of published SAEs, and the columns besides place and block that say which one it is; what is read on a twin
stands with its original, so that it is fetched once."""

SAME_TRAINING = ("architecture", "k", "d_sae", "texts", "train_tokens")
"""How an SAE is trained: columns in which a twin's is as its original's."""

TWINNED = ("local", "hub")
"""Sources of models that may have an untrained twin; of those that the workflow trains there are untrained rows."""


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
        pieces = list(Formatter().parse(text))
    except ValueError:  # a brace that does not close
        pieces = [("", "", None, None)]
    # a format may ask for more than a value: an attribute, an item, a width
    if any(name is not None and (name not in places or form or turn) for _, name, form, turn in pieces):
        raise ConfigError(f"{where} is {shown(text)}; allowed in braces: {', '.join(places)}")
    try:
        return expand_path("".join(before + (places[name] if name else "") for before, name, _, _ in pieces))
    except ConfigError as error:
        raise ConfigError(f"{where}: {error}") from None


def check_rows(config: Mapping, tables: Mapping[str, Sequence[Mapping]]) -> None:
    """Rows of models and SAEs that the study uses hold what their source needs.

    Raises
    ------
    ConfigError
        Naming table, row and column.
    """
    used = set(config["models"]) | set(config["control_models"])
    check_rule_names([*config["models"], *config["control_models"]])
    models = {r["model"]: r for r in tables["models"]}
    for r in (r for r in tables["models"] if r["model"] in used):
        where = f"config/models.tsv, row {r['model']}"
        _check_source("models", r, where)
        _check_twin(r, models, where)
        if r["source"] == "trained" and r["family"] not in TRAINED_BLOCKS:
            raise ConfigError(
                f"{where}: column family is {r['family']!r}; allowed where source is trained: "
                f"{', '.join(TRAINED_BLOCKS)}"
            )
    for r in (r for m in models_of(config) for r in analysed(config, tables["saes"], m)):
        where = f"config/saes.tsv, row {r['model']} {r['sae']}"
        _check_source("saes", r, where, holder=models[r["model"]]["twin_of"])
        _check_sae(r, models[r["model"]], where)
        _check_sae_of_twin(r, models[r["model"]]["twin_of"], tables["saes"], where)
    for r in (r for r in tables["variants"] if r["variant"] in config["control_variants"]):
        _check_control(r, f"config/variants.tsv, row {r['variant']}")


def check_rule_names(models: Sequence[str]) -> None:
    """Each model has rules of its own, in whose names ``-`` and ``.`` are ``_``.

    Raises
    ------
    ConfigError
        For two models whose rules would have one name.
    """
    first: dict[str, str] = {}
    for model in models:
        own = model.replace("-", "_").replace(".", "_")
        if own in first:
            raise ConfigError(
                f"{PLACE}: keys models and control_models name {first[own]!r} and {model!r}, which differ in - and ."
                " alone; allowed in one study: one of them (config/models.tsv, column model)"
            )
        first[own] = model


def _check_twin(row: Mapping, models: Mapping[str, Mapping], where: str) -> None:
    """A twin names a model that has weights of its own, reads texts as that does, and is a control."""
    named = row["twin_of"]
    if row["source"] != "untrained-twin":
        if named is not None:
            raise ConfigError(
                f"{where}: column twin_of is {named!r}, and source {row['source']!r}; allowed: empty, or source"
                " untrained-twin"
            )
        return
    allowed = [m for m, r in models.items() if r["source"] in TWINNED]
    if named not in allowed:
        raise ConfigError(
            f"{where}: column twin_of is {shown(named)}{hint(named, allowed)}; allowed: a row whose source is"
            f" {' or '.join(TWINNED)}: {', '.join(allowed)}"
        )
    original = models[named]
    if row["control"] != "untrained":
        raise ConfigError(
            f"{where}: column control is {row['control']!r}; allowed where source is untrained-twin: untrained"
        )
    for column in ("family", "bos"):
        if row[column] != original[column]:
            raise ConfigError(
                f"{where}: column {column} is {shown(row[column])}; allowed: {shown(original[column])}, as of {named},"
                " whose twin this is"
            )
    _check_source("models", original, f"config/models.tsv, row {named}")


def _check_sae_of_twin(row: Mapping, original: str | None, saes: Sequence[Mapping], where: str) -> None:
    """An SAE that is read on a twin is the original's of that name: the very files where it is published, one made in
    the same way where both are trained, on the same block in any case.
    """
    if original is None:
        return
    source, own = row["source"], [r for r in saes if r["model"] == original]
    found = next((r for r in own if r["sae"] == row["sae"]), None)
    if source in SAME_FILES:
        same = ("layer", "source", "path", *SAME_FILES[source])
    else:
        same = ("layer", *(SAME_TRAINING if found and found["source"] == source == "trained" else ()))
    fetched = source in SAME_FILES
    if (found is None and fetched) or (found and any(found[c] != row[c] for c in same)):
        wanted = "; ".join(f"{c} {shown(found[c])}" for c in same) if found else f"an SAE of that name of {original}"
        raise ConfigError(
            f"{where}: it is not the SAE of that name of {original}, whose untrained twin {row['model']} is; needed:"
            f" {wanted}{', or source trained' if fetched else ''}"
        )
    most = max((r["train_tokens"] for r in own if is_sampled(r)), default=None)
    if most is not None and is_sampled(row) and row["train_tokens"] > most:
        raise ConfigError(
            f"{where}: column train_tokens is {row['train_tokens']}; allowed: at most {most}, the tokens that"
            f" {original}, whose untrained twin this is, writes for itself; a control changes nothing of what it"
            " controls"
        )


def is_sampled(row: Mapping) -> bool:
    """Whether an SAE learns from texts that its model, or the original of a twin, writes."""
    return row["source"] == "trained" and row["texts"] == "sampled"


def _check_source(table: str, row: Mapping, where: str, holder: str | None = None) -> None:
    """A row has the columns that its source needs, and the folder that the workflow puts it in.

    What is fetched for a twin stands with its original (`holder`).
    """
    kind = (table, row["source"])
    if empty := [c for c in COLUMNS_OF.get(kind, ()) if row[c] is None]:
        raise ConfigError(
            f"{where}: column {empty[0]} is empty; needed where source is {row['source']} (docs/configuration.md)"
        )
    if kind in FOLDER_OF:
        owner = holder if holder and row["source"] in SAME_FILES else row["model"]
        needed = FOLDER_OF[kind].replace("{model}", owner).replace("{sae}", row.get("sae", ""))
        if row["path"] != needed:
            raise ConfigError(
                f"{where}: column path is {row['path']!r}; allowed where source is {row['source']}: {needed}"
            )


def _check_sae(row: Mapping, model: Mapping, where: str) -> None:
    """An SAE fits its model, and its numbers fit each other."""
    for column, sources in SOURCES_OF.items():
        if row[column] is not None and row["source"] not in sources:
            why = (
                "; sae-lens fetches a release at no revision"
                if (column, row["source"]) == ("revision", "release")
                else ""
            )
            raise ConfigError(
                f"{where}: column {column} is {row[column]!r}; allowed: empty where source is {row['source']}, "
                f"only rows of source {sources[0]} have it{why}"
            )
    if row["source"] == "hub":
        if not re.fullmatch(r"[A-Za-z0-9._-]+/[A-Za-z0-9._-]+", row["id"]):
            raise ConfigError(
                f"{where}: column id is {row['id']!r}; allowed where source is hub: owner/name of a repository (a "
                "folder inside it stands in column subfolder)"
            )
        if any(part in ("", ".", "..") for part in (row["subfolder"] or "x").split("/")):
            raise ConfigError(
                f"{where}: column subfolder is {row['subfolder']!r}; allowed: names of folders with / between, or empty"
            )
    if model["source"] == "trained" and row["layer"] >= TRAINED_BLOCKS[model["family"]]:
        n = TRAINED_BLOCKS[model["family"]]
        raise ConfigError(
            f"{where}: column layer is {row['layer']}; allowed: 0 to {n - 1}, a {model['family']} model "
            f"that the workflow trains has {n} blocks"
        )
    if row["source"] == "trained" and row["k"] > row["d_sae"]:
        raise ConfigError(f"{where}: column k is {row['k']}; allowed: at most d_sae, {row['d_sae']}")
    if row["source"] == "trained" and row["texts"] == "world" and not model["world"]:
        raise ConfigError(
            f"{where}: column texts is 'world', but the model has no planted world (config/models.tsv, "
            f"column world); allowed here: texts of another kind"
        )
    if None not in (row["l0_min"], row["l0_max"]) and row["l0_min"] > row["l0_max"]:
        raise ConfigError(
            f"{where}: column l0_min is {row['l0_min']:g}, l0_max {row['l0_max']:g}; allowed: l0_min at most l0_max"
        )


def _check_control(row: Mapping, where: str) -> None:
    """A control variant shuffles something, and reads the study's own words."""
    if row["shuffle"] == "none":
        raise ConfigError(f"{where}: column shuffle is 'none' in a control; allowed: norms, concepts")
    if row["concepts"]:
        raise ConfigError(
            f"{where}: column concepts is {row['concepts']!r} in a control; allowed: empty (a row of kind "
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
    needed = OWN_WORDS_STEERED if config["steering"]["enabled"] else OWN_WORDS
    contrast = {r["emotion"] for r in tables["emotions"] if r["contrast"]}
    for source in (s for s in concept_sources(config, tables["variants"]) if s in OWN_CONCEPTS):
        # only the primary configuration is steered
        least = needed if source == config["concepts"] else OWN_WORDS
        for language in config["languages"]:
            words = read_concepts(concept_paths[language], emotions, source)
            _require_own(words, contrast, least, language)


def concept_sources(config: Mapping, variants: Sequence[Mapping]) -> list[str]:
    """Where concept words come from: the study's own source, then those of its specs, each once."""
    of_specs = [r["concepts"] for r in variants if r["variant"] in config["specs"] and r["concepts"]]
    return list(dict.fromkeys([config["concepts"], *of_specs]))


def _require_own(words: Mapping[str, Sequence[str]], contrast: Collection[str], least: int, language: str) -> None:
    """Refuse emotions with too few words of their own."""
    sets = Counter(w for own in words.values() for w in own)
    among = Counter(w for e, own in words.items() if e in contrast for w in own)
    # the rule of `concept_sets.own_words`, which needs pandas: an emotion outside the contrast takes no word from
    # the others
    own = {
        e: [w for w in found if (among[w] == 1 if e in contrast else not among[w] and sets[w] == 1)]
        for e, found in words.items()
    }
    poor = [e for e in words if len(own[e]) < least]
    if not poor:
        return
    listed = "; ".join(f"{e} has {len(own[e])} ({', '.join(own[e]) or 'none'})" for e in poor[:6]) + (
        f"; and {len(poor) - 6} more" if len(poor) > 6 else ""
    )
    steered = least > OWN_WORDS
    why = "steering makes a vector of half of them, which needs two" if steered else "features are told from two"
    shared = sum(n > 1 for n in sets.values())
    raise ConfigError(
        f"resources/concepts/{language}.tsv: words of an emotion's own, needed: {least} or more "
        f"({why}): {listed}. "
        + (f"{shared} words stand under several emotions and count for none. " if shared else "")
        + f"Add rows, take the emotion out of config.yaml, key "
        f"emotions{', or set steering.enabled to false (then 2 are enough)' if steered else ''}"
    )


def planted_classes(path: str | Path, language: str) -> dict[str, str]:
    """Valence class of every planted emotion in a language, by the committed table: no seed moves a centre over
    zero.
    """
    rows = read_committed(path, ["emotion", "valence"], None)
    middle = {
        r["emotion"]: read_number(path, r, "valence", 1)
        + (read_number(path, r, f"{language}_shift_valence", 2) if f"{language}_shift_valence" in r else 0)
        for r in rows
    }
    return {e: "positive" if v > 0 else "negative" for e, v in middle.items()}


def n_pairs(name: str, classes: Mapping[str, str]) -> int:
    """Pairs of a pair set, by the rule of `pair_sets.select_pairs`."""
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
