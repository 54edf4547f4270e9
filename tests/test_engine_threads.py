"""Threads that share an epoch: the same bits however many there are and whatever else goes on."""

import os
import signal
import subprocess
import sys
import threading
import time
import warnings

import numpy as np
import pytest

import fastbp
from fastbp.engine import entries as epoch
from fastbp.engine import evaluation, heuristics, team, workspace
from fastbp.lecture.codes import CLIP_NORM, DROPOUT, L1, L2, MAX_NORM, SEED
from fastbp.training import runner
from fastbp.training.configuration import TrainingConfiguration
from fastbp.training.train import task_of, train_alone
from tests.cases import UNCOMPILED, Case
from tests.engine_cases import HOW, Changing, Tiles, after, network_and_data, none_left
from tests.test_updates import RULES, by, settings_of

MOST_THREADS = 2 if UNCOMPILED else 5
BATCH = 8 if UNCOMPILED else 96
LIMITS = {L1: 0.001, L2: 0.01, MAX_NORM: 0.8, CLIP_NORM: 0.05, DROPOUT: 0.25, SEED: 12345}


@pytest.fixture(autouse=True)
def no_thread_is_left():
    with none_left():
        yield


# ---- The same bits ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rule", RULES)
def test_same_bits_for_any_number_of_threads(rule, dtype, monkeypatch):
    """All penalties and limits, several blocks of squares, more threads than cores."""
    if UNCOMPILED:
        monkeypatch.setattr(workspace, "FEWEST", 16)
    sizes, samples = ((3, 5, 2), 20) if UNCOMPILED else ((40, 65, 47, 3), 250)
    case = Case(sizes, ("tanh", "gelu")[: len(sizes) - 2], dtype=dtype, samples=samples)
    found = set()
    for threads in range(1, MOST_THREADS + 1):
        moments = np.full((2, case.theta.size), 0.1, dtype)
        settings = settings_of(RULES[rule], **by(LIMITS))
        E, theta = case.epoch(Tiles(threads), BATCH, 0.05, settings, moments, first_step=3)
        found.add((E, theta.tobytes(), moments.tobytes()))
    assert len(found) == 1


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.parametrize("batch_size", [17, 64, 700])
def test_same_bits_for_any_number_of_threads_in_chunks(batch_size):
    """A batch of 700 takes three chunks, and one of 17 has less vectors than there are threads."""
    case = Case((20, 33, 5), samples=701, dtype="float32")
    found = [case.epoch(Tiles(threads), batch_size, 0.1) for threads in (1, 2, 3, 5)]
    assert {(E, theta.tobytes()) for E, theta in found} == {(found[0][0], found[0][1].tobytes())}


SCRIPT = f"""
import hashlib, numpy as np, fastbp
def digest(threads, epochs=3, samples={70 if UNCOMPILED else 300}):
    X = np.sin(np.arange(samples * 6.0)).reshape(-1, 6)
    network = fastbp.Network((6, 20, 3), "tanh")
    fastbp.train(network, X, np.eye(3)[np.arange(samples) % 3], epochs=epochs, version="tiles",
                 batch_size={35 if UNCOMPILED else 64}, optimizer=fastbp.Adam(0.01), clip_norm=0.1, max_norm=1.0,
                 dropout=0.1, threads=threads)
    return hashlib.sha256(network.theta.tobytes()).hexdigest()
"""
exec(compile(SCRIPT, __file__, "exec"))  # `digest`, here and in other processes


def test_same_bits_in_another_process():
    printed = {
        subprocess.run(
            [sys.executable, "-c", f"{SCRIPT}\nprint(digest({threads}))"], capture_output=True, text=True, check=True
        ).stdout.strip()
        for threads in (1, 2)
    }
    assert printed == {digest(1)}  # noqa: F821


def test_same_bits_whatever_other_threads_train():
    """Two networks of other sizes are trained all the while, by two threads each."""
    expected, found, stop = digest(1), [], threading.Event()  # noqa: F821

    def others(samples):
        while not stop.is_set():
            digest(2, 1, samples)  # noqa: F821

    def ours():
        found.append(digest(2))  # noqa: F821

    busy = [threading.Thread(target=others, args=(60 + n,)) for n in range(2)]
    for thread in busy:
        thread.start()
    mine = [threading.Thread(target=ours) for _ in range(3)]
    for thread in mine:
        thread.start()
    for thread in mine:
        thread.join()
    stop.set()
    for thread in busy:
        thread.join()
    assert found == [expected] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_trains_after_its_parent_did():
    expected = digest(2)  # noqa: F821
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of threads, of which none is left
        child = os.fork()
    if child == 0:
        signal.alarm(60)
        try:
            os.write(writing, digest(2).encode())  # noqa: F821
        finally:
            os._exit(0)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        assert pipe.read() == expected
    assert os.waitpid(child, 0)[1] == 0
    assert digest(2) == expected  # noqa: F821


@pytest.mark.parametrize("version", ["tiles", "loops"])
def test_same_bits_when_the_threads_change_with_every_mini_batch(version, monkeypatch):
    most, found = 2 if UNCOMPILED else 5, set()
    monkeypatch.setattr(heuristics, "threads_for", lambda *how: most)
    for counts in ([1], [most, 1], [*range(1, most + 1), most, 1, 1]):
        slices = Changing(*(counts if version == "tiles" else [1]))
        monkeypatch.setattr(runner, "Slices", lambda *how, slices=slices: slices)
        network, X, D = network_and_data()
        validation = range(0, len(X), 2)
        history = fastbp.train(
            network, X, D, epochs=3, batch_size=HOW["batch_size"], version=version, validation_rows=validation
        )
        found.add((network.theta.tobytes(), *history.loss, *history.validation_loss))
        assert len(slices.made) == 3 * -(-len(X) // HOW["batch_size"])
    assert len(found) == 1


def test_same_outputs_for_any_number_of_threads():
    network, X, _ = network_and_data()
    X = np.ascontiguousarray(np.tile(X, (1, 1) if UNCOMPILED else (3, 1)), np.float32)
    X.flags.writeable = False
    expected = network.predict(X)
    for threads in (2, 3):
        slices = Changing(threads, 1, 2)
        np.testing.assert_array_equal(
            evaluation.outputs(network.theta, network.layers, X, threads, slices=slices), expected
        )


def test_no_more_threads_than_asked_for(monkeypatch):
    seen = []
    monkeypatch.setattr(
        epoch, "epoch", lambda *args, kernel=epoch.epoch: seen.append(threading.get_ident()) or kernel(*args)
    )
    monkeypatch.setattr(heuristics, "usable_cores", lambda: 8)
    for threads in (1, 2, 3):
        digest(threads, epochs=2)  # noqa: F821
        assert len(set(seen)) <= threads
        assert threading.get_ident() in seen
        seen.clear()


# ---- Who waits for whom ----------------------------------------------------------------------------------------------


@pytest.fixture
def two_threads(monkeypatch):
    """Trainings take two threads, on whatever machine."""
    monkeypatch.setattr(heuristics, "threads_for", lambda *how: 2)
    monkeypatch.setattr(runner, "Slices", lambda *how: Changing(2))


@pytest.mark.parametrize("comes", ["never", "when all is done"])
def test_nobody_waits_for_a_thread_with_nothing_in_hand(comes, two_threads, monkeypatch):
    """A helper is put aside before it takes a piece: the training ends without it, and what it has made stays."""
    expected, late, came, go_on = after(2, 1), [], threading.Event(), threading.Event()

    def put_aside(*args, kernel=epoch.epoch):
        if args[-1][2] > 0:
            came.set()
            late.append(go_on.wait(60))
        assert came.wait(60)
        return kernel(*args) if args[-1][2] == 0 or comes != "never" else None

    monkeypatch.setattr(epoch, "epoch", put_aside)
    network, X, D = network_and_data()
    fastbp.train(network, X, D, epochs=2, **HOW)
    assert network.theta.tobytes() == expected
    assert not late
    go_on.set()
    for _ in range(100):
        if not late:
            time.sleep(0.02)
    assert late == [True]
    time.sleep(0.05)  # now the helper would do harm
    assert network.theta.tobytes() == expected


def test_a_training_that_pauses_has_nobody_at_work(two_threads, monkeypatch):
    """Between slices the helper sleeps: it is not inside of the kernel, and waits for a wake-up."""
    inside, teams, run = [], [], team.Team.run
    monkeypatch.setattr(team.Team, "run", lambda self, *a, **how: teams.append(self) or run(self, *a, **how))

    def rates(steps, total):
        if teams:  # between two epochs
            state = teams[-1]._state
            for _ in range(200):
                busy = any(state.inside) or not all(wake.empty() for wake in state.wake)
                if busy:
                    time.sleep(0.01)
            inside.append(busy)
        return np.full(len(steps), 0.1)

    schedule = type("Paused", (fastbp.Schedule,), {"rates": lambda self, steps, total: rates(steps, total)})
    network, X, D = network_and_data()
    fastbp.train(network, X, D, epochs=4, optimizer=fastbp.SGD(schedule()), **HOW)
    assert inside == [False] * 3


def test_a_training_that_is_told_to_end_does_so_within_an_epoch(monkeypatch):
    """It has the last whole epoch then."""
    network, X, D = network_and_data()
    asked, slices = [], Changing(1)
    monkeypatch.setattr(runner, "Slices", lambda *how: slices)
    X, D = (array.astype(np.float32) for array in (X, D))
    options = dict.fromkeys(("l1", "l2", "dropout", "label_smoothing", "min_delta"), 0.0) | {
        "epochs": 9, "batch_size": HOW["batch_size"], "optimizer": fastbp.SGD(0.1), "max_norm": None, "clip_norm": None,
        "shuffle": True, "seed": 0, "rows": None, "validation_rows": None, "patience": None, "callbacks": None,
        "rate_factors": None, "diagonal": None,
    }  # fmt: skip
    steps = -(-len(X) // HOW["batch_size"])
    last = 2 * steps + 1 if steps > 1 else 2
    weight = np.ones(len(X), X.dtype)
    how = TrainingConfiguration(network, options, weight, len(X))
    for array in (X, D, weight):
        array.flags.writeable = False

    def should_continue(epochs):
        asked.append(None)
        return len(asked) < last

    history = train_alone(task_of(how, X, D, weight), version="tiles", should_continue=should_continue)
    assert (len(history.loss), history.outcome) == (2, "interrupted")
    assert len(slices.made) == last + (steps > 1)  # it is asked when a slice that is not the first begins
    assert network.theta.tobytes() == after(2, 1)


def test_divergence_is_seen_with_threads():
    network, X, D = network_and_data()
    with pytest.raises(fastbp.Diverged):
        fastbp.train(network, X * 1e30, D, epochs=3, threads=2, optimizer=fastbp.SGD(1e20), **HOW)
