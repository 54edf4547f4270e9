"""An epoch of training: the figure that counts, and the one where all versions are at their best.

One call makes all steps. The compiled versions never return to Python in between, the matrix version makes its views
and gathers the shuffled samples once. Each round starts from the same parameters, so all rounds of all versions do the
same work. The tiles run on one thread. Time per step = time / `steps` in the extra info.
"""

import contextlib
from functools import partial

import numpy as np
import pytest

from benchmarks.cases import CASES, LEARNING_RATE, LONG_CALLS, assert_same, label, rounds_for, start
from fastbp.lecture.codes import REPORTED, SETTINGS
from fastbp.training.runner import EpochRunner

SAMPLES = 1024
VERSIONS = ["loops", "matrix", "tiles"]

pytestmark = LONG_CALLS


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("case", CASES, ids=str)
def test_epoch(benchmark, case, version):
    steps = SAMPLES // case.batch
    how = np.random.default_rng(2).permutation(SAMPLES), np.full(steps, LEARNING_RATE), 0, np.empty((steps, REPORTED))
    with contextlib.ExitStack() as stack:
        found, runs = [], {}
        for name in VERSIONS:
            theta, layers, X, D, weight, *_ = start(case, SAMPLES)
            plain = np.zeros(SETTINGS), np.empty((0, theta.size), case.dtype)
            epochs = stack.enter_context(EpochRunner(theta, layers, case.batch, *plain, version=name, threads=1))
            runs[name] = partial(epochs.run, X, D, weight), theta
            found.append((runs[name][0](*how), theta))  # compiles, too
        for other in found[1:]:
            assert_same(case.dtype, found[0], other)

        (epoch, theta), first = runs[version], start(case, SAMPLES).theta
        label(benchmark, "epoch", case, version, steps=steps)
        benchmark.pedantic(
            epoch, how, setup=lambda: np.copyto(theta, first), rounds=rounds_for(lambda: epoch(*how), seconds=0.4)
        )
