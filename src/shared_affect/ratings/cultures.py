"""Does what is predicted of one language beyond the other follow what people rate beyond it?"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from shared_affect.base.log import LOG
from shared_affect.base.stats import percentile_interval
from shared_affect.ratings.ridge import CONSTANT
from shared_affect.ratings.scores import resample_words


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


def culture_differences(
    predictions: Mapping[str, pd.DataFrame],
    values: Mapping[str, pd.DataFrame],
    translations: pd.DataFrame,
    *,
    n_bootstrap: int,
    rng: np.random.Generator,
) -> pd.DataFrame:
    """Correlation over translation pairs of predicted (arm ``all``) with true valence difference, see
    `culture_difference_r`.

    Parameters
    ----------
    predictions : mapping of language -> long predictions
    values : mapping of language -> DataFrame ``word, valence``
        Ratings of people, or the noise-free coordinates of a planted world.
    translations : DataFrame as of `lemmas.read_translations`
        A pair counts where both words are predicted and have a value; a word of several pairs enters each.
    """
    first, second = predictions
    sides = {}
    for k in (first, second):
        rows = (
            predictions[k]
            .query("arm == 'all' and dimension == 'valence'")[["word", "prediction"]]
            .merge(values[k][["word", "valence"]], on="word")
        )
        sides[k] = rows.rename(columns={"word": k, "prediction": f"predicted {k}", "valence": f"true {k}"})
    frame = sides[first].merge(translations, on=first).merge(sides[second], on=second).set_index("pair")
    predicted, rated = (
        {k: frame[f"{kind} {k}"].astype(float) for k in (first, second)} for kind in ("predicted", "true")
    )
    result = culture_difference_r(predicted, rated, n_bootstrap=n_bootstrap, rng=rng)
    return pd.DataFrame([{"quantity": "valence_difference_r", **result}])
