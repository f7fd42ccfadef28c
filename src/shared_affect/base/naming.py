"""Files found by the name of what they hold, never by their place in a list."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path


def by_name(names: Iterable[str | tuple[str, ...]], paths: Sequence[str | Path]) -> dict[str | tuple[str, ...], str]:
    """The file of every name among files that differ by names in their paths.

    Two lists made in two places need not have one order: a lexicon names its emotions in another order than the table
    does. So a job that has a file for each emotion (language, dimension) asks here which file is whose.

    Parameters
    ----------
    names : iterable of str, or of tuples of str
        What the files are for. A tuple (direction and dimension) is found where all of its parts are.
    paths : sequence of path
        A name stands in a path between ``/`` or ``_``, the ending apart: ``features/joy.tsv``, ``norms_en.tsv``. Parts
        that all paths have in common (a model called ``joy``) count only where there is one path.

    Returns
    -------
    dict of name -> path, in the order of `names`

    Raises
    ------
    ValueError
        If a name has no file or several, or a file no name.

    Examples
    --------
    >>> by_name(["joy", "fear"], ["features/fear.tsv", "features/joy.tsv"])
    {'joy': 'features/joy.tsv', 'fear': 'features/fear.tsv'}
    """
    given = [str(p) for p in paths]
    parts = {p: re.split("[/_]", str(Path(p).with_suffix(""))) for p in given}
    common = set.intersection(*({*enumerate(x)} for x in parts.values())) if len(parts) > 1 else set()
    own = {p: {part for at, part in enumerate(x) if (at, part) not in common} for p, x in parts.items()}
    wanted_of = {name: {name} if isinstance(name, str) else set(name) for name in names}
    # what all names say (one language, several models) tells no file from another
    same = set.intersection(*wanted_of.values()) if len(wanted_of) > 1 else set()
    found: dict[str | tuple[str, ...], str] = {}
    for name, wanted in wanted_of.items():
        here = [p for p in dict.fromkeys(given) if wanted - same <= own[p]]
        if len(here) != 1:
            raise ValueError(
                f"{name!r} has {len(here)} files among {len(given)} ({', '.join(here or given[:3])}); needed: exactly"
                " one with this name in its path"
            )
        found[name] = here[0]
    if left := [p for p in given if p not in found.values()]:
        raise ValueError(f"{left[0]} belongs to none of {', '.join(map(str, found))}; needed: one name for every file")
    return found
