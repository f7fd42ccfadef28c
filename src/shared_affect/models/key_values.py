"""Keys and values of texts that grow: written into room that is there, instead of being copied at every token.

The cache of transformers appends by making both tensors anew. Without that, and with all texts in one batch, a model of
12 million weights writes 1,643 tokens a core-second instead of 1,167 (docs/performance.md).
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor


@cache
def _roomy() -> type:
    """The class of a layer with room; made when first asked for, because transformers takes seconds to import."""
    from transformers.cache_utils import DynamicLayer

    class RoomyLayer(DynamicLayer):
        """A layer's keys and values at the front of tensors that are longer than they.

        Attributes
        ----------
        held : tuple of Tensor ``[row, head, position, d]``
            Room for the keys and for the values.
        """

        held: tuple[Tensor, Tensor]

        def update(
            self,
            key_states: Float[Tensor, "row head new d"],
            value_states: Float[Tensor, "row head new d"],
            *args: Any,
            **kwargs: Any,
        ) -> tuple[Tensor, Tensor]:
            """Write what is new behind what is there."""
            at, new = self.get_seq_length(), key_states.shape[-2]
            for room, states in zip(self.held, (key_states, value_states), strict=True):
                room[:, :, at : at + new] = states
            self.keys, self.values = (room[:, :, : at + new] for room in self.held)
            return self.keys, self.values

        def reorder_cache(self, beam_idx: Tensor) -> None:
            """Keep these rows, in this order."""
            at, (keys, values) = self.get_seq_length(), self.held
            self.held = _kept(keys, beam_idx, at), _kept(values, beam_idx, at)
            self.keys, self.values = (room[:, :, :at] for room in self.held)

    return RoomyLayer


def _kept(room: Tensor, rows: Tensor, at: int) -> Tensor:
    """Some rows of it, as long as before, of which so many positions are filled."""
    made = room.new_empty(len(rows), *room.shape[1:])
    made[:, :, :at] = room[rows, :, :at]
    return made


def _longer(part: Tensor, length: int) -> Tensor:
    """Room of this length, at whose front a tensor stands."""
    room = part.new_empty(*part.shape[:2], length, part.shape[3])
    room[:, :, : part.shape[2]] = part
    return room


def make_room(kept: Any, length: int) -> None:
    """Give the layers of a cache room for texts of this length; layers of other kinds stay as they are.

    Parameters
    ----------
    kept : transformers' cache
        As a model gave it after the first pass.
    length : int
        Positions of the longest text. At 432 rows and 42 blocks of 8 heads of 256 numbers, 40 positions in bfloat16
        5.9 GB, as much as the cache holds at its end without this.

    Notes
    -----
    A layer with a window is as one without as long as texts are shorter than the window.
    """
    from transformers.cache_utils import DynamicCache, DynamicLayer, DynamicSlidingWindowLayer

    if type(kept) is not DynamicCache:
        return
    layers: list[Any] = kept.layers
    for number, layer in enumerate(layers):
        short = type(layer) is DynamicSlidingWindowLayer and layer.sliding_window > length and not layer.record_past
        if not (type(layer) is DynamicLayer or short) or not layer.get_seq_length():
            continue
        roomy = _roomy()()
        roomy.dtype, roomy.device, roomy.is_initialized = layer.keys.dtype, layer.keys.device, True
        roomy.keys, roomy.values = layer.keys, layer.values
        roomy.held = _longer(layer.keys, length), _longer(layer.values, length)
        layers[number] = roomy
