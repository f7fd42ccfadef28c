"""Sets of features outside the emotion space that are like it in how often and how strongly they fire."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG


@dataclass(frozen=True)
class MatchedDraws:
    """Sets of features outside the space, matched to it on firing density and norm.

    Attributes
    ----------
    draws : list of int arrays
        Feature ids, one array a draw, as many as targets; empty if not drawn.
    balance : DataFrame
        variable (`log_density`, `log_norm`), smd_before (targets against the whole pool), smd_after (mean over draws),
        smd_after_worst (largest absolute): standardised mean differences, pooled SD of targets and pool.
    n_beyond : float
        Targets per draw, on average, whose nearest free partner lay beyond the caliper and was taken all the same.
    caliper : float
    n_target, n_pool : int
    reason : str or None
        Why nothing was drawn, with the counts.
    """

    draws: list[np.ndarray]
    balance: pd.DataFrame
    n_beyond: float
    caliper: float
    n_target: int
    n_pool: int
    reason: str | None


def _log_positive(values: np.ndarray, used: np.ndarray, name: str) -> np.ndarray:
    values = np.asarray(values, float)
    if not np.isfinite(values[used]).all() or (values[used] < 0).any():
        raise ValueError(
            f"{name} holds negative or missing values; allowed: finite, >= 0 (check the SAE's feature table)"
        )
    positive = values[used][values[used] > 0]
    # features silent on the neutral text get half of the smallest rate seen, not -inf
    return np.log(np.maximum(values, positive.min() / 2 if len(positive) else 1.0))


def _draw_partners(distance: np.ndarray, caliper: float, rng: np.random.Generator) -> tuple[np.ndarray, int]:
    """A free column of distance [targets, pool] for each row, in random order, and how many lie beyond the caliper."""
    free = np.ones(distance.shape[1], bool)
    taken, beyond = np.empty(len(distance), int), 0
    for t in rng.permutation(len(distance)):
        near = np.flatnonzero(free & (distance[t] <= caliper))
        if len(near):
            taken[t] = near[rng.integers(len(near))]
        else:
            taken[t] = np.where(free, distance[t], np.inf).argmin()
            beyond += 1
        free[taken[t]] = False
    return taken, beyond


def matched_draws(
    target_ids: np.ndarray,
    pool_ids: np.ndarray,
    density: np.ndarray,
    norm: np.ndarray,
    *,
    n_draws: int = 100,
    caliper: float = 0.25,
    rng: np.random.Generator,
) -> MatchedDraws:
    """Draw sets of live features outside the space, as many as inside and like them in density and norm.

    Parameters
    ----------
    target_ids, pool_ids : int arrays
        Features of the space; live features that may stand in. Targets are taken out of the pool.
    density, norm : array [F]
        Firing rate; size of the feature (norm of its codes), both on the words that are predicted, indexed by feature
        id.
    n_draws : int
    caliper : float
        In units of the pooled SD of log density and of log norm: a partner must lie within it on both.

    Returns
    -------
    MatchedDraws
        In each draw the targets are served in random order, each by a random free feature within the caliper, without
        replacement; where there is none, by the nearest free one (counted). Without a target, or with fewer than 2x as
        many features in the pool as targets, nothing is drawn and `reason` says so.
    """
    target_ids = np.unique(np.asarray(target_ids, int))
    pool_ids = np.setdiff1d(np.asarray(pool_ids, int), target_ids)
    if n_draws < 1 or caliper <= 0:
        raise ValueError(f"n_draws {n_draws}, caliper {caliper}; allowed: >= 1, > 0 (config.yaml)")
    if not len(target_ids) or len(pool_ids) < 2 * len(target_ids):
        reason = (
            f"{len(pool_ids)} live features outside for {len(target_ids)} inside; at least twice as many are needed"
        )
        reason = reason if len(target_ids) else f"no live feature in the space ({len(pool_ids)} outside)"
        LOG.info("outside-matched not tested: %s", reason)
        return MatchedDraws([], pd.DataFrame(), 0.0, caliper, len(target_ids), len(pool_ids), reason)
    used = np.concatenate([target_ids, pool_ids])
    logs = np.stack([_log_positive(density, used, "density"), _log_positive(norm, used, "norm")], 1)
    inside, outside = logs[target_ids], logs[pool_ids]
    pooled = np.sqrt((inside.var(0) + outside.var(0)) / 2)
    pooled[pooled == 0] = 1.0
    # both variables one after the other: 300 targets and 100,000 others are 240 MB in float64, twice
    apart = [np.abs(inside[:, None, k] - outside[None, :, k]) / pooled[k] for k in range(len(pooled))]
    distance = np.maximum(*apart)
    del apart
    drawn = [_draw_partners(distance, caliper, rng) for _ in range(n_draws)]
    draws, beyond = [pool_ids[taken] for taken, _ in drawn], sum(far for _, far in drawn)
    after = np.array([(inside.mean(0) - logs[d].mean(0)) / pooled for d in draws])
    balance = pd.DataFrame(
        {
            "variable": ["log_density", "log_norm"],
            "smd_before": (inside.mean(0) - outside.mean(0)) / pooled,
            "smd_after": after.mean(0),
            "smd_after_worst": np.abs(after).max(0),
        }
    )
    LOG.info(
        "outside-matched: %d draws, %.1f of %d partners beyond the caliper", n_draws, beyond / n_draws, len(target_ids)
    )
    return MatchedDraws(draws, balance, beyond / n_draws, caliper, len(target_ids), len(pool_ids), None)
