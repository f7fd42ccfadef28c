"""Letters of any script, and the marks that belong to them."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

from shared_affect.base.reading import HAN

SCRIPTS = tuple(
    "latin han arabic armenian bengali cyrillic devanagari ethiopic georgian greek gujarati gurmukhi hangul hebrew"
    " kannada malayalam tamil telugu".split()
)
"""Allowed in config/languages.tsv, column script: those that put something between words, and Chinese characters."""


def _marks() -> str:
    """Combining marks (category M), as the inside of a character class."""
    found = [k for k in (*range(0x300, 0x1F000), *range(0xE0100, 0xE01F0)) if unicodedata.category(chr(k))[0] == "M"]
    runs: list[list[int]] = []
    for k in found:
        if runs and runs[-1][1] == k - 1:
            runs[-1][1] = k
        else:
            runs.append([k, k])
    return "".join(f"\\U{a:08x}-\\U{b:08x}" for a, b in runs)


MARKS = _marks()
"""Inside of a character class of regular expressions: accents, vowel signs, viramas, which stand behind a letter."""


@lru_cache(maxsize=100_000)
def in_script(letter: str, script: str) -> bool:
    """Whether a letter is one of a script, by its name in Unicode.

    Examples
    --------
    >>> in_script("ж", "cyrillic"), in_script("ж", "latin"), in_script("怒", "han"), in_script("é", "latin")
    (True, False, True, True)
    """
    if script == "han":
        return HAN.match(letter) is not None
    return unicodedata.name(letter, "").removeprefix("FULLWIDTH ").startswith(f"{script.upper()} ")
