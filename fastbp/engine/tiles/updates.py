"""The update of a mini-batch, shared by the threads: the lecture's rules on blocks of the flat vectors.

A block passes through penalties and rule while it is in the cache. Sums over all parameters are sums of the sums of
blocks, in their order, so that they do not depend on the threads.
"""

from fastbp.compiler.jit import jit
from fastbp.compiler.views import matrix_at, vector_at
from fastbp.engine.team import NONE, PIECES_OF_A_THREAD, next_piece
from fastbp.engine.workspace import BLOCK
from fastbp.lecture.codes import CLIP_NORM, L1, L2, MAX_NORM, PENALTY, RULE, SGD
from fastbp.lecture.layout import BIASES_AT, RECEIVING, SENDING, WEIGHTS_AT
from fastbp.lecture.loops.updates import add_penalties, clip_gradient, limit_norms, rule_step, square_sum

OF_SQUARES, OF_PENALTIES = range(2)  # rows of `sums`


@jit
def is_plain(settings):
    """Whether a step is w <- w - eta dE/dw and nothing else, so that it can be made while the gradient is computed."""
    limits = settings[L1] + settings[L2] + settings[MAX_NORM] + settings[CLIP_NORM]
    return settings[RULE] == SGD and limits == 0


@jit
def penalise(settings, layers, whole, theta, dtheta, start, end):
    """The penalties on the weights (not the biases) between start and end; their derivatives are added to dtheta."""
    total = 0.0
    for layer in range(layers.shape[0]):
        first = max(start, layers[layer, WEIGHTS_AT])
        n = min(end, layers[layer, BIASES_AT]) - first
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
def step_of_block(settings, eta, step, theta, dtheta, moments, start, n):
    """The rule on n parameters from `start` on."""
    m, v = vector_at(moments, start, n), vector_at(moments, moments.shape[1] + start, n)
    rule_step(settings, eta, step, vector_at(theta, start, n), vector_at(dtheta, start, n), m, v)


@jit
def limit_all_norms(settings, layers, theta, piece, pieces):
    """|w_j| <= max_norm, for some of the rows of each layer's weights."""
    for layer in range(layers.shape[0]):
        rows, columns = layers[layer, RECEIVING], layers[layer, SENDING]
        start, end = rows * piece // pieces, rows * (piece + 1) // pieces
        limit_norms(
            settings[MAX_NORM], matrix_at(theta, layers[layer, WEIGHTS_AT] + start * columns, end - start, columns)
        )


@jit
def blocks_from(theta, settings, layers, eta, step, whole, dtheta, moments, sums, first, end):
    """The first phase: penalties; then the step, or, where the gradient must be clipped before, its squares."""
    for block in range(first, end):
        start, n = block * BLOCK, min(BLOCK, theta.size - block * BLOCK)
        if settings[L1] != 0 or settings[L2] != 0:
            sums[OF_PENALTIES, block] = penalise(settings, layers, whole, theta, dtheta, start, start + n)
        if settings[CLIP_NORM] != 0:
            sums[OF_SQUARES, block] = square_sum(vector_at(dtheta, start, n))
        else:
            step_of_block(settings, eta, step, theta, dtheta, moments, start, n)


@jit
def clipped_blocks_from(theta, settings, eta, step, dtheta, moments, sums, first, end):
    """The second phase: the gradient is clipped, then the step."""
    square = sum_of_blocks(sums, OF_SQUARES)
    for block in range(first, end):
        start, n = block * BLOCK, min(BLOCK, theta.size - block * BLOCK)
        clip_gradient(settings[CLIP_NORM], square, vector_at(dtheta, start, n))
        step_of_block(settings, eta, step, theta, dtheta, moments, start, n)


@jit(inline=False)
def update_together(
    settings, layers, eta, step, whole, theta, dtheta, moments, report, b, sums, board, phase, threads
):  # fmt: skip
    """The lecture's `update`, in up to three phases of the threads; the number of the phase after them.

    The penalty goes into row b of `report`.
    """
    blocks = sums.shape[1]
    pieces = 1 if threads == 1 else min(blocks, PIECES_OF_A_THREAD * threads)
    piece = next_piece(board, phase, pieces, threads, NONE)
    while piece >= 0:
        first, end = blocks * piece // pieces, blocks * (piece + 1) // pieces
        blocks_from(theta, settings, layers, eta, step, whole, dtheta, moments, sums, first, end)
        piece = next_piece(board, phase, pieces, threads, piece)
    phase += 1
    if settings[CLIP_NORM] != 0 or settings[L1] != 0 or settings[L2] != 0:
        piece = next_piece(board, phase, pieces, threads, NONE)
        while piece >= 0:
            if piece == 0 and (settings[L1] != 0 or settings[L2] != 0):
                report[b, PENALTY] = sum_of_blocks(sums, OF_PENALTIES)
            if settings[CLIP_NORM] != 0:
                first, end = blocks * piece // pieces, blocks * (piece + 1) // pieces
                clipped_blocks_from(theta, settings, eta, step, dtheta, moments, sums, first, end)
            piece = next_piece(board, phase, pieces, threads, piece)
        phase += 1
    if settings[MAX_NORM] != 0:
        piece = next_piece(board, phase, pieces, threads, NONE)
        while piece >= 0:
            limit_all_norms(settings, layers, theta, piece, pieces)
            piece = next_piece(board, phase, pieces, threads, piece)
        phase += 1
    return phase
