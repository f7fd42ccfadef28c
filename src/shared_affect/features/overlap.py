"""Overlap of the features selected in two languages."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np
import pandas as pd


def _selection_matrix(selected: Mapping[str, Collection[int]], emotions: list[str], pool: np.ndarray) -> np.ndarray:
    place = {int(f): i for i, f in enumerate(pool)}
    unknown = sorted({int(f) for e in emotions for f in selected[e]} - place.keys())
    if unknown:
        raise ValueError(f"selected features {unknown[:5]} are not in the pool; allowed: features of the pool only")
    out = np.zeros((len(emotions), len(pool)), bool)
    for i, e in enumerate(emotions):
        out[i, [place[int(f)] for f in selected[e]]] = True
    return out


def jaccard_overlap(
    selected_a: Mapping[str, Collection[int]],
    selected_b: Mapping[str, Collection[int]],
    *,
    pool: Sequence[int] | np.ndarray,
    density: np.ndarray,
    n_permutations: int = 1000,
    n_strata: int = 10,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Jaccard overlap of the features selected in two languages, with a density-matched expectation.

    Parameters
    ----------
    selected_a, selected_b : emotion -> feature ids
    pool : feature ids [P]
        Features that could have been selected; every selected one must be among them.
    density : array [P]
        Their firing rates, in the order of `pool`. Permutations exchange the features of `selected_b` inside strata of
        equal size along the ranked density, all emotions together, so that overlaps between emotions stay.

    Returns
    -------
    DataFrame
        scope (`emotion`, `union`), emotion (`all` for the union), jaccard, expected, null_high (97.5 %), p, n_a, n_b,
        n_permutations.

    Raises
    ------
    ValueError
        For other emotions in the two selections, an empty selection, doubled or missing pool members.
    """
    emotions = list(selected_a)
    pool, density = np.asarray(pool), np.asarray(density, float)
    if set(emotions) != set(selected_b) or not emotions:
        raise ValueError(
            f"emotions differ: {sorted(set(emotions) ^ set(selected_b))}; allowed: the same emotions in both"
        )
    if len(np.unique(pool)) != len(pool) or density.shape != pool.shape:
        raise ValueError(
            f"pool {pool.shape} has doubled ids or density {density.shape} does not fit; allowed: one density per id"
        )
    if n_permutations < 1 or n_strata < 1:
        raise ValueError(f"n_permutations {n_permutations}, n_strata {n_strata}; allowed: integers >= 1 (config.yaml)")
    order = np.argsort(density, kind="stable")
    pool = pool[order]
    a, b = (_selection_matrix(s, emotions, pool) for s in (selected_a, selected_b))
    if not (a.any(1).all() and b.any(1).all()):
        raise ValueError("an emotion has no selected feature; allowed: at least one per emotion and language")
    stratum = np.arange(len(pool)) * min(n_strata, len(pool)) // len(pool)
    a, b = (np.vstack([m, m.any(0)]) for m in (a, b))

    def jaccard(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return (x & y).sum(1) / (x | y).sum(1)

    observed = jaccard(a, b)
    null = np.array([jaccard(a, b[:, np.lexsort((rng.random(len(pool)), stratum))]) for _ in range(n_permutations)])
    return pd.DataFrame(
        {
            "scope": ["emotion"] * len(emotions) + ["union"],
            "emotion": [*emotions, "all"],
            "jaccard": observed,
            "expected": null.mean(0),
            "null_high": np.quantile(null, 0.975, axis=0),
            "p": (1 + (null >= observed - 1e-12).sum(0)) / (n_permutations + 1),
            "n_a": a.sum(1),
            "n_b": b.sum(1),
            "n_permutations": n_permutations,
        }
    )
