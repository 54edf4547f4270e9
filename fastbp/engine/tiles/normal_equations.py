"""The normal equations of a step of Gauss and Newton, by register tiles: A = J^T J, block after block of the rows of J.

J itself is never whole. The rows of a block of samples are made by the loops of the lecture, which take much less time
than their products: a row has p numbers, and its part in A p^2 / 2.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.scalars import double
from fastbp.compiler.views import borrowed, vector_at
from fastbp.engine.simd.dispatch import address, lanes, moved
from fastbp.engine.tiles.layers import NEXT, ONTO_OUT, product, width_of_next
from fastbp.lecture.loops.jacobians import jacobian_of_sample
from fastbp.lecture.loops.parts import units_of
from fastbp.lecture.loops.passes import weight_sum


@jit(inline=False)
def add_products_of_rows(n, K, J, row, A):
    """A_pq += sum_k J_kp J_kq for all q <= p, and for some q > p beside the diagonal."""
    # J: pointer (k, p), rows of whole vectors, `row` numbers apart; A: pointer (p, p)
    L, v = lanes(A), 0
    vectors = -(-n // L)
    while v < vectors:
        columns, at = width_of_next(vectors - v), v * L
        last, out = min(columns * L, n - at) - (columns - 1) * L, moved(A, at * n + at)
        a, b, begin = (moved(J, at), NEXT, row), (moved(J, at), row), (ONTO_OUT, out, NEXT, 1.0)
        product(columns, n - at, K, a, b, begin, (out, n), last)
        v += columns


@jit
def normal_equations(theta, layers, samples, rows, scratch, jacobian, A, g):
    """A_pq = sum_r dy_r/dtheta_p dy_r/dtheta_q, g_p = sum_r dy_r/dtheta_p (y_r - d_r), means over the samples.

    As in `lecture/loops/jacobians.py`; returns E. `jacobian` has rows of whole vectors, those of as many samples as
    are to be in a block; what is beyond the parameters is 0, and stays.
    """
    # theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s) -> scratch (5, units), jacobian (block, row), A, g
    theta, layers, (X, D, weight), rows = borrowed((theta, layers, samples, rows))
    scratch, jacobian, A, g = borrowed((scratch, jacobian, A, g))
    values = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    y, whole, total = units_of(values[1], layers, layers.size - 1), weight_sum(weight, rows), 0.0
    n, row, filled = theta.size, jacobian.shape[1], 0
    for p in range(n):
        g[p] = 0
        for q in range(n):
            A[p, q] = 0
    for s in range(rows.size):
        if weight[rows[s]] > 0:
            if filled + y.size > jacobian.shape[0]:
                add_products_of_rows(n, filled, address(jacobian, 0), row, address(A, 0))
                filled = 0
            root, d = np.sqrt(double(weight[rows[s]]) / whole), D[rows[s]]
            jacobian_of_sample(theta, layers, X[rows[s]], values, jacobian, filled * row, row)
            for r in range(y.size):
                apart, dy = root * (y[r] - d[r]), vector_at(jacobian, (filled + r) * row, n)
                total += 0.5 * apart * apart
                for p in range(n):
                    dy[p] *= root
                    g[p] += dy[p] * apart
            filled += y.size
    add_products_of_rows(n, filled, address(jacobian, 0), row, address(A, 0))
    return total
