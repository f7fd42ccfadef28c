"""Correlation of a representation with every rater and with their mean, in any number of resamples at once.

One code path serves estimates and bootstraps: an estimate is the resample in which everything occurs once. Ranks are
linear in what is needed, so the mean over raters costs one product (see `Humans`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from shared_affect.base.stats import CONSTANT, rank_variation, weighted_midranks
from shared_affect.spaces.pair_sets import PairSet
from shared_affect.spaces.rdm import RDM, RaterRDMs

STATISTICS = ("rho-a", "spearman")


class Resamples:
    """How often each pair occurs in each resample, and the nuisance ranks there.

    `weights` (P, B) holds products of emotion multiplicities; with nuisance values (q, P), `basis` (q, P, B) holds
    their centred ranks in units of the rank variation and `inverse` (B, q, q) the inverse of their products.
    """

    def __init__(self, weights: np.ndarray, nuisances: np.ndarray) -> None:
        self.weights = weights
        self.total = weights.sum(0)
        self.variation = rank_variation(self.total)
        self.basis = np.empty((0, *weights.shape))
        if len(nuisances):
            self.basis = np.stack([self.ranks(z) for z in nuisances]) / np.sqrt(self.variation)
            self.weighted_basis = self.basis * weights
            products = np.einsum("kpb,lpb->bkl", self.weighted_basis, self.basis)
            # Nuisances may coincide in a resample: the pseudo-inverse spans what they span together.
            self.inverse = np.linalg.pinv(products, rcond=CONSTANT, hermitian=True)

    def ranks(self, values: np.ndarray) -> np.ndarray:
        """Mid-ranks minus their mean, (P, B)."""
        return weighted_midranks(values, self.weights) - (self.total + 1) / 2

    def residual(self, ranks: np.ndarray) -> np.ndarray:
        """What the nuisances leave of centred ranks; the ranks themselves where there are none."""
        if not len(self.basis):
            return ranks
        products = np.einsum("kpb,pb->kb", self.weighted_basis, ranks)
        return ranks - np.einsum("kpb,kb->pb", self.basis, np.einsum("bkl,lb->kb", self.inverse, products))

    def inverse_norm(self, squares: np.ndarray) -> np.ndarray:
        """1 / sqrt(sum of squares), or 0 where a side is constant: no order, no correlation."""
        ok = squares > CONSTANT * self.variation
        return np.where(ok, 1 / np.sqrt(np.where(ok, squares, 1)), 0)


class Humans:
    """The human side of every resample, shared by all representations.

    rho-a and the numerator of Spearman's rho are linear in a rater's ranks, so the mean over raters needs only the
    mean of their ranks (`mean_ranks`) and of their ranks divided by their residual norm (`mean_unit`). A rater's ranks
    are tabulated once per level of judgement: a sparse (rater and level) x pair indicator turns pair weights into
    counts and tables back into pairs.
    """

    def __init__(self, values: np.ndarray) -> None:
        self.values = values
        levels = [np.unique(row, return_inverse=True) for row in values]
        sizes = np.array([len(u) for u, _ in levels])
        self.starts = np.concatenate([[0], np.cumsum(sizes)[:-1]])
        self.rater_of = np.repeat(np.arange(len(values)), sizes)
        rows = np.concatenate([inverse + s for (_, inverse), s in zip(levels, self.starts)])
        columns = np.tile(np.arange(values.shape[1]), len(values))
        self.indicator = sparse.csr_array((np.ones(rows.size), (rows, columns)), shape=(sizes.sum(), values.shape[1]))
        self.to_pairs = self.indicator.T.tocsr()

    def sides(self, at: Resamples, rater_weights: np.ndarray) -> HumanSide:
        """Mean and group ranks, given how often each rater occurs, (R, B)."""
        counts = self.indicator @ at.weights
        # Counts of all levels of a rater sum to the number of pairs: take off what earlier raters added.
        below = np.cumsum(counts, axis=0) - counts - self.rater_of[:, None] * at.total
        table = below + counts / 2 - at.total / 2
        squares = np.add.reduceat(counts * table**2, self.starts, axis=0)
        if len(at.basis):
            products = np.stack(
                [np.add.reduceat(table * (self.indicator @ wz), self.starts, axis=0) for wz in at.weighted_basis]
            )
            squares = squares - np.einsum("krb,bkl,lrb->rb", products, at.inverse, products, optimize=True)
        share = rater_weights / rater_weights.sum(0)
        mean_ranks = self.to_pairs @ (table * share[self.rater_of])
        mean_unit = self.to_pairs @ (table * (share * at.inverse_norm(squares))[self.rater_of])
        # Sums, not means: whole-number judgements then tie exactly.
        group = at.ranks(self.values.T @ rater_weights)
        group_residual = at.residual(group)
        group_unit = group_residual * at.inverse_norm((at.weights * group_residual**2).sum(0))
        return HumanSide(mean_ranks, mean_unit, group, group_unit)


@dataclass(frozen=True, eq=False)
class HumanSide:
    """What raters are in each resample, (P, B): see `Humans`; `group` and `group_unit` are the mean RDM's."""

    mean_ranks: np.ndarray
    mean_unit: np.ndarray
    group: np.ndarray
    group_unit: np.ndarray


def correlations(values: np.ndarray, at: Resamples, human: HumanSide) -> np.ndarray:
    """Of one representation's pair values: (2 statistics, 2 scales, B), scales rho and rho_group."""
    ranks = at.ranks(values)
    residual = at.residual(ranks)
    weighted = at.weights * ranks
    unit = at.weights * residual
    unit = unit * at.inverse_norm((unit * residual).sum(0))
    return np.stack(
        [
            [(weighted * human.mean_ranks).sum(0) / at.variation, (weighted * human.group).sum(0) / at.variation],
            [(unit * human.mean_unit).sum(0), (unit * human.group_unit).sum(0)],
        ]
    )


def unit_resample(n_pairs: int, nuisances: np.ndarray) -> Resamples:
    """The one in which every pair occurs once."""
    return Resamples(np.ones((n_pairs, 1)), nuisances)


@dataclass(frozen=True, eq=False)
class Estimates:
    """Representations and raters over one pair set.

    Attributes
    ----------
    chosen : PairSet
    values : name -> (P,); dissimilarities of each representation
    humans : Humans
    nuisances : ndarray, (q, P)
    at, human : the unit resample, and the human side of it
    points : name -> (2 statistics, 2 scales)
    """

    chosen: PairSet
    values: dict[str, np.ndarray]
    humans: Humans
    nuisances: np.ndarray
    at: Resamples
    human: HumanSide
    points: dict[str, np.ndarray]

    @classmethod
    def of(
        cls, chosen: PairSet, models: Mapping[str, RDM], raters: RaterRDMs, nuisances: Mapping[str, RDM]
    ) -> Estimates:
        """Everything once: the estimates themselves."""
        values = {name: chosen.values(r) for name, r in models.items()}
        humans = Humans(chosen.of_raters(raters))
        z = chosen.of_nuisances(nuisances)
        at = unit_resample(chosen.first.size, z)
        human = humans.sides(at, np.ones((len(raters.raters), 1)))
        points = {name: correlations(v, at, human)[..., 0] for name, v in values.items()}
        return cls(chosen, values, humans, z, at, human, points)


def reported(chosen: PairSet) -> tuple[tuple[int, str], ...]:
    """Statistics of a pair set: a partial correlation of ranks is Spearman's; rho-a has no partial form."""
    return tuple((k, s) for k, s in enumerate(STATISTICS) if chosen.name != "partial" or s == "spearman")
