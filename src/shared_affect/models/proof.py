"""What extraction and steering take for granted of a model, shown on a few of the study's own texts before a value is
kept.

Architectures differ in what a cache remembers, in what padding does to it and in what a block hands on, and a wrong
assumption gives numbers that look like any others. So each is held against the plain way, one text at a time. What the
workflow can do otherwise (no common beginning) it does; the rest is refused. The outcome goes to the journal,
once a model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.base.files import digest_of
from shared_affect.base.journal import Journal, JournalLocked, pack, unpack
from shared_affect.base.log import LOG
from shared_affect.models.cards import first_line, is_card_failure, is_out_of_memory
from shared_affect.models.model_folder import model_digest

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

VERSION = 2
"""Raised when a check is added: models are then proved anew, values stay."""

TOLERANCE = {"float32": 1e-4, "bfloat16": 0.1, "float16": 0.02}
"""Largest deviation, as a share of the largest value at the position, between two ways to the same number. Rounding of
ten blocks makes 1e-6, .014 and .002; a tenth of this is allowed between a hook and the hidden state, which are the same
computation."""

TEXTS, LONGEST = 3, 24
"""Texts that are tried and tokens of each."""


def outcome(
    folder: str | Path,
    numerics: dict,
    journal_folder: str | Path,
    part: str,
    what: str,
    prove: Callable[[], dict[str, bool]],
) -> dict[str, bool]:
    """What was found of a model before, else what `prove` finds now.

    Parameters
    ----------
    folder : path
        The model's.
    numerics : dict
        As `load.Numerics.key`; the size of batches does not matter.
    journal_folder : path
    part : str
        Names this job's own file, so that jobs of one model do not wait for each other; all are read.
    what : str
        What is proved, e.g. ``steering after block 3``.
    prove : callable
        Raises ValueError where the model is refused.
    """
    model = model_digest(folder)
    libraries = {name: version(name) for name in ("torch", "transformers")}
    kept = {k: v for k, v in numerics.items() if k != "chunk_batch"}
    key = digest_of({"kind": "proof", "model": model, **kept, **libraries, "what": what, "version": VERSION})
    store, name = Path(journal_folder), digest_of([model, "proof"])[:24]
    for journal in map(Journal, sorted(store.glob(f"{name}-*.proof"))):
        if key in journal:
            return {k: bool(v[0]) for k, v in unpack(journal.get(key)).items()}
    found = prove()
    LOG.info("proof of %s, %s: %s", folder, what, ", ".join(f"{k} {'yes' if v else 'no'}" for k, v in found.items()))
    try:
        with Journal(store / f"{name}-{part}.proof").writing(f"proof {folder}") as journal:
            journal.append(key, pack({k: np.array([v]) for k, v in found.items()}))
    except JournalLocked:
        pass  # another job of this model keeps the same
    return found


def prove_reading(model: PreTrainedModel, ids: Sequence[Sequence[int]], where: str) -> dict[str, bool]:
    """Whether a model's residual stream can be read as `extraction` reads it.

    Parameters
    ----------
    model : causal language model
        All its blocks are looked at; those that are not read may be left out of it.
    ids : sequence of token id lists
        Texts of the study.
    where : str
        Table and row named in errors.

    Returns
    -------
    dict
        ``prefix``: whether texts may share the cache of their beginning.

    Raises
    ------
    ValueError
        If a block's output is not one vector a position, is not what the model itself calls its hidden state, or
        depends on later tokens.
    """
    import torch

    from shared_affect.models.blocks import blocks
    from shared_affect.models.residual import Prefix, block_outputs

    texts = _choose(ids)
    layers, limit, device = range(len(blocks(model))), _limit(model), model.device
    with torch.inference_mode(), _named(model, where):
        alone = [block_outputs(model, layers, input_ids=torch.tensor([x], device=device)) for x in texts]
        for layer in layers:
            _check_stream(model, alone[0][layer], layer, len(texts[0]), where)
        _compare_hidden_states(model, texts[0], alone[0], where)
        # others follow in the same batch, as in extraction: padded on the right, without a mask
        longest = max(map(len, texts))
        padded = torch.tensor([[*x, *[0] * (longest - len(x))] for x in texts], device=device)
        batched = block_outputs(model, layers, input_ids=padded)
        for k, x in enumerate(texts):
            off = max(_off(batched[layer][k, : len(x)], alone[k][layer][0]) for layer in layers)
            if off > limit:
                raise ValueError(
                    _refusal(
                        model,
                        where,
                        f"residuals differ by {off:.2g} when tokens follow or other texts stand in the batch (allowed:"
                        f" {limit:g}); it is not causal, or mixes the texts of a batch",
                    )
                )

        # in few bits the limit is coarse; a cache that is not used is off by what forgetting the beginning does
        half, x = len(texts[0]) // 2, texts[0]
        forgotten = block_outputs(model, layers, input_ids=torch.tensor([x[half:]], device=device))
        forgetting = max(_off(forgotten[layer][0], alone[0][layer][0, half:]) for layer in layers)

        def shared() -> float:
            """Deviation with the beginning computed once, for several lengths of it."""
            worst = 0.0
            for common in sorted({1, len(x) // 2, len(x) - 1}):
                rest = Prefix(model, layers, x[:common])
                for _ in range(2):  # a second batch must start from the same beginning
                    found = rest.continued(torch.tensor([x[common:]] * 2, device=device))
                    worst = max(
                        worst,
                        *(_off(found[layer][row], alone[0][layer][0, common:]) for layer in layers for row in (0, 1)),
                    )
            return worst

        return {
            "prefix": _holds(
                shared,
                min(limit, max(forgetting / 4, limit / 100)),
                f"{type(model).__name__}: texts do not share the cache of their beginning, each is read whole",
            )
        }


def _by_itself(
    model: PreTrainedModel, layer: int, start: Sequence[int], more: Sequence[int], vector: Tensor, policy: str
) -> Iterator[Tensor]:
    """Logits before each token of `more` of one text, read whole each time while a vector is added by a policy."""
    import torch

    from shared_affect.models.residual import editing

    def changed(here: Tensor, h: Tensor) -> Tensor:
        return torch.where(here[None, :, None], h + vector.to(h.dtype), h)

    for step in range(len(more)):
        at = torch.arange(len(start) + step, device=model.device)
        here = (at >= 0) if policy == "all" else (at < len(start)) == (policy == "prompt")
        ids = torch.tensor([[*start, *more[:step]]], device=model.device)
        with editing(model, layer, partial(changed, here)):
            yield model(input_ids=ids, use_cache=False).logits[0, -1].float()


def prove_steering(model: PreTrainedModel, layer: int, ids: Sequence[Sequence[int]], where: str) -> dict[str, bool]:
    """Whether texts can be written under a vector as `steering` writes them.

    Parameters
    ----------
    model, ids, where
        As in `prove_reading`.
    layer : int
        Block whose output is changed.

    Returns
    -------
    dict
        ``steering``: true.

    Raises
    ------
    ValueError
        If prompts of several lengths in a batch, going on from the cache, give other logits than each by itself without
        one.
    """
    import torch

    from shared_affect.models.interventions import POLICIES, Edits, Intervention
    from shared_affect.models.residual import block_outputs
    from shared_affect.models.sampling import Continuation

    texts, limit, device = _choose(ids)[:2], _limit(model), model.device
    # one beginning is shorter than the other, whatever the texts are; what follows is taken from the texts, too
    starts = [x[: max(1, len(x) // (2 if k else 1))] for k, x in enumerate(texts)]
    following = [[texts[k][(2 * j + 1) % len(texts[k])] for j in range(3)] for k in range(len(texts))]
    with torch.inference_mode(), _named(model, where):
        stream = block_outputs(model, [layer], input_ids=torch.tensor([texts[0]], device=device))[layer]
        _check_stream(model, stream, layer, len(texts[0]), where)
        norm = stream.float().norm(dim=-1).median()
        added = torch.randn(len(texts), stream.shape[-1], generator=torch.Generator().manual_seed(0)).to(device)
        added *= norm / added.norm(dim=1, keepdim=True)
        vectors = added.cpu().numpy()
        plain = {
            (policy, k, step): logits
            for policy in POLICIES
            for k, (start, more) in enumerate(zip(starts, following, strict=True))
            for step, logits in enumerate(_by_itself(model, layer, start, more, added[k], policy))
        }

        def steered() -> float:
            """Deviation of a batch that goes on step by step."""
            off = 0.0
            for policy in POLICIES:
                rows = Intervention(vectors, 1.0, positions=policy), range(len(starts))
                going = Continuation(model, starts, Edits.of(layer, [rows], device=device))
                rows_left = list(range(len(starts)))
                for step in range(3):
                    logits = going.logits()
                    off = max(off, *(_off(logits[at], plain[policy, k, step]) for at, k in enumerate(rows_left)))
                    going.append(
                        torch.tensor([[following[k][step]] for k in rows_left], device=device),
                        torch.ones(len(rows_left), dtype=torch.bool, device=device),
                    )
                    if step == 1:  # a text that is over leaves the batch
                        rows_left = rows_left[1:]
                        going.keep(torch.tensor(rows_left, device=device))
            if not going.cached:
                LOG.warning("%s keeps no cache: each new token reads the whole text again", type(model).__name__)
            return off

        if _holds(steered, limit, f"{type(model).__name__}: a batch is not steered as its texts by themselves"):
            return {"steering": True}
    raise ValueError(
        _refusal(
            model,
            where,
            f"texts steered after block {layer} in a padded batch, with a cache where there is one, are not those"
            " steered one by one without (leave it out of config.yaml, key models, or set steering.enabled to false to"
            " read it alone)",
        )
    )


def _choose(ids: Sequence[Sequence[int]]) -> list[list[int]]:
    """A few texts, the longest first, cut to `LONGEST` tokens."""
    whole = sorted({tuple(x[:LONGEST]) for x in ids if len(x)}, key=lambda x: (-len(x), x))
    if not whole or len(whole[0]) < 2:
        raise ValueError("a model is proved on texts of two tokens and more; none was given")
    spread = sorted({0, len(whole) // 2, len(whole) - 1})[:TEXTS]
    texts = [list(whole[i]) for i in spread]
    return texts if len(texts) > 1 else [texts[0], texts[0][:-1]]


def _limit(model) -> float:
    return TOLERANCE[str(model.dtype).removeprefix("torch.")]


def _off(a, b) -> float:
    """Largest difference as a share of the largest value at its position; NaN counts as infinite."""
    a, b = a.float(), b.float()
    off = ((a - b).abs().amax(-1) / b.abs().amax(-1).clamp(min=1e-12)).max()
    return float(off) if bool(off.isfinite()) else float("inf")


@contextlib.contextmanager
def _named(model, where: str) -> Iterator[None]:
    """Whatever a model raises on plain text, in words that name the row."""
    try:
        yield
    except Exception as error:
        known = isinstance(error, ValueError) and where in str(error)
        if known or is_out_of_memory(error) or is_card_failure(error):
            raise
        raise ValueError(
            _refusal(model, where, f"it does not run on plain text ({type(error).__name__}: {first_line(error)})")
        ) from error


def _holds(deviation: Callable[[], float], limit: float, told: str) -> bool:
    """Whether two ways agree; a way that ends in an error does not."""
    try:
        off = deviation()
    except Exception as error:  # a cache of another kind fails in as many ways as there are kinds
        if is_out_of_memory(error) or is_card_failure(error):  # says nothing about the model
            raise
        LOG.warning("%s (%s: %s)", told, type(error).__name__, first_line(error))
        return False
    if not off <= limit:
        LOG.warning("%s (off by %.2g, allowed: %g)", told, off, limit)
    return off <= limit


def _check_stream(model, h, layer: int, n: int, where: str) -> None:
    """A block must hand on one finite vector a token."""
    import torch

    width = model.config.get_text_config(decoder=True).hidden_size
    if not torch.is_tensor(h) or tuple(h.shape) != (1, n, width):
        shape = tuple(h.shape) if torch.is_tensor(h) else type(h).__name__
        raise ValueError(
            _refusal(
                model,
                where,
                f"block {layer} gives {shape} for a text of {n} tokens, not one vector of {width} a token; there is no"
                " residual stream to read or change",
            )
        )
    if not torch.isfinite(h).all():
        raise ValueError(
            f"NaN or infinite residual after block {layer} of {type(model).__name__}; try dtype float32 ({where},"
            " column dtype)"
        )


def _compare_hidden_states(model, text: Sequence[int], found, where: str) -> None:
    """The output at a block is the hidden state that the model itself reports; the last one is compared behind the
    final norm.
    """
    import torch

    from shared_affect.models.blocks import blocks

    n, limit = len(blocks(model)), _limit(model) / 10
    told = getattr(
        model.base_model(
            input_ids=torch.tensor([list(text)], device=model.device), output_hidden_states=True, use_cache=False
        ),
        "hidden_states",
        None,
    )
    if told is None or len(told) != n + 1:
        raise ValueError(
            _refusal(
                model, where, f"{'no' if told is None else len(told)} hidden states for {n} blocks; needed: {n + 1}"
            )
        )

    def off(first: int) -> tuple[float, int]:
        """Largest deviation and its block, if hidden state `first` is the output of block 0."""
        found_off = [_off(found[layer], told[layer + first]) for layer in range(n - 1)]
        last = [found[n - 1], *(norm(found[n - 1]) for norm in _final_norms(model))]
        found_off.append(min(_off(h, told[n]) for h in last))
        return max((o, layer) for layer, o in enumerate(found_off))

    # most report the embedding first; state-space models of transformers do not, and end with the last block before and
    # after the norm
    largest, layer = min(off(1), off(0))
    if not largest <= limit:
        raise ValueError(
            _refusal(
                model,
                where,
                f"the output of block {layer} differs from the hidden state that the model reports by {largest:.2g}"
                f" (allowed: {limit:g})",
            )
        )


def _final_norms(model) -> list:
    """Modules that may stand between the last block and the last hidden state."""
    from shared_affect.models.blocks import blocks

    inside, width = (
        {id(m) for block in blocks(model) for m in block.modules()},
        model.config.get_text_config(decoder=True).hidden_size,
    )
    outside = [(name.rsplit(".", 1)[-1], m) for name, m in model.named_modules() if id(m) not in inside]
    return [
        m
        for name, m in outside
        if ("norm" in name or name.startswith("ln_"))
        and tuple(getattr(getattr(m, "weight", None), "shape", (width,))) == (width,)
    ]


def _refusal(model, where: str, why: str) -> str:
    return f"{type(model).__name__} ({where}) is not read as this workflow reads models: {why}"
