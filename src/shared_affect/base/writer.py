"""A thread that writes what was computed while the next is computed, in the order in which it was given."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Generic, TypeVar

T = TypeVar("T")


class Writer(Generic[T]):
    """Hands things to a function in another thread, several at once where several wait.

    What failed in the thread is raised where the next thing is given, or at the end, and never lost. After a failure
    nothing more is written. Where the block ends in an error of its own, what was given before is written first.

    Parameters
    ----------
    write : callable
        Takes a list of things, in the order given.
    depth : int
        Things that may wait, and that are written at once; whoever gives one more waits, so that memory is bounded.

    Examples
    --------
    >>> kept = []
    >>> with Writer(kept.extend) as writer:
    ...     writer.put("a")
    ...     writer.put("b")
    >>> kept
    ['a', 'b']
    """

    def __init__(self, write: Callable[[list[T]], None], depth: int = 4):
        self._write = write
        self._queue: queue.Queue[T | _End] = queue.Queue(depth)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="writer", daemon=True)

    def _run(self) -> None:
        more = True
        while more:
            waiting = [self._queue.get()]
            while not self._queue.empty() and len(waiting) < self._queue.maxsize:
                waiting.append(self._queue.get())
            things = [t for t in waiting if not isinstance(t, _End)]
            more = len(things) == len(waiting)
            if things and self._error is None:
                try:
                    self._write(things)
                except BaseException as error:  # whatever it is, it is raised in the thread that computes
                    self._error = error

    def put(self, thing: T) -> None:
        """Give one thing; waits while `depth` others do.

        Raises
        ------
        BaseException
            What an earlier one failed with.
        """
        self._raise()
        self._queue.put(thing)

    def _raise(self) -> None:
        if self._error is not None:
            raise self._error

    def __enter__(self) -> Writer[T]:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._queue.put(_End())
        self._thread.join()
        if error is None:
            self._raise()
        elif self._error is not None and self._error is not error:
            error.add_note(f"and what was computed before could not be written: {self._error}")


class _End:
    """Stands behind the last thing."""
