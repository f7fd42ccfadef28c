"""Ridge at many penalties from one band form, against a solve for each penalty."""

import numpy as np
import pytest

from shared_affect.ratings import band
from shared_affect.ratings.band import BandForm

W = band.WIDTH


@pytest.mark.parametrize("size", [1, 2, W - 1, W, W + 1, W + 2, 2 * W, 2 * W + 1, 3 * W + 17])
@pytest.mark.parametrize("n_rows", [40, 900])
def test_every_penalty_equals_a_solve_of_its_own(size, n_rows):
    """With 40 rows the Gram matrix of more predictors has no full rank."""
    rng = np.random.default_rng(size)
    X = rng.normal(size=(n_rows, size)) * rng.uniform(0.01, 3, size)
    X[:, -1] = 0  # a predictor that never varies: a reflector of nothing
    gram, right, alphas = X.T @ X, rng.normal(size=(size, 3)), np.logspace(-2, 5, 6)
    kept = gram.copy()
    found = BandForm.of(gram).solve(right, alphas)
    np.testing.assert_array_equal(gram, kept)
    assert found.shape == (size, len(alphas), 3)
    for k, alpha in enumerate(alphas):
        expected = np.linalg.solve(gram + alpha * np.eye(size), right)
        np.testing.assert_allclose(found[:, k], expected, atol=1e-8 * np.abs(expected).max())


def test_the_form_is_a_band_and_gives_the_matrix_back():
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 2 * W + 30))
    gram = X.T @ X
    form = BandForm.of(gram)
    B = sum(np.diag(row[: len(gram) - k], -k) for k, row in enumerate(form.lower))
    B = B + np.tril(B, -1).T
    np.testing.assert_allclose(np.linalg.eigvalsh(B), np.linalg.eigvalsh(gram), rtol=1e-9, atol=1e-9)
    for V, T in form.turns:
        Q = np.eye(len(V)) - V @ T @ V.T
        np.testing.assert_allclose(Q.T @ Q, np.eye(len(V)), atol=1e-12)


def test_a_matrix_that_is_not_positive_definite_is_refused():
    with pytest.raises(np.linalg.LinAlgError, match="not positive definite"):
        BandForm.of(-np.eye(W + 5)).solve(np.ones((W + 5, 1)), np.array([0.5]))
