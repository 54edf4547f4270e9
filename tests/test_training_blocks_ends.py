"""fastbp.train on blocks: what ends it, checkpoints, and what is refused."""

import itertools

import numpy as np
import pytest

import fastbp
from fastbp.training import runner
from tests.test_training_blocks import LABELS, WEIGHT, X, cut, network, trained

# ---- What ends it ----------------------------------------------------------------------------------------------------


def closing(seen, blocks, fails=lambda epoch, block: None):
    """A function that returns a generator, which notes that it is closed, and may raise something."""
    epochs = itertools.count(1)

    def make():
        epoch = next(epochs)
        try:
            for number, block in enumerate(blocks(), start=1):
                fails(epoch, number)
                yield block
        finally:
            seen.append(epoch)

    return make


def raising(problem, *place):
    def fail(*here):
        if here == place:
            raise problem

    return fail


@pytest.mark.parametrize("epoch", [1, 3])
def test_what_the_function_raises_is_raised(epoch):
    problem, seen, made = OSError("the cable"), [], network()
    blocks = closing(seen, cut(X, LABELS), raising(problem, epoch, 2))
    with pytest.raises(OSError, match="the cable") as caught:
        fastbp.train(made, blocks=blocks, epochs=5, batch_size=8)
    assert caught.value is problem
    assert made.theta.tobytes() == trained(blocks=cut(X, LABELS), epochs=epoch - 1)[0]
    assert seen == [*range(1, epoch + 1)]


def interrupted(monkeypatch, call, problem=KeyboardInterrupt):
    """Something strikes in some call of the runner."""
    run, calls = runner.EpochRunner.run, itertools.count(1)

    def run_or_raise(*arguments):
        if next(calls) == call:
            raise problem
        return run(*arguments)

    monkeypatch.setattr(runner.EpochRunner, "run", run_or_raise)


def test_ctrl_c_in_the_first_epoch_leaves_the_network_as_it_was(monkeypatch):
    interrupted(monkeypatch, 2)
    seen, made = [], network()
    with pytest.raises(KeyboardInterrupt):
        fastbp.train(made, blocks=closing(seen, cut(X, LABELS)), batch_size=20)
    assert made.theta.tobytes() == network().theta.tobytes()
    assert seen == [1]


def test_ctrl_c_later_keeps_the_last_whole_epoch(monkeypatch):
    expected, seen = trained(blocks=cut(X, LABELS), batch_size=20, epochs=2)[0], []
    interrupted(monkeypatch, 8)
    with pytest.warns(RuntimeWarning, match="^the training was interrupted after 2 epochs$"):
        bits, history = trained(blocks=closing(seen, cut(X, LABELS)), batch_size=20, epochs=9)
    assert (bits, history.outcome, seen) == (expected, "interrupted", [1, 2, 3])


def test_the_time_limit_ends_it_between_blocks():
    passed, seen = [], []
    bits, history = trained(
        blocks=closing(seen, cut(X, LABELS), lambda *place: passed.append(place)), epochs=10**6, time_limit=1e-9
    )
    assert (bits, history.outcome) == (trained(blocks=cut(X, LABELS), epochs=1)[0], "interrupted")
    assert (passed, seen) == ([(1, 1), (1, 2), (1, 3)], [1])


def test_the_time_limit_drops_an_epoch_in_which_it_is_over(monkeypatch):
    now, seen = [0.0], []
    monkeypatch.setattr("fastbp.training.loop.time.monotonic", lambda: now[0])

    def fail(epoch, block):
        now[0] = 10.0 if (epoch, block) >= (2, 3) else 0.0

    bits, history = trained(blocks=closing(seen, cut(X, LABELS), fail), epochs=10**6, time_limit=5.0)
    assert (bits, history.outcome) == (trained(blocks=cut(X, LABELS), epochs=1)[0], "interrupted")
    assert seen == [1, 2]


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # uncompiled
def test_divergence():
    """It is not waited for the blocks after that."""
    seen, passed, made = [], [], network()
    some = closing(seen, lambda: 30 * [(1e10 * X, LABELS)], lambda *place: passed.append(place))
    with pytest.raises(fastbp.Diverged, match="diverged in epoch 1"):
        fastbp.train(made, blocks=some, optimizer=fastbp.SGD(1e38), batch_size=1)
    assert (made.theta.tobytes(), seen) == (network().theta.tobytes(), [1])
    assert len(passed) < 9


# ---- Checkpoints -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "how", [{}, {"shuffle": False, "optimizer": "adam"}, {"validation_data": (X, LABELS)}], ids=len
)
def test_a_training_goes_on_from_a_checkpoint_with_the_same_bits(how, tmp_path):
    path = tmp_path / "run"
    schedule = {"optimizer": fastbp.Adam(fastbp.StepDecay(0.1, every=11))} | how
    expected, history = trained(blocks=cut(X, LABELS), epochs=5, **schedule)
    saved = {"checkpoint": path, "checkpoint_every": 0, "resume": True}
    for epoch in (2, 2):  # of the rest
        blocks = closing([], cut(X, LABELS), raising(OSError("the cable"), epoch, 3))
        with pytest.raises(OSError, match="the cable"):
            trained(blocks=blocks, epochs=5, **schedule, **saved)
    bits, again = trained(blocks=cut(X, LABELS), epochs=5, start=8, **schedule, **saved)
    assert bits == expected == fastbp.load(path).theta.tobytes()
    assert (again.loss, again.validation_loss) == (history.loss, history.validation_loss)


@pytest.mark.parametrize(
    ("message", "how"),
    [
        ("X must be that of checkpoint", {"X": X, "D": LABELS}),
        ("validation_rows must be", {"blocks": cut(X, LABELS), "validation_data": (X + 1, LABELS)}),
        ("learning_rate must be", {"optimizer": fastbp.SGD(fastbp.StepDecay(0.1, every=10**6 + 1))}),
    ],
)
def test_another_training_does_not_go_on_from_there(message, how, tmp_path):
    usual = {"blocks": cut(X, LABELS), "optimizer": fastbp.SGD(fastbp.StepDecay(0.1, every=10**6))}
    fastbp.train(network(), **usual, epochs=2, checkpoint=tmp_path / "run")
    if "X" in how:
        del usual["blocks"]
    with pytest.raises(ValueError, match=message):
        fastbp.train(network(), **usual | how, epochs=2, checkpoint=tmp_path / "run", resume=True)


# ---- What is refused -------------------------------------------------------------------------------------------------

GOOD = X, LABELS
BLOCKS = cut(X, LABELS)


class Sparse:
    """What looks like a matrix of scipy.sparse."""

    shape = (1, 4)

    def toarray(self):
        raise AssertionError


REFUSED = {
    "a list": ({"blocks": [GOOD]}, TypeError, r"(?s)blocks must be a function .*, got \[.*returns it: lambda: blocks"),
    "a generator": ({"blocks": iter([GOOD])}, TypeError, "blocks must be a function.*makes a new one in each epoch"),
    "no iterable": ({"blocks": lambda: 3}, TypeError, "blocks must return an iterable of .*, got 3$"),
    "no block": ({"blocks": list}, ValueError, "blocks must return blocks for each epoch.* none in epoch 1"),
    "no row": ({"blocks": lambda: [(X[:0], [])]}, ValueError, "blocks must return blocks with rows .* none in epoch 1"),
    "no pair": ({"blocks": lambda: [X]}, TypeError, r"blocks: block 1 of epoch 1: must be .*, got ndarray of shape"),
    "the pair": ({"blocks": lambda: (X, LABELS)}, TypeError, r"block 1 of epoch 1: must be a tuple \(X, D\)"),
    "one of one": ({"blocks": lambda: [GOOD, (X,)]}, TypeError, "block 2 of epoch 1: must be .*, got a tuple of 1"),
    "four": ({"blocks": lambda: [(1, 2, 3, 4)]}, TypeError, "block 1 of epoch 1: must be .*, got a tuple of 4"),
    "columns": ({"blocks": lambda: [GOOD, (X[:, 1:], LABELS)]}, ValueError, "block 2 of epoch 1: X must have shape"),
    "NaN": ({"blocks": lambda: [(X * np.nan, LABELS)]}, ValueError, "blocks: block 1 of epoch 1: X must be finite"),
    "labels": ({"blocks": lambda: [GOOD, (X, LABELS + 1)]}, ValueError, "block 2 of epoch 1: D must hold class"),
    "ragged": ({"blocks": lambda: [([[1, 2], [3]], [0, 1])]}, ValueError, "block 1 of epoch 1: X must be a matrix"),
    "sparse": ({"blocks": lambda: [(Sparse(), [0])]}, TypeError, "block 1 of epoch 1: X must be a dense array"),
    "rows": ({"blocks": lambda: [(X, LABELS[:9])]}, ValueError, "block 1 of epoch 1: D must have a target for each"),
    "weights": ({"blocks": lambda: [(X, LABELS, -WEIGHT - 1)]}, ValueError, "block 1 of epoch 1: sample_weight must"),
    "no weight": ({"blocks": lambda: [(X, LABELS, 0 * WEIGHT)]}, ValueError, "sample_weight must be above 0 for some"),
    "nothing": ({}, TypeError, "X must be an array, got None: train needs X and D, or blocks in place of both"),
    "no D": ({"X": X}, TypeError, "D must be an array, got None"),
    "both": ({"blocks": BLOCKS, "X": X}, ValueError, "X must be None with blocks, got array"),
    "D, too": ({"blocks": BLOCKS, "D": LABELS}, ValueError, "D must be None with blocks, got array"),
    "rows of X": ({"blocks": BLOCKS, "rows": [1]}, ValueError, r"rows must be None with blocks, got \[1\]"),
    "validation rows": (
        {"blocks": BLOCKS, "validation_rows": [1]}, ValueError, r"validation_rows must be .*give validation_data"
    ),
    "weights beside": ({"blocks": BLOCKS, "sample_weight": WEIGHT}, ValueError, "sample_weight must be None"),
    "second order": (
        {"blocks": BLOCKS, "optimizer": fastbp.LevenbergMarquardt()}, ValueError, "squared errors|takes all samples"
    ),
    "all samples": (
        {"blocks": BLOCKS, "optimizer": "rprop"}, ValueError, "optimizer Rprop takes all samples in each step"
    ),
    "iterations": ({"blocks": BLOCKS, "optimizer": "lbfgs"}, ValueError, "optimizer LBFGS takes all samples"),
    "schedule": (
        {"blocks": BLOCKS, "optimizer": fastbp.SGD(fastbp.OneCycle(0.1))}, ValueError,
        r"learning_rate must not depend on the number of steps .*, got OneCycle\(.* its own `steps`"
    ),
    "validation data": ({"blocks": BLOCKS, "validation_data": X}, TypeError, "validation_data: must be a tuple"),
    "validated with nothing": (
        {"blocks": BLOCKS, "validation_data": (X[:0], [])}, ValueError, "validation_data: X must have at least"
    ),
    "validation data of X": ({"X": X, "D": LABELS, "validation_data": GOOD}, ValueError, "validation_data is for"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused_leaves_the_network_as_it_was(name):
    how, kind, message = REFUSED[name]
    made = fastbp.Network((4, 6, 3), output="identity", seed=3) if name == "second order" else network()
    before = made.theta.tobytes()
    with pytest.raises(kind, match=message):
        fastbp.train(made, **how)
    assert made.theta.tobytes() == before


def test_an_iterator_that_is_used_up_is_told_of():
    made, once = network(), iter([GOOD])
    with pytest.raises(
        ValueError, match=r"none in epoch 2: .* must begin anew each time \(a generator or an open file"
    ):
        fastbp.train(made, blocks=lambda: once, batch_size=8)
    assert made.theta.tobytes() == trained(*GOOD, epochs=1)[0]
