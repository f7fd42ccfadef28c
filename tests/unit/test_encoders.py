"""Encoders of another precision, and of SAEs that no device holds whole, against the plain one."""

import numpy as np
import pytest
from conftest import make_sae

from shared_affect.models import saes
from shared_affect.models.saes import DiskSAE

ARCHITECTURES = {
    "standard": ("standard", {}),
    "top-k": ("topk", {}),
    "top-k, decoder norms": ("topk", {"rescale_acts_by_decoder_norm": True}),
    "JumpReLU": ("jumprelu", {}),
    "gated": ("gated", {}),
    "layer norm": ("standard", {"apply_b_dec_to_input": False, "normalize_activations": "layer_norm"}),
    "constant norm": ("jumprelu", {"normalize_activations": "constant_norm_rescale"}),
}


def residuals(n=300, d=32, scale=3.0):
    import torch

    return torch.randn(n, d, generator=torch.Generator().manual_seed(0)) * scale


@pytest.mark.parametrize("columns", [1, 7, 64, 1000])
@pytest.mark.parametrize("case", ARCHITECTURES)
def test_an_sae_in_blocks_of_columns_is_the_whole_one(tmp_path, case, columns):
    import torch

    architecture, cfg = ARCHITECTURES[case]
    folder, x = make_sae(tmp_path / "s", architecture, **cfg), residuals()
    whole, parts = DiskSAE(folder), DiskSAE(folder, columns=columns)
    a, b = whole.encode(x), parts.encode(x)
    assert torch.equal(a != 0, b != 0) and (a > 0).any() and not (a > 0).all()
    assert torch.allclose(a, b, rtol=1e-5, atol=2e-5)
    assert torch.allclose(whole.reconstruct(x), parts.reconstruct(x), rtol=1e-4, atol=1e-5)
    assert parts.encode(x.reshape(3, 100, 32)).shape == (3, 100, 64)


@pytest.mark.parametrize("case", ARCHITECTURES)
def test_bfloat16_rounds_the_factors_and_nothing_else(tmp_path, case):
    import torch

    architecture, cfg = ARCHITECTURES[case]
    folder, x = make_sae(tmp_path / "s", architecture, **cfg), residuals()
    low, plain = DiskSAE(folder, encoder="bfloat16"), DiskSAE(folder)
    assert low.weights["W_enc"].dtype == torch.bfloat16 and low.weights["b_dec"].dtype == torch.float32
    found = low.encode(x)
    assert found.dtype == torch.float32
    # the plain one, given weights and what is multiplied with them as bfloat16 has them
    plain.weights["W_enc"] = plain.weights["W_enc"].bfloat16().float()
    plain._times = lambda y, w: y.bfloat16().float() @ w
    expected = plain.encode(x)
    assert torch.equal(found != 0, expected != 0) and torch.allclose(found, expected, rtol=1e-5, atol=2e-5)
    # and what is rebuilt is near where no feature has flipped: of top-k, one flip is another feature
    again = DiskSAE(folder)
    kept = ((again.encode(x) != 0) == (found != 0)).all(1)
    assert not torch.equal(again.encode(x), found) and kept.float().mean() > 0.5
    assert torch.allclose(again.reconstruct(x)[kept], low.reconstruct(x)[kept], rtol=0.02, atol=0.25)


def test_columns_of_bfloat16_are_widened_in_turn(tmp_path, monkeypatch):
    import torch

    folder, x = make_sae(tmp_path / "s"), residuals()
    whole = DiskSAE(folder, encoder="bfloat16").encode(x)
    monkeypatch.setattr(saes, "COLUMNS", 5)
    assert torch.allclose(DiskSAE(folder, encoder="bfloat16").encode(x), whole, rtol=1e-5, atol=2e-5)


def test_tf32_is_set_for_the_product_alone_and_put_back(tmp_path, monkeypatch):
    import torch

    matmul, seen = torch.backends.cuda.matmul, []
    sae = DiskSAE(make_sae(tmp_path / "s"), encoder="tf32")
    before = matmul.fp32_precision
    monkeypatch.setattr(sae, "_times", lambda x, w: (seen.append(matmul.fp32_precision), x @ w)[1])
    sae.encode(residuals())
    assert seen == ["tf32"] and matmul.fp32_precision == before

    def fails(x, w):
        raise RuntimeError("in between")

    monkeypatch.setattr(sae, "_times", fails)
    with pytest.raises(RuntimeError, match="between"):
        sae.encode(residuals())
    assert matmul.fp32_precision == before
    plain = DiskSAE(tmp_path / "s")
    monkeypatch.setattr(plain, "_times", lambda x, w: (seen.append(matmul.fp32_precision), x @ w)[1])
    plain.encode(residuals())
    assert seen[-1] == before


def test_the_decoder_stays_in_the_file_until_it_is_asked_for(tmp_path):
    sae = DiskSAE(make_sae(tmp_path / "s"))
    before = sae.weights["W_dec"]
    sae.encode(residuals())
    assert sae.weights["W_dec"] is before
    rebuilt = sae.reconstruct(residuals())
    assert np.isfinite(rebuilt.numpy()).all()
