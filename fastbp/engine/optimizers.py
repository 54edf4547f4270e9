"""The update of a mini-batch, shared by the threads: the lecture's rules on parts of the flat vectors."""

from fastbp.engine.plan import SQUARES
from fastbp.engine.team import meet
from fastbp.jit import jit
from fastbp.lecture.codes import CLIP_NORM, L1, L2, MAX_NORM, RULE, SGD
from fastbp.lecture.layout import BIASES_AT, RECEIVING, SENDING, WEIGHTS_AT
from fastbp.lecture.loops.updates import add_l1, add_l2, clip_gradient, limit_norms, rule_step, square_sum
from fastbp.views import matrix_at, vector_at

PART = 64  # parts of the vectors are multiples of this: whole turns of the vectorised loops, whatever the threads


@jit
def is_plain(settings):
    """Whether a step is w <- w - eta dE/dw and nothing else, so that it can be made while the gradient is computed."""
    limits = settings[L1] + settings[L2] + settings[MAX_NORM] + settings[CLIP_NORM]
    return settings[RULE] == SGD and limits == 0


@jit
def add_penalties(settings, layers, theta, dtheta, start, end):
    """The derivatives of the penalties on the weights (not the biases) that lie between start and end."""
    for layer in range(layers.shape[0]):
        first = max(start, layers[layer, WEIGHTS_AT])
        n = min(end, layers[layer, BIASES_AT]) - first
        if n > 0:
            w, dw = vector_at(theta, first, n), vector_at(dtheta, first, n)
            if settings[L2] != 0:
                add_l2(w, settings[L2], dw)
            if settings[L1] != 0:
                add_l1(w, settings[L1], dw)


@jit
def clip(settings, dtheta, start, n, squares, meeting, thread, threads):
    """g <- g clip_norm / |g| if that is smaller; |g|^2 is the sum of the sums of blocks, in their order."""
    blocks = -(-dtheta.size // SQUARES)
    for block in range(thread, blocks, threads):
        at = block * SQUARES
        squares[block] = square_sum(vector_at(dtheta, at, min(SQUARES, dtheta.size - at)))
    abandoned = meet(meeting, threads)
    square = 0.0
    for block in range(blocks):
        square += squares[block]
    clip_gradient(settings[CLIP_NORM], square, vector_at(dtheta, start, n))
    return abandoned


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
def update_together(settings, layers, eta, step, theta, dtheta, moments, squares, meeting, thread, threads):
    """The lecture's `update`, each thread its part; ends when all have ended. Whether the epoch was abandoned."""
    parts = -(-theta.size // PART)
    start = min(theta.size, parts * thread // threads * PART)
    end = min(theta.size, parts * (thread + 1) // threads * PART)
    n, abandoned = end - start, False
    if settings[L1] != 0 or settings[L2] != 0:
        add_penalties(settings, layers, theta, dtheta, start, end)
        if settings[CLIP_NORM] != 0:  # which asks for the sums of squares of the others' parts
            abandoned = meet(meeting, threads)
    if settings[CLIP_NORM] != 0:
        abandoned |= clip(settings, dtheta, start, n, squares, meeting, thread, threads)
    m, v = vector_at(moments, start, n), vector_at(moments, moments.shape[1] + start, n)
    rule_step(settings, eta, step, vector_at(theta, start, n), vector_at(dtheta, start, n), m, v)
    abandoned |= meet(meeting, threads)
    if settings[MAX_NORM] != 0:
        limit_all_norms(settings, layers, theta, thread, threads)
        abandoned |= meet(meeting, threads)
    return abandoned
