"""What a font can write."""

from collections.abc import Iterable
from pathlib import Path

from matplotlib.ft2font import FT2Font


def missing_characters(path: str | Path, texts: Iterable[str]) -> list[str]:
    """Printable characters of `texts` that the font at `path` lacks, sorted."""
    known = FT2Font(str(path)).get_charmap()
    return sorted(c for c in set("".join(texts)) if c.isprintable() and ord(c) not in known)
