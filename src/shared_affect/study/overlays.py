"""What overlays and the command line bring: types made right, folders expanded, losses refused."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from shared_affect.base.reading import read_own, shown
from shared_affect.study.config import MOST, PLACE, ConfigError, as_typed

FOLDERS = ("data_dir", "models_dir")
"""Keys that name a folder of the user's."""

UNWRITABLE = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def convert(value, schema: Mapping):
    """A value in the types of its schema, where it came as text: snakemake's ``--config`` reads nested values as text.

    ``"false"``, ``"3"`` and ``"0.5"`` become what a boolean, an integer or a number takes; nothing
    (``--config data_dir=``) becomes the empty text. What does not fit stays as it is, for the check to refuse.

    Parameters
    ----------
    value : anything
        A configuration, or a part of one.
    schema : mapping
        JSON schema of it.
    """
    kinds = schema.get("type", [])
    kinds = [kinds] if isinstance(kinds, str) else kinds
    if isinstance(value, Mapping):
        rest = schema.get("additionalProperties")
        of = {k: schema.get("properties", {}).get(k, rest if isinstance(rest, Mapping) else {}) for k in value}
        return {k: convert(v, of[k]) for k, v in value.items()}
    if isinstance(value, list):
        return [convert(v, schema.get("items", {})) for v in value]
    if value is None:
        return "" if "string" in kinds else value
    if isinstance(value, float) and "integer" in kinds and value.is_integer():
        return int(value)  # 10000.0 is a whole number to a JSON schema, and to no loop
    if not isinstance(value, str) or "string" in kinds:
        return value
    kind = next((k for k in ("boolean", "integer", "number") if k in kinds), "")
    return as_typed(value.strip().lower() if kind == "boolean" else value, kind)


def expand_path(path: str) -> str:
    """A path with ``~`` and ``$VARIABLES`` filled in, which the shell leaves alone inside ``key=value``.

    Raises
    ------
    ConfigError
        For a variable or a user that there is not, a brace, control characters, or what is too long for a file system.
    """
    full = os.path.expanduser(os.path.expandvars(path))
    named = f"the path {shown(path)}"
    if "$" in full:
        raise ConfigError(
            f"{named} names a variable that is not set; allowed: variables of the environment, or a path without $"
        )
    if full.startswith("~"):
        raise ConfigError(
            f"{named} begins with ~ and names no user of this machine; allowed: ~/FOLDER, or a whole path"
        )
    if "{" in full or "}" in full:
        raise ConfigError(f"{named} has a brace, which rules take for a wildcard; allowed: a path without braces")
    if UNWRITABLE.search(full):
        raise ConfigError(f"{named} has control signs; allowed: a path that can be written in one line")
    if len(full.encode()) >= 4096 or max(len(part.encode()) for part in full.split("/")) > 255:
        raise ConfigError(
            f"{named} is longer than a file system takes; allowed: up to 4,095 bytes, and 255 between two /"
        )
    return full


def expand_folders(config: dict) -> None:
    """Fill in the folders that a configuration names, and refuse one that does not exist.

    Raises
    ------
    ConfigError
        With the key, the path as written and as looked for.
    """
    for key in FOLDERS:
        written = config[key]
        try:
            config[key] = expand_path(written)
        except ConfigError as error:
            raise ConfigError(f"{PLACE}: key {key}: {error}") from None
        if written and not os.path.isdir(config[key]):
            looked = Path(config[key]).absolute()
            raise ConfigError(
                f"{PLACE}: key {key} is {shown(written)}; {looked} is no folder; allowed: a folder that exists, or"
                ' "" (none)'
            )


class _Strict(yaml.SafeLoader):
    """YAML in which a key stands once, and a number is what it looks like."""


def _at(node: yaml.Node) -> str:
    return f"line {node.start_mark.line + 1}"


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict:
    seen: set[str] = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError(f"{_at(key)}: a key is a list or a mapping; allowed: a name")
        if key.value in seen:
            raise ConfigError(
                f"{_at(key)}: key {shown(key.value)} stands twice in one place; allowed: once "
                f"(the last would win without a word)"
            )
        seen.add(key.value)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


def _number(loader: _Strict, node: yaml.ScalarNode) -> int | float:
    """A number as a person reads it: YAML 1.1 takes 010 for 8 and 1:30 for 90."""
    if ":" in node.value or re.fullmatch("[-+]?0[0-9_]+", node.value):
        raise ConfigError(
            f"{_at(node)}: {shown(node.value)} is a number of another base to YAML; allowed: a decimal number without"
            " leading zeros, or quotation marks around it"
        )
    try:
        whole = node.tag.endswith(":int")
        return loader.construct_yaml_int(node) if whole else loader.construct_yaml_float(node)
    except ValueError:
        raise ConfigError(f"{_at(node)}: {shown(node.value)} is no number that can be kept; allowed: less") from None


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)
for _kind in ("int", "float"):
    _Strict.add_constructor(f"tag:yaml.org,2002:{_kind}", _number)


def _pairs(path: str | Path, pairs: Sequence[tuple[str, object]]) -> dict:
    """A mapping of JSON in which a key stands once."""
    names = [k for k, _ in pairs]
    if twice := [k for k in names if names.count(k) > 1]:
        raise ConfigError(f"{path}: key {shown(twice[0])} stands twice in one place; allowed: once")
    return dict(pairs)


def _count(node: yaml.Node | None, counted: dict[int, int]) -> int:
    """Values below a node, those behind an alias once each time that they are named.

    Raises
    ------
    ConfigError
        For a node that holds itself, or more than a configuration may hold.
    """
    if node is None or id(node) in counted:
        return 0 if node is None else counted[id(node)]
    counted[id(node)] = MOST + 1  # until it is known: met again below itself
    children: list = []
    if isinstance(node, yaml.MappingNode):
        children = [n for pair in node.value for n in pair]
    elif isinstance(node, yaml.SequenceNode):
        children = node.value
    n = 1 + sum(_count(child, counted) for child in children)
    if n > MOST:
        raise ConfigError(f"{_at(node)}: more than {MOST:,} values, or an alias that holds itself; allowed: less")
    counted[id(node)] = n
    return n


LARGEST = 1_000_000
"""Bytes of a configuration: it names things, data stand in tables."""


def _parsed(path: str | Path, text: str) -> object:
    """What a file of JSON or YAML says, JSON tried first, as snakemake does."""
    try:
        return json.loads(text, object_pairs_hook=lambda pairs: _pairs(path, pairs))
    except json.JSONDecodeError:
        pass
    except ConfigError:
        raise
    except ValueError as error:  # Python reads no whole number of more than 4,300 digits
        raise ConfigError(f"{path}: a number that cannot be kept ({error}); allowed: less") from None
    try:
        loader = _Strict(text)
        node = loader.get_single_node()
        _count(node, {})
        return None if node is None else loader.construct_document(node)
    except ConfigError as error:
        raise ConfigError(f"{path}, {error}") from None
    except (yaml.YAMLError, AttributeError) as error:  # PyYAML 6.0 raises the second for a broken ``? !!set``
        said = " ".join(str(error).split())
        raise ConfigError(f"{path} is no YAML: {said}; indent with spaces, and put one key on a line") from None


def check_file(path: str | Path) -> dict:
    """Read an overlay as strictly as nothing else does: no key twice, no number that looks like another.

    Raises
    ------
    ConfigError
        With file and line.
    """
    if os.path.isfile(path) and (size := os.path.getsize(path)) > LARGEST:
        raise ConfigError(f"{path} has {size:,} bytes; allowed for a configuration: {LARGEST:,}")
    try:
        found = _parsed(path, read_own(path, "keys and values in YAML"))
    except ConfigError:
        raise
    except RecursionError:
        raise ConfigError(
            f"{path}: lists or mappings stand too deep in each other; allowed: what a person reads"
        ) from None
    except ValueError as error:
        raise ConfigError(str(error)) from None
    if found is None:
        return {}
    if not isinstance(found, dict):
        raise ConfigError(f"{path} is {shown(found)}; needed: keys with values, one on a line (key: value)")
    return found


def check_merge(sources: Sequence[tuple[str, Mapping]]) -> None:
    """Refuse an empty mapping where an earlier source has entries: merged key by key, it would clear nothing.

    Parameters
    ----------
    sources : sequence of (name, mapping)
        The base configuration, overlays and the command line, in the order in which they are merged.

    Raises
    ------
    ConfigError
        With the source, the key and what stands there all the same.
    """
    merged: dict = {}
    for name, given in sources:
        _merge(merged, given, name, "")


def _merge(merged: dict, given: Mapping, name: str, path: str) -> None:
    for key, value in given.items():
        found = merged.get(key)
        if not isinstance(value, Mapping) or not isinstance(found, Mapping):
            merged[key] = dict(value) if isinstance(value, Mapping) else value
        elif not value and found:
            raise ConfigError(
                f"{name}: key {path}{key} is {{}}, but {shown(dict(found))} stands there from an earlier file, and "
                f"what comes later only adds to it; "
                "take the entries out of that file"
            )
        else:
            merged[key] = dict(found)
            _merge(merged[key], value, name, f"{path}{key}.")
