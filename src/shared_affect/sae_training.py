"""Sparse autoencoders trained on one block of a language model, by SAELens, and saved in its disk format."""

from __future__ import annotations

import contextlib
import io
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shared_affect.activations import block_outputs
from shared_affect.corpora import pack
from shared_affect.runtime import LOG
from shared_affect.saes import DiskSAE

ARCHITECTURES = ("batchtopk", "topk")


@dataclass(frozen=True)
class SaeSettings:
    """Training of an SAE.

    Attributes
    ----------
    batch : int
        Token activations in a step.
    learning_rate, final_learning_rate : float
        The rate is constant after a warm-up and falls over the last quarter of the steps.
    warm_up : int
        Steps.
    validation_share : float
        Share of the rows of text kept for the reported fidelity.
    sequence : int
        Tokens in a row of text.
    """

    batch: int = 1024
    learning_rate: float = 3e-3
    final_learning_rate: float = 3e-4
    warm_up: int = 20
    validation_share: float = 0.1
    sequence: int = 64


@torch.inference_mode()
def record_tokens(model, tokenizer, rows: Tensor, layer: int, batch: int = 64) -> Float[Tensor, "token d"]:
    """Output of a block at all tokens but BOS, EOS and padding."""
    special = torch.tensor([i for i in (tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id) if i is not None])
    found = [block_outputs(model, [layer], input_ids=b)[layer][~torch.isin(b, special)] for b in rows.split(batch)]
    return torch.cat(found).clone()


def _batches(activations: Tensor, size: int, seed: int) -> Iterator[Tensor]:
    """Endless shuffled batches."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(activations), generator=generator)
        for i in range(0, len(order) - size + 1, size):
            yield activations[order[i : i + size]]


def train_sae(
    model,
    tokenizer,
    texts: Iterable[str],
    *,
    layer: int,
    out_dir: str | Path,
    seed: int,
    model_name: str = "model",
    architecture: str = "batchtopk",
    k: int = 16,
    d_sae: int = 1024,
    n_tokens: int = 300_000,
    settings: SaeSettings | None = None,
) -> dict:
    """Train an SAE on the output of one block and save it in SAELens' disk format.

    Parameters
    ----------
    model, tokenizer
        Any causal language model whose blocks `models.blocks` finds, and its tokenizer with an EOS token.
    texts : iterable of str
        Documents the language model was not trained on.
    layer : int
        Block, counted from 0.
    out_dir : path
        Receives ``cfg.json`` and ``sae_weights.safetensors``; top-k SAEs over batches are saved as JumpReLU.
    seed : int
        Decides initial weights and the order of tokens.
    model_name : str
        Written to ``cfg.json``.
    architecture : {"batchtopk", "topk"}
    k, d_sae : int
        Mean number of active features per token; number of features.
    n_tokens : int
        Token activations seen in training; rows are repeated where the texts hold fewer.
    settings : SaeSettings, optional

    Returns
    -------
    dict
        ``explained_variance`` and ``l0`` on held-out rows, ``dead_share`` (features silent on all recorded tokens),
        ``mean_residual_norm``, ``n_tokens``, ``n_distinct_tokens``, ``seconds``.

    Raises
    ------
    ValueError
        If the architecture is unknown or the texts hold fewer tokens than one batch.
    """
    if architecture not in ARCHITECTURES:
        raise ValueError(f"architecture is {architecture!r}; allowed: {', '.join(ARCHITECTURES)} (config/saes.tsv, column architecture)")
    s, started = settings or SaeSettings(), time.perf_counter()
    rows = pack(tokenizer, texts, s.sequence)
    n_held_out = max(1, int(len(rows) * s.validation_share))
    if (len(rows) - n_held_out) * s.sequence < 2 * s.batch:
        raise ValueError(f"the texts hold {rows.numel()} tokens, too few for batches of {s.batch}; give more documents (config/saes.tsv, column texts)")
    training = record_tokens(model, tokenizer, rows[:-n_held_out], layer)
    held_out = record_tokens(model, tokenizer, rows[-n_held_out:], layer)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sae = _fit(training, _untrained(architecture, training.shape[1], k, d_sae, layer, model_name), n_tokens, seed, s)
    sae.save_inference_model(str(out_dir))
    facts = _fidelity(DiskSAE(out_dir), training, held_out)
    facts |= {"n_tokens": n_tokens, "n_distinct_tokens": len(training), "seconds": round(time.perf_counter() - started, 1)}
    LOG.info("SAE on block %d: explained variance %.3f, L0 %.1f, dead %.3f, %.0f s", layer, facts["explained_variance"], facts["l0"], facts["dead_share"], facts["seconds"])
    return facts


class SelectingBatchTopK(torch.nn.Module):
    """SAELens' BatchTopK (of a batch's pre-activations the `k` x tokens largest stay, if positive), bit for bit.

    Selects the border where SAELens sorts, and cuts there, in a sixth of the time. Where several values lie on the border SAELens decides which of them stay.
    """

    def __init__(self, original: torch.nn.Module):
        super().__init__()
        self.original = original

    def forward(self, x: Float[Tensor, "token feature"]) -> Float[Tensor, "token feature"]:
        kept = int(self.original.k * len(x))
        values = x.detach().flatten().numpy()
        border = np.partition(values, len(values) - kept)[len(values) - kept]
        if border <= 0:
            return x.relu()
        if np.count_nonzero(values >= border) > kept:
            return self.original(x)
        # keeps what lies above its threshold, forwards and backwards in one pass each; a product with a mask takes seven times as long
        return torch.nn.functional.threshold(x, float(np.nextafter(border, np.float32(-np.inf))), 0.0)


def _untrained(architecture: str, d_in: int, k: int, d_sae: int, layer: int, model_name: str):
    from sae_lens import (
        BatchTopKTrainingSAE,
        BatchTopKTrainingSAEConfig,
        TopKTrainingSAE,
        TopKTrainingSAEConfig,
    )
    from sae_lens.saes.sae import SAEMetadata

    metadata = SAEMetadata(model_name=model_name, hook_name=f"blocks.{layer}.hook_resid_post", hf_hook_name=f"model.layers.{layer}", prepend_bos=True)
    common = dict(d_in=d_in, d_sae=d_sae, k=k, dtype="float32", device="cpu", normalize_activations="expected_average_only_in",
                  apply_b_dec_to_input=True, metadata=metadata)
    if architecture == "topk":
        return TopKTrainingSAE(TopKTrainingSAEConfig(use_sparse_activations=False, **common))
    sae = BatchTopKTrainingSAE(BatchTopKTrainingSAEConfig(**common))
    sae.activation_fn = SelectingBatchTopK(sae.activation_fn)
    return sae


def _fit(activations: Tensor, sae, n_tokens: int, seed: int, s: SaeSettings):
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    config = SAETrainerConfig(
        total_training_samples=n_tokens, train_batch_size_samples=s.batch, lr=s.learning_rate, lr_end=s.final_learning_rate,
        lr_warm_up_steps=s.warm_up, lr_decay_steps=n_tokens // s.batch // 4, device="cpu", dead_feature_window=200,
        feature_sampling_window=10**9, n_batches_for_norm_estimate=20, logger=LoggingConfig(log_to_wandb=False),
    )
    # SAELens draws its bars wherever standard error goes; they belong on a terminal only
    with contextlib.nullcontext() if sys.stderr.isatty() else contextlib.redirect_stderr(io.StringIO()):
        return SAETrainer(cfg=config, sae=sae, data_provider=_batches(activations, s.batch, seed)).fit()


@torch.inference_mode()
def _fidelity(sae: DiskSAE, training: Tensor, held_out: Tensor) -> dict:
    active = sae.encode(held_out) > 0
    fired = active.any(0)
    for batch in training.split(512):
        fired |= sae.encode(batch).any(0)  # codes are never negative
    residual = held_out - sae.reconstruct(held_out)
    return {
        "explained_variance": round(1 - float((residual**2).sum() / ((held_out - held_out.mean(0)) ** 2).sum()), 4),
        "l0": round(float(active.sum(1).float().mean()), 2),
        "dead_share": round(float((~fired).float().mean()), 4),
        "mean_residual_norm": round(float(training.norm(dim=1).mean()), 4),
    }
