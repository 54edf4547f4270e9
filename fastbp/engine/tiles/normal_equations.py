"""The normal equations of a step of Gauss and Newton, by register tiles: A = J^T J, block after block of the rows of J.

J itself is never whole. The samples of a chunk go through the layers side by side, as in a pass; with the deltas of an
output, some rows of J are made for a vector of samples at a time, and turned round to lie one behind the other.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.views import borrowed, vector_at
from fastbp.engine.simd.dispatch import address, lanes, load, load_rows, moved, store, store_tile, transposed
from fastbp.engine.tiles.epoch import NO_DROPOUT, backward, forward, share_samples, sum_of_weights, units
from fastbp.engine.tiles.layers import NEXT, ONTO_OUT, product, transpose_rows, whole_row, width_of_next
from fastbp.engine.workspace import CHUNK, COUNTING_AT, DELTAS_AT, ROW, SHARES_AT


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
def begin_with_output(r, layers, n, workspace):
    """The delta of y_r, an identity, times the root of each sample's share: that of all other outputs is 0."""
    # workspace: places, scratch
    places, scratch = workspace
    last, row, L = layers.size - 1, places[ROW], lanes(scratch)
    delta, roots = units(scratch, layers, last, places[DELTAS_AT], row, 0), moved(scratch, places[SHARES_AT])
    for k in range(layers[last]["receiving"]):
        for s in range(0, n, L):
            root = load(moved(roots, s))
            store(moved(delta, k * row + s), root if k == r else root * 0.0)


@jit(inline=False)
def rows_of_samples(n, layers, x, rows, workspace, s, panel, J, J_row):
    """dy_r/dw_ji = delta_j y_i, dy_r/db_j = delta_j (slides 21-29) of a vector of samples from s on, a row for each."""
    # n: parameters, x (N, i), rows (s), workspace: places, scratch; panel: a vector of samples for each parameter, then
    # for each input; J: pointer to the first of the rows, J_row apart
    places, scratch = workspace
    row, L, counting = places[ROW], lanes(scratch), address(places, COUNTING_AT)
    inputs, sending = moved(panel, whole_row(n, L) * L), layers[0]["sending"]
    transpose_rows(x, moved(rows[0], s), sending, min(L, rows[1] - s), sending, inputs, L)
    below, below_row = inputs, 0 * row + L
    for layer in range(layers.size):
        sending, at = layers[layer]["sending"], moved(panel, layers[layer]["weights_at"] * L)
        for j in range(layers[layer]["receiving"]):
            delta = load(units(scratch, layers, layer, places[DELTAS_AT] + j * row, row, s))
            for i in range(sending):
                store(moved(at, (j * sending + i) * L), delta * load(moved(below, i * below_row)))
            store(moved(panel, (layers[layer]["biases_at"] + j) * L), delta)
        below, below_row = units(scratch, layers, layer, 0, row, s), row
    for p in range(0, n, L):
        store_tile(transposed(load_rows(moved(panel, p * L), counting, L, L, L)), L, moved(J, p), J_row, L)


@jit
def normal_equations(theta, layers, samples, rows, memory, jacobian, A, g):
    """A_pq = sum_r dy_r/dtheta_p dy_r/dtheta_q, g_p = sum_r dy_r/dtheta_p (y_r - d_r), means over the samples.

    As in `lecture/loops/jacobians.py`, for outputs that are identities; returns E. `jacobian` has rows of whole
    vectors, at least as many as a vector has lanes.
    """
    # theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s), memory: scratch, places, panel as in
    # rows_of_samples -> jacobian (block, row), A, g
    (X, D, weight), (scratch, places, panel) = samples, memory
    layers, places, D, jacobian, A, g = borrowed((layers, places, D, jacobian, A, g))
    values, n, J_row, filled, total = address(scratch, 0), theta.size, jacobian.shape[1], 0, 0.0
    p, x, w, all_rows, shares = address(theta, 0), address(X, 0), address(weight, 0), address(rows, 0), 0
    workspace, L, K, row = (places, values), lanes(values), D.shape[1], places[ROW]
    shares, whole = moved(values, places[SHARES_AT]), sum_of_weights(w, all_rows, rows.size)
    for i in range(n):
        g[i] = 0
        for q in range(n):
            A[i, q] = 0
    for start in range(0, rows.size, places[CHUNK]):
        size, mine = min(places[CHUNK], rows.size - start), moved(all_rows, start)
        share_samples(w, mine, size, whole, shares, whole_row(size, L))
        for s in range(size):
            shares[s] = np.sqrt(shares[s])
        forward(p, layers, x, (mine, 0, size), (places, values, 0), NO_DROPOUT)
        for r in range(K):
            begin_with_output(r, layers, size, workspace)
            backward(p, layers, 0, size, (places, values, 0))
            y = units(values, layers, layers.size - 1, 0, row, 0)
            for s in range(0, size, L):
                if filled + L > jacobian.shape[0]:
                    add_products_of_rows(n, filled, address(jacobian, 0), J_row, address(A, 0))
                    filled = 0
                J, few = address(jacobian, filled * J_row), min(L, size - s)
                rows_of_samples(n, layers, x, (mine, size), workspace, s, address(panel, 0), J, J_row)
                for k in range(few):
                    apart = shares[s + k] * (y[r * row + s + k] - D[mine[s + k], r])
                    dy = vector_at(jacobian, (filled + k) * J_row, n)
                    total += 0.5 * apart * apart
                    for i in range(n):
                        g[i] += dy[i] * apart
                filled += few
    add_products_of_rows(n, filled, address(jacobian, 0), J_row, address(A, 0))
    return total
