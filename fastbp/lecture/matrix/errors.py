"""Errors, their derivatives and the deltas of the output layer, as NumPy expressions (slides 9, 31-33).

An error has the shape (s,), and is summed in double precision.
"""

import numpy as np

from fastbp.lecture.codes import BINARY_CROSS_ENTROPY, CROSS_ENTROPY, HUBER, POISSON, QUANTILE, SQUARED

__all__ = [
    "binary_cross_entropy", "binary_cross_entropy_derivative", "binary_cross_entropy_of_outputs", "cross_entropy",
    "cross_entropy_derivative", "error_delta", "huber_delta", "huber_error", "output_delta", "output_delta_general",
    "output_error", "poisson_error", "poisson_error_derivative", "quantile_delta", "quantile_error", "smooth_labels",
    "squared_error", "squared_error_derivative",
]  # fmt: skip

LARGEST = np.finfo(np.float64).max

# ---- Targets ---------------------------------------------------------------------------------------------------------


def smooth_labels(smoothing, classes, d, t):
    """T = (1 - smoothing) D + smoothing / classes (Szegedy et al. 2016, section 7).

    d (s?, k) -> t (s?, k)
    """
    np.multiply(d, 1 - smoothing, out=t)
    t += smoothing / classes


# ---- Errors ----------------------------------------------------------------------------------------------------------


def squared_error(u, y, d):
    """E = 1/2 |y - d|^2 (slides 9, 32).

    u (s?, r), y (s?, r), d (s?, r)
    """
    difference = y - d
    return 0.5 * np.einsum("...r,...r->...", difference, difference, dtype=np.float64)


def cross_entropy(u, y, d):
    """E = -d . ln y, y = softmax(u) (slides 9, 33); ln y = u - max u + ln max y, as in the loops.

    u (s?, r), y (s?, r), d (s?, r)
    """
    with np.errstate(over="ignore"):  # u - max u can be twice the largest float, and the sum more
        ln_y = np.maximum(u - u.max(axis=-1, keepdims=True), np.finfo(u.dtype).min)
        ln_y += np.log(y.max(axis=-1, keepdims=True))
        return np.minimum(-(d * ln_y).sum(axis=-1, dtype=np.float64), LARGEST)


def binary_cross_entropy(u, y, d):
    """E = -(d . ln y + (1 - d) . ln(1 - y)), y = sigmoid(u), which is sum ln(1 + exp u) - d u.

    u (s?, r), y (s?, r), d (s?, r)
    """
    with np.errstate(over="ignore", invalid="ignore"):  # of the sum of several units at the largest float; of NaN
        return np.minimum((np.logaddexp(0, u) - d * u).sum(axis=-1, dtype=np.float64), LARGEST)


def binary_cross_entropy_of_outputs(level, y, d):
    """E = -sum (D ln Y + (1 - D) ln(1 - Y)) as slide 33 has it, no logarithm below -level.

    y (s?, r), d (s?, r)
    """
    least, y = np.exp(-level), y.astype(np.float64)
    return -(d * np.log(np.maximum(y, least)) + (1 - d) * np.log(np.maximum(1 - y, least))).sum(axis=-1)


def huber_error(level, u, y, d):
    """E = sum of 1/2 |e|^2 where |e| <= level, else level (|e| - level / 2), e = y - d (Huber 1964).

    u (s?, r), y (s?, r), d (s?, r)
    """
    e = np.abs(y - d)
    inner = np.minimum(e, level, dtype=np.float64)  # 1/2 e^2 up to the level, then a line: inner (e - 1/2 inner)
    return (inner * (e - 0.5 * inner)).sum(axis=-1)


def poisson_error(u, y, d):
    """E = sum of y - d * u, y = exp(u): -ln of the likelihood but for ln d! (Nelder and Wedderburn 1972).

    u (s?, r), y (s?, r), d (s?, r)
    """
    with np.errstate(over="ignore"):  # the limits keep infinity from meeting infinity
        du = np.minimum(np.multiply(d, u, dtype=np.float64), LARGEST)
        return np.maximum(np.subtract(y, du, out=du), -LARGEST / y.shape[-1]).sum(axis=-1)


def quantile_error(level, u, y, d):
    """E = sum of max(level (d - y), (level - 1) (d - y)) (Koenker and Bassett 1978).

    u (s?, r), y (s?, r), d (s?, r)
    """
    e = np.subtract(d, y).astype(np.float64)
    return np.maximum(level * e, (level - 1) * e).sum(axis=-1)


def output_error(code, level, u, y, d):
    """E of each sample: the error with this code (slides 9, 32, 33).

    u (s?, r), y (s?, r), d (s?, r)
    """
    if code in _WITH_LEVEL:
        return _WITH_LEVEL[code][0](level, u, y, d)
    if level != 0 and code == BINARY_CROSS_ENTROPY:
        return binary_cross_entropy_of_outputs(level, y, d)
    E = _ERRORS[code](u, y, d)
    return np.minimum(E, level) if level != 0 and code == CROSS_ENTROPY else E


_ERRORS = {
    SQUARED: squared_error,
    CROSS_ENTROPY: cross_entropy,
    BINARY_CROSS_ENTROPY: binary_cross_entropy,
    POISSON: poisson_error,
}

# ---- Their derivatives with respect to Y -----------------------------------------------------------------------------


def squared_error_derivative(y, d, dy):
    """dE/dY = Y - D (slides 31, 32).

    y (s?, r), d (s?, r) -> dy (s?, r)
    """
    np.subtract(y, d, out=dy)


def cross_entropy_derivative(y, d, dy):
    """dE/dY = -D / Y (slides 31, 33).

    y (s?, r), d (s?, r) -> dy (s?, r)
    """
    np.divide(d, y, out=dy)
    np.negative(dy, out=dy)


def binary_cross_entropy_derivative(y, d, dy):
    """dE/dY = (Y - D) / (Y * (1 - Y)): slides 31 and 33 for two classes.

    y (s?, r), d (s?, r) -> dy (s?, r)
    """
    np.subtract(y, d, out=dy)
    dy /= y * (1 - y)


def poisson_error_derivative(y, d, dy):
    """dE/dY = 1 - D / Y (Nelder and Wedderburn 1972).

    y (s?, r), d (s?, r) -> dy (s?, r)
    """
    np.divide(d, y, out=dy)
    np.subtract(1, dy, out=dy)


# ---- Deltas of the output layer --------------------------------------------------------------------------------------


def output_delta_general(dy, jacobian, delta):
    """Delta = dE/dy J for each sample (slides 18-20, 31).

    dy (s?, r), jacobian (s?, r, k) -> delta (s?, k)
    """
    np.einsum("...r,...rk->...k", dy, jacobian, out=delta)


def output_delta(y, d, delta):
    """Delta = Y - D (slides 32, 33, 38).

    y (s?, k), d (s?, k) -> delta (s?, k)
    """
    np.subtract(y, d, out=delta)


def huber_delta(level, y, d, delta):
    """Delta = Y - D within -level..level (Huber 1964).

    y (s?, k), d (s?, k) -> delta (s?, k)
    """
    np.subtract(y, d, out=delta)
    np.clip(delta, -level, level, out=delta)


def quantile_delta(level, y, d, delta):
    """Delta = -level where Y < D, 1 - level where Y > D, 0 where they are equal (Koenker and Bassett 1978).

    y (s?, k), d (s?, k) -> delta (s?, k)
    """
    np.multiply(y < d, -level, out=delta, casting="same_kind")
    np.copyto(delta, 1 - level, where=y > d)


def error_delta(code, level, y, d, delta):
    """Delta = dE/dU, for the error with this code and its output activation (slides 32, 33).

    y (s?, k), d (s?, k) -> delta (s?, k)
    """
    if code in _WITH_LEVEL:
        _WITH_LEVEL[code][1](level, y, d, delta)
    else:
        output_delta(y, d, delta)


_WITH_LEVEL = {HUBER: (huber_error, huber_delta), QUANTILE: (quantile_error, quantile_delta)}
