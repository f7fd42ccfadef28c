"""Do features predict how people rate words? Nested cross-validated ridge, its tests, and transfer between
languages.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.seeds import Seeds
from shared_affect.base.stats import midranks, percentile_interval
from shared_affect.ratings.folds import inner_folds, permuted_indices
from shared_affect.ratings.ridge import (
    ALPHAS,
    CONSTANT,
    N_INNER,
    check_regression,
    check_transfer,
    nested,
    nested_cv_predict,
    train_folds,
    transfer,
    transfer_inner,
)

CLAIM_ARM, CLAIM_TRANSFER_ARM, MATCHED_ARM = "emotion-space", "shared", "outside-matched"
DIFFERENCES = (
    ("shared", "all"),
    (CLAIM_ARM, MATCHED_ARM),
    (CLAIM_ARM, "all"),
    (CLAIM_ARM, "static"),
    ("shared", MATCHED_ARM),
)


# --- scores -----------------------------------------------------------------------------------------------------------


def _standardised(values: np.ndarray) -> np.ndarray:
    """Columns with mean 0 and SD 1; a constant column becomes 0 and so correlates with nothing."""
    centred = values - values.mean(0)
    sd = np.sqrt((centred**2).mean(0))
    varies = sd > CONSTANT * np.abs(values).max(0)
    return np.where(varies, centred / np.where(varies, sd, 1.0), 0.0)


def _columns_r(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Pearson correlation of columns; 0 where one of the two is constant."""
    return (_standardised(a) * _standardised(b)).mean(0)


def within_fold_r(y: np.ndarray, prediction: np.ndarray, fold: np.ndarray) -> np.ndarray | float:
    """Pearson correlation inside each outer fold, averaged over folds (no Fisher transform).

    Pooled over folds it would be biased below 0 without a signal, because a fold's predictions lean towards the other
    folds' mean. A fold in which the prediction or the rating is constant counts as 0: it ordered no words.

    Parameters
    ----------
    y, prediction : array [n] or [n, T]
    fold : int array [n]

    Returns
    -------
    float or array [T]
    """
    y, prediction, fold = np.asarray(y, float), np.asarray(prediction, float), np.asarray(fold)
    if y.shape != prediction.shape or len(fold) != len(y):
        raise ValueError(f"y {y.shape}, prediction {prediction.shape}, {len(fold)} folds; allowed: equal shapes")
    r = np.mean([_columns_r(y[fold == f], prediction[fold == f]) for f in np.unique(fold)], axis=0)
    return float(r) if y.ndim == 1 else r


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


def _within_fold_ranks(values: np.ndarray, fold: np.ndarray) -> np.ndarray:
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
        "spearman": within_fold_r(_within_fold_ranks(y, fold), _within_fold_ranks(prediction, fold), fold),
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


def reliability_ceiling(mean: np.ndarray, sd: np.ndarray, n: np.ndarray | None) -> float | None:
    """Largest correlation the ratings' own noise allows: sqrt(1 - mean(SD^2 / N) / var(mean, ddof=1)).

    Parameters
    ----------
    mean, sd, n : array [words]
        Mean rating, standard deviation over raters, number of raters. Without `n` the ceiling is unknown: None.

    Raises
    ------
    ValueError
        If the noise exceeds the variance of the means, or a number is missing.
    """
    if n is None:
        return None
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


def _p_greater(observed: float, null: np.ndarray) -> float:
    if not (np.isfinite(observed) and np.isfinite(null).all()):  # nothing is >= NaN: the smallest p there is
        raise ValueError(
            f"a permutation test of {observed} against {int((~np.isfinite(null)).sum())} values that are not finite;"
            " allowed: finite numbers only"
        )
    return float((1 + (null >= observed - 1e-12).sum()) / (len(null) + 1))


def permutation_test(
    X: np.ndarray,
    y: np.ndarray,
    outer: np.ndarray,
    groups: np.ndarray,
    *,
    n_permutations: int = 999,
    alphas: np.ndarray = ALPHAS,
    n_inner: int = N_INNER,
    rng: np.random.Generator,
) -> dict[str, float]:
    """One-sided permutation test of the within-fold r, every permuted rating refitted with its own penalty.

    Parameters
    ----------
    X : array [n, F]
    y : array [n]
    outer, groups : array [n]
        As in `nested_cv_predict`. Ratings of groups of equal size change places together.

    Returns
    -------
    dict
        r, p = (1 + #{permuted r >= r}) / (n_permutations + 1), null_mean, null_high (95 % point), n_permutations.
    """
    X, y, outer = np.asarray(X, float), np.asarray(y, float), np.asarray(outer)
    check_regression(X, y[:, None], groups, outer)
    inner = inner_folds(outer, groups, n_inner, rng)
    r, null = _permutation_r(
        X, y, outer, inner, permuted_indices(groups, n_permutations, rng), np.asarray(alphas, float)
    )
    return {
        "r": r,
        "p": _p_greater(r, null),
        "null_mean": float(null.mean()),
        "null_high": float(np.quantile(null, 0.95)),
        "n_permutations": n_permutations,
    }


def _permutation_r(X, y, outer, inner, indices, alphas) -> tuple[float, np.ndarray]:
    """Within-fold r of the ratings and of their permutations [n_permutations], in one multi-target regression."""
    targets = np.column_stack([y, y[indices].T])
    r = within_fold_r(targets, nested(X, targets, outer, inner, alphas), outer)
    return float(r[0]), r[1:]


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
        if frame[[f"{d}_sd", f"{d}_n"]].isna().any(axis=None):
            LOG.info("%s: SD or N unknown, so is the ceiling", d)
            continue
        ceiling = reliability_ceiling(*(frame[c].to_numpy(float) for c in (d, f"{d}_sd", f"{d}_n")))
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


# --- sets of features to compare with ---------------------------------------------------------------------------------


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
    distance = np.abs(inside[:, None] - outside[None]) / pooled
    distance = distance.max(2)
    draws, beyond = [], 0
    for _ in range(n_draws):
        free = np.ones(len(pool_ids), bool)
        taken = np.empty(len(target_ids), int)
        for t in rng.permutation(len(target_ids)):
            near = np.flatnonzero(free & (distance[t] <= caliper))
            if len(near):
                taken[t] = near[rng.integers(len(near))]
            else:
                taken[t] = np.where(free, distance[t], np.inf).argmin()
                beyond += 1
            free[taken[t]] = False
        draws.append(pool_ids[taken])
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


# --- whole analyses ---------------------------------------------------------------------------------------------------


def _arm_matrix(codes: np.ndarray, arm: np.ndarray, name: str) -> np.ndarray:
    """Predictors of an arm: log1p of the codes' columns for ids [k], a matrix [n, F] as it is."""
    arm = np.asarray(arm)
    if arm.ndim == 2 and len(arm) == len(codes):
        return arm.astype(float)
    if arm.ndim == 1 and (arm.dtype.kind in "iu" or not len(arm)):
        ids = arm.astype(int)
        if len(np.unique(ids)) != len(ids) or (len(ids) and (ids.min() < 0 or ids.max() >= codes.shape[1])):
            raise ValueError(
                f"arm {name!r} has doubled or unknown features; allowed: distinct ids in 0..{codes.shape[1] - 1}"
            )
        return np.log1p(codes[:, ids].astype(float))
    raise ValueError(
        f"arm {name!r} has shape {arm.shape}, dtype {arm.dtype}; allowed: integer ids [k] or a matrix [{len(codes)}, F]"
    )


def _check_codes(codes: np.ndarray) -> np.ndarray:
    codes = np.asarray(codes)
    if codes.ndim != 2 or not np.isfinite(codes).all() or (codes < 0).any():
        raise ValueError(
            f"codes {codes.shape} are negative or not finite somewhere; allowed: SAE codes [words, features] >= 0"
        )
    return codes


def _targets(ratings: Mapping[str, np.ndarray], n_words: int) -> np.ndarray:
    for name, y in ratings.items():
        if np.shape(y) != (n_words,) or not np.isfinite(np.asarray(y, float)).all():
            raise ValueError(
                f"ratings {name!r} have shape {np.shape(y)} or missing values; allowed: {n_words} finite numbers"
            )
    if not ratings:
        raise ValueError("no rating dimension given; allowed: at least one, such as valence")
    return np.column_stack([np.asarray(y, float) for y in ratings.values()])


def _row(result: dict[str, float], p: float, n_permutations: int, ceiling: float | None) -> dict[str, float]:
    known = ceiling is not None
    return {
        **{k: result[k] for k in ("r", "ci_low", "ci_high")},
        "p": p,
        "n_permutations": n_permutations,
        **{k: result[k] for k in ("spearman", "r2", "rmse", "n_words")},
        "ceiling": ceiling if known else np.nan,
        "r_over_ceiling": result["r"] / ceiling if known else np.nan,
    }


def predict_arms(
    codes: np.ndarray,
    ratings: Mapping[str, np.ndarray],
    groups: np.ndarray,
    arms: Mapping[str, np.ndarray],
    *,
    words: Sequence[str],
    fold: np.ndarray,
    matched: MatchedDraws | None = None,
    ceilings: Mapping[str, float | None] | None = None,
    differences: Sequence[tuple[str, str]] = DIFFERENCES,
    margin: float = 0.02,
    n_permutations: int = 999,
    n_bootstrap: int = 2000,
    alphas: np.ndarray = ALPHAS,
    n_inner: int = N_INNER,
    seeds: Seeds,
) -> dict[str, pd.DataFrame | dict[str, str]]:
    """Rating prediction of one language, all arms through the same folds.

    Parameters
    ----------
    codes : array [n, F]
        SAE codes of the rated words.
    ratings : dimension -> array [n]
    groups : array [n]
        Lemma families / translation pairs.
    arms : arm -> int array of feature ids, or matrix [n, F']
        Ids pick columns of `codes` (log1p is taken); a matrix (dense, static, covariates) is used as it is. An arm with
        no feature is left out and named in `not_tested`.
    words : n labels, unique; they index the stored predictions.
    fold : int array [n]
        Outer folds (`folds`, or `paired_folds` where languages are compared).
    matched : MatchedDraws
        For the arm `outside-matched`: r, spearman, r2 and rmse are medians over draws; interval, differences and stored
        predictions are those of the draw whose r is nearest to the median, chosen for each dimension.
    ceilings : dimension -> reliability ceiling or None (unknown)
    differences : pairs of arms; pairs with an arm that is not there are left out.
    margin : float
        Equivalence: the 90 % interval lies inside +-margin.
    n_permutations : int
        For the claim's arm `emotion-space` only; 0 = none.
    seeds : Seeds
        Inner folds, resamples of words and permutations have a stream each: an arm more moves no number of another.

    Returns
    -------
    dict
        scores: arm, dimension, r, ci_low, ci_high, p, n_permutations, spearman, r2, rmse, n_words, ceiling,
        r_over_ceiling (p is NaN where no test is made, ceiling and r_over_ceiling where unknown: the only NaN).
        differences: arm_a, arm_b, dimension, difference, ci_low, ci_high, ci90_low, ci90_high, equivalent, margin.
        predictions: out-of-fold, words x (arm, dimension).
        not_tested: arm -> reason.
    """
    codes, fold = _check_codes(codes), np.asarray(fold)
    Y = _targets(ratings, len(codes))
    if len(set(words)) != len(words) or len(words) != len(codes):
        raise ValueError(
            f"{len(words)} word labels, {len(set(words))} distinct, for {len(codes)} words; allowed: one label each"
        )
    check_regression(codes, Y, groups, fold)
    if MATCHED_ARM in arms:
        raise ValueError(f"arms holds {MATCHED_ARM!r}; allowed: give its draws as `matched`")
    alphas = np.asarray(alphas, float)
    inner = inner_folds(fold, groups, n_inner, seeds.rng("inner_folds"))
    resamples = resample_words(fold, n_bootstrap, seeds.rng("bootstrap"))
    matrices = {a: _arm_matrix(codes, v, a) for a, v in arms.items()}
    not_tested = {a: "no feature in this arm" for a, X in matrices.items() if not X.shape[1]}
    predictions = {a: nested(X, Y, fold, inner, alphas) for a, X in matrices.items() if X.shape[1]}
    medians: dict[str, dict[str, float]] = {}
    if matched is not None and matched.reason is None:
        predictions[MATCHED_ARM], medians = _predict_matched(
            codes, Y, list(ratings), fold, inner, alphas, matched.draws
        )
    elif matched is not None:
        not_tested[MATCHED_ARM] = matched.reason
    p_values = {}
    if n_permutations and CLAIM_ARM in predictions:
        indices = permuted_indices(groups, n_permutations, seeds.rng("permutations"))
        for d, name in enumerate(ratings):
            p_values[name] = _p_greater(*_permutation_r(matrices[CLAIM_ARM], Y[:, d], fold, inner, indices, alphas))
    rows = []
    for arm, predicted in predictions.items():
        for d, name in enumerate(ratings):
            result = score(Y[:, d], predicted[:, d], fold, resamples)
            if arm == MATCHED_ARM:
                result.update(medians[name])
            tested = arm == CLAIM_ARM and name in p_values
            p, n = (p_values[name], n_permutations) if tested else (np.nan, 0)
            rows.append({"arm": arm, "dimension": name, **_row(result, p, n, (ceilings or {}).get(name))})
    return {
        "scores": pd.DataFrame(rows),
        "differences": _differences(Y, list(ratings), predictions, fold, differences, margin, resamples),
        "predictions": _prediction_frame(predictions, list(ratings), words),
        "not_tested": not_tested,
    }


def predict_partial_arm(
    arm: str,
    X: np.ndarray,
    rows: np.ndarray,
    ratings: Mapping[str, np.ndarray],
    groups: np.ndarray,
    fold: np.ndarray,
    beside: Mapping[str, np.ndarray],
    *,
    ceilings: Mapping[str, float | None] | None = None,
    margin: float = 0.02,
    n_bootstrap: int = 2000,
    n_inner: int = N_INNER,
    seeds: Seeds,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """An arm that knows some of the words only, and other arms' stored predictions compared with it over the same
    words.

    Parameters
    ----------
    arm : str
    X : array [k, F]
        Predictors of the words it knows.
    rows : int array [k]
        Their places among all n words.
    ratings, groups, fold
        Of all n words, as in `predict_arms`.
    beside : arm -> array [n, dimensions]
        Out-of-fold predictions; each minus this arm is a difference. They were fitted on all words: an advantage of
        theirs.
    ceilings : dimension -> ceiling over the k words
    seeds : Seeds
        Of the whole analysis; the arm has streams of its own name.

    Returns
    -------
    scores, differences
        Rows as in `predict_arms`.
    """
    fold, rows = np.asarray(fold)[rows], np.asarray(rows)
    Y = _targets({d: np.asarray(y)[rows] for d, y in ratings.items()}, len(rows))
    own = seeds.child(arm)
    predicted = nested_cv_predict(X, Y, fold, np.asarray(groups)[rows], n_inner=n_inner, rng=own.rng("inner_folds"))
    resamples = resample_words(fold, n_bootstrap, own.rng("bootstrap"))
    scores = [
        {
            "arm": arm,
            "dimension": name,
            **_row(score(Y[:, d], predicted[:, d], fold, resamples), np.nan, 0, (ceilings or {}).get(name)),
        }
        for d, name in enumerate(ratings)
    ]
    predictions = {a: np.asarray(p)[rows] for a, p in beside.items()} | {arm: predicted}
    return pd.DataFrame(scores), _differences(
        Y, list(ratings), predictions, fold, [(a, arm) for a in beside], margin, resamples
    )


def _predict_matched(codes, Y, names, fold, inner, alphas, draws) -> tuple[np.ndarray, dict[str, dict[str, float]]]:
    """Predictions of the draw nearest to the median r, for each dimension, and the medians of all scores."""
    logs = np.log1p(codes.astype(float))
    every = np.array([nested(logs[:, d], Y, fold, inner, alphas) for d in draws])
    flat = every.transpose(1, 0, 2).reshape(len(Y), -1)
    truth = np.tile(Y, (1, len(draws)))
    shape = (len(draws), Y.shape[1])
    r = within_fold_r(truth, flat, fold).reshape(shape)
    ranks = [np.column_stack([_within_fold_ranks(c, fold) for c in m.T]) for m in (truth, flat)]
    spearman = within_fold_r(*ranks, fold).reshape(shape)
    squared = ((every - Y) ** 2).sum(1)
    median = np.median(r, 0)
    nearest = np.abs(r - median).argmin(0)
    spread = ((Y - Y.mean(0)) ** 2).sum(0)
    summary = {
        name: {
            "r": float(median[d]),
            "spearman": float(np.median(spearman[:, d])),
            "r2": float(np.median(1 - squared[:, d] / spread[d])),
            "rmse": float(np.median(np.sqrt(squared[:, d] / len(Y)))),
        }
        for d, name in enumerate(names)
    }
    return np.column_stack([every[nearest[d], :, d] for d in range(Y.shape[1])]), summary


DIFFERENCE_COLUMNS = [
    "arm_a",
    "arm_b",
    "dimension",
    "difference",
    "ci_low",
    "ci_high",
    "ci90_low",
    "ci90_high",
    "equivalent",
    "margin",
]


def _differences(Y, names, predictions, fold, pairs, margin, resamples: Resamples) -> pd.DataFrame:
    rows = []
    for a, b in pairs:
        if a not in predictions or b not in predictions:
            continue
        for d, name in enumerate(names):
            result = paired_difference(Y[:, d], predictions[a][:, d], predictions[b][:, d], fold, resamples)
            same = equivalent(result["ci90_low"], result["ci90_high"], margin)
            rows.append({"arm_a": a, "arm_b": b, "dimension": name, **result, "equivalent": same, "margin": margin})
    return pd.DataFrame(rows, columns=DIFFERENCE_COLUMNS)


def _prediction_frame(predictions: Mapping[str, np.ndarray], names: list[str], words: Sequence[str]) -> pd.DataFrame:
    columns = pd.MultiIndex.from_product([list(predictions), names], names=["arm", "dimension"])
    return pd.DataFrame(
        np.column_stack(list(predictions.values())), index=pd.Index(words, name="word"), columns=columns
    )


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


def _above_chance(r: float, n: int) -> float | None:
    """`r`, or None where its 95 % interval (Fisher's z) reaches 0: what does not agree is no ceiling for anything."""
    return r if r > np.tanh(1.96 / np.sqrt(max(n - 3, 1))) else None


def predict_transfer(
    codes: Mapping[str, np.ndarray],
    ratings: Mapping[str, Mapping[str, np.ndarray]],
    groups: Mapping[str, np.ndarray],
    arms: Mapping[str, np.ndarray | Mapping[str, np.ndarray]],
    *,
    words: Mapping[str, Sequence[str]],
    fold: Mapping[str, np.ndarray],
    pairs: Mapping[str, np.ndarray],
    n_permutations: int = 999,
    n_bootstrap: int = 2000,
    alphas: np.ndarray = ALPHAS,
    n_inner: int = N_INNER,
    seeds: Seeds,
) -> dict[str, object]:
    """Rating prediction across two languages, both directions.

    Parameters
    ----------
    codes, ratings, groups, words, fold : by language
        As in `predict_arms`; folds from `paired_folds`. `groups` are comparable across languages: a translation has the
        same one. Only dimensions that both languages have are used.
    pairs : by language, int array [n_pairs]
        Places of the words of each translation pair, for the ceiling.
    arms : arm -> feature ids, or language -> matrix [n, F'] (the same F' in both)
    n_permutations : int
        For the claim's arm `shared`: the training ratings are permuted over their words and refitted; 0 = none.
    seeds : Seeds
        Each direction has streams of its own.

    Returns
    -------
    dict
        scores: direction (`en-zh`: fitted on en, tested on zh), arm, dimension and the columns of `predict_arms`;
        ceiling is the correlation of the two languages' ratings over their common pairs, NaN where they do not agree.
        predictions: direction -> frame words of the tested language x (arm, dimension). not_tested: arm -> reason.
    """
    languages = list(codes)
    if len(languages) != 2:
        raise ValueError(f"languages are {languages}; allowed: two")
    checked = {k: _check_codes(codes[k]) for k in languages}
    first, second = (ratings[k] for k in languages)
    names = [d for d in first if d in second]
    Y = {k: _targets({d: ratings[k][d] for d in names}, len(checked[k])) for k in languages}
    matrices = {
        arm: {k: _arm_matrix(checked[k], value[k] if isinstance(value, Mapping) else value, arm) for k in languages}
        for arm, value in arms.items()
    }
    not_tested = {arm: "no feature in this arm" for arm, m in matrices.items() if not m[languages[0]].shape[1]}
    matrices = {arm: m for arm, m in matrices.items() if arm not in not_tested}
    for k in languages:
        if len(set(words[k])) != len(words[k]) or len(words[k]) != len(checked[k]):
            raise ValueError(f"word labels of {k!r} are doubled or not {len(checked[k])}; allowed: one label each")
    a, b = languages
    ceiling = {
        d: _above_chance(pair_correlation(Y[a][:, i], pairs[a], Y[b][:, i], pairs[b]), len(pairs[a]))
        for i, d in enumerate(names)
    }
    alphas = np.asarray(alphas, float)
    rows, frames = [], {}
    for source, target in ((a, b), (b, a)):
        direction = f"{source}-{target}"
        test_fold = np.asarray(fold[target])
        train_fold = train_folds(groups[source], groups[target], test_fold)
        for m in matrices.values():
            check_transfer(m[source], Y[source], groups[source], m[target], groups[target], test_fold)
        own = seeds.child(direction)
        inner = transfer_inner(train_fold, groups[source], test_fold, n_inner, own.rng("inner_folds"))
        resamples = resample_words(test_fold, n_bootstrap, own.rng("bootstrap"))
        indices = permuted_indices(groups[source], n_permutations, own.rng("permutations")) if n_permutations else None
        predictions = {}
        for arm, m in matrices.items():
            permuted = indices if arm == CLAIM_TRANSFER_ARM else None
            targets = (
                Y[source]
                if permuted is None
                else np.column_stack([Y[source], *(Y[source][:, d][permuted].T for d in range(len(names)))])
            )
            predicted = transfer(m[source], targets, m[target], train_fold, test_fold, inner, alphas)
            predictions[arm] = predicted[:, : len(names)]
            for d, name in enumerate(names):
                result = score(Y[target][:, d], predicted[:, d], test_fold, resamples)
                p, n = np.nan, 0
                if permuted is not None:
                    null = predicted[:, len(names) + d * n_permutations :][:, :n_permutations]
                    truth = np.broadcast_to(Y[target][:, [d]], null.shape)
                    p, n = _p_greater(result["r"], within_fold_r(truth, null, test_fold)), n_permutations
                rows.append(
                    {"direction": direction, "arm": arm, "dimension": name, **_row(result, p, n, ceiling[name])}
                )
        frames[direction] = _prediction_frame(predictions, names, words[target])
    return {"scores": pd.DataFrame(rows), "predictions": frames, "not_tested": not_tested}


def culture_difference_r(
    predicted: Mapping[str, pd.Series],
    rated: Mapping[str, pd.Series],
    *,
    n_bootstrap: int = 2000,
    level: float = 0.95,
    rng: np.random.Generator,
) -> dict[str, float]:
    """Does what is predicted of one language beyond the other follow what people rate beyond it, over translation
    pairs?

    Both differences are free of scale and offset: one language minus the multiple of the other that leaves nothing of
    what both have in common. The multiple is not the least-squares slope. That is too flat where predictions or ratings
    hold noise, so that a part of the common valence stays in both residuals and correlates. It comes from the other
    side, whose noise is another one (an instrument): the multiple of predictions is the one whose difference is
    uncorrelated with the ratings of both languages, and the other way round.

    Parameters
    ----------
    predicted : language -> Series indexed by pair, two languages
        Out-of-fold predicted valence (arm `all`, folds by pair).
    rated : the same languages -> Series indexed by pair
        Human valence, or noise-free coordinates of a planted world.
    n_bootstrap : int
        Resamples of pairs; both multiples are found anew in each.

    Returns
    -------
    dict
        r (Pearson over pairs), ci_low, ci_high (bootstrap of pairs), n_pairs. NaN, and a warning, where ratings of the
        two languages are the same but for scale and offset: then there is no difference to follow.

    Raises
    ------
    ValueError
        If languages or pairs differ, pairs are doubled, or values are missing or do not vary.
    """
    languages = list(predicted)
    if len(languages) != 2 or set(languages) != set(rated):
        raise ValueError(f"languages are {languages} and {list(rated)}; allowed: the same two")
    pairs = predicted[languages[0]].index
    values = []
    for kind, series in (("predicted", predicted), ("rated", rated)):
        for k in languages:
            if series[k].index.has_duplicates or set(series[k].index) != set(pairs):
                raise ValueError(
                    f"pairs of {kind} {k} are doubled or not those of the others; allowed: the same pairs, once each"
                )
            x = series[k].loc[pairs].to_numpy(float)
            if not np.isfinite(x).all() or x.std() == 0:
                raise ValueError(f"{kind} {k} is missing for a pair or does not vary; allowed: finite, varying values")
            values.append((x - x.mean()) / x.std())
    resamples = resample_words(np.zeros(len(pairs), int), n_bootstrap, rng)[0][1]
    weights = np.concatenate([np.ones((1, len(pairs))), resamples])
    r = _difference_r(np.stack(values, 1), weights)
    if not np.isfinite(r[0]):
        LOG.warning(
            "ratings of %s and %s are the same up to scale and offset over %d pairs: no difference to follow",
            *languages,
            len(pairs),
        )
        return {"r": np.nan, "ci_low": np.nan, "ci_high": np.nan, "n_pairs": len(pairs)}
    low, high = percentile_interval(r[1:][np.isfinite(r[1:])], level=level, axis=0)
    return {"r": float(r[0]), "ci_low": float(low), "ci_high": float(high), "n_pairs": len(pairs)}


def _difference_r(values: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Correlations [resamples] of both differences, from the moments of predicted a, predicted b, rated a, rated b
    ([pairs, 4]).
    """
    total = weights.sum(1)[:, None]
    means = weights @ values / total
    products = (weights @ (values[:, :, None] * values[:, None]).reshape(len(values), 16) / total).reshape(-1, 4, 4)
    cov = products - means[:, :, None] * means[:, None]
    sd = np.sqrt(np.clip(np.einsum("bii->bi", cov), 0, None))
    inverse = np.divide(1, sd, out=np.zeros_like(sd), where=sd > CONSTANT)
    difference = np.zeros((2, len(weights), 4))
    for own, other in ((0, 1), (1, 0)):
        common = np.zeros((len(weights), 4))
        common[:, 2 * other : 2 * other + 2] = inverse[:, 2 * other : 2 * other + 2]
        a, b = (np.einsum("bi,bi->b", cov[:, 2 * own + k], common) for k in (0, 1))
        difference[own, :, 2 * own], difference[own, :, 2 * own + 1] = -b, a
    both = [np.einsum("bi,bij,bj->b", x, cov, y) for x, y in (difference, difference[[0, 0]], difference[[1, 1]])]
    size = [np.einsum("bi,bi->b", d, d) for d in difference]
    varies = (both[1] > CONSTANT * size[0]) & (both[2] > CONSTANT * size[1])
    return np.divide(both[0], np.sqrt(np.abs(both[1] * both[2])), out=np.full(len(weights), np.nan), where=varies)
