"""The training loop for mini-batches of few samples through wide layers: each matrix is read once for all samples.

So few samples would fill a small part of a vector. Here the units lie along the vectors, a row of units for each
sample. W is in the lecture's order, (j, i), so that upwards, where w_ji is summed over i, the sum runs along the
vectors, and downwards and in the gradient, where i is what remains, the tiles are those of the other mini-batches.
"""

from fastbp.compiler.jit import jit
from fastbp.compiler.views import borrowed
from fastbp.engine.simd.dispatch import (
    add_to_tile,
    address,
    lanes,
    load,
    moved,
    store,
    store_tile,
    tile_rows,
    zeros,
)
from fastbp.engine.simd.functions import activation
from fastbp.engine.simd.shapes import FOUR, ONE_SAMPLE, THREE, TWO
from fastbp.engine.tiles.epoch import note_errors, share_samples, sum_of_weights
from fastbp.engine.tiles.layers import (
    FROM_ROWS,
    FROM_ZERO,
    NEXT,
    ONTO_OUT,
    copy_rows,
    product,
    product_along,
    transpose_rows,
    whole_row,
)
from fastbp.engine.tiles.outputs import output_and_delta
from fastbp.engine.tiles.updates import is_plain, update_together
from fastbp.engine.workspace import (
    BLOCK_AT,
    COUNTING_AT,
    DELTAS_AT,
    ERRORS_AT,
    OUTPUTS_AT,
    PANELS_AT,
    ROW,
    SHARES_AT,
    SLOPES_AT,
    TARGETS_AT,
    WIDEST,
)
from fastbp.lecture.codes import MEAN_ERROR, PENALTY, WEIGHT


@jit
def width_for(samples, vectors):
    """How many columns of vectors a tile has whose rows are samples: as many as leave room for all of them."""
    if samples <= tile_rows(FOUR):
        return min(WIDEST, vectors)
    if samples <= tile_rows(THREE):
        return min(3, vectors)
    return min(2 if samples <= tile_rows(TWO) else 1, vectors)


@jit(inline=False)
def product_of_rows(N, M, K, a, b, begin, out):
    """out_mn = begin_mn + sum_k a_mk b_kn for all n; rows of b are whole vectors."""
    # a, b, begin, out as in tile_product
    (b, b_row), (begin, start, start_row, factor), (out, out_row), v = b, begin, out, 0
    L = lanes(out)
    vectors = -(-N // L)
    while v < vectors:
        columns, n = min(WIDEST, vectors - v), v * L
        last, first = min(columns * L, N - n) - (columns - 1) * L, (begin, moved(start, n), start_row, factor)
        product(columns, M, K, a, (moved(b, n), b_row), first, (moved(out, n), out_row), last)
        v += columns


@jit(inline=False)
def sum_of_rows(N, samples, p, row, begin, factor, out):
    """out_n = sum_s p_sn for all n, or that added to it, or, with ONTO_OUT, `factor` times it."""
    L = lanes(out)
    for n in range(0, N, L):
        last, sums = min(L, N - n), zeros(ONE_SAMPLE, out)
        for s in range(samples):
            sums = add_to_tile(sums, 1, 1, moved(p, s * row + n), row, last)
        if begin != FROM_ZERO:
            sums = add_to_tile(sums, factor if begin == ONTO_OUT else 1.0, 1, moved(out, n), row, last)
        store_tile(sums, 1, moved(out, n), row, last)


@jit(inline=False)
def forward(theta, layers, samples, workspace):
    """u_j = sum_i w_ji x_i + b_j, y_j = h(u_j) (slides 7, 8), all layers upwards, to u of the output layer."""
    # theta (p), workspace: places, scratch; the inputs x (s, i) lie in the panels
    places, scratch = workspace
    L, row, at = lanes(scratch), places[ROW], 0
    below, below_row = moved(scratch, places[PANELS_AT]), whole_row(layers[0]["sending"], L)
    counting, block = address(places, COUNTING_AT), moved(below, places[BLOCK_AT])
    for layer in range(layers.size):
        sending, receiving = layers[layer]["sending"], layers[layer]["receiving"]
        w, b = moved(theta, layers[layer]["weights_at"]), moved(theta, layers[layer]["biases_at"])
        y, slopes = moved(scratch, places[OUTPUTS_AT] + at), moved(scratch, places[SLOPES_AT] + at)
        if sending == 1:  # the only column of W is a row
            copy_rows(w, counting, receiving, 1, receiving, block, row)
            a, begin = (below, below_row, NEXT), (FROM_ROWS, b, 0 * row, 1.0)
            product_of_rows(receiving, samples, sending, a, (block, row), begin, (y, row))
        else:
            for s in range(samples):
                for j in range(receiving):
                    y[s * row + j] = b[j]
            product_along(receiving, samples, sending, (w, sending), (below, below_row), 1.0, (y, row))
        if layer < layers.size - 1:
            for s in range(samples):
                for j in range(s * row, s * row + receiving, L):
                    h, slope = activation(layers[layer]["activation"], load(moved(y, j)))
                    store(moved(y, j), h)
                    store(moved(slopes, j), slope)
        below, below_row, at = y, row, at + whole_row(receiving, L)


@jit(inline=False)
def errors_and_deltas(layers, d, rows, samples, workspace):
    """y, the error and, times its share, the delta of each sample at the output, where `forward` has left u."""
    # d (N, k), rows (s)
    (places, scratch), last = workspace, layers.size - 1
    K, L, row = layers[last]["receiving"], lanes(scratch), places[ROW]
    n = whole_row(samples, L)
    at, counting, targets = row - whole_row(K, L), address(places, COUNTING_AT), moved(scratch, places[TARGETS_AT])
    u, delta = moved(targets, whole_row(K, L) * n), moved(targets, 2 * whole_row(K, L) * n)
    transpose_rows(d, rows, K, samples, K, targets, n)
    transpose_rows(moved(scratch, places[OUTPUTS_AT] + at), counting, row, samples, K, u, n)
    error = layers[last]["error"], layers[last]["level"]
    shares, errors = moved(scratch, places[SHARES_AT]), moved(scratch, places[ERRORS_AT])
    output_and_delta(error, K, n, n, (u, targets, delta), shares, errors)
    transpose_rows(delta, counting, n, K, samples, moved(scratch, places[DELTAS_AT] + at), row)


@jit(inline=False)
def delta_below(w, sending, receiving, samples, delta, dy, slopes, row, spare):
    """dE/dy_i = sum_j delta_j w_ji, delta_i = dE/dy_i h'(u_i) (slides 25, 34-36)."""
    # w (j, i), delta (s, j), dy, slopes (s, i), spare: 0, 1, 2, ..., block (j, a tile's columns)
    L, v, (counting, block) = lanes(dy), 0, spare
    vectors = -(-sending // L)
    if sending == 1:
        for s in range(samples):
            dy[s * row] = 0
        product_along(sending, samples, receiving, (w, receiving), (delta, row), 1.0, (dy, row))
        v = vectors
    while v < vectors:
        columns, i = width_for(samples, vectors - v), v * L
        panel, panel_row, width = moved(w, i), sending, min(columns * L, sending - i)
        if width < columns * L:  # no number behind the matrix may be read
            copy_rows(panel, counting, sending, receiving, width, block, columns * L)
            panel, panel_row = block, columns * L
        to = moved(dy, i)
        a, begin = (delta, row, NEXT), (FROM_ZERO, dy, row, 1.0)
        product(columns, samples, receiving, a, (panel, panel_row), begin, (to, row), L)
        v += columns
    for s in range(samples):
        for i in range(s * row, s * row + sending, L):
            store(moved(dy, i), load(moved(dy, i)) * load(moved(slopes, i)))


@jit(inline=False)
def layer_gradient(layer, samples, delta, below, row, begin, factor, dtheta):
    """dE/dw_ji = sum_s delta_js x_is and dE/db_j = sum_s delta_js (slides 21-24, 26-29), to dtheta or onto theta."""
    # layer: a row of the table, delta (s, j), below: x (s, i) and its step in s
    sending, receiving, (x, x_row) = layer["sending"], layer["receiving"], below
    dw, db = moved(dtheta, layer["weights_at"]), moved(dtheta, layer["biases_at"])
    if sending == 1:
        a, start = (x, NEXT, x_row), (begin, dw, receiving, factor)
        product_of_rows(receiving, sending, samples, a, (delta, row), start, (dw, receiving))
    else:
        a, start = (delta, NEXT, row), (begin, dw, sending, factor)
        product_of_rows(sending, receiving, samples, a, (x, x_row), start, (dw, sending))
    sum_of_rows(receiving, samples, delta, row, begin, factor, db)


@jit(inline=False)
def backward(theta, layers, samples, workspace, begin, factor, dtheta):
    """Deltas and gradients of all layers downwards; a matrix is left before its weights are changed."""
    # theta (p), workspace: places, scratch, begin and factor: FROM_ZERO, or ONTO_OUT if dtheta is theta
    places, scratch = workspace
    L, row, at = lanes(scratch), places[ROW], places[ROW]
    x = moved(scratch, places[PANELS_AT])
    spare = address(places, COUNTING_AT), moved(x, places[BLOCK_AT])
    for layer in range(layers.size - 1, -1, -1):
        sending, receiving = layers[layer]["sending"], layers[layer]["receiving"]
        at -= whole_row(receiving, L)
        delta, below, below_row = moved(scratch, places[DELTAS_AT] + at), x, whole_row(sending, L)
        if layer > 0:
            before = at - whole_row(sending, L)
            w, dy = moved(theta, layers[layer]["weights_at"]), moved(scratch, places[DELTAS_AT] + before)
            slopes = moved(scratch, places[SLOPES_AT] + before)
            delta_below(w, sending, receiving, samples, delta, dy, slopes, row, spare)
            below, below_row = moved(scratch, places[OUTPUTS_AT] + before), row
        layer_gradient(layers[layer], samples, delta, (below, below_row), row, begin, factor, dtheta)


@jit
def epoch_of_few(theta, layers, samples, order, batch_size, steps, memory, report, turn):
    """w <- w - eta dE/dw for each mini-batch of `order` (slide 12); arguments as in `epoch`, for one thread."""
    # theta (p), samples: X (N, i), D (N, k), weight (N), order (N),
    # steps: rates (b), number of steps before, settings (columns in codes.py), moments (rows of the rule, p),
    # memory: scratch, dtheta (p), places, sums (2, blocks), report (b, columns in codes.py),
    # turn: board, first phase, thread, threads
    (X, D, weight), (rates, first_step, settings, moments) = samples, steps
    (scratch, dtheta, places, sums), (board, phase, _, threads) = memory, turn
    layers, settings, places = borrowed((layers, settings, places))
    p, dp, values, all_rows = address(theta, 0), address(dtheta, 0), address(scratch, 0), address(order, 0)
    x, d, weights, workspace = address(X, 0), address(D, 0), address(weight, 0), (places, values)
    shares, errors, L = moved(values, places[SHARES_AT]), moved(values, places[ERRORS_AT]), lanes(values)
    sending, at_once = layers[0]["sending"], is_plain(settings, layers)
    for start in range(0, order.size, batch_size):
        n, b, rows = min(batch_size, order.size - start), start // batch_size, moved(all_rows, start)
        whole = sum_of_weights(weights, rows, n)
        if not whole > 0:
            report[b, MEAN_ERROR] = report[b, PENALTY] = report[b, WEIGHT] = 0
            continue
        copy_rows(x, rows, sending, n, sending, moved(values, places[PANELS_AT]), whole_row(sending, L))
        share_samples(weights, rows, n, whole, shares, whole_row(n, L))
        forward(p, layers, n, workspace)
        errors_and_deltas(layers, d, rows, n, workspace)
        note_errors(report, b, 0, whole, shares, errors, n)
        begin, to = (ONTO_OUT, p) if at_once else (FROM_ZERO, dp)
        backward(p, layers, n, workspace, begin, -rates[b], to)
        if not at_once:
            how, parameters = (settings, rates[b], first_step + b + 1, whole), (theta, dtheta, moments)
            phase = update_together(layers, how, parameters, sums, report[b], board, phase, threads)
