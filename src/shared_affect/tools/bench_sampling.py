"""Tokens a second of the texts that a model writes for its SAE: small batches and copied keys, and what is done now."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import numpy as np

from shared_affect.tools.bench import Prepared, compare, in_a_process
from shared_affect.tools.bench_models import Shape, Workload, make_model

TWELVE_MILLION = Shape("12 million weights: 10 blocks of 256, 16,384 tokens", 256, 10, 4, 2, 768, 16384, 5, 2048, 0, 0)


def written(work: Workload, rows: int, texts: int, n_tokens: int, *, in_place: bool, likelihood: bool) -> Prepared:
    """So many texts of as many tokens, `rows` at a time; with the likelihood of each, or without.

    Parameters
    ----------
    work : Workload
    rows, texts, n_tokens : int
    in_place : bool
        Keys and values are written where room is, not copied at every token.
    likelihood : bool
    """
    from shared_affect.models import sampling
    from shared_affect.models.halving import in_batches
    from shared_affect.models.likelihood import mean_nll

    model = work.load_model()
    starts = [sampling.Start([1], np.random.SeedSequence(k)) for k in range(texts)]

    def run() -> np.ndarray:
        room = sampling.make_room
        sampling.make_room = room if in_place else lambda kept, length: None
        total = 0
        how = sampling.Sampling(n_tokens)
        for some, found in in_batches(starts, rows, lambda s: sampling.sample_texts(model, s, None, how, None)):
            total += sum(map(len, found))
            if likelihood:
                mean_nll(model, [s.ids for s in some], found, "")
        sampling.make_room = room
        return np.array([total / texts])

    return texts * n_tokens, run


def methods(work: Workload, texts: int, n_tokens: int) -> dict[str, Callable[[], Prepared]]:
    """Ways to write the same texts, for `bench.compare`; the result is the mean number of their tokens."""
    way = partial(written, work, texts=texts, n_tokens=n_tokens)
    return {
        "64 rows, keys copied at every token, likelihood": partial(way, 64, in_place=False, likelihood=True),
        "64 rows, keys copied at every token": partial(way, 64, in_place=False, likelihood=False),
        f"{texts} rows, keys written in place": partial(way, texts, in_place=True, likelihood=False),
    }


def bench_sampling() -> Iterator[list[dict]]:
    """A model of 12 million weights on one CPU thread, texts of 100 tokens."""
    with tempfile.TemporaryDirectory() as folder:
        in_a_process(make_model, Path(folder), TWELVE_MILLION)
        work = Workload(TWELVE_MILLION, Path(folder))
        yield compare(f"texts for an SAE, {TWELVE_MILLION.name}; cpu", "tokens/s", methods(work, 384, 100))
