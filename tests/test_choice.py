"""Which version and how many threads an epoch takes."""

import os

import numpy as np
import pytest

import fastbp
from fastbp.engine import choice, team
from fastbp.engine.shapes import VECTOR_BYTES
from fastbp.lecture import loops
from tests.cases import UNCOMPILED

SINGLE, DOUBLE = np.dtype("float32"), np.dtype("float64")


def table(*sizes):
    return fastbp.Network(sizes).layers


def test_flops_of_a_step():
    """Two for each weight and sample forward, two for its gradient, two for dE/dy, which the first layer spares."""
    assert choice.flops_of_step(table(3, 4, 2), 5) == 5 * (2 * 20 + 2 * 20 + 2 * 8)
    assert choice.flops_of_step(table(3, 2), 1) == 24


@pytest.mark.parametrize("cores", [1, 2, 8, 64])
def test_threads_are_as_many_as_pay_and_no_more_than_there_are_cores(cores, monkeypatch):
    monkeypatch.setattr(choice, "usable_cores", lambda: cores)
    layers, before = table(784, 128, 10), 0
    for batch_size in (1, 16, 64, 128, 512, 10_000):
        threads = choice.threads_for(layers, batch_size, SINGLE)
        assert 1 <= threads <= cores
        assert threads >= before
        assert threads == 1 or choice.flops_of_step(layers, batch_size) >= threads * choice.FLOPS_OF_A_THREAD
        before = threads
    assert before == cores
    assert choice.threads_for(table(4, 8, 3), 32, SINGLE) == 1


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("asked", [1, 2, 3, 1000])
def test_threads_that_are_asked_for(asked, dtype):
    """Also for the smallest work; but no thread without a vector of samples."""
    lanes = VECTOR_BYTES // dtype.itemsize
    for vectors in (1, 2, 5):
        for batch_size in (lanes * (vectors - 1) + 1, lanes * vectors):
            assert choice.threads_for(table(1, 1), batch_size, dtype, asked) == min(asked, vectors)


def test_usable_cores_are_those_of_the_process(monkeypatch):
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {3, 5, 6}, raising=False)
    assert choice.usable_cores() == 3
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert choice.usable_cores() == 7
    monkeypatch.setattr(os, "cpu_count", lambda: None)
    assert choice.usable_cores() == 1


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
def test_loops_are_for_batches_that_leave_a_vector_mostly_empty(dtype):
    layers, lanes = table(4, 8, 3), VECTOR_BYTES // dtype.itemsize
    chosen = [choice.prefers_loops(layers, batch_size, dtype) for batch_size in range(1, 2 * lanes)]
    assert chosen == sorted(chosen, reverse=True), "from some size on tiles"
    assert chosen[0] == (lanes > 2)
    assert not any(chosen[lanes - 1 :])


def taken(monkeypatch, cores, batch_size, **how):
    """(version, threads of the team) of a training on a machine with so many cores."""
    found, whole = [], team.Team.run
    monkeypatch.setattr(choice, "usable_cores", lambda: cores)
    monkeypatch.setattr(choice, "FLOPS_OF_A_THREAD", 1)
    monkeypatch.setattr(team.Team, "run", lambda self, *a: found.append(("tiles", self.threads)) or whole(self, *a))
    monkeypatch.setattr(loops, "epoch", lambda *a, kernel=loops.epoch: found.append(("loops", 1)) or kernel(*a))
    X = np.random.default_rng(0).normal(size=(batch_size, 3))
    network = fastbp.Network((3, 4, 2))
    fastbp.train(network, X, np.eye(2)[np.arange(batch_size) % 2], epochs=1, batch_size=batch_size, **how)
    return found, network.theta.tobytes()


@pytest.mark.parametrize("batch_size", [1, 2, 5, 16, 33, 64])
def test_the_version_and_the_bits_do_not_depend_on_the_threads(batch_size, monkeypatch):
    """Nor on the cores of the machine."""
    found = []
    for cores, threads in ((1, None), (3, None), (1, 2), (2, 1)):
        with monkeypatch.context() as patch:
            found.append(taken(patch, cores, batch_size, threads=threads))
    versions = {calls[0][0] for calls, _ in found}
    assert len(versions) == len({bits for _, bits in found}) == 1
    vectors = -(-batch_size * 4 // VECTOR_BYTES)
    if versions == {"tiles"}:
        assert [calls for calls, _ in found] == [[("tiles", min(n, vectors))] for n in (1, 3, 2, 1)]


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity") or UNCOMPILED, reason="no way to take cores away")
def test_one_usable_core_takes_no_threads():
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {min(before)})
    try:
        assert choice.threads_for(table(784, 1000, 10), 10_000, SINGLE) == 1
        assert choice.threads_for(table(784, 1000, 10), 10_000, SINGLE, 2) == 2
    finally:
        os.sched_setaffinity(0, before)


@pytest.mark.parametrize(
    ("wanted", "cores"), [("1", 1), ("2", 2), ("64", 3), ("0", 1), ("", 3), ("many", 3), ("-1", 3)]
)
def test_usable_cores_are_those_that_numba_may_use(monkeypatch, wanted, cores):
    """joblib's processes have a share each."""
    monkeypatch.setattr(choice.os, "sched_getaffinity", lambda _: {0, 2, 5}, raising=False)
    monkeypatch.setenv("NUMBA_NUM_THREADS", wanted)
    assert choice.usable_cores() == cores
