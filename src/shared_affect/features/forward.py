"""Running chunks: residuals at the read-out positions, and the codes of every SAE that reads them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.features.chunks import Chunk
from shared_affect.features.encoding import Arrays, Later, copy_later, narrow, sparse_codes, take_rows
from shared_affect.features.held import Loaded
from shared_affect.models.residual import Prefix
from shared_affect.models.saes import SAE

if TYPE_CHECKING:
    from torch import Tensor

STATIC = "@static"
"""Name of the record of a chunk's mean input embeddings."""


def residuals_at(layer: int) -> str:
    """Name of the record of a chunk's residuals after a block.

    >>> residuals_at(20)
    '@20'
    """
    return f"@{layer}"


def forward(
    loaded: Loaded,
    bundles: Sequence[Sequence[Chunk]],
    needs: Mapping[Chunk, Iterable[str]],
    layer_of: Mapping[str, int],
    sae: Callable[[str], SAE],
    chunk_batch: int,
    *,
    reuse: bool,
    model: str,
) -> dict[Chunk, dict[str, Later]]:
    """Records of chunks: residuals of all bundles first, and then every SAE in turn over all of them.

    Parameters
    ----------
    loaded : Loaded
    bundles : sequence of sequence of Chunk
        The chunks of a bundle are forwarded together and have one template.
    needs : mapping of Chunk -> names of the records that are wanted of it
        Names of SAEs, `residuals_at` of a layer, `STATIC`.
    layer_of : mapping of SAE name -> block that it reads
    sae : callable
        Gives an SAE by its name; it may let others go for it.
    chunk_batch : int
        Texts a forward pass.
    reuse : bool
        Whether texts may share the cache of their beginning (`proof`).
    model : str
        Named in errors.

    Returns
    -------
    dict
        Chunk -> name -> arrays, when they are asked for: of a layer ``dense [2, n, d_in]`` as `encoding.narrow` keeps
        it (at the word's last token, and after it), of `STATIC` ``static [n, d]``, of an SAE the codes of ``2 * n``
        residuals as the arrays of a CSR matrix.

    Raises
    ------
    ValueError
        If a residual or a code is not finite.
    """
    import torch

    wanted = {name for own in needs.values() for name in own}
    layers = {n: layer_of[n] for n in sorted(wanted) if n in layer_of}
    kept = {layer for layer in set(layer_of.values()) if residuals_at(layer) in wanted}
    found: dict[Chunk, dict[str, Later]] = {c: {} for bundle in bundles for c in bundle}
    with torch.inference_mode():
        joined = [_join(bundle) for bundle in bundles]
        stacks = []
        for (chunk, rows), bundle in zip(joined, bundles, strict=True):
            deep = sorted(kept | set(layers.values()))
            stack = _stack(loaded, chunk, deep, chunk_batch, reuse, model) if deep else {}
            stacks.append(stack)
            for layer in sorted(kept):
                later = _once(copy_later(stack[layer]))
                for c, own in zip(bundle, rows, strict=True):
                    if residuals_at(layer) in needs[c]:
                        found[c][residuals_at(layer)] = _dense_of(later, own, _dtype(stack[layer]))
            for c in bundle:
                if STATIC in needs[c]:
                    found[c][STATIC] = _static(loaded, c)
        for name, layer in layers.items():
            for (_, rows), bundle, stack in zip(joined, bundles, stacks, strict=True):
                if any(name in needs[c] for c in bundle):
                    codes = sparse_codes(sae(name), stack[layer].flatten(0, 1))
                    codes = codes if len(bundle) == 1 else _once(codes)
                    for c, own in zip(bundle, rows, strict=True):
                        if name in needs[c]:
                            found[c][name] = codes if len(bundle) == 1 else _codes_of(codes, own)
    return found


def _join(bundle: Sequence[Chunk]) -> tuple[Chunk, list[np.ndarray]]:
    """Chunks of one template as one, sorted as a chunk is, and the places of each one's texts in it."""
    if len(bundle) == 1:
        return bundle[0], [np.arange(len(bundle[0].stimuli))]
    every = [(s, k, i) for k, c in enumerate(bundle) for i, s in enumerate(c.stimuli)]
    every.sort(key=lambda e: (len(e[0].ids), e[0].text))
    rows = [np.zeros(len(c.stimuli), np.int64) for c in bundle]
    for at, (_, k, i) in enumerate(every):
        rows[k][i] = at
    return Chunk(bundle[0].template, tuple(s for s, _, _ in every)), rows


def _once(later: Callable) -> Callable:
    """What is asked for by several is fetched once."""
    kept: list = []

    def arrays():
        if not kept:
            kept.append(later())
        return kept[0]

    return arrays


def _dtype(x: Tensor) -> str:
    return str(x.dtype).removeprefix("torch.")


def _dense_of(later: Callable[[], list[np.ndarray]], rows: np.ndarray, dtype: str) -> Later:
    return lambda: narrow(later()[0][:, rows], dtype)


def _codes_of(codes: Later, rows: np.ndarray) -> Later:
    """Those of one chunk among the codes of several, its texts at the word first, then after it."""

    def arrays() -> Arrays:
        every = codes()
        n = (len(every["indptr"]) - 1) // 2
        data, indices, counts = take_rows(every, np.concatenate([rows, rows + n]))
        indptr = np.concatenate([[0], np.cumsum(counts)]).astype(np.int64)
        return {"data": data, "indices": indices, "indptr": indptr, "d_sae": every["d_sae"]}

    return arrays


def _stack(
    loaded: Loaded, chunk: Chunk, layers: list[int], chunk_batch: int, reuse: bool, model: str
) -> dict[int, Tensor]:
    """Residuals ``[2, n, d]`` after each block, in the model's own type."""
    import torch

    found = _residuals(loaded, chunk, layers, chunk_batch, reuse)
    stack = {}
    for layer in layers:
        stack[layer] = torch.cat(found.pop(layer)).transpose(0, 1).contiguous()
        if not torch.isfinite(stack[layer]).all():
            raise ValueError(
                f"{model}: NaN or infinite residual after block {layer}; try dtype float32 (config/models.tsv)"
            )
    return stack


def _residuals(
    loaded: Loaded, chunk: Chunk, layers: list[int], chunk_batch: int, reuse: bool
) -> dict[int, list[Tensor]]:
    """Residuals ``[texts, 2, d]`` of each pass after each block, at the word's last token and after it.

    Tokens that all texts begin with are computed once; those after the last read-out position never.
    """
    import torch

    stimuli, device = chunk.stimuli, loaded.device
    common = chunk.common_prefix()
    rests = [s.ids[common : s.after + 1] for s in stimuli]
    width = max(map(len, rests))
    ids = torch.tensor([rest + (0,) * (width - len(rest)) for rest in rests], device=device)
    at = torch.tensor([[s.last, s.after] for s in stimuli], device=device) - common
    longest = np.array([s.after for s in stimuli]) - common
    found: dict[int, list[Tensor]] = {layer: [] for layer in layers}
    prefix = Prefix(loaded.model, layers, stimuli[0].ids[:common], reuse=reuse)
    for i in range(0, len(stimuli), chunk_batch):
        # sorted by length, so little is padding
        part = slice(i, i + chunk_batch)
        out = prefix.continued(ids[part, : int(longest[part].max()) + 1])
        rows = torch.arange(len(ids[part]), device=device)[:, None]
        for layer in layers:
            found[layer].append(out[layer][rows, at[part]])
    return found


def _static(loaded: Loaded, chunk: Chunk) -> Later:
    """Mean input embedding of each word's tokens, ``[n, d]`` float32."""
    import torch

    device = loaded.device
    pieces = [s.ids[s.first : s.last + 1] for s in chunk.stimuli]
    sizes = torch.tensor([len(p) for p in pieces], device=device)
    rows = loaded.model.get_input_embeddings()(torch.tensor([i for p in pieces for i in p], device=device)).float()
    words = torch.repeat_interleave(torch.arange(len(pieces), device=device), sizes)
    sums = torch.zeros(len(pieces), rows.shape[1], device=device).index_add_(0, words, rows)
    later = copy_later(sums / sizes[:, None])
    return lambda: {"static": later()[0]}
