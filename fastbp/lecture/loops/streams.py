"""What is known of a stream after each of its samples, as index loops over the inputs."""

import numpy as np

from fastbp.compiler.jit import jit

__all__ = ["running_moments", "standard_scores"]


@jit
def running_moments(x, n, mean, squares):
    """n_i <- n_i + 1, m_i <- m_i + (x_i - m_i) / n_i, S_i <- S_i + (x_i - m_i)(x_i - m_i') (Welford 1962).

    m_i' is m_i after its step; S_i is then the sum of the squares of x_i - m_i. What is NaN is missing, and changes
    nothing.

    x (i) -> n (i), mean (i), squares (i)
    """
    for i in range(x.size):
        if x[i] == x[i]:
            n[i] += 1
            before = x[i] - mean[i]
            mean[i] += before / n[i]
            squares[i] += before * (x[i] - mean[i])


@jit
def standard_scores(x, n, mean, squares, scores):
    """z_i = (x_i - m_i) / sqrt(S_i / n_i); 0 if x_i is missing, or has always been the same (Welford 1962).

    x (i), n (i), mean (i), squares (i) -> scores (i)
    """
    for i in range(x.size):
        scores[i] = 0
        if x[i] == x[i] and squares[i] > 0:
            scores[i] = (x[i] - mean[i]) / np.sqrt(squares[i] / n[i])
