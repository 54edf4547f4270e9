"""Several epochs in one call, where nothing in Python has to see each of them.

Each is a new order, a step for each mini-batch, the loss, and whether it still falls.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.engine.shuffles import shuffle
from fastbp.engine.tiles.epoch import epoch
from fastbp.engine.tiles.notes import (
    BEST,
    DIVERGED,
    DONE,
    ENOUGH,
    ERRORS,
    EXHAUSTED,
    OUTCOME,
    OUTPUTS,
    PATIENCE,
    POSITION,
    TOL,
    WAITED,
)
from fastbp.lecture.codes import MEAN_ERROR, PENALTY


@jit(as_written=True)
def loss_of(report, batch_size, samples, rule):
    """(sum_b n_b E_b / outputs + sum_b n_b P_b) / samples: errors and penalties, n_b the samples of mini-batch b."""
    # report (b, columns in codes.py), rule (columns in notes.py)
    error, penalty = 0.0, 0.0
    for b in range(report.shape[0]):
        size = min(batch_size, samples - b * batch_size)
        error += size * report[b, MEAN_ERROR]
        penalty += size * report[b, PENALTY]
    rule[ERRORS] = error
    return (error / rule[OUTPUTS] + penalty) / samples


@jit(inline=False)
def keep_if_finite(theta, kept):
    """kept <- theta, and True; but nothing where a parameter is not finite."""
    for p in range(theta.size):
        if not np.isfinite(theta[p]):
            return False
    for p in range(theta.size):
        kept[p] = theta[p]
    return True


@jit(as_written=True)
def still_falls(loss, rule):
    """Whether there was an improvement in the last epochs: `EarlyStopping.update` as scikit-learn has it."""
    # rule (columns in notes.py)
    rule[WAITED] = rule[WAITED] + 1 if loss > rule[BEST] - rule[TOL] else 0
    rule[BEST] = min(loss, rule[BEST])
    return rule[WAITED] < rule[PATIENCE]


@jit
def epochs(theta, layers, samples, order, batch_size, steps, memory, report, course):
    """Up to as many epochs as there is room for losses, until the loss no longer falls or is no longer finite.

    `counts` gets how many of them were whole, and why they ended; `kept` the parameters after the last whole one.
    """
    # theta (p), layers to report: as in `epoch`, the rates of each epoch the same,
    # course: key (624) of a Mersenne twister, whether order is shuffled, rule, counts (columns in notes.py),
    # kept (p), losses (epochs), board: of a thread without a team
    (rates, first_step, settings, moments), (key, shuffled, rule, counts, kept, losses, board) = steps, course
    for e in range(losses.size):
        if shuffled:
            counts[POSITION] = shuffle(key, counts[POSITION], order)
        now = rates, first_step + e * rates.size, settings, moments
        epoch(theta, layers, samples, order, batch_size, now, memory, report, (board, 0, 0, 1))
        loss = loss_of(report, batch_size, order.size, rule)
        if np.isnan(loss) or not keep_if_finite(theta, kept):
            counts[OUTCOME] = DIVERGED
            return
        losses[e], counts[DONE] = loss, e + 1
        if not still_falls(loss, rule):
            counts[OUTCOME] = EXHAUSTED
            return
    counts[OUTCOME] = ENOUGH
