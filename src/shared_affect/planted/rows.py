"""Which rows of a table of concept words belong to the planted world."""

from __future__ import annotations

import csv
from pathlib import Path

COLUMNS = ("emotion", "word", "pos", "planted", "source")


def planted_rows(path: str | Path) -> list[str]:
    """Cells of the rows whose `planted` is true, tab-separated, found by the columns' names: other columns do not touch them.

    Raises
    ------
    ValueError
        If a column is missing or stands twice.
    """
    with open(path, encoding="utf-8-sig", newline="") as f:
        reader = csv.DictReader(f, delimiter="\t", quoting=csv.QUOTE_NONE)
        found = reader.fieldnames or []
        for c in COLUMNS:
            if found.count(c) != 1:
                raise ValueError(f"{'/'.join(Path(path).parts[-3:])}: column {c!r} stands {found.count(c)} times; needed: once each of {', '.join(COLUMNS)}; found: {', '.join(found)}")
        return ["\t".join(r[c] or "" for c in COLUMNS) for r in reader if (r["planted"] or "").strip().lower() == "true"]
