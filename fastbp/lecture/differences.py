"""The gradient by central differences (slides 13-17): the third witness, and the price that slide 12 saves.

Same name and arguments as the analytic `gradient` of the loops and of the matrix version. For P parameters it takes 2P
forward passes of the mini-batch, and knows no formula of the backward pass.
"""

import numpy as np

from fastbp.compiler.jit import checked_from_python, jit
from fastbp.lecture import guards
from fastbp.lecture.loops.passes import mean_error


@jit
def gradient(theta, layers, samples, rows, scratch, dtheta):
    """dE/dtheta_p = (E(theta_p + dx) - E(theta_p - dx)) / 2dx (slides 13-17); returns E, leaves theta as it was.

    dx is the cube root of the dtype's precision times the size of the parameter, or times 1 if that is smaller: there
    the error of the formula, O(dx^2), and that of the rounding, O(precision / dx), are alike. Use float64: in float32
    three digits are right.

    theta (p), samples (X (N, i), D (N, k), weight (N)), rows (s) -> scratch (5, units or more), dtheta (p)
    """
    precision = np.finfo(theta.dtype).eps
    for p in range(theta.size):
        middle = theta[p]
        dx = theta.dtype.type(precision ** (1 / 3) * max(abs(middle), 1))
        theta[p] = middle + dx
        E_above = mean_error(theta, layers, samples, rows, scratch)
        theta[p] = middle - dx
        E_below = mean_error(theta, layers, samples, rows, scratch)
        theta[p] = middle
        dtheta[p] = (E_above - E_below) / (2 * dx)
    return mean_error(theta, layers, samples, rows, scratch)


guards.check_all(globals(), checked_from_python)
