"""The gradient by central differences (slides 13-17): the third witness, and the price that slide 12 saves.

Same name and arguments as the analytic `gradient` of the loops and of the matrix version. It asks for 2P errors of the
mini-batch, for P parameters, and knows no formula of backpropagation.
"""

import numpy as np

from fastbp.jit import jit
from fastbp.lecture.loops import mean_error


@jit
def gradient(theta, layers, X, D, rows, scratch, dtheta):
    """dE/dtheta_p = (E(theta_p + h) - E(theta_p - h)) / 2h (slides 13-17); returns E, leaves theta as it was.

    h is the cube root of the dtype's precision times the size of the parameter: there the error of the formula,
    O(h^2), and that of the rounding, O(precision / h), are alike. Use float64: in float32 three digits are right.
    """
    # theta (p), X (N, i), D (N, k), rows (s), scratch (5, units), dtheta (p)
    precision = np.finfo(theta.dtype).eps
    for p in range(theta.size):
        middle = theta[p]
        h = precision ** (1 / 3) * max(abs(middle), 1)
        theta[p] = middle + h
        above, E_above = theta[p], mean_error(theta, layers, X, D, rows, scratch)
        theta[p] = middle - h
        below, E_below = theta[p], mean_error(theta, layers, X, D, rows, scratch)
        theta[p] = middle
        dtheta[p] = (E_above - E_below) / (above - below)  # not 2h: theta_p + h has been rounded
    return mean_error(theta, layers, X, D, rows, scratch)
