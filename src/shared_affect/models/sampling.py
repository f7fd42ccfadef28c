"""Texts that a model writes, under edits of the output of a block."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared_affect.models.interventions import Edits
from shared_affect.models.residual import editing

if TYPE_CHECKING:
    import torch
    from jaxtyping import Bool, Float, Int
    from torch import Tensor
    from transformers import PreTrainedModel


@dataclass(frozen=True)
class Sampling:
    """How texts are written.

    Attributes
    ----------
    max_new_tokens : int
    temperature : float
    """

    max_new_tokens: int = 24
    temperature: float = 1.0


def draw_tokens(p: Float[Tensor, "batch vocabulary"], generator: torch.Generator) -> Int[Tensor, "batch 1"]:
    """One token a row from probabilities.

    Inverts the distribution function in float64: several times faster than `torch.multinomial`, which draws a number
    for every token of the vocabulary.
    """
    import torch

    cdf = p.double().cumsum(-1)
    u = torch.rand(len(p), 1, dtype=torch.float64, device=p.device, generator=generator)
    return torch.searchsorted(cdf, u * cdf[:, -1:], right=True).clamp(max=p.shape[-1] - 1)


class Continuation:
    """Texts that grow by a token a step while the output of a block is edited.

    Parameters
    ----------
    model : causal language model
    ids : sequence of token id lists
        Beginnings with their special tokens; padded on the left here.
    edits : Edits, optional
        A row for each text. None leaves the model alone.

    Attributes
    ----------
    cached : bool
        Whether a step starts from the keys and values of the one before. A model that gives none (state-space models)
        reads the whole text at each step.
    width : int
        Positions of the beginnings.
    full, mask : Tensor ``[batch, position]``
        Tokens, and 1 where there is one.
    """

    def __init__(self, model: PreTrainedModel, ids: Sequence[Sequence[int]], edits: Edits | None):
        import torch

        self.model, self.edits, self.cached = model, edits, True
        device = next(model.parameters()).device
        self.width = max(map(len, ids))
        self.full = torch.tensor([[0] * (self.width - len(x)) + list(x) for x in ids], device=device)
        self.mask = torch.tensor([[0] * (self.width - len(x)) + [1] * len(x) for x in ids], device=device)
        self._cache, self._step, self._positions = None, self.full, self.positions

    @property
    def positions(self) -> Int[Tensor, "batch position"]:
        """Number of each token in its text, from 0."""
        return (self.mask.cumsum(1) - 1).clamp(min=0)

    def _edited(self) -> contextlib.AbstractContextManager[None]:
        """The model edited for one step: what goes through it is the whole text so far, which begins with the
        beginning, or one new token behind a cache.
        """
        edits = self.edits
        if edits is None:
            return contextlib.nullcontext()
        beginning = 0 if self._cache is not None else self.width
        return editing(self.model, edits.layer, lambda h: edits.apply(h, beginning))

    def logits(self) -> Float[Tensor, "batch vocabulary"]:
        """Logits of the next token, float32."""
        with self._edited():
            if self.cached:
                out = self.model(
                    input_ids=self._step,
                    attention_mask=self.mask,
                    position_ids=self._positions,
                    past_key_values=self._cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
            else:
                out = self.model(
                    input_ids=self.full,
                    attention_mask=self.mask,
                    position_ids=self.positions,
                    use_cache=False,
                    logits_to_keep=1,
                )
        if self.cached:
            self._cache = getattr(out, "past_key_values", None)
            self.cached = self._cache is not None
        return out.logits[:, -1].float()

    def append(self, new: Int[Tensor, "batch 1"], alive: Bool[Tensor, " batch"]) -> None:
        """Append a token to each text; those of texts that are over do not count."""
        import torch

        self.full, self.mask = torch.cat([self.full, new], 1), torch.cat([self.mask, alive[:, None].long()], 1)
        self._step, self._positions = new, self.mask.sum(1, keepdim=True) - 1


def sample_texts(
    model: PreTrainedModel,
    ids: Sequence[Sequence[int]],
    edits: Edits | None,
    sampling: Sampling,
    generator: torch.Generator,
    eos: int | Sequence[int] | None,
    *,
    where: str = "",
) -> tuple[list[list[int]], list[float]]:
    """Sample continuations while the output of a block is edited.

    Parameters
    ----------
    model, ids, edits
        As in `Continuation`.
    sampling : Sampling
    generator : torch.Generator
    eos : int, sequence of int, or None
        A text ends after one of these tokens.
    where : str
        What is written, named in errors.

    Returns
    -------
    tokens : list of list of int
        New tokens of each text, the end token included.
    nll : list of float
        Mean negative log-likelihood (nats) per new token under the unsteered model.

    Raises
    ------
    ValueError
        If a probability is NaN: without this a token would be drawn from it all the same.
    """
    import torch

    texts = Continuation(model, ids, edits)
    ends = torch.tensor(
        [] if eos is None else [eos] if isinstance(eos, int) else list(eos), dtype=torch.long, device=texts.full.device
    )
    alive = torch.ones(len(ids), dtype=torch.bool, device=texts.full.device)
    with torch.inference_mode():
        for _ in range(sampling.max_new_tokens):
            p = (texts.logits() / sampling.temperature).softmax(-1)
            _check_probabilities(p.sum(-1)[alive], model, where, edits is not None)
            new = draw_tokens(p, generator)
            new = torch.where(alive[:, None], new, torch.zeros_like(new))
            texts.append(new, alive)
            alive = alive & ~torch.isin(new[:, 0], ends)
            if not alive.any():
                break
        nll = _unsteered_nll(model, texts)
    keep = texts.mask[:, texts.width :].bool()
    _check_probabilities(nll[keep], model, where, False)
    tokens = [row[k].tolist() for row, k in zip(texts.full[:, texts.width :], keep, strict=True)]
    return tokens, [float(n[k].double().mean()) for n, k in zip(nll, keep, strict=True)]


def _unsteered_nll(model: PreTrainedModel, texts: Continuation) -> Float[Tensor, "batch new"]:
    """Negative log-likelihood of every new token, in nats."""
    out = model(input_ids=texts.full, attention_mask=texts.mask, position_ids=texts.positions, use_cache=False)
    logits = out.logits[:, texts.width - 1 : -1].float()
    return -logits.log_softmax(-1).gather(2, texts.full[:, texts.width :, None])[..., 0]


def _check_probabilities(numbers: Tensor, model: PreTrainedModel, where: str, steered: bool) -> None:
    if not bool(numbers.isfinite().all()):
        dtype = str(model.dtype).removeprefix("torch.")
        smaller = " or smaller strengths (config.yaml, key steering.strengths)" if steered else ""
        raise ValueError(
            f"{where or 'sampling'}: NaN or infinite logits in {dtype}{' under the vector added' if steered else ''};"
            f" no token can be drawn. Try dtype bfloat16 or float32 (config/models.tsv, column dtype){smaller}"
        )
