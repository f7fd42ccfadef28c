"""Work in batches that are halved where memory runs out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from shared_affect.base.log import LOG
from shared_affect.models.load import is_out_of_memory

Item = TypeVar("Item")
Found = TypeVar("Found")


def in_batches(
    items: Sequence[Item],
    rows: int,
    work: Callable[[Sequence[Item]], Sequence[Found]],
    *,
    where: str = "",
    column: str = "",
) -> Iterator[tuple[Sequence[Item], Sequence[Found]]]:
    """Do the work for `rows` items at a time, in their order; for half as many from where memory runs out.

    Parameters
    ----------
    items : sequence
    rows : int
    work : callable
        Takes some items, gives something for each.
    where : str
        What is worked on, e.g. table and row of the model; named in the log and in errors.
    column : str
        What to change there.

    Yields
    ------
    items, what the work gave for them

    Raises
    ------
    MemoryError
        If memory runs out with a single item.

    Examples
    --------
    >>> def double(some):
    ...     if len(some) > 2:
    ...         raise MemoryError("of this example")
    ...     return [2 * x for x in some]
    >>> list(in_batches(range(5), 4, double))
    [(range(0, 2), [0, 2]), (range(2, 4), [4, 6]), (range(4, 5), [8])]
    """
    at = 0
    while at < len(items):
        batch = items[at : at + rows]
        try:
            found = work(batch)
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            if len(batch) == 1:
                raise MemoryError(
                    f"{where}: out of memory with one text at a time{column and f' ({column})'}: {told}. It needs a"
                    " device with more memory, or dtype bfloat16"
                ) from error
            rows = (len(batch) + 1) // 2
            LOG.warning(
                "%s: out of memory with %d texts at once, now %d%s: %s",
                where,
                len(batch),
                rows,
                column and f" ({column})",
                told,
            )
            continue
        yield batch, found
        at += len(batch)
