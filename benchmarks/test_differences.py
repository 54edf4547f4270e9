"""Slide 12: the gradient is found analytically, and not by differences, to save time. How much?

The same mini-batch and the same arguments for all three; differences are compiled loops as well, so nothing but the
formula differs between them and the analytic loops. In float64, because differences need the digits.
"""

import numpy as np
import pytest

from benchmarks.cases import CASES, KERNELS, LONG_CALLS, SINGLE_CALLS, assert_same, label, rounds_for, start
from fastbp.lecture import differences

SIZES = [(4, 8, 3), (10, 32, 1), (64, 64, 10)]
SLIDE_12 = [case for case in CASES if case.sizes in SIZES and case.batch == 32 and case.dtype == "float64"]


def gradients_of(case):
    """The arguments of each of the three functions, whose results have been compared."""
    found, arguments = {}, {}
    for name, kernels in (*KERNELS.items(), ("differences", differences)):
        theta, layers, X, D, weight, scratch, dtheta = start(case, case.batch)
        arguments[name] = theta, layers, (X, D, weight), np.arange(case.batch), scratch, dtheta
        found[name] = kernels.gradient(*arguments[name]), dtheta  # compiles, too
    assert_same(case.dtype, found["loops"], found["matrix"])
    np.testing.assert_allclose(found["differences"][0], found["loops"][0], rtol=1e-12)
    np.testing.assert_allclose(found["differences"][1], found["loops"][1], rtol=1e-5, atol=1e-8)
    return arguments


@SINGLE_CALLS
@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize("case", SLIDE_12, ids=str)
def test_analytic(benchmark, case, version):
    arguments = gradients_of(case)
    label(benchmark, "slide 12", case, version, parameters=arguments[version][0].size)
    benchmark(KERNELS[version].gradient.unchecked, *arguments[version])


@LONG_CALLS
@pytest.mark.parametrize("case", SLIDE_12, ids=str)
def test_by_differences(benchmark, case):
    arguments = gradients_of(case)["differences"]
    label(benchmark, "slide 12", case, "differences", parameters=arguments[0].size)
    rounds = rounds_for(lambda: differences.gradient.unchecked(*arguments))
    benchmark.pedantic(differences.gradient.unchecked, arguments, rounds=rounds)
