"""Which rows of a table of concept words belong to the planted world."""

from __future__ import annotations

from pathlib import Path

from shared_affect.base.reading import read_written

COLUMNS = ("emotion", "word", "pos", "planted", "source")

LANGUAGES = ("en", "zh")
"""Languages that the planted world is written in (`planted.world`, which needs pandas to be asked)."""


def planted_rows(path: str | Path) -> list[str]:
    """Cells of the rows whose `planted` is true, tab-separated, found by the columns' names: other columns do not touch
    them.

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses.
    """
    rows = read_written(path, COLUMNS, None, may_be_empty=("pos", "planted", "source"))
    return ["\t".join(r[c] for c in COLUMNS) for r in rows if r["planted"].lower() == "true"]
