"""Sparse autoencoders trained on one block of a language model, by SAELens, and saved in its disk format."""

from __future__ import annotations

import contextlib
import io
import json
import math
import sys
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from shared_affect.base.files import write_text, writing_to
from shared_affect.base.log import LOG
from shared_affect.models.residual import block_outputs
from shared_affect.models.sae_config import CONFIG
from shared_affect.models.saes import DiskSAE
from shared_affect.models.texts import pack
from shared_affect.models.tokens import TextIds, text_ids

if TYPE_CHECKING:
    from sae_lens.saes.batchtopk_sae import BatchTopK
    from sae_lens.saes.sae import TrainingSAE
    from transformers import PreTrainedModel

    from shared_affect.models.tokens import AnyTokenizer

ARCHITECTURES = ("batchtopk", "topk")


@dataclass(frozen=True)
class SaeSpec:
    """What SAE is asked for: what a row of the SAEs' table says.

    Attributes
    ----------
    layer : int
        Block, counted from 0.
    architecture : {"batchtopk", "topk"}
    k, d_sae : int
        Mean number of active features per token; number of features.
    n_tokens : int
        Token activations seen in training; rows are repeated where the texts hold fewer.
    model_name : str
        Written to ``cfg.json``.
    """

    layer: int
    architecture: str = "batchtopk"
    k: int = 16
    d_sae: int = 1024
    n_tokens: int = 300_000
    model_name: str = "model"


@dataclass(frozen=True)
class SaeSettings:
    """How SAEs are trained.

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
def record_tokens(
    model, tokenizer, rows: Tensor, layer: int, batch: int = 64, rows_begin: bool = False
) -> Float[Tensor, "token d"]:
    """Output of a block at all tokens but BOS, EOS and padding, and not at the first position of rows that begin as
    texts do: attention sinks there.
    """
    special = torch.tensor(sorted(text_ids(tokenizer).special), dtype=torch.long)
    found = []
    for b in rows.split(batch):
        keep = ~torch.isin(b, special)
        keep[:, : int(rows_begin)] = False
        found.append(block_outputs(model, [layer], input_ids=b)[layer][keep])
    return torch.cat(found).clone()


def _batches(activations: Tensor, size: int, seed: int) -> Iterator[Tensor]:
    """Endless shuffled batches."""
    generator = torch.Generator().manual_seed(seed)
    while True:
        order = torch.randperm(len(activations), generator=generator)
        for i in range(0, len(order) - size + 1, size):
            yield activations[order[i : i + size]]


def train_sae(
    model: PreTrainedModel,
    tokenizer: AnyTokenizer,
    texts: Iterable[str],
    spec: SaeSpec,
    *,
    out_dir: str | Path,
    seed: int,
    rows_begin: bool | None = None,
    settings: SaeSettings | None = None,
) -> dict:
    """Train an SAE on the output of one block and save it in SAELens' disk format.

    Parameters
    ----------
    model, tokenizer
        Any causal language model whose blocks `blocks.blocks` finds, and its `tokens.TextIds` (or what
        `tokens.text_ids` takes).
    texts : iterable of str
        Documents the language model was not trained on.
    spec : SaeSpec
    out_dir : path
        Receives ``cfg.json`` and ``sae_weights.safetensors``; top-k SAEs over batches are saved as JumpReLU.
    seed : int
        Decides initial weights and the order of tokens.
    rows_begin : bool, optional
        Whether each row of text begins with the model's first token, as the texts do that the SAE will read, and its
        first position is left out. False for a model that was itself trained on rows cut anywhere. Left out: False
        where the tokenizer puts a BOS itself.
    settings : SaeSettings, optional

    Returns
    -------
    dict
        ``explained_variance`` and ``l0`` on held-out rows, ``dead_share`` (features silent on all recorded tokens),
        ``mean_residual_norm``, ``n_tokens``, ``n_distinct_tokens``, ``epochs`` (how often training sees a token),
        ``seconds``.

    Raises
    ------
    ValueError
        If the architecture is unknown or the texts hold fewer tokens than one batch.
    """
    if spec.architecture not in ARCHITECTURES:
        raise ValueError(
            f"architecture is {spec.architecture!r}; allowed: {', '.join(ARCHITECTURES)} (config/saes.tsv, column"
            " architecture)"
        )
    s, started = settings or SaeSettings(), time.perf_counter()
    coder = text_ids(tokenizer)
    rows_begin = coder.rule != "own" if rows_begin is None else rows_begin
    rows, held_out_rows = _split_rows(coder, texts, spec.n_tokens, rows_begin, s)
    training = record_tokens(model, coder, rows, spec.layer, rows_begin=rows_begin)
    held_out = record_tokens(model, coder, held_out_rows, spec.layer, rows_begin=rows_begin)
    if spec.n_tokens > 1.5 * len(training):
        LOG.warning(
            "the texts hold %d tokens to train on, training sees %d: each %.1f times (config/saes.tsv, columns texts,"
            " train_tokens)",
            len(training),
            spec.n_tokens,
            spec.n_tokens / len(training),
        )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        sae = _fit(training, _untrained(spec, training.shape[1], bool(coder.first)), spec.n_tokens, seed, s)
    _save(sae, Path(out_dir))
    facts = _fidelity(DiskSAE(out_dir), training, held_out)
    facts |= {
        "n_tokens": spec.n_tokens,
        "n_distinct_tokens": len(training),
        "epochs": round(spec.n_tokens / len(training), 2),
        "seconds": round(time.perf_counter() - started, 1),
    }
    LOG.info(
        "SAE on block %d: explained variance %.3f, L0 %.1f, dead %.3f, %.0f s",
        spec.layer,
        facts["explained_variance"],
        facts["l0"],
        facts["dead_share"],
        facts["seconds"],
    )
    return facts


def _split_rows(
    coder: TextIds, texts: Iterable[str], n_tokens: int, rows_begin: bool, s: SaeSettings
) -> tuple[Tensor, Tensor]:
    """Rows of token ids to train on, and those held out."""
    # more rows than training sees are not read: a user's texts may be large
    at_most = math.ceil(2 * n_tokens / s.sequence / (1 - s.validation_share)) if rows_begin else None
    rows = pack(coder, texts, s.sequence, begin=rows_begin, at_most=at_most)
    n_held_out = max(1, int(len(rows) * s.validation_share))
    if (len(rows) - n_held_out) * s.sequence < 2 * s.batch:
        raise ValueError(
            f"the texts hold {rows.numel()} tokens, too few for batches of {s.batch}; give more documents"
            " (config/saes.tsv, column texts)"
        )
    return rows[:-n_held_out], rows[-n_held_out:]


def _save(sae: TrainingSAE, folder: Path) -> None:
    with writing_to(folder):
        sae.save_inference_model(str(folder))
    # sae-lens writes the keys in another order in every process, and the file's bytes are the SAE's identity
    cfg = folder / CONFIG
    write_text(cfg, json.dumps(json.loads(cfg.read_text(encoding="utf-8")), indent=2, sort_keys=True) + "\n")


class SelectingBatchTopK(torch.nn.Module):
    """SAELens' BatchTopK (of a batch's pre-activations the `k` x tokens largest stay, if positive), bit for bit.

    Selects the border where SAELens sorts, and cuts there, in a sixth of the time. Where several values lie on the
    border SAELens decides which of them stay.
    """

    def __init__(self, original: BatchTopK):
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
        # keeps what lies above its threshold, forwards and backwards in one pass each; a product with a mask takes
        # seven times as long
        return torch.nn.functional.threshold(x, float(np.nextafter(border, np.float32(-np.inf))), 0.0)


def _untrained(spec: SaeSpec, d_in: int, prepend_bos: bool) -> TrainingSAE:
    from sae_lens import (
        BatchTopKTrainingSAE,
        BatchTopKTrainingSAEConfig,
        TopKTrainingSAE,
        TopKTrainingSAEConfig,
    )
    from sae_lens.saes.sae import SAEMetadata

    metadata = SAEMetadata(
        model_name=spec.model_name,
        hook_name=f"blocks.{spec.layer}.hook_resid_post",
        hf_hook_name=f"model.layers.{spec.layer}",
        prepend_bos=prepend_bos,
    )
    common: dict[str, Any] = dict(
        d_in=d_in,
        d_sae=spec.d_sae,
        k=spec.k,
        dtype="float32",
        device="cpu",
        normalize_activations="expected_average_only_in",
        apply_b_dec_to_input=True,
        metadata=metadata,
    )
    if spec.architecture == "topk":
        return TopKTrainingSAE(TopKTrainingSAEConfig(use_sparse_activations=False, **common))
    sae = BatchTopKTrainingSAE(BatchTopKTrainingSAEConfig(**common))
    sae.activation_fn = SelectingBatchTopK(sae.activation_fn)
    return sae


def _fit(activations: Tensor, sae: TrainingSAE, n_tokens: int, seed: int, s: SaeSettings) -> TrainingSAE:
    from sae_lens.config import LoggingConfig, SAETrainerConfig
    from sae_lens.training.sae_trainer import SAETrainer

    config = SAETrainerConfig(
        total_training_samples=n_tokens,
        train_batch_size_samples=s.batch,
        lr=s.learning_rate,
        lr_end=s.final_learning_rate,
        lr_warm_up_steps=s.warm_up,
        lr_decay_steps=n_tokens // s.batch // 4,
        device="cpu",
        dead_feature_window=200,
        feature_sampling_window=10**9,
        n_batches_for_norm_estimate=20,
        logger=LoggingConfig(log_to_wandb=False),
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
