"""Contracts of files between rules: each can fail, each says what is wrong, and the page shows them all."""

import ast
import json
import re
import time
import tracemalloc

import numpy as np
import pandas as pd
import pytest

from shared_affect.base.contracts import (
    Array,
    Arrays,
    ContractError,
    Facts,
    Field,
    Table,
    flag,
    number,
    share,
    sparse,
    text,
    whole,
)
from shared_affect.base.tables import TEXT_COLUMNS, write_tsv
from shared_affect.results.published import axes_of
from shared_affect.tools.files import check_study, contract_of, contracts, page

ALL = contracts()
TABLES = {name: c for name, c in ALL.items() if isinstance(c, Table)}
ARRAYS = {name: c for name, c in ALL.items() if isinstance(c, Arrays)}
SIZES = {"direction": 2, "emotion": 3, "template": 2, "position": 2, "stored": 4, "feature": 9}


def fitting(field):
    """A value that a field allows."""
    if field.words:
        return field.words[0]
    middle = [x for x in (field.low, field.high) if x is not None]
    return {"text": "a", "flag": True, "object": {}}.get(field.kind, sum(middle) / max(len(middle), 1))


def frame_of(contract, n=2):
    """Rows that a contract allows, unlike in its key."""
    frame = pd.DataFrame({f.name.replace("*", "x"): [fitting(f)] * n for f in contract.fields})
    for f in contract.fields:
        if f.kind == "whole":
            frame[f.name] = np.ceil(frame[f.name]).astype(int)
    for c in contract.key[::-1]:
        field = next(f for f in contract.fields if f.name == c)
        if not field.words:
            frame[c] = [f"a{k}" for k in range(n)] if field.kind == "text" else np.arange(n) + int(field.low or 0)
            break
    return frame


def arrays_of(contract):
    """Arrays that a contract allows."""
    found = {}
    for a in contract.fields:
        shape = tuple(
            int(np.prod([int(p) if p.isdigit() else SIZES.get(p, 4) for p in axis.split("+")[0].split("*")]))
            + int(axis.partition("+")[2] or 0)
            for axis in a.axes
        )
        dtype = {"text": "U3"}.get(a.dtype, a.dtype.split("|")[0])
        found[a.name.replace("*", "x")] = np.full(
            shape, "a" if dtype == "U3" else int(a.low or 0) if a.low != -1.001 else 0, dtype
        )
        if a.length_of:
            found[a.name][...] = SIZES["feature"]
    return found


@pytest.mark.parametrize("name", TABLES)
def test_a_table_that_fits_passes_and_every_fault_is_refused(name):
    contract = TABLES[name]
    good = frame_of(contract)
    contract.check(good, "f.tsv")
    for field in contract.fields:
        column = field.name.replace("*", "x")
        if not field.optional:
            with pytest.raises(ContractError, match=rf"f.tsv: column {re.escape(repr(field.name))} is missing"):
                contract.check(good.drop(columns=column), "f.tsv")
        faults = {"text": [7], "flag": ["yes", 1.5], "number": ["x", np.inf], "whole": [0.5, "x"]}[field.kind]
        faults += [] if field.missing else [None]
        faults += ["another"] if field.words else []
        faults += [field.low - 1] if field.low is not None else []
        faults += [field.high + 1] if field.high is not None else []
        for fault in faults:
            bad = good.astype({column: object})
            bad.loc[1, column] = fault
            with pytest.raises(
                ContractError, match=rf"f.tsv: column {re.escape(repr(field.name))} is .* in row 2; allowed: "
            ):
                contract.check(bad, "f.tsv")
    if contract.key:
        with pytest.raises(ContractError, match="two rows with"):
            contract.check(pd.concat([good, good], ignore_index=True), "f.tsv")
    if contract.empty:
        contract.check(good[:0], "f.tsv")
    else:
        with pytest.raises(ContractError, match="no rows; allowed: one or more"):
            contract.check(good[:0], "f.tsv")
    if not contract.more and not any("*" in c for c in contract.columns):
        with pytest.raises(ContractError, match="column 'stray' is not in its contract; allowed: "):
            contract.check(good.assign(stray=1), "f.tsv")


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_that_fit_pass_and_every_fault_is_refused(name):
    contract = ARRAYS[name]
    good = arrays_of(contract)
    contract.check(good, "f.npz")
    for array in contract.fields:
        own = array.name.replace("*", "x")
        values = good[own]
        if not array.optional:
            with pytest.raises(ContractError, match="is missing"):
                contract.check({k: v for k, v in good.items() if k != own}, "f.npz")
        faults = (
            [values.astype("U5" if values.dtype.kind != "U" else "float32"), values[None]]
            if values.dtype.kind != "U"
            else [np.zeros(values.shape)]
        )
        if values.dtype.kind == "f":
            faults += (
                [
                    np.where(np.arange(values.size).reshape(values.shape) == 1, x, values).astype(values.dtype)
                    for x in (np.nan, np.inf)
                ]
                if values.size > 1
                else [np.full_like(values, np.nan)]
            )
        if array.low is not None and not array.length_of:
            faults.append(
                (values - 1.5 if values.dtype.kind == "f" else values - 1).astype(values.dtype)
                - values.dtype.type(array.low > 0)
            )
        if array.below:
            faults.append(np.full_like(values, SIZES[array.below]))
        for fault in faults:
            with pytest.raises(ContractError, match=rf"f.npz: array {re.escape(repr(own))}"):
                contract.check(good | {own: fault}, "f.npz")


def test_an_object_that_fits_passes_and_every_fault_is_refused(tmp_path):
    contract = Facts("x.json", "rule", "", (share("a", ""), text("b", ""), Field("c", "object", "")))
    contract.write(tmp_path / "f.json", {"a": 0.5, "b": "x", "c": [1, 2]})
    assert contract.read(tmp_path / "f.json") == {"a": 0.5, "b": "x", "c": [1, 2]}
    for bad, message in (
        ({"a": 1.5}, "key 'a' is 1.5; allowed: a number from 0 to 1"),
        ({"a": [1]}, "key 'a' is [1]; allowed"),
        ({"a": None}, "key 'a' is empty; allowed"),
        ({"b": 1}, "key 'b' is 1; allowed: text"),
        ({"d": 1}, "key 'd' is not in its contract; allowed: a, b, c"),
    ):
        (tmp_path / "f.json").write_text(json.dumps({"a": 0.5, "b": "x", "c": []} | bad))
        with pytest.raises(ContractError, match=re.escape(message)):
            contract.read(tmp_path / "f.json")
    (tmp_path / "f.json").write_text("[1]")
    with pytest.raises(ContractError, match="holds a list; allowed: one JSON object"):
        contract.read(tmp_path / "f.json")


TABLE = Table(
    "x.tsv", "rule", "", (text("word", ""), number("v", "", -1, 1), whole("n", "", missing=True), flag("f", ""))
)


def test_a_fault_is_told_with_file_column_row_value_and_what_is_allowed(tmp_path):
    frame = pd.DataFrame({"word": ["null", "b"], "v": [0.0, 1.2], "n": [np.nan, 3], "f": [True, False]})
    with pytest.raises(ContractError) as told:
        TABLE.write(tmp_path / "x.tsv", frame)
    assert str(told.value) == (
        f"{tmp_path}/x.tsv: column 'v' is 1.2 in row 2; allowed: a number from -1 to 1 (docs/files.md)"
    )
    assert not list(tmp_path.iterdir())
    write_tsv(tmp_path / "x.tsv", frame)
    with pytest.raises(ContractError, match=r"x.tsv: column 'v' is 1.2 in row 2"):
        TABLE.read(tmp_path / "x.tsv")


def test_what_is_written_is_what_was_written_without_a_contract(tmp_path):
    frame = pd.DataFrame(
        {"word": ["null", "b"], "v": [1 / 3, 1.0000000000000002], "n": [np.nan, 3], "f": [True, False]}
    )
    TABLE.write(tmp_path / "a.tsv", frame)
    write_tsv(tmp_path / "b.tsv", frame)
    assert (tmp_path / "a.tsv").read_bytes() == (tmp_path / "b.tsv").read_bytes()
    pd.testing.assert_frame_equal(TABLE.read(tmp_path / "a.tsv"), frame, check_dtype=False)


def test_an_empty_cell_and_an_empty_word_are_both_nothing():
    frame = pd.DataFrame({"word": [""], "v": [0.0], "n": [1], "f": [True]})
    with pytest.raises(ContractError, match=r"column 'word' is empty in row 1; allowed: text"):
        TABLE.check(frame, "x.tsv")


def test_large_sparse_codes_are_checked_without_making_them_dense():
    rows, features, stored = 25_000, 131_072, 1_000_000
    contract = Arrays(
        "x.npz",
        "rule",
        "",
        (*sparse("", "word", "feature", ""), Array("shape", "int64", ("2",), "", length_of="feature")),
    )
    arrays = {
        "data": np.ones(stored, np.float32),
        "indices": np.arange(stored, dtype=np.int32) % features,
        "indptr": np.linspace(0, stored, rows + 1).astype(np.int64),
        "shape": np.array([rows, features]),
    }
    tracemalloc.start()
    begun = time.perf_counter()
    contract.check(arrays, "x.npz")
    seconds, peak = time.perf_counter() - begun, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert seconds < 0.5 and peak < 2**20
    with pytest.raises(ContractError, match=r"array 'indices' holds 131072; allowed: finite from 0 to 131071"):
        contract.check(arrays | {"indices": arrays["indices"] + 1}, "x.npz")


def test_the_page_is_the_records(root):
    assert (root / "docs/files.md").read_text(encoding="utf-8") == page()


def test_every_field_says_what_it_is_by_name_or_in_words():
    own = {"text", "word", "emotion", "language", "ci_low", "ci_high"}
    assert all(c.meaning.endswith(".") and c.place and c.rule for c in ALL.values())
    assert own & {f.name for c in TABLES.values() for f in c.fields} == own


def test_every_rule_of_a_contract_exists(root):
    scripts = {p.stem for p in (root / "workflow/scripts").glob("*.py")}
    assert {r for c in ALL.values() for r in c.rule.split(", ")} <= scripts


@pytest.mark.parametrize(
    ("place", "name"),
    [
        ("human/planted/norms_en.tsv", "NORMS"),
        ("control/shuffled-norms/human/planted/norms_zh.tsv", "NORMS"),
        ("ratings/m/s/en/planted/valence.tsv", "RATINGS"),
        ("spec/x/ratings/m/s/en/planted/differences.tsv", "RATING_DIFFERENCES"),
        ("features/m/s/en/norms/planted.npz", "WORD_ARRAYS"),
        ("features/m/s/en/running_text.npz", "RUNNING_TEXT"),
        ("steering/m/s/en/baselines.jsonl", "GENERATIONS"),
        ("tables/rsa.csv", None),
    ],
)
def test_a_file_is_found_by_its_place(place, name):
    assert contract_of(place) is ALL.get(name)


def test_the_files_of_a_study_are_looked_through(tmp_path):
    folds = frame_of(TABLES["FOLDS"])
    TABLES["FOLDS"].write(tmp_path / "human/planted/folds.tsv", folds)
    (tmp_path / "notes.txt").write_text("no contract")
    assert check_study(tmp_path) == {"draw_folds": 1}
    write_tsv(tmp_path / "human/planted/folds.tsv", folds.assign(fold=-1))
    with pytest.raises(ContractError, match=r"folds.tsv: column 'fold' is -1 in row 1; allowed: a whole number from 0"):
        check_study(tmp_path)


def test_no_script_reads_or_writes_a_table_or_arrays_past_its_contract(root):
    past = {"read_tsv", "write_tsv", "read_arrays", "write_arrays"}
    for path in sorted((root / "workflow/scripts").glob("*.py")):
        names = {n.id for n in ast.walk(ast.parse(path.read_text(encoding="utf-8"))) if isinstance(n, ast.Name)}
        assert not past & names or path.stem in ("judge_claims",), (path.name, past & names)


def test_a_file_that_was_read_and_breaks_its_contract_says_how_that_is_mended(tmp_path):
    contract = Table("a.tsv", "a_rule", "", (number("x_0to1", "", 0, 1),))
    contract.write(tmp_path / "a.tsv", pd.DataFrame({"x_0to1": [0.5]}))
    (tmp_path / "a.tsv").write_bytes(b"x_0to1\n8.5\n")
    with pytest.raises(ContractError, match=r"a\.tsv.*8\.5.*Delete the file and use the same command again"):
        contract.read(tmp_path / "a.tsv")
    with pytest.raises(ContractError) as found:  # nobody is told to delete what is not written yet
        contract.check(pd.DataFrame({"x_0to1": [8.5]}), "a.tsv")
    assert "Delete" not in str(found.value)


@pytest.mark.parametrize("content", [b"", b"x_0to1\n0.5\xff\n", b'x_0to1\n"0.5\n', b"x_0to1\n0.5\t1\t2\n"])
def test_a_table_that_cannot_be_read_is_named(tmp_path, content):
    (tmp_path / "a.tsv").write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.tsv.*Delete the file and use the same command again"):
        Table("a.tsv", "a_rule", "", (number("x_0to1", "", 0, 1),)).read(tmp_path / "a.tsv")


def test_two_records_of_one_name_are_refused(monkeypatch):
    from shared_affect.human import files as human
    from shared_affect.results.published import contracts
    from shared_affect.steering import files as steering

    monkeypatch.setattr(steering, "AGREEMENT", steering.JUDGE_AGREEMENT, raising=False)
    with pytest.raises(
        ValueError, match=r"AGREEMENT is a record of human/agreement\.tsv and of .*agreement\.tsv; allowed: one"
    ):
        contracts()
    monkeypatch.setattr(steering, "AGREEMENT", human.AGREEMENT)
    assert contracts()["AGREEMENT"] is human.AGREEMENT


def like_numbers(contract):
    """Rows whose free words all look like numbers."""
    frame = frame_of(contract)
    free = [f.name.replace("*", "x") for f in contract.fields if f.kind == "text" and not f.words]
    return frame.assign(**{c: [f"{k + 1:02d}" for k in range(len(frame))] for c in free}), free


@pytest.mark.parametrize("name", TABLES)
def test_words_that_look_like_numbers_are_read_as_they_were_written(tmp_path, name):
    frame, free = like_numbers(TABLES[name])
    TABLES[name].write(tmp_path / "t.tsv", frame)
    found = TABLES[name].read(tmp_path / "t.tsv")
    assert found[free].to_dict() == frame[free].to_dict()


def test_words_that_are_read_without_a_contract_are_text_too():
    kinds = {}
    for contract in TABLES.values():
        for f in contract.fields:
            kinds.setdefault(f.name, set()).add("words" if f.words else f.kind)
    # a column of one name that holds numbers elsewhere is read by its contract alone
    free = {n for n, own in kinds.items() if "text" in own and own <= {"text", "words"} and "*" not in n}
    axes = {a for c in TABLES.values() if c.published for a in axes_of(c.place)}
    assert free | axes <= TEXT_COLUMNS
    assert not {n for n in TEXT_COLUMNS & set(kinds) if not kinds[n] <= {"text", "words"}}
