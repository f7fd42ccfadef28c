"""Sparse autoencoders behind two methods, read from sae-lens' disk format without sae-lens."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, cast

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

    What encodes goes to the device; what decodes stays in the file until it is asked for, since words need no decoder.

    Parameters
    ----------
    folder : path
    device : str
        Where the weights go; they are float32 but for what `encoder` says.
    encoder : {"float32", "tf32", "bfloat16"}
        Precision of the product with ``W_enc``: of its factors; sums, biases and thresholds are float32 always.
    columns : int, optional
        For an SAE wider than the device holds: its two matrices stay on the host, and go to the device so many features
        at a time. Pre-activations are whole, so that top-k is exact.
    check : bool
        Whether the weights are looked through for NaN and infinity; not again where the same file was read before.

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

    def __init__(
        self,
        folder: str | Path,
        device: str = "cpu",
        *,
        encoder: str = "float32",
        columns: int | None = None,
        check: bool = True,
    ):
        import torch
        from safetensors.torch import load_file

        self.cfg = read_config(folder)
        check_tensors(folder, self.cfg)
        path = Path(folder) / WEIGHTS
        # float32 is read where it lies, in the mapped file, and takes memory of its own only on a card
        self.weights = w = {k: v.float() for k, v in load_file(path).items()}
        for name, values in w.items() if check else ():
            check_finite(path, name, float(values.sum(dtype=torch.float64)))
        if (factor := w.pop("scaling_factor", None)) is not None and not torch.allclose(
            factor, torch.ones_like(factor)
        ):
            raise ValueError(
                f"{path}: tensor scaling_factor holds {float(factor.min()):g} to {float(factor.max()):g}; allowed: 1"
                " alone (multiply the factor into the weights before saving)"
            )
        self.d_in, self.d_sae = self.cfg.d_in, self.cfg.d_sae
        self.device, self.encoder, self.columns = device, encoder, columns
        if self.cfg.rescale_acts_by_decoder_norm:
            norm = w["W_dec"].norm(dim=1)
            w |= {"W_enc": w["W_enc"] * norm, "b_enc": w["b_enc"] * norm, "W_dec": w["W_dec"] / norm[:, None]}
            check_finite(path, "W_dec (a row has norm 0)", float(w["W_dec"].sum(dtype=torch.float64)))
        if encoder == "bfloat16":
            w["W_enc"] = w["W_enc"].bfloat16()
        stays = {"W_dec"} if columns is None else {"W_dec", "W_enc"}
        w |= {name: values.to(device) for name, values in w.items() if name not in stays}

    def encode(self, x: Tensor) -> Tensor:
        return self._activate(_normalise(x.float(), self.cfg.normalize_activations)[0])

    def decode(self, codes: Tensor) -> Tensor:
        """Normalised residuals ``[..., d_in]`` of codes ``[..., d_sae]``."""
        w = self.weights
        if self.columns is None:
            w["W_dec"] = w["W_dec"].to(self.device)
            return codes @ w["W_dec"] + w["b_dec"]
        parts = range(0, self.d_sae, self.columns)
        ends = [(a, min(self.d_sae, a + self.columns)) for a in parts]
        return sum((codes[..., a:b] @ w["W_dec"][a:b].to(self.device) for a, b in ends), w["b_dec"])

    def reconstruct(self, x: Tensor) -> Tensor:
        scaled, undo = _normalise(x.float(), self.cfg.normalize_activations)
        return undo(self.decode(self._activate(scaled)))

    def _product(self, x: Tensor) -> Tensor:
        """Residuals ``[..., d_in]`` times ``W_enc``, in float32."""
        import torch

        w, columns = self.weights["W_enc"], self.columns
        on_card = torch.device(self.device).type == "cuda"
        if self.encoder == "bfloat16" and not on_card:
            columns = min(columns or self.d_sae, COLUMNS)  # a CPU has no product of bfloat16 that sums in float32
        with tf32() if self.encoder == "tf32" else contextlib.nullcontext():
            if columns is None:
                return self._times(x, w)
            out = x.new_empty(*x.shape[:-1], self.d_sae)
            for a in range(0, self.d_sae, columns):
                out[..., a : a + columns] = self._times(x, w[:, a : a + columns].to(self.device))
            return out

    def _times(self, x: Tensor, w: Tensor) -> Tensor:
        import torch

        if self.encoder != "bfloat16":
            return x @ w
        low = x.bfloat16()
        if w.device.type != "cuda":  # products of two bfloat16 are exact in float32
            return low.float() @ w.float()
        return torch.mm(low.flatten(0, -2), w, out_dtype=torch.float32).unflatten(0, x.shape[:-1])

    def _activate(self, x: Tensor) -> Tensor:
        w = self.weights
        if self.cfg.apply_b_dec_to_input:
            x = x - w["b_dec"]
        if self.cfg.architecture == "gated":
            pre = self._product(x)
            return (pre * w["r_mag"].exp() + w["b_mag"]).relu_() * (pre + w["b_gate"] > 0)
        pre = self._product(x) + w["b_enc"]
        if self.cfg.architecture == "jumprelu":
            return pre.masked_fill_(pre <= w["threshold"], 0).relu_()
        if self.cfg.architecture == "topk":
            top = pre.topk(cast(int, self.cfg.k), dim=-1)  # `read_config` holds that it is there
            return pre.new_zeros(pre.shape).scatter(-1, top.indices, top.values.relu())
        return pre.relu_()


COLUMNS = 8192
"""Features whose weights are widened at once where a CPU multiplies bfloat16."""


@contextlib.contextmanager
def tf32() -> Iterator[None]:
    """Matrix products of float32 on a card take the factors in TensorFloat-32 while the context lasts.

    The setting is torch's own and global, so it is put back whatever happens.
    """
    import torch

    matmul: Any = torch.backends.cuda.matmul
    name, value = ("fp32_precision", "tf32") if hasattr(matmul, "fp32_precision") else ("allow_tf32", True)
    before = getattr(matmul, name)
    setattr(matmul, name, value)
    try:
        yield
    finally:
        setattr(matmul, name, before)


def _normalise(x: Tensor, how: str) -> tuple[Tensor, Callable[[Tensor], Tensor]]:
    """Residuals as an SAE with run-time normalisation reads them, and the way back."""
    if how == "constant_norm_rescale":
        factor = x.shape[-1] ** 0.5 / x.norm(dim=-1, keepdim=True)
        return x * factor, lambda y: y / factor
    if how == "layer_norm":
        mean, sd = x.mean(-1, keepdim=True), x.std(-1, keepdim=True)
        return (x - mean) / (sd + 1e-5), lambda y: y * sd + mean
    return x, lambda y: y
