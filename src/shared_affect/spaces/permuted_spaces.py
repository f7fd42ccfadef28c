"""The emotion spaces of worlds in which codes have nothing to do with words."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import numpy as np

from shared_affect.features.codes import LanguageCodes
from shared_affect.features.permuted import permuted_selections
from shared_affect.spaces.rdm import DrawnRDMs
from shared_affect.spaces.rungs import TESTED


def permuted_spaces(
    codes: LanguageCodes, contrast: Collection[str], settings: Mapping, n: int, rng: np.random.Generator
) -> dict[str, DrawnRDMs]:
    """``sae-space`` and ``sae-all`` of worlds in which codes have nothing to do with words: the null of the claims on
    congruence.

    In each draw the codes of all concept words are permuted over the words, concept-sets as they are, and features are
    selected anew.

    Parameters
    ----------
    codes : LanguageCodes
    contrast, settings
        As in `selection.select`.
    n : int
        Draws.

    Returns
    -------
    dict of representation -> DrawnRDMs, float32
    """
    c = codes.concepts
    outer = (c.sparse.astype(float) @ c.sparse.astype(float).T).toarray()
    outer -= outer.mean(0)
    outer -= outer.mean(1, keepdims=True)
    share = codes.membership / codes.membership.sum(0)
    first, second = np.triu_indices(len(codes.emotions), 1)
    found = {name: np.empty((n, first.size), np.float32) for name in TESTED}
    for k, (order, x) in enumerate(permuted_selections(codes, contrast, settings, n, rng)):
        moved = np.empty_like(share)
        moved[order] = share  # word i has the codes of word order[i]
        points = moved.T @ (x - x.mean(0))
        for name, products in (("sae-space", points @ points.T), ("sae-all", moved.T @ (outer @ moved))):
            found[name][k] = _cosine_distances(products)[first, second]
    return {name: DrawnRDMs(codes.emotions, values) for name, values in found.items()}


def _cosine_distances(products: np.ndarray) -> np.ndarray:
    """1 - cosine from inner products; a vector without length stands at the mean distance, as in random draws."""
    square = np.diag(products)
    # what centring leaves of a zero vector is rounding
    norm = np.sqrt(np.where(square > 1e-12 * square.max(), square, np.inf))
    return np.round(1 - products / np.outer(norm, norm), 12)
