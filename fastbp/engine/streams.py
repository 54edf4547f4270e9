"""A sample of a stream, from raw numbers to a step of the rule: all that `learn_one` does in compiled code.

A row of raw numbers has those of the inputs and, last, the target: 0 for a class, whose number is the label.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.views import borrowed, vector_at
from fastbp.lecture.codes import LARGEST, REFUSED
from fastbp.lecture.loops.activations import identity
from fastbp.lecture.loops.parts import units_of
from fastbp.lecture.loops.passes import backward, error_of_sample, forward
from fastbp.lecture.loops.streams import running_moments, standard_scores
from fastbp.lecture.loops.updates import update


@jit
def _moments_of(stats, first, n):
    """n, mean and squares of some columns."""
    width = stats.shape[1]
    return vector_at(stats, first, n), vector_at(stats, width + first, n), vector_at(stats, 2 * width + first, n)


@jit
def _scores(raw, stats, scaled, first, out):
    """Standard scores of some columns, or the numbers as they came; 0 for what is missing."""
    here = vector_at(raw, first, out.size)
    counts, mean, squares = _moments_of(stats, first, out.size)
    if scaled != 0:
        standard_scores(here, counts, mean, squares, out)
    else:
        for i in range(out.size):
            out[i] = here[i] if here[i] == here[i] else 0


@jit
def _are_sound(raw, missing):
    """Whether all numbers are there and none is too large, or missing where that is allowed."""
    sound = True
    for i in range(raw.size):
        sound = sound and (abs(raw[i]) <= LARGEST or (missing != 0 and np.isnan(raw[i])))
    return sound


@jit
def learn_sample(theta, layers, inputs, label, weight, rule, memory):
    """The running moments take the sample in; then one step, w <- w - eta dE/dw (slide 12), times its weight.

    Returns E before the step, or REFUSED. With `missing`, NaN is an input that is not there.
    """
    # inputs: raw (i + 1), stats (3, i + 1), scaled, missing; label: the number of a class, or -1;
    # rule: settings, eta, step, moments -> theta (p), memory: scratch (5, units), dtheta (p), x (i), d (k)
    theta, layers, (raw, stats, scaled, missing) = borrowed((theta, layers, inputs))
    (settings, eta, step, moments), (scratch, dtheta, x, d) = borrowed((rule, memory))
    if not _are_sound(raw, missing):
        return REFUSED
    if scaled != 0:
        counts, mean, squares = _moments_of(stats, 0, raw.size)
        running_moments(raw, counts, mean, squares)
    _scores(raw, stats, scaled, 0, x)
    if label < 0:
        _scores(raw, stats, scaled, x.size, d)
    else:
        for k in range(d.size):
            d[k] = 1 if k == label else 0
    values = scratch[0], scratch[1], scratch[2], scratch[3], scratch[4]
    forward(theta, layers, x, values[0], values[1])
    E = error_of_sample(layers, values[0], values[1], d)
    if np.isfinite(E):  # else it has diverged, and the caller says so
        backward(theta, layers, x, d, weight, values, False, dtheta)
        update(settings, layers, eta, step, 1.0, theta, dtheta, moments)
    return E


@jit
def predict_sample(theta, layers, inputs, label, memory):
    """The outputs of the network for a sample; with a label below 0, in the units of the target.

    Returns whether all numbers were finite, or missing where that is allowed.
    """
    # inputs as in learn_sample -> memory: scratch (5, units), x (i), out (k), in double precision
    theta, layers, (raw, stats, scaled, missing) = borrowed((theta, layers, inputs))
    scratch, x, out = borrowed(memory)
    if not _are_sound(raw, missing):
        return False
    _scores(raw, stats, scaled, 0, x)
    forward(theta, layers, x, scratch[0], scratch[1])
    identity(units_of(scratch[1], layers, layers.size - 1), out)
    if scaled != 0 and label < 0:
        counts, mean, squares = _moments_of(stats, x.size, out.size)
        for k in range(out.size):
            out[k] = mean[k] + out[k] * (np.sqrt(squares[k] / counts[k]) if squares[k] > 0 else 1.0)
    return True
