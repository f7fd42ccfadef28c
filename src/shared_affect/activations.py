"""Recording the residual stream and adding to it, with hooks that always come off."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence

from jaxtyping import Float
from torch import Tensor

from shared_affect.models import blocks


class _Stop(Exception):
    """Leaves a forward pass after the deepest block that is wanted."""


def _hidden(output) -> Tensor:
    return output[0] if isinstance(output, tuple) else output


def _check_layers(model, layers: Sequence[int]) -> None:
    n = len(blocks(model))
    if bad := [layer for layer in layers if not 0 <= layer < n]:
        raise ValueError(f"layer {bad[0]} of a model with {n} blocks; allowed: 0 to {n - 1} (config/saes.tsv, column layer)")


def block_outputs(model, layers: Sequence[int], **inputs) -> dict[int, Float[Tensor, "batch position d"]]:
    """Residual stream after the given blocks; the forward pass ends there, no logits are computed.

    Parameters
    ----------
    model : causal language model
    layers : sequence of int
        Blocks counted from 0; the value equals ``hidden_states[layer + 1]`` (for the last block: before the final norm).
    **inputs
        Passed to the model's decoder, e.g. ``input_ids``, ``attention_mask``.

    Raises
    ------
    ValueError
        If a layer is outside the model.
    """
    _check_layers(model, layers)
    deepest, found = max(layers), {}

    def recorder(layer: int) -> Callable:
        def hook(module, args, output):
            found[layer] = _hidden(output)
            if layer == deepest:
                raise _Stop

        return hook

    handles = [blocks(model)[layer].register_forward_hook(recorder(layer)) for layer in set(layers)]
    try:
        with contextlib.suppress(_Stop):
            model.base_model(use_cache=False, **inputs)
    finally:
        for handle in handles:
            handle.remove()
    return found


@contextlib.contextmanager
def editing(model, layer: int, edit: Callable[[Tensor], Tensor]) -> Iterator[None]:
    """Replace the output of a block by ``edit(output)`` while the context lasts.

    Raises
    ------
    ValueError
        If the layer is outside the model.
    """
    _check_layers(model, [layer])

    def hook(module, args, output):
        changed = edit(_hidden(output))
        return (changed, *output[1:]) if isinstance(output, tuple) else changed

    handle = blocks(model)[layer].register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()
