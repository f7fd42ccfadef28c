"""Sparse autoencoders behind two methods, read from sae-lens' disk format without sae-lens."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Protocol

import numpy as np

from shared_affect.runtime import digest_of_files

ARCHITECTURES = ("standard", "topk", "jumprelu", "gated")
"""What sae-lens publishes for residual streams; SAEs trained with BatchTopK are saved as JumpReLU."""

NORMALISATIONS = ("none", "constant_norm_rescale", "layer_norm")


class SAE(Protocol):
    """What the workflow asks of a sparse autoencoder."""

    def encode(self, x):
        """Codes ``[..., d_sae]`` (>= 0) of residuals ``[..., d_in]``, float32."""

    def reconstruct(self, x):
        """Residuals ``[..., d_in]`` rebuilt from the codes of residuals ``[..., d_in]``."""


def sae_digest(folder: str | Path) -> str:
    """sha256 over configuration and weights; no torch."""
    folder = Path(folder)
    return digest_of_files(folder / "cfg.json", folder / "sae_weights.safetensors")


def decoder_directions(folder: str | Path) -> np.ndarray:
    """Decoder rows ``[d_sae, d_in]`` float32, such that codes times rows is a residual; no torch."""
    from safetensors.numpy import load_file

    rows = _read_weights(Path(folder) / "sae_weights.safetensors", load_file)["W_dec"].astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True) if _read_cfg(folder).get("rescale_acts_by_decoder_norm") else rows


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
    facts = _read_cfg(folder).get("metadata") or {}
    hook, bos = facts.get("hook_name"), facts.get("prepend_bos")
    if hook is not None and hook != f"blocks.{layer}.hook_resid_post":
        raise ValueError(f"{folder}/cfg.json: hook_name is {hook!r}; allowed: 'blocks.{layer}.hook_resid_post', the output of block {layer} ({where}, column layer)")
    if bos is not None and bool(bos) != has_bos:
        raise ValueError(f"{folder}/cfg.json: prepend_bos is {bos}, but the model's tokenizer puts {'a' if has_bos else 'no'} BOS before a text; "
                         f"the SAE would read residuals of another kind ({where}, column path; what stands before a text: config/models.tsv, column bos)")


def _read_weights(path: Path, load):
    """Tensors of a safetensors file.

    Raises
    ------
    ValueError
        If it is not whole.
    """
    from safetensors import SafetensorError

    try:
        return load(path)
    except SafetensorError as error:
        raise ValueError(f"{path} is no whole safetensors file ({error}); remove it and let the workflow make or fetch it again") from None


def _read_cfg(folder: str | Path) -> dict:
    return json.loads((Path(folder) / "cfg.json").read_text(encoding="utf-8"))


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
        If the architecture or the activation normalisation is not one this class computes.

    Notes
    -----
    standard: Bricken et al. 2023; topk: Gao et al. 2024 (arXiv 2406.04093); jumprelu: Rajamanoharan et al. 2024
    (arXiv 2407.14435); gated: Rajamanoharan et al. 2024 (arXiv 2404.16014). ``apply_b_dec_to_input``, run-time
    normalisation and ``rescale_acts_by_decoder_norm`` are honoured. Equality with sae-lens' own ``encode`` is tested.
    """

    def __init__(self, folder: str | Path, device: str = "cpu"):
        from safetensors.torch import load_file

        self.cfg = _read_cfg(folder)
        allowed = {"architecture": ARCHITECTURES, "normalize_activations": NORMALISATIONS, "reshape_activations": ("none",)}
        for key, names in allowed.items():
            if (found := self.cfg.get(key, "none")) not in names:
                more = " (fold the factor into the weights before saving)" if key == "normalize_activations" else ""
                raise ValueError(f"{folder}/cfg.json: {key} is {found!r}; allowed: {', '.join(names)}{more}")
        self.architecture, self.normalisation = self.cfg["architecture"], self.cfg.get("normalize_activations", "none")
        self.weights = w = {k: v.float().to(device) for k, v in _read_weights(Path(folder) / "sae_weights.safetensors", load_file).items()}
        self.d_in, self.d_sae = w["W_enc"].shape
        if self.cfg.get("rescale_acts_by_decoder_norm"):
            norm = w["W_dec"].norm(dim=1)
            w |= {"W_enc": w["W_enc"] * norm, "b_enc": w["b_enc"] * norm, "W_dec": w["W_dec"] / norm[:, None]}

    def encode(self, x):
        return self._activate(_normalise(x.float(), self.normalisation)[0])

    def decode(self, codes):
        """Normalised residuals ``[..., d_in]`` of codes ``[..., d_sae]``."""
        return codes @ self.weights["W_dec"] + self.weights["b_dec"]

    def reconstruct(self, x):
        scaled, undo = _normalise(x.float(), self.normalisation)
        return undo(self.decode(self._activate(scaled)))

    def _activate(self, x):
        w = self.weights
        if self.cfg.get("apply_b_dec_to_input", True):
            x = x - w["b_dec"]
        if self.architecture == "gated":
            pre = x @ w["W_enc"]
            return (pre * w["r_mag"].exp() + w["b_mag"]).relu_() * (pre + w["b_gate"] > 0)
        pre = x @ w["W_enc"] + w["b_enc"]
        if self.architecture == "jumprelu":
            return pre.masked_fill_(pre <= w["threshold"], 0).relu_()
        if self.architecture == "topk":
            top = pre.topk(int(self.cfg["k"]), dim=-1)
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

    from shared_affect.activations import block_outputs, editing

    with torch.inference_mode():
        batches = [(ids, mask) for ids, mask in batches]
        x = torch.cat([block_outputs(model, [layer], input_ids=ids)[layer][mask] for ids, mask in batches]).float()
        if not torch.isfinite(x).all():
            raise ValueError(f"the residual stream after block {layer} holds NaN or infinite values; try dtype float32 (config/models.tsv)")
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
        ``explained_variance`` and ``l0`` as numbers or arrays of one.
    limits : mapping
        ``explained_variance_min``, ``l0_min``, ``l0_max``; None = no limit.

    Raises
    ------
    ValueError
        Naming the quantity, the value, the limit and `where` to change it.
    """
    for quantity, key, sign in (("explained_variance", "explained_variance_min", 1), ("l0", "l0_min", 1), ("l0", "l0_max", -1)):
        value, limit = float(np.ravel(facts[quantity])[0]), limits[key]
        if limit is not None and sign * (value - limit) < 0:
            raise ValueError(f"SAE fidelity: {quantity} is {value:.3f}; allowed: {'>=' if sign > 0 else '<='} {limit} ({where}, column {key}). "
                             "Is the layer, the BOS rule or the normalisation wrong?")
