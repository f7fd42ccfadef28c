"""Tables as others publish them: frames of what `reading` takes apart, refused when something in them is wrong.

Every refusal is a ``ValueError`` that names the file, the line, the column and what was expected. Loaders of single
datasets (`norms`, `judgements`, `associations`, `lexicons`, `frequencies`, `norare`) stand on these few functions.
A *line* is the line of the file as an editor counts it, the header being line 1; in a workbook it is the row.
"""

from __future__ import annotations

import difflib
import functools
import math
import re
import unicodedata
from collections.abc import Collection, Sequence
from pathlib import Path

import numpy as np
import pandas as pd

from shared_affect.base.letters import in_script
from shared_affect.base.log import LOG
from shared_affect.base.reading import HAN, LINE, clean, listed, place, read_rows, read_text

BOPOMOFO = re.compile("[\u3100-\u312f\u31a0-\u31bf]")
MISSING = ("", "\ufffd", ".")


def _check_header(path: str | Path, header: Sequence[str], columns: Sequence[str], line: int) -> None:
    for wanted in columns:
        if wanted not in header:
            close = difflib.get_close_matches(wanted, [h for h in header if h not in columns], n=1)
            raise ValueError(
                f"{place(path, line)}: column {wanted!r} is missing{f' (renamed to {close[0]!r}?)' if close else ''};"
                f" expected {listed(columns)}; found {listed(header)}"
            )
        if list(header).count(wanted) > 1:
            raise ValueError(
                f"{place(path, line)}: column {wanted!r} stands {list(header).count(wanted)} times; expected once"
            )


def read_table(
    path: str | Path,
    columns: Sequence[str],
    separator: str = "\t",
    *,
    quoted: bool = True,
    encodings: Sequence[str] = ("utf-8-sig",),
    note: str | None = None,
    page: bool = False,
    unread: Sequence[str] = (),
) -> pd.DataFrame:
    """Columns of a text table, everything as text without spaces around it.

    Parameters
    ----------
    path : path
    columns : sequence of str
        Needed; others are left out.
    separator, quoted, encodings, page
        As in `reading.read_rows`.
    note : regular expression, optional
        A line of one cell that holds it is a remark of the authors, left out and logged.
    unread : sequence of str
        Columns of numbers that must stand there too, though nothing reads them.

    Returns
    -------
    DataFrame
        `columns`, and ``line``, the line of the file.

    Raises
    ------
    ValueError
        As `reading.read_rows`; a column is missing or doubled, a row has another number of cells than the header, or
        there are no rows.
    """
    rows = read_rows(path, separator, quoted=quoted, encodings=encodings, page=page)
    if not rows:
        raise ValueError(f"{place(path)} is empty; expected a table (get it again, docs/data.md)")
    header = rows[0][1]
    _check_header(path, header, [*columns, *unread], rows[0][0])
    kept, begins = [], []
    for at, cells in rows[1:]:
        if len(cells) == len(header):
            kept.append(cells)
            begins.append(at)
        elif note and len(cells) == 1 and re.search(note, cells[0]):
            LOG.info("%s: %r is a remark, left out", place(path, at), cells[0])
        else:
            raise ValueError(
                f"{place(path, at)}: {len(cells)} cells; expected {len(header)}, separated by {separator!r}"
            )
    for k, column in enumerate(header):
        if column in unread or column not in columns:
            report_damage(path, column, [c[k] for c in kept], begins, at_least=0 if column in unread else 0.9)
    return _frame(path, kept, begins, [header.index(c) for c in columns], columns)


def report_damage(
    path: str | Path, column: str, cells: Sequence[str], lines: Sequence[int], at_least: float = 0.9
) -> None:
    """Log the cells that are no numbers in a column of numbers that nothing reads: the rows are kept, but the file is
    damaged.

    Parameters
    ----------
    path : path
    column : str
    cells : sequence of str
    lines : sequence of int
    at_least : float
        Share of numbers that makes it a column of numbers.
    """

    def is_damaged(cell: str) -> bool:
        try:
            return not math.isfinite(float(cell))
        except ValueError:
            return cell not in (*MISSING, "NA", "N/A", "#N/A", "-")

    if sum(map(is_damaged, cells[:100])) > (1 - at_least) * 100:  # most columns of words are known by their first cells
        return
    damaged = {cell for cell in set(cells) if is_damaged(cell)}
    bad = [k for k, cell in enumerate(cells) if cell in damaged] if damaged else []
    if bad and len(bad) <= (1 - at_least) * len(cells):
        LOG.warning(
            "%s: %s is %r, no number%s; nothing reads that column, so the rows are kept",
            place(path, lines[bad[0]]),
            column,
            cells[bad[0]],
            (
                f", and {len(bad) - 1} more such cells (lines"
                f" {', '.join(str(lines[k]) for k in bad[1:6])}{' ...' if len(bad) > 6 else ''})"
                if len(bad) > 1
                else ""
            ),
        )


def _frame(
    path: str | Path, rows: Sequence[Sequence[str]], lines: Sequence[int], at: Sequence[int], columns: Sequence[str]
) -> pd.DataFrame:
    if not rows:
        raise ValueError(f"{place(path)}: a header and no rows; expected rows under {', '.join(columns)}")
    frame = pd.DataFrame({c: pd.Series([r[i] for r in rows], dtype=object) for c, i in zip(columns, at)})
    return frame.assign(**{LINE: np.asarray(lines, int)})


def read_workbook(path: str | Path, columns: Sequence[str], header_within: int = 1) -> pd.DataFrame:
    """Columns of the first sheet of an Excel workbook (.xlsx), everything as text without spaces around it.

    Parameters
    ----------
    path : path
    columns : sequence of str
        Needed; a name that stands twice in the header means the first one.
    header_within : int
        The header is the first of so many rows that holds ``columns[0]``.

    Returns
    -------
    DataFrame
        `columns`, and ``line``, the row of the sheet. Cells of the workbook that are empty are ``""``.

    Raises
    ------
    ValueError
        No such file, no workbook, a column is missing, or there are no rows.
    """
    import zipfile

    import openpyxl

    if not Path(path).is_file() or not zipfile.is_zipfile(path):
        read_text(path, ("latin-1",))
        raise ValueError(f"{place(path)} is no Excel workbook; expected .xlsx (get it again, docs/data.md)")
    book = openpyxl.load_workbook(path, read_only=True, data_only=True)
    try:
        rows = [
            ["" if v is None else str(v).strip() for v in cells]
            for cells in book.worksheets[0].iter_rows(values_only=True)
        ]
    finally:
        book.close()
    rows = [[c if c.isascii() else clean(path, c, k).strip() for c in cells] for k, cells in enumerate(rows, start=1)]
    at = next((k for k, cells in enumerate(rows[:header_within]) if columns[0] in cells), 0)
    header = rows[at] if rows else []
    for wanted in columns:
        if wanted not in header:
            _check_header(path, header, columns, at + 1)
    kept = [(k, r) for k, r in enumerate(rows[at + 1 :], start=at + 2) if any(r)]
    return _frame(path, [r for _, r in kept], [k for k, _ in kept], [header.index(c) for c in columns], columns)


def numbers(
    path: str | Path,
    frame: pd.DataFrame,
    column: str,
    low: float,
    high: float,
    *,
    label: str | None = None,
    whole: bool = False,
    missing: bool = False,
) -> np.ndarray:
    """A column of text as numbers inside their published range.

    Parameters
    ----------
    path : path
        Named in errors.
    frame : DataFrame
        From `read_table` or `read_workbook`.
    column : str
    low, high : float
        Range of the scale, both allowed.
    label : str, optional
        Column that says what the row is about.
    whole : bool
        Whole numbers only.
    missing : bool
        Whether a cell may be empty (also ``.`` or the replacement mark U+FFFD); it becomes NaN.

    Returns
    -------
    ndarray of float; of int where `whole` and nothing may be missing

    Raises
    ------
    ValueError
        Names line, column, value, and what was expected.
    """
    text = frame[column].to_numpy(object)
    values = pd.to_numeric(pd.Series(text, dtype=object), errors="coerce").to_numpy(float)
    empty = np.isin(text.astype(str), MISSING)
    bad = ~np.isfinite(values) & ~(empty & missing)
    with np.errstate(invalid="ignore"):
        bad |= (values < low) | (values > high)
        if whole:
            bad |= np.isfinite(values) & (values != np.round(values))
    if bad.any():
        k = int(np.argmax(bad))
        who = f" of {frame[label].iloc[k]!r}" if label else ""
        kind = "a whole number" if whole else "a number"
        limit = f"{kind} from {low:g} to {high:g}" if np.isfinite(high) else f"{kind} >= {low:g}"
        raise ValueError(f"{place(path, int(frame[LINE].iloc[k]))}: {column}{who} is {text[k]!r}; expected {limit}")
    return values.astype(int) if whole and not missing else values


def words(path: str | Path, frame: pd.DataFrame, column: str, script: str) -> np.ndarray:
    """A column of words in NFC, every one in the script of the language.

    Parameters
    ----------
    script : one of `letters.SCRIPTS`
        Every letter is of that script. ``han``: at least one character is Chinese (or bopomofo), the other letters
        Latin.

    Raises
    ------
    ValueError
        An empty word or one of another script; names the line.
    """
    found = np.array([unicodedata.normalize("NFC", w) for w in frame[column]], object)
    for w, line in zip(found, frame[LINE]):
        if not w:
            raise ValueError(f"{place(path, int(line))}: {column} is empty; expected a word")
        if script == "han" and not (HAN.search(w) or BOPOMOFO.search(w)):
            raise ValueError(
                f"{place(path, int(line))}: {column} is {w!r}, which has no Chinese character; expected Chinese words"
                " only"
            )
        for c in w:
            if not c.isalpha() or in_script(c, script):
                continue
            if not (script == "han" and (BOPOMOFO.match(c) or c in "〇々" or in_script(c, "latin"))):
                raise ValueError(
                    f"{place(path, int(line))}: {column} is {w!r} with {c!r}"
                    f" ({unicodedata.name(c, 'unnamed').lower()}); expected words in {script} script"
                )
    return found


def check_script(path: str | Path, frame: pd.DataFrame, column: str, script: str) -> None:
    """Refuse a file of another language where single words may be of any script (``KTV`` is a Chinese cue too).

    Raises
    ------
    ValueError
        At least half of the cells hold no Chinese character (``han``), or at least half hold one (``latin``); names the
        first.
    """
    other = np.array([bool(HAN.search(w)) != (script == "han") for w in frame[column]])
    if other.mean() >= 0.5:
        k = int(np.argmax(other))
        raise ValueError(
            f"{place(path, int(frame[LINE].iloc[k]))}: {column} is {frame[column].iloc[k]!r}, and {other.mean():.0%} of"
            f" them are not in {script} script; expected mostly {script}: is this the file of another language?"
        )


def choices(path: str | Path, frame: pd.DataFrame, column: str, allowed: Collection[str]) -> None:
    """Raise ValueError naming the line unless every cell of the column is one of the allowed words."""
    bad = ~frame[column].isin(list(allowed))
    if bad.any():
        k = int(np.argmax(bad.to_numpy()))
        raise ValueError(
            f"{place(path, int(frame[LINE].iloc[k]))}: {column} is {frame[column].iloc[k]!r}; expected one of"
            f" {', '.join(sorted(allowed))}"
        )


def unique(path: str | Path, frame: pd.DataFrame, keys: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """Rows with every key once: an exact repetition is dropped and logged, a contradiction is refused.

    Raises
    ------
    ValueError
        Two rows of one key with different values; names both lines.
    """
    twice = frame.duplicated(list(keys), keep=False)
    if not twice.any():
        return frame
    repeated = frame[twice]
    for key, rows in repeated.groupby(list(keys), sort=False):
        for c in values:
            if rows[c].nunique(dropna=False) > 1:
                a, b = rows.iloc[0], rows[rows[c] != rows[c].iloc[0]].iloc[0]
                raise ValueError(
                    f"{place(path, int(b[LINE]))}: {' '.join(map(str, key))!r} has {c} {b[c]}, but {a[c]} in line"
                    f" {int(a[LINE])}; expected each {' and '.join(keys)} once"
                )
    kept = frame.drop_duplicates(list(keys))
    LOG.info("%s: %d repeated rows with equal values dropped", place(path), len(frame) - len(kept))
    return kept.reset_index(drop=True)


def mend_spreadsheet(found: np.ndarray) -> np.ndarray:
    """The words true and false, which spreadsheets turn into TRUE and FALSE, in lower case again."""
    return np.array([w.lower() if w in ("TRUE", "FALSE") else w for w in found], object)


@functools.cache
def _converter(scheme: str):
    from opencc import OpenCC

    return OpenCC(scheme)


def simplify(found: Sequence[str], scheme: str = "tw2s") -> list[str]:
    """Chinese words in simplified characters, by OpenCC (scheme ``tw2s``: from the Taiwan standard)."""
    return [_converter(scheme).convert(w) for w in found]
