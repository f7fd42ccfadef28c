"""Running a chunk: residuals at the read-out positions, and the codes of every SAE that reads them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.features.chunks import Chunk
from shared_affect.features.held import Loaded
from shared_affect.models.residual import Prefix
from shared_affect.models.saes import SAE

if TYPE_CHECKING:
    from torch import Tensor

ENCODE_BATCH = 1024
"""Residuals encoded at once; bounds the dense codes of wide SAEs on the device."""


def forward(
    loaded: Loaded, chunk: Chunk, layer_of: Mapping[str, int], chunk_batch: int, *, reuse: bool, model: str
) -> dict[str, dict[str, np.ndarray]]:
    """Arrays of one chunk for each SAE.

    Tokens that all texts begin with are computed once; those after the last read-out position never.

    Parameters
    ----------
    loaded : Loaded
    chunk : Chunk
    layer_of : mapping of SAE name -> block that it reads
    chunk_batch : int
        Texts a forward pass.
    reuse : bool
        Whether texts may share the cache of their beginning (`proof`).
    model : str
        Named in errors.

    Returns
    -------
    dict
        ``[SAE]`` -> ``dense [2, n, d_in]`` (at the word's last token, and after it), ``static [n, d]``, and the codes
        of ``2 * n`` residuals as the arrays of a CSR matrix.

    Raises
    ------
    ValueError
        If a residual or a code is not finite.
    """
    import torch

    with torch.inference_mode():
        found = _residuals(loaded, chunk, sorted(set(layer_of.values())), chunk_batch, reuse)
        static = _static(loaded, chunk)
        result = {}
        for name, layer in layer_of.items():
            x = torch.cat(found[layer]).transpose(0, 1).float().contiguous()
            if not torch.isfinite(x).all():
                raise ValueError(
                    f"{model}: NaN or infinite residual after block {layer}; try dtype float32 (config/models.tsv)"
                )
            codes = sparse_codes(loaded.saes[name], x.flatten(0, 1))
            result[name] = {"dense": x.cpu().numpy(), "static": static, **codes}
    return result


def _residuals(
    loaded: Loaded, chunk: Chunk, layers: list[int], chunk_batch: int, reuse: bool
) -> dict[int, list[Tensor]]:
    """Residuals ``[texts, 2, d]`` of each pass after each block, at the word's last token and after it."""
    import torch

    stimuli, device = chunk.stimuli, loaded.device
    common = chunk.common_prefix()
    rests = [s.ids[common : s.after + 1] for s in stimuli]
    width = max(map(len, rests))
    ids = torch.tensor([rest + (0,) * (width - len(rest)) for rest in rests], device=device)
    at = torch.tensor([[s.last, s.after] for s in stimuli], device=device) - common
    found: dict[int, list[Tensor]] = {layer: [] for layer in layers}
    prefix = Prefix(loaded.model, layers, stimuli[0].ids[:common], reuse=reuse)
    for i in range(0, len(stimuli), chunk_batch):
        # sorted by length, so the last is the longest
        part = slice(i, i + chunk_batch)
        out = prefix.continued(ids[part, : int(at[part, 1].max()) + 1])
        rows = torch.arange(len(ids[part]), device=device)[:, None]
        for layer in layers:
            found[layer].append(out[layer][rows, at[part]])
    return found


def _static(loaded: Loaded, chunk: Chunk) -> np.ndarray:
    """Mean input embedding of each word's tokens, ``[n, d]`` float32."""
    import torch

    device = loaded.device
    pieces = [s.ids[s.first : s.last + 1] for s in chunk.stimuli]
    sizes = torch.tensor([len(p) for p in pieces], device=device)
    rows = loaded.model.get_input_embeddings()(torch.tensor([i for p in pieces for i in p], device=device)).float()
    words = torch.repeat_interleave(torch.arange(len(pieces), device=device), sizes)
    sums = torch.zeros(len(pieces), rows.shape[1], device=device).index_add_(0, words, rows)
    return (sums / sizes[:, None]).cpu().numpy()


def sparse_codes(sae: SAE, x: Tensor) -> dict[str, np.ndarray]:
    """Codes of residuals ``[n, d_in]`` as the arrays of a CSR matrix; dense codes stand for `ENCODE_BATCH` rows at a
    time.

    Raises
    ------
    ValueError
        If a code is not finite.
    """
    import torch

    data, indices, counts = [], [], []
    for part in x.split(ENCODE_BATCH):
        codes = sae.encode(part)
        # numpy finds what is true several times faster than what is not zero
        active = (codes != 0).cpu().numpy()
        flat = np.flatnonzero(active)
        data.append(codes.flatten()[torch.from_numpy(flat).to(codes.device)].cpu().numpy())
        indices.append((flat % codes.shape[1]).astype(np.int32))
        counts.append(active.sum(1))
    values = np.concatenate(data)
    if not np.isfinite(values).all():
        raise ValueError(
            f"SAE codes hold {int((~np.isfinite(values)).sum())} NaN or infinite values; is a residual zero, which"
            " run-time normalisation divides by?"
        )
    return {
        "data": values,
        "indices": np.concatenate(indices),
        "indptr": np.concatenate([[0], np.cumsum(np.concatenate(counts))]).astype(np.int64),
        "d_sae": np.array([sae.d_sae]),
    }
