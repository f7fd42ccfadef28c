"""How well an SAE stands for the residual stream it reads, and the limits that it must keep."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.base.gates import passes
from shared_affect.models.memory import CODES, LOGITS
from shared_affect.models.saes import SAE

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel


def rows_at_once(d_sae: int) -> int:
    """Residuals whose dense codes may stand in memory: 4,096, fewer of an SAE with more than 32,768 features."""
    return min(4096, max(1, CODES // d_sae))


def sliced(batches: Iterable[tuple[Tensor, Tensor]], vocabulary: int) -> list[tuple[Tensor, Tensor]]:
    """Batches cut into fewer texts where the logits of all would be too many.

    A batch of 64 texts of 16 tokens has 4 million logits at a vocabulary of 4,000, and 262 million (1 GiB in float32,
    three times that while they are summed) at 256,000: the former is left as it is.
    """
    found = []
    for ids, mask in batches:
        n = max(1, LOGITS // (ids.shape[1] * vocabulary))
        found += list(zip(ids.split(n), mask.split(n), strict=True))
    return found


def fidelity(
    model: PreTrainedModel, sae: SAE, layer: int, batches: Iterable[tuple[Tensor, Tensor]]
) -> dict[str, float]:
    """How well an SAE stands for the residual stream it reads.

    Parameters
    ----------
    model : causal language model
    sae : SAE
    layer : int
        Block after which the SAE reads.
    batches : iterable of (ids, mask)
        Token ids and a boolean mask of the positions that count (no BOS, no padding), both ``[batch, position]``.

    Returns
    -------
    dict
        ``explained_variance`` (1 - residual / total sum of squares), ``l0`` (mean active features a token),
        ``dead_share`` (features never active here), ``loss``, ``loss_sae`` (mean nats a token with the reconstruction
        put in), ``loss_ablated`` (with the mean residual put in), ``loss_recovered``
        ((loss_ablated - loss_sae) / (loss_ablated - loss)), ``mean_residual_norm``, ``n_tokens``.

    Raises
    ------
    ValueError
        If the residual stream holds a value that is not finite.
    """
    import torch

    from shared_affect.models.residual import block_outputs, editing

    with torch.inference_mode():
        batches = list(batches)
        x = torch.cat([block_outputs(model, [layer], input_ids=ids)[layer][mask] for ids, mask in batches]).float()
        if not torch.isfinite(x).all():
            raise ValueError(
                f"the residual stream after block {layer} holds NaN or infinite values; try dtype float32"
                " (config/models.tsv)"
            )
        rows = rows_at_once(sae.d_sae)
        rebuilt = torch.cat([sae.reconstruct(part) for part in x.split(rows)])
        mean = x.mean(0)
        active = torch.stack([(sae.encode(part) > 0).sum(0) for part in x.split(rows)]).sum(0)
        slices = sliced(batches, model.config.get_text_config(decoder=True).vocab_size)

        def edited(edit: Callable[[Tensor], Tensor], mask: Tensor, h: Tensor) -> Tensor:
            # BOS and padding keep their residual: SAEs are not trained on them
            return torch.where(mask[..., None], edit(h), h)

        def loss(edit: Callable[[Tensor], Tensor]) -> float:
            total, n = 0.0, 0
            for ids, mask in slices:
                with editing(model, layer, partial(edited, edit, mask)):
                    logits = model(input_ids=ids, use_cache=False).logits
                keep = mask[:, 1:]
                nll = -logits[:, :-1].float().log_softmax(-1).gather(2, ids[:, 1:, None])[..., 0]
                total, n = total + float(nll[keep].double().sum()), n + int(keep.sum())
            return total / n

        plain = loss(lambda h: h)
        with_sae = loss(lambda h: sae.reconstruct(h).to(h.dtype))
        ablated = loss(lambda h: mean.to(h.dtype).expand_as(h))
        return {
            "explained_variance": 1 - float((x - rebuilt).double().pow(2).sum() / (x - mean).double().pow(2).sum()),
            "l0": float(active.sum()) / len(x),
            "dead_share": float((active == 0).float().mean()),
            "loss": plain,
            "loss_sae": with_sae,
            "loss_ablated": ablated,
            "loss_recovered": (ablated - with_sae) / (ablated - plain) if not math.isclose(ablated, plain) else 0.0,
            "mean_residual_norm": float(x.norm(dim=1).mean()),
            "n_tokens": len(x),
        }


def check_fidelity(facts: Mapping, limits: Mapping, where: str) -> None:
    """Stop where an SAE does not stand for the residual it reads: a wrong layer, BOS rule or scale is otherwise silent.

    Parameters
    ----------
    facts : mapping
        ``explained_variance`` and ``l0`` as numbers or arrays of one; whatever else `fidelity` measures must be finite.
    limits : mapping
        ``explained_variance_min``, ``l0_min``, ``l0_max``; None = no limit. Without any, features must fire somewhere.

    Raises
    ------
    ValueError
        Naming the quantity, the value, the limit and `where` to change it.
    """
    for quantity, key, sign in (
        ("explained_variance", "explained_variance_min", 1),
        ("l0", "l0_min", 1),
        ("l0", "l0_max", -1),
    ):
        value, limit = float(np.ravel(facts[quantity])[0]), limits[key]
        if limit is not None and not passes(value, *((limit, None) if sign > 0 else (None, limit))):
            raise ValueError(
                f"SAE fidelity: {quantity} is {value:.3f}; allowed: {'>=' if sign > 0 else '<='} {limit} ({where},"
                f" column {key}). Is the layer, the BOS rule or the normalisation wrong?"
            )
    if float(np.ravel(facts["l0"])[0]) == 0:
        raise ValueError(
            f"SAE fidelity: no feature fires on any token, so that none can be chosen; allowed: l0 > 0 ({where})."
            " An SAE that was made for another model may fire nowhere, as on an untrained twin: give that one of its"
            " own (source = trained), or take it out of control_models"
        )
    for quantity, value in facts.items():
        if np.size(value) == 1 and not passes(float(np.ravel(value)[0])):
            raise ValueError(
                f"SAE fidelity: {quantity} is {float(np.ravel(value)[0])}; allowed: a finite number ({where}). Does the"
                " model's dtype overflow (config/models.tsv, column dtype)?"
            )
