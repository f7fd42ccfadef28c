"""Intervals of rates over prompts, and of their differences and ratios.

A text is a yes or a no, texts of one prompt are alike, prompts are few and rates come near 0 and 1: a percentile
bootstrap over 12 prompts covered .84 to .91 where .95 was meant. The variance is that of prompts (linearised ratio, the
texts of a prompt together); it is turned into the number of independent texts that would have it, and that number into
a score interval (Wilson 1927), which does not collapse at 0 and 1, with the t of the prompts. Emotions are fixed: a
mean over emotions is one over these emotions, on other prompts.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student_t


def ratio(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """a / b; NaN where b is 0."""
    return np.divide(a, b, out=np.full(np.shape(a), np.nan), where=b > 0)


@dataclass(frozen=True)
class Rate:
    """Rates of one arm with what they owe to every prompt.

    Attributes
    ----------
    rate : ndarray, ``[n]``
    influence : ndarray, ``[n, n_prompts]``
        Sums to 0; the variance of the rate is the sum of its squares over n_prompts (n_prompts - 1).
    n_texts : ndarray, ``[n]``
    """

    rate: np.ndarray
    influence: np.ndarray
    n_texts: np.ndarray

    @classmethod
    def of(cls, sums: np.ndarray, counts: np.ndarray) -> Rate:
        """Of sums and counts ``[n_emotions, n_prompts]``, the mean over emotions last; NaN for an emotion without a
        value.

        Raises
        ------
        ValueError
            If there is one prompt only.
        """
        if counts.shape[1] < 2:
            raise ValueError(
                f"{counts.shape[1]} prompt of split score; needed: 2 or more, an interval is one over prompts"
                " (resources/prompts/<set>/<language>.tsv)"
            )
        total = counts.sum(1)
        rate = ratio(sums.sum(1), total)
        influence = ratio(sums - rate[:, None] * counts, (total / counts.shape[1])[:, None])
        return cls(with_mean(rate), with_mean(influence), np.append(total, total.sum()))

    def variance(self) -> np.ndarray:
        """Variance of every rate over prompts."""
        return covariance(self.influence, self.influence)

    def interval(self, level: float = 0.95) -> tuple[np.ndarray, np.ndarray]:
        """Score interval of every rate; NaN for a rate that is NaN."""
        n_prompts = self.influence.shape[1]
        p = np.clip(self.rate, 0, 1)
        z = student_t.ppf((1 + level) / 2, n_prompts - 1)
        variance = self.variance()
        alone = np.divide(p * (1 - p), self.n_texts, out=np.zeros_like(p), where=self.n_texts > 0)
        # few hits say little of how alike texts of a prompt are: an emotion is given no less of it than all emotions
        # together show
        tested = np.isfinite(variance[:-1]) & np.isfinite(alone[:-1])
        shared = variance[:-1][tested].sum() / alone[:-1][tested].sum() if alone[:-1][tested].sum() > 0 else 1.0
        variance[:-1] = np.maximum(variance[:-1], shared * alone[:-1])
        n = np.divide(p * (1 - p), variance, out=self.n_texts.astype(float), where=variance > 0)
        n = np.clip(n, n_prompts - 1, np.maximum(self.n_texts, n_prompts - 1))
        centre, half = (
            (p + z**2 / (2 * n)) / (1 + z**2 / n),
            z * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2)) / (1 + z**2 / n),
        )
        return np.minimum(centre - half, p), np.maximum(centre + half, p)


def covariance(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Of two estimates from their influences on the same prompts."""
    n = a.shape[1]
    return (a * b).sum(1) / (n * (n - 1))


def difference_interval(a: Rate, b: Rate) -> tuple[np.ndarray, np.ndarray]:
    """Interval of a - b, prompts shared: both score intervals put together, with the correlation of the rates (Newcombe
    1998, Zou & Donner 2008).
    """
    (a_low, a_high), (b_low, b_high) = a.interval(), b.interval()
    both = np.sqrt(a.variance() * b.variance())
    r = np.divide(covariance(a.influence, b.influence), both, out=np.zeros_like(both), where=both > 0)
    d = a.rate - b.rate

    def reach(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.sqrt(np.clip(x**2 + y**2 - 2 * r * x * y, 0, None))

    return d - reach(a.rate - a_low, b_high - b.rate), d + reach(a_high - a.rate, b.rate - b_low)


def ratio_interval(a: Rate, b: Rate, row: int) -> tuple[float, float]:
    """Interval of a / b of one row, on the log scale with the t of the prompts; NaN where a rate is 0."""
    if not (a.rate[row] > 0 and b.rate[row] > 0):
        return np.nan, np.nan
    influence = a.influence[row] / a.rate[row] - b.influence[row] / b.rate[row]
    half = student_t.ppf(0.975, len(influence) - 1) * np.sqrt(covariance(influence[None], influence[None])[0])
    found = a.rate[row] / b.rate[row]
    return float(found * np.exp(-half)), float(found * np.exp(half))


def mixed_interval(differences: np.ndarray, level: float = 0.95) -> tuple[float, float]:
    """Interval of the mean of a table emotions x prompts in which both are random draws.

    Crossed random effects with one value a cell: variance (MS_emotion + MS_prompt - MS_rest) / cells, degrees of
    freedom by Satterthwaite. With balanced cells this is what a mixed model gives. It speaks of other emotions too, and
    so is wider; the claims read the interval over prompts.

    Parameters
    ----------
    differences : ndarray, ``[n_emotions, n_prompts]``
        Rows with a NaN are left out; fewer than two rows or columns give NaN.
    """
    x = differences[np.isfinite(differences).all(1)]
    e, p = x.shape
    if min(e, p) < 2:
        return np.nan, np.nan
    mean, rows, columns = x.mean(), x.mean(1), x.mean(0)
    of_rows, of_columns = p * rows.var(ddof=1), e * columns.var(ddof=1)
    rest = ((x - rows[:, None] - columns + mean) ** 2).sum() / ((e - 1) * (p - 1))
    together = of_rows + of_columns - rest
    if together <= max(of_rows, of_columns):  # the smaller component is estimated as none
        together, freedom = max(of_rows, of_columns), (e - 1 if of_rows >= of_columns else p - 1)
    else:
        freedom = together**2 / (of_rows**2 / (e - 1) + of_columns**2 / (p - 1) + rest**2 / ((e - 1) * (p - 1)))
    half = student_t.ppf((1 + level) / 2, freedom) * np.sqrt(together / (e * p))
    return float(mean - half), float(mean + half)


def mean_over_emotions(x: np.ndarray) -> np.ndarray:
    """Mean over the emotions that have a value; NaN if none has."""
    tested = np.isfinite(x).reshape(len(x), -1).all(1)
    return x[tested].mean(0) if tested.any() else np.full(x.shape[1:], np.nan)


def with_mean(x: np.ndarray) -> np.ndarray:
    """Values of emotions, and behind them their mean."""
    return np.concatenate([x, mean_over_emotions(x)[None]])
