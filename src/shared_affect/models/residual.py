"""Recording the residual stream and adding to it, with hooks that always come off."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, cast

from shared_affect.models.blocks import blocks

if TYPE_CHECKING:
    from jaxtyping import Float, Int
    from torch import Tensor
    from torch.nn import Module
    from transformers import PreTrainedModel
    from transformers.cache_utils import CacheLayerMixin


class _Stop(Exception):
    """Leaves a forward pass after the deepest block that is wanted."""


def _hidden(output: Any) -> Tensor:
    return output[0] if isinstance(output, (tuple, list)) else output


def _check_layers(model: PreTrainedModel, layers: Sequence[int]) -> None:
    n = len(blocks(model))
    if bad := [layer for layer in layers if not 0 <= layer < n]:
        raise ValueError(
            f"layer {bad[0]} of a model with {n} blocks; allowed: 0 to {n - 1} (config/saes.tsv, column layer)"
        )


def block_of(model: PreTrainedModel, layer: int) -> Module:
    """A block by its number, from 0.

    Raises
    ------
    ValueError
        If the layer is outside the model.
    """
    _check_layers(model, [layer])
    return blocks(model)[layer]


def block_outputs(
    model: PreTrainedModel, layers: Sequence[int], **inputs: Any
) -> dict[int, Float[Tensor, "batch position d"]]:
    """Residual stream after the given blocks; the forward pass ends there, no logits are computed.

    Parameters
    ----------
    model : causal language model
    layers : sequence of int
        Blocks counted from 0; the value equals ``hidden_states[layer + 1]`` (for the last block: before the final
        norm).
    **inputs
        Passed to the model's decoder, e.g. ``input_ids``, ``past_key_values``.

    Raises
    ------
    ValueError
        If a layer is outside the model.
    """
    _check_layers(model, layers)
    deepest, found = max(layers), {}

    def recorder(layer: int) -> Callable:
        def hook(module: Module, args: tuple, output: Any) -> None:
            found[layer] = _hidden(output)
            if layer == deepest:
                raise _Stop

        return hook

    handles = [blocks(model)[layer].register_forward_hook(recorder(layer)) for layer in set(layers)]
    try:
        with contextlib.suppress(_Stop):
            # the decoder alone: no logits; a given cache is filled up to the deepest block
            model.base_model(use_cache="past_key_values" in inputs, **inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


class Prefix:
    """A common beginning of many texts, computed once; the texts go on from its keys and values.

    Parameters
    ----------
    model : causal language model
    layers : sequence of int
        Blocks whose output is wanted.
    ids : sequence of int
        Tokens of the beginning; may be none.
    reuse : bool
        False computes the beginning with every text: for models whose memory is no list of keys and values (`proof`).

    Raises
    ------
    ValueError
        If the model keeps nothing of the beginning.
    """

    def __init__(self, model: PreTrainedModel, layers: Sequence[int], ids: Sequence[int], reuse: bool = True):
        import torch
        from transformers import DynamicCache

        self.model, self.layers = model, list(layers)
        self._whole = None if reuse else torch.tensor([list(ids)], dtype=torch.long, device=model.device)
        if not reuse:
            return
        cache = DynamicCache()
        if ids:
            block_outputs(
                model, layers, input_ids=torch.tensor([list(ids)], device=model.device), past_key_values=cache
            )
            if cache.get_seq_length() != len(ids):
                raise ValueError(
                    f"{type(model).__name__} keeps no keys and values of {len(ids)} tokens in the cache that it is"
                    " given"
                )
        parts = cast("list[CacheLayerMixin]", cache.layers)  # another kind of memory ends here, and `proof` sees it
        self._parts = [(cast("Tensor", part.keys), cast("Tensor", part.values)) for part in parts]

    def continued(self, ids: Int[Tensor, "batch position"]) -> dict[int, Float[Tensor, "batch position d"]]:
        """Residual stream at the positions of `ids`, which follow the beginning.

        Rows may be padded on the right with any token: what a causal model computes at a position does not depend on
        later ones, so no mask is needed.
        """
        from transformers import DynamicCache

        if self._whole is not None:
            import torch

            start = self._whole.shape[1]
            found = block_outputs(
                self.model, self.layers, input_ids=torch.cat([self._whole.expand(len(ids), -1), ids], 1)
            )
            return {layer: h[:, start:] for layer, h in found.items()}
        cache = DynamicCache()
        if self._parts:
            cache.layers = [_beginning(keys, values) for keys, values in self._parts]
        return block_outputs(self.model, self.layers, input_ids=ids, past_key_values=cache)


def _beginning(keys: Tensor, values: Tensor) -> CacheLayerMixin:
    """A layer of a cache that holds one beginning for all texts, and nothing of what they go on with.

    A layer of the usual kind would hold the beginning once a text, in every block until the pass ends: 5 GiB for 2,048
    texts of a model of 9 billion weights.
    """
    from transformers.cache_utils import DynamicLayer

    class Beginning(DynamicLayer):
        def update(self, key_states: Tensor, value_states: Tensor, *args: Any, **kwargs: Any) -> tuple[Tensor, Tensor]:
            import torch

            pairs = (keys, key_states), (values, value_states)
            both = [torch.cat([kept.expand(len(new), -1, -1, -1), new], dim=-2) for kept, new in pairs]
            return both[0], both[1]

    layer = Beginning()
    layer.lazy_initialization(keys, values)
    layer.keys, layer.values = keys, values
    return layer


@contextlib.contextmanager
def editing(model: PreTrainedModel, layer: int, edit: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Replace the output of a block by ``edit(output)`` while the context lasts.

    Raises
    ------
    ValueError
        If the layer is outside the model.
    """
    with editing_block(block_of(model, layer), edit):
        yield


@contextlib.contextmanager
def editing_block(block: Module, edit: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """`editing` of a block that was found before: finding it looks through the whole model."""

    def hook(module: Module, args: tuple, output: Any) -> Any:
        changed = edit(_hidden(output))
        return type(output)([changed, *output[1:]]) if isinstance(output, (tuple, list)) else changed

    handle = block.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
