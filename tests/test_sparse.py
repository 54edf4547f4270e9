"""Sparse samples: the loop over what is stored, its twin, and trainings that are those of the same samples, dense."""

import numpy as np
import pytest

from fastbp.engine import evaluation, heuristics
from fastbp.lecture import codes, loops, matrix
from fastbp.lecture.layout import rated, scratch_for
from fastbp.threads.slices import Whole
from fastbp.training.runner import EpochRunner, shape_of_moments
from fastbp.training.sparse_runner import SparseRunner, arrange
from tests.cases import DTYPES, UNCOMPILED, Case, assert_close

ADAM = {
    codes.RULE: codes.ADAM, codes.FIRST_DECAY: 0.9, codes.SECOND_DECAY: 0.999, codes.EPSILON: 1e-3,
    codes.PER_SAMPLE: 1,
}  # fmt: skip
HOW = {
    "sgd": {codes.RULE: codes.SGD},
    "sgd, l2": {codes.RULE: codes.SGD, codes.L2: 0.3},
    "momentum, l1": {codes.RULE: codes.MOMENTUM, codes.FIRST_DECAY: 0.9, codes.L1: 0.1},
    "nesterov, clipped": {codes.RULE: codes.NESTEROV, codes.FIRST_DECAY: 0.9, codes.L2: 0.1, codes.CLIP_NORM: 0.1},
    "rprop": {
        codes.RULE: codes.RPROP,
        codes.SHRINKING: 0.5,
        codes.GROWING: 1.2,
        codes.LEAST_SIZE: 0.1,
        codes.LARGEST_SIZE: 2,
    },
    "rmsprop, limited": {codes.RULE: codes.RMSPROP, codes.SECOND_DECAY: 0.9, codes.EPSILON: 1e-3, codes.MAX_NORM: 0.9},
    "adam": ADAM,
    "adam, l2": ADAM | {codes.L2: 0.5},
    "adam, l2 of a step, short form": ADAM | {codes.L2: 0.5, codes.PER_SAMPLE: 0, codes.EPSILON_HAT: 1},
    "adam, l1 and l2": ADAM | {codes.L2: 0.5, codes.L1: 0.1},
    "adam, l2, clipped": ADAM | {codes.L2: 0.5, codes.CLIP_NORM: 0.1},
    "adamw": ADAM | {codes.RULE: codes.ADAMW, codes.WEIGHT_DECAY: 0.1, codes.L2: 0.5},
    "no step": {codes.RULE: codes.NO_STEP},
}


# ---- The formula -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("n", "N", "j"), [(0, 3, 2), (1, 1, 1), (5, 3, 17), (40, 20, 33)])
def test_the_loop_over_stored_numbers_equals_its_twin_and_the_whole_sum(n, N, j, dtype):
    rng = np.random.default_rng(n)
    x, w, u = (rng.normal(size=shape).astype(dtype) for shape in (n, (N, j), j))
    rows, dense, found = rng.integers(0, N, n), np.zeros(N, dtype), [u.copy(), u.copy(), u.copy()]
    np.add.at(dense, rows, x)
    loops.add_stored(x, rows, w, found[0])
    matrix.add_stored(x, rows, w, found[1])
    loops.weighted_sum(dense, np.ascontiguousarray(w.T), u, found[2])
    assert_close(found[0], found[1], dtype, times=10)
    assert_close(found[0], found[2], dtype, times=10)


# ---- An epoch --------------------------------------------------------------------------------------------------------


def sparse_case(sizes, dtype, samples=23, **more):
    """A case most of whose inputs are 0, with weights, and its X in CSR form."""
    case = Case(sizes, dtype=dtype, samples=samples, **more)
    rng = np.random.default_rng(1)
    case.X = np.where(rng.random(case.X.shape) < 0.2, case.X, 0).astype(dtype)
    case.X[3] = 0  # a sample that stores nothing
    case.weight = rng.integers(0, 3, samples).astype(dtype)
    _, inputs = np.nonzero(case.X)
    starts = np.concatenate([[0], np.cumsum((case.X != 0).sum(axis=1))])
    case.stored = starts, inputs.astype(np.int32), case.X[case.X != 0]
    for array in (case.X, case.weight, *case.stored):
        array.flags.writeable = False
    return case


def epoch(case, how, batch_size, kind=SparseRunner, threads=1, epochs=2, **more):
    """theta, the moments as theta lies, the report and the gradient after some epochs."""
    settings, theta, sparse = np.zeros(codes.SETTINGS), case.theta.copy(), kind is SparseRunner
    settings[list(how)] = list(how.values())
    moments, batches = np.zeros(shape_of_moments(2, theta, case.layers), case.dtype), -(-case.samples // batch_size)
    report, rates = np.empty((batches, codes.REPORTED)), np.full(batches, 0.1)
    more |= {"stored": 1e3, "theta_stays": True} if sparse else {}
    with kind(theta, case.layers, batch_size, settings, moments, threads=threads, **more) as runner:
        if threads > 1:
            runner._slices = Whole(threads)
        for number in range(epochs):
            X = case.stored if sparse else case.X
            runner.run(X, case.D, case.weight, case.rows, rates, number * batches, report)
        gradient = runner.gradient.copy()
    if sparse:
        arrange(moments, case.layers, False)
    return theta, moments, report, gradient


@pytest.mark.parametrize("version", ["matrix", "tiles"])
@pytest.mark.parametrize("how", HOW.values(), ids=HOW)
def test_an_epoch_is_that_of_the_same_samples_dense(how, version):
    case = sparse_case((37, 9, 3), "float64")
    *found, gradient = epoch(case, how, 8)
    *expected, of_all = epoch(case, how, 8, EpochRunner, version=version)
    for a, b in zip(found, expected, strict=True):
        assert_close(a, b, "float64", times=100)
    if how[codes.RULE] == codes.NO_STEP:
        assert_close(gradient, of_all, "float64", times=10)
        assert np.count_nonzero(gradient) > 50


@pytest.mark.parametrize("how", [how for how in HOW if how != "no step"])
def test_rates_of_their_own_and_a_diagonal(how):
    """The last row of the moments are the weights and the factors that the rule has changed."""
    case = sparse_case((37, 9, 3), "float64")
    case.layers = rated(case.layers, [[0.5, 0.1], [2, 0]], 6.0)
    theta, moments, report, _ = epoch(case, HOW[how], 8)
    assert (moments[-1, case.theta.size : case.theta.size + 37] != 1).sum() > 20
    expected = epoch(case, HOW[how], 8, EpochRunner, version="matrix")
    for a, b in zip((theta, moments, report), expected[:3], strict=True):
        assert_close(a, b, "float64", times=100)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("batch_size", [1, 10, 23])
@pytest.mark.parametrize("sizes", [(5, 3), (1, 1, 1), (40, 17, 16, 2), (3, 33, 1)], ids=str)
def test_sizes(sizes, batch_size, dtype):
    case = sparse_case(sizes, dtype, output="sigmoid")
    found = epoch(case, HOW["adam, l2"], batch_size)
    expected = epoch(case, HOW["adam, l2"], batch_size, EpochRunner, version="matrix")
    for a, b in zip(found[:3], expected[:3], strict=True):
        assert_close(a, b, dtype, times=1000)
    Y = evaluation.sparse_outputs(case.theta, case.layers, case.stored)
    rows = np.empty_like(Y)
    matrix.predict(case.theta, case.layers, case.X, scratch_for(case.layers, case.samples, dtype), rows)
    assert_close(Y, rows, dtype, times=10)


def test_dropout_leaves_out_the_same_units():
    case = sparse_case((37, 9, 3), "float64")
    how = HOW["adam, l2"] | {codes.DROPOUT: 0.4, codes.SEED: 7}
    for a, b in zip(epoch(case, how, 8)[:3], epoch(case, how, 8, EpochRunner, version="tiles")[:3], strict=True):
        assert_close(a, b, "float64", times=100)


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.parametrize("diagonal", [None, 6.0])
@pytest.mark.parametrize("how", [HOW["adam, l2"], HOW["nesterov, clipped"], HOW["rmsprop, limited"]])
def test_the_bits_do_not_depend_on_the_threads(how, diagonal, monkeypatch):
    monkeypatch.setattr(heuristics, "usable_cores", lambda: 3)
    case = sparse_case((700, 40, 20, 3), "float64", samples=300)
    case.layers = rated(case.layers, None, diagonal)
    found = [epoch(case, how, 130, threads=threads) for threads in (1, 2, 3)]
    for others in found[1:]:
        for a, b in zip(found[0][:3], others[:3], strict=True):
            np.testing.assert_array_equal(a, b)
