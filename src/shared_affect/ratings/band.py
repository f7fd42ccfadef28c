"""Ridge of one large Gram matrix at many penalties: one band form, then a narrow system for each penalty.

G = Q B Q', where B is zero but for `WIDTH` diagonals on each side of the main one (Bischof, Lang & Sun 2000, ACM TOMS
26, 581-601, first step). Then (G + alpha I)^-1 b = Q (B + alpha I)^-1 Q' b for every alpha (Elden 1977, BIT 17,
134-145). The form takes four times the work of one Cholesky factor of G, all of it in products of matrices; a narrow
system next to none. LAPACK's tridiagonal form takes as much work, half of which waits for memory.

Bytes at 3,584 predictors: two matrices of 103 MB while the form is made, Q 51 MB.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import blas, lapack

WIDTH = 64


@dataclass(frozen=True, eq=False)
class BandForm:
    """Q and B of one symmetric matrix [F, F].

    Attributes
    ----------
    lower : array [WIDTH + 1, F]
        B: ``lower[k, j]`` is B[j + k, j].
    turns : list of (V [m, w], T [w, w])
        Q is the product of I - V T V', each over the last m places.
    """

    lower: np.ndarray
    turns: list[tuple[np.ndarray, np.ndarray]]

    @classmethod
    def of(cls, matrix: np.ndarray) -> BandForm:
        """From a symmetric matrix [F, F], which is left as it is."""
        lower = np.zeros((WIDTH + 1, len(matrix)), order="F")
        turns = []
        rest, start = np.array(matrix, float, order="F"), 0
        while len(rest) > WIDTH:
            row, column = np.tril_indices(WIDTH)
            lower[row - column, start + column] = rest[row, column]
            below, tau, _, _ = lapack.dgeqrf(rest[WIDTH:, :WIDTH], lwork=64 * WIDTH)
            row, column = np.triu_indices(min(below.shape), m=WIDTH)
            lower[WIDTH + row - column, start + column] = below[row, column]
            V, T = _compact(below, tau)
            rest = _turned(np.asfortranarray(rest[WIDTH:, WIDTH:]), V, T)
            turns.append((V, T))
            start += WIDTH
        row, column = np.tril_indices(len(rest))
        lower[row - column, start + column] = rest[row, column]
        return cls(lower, turns)

    def solve(self, right: np.ndarray, alphas: np.ndarray) -> np.ndarray:
        """(G + alpha I)^-1 right, for right sides [F, T] and every penalty: [F, alphas, T].

        Raises
        ------
        numpy.linalg.LinAlgError
            If G + alpha I is not positive definite.
        """
        turned = np.array(right, float, order="F")
        for V, T in self.turns:
            turned[-len(V) :] -= V @ (T.T @ (V.T @ turned[-len(V) :]))
        solved = np.empty((len(turned), len(alphas) * turned.shape[1]))
        for k, alpha in enumerate(alphas):
            penalised = self.lower.copy(order="F")
            penalised[0] += alpha
            _, own, info = lapack.dpbsv(penalised, turned, lower=1, overwrite_ab=1)
            if info:
                raise np.linalg.LinAlgError(f"dpbsv: info {info}, the penalised Gram matrix is not positive definite")
            solved[:, k * turned.shape[1] : (k + 1) * turned.shape[1]] = own
        for V, T in reversed(self.turns):
            solved[-len(V) :] -= V @ (T @ (V.T @ solved[-len(V) :]))
        return solved.reshape(len(turned), len(alphas), turned.shape[1])


def _compact(reflectors: np.ndarray, tau: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """V and T of LAPACK's reflectors: their product is I - V T V' (Schreiber & Van Loan 1989)."""
    V = np.tril(reflectors[:, : len(tau)], -1)
    np.fill_diagonal(V, 1.0)
    products, T = V.T @ V, np.diag(tau)
    for i in range(1, len(tau)):
        T[:i, i] = -tau[i] * (T[:i, :i] @ products[:i, i])
    return np.asfortranarray(V), T


def _turned(A: np.ndarray, V: np.ndarray, T: np.ndarray) -> np.ndarray:
    """(I - V T V')' A (I - V T V'), of which the lower triangle alone is read and written."""
    along = blas.dsymm(1.0, A, np.asfortranarray(V @ T), side=0, lower=1)
    other = np.asfortranarray(along - V @ (T.T @ (V.T @ along)) / 2)
    return blas.dsyr2k(-1.0, V, other, beta=1.0, c=A, lower=1, overwrite_c=1)
