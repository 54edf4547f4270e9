"""The one list of what is measured, where it starts, and how often it runs."""

import time
from dataclasses import asdict, dataclass
from typing import NamedTuple

import numpy as np
import pytest

from fastbp import Network, validation
from fastbp.lecture import layout, loops, matrix

KERNELS = {"loops": loops, "matrix": matrix}
LEARNING_RATE = 0.1

# Single calls: rounds of about a millisecond for 0.3 s. The collector stays out of it: pytest's heap is not ours.
SINGLE_CALLS = pytest.mark.benchmark(disable_gc=True, min_time=1e-3, max_time=0.3, min_rounds=10)
# Calls that take long by themselves: the tests give the number of rounds.
LONG_CALLS = pytest.mark.benchmark(disable_gc=True)


@dataclass(frozen=True)
class Case:
    """A network, its mini-batch and its dtype."""

    sizes: tuple
    activation: str
    output: str
    batch: int
    dtype: str

    def __str__(self):
        return f"{'-'.join(map(str, self.sizes))} {self.activation} batch {self.batch} {self.dtype}"


NETWORKS = [
    ((4, 8, 3), "relu", "softmax", 1),
    ((4, 8, 3), "relu", "softmax", 32),
    ((10, 32, 1), "sigmoid", "identity", 32),
    ((64, 64, 10), "relu", "softmax", 32),
    ((64, 128, 10), "relu", "softmax", 16),  # the digits of `python -m fastbp`
    ((784, 100, 10), "relu", "softmax", 32),
]
CASES = [Case(*network, dtype) for network in NETWORKS for dtype in ("float32", "float64")]


class Start(NamedTuple):
    """Arguments of the kernels, laid out as training.py lays them out."""

    theta: np.ndarray
    layers: np.ndarray
    X: np.ndarray
    D: np.ndarray
    weight: np.ndarray
    scratch: np.ndarray
    dtheta: np.ndarray


def start(case, samples):
    """The same numbers at each call, in arrays of their own: one call for each version that runs."""
    network = Network(case.sizes, activation=case.activation, output=case.output, dtype=case.dtype, seed=0)
    rng = np.random.default_rng(1)
    X = rng.uniform(-1, 1, (samples, case.sizes[0]))
    if case.output == "softmax":
        D = np.eye(case.sizes[-1])[rng.integers(case.sizes[-1], size=samples)]
    else:
        D = rng.normal(size=(samples, case.sizes[-1]))
    return Start(
        network.theta,
        network.layers,
        validation.real_matrix("X", X, case.sizes[0], case.dtype),
        validation.targets(D, samples, network.output, network.loss, case.sizes[-1], case.dtype),
        validation.sample_weights(None, samples, case.dtype),
        layout.scratch_for(network.layers, case.batch, network.dtype),
        np.empty_like(network.theta),
    )


def assert_same(dtype, one, other):
    """The two versions agree, to the rounding of the dtype; their sums run in different orders."""
    rtol, atol = {"float32": (1e-4, 1e-6), "float64": (1e-10, 1e-14)}[dtype]
    for a, b in zip(one, other, strict=True):
        np.testing.assert_allclose(a, b, rtol=rtol, atol=atol)


def label(benchmark, what, case, version, **more):
    """The group in which the lines of a case are neighbours, and what tables.py needs to know about a line."""
    benchmark.group = f"{what} {case}"
    benchmark.extra_info.update(asdict(case), what=what, version=version, **more)


def compare_and_time(benchmark, what, case, version, calls):
    """Assert that all of `calls` find the same for a case, then time one of them.

    A call takes the case and gives a function, its arguments, and the array into which it writes.
    """
    found = []
    for call in calls.values():
        function, arguments, output = call(case)
        returned = function(*arguments)  # compiles, too
        found.append([output] if returned is None else [output, returned])
    for other in found[1:]:
        assert_same(case.dtype, found[0], other)

    label(benchmark, what, case, version)
    function, arguments, _ = calls[version](case)
    benchmark(function, *arguments)


def rounds_for(call, seconds=0.5):
    """How many rounds of `call` fill that time: at least 10, so that a median means something, and at most 500."""
    begin = time.perf_counter()
    call()
    return max(10, min(500, int(seconds / (time.perf_counter() - begin))))
