"""An epoch of training: the figure that counts, and the one where both versions are at their best.

One call makes all steps. The loops never return to Python in between, the matrix version makes its views and gathers
the shuffled samples once. Each round starts from the same parameters, so all rounds of both versions do the same work.
Time per step = time / `steps` in the extra info.
"""

import numpy as np
import pytest

from benchmarks.cases import CASES, KERNELS, LEARNING_RATE, LONG_CALLS, assert_same, label, rounds_for, start
from fastbp.lecture.codes import SETTINGS

SAMPLES = 1024

pytestmark = LONG_CALLS


@pytest.mark.parametrize("version", KERNELS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_epoch(benchmark, case, version):
    found, arguments = {}, {}
    order = np.random.default_rng(2).permutation(SAMPLES)
    for name, kernels in KERNELS.items():
        theta, layers, X, D, weight, scratch, dtheta = start(case, SAMPLES)
        how = (
            np.full(SAMPLES // case.batch, LEARNING_RATE),
            0,
            np.zeros(SETTINGS),
            np.empty((0, theta.size), case.dtype),
        )
        arguments[name] = theta, layers, X, D, weight, order, case.batch, *how, scratch, dtheta
        found[name] = kernels.epoch(*arguments[name]), theta  # compiles, too
    assert_same(case.dtype, found["loops"], found["matrix"])

    epoch, theta, first = KERNELS[version].epoch, arguments[version][0], start(case, SAMPLES).theta
    label(benchmark, "epoch", case, version, steps=SAMPLES // case.batch)
    benchmark.pedantic(
        epoch,
        arguments[version],
        setup=lambda: np.copyto(theta, first),
        rounds=rounds_for(lambda: epoch(*arguments[version])),
    )
