"""Commits for branches: the column ``revision`` of tables, filled in with what a branch or tag stands for.

A branch moves; a study that names one is another study next year. Every row that comes from the hub and names a branch,
a tag or nothing gets the commit: that of the files that were fetched for it, where they are there, else the hub's of
now. Nothing else of a table changes, and nothing at all where one row fails.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from shared_affect.base.files import atomic_path
from shared_affect.base.reading import exchange_cells, read_rows
from shared_affect.models.hub_rows import COMMIT, HubRow, resolve_revision
from shared_affect.study.config import ConfigError

KEYS = {"models": ("model",), "saes": ("model", "sae"), "judges": ("judge", "language")}
"""Columns that name a row of a table."""

NAMES = {"models": "model", "saes": "SAE", "judges": "judge"}
"""What a row of a table is, in messages."""

Resolve = Callable[[str, str, HubRow], str]


@dataclass(frozen=True)
class Loose:
    """A row that comes from the hub and names no commit.

    Attributes
    ----------
    table : path
    line : int
        Its line in the file, from 1 (the header).
    row : HubRow
    repository, revision : str
    fetched : path
        Where its files are put.
    """

    table: Path
    line: int
    row: HubRow
    repository: str
    revision: str
    fetched: Path

    def told(self) -> str:
        """The row in words.

        Examples
        --------
        >>> Loose(Path("models.tsv"), 3, HubRow("model m"), "lab/tiny", "main", Path("x")).told()
        'model m: lab/tiny at main'
        """
        return f"{self.row.name}: {self.repository} at {self.revision}"


def fetched_commit(folder: Path, repository: str, revision: str) -> str | None:
    """The commit that was fetched into a folder for a repository at a revision; None where there is none."""
    try:
        facts = json.loads((folder / "revision.json").read_text(encoding="utf-8"))
        found = facts["commit"] if (facts["id"], facts["asked"]) == (repository, revision) else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return found if isinstance(found, str) and COMMIT.fullmatch(found) else None


def as_asked(folder: Path, repository: str, revision: str | None) -> str | None:
    """The revision by which a row was fetched, where it now names the very commit that came: pinning a row is no reason
    to fetch it and all that was made from it again. What has to be fetched again is fetched at `named_commit`.
    """
    try:
        facts = json.loads((folder / "revision.json").read_text(encoding="utf-8"))
        same = (facts["id"], facts["commit"]) == (repository, revision)
        return facts["asked"] if same else revision
    except (OSError, ValueError, KeyError, TypeError):
        return revision


def named_commit(revision: str | None) -> str:
    """The commit that a cell of the column ``revision`` names; "" for a branch, a tag or nothing.

    Examples
    --------
    >>> named_commit("main"), named_commit(None), named_commit("a" * 40) == "a" * 40
    ('', '', True)
    """
    return revision if revision and COMMIT.fullmatch(revision) else ""


def find_loose(tables: Iterable[str | Path], retrieved: str | Path) -> list[Loose]:
    """Rows that come from the hub and name no commit, in the order of the tables.

    Parameters
    ----------
    tables : paths
        Those without the columns ``id`` and ``revision`` have none.
    retrieved : path
        Folder of what is fetched.
    """
    found = []
    for table in map(Path, tables):
        rows = read_rows(table, quoted=False, as_is=True)
        columns = rows[0][1] if rows else []
        if not {"id", "revision"} <= set(columns):
            continue
        kind, named = table.stem, f"config/{table.name}"
        for n, cells in rows[1:]:
            row = dict(zip(columns, cells, strict=False))
            # judges say by their id alone that they come from the hub
            of_hub = row["source"] == "hub" if "source" in row else bool(row.get("id"))
            if not of_hub or COMMIT.fullmatch(row.get("revision", "")):
                continue
            key = [row[k] for k in KEYS.get(kind, columns[:1])]
            name = HubRow(f"{NAMES.get(kind, kind)} {' '.join(key)}", named)
            place = Path(retrieved, kind, *key)
            found.append(Loose(table, n, name, row["id"], row.get("revision") or "main", place))
    return found


def pin(loose: Sequence[Loose], resolve: Resolve = resolve_revision) -> list[str]:
    """Write the commit of every row into its table.

    Parameters
    ----------
    loose : sequence of Loose
        Of `find_loose`, of the files as they are.
    resolve : function of repository, revision and row
        Its commit.

    Returns
    -------
    list of str
        What was changed, a line a row.

    Raises
    ------
    ConfigError
        Naming every row that could not be resolved; no file has been touched.
    """
    commits: list[tuple[Loose, str, str]] = []
    failed: list[str] = []
    for one in loose:
        if there := fetched_commit(one.fetched, one.repository, one.revision):
            commits.append((one, there, "as fetched"))
            continue
        try:
            commits.append((one, resolve(one.repository, one.revision, one.row), "of today"))
        except (ValueError, OSError) as error:
            failed.append(str(error))
    if failed:
        more = f"\nand {len(failed) - 8} more" if len(failed) > 8 else ""
        raise ConfigError(
            f"{len(failed)} of {len(loose)} rows have no commit; no table was changed:\n" + "\n".join(failed[:8]) + more
        )
    for table in dict.fromkeys(one.table for one, _, _ in commits):
        _write(table, {one.line: (one, commit) for one, commit, _ in commits if one.table == table})
    return [f"{one.told()} is now {commit} ({how})" for one, commit, how in commits]


def _write(table: Path, commits: dict[int, tuple[Loose, str]]) -> None:
    """A table with these commits; every other byte stays."""
    rows = read_rows(table, quoted=False, as_is=True)
    columns, now = rows[0][1], dict(rows)
    at, of = columns.index("revision"), columns.index("id")
    for n, (one, _) in commits.items():
        if len(now.get(n, [])) <= max(at, of) or now[n][of] != one.repository:
            raise ConfigError(f"{table} was changed while its commits were asked for; run it again")
    text = table.read_bytes().decode("utf-8")
    with atomic_path(table) as tmp:
        tmp.write_bytes(exchange_cells(text, {(n, at): commit for n, (_, commit) in commits.items()}).encode("utf-8"))
