"""Sparse autoencoders behind two methods, read from sae-lens' disk format without sae-lens."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Protocol

import numpy as np

from shared_affect.base.files import digest_of_files
from shared_affect.base.gates import passes
from shared_affect.models.sae_folder import (
    CONFIG,
    WEIGHTS,
    check_finite,
    check_folder,
    check_site,
    check_tensors,
    read_config,
    read_tensor,
)

__all__ = [
    "SAE",
    "DiskSAE",
    "check_fidelity",
    "check_folder",
    "check_hook",
    "decoder_directions",
    "fidelity",
    "sae_digest",
]


class SAE(Protocol):
    """What the workflow asks of a sparse autoencoder."""

    def encode(self, x):
        """Codes ``[..., d_sae]`` (>= 0) of residuals ``[..., d_in]``, float32."""

    def reconstruct(self, x):
        """Residuals ``[..., d_in]`` rebuilt from the codes of residuals ``[..., d_in]``."""


def sae_digest(folder: str | Path) -> str:
    """sha256 over configuration and weights; no torch."""
    folder = Path(folder)
    return digest_of_files(folder / CONFIG, folder / WEIGHTS)


def decoder_directions(folder: str | Path) -> np.ndarray:
    """Decoder rows ``[d_sae, d_in]`` float32, such that codes times rows is a residual; no torch."""
    config = read_config(folder)
    check_tensors(folder, config)
    rows = read_tensor(Path(folder) / WEIGHTS, "W_dec")
    if config.rescale_acts_by_decoder_norm:
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        check_finite(Path(folder) / WEIGHTS, "W_dec (a row has norm 0)", rows.sum(dtype=np.float64))
    return rows


def check_hook(folder: str | Path, layer: int, has_bos: bool, where: str) -> None:
    """Hold what an SAE's file says of its training against how it is to be read; silent where the file says nothing.

    Parameters
    ----------
    folder : path
    layer : int
        Block after which the residual is read, from 0.
    has_bos : bool
        Whether texts begin with a BOS or its stand-in.
    where : str
        Table, row and column to change.

    Raises
    ------
    ValueError
        If it was trained at another hook point or under another BOS rule.
    """
    config = read_config(folder, where)
    check_site(config, folder, layer, where)
    bos = config.prepend_bos
    if bos is not None and bool(bos) != has_bos:
        raise ValueError(
            f"{folder}/cfg.json: prepend_bos is {bos}, but the model's tokenizer puts {'a' if has_bos else 'no'} BOS"
            f" before a text; the SAE would read residuals of another kind ({where}, column path; what stands before a"
            " text: config/models.tsv, column bos)"
        )


class DiskSAE:
    """An SAE in sae-lens' disk format (``cfg.json``, ``sae_weights.safetensors``).

    Parameters
    ----------
    folder : path
    device : str
        Where the weights go; they are float32.

    Raises
    ------
    ValueError
        If the folder declares anything that this class does not compute, a tensor does not fit, or a weight is not
        finite.

    Notes
    -----
    standard: Bricken et al. 2023; topk: Gao et al. 2024 (arXiv 2406.04093); jumprelu: Rajamanoharan et al. 2024
    (arXiv 2407.14435); gated: Rajamanoharan et al. 2024 (arXiv 2404.16014). ``apply_b_dec_to_input``, run-time
    normalisation and ``rescale_acts_by_decoder_norm`` are honoured. Equality with sae-lens' own ``encode`` is tested.
    """

    def __init__(self, folder: str | Path, device: str = "cpu"):
        import torch
        from safetensors.torch import load_file

        self.cfg = read_config(folder)
        check_tensors(folder, self.cfg)
        path = Path(folder) / WEIGHTS
        self.weights = w = {k: v.float().to(device) for k, v in load_file(path).items()}
        for name, values in w.items():
            check_finite(path, name, values.sum(dtype=torch.float64))
        if (factor := w.pop("scaling_factor", None)) is not None and not torch.allclose(
            factor, torch.ones_like(factor)
        ):
            raise ValueError(
                f"{path}: tensor scaling_factor holds {float(factor.min()):g} to {float(factor.max()):g}; allowed: 1"
                " alone (multiply the factor into the weights before saving)"
            )
        self.d_in, self.d_sae = self.cfg.d_in, self.cfg.d_sae
        if self.cfg.rescale_acts_by_decoder_norm:
            norm = w["W_dec"].norm(dim=1)
            w |= {"W_enc": w["W_enc"] * norm, "b_enc": w["b_enc"] * norm, "W_dec": w["W_dec"] / norm[:, None]}
            check_finite(path, "W_dec (a row has norm 0)", w["W_dec"].sum(dtype=torch.float64))

    def encode(self, x):
        return self._activate(_normalise(x.float(), self.cfg.normalize_activations)[0])

    def decode(self, codes):
        """Normalised residuals ``[..., d_in]`` of codes ``[..., d_sae]``."""
        return codes @ self.weights["W_dec"] + self.weights["b_dec"]

    def reconstruct(self, x):
        scaled, undo = _normalise(x.float(), self.cfg.normalize_activations)
        return undo(self.decode(self._activate(scaled)))

    def _activate(self, x):
        w = self.weights
        if self.cfg.apply_b_dec_to_input:
            x = x - w["b_dec"]
        if self.cfg.architecture == "gated":
            pre = x @ w["W_enc"]
            return (pre * w["r_mag"].exp() + w["b_mag"]).relu_() * (pre + w["b_gate"] > 0)
        pre = x @ w["W_enc"] + w["b_enc"]
        if self.cfg.architecture == "jumprelu":
            return pre.masked_fill_(pre <= w["threshold"], 0).relu_()
        if self.cfg.architecture == "topk":
            top = pre.topk(self.cfg.k, dim=-1)
            return pre.new_zeros(pre.shape).scatter(-1, top.indices, top.values.relu())
        return pre.relu_()


def _normalise(x, how: str):
    """Residuals as an SAE with run-time normalisation reads them, and the way back."""
    if how == "constant_norm_rescale":
        factor = x.shape[-1] ** 0.5 / x.norm(dim=-1, keepdim=True)
        return x * factor, lambda y: y / factor
    if how == "layer_norm":
        mean, sd = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        return (x - mean) / (sd + 1e-5), lambda y: y * sd + mean
    return x, lambda y: y


def fidelity(model, sae: SAE, layer: int, batches) -> dict[str, float]:
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
        batches = [(ids, mask) for ids, mask in batches]
        x = torch.cat([block_outputs(model, [layer], input_ids=ids)[layer][mask] for ids, mask in batches]).float()
        if not torch.isfinite(x).all():
            raise ValueError(
                f"the residual stream after block {layer} holds NaN or infinite values; try dtype float32"
                " (config/models.tsv)"
            )
        rebuilt = torch.cat([sae.reconstruct(part) for part in x.split(4096)])
        mean = x.mean(0)
        active = sum((sae.encode(part) > 0).sum(0) for part in x.split(4096))

        def loss(edit) -> float:
            total, n = 0.0, 0
            for ids, mask in batches:
                # BOS and padding keep their residual: SAEs are not trained on them
                with editing(model, layer, lambda h, mask=mask: torch.where(mask[..., None], edit(h), h)):
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


def check_fidelity(facts, limits, where: str) -> None:
    """Stop where an SAE does not stand for the residual it reads: a wrong layer, BOS rule or scale is otherwise silent.

    Parameters
    ----------
    facts : mapping
        ``explained_variance`` and ``l0`` as numbers or arrays of one; whatever else `fidelity` measures must be finite.
    limits : mapping
        ``explained_variance_min``, ``l0_min``, ``l0_max``; None = no limit.

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
    for quantity, value in facts.items():
        if np.size(value) == 1 and not passes(float(np.ravel(value)[0])):
            raise ValueError(
                f"SAE fidelity: {quantity} is {float(np.ravel(value)[0])}; allowed: a finite number ({where}). Does the"
                " model's dtype overflow (config/models.tsv, column dtype)?"
            )
