import errno
import fcntl
import json
import logging
import multiprocessing
import os
import signal
import socket
import time

import numpy as np
import pytest

from shared_affect.base import journal
from shared_affect.base.journal import HEADER, MAGIC, Journal, JournalLocked, JournalParts, pack, unpack

KEYS = [f"{i:064x}" for i in range(1, 6)]


def write(path, pairs):
    journal = Journal(path)
    with journal.writing("test"):
        for key, payload in pairs:
            journal.append(key, payload)
    return journal


def test_reads_back_what_was_written_and_appends(tmp_path):
    path = tmp_path / "a.journal"
    write(path, [(KEYS[0], b"one"), (KEYS[1], b"")])
    before = path.read_bytes()
    write(path, [(KEYS[2], b"three" * 1000)])
    journal = Journal(path)
    assert [journal.get(k) for k in KEYS[:3]] == [b"one", b"", b"three" * 1000]
    assert path.read_bytes().startswith(before)
    assert KEYS[3] not in journal and len(journal) == 3


@pytest.mark.parametrize("lost", [1, 5, 40, HEADER.size, HEADER.size + 4])
def test_torn_last_record_is_ignored_and_replaced(tmp_path, lost):
    path = tmp_path / "a.journal"
    write(path, [(KEYS[0], b"first"), (KEYS[1], b"second")])
    whole = path.read_bytes()
    path.write_bytes(whole[:-lost])
    assert len(Journal(path)) == 1
    write(path, [(KEYS[1], b"second")])
    assert path.read_bytes() == whole


def test_last_record_with_wrong_bytes_counts_as_torn(tmp_path):
    path = tmp_path / "a.journal"
    write(path, [(KEYS[0], b"first"), (KEYS[1], b"second")])
    path.write_bytes(path.read_bytes()[:-1] + b"X")
    journal = Journal(path)
    assert KEYS[0] in journal and KEYS[1] not in journal


def test_damage_in_the_middle_is_an_error_when_read(tmp_path):
    path = tmp_path / "a.journal"
    write(path, [(KEYS[0], b"first"), (KEYS[1], b"second")])
    data = bytearray(path.read_bytes())
    data[HEADER.size] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match="damaged; run again: it alone"):
        Journal(path).get(KEYS[0])


PAYLOADS = {k: bytes([i]) * (900 + 4000 * i) for i, k in enumerate(KEYS)}
"""Five records of different lengths, pages long."""


def spans():
    """Key -> (first byte, byte behind the last) of each record of `PAYLOADS`."""
    at, found = 0, {}
    for key, payload in PAYLOADS.items():
        found[key] = (at, at + HEADER.size + len(payload))
        at = found[key][1]
    return found


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    path = tmp_path_factory.mktemp("five") / "a.journal"
    write(path, PAYLOADS.items())
    return path.read_bytes()


@pytest.fixture
def five(written, tmp_path):
    (tmp_path / "a.journal").write_bytes(written)
    return tmp_path / "a.journal"


def found(path, lost=()):
    """Every record but the lost ones is there and whole; those are not."""
    journal = Journal(path)
    assert [k for k in KEYS if k in journal] == [k for k in KEYS if k not in lost]
    assert all(journal.get(k) == PAYLOADS[k] for k in KEYS if k not in lost)
    return journal


def heal(path, lost):
    """Writing the lost records again leaves a journal with all five, now and when it is opened anew."""
    journal = Journal(path)
    with journal.writing("test"):
        for k in KEYS:
            if k not in journal:
                journal.append(k, PAYLOADS[k])
        assert all(journal.get(k) == PAYLOADS[k] for k in KEYS)
    found(path)


GARBAGE = np.random.default_rng(0).bytes(5000)
TAILS = {
    "zeros": b"\0" * 8192,
    "few zeros": b"\0" * 10,
    "garbage": GARBAGE,
    "a magic in garbage": GARBAGE + MAGIC + GARBAGE,
    "half a magic": b"SA\0\0" + GARBAGE,
    "header of zeros": MAGIC + b"\0" * 200,
    "a record whose bytes never came": HEADER.pack(MAGIC, b"k" * 32, 3000, b"d" * 32) + b"\0" * 3000,
}


@pytest.mark.parametrize(
    ("tail", "records"), [*((t, 5) for t in TAILS), *((t, 0) for t in TAILS if "magic" not in t and t != "garbage")]
)
def test_a_tail_left_by_a_power_loss_is_cut_and_kept_beside(tmp_path, caplog, tail, records):
    path = tmp_path / "a.journal"
    write(path, list(PAYLOADS.items())[:records])
    whole = path.read_bytes()
    path.write_bytes(whole + TAILS[tail])
    assert len(Journal(path)) == records and path.read_bytes() == whole + TAILS[tail]  # a reader changes nothing
    caplog.set_level(logging.WARNING, logger="shared_affect")
    write(path, [("f" * 64, b"next")])
    journal = Journal(path)
    assert path.read_bytes()[: len(whole)] == whole and journal.get("f" * 64) == b"next" and len(journal) == records + 1
    (copy,) = tmp_path.glob("*.cut-*")
    assert (
        copy.read_bytes() == TAILS[tail]
        and copy.name in caplog.text
        and str(path) in caplog.text
        and f"{len(TAILS[tail])} bytes" in caplog.text
    )
    assert "remove" not in caplog.text


def test_a_record_torn_by_a_kill_leaves_no_copy(five, tmp_path):
    whole = five.read_bytes()
    for kept in (
        len(whole) - 1,
        spans()[KEYS[4]][0] + 2,
        spans()[KEYS[4]][0] + HEADER.size,
        spans()[KEYS[4]][0] + HEADER.size + 5,
    ):
        five.write_bytes(whole[:kept])
        found(five, KEYS[4:])
        heal(five, KEYS[4:])
        assert five.read_bytes() == whole and not list(tmp_path.glob("*.cut-*"))


@pytest.mark.parametrize("record", range(5))
@pytest.mark.parametrize("at", ["magic", "key", "length", "length, large", "digest", "payload", "end"])
def test_a_flipped_byte_costs_one_record(five, record, at):
    key = KEYS[record]
    first, end = spans()[key]
    offset = {
        "magic": first + 1,
        "key": first + 9,
        "length": first + 36,
        "length, large": first + 41,
        "digest": first + 50,
        "payload": first + HEADER.size + 300,
        "end": end - 1,
    }[at]
    data = bytearray(five.read_bytes())
    data[offset] ^= 0x55
    five.write_bytes(data)
    found(five, [key])
    heal(five, [key])


@pytest.mark.parametrize("page", range(0, 44_000, 4096))
def test_a_page_of_zeros_costs_the_records_it_lies_on(five, page, caplog):
    data = bytearray(five.read_bytes())
    lost = [
        k
        for k, (first, end) in spans().items()
        if first < page + 4096 and end > page and bytes(data[max(first, page) : min(end, page + 4096)]).strip(b"\0")
    ]
    data[page : page + 4096] = bytes(len(data[page : page + 4096]))
    five.write_bytes(data)
    caplog.set_level(logging.WARNING, logger="shared_affect")
    found(five, lost)
    assert (
        (str(five) in caplog.text and "computed again" in caplog.text) or not lost or KEYS[4] in lost
    )  # an end is named when it is cut
    heal(five, lost)


@pytest.mark.parametrize("block", [5, 64, 1000])
def test_records_behind_a_hole_are_found_wherever_blocks_end(five, monkeypatch, block):
    monkeypatch.setattr("shared_affect.base.journal.BLOCK", block)
    data = bytearray(five.read_bytes())
    data[spans()[KEYS[0]][0]] ^= 1
    data[spans()[KEYS[2]][0] + 1] ^= 1
    five.write_bytes(data)
    found(five, [KEYS[0], KEYS[2]])


def test_a_hole_over_several_records_and_bytes_pushed_in(five):
    whole, at = five.read_bytes(), spans()
    five.write_bytes(whole[: at[KEYS[0]][1]] + GARBAGE[:77] + whole[at[KEYS[3]][0] :])
    found(five, KEYS[1:3])
    heal(five, KEYS[1:3])
    five.write_bytes(whole[: at[KEYS[2]][0] + 30] + b"\0" * 11 + whole[at[KEYS[2]][0] + 30 :])
    found(five, [KEYS[2]])


def test_a_record_that_holds_a_journal_is_not_taken_apart(tmp_path, five):
    path = tmp_path / "outer.journal"
    write(path, [("e" * 64, five.read_bytes())])
    assert len(Journal(path)) == 1


def test_a_damaged_record_of_another_part_is_computed_again(tmp_path):
    for part in ("0", "1"):
        journal = JournalParts(tmp_path, "ab", part)
        with journal.writing("test"):
            journal.append(KEYS[int(part)], PAYLOADS[KEYS[int(part)]])
    path = tmp_path / "ab-0.journal"
    data = bytearray(path.read_bytes())
    data[-1] ^= 1
    path.write_bytes(data + MAGIC + b"x")
    parts = JournalParts(tmp_path, "ab", "2")
    assert KEYS[0] not in parts and parts.get(KEYS[1]) == PAYLOADS[KEYS[1]]
    with parts.writing("test"):
        parts.append(KEYS[0], PAYLOADS[KEYS[0]])
    again = JournalParts(tmp_path, "ab")
    assert (
        again.get(KEYS[0]) == PAYLOADS[KEYS[0]] and path.read_bytes() == data + MAGIC + b"x"
    )  # another job's file is left alone


def test_foreign_file_is_refused(tmp_path):
    path = tmp_path / "a.journal"
    path.write_bytes(b"<html>" + b"x" * 200)
    with pytest.raises(ValueError, match="no journal"):
        Journal(path)


def hold(path, ready):
    with Journal(path).writing("the first job") as journal:
        journal.append(KEYS[0], b"kept")
        ready.set()
        time.sleep(60)


def test_second_writer_fails_naming_the_holder_and_lock_dies_with_it(tmp_path):
    path = tmp_path / "a.journal"
    ctx = multiprocessing.get_context("fork")
    ready = ctx.Event()
    process = ctx.Process(target=hold, args=(path, ready))
    process.start()
    try:
        assert ready.wait(20)
        with pytest.raises(JournalLocked, match="the first job"), Journal(path).writing("the second job"):
            pass
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.join()
    with Journal(path).writing("the second job") as journal:
        assert journal.get(KEYS[0]) == b"kept"


def held_from(host, tmp_path, seconds):
    """A journal that a process holds for a while, and whose lock file says on which machine."""
    path = tmp_path / "a.journal"
    path.with_suffix(".lock").write_text(json.dumps({"job": "the first job", "host": host}))
    ready = multiprocessing.get_context("fork").Event()

    def hold_it():
        with open(path.with_suffix(".lock")) as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            ready.set()
            time.sleep(seconds)

    process = multiprocessing.get_context("fork").Process(target=hold_it)
    process.start()
    assert ready.wait(20)
    return path, process


def test_a_holder_on_another_machine_is_waited_for_because_its_death_is_seen_late(tmp_path, caplog):
    path, process = held_from("another-node", tmp_path, 1.5)
    with Journal(path).writing("the second job") as found:
        found.append(KEYS[0], b"kept")
    process.join()
    assert "another-node" in caplog.text and Journal(path).get(KEYS[0]) == b"kept"


@pytest.mark.parametrize("host", ["another-node", socket.gethostname()])
def test_a_holder_that_stays_ends_the_wait(tmp_path, monkeypatch, host):
    monkeypatch.setattr(journal, "PATIENCE", 0.3)
    path, process = held_from(host, tmp_path, 60)
    try:
        with pytest.raises(JournalLocked, match=host), Journal(path).writing("the second job"):
            pass
    finally:
        process.kill()
        process.join()


def test_a_file_system_without_locks_is_refused_and_not_called_held(tmp_path, monkeypatch):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(journal.fcntl, "flock", no_locks)
    with (
        pytest.raises(OSError, match=r"cannot be locked: No locks available.*Lustre"),
        Journal(tmp_path / "a.journal").writing("a job"),
    ):
        pass


def test_append_needs_the_lock(tmp_path):
    with pytest.raises(RuntimeError, match="writing"):
        Journal(tmp_path / "a.journal").append(KEYS[0], b"")


def test_arrays_survive_packing():
    arrays = {"a": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.array([1, 2], np.int64)}
    back = unpack(pack(arrays))
    assert all(np.array_equal(arrays[k], back[k]) and arrays[k].dtype == back[k].dtype for k in arrays)


def test_unpacked_arrays_come_in_one_order():
    import subprocess
    import sys

    code = (
        "import numpy as np; from shared_affect.base.journal import pack, unpack; print(list(unpack(pack({k:"
        " np.zeros(1) for k in 'dbacfe'}))))"
    )
    assert {
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() for _ in range(4)
    } == {str(sorted("abcdef"))}


def test_parts_are_read_together_and_written_apart(tmp_path):
    write(tmp_path / "ab.journal", [(KEYS[0], b"whole")])
    for part, key in (("part0of2", KEYS[1]), ("part1of2", KEYS[2])):
        journal = JournalParts(tmp_path, "ab", part)
        with journal.writing("test"):
            journal.append(key, part.encode())
    write(tmp_path / "abc.journal", [(KEYS[3], b"another name")])
    found = JournalParts(tmp_path, "ab", "part1of2")
    assert len(found) == 3 and KEYS[3] not in found and KEYS[4] not in found
    assert [found.get(k) for k in KEYS[:3]] == [b"whole", b"part0of2", b"part1of2"]
    assert sorted(p.name for p in tmp_path.glob("*.journal")) == [
        "ab-part0of2.journal",
        "ab-part1of2.journal",
        "ab.journal",
        "abc.journal",
    ]
    with pytest.raises(KeyError):
        found.get(KEYS[4])


def _fill_small_disk(path, limit, out):
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    journal = Journal(path)
    with journal.writing("test"):
        journal.append(KEYS[0], b"x" * 100)
        try:
            journal.append(KEYS[1], b"y" * 10_000)
        except OSError as error:
            out.put(str(error))
        journal.append(KEYS[2], b"z" * 50)


def test_a_limit_on_files_is_named_and_keeps_what_was_there(tmp_path):
    path, context = tmp_path / "a.journal", multiprocessing.get_context("fork")
    out = context.Queue()
    process = context.Process(target=_fill_small_disk, args=(path, 1000, out))
    process.start()
    message = out.get(timeout=20)
    process.join()
    assert process.exitcode == 0 and str(path) in message and "10000 bytes" in message and "ulimit -f" in message
    journal = Journal(path)
    assert journal.get(KEYS[0]) == b"x" * 100 and KEYS[1] not in journal and journal.get(KEYS[2]) == b"z" * 50


def test_a_group_is_forced_to_disk_once_and_has_the_bytes_of_single_records(tmp_path, monkeypatch):
    write(tmp_path / "single.journal", PAYLOADS.items())
    forced, real = [], os.fsync
    monkeypatch.setattr(os, "fsync", lambda f: (forced.append(f), real(f)))
    journal = Journal(tmp_path / "group.journal")
    with journal.writing("test"):
        journal.append_many(iter(PAYLOADS.items()))
        assert len(forced) == 1
        journal.append_many([])
    assert (tmp_path / "group.journal").read_bytes() == (tmp_path / "single.journal").read_bytes()
    assert all(journal.get(k) == v for k, v in PAYLOADS.items())


def _fill_small_disk_with_a_group(path, limit, out):
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    journal = Journal(path)
    with journal.writing("test"):
        try:
            journal.append_many(PAYLOADS.items())
        except OSError as error:
            out.put(str(error))
        out.put([k in journal for k in KEYS])


def test_a_disk_that_fills_within_a_group_keeps_its_whole_records(tmp_path):
    path, ctx = tmp_path / "a.journal", multiprocessing.get_context("fork")
    out, limit = ctx.Queue(), spans()[KEYS[2]][0] + 500  # the third is cut
    process = ctx.Process(target=_fill_small_disk_with_a_group, args=(path, limit, out))
    process.start()
    said, there = out.get(timeout=20), out.get(timeout=20)
    process.join()
    assert f"record of {len(PAYLOADS[KEYS[2]])} bytes" in said and "of this group" in said and str(path) in said
    assert there == [True, True, False, False, False] and path.stat().st_size == spans()[KEYS[2]][0]
    heal(path, KEYS[2:])


def _append_slowly(path, ready):
    def records():
        for i, (key, payload) in enumerate(PAYLOADS.items()):
            if i == 3:
                ready.set()
                time.sleep(60)
            yield key, payload

    journal = Journal(path)
    with journal.writing("killed"):
        journal.append_many(records())


def test_a_kill_within_a_group_loses_what_was_not_written(tmp_path):
    path, ctx = tmp_path / "a.journal", multiprocessing.get_context("fork")
    ready = ctx.Event()
    process = ctx.Process(target=_append_slowly, args=(path, ready))
    process.start()
    assert ready.wait(20)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    found(path, KEYS[3:])
    heal(path, KEYS[3:])
    assert path.read_bytes() == b"".join(path.read_bytes()[a:b] for a, b in spans().values())


@pytest.mark.parametrize("at", [1, 40, 3000, 9000, 20_000, -1])
def test_a_group_torn_anywhere_leaves_whole_records(five, at):
    whole = five.read_bytes()
    five.write_bytes(whole[:at])
    size = len(whole[:at])
    found(five, [k for k in KEYS if spans()[k][1] > size])
    journal = Journal(five)
    with journal.writing("test"):
        journal.append_many((k, PAYLOADS[k]) for k in KEYS if k not in journal)
    assert five.read_bytes() == whole
