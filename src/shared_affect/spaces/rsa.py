"""Representational similarity analysis: model spaces against human judgements, rater by rater.

Two scales that are never mixed: ``rho`` is the mean over raters of the correlation with each rater, ``rho_group``
the correlation with the mean RDM. One code path serves estimates and bootstraps: an estimate is the resample in which
everything occurs once. Ranks are linear in what is needed, so the mean over raters costs one product (see `_Humans`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import stdtrit

from shared_affect.base.stats import (
    CONSTANT,
    midranks,
    percentile_interval,
    rank_variation,
    weighted_midranks,
)
from shared_affect.base.stats import rho_a as _rho_a
from shared_affect.base.stats import spearman as _spearman
from shared_affect.spaces.rdm import RDM, DrawnRDMs, RaterRDMs, require_same_labels

STATISTICS = ("rho-a", "spearman")
PAIR_SETS = ("all", "within-valence", "within-positive", "within-negative", "partial")
CLASSES = ("positive", "negative")
MIN_PAIRS = 3
BOOTSTRAP_CHUNK = 250
PERMUTATION_NUMBERS = 2_000_000  # index entries held at once: 16 MB, and as much again for the permuted values


@dataclass(frozen=True, eq=False)
class PairSet:
    """Which pairs of which labels are compared, and which labels may be exchanged under the null.

    Attributes
    ----------
    name : str, one of `PAIR_SETS`
    labels : tuple of str, length n; only those that stand in a pair
    first, second : ndarray of int, shape (P,); positions in `labels`, first < second
    groups : list of ndarray of int; labels are permuted inside each
    """

    name: str
    labels: tuple[str, ...]
    first: np.ndarray
    second: np.ndarray
    groups: list[np.ndarray]


def select_pairs(name: str, labels: Sequence[str], classes: Mapping[str, str]) -> PairSet:
    """Pairs of one set; for ``within-*`` a label without a class is left out.

    Parameters
    ----------
    name : str
        ``all`` and ``partial``: every pair. ``within-valence``: both labels of one class;
        ``within-positive``, ``within-negative``: both of that class.
    labels : sequence of str
    classes : mapping of label to "positive" or "negative"

    Raises
    ------
    ValueError
        If the set or a class is unknown, or fewer than 3 pairs remain.
    """
    if name not in PAIR_SETS:
        raise ValueError(f"pair set {name!r}; allowed: {', '.join(PAIR_SETS)}")
    unknown = sorted(set(classes.values()) - set(CLASSES))
    if unknown:
        raise ValueError(f"classes {unknown}; allowed: {', '.join(CLASSES)}")
    if name in ("all", "partial"):
        kept = list(labels)
        groups = [np.arange(len(kept))]
    else:
        wanted = CLASSES if name == "within-valence" else (name.removeprefix("within-"),)
        members = [[x for x in labels if classes.get(x) == c] for c in wanted]
        inside = {x for group in members if len(group) > 1 for x in group}
        kept = [x for x in labels if x in inside]
        groups = [np.array([kept.index(x) for x in group]) for group in members if len(group) > 1]
    group_of = np.zeros(len(kept), int)
    for number, members_at in enumerate(groups):
        group_of[members_at] = number
    i, j = np.triu_indices(len(kept), 1)
    same = group_of[i] == group_of[j]
    if same.sum() < MIN_PAIRS:
        raise ValueError(
            f"pair set {name!r} has {int(same.sum())} pairs over {len(kept)} labels; allowed: at least "
            f"{MIN_PAIRS} (leave the set out, or give more labels a class)"
        )
    return PairSet(name, tuple(kept), i[same], j[same], groups)


def _check_inputs(
    models: Mapping[str, RDM], raters: RaterRDMs, pairs: Sequence[str], nuisances: Mapping[str, RDM]
) -> None:
    if len(set(pairs)) != len(pairs):
        raise ValueError(f"pair sets {list(pairs)}; allowed: each once")
    if "partial" in pairs and not nuisances:
        raise ValueError("pair set 'partial' without nuisances; allowed: at least one nuisance RDM")
    for kind, matrices in (("model", models), ("nuisance", nuisances)):
        for name, rdm in matrices.items():
            require_same_labels(f"{kind} {name!r} against the raters", rdm.labels, raters.labels)


def _pair_values(rdm: RDM, chosen: PairSet) -> np.ndarray:
    values = rdm.subset(chosen.labels).values
    return values[chosen.first, chosen.second]


def _condensed(chosen: PairSet) -> np.ndarray:
    """Where the pairs stand among all pairs of the labels."""
    n, i, j = len(chosen.labels), chosen.first, chosen.second
    return i * n - i * (i + 1) // 2 + j - i - 1


def _rater_values(raters: RaterRDMs, chosen: PairSet) -> np.ndarray:
    return raters.subset(chosen.labels).values[:, _condensed(chosen)]


class _Resamples:
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


class _Humans:
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

    def sides(self, at: _Resamples, rater_weights: np.ndarray) -> _HumanSide:
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
        return _HumanSide(mean_ranks, mean_unit, group, group_unit)


@dataclass(frozen=True, eq=False)
class _HumanSide:
    mean_ranks: np.ndarray
    mean_unit: np.ndarray
    group: np.ndarray
    group_unit: np.ndarray


def _correlations(values: np.ndarray, at: _Resamples, human: _HumanSide) -> np.ndarray:
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


def _emotion_weights(chosen: PairSet, n: int, rng: np.random.Generator) -> np.ndarray:
    """Multiplicities of emotions, (n emotions, B); resamples with fewer than 3 different pairs are drawn again."""
    size = len(chosen.labels)

    def draw(count: int) -> np.ndarray:
        return rng.multinomial(size, np.full(size, 1 / size), size=count).T

    counts = draw(n)
    while (poor := ((counts[chosen.first] * counts[chosen.second]) > 0).sum(0) < MIN_PAIRS).any():
        counts[:, poor] = draw(int(poor.sum()))
    return counts


def _bootstrap(
    values: Mapping[str, np.ndarray],
    humans: _Humans,
    nuisances: np.ndarray,
    chosen: PairSet,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """Joint resamples of emotions and raters: name -> (2 statistics, 2 scales, n_bootstrap)."""
    emotions = _emotion_weights(chosen, n_bootstrap, rng).astype(float)
    n_raters = len(humans.values)
    raters = rng.multinomial(n_raters, np.full(n_raters, 1 / n_raters), size=n_bootstrap).T.astype(float)
    parts: dict[str, list[np.ndarray]] = {name: [] for name in values}
    for start in range(0, n_bootstrap, BOOTSTRAP_CHUNK):
        part = slice(start, start + BOOTSTRAP_CHUNK)
        # A pair of an emotion with itself stands in no pair set, so self-pairs of a resample drop out here.
        at = _Resamples(emotions[chosen.first, part] * emotions[chosen.second, part], nuisances)
        human = humans.sides(at, raters[:, part])
        for name, v in values.items():
            parts[name].append(_correlations(v, at, human))
    return {name: np.concatenate(p, axis=-1) for name, p in parts.items()}


def _jackknife(
    values: Mapping[str, np.ndarray], humans: _Humans, nuisances: np.ndarray, chosen: PairSet
) -> dict[str, np.ndarray]:
    """What each emotion and each rater adds to the sampling error: name -> (2 statistics, 2 scales, emotions + raters),
    squares summing to a variance.

    Values with one emotion left out move more than its pairs weigh, because the others then share one: that is taken
    back (infinitesimal jackknife). Empty where leaving one out leaves too few pairs.
    """
    n, n_raters = len(chosen.labels), len(humans.values)
    counts = 1 - np.eye(n)
    weights = counts[chosen.first] * counts[chosen.second]
    if (weights.sum(0) < MIN_PAIRS).any():
        return {}
    left = weights.mean(0)
    raters = np.ones((n_raters, n))
    if n_raters > 1:
        weights = np.hstack([weights, np.ones((len(weights), n_raters))])
        raters = np.hstack([raters, 1 - np.eye(n_raters)])
    at = _Resamples(weights, nuisances)
    human = humans.sides(at, raters)
    out = {}
    for name, v in values.items():
        found = _correlations(v, at, human)
        emotions, of_raters = found[..., :n], found[..., n:]
        parts = [(emotions - emotions.mean(-1, keepdims=True)) * left]
        if n_raters > 1:
            parts.append((of_raters - of_raters.mean(-1, keepdims=True)) * np.sqrt((n_raters - 1) / n_raters))
        out[name] = np.concatenate(parts, axis=-1)
    return out


def _interval(estimate: np.ndarray, added: np.ndarray, n_emotions: int) -> tuple[np.ndarray, np.ndarray]:
    """95 % interval around estimates (...), from what `_jackknife` found (..., n), as wide as Student's t.

    Resamples do worse: an emotion drawn twice makes pairs that agree for no other reason, so their mean is off, and a
    pair is drawn with the product of two counts, which triples the part of the variance that belongs to single pairs
    (docs/methods.md has both).
    """
    half = np.sqrt((added**2).sum(-1)) * stdtrit(n_emotions - 1, 0.975)
    return estimate - half, estimate + half


def _permuted_indices(chosen: PairSet, n: int, rng: np.random.Generator) -> Iterator[np.ndarray]:
    """Blocks of flat positions in an (n, n) matrix: where each pair's value comes from, (block, P)."""
    size = len(chosen.labels)
    block = max(1, PERMUTATION_NUMBERS // len(chosen.first))
    for start in range(0, n, block):
        count = min(block, n - start)
        order = np.empty((count, size), int)
        for group in chosen.groups:
            order[:, group] = rng.permuted(np.tile(group, (count, 1)), axis=1)
        yield order[:, chosen.first] * size + order[:, chosen.second]


def _permutation_p(
    values: Mapping[str, np.ndarray],
    at: _Resamples,
    human: _HumanSide,
    chosen: PairSet,
    n_permutations: Mapping[str, int],
    rng: np.random.Generator,
) -> dict[str, np.ndarray]:
    """One-sided p of rho for both statistics, name -> (2,), by joint permutation of the model's labels.

    What is permuted is the residual matrix (the rank matrix where there are no nuisances). Permuted residuals are
    made orthogonal to the nuisances again, so that every permuted value is a partial correlation as the observed one
    is (double semi-partialling: Dekker, Krackhardt & Snijders 2007, Psychometrika 72:563).
    """
    size = len(chosen.labels)
    targets = np.column_stack([human.mean_ranks[:, 0] / at.variation[0], at.residual(human.mean_unit)[:, 0]])
    projector = at.basis[..., 0].T
    inverse = at.inverse[0] if len(at.basis) else np.empty((0, 0))
    matrices, observed, counts = {}, {}, {}
    for name, v in values.items():
        residual = at.residual(at.ranks(v))[:, 0]
        if (residual**2).sum() <= CONSTANT * at.variation[0]:
            residual = np.zeros_like(residual)
        matrix = np.zeros((size, size))
        matrix[chosen.first, chosen.second] = matrix[chosen.second, chosen.first] = residual
        matrices[name] = matrix.ravel()
        observed[name] = residual @ targets
        if len(at.basis):
            observed[name] = observed[name] * at.inverse_norm((residual**2).sum()[None])[0]
        counts[name] = np.zeros(2, int)
    done = 0
    for index in _permuted_indices(chosen, max(n_permutations.values()), rng):
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
    return {name: (counts[name] + 1) / (n_permutations[name] + 1) for name in values}


def _codes_p(
    values: Mapping[str, np.ndarray],
    permuted: Mapping[str, DrawnRDMs],
    at: _Resamples,
    human: _HumanSide,
    chosen: PairSet,
) -> dict[str, np.ndarray]:
    """One-sided p of rho for both statistics, name -> (2,), among RDMs of permuted codes."""
    targets = np.column_stack([human.mean_ranks[:, 0] / at.variation[0], human.mean_unit[:, 0]])
    out = {}
    for name, draws in permuted.items():
        drawn = draws.subset(chosen.labels).values[:, _condensed(chosen)]
        # the observed representation stands in the first row, so that both sides are rounded alike
        ranks = midranks(np.vstack([values[name].astype(drawn.dtype), drawn])) - (at.total[0] + 1) / 2
        residual = ranks
        if len(at.basis):
            residual = ranks - ranks @ at.weighted_basis[..., 0].T @ at.inverse[0] @ at.basis[..., 0]
        found = np.column_stack(
            [ranks @ targets[:, 0], (residual @ targets[:, 1]) * at.inverse_norm((residual**2).sum(1)[:, None])[:, 0]]
        )
        out[name] = (1 + (found[1:] >= found[0] - 1e-12).sum(0)) / len(found)
    return out


def _reported(chosen: PairSet) -> tuple[tuple[int, str], ...]:
    """Statistics of a pair set: a partial correlation of ranks is Spearman's; rho-a has no partial form."""
    return tuple((k, s) for k, s in enumerate(STATISTICS) if chosen.name != "partial" or s == "spearman")


def _streams(pairs: Sequence[str], rng: np.random.Generator) -> list[tuple[str, np.random.Generator]]:
    """A stream for each pair set, the same whichever others are asked for."""
    own = dict(zip(PAIR_SETS, rng.spawn(len(PAIR_SETS)), strict=True))
    return [(name, own.get(name)) for name in pairs]  # `select_pairs` refuses an unknown one


def _unit_resample(n_pairs: int, nuisances: np.ndarray) -> _Resamples:
    return _Resamples(np.ones((n_pairs, 1)), nuisances)


def _nuisance_values(nuisances: Mapping[str, RDM], chosen: PairSet) -> np.ndarray:
    if chosen.name != "partial":
        return np.empty((0, chosen.first.size))
    return np.stack([_pair_values(r, chosen) for r in nuisances.values()])


def _rows_correlated(x: np.ndarray, y: np.ndarray, statistic: str, at: _Resamples) -> np.ndarray:
    """Correlation of each row of x with the row of y, given the nuisances of the unit resample `at`."""
    if not len(at.basis):
        return (_rho_a if statistic == "rho-a" else _spearman)(x, y)
    basis, inverse = at.basis[..., 0], at.inverse[0]

    def unit(values: np.ndarray) -> np.ndarray:
        ranks = midranks(values) - (at.total[0] + 1) / 2
        residual = ranks - ranks @ basis.T @ inverse @ basis
        return residual * at.inverse_norm((residual**2).sum(-1))[..., None]

    return (unit(x) * unit(y)).sum(-1)


def _ceilings(
    values: np.ndarray, statistic: str, at: _Resamples, n_splits: int, rng: np.random.Generator
) -> dict[str, float]:
    """Ceilings of one statistic from judgements (R, P), R >= 2."""
    n_raters = len(values)
    ranks = midranks(values)
    total = ranks.sum(0)
    low = _rows_correlated(values, (total - ranks) / (n_raters - 1), statistic, at).mean()
    high = _rows_correlated(values, np.broadcast_to(total, values.shape), statistic, at).mean()
    half = np.arange(n_raters) < n_raters // 2
    first = rng.permuted(np.tile(half, (n_splits, 1)), axis=1).astype(float)
    split = float(_rows_correlated(first @ values, (1 - first) @ values, statistic, at).mean())
    corrected = 2 * split / (1 + split) if split > 0 else 0.0
    return {
        "ceiling_low": float(low),
        "ceiling_high": float(high),
        "ceiling_group": float(np.sqrt(corrected)),
        "split_half": split,
    }


def ceilings(
    raters: RaterRDMs,
    *,
    pairs: Sequence[str],
    classes: Mapping[str, str],
    rng: np.random.Generator,
    n_splits: int = 1000,
    nuisances: Mapping[str, RDM] | None = None,
) -> pd.DataFrame:
    """How well raters agree with each other: what no model of them can be expected to exceed.

    Parameters
    ----------
    raters : RaterRDMs, at least 2 raters
    pairs : sequence of str, from `PAIR_SETS`
    classes : mapping of label to "positive" or "negative"
    rng : numpy Generator
    n_splits : int
        Random halves of the raters.
    nuisances : mapping of name to RDM
        For ``partial``, where every correlation is one of residualised ranks.

    Returns
    -------
    DataFrame
        Columns pairs, quantity, statistic, value, n (emotions), n_raters. Quantities: ``ceiling_low`` (mean over
        raters of the correlation with the rank-average of the others) and ``ceiling_high`` (of all), for ``rho``;
        ``split_half`` (mean correlation between half-means, uncorrected) and ``ceiling_group``, for ``rho_group``:
        sqrt(2r / (1 + r)) of it, 0 where halves do not agree.

    Raises
    ------
    ValueError
        If there is one rater, a label or class does not fit, or a pair set has fewer than 3 pairs.
    """
    if len(raters.raters) < 2:
        raise ValueError("1 rater; allowed: at least 2 (a ceiling is agreement between raters)")
    if n_splits < 1:
        raise ValueError(f"n_splits is {n_splits}; allowed: at least 1")
    nuisances = nuisances or {}
    _check_inputs({}, raters, pairs, nuisances)
    rows = []
    for name, child in _streams(pairs, rng):
        chosen = select_pairs(name, raters.labels, classes)
        values = _rater_values(raters, chosen)
        at = _unit_resample(values.shape[1], _nuisance_values(nuisances, chosen))
        for _, statistic in _reported(chosen):
            found = _ceilings(values, statistic, at, n_splits, child)
            rows += [
                {
                    "pairs": name,
                    "quantity": q,
                    "statistic": statistic,
                    "value": v,
                    "n": len(chosen.labels),
                    "n_raters": len(raters.raters),
                }
                for q, v in found.items()
            ]
    return pd.DataFrame(rows)


def _permutation_numbers(wanted: int | Mapping[str, int], models: Mapping[str, RDM]) -> dict[str, int]:
    if isinstance(wanted, Mapping):
        unknown = sorted(set(wanted) - set(models))
        if unknown:
            raise ValueError(f"n_permutations names {unknown}; allowed: {', '.join(models)}")
        numbers = {name: int(wanted.get(name, 0)) for name in models}
    else:
        numbers = dict.fromkeys(models, int(wanted))
    if min(numbers.values()) < 0:
        raise ValueError(f"n_permutations is {numbers}; allowed: 0 (no test) or more")
    return numbers


def compare_spaces(
    models: Mapping[str, RDM],
    raters: RaterRDMs,
    *,
    pairs: Sequence[str],
    classes: Mapping[str, str],
    nuisances: Mapping[str, RDM],
    n_permutations: int | Mapping[str, int],
    n_bootstrap: int,
    rng: np.random.Generator,
    n_splits: int = 1000,
    permuted: Mapping[str, DrawnRDMs] | None = None,
) -> pd.DataFrame:
    """Compare representations with human judgements (docs/workflow.md, spaces).

    Parameters
    ----------
    models : mapping of representation to RDM
        Labels must be the raters', in any order.
    raters : RaterRDMs
    pairs : sequence of str
        ``all``, ``within-valence``, ``within-positive``, ``within-negative``, ``partial``.
    classes : mapping of label to "positive" or "negative"
        A label without a class is left out of the ``within-*`` sets; say so in the log.
    nuisances : mapping of name to RDM
        What ``partial`` takes out of the mid-ranks of both sides (with an intercept); may be empty otherwise.
    n_permutations : int or mapping of representation to int
        Joint label permutations; 0, or a representation not named, is not tested.
    n_bootstrap : int
        0 gives no interval. Else intervals are the jackknife's (`_interval`); only where a pair set is so small that
        leaving an emotion out leaves fewer than 3 pairs, percentiles of so many joint resamples of emotions and raters.
    rng : numpy Generator
    n_splits : int
        Random halves behind `ceiling_group`.
    permuted : mapping of representation to DrawnRDMs, optional
        The same representations from codes permuted over words (`spaces.permuted_spaces`).

    Returns
    -------
    DataFrame
        One row per representation, pair set and statistic (``partial``: ``spearman`` only, the partial rank
        correlation). Columns representation, pairs, statistic, rho, ci_low, ci_high, p, n_permutations, p_codes,
        n_code_permutations, n_bootstrap,
        rho_group, rho_group_ci_low, rho_group_ci_high, ceiling_low, ceiling_high, ceiling_group, n_emotions, n_pairs,
        n_raters, nuisances. Intervals: 95 %, emotions and raters both counting as drawn; `n_bootstrap` is the number of
        resamples behind them, 0 for the jackknife. `p` (labels permuted) and
        `p_codes` (codes permuted) belong to `rho`, are one-sided (greater), and count the observed order among the
        permutations. NaN only where nothing was asked: p with 0 permutations, p_codes without `permuted`, intervals
        with 0 resamples, ceilings with 1 rater.

    Raises
    ------
    ValueError
        If labels differ, a pair set is unknown or too small, ``partial`` has no nuisances, or a number is negative.

    Notes
    -----
    A representation that is constant over a pair set has rho 0 there, for both statistics. In a resample an emotion
    drawn twice gives tied pairs, which rho-a counts as such.

    ``partial`` removes only what is linear in the nuisances' ranks. Where both sides share a distance in the plane of
    valence and arousal, the distances along its two axes do not span it, and a test at .05 rejected in .09-.13 of
    simulated worlds without any other link; with the plane's distance among the nuisances in .05-.07.
    """
    if not models:
        raise ValueError("no representation to compare; allowed: at least one model RDM")
    if n_bootstrap < 0 or n_splits < 1:
        raise ValueError(f"n_bootstrap {n_bootstrap}, n_splits {n_splits}; allowed: >= 0 and >= 1")
    numbers = _permutation_numbers(n_permutations, models)
    permuted = permuted or {}
    if unknown := sorted(set(permuted) - set(models)):
        raise ValueError(f"permuted names {unknown}; allowed: {', '.join(models)}")
    _check_inputs(models, raters, pairs, nuisances)
    rows = []
    for name, child in _streams(pairs, rng):
        chosen = select_pairs(name, raters.labels, classes)
        rows += _compare_on(chosen, models, raters, nuisances, numbers, permuted, n_bootstrap, n_splits, child)
    return pd.DataFrame(rows).sort_values("_order", kind="stable").drop(columns="_order").reset_index(drop=True)


def _estimate(chosen: PairSet, models: Mapping[str, RDM], raters: RaterRDMs, nuisances: Mapping[str, RDM]):
    """Pair values, human side and estimates of one pair set."""
    values = {name: _pair_values(r, chosen) for name, r in models.items()}
    humans = _Humans(_rater_values(raters, chosen))
    z = _nuisance_values(nuisances, chosen)
    at = _unit_resample(chosen.first.size, z)
    human = humans.sides(at, np.ones((len(raters.raters), 1)))
    points = {name: _correlations(v, at, human)[..., 0] for name, v in values.items()}
    return values, humans, z, at, human, points


def _compare_on(
    chosen: PairSet,
    models: Mapping[str, RDM],
    raters: RaterRDMs,
    nuisances: Mapping[str, RDM],
    numbers: Mapping[str, int],
    permuted: Mapping[str, DrawnRDMs],
    n_bootstrap: int,
    n_splits: int,
    rng: np.random.Generator,
) -> list[dict]:
    """Rows of `compare_spaces` for one pair set."""
    for_permutation, for_bootstrap, for_splits = rng.spawn(3)
    values, humans, z, at, human, points = _estimate(chosen, models, raters, nuisances)
    tested = {name: k for name, k in numbers.items() if k}
    p = {}
    if tested:
        p = _permutation_p({name: values[name] for name in tested}, at, human, chosen, tested, for_permutation)
    p_codes = _codes_p(values, permuted, at, human, chosen)
    interval, resamples = {}, 0
    if n_bootstrap and (added := _jackknife(values, humans, z, chosen)):
        interval = {name: np.clip(_interval(points[name], added[name], len(chosen.labels)), -1, 1) for name in values}
    elif n_bootstrap:
        resamples = n_bootstrap
        drawn = _bootstrap(values, humans, z, chosen, n_bootstrap, for_bootstrap)
        interval = {name: percentile_interval(d, axis=-1) for name, d in drawn.items()}
    nothing = np.full((2, 2), np.nan)
    shared = {
        "n_emotions": len(chosen.labels),
        "n_pairs": chosen.first.size,
        "n_raters": len(raters.raters),
        "nuisances": ";".join(nuisances) if chosen.name == "partial" else "",
    }
    rows = []
    for k, statistic in _reported(chosen):
        top = dict.fromkeys(("ceiling_low", "ceiling_high", "ceiling_group"), float("nan"))
        if len(raters.raters) > 1:
            found = _ceilings(humans.values, statistic, at, n_splits, for_splits)
            top = {q: found[q] for q in top}
        for order, name in enumerate(values):
            low, high = interval.get(name, (nothing, nothing))
            rows.append(
                {
                    "_order": order,
                    "representation": name,
                    "pairs": chosen.name,
                    "statistic": statistic,
                    "rho": points[name][k, 0],
                    "ci_low": low[k, 0],
                    "ci_high": high[k, 0],
                    "p": p[name][k] if name in p else float("nan"),
                    "n_permutations": numbers[name],
                    "p_codes": p_codes[name][k] if name in p_codes else float("nan"),
                    "n_code_permutations": len(permuted[name].values) if name in permuted else 0,
                    "n_bootstrap": resamples,
                    "rho_group": points[name][k, 1],
                    "rho_group_ci_low": low[k, 1],
                    "rho_group_ci_high": high[k, 1],
                    **top,
                    **shared,
                }
            )
    return rows


def compare_draws(
    draws: Sequence[RDM],
    raters: RaterRDMs,
    *,
    representation: str,
    pairs: Sequence[str],
    classes: Mapping[str, str],
    nuisances: Mapping[str, RDM],
    rng: np.random.Generator,
    n_splits: int = 1000,
) -> pd.DataFrame:
    """Summarise many random draws of a baseline (random features, shuffled concept-sets): no test per draw.

    Parameters
    ----------
    draws : sequence of RDM, at least 2
    representation : str
        Name of the baseline in the table.
    raters, pairs, classes, nuisances, rng, n_splits
        As in `compare_spaces`.

    Returns
    -------
    DataFrame
        Columns of `compare_spaces`. rho and rho_group are means over draws, their intervals the central 95 % of the
        draws (not of resampled emotions or raters); p NaN, n_permutations and n_bootstrap 0.
    """
    if len(draws) < 2:
        raise ValueError(f"{len(draws)} draws; allowed: at least 2")
    each = compare_spaces(
        {str(k): d for k, d in enumerate(draws)},
        raters,
        pairs=pairs,
        classes=classes,
        nuisances=nuisances,
        n_permutations=0,
        n_bootstrap=0,
        rng=rng,
        n_splits=n_splits,
    )
    rows = []
    for _, group in each.groupby(["pairs", "statistic"], sort=False):
        row = group.iloc[0].to_dict() | {"representation": representation}
        for scale, prefix in (("rho", ""), ("rho_group", "rho_group_")):
            row[scale] = group[scale].mean()
            row[f"{prefix}ci_low"], row[f"{prefix}ci_high"] = percentile_interval(group[scale])
        rows.append(row)
    return pd.DataFrame(rows, columns=each.columns)


def compare_differences(
    models: Mapping[str, RDM],
    raters: RaterRDMs,
    *,
    reference_pairs: Sequence[tuple[str, str]],
    pairs: Sequence[str],
    classes: Mapping[str, str],
    n_bootstrap: int,
    rng: np.random.Generator,
    nuisances: Mapping[str, RDM] | None = None,
) -> pd.DataFrame:
    """Differences of `rho` between representations, both in the same resamples of emotions and raters.

    Parameters
    ----------
    reference_pairs : sequence of (representation_a, representation_b)
    n_bootstrap : int, at least 2
    models, raters, pairs, classes, nuisances, rng
        As in `compare_spaces`.

    Returns
    -------
    DataFrame
        Columns pairs, statistic, representation_a, representation_b, difference (rho of a minus rho of b), ci_low,
        ci_high (95 %, `_interval`), n_emotions.

    Raises
    ------
    ValueError
        As `compare_spaces`; also if a representation is not among the models.
    """
    unknown = sorted({x for pair in reference_pairs for x in pair} - set(models))
    if unknown or not reference_pairs:
        raise ValueError(f"representations {unknown} in {list(reference_pairs)}; allowed: pairs of {', '.join(models)}")
    if n_bootstrap < 2:
        raise ValueError(f"n_bootstrap is {n_bootstrap}; allowed: at least 2")
    nuisances = nuisances or {}
    needed = {name: models[name] for name in dict.fromkeys(x for pair in reference_pairs for x in pair)}
    _check_inputs(needed, raters, pairs, nuisances)
    rows = []
    for name, child in _streams(pairs, rng):
        chosen = select_pairs(name, raters.labels, classes)
        values, humans, z, _, _, points = _estimate(chosen, needed, raters, nuisances)
        added = _jackknife(values, humans, z, chosen)
        drawn = {} if added else _bootstrap(values, humans, z, chosen, n_bootstrap, child)
        for k, statistic in _reported(chosen):
            for a, b in reference_pairs:
                difference = points[a][k, 0] - points[b][k, 0]
                if added:
                    low, high = _interval(difference, added[a][k, 0] - added[b][k, 0], len(chosen.labels))
                else:
                    low, high = percentile_interval(drawn[a][k, 0] - drawn[b][k, 0])
                rows.append(
                    {
                        "pairs": name,
                        "statistic": statistic,
                        "representation_a": a,
                        "representation_b": b,
                        "difference": difference,
                        "ci_low": float(low),
                        "ci_high": float(high),
                        "n_emotions": len(chosen.labels),
                    }
                )
    return pd.DataFrame(rows)


def mantel(a: RDM, b: RDM, n_permutations: int, rng: np.random.Generator) -> tuple[float, float]:
    """Mantel test of two RDMs: rho-a over all pairs, and the one-sided p of a joint permutation of a's labels.

    Raises
    ------
    ValueError
        If the labels differ, there are fewer than 3 pairs, or `n_permutations` is below 1.
    """
    if n_permutations < 1:
        raise ValueError(f"n_permutations is {n_permutations}; allowed: at least 1")
    require_same_labels("RDMs to compare", b.labels, a.labels)
    one = RaterRDMs(a.labels, ("b",), b.condensed(a.labels)[None])
    chosen = select_pairs("all", a.labels, {})
    values, _, _, at, human, points = _estimate(chosen, {"a": a}, one, {})
    p = _permutation_p(values, at, human, chosen, {"a": n_permutations}, rng)
    return float(points["a"][0, 0]), float(p["a"][0])
