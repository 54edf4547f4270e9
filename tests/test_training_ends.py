"""fastbp.train: what callbacks see, what ends a training before its epochs are over, and what is there then."""

import itertools
import signal
import time
from types import SimpleNamespace

import numpy as np
import pytest

import fastbp
from fastbp.training import loop, runner
from tests.cases import UNCOMPILED
from tests.engine_cases import HOW, Changing, after, network_and_data
from tests.test_training import samples, trained

versions = pytest.mark.parametrize("version", ["engine", "tiles", "loops", "matrix"])


@versions
def test_callbacks_see_each_epoch(version):
    X, D = samples()
    seen, outputs = [], []

    def look(state):
        seen.append(state)
        outputs.append(state.network.predict(X))

    network, history = trained(X, D, validation_rows=[1, 2], callbacks=look, version=version)
    assert [(state.epoch, state.epochs) for state in seen] == [(1, 3), (2, 3), (3, 3)]
    assert [state.loss for state in seen] == history.loss
    assert [state.validation_loss for state in seen] == history.validation_loss
    assert all(type(number) is float for state in seen for number in (state.loss, state.validation_loss, state.seconds))
    assert all(state.network is network and state.estimator is None and state.index == 0 for state in seen)
    assert all(a.seconds <= b.seconds for a, b in itertools.pairwise(seen))
    for epochs, y in enumerate(outputs, start=1):
        np.testing.assert_array_equal(y, trained(X, D, epochs=epochs, version=version)[0].predict(X))


@versions
def test_a_callback_ends_the_training(version):
    X, D = samples()
    network, history = trained(X, D, epochs=9, callbacks=lambda state: state.epoch == 2, version=version)
    expected, whole = trained(X, D, epochs=2, version=version)
    assert (history.loss, history.outcome) == (whole.loss, "stopped")
    assert network.theta.tobytes() == expected.theta.tobytes()


def test_a_training_that_a_callback_ends_has_its_best_parameters():
    """y = w + b is multiplied by 1 - 2 * 2.5 in each epoch: the first one is the best."""
    networks = [fastbp.Network((1, 1), output="identity", dtype="float64") for _ in range(2)]
    how = {"optimizer": fastbp.SGD(2.5), "patience": 9}
    history = fastbp.train(
        networks[0], [[1.0]], [[0.0]], epochs=9, callbacks=[lambda state: state.epoch == 3, lambda state: False], **how
    )
    assert history.loss[0] < history.loss[1] < history.loss[2]
    assert (len(history.loss), history.best_epoch, history.outcome) == (3, 1, "stopped")
    fastbp.train(networks[1], [[1.0]], [[0.0]], epochs=1, **how)
    assert networks[0].theta.tobytes() == networks[1].theta.tobytes()


def test_callbacks_do_not_change_the_bits():
    X, D = samples()
    bits = {trained(X, D, callbacks=given)[0].theta.tobytes() for given in (None, (), print, [lambda state: None] * 2)}
    assert len(bits) == 1


def test_patience_stops_and_the_last_epoch_finishes():
    X, D = samples()
    assert trained(X, D, epochs=50, patience=1, min_delta=1e9)[1].outcome == "stopped"
    assert trained(X, D, epochs=3, patience=9)[1].outcome == "finished"


# ---- The time limit --------------------------------------------------------------------------------------------------


@versions
def test_the_first_epoch_is_completed_whatever_the_time_limit(version):
    X, D = samples()
    network, history = trained(X, D, epochs=10**6, time_limit=1e-9, version=version)
    assert (len(history.loss), history.outcome) == (1, "interrupted")
    assert network.theta.tobytes() == trained(X, D, epochs=1, version=version)[0].theta.tobytes()


def test_the_time_limit_is_that_of_a_clock():
    X, D = samples()
    begin = time.monotonic()
    history = trained(X, D, epochs=10**9, time_limit=0.3)[1]
    assert 0.3 <= time.monotonic() - begin < 30
    assert len(history.loss) > 1


@pytest.mark.skipif(UNCOMPILED, reason="an epoch is one mini-batch")
def test_an_epoch_in_which_the_time_ends_is_dropped(monkeypatch):
    """It ends within the third epoch, of whose mini-batches each takes a second."""

    class Seconds(Changing):
        def of(self, batches):
            for part in super().of(batches):
                yield part
                now[0] += 1

    now, slices = [0.0], Seconds(1)
    monkeypatch.setattr(runner, "Slices", lambda *how: slices)
    monkeypatch.setattr(loop, "time", SimpleNamespace(monotonic=lambda: now[0], perf_counter=lambda: now[0]))
    network, X, D = network_and_data()
    steps = -(-len(X) // HOW["batch_size"])
    history = fastbp.train(network, X, D, epochs=9, time_limit=2 * steps + 5, **HOW)
    assert (len(history.loss), history.outcome) == (2, "interrupted")
    assert len(slices.made) == 2 * steps + 5 + 1  # it is asked when a slice that is not the first begins
    assert history.seconds == [steps] * 2
    monkeypatch.undo()
    assert network.theta.tobytes() == after(2, 1)


# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------


def test_ctrl_c_in_the_first_epoch_leaves_the_network_as_it_was(monkeypatch):
    X, D = samples()
    before = fastbp.Network((4, 6, 3), dtype="float64", seed=1).theta.tobytes()
    network = fastbp.Network((4, 6, 3), dtype="float64", seed=1)
    run = runner.EpochRunner.run

    def interrupted(*arguments):
        run(*arguments)
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(runner.EpochRunner, "run", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fastbp.train(network, X, D)
    assert network.theta.tobytes() == before


def test_ctrl_c_while_the_first_epoch_is_validated_is_passed_on(monkeypatch):
    X, D = samples()
    monkeypatch.setattr(runner.EpochRunner, "mean_error", lambda *how: signal.raise_signal(signal.SIGINT))
    with pytest.raises(KeyboardInterrupt):
        trained(X, D, validation_rows=[0, 1])


@versions
def test_ctrl_c_later_returns_what_has_been_learnt(version):
    X, D = samples()

    def ctrl_c(state):
        if state.epoch == 2:
            signal.raise_signal(signal.SIGINT)

    with pytest.warns(RuntimeWarning, match="^the training was interrupted after 2 epochs$") as warned:
        network, history = trained(X, D, epochs=9, callbacks=ctrl_c, version=version, validation_rows=[0])
    expected, whole = trained(X, D, epochs=2, version=version, validation_rows=[0])
    assert (history.loss, history.validation_loss) == (whole.loss, whole.validation_loss)
    assert history.outcome == "interrupted"
    assert network.theta.tobytes() == expected.theta.tobytes()
    assert warned[0].filename.endswith("test_training.py"), "where train is called"


# ---- Progress --------------------------------------------------------------------------------------------------------


def test_progress_is_told_after_each_epoch(capsys):
    X, D = samples()
    told = []
    trained(X, D, progress=lambda *now: told.append(now))
    assert [now[:2] for now in told] == [(1, 3), (2, 3), (3, 3)]
    assert 0 <= told[0][2] <= told[1][2] <= told[2][2]
    assert capsys.readouterr() == ("", "")
    trained(X, D, progress=True, validation_rows=[0])
    shown = capsys.readouterr().err
    assert "3/3" in shown
    assert "loss=" in shown
    assert "validation=" in shown
