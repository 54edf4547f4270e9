"""The update of a mini-batch, shared by the threads: the lecture's rules on blocks of the flat vectors.

A block passes through penalties and rule while it is in the cache. Sums over all parameters are sums of the sums of
blocks, in their order, so that they do not depend on the threads.
"""

from fastbp.engine.plan import BLOCK
from fastbp.engine.team import meet
from fastbp.jit import jit
from fastbp.lecture.codes import CLIP_NORM, L1, L2, MAX_NORM, RULE, SGD
from fastbp.lecture.layout import BIASES_AT, RECEIVING, SENDING, WEIGHTS_AT
from fastbp.lecture.loops.updates import add_penalties, clip_gradient, limit_norms, rule_step, square_sum
from fastbp.views import matrix_at, vector_at

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
def limit_all_norms(settings, layers, theta, thread, threads):
    """|w_j| <= max_norm, for each row of weights."""
    for layer in range(layers.shape[0]):
        rows, columns = layers[layer, RECEIVING], layers[layer, SENDING]
        start, end = rows * thread // threads, rows * (thread + 1) // threads
        limit_norms(
            settings[MAX_NORM], matrix_at(theta, layers[layer, WEIGHTS_AT] + start * columns, end - start, columns)
        )


@jit(inline=False)
def update_together(
    settings, layers, eta, step, whole, theta, dtheta, moments, report, b, sums, meeting, thread, threads
):  # fmt: skip
    """The lecture's `update`, each thread its blocks; ends when all have ended. Whether the epoch was abandoned.

    The penalty goes into row b of `report`.
    """
    blocks = sums.shape[1]
    first, end = blocks * thread // threads, blocks * (thread + 1) // threads
    penalised, clipped = settings[L1] != 0 or settings[L2] != 0, settings[CLIP_NORM] != 0
    for block in range(first, end):
        start, n = block * BLOCK, min(BLOCK, theta.size - block * BLOCK)
        if penalised:
            sums[OF_PENALTIES, block] = penalise(settings, layers, whole, theta, dtheta, start, start + n)
        if clipped:
            sums[OF_SQUARES, block] = square_sum(vector_at(dtheta, start, n))
        else:
            step_of_block(settings, eta, step, theta, dtheta, moments, start, n)
    abandoned = meet(meeting, threads)
    if penalised and thread == 0:
        report[b, 1] = sum_of_blocks(sums, OF_PENALTIES)
    if clipped:
        square = sum_of_blocks(sums, OF_SQUARES)
        for block in range(first, end):
            start, n = block * BLOCK, min(BLOCK, theta.size - block * BLOCK)
            clip_gradient(settings[CLIP_NORM], square, vector_at(dtheta, start, n))
            step_of_block(settings, eta, step, theta, dtheta, moments, start, n)
        abandoned |= meet(meeting, threads)
    if settings[MAX_NORM] != 0:
        limit_all_norms(settings, layers, theta, thread, threads)
        abandoned |= meet(meeting, threads)
    return abandoned
