"""How likely a causal model finds each of some fixed continuations of a text: forced choice.

Of a continuation of several tokens the log-probabilities are summed. Continuations that begin alike share their steps:
all of them are the leaves of a tree of tokens, and a step is taken at each inner node, from the keys and values that
stand there already. Texts of one length make a batch, so that nothing is padded.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from shared_affect.models.sampling import no_token

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

    from shared_affect.models.tokens import TextIds


def continued(ids: TextIds, text: str, ends: Sequence[str]) -> tuple[list[int], tuple[tuple[int, ...], ...]]:
    """A text and its possible ends in tokens, as the model reads them: each end together with the text before it.

    An end that is cut by itself may have other tokens: some tokenizers put a blank before whatever they are given, and
    some merge the text's last characters with those of the end. What all of them share is the beginning, which is
    shorter than the text where an end has merged with it; the rest is the end's.

    Parameters
    ----------
    ids : TextIds
    text : str
    ends : sequence of str
        With the blank that stands before them.

    Returns
    -------
    beginning : list of int
    ends : tuple of tuple of int

    Raises
    ------
    ValueError
        If they share no token: then there is nothing to ask a model after.
    """
    alone, *whole = ids.ids([text, *(text + end for end in ends)])
    n = 0
    while n < len(alone) and all(x[n : n + 1] == [alone[n]] for x in whole):
        n += 1
    if n == 0:
        raise ValueError(
            f"{text!r} has no token in common with the same text and its ends ({', '.join(map(repr, ends[:4]))}, ...);"
            " needed: one at least, which a model reads before it is asked (a longer question, or a first token:"
            " config/models.tsv, column bos)"
        )
    return alone[:n], tuple(tuple(x[n:]) for x in whole)


def batches(ids: Sequence[Sequence[int]], rows: int) -> Iterator[list[int]]:
    """Indices of texts of one length, at most so many at a time.

    Examples
    --------
    >>> list(batches([[1], [1, 2], [3], [4]], 2))
    [[0, 2], [3], [1]]
    """
    of_length: dict[int, list[int]] = {}
    for i, one in enumerate(ids):
        of_length.setdefault(len(one), []).append(i)
    for length in sorted(of_length):
        found = of_length[length]
        yield from (found[k : k + rows] for k in range(0, len(found), rows))


def log_probabilities(
    model: PreTrainedModel,
    beginnings: Sequence[Sequence[int]],
    choices: Sequence[Sequence[int]],
    *,
    rows: int = 32,
    where: str = "",
) -> np.ndarray:
    """Log-probability (nats) of each continuation after each beginning.

    Parameters
    ----------
    model : causal language model
    beginnings : sequence of token id lists
        With the model's first token.
    choices : sequence of token id lists
        Distinct; one token at least.
    rows : int
        Beginnings a pass. Held at once: their keys and values, once more for each token of the longest continuation,
        and float32 logits of one position (32 rows of 256,000 tokens: 33 MB).
    where : str
        What is asked, named in errors.

    Returns
    -------
    ndarray, float64, ``[n_beginnings, n_choices]``

    Raises
    ------
    ValueError
        If a continuation is empty or stands twice, or a value is NaN or infinite.
    """
    asked = [tuple(c) for c in choices]
    if not all(asked) or len(set(asked)) < len(asked):
        raise ValueError(f"{where}: continuations are empty or alike as tokens; needed: distinct ones (labels)")
    found = np.zeros((len(beginnings), len(asked)))
    for at in batches(beginnings, rows):
        found[at] = _ask(model, [beginnings[i] for i in at], asked)
    if not np.isfinite(found).all():
        raise ValueError(no_token(model, where, False))
    return found


def _ask(model: PreTrainedModel, ids: Sequence[Sequence[int]], asked: Sequence[tuple[int, ...]]) -> np.ndarray:
    """Of one batch of beginnings of one length."""
    import torch

    device = next(model.parameters()).device
    found = np.zeros((len(ids), len(asked)))

    def step(tokens: Tensor, cache: Any, start: int) -> tuple[Tensor, Any]:
        positions = torch.arange(start, start + tokens.shape[1], device=device)[None].expand(len(tokens), -1)
        out = model(input_ids=tokens, position_ids=positions, past_key_values=cache, use_cache=True, logits_to_keep=1)
        if out.past_key_values is None:
            raise ValueError(
                f"{type(model).__name__} keeps no keys and values; needed of a judge (config/judges.tsv, column model)"
            )
        return out.logits[:, -1].float().log_softmax(-1).double(), out.past_key_values

    def descend(below: Sequence[int], depth: int, said: Tensor, cache: Any) -> None:
        """Add the next token of each continuation, then go on with those that are longer, one token after another."""
        for k in below:
            found[:, k] += said[:, asked[k][depth]].cpu().numpy()
        longer: dict[int, list[int]] = {}
        for k in below:
            if len(asked[k]) > depth + 1:
                longer.setdefault(asked[k][depth], []).append(k)
        for token, group in longer.items():
            one = torch.full((len(ids), 1), token, device=device)
            # a step writes into the cache that it is given
            descend(group, depth + 1, *step(one, copy.deepcopy(cache), len(ids[0]) + depth))

    with torch.inference_mode():
        descend(range(len(asked)), 0, *step(torch.tensor([list(x) for x in ids], device=device), None, 0))
    return found
