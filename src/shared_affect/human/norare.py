"""Ratings linked to concepts: tables of NoRaRe, joined across languages by the concepts of Concepticon.

NoRaRe (Tjuka, Forkel & List 2022, Behavior Research Methods 54:864; github.com/concepticon/norare-data) holds, for many
published sets, the words that could be linked to a concept, one table a set beside a description in CSVW
(``{name}.tsv-metadata.json``). One reader reads them all: which columns are meant stands in a small table of ours
(``resources/norare/{dataset}.tsv``), the scale of each in the description, and nowhere else.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.reading import LINE, listed, place, read_text, read_written
from shared_affect.human import published
from shared_affect.human.norms import COLUMNS, DIMENSIONS, range_name, to_common

CONCEPT, GLOSS = "CONCEPTICON_ID", "CONCEPTICON_GLOSS"
WORD = "word"
"""Role of the column that holds the words; every other role is the name of what was rated."""


def read_roles(path: str | Path) -> dict[str, list[str]]:
    """Which columns of a table of NoRaRe are meant: role -> columns.

    Parameters
    ----------
    path : path
        Table ``role, column`` of ours: ``word`` once, and a row for each thing rated (``valence``, ``happiness``).
        Several rows of one role are groups of raters with means of their own (women, men): their mean is taken, each
        group counting the same.

    Raises
    ------
    ValueError
        Anything that `reading.read_written` refuses; no word or several, or nothing rated.
    """
    roles: dict[str, list[str]] = {}
    for r in read_written(path, ["role", "column"], key=["role", "column"]):
        roles.setdefault(r["role"], []).append(r["column"])
    if len(roles.get(WORD, [])) != 1 or len(roles) < 2:
        raise ValueError(
            f"{place(path, parts=3)}: roles are {listed(list(roles))}; needed: {WORD} once, and one row or more of what"
            " was rated (valence, arousal, ...)"
        )
    return roles


def read_scales(path: str | Path, table: str) -> dict[str, tuple[float, float] | None]:
    """Columns of a table as its description in CSVW declares them.

    Parameters
    ----------
    path : path
        ``{name}.tsv-metadata.json``.
    table : str
        Name of the table's file, which the description must be about.

    Returns
    -------
    dict of column -> (lowest, highest) of its scale, None where no scale is declared

    Raises
    ------
    ValueError
        No JSON, no such description, or one of another table.
    """
    text = read_text(path)
    try:
        (described,) = [t for t in json.loads(text)["tables"] if t["url"] == table]
        columns = {c["name"]: c["datatype"] for c in described["tableSchema"]["columns"]}
    except (ValueError, KeyError, TypeError):
        raise ValueError(
            f"{place(path)}: it does not describe {table}; expected the description in CSVW that stands beside it"
            " (tables, url, tableSchema, columns, name, datatype)"
        ) from None
    return {name: _scale(path, name, kind) for name, kind in columns.items()}


def _scale(path: str | Path, name: str, kind: object) -> tuple[float, float] | None:
    if not isinstance(kind, Mapping) or "minimum" not in kind or "maximum" not in kind:
        return None
    try:
        low, high = float(kind["minimum"]), float(kind["maximum"])
    except (TypeError, ValueError):
        low = high = math.nan
    if not low < high:
        raise ValueError(
            f"{place(path)}: the scale of {name} runs from {kind['minimum']!r} to {kind['maximum']!r}; expected two"
            " numbers, the lower first"
        )
    return low, high


def check_concepts(path: str | Path, frame: pd.DataFrame, concept: str, gloss: str, word: str) -> None:
    """Numbers of concepts are written as Concepticon writes them, and each belongs to one gloss.

    Text is compared with text across sets: ``010`` and ``10.0`` would match no ``10``.

    Parameters
    ----------
    path : path
    frame : DataFrame
    concept, gloss, word : str
        Its columns.

    Raises
    ------
    ValueError
        Another form of a number, a number of two glosses, a gloss of two numbers.
    """
    if (odd := ~frame[concept].str.fullmatch(r"[1-9][0-9]*")).any():
        k = int(odd.to_numpy().argmax())
        raise ValueError(
            f"{place(path, int(frame[LINE].iloc[k]))}: {concept} of {frame[word].iloc[k]!r} is"
            f" {frame[concept].iloc[k]!r}; expected a whole number in plain digits, as Concepticon writes it (10)"
        )
    for one, other, what, several in ((concept, gloss, "concept", "glosses"), (gloss, concept, "gloss", "numbers")):
        found = frame.groupby(one)[other].unique()
        if len(two := found[found.str.len() > 1]):
            raise ValueError(
                f"{place(path)}: {what} {two.index[0]} has {len(two.iloc[0])} {several}"
                f" ({', '.join(two.iloc[0][:3])}); expected one"
            )


def _roles_of(columns: str | Path, metadata: str | Path, table: str) -> tuple[dict, dict]:
    """Columns of each role, as described and all of one language; the scale of each role."""
    roles, declared = read_roles(columns), read_scales(metadata, table)
    (word,) = roles[WORD]
    asked = [c for own in roles.values() for c in own]
    if unknown := [c for c in (CONCEPT, GLOSS, *asked) if c not in declared]:
        raise ValueError(
            f"{place(columns, parts=3)}: column {unknown[0]!r} is not described; {place(metadata)} describes"
            f" {listed(list(declared), 40)}"
        )
    if others := [c for c in asked if c != word and not c.startswith(f"{word}_")]:
        raise ValueError(
            f"{place(columns, parts=3)}: words are those of {word!r}, and {others[0]!r} is rated; expected columns of"
            f" one language, {word}_..."
        )
    scales: dict[str, tuple[float, float]] = {}
    for role in (r for r in roles if r != WORD):
        found = {c: declared[c] for c in roles[role]}
        if len(set(found.values())) != 1 or None in found.values():
            raise ValueError(
                f"{place(metadata)}: the scale of {role} is"
                f" {', '.join(f'{c}: {s or str()}'.rstrip() for c, s in found.items())}; expected minimum and maximum,"
                " the same for all columns of a role: a scale is never guessed"
            )
        scales[role] = next(s for s in found.values() if s)
    return roles, scales


def _read(
    table: str | Path, metadata: str | Path, columns: str | Path, script: str | None
) -> tuple[pd.DataFrame, dict[str, list[str]], dict[str, tuple[float, float]]]:
    """Concepts, words and ratings as published, the columns of each role, and the scale of each role."""
    roles, scales = _roles_of(columns, metadata, Path(table).name)
    (word,), asked = roles[WORD], [c for own in roles.values() for c in own]
    frame = published.read_table(table, [CONCEPT, GLOSS, *dict.fromkeys(asked)], quoted=False)
    frame[word] = published.mend_spreadsheet(
        published.words(table, frame, word, script) if script else frame[word].to_numpy()
    )
    check_concepts(table, frame, CONCEPT, GLOSS, word)
    return frame, roles, scales


def _ratings(
    table: str | Path, frame: pd.DataFrame, roles: Mapping[str, Sequence[str]], role: str, scale: tuple[float, float]
) -> np.ndarray:
    """Ratings of a role as published, NaN where a row has none."""
    each = [
        published.numbers(table, frame, c, *scale, label=roles[WORD][0], missing=True).astype(float)
        for c in roles[role]
    ]
    found = np.mean(each, axis=0)
    if np.isnan(found).all():
        raise ValueError(
            f"{place(table)}: no row has {role} ({', '.join(roles[role])}); expected a rating in one row or more"
        )
    return found


def of_concepts(rated: pd.DataFrame) -> pd.DataFrame:
    """Ratings of concepts from those of their words: a concept of several words has the mean of their ratings; a word
    of several concepts counts in each, and one that stands twice under a concept once.

    Parameters
    ----------
    rated : DataFrame ``concept, gloss, word, dimension, value``
        Rows without a value are left out.

    Returns
    -------
    DataFrame of `human.files.CONCEPT_RATINGS`, in the order of the rows
    """
    keys = ["dimension", "concept", "gloss"]
    words = rated[rated["value"].notna()].groupby([*keys, "word"], sort=False)["value"].mean().reset_index()
    grouped = words.groupby(keys, sort=False)
    out = grouped["value"].agg(value="mean", n_words="size")
    out["words"] = grouped["word"].agg("|".join)
    return out.reset_index()[["concept", "gloss", "dimension", "value", "n_words", "words"]]


def read_norms(
    table: str | Path, metadata: str | Path, columns: str | Path, *, script: str | None = None
) -> pd.DataFrame:
    """Valence and arousal of words from a table of NoRaRe: the part of a published set that is linked to concepts.

    Parameters
    ----------
    table, metadata : path
        ``{name}.tsv`` and its description, ``{name}.tsv-metadata.json``, as NoRaRe publishes them.
    columns : path
        Which columns are meant, see `read_roles`; ``word``, ``valence`` and ``arousal`` are needed here.
    script : str, optional
        Of the language (`letters.SCRIPTS`), which its words are held against.

    Returns
    -------
    DataFrame
        ``word, valence, arousal, valence_sd, valence_n, arousal_sd, arousal_n`` on -1..1 (NoRaRe gives no SD or N:
        NaN), sorted by word; the published numbers, their range in the name; ``concept``, the word's concepts joined by
        ``|``. Words of several rows are one word with the mean of its ratings; rows without both ratings are left out.

    Raises
    ------
    ValueError
        Whatever `read_roles`, `read_scales`, `check_concepts` and `published` refuse: a rating outside its scale, a
        word in another script; columns of two languages; no valence or arousal, or no word that has both.
    """
    frame, roles, scales = _read(table, metadata, columns, script)
    if missing := [d for d in DIMENSIONS if d not in roles]:
        raise ValueError(
            f"{place(columns, parts=3)} names no {missing[0]}, but {listed(list(scales))}; needed for norms:"
            f" {' and '.join(DIMENSIONS)} (as concept-ratings the set can be read)"
        )
    made = pd.DataFrame({"word": frame[roles[WORD][0]].to_numpy(), "concept": frame[CONCEPT].to_numpy()})
    for d in DIMENSIONS:
        made[f"{d}_{range_name(*scales[d])}"] = given = _ratings(table, frame, roles, d, scales[d])
        made[d] = to_common(given, *scales[d])
    rated = made[made[list(DIMENSIONS)].notna().all(axis=1)]
    if rated.empty:
        raise ValueError(f"{place(table)}: no row has both valence and arousal; expected one or more")
    numbers = [c for c in made if c not in ("word", "concept")]
    grouped = rated.groupby("word")
    out = grouped[numbers].mean()
    out["concept"] = grouped["concept"].agg(lambda c: "|".join(dict.fromkeys(c)))
    LOG.info(
        "%s: %d rows, %d without valence or arousal left out, %d words; %d stand for several concepts",
        table,
        len(made),
        len(made) - len(rated),
        len(out),
        out["concept"].str.contains("|", regex=False).sum(),
    )
    out = out.reset_index().assign(**{f"{d}_{c}": np.nan for d in DIMENSIONS for c in ("sd", "n")})
    return out[COLUMNS + [c for c in out if c not in COLUMNS]].sort_values("word", ignore_index=True)


def read_concepts(
    table: str | Path, metadata: str | Path, columns: str | Path, *, script: str | None = None
) -> pd.DataFrame:
    """Ratings of concepts from a table of NoRaRe, everything that the table of columns names.

    Parameters
    ----------
    table, metadata, columns, script
        As of `read_norms`; any roles.

    Returns
    -------
    DataFrame
        ``concept`` (its number in Concepticon, as text), ``gloss``, ``dimension`` (the role), ``value`` on -1..1,
        ``n_words``, ``words`` (joined by ``|``). A concept of several words has the mean of their ratings; a word of
        several concepts counts in each.

    Raises
    ------
    ValueError
        As `read_norms`, but for valence and arousal; a role that no row has a rating of.
    """
    frame, roles, scales = _read(table, metadata, columns, script)
    own = frame[[CONCEPT, GLOSS, roles[WORD][0]]].set_axis(["concept", "gloss", "word"], axis=1)
    parts = []
    for role, scale in scales.items():
        value = to_common(_ratings(table, frame, roles, role, scale), *scale)
        parts.append(of_concepts(own.assign(dimension=role, value=value)))
        LOG.info("%s: %s of %d concepts, scale %g to %g", table, role, len(parts[-1]), *scale)
    return pd.concat(parts, ignore_index=True)
