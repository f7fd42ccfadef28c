"""Checks of configuration and tables: one screen, the value found, the values allowed, the place to change it."""

from __future__ import annotations

import difflib
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from shared_affect.base.reading import LINE, place, read_written

SPLITS = ("choose", "score")
"""What a prompt is for: to choose the strength of steering, or to be scored."""

OWN_CONCEPTS = ("planted", "table")
"""Concept-sets of the committed tables; any other source is a dataset."""

ALPHA = 0.01
"""Holm-adjusted p below which a test rejects (docs/claims.md)."""

PLACE = "config.yaml, --configfile or --config"
"""Where a key of the configuration may have been set: snakemake merges the three before anything is checked."""


class ConfigError(ValueError):
    """Something in the configuration or a committed table is wrong; the message says what and where."""


def _hint(found: str, allowed: Sequence[str]) -> str:
    close = difflib.get_close_matches(str(found), list(allowed), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def _listing(allowed: Sequence, limit: int = 40) -> str:
    names = [str(a) for a in allowed]
    return ", ".join(names[:limit]) + (f", ... {len(names) - limit} more" if len(names) > limit else "")


def _not_finite(value, path: str = "") -> tuple[str, float] | None:
    """First number that is NaN or infinite, which no bound of a JSON schema refuses, with its key."""
    if isinstance(value, float) and not math.isfinite(value):
        return path, value
    children = value.items() if isinstance(value, Mapping) else enumerate(value) if isinstance(value, list) else ()
    return next((found for k, v in children if (found := _not_finite(v, f"{path}.{k}".lstrip(".")))), None)


def read_schema(path: str | Path) -> dict:
    """A JSON schema written in YAML."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def check_mapping(value: Mapping, schema: Mapping, where: str) -> None:
    """Check a mapping against a JSON schema and say the first error in one line.

    Raises
    ------
    ConfigError
        With the key, the value found, the values allowed and `where`.
    """
    import jsonschema

    errors = sorted(
        jsonschema.Draft202012Validator(schema).iter_errors(value),
        key=lambda e: (list(map(str, e.absolute_path)), e.validator),
    )
    if not errors:
        if found := _not_finite(value):
            raise ConfigError(f"{where}: key {found[0]} is {found[1]}; allowed: a finite number")
        return
    error = errors[0]
    path = ".".join(map(str, error.absolute_path))
    if error.validator == "additionalProperties":
        allowed = list(error.schema.get("properties", {}))
        unknown = next(k for k in error.instance if k not in allowed)
        raise ConfigError(
            f"{where}: unknown key {path + '.' if path else ''}{unknown}{_hint(unknown, allowed)}; allowed:"
            f" {_listing(allowed)}"
        )
    if error.validator == "required":
        missing = next(k for k in error.validator_value if k not in error.instance)
        raise ConfigError(
            f"{where}: key {path + '.' if path else ''}{missing} is missing; add it (docs/configuration.md lists all"
            " keys)"
        )
    if error.validator == "uniqueItems":
        twice = next(v for i, v in enumerate(error.instance) if v in error.instance[:i])
        raise ConfigError(f"{where}: key {path} has {twice!r} twice; allowed: once")
    described = error.schema.get("description", "")
    allowed = error.schema.get("enum") or error.schema.get("type") or error.message
    bounds = [
        f"{word} {error.schema[key]}"
        for key, word in (
            ("minimum", ">="),
            ("maximum", "<="),
            ("exclusiveMinimum", ">"),
            ("minItems", "items >="),
            ("pattern", "matching"),
        )
        if key in error.schema
    ]
    detail = _listing(allowed) if isinstance(allowed, list) else str(allowed)
    if isinstance(error.instance, str) and error.schema.get("type") == "array":
        detail += f" (a list: [{error.instance}])"
    raise ConfigError(
        f"{where}: key {path} is {error.instance!r}; allowed: {', '.join([detail, *bounds])}"
        + (f" ({described})" if described else "")
    )


def _typed(text: str, kind: str):
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    if not text.isascii() or "_" in text:  # int("１") and int("1_0") are numbers in Python only
        return text
    if kind == "integer":
        try:
            return int(text)
        except ValueError:
            return text
    if kind == "number":
        try:
            return float(text)
        except ValueError:
            return text
    return text


def _written(path: str | Path, needed: Sequence[str], optional: Sequence[str] = (), **how) -> list[dict]:
    """`reading.read_written`, whose refusals are errors of the configuration here."""
    try:
        return read_written(path, needed, optional, **how)
    except ValueError as error:
        raise ConfigError(str(error)) from None


def read_table(path: str | Path, schema_path: str | Path) -> list[dict]:
    """Read a committed TSV whose columns, types and key a schema describes.

    Parameters
    ----------
    path : path
        UTF-8, tab-separated, with a header.
    schema_path : path
        JSON schema of one row in YAML, with an extra list ``key`` of the columns that together are unique.
        Empty cells become None where the type allows ``null``.

    Returns
    -------
    list of dict

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses, an unknown column, wrong type, value not allowed, repeated key;
        names the line.
    """
    schema = read_schema(schema_path)
    columns = list(schema["properties"])
    name = "/".join(Path(path).parts[-2:])
    words = [c for c in columns if c in schema["key"]]
    rows, lines = [], []
    for raw in _written(
        path,
        columns,
        texts=[c for c in columns if c not in words],
        may_be_empty=columns,
        others=False,
        may_have_no_rows=True,
    ):
        typed = {}
        for c in columns:
            kinds = schema["properties"][c]["type"]
            kinds = kinds if isinstance(kinds, list) else [kinds]
            typed[c] = (
                None if raw[c] == "" and "null" in kinds else _typed(raw[c], next(k for k in kinds if k != "null"))
            )
        check_mapping(typed, schema, f"{name}, line {raw[LINE]}")
        rows.append(typed)
        lines.append(raw[LINE])
    counts = Counter(tuple(r[k] for k in schema["key"]) for r in rows)
    if twice := [k for k, n in counts.items() if n > 1]:
        raise ConfigError(
            f"{name}: {', '.join(schema['key'])} = {' '.join(map(str, twice[0]))} stands {counts[twice[0]]} times"
            " (lines"
            f" {', '.join(str(n) for n, r in zip(lines, rows, strict=True) if tuple(r[k] for k in schema['key']) == twice[0])});"
            " allowed: once"
        )
    return rows


def read_concepts(
    path: str | Path, emotions: Sequence[str], rows: str = "table", known: Sequence[str] | None = None
) -> dict[str, list[str]]:
    """Concept words of the given emotions in one language.

    Parameters
    ----------
    path : path
    emotions : sequence of str
    rows : {"table", "planted"}
        All rows, or those that stand in the planted world's texts; an emotion without any such row keeps all of its
        rows.
    known : sequence of str, optional
        Every emotion that may have rows; without it the rows of other emotions are not looked at.

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses; `planted` is neither true nor false, an emotion is not `known` or
        has fewer than two words, or a word repeats within an emotion.
    """
    path = Path(path)
    name = "/".join(path.parts[-3:])
    if not path.exists():
        raise ConfigError(
            f"{name} does not exist: the language {path.stem!r} has no concept words; write that table or take the"
            " language out of config.yaml, key languages"
        )
    found = _written(path, ["emotion", "word"], ["planted", "pos", "source"], may_be_empty=["planted", "pos", "source"])
    words: dict[str, list[str]] = {e: [] for e in emotions}
    first: dict[tuple[str, str], int] = {}
    planted = {r["emotion"] for r in found if r.get("planted") == "true"} if rows == "planted" else set()
    for r in found:
        line = r[LINE]
        if known is not None and r["emotion"] not in known:
            raise ConfigError(
                f"{name}, line {line}: emotion is {r['emotion']!r}{_hint(r['emotion'], known)}; allowed:"
                f" {_listing(known)} (resources/emotions.tsv)"
            )
        if r.get("planted", "false") not in ("true", "false"):
            raise ConfigError(f"{name}, line {line}: planted is {r['planted']!r}; allowed: true, false")
        if r["emotion"] in words:
            if (own := (r["emotion"], r["word"])) in first:
                raise ConfigError(
                    f"{name}: word {r['word']!r} stands twice under {r['emotion']!r} (lines {first[own]}, {line});"
                    " allowed: once"
                )
            first[own] = line
            if r["emotion"] not in planted or r["planted"] == "true":
                words[r["emotion"]].append(r["word"])
    if empty := [e for e, w in words.items() if len(w) < 2]:
        raise ConfigError(
            f"{name}: the concept-set of {empty[0]!r} has {len(words[empty[0]])} word(s); needed: 2 or more; add rows,"
            " or take the emotion out of config.yaml, key emotions"
        )
    return words


def read_parts_of_speech(path: str | Path) -> dict[tuple[str, str], str]:
    """Part of speech of every emotion and word of a table of `read_concepts`, "" where none is given."""
    return {
        (r["emotion"], r["word"]): r.get("pos", "")
        for r in _written(
            path,
            ["emotion", "word"],
            ["planted", "pos", "source"],
            may_be_empty=["planted", "pos", "source"],
            key=["emotion", "word"],
        )
    }


def read_names(
    path: str | Path, column: str, known: Sequence[str] | None = None, may_be_empty: bool = False
) -> list[tuple[str, str]]:
    """What an emotion is called in a source of concept-sets: emotion and cue (``resources/cues``) or category
    (``resources/categories``).

    Parameters
    ----------
    path : path
        Columns ``emotion`` and `column`.
    column : {"word", "category"}
    known : sequence of str, optional
        Every emotion that may have rows.
    may_be_empty : bool
        Whether a name may stand for no emotion.

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses, a row that stands twice, an emotion that is not `known`, or a name
        that stands for an emotion and for none.
    """
    rows = _written(
        path, ["emotion", column], may_be_empty=["emotion"] if may_be_empty else [], key=["emotion", column]
    )
    for r in rows:
        if known is not None and r["emotion"] and r["emotion"] not in known:
            raise ConfigError(
                f"{place(path, r[LINE], 3)}: emotion is {r['emotion']!r}{_hint(r['emotion'], known)}; allowed:"
                f" {_listing(known)} (resources/emotions.tsv)"
            )
    of_none = {r[column]: r[LINE] for r in rows if not r["emotion"]}
    if both := [r for r in rows if r["emotion"] and r[column] in of_none]:
        raise ConfigError(
            f"{place(path, both[0][LINE], 3)}: {column} {both[0][column]!r} stands for {both[0]['emotion']!r}, but for"
            f" no emotion in line {of_none[both[0][column]]}; allowed: one of them"
        )
    return [(r["emotion"], r[column]) for r in rows]


def read_templates(path: str | Path) -> dict[str, str]:
    """Templates of one language: name -> text, as written.

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses; a template has no place for the word, or a name stands twice.
    """
    name = place(path, parts=3)
    rows = _written(path, ["template", "text", "held_out"], texts=["text"])
    for r in rows:
        if r["text"].count("{word}") != 1:
            raise ConfigError(f"{name}, line {r[LINE]}: text is {r['text']!r}; allowed: a text with {{word}} once")
    names = [r["template"] for r in rows]
    if twice := [n for n, c in Counter(names).items() if c > 1]:
        raise ConfigError(
            f"{name}: template {twice[0]!r} stands {names.count(twice[0])} times (lines"
            f" {', '.join(str(r[LINE]) for r in rows if r['template'] == twice[0])}); allowed: once"
        )
    return {r["template"]: r["text"] for r in rows}


def read_carriers(path: str | Path) -> list[str]:
    """Names of one language's templates, read as a job reads them (`read_templates`)."""
    return list(read_templates(path))


def read_prompts(path: str | Path) -> list[tuple[str, str, str]]:
    """Sentence beginnings of one language, as written: name, split (``choose`` or ``score``), text.

    Raises
    ------
    ConfigError
        Anything that `reading.read_written` refuses; a name that stands twice, or another split.
    """
    rows = _written(path, ["prompt", "split", "text"], texts=["text"], key=["prompt"])
    for r in rows:
        if r["split"] not in SPLITS:
            raise ConfigError(f"{place(path, r[LINE], 3)}: split is {r['split']!r}; allowed: {', '.join(SPLITS)}")
    return [(r["prompt"], r["split"], r["text"]) for r in rows]


def _check_names(found: Sequence[str], allowed: Sequence[str], key: str, table: str) -> None:
    for name in found:
        if name not in allowed:
            raise ConfigError(
                f"{PLACE}: key {key} names {name!r}{_hint(name, allowed)}; allowed: {_listing(allowed)} ({table})"
            )
    if twice := [n for n, c in Counter(found).items() if c > 1]:
        raise ConfigError(f"{PLACE}: key {key} names {twice[0]!r} twice; allowed: once")


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
    names = {
        t: [r[c] for r in tables[t]]
        for t, c in (("models", "model"), ("languages", "language"), ("emotions", "emotion"))
    }
    _check_names(config["languages"], names["languages"], "languages", "config/languages.tsv")
    _check_names(
        config["models"] + config["control_models"], names["models"], "models or control_models", "config/models.tsv"
    )
    for kind, key in (("control", "control_variants"), ("spec", "specs")):
        _check_names(
            config[key], [r["variant"] for r in tables["variants"] if r["kind"] == kind], key, "config/variants.tsv"
        )
    for language in config["languages"]:
        of_language, carriers = f"resources/templates/{language}.tsv", read_carriers(template_paths[language])
        _check_names(config["templates"], carriers, "templates", of_language)
        for r in (
            r
            for r in tables["variants"]
            if r["variant"] in config["specs"] + config["control_variants"] and r["templates"]
        ):
            if unknown := [t for t in r["templates"].split() if t not in carriers]:
                raise ConfigError(
                    f"config/variants.tsv: variant {r['variant']}, column templates names"
                    f" {unknown[0]!r}{_hint(unknown[0], carriers)}; allowed: {_listing(carriers)} ({of_language})"
                )
    _check_permutations(config, tables["models"])
    for r in tables["models"]:
        for key, control in (("models", False), ("control_models", True)):
            if r["model"] in config[key] and (r["control"] != "none") != control:
                raise ConfigError(
                    f"{PLACE}: key {key} names {r['model']!r}, whose control is {r['control']!r} (config/models.tsv); "
                    f"allowed: rows with control {'other than none' if control else 'none'}"
                )
    if not config["models_dir"] and (
        local := [
            r["model"]
            for r in tables["models"]
            if r["model"] in config["models"] + config["control_models"] and "{models_dir}" in (r["path"] or "")
        ]
    ):
        raise ConfigError(
            f"{PLACE}: key models_dir is empty; needed: the folder that holds {local[0]!r} (config/models.tsv, column"
            " path)"
        )
    for model in config["models"] + config["control_models"]:
        saes = [r["sae"] for r in tables["saes"] if r["model"] == model]
        if config["primary_sae"] not in saes:
            raise ConfigError(
                f"{PLACE}: key primary_sae is {config['primary_sae']!r}, but model {model!r} has:"
                f" {_listing(saes) or 'none'} (config/saes.tsv)"
            )
    for kind, key in (("judgements", "human"), ("norms", "norms")):
        for language in config["languages"]:
            allowed = [r["dataset"] for r in tables["human"] if r["kind"] == kind and r["language"] == language]
            if config[key] not in allowed:
                raise ConfigError(
                    f"{PLACE}: key {key} is {config[key]!r}, but for language {language!r} config/human.tsv has:"
                    f" {_listing(allowed) or 'none'}"
                )
    if config["steering"]["enabled"] and config["judge_texts"] != "planted":
        for language in config["languages"]:
            allowed = [
                r["dataset"] for r in tables["human"] if r["kind"] == "labelled-text" and r["language"] == language
            ]
            if (found := config["judge_texts"].get(language)) not in allowed:
                raise ConfigError(
                    f"{PLACE}: key judge_texts.{language} is {found!r}; allowed: {_listing(allowed) or 'none'}"
                    " (config/human.tsv, kind labelled-text)"
                )
    emotions = names["emotions"] if config["emotions"] == "all" else list(config["emotions"])
    _check_names(emotions, names["emotions"], "emotions", "resources/emotions.tsv")
    emotions = [e for e in names["emotions"] if e in emotions]
    if len(emotions) < 4:
        raise ConfigError(
            f"{PLACE}: key emotions has {len(emotions)}; needed: 4 or more, an emotion space has no shape below that"
        )
    sources = {f"{PLACE}: key concepts": config["concepts"]} | {
        f"config/variants.tsv: variant {r['variant']}, column concepts": r["concepts"]
        for r in tables["variants"]
        if r["variant"] in config["specs"] and r["concepts"]
    }
    for where, source in sources.items():
        for language in config["languages"]:
            if source in OWN_CONCEPTS:
                read_concepts(concept_paths[language], emotions, source, names["emotions"])
            else:
                _check_dataset(source, ("association", "lexicon"), language, tables["human"], where, OWN_CONCEPTS)
    for key, kinds in (
        ("word_properties", ("frequency", "concreteness")),
        ("associations", ("association",)),
        ("dictionaries", ("dictionary",)),
    ):
        _check_names(list(config[key]), config["languages"], key, "config.yaml, key languages")
        for language, found in config[key].items():
            for dataset in [found] if isinstance(found, str) else found:
                _check_dataset(dataset, kinds, language, tables["human"], f"{PLACE}: key {key}.{language}")
    return emotions


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


def _check_dataset(
    found: str, kinds: Sequence[str], language: str, rows: Sequence[Mapping], where: str, others: Sequence[str] = ()
) -> None:
    allowed = [*others, *(r["dataset"] for r in rows if r["kind"] in kinds and r["language"] == language)]
    if found not in allowed:
        raise ConfigError(
            f"{where} is {found!r}{_hint(found, allowed)}; allowed for language {language!r}:"
            f" {_listing(allowed) or 'none'} (config/human.tsv, kind {' or '.join(kinds)})"
        )
