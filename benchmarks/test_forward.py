"""Forward pass of one mini-batch (slides 7, 8).

Of the two passes without gradients, `predict` is the fairer: both versions read X where it lies and write the outputs.
`mean_error` takes the numbers of its samples and so would charge the matrix version for a gather that an epoch makes
only once.

A single call is not where either version is at its best. The loops pay for Numba's dispatch, some tenths of a
microsecond. The matrix version pays for making its views of `theta` and of the unit values, tens of microseconds, which
is most of the time of a small network; so it runs a second time as "matrix-ready", with views made beforehand, and that
is the one the README compares. test_epoch.py needs no such care.
"""

import numpy as np
import pytest

from benchmarks.cases import CASES, SINGLE_CALLS, compare_and_time, start
from fastbp.lecture import loops, matrix
from fastbp.lecture.matrix.passes import codes_of, forward_of_views, parts_of, unit_matrices

pytestmark = SINGLE_CALLS


def loops_call(case):
    """A function, its arguments and the array of its outputs."""
    theta, layers, X, _, _, scratch, _ = start(case, case.batch)
    Y = np.empty((case.batch, case.sizes[-1]), case.dtype)
    return loops.predict.unchecked, (theta, layers, X, scratch, Y), Y


def matrix_call(case):
    _, arguments, Y = loops_call(case)
    return matrix.predict.unchecked, arguments, Y


def matrix_ready_call(case):
    theta, layers, X, _, _, scratch, _ = start(case, case.batch)
    values = unit_matrices(scratch, layers, case.batch)
    return forward_of_views, (parts_of(theta, layers), codes_of(layers), X, values), values[1][-1]


CALLS = {"loops": loops_call, "matrix": matrix_call, "matrix-ready": matrix_ready_call}


@pytest.mark.parametrize("version", CALLS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_forward(benchmark, case, version):
    compare_and_time(benchmark, "forward", case, version, CALLS)
