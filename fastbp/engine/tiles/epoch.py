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
from fastbp.engine.team import NONE, PIECES_OF_A_THREAD
from fastbp.engine.tiles.axes import forward_from_rows, gradient_along_samples, gradient_by_units, has_units_along
from fastbp.engine.tiles.layers import (
    FROM_COLUMN,
    FROM_ROWS,
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
from fastbp.engine.turns import is_over, next_piece, part_of
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
    X_AT,
    X_ROW,
)
from fastbp.lecture.codes import DROPOUT, MEAN_ERROR, PENALTY, SEED, WEIGHT

OF_ERRORS = 0  # the piece in which the errors of a chunk are summed; those of the gradient follow
ROWS_OF_A_PIECE = 24  # of the gradient, in whole tiles of each height: as few as the copy of its columns is worth


@jit
def units(scratch, layers, layer, values_at, row, s):
    """The values of the first unit of a layer, from sample s of the chunk on."""
    return moved(scratch, values_at + layers[layer]["units_at"] * row + s)


@jit
def spare_of(workspace):
    """The thread's own panels; 0, 1, 2, ... and the thread's own block of a packed matrix."""
    places, scratch, thread = workspace
    panels = moved(scratch, places[PANELS_AT] + thread * places[OWN])
    return panels, (address(places, COUNTING_AT), moved(panels, places[BLOCK_AT]))


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
def forward(theta, layers, x, mine, workspace, dropout):
    """u_j = sum_i w_ji x_i + b_j, y_j = h(u_j) (slides 7, 8), all layers upwards, to u of the output layer."""
    # theta (p), x (N, i), mine: rows (s) of the chunk, its first sample and number of samples that are passed,
    # workspace: places, scratch, thread, dropout: probability, seed, step, number of the first row in its mini-batch
    (rows, first, samples), (places, scratch, _), (probability, seed, step, number) = mine, workspace, dropout
    L, row, slopes_at, (panels, spare) = lanes(scratch), places[ROW], places[SLOPES_AT], spare_of(workspace)
    vectors = -(-samples // L)
    for layer in range(layers.size):
        sending, receiving = layers[layer]["sending"], layers[layer]["receiving"]
        w, b = moved(theta, layers[layer]["weights_at"]), moved(theta, layers[layer]["biases_at"])
        y, below, below_row = units(scratch, layers, layer, 0, row, first), panels, 0 * row
        if layer == 0 and places[X_ROW] > 0:
            forward_from_rows(theta, layers, x, mine, (places, scratch), panels, y)
        elif sending > 0:  # else u is there: of sparse samples (sparse.py)
            if layer == 0:
                gather(x, moved(rows, first), samples, vectors, sending, panels)
            else:
                below, below_row = units(scratch, layers, layer - 1, 0, row, first), row
                if receiving * sending > PACKED:
                    pack_columns(vectors, sending, below, row, spare[0], panels)
                    below, below_row = panels, 0 * row
            a, begin = (w, sending, NEXT), (FROM_COLUMN, b)
            product_of_samples(vectors, receiving, sending, a, (below, below_row), begin, (y, row), spare)
        if layer < layers.size - 1:
            slopes = units(scratch, layers, layer, slopes_at, row, first)
            activate(layers[layer]["activation"], receiving, vectors * L, row, y, slopes)
            if probability > 0:
                key = key_of(seed, step, layer)
                drop(key, probability, receiving, number + first, vectors * L, row, y, slopes)


@jit(inline=False)
def backward(theta, layers, first, samples, workspace):
    """dE/dy_j = sum_k delta_k w_kj, delta_j = dE/dy_j h'(u_j) (slides 25, 34-36), all layers downwards."""
    # theta (p), workspace: places, scratch, thread
    (places, scratch, _), (panels, spare) = workspace, spare_of(workspace)
    L, row, deltas_at = lanes(scratch), places[ROW], places[DELTAS_AT]
    vectors = -(-samples // L)
    for layer in range(layers.size - 2, -1, -1):
        above, receiving = layers[layer + 1]["receiving"], layers[layer]["receiving"]
        delta, delta_row = units(scratch, layers, layer + 1, deltas_at, row, first), row
        if receiving * above > PACKED:
            pack_columns(vectors, above, delta, row, spare[0], panels)
            delta, delta_row = panels, 0 * row
        dy, w = units(scratch, layers, layer, deltas_at, row, first), moved(theta, layers[layer + 1]["weights_at"])
        a, begin = (w, NEXT, receiving), (FROM_ZERO, dy)
        product_of_samples(vectors, receiving, above, a, (delta, delta_row), begin, (dy, row), spare)
        slopes = units(scratch, layers, layer, places[SLOPES_AT], row, first)
        multiply(receiving, vectors * L, row, slopes, dy)


@jit
def sides(layers, layer, places, L):
    """Rows and columns of a layer's gradient as it lies in memory; the columns lie along the vectors."""
    sending, receiving = layers[layer]["sending"], layers[layer]["receiving"]
    return (sending, receiving) if has_units_along(layers, layer, places, L) else (receiving, sending)


@jit
def row_parts(rows, columns, threads, L):
    """Into how many pieces the rows of a tile's columns of the gradient are cut: as many as keep the threads busy."""
    if threads == 1 or columns == 0:
        return 1
    tiles = -(-columns // (WIDEST * L))
    return min(-(-rows // ROWS_OF_A_PIECE), -(-PIECES_OF_A_THREAD * threads // tiles))


@jit
def gradient_pieces(layers, places, threads, L):
    """How many pieces the gradient of a chunk has, its errors among them."""
    pieces = OF_ERRORS + 1
    for layer in range(layers.size):
        rows, columns = sides(layers, layer, places, L)
        pieces += -(-columns // (WIDEST * L)) * row_parts(rows, columns, threads, L)
    return pieces


@jit(inline=False)
def gradient_by_samples(dtheta, layers, layer, data, workspace, begin, block):
    """dE/dw_ji = sum_s delta_js x_is (slides 26-29) of a tile's columns i and n units from j on; dE/db_j with i = 0."""
    # dtheta (p), data: x (N, i), rows (s) of the chunk, their number, workspace: places, scratch, panel and spare;
    # begin: FROM_... or ONTO_OUT and the factor, block: the first vector of i and how many there are, j and n
    (x, rows, samples), (places, scratch, (panel, (counting, sums))), (v, columns, j, n) = data, workspace, block
    sending, row, L, i = layers[layer]["sending"], places[ROW], lanes(scratch), v * lanes(scratch)
    width, few = min(columns * L, sending - i), 2 * sending <= L
    delta = moved(units(scratch, layers, layer, places[DELTAS_AT], row, 0), j * row)
    dw = moved(dtheta, layers[layer]["weights_at"] + j * sending + i)
    y = moved(units(scratch, layers, max(layer - 1, 0), 0, row, 0), i * row)
    if few:
        if layer == 0:
            transpose_rows(x, rows, sending, samples, sending, panel, row)
            y = panel
        gradient_along_samples((delta, row), (y, row), n, sending, samples, sums, begin, dw)
    else:
        lies = panel, columns * L
        if layer > 0:
            transpose_rows(y, counting, row, width, samples, panel, columns * L)
        elif places[X_ROW] > 0:  # there already, side by side
            lies = moved(scratch, places[X_AT] + i), places[X_ROW]
        else:
            copy_rows(moved(x, i), rows, sending, samples, width, panel, columns * L)
        a, b, start = (delta, row, NEXT), lies, (begin[0], dw, sending, begin[1])
        product(columns, n, samples, a, b, start, (dw, sending), width - (columns - 1) * L)
    if i == 0:
        bias_gradient(n, samples, delta, row, begin[0], begin[1], moved(dtheta, layers[layer]["biases_at"] + j))


@jit(inline=False)
def gradient(layers, x, mine, workspace, begin, dtheta, turn, piece):
    """dE/dw_ji = sum_s delta_js x_is and dE/db_j = sum_s delta_js (slides 21-24, 26-29), from a piece on.

    Written to dtheta, or added to it, or, times a factor, to theta in its place: a step without a gradient in memory.
    """
    # x (N, i), mine: rows (s) of the chunk and their number, workspace: places, scratch, thread,
    # begin: FROM_... or ONTO_OUT and the factor, dtheta (p), turn: board, phase, pieces, threads
    (rows, samples), (places, scratch, _), (board, phase, pieces, threads) = mine, workspace, turn
    (panel, spare), L, number = spare_of(workspace), lanes(scratch), OF_ERRORS + 1
    for layer in range(layers.size - 1, -1, -1):
        height, width = sides(layers, layer, places, L)
        vectors, parts, v = -(-width // L), row_parts(height, width, threads, L), 0
        while v < vectors:
            columns = width_of_next(vectors - v)
            for part in range(parts):
                if number == piece:
                    r = part_of(height, part, parts, ROWS_OF_A_PIECE)
                    n = part_of(height, part + 1, parts, ROWS_OF_A_PIECE) - r
                    block = v, columns, r, n
                    if has_units_along(layers, layer, places, L):
                        gradient_by_units(dtheta, layers[0], samples, (places, scratch), panel, begin, block)
                    else:
                        data, lies = (x, rows, samples), (places, scratch, (panel, spare))
                        gradient_by_samples(dtheta, layers, layer, data, lies, begin, block)
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


@jit
def errors_and_deltas(layers, d, mine, workspace):
    """y, the error and, times its share, the delta of each sample at the output, where `forward` has left u."""
    # d (N, k), mine: rows (s) of the chunk, its first sample and number of samples that are passed
    (rows, first, samples), (places, scratch, _), last = mine, workspace, layers.size - 1
    L, row, K = lanes(scratch), places[ROW], layers[last]["receiving"]
    targets = moved(scratch, places[TARGETS_AT] + first)
    transpose_rows(d, moved(rows, first), K, samples, K, targets, row)
    u = units(scratch, layers, last, 0, row, first)
    delta = units(scratch, layers, last, places[DELTAS_AT], row, first)
    shares, errors = moved(scratch, places[SHARES_AT] + first), moved(scratch, places[ERRORS_AT] + first)
    error = layers[last]["error"], layers[last]["level"]
    output_and_delta(error, K, -(-samples // L) * L, row, (u, targets, delta), shares, errors)


@jit(inline=False)
def chunk(theta, layers, data, mine, whole, workspace, dropout):
    """Some samples of a chunk through all layers, up and down: outputs, errors and deltas."""
    # theta (p), data: x (N, i), d (N, k), weight (N); mine, workspace and dropout as in forward
    (x, d, weight), (rows, first, samples), (places, scratch, _) = data, mine, workspace
    shares = moved(scratch, places[SHARES_AT] + first)
    share_samples(weight, moved(rows, first), samples, whole, shares, -(-samples // lanes(scratch)) * lanes(scratch))
    forward(theta, layers, x, mine, workspace, dropout)
    errors_and_deltas(layers, d, mine, workspace)
    backward(theta, layers, first, samples, workspace)


@jit
def epoch(theta, layers, samples, order, batch_size, steps, memory, report, turn):
    """w <- w - eta dE/dw for each mini-batch of `order` (slide 12).

    The arguments up to `report` are those of the lecture's `epoch`, but that memory also holds where things lie in
    `scratch` and sums over blocks of parameters; then the thread's place in its team.
    """
    # theta (p), samples: X (N, i), D (N, k), weight (N), order (N),
    # steps: rates (b), number of steps before, settings (columns in codes.py), moments (rows of the rule, p),
    # memory: scratch, dtheta (p), places, sums (2, blocks), report (b, columns in codes.py),
    # turn: board, first phase, thread, threads
    (X, D, weight), (rates, first_step, settings, moments) = samples, steps
    (scratch, dtheta, places, sums), (board, first_phase, thread, threads) = memory, turn
    layers, settings, places = borrowed((layers, settings, places))
    p, dp, values, all_rows = address(theta, 0), address(dtheta, 0), address(scratch, 0), address(order, 0)
    x, data, workspace = address(X, 0), (address(X, 0), address(D, 0), address(weight, 0)), (places, values, thread)
    shares, errors, L = moved(values, places[SHARES_AT]), moved(values, places[ERRORS_AT]), lanes(values)
    at_once, phase = is_plain(settings, layers), first_phase
    for start in range(0, order.size, batch_size):
        if is_over(board, first_phase, threads):
            return
        size, b = min(batch_size, order.size - start), start // batch_size
        whole, step = sum_of_weights(data[2], moved(all_rows, start), size), first_step + b + 1
        if not whole > 0:
            if thread == 0:
                report[b, MEAN_ERROR] = report[b, PENALTY] = report[b, WEIGHT] = 0
            continue
        for done in range(0, size, places[CHUNK]):
            rows, n = moved(all_rows, start + done), min(places[CHUNK], size - done)
            dropout, pieces = (settings[DROPOUT], settings[SEED], step, done), sample_pieces(n, threads, L)
            piece = next_piece(board, phase, pieces, threads, NONE)
            while piece >= 0:
                first = part_of(n, piece, pieces, L)
                mine = rows, first, part_of(n, piece + 1, pieces, L) - first
                chunk(p, layers, data, mine, whole, workspace, dropout)
                piece = next_piece(board, phase, pieces, threads, piece)
            phase += 1
            pieces = gradient_pieces(layers, places, threads, L)
            piece = next_piece(board, phase, pieces, threads, NONE)
            if piece == OF_ERRORS:
                note_errors(report, b, done, whole, shares, errors, n)
                piece = next_piece(board, phase, pieces, threads, piece)
            begin, to = (FROM_ZERO if done == 0 else FROM_ROWS), dp
            if at_once and size <= places[CHUNK]:
                begin, to = ONTO_OUT, p
            now = board, phase, pieces, threads
            gradient(layers, x, (rows, n), workspace, (begin, -rates[b]), to, now, piece)
            phase += 1
        if not (at_once and size <= places[CHUNK]):
            how, parameters = (settings, rates[b], step, whole), (theta, dtheta, moments)
            phase = update_together(layers, how, parameters, sums, report[b], board, phase, threads)


NO_DROPOUT = 0.0, 0.0, 0, 0


@jit
def mean_error(theta, layers, samples, rows, memory, errors_of, turn):
    """sum_s weight_s E_s / sum_s weight_s over the samples `rows` of X and D (slide 9), of each chunk its part.

    A chunk is a piece of work; `scratch` has room for a chunk of each thread.
    """
    # theta (p), samples: X (N, i), D (N, k), weight (N), rows (s), memory: scratch, places, errors_of (chunks),
    # turn: board, phase, thread, threads
    (X, D, weight), (scratch, places), (board, phase, thread, threads) = samples, memory, turn
    layers, places = borrowed((layers, places))
    values = address(scratch, thread * (places[PANELS_AT] + places[OWN]))
    p, x, d, all_rows = address(theta, 0), address(X, 0), address(D, 0), address(rows, 0)
    shares, errors, L = moved(values, places[SHARES_AT]), moved(values, places[ERRORS_AT]), lanes(values)
    workspace, whole = (places, values, 0), sum_of_weights(address(weight, 0), all_rows, rows.size)
    piece = next_piece(board, phase, errors_of.size, threads, NONE)
    while piece >= 0:
        start, n = piece * places[CHUNK], min(places[CHUNK], rows.size - piece * places[CHUNK])
        mine = moved(all_rows, start), 0, n
        share_samples(address(weight, 0), mine[0], n, whole, shares, -(-n // L) * L)
        forward(p, layers, x, mine, workspace, NO_DROPOUT)
        errors_and_deltas(layers, d, mine, workspace)
        errors_of[piece] = sum_of_errors(shares, errors, n)
        piece = next_piece(board, phase, errors_of.size, threads, piece)


@jit
def predict(theta, layers, X, memory, Y, turn):
    """The outputs y of the samples X (slides 7, 8); pieces, memory and turn as in `mean_error`."""
    # theta (p), X (N, i), Y (N, k)
    (scratch, places), (board, phase, thread, threads), last = memory, turn, layers.size - 1
    layers, places = borrowed((layers, places))
    values = address(scratch, thread * (places[PANELS_AT] + places[OWN]))
    p, counting, row, K = address(theta, 0), address(places, COUNTING_AT), places[ROW], layers[last]["receiving"]
    L, pieces = lanes(values), -(-X.shape[0] // places[CHUNK])
    piece = next_piece(board, phase, pieces, threads, NONE)
    while piece >= 0:
        start = piece * places[CHUNK]
        n = min(places[CHUNK], X.shape[0] - start)
        forward(p, layers, address(X, start * X.shape[1]), (counting, 0, n), (places, values, 0), NO_DROPOUT)
        u = units(values, layers, last, 0, row, 0)
        output(layers[last]["activation"], K, -(-n // L) * L, row, u)
        for s in range(n):
            for k in range(K):
                Y[start + s, k] = u[k * row + s]
        piece = next_piece(board, phase, pieces, threads, piece)
