"""What `progress` shows: a bar, lines or calls; and the word about a compilation that takes long."""

import contextlib
import sys
import threading
import time

import pytest

import fastbp
from fastbp.cli.status_line import StatusLine
from fastbp.compiler import notice
from fastbp.compiler.jit import jit
from fastbp.training.progress import Bar, Calls, Lines, Silent, checked, display
from tests.cases import UNCOMPILED
from tests.test_training import samples, trained


@pytest.mark.parametrize(
    ("unit", "states", "expected"),
    [
        (
            "network", [(0, 0.0, {}), (5, 0.5, {}), (5, 1.0, {}), (9, 2.0, {}), (10, 2.5, {})],
            [
                "0 of 10 networks, 0 a second",
                "5 of 10 networks, 5 a second, 1 s left",
                "9 of 10 networks, 4 a second, 0 s left",
                "10 of 10 networks, 4 a second, 0 s left",
            ],
        ),
        (
            "epoch",
            [(1, 2.0, {"loss": 0.123456}), (2, 2.5, {"loss": 9.0}), (4, 4.0, {"loss": 0.1, "validation": 2.5})],
            [
                "1 of 10 epochs, loss 0.1235, 0 a second, 18 s left",
                "4 of 10 epochs, loss 0.1, validation 2.5, 1 a second, 6 s left",
            ],
        ),
    ],
)  # fmt: skip
def test_without_tqdm_there_are_lines_now_and_then(unit, states, expected, monkeypatch, capsys):
    """A second apart, and one at the end; the first two states of the networks are within a second."""
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with display(True, 10, unit) as shown:
        assert isinstance(shown, Lines)
        for done, seconds, figures in states:
            shown.show(done, 10, seconds, **figures)
    assert capsys.readouterr().err.splitlines() == expected


def test_a_second_training_is_shown_like_the_first(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    with display(True, 9, "epoch") as shown:
        for done, seconds in ((1, 50.0), (2, 100.0), (1, 50.0), (2, 50.5)):
            shown.show(done, 9, seconds)
    assert [line[:6] for line in capsys.readouterr().err.splitlines()] == ["1 of 9", "2 of 9", "1 of 9"]
    line = StatusLine()
    for done, loss in ((1, 5.0), (2, 1.0), (1, 9.0), (2, 8.0)):
        line.show(done, 9, 0.0, loss)
    line.close()
    assert "epoch 2: loss 8 (best in epoch 2)" in capsys.readouterr().err


def test_a_training_without_tqdm_writes_its_last_line(monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    loss = trained(*samples(), progress=True)[1].loss[-1]
    assert capsys.readouterr().err.splitlines()[-1].startswith(f"3 of 3 epochs, loss {loss:.4g}, ")


def test_without_tqdm_a_table_that_is_read_for_long_says_so(monkeypatch, capsys):
    now = [0.0]
    monkeypatch.setitem(sys.modules, "tqdm.auto", None)
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with display(True, 3, "epoch") as shown:
        for now[0], rows in ((0.5, 100), (1.5, 200), (2.0, 300), (2.5, 400)):
            shown.status(f"looked at {rows} rows")
    assert capsys.readouterr().err.splitlines() == ["looked at 200 rows", "looked at 400 rows"]


def test_a_bar_counts_epochs_without_the_rows_that_were_read_before(capsys):
    pytest.importorskip("tqdm")
    with display(True, 3, "epoch") as shown:
        shown.status("read 150 rows")
        shown.show(3, 3, 0.1, loss=0.25)
    last = capsys.readouterr().err.split("\r")[-1]
    assert "3/3" in last
    assert "read" not in last


def test_a_bar_shows_losses_and_says_what_happens(capsys):
    pytest.importorskip("tqdm")
    with display(True, 3, "epoch") as shown:
        assert isinstance(shown, Bar)
        shown.status("looking")
        shown.show(2, 3, 0.1, loss=0.25, validation=0.5)
        shown.say("something")
        shown.show(3, 3, 0.2, loss=0.125)
    out, err = capsys.readouterr()
    assert out == ""
    for text in ("looking", "something\n", "3/3", "loss=0.125"):
        assert text in err


def test_what_progress_asks_for():
    mine, told = Silent(), []
    with display(mine, 1, "epoch") as shown:
        assert shown is mine
    with display(False, 1, "epoch") as shown:
        assert type(shown) is Silent
    with display(lambda *now: told.append(now), 1, "epoch") as shown:
        assert isinstance(shown, Calls)
        shown.show(1, 2, 3.0, loss=4.0)
    assert told == [(1, 2, 3.0)]
    assert checked(mine) is mine
    with pytest.raises(TypeError, match=r"^progress must be True, False or a callable, got 1$"):
        checked(1)


def test_what_is_shown_is_closed_whatever_happens():
    closed = []
    mine = type("Mine", (Silent,), {"close": lambda self: closed.append(True)})()
    with pytest.raises(ZeroDivisionError), display(mine, 1, "epoch"):
        raise ZeroDivisionError
    assert closed == [True]


# ---- A compilation that takes long -----------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def nothing_is_told_yet(monkeypatch):
    monkeypatch.setattr(notice, "_TOLD", [])
    monkeypatch.setattr(notice, "PATIENCE", 0.05)


def wait(condition):
    """Until it is so, however busy the machine may be."""
    for _ in range(1000):
        if not condition():
            time.sleep(0.01)
    assert condition()


def test_the_first_compilation_that_takes_long_is_told_of_once():
    told = []
    with notice.told_by(told.append):
        with notice.compiling():
            wait(lambda: told)
        with notice.compiling():
            time.sleep(0.2)
    with notice.told_by(told.append), notice.compiling():
        time.sleep(0.2)
    assert told == [notice.MESSAGE]


def test_a_short_compilation_is_not_told_of(monkeypatch):
    monkeypatch.setattr(notice, "PATIENCE", 60.0)
    told = []
    with notice.told_by(told.append), notice.compiling():
        assert any(isinstance(thread, threading.Timer) and thread.daemon for thread in threading.enumerate())
    wait(lambda: not any(isinstance(thread, threading.Timer) for thread in threading.enumerate()))
    assert told == []


def test_long_is_more_than_a_second(monkeypatch):
    monkeypatch.undo()
    assert notice.PATIENCE == 1.0
    assert notice.MESSAGE.startswith("compiling for this machine, which takes some seconds")


def test_nobody_is_told_where_nobody_watches():
    told = []
    with notice.told_by(told.append):
        pass
    for nobody in (contextlib.nullcontext(), notice.told_by(None)):
        with nobody, notice.compiling():
            time.sleep(0.2)
    assert told == []


@pytest.mark.parametrize("deaf", [lambda *now: None, Silent(), False], ids=["a callable", "Silent", "False"])
def test_what_a_display_that_says_nothing_was_told_is_told_to_others(deaf):
    outer = []
    with display(deaf, 1, "epoch"), notice.compiling():
        time.sleep(0.2)
    with notice.told_by(outer.append), display(deaf, 1, "epoch"), notice.compiling():
        wait(lambda: outer)
    assert outer == [notice.MESSAGE]


def test_what_could_not_be_told_is_told_later():
    told = []
    with notice.told_by(lambda message: 1 / 0), pytest.raises(ZeroDivisionError):
        notice._tell()
    with notice.told_by(told.append):
        notice._tell()
        notice._tell()
    assert told == [notice.MESSAGE]


def test_who_watches_last_is_told():
    outer, inner = [], []
    with notice.told_by(outer.append), notice.told_by(inner.append), notice.compiling():
        wait(lambda: inner)
    assert (outer, inner) == ([], [notice.MESSAGE])
    assert not notice._TELLERS


def test_a_problem_of_the_compiler_is_passed_on_and_leaves_no_timer(monkeypatch):
    monkeypatch.setattr(notice, "PATIENCE", 60.0)
    with notice.told_by(print), pytest.raises(ZeroDivisionError), notice.compiling():
        raise ZeroDivisionError
    wait(lambda: not any(isinstance(thread, threading.Timer) for thread in threading.enumerate()))


class AtOnce:
    """A timer whose time is over when it starts."""

    def __init__(self, seconds, call):
        self.start, self.cancel = call, lambda: None


@pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled")
@pytest.mark.parametrize("progress", [True, False])
def test_a_training_that_compiles_says_so_where_progress_is_shown(progress, monkeypatch, capsys):
    """A kernel is compiled, or read from the cache, after the first epoch, on a clock that is very fast."""
    monkeypatch.setattr(threading, "Timer", AtOnce)

    @jit
    def kernel(x):
        """Sums, so that the compiler has something to do."""
        total = 0.0
        for i in range(x.size):
            total += x[i] * x[i]
        return total

    compiled = []

    def compiles(state):
        if not compiled:
            compiled.append(kernel(fastbp.Network((2, 2), dtype="float64").theta))

    trained(*samples(), callbacks=compiles, progress=progress)
    assert len(compiled) == 1
    assert capsys.readouterr().err.count(notice.MESSAGE) == progress
