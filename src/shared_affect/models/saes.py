"""Sparse autoencoders behind two methods, read from sae-lens' disk format without sae-lens."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, cast

from shared_affect.models.sae_config import WEIGHTS, read_config
from shared_affect.models.sae_weights import check_finite, check_tensors

if TYPE_CHECKING:
    from torch import Tensor


class SAE(Protocol):
    """What the workflow asks of a sparse autoencoder."""

    d_in: int
    d_sae: int

    def encode(self, x: Tensor) -> Tensor:
        """Codes ``[..., d_sae]`` (>= 0) of residuals ``[..., d_in]``, float32."""

    def reconstruct(self, x: Tensor) -> Tensor:
        """Residuals ``[..., d_in]`` rebuilt from the codes of residuals ``[..., d_in]``."""


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
            check_finite(path, name, float(values.sum(dtype=torch.float64)))
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
            check_finite(path, "W_dec (a row has norm 0)", float(w["W_dec"].sum(dtype=torch.float64)))

    def encode(self, x: Tensor) -> Tensor:
        return self._activate(_normalise(x.float(), self.cfg.normalize_activations)[0])

    def decode(self, codes: Tensor) -> Tensor:
        """Normalised residuals ``[..., d_in]`` of codes ``[..., d_sae]``."""
        return codes @ self.weights["W_dec"] + self.weights["b_dec"]

    def reconstruct(self, x: Tensor) -> Tensor:
        scaled, undo = _normalise(x.float(), self.cfg.normalize_activations)
        return undo(self.decode(self._activate(scaled)))

    def _activate(self, x: Tensor) -> Tensor:
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
            top = pre.topk(cast(int, self.cfg.k), dim=-1)  # `read_config` holds that it is there
            return pre.new_zeros(pre.shape).scatter(-1, top.indices, top.values.relu())
        return pre.relu_()


def _normalise(x: Tensor, how: str) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Residuals as an SAE with run-time normalisation reads them, and the way back."""
    if how == "constant_norm_rescale":
        factor = x.shape[-1] ** 0.5 / x.norm(dim=-1, keepdim=True)
        return x * factor, lambda y: y / factor
    if how == "layer_norm":
        mean, sd = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        return (x - mean) / (sd + 1e-5), lambda y: y * sd + mean
    return x, lambda y: y
