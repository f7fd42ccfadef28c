"""Running text: rows of tokens from documents, and documents sampled from a model itself."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TYPE_CHECKING

from shared_affect.runtime import LOG, progress

if TYPE_CHECKING:
    from jaxtyping import Int
    from torch import Tensor


def pack(tokenizer, texts: Iterable[str], sequence: int, n_sequences: int | None = None) -> Int[Tensor, "row sequence"]:
    """Texts as rows of token ids, each text between BOS and EOS, cut without regard to text borders.

    Parameters
    ----------
    tokenizer : transformers.PreTrainedTokenizerFast
        It puts BOS itself.
    texts : iterable of str
        Read only as far as needed.
    sequence : int
        Tokens in a row.
    n_sequences : int, optional
        Rows wanted; all that fill if left out.

    Raises
    ------
    ValueError
        If the texts hold fewer rows than wanted.
    """
    import torch

    ids: list[int] = []
    texts = iter(texts)
    wanted = math.inf if n_sequences is None else n_sequences * sequence
    while len(ids) < wanted and (some := list(islice(texts, 1000))):
        for one in tokenizer(some)["input_ids"]:
            ids += [*one, tokenizer.eos_token_id]
    rows = len(ids) // sequence
    if n_sequences is not None and rows < n_sequences:
        raise ValueError(f"the texts hold {len(ids)} tokens, {n_sequences * sequence} are needed; give more documents or fewer tokens (config/models.tsv, column train_tokens)")
    rows = rows if n_sequences is None else n_sequences
    return torch.tensor(ids[: rows * sequence], dtype=torch.long).view(rows, sequence)


def sample_documents(model, tokenizer, n_tokens: int, seed: int, *, max_new_tokens: int = 200, batch: int = 64, temperature: float = 1.0, show_progress: bool = True) -> Iterator[str]:
    """Texts that a model writes after its BOS, one line each, until they hold enough tokens.

    Parameters
    ----------
    model : causal language model
    tokenizer : transformers.PreTrainedTokenizerFast
        Must have a BOS token.
    n_tokens : int
        Tokens wanted in all.
    seed : int
    max_new_tokens : int
        Longest text; others end at the EOS token.
    batch : int
        Texts sampled at once.
    temperature : float

    Raises
    ------
    ValueError
        If the tokenizer has no BOS token, or the model writes nothing.
    """
    import torch

    from shared_affect.steering import Sampling, sample_texts

    if tokenizer.bos_token_id is None:
        raise ValueError("the tokenizer has no BOS token to start a text from; give texts in a file instead (config/saes.tsv, column texts)")
    sampling = Sampling(max_new_tokens=max_new_tokens, samples_per_prompt=1, temperature=temperature)
    generator = torch.Generator(next(model.parameters()).device).manual_seed(seed)
    have = 0
    for _ in progress(range(math.ceil(n_tokens / batch)), label="sample texts") if show_progress else range(math.ceil(n_tokens / batch)):
        tokens, _ = sample_texts(model, [[tokenizer.bos_token_id]] * batch, 0, None, sampling, generator, tokenizer.eos_token_id)
        for ids in tokens:
            if text := " ".join(tokenizer.decode(ids, skip_special_tokens=True).split()):
                have += len(ids)
                yield text
        if have >= n_tokens:
            LOG.info("sampled %d tokens", have)
            return
    raise ValueError(f"the model wrote {have} tokens after {math.ceil(n_tokens / batch) * batch} starts, {n_tokens} are needed; it ends its texts at once")
