"""How likely a model finds texts that were written, token by token."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.models.halving import in_batches
from shared_affect.models.sampling import no_token

if TYPE_CHECKING:
    from jaxtyping import Float
    from torch import Tensor
    from transformers import PreTrainedModel

LOGITS, FLOATS = 640 * 2**20, 64 * 2**20
"""Bytes of a slice's logits in the model's own type, and of the float32 numbers that are made of them at a time.

A row of 24 new tokens over a vocabulary of 256,000 has 12.3 MB in bfloat16: 54 rows a slice, so a chunk of 48 is one.
All 432 rows of a batch in float32 would be 10.6 GB.
"""


def mean_nll(
    model: PreTrainedModel,
    ids: Sequence[Sequence[int]],
    tokens: Sequence[Sequence[int]],
    where: str = "",
    column: str = "",
) -> list[float]:
    """Mean negative log-likelihood, in nats, of each text's new tokens under the model as it is.

    The texts given are cut into slices by `LOGITS`, so that a value depends on them and on nothing that was written
    beside them.

    Parameters
    ----------
    model : causal language model
    ids : sequence of token id lists
        Beginnings.
    tokens : sequence of token id lists
        What follows them; one token at least.
    where : str
        What was written, named in errors.
    column : str
        What to change where memory runs out, as in `in_batches`.

    Raises
    ------
    ValueError
        If a value is NaN or infinite.
    """
    new, vocabulary = max(map(len, tokens)), model.config.get_text_config().vocab_size
    fit = max(1, LOGITS // (new * vocabulary * model.dtype.itemsize))
    size = -(-len(ids) // -(-len(ids) // fit))  # as many slices as must be, all of about the same size
    pairs, found = list(zip(ids, tokens, strict=True)), list[float]()

    def measure(part: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
        return _means(model, part)

    for _, values in in_batches(pairs, size, measure, where=where, column=column):
        found += values
    if not np.isfinite(found).all():
        raise ValueError(no_token(model, where, False))
    return found


def _means(model: PreTrainedModel, pairs: Sequence[tuple[Sequence[int], Sequence[int]]]) -> list[float]:
    """Of one slice: beginnings are padded on the left, what follows on the right."""
    import torch

    device = next(model.parameters()).device
    width, new = (max(len(p[k]) for p in pairs) for k in (0, 1))
    full, mask = (
        torch.tensor(
            [
                [0] * (width - len(a)) + ([1] * len(a + b) if ones else [*a, *b]) + [0] * (new - len(b))
                for a, b in ((list(a), list(b)) for a, b in pairs)
            ],
            device=device,
        )
        for ones in (False, True)
    )
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    with torch.inference_mode():
        # nothing follows the last token
        out = model(
            input_ids=full[:, :-1],
            attention_mask=mask[:, :-1],
            position_ids=positions[:, :-1],
            use_cache=False,
            logits_to_keep=new,
        )
        nll = _nll(out.logits[:, -new:], full[:, width:])
    return [float(n[: len(b)].double().mean()) for n, (_, b) in zip(nll, pairs, strict=True)]


def _nll(logits: Float[Tensor, "row new vocabulary"], tokens: Tensor) -> Float[Tensor, "row new"]:
    """In float32, a few rows at a time."""
    import torch

    step, found = max(1, FLOATS // (4 * logits.shape[1] * logits.shape[2])), []
    for i in range(0, len(logits), step):
        part = logits[i : i + step].float()
        chosen = part.gather(2, tokens[i : i + step, :, None])[..., 0]
        found.append(part.logsumexp(-1) - chosen)
    return torch.cat(found)
