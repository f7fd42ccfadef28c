"""Features drawn at random in place of selected ones, alike in how often they fire."""

from __future__ import annotations

import numpy as np

NEAREST = 10
"""Unused features among which a random partner is drawn."""


def random_features(
    selected: np.ndarray, pool: np.ndarray, density: np.ndarray, rng: np.random.Generator
) -> np.ndarray:
    """Features of `pool` that stand in for the selected ones, each matched on firing density.

    Each selected feature, in random order, gets one of the `NEAREST` unused features of the pool nearest in density.
    If the pool holds fewer than twice as many features, only half of it is drawn, so that draws differ.

    Parameters
    ----------
    selected, pool : ndarray of int
        Feature ids, none in both.
    density : ndarray, ``[d_sae]``
        Firing rate on neutral tokens.

    Returns
    -------
    ndarray of int
        Sorted ids, ``min(len(selected), max(1, len(pool) // 2))`` of them.

    Raises
    ------
    ValueError
        If the pool is empty.
    """
    if not len(pool):
        raise ValueError(
            "no feature outside the emotion space fires on a concept word; take fewer features an emotion (config.yaml,"
            " key features.per_emotion)"
        )
    free, rates = np.ones(len(pool), bool), density[pool]
    for wanted in density[rng.permutation(selected)[: max(1, len(pool) // 2)]]:
        left = rng.permutation(np.flatnonzero(free))
        near = left[_smallest(np.abs(rates[left] - wanted), NEAREST)]
        free[rng.choice(near)] = False
    return np.sort(pool[~free])


def _smallest(values: np.ndarray, n: int) -> np.ndarray:
    """Places of the `n` smallest values, ascending, of equal ones the first: a stable sort's, without sorting all."""
    if len(values) <= n:
        return np.argsort(values, kind="stable")
    at = np.flatnonzero(values <= np.partition(values, n - 1)[n - 1])
    return at[np.argsort(values[at], kind="stable")[:n]]
