import multiprocessing
import os
import signal
import time

import numpy as np
import pytest

from shared_affect.journal import HEADER, Journal, JournalLocked, JournalParts, pack, unpack

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
    with pytest.raises(ValueError, match="damaged"):
        Journal(path).get(KEYS[0])


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

    code = "import numpy as np; from shared_affect.journal import pack, unpack; print(list(unpack(pack({k: np.zeros(1) for k in 'dbacfe'}))))"
    assert {subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() for _ in range(4)} == {str(sorted("abcdef"))}


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
    assert sorted(p.name for p in tmp_path.glob("*.journal")) == ["ab-part0of2.journal", "ab-part1of2.journal", "ab.journal", "abc.journal"]
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


def test_a_full_disk_is_named_and_keeps_what_was_there(tmp_path):
    path, context = tmp_path / "a.journal", multiprocessing.get_context("fork")
    out = context.Queue()
    process = context.Process(target=_fill_small_disk, args=(path, 1000, out))
    process.start()
    message = out.get(timeout=20)
    process.join()
    assert process.exitcode == 0 and str(path) in message and "10000 bytes" in message and "Make room" in message
    journal = Journal(path)
    assert journal.get(KEYS[0]) == b"x" * 100 and KEYS[1] not in journal and journal.get(KEYS[2]) == b"z" * 50
