"""Mean error and mean gradient of one mini-batch (slides 12, 21-40): forward and backward pass together.

A single call is not where either version is at its best. The loops pay for Numba's dispatch, some tenths of a
microsecond. The matrix version pays for making its views and for gathering the samples, tens of microseconds, which is
half of the time of a small network; so it runs a second time as "matrix-ready", with views and samples laid out
beforehand, and that is the one the README compares. test_epoch.py needs no such care.
"""

import numpy as np
import pytest

from benchmarks.cases import CASES, SINGLE_CALLS, compare_and_time, start
from fastbp.lecture import loops, matrix
from fastbp.lecture.matrix.passes import codes_of, gradient_of_views, parts_of, unit_matrices

pytestmark = SINGLE_CALLS


def loops_call(case):
    """A function that returns the mean error, its arguments, and the array of its gradient."""
    theta, layers, X, D, weight, scratch, dtheta = start(case, case.batch)
    return loops.gradient.unchecked, (theta, layers, (X, D, weight), np.arange(case.batch), scratch, dtheta), dtheta


def matrix_call(case):
    _, arguments, dtheta = loops_call(case)
    return matrix.gradient.unchecked, arguments, dtheta


def matrix_ready_call(case):
    theta, layers, X, D, _, scratch, dtheta = start(case, case.batch)
    network, gradients = parts_of(theta, layers), parts_of(dtheta, layers)
    codes, values = codes_of(layers), unit_matrices(scratch, layers, case.batch)

    def gradient(x, d):
        return gradient_of_views(network, codes, x, d, 1 / len(x), values, gradients).mean()

    return gradient, (X, D), dtheta


CALLS = {"loops": loops_call, "matrix": matrix_call, "matrix-ready": matrix_ready_call}


@pytest.mark.parametrize("version", CALLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_backward(benchmark, case, version):
    compare_and_time(benchmark, "backward", case, version, CALLS)
