"""Contracts of files that are collected into a published table as they are: found by the table's name.

What such a table is stands in one place, the record of its files (`base.contracts.Published`). Tables that collecting
adds columns to, or that are made of several kinds of files, are spelt out in `contracts` and in the study's grid.
"""

from __future__ import annotations

from string import Formatter

import shared_affect.features.files
import shared_affect.human.files
import shared_affect.planted.files
import shared_affect.ratings.files
import shared_affect.results.files
import shared_affect.spaces.files
import shared_affect.steering.files
import shared_affect.validity.files
import shared_affect.words.files
from shared_affect.base.contracts import Contract, Published, Table

STAGES = {
    "The planted world": shared_affect.planted.files,
    "Human data": shared_affect.human.files,
    "Words": shared_affect.words.files,
    "Features": shared_affect.features.files,
    "Spaces": shared_affect.spaces.files,
    "Ratings": shared_affect.ratings.files,
    "Steering": shared_affect.steering.files,
    "Validity": shared_affect.validity.files,
    "Results": shared_affect.results.files,
}
"""Rooms with the contracts of files between rules."""

VARIANT = "{variant}"


def contracts() -> dict[str, Contract]:
    """All contracts by the names of their records.

    Raises
    ------
    ValueError
        If two rooms call different records by one name: one of them would be checked nowhere.
    """
    found: dict[str, Contract] = {}
    for room in STAGES.values():
        for name, c in vars(room).items():
            if isinstance(c, Contract) and found.setdefault(name, c) is not c:
                raise ValueError(f"{name} is a record of {found[name].place} and of {c.place}; allowed: one")
    return found


def published_files() -> dict[str, tuple[Published, Table]]:
    """Published table -> how it is collected, and the contract of its files.

    Raises
    ------
    ValueError
        If two records name one table, or a record and its place disagree on whether variants have files of their own.
    """
    found: dict[str, tuple[Published, Table]] = {}
    of: dict[str, str] = {}
    for record, c in contracts().items():
        if not isinstance(c, Table) or c.published is None:
            continue
        own = c.published
        if own.name in found:
            raise ValueError(f"{of[own.name]} and {record} are both published as {own.name!r}; allowed: one record")
        if bool(own.side) != c.place.startswith(VARIANT) or (own.side and "{model}" not in c.place):
            raise ValueError(
                f"{record}: published with side {own.side!r} from {c.place}; allowed: a side where the place begins"
                f" with {VARIANT} and names a {{model}}, none where it does not"
            )
        found[own.name], of[own.name] = (own, c), record
    return found


def axes_of(place: str) -> list[str]:
    """Axes along which files differ, in the order of their place."""
    return list(dict.fromkeys(f for _, f, _, _ in Formatter().parse(place.removeprefix(VARIANT)) if f))
