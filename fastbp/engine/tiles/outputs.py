"""The output layer over a chunk of samples: y = h(u), the error of each sample, and delta = dE/du (slides 31-33).

A sample stands in a lane, so softmax is a loop over the units, as in the lecture. Errors are computed in the dtype of
the network and end at its largest number; their sum over samples is taken in double precision.
"""

import math

from fastbp.compiler.jit import jit
from fastbp.engine.simd.dispatch import double, lanes, load, magnitude, moved, store, where_less
from fastbp.engine.simd.functions import exp, log, log_one_plus, sigmoid
from fastbp.lecture.codes import (
    BINARY_CROSS_ENTROPY,
    CROSS_ENTROPY,
    EXPONENTIAL,
    HUBER,
    POISSON,
    QUANTILE,
    SIGMOID,
    SOFTMAX,
)

LARGEST_SINGLE, LARGEST_DOUBLE = 3.4028234663852886e38, 1.7976931348623157e308


@jit
def at_most_largest(E):
    """E, or the largest number where that is infinity; NaN stays."""
    largest = LARGEST_DOUBLE if double(E) else LARGEST_SINGLE
    return where_less(-E, -largest, largest, E)


@jit
def largest_of(K, row, u):
    """max_r u_r."""
    # u (k, s)
    top = load(u)
    for k in range(1, K):
        value = load(moved(u, k * row))
        top = where_less(top, value, value, top)
    return top


@jit
def softmax(K, row, u, top):
    """y_k = exp(u_k) / sum_r exp(u_r) (slides 6, 33), in place; returns sum exp(u - top), top = max u."""
    # u (k, s)
    whole = top * 0.0
    for k in range(K):
        y = exp(load(moved(u, k * row)) - top)
        store(moved(u, k * row), y)
        whole = whole + y
    for k in range(K):
        store(moved(u, k * row), load(moved(u, k * row)) / whole)
    return whole


@jit
def softmax_and_error(K, row, u, d):
    """E = -sum_r d_r ln y_r (slides 9, 33) with y = softmax(u), which takes the place of u."""
    # u, d (k, s)
    top = largest_of(K, row, u)
    lowest = -LARGEST_DOUBLE if double(top) else -LARGEST_SINGLE
    weighted, weights = top * 0.0, top * 0.0
    for k in range(K):
        target, below = load(moved(d, k * row)), load(moved(u, k * row)) - top
        weighted = weighted + target * where_less(below, lowest, lowest, below)
        weights = weights + target
    whole = softmax(K, row, u, top)
    return log(whole) * weights - weighted


@jit
def limited_cross_entropy(level, u, d):
    """E = -(d ln y + (1 - d) ln(1 - y)) with y = 1 / (1 + exp(-u)) rounded as it is, no logarithm below -level."""
    one = u * 0.0 + 1.0
    y, least = one / (exp(-u) + 1.0), one * math.exp(-level)
    no = one - y
    return -(d * log(where_less(y, least, least, y)) + (one - d) * log(where_less(no, least, least, no)))


@jit
def unit_error(code, level, u, d):
    """y, E and delta of one unit, for the errors that are sums over units."""
    y, above = u, where_less(u, 0.0, 0.0, u)
    if code == BINARY_CROSS_ENTROPY:
        y = sigmoid(u)
    elif code == POISSON:
        y = exp(u)
    delta = y - d
    E = delta * delta * 0.5
    if code == BINARY_CROSS_ENTROPY:
        E = above - d * u + log_one_plus(exp(-magnitude(u))) if level == 0 else limited_cross_entropy(level, u, d)
    elif code == POISSON:
        E = at_most_largest(y) - d * u
    elif code == HUBER:
        size = magnitude(delta)
        E = where_less(size, level, E, (size - 0.5 * level) * level)
        delta = where_less(delta, -level, -level, where_less(-delta, -level, level, delta))
    elif code == QUANTILE:
        E = where_less(delta, 0.0, delta * -level, delta * (1.0 - level))
        delta = where_less(delta, 0.0, -level, where_less(-delta, 0.0, 1.0 - level, delta))
    return y, at_most_largest(E), delta


@jit(inline=False)
def output_and_delta(error, K, columns, row, values, shares, errors):
    """y, E and share * delta for `columns` samples; y takes the place of u. A sample of share 0 has the delta 0."""
    # error: code and level, values: u, d, delta (k, s), shares, errors (s)
    (code, level), (u, d, delta) = error, values
    for s in range(0, columns, lanes(u)):
        share = load(moved(shares, s))
        if code == CROSS_ENTROPY:
            E = at_most_largest(softmax_and_error(K, row, moved(u, s), moved(d, s)))
            store(moved(errors, s), E if level == 0 else where_less(E, level, E, level))
            for k in range(K):
                at = k * row + s
                step = (load(moved(u, at)) - load(moved(d, at))) * share
                store(moved(delta, at), where_less(-share, 0.0, step, 0.0))
        else:
            total = share * 0.0
            for k in range(K):
                at = k * row + s
                y, E, step = unit_error(code, level, load(moved(u, at)), load(moved(d, at)))
                total = total + E
                store(moved(u, at), y)
                store(moved(delta, at), where_less(-share, 0.0, step * share, 0.0))
            store(moved(errors, s), at_most_largest(total))


@jit(inline=False)
def output(code, K, columns, row, u):
    """y = h(u) of the output layer for `columns` samples, in place."""
    # u (k, s)
    for s in range(0, columns, lanes(u)):
        if code == SOFTMAX:
            softmax(K, row, moved(u, s), largest_of(K, row, moved(u, s)))
        elif code in (SIGMOID, EXPONENTIAL):
            for k in range(K):
                at = moved(u, k * row + s)
                store(at, sigmoid(load(at)) if code == SIGMOID else exp(load(at)))
