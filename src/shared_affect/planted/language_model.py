"""Small Gemma-2 and Llama language models trained from scratch on the planted world's texts."""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, cast

import torch
from torch import Tensor

from shared_affect.base.log import LOG, progress
from shared_affect.models.texts import pack

if TYPE_CHECKING:
    from jaxtyping import Int
    from transformers import PreTrainedModel, PreTrainedTokenizerFast


@dataclass(frozen=True)
class LanguageModelSettings:
    """Architecture and training of one family.

    The training loss first rests on a plateau (about 2.0 nats: grammar and word frequencies) and drops when the model
    discovers the latent state. It does so early if the embeddings, which both families use at the output, too (as Llama
    3.2 does), learn several times faster than the rest. Gemma multiplies them by sqrt(width), which gives part of that.

    Attributes
    ----------
    learning_rate : float
        Peak, after a linear warm-up; falls along a cosine to `final_share` of it.
    embedding_sd : float or None
        Initial standard deviation of the embeddings; None keeps the architecture's.
    embedding_rate : float
        Learning rate of the embeddings, in multiples of `learning_rate`; their weight decay is divided by it.
    weight_sd : float
        Initial standard deviation of the other weights (`initializer_range`).
    width, layers, heads, key_value_heads, feed_forward : int
    sequence, batch : int
        Tokens in a sequence and sequences in a step.
    warm_up : int
        Steps.
    final_share, weight_decay, clip : float
        `clip` is the largest gradient norm.
    """

    learning_rate: float = 3e-3
    embedding_sd: float | None = None
    embedding_rate: float = 1.0
    weight_sd: float = 0.02
    width: int = 128
    layers: int = 2
    heads: int = 4
    key_value_heads: int = 2
    feed_forward: int = 256
    sequence: int = 64
    batch: int = 16
    warm_up: int = 40
    final_share: float = 0.05
    weight_decay: float = 0.1
    clip: float = 1.0


SETTINGS: Mapping[str, LanguageModelSettings] = MappingProxyType(
    {
        "gemma2": LanguageModelSettings(embedding_sd=0.035, embedding_rate=3.0),
        "llama": LanguageModelSettings(learning_rate=4e-3, embedding_rate=12.0, weight_decay=0.03, batch=12),
    }
)
"""Default settings of each family."""


def build_language_model(
    family: str, tokenizer: PreTrainedTokenizerFast, *, seed: int, settings: LanguageModelSettings | None = None
) -> PreTrainedModel:
    """A model with random weights; torch's global generator is left as it was.

    Parameters
    ----------
    family : {"gemma2", "llama"}
    tokenizer : transformers.PreTrainedTokenizerFast
    seed : int
    settings : LanguageModelSettings, optional
        The family's defaults if left out.

    Raises
    ------
    ValueError
        If the family is unknown.
    """
    from transformers import Gemma2Config, Gemma2ForCausalLM, LlamaConfig, LlamaForCausalLM

    s = settings or _default_settings(family)
    common = dict(
        vocab_size=len(tokenizer),
        hidden_size=s.width,
        num_hidden_layers=s.layers,
        num_attention_heads=s.heads,
        num_key_value_heads=s.key_value_heads,
        intermediate_size=s.feed_forward,
        max_position_embeddings=4 * s.sequence,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        tie_word_embeddings=True,
        initializer_range=s.weight_sd,
        attn_implementation="eager",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        if family == "gemma2":
            head = s.width // s.heads
            # logits this small never come near the cap, which costs a quarter of the training time
            model: PreTrainedModel = Gemma2ForCausalLM(
                Gemma2Config(
                    head_dim=head,
                    query_pre_attn_scalar=head,
                    sliding_window=4 * s.sequence,
                    final_logit_softcapping=None,
                    **common,
                )
            )
        elif family == "llama":
            model = LlamaForCausalLM(LlamaConfig(**common))
        else:
            raise ValueError(_unknown(family))
        if s.embedding_sd is not None:
            torch.nn.init.normal_(_embedding(model), std=s.embedding_sd)
    return model


def _embedding(model: PreTrainedModel) -> Tensor:
    """Weights of the embeddings, which are those of the output too."""
    return cast(Tensor, model.get_input_embeddings().weight)


def _unknown(family: str) -> str:
    return f"family is {family!r}; allowed: {', '.join(SETTINGS)} (config/models.tsv, column family)"


def _default_settings(family: str) -> LanguageModelSettings:
    if family not in SETTINGS:
        raise ValueError(_unknown(family))
    return SETTINGS[family]


@torch.inference_mode()
def mean_loss(model: PreTrainedModel, rows: Int[Tensor, "row sequence"], batch: int = 64) -> float:
    """Mean next-token loss in nats.

    Raises
    ------
    ValueError
        If there are no rows.
    """
    if not len(rows):
        raise ValueError(
            "no validation rows; give at least one sequence of validation text (config.yaml, key texts.validation)"
        )
    return sum(model(input_ids=b, labels=b, use_cache=False).loss.item() * len(b) for b in rows.split(batch)) / len(
        rows
    )


def train_language_model(
    family: str,
    tokenizer: PreTrainedTokenizerFast,
    train_texts: Iterable[str],
    validation_texts: Iterable[str],
    *,
    n_tokens: int,
    seed: int,
    settings: LanguageModelSettings | None = None,
    show_progress: bool = True,
) -> tuple[PreTrainedModel, dict]:
    """Train a model on each text once.

    Parameters
    ----------
    family : {"gemma2", "llama"}
    tokenizer : transformers.PreTrainedTokenizerFast
    train_texts, validation_texts : iterable of str
        Documents; of the first only as many as `n_tokens` asks for are read.
    n_tokens : int
        Tokens trained on, rounded down to whole steps; 0 leaves the model untrained.
    seed : int
        Decides initial weights and order of the rows.
    settings : LanguageModelSettings, optional
        The family's defaults if left out.
    show_progress : bool
        Show a bar on a terminal.

    Returns
    -------
    model : transformers.PreTrainedModel
        In evaluation mode; write it with ``save_pretrained``.
    facts : dict
        ``family parameters val_loss (nats) tokens steps seconds log (step, training loss) settings``.

    Raises
    ------
    ValueError
        If the family is unknown, `n_tokens` is negative or the texts are too short.
    """
    if n_tokens < 0:
        raise ValueError(
            f"n_tokens is {n_tokens}; allowed: 0 (untrained) or more (config/models.tsv, column train_tokens)"
        )
    s = settings or _default_settings(family)
    started = time.perf_counter()
    model = build_language_model(family, tokenizer, seed=seed, settings=s)
    steps = n_tokens // (s.batch * s.sequence)
    rows = pack(tokenizer, train_texts, s.sequence, steps * s.batch)
    held_out = pack(tokenizer, validation_texts, s.sequence)
    log = _fit(model, rows, steps, seed, s, show_progress)
    model.eval()
    facts = {
        "family": family,
        "parameters": sum(p.numel() for p in model.parameters()),
        "val_loss": round(mean_loss(model, held_out), 4),
        "tokens": rows.numel(),
        "steps": steps,
        "seconds": round(time.perf_counter() - started, 1),
        "log": log,
        "settings": asdict(s),
    }
    LOG.info(
        "%s: %d tokens in %d steps, validation loss %.3f nats, %.0f s",
        family,
        facts["tokens"],
        steps,
        facts["val_loss"],
        facts["seconds"],
    )
    return model, facts


def _fit(
    model: PreTrainedModel, rows: Tensor, steps: int, seed: int, s: LanguageModelSettings, show_progress: bool
) -> list[list[float]]:
    """AdamW over the rows in random order; returns (step, loss) at every hundredth step."""
    embedding = _embedding(model)
    others = [p for p in model.parameters() if p is not embedding]
    optimizer = torch.optim.AdamW(
        [
            {"params": [embedding], "rate": s.embedding_rate, "weight_decay": s.weight_decay / s.embedding_rate},
            {"params": [p for p in others if p.dim() > 1], "rate": 1.0, "weight_decay": s.weight_decay},
            {"params": [p for p in others if p.dim() < 2], "rate": 1.0, "weight_decay": 0.0},
        ],
        lr=s.learning_rate,
        betas=(0.9, 0.95),
        fused=True,
    )
    order = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))
    log = []
    model.train()
    numbers = range(1, steps + 1)
    for step in progress(numbers, total=steps, label="language model") if show_progress else numbers:
        share = _rate_share(step, steps, s)
        for group in optimizer.param_groups:
            group["lr"] = s.learning_rate * group["rate"] * share
        batch = rows[order[(step - 1) * s.batch : step * s.batch]]
        loss = _loss(model, batch)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), s.clip)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if step % 100 == 0 or step == steps:
            log.append([step, round(loss.item(), 4)])
    return log


def _loss(model, batch: Int[Tensor, "row sequence"]) -> Tensor:
    """Mean next-token loss, the logits of 128 tokens at a time: they stay in the processor's cache (an eighth of the
    step saved).
    """
    hidden = model.model(input_ids=batch, use_cache=False).last_hidden_state[:, :-1].flatten(0, 1)
    return torch.nn.functional.linear_cross_entropy(
        hidden,
        model.lm_head.weight,
        batch[:, 1:].flatten(),
        options=torch.nn.LinearCrossEntropyOptions(batch_chunk_size=128),
    )


def _rate_share(step: int, steps: int, s: LanguageModelSettings) -> float:
    """Share of the peak learning rate at a step counted from 1: linear warm-up times a cosine."""
    cosine = 0.5 * (1 + math.cos(math.pi * (step - 1) / steps))
    return min(1.0, step / s.warm_up) * (s.final_share + (1 - s.final_share) * cosine)
