"""A model of few bits computed in float32, a block at a time, so that the whole never stands in float32."""

from __future__ import annotations

import contextlib
import inspect
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, cast

from shared_affect.models.blocks import blocks

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel

Kept = list[tuple[dict, str, Any]]


@contextlib.contextmanager
def in_float32(model: PreTrainedModel) -> Iterator[PreTrainedModel]:
    """Let the decoder compute in float32 what its weights say, while the context lasts.

    Widening bfloat16 or float16 loses nothing, so the values are those of the model loaded in float32. Each block is
    widened for its call and let go; of embeddings only the rows that are looked up are widened; what else stands
    outside the blocks (norms) is small and stays wide. The output matrix is left alone.

    Parameters
    ----------
    model : PreTrainedModel
        Loaded in the dtype of its files. Where that is float32 nothing is done: such weights are read where they lie,
        in the mapped file, and are no memory of their own.
    """
    from torch.nn import Embedding

    stack = list(blocks(model))
    inside = {id(m) for block in stack for m in block.modules()}
    head = model.get_output_embeddings()
    inside |= {id(m) for m in head.modules()} if head is not None else set()
    outside = [m for m in model.modules() if id(m) not in inside]
    kept, handles = _made_anew(model), []
    for module in outside:
        if isinstance(module, Embedding) and _takes_ids(module):
            handles += _looked_up(module)
        else:
            kept += _widen(module)
    for block in stack:
        handles += _for_its_call(block)
    try:
        yield model
    finally:
        for handle in handles:
            handle.remove()
        _restore(kept)


def _widen(module: Module) -> Kept:
    """Put float32 copies in the place of a module's own weights; returns what to put back."""
    kept: Kept = []
    tables: list[dict[str, Any]] = [cast(dict, module._parameters), cast(dict, module._buffers)]
    for own in tables:
        for name, value in own.items():
            if value is not None and value.is_floating_point() and value.element_size() < 4:
                kept.append((own, name, value))
                own[name] = value.detach().float()
    return kept


def _made_anew(model: PreTrainedModel) -> Kept:
    """Numbers that no file holds (the scale of Gemma's embeddings) were rounded when the model was made in few bits:
    let transformers make them again in float32, as it does for a model that is read so.
    """
    import torch

    kept: Kept = []
    for module in model.modules():
        names = module._non_persistent_buffers_set
        wide = [
            (module._buffers, name, value)
            for name, value in module._buffers.items()
            if name in names and value is not None and value.is_floating_point() and value.element_size() < 4
        ]
        if wide:
            weights: dict[str, Any] = module._parameters
            own = dict(weights)
            for _, name, value in wide:
                module._buffers[name] = value.float()
            # its weights are kept out of reach of what makes weights, too
            weights |= {k: torch.empty(1, 1) for k in own}
            try:
                model._init_weights(module)
            finally:
                weights |= own
            kept += wide
    return kept


def _restore(kept: Kept) -> None:
    for own, name, value in kept:
        own[name] = value
    kept.clear()


def _for_its_call(block: Module) -> list:
    kept: Kept = []

    def widen(module: Module, args: tuple) -> None:
        for part in module.modules():
            kept.extend(_widen(part))

    def restore(module: Module, args: tuple, output: Any) -> None:
        _restore(kept)

    return [block.register_forward_pre_hook(widen), block.register_forward_hook(restore, always_call=True)]


def _takes_ids(embedding: Module) -> bool:
    """Whether what it is called with are rows of its table (tables of positions may be called with a mask)."""
    return next(iter(inspect.signature(embedding.forward).parameters)) in ("input", "input_ids")


def _looked_up(embedding: Module) -> list:
    kept: Kept = []

    def choose(module: Module, args: tuple) -> tuple:
        ids: Tensor = args[0]
        rows, place = ids.unique(return_inverse=True)
        own: dict[str, Any] = module._parameters
        table = own["weight"]
        kept.append((own, "weight", table))
        own["weight"] = table.detach()[rows].float()
        return (place, *args[1:])

    def restore(module: Module, args: tuple, output: Any) -> None:
        _restore(kept)

    return [embedding.register_forward_pre_hook(choose), embedding.register_forward_hook(restore, always_call=True)]
