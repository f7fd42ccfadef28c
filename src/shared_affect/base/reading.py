"""Text files that this workflow has not written itself: from bytes to text, lines and rows.

The one place where a delimited text file of people is taken apart, so that a check reads what a job reads. Two kinds:

- *Published* files of others (`read_rows`; `published` makes frames of them) stay as they are. What cannot be seen in
  them is taken out and logged, and their own quoting is kept.
- *Written* files of the user (`read_written`, `read_lines`): tab-separated UTF-8 in which ``"`` is a character like any
  other. What cannot be seen is refused, for he can mend it.

A *line* is the line of the file as an editor counts it, the header being line 1. Nothing here needs pandas: the study
is checked before every run, and that must be quick.
"""

from __future__ import annotations

import csv
import difflib
import io
import re
import reprlib
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from shared_affect.base.log import LOG

LINE = "line"
HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
ZERO_WIDTH = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e0fff]"
)
"""Characters of no width: two words that differ by one look the same."""
SPACES = re.compile("[\u00a0\u1680\u2000-\u200a\u202f\u205f\u3000]")
"""Spaces that are not the plain one."""
CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029]")
JOINERS = "\u200c\u200d"
"""Have a meaning in running text (Persian, emoji), none in words of the scripts known here."""
MARKS = (b"\xff\xfe", b"\xfe\xff")
ARCHIVES = {
    b"PK\x03\x04": "a zip archive (or a workbook)",
    b"\x1f\x8b": "a gzip archive",
    b"\xd0\xcf\x11\xe0": "an old workbook",
    b"%PDF": "a PDF",
}
ICONV = {"GBK": "GBK", "Big5": "BIG5", "UTF-16": "UTF-16", "Latin-1 (Windows-1252)": "WINDOWS-1252"}


def place(path: str | Path, line: int | None = None, parts: int = 2) -> str:
    """Name of a file in messages: its last parts, and the line."""
    name = "/".join(Path(path).parts[-parts:])
    return name if line is None else f"{name}, line {line}"


def listed(names: Sequence[str], limit: int = 12) -> str:
    """Names joined by commas, the first few."""
    return ", ".join(names[:limit]) + (f", ... {len(names) - limit} more" if len(names) > limit else "")


class _Shown(reprlib.Repr):
    """`repr` of a bounded length, whatever is inside."""

    def __init__(self) -> None:
        super().__init__()
        self.maxstring = self.maxother = self.maxlong = 100
        self.maxlist = self.maxdict = self.maxtuple = self.maxset = 8
        self.maxlevel = 3

    def repr_date(self, value: object, level: int) -> str:
        """What YAML takes for a date, as it was written."""
        return str(value)

    def repr_int(self, value: int, level: int) -> str:
        """Python writes no number of more than 4,300 digits."""
        digits = int(value.bit_length() * 0.30103) + 1
        return repr(value) if digits <= self.maxlong else f"a whole number of {digits} digits"


def shown(value: object) -> str:
    """A value as it was found, for a message: quoted, and cut in its middle where it is long.

    Examples
    --------
    >>> shown("en"), shown({"en": ["usf"]}), len(shown("x" * 10_000)), shown(10**5000)
    ("'en'", "{'en': ['usf']}", 100, 'a whole number of 5001 digits')
    """
    return _Shown().repr(value)


SCREEN = (2000, 24)
"""Characters and lines that a message may have."""


def one_screen(text: str) -> str:
    """A message that fits a terminal: what cannot be seen is written out, and the middle of a long one is left out."""
    text = "".join(c if c.isprintable() or c == "\n" else ascii(c)[1:-1] for c in text)
    characters, at_most = SCREEN
    lines = text.split("\n")
    if len(lines) > at_most:
        left = len(lines) - at_most + 1
        text = "\n".join([*lines[: at_most // 2], f"... {left} lines left out ...", *lines[-(at_most // 2 - 1) :]])
    if len(text) > characters:
        part = characters // 2 - 30
        text = f"{text[:part]} ... {len(text) - 2 * part} characters left out ... {text[-part:]}"
    return text


def _other_encoding(data: bytes) -> str:
    """What bytes that are no UTF-8 look like; "" where they look like nothing known."""
    if data[:2] in MARKS or b"\x00" in data[:1000]:
        return "UTF-16"
    runs = re.findall(rb"([A-Za-z ]?)([\x80-\xff]+)", data[:100_000])
    # an accented letter stands alone behind another letter; Chinese characters are pairs of bytes, few of them with a
    # letter
    if sum(len(high) == 1 and before != b"" for before, high in runs) > len(runs) / 2:
        return "Latin-1 (Windows-1252)"
    for codec, name in (("gb18030", "GBK"), ("big5", "Big5")):
        try:
            if HAN.search(data[:100_000].decode(codec, errors="strict" if len(data) <= 100_000 else "ignore")):
                return name
        except UnicodeDecodeError:
            continue
    return ""


def _decode(path: str | Path, data: bytes, encodings: Sequence[str], parts: int) -> str:
    if kind := next((kind for mark, kind in ARCHIVES.items() if data.startswith(mark)), None):
        raise ValueError(
            f"{place(path, parts=parts)} is {kind}, not text; expected a text file in UTF-8 (save or unpack it as one)"
        )
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError as error:
            bad = error
            continue
        if "\x00" in text:
            raise ValueError(
                f"{place(path, text[: text.index(chr(0))].count(chr(10)) + 1, parts)}: a NUL character; expected text"
                " in UTF-8 (a file in UTF-16 without its mark, or a broken copy)"
            )
        return text
    line = data[: bad.start].count(b"\n") + 1
    other = _other_encoding(data)
    hint = (
        "; it begins with the mark of UTF-16" if data[:2] in MARKS else f"; it can be read as {other}" if other else ""
    )
    remedy = f": iconv -f {ICONV[other]} -t UTF-8 FILE > COPY" if other else ""
    raise ValueError(
        f"{place(path, line, parts)}: byte {data[bad.start : bad.start + 1].hex()} is not"
        f" {' or '.join(e.removesuffix('-sig').upper() for e in encodings)}{hint}; expected that encoding (convert a"
        f" copy with iconv{remedy})"
    )


def read_text(path: str | Path, encodings: Sequence[str] = ("utf-8-sig",), page: bool = False) -> str:
    """Text of a published file.

    Parameters
    ----------
    path : path
    encodings : sequence of str
        Tried in order. A UTF-8 byte-order mark is taken off.
    page : bool
        The authors publish a page whose ``<pre>`` is the table: lines that begin with a tag are blanked.

    Raises
    ------
    ValueError
        No such file, an empty file, a web page in place of a table, bytes that are none of the encodings, or a NUL.
    """
    if not Path(path).is_file():
        raise ValueError(f"{place(path)} does not exist (config.yaml, key data_dir; docs/data.md says where to get it)")
    data = Path(path).read_bytes()
    if not data.strip():
        raise ValueError(f"{place(path)} is empty; expected a table (get it again, docs/data.md)")
    inside = page and b"<pre" in data[:400].lower()
    if not inside and re.match(rb"(\xef\xbb\xbf)?\s*<(!doctype|html|head|body)\b", data[:400], flags=re.IGNORECASE):
        raise ValueError(
            f"{place(path, 1)} begins with {data[:40].decode('latin-1').strip()!r}: this is a web page, not a table; an"
            " error page or a form was saved in its place (get the file again, docs/data.md)"
        )
    text = _decode(path, data, encodings, 2)
    return re.sub(r"^\s*<.*$", "", text, flags=re.MULTILINE) if inside else text


def clean(path: str | Path, text: str, line: int = 1) -> str:
    """Text of a published file in normal form C, without characters of no width, other spaces plain; logged where that
    changes it.

    Two rows that differ by such a character are two ratings of one word: the loaders see it, and refuse what
    contradicts. `line` is where the text begins.
    """
    if not text.isascii():
        for what, pattern, new in (
            ("characters of no width left out", ZERO_WIDTH, ""),
            ("spaces of another kind made plain", SPACES, " "),
        ):
            if first := pattern.search(text):
                text, n = pattern.subn(new, text)
                LOG.info(
                    "%s: %d %s (first U+%04X)",
                    place(path, line + text[: first.start()].count("\n")),
                    n,
                    what,
                    ord(first[0]),
                )
        text = unicodedata.normalize("NFC", text)
    return text


def split_lines(text: str) -> list[str]:
    """Lines of a text by LF, CR LF or CR, and by nothing else (str.splitlines also splits at U+2028 and others)."""
    return re.split(r"\r\n|\n|\r", text) if "\r" in text else text.split("\n")


def _rows(path: str | Path, text: str, separator: str, quoted: bool) -> list[tuple[int, list[str]]]:
    """Line and cells of every row that is not blank."""
    if not quoted:
        return [
            (line, row.split(separator))
            for line, row in enumerate(split_lines(text), start=1)
            if row.replace(separator, " ").strip()
        ]
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    rows: list[tuple[int, list[str]]] = []
    line = 1
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return rows
        except csv.Error as error:
            raise ValueError(f"{place(path, line)}: {error}; expected cells separated by {separator!r}") from None
        if reader.line_num > line:
            raise ValueError(
                f"{place(path, line)}: a cell opens with a quotation mark that closes in line {reader.line_num};"
                " expected every row on a line of its own"
            )
        if any(c.strip() for c in cells):
            rows.append((line, cells))
        line = reader.line_num + 1


def read_rows(
    path: str | Path,
    separator: str = "\t",
    *,
    quoted: bool = True,
    encodings: Sequence[str] = ("utf-8-sig",),
    page: bool = False,
    as_is: bool = False,
) -> list[tuple[int, list[str]]]:
    """Rows of a published table that are not blank: line, and cells as `clean` leaves them, without spaces around them.

    Parameters
    ----------
    path : path
    separator : str
    quoted : bool
        Whether ``"`` encloses cells.
    encodings, page
        As in `read_text`.
    as_is : bool
        Leave the cells as they are: running text.

    Raises
    ------
    ValueError
        As `read_text`; a quotation mark that does not close in its line.
    """
    text = read_text(path, encodings, page)
    if as_is:
        return _rows(path, text, separator, quoted)
    return [(line, [c.strip() for c in cells]) for line, cells in _rows(path, clean(path, text), separator, quoted)]


def exchange_cells(text: str, cells: Mapping[tuple[int, int], str], separator: str = "\t") -> str:
    """A table's text with some cells exchanged, every other character as it was, line ends among them.

    Parameters
    ----------
    text : str
    cells : mapping of (line from 1, column from 0) -> str
        Cells that are there.
    separator : str

    Examples
    --------
    >>> exchange_cells("a\\tb\\r\\n1\\t2", {(2, 1): "3"})
    'a\\tb\\r\\n1\\t3'
    """
    pieces = re.split(r"(\r\n|\n|\r)", text)  # every second one is a line's end
    for (line, column), value in cells.items():
        own = pieces[2 * (line - 1)].split(separator)
        own[column] = value
        pieces[2 * (line - 1)] = separator.join(own)
    return "".join(pieces)


def numbered_lines(path: str | Path) -> list[tuple[int, str]]:
    """Lines of a published file that are not blank, cleaned, with their numbers."""
    return [(k, s) for k, line in enumerate(split_lines(clean(path, read_text(path))), start=1) if (s := line.strip())]


# --- what the user writes ---------------------------------------------------------------------------------------------


def read_own(path: str | Path, needed: str) -> str:
    """Text of a file that a person writes for this workflow; `needed` says in messages what should stand there.

    Raises
    ------
    ValueError
        No such file, an empty one, bytes that are not UTF-8, or a NUL; names file and line.
    """
    if not Path(path).is_file():
        raise ValueError(
            f"{place(path, parts=3)} does not exist{' as a file' if Path(path).exists() else ''}; needed: {needed}"
        )
    data = Path(path).read_bytes()
    if not data.removeprefix(b"\xef\xbb\xbf").strip():
        raise ValueError(f"{place(path, parts=3)} is empty; needed: {needed}")
    return _decode(path, data, ("utf-8-sig",), 3)


def read_lines(path: str | Path) -> list[str]:
    """Lines of a text file that are not empty, as written: running text, one text a line.

    Raises
    ------
    ValueError
        No such file, an empty one, bytes that are not UTF-8, or a NUL; names file and line.
    """
    return [line for line in split_lines(read_own(path, "running text in UTF-8, one text a line")) if line]


def _other_separator(header: Sequence[str]) -> str:
    """A hint where a header is one cell with commas or semicolons in it."""
    alone = len(header) == 1 and re.search("[,;]", header[0])
    return "; cells are separated by tabs, not by commas or semicolons" if alone else ""


def _check_own_header(
    path: str | Path, header: Sequence[str], needed: Sequence[str], optional: Sequence[str], others: bool
) -> None:
    name, known = place(path, parts=3), [*needed, *optional]
    for column in header:
        if ZERO_WIDTH.search(column) or CONTROL.search(column) or column != column.strip():
            raise ValueError(
                f"{name}, line 1: column {shown(column)}; allowed: a name without spaces and invisible characters"
                " around it"
            )
    unknown = [c for c in header if c not in known]
    missing = [c for c in needed if c not in header]
    if unknown and not others:
        close = difflib.get_close_matches(unknown[0], known, n=1)
        raise ValueError(
            f"{name}: unknown column {shown(unknown[0])}{f' (did you mean {close[0]!r}?)' if close else ''}; allowed:"
            f" {listed(known, 40)}{_other_separator(header)}"
        )
    if missing:
        hint = "; quotation marks are characters here, take them off" if f'"{missing[0]}"' in header else ""
        hint = hint or _other_separator(header)
        raise ValueError(
            f"{name}: column {missing[0]!r} is missing; found: {listed(header, 40)}{hint}; needed: {listed(needed, 40)}"
        )
    if twice := [c for c in header if header.count(c) > 1]:
        raise ValueError(f"{name}: column {shown(twice[0])} stands {header.count(twice[0])} times; allowed: once")
    # a column that may be left out would be left out without a word where its name is misspelt
    for column in unknown:
        if close := difflib.get_close_matches(
            column.lower(), [c for c in optional if c not in header], n=1, cutoff=0.8
        ):
            raise ValueError(
                f"{name}: unknown column {column!r} (did you mean {close[0]!r}?); allowed: {listed(known, 40)}"
            )
    if unknown:
        LOG.info("%s: columns that nothing reads here: %s", name, ", ".join(unknown))


def _check_cell(where: str, column: str, cell: str, is_text: bool) -> None:
    if cell != cell.strip():
        raise ValueError(
            f"{where}: {column} is {shown(cell)}; allowed: a {'text' if is_text else 'word'} without spaces around it"
        )
    patterns = (ZERO_WIDTH, CONTROL) if is_text else (ZERO_WIDTH, CONTROL, SPACES)
    for bad in (m for pattern in patterns for m in pattern.finditer(cell)):
        if not is_text or (bad[0] not in JOINERS and not "\ufe00" <= bad[0] <= "\ufe0f"):
            named = unicodedata.name(bad[0], "a control character").lower()
            raise ValueError(
                f"{where}: {column} is {shown(cell)} with U+{ord(bad[0]):04X} ({named}), which cannot be seen; allowed:"
                f" {'visible characters' if not SPACES.match(bad[0]) else 'plain spaces'}"
            )
    if cell[:1] == cell[-1:] == '"' and (
        cell == '""' or (len(cell) > 2 and re.fullmatch('(?:[^"]|"")*""(?:[^"]|"")*', cell[1:-1]))
    ):
        raise ValueError(
            f"{where}: {column} is {shown(cell)}, written as a spreadsheet quotes cells; quotation marks are characters"
            f" here: write the {'text' if is_text else 'word'} itself"
        )


def read_written(
    path: str | Path,
    needed: Sequence[str],
    optional: Sequence[str] | None = (),
    *,
    texts: Collection[str] = (),
    may_be_empty: Collection[str] = (),
    key: Sequence[str] = (),
    others: bool = True,
    may_have_no_rows: bool = False,
) -> list[dict]:
    """Rows of a table that a person writes for this workflow: tab-separated UTF-8, a header, ``"`` a character.

    Parameters
    ----------
    path : path
    needed, optional : sequence of str
        Columns that must, and that may stand there. With None every other column of the file is read, and may have
        empty cells.
    texts : collection of str
        Columns of running text, kept as written; all others are words: normal form C, no invisible character.
    may_be_empty : collection of str
        Columns whose cells may be empty.
    key : sequence of str
        Columns that together stand once.
    others : bool
        Whether other columns may stand there: they are not read, and logged; one that looks like a misspelt optional
        column is refused.
    may_have_no_rows : bool

    Returns
    -------
    list of dict
        The columns asked for that stand there, all as text, and ``line``.

    Raises
    ------
    ValueError
        No such file, an empty one, another encoding; a missing, doubled or unknown column; a row with more or fewer
        cells than the header; an empty cell, spaces around one, characters that cannot be seen; a key that stands
        twice. Names file, line and column.
    """
    name, columns = place(path, parts=3), listed([*needed, *(optional or ())], 40)
    rows = _rows(path, read_own(path, f"a tab-separated table with columns {columns}"), "\t", quoted=False)
    if not rows:
        raise ValueError(f"{name} is empty; needed: a tab-separated table with columns {columns}")
    header = rows[0][1]
    if optional is None:
        optional = may_be_empty = [c for c in dict.fromkeys(header) if c not in needed]
    _check_own_header(path, header, needed, optional, others)
    if len(rows) == 1 and not may_have_no_rows:
        raise ValueError(f"{name}: no rows; expected columns {columns}")
    at = {c: k for k, c in enumerate(header) if c in needed or c in optional}
    found: list[dict] = []
    first: dict[tuple, int] = {}
    for line, cells in rows[1:]:
        where = f"{name}, line {line}"
        if len(cells) != len(header):
            raise ValueError(f"{where}: {len(cells)} cells; needed: {len(header)}, separated by tabs")
        row: dict = {c: _own_cell(where, c, cells[k], c in texts, c in may_be_empty) for c, k in at.items()}
        if key:
            own = tuple(row[c] for c in key)
            if own in first:
                raise ValueError(
                    f"{where}: {', '.join(key)} {shown(' '.join(own))} stands in line {first[own]} too; allowed: once"
                )
            first[own] = line
        found.append(row | {LINE: line})
    return found


def _own_cell(where: str, column: str, cell: str, is_text: bool, may_be_empty: bool) -> str:
    """A cell as it is read: a word in normal form C, a text as written."""
    if cell.isascii() and cell.isalnum():  # most cells are, and there may be millions
        return cell
    if not cell and not may_be_empty:
        raise ValueError(f"{where}: {column} is empty; needed: a {'text' if is_text else 'value'}")
    _check_cell(where, column, cell, is_text)
    return cell if is_text else unicodedata.normalize("NFC", cell)
