"""What the writing thread is given is written in order, whole, and its failures are told in the thread that gives."""

import threading
import time

import pytest

from shared_affect.base.writer import Writer


def test_everything_is_written_in_order_and_in_another_thread():
    calls, threads = [], set()

    def write(things):
        threads.add(threading.get_ident())
        time.sleep(0.001)
        calls.append(things)

    with Writer(write) as writer:
        for i in range(100):
            writer.put(i)
    assert [t for c in calls for t in c] == list(range(100)) and threads.isdisjoint({threading.get_ident()})
    assert 1 < len(calls) < 100  # what waits is written together


def test_what_waits_is_bounded():
    gate, given = threading.Event(), []
    with Writer(lambda things: gate.wait(10), depth=2) as writer:

        def give():
            for i in range(10):
                writer.put(i)
                given.append(i)

        other = threading.Thread(target=give)
        other.start()
        time.sleep(0.2)
        assert len(given) <= 4  # two wait, at most two were taken
        gate.set()
        other.join()
    assert len(given) == 10


def test_a_failure_is_raised_where_the_next_is_given_or_at_the_end():
    def write(things):
        raise OSError("no space left on device")

    with pytest.raises(OSError, match="no space"), Writer(write) as writer:
        writer.put(1)
    later = []
    with pytest.raises(OSError, match="no space"), Writer(write) as writer:
        for i in range(1000):  # never ends by waiting for a thread that gave up
            writer.put(i)
            later.append(i)
            time.sleep(0.001)
    assert len(later) < 1000


def test_nothing_is_written_after_a_failure():
    kept = []

    def write(things):
        if 3 in things:
            raise OSError("full")
        kept.extend(things)

    with pytest.raises(OSError, match="full"), Writer(write, depth=1) as writer:
        for i in range(20):
            writer.put(i)
            time.sleep(0.002)
    assert kept == list(range(len(kept))) and len(kept) <= 3


def test_an_error_of_the_computing_thread_stays_and_what_was_given_is_written():
    kept = []
    with pytest.raises(ZeroDivisionError), Writer(kept.extend) as writer:
        writer.put("before")
        raise ZeroDivisionError("in between")
    assert kept == ["before"]

    def write(things):
        raise OSError("full")

    with pytest.raises(ZeroDivisionError) as found, Writer(write) as writer:
        writer.put("before")
        raise ZeroDivisionError("in between")
    assert "full" in "".join(found.value.__notes__)
