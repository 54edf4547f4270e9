"""Epochs in blocks, against the same epochs one by one: a callback sees each, so with one there are no blocks."""

import signal

import numpy as np
import pytest

from fastbp import MLPClassifier, MLPRegressor
from fastbp.engine import entries
from fastbp.estimators.mlp import blocks

RNG = np.random.RandomState(0)
X = RNG.normal(size=(90, 4))
CASES = [
    (MLPClassifier, {}),
    (MLPClassifier, {"tol": 0.05, "n_iter_no_change": 2}),
    (MLPClassifier, {"solver": "sgd", "learning_rate": "adaptive", "tol": 0.05, "n_iter_no_change": 2}),
    (MLPClassifier, {"dtype": "float32", "dropout": 0.2, "label_smoothing": 0.1}),
    (MLPRegressor, {"shuffle": False}),
    (MLPRegressor, {"rate_factors": [[0.5, 0.0], [2.0, 0.1]]}),
    (MLPRegressor, {"n_iter_no_change": np.inf, "l1_ratio": 0.5}),
]


def data(kind):
    return X, np.digitize(X[:, 0], [-0.5, 0.5]) if kind is MLPClassifier else np.c_[X[:, 0], X[:, 1] ** 2, X[:, 2]]


def fitted(kind, rng, **parameters):
    return kind(**{"hidden_layer_sizes": 8, "max_iter": 40, "random_state": rng, "batch_size": 32} | parameters)


def left_by(model, rng):
    """All that a fit leaves behind."""
    memory = model._memory
    of_memory = memory and (memory.steps, memory.rate, memory.moments.tobytes())
    names = ("n_iter_", "t_", "loss_curve_", "loss_", "best_loss_", "_no_improvement_count", "stopped_")
    state = rng.get_state()
    return model._net().theta.tobytes(), of_memory, [getattr(model, n) for n in names], state[1].tobytes(), state[2:]


@pytest.fixture
def calls(monkeypatch):
    """The epochs that each call of the kernel had room for."""
    found = []

    def noting(*args, kernel=entries.epochs):
        found.append(len(args[-1][5]))
        return kernel(*args)

    monkeypatch.setattr(entries, "epochs", noting)
    return found


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(("kind", "parameters"), CASES, ids=repr)
def test_blocks_leave_what_single_epochs_leave(kind, parameters, calls, monkeypatch):
    monkeypatch.setattr(blocks, "BLOCK", 1.0)  # so that all is one block but the first epoch
    left = []
    for more in ({}, {"callbacks": lambda state: False}):
        rng = np.random.RandomState(5)
        rng.normal()  # which leaves half a pair behind
        model = fitted(kind, rng, warm_start=True, **parameters, **more).fit(*data(kind))
        model.fit(*data(kind))  # goes on
        left.append(left_by(model.partial_fit(*data(kind)), rng))
        assert bool(calls) != bool(more)
        assert more or max(calls) > 1
        calls.clear()
    assert left[0] == left[1]


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_training_that_diverges_in_a_block_has_what_was_before():
    errors, left = [], []
    for more in ({}, {"callbacks": lambda state: False}):
        rng = np.random.RandomState(5)
        model = fitted(MLPRegressor, rng, solver="sgd", learning_rate_init=0.9, activation="identity", **more)
        with pytest.raises(ValueError, match="non-finite") as error:
            model.fit(X, X[:, 0] * 50)
        errors.append(str(error.value))
        left.append(left_by(model, rng))
    assert errors[0] == errors[1]
    assert left[0] == left[1]


@pytest.mark.parametrize("when", ["before", "after"])
def test_ctrl_c_around_a_block_keeps_the_epochs_that_are_done(when, monkeypatch):
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    kernel, done = entries.epochs, []

    def interrupted(*args):
        if len(done) == 2 and when == "before":
            signal.raise_signal(signal.SIGINT)
        kernel(*args)
        done.append(len(args[-1][5]))
        if len(done) == 3:
            signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(entries, "epochs", interrupted)
    rng, same = np.random.RandomState(5), np.random.RandomState(5)
    try:
        with pytest.warns(RuntimeWarning, match="the training was interrupted after"):
            model = fitted(MLPClassifier, rng, max_iter=10**6, tol=0, n_iter_no_change=np.inf).fit(*data(MLPClassifier))
    finally:
        signal.signal(signal.SIGINT, before)
    monkeypatch.undo()
    assert len(done) == (2 if when == "before" else 3)
    assert model.n_iter_ == sum(done)
    other = fitted(MLPClassifier, same, tol=0, n_iter_no_change=np.inf, callbacks=lambda s: s.epoch == sum(done))
    assert left_by(model, rng) == left_by(other.set_params(max_iter=10**6).fit(*data(MLPClassifier)), same)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_a_generator_that_somebody_else_has_used_meanwhile_stays(monkeypatch):
    rng, kernel = np.random.RandomState(5), entries.epochs

    def drawing(*args):
        kernel(*args)
        rng.set_state(np.random.RandomState(77).get_state())

    monkeypatch.setattr(entries, "epochs", drawing)
    fitted(MLPClassifier, rng).fit(*data(MLPClassifier))
    assert rng.randint(2**31) == np.random.RandomState(77).randint(2**31)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize(
    "parameters",
    [
        {"time_limit": 1e3},
        {"verbose": 2},
        {"early_stopping": True},
        {"restore_best_weights": True},
        {"diagonal": 6.0},
        {"solver": "sgd", "learning_rate": "invscaling"},
        {"random_state": np.random.RandomState(np.random.PCG64(3))},
    ],
    ids=lambda parameters: ", ".join(parameters),
)
def test_where_something_sees_each_epoch_there_are_no_blocks(parameters, calls):
    fitted(MLPClassifier, 0, **{"max_iter": 3} | parameters).fit(*data(MLPClassifier))
    assert not calls
