"""One-sided p of correlations with raters: labels of a representation permuted, or the codes behind it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np

from shared_affect.base.stats import CONSTANT, midranks
from shared_affect.spaces.pair_sets import PairSet
from shared_affect.spaces.rater_ranks import Estimates
from shared_affect.spaces.rdm import DrawnRDMs

PERMUTATION_NUMBERS = 2_000_000  # index entries held at once: 16 MB, and as much again for the permuted values


def permuted_indices(chosen: PairSet, n: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Blocks of flat positions in an (n, n) matrix: where each pair's value comes from, (block, P)."""
    size = len(chosen.labels)
    block = max(1, PERMUTATION_NUMBERS // len(chosen.first))
    for start in range(0, n, block):
        count = min(block, n - start)
        order = np.empty((count, size), int)
        for group in chosen.groups:
            order[:, group] = rng.permuted(np.tile(group, (count, 1)), axis=1)
        yield order[:, chosen.first] * size + order[:, chosen.second]


def permutation_p(
    found: Estimates, n_permutations: Mapping[str, int], rng: np.random.Generator
) -> dict[str, np.ndarray]:
    """One-sided p of rho for both statistics, name -> (2,), by joint permutation of the model's labels.

    What is permuted is the residual matrix (the rank matrix where there are no nuisances). Permuted residuals are
    made orthogonal to the nuisances again, so that every permuted value is a partial correlation as the observed one
    is (double semi-partialling: Dekker, Krackhardt & Snijders 2007, Psychometrika 72:563).
    """
    chosen, at, human = found.chosen, found.at, found.human
    size = len(chosen.labels)
    targets = np.column_stack([human.mean_ranks[:, 0] / at.variation[0], at.residual(human.mean_unit)[:, 0]])
    projector = at.basis[..., 0].T
    inverse = at.inverse[0] if len(at.basis) else np.empty((0, 0))
    matrices, observed, counts = {}, {}, {}
    for name in n_permutations:
        residual = at.residual(at.ranks(found.values[name]))[:, 0]
        if (residual**2).sum() <= CONSTANT * at.variation[0]:
            residual = np.zeros_like(residual)
        square = np.zeros((size, size))
        square[chosen.first, chosen.second] = square[chosen.second, chosen.first] = residual
        matrices[name] = square.ravel()
        observed[name] = residual @ targets
        if len(at.basis):
            observed[name] = observed[name] * at.inverse_norm((residual**2).sum()[None])[0]
        counts[name] = np.zeros(2, int)
    done = 0
    for index in permuted_indices(chosen, max(n_permutations.values()), rng):
        for name, matrix in matrices.items():
            wanted = n_permutations[name] - done
            if wanted <= 0:
                continue
            permuted = matrix[index[:wanted]]
            products = permuted @ targets
            if len(at.basis):
                on_nuisances = permuted @ projector
                squares = (matrix**2).sum() / 2 - ((on_nuisances @ inverse) * on_nuisances).sum(1)
                products = products * at.inverse_norm(squares)[:, None]
            counts[name] += (products >= observed[name] - 1e-12).sum(0)
        done += len(index)
    return {name: (counts[name] + 1) / (n_permutations[name] + 1) for name in n_permutations}


def codes_p(found: Estimates, permuted: Mapping[str, DrawnRDMs]) -> dict[str, np.ndarray]:
    """One-sided p of rho for both statistics, name -> (2,), among RDMs of permuted codes."""
    chosen, at, human = found.chosen, found.at, found.human
    targets = np.column_stack([human.mean_ranks[:, 0] / at.variation[0], human.mean_unit[:, 0]])
    out = {}
    for name, draws in permuted.items():
        drawn = draws.subset(chosen.labels).values[:, chosen.condensed()]
        # the observed representation stands in the first row, so that both sides are rounded alike
        ranks = midranks(np.vstack([found.values[name].astype(drawn.dtype), drawn])) - (at.total[0] + 1) / 2
        residual = ranks
        if len(at.basis):
            residual = ranks - ranks @ at.weighted_basis[..., 0].T @ at.inverse[0] @ at.basis[..., 0]
        each = np.column_stack(
            [ranks @ targets[:, 0], (residual @ targets[:, 1]) * at.inverse_norm((residual**2).sum(1)[:, None])[:, 0]]
        )
        out[name] = (1 + (each[1:] >= each[0] - 1e-12).sum(0)) / len(each)
    return out
