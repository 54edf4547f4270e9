"""Ctrl-C and problems in the threads that share an epoch: they end the training, and leave a network and no thread."""

import os
import signal
import subprocess
import sys
import threading

import pytest

import fastbp
from fastbp.engine import entries as epoch
from fastbp.engine import heuristics
from fastbp.threads.slices import Whole
from fastbp.training import runner
from tests.engine_cases import HOW, after, network_and_data, none_left


@pytest.fixture(autouse=True)
def no_thread_is_left():
    with none_left():
        yield


@pytest.fixture(autouse=True)
def ctrl_c_interrupts():
    """Also where the tests run in the background of a shell, which makes its jobs ignore Ctrl-C."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize(("threads", "who"), [(1, 0), (2, 0), (2, 1)])
def test_an_interrupted_epoch_leaves_the_last_whole_one(threads, who, when, monkeypatch):
    """Ctrl-C while the third epoch begins or ends, in the main thread or while another thread is at work."""
    monkeypatch.setattr(heuristics, "threads_for", lambda *how: threads)
    monkeypatch.setattr(runner, "Slices", lambda *how: Whole(threads))
    network, X, D = network_and_data()
    calls = []

    def interrupted(*args, kernel=epoch.epoch):
        mine = args[-1][2] == who
        calls.extend([who] * mine)
        if mine and when == "before" and len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        result = kernel(*args)
        if mine and when == "after" and len(calls) == 3:
            signal.raise_signal(signal.SIGINT)
        return result

    monkeypatch.setattr(epoch, "epoch", interrupted)
    with pytest.warns(RuntimeWarning, match=r"^the training was interrupted after \d+ epochs$"):
        history = fastbp.train(network, X, D, epochs=5000, threads=threads, **HOW)
    monkeypatch.undo()
    assert len(calls) >= 3
    assert history.outcome == "interrupted"
    if who == 0:
        assert len(history.loss) == 2
    else:  # a helper may miss an epoch, and a signal reaches the main thread when it returns to Python
        assert 2 <= len(history.loss) < 5000
    assert network.theta.tobytes() == after(len(history.loss), threads)
    fastbp.train(network, X, D, epochs=1, threads=threads, **HOW)


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers here")
@pytest.mark.parametrize("threads", [1, 2])
def test_ctrl_c_at_any_time(threads):
    """In a process of its own, which would hang if the threads waited for each other."""
    script = f"""
import signal, sys, time, warnings
sys.path.insert(0, {os.getcwd()!r})
import fastbp, numpy as np
from tests.engine_cases import HOW, network_and_data
network, X, D = network_and_data()
fastbp.train(network, X, D, epochs=1, threads={threads}, **HOW)
def ctrl_c(number, frame):
    raise KeyboardInterrupt
signal.signal(signal.SIGALRM, ctrl_c)
interrupted = 0
warnings.simplefilter("ignore", RuntimeWarning)
for delay in np.linspace(0.0005, 0.02, 60):
    network = fastbp.Network((6, 20, 3))
    try:
        signal.setitimer(signal.ITIMER_REAL, delay)
        history = fastbp.train(network, X, D, epochs=10**6, threads={threads}, **HOW)
        interrupted += history.outcome == "interrupted" and len(history.loss) > 0
    except KeyboardInterrupt:  # in the first epoch
        interrupted += 1
    assert np.isfinite(network.theta).all()
for _ in range(100):  # what was told to end may take a moment
    if len(sys._current_frames()) > 1:
        time.sleep(0.02)
print(interrupted, len(sys._current_frames()))
"""
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=600)
    assert out.stdout == "60 1\n", out.stderr


@pytest.mark.parametrize(("who", "when"), [(0, "before"), (0, "after"), (1, "before")])
def test_a_problem_in_a_thread_is_passed_on(who, when, monkeypatch):
    """Whatever the other does, the training ends with the problem, and the network is as it was."""
    monkeypatch.setattr(heuristics, "threads_for", lambda *how: 2)
    monkeypatch.setattr(runner, "Slices", lambda *how: Whole(2))
    network, X, D = network_and_data()
    before, calls, came = network.theta.tobytes(), [], threading.Event()

    def failing(*args, kernel=epoch.epoch):
        if args[-1][2] == who:
            calls.append(who)
            if when == "before":
                came.set()
                raise MemoryError("no room")
        if who == 1:
            if args[-1][2] == 0:
                assert came.wait(60)  # or there would be nothing left for the other to fail at
            came.set()
        result = kernel(*args)
        if args[-1][2] == who:
            raise MemoryError("no room")
        return result

    monkeypatch.setattr(epoch, "epoch", failing)
    with pytest.raises(MemoryError, match="no room"):
        fastbp.train(network, X, D, epochs=3, **HOW)
    assert calls == [who]
    assert network.theta.tobytes() == before
