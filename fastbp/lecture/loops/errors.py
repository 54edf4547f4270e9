"""Errors, their derivatives and the deltas of the output layer, as index loops over one sample (slides 9, 31-33).

Errors are summed in double precision. `level` is the threshold of the Huber error, the level of the quantile, or a
limit of the cross-entropies (0 for none), of which their delta does not know.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.compiler.scalars import double, larger, smaller, where
from fastbp.lecture.codes import BINARY_CROSS_ENTROPY, CROSS_ENTROPY, HUBER, POISSON, QUANTILE
from fastbp.lecture.loops.activations import _largest

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_derivative", "binary_cross_entropy_of_outputs", "cross_entropy",
    "cross_entropy_derivative", "error_delta", "huber_delta", "huber_error", "output_delta", "output_delta_general",
    "output_error", "poisson_error", "poisson_error_derivative", "quantile_delta", "quantile_error", "smooth_labels",
    "squared_error", "squared_error_derivative",
]  # fmt: skip

LARGEST = float(np.finfo(np.float64).max)

# ---- Targets ---------------------------------------------------------------------------------------------------------


@jit
def smooth_labels(smoothing, classes, d, t):
    """t_k = (1 - smoothing) d_k + smoothing / classes (Szegedy et al. 2016, section 7).

    One sigmoid stands for two classes, so `classes` is 2 there, and else the number of units.

    d (k) -> t (k)
    """
    kept, shared = d.dtype.type(1.0 - smoothing), d.dtype.type(smoothing / classes)
    for k in range(d.size):
        t[k] = kept * d[k] + shared


# ---- Errors ----------------------------------------------------------------------------------------------------------


@jit
def squared_error(u, y, d):
    """E = 1/2 sum_r (y_r - d_r)^2 (slides 9, 32).

    u (r), y (r), d (r)
    """
    total = 0.0
    for r in range(y.size):
        total += double(y[r] - d[r]) * double(y[r] - d[r])
    return 0.5 * total


@jit
def cross_entropy(u, y, d):
    """E = -sum_r d_r ln y_r, y = softmax(u) (slides 9, 33).

    u (r), y (r), d (r)
    """
    # ln y_r = u_r - max u - ln sum exp(u - max u), and that sum is 1 / max y
    top, ln_sum = double(_largest(u)), -double(np.log(double(_largest(y))))
    total = 0.0
    for r in range(u.size):
        ln_y = larger(double(u[r]) - top, -LARGEST) - ln_sum
        total -= double(d[r]) * ln_y
    return smaller(total, LARGEST)


@jit
def binary_cross_entropy(u, y, d):
    """E = -sum_r (d_r ln y_r + (1 - d_r) ln(1 - y_r)), y = sigmoid(u): slide 33 for two classes, in each unit.

    u (r), y (r), d (r)
    """
    # ln y = u - ln(1 + exp u), ln(1 - y) = -ln(1 + exp u), ln(1 + exp u) = max(u, 0) + ln(1 + e)
    total = 0.0
    for r in range(u.size):
        a = double(u[r])
        total += double(larger(a, 0.0) - double(d[r]) * a + np.log1p(np.exp(-abs(a))))
    return smaller(total, LARGEST)


@jit
def binary_cross_entropy_of_outputs(level, y, d):
    """E = -sum_r (d_r ln y_r + (1 - d_r) ln(1 - y_r)) as slide 33 has it, no logarithm below -level.

    y (r), d (r)
    """
    least, total = np.exp(-level), 0.0
    for r in range(y.size):
        p, target = double(y[r]), double(d[r])
        total -= target * np.log(larger(p, least)) + (1.0 - target) * np.log(larger(1.0 - p, least))
    return total


@jit
def huber_error(level, u, y, d):
    """E = sum_r (1/2 e^2 if e <= level else level (e - level / 2)), e = |y_r - d_r| (Huber 1964).

    u (r), y (r), d (r)
    """
    total = 0.0
    for r in range(y.size):
        e = abs(double(y[r] - d[r]))
        total += where(e <= level, 0.5 * e * e, level * (e - 0.5 * level))
    return total


@jit
def poisson_error(u, y, d):
    """E = sum_r (y_r - d_r u_r), y = exp(u): -ln of the likelihood but for ln d_r! (Nelder and Wedderburn 1972).

    u (r), y (r), d (r)
    """
    # the limits keep infinity from meeting infinity: where y_r overflows, the error does
    total = 0.0
    for r in range(y.size):
        total = larger(total + (double(y[r]) - smaller(double(d[r]) * double(u[r]), LARGEST)), -LARGEST)
    return total


@jit
def quantile_error(level, u, y, d):
    """E = sum_r max(level (d_r - y_r), (level - 1) (d_r - y_r)) (Koenker and Bassett 1978).

    u (r), y (r), d (r)
    """
    total = 0.0
    for r in range(y.size):
        e = double(d[r] - y[r])
        total += larger(level * e, (level - 1.0) * e)
    return total


@jit
def output_error(code, level, u, y, d):
    """E of one sample: the error with this code (slides 9, 32, 33).

    u (r), y (r), d (r)
    """
    if code == CROSS_ENTROPY:
        E = cross_entropy(u, y, d)
        return E if level == 0 else smaller(E, level)
    if code == BINARY_CROSS_ENTROPY:
        return binary_cross_entropy(u, y, d) if level == 0 else binary_cross_entropy_of_outputs(level, y, d)
    if code == HUBER:
        return huber_error(level, u, y, d)
    if code == POISSON:
        return poisson_error(u, y, d)
    if code == QUANTILE:
        return quantile_error(level, u, y, d)
    return squared_error(u, y, d)


# ---- Their derivatives with respect to y -----------------------------------------------------------------------------


@jit
def squared_error_derivative(y, d, dy):
    """dE/dy_r = y_r - d_r (slides 31, 32).

    y (r), d (r) -> dy (r)
    """
    for r in range(y.size):
        dy[r] = y[r] - d[r]


@jit
def cross_entropy_derivative(y, d, dy):
    """dE/dy_r = -d_r / y_r (slides 31, 33). Not finite where y_r = 0: the short form of delta has no such hole.

    y (r), d (r) -> dy (r)
    """
    for r in range(y.size):
        dy[r] = -d[r] / y[r]


@jit
def binary_cross_entropy_derivative(y, d, dy):
    """dE/dy_r = (y_r - d_r) / (y_r (1 - y_r)) (slides 31, 33, for two classes). Not finite where y_r is 0 or 1.

    y (r), d (r) -> dy (r)
    """
    one = y.dtype.type(1)
    for r in range(y.size):
        dy[r] = (y[r] - d[r]) / (y[r] * (one - y[r]))


@jit
def poisson_error_derivative(y, d, dy):
    """dE/dy_r = 1 - d_r / y_r (Nelder and Wedderburn 1972). Not finite where y_r = 0.

    y (r), d (r) -> dy (r)
    """
    # d_r u_r = d_r ln y_r
    one = y.dtype.type(1)
    for r in range(y.size):
        dy[r] = one - d[r] / y[r]


# ---- Deltas of the output layer --------------------------------------------------------------------------------------


@jit
def output_delta_general(dy, jacobian, delta):
    """delta_k = sum_r dE/dy_r dy_r/du_k: the chain rule with all intermediate variables (slides 18-20, 31).

    dy (r), jacobian (r, k) -> delta (k)
    """
    for k in range(delta.size):
        total = dy.dtype.type(0)
        for r in range(dy.size):
            total += dy[r] * jacobian[r, k]
        delta[k] = total


@jit
def output_delta(y, d, delta):
    """delta_k = y_k - d_k, in regression, in classification and for counts (slides 32, 33).

    y (k), d (k) -> delta (k)
    """
    for k in range(y.size):
        delta[k] = y[k] - d[k]


@jit
def huber_delta(level, y, d, delta):
    """delta_k = y_k - d_k, but at most level and at least -level (Huber 1964).

    y (k), d (k) -> delta (k)
    """
    end = y.dtype.type(level)
    for k in range(y.size):
        delta[k] = smaller(larger(y[k] - d[k], -end), end)


@jit
def quantile_delta(level, y, d, delta):
    """delta_k = -level if y_k < d_k, 1 - level if y_k > d_k, 0 if they are equal (Koenker and Bassett 1978).

    y (k), d (k) -> delta (k)
    """
    zero, below, above = y.dtype.type(0), y.dtype.type(-level), y.dtype.type(1.0 - level)
    for k in range(y.size):
        delta[k] = where(y[k] < d[k], below, where(y[k] > d[k], above, zero))


@jit
def error_delta(code, level, y, d, delta):
    """delta_k = dE/du_k, for the error with this code and its output activation (slides 32, 33).

    y (k), d (k) -> delta (k)
    """
    if code == HUBER:
        huber_delta(level, y, d, delta)
    elif code == QUANTILE:
        quantile_delta(level, y, d, delta)
    else:
        output_delta(y, d, delta)
