"""Reading of the configuration and of tables with a schema: what is wrong is said in one screen.

Every refusal names the value found, the values allowed and the place to change it.
"""

from __future__ import annotations

import datetime
import difflib
import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from types import NoneType
from typing import TYPE_CHECKING, Any, NoReturn, cast

import yaml

from shared_affect.base.reading import LINE, listed, one_screen, read_written, shown

if TYPE_CHECKING:
    from jsonschema import ValidationError

PLACE = "config.yaml, --configfile or --config"
"""Where a key of the configuration may have been set: snakemake merges the three before anything is checked."""


class ConfigError(ValueError):
    """Something in the configuration or a committed table is wrong; the message says what and where, in one screen."""

    def __init__(self, message: str):
        super().__init__(one_screen(message))


def hint(found: str, allowed: Sequence[str]) -> str:
    """A question after the name that may have been meant, to be put into a message; "" where none is near."""
    if not isinstance(found, str) or len(found) > 100:
        return ""
    close = difflib.get_close_matches(found, list(allowed), n=1)
    return f" (did you mean {close[0]!r}?)" if close else ""


def listing(allowed: Sequence) -> str:
    """Names joined by commas, the first forty."""
    return listed([str(a) for a in allowed], 40)


MOST, DEEPEST = 100_000, 20
"""Values that a configuration may hold, and how deep they may stand: aliases of YAML repeat without end."""

UNSEEN = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
"""No text of a configuration holds these; a line end in a name would go into paths."""


def check_values(config: Mapping, where: str) -> None:
    """Refuse what no key of a configuration takes, whatever its schema says, so that the rest may rely on it.

    Raises
    ------
    ConfigError
        A key that is no text, a value of a kind that only YAML knows (a date, a set), a text with control characters, a
        number that is NaN or infinite (no bound of a JSON schema refuses it), values without end.
    """
    waiting, n = [("", config, 0)], 0
    while waiting:
        path, value, depth = waiting.pop()
        n += 1
        if n > MOST or depth > DEEPEST:
            what = f"more than {MOST:,} values" if n > MOST else f"values more than {DEEPEST} deep (key {path})"
            raise ConfigError(f"{where}: {what}, or an alias that holds itself; allowed: less")
        if isinstance(value, Mapping):
            for key, own in value.items():
                if not isinstance(key, str) or UNSEEN.search(key):
                    of = f" of {path}" if path else ""
                    raise ConfigError(f"{where}: a key{of} is {shown(key)}; allowed: text{_misread(key)}")
                waiting.append((f"{path}.{key}".lstrip("."), own, depth + 1))
        elif isinstance(value, list):
            waiting += [(f"{path}.{k}", own, depth + 1) for k, own in enumerate(value)]
        elif isinstance(value, str) and UNSEEN.search(value):
            raise ConfigError(
                f"{where}: key {path} is {shown(value)}; allowed: text in one line, without control signs"
            )
        elif isinstance(value, float) and not math.isfinite(value):
            raise ConfigError(f"{where}: key {path} is {value}; allowed: a finite number")
        elif isinstance(value, int) and abs(value) >= 2**63:
            raise ConfigError(f"{where}: key {path} is {shown(value)}; allowed: less than 2 to the power of 63")
        elif not isinstance(value, str | int | float | NoneType):
            raise ConfigError(
                f"{where}: key {path} is {shown(value)}; allowed: a text, a number, true or false, a list, or keys with"
                f" values{_misread(value)}"
            )


def _misread(found: object) -> str:
    """What YAML 1.1 may have made of a name, to be put into a message."""
    if isinstance(found, bool):
        return " (YAML reads no, off, yes and on without quotation marks as false and true: put it in quotes)"
    if isinstance(found, int | float | datetime.date):
        return " (put it in quotation marks)"
    return ""


def read_schema(path: str | Path) -> dict:
    """A JSON schema written in YAML."""
    return yaml.safe_load(Path(path).read_text(encoding="utf-8"))


def check_mapping(value: Mapping, schema: Mapping, where: str) -> None:
    """Check a mapping against a JSON schema and say the first error in one line.

    Raises
    ------
    ConfigError
        With the key, the value found, the values allowed and `where`.

    Examples
    --------
    >>> seed = {"type": "integer", "minimum": 0, "description": "of all draws"}
    >>> check_mapping({"root_seed": -1}, {"properties": {"root_seed": seed}}, "config.yaml")
    Traceback (most recent call last):
    shared_affect.study.config.ConfigError: config.yaml: key root_seed is -1; allowed: integer, >= 0 (of all draws)
    """
    check_values(value, where)
    errors = sorted(
        _validator()(schema).iter_errors(value),
        key=lambda e: (list(map(str, e.absolute_path)), str(e.validator)),
    )
    if errors:
        _refuse(errors[0], where)


@cache
def _validator():
    """JSON schema's validator, for which ``$`` is the end of a text and nothing else, as the standard says."""
    import jsonschema

    def pattern(validator, wanted, found, schema):
        if isinstance(found, str) and not re.search(re.sub(r"\$$", r"\\Z", wanted), found):
            yield jsonschema.ValidationError(f"{found!r} does not match {wanted!r}")

    return jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": pattern})


def _refuse(error: ValidationError, where: str) -> NoReturn:
    """Raise what a schema has found, in words."""
    path = ".".join(map(str, error.absolute_path))
    within = path + "." if path else ""
    schema, found, wanted = cast(Mapping, error.schema), cast(Any, error.instance), cast(Any, error.validator_value)
    if error.validator == "additionalProperties":
        allowed = list(schema.get("properties", {}))
        unknown = next(k for k in found if k not in allowed)
        raise ConfigError(
            f"{where}: unknown key {within}{shown(unknown)[1:-1]}{hint(unknown, allowed)}; allowed: {listing(allowed)}"
        )
    if error.validator == "required":
        missing = next(k for k in wanted if k not in found)
        raise ConfigError(f"{where}: key {within}{missing} is missing; add it (docs/configuration.md lists all keys)")
    if error.validator == "uniqueItems":
        twice = next(v for i, v in enumerate(found) if v in found[:i])
        raise ConfigError(f"{where}: key {path} has {shown(twice)} twice; allowed: once")
    described = schema.get("description", "")
    raise ConfigError(
        f"{where}: key {path} is {shown(found)}; allowed: {_allowed_by(schema, found, error.message)}"
        + (f" ({described})" if described else "")
    )


BOUNDS = {
    "minimum": ">=",
    "maximum": "<=",
    "exclusiveMinimum": ">",
    "exclusiveMaximum": "<",
    "minItems": "items >=",
    "maxItems": "items <=",
    "minLength": "characters >=",
    "maxLength": "characters <=",
    "pattern": "matching",
}
"""Keys of a JSON schema that bound a value, in the words of messages."""


def _allowed_by(schema: Mapping, found: object, message: str) -> str:
    """What a schema allows, in words; `message` where it names neither values nor a type."""
    allowed = schema.get("enum") or schema.get("type") or message
    detail = listing(allowed) if isinstance(allowed, list) else str(allowed)
    detail = "boolean: true, false" if detail == "boolean" else detail
    if isinstance(found, str) and "array" in (schema.get("type") or ""):
        detail += f" (a list: [{shown(found.strip('[]'))[1:-1]}])"
    if not isinstance(found, str) and "string" in str(schema.get("type")):
        detail += _misread(found)
    bounds = {k: v for k, v in BOUNDS.items() if k in schema}
    return ", ".join([detail, *(f"{word} {_plain(schema[key])}" for key, word in bounds.items())])


def _plain(bound: object) -> str:
    """A bound in words: large numbers with commas."""
    return f"{bound:,}" if isinstance(bound, int) and bound >= 10_000 else str(bound)


def as_typed(text: str, kind: str) -> str | bool | int | float:
    """A cell in the type of its column; as it stands where it is none of that type, for the check to refuse."""
    if kind == "boolean":
        return {"true": True, "false": False}.get(text, text)
    made = {"integer": int, "number": float}.get(kind)
    if made is None or not text.isascii() or "_" in text:  # int("１") and int("1_0") are numbers in Python only
        return text
    try:
        return made(text)
    except ValueError:
        return text


def read_committed(path: str | Path, needed: Sequence[str], optional: Sequence[str] | None = (), **how) -> list[dict]:
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
    columns, key = list(schema["properties"]), schema["key"]
    name = "/".join(Path(path).parts[-2:])
    rows, lines = [], []
    for raw in read_committed(
        path,
        columns,
        texts=[c for c in columns if c not in key],
        may_be_empty=columns,
        others=False,
        may_have_no_rows=True,
    ):
        row = {c: _cell(raw[c], schema["properties"][c]["type"]) for c in columns}
        check_mapping(row, schema, f"{name}, line {raw[LINE]}")
        rows.append(row)
        lines.append(raw[LINE])
    _check_key(rows, lines, key, name)
    return rows


def _cell(text: str, kinds: str | Sequence[str]) -> str | bool | int | float | None:
    """A cell in the type that its column has, or the first of its types that is not ``null``."""
    kinds = [kinds] if isinstance(kinds, str) else kinds
    return None if text == "" and "null" in kinds else as_typed(text, next(k for k in kinds if k != "null"))


def _check_key(rows: Sequence[Mapping], lines: Sequence[int], key: Sequence[str], name: str) -> None:
    """The columns of the key stand once together."""
    keys = [tuple(r[k] for k in key) for r in rows]
    if twice := [own for own, n in Counter(keys).items() if n > 1]:
        at = [str(line) for line, own in zip(lines, keys, strict=True) if own == twice[0]]
        raise ConfigError(
            f"{name}: {', '.join(key)} = {' '.join(map(str, twice[0]))} stands {len(at)} times (lines"
            f" {', '.join(at)}); allowed: once"
        )
