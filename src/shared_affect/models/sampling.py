"""Texts that a model writes, with a vector added to the output of a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

POLICIES = ("all", "generated", "prompt")


@dataclass(frozen=True)
class Sampling:
    """How texts are written.

    Attributes
    ----------
    max_new_tokens, samples_per_prompt : int
        Random directions get as many samples a prompt as it takes for one text a direction.
    temperature : float
    positions : {"all", "generated", "prompt"}
        Positions at which the vector is added.
    """

    max_new_tokens: int = 24
    samples_per_prompt: int = 1
    temperature: float = 1.0
    positions: str = "all"


def draw_tokens(p, generator):
    """One token a row from probabilities ``[batch, vocabulary]``, as ``[batch, 1]``.

    Inverts the distribution function in float64: several times faster than `torch.multinomial`, which draws a number
    for every token of the vocabulary.
    """
    import torch

    cdf = p.double().cumsum(-1)
    u = torch.rand(len(p), 1, dtype=torch.float64, device=p.device, generator=generator)
    return torch.searchsorted(cdf, u * cdf[:, -1:], right=True).clamp(max=p.shape[-1] - 1)


class Continuation:
    """Texts that grow by a token a step while a vector is added to a block's output.

    Parameters
    ----------
    model : causal language model
    ids : sequence of token id lists
        Beginnings with their special tokens; padded on the left here.
    layer : int
    added : Tensor ``[batch, d]`` or None
        What is added to the output of the block at the positions of the policy; None leaves the model alone.
    positions : {"all", "generated", "prompt"}

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

    def __init__(self, model, ids: Sequence[Sequence[int]], layer: int, added, positions: str):
        import torch

        self.model, self.layer, self.added, self.policy, self.cached = model, layer, added, positions, True
        device = next(model.parameters()).device
        self.width = max(map(len, ids))
        self.full = torch.tensor([[0] * (self.width - len(x)) + list(x) for x in ids], device=device)
        self.mask = torch.tensor([[0] * (self.width - len(x)) + [1] * len(x) for x in ids], device=device)
        self._cache, self._step, self._positions = None, self.full, self.positions

    @property
    def positions(self):
        """Number of each token in its text, from 0."""
        return (self.mask.cumsum(1) - 1).clamp(min=0)

    def _edit(self, h):
        """Add the vector where the policy says: to all of a cached step, which is the beginning or one new token, or to
        a part of a whole text.
        """
        if self.policy == "all":
            return h + self.added[:, None].to(h.dtype)
        if self.cached:
            return h + self.added[:, None].to(h.dtype) if (self.policy == "prompt") == (self._cache is None) else h
        import torch

        here = (torch.arange(h.shape[1], device=h.device) < self.width) == (self.policy == "prompt")
        return torch.where(here[None, :, None], h + self.added[:, None].to(h.dtype), h)

    def logits(self):
        """Logits of the next token, ``[batch, vocabulary]``, float32."""
        import contextlib

        from shared_affect.models.residual import editing

        with editing(self.model, self.layer, self._edit) if self.added is not None else contextlib.nullcontext():
            if self.cached:
                out = self.model(
                    input_ids=self._step,
                    attention_mask=self.mask,
                    position_ids=self._positions,
                    past_key_values=self._cache,
                    use_cache=True,
                    logits_to_keep=1,
                )
                self._cache = getattr(out, "past_key_values", None)
                self.cached = self._cache is not None
            else:
                out = self.model(
                    input_ids=self.full,
                    attention_mask=self.mask,
                    position_ids=self.positions,
                    use_cache=False,
                    logits_to_keep=1,
                )
        return out.logits[:, -1].float()

    def append(self, new, alive) -> None:
        """Append a token ``[batch, 1]`` to each text; those of texts that are over do not count."""
        import torch

        self.full, self.mask = torch.cat([self.full, new], 1), torch.cat([self.mask, alive[:, None].long()], 1)
        self._step, self._positions = new, self.mask.sum(1, keepdim=True) - 1


def sample_texts(
    model,
    ids: Sequence[Sequence[int]],
    layer: int,
    added,
    sampling: Sampling,
    generator,
    eos: int | Sequence[int] | None,
    *,
    where: str = "",
):
    """Sample continuations while a vector is added to a block's output.

    Parameters
    ----------
    model, ids, layer, added
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

    texts = Continuation(model, ids, layer, added, sampling.positions)
    ends = torch.tensor(
        [] if eos is None else [eos] if isinstance(eos, int) else list(eos), dtype=torch.long, device=texts.full.device
    )
    width, alive = texts.width, torch.ones(len(ids), dtype=torch.bool, device=texts.full.device)
    with torch.inference_mode():
        for _ in range(sampling.max_new_tokens):
            p = (texts.logits() / sampling.temperature).softmax(-1)
            _check_probabilities(p.sum(-1)[alive], model, where, added is not None)
            new = draw_tokens(p, generator)
            new = torch.where(alive[:, None], new, torch.zeros_like(new))
            texts.append(new, alive)
            alive = alive & ~torch.isin(new[:, 0], ends)
            if not alive.any():
                break
        full, mask = texts.full, texts.mask
        logits = (
            model(input_ids=full, attention_mask=mask, position_ids=texts.positions, use_cache=False)
            .logits[:, width - 1 : -1]
            .float()
        )
        nll = -logits.log_softmax(-1).gather(2, full[:, width:, None])[..., 0]
    keep = mask[:, width:].bool()
    _check_probabilities(nll[keep], model, where, False)
    tokens = [row[k].tolist() for row, k in zip(full[:, width:], keep, strict=True)]
    return tokens, [float(n[k].double().mean()) for n, k in zip(nll, keep, strict=True)]


def _check_probabilities(numbers, model, where: str, steered: bool) -> None:
    if not bool(numbers.isfinite().all()):
        dtype = str(model.dtype).removeprefix("torch.")
        smaller = " or smaller strengths (config.yaml, key steering.strengths)" if steered else ""
        raise ValueError(
            f"{where or 'sampling'}: NaN or infinite logits in {dtype}{' under the vector added' if steered else ''};"
            f" no token can be drawn. Try dtype bfloat16 or float32 (config/models.tsv, column dtype){smaller}"
        )
