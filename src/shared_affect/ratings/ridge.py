"""Ridge regression for any number of penalties and targets, nested cross-validated, within a language and across two.

One decomposition of the smaller Gram matrix gives all penalties and any number of targets, so that permuted ratings are
refitted as columns of one regression. Of many words `blocks` does the same by adding up folds, and `wide` by conjugate
gradients on sparse codes that would not fit as a dense matrix.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from scipy.linalg import lapack
from scipy.sparse import csr_matrix, issparse, vstack

from shared_affect.ratings import blocks, wide
from shared_affect.ratings.folds import CrossFolds, Folds

ALPHAS = np.logspace(-2, 5, 15)
N_INNER = 5
CONSTANT = 1e-10  # a spread below this share of the values' size is rounding, not variation


LARGE = 2048
"""Smaller side of the predictors above which a decomposition for each fold takes too long."""
DENSE_COLUMNS = 4096
"""Sparse predictors of no more columns become dense: 25,000 words are 820 MB."""
DENSE_BYTES = 2**28
"""Or those of no more bytes than this, if their smaller side is not `LARGE`."""

LARGE_BYTES = 2**23
"""Dense predictors, or targets, of more words than columns, above which a copy for each inner fold takes longest."""

Predictors = np.ndarray | csr_matrix


@dataclass(frozen=True)
class _ManyTargets:
    """Ridge of one training set for all penalties: prediction = (X_test @ basis) / (eigen + alpha) @ loads + mean."""

    basis: np.ndarray
    eigen: np.ndarray
    loads: np.ndarray
    target_mean: np.ndarray

    def along(self, X: np.ndarray, alphas: np.ndarray) -> Iterator[np.ndarray]:
        """Predictions [n, T] for standardised X [n, F], one penalty after the other."""
        left = X @ self.basis
        for a in alphas:
            predicted = (left / (self.eigen + a)) @ self.loads
            predicted += self.target_mean
            yield predicted

    def predict_chosen(self, X: np.ndarray, alphas: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        """Predictions [n, T], target t with penalty alphas[chosen[t]]."""
        return (X @ self.basis) @ (self.loads / (self.eigen[:, None] + alphas[chosen])) + self.target_mean


@dataclass(frozen=True)
class _FewTargets:
    """The same from a tridiagonal form of the Gram matrix, a quarter of the work of an eigendecomposition.

    Gram matrix = Q T Q'; each penalty is one solve with T + alpha I (Elden 1977, BIT 17, 134-145).
    """

    left: np.ndarray | None  # X_train of the dual form
    reflectors: np.ndarray
    tau: np.ndarray
    diagonal: np.ndarray
    off: np.ndarray
    loads: np.ndarray  # Q' b [m, T]
    target_mean: np.ndarray

    def _weights(self, solved: np.ndarray) -> np.ndarray:
        """Ridge weights [F, K] of solutions [m, K] in the basis Q."""
        weights = _times_q(self.reflectors, self.tau, solved, "N")
        return weights if self.left is None else self.left.T @ weights

    def along(self, X: np.ndarray, alphas: np.ndarray) -> Iterator[np.ndarray]:
        n_targets = self.loads.shape[1]
        weights = self._weights(np.hstack([_solve(self.diagonal + a, self.off, self.loads) for a in alphas]))
        predicted = (X @ weights).reshape(len(X), len(alphas), n_targets) + self.target_mean
        yield from predicted.transpose(1, 0, 2)

    def predict_chosen(self, X: np.ndarray, alphas: np.ndarray, chosen: np.ndarray) -> np.ndarray:
        solved = np.hstack(
            [_solve(self.diagonal + alphas[k], self.off, self.loads[:, [t]]) for t, k in enumerate(chosen)]
        )
        return X @ self._weights(solved) + self.target_mean


def _times_q(reflectors: np.ndarray, tau: np.ndarray, columns: np.ndarray, trans: str) -> np.ndarray:
    """Q (`trans` N) or Q' (T) times columns; Q leaves the first row alone (LAPACK's lower dsytrd)."""
    out = np.array(columns, order="F")
    out[1:], _, info = lapack.dormqr("L", trans, reflectors, tau, out[1:], lwork=64 * max(1, out.shape[1]))
    if info:
        raise np.linalg.LinAlgError(f"dormqr: info {info}")
    return out


def _solve(diagonal: np.ndarray, off: np.ndarray, right: np.ndarray) -> np.ndarray:
    *_, solved, info = lapack.dptsv(diagonal, off, right)
    if info:
        raise np.linalg.LinAlgError(f"dptsv: info {info}, the penalised Gram matrix is not positive definite")
    return solved


def _centre_and_scale(X: np.ndarray) -> tuple[np.ndarray, float]:
    """Mean of each feature and ONE scale for all: the root of the mean feature variance (1 if nothing varies)."""
    mean = X.mean(0)
    scale = float(np.sqrt(X.var(0).mean()))
    return mean, scale if scale > CONSTANT * max(1.0, float(np.abs(X).max(initial=0))) else 1.0


def _fit_path(X: np.ndarray, Y: np.ndarray) -> _ManyTargets | _FewTargets:
    mean = Y.mean(0)
    centred = Y - mean
    dual = X.shape[1] > len(X)
    gram, right = (X @ X.T, centred) if dual else (X.T @ X, X.T @ centred)
    if Y.shape[1] < blocks.FEW_TARGETS and len(gram) > 2:
        form, diagonal, off, tau, _ = lapack.dsytrd(gram, lower=1, lwork=64 * len(gram))
        reflectors = np.asfortranarray(form[1:, :-1])
        return _FewTargets(
            X if dual else None, reflectors, tau, diagonal, off, _times_q(reflectors, tau, right, "T"), mean
        )
    eigen, vectors = np.linalg.eigh(gram)
    return _ManyTargets(X.T @ vectors if dual else vectors, np.clip(eigen, 0, None), vectors.T @ right, mean)


def _choose_penalty(X: np.ndarray, Y: np.ndarray, inner: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    """Index of the penalty with the smallest summed squared inner-fold error, for each target."""
    error = np.zeros((len(alphas), Y.shape[1]))
    for f in np.unique(inner):
        train, test = inner != f, inner == f
        mean, scale = _centre_and_scale(X[train])
        path = _fit_path((X[train] - mean) / scale, Y[train])
        for k, miss in enumerate(path.along((X[test] - mean) / scale, alphas)):
            miss -= Y[test]
            error[k] += np.einsum("ij,ij->j", miss, miss)
    return error.argmin(0)


def _prepared(X: Predictors) -> Predictors:
    """Predictors as float64: dense, unless they are sparse and would be too large."""
    if not issparse(X):
        return np.asarray(X, float)
    n, n_features = X.shape
    few = n_features <= DENSE_COLUMNS or (min(n, n_features) <= LARGE and 8 * n * n_features <= DENSE_BYTES)
    return X.astype(float).toarray(order="F") if few else csr_matrix(X, dtype=float)


def _finite(X: Predictors) -> bool:
    return bool(np.isfinite(X.data if issparse(X) else X).all())


def _in_blocks(X: np.ndarray, n_targets: int) -> bool:
    """Whether words or predictors are so many that `blocks` takes them."""
    n, n_features = X.shape
    if n_targets < blocks.FEW_TARGETS:
        return min(n, n_features) > LARGE or (n > n_features and X.nbytes > LARGE_BYTES)
    # an error from sums costs features squared, one from words features times the words of an inner fold
    return n > 6 * n_features and 8 * n * n_targets > LARGE_BYTES


def _check_training(X: Predictors, Y: np.ndarray, groups: np.ndarray, fold: np.ndarray) -> None:
    if X.ndim != 2 or np.ndim(Y) != 2 or not X.shape[0] == len(Y) == len(groups) == len(fold) or not X.shape[1]:
        raise ValueError(
            f"X {np.shape(X)}, Y {np.shape(Y)}, {len(groups)} groups, {len(fold)} folds; allowed: [n, F >= 1], [n, T],"
            " n, n"
        )
    if not (_finite(X) and np.isfinite(Y).all()):
        raise ValueError(
            "X or Y holds values that are not finite; allowed: finite numbers (drop words without a rating)"
        )


def nested_cv_predict(X: Predictors, Y: np.ndarray, folds: Folds, alphas: np.ndarray = ALPHAS) -> np.ndarray:
    """Out-of-fold ridge predictions, the penalty chosen for each target in inner folds.

    Parameters
    ----------
    X : array or sparse matrix [n, F]
        Predictors as they are (take log1p of codes first). Each training set is centred and divided by the root of
        its mean feature variance: one scale for all features, no z-scoring.
    Y : array [n, T]
        Targets; permuted ratings may be columns.
    folds : Folds
        Outer and inner folds of the n words, of `Folds.draw`.
    alphas : array
        Penalties on the standardised scale (scikit-learn's `alpha`). The smallest summed squared error wins; the
        smaller penalty if equal.

    Returns
    -------
    array [n, T]

    Raises
    ------
    ValueError
        For misfitting shapes, or values that are not finite.

    Examples
    --------
    Sixty words, a rating that two of five features give, and three words that belong together in each group:

    >>> import numpy as np
    >>> from shared_affect.ratings.folds import Folds
    >>> from shared_affect.ratings.folds import folds as draw_outer
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(60, 5))
    >>> y = X[:, :1] - X[:, 1:2]
    >>> groups = np.arange(60) // 3
    >>> folds = Folds.draw(draw_outer(groups, 5, rng), groups, n_inner=3, rng=rng)
    >>> predicted = nested_cv_predict(X, y, folds)
    >>> predicted.shape, round(float(np.corrcoef(y[:, 0], predicted[:, 0])[0, 1]), 2)
    ((60, 1), 1.0)
    """
    X, Y, alphas = _prepared(X), np.asarray(Y, float), np.asarray(alphas, float)
    _check_training(X, Y, folds.groups, folds.outer)
    if not isinstance(X, np.ndarray):
        return _wide_nested(X, Y, folds, alphas)
    if _in_blocks(X, Y.shape[1]):
        return _blocked(X, Y, X, folds.outer, folds.inner, alphas)
    out = np.empty(Y.shape)
    for k, f in enumerate(np.unique(folds.outer)):
        train, test = folds.outer != f, folds.outer == f
        chosen = _choose_penalty(X[train], Y[train], folds.inner[k, train], alphas)
        mean, scale = _centre_and_scale(X[train])
        path = _fit_path((X[train] - mean) / scale, Y[train])
        out[test] = path.predict_chosen((X[test] - mean) / scale, alphas, chosen)
    return out


def _wide_nested(X: csr_matrix, Y: np.ndarray, folds: Folds, alphas: np.ndarray) -> np.ndarray:
    codes, names = wide.WideCodes.of(X), np.unique(folds.outer)
    chosen = _wide_penalties(codes, Y, folds.inner, alphas)
    outer = [wide.Fit(folds.outer != f, np.flatnonzero(folds.outer == f), folds.outer != f) for f in names]
    out = np.empty(Y.shape)
    for fit, found in zip(outer, wide.predict(codes, Y, outer, [alphas[c][None] for c in chosen], CONSTANT)):
        out[fit.test] = found[0]
    return out


def _wide_penalties(codes: wide.WideCodes, Y: np.ndarray, inner: np.ndarray, alphas: np.ndarray) -> np.ndarray:
    """`_choose_penalty` of every outer training set [n_outer, T]; -1 in `inner` [n_outer, n]: words outside it."""
    fits, of_set = [], []
    for k, own in enumerate(inner):
        for f in np.unique(own[own >= 0]):
            train = (own >= 0) & (own != f)
            fits.append(wide.Fit(train, np.flatnonzero(own == f), train))
            of_set.append(k)
    order = np.argsort(alphas, kind="stable")
    every = [np.repeat(alphas[order, None], Y.shape[1], 1)] * len(fits)
    error = np.zeros((len(inner), len(alphas), Y.shape[1]))
    for k, fit, found in zip(of_set, fits, wide.predict(codes, Y, fits, every, CONSTANT)):
        error[k, order] += ((found - Y[fit.test]) ** 2).sum(1)
    return error.argmin(1)


def _blocked(
    X_train: np.ndarray,
    Y: np.ndarray,
    X_test: np.ndarray,
    test: np.ndarray,
    inner: np.ndarray,
    alphas: np.ndarray,
) -> np.ndarray:
    """Predictions of `X_test` by fold `test`, each from the words that have an inner fold for it, by `blocks`."""
    same = X_test is X_train
    centre = X_train.mean(0), Y.mean(0)
    out = np.empty((len(X_test), Y.shape[1]))
    for k, f in enumerate(np.unique(test)):
        own = test == f
        fit, weights = blocks.choose_and_fit(X_train, Y, inner[k], centre, alphas, CONSTANT)
        where = fit.mean if same else X_test[~own].mean(0) - centre[0]
        out[own] = fit.predict(X_test[own] - centre[0], weights, where) + centre[1]
    return out


def _check_transfer(X_train: Predictors, Y_train: np.ndarray, X_test: Predictors, folds: CrossFolds) -> None:
    if X_train.ndim != 2 or X_test.ndim != 2 or X_train.shape[1] != X_test.shape[1] or not X_train.shape[1]:
        raise ValueError(f"X_train {X_train.shape}, X_test {X_test.shape}; allowed: the same features (>= 1) in both")
    same = len(Y_train) == X_train.shape[0] == len(folds.train) and X_test.shape[0] == len(folds.test)
    if Y_train.ndim != 2 or not same:
        raise ValueError(
            f"Y_train {Y_train.shape}, {len(folds.train)} and {len(folds.test)} words in folds; allowed: one for each"
            " word"
        )
    if not all(_finite(v) for v in (X_train, Y_train, X_test)):
        raise ValueError("X_train, Y_train or X_test hold values that are not finite; allowed: finite numbers")


def transfer_predict(
    X_train: Predictors, Y_train: np.ndarray, X_test: Predictors, folds: CrossFolds, alphas: np.ndarray = ALPHAS
) -> np.ndarray:
    """Predict the words of one language by ridge fitted on another, no translation pair on both sides.

    For each test fold the training words whose group stands in it are left out. Each language is centred on its own
    training words (test language: its words of the other folds), both share the training language's one scale; the
    penalty comes from inner folds of the training language.

    Parameters
    ----------
    X_train, X_test : arrays or sparse matrices [n_train, F], [n_test, F]
        The same features in both languages (log1p codes).
    Y_train : array [n_train, T]
    folds : CrossFolds
        Of `CrossFolds.draw`.
    alphas : array
        Penalties, as in `nested_cv_predict`.

    Returns
    -------
    array [n_test, T]

    Raises
    ------
    ValueError
        For misfitting shapes, or values that are not finite.
    """
    Y_train, alphas = np.asarray(Y_train, float), np.asarray(alphas, float)
    X_train, X_test = _both_prepared(X_train, X_test)
    _check_transfer(X_train, Y_train, X_test, folds)
    if not (isinstance(X_train, np.ndarray) and isinstance(X_test, np.ndarray)):
        return _wide_transfer(csr_matrix(X_train), Y_train, csr_matrix(X_test), folds, alphas)
    if _in_blocks(X_train, Y_train.shape[1]):
        return _blocked(X_train, Y_train, X_test, folds.test, folds.inner, alphas)
    out = np.empty((len(X_test), Y_train.shape[1]))
    for k, f in enumerate(np.unique(folds.test)):
        train, test = folds.train != f, folds.test == f
        chosen = _choose_penalty(X_train[train], Y_train[train], folds.inner[k, train], alphas)
        mean, scale = _centre_and_scale(X_train[train])
        path = _fit_path((X_train[train] - mean) / scale, Y_train[train])
        # the test language is centred on its own words of the other folds: no test word shapes its own prediction
        out[test] = path.predict_chosen((X_test[test] - X_test[~test].mean(0)) / scale, alphas, chosen)
    return out


def _both_prepared(X_train: Predictors, X_test: Predictors) -> tuple[Predictors, Predictors]:
    """Both languages alike: dense where both may be."""
    train, test = _prepared(X_train), _prepared(X_test)
    if isinstance(train, np.ndarray) and isinstance(test, np.ndarray):
        return train, test
    return csr_matrix(X_train, dtype=float), csr_matrix(X_test, dtype=float)


def _wide_transfer(
    X_train: csr_matrix, Y_train: np.ndarray, X_test: csr_matrix, folds: CrossFolds, alphas: np.ndarray
) -> np.ndarray:
    chosen = _wide_penalties(wide.WideCodes.of(X_train), Y_train, folds.inner, alphas)
    # both languages below each other: the words of one are fitted, those of the other predicted
    both = wide.WideCodes.of(csr_matrix(vstack([X_train, X_test], format="csr")))
    n, n_test, n_targets = len(Y_train), len(folds.test), Y_train.shape[1]
    Y = np.vstack([Y_train, np.zeros((n_test, n_targets))])
    fits = []
    for f in np.unique(folds.test):
        own = folds.test == f
        train, centre = np.r_[folds.train != f, np.zeros(n_test, bool)], np.r_[np.zeros(n, bool), ~own]
        fits.append(wide.Fit(train, n + np.flatnonzero(own), centre))
    out = np.empty((n_test, n_targets))
    for fit, found in zip(fits, wide.predict(both, Y, fits, [alphas[c][None] for c in chosen], CONSTANT)):
        out[fit.test - n] = found[0]
    return out
