"""The training loop over mini-batches, chunks of samples and layers, for one thread of a team.

A chunk has two phases: some of its samples through all layers, up and down, are a piece of work of the first; some rows
of a tile's columns of the gradient of a layer one of the second. At the end of the mini-batch a part of theta is
updated with each piece. Every sum is taken by one thread and in one order, so the bits depend neither on how many
threads there are nor on which of them did what.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.views import borrowed
from fastbp.engine.dropout import drop, key_of
from fastbp.engine.simd.dispatch import address, lanes, moved
from fastbp.engine.team import NONE, PIECES_OF_A_THREAD, is_over, next_piece, part_of
from fastbp.engine.tiles.layers import (
    FROM_COLUMN,
    FROM_OUT,
    FROM_ZERO,
    NEXT,
    ONTO_OUT,
    PACKED,
    activate,
    bias_gradient,
    copy_rows,
    multiply,
    pack_columns,
    product,
    product_of_samples,
    transpose_rows,
    width_of_next,
)
from fastbp.engine.tiles.outputs import output, output_and_delta
from fastbp.engine.tiles.updates import is_plain, update_together
from fastbp.engine.workspace import (
    BLOCK_AT,
    CHUNK,
    COUNTING_AT,
    DELTAS_AT,
    ERRORS_AT,
    OWN,
    PANELS_AT,
    ROW,
    SHARES_AT,
    SLOPES_AT,
    TARGETS_AT,
    WIDEST,
)
from fastbp.lecture.codes import DROPOUT, MEAN_ERROR, PENALTY, SEED, WEIGHT
from fastbp.lecture.layout import (
    ACTIVATION,
    BIASES_AT,
    ERROR,
    LEVEL,
    LEVEL_UNIT,
    RECEIVING,
    SENDING,
    UNITS_AT,
    WEIGHTS_AT,
)

OF_ERRORS = 0  # the piece in which the errors of a chunk are summed; those of the gradient follow
ROWS_OF_A_PIECE = 24  # of the gradient, in whole tiles of each height: as few as the copy of its columns is worth


@jit
def units(scratch, layers, layer, values_at, row, s):
    """The values of the first unit of a layer, from sample s of the chunk on."""
    return moved(scratch, values_at + layers[layer, UNITS_AT] * row + s)


@jit
def panels_of(scratch, places, thread):
    """The thread's own panels."""
    return moved(scratch, places[PANELS_AT] + thread * places[OWN])


@jit
def block_of(scratch, places, thread):
    """The thread's own block of a packed matrix."""
    return moved(scratch, places[PANELS_AT] + thread * places[OWN] + places[BLOCK_AT])


@jit(inline=False)
def gather(x, rows, samples, vectors, sending, panels):
    """x_is of the mini-batch as panels: rows of X become columns."""
    # x (N, i), rows (s), panels (tile, i, samples of the tile)
    L, v = lanes(x), 0
    while v < vectors:
        columns = width_of_next(vectors - v)
        panel, n = moved(panels, v * L * sending), min(columns * L, samples - v * L)
        transpose_rows(x, moved(rows, v * L), sending, n, sending, panel, columns * L)
        v += columns


@jit(inline=False)
def forward(theta, layers, x, rows, samples, first, places, scratch, thread, settings, step, number):
    """u_j = sum_i w_ji x_i + b_j, y_j = h(u_j) (slides 7, 8), all layers upwards, to u of the output layer.

    For the samples from `first` on; the first is number `number` of its mini-batch, which dropout must know.
    """
    L, row, slopes_at, counting = lanes(scratch), places[ROW], places[SLOPES_AT], address(places, COUNTING_AT)
    vectors = -(-samples // L)
    panels, block = panels_of(scratch, places, thread), block_of(scratch, places, thread)
    for layer in range(layers.shape[0]):
        sending, receiving = layers[layer, SENDING], layers[layer, RECEIVING]
        w, b = moved(theta, layers[layer, WEIGHTS_AT]), moved(theta, layers[layer, BIASES_AT])
        below, below_row = panels, 0 * row
        if layer == 0:
            gather(x, rows, samples, vectors, sending, panels)
        else:
            below, below_row = units(scratch, layers, layer - 1, 0, row, first), row
            if receiving * sending > PACKED:
                pack_columns(vectors, sending, below, row, counting, panels)
                below, below_row = panels, 0 * row
        y = units(scratch, layers, layer, 0, row, first)
        product_of_samples(
            vectors, receiving, sending, w, sending, NEXT, below, below_row, FROM_COLUMN, b, y, row, counting, block
        )
        if layer < layers.shape[0] - 1:
            slopes = units(scratch, layers, layer, slopes_at, row, first)
            activate(layers[layer, ACTIVATION], receiving, vectors * L, row, y, slopes)
            if settings[DROPOUT] > 0:
                key = key_of(settings[SEED], step, layer)
                drop(key, settings[DROPOUT], receiving, number, vectors * L, row, y, slopes)


@jit(inline=False)
def backward(theta, layers, samples, first, places, scratch, thread):
    """dE/dy_j = sum_k delta_k w_kj, delta_j = dE/dy_j h'(u_j) (slides 25, 34-36), all layers downwards."""
    L, row, deltas_at, counting = lanes(scratch), places[ROW], places[DELTAS_AT], address(places, COUNTING_AT)
    vectors = -(-samples // L)
    panels, block = panels_of(scratch, places, thread), block_of(scratch, places, thread)
    for layer in range(layers.shape[0] - 2, -1, -1):
        above, receiving = layers[layer + 1, RECEIVING], layers[layer, RECEIVING]
        delta, delta_row = units(scratch, layers, layer + 1, deltas_at, row, first), row
        if receiving * above > PACKED:
            pack_columns(vectors, above, delta, row, counting, panels)
            delta, delta_row = panels, 0 * row
        dy, w = units(scratch, layers, layer, deltas_at, row, first), moved(theta, layers[layer + 1, WEIGHTS_AT])
        product_of_samples(
            vectors, receiving, above, w, NEXT, receiving, delta, delta_row, FROM_ZERO, dy, dy, row, counting, block
        )
        slopes = units(scratch, layers, layer, places[SLOPES_AT], row, first)
        multiply(receiving, vectors * L, row, slopes, dy)


@jit
def row_parts(layers, layer, threads, L):
    """Into how many pieces the rows of a tile's columns of the gradient are cut: as many as keep the threads busy."""
    if threads == 1:
        return 1
    tiles = -(-layers[layer, SENDING] // (WIDEST * L))
    return min(-(-layers[layer, RECEIVING] // ROWS_OF_A_PIECE), -(-PIECES_OF_A_THREAD * threads // tiles))


@jit
def gradient_pieces(layers, threads, L):
    """How many pieces the gradient of a chunk has, its errors among them."""
    pieces = OF_ERRORS + 1
    for layer in range(layers.shape[0]):
        pieces += -(-layers[layer, SENDING] // (WIDEST * L)) * row_parts(layers, layer, threads, L)
    return pieces


@jit(inline=False)
def gradient(
    layers, x, rows, samples, row, deltas_at, scratch, panel, counting, begin, factor, dtheta,
    board, phase, pieces, threads, piece,
):  # fmt: skip
    """dE/dw_ji = sum_s delta_js x_is and dE/db_j = sum_s delta_js (slides 21-24, 26-29), from a piece on.

    Written to dtheta, or added to it, or, times `factor`, to theta in its place: a step without a gradient in memory.
    """
    L, number = lanes(scratch), OF_ERRORS + 1
    for layer in range(layers.shape[0] - 1, -1, -1):
        sending, receiving = layers[layer, SENDING], layers[layer, RECEIVING]
        vectors, parts = -(-sending // L), row_parts(layers, layer, threads, L)
        v = 0
        while v < vectors:
            columns, i = width_of_next(vectors - v), v * L
            width = min(columns * L, sending - i)
            for part in range(parts):
                if number == piece:
                    if layer == 0:
                        copy_rows(moved(x, i), rows, sending, samples, width, panel, columns * L)
                    else:
                        y = moved(units(scratch, layers, layer - 1, 0, row, 0), i * row)
                        transpose_rows(y, counting, row, width, samples, panel, columns * L)
                    j = part_of(receiving, part, parts, ROWS_OF_A_PIECE)
                    n = part_of(receiving, part + 1, parts, ROWS_OF_A_PIECE) - j
                    delta = moved(units(scratch, layers, layer, deltas_at, row, 0), j * row)
                    dw = moved(dtheta, layers[layer, WEIGHTS_AT] + j * sending + i)
                    last = width - (columns - 1) * L
                    product(
                        columns, n, samples, delta, row, NEXT, panel, columns * L, begin, dw, factor, dw, sending, last
                    )
                    if v == 0:
                        bias_gradient(
                            n, samples, delta, row, begin, factor, moved(dtheta, layers[layer, BIASES_AT] + j)
                        )
                    piece = next_piece(board, phase, pieces, threads, piece)
                number += 1
            v += columns


@jit
def share_samples(weight, rows, samples, whole, shares, samples_with_gaps):
    """weight_s / sum of the weights of the mini-batch: how much a sample counts; 0 beyond the samples."""
    for s in range(samples):
        shares[s] = weight[rows[s]] / whole if whole > 0 else 0
    for s in range(samples, samples_with_gaps):
        shares[s] = 0


@jit
def sum_of_weights(weight, rows, samples):
    """sum_s weight_s of a mini-batch."""
    total = 0.0
    for s in range(samples):
        total += weight[rows[s]]
    return total


@jit
def sample_pieces(samples, threads, L):
    """How many pieces the samples of a chunk are: as many for each thread, of whole tiles where there are enough."""
    if threads == 1:
        return 1
    vectors = -(-samples // L)
    return min(vectors, threads * max(1, min(PIECES_OF_A_THREAD, vectors // (WIDEST * threads))))


@jit
def sum_of_errors(shares, errors, samples):
    """sum_s share_s E_s. A sample that counts nothing may have an infinite error."""
    total = 0.0
    for s in range(samples):
        if shares[s] > 0:
            total += np.float64(shares[s]) * errors[s]
    return total


@jit
def note_errors(report, b, done, whole, shares, errors, samples):
    """Into row b of the report: the mean error of a mini-batch, of which so many samples are noted already."""
    if done == 0:
        report[b, MEAN_ERROR], report[b, PENALTY], report[b, WEIGHT] = 0, 0, whole
    report[b, MEAN_ERROR] += sum_of_errors(shares, errors, samples)


@jit(inline=False)
def chunk(theta, layers, x, d, weight, rows, number, whole, step, settings, places, scratch, thread, first, end):
    """Samples `first` to `end` of a chunk through all layers, up and down: outputs, errors and deltas."""
    L, row, last, n = lanes(scratch), places[ROW], layers.shape[0] - 1, end - first
    mine, columns, K = moved(rows, first), -(-n // L) * L, layers[last, RECEIVING]
    shares, errors = moved(scratch, places[SHARES_AT] + first), moved(scratch, places[ERRORS_AT] + first)
    targets = moved(scratch, places[TARGETS_AT] + first)
    share_samples(weight, mine, n, whole, shares, columns)
    forward(theta, layers, x, mine, n, first, places, scratch, thread, settings, step, number + first)
    transpose_rows(d, mine, K, n, K, targets, row)
    u = units(scratch, layers, last, 0, row, first)
    delta = units(scratch, layers, last, places[DELTAS_AT], row, first)
    level = layers[last, LEVEL] * LEVEL_UNIT
    output_and_delta(layers[last, ERROR], level, K, columns, row, u, targets, shares, errors, delta)
    backward(theta, layers, n, first, places, scratch, thread)


@jit
def epoch(
    theta, layers, X, D, weight, order, batch_size, rates, first_step, settings, moments, scratch, dtheta,
    report, places, sums, board, first_phase, thread, threads,
):  # fmt: skip
    """w <- w - eta dE/dw for each mini-batch of `order` (slide 12).

    The arguments up to `report` are those of the lecture's `epoch`; then where things lie in `scratch`, sums over
    blocks of parameters, and the thread's place in its team.
    """
    # theta (p), X (N, i), D (N, k), weight (N), order (N), rates (b), settings (columns in codes.py),
    # moments (rows of the rule, p), dtheta (p), report (b, 3), sums (2, blocks)
    layers, settings, places = borrowed(layers), borrowed(settings), borrowed(places)
    p, dp, x, d, values = address(theta, 0), address(dtheta, 0), address(X, 0), address(D, 0), address(scratch, 0)
    weights, all_rows, counting = address(weight, 0), address(order, 0), address(places, COUNTING_AT)
    panel, L = panels_of(values, places, thread), lanes(values)
    shares, errors = moved(values, places[SHARES_AT]), moved(values, places[ERRORS_AT])
    at_once, phase = is_plain(settings), first_phase
    for start in range(0, order.size, batch_size):
        if is_over(board, first_phase, threads):
            return
        size, b = min(batch_size, order.size - start), start // batch_size
        whole = sum_of_weights(weights, moved(all_rows, start), size)
        step = first_step + b + 1
        if not whole > 0:
            if thread == 0:
                report[b, MEAN_ERROR] = report[b, PENALTY] = report[b, WEIGHT] = 0
            continue
        for done in range(0, size, places[CHUNK]):
            rows, samples = moved(all_rows, start + done), min(places[CHUNK], size - done)
            pieces = sample_pieces(samples, threads, L)
            piece = next_piece(board, phase, pieces, threads, NONE)
            while piece >= 0:
                first, end = part_of(samples, piece, pieces, L), part_of(samples, piece + 1, pieces, L)
                chunk(p, layers, x, d, weights, rows, done, whole, step, settings, places, values, thread, first, end)
                piece = next_piece(board, phase, pieces, threads, piece)
            phase += 1
            pieces = gradient_pieces(layers, threads, L)
            piece = next_piece(board, phase, pieces, threads, NONE)
            if piece == OF_ERRORS:
                note_errors(report, b, done, whole, shares, errors, samples)
                piece = next_piece(board, phase, pieces, threads, piece)
            begin, to = (FROM_ZERO if done == 0 else FROM_OUT), dp
            if at_once and size <= places[CHUNK]:
                begin, to = ONTO_OUT, p
            gradient(
                layers, x, rows, samples, places[ROW], places[DELTAS_AT], values, panel, counting, begin, -rates[b], to,
                board, phase, pieces, threads, piece,
            )  # fmt: skip
            phase += 1
        if not (at_once and size <= places[CHUNK]):
            phase = update_together(
                settings, layers, rates[b], step, whole, theta, dtheta, moments, report, b, sums, board, phase, threads
            )


@jit
def mean_error(theta, layers, X, D, weight, rows, settings, places, scratch, errors_of, board, phase, thread, threads):
    """sum_s weight_s E_s / sum_s weight_s over the samples `rows` of X and D (slide 9), of each chunk its part.

    A chunk is a piece of work; `scratch` has room for a chunk of each thread.
    """
    # theta (p), X (N, i), D (N, k), weight (N), rows (s), errors_of (chunks)
    layers, settings, places = borrowed(layers), borrowed(settings), borrowed(places)
    p, x, d, values = (
        address(theta, 0),
        address(X, 0),
        address(D, 0),
        address(scratch, thread * (places[PANELS_AT] + places[OWN])),
    )
    weights, all_rows, last = address(weight, 0), address(rows, 0), layers.shape[0] - 1
    row, L, K, level = places[ROW], lanes(values), layers[last, RECEIVING], layers[last, LEVEL] * LEVEL_UNIT
    shares, errors = moved(values, places[SHARES_AT]), moved(values, places[ERRORS_AT])
    targets, whole = moved(values, places[TARGETS_AT]), sum_of_weights(weights, all_rows, rows.size)
    piece = next_piece(board, phase, errors_of.size, threads, NONE)
    while piece >= 0:
        mine, samples = moved(all_rows, piece * places[CHUNK]), min(places[CHUNK], rows.size - piece * places[CHUNK])
        columns = -(-samples // L) * L
        share_samples(weights, mine, samples, whole, shares, columns)
        forward(p, layers, x, mine, samples, 0, places, values, 0, settings, 0, 0)
        transpose_rows(d, mine, K, samples, K, targets, row)
        u, delta = units(values, layers, last, 0, row, 0), units(values, layers, last, places[DELTAS_AT], row, 0)
        output_and_delta(layers[last, ERROR], level, K, columns, row, u, targets, shares, errors, delta)
        errors_of[piece] = sum_of_errors(shares, errors, samples)
        piece = next_piece(board, phase, errors_of.size, threads, piece)


@jit
def predict(theta, layers, X, settings, places, scratch, Y, board, phase, thread, threads):
    """The outputs y of the samples X (slides 7, 8); pieces and scratch as in `mean_error`."""
    # theta (p), X (N, i), Y (N, k)
    layers, settings, places = borrowed(layers), borrowed(settings), borrowed(places)
    p, values, rows = (
        address(theta, 0),
        address(scratch, thread * (places[PANELS_AT] + places[OWN])),
        address(places, COUNTING_AT),
    )
    row, last = places[ROW], layers.shape[0] - 1
    K, L, pieces = layers[last, RECEIVING], lanes(values), -(-X.shape[0] // places[CHUNK])
    piece = next_piece(board, phase, pieces, threads, NONE)
    while piece >= 0:
        start = piece * places[CHUNK]
        samples = min(places[CHUNK], X.shape[0] - start)
        forward(p, layers, address(X, start * X.shape[1]), rows, samples, 0, places, values, 0, settings, 0, 0)
        u = units(values, layers, last, 0, row, 0)
        output(layers[last, ACTIVATION], K, -(-samples // L) * L, row, u)
        for s in range(samples):
            for k in range(K):
                Y[start + s, k] = u[k * row + s]
        piece = next_piece(board, phase, pieces, threads, piece)
