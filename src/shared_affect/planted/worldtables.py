"""The tables of the planted world, read as every table that people write."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path

import pandas as pd

from shared_affect.base.reading import LINE, place, read_written
from shared_affect.base.tables import write_tsv
from shared_affect.planted.world import _COLUMNS, DIMENSIONS, World, WorldTables
from shared_affect.study.inputs import read_number

PLANTED = {
    "emotions": "emotion",
    "ordinary": "pair",
    "body": "en",
    "names": "name",
    "sentences": "sentence",
    "neutral": "en",
}
"""Tables of resources/planted and a column that each must have (`WorldTables` checks the others)."""


def is_number(column: str) -> bool:
    """Whether `WorldTables.read` takes a column for coordinates, on -1 to 1 (shifts of one: -2 to 2)."""
    return column in DIMENSIONS or column.startswith(("zh_shift_", "class_"))


def read_world_tables(
    planted: str | Path, concepts: Mapping[str, str | Path], templates: Mapping[str, str | Path]
) -> WorldTables:
    """`WorldTables.read` of what `reading.read_written` finds in the same files.

    `planted.world` keeps its own reader, which takes quotation marks for enclosures: its digest stands for all trained
    models, so it stays as it is. It is given copies in which every cell stands as that reader expects it.

    Raises
    ------
    ValueError
        Anything that `reading.read_written` and `WorldTables.read` refuse, or a quotation mark in a word of the world
        (the raters' files, which hold these words, are read as a person's).
    """
    with tempfile.TemporaryDirectory() as folder:

        def copy(kind: str, name: str, path: str | Path, needed: str) -> Path:
            rows = read_written(path, [needed], None)
            if lacking := [c for c in (_COLUMNS[name] if kind == "planted" else ()) if c not in rows[0]]:
                found = ", ".join(c for c in rows[0] if c != LINE)
                raise ValueError(
                    f"{place(path, parts=3)}: column {lacking[0]!r} is missing; found: {found}; needed:"
                    f" {', '.join(_COLUMNS[name])}"
                )
            for row in rows:
                if row.get("planted") == "true" and '"' in row["word"]:
                    raise ValueError(
                        f"{place(path, row[LINE], 3)}: word is {row['word']!r}; allowed in the planted world: a word"
                        " without quotation marks"
                    )
                for column in (c for c in row if kind == "planted" and is_number(c)):
                    read_number(path, row, column, 2 if column.startswith("zh_shift_") else 1)
            target = Path(folder) / kind / f"{name}.tsv"
            write_tsv(target, pd.DataFrame(rows).drop(columns=LINE))
            return target

        for name, needed in PLANTED.items():
            copy("planted", name, Path(planted) / f"{name}.tsv", needed)
        return WorldTables.read(
            Path(folder) / "planted",
            {k: copy("concepts", k, p, "word") for k, p in concepts.items()},
            {k: copy("templates", k, p, "text") for k, p in templates.items()},
        )


def check_world(
    planted: str | Path, concepts: Mapping[str, str | Path], templates: Mapping[str, str | Path], root_seed: int
) -> None:
    """A world can be made of these tables, without its texts.

    Raises
    ------
    ValueError
        Anything that `read_world_tables` and `World` refuse.
    """
    World(read_world_tables(planted, concepts, templates), root_seed)
