"""How well predictions agree with ratings: correlations inside folds, their intervals and p, and what the ratings' own
noise allows.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.stats import midranks, percentile_interval
from shared_affect.ratings.ridge import CONSTANT


def _standardised(values: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and SD 1; a constant column becomes 0 and so correlates with nothing."""
    centred = values - values.mean(0)
    sd = np.sqrt((centred**2).mean(0))
    varies = sd > CONSTANT * np.abs(values).max(0)
    return np.where(varies, centred / np.where(varies, sd, 1.0), 0.0)


def _columns_r(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlation of columns; 0 where one of the two is constant."""
    return (_standardised(a) * _standardised(b)).mean(0)


def within_fold_rs(y: np.ndarray, prediction: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """`within_fold_r` of each column of two arrays [n, T]."""
    y, prediction, fold = np.asarray(y, float), np.asarray(prediction, float), np.asarray(fold)
    if y.shape != prediction.shape or len(fold) != len(y):
        raise ValueError(f"y {y.shape}, prediction {prediction.shape}, {len(fold)} folds; allowed: equal shapes")
    return np.mean([_columns_r(y[fold == f], prediction[fold == f]) for f in np.unique(fold)], axis=0)


def within_fold_r(y: np.ndarray, prediction: np.ndarray, fold: np.ndarray) -> float:
    """Pearson correlation inside each outer fold, averaged over folds (no Fisher transform).

    Pooled over folds it would be biased below 0 without a signal, because a fold's predictions lean towards the other
    folds' mean. A fold in which the prediction or the rating is constant counts as 0: it ordered no words.

    Parameters
    ----------
    y, prediction : array [n]
    fold : int array [n]

    Examples
    --------
    In order inside both folds, though the folds' means run the other way:

    >>> round(within_fold_r([1, 2, 3, 7, 8, 9], [6, 7, 8, 1, 2, 3], [0, 0, 0, 1, 1, 1]), 3)
    1.0
    """
    return float(within_fold_rs(y, prediction, fold))


Resamples = list[tuple[np.ndarray, np.ndarray]]
"""For each fold its rows and how often each is drawn, [n_bootstrap, rows]."""


def resample_words(fold: np.ndarray, n_bootstrap: int, rng: np.random.Generator) -> Resamples:
    """Bootstrap of words inside folds: the same resamples serve every arm, so that differences are paired.

    Counts are kept in 16 bits: 25,000 words and 2,000 resamples take 100 MB.

    Parameters
    ----------
    fold : int array [n]
    n_bootstrap : int
    """
    rows = [np.flatnonzero(fold == f) for f in np.unique(fold)]
    return [(r, rng.multinomial(len(r), np.full(len(r), 1 / len(r)), size=n_bootstrap).astype(np.uint16)) for r in rows]


def _bootstrap_r(y: np.ndarray, prediction: np.ndarray, weights: Resamples) -> np.ndarray:
    """Within-fold r of every resample, [n_bootstrap]."""
    total = np.zeros(len(weights[0][1]))
    for rows, w in weights:
        a, b = _standardised(y[rows]), _standardised(prediction[rows])
        # one matrix product gives all weighted moments
        ma, mb, maa, mbb, mab = (w.astype(float) @ np.stack([a, b, a * a, b * b, a * b], 1) / len(rows)).T
        va, vb = maa - ma**2, mbb - mb**2
        varies = (va > 1e-12) & (vb > 1e-12)
        total += np.where(varies, (mab - ma * mb) / np.sqrt(np.where(varies, va * vb, 1)), 0.0)
    return total / len(weights)


def within_fold_ranks(values: np.ndarray, fold: np.ndarray) -> np.ndarray:
    """Mid-ranks of each fold's values among themselves, [n]."""
    out = np.empty(len(values))
    for f in np.unique(fold):
        out[fold == f] = midranks(values[fold == f])
    return out


def score(
    y: np.ndarray, prediction: np.ndarray, fold: np.ndarray, resamples: Resamples, level: float = 0.95
) -> dict[str, float]:
    """How well stored out-of-fold predictions agree with ratings.

    Parameters
    ----------
    y, prediction : array [n]
    fold : int array [n]
    resamples
        Of `resample_words`.

    Returns
    -------
    dict
        r (mean within-fold correlation), ci_low, ci_high (percentile bootstrap of words inside folds, no refit),
        spearman (within-fold mean too), r2 (1 - SSE / SST over all words, about the overall mean), rmse (rating units),
        n_words.
    """
    y, prediction, fold = np.asarray(y, float), np.asarray(prediction, float), np.asarray(fold)
    r = within_fold_r(y, prediction, fold)
    spread = float(((y - y.mean()) ** 2).sum())
    if spread == 0:
        raise ValueError(f"all {len(y)} ratings equal {y[0]}; allowed: ratings that vary (check the norms)")
    low, high = percentile_interval(_bootstrap_r(y, prediction, resamples), level=level, axis=0)
    squared = float(((y - prediction) ** 2).sum())
    return {
        "r": r,
        "ci_low": float(low),
        "ci_high": float(high),
        "spearman": within_fold_r(within_fold_ranks(y, fold), within_fold_ranks(prediction, fold), fold),
        "r2": 1 - squared / spread,
        "rmse": float(np.sqrt(squared / len(y))),
        "n_words": len(y),
    }


def paired_difference(
    y: np.ndarray,
    prediction_a: np.ndarray,
    prediction_b: np.ndarray,
    fold: np.ndarray,
    resamples: Resamples,
    level: float = 0.95,
) -> dict[str, float]:
    """Within-fold r of `a` minus that of `b`, with a paired bootstrap over words (same resamples, no refit).

    Returns
    -------
    dict
        difference, ci_low, ci_high (at `level`), ci90_low, ci90_high (for equivalence, from the same resamples).
    """
    y, fold = np.asarray(y, float), np.asarray(fold)
    a, b = np.asarray(prediction_a, float), np.asarray(prediction_b, float)
    difference = within_fold_r(y, a, fold) - within_fold_r(y, b, fold)
    draws = _bootstrap_r(y, a, resamples) - _bootstrap_r(y, b, resamples)
    low, high = percentile_interval(draws, level=level, axis=0)
    low90, high90 = percentile_interval(draws, level=0.9, axis=0)
    return {
        "difference": difference,
        "ci_low": float(low),
        "ci_high": float(high),
        "ci90_low": float(low90),
        "ci90_high": float(high90),
    }


def equivalent(ci90_low: float, ci90_high: float, margin: float) -> bool:
    """Whether a 90 % interval lies wholly inside +-margin (two one-sided tests at 5 %)."""
    if margin <= 0:
        raise ValueError(f"margin is {margin}; allowed: > 0 (config.yaml, equivalence margin)")
    return -margin < ci90_low and ci90_high < margin


def reliability_ceiling(mean: np.ndarray, sd: np.ndarray, n: np.ndarray) -> float:
    """Largest correlation the ratings' own noise allows: sqrt(1 - mean(SD^2 / N) / var(mean, ddof=1)).

    Parameters
    ----------
    mean, sd, n : array [words]
        Mean rating, standard deviation over raters, number of raters.

    Raises
    ------
    ValueError
        If the noise exceeds the variance of the means, or a number is missing.
    """
    mean, sd, n = (np.asarray(v, float) for v in (mean, sd, n))
    if not (np.isfinite(mean).all() and np.isfinite(sd).all() and np.isfinite(n).all() and (n >= 1).all()):
        raise ValueError(
            "mean, sd or n hold missing or impossible numbers; allowed: finite, n >= 1 (check the norms table)"
        )
    reliability = 1 - np.mean(sd**2 / n) / mean.var(ddof=1)
    if not reliability > 0:
        raise ValueError(
            f"reliability is {reliability:.3f}; allowed: > 0 (check the norms table: SD of raters, not of means)"
        )
    return float(np.sqrt(reliability))


def known_ceiling(mean: np.ndarray, sd: np.ndarray, n: np.ndarray) -> float | None:
    """`reliability_ceiling`, or None, which is unknown, where an SD or N is NaN."""
    return None if np.isnan(sd).any() or np.isnan(n).any() else reliability_ceiling(mean, sd, n)


def p_greater(observed: float, null: np.ndarray) -> float:
    """One-sided permutation p: the share of values that reach the observed one, itself among them.

    Raises
    ------
    ValueError
        If a value is not finite.
    """
    if not (np.isfinite(observed) and np.isfinite(null).all()):  # nothing is >= NaN: the smallest p there is
        raise ValueError(
            f"a permutation test of {observed} against {int((~np.isfinite(null)).sum())} values that are not finite;"
            " allowed: finite numbers only"
        )
    return float((1 + (null >= observed - 1e-12).sum()) / (len(null) + 1))


def find_ceilings(frame: pd.DataFrame) -> pd.DataFrame:
    """Reliability of the ratings and the largest correlation it allows, of every dimension whose SDs and Ns are known.

    Parameters
    ----------
    frame : DataFrame
        Norms in standard form (`norms.COLUMNS`).

    Returns
    -------
    DataFrame
        ``pairs`` (``words``), ``quantity`` (``reliability_valence`` = 1 - mean(SD^2 / N) / var(mean, ddof=1);
        ``ceiling_valence``, its square root; the same for arousal), ``statistic`` (``pearson``), ``value, n`` (words),
        ``n_raters`` (median a word). No rows where an SD or N is unknown: such a ceiling is unknown too.

    Raises
    ------
    ValueError
        As `reliability_ceiling`.
    """
    rows = []
    for d in ("valence", "arousal"):
        ceiling = known_ceiling(*(frame[c].to_numpy(float) for c in (d, f"{d}_sd", f"{d}_n")))
        if ceiling is None:
            LOG.info("%s: SD or N unknown, so is the ceiling", d)
            continue
        for quantity, value in (("reliability", ceiling**2), ("ceiling", ceiling)):
            rows.append(
                {
                    "pairs": "words",
                    "quantity": f"{quantity}_{d}",
                    "statistic": "pearson",
                    "value": value,
                    "n": len(frame),
                    "n_raters": int(frame[f"{d}_n"].median()),
                }
            )
    return pd.DataFrame(rows, columns=["pairs", "quantity", "statistic", "value", "n", "n_raters"])


def pair_correlation(ratings_a: np.ndarray, rows_a: np.ndarray, ratings_b: np.ndarray, rows_b: np.ndarray) -> float:
    """Correlation of two languages' ratings over translation pairs: what people of the two agree on, the ceiling of
    transfer.

    Parameters
    ----------
    ratings_a, ratings_b : arrays [n_a], [n_b]
    rows_a, rows_b : int arrays [n_pairs]
        Places of each pair's words.

    Raises
    ------
    ValueError
        Fewer than three pairs, or ratings that do not vary over them.
    """
    a, b = np.asarray(ratings_a, float)[rows_a], np.asarray(ratings_b, float)[rows_b]
    if len(a) < 3 or a.std() == 0 or b.std() == 0:
        raise ValueError(
            f"{len(a)} common pairs or ratings that do not vary; allowed: >= 3 pairs with varying ratings"
            " (resources/translations.tsv)"
        )
    return float(np.corrcoef(a, b)[0, 1])


def above_chance(r: float, n: int) -> float | None:
    """`r`, or None where its 95 % interval (Fisher's z) reaches 0: what does not agree is no ceiling for anything."""
    return r if r > np.tanh(1.96 / np.sqrt(max(n - 3, 1))) else None
