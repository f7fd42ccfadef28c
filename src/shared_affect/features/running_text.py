"""Running text: how well SAEs stand for the residuals of ordinary text, and how often features fire on neutral text."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.models.fidelity import fidelity, rows_at_once
from shared_affect.models.memory import RUNNING
from shared_affect.models.residual import block_outputs
from shared_affect.models.saes import SAE
from shared_affect.models.tokens import TextIds

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

RUNNING_BATCH = RUNNING
"""Running texts a forward pass, at most: they are longer than words in a template, and read whole."""


def cut_otherwise(vocabulary: int, d_sae: int, chunk_batch: int) -> bool:
    """Whether batches are cut smaller than until 0.1.0, which may change last bits: such records have their own keys.

    >>> cut_otherwise(4_000, 1_024, 64), cut_otherwise(256_000, 131_072, 2_048)
    (False, True)
    """
    return chunk_batch > RUNNING_BATCH or d_sae > 1 << 15 or vocabulary > 1 << 15


def batches(tokenizer: TextIds, texts: Sequence[str], device: str, batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Token ids of equal width with masks that leave out the first position and padding."""
    import torch

    codes = sorted(tokenizer.encode_batch(list(texts)), key=lambda c: len(c.ids))
    for i in range(0, len(codes), batch):
        part = codes[i : i + batch]
        width = max(len(c.ids) for c in part)
        ids = torch.tensor([c.ids + [0] * (width - len(c.ids)) for c in part], device=device)
        mask = torch.tensor([c.counts + [False] * (width - len(c.ids)) for c in part], device=device)
        yield ids, mask


def measure(
    model: PreTrainedModel,
    layer_of: Mapping[str, int],
    sae_of: Callable[[str], SAE],
    ordinary: Sequence[tuple[Tensor, Tensor]],
    neutral: Sequence[tuple[Tensor, Tensor]],
) -> dict[str, dict[str, np.ndarray]]:
    """Fidelity on ordinary text and firing rates on neutral text.

    Parameters
    ----------
    model : causal language model
        The whole.
    layer_of : mapping of SAE name -> block that it reads
    sae_of : callable
        Gives an SAE by its name; it may let others go for it.
    ordinary, neutral : sequences of `batches`

    Returns
    -------
    dict
        ``[SAE]`` -> every quantity of `fidelity.fidelity` as an array of one number, and ``density [d_sae]``.
    """
    import torch

    result = {}
    for name, layer in layer_of.items():
        sae = sae_of(name)
        facts = fidelity(model, sae, layer, ordinary)
        with torch.inference_mode():
            fired = [
                (sae.encode(part) > 0).sum(0)
                for ids, mask in neutral
                for part in block_outputs(model, [layer], input_ids=ids)[layer][mask].split(rows_at_once(sae.d_sae))
            ]
        density = sum(fired[1:], fired[0]).cpu().numpy() / sum(int(mask.sum()) for _, mask in neutral)
        result[name] = {k: np.array([v]) for k, v in facts.items()} | {"density": density}
    return result
