"""What is known of a stream after some of its samples, as NumPy expressions over all of them at once."""

import numpy as np

from fastbp.lecture.layout import as_rows

__all__ = ["running_moments", "standard_scores"]


def running_moments(x, n, mean, squares):
    """N <- N + s, M <- M + (M_x - M) s / N, S <- S + S_x + (M_x - M)^2 s N_before / N (Welford 1962).

    M_x and S_x are those of the samples alone; s does not count what is missing, which is NaN.

    x (s?, i) -> n (i), mean (i), squares (i)
    """
    (x,) = as_rows(x)
    there = ~np.isnan(x)
    count = there.sum(axis=0)
    new = count > 0
    s, x, there = count[new], np.where(there, x, 0)[:, new], there[:, new]
    of_x = x.sum(axis=0) / s
    squares_of_x = (np.square(x - of_x) * there).sum(axis=0)
    apart, before = of_x - mean[new], n[new]
    n[new] += s
    mean[new] += apart * s / n[new]
    squares[new] += squares_of_x + apart * apart * s * before / n[new]


def standard_scores(x, n, mean, squares, scores):
    """Z = (X - M) / sqrt(S / N); 0 where X is missing, or has always been the same (Welford 1962).

    x (s?, i), n (i), mean (i), squares (i) -> scores (s?, i)
    """
    deviation = np.sqrt(squares / np.maximum(n, 1))
    np.divide(x - mean, np.where(squares > 0, deviation, 1), out=scores)
    np.copyto(scores, 0, where=np.isnan(x) | (squares <= 0))
