"""SAE codes of whole texts: the mean over their tokens, and what stands at the last one.

A word is read where it ends. A text that shows an emotion without naming it has no such place: a feature may fire
anywhere in it. The mean over all tokens but the first looks everywhere and is the primary reading; the last token, at
which a causal model has read the whole, stands beside it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from shared_affect.features.encoding import Arrays
from shared_affect.models.fidelity import rows_at_once
from shared_affect.models.residual import block_outputs
from shared_affect.models.saes import SAE
from shared_affect.models.tokens import Coded

if TYPE_CHECKING:
    from transformers import PreTrainedModel

READOUTS = ("mean", "last")
"""In the order of the rows; the first is primary."""


def text_codes(
    model: PreTrainedModel,
    layer_of: Mapping[str, int],
    sae_of: Callable[[str], SAE],
    texts: Sequence[Coded],
    device: str,
    batch: int,
) -> dict[str, Arrays]:
    """Codes of texts at each of `READOUTS`.

    Parameters
    ----------
    model : causal language model
        Down to the deepest block that is read.
    layer_of : mapping of SAE name -> block that it reads
    sae_of : callable
        Gives an SAE by its name; it may let others go for it.
    texts : sequence of Coded
    device : str
    batch : int
        Texts a forward pass.

    Returns
    -------
    dict
        ``[SAE]`` -> ``n_tokens [n]`` (positions that count) and the codes as a CSR matrix (``data, indices, indptr,
        d_sae``) of ``2 * n`` rows: the means of all texts, then their last positions. Of 216 texts and 131,072 features
        some 17 MB; the dense codes of a text's tokens stand in memory in parts of `fidelity.rows_at_once` rows.

    Raises
    ------
    ValueError
        If a text has no position that counts, or more tokens than the model reads, or a residual is not finite.
    """
    import torch

    if empty := [i for i, c in enumerate(texts) if not any(c.counts)]:
        raise ValueError(f"text {empty[0] + 1} of {len(texts)} has no token behind the first; needed: one or more")
    longest = max(len(c.ids) for c in texts)
    limit = getattr(model.config.get_text_config(decoder=True), "max_position_embeddings", None)
    if limit and longest > limit:
        raise ValueError(
            f"a text has {longest} tokens, the model reads {limit}; allowed: as many (config.json,"
            " max_position_embeddings); leave validity out for this model (config.yaml)"
        )
    order = sorted(range(len(texts)), key=lambda i: (len(texts[i].ids), i))
    found = {}
    for name, layer in layer_of.items():
        sae = sae_of(name)
        rows: list[list] = [[None] * len(texts) for _ in READOUTS]
        with torch.inference_mode():
            for start in range(0, len(order), batch):
                part = order[start : start + batch]
                width = max(len(texts[i].ids) for i in part)
                # padded on the right, where no counted position looks
                ids = torch.tensor([texts[i].ids + [0] * (width - len(texts[i].ids)) for i in part], device=device)
                out = block_outputs(model, [layer], input_ids=ids)[layer]
                for at, i in enumerate(part):
                    counts = torch.tensor(texts[i].counts, device=device)
                    residuals = out[at, : len(counts)][counts].float()
                    if not torch.isfinite(residuals).all():
                        raise ValueError(
                            f"NaN or infinite residual after block {layer}; try dtype float32 (config/models.tsv)"
                        )
                    codes = [sae.encode(piece) for piece in residuals.split(rows_at_once(sae.d_sae))]
                    total = sum((c.sum(0) for c in codes[1:]), codes[0].sum(0))
                    for own, values in zip(rows, (total / len(residuals), codes[-1][-1]), strict=True):
                        own[i] = _sparse(values.cpu().numpy())
        found[name] = _csr([r for own in rows for r in own], sae.d_sae) | {
            "n_tokens": np.array([sum(c.counts) for c in texts], np.int64)
        }
    return found


def _sparse(values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    if bad := int((~np.isfinite(values)).sum()):
        raise ValueError(f"SAE codes hold {bad} NaN or infinite values")
    at = np.flatnonzero(values)
    return values[at].astype(np.float32), at.astype(np.int32)


def _csr(rows: Sequence[tuple[np.ndarray, np.ndarray]], d_sae: int) -> Arrays:
    return {
        "data": np.concatenate([v for v, _ in rows]),
        "indices": np.concatenate([i for _, i in rows]),
        "indptr": np.concatenate([[0], np.cumsum([len(i) for _, i in rows])]).astype(np.int64),
        "d_sae": np.array([d_sae]),
    }
