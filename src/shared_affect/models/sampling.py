"""Texts that a model writes, under edits of the output of a block."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.models.interventions import Edits
from shared_affect.models.key_values import make_room
from shared_affect.models.residual import block_of, editing_block

if TYPE_CHECKING:
    from jaxtyping import Bool, Float, Int
    from torch import Tensor
    from transformers import PreTrainedModel

FEWEST = 8
"""Rows of the smallest batch. Processors multiply a few rows by other kernels than many: measured on x86, logits of
1 to 6 rows differ from those of 7 and more in the last bits, and from 7 on they are the same whatever the batch is."""


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


@dataclass(frozen=True, eq=False)
class Start:
    """What a text begins with, and where its random numbers come from.

    Attributes
    ----------
    ids : sequence of int
        The beginning's tokens, special ones included.
    seed : SeedSequence
        Its own, made from names: a text does not depend on those beside it.
    where : str
        What is written, named in errors.
    """

    ids: Sequence[int]
    seed: np.random.SeedSequence
    where: str = ""


# ---- the draw


def token_weights(logits: Float[Tensor, "row vocabulary"], temperature: float) -> Float[Tensor, "row vocabulary"]:
    """Probabilities up to a factor, the largest 1; NaN in a row whose logits are NaN or infinite.

    At 432 rows and 256,000 tokens 442 MB, beside the logits' 442.
    """
    return (logits - logits.amax(-1, keepdim=True)).div_(temperature).exp_()


def n_choices(vocabulary: int) -> int:
    """Random numbers that a draw of one token takes: halvings until one is left.

    Examples
    --------
    >>> n_choices(256_000)
    18
    """
    return (vocabulary - 1).bit_length()


def uniforms(seed: np.random.SeedSequence, n_tokens: int, vocabulary: int) -> np.ndarray:
    """Random numbers of one text, ``[token, choice]``, float64 in [0, 1), the same for all devices.

    A longer text begins with those of a shorter one.
    """
    return np.random.default_rng(seed).random((n_tokens, n_choices(vocabulary)))


def draw_tokens(
    weights: Float[Tensor, "row vocabulary"], u: Float[Tensor, "row choice"]
) -> tuple[Int[Tensor, " row"], Float[Tensor, " row"]]:
    """One token a row: the vocabulary is halved by the weight of its halves until one token is left.

    Inverting a distribution function compares one number with as many borders as there are tokens, and each border
    moves in its last bits with the kernels of a batch. Here a row is compared with one border a halving, so that a
    rounding rarely changes a token: over a vocabulary of 2,122 and logits of one row against those of many, once in a
    million tokens instead of once in ten thousand. No order of two roundings can do better than half as often (the
    distance of the distributions in total variation).

    Parameters
    ----------
    weights : Tensor, float32
        Probabilities up to a factor. Their sums over halves take as much memory again.
    u : Tensor, float64
        As `uniforms`; `n_choices` a row.

    Returns
    -------
    tokens : Tensor
    total : Tensor
        Sum of a row's weights; not finite where no token can be drawn.
    """
    import torch

    sums = [weights]
    while (n := sums[-1].shape[-1]) > 1:
        half = (n + 1) // 2
        both = sums[-1][:, :half].clone()
        both[:, : n - half] += sums[-1][:, half:]
        sums.append(both)
    total, at = sums.pop()[:, 0], torch.zeros(len(weights), 1, dtype=torch.long, device=weights.device)
    for k, both in enumerate(reversed(sums)):
        n = both.shape[-1]
        half = (n + 1) // 2
        left, right = both.gather(1, at).double(), both.gather(1, (at + half).clamp(max=n - 1)).double()
        goes_right = (u[:, k, None] * (left + right) >= left) & (right > 0) & (at + half < n)
        at = at + half * goes_right
    return at[:, 0], total


# ---- the texts


class Continuation:
    """Texts that grow by a token a step while the output of a block is edited.

    The cache grows with the texts. One of fixed size gained nothing on a card (docs/performance.md).

    Parameters
    ----------
    model : causal language model
    ids : sequence of token id lists
        Beginnings with their special tokens; padded on the left here.
    edits : Edits, optional
        A row for each text. None leaves the model alone.
    n_tokens : int
        Tokens that a text may grow by; where there are more, keys and values are copied at every step.

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

    def __init__(self, model: PreTrainedModel, ids: Sequence[Sequence[int]], edits: Edits | None, n_tokens: int = 0):
        import torch

        self.model, self.edits, self.cached = model, edits, True
        self._block = None if edits is None else block_of(model, edits.layer)
        device = next(model.parameters()).device
        self.width = max(map(len, ids))
        self._length = self.width + n_tokens
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
        edits, block = self.edits, self._block
        if edits is None or block is None:
            return contextlib.nullcontext()
        beginning = 0 if self._cache is not None else self.width
        return editing_block(block, lambda h: edits.apply(h, beginning))

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
            first, self._cache = self._cache is None, getattr(out, "past_key_values", None)
            self.cached = self._cache is not None
            if first and self.cached and self._length > self.width:
                make_room(self._cache, self._length)
        return out.logits[:, -1].float()

    def append(self, new: Int[Tensor, "batch 1"], alive: Bool[Tensor, " batch"]) -> None:
        """Append a token to each text; those of texts that are over do not count."""
        import torch

        self.full, self.mask = torch.cat([self.full, new], 1), torch.cat([self.mask, alive[:, None].long()], 1)
        self._step, self._positions = new, self.mask.sum(1, keepdim=True) - 1

    def keep(self, rows: Int[Tensor, " kept"]) -> None:
        """Drop all texts but these, between `append` and the next `logits`."""
        self.full, self.mask, self._step = self.full[rows], self.mask[rows], self._step[rows]
        self._positions = self._positions[rows]
        if self._cache is not None:
            # unlike batch_select_indices it also reorders what linear attention remembers
            self._cache.reorder_cache(rows)
        if self.edits is not None:
            self.edits = self.edits.take(rows)


def sample_texts(
    model: PreTrainedModel,
    starts: Sequence[Start],
    edits: Edits | None,
    sampling: Sampling,
    eos: int | Sequence[int] | None,
) -> list[list[int]]:
    """Sample continuations in one batch while the output of a block is edited.

    A text depends on its start, its row of the edits and the model alone, up to the rounding of the batch's kernels
    (see `draw_tokens` and `FEWEST`). Texts that are over leave the batch once they are an eighth of it.

    Parameters
    ----------
    model : causal language model
    starts : sequence of Start
    edits : Edits, optional
        A row for each start.
    sampling : Sampling
    eos : int, sequence of int, or None
        A text ends after one of these tokens.

    Returns
    -------
    list of list of int
        New tokens of each text, the end token included.

    Raises
    ------
    ValueError
        If a probability is NaN: without this a token would be drawn from it all the same.
    """
    import torch

    device = next(model.parameters()).device
    ends = set() if eos is None else {eos} if isinstance(eos, int) else set(eos)
    rows = [*range(len(starts)), *[len(starts) - 1] * (FEWEST - len(starts))]  # which start stands in each row
    if edits is not None and len(rows) > len(starts):
        edits = edits.take(torch.tensor(rows, device=device))
    texts, u = Continuation(model, [starts[k].ids for k in rows], edits, sampling.max_new_tokens), torch.empty(0)
    found: list[list[int]] = [[] for _ in starts]
    alive = [at < len(starts) for at in range(len(rows))]
    with torch.inference_mode():
        for step in range(sampling.max_new_tokens):
            weights = token_weights(texts.logits(), sampling.temperature)
            if not step:
                size = sampling.max_new_tokens, weights.shape[-1]
                u = torch.from_numpy(np.stack([uniforms(starts[k].seed, *size) for k in rows])).to(device)
            drawn, total = draw_tokens(weights, u[:, step])
            del weights
            new = drawn.where(total.isfinite(), -1).tolist()  # the one wait for a card in a step
            for at in (at for at, going in enumerate(alive) if going):
                if new[at] < 0:
                    steered = texts.edits is not None and texts.edits.changes(at)
                    raise ValueError(no_token(model, starts[rows[at]].where, steered))
                found[rows[at]].append(new[at])
            going = torch.tensor(alive, device=device)
            texts.append(drawn.where(going, 0)[:, None], going)
            alive = [a and token not in ends for a, token in zip(alive, new, strict=True)]
            if not any(alive):
                break
            if (left := _kept(alive)) is not None:
                index = torch.tensor(left, device=device)
                texts.keep(index)
                u, rows, alive = u[index], [rows[at] for at in left], [alive[at] for at in left]
    return found


def _kept(alive: Sequence[bool]) -> list[int] | None:
    """Rows that stay in a batch, `FEWEST` at least; None while too few are over for a copy of the cache to pay."""
    n = max(FEWEST, sum(alive))
    if 8 * (len(alive) - n) < len(alive):
        return None
    return sorted(sorted(range(len(alive)), key=lambda at: not alive[at])[:n])


def no_token(model: PreTrainedModel, where: str, steered: bool) -> str:
    """What is said where logits are NaN or infinite."""
    dtype = str(model.dtype).removeprefix("torch.")
    smaller = " or smaller strengths (config.yaml, key steering.strengths)" if steered else ""
    return (
        f"{where or 'sampling'}: NaN or infinite logits in {dtype}{' under the vector added' if steered else ''};"
        f" no token can be drawn. Try dtype bfloat16 or float32 (config/models.tsv, column dtype){smaller}"
    )
