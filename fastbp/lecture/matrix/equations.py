"""Equations whose matrix is symmetric and positive definite, as matrix products (Golub and Van Loan 2013)."""

import numpy as np

__all__ = ["cholesky", "cholesky_solve", "trace_of_inverse"]


def cholesky(A):
    """A = L L^T, L in place of the lower half of A (Golub and Van Loan 2013, 4.2).

    Returns whether A is positive definite; if it is not, A stays.

    -> A (p, p)
    """
    lower = np.tril_indices(len(A))
    try:
        L = np.linalg.cholesky(A)
    except np.linalg.LinAlgError:
        return False
    if not (L.diagonal() > 0).all():  # NumPy passes NaN on
        return False
    A[lower] = L[lower]
    return True


def cholesky_solve(L, b, x):
    """L z = b, L^T x = z: A x = b (Golub and Van Loan 2013, 3.1).

    L (p, p), b (p) -> x (p)
    """
    L = np.tril(L)
    x[:] = np.linalg.solve(L.T, np.linalg.solve(L, b))


def trace_of_inverse(L, column):
    """tr A^-1 = |L^-1|^2, the sum of the squares (Golub and Van Loan 2013, 3.1).

    L (p, p) -> column (p)
    """
    return float(np.square(np.linalg.inv(np.tril(L)), dtype=np.float64).sum())
