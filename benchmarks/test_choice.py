"""Does the engine take the fastest way? A step by loops, by tiles on one thread and on all cores, and by its choice.

Cases lie around the crossovers: few samples in a mini-batch, where a vector of samples is mostly empty, and steps just
large enough to share. The choice is one of the other three, so it should lose nothing to the best of them but where two
are about as fast. All ways take turns, epoch by epoch, because the speed of a processor drifts, and they share theta
and the samples, because where large arrays lie in memory can make 15 %. The figures in engine/heuristics.py come from
here.
"""

import contextlib
import statistics
import time
from functools import partial

import numpy as np
import pytest

from benchmarks.cases import LEARNING_RATE, LONG_CALLS, Case, assert_same, start
from fastbp.engine import heuristics
from fastbp.lecture.codes import REPORTED, SETTINGS
from fastbp.training.runner import EpochRunner

FEW = [
    Case(sizes, activation, output, batch, dtype)
    for sizes, activation, output in [
        ((4, 8, 3), "relu", "softmax"),
        ((10, 32, 1), "sigmoid", "identity"),
        ((64, 64, 10), "relu", "softmax"),
        ((784, 100, 10), "relu", "softmax"),
    ]
    for dtype in ("float32", "float64")
    for batch in (1, 2, 3, 4, 5, 6, 8, 16, 32)
]
MANY = [
    Case(sizes, "relu", "softmax", batch, dtype)
    for sizes, batches in [
        ((64, 64, 10), (64, 256, 1024)),
        ((784, 100, 10), (16, 32, 64, 128)),
        ((784, 128, 10), (128,)),
    ]
    for batch in batches
    for dtype in ("float32", "float64")
]
SECONDS = 0.2  # of a case, all ways together

pytestmark = LONG_CALLS


def samples_of(case, milliseconds):
    """Whole mini-batches: an epoch of about so long at 50 GFLOP/s, of 4 steps at least and 1024 at most."""
    flops = heuristics.flops_of_step(start(case, 1).layers, case.batch)
    return max(4, min(int(milliseconds * 5e7 / flops), 1024)) * case.batch


def ways(cores):
    """Arguments `version` and `threads` of `EpochRunner`."""
    return {"loops": ("loops", 1), "tiles": ("tiles", 1), "shared": ("tiles", cores), "engine": ("engine", None)}


def timed_turn(runs, theta, first, how, times):
    """An epoch by each way from the parameters `first`, each time a different one at the beginning."""
    names = list(runs)
    shift = len(times["engine"]) % len(names)
    for name in names[shift:] + names[:shift]:
        np.copyto(theta, first)
        begin = time.perf_counter()
        runs[name](*how)
        times[name].append(time.perf_counter() - begin)


def measure(case, cores, milliseconds, benchmark):
    """Median seconds of a step by each way, whose results have been compared."""
    samples = samples_of(case, milliseconds)
    order = np.random.default_rng(2).permutation(samples)
    steps = samples // case.batch
    how = order, np.full(steps, LEARNING_RATE), 0, np.empty((steps, REPORTED))
    theta, layers, X, D, weight, *_ = start(case, samples)
    first = theta.copy()
    plain = np.zeros(SETTINGS), np.empty((0, theta.size), case.dtype)
    with contextlib.ExitStack() as stack:
        runs, found = {}, []
        for name, (version, threads) in ways(cores).items():
            epochs = stack.enter_context(
                EpochRunner(theta, layers, case.batch, *plain, version=version, threads=threads)
            )
            runs[name] = partial(epochs.run, X, D, weight)
            np.copyto(theta, first)
            few = order[: 4 * case.batch]  # rounding grows: 256 steps of 784-100-10 in float32 differ by 5e-4
            found.append((runs[name](few, *how[1:]), theta.copy()))  # compiles, too
        for other in found[1:]:
            assert_same(case.dtype, found[0], other)
        begin = time.perf_counter()
        timed_turn(runs, theta, first, how, {name: [] for name in runs})
        rounds = max(12, min(400, int(SECONDS / (time.perf_counter() - begin))))
        times = {name: [] for name in runs}
        benchmark.pedantic(timed_turn, (runs, theta, first, how, times), rounds=rounds)
    return {name: statistics.median(seconds) / steps for name, seconds in times.items()}


def label(benchmark, what, case, cores):
    _, layers, *_ = start(case, 1)
    dtype = np.dtype(case.dtype)
    benchmark.group = what
    benchmark.extra_info.update(
        what=what,
        sizes=case.sizes,
        batch=case.batch,
        dtype=case.dtype,
        cores=cores,
        flops=heuristics.flops_of_step(layers, case.batch),
        loops=bool(heuristics.prefers_loops(layers, case.batch, dtype)),
        threads=heuristics.threads_for(layers, case.batch, dtype),
    )


@pytest.mark.parametrize("case", FEW, ids=str)
def test_few_samples(benchmark, all_cores, case):
    label(benchmark, "few samples", case, all_cores)
    benchmark.extra_info["seconds"] = measure(case, all_cores, 1, benchmark)


@pytest.mark.parametrize("case", MANY, ids=str)
def test_many_samples(benchmark, all_cores, case):
    label(benchmark, "many samples", case, all_cores)
    benchmark.extra_info["seconds"] = measure(case, all_cores, 20, benchmark)
