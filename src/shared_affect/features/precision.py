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
    return {"precision_cosine": np.array([cosine.min()], np.float64)} | codes_differ(reference, low, "precision")


def codes_differ(reference: Mapping[str, np.ndarray], low: Mapping[str, np.ndarray], of: str) -> dict[str, np.ndarray]:
    """Differences of two matrices of codes, row by row, so that no dense matrix of them stands in memory.

    Parameters
    ----------
    reference, low : mapping
        ``data, indices, indptr, d_sae``.
    of : {"precision", "encoder"}
        What was reduced: begins the names.

    Returns
    -------
    dict
        Arrays of one number: ``{of}_max_abs_diff`` and ``{of}_flips`` (share of the codes active in either that are
        active in one alone).

    Examples
    --------
    >>> a = dict(data=np.array([2.0, 1.0]), indices=np.array([0, 3]), indptr=np.array([0, 2]), d_sae=np.array([4]))
    >>> b = a | dict(data=np.array([2.5, 0.25]), indices=np.array([0, 1]))
    >>> {k: float(v[0]) for k, v in codes_differ(a, b, "encoder").items()}  # doctest: +NORMALIZE_WHITESPACE
    {'encoder_max_abs_diff': 1.0, 'encoder_flips': 0.6666666666666666}
    """
    largest, flips, either = 0.0, 0, 0
    for row in range(len(reference["indptr"]) - 1):
        dense, active = [], []
        for r in (reference, low):
            part = slice(r["indptr"][row], r["indptr"][row + 1])
            one = np.zeros(int(r["d_sae"][0]), np.float32)
            one[r["indices"][part]] = r["data"][part]
            dense.append(one)
            active.append(one != 0)
        largest = max(largest, float(np.abs(dense[0] - dense[1]).max()))
        flips, either = flips + int((active[0] ^ active[1]).sum()), either + int((active[0] | active[1]).sum())
    found = {f"{of}_max_abs_diff": largest, f"{of}_flips": flips / max(1, either)}
    return {k: np.array([v], np.float64) for k, v in found.items()}
