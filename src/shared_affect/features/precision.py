"""What reduced precision changes in residuals and codes."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np


def difference(reference: Mapping[str, np.ndarray], low: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Differences of two results of `forward.forward` for one SAE.

    Returns
    -------
    dict
        Arrays of one number: ``precision_cosine`` (smallest cosine of a residual with its reference),
        ``precision_max_abs_diff`` (of the codes), ``precision_flips`` (share of the codes active in either that are
        active in one alone).
    """
    a, b = (r["dense"].astype(np.float64) for r in (reference, low))
    cosine = (a * b).sum(-1) / np.linalg.norm(a, axis=-1) / np.linalg.norm(b, axis=-1)
    codes = []
    for r in (reference, low):
        dense = np.zeros((len(r["indptr"]) - 1, int(r["d_sae"][0])), np.float32)
        dense[np.repeat(np.arange(len(dense)), np.diff(r["indptr"])), r["indices"]] = r["data"]
        codes.append(dense)
    active = [c != 0 for c in codes]
    flips = (active[0] ^ active[1]).sum() / max(1, (active[0] | active[1]).sum())
    found = {
        "precision_cosine": cosine.min(),
        "precision_max_abs_diff": np.abs(codes[0] - codes[1]).max(),
        "precision_flips": flips,
    }
    return {k: np.array([v], np.float64) for k, v in found.items()}
