"""What the polynomials on vectors (engine/functions.py) are worth: exp, log, tanh and sigmoid of a row of numbers.

Three ways: vectors; a compiled loop that calls the C library for each number, as the lecture's loops do; NumPy, which
has vectors of its own for some functions and processors. The numbers fit into the first cache.
"""

import numpy as np
import pytest

from benchmarks.cases import SINGLE_CALLS
from fastbp.compiler.jit import jit
from fastbp.engine.simd import functions
from fastbp.engine.simd.dispatch import address, lanes, load, moved, store

NUMBERS = 1024
RTOL = {"float32": 1e-6, "float64": 1e-14}

pytestmark = SINGLE_CALLS


def vectors(function):
    """The engine's function for all numbers of an array of whole vectors."""

    @jit
    def run(x, y):
        numbers, out = address(x, 0), address(y, 0)
        for i in range(0, x.size, lanes(numbers)):
            store(moved(out, i), function(load(moved(numbers, i))))

    return run


def loop(function):
    """The same, a number at a time."""
    function = jit(function)

    @jit
    def run(x, y):
        for i in range(x.size):
            y[i] = function(x[i])

    return run


def numpy_sigmoid(x, y):
    np.negative(x, y)
    np.exp(y, y)
    np.add(y, 1, y)
    np.reciprocal(y, y)


NAMES = {"exp": lambda x: np.exp(x), "log": lambda x: np.log(x), "tanh": lambda x: np.tanh(x)}
NAMES["sigmoid"] = lambda x: 1 / (1 + np.exp(-x))
VERSIONS = {
    "vectors": lambda name: vectors(getattr(functions, name)),
    "loop": lambda name: loop(NAMES[name]),
    "NumPy": lambda name: numpy_sigmoid if name == "sigmoid" else getattr(np, name),
}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("dtype", RTOL)
@pytest.mark.parametrize("name", NAMES)
def test_functions(benchmark, name, dtype, version):
    x = np.random.default_rng(3).uniform(0.01 if name == "log" else -10, 10, NUMBERS).astype(dtype)
    y, expected = np.empty_like(x), np.empty_like(x)
    function = VERSIONS[version](name)
    function(x, y)  # compiles, too
    VERSIONS["NumPy"](name)(x, expected)
    np.testing.assert_allclose(y, expected, rtol=RTOL[dtype], atol=1e-7 if dtype == "float32" else 1e-15)

    benchmark.group = f"{name} {dtype}"
    benchmark.extra_info.update(what="functions", function=name, dtype=dtype, version=version, numbers=NUMBERS)
    benchmark(function, x, y)
