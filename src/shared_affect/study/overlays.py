"""What overlays and the command line bring: types made right, folders expanded, losses refused."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path

import yaml

from shared_affect.study.config import PLACE, ConfigError

FOLDERS = ("data_dir", "models_dir")
"""Keys that name a folder of the user's."""


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
    if not isinstance(value, str) or "string" in kinds:
        return value
    if "boolean" in kinds:
        return {"true": True, "false": False}.get(value.strip().lower(), value)
    for kind, made in (("integer", int), ("number", float)):
        if kind in kinds:
            try:
                return made(value)
            except ValueError:
                return value
    return value


def expand_path(path: str) -> str:
    """A path with ``~`` and ``$VARIABLES`` filled in, which the shell leaves alone inside ``key=value``.

    Raises
    ------
    ConfigError
        For a variable that is not set.
    """
    full = os.path.expanduser(os.path.expandvars(path))
    if "$" in full:
        raise ConfigError(
            f"the path {path!r} names a variable that is not set; allowed: variables of the environment, or a "
            f"path without $"
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
        if written and not Path(config[key]).is_dir():
            looked = Path(config[key]).absolute()
            raise ConfigError(
                f'{PLACE}: key {key} is {written!r}; {looked} is no folder; allowed: a folder that exists, or "" (none)'
            )


class _Strict(yaml.SafeLoader):
    """YAML in which a key stands once."""


def _mapping(loader: _Strict, node: yaml.MappingNode) -> dict:
    seen: set[str] = set()
    for key, _ in node.value:
        if key.value in seen:
            raise ConfigError(
                f"line {key.start_mark.line + 1}: key {key.value!r} stands twice in one place; allowed: once "
                f"(the last would win without a word)"
            )
        seen.add(key.value)
    return yaml.SafeLoader.construct_mapping(loader, node, deep=True)


_Strict.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping)


def check_file(path: str | Path) -> dict:
    """Read an overlay as strictly as nothing else does: no key twice.

    Raises
    ------
    ConfigError
        With file and line.
    """
    try:
        with open(path, encoding="utf-8-sig") as f:
            if str(path).endswith(".json"):
                return json.load(f)
            return yaml.load(f, Loader=_Strict) or {}
    except ConfigError as error:
        raise ConfigError(f"{path}, {error}") from None
    except yaml.YAMLError as error:
        raise ConfigError(
            f"{path} is no YAML: {' '.join(str(error).split())}; indent with spaces, and put one key on a line"
        ) from None


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
                f"{name}: key {path}{key} is {{}}, but {dict(found)} stands there from an earlier file, and "
                f"what comes later only adds to it; "
                "take the entries out of that file"
            )
        else:
            merged[key] = dict(found)
            _merge(merged[key], value, name, f"{path}{key}.")
