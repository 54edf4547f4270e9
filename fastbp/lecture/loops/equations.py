"""Equations whose matrix is symmetric and positive definite, as index loops: its factor, and what that serves for.

The steps of Levenberg and Marquardt have such a matrix. As in a book, rows and columns are p, q, r, all 0..P-1.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.views import borrowed

__all__ = ["cholesky", "cholesky_solve", "trace_of_inverse"]


@jit
def cholesky(A):
    """A = L L^T: l_pq = (a_pq - sum_r<q l_pr l_qr) / l_qq, l_pp the root of such a sum (Golub and Van Loan 2013, 4.2).

    L takes the place of the lower half of A, the upper half is not looked at. Returns whether A is positive definite;
    if it is not, only some rows are made.

    -> A (p, p)
    """
    A = borrowed(A)
    for p in range(A.shape[0]):
        for q in range(p + 1):
            total = A[p, q]
            for r in range(q):
                total -= A[p, r] * A[q, r]
            if q < p:
                A[p, q] = total / A[q, q]
            elif total > 0:
                A[p, p] = np.sqrt(total)
            else:
                return False
    return True


@jit
def cholesky_solve(L, b, x):
    """z_p = (b_p - sum_q<p l_pq z_q) / l_pp, then upwards from L^T x = z: A x = b (Golub and Van Loan 2013, 3.1).

    L (p, p), b (p) -> x (p)
    """
    L, b, x = borrowed((L, b, x))
    for p in range(x.size):
        total = b[p]
        for q in range(p):
            total -= L[p, q] * x[q]
        x[p] = total / L[p, p]
    for p in range(x.size - 1, -1, -1):  # what x_p has in the sums of the others is taken off at once, along a row of L
        x[p] /= L[p, p]
        for q in range(p):
            x[q] -= L[p, q] * x[p]


@jit
def trace_of_inverse(L, column):
    """tr A^-1 = sum_pq z_pq^2, L Z = I: z_pq = (1 if p = q - sum_r<p l_pr z_rq) / l_pp (Golub and Van Loan 2013, 3.1).

    L (p, p) -> column (p)
    """
    L, column = borrowed((L, column))
    trace = 0.0
    for q in range(column.size):
        for p in range(q, column.size):
            total = L.dtype.type(1 if p == q else 0)
            for r in range(q, p):
                total -= L[p, r] * column[r]
            column[p] = total / L[p, p]
            trace += column[p] * column[p]
    return trace
