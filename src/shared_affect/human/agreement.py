"""How far people of two languages agree on the affect of the same concepts: the yardstick that people themselves set.

Two sets of raters are joined by concepts. Their agreement is Pearson's r over the concepts that both have rated, with
two 95 % intervals: by Fisher's z, and by a bootstrap over concepts (percentiles), which does not take the ratings for
normal.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.reading import listed
from shared_affect.base.seeds import rng
from shared_affect.base.stats import percentile_interval, spearman

MIN_CONCEPTS = 4
"""Shared concepts below which r has no interval (Fisher's z has n - 3 in its denominator)."""
N_BOOTSTRAP = 2000
Z = 1.959963984540054
"""97.5 % point of the normal distribution."""

Raters = tuple[str, str]
"""A dataset and the language of its raters."""


def fisher_interval(r: float, n: int) -> tuple[float, float]:
    """95 % interval of Pearson's r by Fisher's z: tanh(atanh r -+ 1.96 / sqrt(n - 3)) (Fisher 1921, Metron 1:3).

    Raises
    ------
    ValueError
        Fewer than four pairs.

    Examples
    --------
    >>> low, high = fisher_interval(0.5, 103)
    >>> round(low, 3), round(high, 3)
    (0.339, 0.632)
    """
    if n < MIN_CONCEPTS:
        raise ValueError(f"an interval of r over {n} pairs; needed: {MIN_CONCEPTS} or more")
    with np.errstate(divide="ignore"):
        z, half = np.arctanh(r), Z / np.sqrt(n - 3)
    return float(np.tanh(z - half)), float(np.tanh(z + half))


def bootstrap_interval(x: np.ndarray, y: np.ndarray, g: np.random.Generator) -> tuple[float, float]:
    """95 % interval of Pearson's r by a bootstrap over pairs, percentiles of `N_BOOTSTRAP` draws.

    Parameters
    ----------
    x, y : ndarray of float, ``[n]``
        Draws are made a million numbers at a time: 32 MB, however many pairs there are.
    g : numpy Generator
    """
    n, draws = len(x), []
    step = max(1, 1_000_000 // n)
    for k in range(0, N_BOOTSTRAP, step):
        at = g.integers(n, size=(min(step, N_BOOTSTRAP - k), n))
        u, v = x[at], y[at]
        u -= u.mean(1, keepdims=True)
        v -= v.mean(1, keepdims=True)
        with np.errstate(invalid="ignore", divide="ignore"):
            draws.append((u * v).sum(1) / np.sqrt((u**2).sum(1) * (v**2).sum(1)))
    found = np.concatenate(draws)  # a draw of one pair alone, n times, has no correlation
    low, high = percentile_interval(found[np.isfinite(found)])
    return float(low), float(high)


def agree(ratings: Mapping[Raters, pd.DataFrame], root_seed: int) -> pd.DataFrame:
    """Agreement of every two sets of raters of different languages, in everything that both have rated.

    Parameters
    ----------
    ratings : mapping of (dataset, language) -> DataFrame
        ``concept, dimension, value`` (`norare.read_concepts`), each concept once a dimension.
    root_seed : int

    Returns
    -------
    DataFrame
        ``human_a, language_a, human_b, language_b, dimension, r, ci_low, ci_high`` (Fisher's z), ``bootstrap_low,
        bootstrap_high, spearman, n_concepts``; pairs in the order of `ratings`.

    Raises
    ------
    ValueError
        Fewer than two languages, a set that shares nothing rated with any set of another language, or two sets of which
        fewer than four concepts match.
    """
    if len({language for _, language in ratings}) < 2:
        raise ValueError(
            f"ratings of {_named(list(ratings))} are all in one language; needed: two languages or more (config.yaml,"
            " key agreement)"
        )
    wide = {who: f.pivot(index="concept", columns="dimension", values="value") for who, f in ratings.items()}
    rows, met = [], set()
    for a, b in itertools.combinations(ratings, 2):
        if a[1] == b[1]:
            continue
        for dimension in (d for d in dict.fromkeys(ratings[a]["dimension"]) if d in wide[b]):
            rows.append(_row(a, b, dimension, wide, root_seed))
            met |= {a, b}
    if alone := [who for who in ratings if who not in met]:
        raise ValueError(
            f"{_named(alone[:1])} rates {listed([str(c) for c in wide[alone[0]]])}, which no set of another language"
            f" does; needed: one; sets are {_named(list(ratings))} (config.yaml, key agreement)"
        )
    return pd.DataFrame(rows)


def _named(sets: Sequence[Raters]) -> str:
    return ", ".join(f"{dataset} ({language})" for dataset, language in sets)


def _row(a: Raters, b: Raters, dimension: str, wide: Mapping[Raters, pd.DataFrame], root_seed: int) -> dict:
    x, y = (wide[who][dimension].dropna() for who in (a, b))
    shared = sorted(set(x.index) & set(y.index))  # labels travel: the order of the files never matters
    if len(shared) < MIN_CONCEPTS:
        raise ValueError(
            f"{_named([a, b])}: {len(shared)} concepts of {len(x)} and {len(y)} match in {dimension}"
            f" (first: {', '.join(map(str, x.index[:3]))}; {', '.join(map(str, y.index[:3]))}); needed: {MIN_CONCEPTS}"
            " or more. Concept numbers must be those of Concepticon in both (column CONCEPTICON_ID)"
        )
    u, v = x[shared].to_numpy(float), y[shared].to_numpy(float)
    if u.std() == 0 or v.std() == 0:
        raise ValueError(
            f"{_named([a, b])}: all shared concepts have one {dimension} in a set; needed: ratings that differ"
        )
    r = float(np.corrcoef(u, v)[0, 1])
    low, high = fisher_interval(r, len(shared))
    boot = bootstrap_interval(u, v, rng(root_seed, "agreement", *a, *b, dimension))
    LOG.info("%s, %s: r %.3f over %d concepts", _named([a, b]), dimension, r, len(shared))
    return {
        "human_a": a[0],
        "language_a": a[1],
        "human_b": b[0],
        "language_b": b[1],
        "dimension": dimension,
        "r": r,
        "ci_low": low,
        "ci_high": high,
        "bootstrap_low": boot[0],
        "bootstrap_high": boot[1],
        "spearman": float(spearman(u, v)),
        "n_concepts": len(shared),
    }
