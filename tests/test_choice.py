"""Which version and how many threads an epoch takes."""

import numpy as np
import pytest

import fastbp
from fastbp.engine import entries as epoch
from fastbp.engine import heuristics, team
from fastbp.engine.simd.shapes import VECTOR_BYTES
from fastbp.lecture import entries as loops

SINGLE, DOUBLE = np.dtype("float32"), np.dtype("float64")


def table(*sizes):
    return fastbp.Network(sizes, output="identity").layers


def test_flops_of_a_step():
    """Two for each weight and sample forward, two for its gradient, two for dE/dy, which the first layer spares."""
    assert heuristics.flops_of_step(table(3, 4, 2), 5) == 5 * (2 * 20 + 2 * 20 + 2 * 8)
    assert heuristics.flops_of_step(table(3, 2), 1) == 24


@pytest.mark.parametrize("cores", [1, 2, 8, 64])
def test_threads_are_as_many_as_pay_and_no_more_than_there_are_cores(cores, monkeypatch):
    monkeypatch.setattr(heuristics, "usable_cores", lambda: cores)
    layers, before = table(784, 128, 10), 0
    for batch_size in (1, 16, 64, 128, 512, 10_000):
        threads = heuristics.threads_for(layers, batch_size, SINGLE)
        assert 1 <= threads <= cores
        assert threads >= before
        assert threads == 1 or heuristics.flops_of_step(layers, batch_size) >= threads * heuristics.FLOPS_OF_A_THREAD
        before = threads
    assert before == cores
    assert heuristics.threads_for(table(4, 8, 3), 32, SINGLE) == 1


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
@pytest.mark.parametrize("asked", [1, 2, 3, 1000])
def test_threads_that_are_asked_for_are_an_upper_limit(asked, dtype, monkeypatch):
    """Also for the smallest work; but no thread without a vector of samples, or without a core."""
    monkeypatch.setattr(heuristics, "usable_cores", lambda: 4)
    lanes = VECTOR_BYTES // dtype.itemsize
    for vectors in (1, 2, 5):
        for batch_size in (lanes * (vectors - 1) + 1, lanes * vectors):
            assert heuristics.threads_for(table(1, 1), batch_size, dtype, asked) == min(asked, vectors, 4)


@pytest.mark.parametrize("dtype", [SINGLE, DOUBLE])
def test_loops_are_for_batches_that_leave_a_vector_mostly_empty(dtype):
    layers, lanes = table(4, 8, 3), VECTOR_BYTES // dtype.itemsize
    chosen = [heuristics.prefers_loops(layers, batch_size, dtype) for batch_size in range(1, 2 * lanes)]
    assert chosen == sorted(chosen, reverse=True), "from some size on tiles"
    assert chosen[0]
    assert not any(chosen[lanes - 1 :])


def taken(monkeypatch, cores, batch_size, **how):
    """(version, most threads of the team) of a training on a machine with so many cores."""
    found = []
    monkeypatch.setattr(heuristics, "usable_cores", lambda: cores)
    monkeypatch.setattr(heuristics, "FLOPS_OF_A_THREAD", 1)
    monkeypatch.setattr(epoch, "epoch", lambda *a, kernel=epoch.epoch: found.append("tiles") or kernel(*a))
    few = epoch.epoch_of_few
    monkeypatch.setattr(epoch, "epoch_of_few", lambda *a: found.append("few") or few(*a))
    monkeypatch.setattr(loops, "epoch", lambda *a, kernel=loops.epoch: found.append("loops") or kernel(*a))
    monkeypatch.setattr(team, "Team", lambda most, team=team.Team: found.append(most) or team(most))
    X = np.random.default_rng(0).normal(size=(batch_size, 3))
    network = fastbp.Network((3, 4, 2))
    fastbp.train(network, X, np.eye(2)[np.arange(batch_size) % 2], epochs=1, batch_size=batch_size, **how)
    return found, network.theta.tobytes()


@pytest.mark.parametrize("batch_size", [1, 2, 5, 16, 33, 64])
def test_the_version_and_the_bits_do_not_depend_on_the_threads(batch_size, monkeypatch):
    """Nor on the cores of the machine."""
    found = []
    for cores, threads in ((1, None), (3, None), (8, 2), (2, 1)):
        with monkeypatch.context() as patch:
            found.append(taken(patch, cores, batch_size, threads=threads))
    versions = {calls[-1] for calls, _ in found}
    assert len(versions) == len({bits for _, bits in found}) == 1
    vectors = -(-batch_size * 4 // VECTOR_BYTES)
    if versions == {"tiles"}:
        assert [calls[0] for calls, _ in found] == [min(n, vectors) for n in (1, 3, 2, 1)]


def test_threads_for_outputs(monkeypatch):
    """As many as have work for longer than their start takes, none without a chunk, and no more than cores."""
    monkeypatch.setattr(heuristics, "usable_cores", lambda: 3)
    layers = table(100, 100, 10)
    flops = heuristics.flops_of_outputs(layers, 1)
    assert flops == 2 * 11_000
    enough = int(heuristics.FLOPS_OF_A_START / flops) + 1
    found = [heuristics.threads_for_outputs(layers, n, 200) for n in (1, enough, 2 * enough, 10 * enough)]
    assert found == [1, 1, 2, 3]
    assert [heuristics.threads_for_outputs(layers, n, 200, threads=2) for n in (200, 201, 10**6)] == [1, 2, 2]
