"""The update of a mini-batch, shared by the threads: the lecture's rules on blocks of the flat vectors.

A block passes through penalties and rule while it is in the cache. Sums over all parameters are sums of the sums of
blocks, in their order, so that they do not depend on the threads.
"""

from fastbp.compiler.jit import jit
from fastbp.compiler.views import matrix_at, vector_at
from fastbp.engine.team import NONE, PIECES_OF_A_THREAD
from fastbp.engine.turns import next_piece
from fastbp.engine.workspace import BLOCK
from fastbp.lecture.codes import CLIP_NORM, L1, L2, MAX_NORM, PENALTY, RULE, SGD
from fastbp.lecture.loops.parts import diagonal_of, has_diagonal, has_own_rates, trained_count
from fastbp.lecture.loops.updates import (
    add_penalties,
    add_split_gradient,
    clip_gradient,
    limit_norms,
    rated_step,
    scale_inputs,
    square_sum,
)

OF_SQUARES, OF_PENALTIES = range(2)  # rows of `sums`


@jit
def is_plain(settings, layers):
    """Whether a step is w <- w - eta dE/dw and nothing else, so that it can be made while the gradient is computed."""
    limits = settings[L1] + settings[L2] + settings[MAX_NORM] + settings[CLIP_NORM]
    return settings[RULE] == SGD and limits == 0 and not has_own_rates(layers) and not has_diagonal(layers)


@jit
def penalise(settings, layers, whole, theta, dtheta, start, end):
    """The penalties on the weights (not the biases) between start and end; their derivatives are added to dtheta."""
    total = 0.0
    for layer in range(layers.size):
        row = layers[layer]
        first = max(start, row["trained_at"])
        n = min(end, row["trained_at"] + row["sending"] * row["receiving"]) - first
        if n > 0:
            total += add_penalties(settings, whole, vector_at(theta, first, n), vector_at(dtheta, first, n))
    return total


@jit
def sum_of_blocks(sums, row):
    """The sum over all parameters."""
    total = 0.0
    for block in range(sums.shape[1]):
        total += sums[row, block]
    return total


@jit
def step_of_block(layers, how, parameters, start, n):
    """The rule on n parameters from `start` on."""
    # how: settings, eta, step, weight of the mini-batch,
    # parameters: theta (p), dtheta (p), moments (rows of the rule, p)
    (settings, eta, step, _), (theta, dtheta, moments) = how, parameters
    rated_step(settings, layers, eta, step, theta, dtheta, moments, start, start + n)


@jit
def limit_all_norms(settings, layers, theta, piece, pieces):
    """|w_j| <= max_norm, for some of the rows of each layer's weights."""
    for layer in range(layers.size):
        rows, columns = layers[layer]["receiving"], layers[layer]["sending"]
        start, end = rows * piece // pieces, rows * (piece + 1) // pieces
        limit_norms(
            settings[MAX_NORM], matrix_at(theta, layers[layer]["trained_at"] + start * columns, end - start, columns)
        )


@jit
def blocks_from(layers, how, parameters, sums, first, end):
    """The first phase: penalties; then the step, or, where the gradient must be clipped before, its squares.

    Where there is only the step, all blocks take it as one: what a rule computes before its loop it computes once.
    """
    # how and parameters as in step_of_block, sums (2, blocks)
    (settings, _, _, whole), (theta, dtheta, _) = how, parameters
    at_once = end - first if settings[L1] + settings[L2] + settings[CLIP_NORM] == 0 else 1
    trained = trained_count(theta, layers)
    for block in range(first, end, at_once):
        start, n = block * BLOCK, min(at_once * BLOCK, trained - block * BLOCK)
        if settings[L1] != 0 or settings[L2] != 0:
            sums[OF_PENALTIES, block] = penalise(settings, layers, whole, theta, dtheta, start, start + n)
        if settings[CLIP_NORM] != 0:
            sums[OF_SQUARES, block] = square_sum(vector_at(dtheta, start, n))
        else:
            step_of_block(layers, how, parameters, start, n)


@jit
def clipped_blocks_from(layers, how, parameters, square, first, end):
    """The second phase: the gradient, the sum of whose squares is given, is clipped, then the step."""
    theta, dtheta, _ = parameters
    trained = trained_count(theta, layers)
    for block in range(first, end):
        start, n = block * BLOCK, min(BLOCK, trained - block * BLOCK)
        clip_gradient(how[0][CLIP_NORM], square, vector_at(dtheta, start, n))
        step_of_block(layers, how, parameters, start, n)


@jit(inline=False)
def split_together(layers, theta, dtheta, board, phase, threads):
    """`split_gradient` of the lecture, some inputs a piece of work: the number of the phase after it.

    What lies between the columns of a piece is not its own, so it goes row by row.
    """
    # theta (p), dtheta (p)
    row = layers[0]
    sending, receiving, v_at, w_at = row["sending"], row["receiving"], row["weights_at"], row["trained_at"]
    pieces = 1 if threads == 1 else min(sending, PIECES_OF_A_THREAD * threads)
    piece = next_piece(board, phase, pieces, threads, NONE)
    while piece >= 0:
        i, end = sending * piece // pieces, sending * (piece + 1) // pieces
        n, at = end - i, v_at - sending + i
        df = vector_at(dtheta, at, n)
        for k in range(n):
            df[k] = 0
        for j in range(receiving):
            there = j * sending + i
            dv, w = matrix_at(dtheta, v_at + there, 1, n), matrix_at(theta, w_at + there, 1, n)
            add_split_gradient(dv, w, vector_at(theta, at, n), matrix_at(dtheta, w_at + there, 1, n), df)
        piece = next_piece(board, phase, pieces, threads, piece)
    return phase + 1


@jit(inline=False)
def scale_together(layers, theta, board, phase, threads):
    """`scale_inputs` of the lecture, some rows of the first layer a piece of work: the number of the phase after it."""
    # theta (p)
    row, pieces = layers[0], 1 if threads == 1 else min(layers[0]["receiving"], PIECES_OF_A_THREAD * threads)
    sending, receiving = row["sending"], row["receiving"]
    piece = next_piece(board, phase, pieces, threads, NONE)
    while piece >= 0:
        j, end = receiving * piece // pieces, receiving * (piece + 1) // pieces
        w = matrix_at(theta, row["trained_at"] + j * sending, end - j, sending)
        v = matrix_at(theta, row["weights_at"] + j * sending, end - j, sending)
        scale_inputs(w, diagonal_of(theta, layers), v)
        piece = next_piece(board, phase, pieces, threads, piece)
    return phase + 1


@jit(inline=False)
def update_together(layers, how, parameters, sums, report, board, phase, threads):
    """The lecture's `update`, in up to five phases of the threads; the number of the phase after them.

    The penalty goes into `report`, the row of the mini-batch.
    """
    # how, parameters and sums as in blocks_from, report (columns in codes.py)
    settings, blocks, (theta, dtheta, _) = how[0], sums.shape[1], parameters
    if has_diagonal(layers):
        phase = split_together(layers, theta, dtheta, board, phase, threads)
    pieces = 1 if threads == 1 else min(blocks, PIECES_OF_A_THREAD * threads)
    piece = next_piece(board, phase, pieces, threads, NONE)
    while piece >= 0:
        blocks_from(layers, how, parameters, sums, blocks * piece // pieces, blocks * (piece + 1) // pieces)
        piece = next_piece(board, phase, pieces, threads, piece)
    phase += 1
    if settings[CLIP_NORM] != 0 or settings[L1] != 0 or settings[L2] != 0:
        piece = next_piece(board, phase, pieces, threads, NONE)
        while piece >= 0:
            if piece == 0 and (settings[L1] != 0 or settings[L2] != 0):
                report[PENALTY] = sum_of_blocks(sums, OF_PENALTIES)
            if settings[CLIP_NORM] != 0:
                first, end = blocks * piece // pieces, blocks * (piece + 1) // pieces
                clipped_blocks_from(layers, how, parameters, sum_of_blocks(sums, OF_SQUARES), first, end)
            piece = next_piece(board, phase, pieces, threads, piece)
        phase += 1
    if settings[MAX_NORM] != 0:
        piece = next_piece(board, phase, pieces, threads, NONE)
        while piece >= 0:
            limit_all_norms(settings, layers, theta, piece, pieces)
            piece = next_piece(board, phase, pieces, threads, piece)
        phase += 1
    if has_diagonal(layers):
        phase = scale_together(layers, theta, board, phase, threads)
    return phase
