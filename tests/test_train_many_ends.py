"""train_many: callbacks, the time limit, Ctrl-C and progress, in lanes and alone; what is there then."""

import signal
import threading
import time

import numpy as np
import pytest

import fastbp
from fastbp.engine import heuristics
from tests.cases import UNCOMPILED, assert_close
from tests.test_train_many import networks, samples

ways = pytest.mark.parametrize("units", [4, 600], ids=["lanes", "alone"])


def of_one_way(units, n=3):
    """Networks that share lanes, or are so large that each is trained alone."""
    made = networks(n, sizes=lambda i: (5, units + i, 2))
    assert heuristics.prefers_lanes(made[0].layers, 32, made[0].dtype) == (units == 4)
    return made


def test_a_time_limit_returns_what_is_there():
    X, D = samples()
    made = networks(2)
    before = [network.theta.copy() for network in made]
    done = fastbp.train_many(made, X, D, epochs=10**6, time_limit=0.3, optimizer=fastbp.SGD(0.001))
    assert done.outcome.tolist() == ["interrupted"] * 2
    assert (done.epochs > 0).all()
    assert all((network.theta != start).any() for network, start in zip(made, before, strict=True))


def test_ctrl_c_returns_what_is_there():
    X, D = samples()
    threading.Timer(0.5, signal.raise_signal, [signal.SIGINT]).start()
    begin = time.monotonic()
    with pytest.warns(RuntimeWarning, match="^the training was interrupted; what is there is returned$") as warned:
        done = fastbp.train_many(networks(2), X, D, epochs=10**6, optimizer=fastbp.SGD(0.001))
    assert time.monotonic() - begin < 30
    assert done.outcome.tolist() == ["interrupted"] * 2
    assert [warning.filename for warning in warned] == [__file__]


def test_progress_is_told(capsys):
    X, D = samples()
    told = []
    fastbp.train_many(networks(3), X, D, epochs=1, progress=lambda *now: told.append(now))
    assert told[-1][:2] == (3, 3)
    fastbp.train_many(networks(3), X, D, epochs=1, progress=True)
    assert "3/3" in capsys.readouterr().err


@ways
def test_callbacks_see_each_epoch_of_each_network(units):
    X, D = samples()
    made, seen = of_one_way(units), []

    def look(state):
        seen.append((state, state.network.predict(X[:2])))

    done = fastbp.train_many(made, X, D, epochs=[1, 2, 3], rows=range(10), validation_rows=[3, 4], callbacks=look)
    assert done.outcome.tolist() == ["finished"] * 3
    for i, network in enumerate(made):
        mine = [state for state, _ in seen if state.index == i]
        assert [(state.epoch, state.epochs) for state in mine] == [(epoch, i + 1) for epoch in range(1, i + 2)]
        assert [state.loss for state in mine] == done.history(i).loss
        assert [state.validation_loss for state in mine] == done.history(i).validation_loss
        assert all(state.network is network and state.estimator is None for state in mine)
        assert 0 < mine[0].seconds <= mine[-1].seconds <= done.seconds
        outputs = [y for state, y in seen if state.index == i]
        np.testing.assert_array_equal(outputs[-1], network.predict(X[:2]))
        assert len({y.tobytes() for y in outputs}) == i + 1, "of the epoch, not of the end"


@ways
def test_a_callback_ends_the_training_of_its_network_alone(units):
    X, D = samples()
    made, expected = of_one_way(units), of_one_way(units)
    done = fastbp.train_many(made, X, D, epochs=5, callbacks=lambda state: state.index == 1 and state.epoch == 2)
    assert done.epochs.tolist() == [5, 2, 5]
    assert done.outcome.tolist() == ["finished", "stopped", "finished"]
    fastbp.train_many(expected, X, D, epochs=[5, 2, 5])
    for network, other in zip(made, expected, strict=True):
        np.testing.assert_array_equal(network.theta, other.theta)


@ways
def test_a_training_that_is_asked_to_stop_in_its_last_epoch_has_the_outcome_of_train(units):
    X, D = samples()
    history = fastbp.train(of_one_way(units)[0], X, D, epochs=2, callbacks=lambda state: state.epoch == 2)
    done = fastbp.train_many(of_one_way(units, 1), X, D, epochs=2, callbacks=lambda state: state.epoch == 2)
    assert done.history(0).outcome == history.outcome


@ways
def test_all_callbacks_are_called_one_at_a_time(units):
    X, D = samples()
    inside, most, calls = [], [], []

    def first(state):
        inside.append(state)
        time.sleep(0.002)
        most.append(len(inside))
        return state.epoch == 2

    def second(state):
        calls.append((state.index, state.epoch))
        inside.pop()

    fastbp.train_many(of_one_way(units, 6), X, D, epochs=3, threads=3, callbacks=(first, second))
    assert most == [1] * 12
    assert sorted(calls) == [(i, epoch) for i in range(6) for epoch in (1, 2)]


@ways
def test_a_problem_in_a_callback_is_passed_on(units):
    X, D = samples()
    with pytest.raises(ZeroDivisionError):
        fastbp.train_many(of_one_way(units), X, D, epochs=5, callbacks=lambda state: 0 / (2 - state.epoch))


@ways
def test_what_is_true_ends_a_training_and_what_is_neither_true_nor_false_is_an_error(units):
    X, D = samples()
    done = fastbp.train_many(of_one_way(units), X, D, epochs=5, callbacks=lambda state: np.array(state.epoch == 2))
    assert done.epochs.tolist() == [2] * 3
    with pytest.raises(ValueError, match=r"^callbacks: .*<lambda> must return None or .*, got array\(\[0\., 0\.\]\)$"):
        fastbp.train_many(of_one_way(units), X, D, epochs=5, callbacks=lambda state: np.zeros(2))


@ways
def test_after_a_problem_in_a_callback_networks_have_the_parameters_that_were_to_be_kept(units):
    """One thread: all that share lanes have done the epoch, of others the first one has."""
    X, D = samples()
    made, expected = of_one_way(units), of_one_way(units)
    with pytest.raises(ZeroDivisionError):
        fastbp.train_many(made, X, D, epochs=5, threads=1, callbacks=lambda state: 0 / (2 - state.epoch))
    fastbp.train_many(expected, X, D, epochs=2)
    done = [network.theta.tobytes() == other.theta.tobytes() for network, other in zip(made, expected, strict=True)]
    assert done == [True] * 3 if units == 4 else any(done)


@ways
def test_a_callback_may_change_parameters(units):
    """The next epoch goes on from there, as in `train`."""
    X, D = samples()

    def prune(state):
        state.network.W[0][0] = 0

    network, made = of_one_way(units)[0], of_one_way(units)
    fastbp.train(network, X, D, epochs=3, callbacks=prune)
    fastbp.train_many(made, X, D, epochs=3, callbacks=prune)
    assert_close(made[0].theta, network.theta, network.dtype)
    fastbp.train(unchanged := of_one_way(units)[0], X, D, epochs=3)
    assert np.abs(network.theta - unchanged.theta).max() > 1e-3


@pytest.mark.parametrize(
    ("callbacks", "message"),
    [
        (3, "^callbacks must be a callable or a sequence of callables, got 3$"),
        ([None], r"^callbacks\[0\] must be callable, got None$"),
    ],
)
def test_what_cannot_be_called_is_named(callbacks, message):
    with pytest.raises(TypeError, match=message):
        fastbp.train_many(networks(2), *samples(), callbacks=callbacks)


@ways
def test_those_that_the_time_limit_finds_waiting_are_as_they_were(units):
    """A thread, and a first network that takes all the time."""
    X, D = samples()
    made = [networks(1, sizes=lambda i: (5, 1000, 2))[0], *of_one_way(units)]
    before = [network.theta.copy() for network in made]
    done = fastbp.train_many(made, X, D, epochs=10**6, threads=1, time_limit=0.3, optimizer=fastbp.SGD(0.001))
    assert done.outcome.tolist() == ["interrupted"] + ["waiting"] * 3
    assert done.epochs.tolist()[1:] == [0] * 3
    for network, start in zip(made[1:], before[1:], strict=True):
        np.testing.assert_array_equal(network.theta, start)


@pytest.mark.skipif(UNCOMPILED, reason="an epoch takes as long as the limit")
@ways
def test_the_time_limit_leaves_whole_epochs(units):
    X, D = samples()
    made, expected = of_one_way(units), of_one_way(units)
    done = fastbp.train_many(made, X, D, epochs=10**6, time_limit=0.3, optimizer=fastbp.SGD(1e-5))
    fastbp.train_many(expected, X, D, epochs=done.epochs.tolist(), optimizer=fastbp.SGD(1e-5))
    for network, other in zip(made, expected, strict=True):
        assert_close(network.theta, other.theta, "float64")


@pytest.mark.skipif(UNCOMPILED, reason="an epoch takes minutes")
def test_the_time_limit_waits_for_a_first_epoch():
    """As in `train`."""
    X, D = samples()
    done = fastbp.train_many(of_one_way(600), np.tile(X, (2000, 1)), np.tile(D, (2000, 1)), threads=1, time_limit=1e-6)
    assert sorted(done.outcome.tolist()) == ["interrupted", "waiting", "waiting"]  # the costliest is the first
    assert done.epochs.max() >= 1


def test_a_history_of_many_is_shown_in_a_line():
    X, D = samples()
    done = fastbp.train_many(networks(4), X, D, epochs=[0, 1, 1, 2], callbacks=lambda state: state.index == 3)
    last = [float(loss) for loss in done.loss[1:, 0]]
    assert repr(done) == (
        f"<ManyHistory: 4 networks, 3 finished, 1 stopped, median loss {np.median(last):.4g} (best {min(last):.4g}), "
        f"{done.seconds:.3g} s>"
    )
    assert repr(done.history(1)) == f"<History: 1 epoch, loss {done.loss[1, 0]:.4g}, finished>"
    assert "loss" not in repr(fastbp.train_many(networks(1), X, D, epochs=0))


# ---- Epochs at a time ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("batch_size", [1, 7])
@pytest.mark.parametrize("shuffle", [True, False])
def test_epochs_in_one_call_are_those_of_one_call_each(shuffle, batch_size):
    """A callback has each epoch looked at. Some share a seed, some end early, and one diverges among others."""
    X, D = samples()
    rates = [fastbp.SGD(0.01) if i % 2 else fastbp.Adam(0.01) for i in range(9)]
    rates[4] = fastbp.SGD(1e50)
    how = {"epochs": [9, 4, 9, 9, 9, 9, 2, 9, 13], "seed": [0, 0, 1, 0, 1, 2, 3, 0, 0], "optimizer": rates}
    how |= {"batch_size": batch_size, "shuffle": shuffle, "threads": 1}
    found = []
    for callbacks in (None, lambda state: False):
        made = networks(9, sizes=lambda i: (5, 4, 2))
        with pytest.warns(RuntimeWarning, match="1 of 9 networks diverged"):
            done = fastbp.train_many(made, X, D, callbacks=callbacks, **how)
        found.append([network.theta for network in made] + [done.loss, done.epochs, done.outcome])
    for at_once, one_by_one in zip(*found, strict=True):
        np.testing.assert_array_equal(at_once, one_by_one)
    assert found[0][-1].tolist().count("diverged") == 1


def test_ctrl_c_and_the_time_limit_wait_for_a_few_epochs_only():
    """Of ten million; and the networks have done as many as their history tells."""
    X, D = samples()
    begin = time.monotonic()
    made = networks(3)
    done = fastbp.train_many(made, X, D, epochs=10**7, time_limit=0.2, optimizer=fastbp.SGD(0.001), threads=1)
    assert time.monotonic() - begin < 30
    other = networks(3)
    fastbp.train_many(other, X, D, epochs=done.epochs.tolist(), optimizer=fastbp.SGD(0.001), threads=1)
    for one, same in zip(made, other, strict=True):
        np.testing.assert_array_equal(one.theta, same.theta)
