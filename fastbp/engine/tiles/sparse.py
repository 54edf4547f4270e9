"""An epoch over sparse samples, of which only the inputs that are not 0 are stored, with their numbers (CSR).

The weights of the first layer lie with a row for each input, so that all that a stored number does runs along a row:
forward u_sj = sum_i w_ij x_si + b_j over the stored i; and dE/dw_ij = sum_s x_si delta_sj over the samples that store
input i. The gradient is never in memory as a whole: some rows of it are made, penalised and stepped with while they are
in the cache, so the weights and the memory of the rule are read and written once in a mini-batch. The layers above are
those of epoch.py, for a network without inputs whose first u are there already.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.scalars import double
from fastbp.compiler.views import borrowed, vector_at
from fastbp.engine.simd.dispatch import address, lanes, moved
from fastbp.engine.team import NONE, PIECES_OF_A_THREAD
from fastbp.engine.tiles.epoch import (
    NO_DROPOUT,
    OF_ERRORS,
    chunk,
    forward,
    gradient,
    gradient_pieces,
    note_errors,
    sample_pieces,
    spare_of,
    sum_of_weights,
    units,
)
from fastbp.engine.tiles.layers import FROM_ROWS, FROM_ZERO, bias_gradient, transpose_rows
from fastbp.engine.tiles.outputs import output
from fastbp.engine.tiles.updates import (
    OF_PENALTIES,
    OF_SQUARES,
    blocks_from,
    clipped_blocks_from,
    limit_all_norms,
    sum_of_blocks,
)
from fastbp.engine.turns import is_over, next_piece, part_of
from fastbp.engine.workspace import CHUNK, DELTAS_AT, ERRORS_AT, ROW, SHARES_AT
from fastbp.lecture.codes import (
    ADAM,
    CLIP_NORM,
    DROPOUT,
    EPSILON,
    EPSILON_HAT,
    FIRST_DECAY,
    L1,
    L2,
    MAX_NORM,
    MEAN_ERROR,
    NO_STEP,
    PENALTY,
    PER_SAMPLE,
    RULE,
    SECOND_DECAY,
    SEED,
    WEIGHT,
)
from fastbp.lecture.loops.layers import add_stored
from fastbp.lecture.loops.updates import add_penalties, clip_gradient, rule_step, square_sum


@jit(inline=False)
def first_sums(x, w, theta, layers, mine, done, by_sample, workspace):
    """u_sj = sum_i w_ij x_si + b_j over the stored i: of some samples, first in rows, then where `forward` has u."""
    # x: starts (N + 1), inputs (n), values (n), w (i, j), theta: pointer, mine: rows (s) of the chunk, its first sample
    # and number of samples that are passed, done: samples of earlier chunks, by_sample (s, j)
    (starts, inputs, values), (rows, first, samples), (places, scratch, _) = x, mine, workspace
    b, receiving, row = moved(theta, layers[0]["biases_at"]), w.shape[1], by_sample.shape[1]
    for s in range(done + first, done + first + samples):
        start = starts[rows[s - done]]
        n = starts[rows[s - done] + 1] - start
        u = vector_at(by_sample, s * row, receiving)
        for j in range(receiving):
            u[j] = b[j]
        add_stored(vector_at(values, start, n), vector_at(inputs, start, n), w, u)
    _, (counting, _) = spare_of(workspace)
    u, to = address(by_sample, (done + first) * row), units(scratch, layers, 0, 0, places[ROW], first)
    transpose_rows(u, counting, row, samples, receiving, to, places[ROW])


@jit
def deltas_in_rows(layers, mine, done, by_sample, workspace):
    """The deltas of the first layer, a row for each sample of the mini-batch."""
    # by_sample (s, j, whole vectors)
    (_, first, samples), (places, scratch, _), row = mine, workspace, by_sample.shape[1]
    _, (counting, _) = spare_of(workspace)
    delta = units(scratch, layers, 0, places[DELTAS_AT], places[ROW], first)
    to = address(by_sample, (done + first) * row)
    transpose_rows(delta, counting, places[ROW], layers[0]["receiving"], samples, to, row)


@jit(inline=False)
def sort_by_input(x, rows, samples, by_input):
    """What the samples of a mini-batch store, input after input: who stores it, what, and where an input's end."""
    # x: starts (N + 1), inputs (n), values (n), rows (s), by_input: ends (i), who (n), values (n)
    (starts, inputs, values), (ends, who, sorted_values) = x, by_input
    for i in range(ends.size):
        ends[i] = 0
    for s in range(samples):
        for n in range(starts[rows[s]], starts[rows[s] + 1]):
            ends[inputs[n]] += 1
    before = 0
    for i in range(ends.size):
        count = ends[i]
        ends[i] = before
        before += count
    for s in range(samples):
        for n in range(starts[rows[s]], starts[rows[s] + 1]):
            at = ends[inputs[n]]
            who[at], sorted_values[at] = s, values[n]
            ends[inputs[n]] = at + 1


@jit
def gradient_of_inputs(by_input, by_sample, first, end, receiving, dw):
    """dE/dw_ij = sum_s x_si delta_sj over the samples that store x_si, for some inputs i (slides 21, 26)."""
    # by_input as in sort_by_input, by_sample: delta (s, j), dw (inputs x j)
    ends, who, values = by_input
    for p in range(dw.size):
        dw[p] = 0
    for i in range(first, end):
        start = 0 if i == 0 else ends[i - 1]
        n, row = ends[i] - start, vector_at(dw, (i - first) * receiving, receiving)
        add_stored(vector_at(values, start, n), vector_at(who, start, n), by_sample, row)


@jit
def adam_with_l2(settings, eta, step, whole, theta, dtheta, m, v):
    """`add_penalties` and `rule_step` for Adam with an L2 penalty alone, in one loop; returns the penalty.

    It is bound by the memory: two loops, of which the first reads only theta, took a fifth to a half longer in float64.
    """
    # dtheta (p) -> theta (p), m (p), v (p)
    real, beta1, beta2, epsilon = theta.dtype.type, settings[FIRST_DECAY], settings[SECOND_DECAY], settings[EPSILON]
    if settings[EPSILON_HAT] != 0:
        epsilon /= np.sqrt(1.0 - beta2**step)
    l2 = settings[L2] * (1.0 / whole if settings[PER_SAMPLE] != 0 else 1.0)
    kept1, kept2, new1, new2 = real(beta1), real(beta2), real(1.0 - beta1), real(1.0 - beta2)
    rate, unbias = real(eta / (1.0 - beta1**step)), real(1.0 / (1.0 - beta2**step))
    strength, small, squares = real(l2), real(epsilon), 0.0
    for p in range(theta.size):
        w = theta[p]
        squares += double(w) * double(w)
        g = dtheta[p] + strength * w
        now1, now2 = kept1 * m[p] + new1 * g, kept2 * v[p] + new2 * g * g
        m[p], v[p] = now1, now2
        theta[p] = w - rate * now1 / (np.sqrt(unbias * now2) + small)
    return 0.5 * l2 * squares


@jit
def is_adam_with_l2(settings):
    """Whether an update is that, and nothing else comes before it."""
    return settings[RULE] == ADAM and settings[L2] != 0 and settings[L1] + settings[CLIP_NORM] == 0


@jit
def split_by_input(w, f, dw, df):
    """dE/dw_ij = dE/dv_ij f_i, dE/df_i = sum_j dE/dv_ij w_ij, where v_ij = w_ij f_i, for some inputs i, or none."""
    # w (inputs x j), f (inputs), dw: at first dE/dv (inputs x j), df (inputs)
    for i in range(f.size):
        receiving, total = w.size // f.size, dw.dtype.type(0)
        for p in range(i * receiving, (i + 1) * receiving):
            total += dw[p] * w[p]
            dw[p] *= f[i]
        df[i] = total


@jit
def scale_by_input(w, f, inputs, units, v):
    """v_ij = w_ij f_i for some inputs i and some receiving units j."""
    # w (i, j), f (i), inputs and units: the first and the end, v (i, j)
    for i in range(inputs[0], inputs[1]):
        for j in range(units[0], units[1]):
            v[i, j] = w[i, j] * f[i]


@jit(inline=False)
def first_layer_blocks(how, weights, moments, of_inputs, square, thread, first, end):
    """Blocks of the first layer's weights: their gradient, penalties and step; or, to clip it, the sum of its squares.

    With NO_STEP the gradient is kept; a square that is at least 0 says that it is known and the step is to be made. The
    factors of the inputs of a block, if there is a diagonal, learn with it.
    """
    # how: settings, eta of the weights and of the diagonal, step, weight of the mini-batch, weights: as in epoch,
    # moments (rows of the rule, p of all layers and the diagonal),
    # of_inputs: by_input, by_sample (s, j), blocks (threads, numbers of a block), sums (2, blocks), dw (i, j)
    (settings, (eta, eta_f), step, whole), (by_input, by_sample, blocks, sums, kept) = how, of_inputs
    of_passes, w, f, df = weights
    receiving, factors_at = w.shape[1], moments.shape[1] - w.size - f.size
    inputs = max(1, blocks.shape[1] // receiving)
    for block in range(first, end):
        i, last = block * inputs, min(w.shape[0], (block + 1) * inputs)
        start, n = i * receiving, (last - i) * receiving
        dw, own = vector_at(blocks, thread * blocks.shape[1], n), vector_at(w, start, n)
        m, v = vector_at(moments, start, n), vector_at(moments, moments.shape[1] + start, n)
        factors = last - i if f.size > 0 else 0
        own_f, own_df = vector_at(f, i, factors), vector_at(df, i, factors)
        gradient_of_inputs(by_input, by_sample, i, last, receiving, dw)
        split_by_input(own, own_f, dw, own_df)
        if is_adam_with_l2(settings):
            sums[OF_PENALTIES, block] = adam_with_l2(settings, eta, step, whole, own, dw, m, v)
        else:
            if settings[L1] != 0 or settings[L2] != 0:
                penalty = add_penalties(settings, whole, own, dw)
                sums[OF_PENALTIES, block] = penalty if square < 0 else sums[OF_PENALTIES, block]
            if settings[CLIP_NORM] != 0:
                if square < 0:
                    sums[OF_SQUARES, block] = square_sum(dw) + square_sum(own_df)
                    continue
                clip_gradient(settings[CLIP_NORM], square, dw)
                clip_gradient(settings[CLIP_NORM], square, own_df)
            if settings[RULE] == NO_STEP:
                out = vector_at(kept, start, n)
                for p in range(n):
                    out[p] = dw[p]
            else:
                rule_step(settings, eta, step, own, dw, m, v)
        if factors > 0:
            at = factors_at + i
            m, v = vector_at(moments, at, factors), vector_at(moments, moments.shape[1] + at, factors)
            rule_step(settings, eta_f, step, own_f, own_df, m, v)
            scale_by_input(w, f, (i, last), (0, receiving), of_passes)


@jit
def limit_norms_of_columns(max_norm, w, norms, first, end):
    """w_ij <- w_ij max_norm / |w_j| if |w_j| > max_norm, |w_j|^2 = sum_i w_ij^2, for some receiving units j."""
    # w (i, j), norms (j)
    for j in range(first, end):
        norms[j] = 0
    for i in range(w.shape[0]):
        for j in range(first, end):
            norms[j] += double(w[i, j]) * double(w[i, j])
    for j in range(first, end):
        norms[j] = np.sqrt(norms[j])
        norms[j] = max_norm / norms[j] if norms[j] > max_norm else 1.0
    for i in range(w.shape[0]):
        for j in range(first, end):
            w[i, j] *= w.dtype.type(norms[j])


@jit(inline=False)
def update_together(layers, how, parameters, of_inputs, sums, norms, report, turn, phase):
    """The lecture's `update`, the first layer's gradient included, in up to three phases; the number of the next."""
    # how as in blocks_from, of_inputs as in first_layer_blocks, parameters: weights as in epoch, their moments, those
    # of the layers above: theta, dtheta, moments; sums (2, blocks) of those, norms (j), report (columns in codes.py),
    # turn: board, thread, threads
    (settings, eta, step, whole), (weights, moments, above), (board, thread, threads) = how, parameters, turn
    (v, w, f, _), rates = weights, (eta * layers[0]["weights_rate"], eta * layers[0]["diagonal_rate"])
    first_how = settings, rates, step, whole
    of_first = of_inputs[3].shape[1]
    blocks, clips = of_first + sums.shape[1], settings[CLIP_NORM] != 0
    pieces = 1 if threads == 1 else min(blocks, PIECES_OF_A_THREAD * threads)
    piece = next_piece(board, phase, pieces, threads, NONE)
    while piece >= 0:
        first, end = blocks * piece // pieces, blocks * (piece + 1) // pieces
        first_layer_blocks(first_how, weights, moments, of_inputs, -1.0, thread, first, min(end, of_first))
        blocks_from(layers, how, above, sums, max(first - of_first, 0), end - of_first)
        piece = next_piece(board, phase, pieces, threads, piece)
    phase += 1
    if clips or settings[L1] != 0 or settings[L2] != 0:
        piece = next_piece(board, phase, pieces, threads, NONE)
        while piece >= 0:
            if piece == 0 and (settings[L1] != 0 or settings[L2] != 0):
                report[PENALTY] = sum_of_blocks(of_inputs[3], OF_PENALTIES) + sum_of_blocks(sums, OF_PENALTIES)
            if clips:
                first, end = blocks * piece // pieces, blocks * (piece + 1) // pieces
                square = sum_of_blocks(of_inputs[3], OF_SQUARES) + sum_of_blocks(sums, OF_SQUARES)
                first_layer_blocks(first_how, weights, moments, of_inputs, square, thread, first, min(end, of_first))
                clipped_blocks_from(layers, how, above, square, max(first - of_first, 0), end - of_first)
            piece = next_piece(board, phase, pieces, threads, piece)
        phase += 1
    if settings[MAX_NORM] != 0:
        piece = next_piece(board, phase, pieces, threads, NONE)
        while piece >= 0:
            first, end = w.shape[1] * piece // pieces, w.shape[1] * (piece + 1) // pieces
            limit_norms_of_columns(settings[MAX_NORM], w, norms, first, end)
            scale_by_input(w, f, (0, f.size), (first, end), v)
            limit_all_norms(settings, layers, above[0], piece, pieces)
            piece = next_piece(board, phase, pieces, threads, piece)
        phase += 1
    return phase


@jit
def passes(parameters, layers, samples, batch, steps, memory, report, turn, phase):
    """A mini-batch up and down through all layers, and the gradient of the layers above; the number of the next phase.

    The gradient of the first layer is what `update_together` makes of the deltas and of what is sorted by input.
    """
    # batch: rows (s), their number, the sum of their weights, the number of the step, that in the slice;
    # the other arguments as in epoch, but for turn: board, thread, threads
    (w, theta), (X, D, weight), (rows, size, whole, step, b) = parameters, samples, batch
    (scratch, dtheta, places, _), (by_input, by_sample, _, _, _), _ = memory
    (settings, _, _), (board, thread, threads) = steps, turn
    p, dp, values, x = address(theta, 0), address(dtheta, 0), address(scratch, 0), address(X[2], 0)
    data, workspace, L = (x, address(D, 0), address(weight, 0)), (places, values, thread), lanes(values)
    shares, errors, row = moved(values, places[SHARES_AT]), moved(values, places[ERRORS_AT]), places[ROW]
    for done in range(0, size, places[CHUNK]):
        now, n = moved(rows, done), min(places[CHUNK], size - done)
        dropout, pieces = (settings[DROPOUT], settings[SEED], step, done), sample_pieces(n, threads, L)
        piece = next_piece(board, phase, pieces, threads, NONE)
        while piece >= 0:
            first = part_of(n, piece, pieces, L)
            mine = now, first, part_of(n, piece + 1, pieces, L) - first
            first_sums(X, w, p, layers, mine, done, by_sample, workspace)
            chunk(p, layers, data, mine, whole, workspace, dropout)
            deltas_in_rows(layers, mine, done, by_sample, workspace)
            piece = next_piece(board, phase, pieces, threads, piece)
        phase += 1
        begin, pieces = (FROM_ZERO if done == 0 else FROM_ROWS), gradient_pieces(layers, places, threads, L)
        piece = next_piece(board, phase, pieces, threads, NONE)
        if piece == OF_ERRORS:
            note_errors(report, b, done, whole, shares, errors, n)
            delta, db = units(values, layers, 0, places[DELTAS_AT], row, 0), moved(dp, layers[0]["biases_at"])
            bias_gradient(w.shape[1], n, delta, row, begin, 1.0, db)
            if done == 0:
                sort_by_input(X, rows, size, by_input)
            piece = next_piece(board, phase, pieces, threads, piece)
        gradient(layers, x, (now, n), workspace, (begin, 1.0), dp, (board, phase, pieces, threads), piece)
        phase += 1
    return phase


@jit
def epoch(parameters, layers, samples, order, batch_size, steps, memory, report, turn):
    """w <- w - eta dE/dw for each mini-batch of `order` (slide 12), for sparse samples."""
    # parameters: weights of the first layer, theta (p) of what is above: its biases, the second layer, ...
    # weights: v (i, j) of the passes, w (i, j) of the rule, f (i), df (i): without a diagonal v is w, and f empty
    # layers: the table of what is above, a network without inputs,
    # samples: X as starts (N + 1), inputs (n), values (n); D (N, k), weight (N), order (N),
    # steps: rates (b), steps before, (settings, moments (rows, p of all layers, the first (i, j)), moments (rows, p)),
    # memory: (scratch, dtheta (p), places, sums (2, blocks)), of_inputs as in first_layer_blocks, norms (j),
    # report (b, columns in codes.py), turn: board, first phase, thread, threads
    (weights, theta), (rates, first_step, (settings, moments, moments_above)) = parameters, steps
    (scratch, dtheta, places, sums), of_inputs, norms = memory
    board, first_phase, thread, threads = turn
    layers, settings, places = borrowed((layers, settings, places))
    weights, theta, dtheta, of_inputs = borrowed((weights, theta, dtheta, of_inputs))
    X, D, weight = borrowed(samples)
    all_rows, phase = address(order, 0), first_phase
    for start in range(0, order.size, batch_size):
        if is_over(board, first_phase, threads):
            return
        size, b = min(batch_size, order.size - start), start // batch_size
        rows = moved(all_rows, start)
        whole, step, team = sum_of_weights(address(weight, 0), rows, size), first_step + b + 1, (board, thread, threads)
        if not whole > 0:
            if thread == 0:
                report[b, MEAN_ERROR] = report[b, PENALTY] = report[b, WEIGHT] = 0
            continue
        batch, now = (rows, size, whole, step, b), (settings, moments, moments_above)
        needed = (scratch, dtheta, places, sums), of_inputs, norms
        phase = passes((weights[0], theta), layers, (X, D, weight), batch, now, needed, report, team, phase)
        how, above = (settings, rates[b], step, whole), (theta, dtheta, moments_above)
        phase = update_together(layers, how, (weights, moments, above), of_inputs, sums, norms, report[b], team, phase)


@jit
def predict(parameters, layers, X, rows, memory, Y):
    """The outputs y of the samples `rows` of sparse X (slides 7, 8)."""
    # parameters and X as in epoch, rows (s), memory: scratch, places, by_sample (s, j), Y (s, k)
    (w, theta), (scratch, places, by_sample), last = parameters, memory, layers.size - 1
    layers, places, w, by_sample, X = borrowed((layers, places, w, by_sample, X))
    p, values, x, all_rows = address(theta, 0), address(scratch, 0), address(X[2], 0), address(rows, 0)
    L, row, K, workspace = lanes(values), places[ROW], layers[last]["receiving"], (places, values, 0)
    for start in range(0, rows.size, places[CHUNK]):
        n = min(places[CHUNK], rows.size - start)
        mine = moved(all_rows, start), 0, n
        first_sums(X, w, p, layers, mine, 0, by_sample, workspace)
        forward(p, layers, x, mine, workspace, NO_DROPOUT)
        u = units(values, layers, last, 0, row, 0)
        output(layers[last]["activation"], K, -(-n // L) * L, row, u)
        for s in range(n):
            for k in range(K):
                Y[start + s, k] = u[k * row + s]
