"""Representational similarity analysis: model spaces against human judgements, rater by rater.

Two scales that are never mixed: ``rho`` is the mean over raters of the correlation with each rater, ``rho_group``
the correlation with the mean RDM.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.base.stats import percentile_interval
from shared_affect.spaces.ceilings import ceilings_of
from shared_affect.spaces.pair_sets import PairSets
from shared_affect.spaces.permutations import codes_p, permutation_p
from shared_affect.spaces.rater_ranks import Estimates, reported
from shared_affect.spaces.rdm import RDM, DrawnRDMs, RaterRDMs
from shared_affect.spaces.uncertainty import bootstrap, interval, jackknife


@dataclass(frozen=True, eq=False)
class Repeats:
    """How often labels are permuted, emotions and raters drawn anew, and raters split in halves.

    Attributes
    ----------
    n_permutations : int or mapping of representation to int
        Joint label permutations; 0, or a representation not named, is not tested.
    n_bootstrap : int
        0 gives no interval. Else intervals are the jackknife's (`uncertainty.interval`); only where a pair set is so
        small that leaving an emotion out leaves fewer than 3 pairs, percentiles of so many joint resamples of emotions
        and raters.
    n_splits : int
        Random halves behind `ceiling_group`.
    """

    n_permutations: int | Mapping[str, int] = 0
    n_bootstrap: int = 0
    n_splits: int = 1000

    def __post_init__(self) -> None:
        if self.n_bootstrap < 0 or self.n_splits < 1:
            raise ValueError(f"n_bootstrap {self.n_bootstrap}, n_splits {self.n_splits}; allowed: >= 0 and >= 1")

    def permutations_of(self, models: Mapping[str, RDM]) -> dict[str, int]:
        """Permutations of each representation.

        Raises
        ------
        ValueError
            For a number below 0 or a representation that is not there.
        """
        wanted = self.n_permutations
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


Rows = list[dict[str, object]]


def compare_spaces(
    models: Mapping[str, RDM],
    raters: RaterRDMs,
    *,
    pairs: PairSets,
    repeats: Repeats,
    permuted: Mapping[str, DrawnRDMs] | None = None,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Compare representations with human judgements (docs/workflow.md, spaces).

    Parameters
    ----------
    models : mapping of representation to RDM
        Labels must be the raters', in any order.
    raters : RaterRDMs
    pairs : PairSets
    repeats : Repeats
    permuted : mapping of representation to DrawnRDMs, optional
        The same representations from codes permuted over words (`permuted_spaces.permuted_spaces`).
    rng : numpy Generator

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

    Examples
    --------
    Two raters judge the six pairs of four emotions; the model places them on a line:

    >>> import numpy as np
    >>> from shared_affect.spaces.rdm import RaterRDMs, euclidean_rdm
    >>> emotions = ("joy", "love", "fear", "anger")
    >>> raters = RaterRDMs(emotions, ("r1", "r2"), [[1, 8, 9, 7, 8, 2], [2, 7, 9, 8, 9, 1]])
    >>> line = euclidean_rdm([0.0, 0.5, 4.0, 5.0], emotions)
    >>> found = compare_spaces(
    ...     {"line": line}, raters, pairs=PairSets(("all",)), repeats=Repeats(), rng=np.random.default_rng(0)
    ... )
    >>> found.set_index("statistic")[["rho", "rho_group", "n_pairs"]].round(2).loc["spearman"].tolist()
    [0.93, 0.97, 6.0]
    """
    if not models:
        raise ValueError("no representation to compare; allowed: at least one model RDM")
    numbers = repeats.permutations_of(models)
    permuted = permuted or {}
    if unknown := sorted(set(permuted) - set(models)):
        raise ValueError(f"permuted names {unknown}; allowed: {', '.join(models)}")
    pairs.check(models, raters)
    rows: Rows = []
    for name, child in pairs.streams(rng):
        for_permutation, for_bootstrap, for_splits = child.spawn(3)
        found = Estimates.of(pairs.select(name, raters.labels), models, raters, pairs.nuisances)
        tests = _tests(found, numbers, permuted, for_permutation)
        intervals, resamples = _intervals(found, repeats.n_bootstrap, for_bootstrap)
        shared = {"n_bootstrap": resamples, "nuisances": ";".join(pairs.nuisances) if name == "partial" else ""}
        rows += _rows_of_set(found, tests, intervals, _tops(found, repeats.n_splits, for_splits), shared)
    return (
        pd.DataFrame(rows).sort_values("_order", kind="stable").drop(columns="_order")[COLUMNS].reset_index(drop=True)
    )


COLUMNS = [
    *("representation", "pairs", "statistic", "rho", "ci_low", "ci_high", "p", "n_permutations", "p_codes"),
    *("n_code_permutations", "n_bootstrap", "rho_group", "rho_group_ci_low", "rho_group_ci_high"),
    *("ceiling_low", "ceiling_high", "ceiling_group", "n_emotions", "n_pairs", "n_raters", "nuisances"),
]


def _tests(
    found: Estimates, numbers: Mapping[str, int], permuted: Mapping[str, DrawnRDMs], rng: np.random.Generator
) -> dict[str, list[dict[str, float]]]:
    """Both p of each representation and what is behind them, by statistic."""
    tested = {name: n for name, n in numbers.items() if n}
    p = permutation_p(found, tested, rng) if tested else {}
    of_codes = codes_p(found, permuted)
    return {
        name: [
            {
                "p": p[name][k] if name in p else float("nan"),
                "n_permutations": numbers[name],
                "p_codes": of_codes[name][k] if name in of_codes else float("nan"),
                "n_code_permutations": len(permuted[name].values) if name in permuted else 0,
            }
            for k in range(2)
        ]
        for name in found.values
    }


def _intervals(
    found: Estimates, n_bootstrap: int, rng: np.random.Generator
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], int]:
    """Ends (2 statistics, 2 scales) of each representation's intervals, and the resamples behind them."""
    if not n_bootstrap:
        nothing = np.full((2, 2), np.nan)
        return dict.fromkeys(found.values, (nothing, nothing)), 0
    if added := jackknife(found):
        n = len(found.chosen.labels)
        ends = {name: np.clip(interval(found.points[name], added[name], n), -1, 1) for name in found.values}
        return {name: (low, high) for name, (low, high) in ends.items()}, 0
    drawn = bootstrap(found, n_bootstrap, rng)
    return {name: percentile_interval(d, axis=-1) for name, d in drawn.items()}, n_bootstrap


def _tops(found: Estimates, n_splits: int, rng: np.random.Generator) -> dict[str, dict[str, float]]:
    """Ceilings by statistic, NaN where there is one rater."""
    names = ("ceiling_low", "ceiling_high", "ceiling_group")
    out = {}
    for _, statistic in reported(found.chosen):
        out[statistic] = dict.fromkeys(names, float("nan"))
        if len(found.humans.values) > 1:
            tops = ceilings_of(found.humans.values, statistic, found.at, n_splits, rng)
            out[statistic] = {q: tops[q] for q in names}
    return out


def _rows_of_set(
    found: Estimates,
    tests: Mapping[str, Sequence[Mapping[str, float]]],
    intervals: Mapping[str, tuple[np.ndarray, np.ndarray]],
    tops: Mapping[str, Mapping[str, float]],
    shared: Mapping[str, object],
) -> Rows:
    rows: Rows = []
    for k, statistic in reported(found.chosen):
        for order, name in enumerate(found.values):
            low, high = intervals[name]
            rows.append(
                {
                    "_order": order,
                    "representation": name,
                    "pairs": found.chosen.name,
                    "statistic": statistic,
                    "rho": found.points[name][k, 0],
                    "ci_low": low[k, 0],
                    "ci_high": high[k, 0],
                    **tests[name][k],
                    "rho_group": found.points[name][k, 1],
                    "rho_group_ci_low": low[k, 1],
                    "rho_group_ci_high": high[k, 1],
                    **tops[statistic],
                    "n_emotions": len(found.chosen.labels),
                    "n_pairs": found.chosen.first.size,
                    "n_raters": len(found.humans.values),
                    **shared,
                }
            )
    return rows


def compare_draws(
    draws: Sequence[RDM], raters: RaterRDMs, *, representation: str, pairs: PairSets, rng: np.random.Generator
) -> pd.DataFrame:
    """Summarise many random draws of a baseline (random features, shuffled concept-sets): no test per draw.

    Parameters
    ----------
    draws : sequence of RDM, at least 2
    representation : str
        Name of the baseline in the table.
    raters, pairs, rng
        As in `compare_spaces`.

    Returns
    -------
    DataFrame
        Columns of `compare_spaces`. rho and rho_group are means over draws, their intervals the central 95 % of the
        draws (not of resampled emotions or raters); p NaN, n_permutations and n_bootstrap 0.
    """
    if len(draws) < 2:
        raise ValueError(f"{len(draws)} draws; allowed: at least 2")
    models = {str(k): d for k, d in enumerate(draws)}
    each = compare_spaces(models, raters, pairs=pairs, repeats=Repeats(), rng=rng)
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
    pairs: PairSets,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Differences of `rho` between representations, both in the same resamples of emotions and raters.

    Parameters
    ----------
    reference_pairs : sequence of (representation_a, representation_b)
    n_bootstrap : int, at least 2
        As in `Repeats`.
    models, raters, pairs, rng
        As in `compare_spaces`.

    Returns
    -------
    DataFrame
        Columns pairs, statistic, representation_a, representation_b, difference (rho of a minus rho of b), ci_low,
        ci_high (95 %, `uncertainty.interval`), n_emotions.

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
    needed = {name: models[name] for name in dict.fromkeys(x for pair in reference_pairs for x in pair)}
    pairs.check(needed, raters)
    rows = []
    for name, child in pairs.streams(rng):
        found = Estimates.of(pairs.select(name, raters.labels), needed, raters, pairs.nuisances)
        added = jackknife(found)
        drawn = {} if added else bootstrap(found, n_bootstrap, child)
        for k, statistic in reported(found.chosen):
            for a, b in reference_pairs:
                difference = found.points[a][k, 0] - found.points[b][k, 0]
                if added:
                    low, high = interval(difference, added[a][k, 0] - added[b][k, 0], len(found.chosen.labels))
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
                        "n_emotions": len(found.chosen.labels),
                    }
                )
    return pd.DataFrame(rows)
