"""The comparison with other libraries: what its parent process does, without any of them."""

import json
import os
import time

import numpy as np
import pytest

from benchmarks import process
from benchmarks.peers import agree, contest, report
from benchmarks.peers.rows import OURS, ROWS, Row

SGD, ADAM = (Row((2, 3), "relu", 4, rule) for rule in ("SGD", "Adam"))


def test_an_epoch_is_whole_batches():
    for row in ROWS:
        assert row.samples % row.batch == 0
        assert row.samples == row.batch or row.samples >= 16 * row.batch


def test_flops_of_a_step():
    """4 multiplications forward and 4 for dE/dw with 2 x 2, then 3 x 2 x 1: u, dE/dw and dE/dy."""
    assert Row((2, 2, 1), "relu", 5, "SGD").flops == 2 * 5 * (4 + 4 + 3 * 2)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_small_differences_agree_and_large_ones_do_not(dtype):
    start, ours = [np.zeros((50, 40)), np.zeros(40)], [np.full((50, 40), 0.1), np.zeros(40)]
    near, far, one_off = ([array.copy() for array in ours] for _ in range(3))
    near[0] += 0.1 * agree.TOLERANCE[dtype] / 2
    far[0] += 0.1 * agree.TOLERANCE[dtype] * 2
    one_off[0][3, 4] = -0.1
    assert agree.difference(SGD, dtype, start, ours, near) is None
    assert "2000 of 2040" in agree.difference(SGD, dtype, start, ours, far)
    assert "1 of 2040" in agree.difference(SGD, dtype, start, ours, one_off)
    assert "2000 of 2040" in agree.difference(ADAM, dtype, start, ours, far)
    if dtype == "float32":  # a gradient that cancels down to its rounding
        assert agree.difference(ADAM, dtype, start, ours, one_off) is None


@pytest.mark.parametrize("wrong", [np.nan, np.inf, 1e-9])
def test_what_is_not_a_number_or_moved_where_nothing_should_differs(wrong):
    start, ours, theirs = [np.zeros(3)], [np.zeros(3)], [np.full(3, wrong)]
    assert "3 of 3" in agree.difference(ADAM, "float32", start, ours, theirs)


# ---- Processes -------------------------------------------------------------------------------------------------------


@pytest.fixture
def rival():
    """A process that has the functions of this file."""
    with process.Process(__name__, cores=1) as one:
        yield one


def surroundings():
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 1
    return allowed, os.environ["OMP_NUM_THREADS"], os.environ["OPENBLAS_NUM_THREADS"]


def die():
    os._exit(3)


def sleep():
    time.sleep(60)


def cannot():
    raise process.Unavailable("not here")


def test_threads_and_cores_are_set_before_a_rival_begins(rival):
    before, cores = dict(os.environ), process.all_cores()
    assert rival.ask("surroundings") == (1, "1", "1")
    assert dict(os.environ) == before
    assert process.all_cores() == cores


def test_a_rival_that_dies_is_a_failure_and_can_be_asked_again(rival):
    for _ in range(2):
        with pytest.raises(process.Failed, match=r"died \(exit code 3\)"):
            rival.ask("die")
    assert rival.ask("surroundings")


def test_a_rival_that_hangs_is_given_up(rival):
    rival.begin("sleep")
    with pytest.raises(process.NoAnswer, match=r"no answer within 0\.1 s"):
        rival.answer(0.1)


def test_a_rival_that_cannot_says_why_and_lives_on(rival):
    with pytest.raises(process.Unavailable, match="not here"):
        rival.ask("cannot")
    assert rival.process.is_alive()


def test_a_rival_that_raises_says_what():
    nobody = process.Process("benchmarks.peers.child:Rival", "nobody", 1, cores=1)
    with pytest.raises(process.Failed, match="KeyError: 'nobody'"):
        nobody.ask("lap")
    assert nobody.process is None


class Scripted:
    """A rival without a process: five laps of the same length."""

    def __init__(self, seconds, parameters):
        self.seconds, self.parameters = seconds, parameters

    def ask(self, method, *arguments):
        if method == "settle" and self.parameters is None:
            raise process.Failed("no such thing")
        return {
            "settle": {"parameters": self.parameters, "samples": 64, "epochs": 5, "steps": 10},
            "peak": 100.0,
            "lap": self.seconds,
        }[method]


@pytest.fixture
def found(monkeypatch):
    """A contest with one who is slower, one who is faster, one who trains something else, and one who fails."""
    from benchmarks.peers.problem import problem

    monkeypatch.setattr(contest, "PAUSE", {True: 0, False: 0})
    monkeypatch.setattr(contest, "has", lambda package: True)
    row = Row((2, 3), "relu", 4, "SGD")
    start = [array for pair in problem(row, "float32", 1).start() for array in pair]
    same, other = [array + 1 for array in start], [array + 2 for array in start]
    run = contest.Contest(["numpy", "jax", "torch", "sklearn"], rounds=4)
    run.processes = {
        (OURS, 1): Scripted(1e-3, same), ("numpy", 1): Scripted(2e-3, same), ("jax", 1): Scripted(5e-4, same),
        ("torch", 1): Scripted(1e-3, other), ("sklearn", 1): Scripted(1e-3, None),
    }  # fmt: skip
    result = run.row(row, "float32", 1)
    rivals = ["numpy", "jax", "torch", "torch-compiled", "sklearn"]
    return {"machine": "A machine.", "rounds": 4, "rivals": rivals, "results": [result]}


def test_a_contest_and_its_tables(found):
    result = found["results"][0]
    assert result["rivals"][OURS]["us"] == 100
    assert result["rivals"][OURS]["laps"] == [1e-3] * 4
    assert report.share(result) == pytest.approx(result["flops"] / 100e-6 / 100e9)
    text = report.render(found)
    assert "| 2-3 relu, 4, SGD | 100 | 2.0 | **0.50** | differs | - | failed | 0% |" in text
    assert "scikit-learn failed: no such thing (1 of 1 rows)" in text
    json.dumps(found)


def test_nobody_is_timed_where_ours_fails(found):
    run = contest.Contest(["numpy"], rounds=4)
    run.processes = {(OURS, 1): Scripted(1e-3, None), ("numpy", 1): Scripted(2e-3, [])}
    result = run.row(ROWS[0], "float32", 1)
    assert [rival["status"] for rival in result["rivals"].values()] == ["failed", "unavailable"]
    assert report.share(result) is None
