"""What a file between two rules holds, said once: whoever writes the file and whoever reads it checks it against that.

A contract names the columns of a table, the arrays of an archive or the keys of a JSON object, with their type, their
range and whether a value may be lacking. `Table`, `Arrays` and `Facts` have the same pair of functions, ``write`` and
``read``; both raise `ContractError`, which names the file, the column, what stands there and what is allowed. A check
costs a look at every stored number: nothing sparse is made dense.

The records stand in the room ``files`` of the sub-package that owns the files; docs/files.md is made from them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from numbers import Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

import numpy as np

from shared_affect.base.files import DAMAGED, read_arrays, read_json, write_arrays, write_json

if TYPE_CHECKING:
    import pandas as pd

SLACK = 1e-9
"""By which a number may leave its range: a correlation of 1 comes out as 1.0000000000000002."""

KINDS = ("text", "number", "whole", "flag", "object")


NAMED = {
    "text": "text",
    "number": "a number",
    "whole": "a whole number",
    "flag": "True or False",
    "object": "a list or a mapping",
}


class ContractError(ValueError):
    """A file is not what its contract says."""


@contextlib.contextmanager
def as_read(path: str | Path) -> Iterator[None]:
    """Say of a file that was read and breaks its contract how that is mended: it kept it when it was written."""
    try:
        yield
    except ContractError as error:
        raise ContractError(f"{error}; it kept its contract when this workflow wrote it, so {DAMAGED}") from None


@dataclass(frozen=True)
class Field:
    """A column of a table or a key of a JSON object.

    Attributes
    ----------
    name : str
        ``*`` stands for any word: ``active_*``.
    kind : {"text", "number", "whole", "flag", "object"}
        Whole numbers have no fraction, flags are True or False, objects (lists, mappings) are not looked into.
    meaning : str
        What it is, with its unit.
    low, high : float, optional
        Least and largest number, both allowed.
    words : tuple of str
        Allowed words; any where there are none.
    missing : bool
        Whether a cell may be empty (NaN, None).
    optional : bool
        Whether the whole column may be lacking.
    """

    name: str
    kind: str
    meaning: str
    low: float | None = None
    high: float | None = None
    words: tuple[str, ...] = ()
    missing: bool = False
    optional: bool = False

    def __post_init__(self) -> None:
        if self.kind not in NAMED:
            raise ValueError(f"field {self.name!r} is of kind {self.kind!r}; allowed: {', '.join(NAMED)}")

    @property
    def allowed(self) -> str:
        """What may stand here, in words."""
        if self.words:
            said = ", ".join(self.words)
        else:
            said = NAMED[self.kind] + _range(self.low, self.high)
        return said + (", or nothing" if self.missing else "")


def text(name: str, meaning: str, *words: str, **more: Any) -> Field:
    """A column of words: any, or these."""
    return Field(name, "text", meaning, words=words, **more)


def number(name: str, meaning: str, low: float | None = None, high: float | None = None, **more: Any) -> Field:
    """A column of finite numbers in a range."""
    return Field(name, "number", meaning, low, high, **more)


def whole(name: str, meaning: str, low: float | None = 0, high: float | None = None, **more: Any) -> Field:
    """A column of whole numbers, counts unless said otherwise."""
    return Field(name, "whole", meaning, low, high, **more)


def share(name: str, meaning: str, **more: Any) -> Field:
    """A column of shares or probabilities, 0 to 1."""
    return Field(name, "number", meaning, 0, 1, **more)


def flag(name: str, meaning: str, **more: Any) -> Field:
    """A column of True and False."""
    return Field(name, "flag", meaning, **more)


def _range(low: float | None, high: float | None) -> str:
    if low is not None and high is not None:
        return f" from {low:g} to {high:g}"
    return f" from {low:g}" if low is not None else f" to {high:g}" if high is not None else ""


def _matches(pattern: str, name: str) -> bool:
    """Whether a name is the one of a field, whose ``*`` stands for any word."""
    head, star, tail = pattern.partition("*")
    if not star:
        return name == pattern
    return len(name) > len(head) + len(tail) and name.startswith(head) and name.endswith(tail)


Named = TypeVar("Named", "Field", "Array")


def _owners(
    where: str, found: list[str], fields: tuple[Named, ...], what: str, more: str = ""
) -> dict[str, Named | None]:
    """The field that each name belongs to: the first that fits, None where the contract leaves room for others.

    Raises
    ------
    ContractError
        If a field has no name, or a name no field.
    """
    owners = {name: next((f for f in fields if _matches(f.name, name)), None) for name in found}
    if missing := [f for f in fields if not f.optional and f not in owners.values()]:
        raise ContractError(
            f"{where}: {what} {missing[0].name!r} is missing; found: {', '.join(found)} (docs/files.md)"
        )
    if not more and (stray := [name for name, field in owners.items() if field is None]):
        allowed = ", ".join(f.name for f in fields)
        raise ContractError(f"{where}: {what} {stray[0]!r} is not in its contract; allowed: {allowed} (docs/files.md)")
    return owners


def _refuse(where: str, field: Field, value: object, at: int, what: str) -> NoReturn:
    row = "" if what == "key" else f" in row {at + 1}"
    shown = "empty" if value is None else repr(_plain(value))
    raise ContractError(f"{where}: {what} {field.name!r} is {shown}{row}; allowed: {field.allowed} (docs/files.md)")


def _plain(value: object) -> object:
    return value.item() if isinstance(value, np.generic) else value


def _wrong_words(field: Field, given: np.ndarray) -> np.ndarray:
    """Which cells of a column of text or flags are not allowed."""
    if given.dtype.kind != ("b" if field.kind == "flag" else "U"):
        types = (bool, np.bool_) if field.kind == "flag" else str
        wrong = np.array([not isinstance(v, types) for v in given])
        if wrong.any():
            return wrong
    return ~np.isin(given.astype(str), field.words) if field.words else np.zeros(len(given), bool)


def _wrong_numbers(field: Field, given: np.ndarray) -> np.ndarray:
    """Which cells of a column of numbers are not allowed."""
    if given.dtype.kind not in "iuf":
        wrong = np.array([isinstance(v, bool) or not isinstance(v, Real) for v in given])
        if wrong.any():
            return wrong
    numbers = given.astype(float)
    wrong = ~np.isfinite(numbers)
    if field.low is not None:
        wrong |= numbers < field.low - SLACK
    if field.high is not None:
        wrong |= numbers > field.high + SLACK
    return wrong | (numbers != np.floor(numbers)) if field.kind == "whole" else wrong


def _check_values(where: str, field: Field, values: np.ndarray, lacking: np.ndarray, what: str) -> None:
    """Check the cells of one column (or the value of one key).

    Parameters
    ----------
    values : ndarray, ``[n]``
    lacking : bool ndarray, ``[n]``
        Which cells are empty.
    """
    if field.kind == "object":
        return
    if lacking.any() and not field.missing:
        _refuse(where, field, None, int(lacking.argmax()), what)
    at, given = np.flatnonzero(~lacking), values[~lacking]
    if len(given):
        wrong = (_wrong_words if field.kind in ("text", "flag") else _wrong_numbers)(field, given)
        if wrong.any():
            _refuse(where, field, given[wrong.argmax()], int(at[wrong.argmax()]), what)


@dataclass(frozen=True)
class Published:
    """How files become a published table: their rows beside whose they are.

    The table's key is ``control, spec, root_seed``, the axes in the files' place and the files' own key; its other
    columns are theirs.

    Attributes
    ----------
    name : str
        Of the table, ``tables/{name}.csv``.
    side : {"model", "concepts", "human", "both"}, optional
        A variant that touches this side has files of its own; None: the primary configuration alone has any.
    needs : {"", "models", "pair", "steering", "profile", "profiles", "validity", "agreement"}
        The study has the table only with models, only with two languages, only if it steers, only if it reads some
        model through several SAEs, or only if it names profiles of words or vignettes that some language of it has, or
        datasets whose raters are compared.
    words : mapping of column -> allowed words
    """

    name: str
    side: str | None = None
    needs: str = ""
    words: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True)
class Table:
    """Contract of a tab-separated file.

    Attributes
    ----------
    place : str
        Where such files stand below the folder of a study.
    rule : str
        Which rule writes them.
    meaning : str
    fields : tuple of Field
    key : tuple of str
        Columns that are unique together.
    empty : bool
        Whether there may be no row.
    more : str
        What other columns may stand there; none where this is "".
    published : Published, optional
        The published table that such files are collected into as they are.
    """

    place: str
    rule: str
    meaning: str
    fields: tuple[Field, ...]
    key: tuple[str, ...] = ()
    empty: bool = False
    more: str = ""
    published: Published | None = None

    @property
    def columns(self) -> list[str]:
        """Names of the fields, in order."""
        return [f.name for f in self.fields]

    def check(self, frame: pd.DataFrame, where: str | Path) -> None:
        """Refuse a frame that is not what the contract says.

        Raises
        ------
        ContractError
        """
        where = str(where)
        owners = _owners(where, [str(c) for c in frame.columns], self.fields, "column", self.more)
        if not len(frame) and not self.empty:
            raise ContractError(f"{where}: no rows; allowed: one or more (docs/files.md)")
        for name, owner in owners.items():
            if owner is not None:
                lacking = frame[name].isna().to_numpy()
                if owner.kind == "text":
                    lacking = lacking | (frame[name] == "").fillna(False).to_numpy(bool)
                _check_values(where, owner, frame[name].to_numpy(), lacking, "column")
        if self.key and (doubled := frame.duplicated(list(self.key))).any():
            own = frame[list(self.key)].iloc[int(doubled.to_numpy().argmax())].to_dict()
            raise ContractError(f"{where}: two rows with {own}; allowed: one (docs/files.md)")

    def write(self, path: str | Path, frame: pd.DataFrame) -> None:
        """Write a frame after checking it."""
        from shared_affect.base.tables import write_tsv

        self.check(frame, path)
        write_tsv(path, frame)

    def read(self, path: str | Path) -> pd.DataFrame:
        """Read a frame and check it: what the contract calls text stays text, `01` too."""
        from shared_affect.base.tables import TEXT_COLUMNS, read_tsv

        def is_text(name: str) -> bool:
            own = next((f for f in self.fields if _matches(f.name, name)), None)
            return own.kind == "text" if own else name in TEXT_COLUMNS

        frame = read_tsv(path, is_text)
        with as_read(path):
            self.check(frame, path)
        return frame


@dataclass(frozen=True)
class Array:
    """An array of an archive.

    Attributes
    ----------
    name : str
        ``*`` stands for any word: ``rdm_*``.
    dtype : str
        Names of dtypes separated by ``|``; "text" is text of fixed width.
    axes : tuple of str
        Names of its axes. Axes of one name are equally long in all arrays of a file. An axis is a name, a product of
        names (``template*word``), each with one more (``word+1``), or a number.
    meaning : str
        What it is, with its unit.
    low, high : float, optional
    below : str
        Name of an axis that its numbers are indices of.
    length_of : str
        Name of an axis whose length its one number (or last number) is.
    optional : bool
    """

    name: str
    dtype: str
    axes: tuple[str, ...]
    meaning: str
    low: float | None = None
    high: float | None = None
    below: str = ""
    length_of: str = ""
    optional: bool = False

    @property
    def allowed(self) -> str:
        """What may stand here, in words."""
        if self.below:
            return f"index of {self.below}"
        if self.dtype in ("text", "bool"):
            return self.dtype
        return f"finite{_range(self.low, self.high)}"


def sparse(prefix: str, rows: str, columns: str, meaning: str, optional: bool = False) -> tuple[Array, ...]:
    """Arrays of a matrix in compressed sparse rows: only what is not zero is stored, and looked at."""
    stored = (f"{prefix}stored",)
    return (
        Array(f"{prefix}data", "float32", stored, f"{meaning}: the values that are not 0", 0, optional=optional),
        Array(f"{prefix}indices", "int32|int64", stored, "their columns", 0, below=columns, optional=optional),
        Array(f"{prefix}indptr", "int32|int64", (f"{rows}+1",), "where each row begins", 0, optional=optional),
    )


@dataclass(frozen=True)
class Arrays:
    """Contract of named arrays (``.npz``; steering vectors stand in a safetensors file).

    Attributes
    ----------
    place, rule, meaning : str
        As of `Table`.
    fields : tuple of Array
    """

    place: str
    rule: str
    meaning: str
    fields: tuple[Array, ...]

    def check(self, arrays: Mapping[str, np.ndarray], where: str | Path) -> None:
        """Refuse arrays that are not what the contract says.

        Raises
        ------
        ContractError
        """
        where = str(where)
        sizes: dict[str, int] = {}
        owners = _owners(where, list(arrays), self.fields, "array")
        owned = [(array, name, np.asarray(arrays[name])) for name, array in owners.items() if array is not None]
        for array, _, values in owned:
            if array.length_of:
                sizes[array.length_of] = int(values.ravel()[-1])
        # plain names first: products and sums are made of them
        plain = [(axis, len_) for a, _, v in owned if v.ndim == len(a.axes) for axis, len_ in zip(a.axes, v.shape)]
        for axis, length in plain:
            if axis.isidentifier():
                sizes.setdefault(axis, length)
        for array, name, values in owned:
            _check_shape(where, array, name, values, sizes)
            _check_array(where, array, name, values, sizes)

    def write(self, path: str | Path, arrays: Mapping[str, np.ndarray]) -> None:
        """Write arrays to an ``.npz`` after checking them."""
        self.check(arrays, path)
        write_arrays(path, arrays)

    def read(self, path: str | Path) -> dict[str, np.ndarray]:
        """Read the arrays of an ``.npz`` and check them."""
        arrays = read_arrays(path)
        with as_read(path):
            self.check(arrays, path)
        return arrays


def _length(axis: str, sizes: Mapping[str, int]) -> int | None:
    """Length of an axis where all names in it are known."""
    body, _, more = axis.partition("+")
    parts = [int(p) if p.isdigit() else sizes.get(p) for p in body.split("*")]
    return None if None in parts else int(np.prod([p for p in parts if p is not None])) + int(more or 0)


def _check_shape(where: str, array: Array, name: str, values: np.ndarray, sizes: Mapping[str, int]) -> None:
    kind = "text" if values.dtype.kind == "U" else values.dtype.name
    if kind not in array.dtype.split("|"):
        raise ContractError(
            f"{where}: array {name!r} has dtype {kind}; allowed: {array.dtype.replace('|', ', ')} (docs/files.md)"
        )
    wanted = [_length(axis, sizes) for axis in array.axes]
    fits = len(wanted) == values.ndim and all(w is None or w == n for w, n in zip(wanted, values.shape))
    if not fits:
        shape = ", ".join(f"{axis} = {'any' if n is None else n}" for axis, n in zip(array.axes, wanted))
        raise ContractError(f"{where}: array {name!r} has shape {values.shape}; allowed: [{shape}] (docs/files.md)")


def _check_array(where: str, array: Array, name: str, values: np.ndarray, sizes: Mapping[str, int]) -> None:
    if not values.size or values.dtype.kind not in "iuf":
        return
    # least and largest say it all, NaN included, without an array as large as this one
    low, high = values.min(), values.max()
    top = sizes[array.below] - 1 if array.below in sizes else array.high
    bad = next((v for v in (low, high) if not np.isfinite(v)), None)
    if bad is None and array.low is not None and low < array.low - SLACK:
        bad = low
    if bad is None and top is not None and high > top + SLACK:
        bad = high
    if bad is not None:
        raise ContractError(
            f"{where}: array {name!r} holds {_plain(bad)!r}; allowed: finite{_range(array.low, top)} (docs/files.md)"
        )


@dataclass(frozen=True)
class Facts:
    """Contract of a JSON object.

    Attributes
    ----------
    place, rule, meaning : str
        As of `Table`.
    fields : tuple of Field
        Keys whose values are checked.
    more : str
        What other keys stand there; none where this is "".
    """

    place: str
    rule: str
    meaning: str
    fields: tuple[Field, ...]
    more: str = ""

    @property
    def keys(self) -> list[str]:
        """Names of the fields, in order."""
        return [f.name for f in self.fields]

    def check(self, facts: Mapping[str, Any], where: str | Path) -> None:
        """Refuse an object that is not what the contract says.

        Raises
        ------
        ContractError
        """
        where = str(where)
        if not isinstance(facts, Mapping):
            raise ContractError(f"{where}: holds a {type(facts).__name__}; allowed: one JSON object (docs/files.md)")
        for name, owner in _owners(where, list(facts), self.fields, "key", self.more).items():
            if owner is not None:
                value, cell = facts[name], np.empty(1, object)
                cell[0] = value  # a list stays one cell
                _check_values(where, owner, cell, np.array([value is None or value == ""]), "key")

    def write(self, path: str | Path, facts: Mapping[str, Any]) -> None:
        """Write an object after checking it."""
        self.check(facts, path)
        write_json(path, facts)

    def read(self, path: str | Path) -> dict[str, Any]:
        """Read an object and check it."""
        facts = read_json(path)
        with as_read(path):
            self.check(facts, path)
        return facts


Contract = Table | Arrays | Facts
