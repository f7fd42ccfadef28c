"""A checkout of this project: tables, schemas, committed inputs, scripts, library; and the digests of each."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from shared_affect.base import rooms
from shared_affect.study.config import read_schema, read_table

CONFIG_TABLES = ("models", "saes", "languages", "human", "sources", "variants", "judges")
"""Tables of the folder of tables; the emotions stand among the committed inputs."""

DOWNLOADED = ("journal", "retrieved")
"""Folders beside the committed inputs that hold something else."""

Row = dict
Tables = dict[str, list[Row]]


def file_digest(path: str | Path) -> str:
    """Digest of a file's bytes, 16 hex digits."""
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()[:16]


_code_behind = cache(rooms.code_behind)


@dataclass(frozen=True)
class Checkout:
    """Folders of the checkout that a study is read from.

    Parameters
    ----------
    tables : path
        Holds ``models.tsv`` and its neighbours (`CONFIG_TABLES`).
    schemas : path
        A schema for each table, and ``config.yaml``.
    resources : path
        Committed inputs: ``emotions.tsv``, concept words, templates, texts.
    scripts : path
        One script a rule.
    package : path
        The package itself.
    """

    tables: Path
    schemas: Path
    resources: Path
    scripts: Path
    package: Path

    @cached_property
    def schema(self) -> dict:
        """Schema of the configuration."""
        return read_schema(self.schemas / "config.yaml")

    @property
    def sections(self) -> list[str]:
        """Keys of the configuration whose value is a group of keys."""
        return [k for k, s in self.schema["properties"].items() if "properties" in s]

    def read_tables(self) -> Tables:
        """Rows of every table, checked against its schema.

        Raises
        ------
        ConfigError
            Naming table and line.
        """
        found = {t: read_table(self.tables / f"{t}.tsv", self.schemas / f"{t}.yaml") for t in CONFIG_TABLES}
        return found | {"emotions": read_table(self.resources / "emotions.tsv", self.schemas / "emotions.yaml")}

    def concepts(self, language: str) -> Path:
        """Committed concept words of a language."""
        return self.resources / "concepts" / f"{language}.tsv"

    def templates(self, language: str) -> Path:
        """Templates of a language."""
        return self.resources / "templates" / f"{language}.tsv"

    def code(self, script: str) -> str:
        """Digest of the library behind a script, so that editing a module reruns the cheap rules that use it."""
        return _code_behind(self.scripts / f"{script}.py", self.package)

    def code_of(self, *names: str) -> str:
        """Digest of these rooms (``models/texts``) alone, for training: an edit elsewhere must not cost minutes."""
        return rooms.digest_of_rooms(self.package / f"{name}.py" for name in names)

    def version_of(self, room: str) -> int:
        """Version of a room (``features.extraction``) whose results are kept in the journal."""
        return rooms.version_of(room, self.package)

    def digests_of_tables(self) -> dict[str, str]:
        """Digest of each table of the configuration."""
        return {t: file_digest(self.tables / f"{t}.tsv") for t in CONFIG_TABLES}

    def digests_of_resources(self) -> dict[str, str]:
        """Digest of each committed input by its path beside the code, without the journal or what was downloaded."""
        patterns = ("*.tsv", "*/*.t[sx][vt]", "prompts/*/*.tsv")
        found = sorted(f for pattern in patterns for f in self.resources.glob(pattern))
        return {
            f.relative_to(self.resources.parent).as_posix(): file_digest(f)
            for f in found
            if f.parent.name not in DOWNLOADED
        }
