"""Tokens a second of steered texts: plain `generate` of transformers, and the workflow's own engine.

Needs torch, transformers and safetensors alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from shared_affect.tools.bench import Prepared, compare, in_a_process
from shared_affect.tools.bench_extraction import card_at_hand
from shared_affect.tools.bench_models import LARGE, TINY, Workload, prepare

PROMPTS, NEW = 48, 24
"""Prompts of a chunk, and new tokens of a text."""


@dataclass(frozen=True)
class Work(Workload):
    """Texts of a model.

    Attributes
    ----------
    chunks : int
        Each of `PROMPTS` texts under a vector of its own.
    """

    chunks: int = 9

    @property
    def texts(self) -> list[str]:
        """Prompts of one chunk, nine tokens each with the first."""
        return [f"now think of the word w{k} they said" for k in range(PROMPTS)]


def plain(work: Work, rows: int) -> Prepared:
    """`generate` of transformers, without steering and likelihood; `rows` texts of the chunks at a time."""
    import torch

    from shared_affect.models.tokens import load_ids

    model: Any = work.load_model()  # `generate` comes with a mixin that its type does not name
    ids = torch.tensor(load_ids(work.folder / "model").ids(work.texts), device=work.device)
    ids = ids.repeat(work.chunks, 1)

    def run() -> np.ndarray:
        torch.manual_seed(0)
        for i in range(0, len(ids), rows):
            part = ids[i : i + rows]
            with torch.inference_mode():
                model.generate(
                    part,
                    attention_mask=torch.ones_like(part),
                    do_sample=True,
                    top_k=0,
                    max_new_tokens=NEW,
                    min_new_tokens=NEW,
                )
        return np.array([float(NEW)])

    return len(ids) * NEW, run


def ours(work: Work, rows: int) -> Prepared:
    """The workflow's own engine: a vector a chunk, likelihood and journal; `rows` texts at a time."""
    from shared_affect.models.interventions import Intervention
    from shared_affect.models.load import Numerics
    from shared_affect.models.sampling import Sampling
    from shared_affect.steering.generate import Generator, Place
    from shared_affect.steering.plan import Chunk, Prompt

    model = work.load_model()
    prompts = tuple(Prompt(f"p{k}", "score", text) for k, text in enumerate(work.texts))
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(work.chunks, work.shape.width)) / work.shape.width**0.5
    chunks = [Chunk(f"e{k}", "concept", Intervention(v, 0.25), prompts) for k, v in enumerate(vectors)]

    def fresh() -> Generator:
        place = Place(work.folder / "model", work.folder / "sae", work.shape.layer, 1.0)
        numerics = Numerics(dtype=work.shape.dtype, device=work.device)
        journal = tempfile.mkdtemp(dir=work.folder)
        made = Generator(place, "en", Sampling(NEW), numerics=numerics, journal_folder=journal, root_seed=0, rows=rows)
        made.put(model)
        made.check(chunks, "x")  # once a model, not once a text
        return made

    # one journal for the warm-up and one for the measured call: nothing may come from the first
    generators = iter([fresh(), fresh()])

    def run() -> np.ndarray:
        found = next(generators).run(chunks, "x")
        return np.array([np.mean([r["n_tokens"] for records in found.values() for r in records])])

    return work.chunks * PROMPTS * NEW, run


def methods(work: Work, rows: int) -> dict[str, Callable[[], Prepared]]:
    """Ways to write the same number of texts, for `bench.compare`; the result is the mean number of new tokens."""
    return {
        f"transformers generate, {rows} rows, no steering, no likelihood": partial(plain, work, rows),
        f"ours, {rows} rows, steered, likelihood and journal included": partial(ours, work, rows),
        f"ours, {PROMPTS} rows": partial(ours, work, PROMPTS),
    }


def bench_steering() -> Iterator[list[dict]]:
    """The tiny model on one CPU thread; where a card is at hand, it and the 9-billion-weight shape there."""
    cases = [(TINY, "cpu", 8, 192)]
    if card_at_hand():
        cases += [(TINY, "cuda", 27, 1296), (LARGE, "cuda", 9, 432), (LARGE, "cuda", 27, 1296)]
    for shape, device, chunks, rows in cases:
        with tempfile.TemporaryDirectory() as folder:
            in_a_process(prepare, shape, Path(folder), device)
            work = Work(shape, Path(folder), device, chunks)
            yield compare(f"steered texts, {shape.name}; {device}", "tokens/s", methods(work, rows))
