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
    for layer in range(layers.size):
        first = max(start, layers[layer]["weights_at"])
        n = min(end, layers[layer]["biases_at"]) - first
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
def step_of_block(how, parameters, start, n):
    """The rule on n parameters from `start` on."""
    # how: settings, eta, step, weight of the mini-batch,
    # parameters: theta (p), dtheta (p), moments (rows of the rule, p)
    (settings, eta, step, _), (theta, dtheta, moments) = how, parameters
    m, v = vector_at(moments, start, n), vector_at(moments, moments.shape[1] + start, n)
    rule_step(settings, eta, step, vector_at(theta, start, n), vector_at(dtheta, start, n), m, v)


@jit
def limit_all_norms(settings, layers, theta, piece, pieces):
    """|w_j| <= max_norm, for some of the rows of each layer's weights."""
    for layer in range(layers.size):
        rows, columns = layers[layer]["receiving"], layers[layer]["sending"]
        start, end = rows * piece // pieces, rows * (piece + 1) // pieces
        limit_norms(
            settings[MAX_NORM], matrix_at(theta, layers[layer]["weights_at"] + start * columns, end - start, columns)
        )


@jit
def blocks_from(layers, how, parameters, sums, first, end):
    """The first phase: penalties; then the step, or, where the gradient must be clipped before, its squares.

    Where there is only the step, all blocks take it as one: what a rule computes before its loop it computes once.
    """
    # how and parameters as in step_of_block, sums (2, blocks)
    (settings, _, _, whole), (theta, dtheta, _) = how, parameters
    at_once = end - first if settings[L1] + settings[L2] + settings[CLIP_NORM] == 0 else 1
    for block in range(first, end, at_once):
        start, n = block * BLOCK, min(at_once * BLOCK, theta.size - block * BLOCK)
        if settings[L1] != 0 or settings[L2] != 0:
            sums[OF_PENALTIES, block] = penalise(settings, layers, whole, theta, dtheta, start, start + n)
        if settings[CLIP_NORM] != 0:
            sums[OF_SQUARES, block] = square_sum(vector_at(dtheta, start, n))
        else:
            step_of_block(how, parameters, start, n)


@jit
def clipped_blocks_from(how, parameters, square, first, end):
    """The second phase: the gradient, the sum of whose squares is given, is clipped, then the step."""
    theta, dtheta, _ = parameters
    for block in range(first, end):
        start, n = block * BLOCK, min(BLOCK, theta.size - block * BLOCK)
        clip_gradient(how[0][CLIP_NORM], square, vector_at(dtheta, start, n))
        step_of_block(how, parameters, start, n)


@jit(inline=False)
def update_together(layers, how, parameters, sums, report, board, phase, threads):
    """The lecture's `update`, in up to three phases of the threads; the number of the phase after them.

    The penalty goes into `report`, the row of the mini-batch.
    """
    # how, parameters and sums as in blocks_from, report (columns in codes.py)
    settings, blocks = how[0], sums.shape[1]
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
                clipped_blocks_from(how, parameters, sum_of_blocks(sums, OF_SQUARES), first, end)
            piece = next_piece(board, phase, pieces, threads, piece)
        phase += 1
    if settings[MAX_NORM] != 0:
        piece = next_piece(board, phase, pieces, threads, NONE)
        while piece >= 0:
            limit_all_norms(settings, layers, parameters[0], piece, pieces)
            piece = next_piece(board, phase, pieces, threads, piece)
        phase += 1
    return phase
