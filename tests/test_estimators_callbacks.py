"""What happens between epochs: callbacks, the time limit and Ctrl-C, for each way to train an estimator."""

import copy
import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("sklearn")

from scipy.sparse import csr_matrix

import fastbp
from fastbp import MLPClassifier, MLPRegressor
from fastbp.estimators.mlp import lbfgs
from fastbp.threads import slices
from fastbp.training import loop
from tests.cases import UNCOMPILED
from tests.estimator_cases import VERSION, data, fitted, same

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
X, Y, _ = data("iris")
XR, YR, _ = data("diabetes")
ODD = np.arange(150) % 2 == 1
SMALL = {"hidden_layer_sizes": 10, "max_iter": 10, "random_state": 0, "learning_rate_init": 0.01}
CLASSES = {"classes": [0, 1, 2]}
every_solver = pytest.mark.parametrize("solver", ["adam", "lbfgs"])


def classifier(*args, **parameters):
    return fitted(MLPClassifier(**SMALL | parameters), *(args or (X, Y)))


# ---- Callbacks -------------------------------------------------------------------------------------------------------


@every_solver
def test_callbacks_get_the_state_of_the_training(solver):
    seen = []

    def note(state):
        model = state.estimator
        assert isinstance(state, fastbp.TrainingState)
        assert (state.epoch, state.epochs, state.index) == (model.n_iter_, 10, 0)
        assert (state.loss, state.validation_loss) == (model.loss_, None)
        np.testing.assert_array_equal(state.network.predict(X), model.predict_proba(X))
        seen.append((state, model.predict_proba(X).copy()))
        return state.epoch == 4

    model = MLPClassifier(**SMALL, solver=solver, callbacks=note).fit(X, Y)  # no ConvergenceWarning
    states = [state for state, _ in seen]
    assert [state.epoch for state in states] == [1, 2, 3, 4]
    assert all(state.estimator is model for state in states)
    assert states[0].loss > states[-1].loss == model.loss_
    seconds = [state.seconds for state in states]
    assert 0 < seconds[0] <= seconds[-1]
    assert seconds == sorted(seconds)
    assert model.n_iter_ == 4
    np.testing.assert_array_equal(model.predict_proba(X), seen[-1][1])
    with pytest.raises(dataclasses.FrozenInstanceError):
        states[0].loss = 0.0


@every_solver
@pytest.mark.parametrize("answer", [True, 1, np.True_, np.array(True), "enough"])
def test_what_is_true_ends_the_training(answer, solver):
    stopped = MLPClassifier(**SMALL, solver=solver, callbacks=lambda state: state.epoch == 3 and answer).fit(X, Y)
    assert stopped.n_iter_ == 3
    assert same(stopped, classifier(solver=solver, max_iter=3))


@every_solver
@pytest.mark.parametrize("answer", [None, False, 0, np.False_, np.array(False), ""])
def test_what_is_not_true_ends_nothing(answer, solver):
    looked_at = classifier(solver=solver, callbacks=lambda _: answer)
    assert looked_at.n_iter_ == 10
    assert same(looked_at, classifier(solver=solver))


@every_solver
def test_what_is_neither_true_nor_false_is_an_error(solver):
    model = MLPClassifier(**SMALL, solver=solver, callbacks=lambda state: X[0] > 0)
    with pytest.raises(ValueError, match=r"^callbacks: .*<lambda> must return None or something that is true or false"):
        model.fit(X, Y)


@every_solver
def test_all_callbacks_are_called_whichever_asks_for_the_end(solver):
    seen = []
    callbacks = [lambda state: state.epoch == 2, lambda state: seen.append(state.epoch), seen.append]
    MLPClassifier(**SMALL, solver=solver, callbacks=callbacks).fit(X, Y)
    assert [seen[0], seen[1].epoch, seen[2], seen[3].epoch] == [1, 1, 2, 2]
    assert len(seen) == 4


@every_solver
def test_scores_of_validation_data_are_those_of_the_estimator(solver):
    """A score is no loss."""
    seen = []

    def note(state):
        seen.append((state.validation_loss, state.estimator.validation_scores_[-1]))

    model = MLPClassifier(**SMALL, solver=solver, callbacks=note)
    fitted(model, X[~ODD], Y[~ODD], X_val=X[ODD], y_val=Y[ODD])
    assert [score for _, score in seen] == model.validation_scores_
    assert {loss for loss, _ in seen} == {None}


def test_a_callback_that_ends_a_training_leaves_the_best_weights_of_early_stopping():
    parameters = SMALL | {"early_stopping": True, "n_iter_no_change": 100, "max_iter": 60}
    wrong = (Y[ODD] + 1) % 3  # the better the model, the worse the score
    model = MLPClassifier(**parameters, callbacks=lambda state: state.epoch == 40)
    model.fit(X[~ODD], Y[~ODD], X_val=X[ODD], y_val=wrong)
    assert model.n_iter_ == 40
    assert not model.stopped_
    assert model.score(X[ODD], wrong) == model.best_validation_score_ > model.validation_scores_[-1]


@pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])
def test_callbacks_of_partial_fit_see_one_epoch_a_call(kind):
    seen, first = [], CLASSES if kind is MLPClassifier else {}
    model = kind(**SMALL, callbacks=lambda state: seen.append(state) or True)  # what it asks for comes anyway
    for call in range(3):
        model.partial_fit(X, Y, **(first if call == 0 else {}))
        assert seen[-1].loss == model.loss_
        assert seen[-1].estimator is model
    assert [(state.epoch, state.epochs) for state in seen] == [(1, 1)] * 3
    assert not model.stopped_
    alone = kind(**SMALL)
    for call in range(3):
        alone.partial_fit(X, Y, **(first if call == 0 else {}))
    assert same(model, alone)


@every_solver
def test_callbacks_of_a_warm_start_count_from_one(solver):
    seen = []

    def note(state):
        seen.append((state.epoch, state.epochs, state.loss))
        return state.epoch == 3

    model = MLPClassifier(**SMALL, solver=solver, warm_start=True, callbacks=note).fit(X, Y)
    model.set_params(max_iter=20).fit(X, Y)
    assert [state[:2] for state in seen] == [(1, 10), (2, 10), (3, 10), (1, 20), (2, 20), (3, 20)]
    assert seen[3][2] < seen[0][2]  # it went on from there
    assert model.n_iter_ == 3


@every_solver
def test_an_error_in_a_callback_is_the_users(solver):
    def fail(state):
        if state.epoch == 2:
            raise ZeroDivisionError

    model = MLPClassifier(**SMALL, solver=solver, callbacks=fail)
    with pytest.raises(ZeroDivisionError):
        model.fit(X, Y)
    assert copy.deepcopy(model).predict(X).shape == Y.shape


@pytest.mark.skipif(VERSION < (1, 9), reason="scikit-learn has no callbacks")
@every_solver
def test_scikit_learns_callbacks(solver):
    from sklearn.callback import ScoringMonitor
    from sklearn.model_selection import GridSearchCV

    monitor = ScoringMonitor(scoring="accuracy")
    model = MLPClassifier(**SMALL, solver=solver).set_callbacks(monitor)
    fitted(model, X, Y)
    log = monitor.get_logs(select="most_recent")
    assert log is not None
    fitted(GridSearchCV(MLPClassifier(**SMALL), {"alpha": [0.1, 1]}, cv=2).set_callbacks(), X, Y)

    class Stop:
        ended = 0

        def setup(self, estimator, context): ...

        def teardown(self, estimator, context): ...

        def on_fit_task_begin(self, estimator, context): ...

        def on_fit_task_end(self, estimator, context, *, X, y, fitted_estimator):
            Stop.ended += 1
            assert fitted_estimator.predict(X).shape == y.shape
            return Stop.ended == 3

    assert fitted(MLPClassifier(**SMALL, solver=solver).set_callbacks(Stop()), X, Y).n_iter_ == 3
    assert Stop.ended == 4  # three epochs and the fit


# ---- The time limit --------------------------------------------------------------------------------------------------


def test_time_limit():
    model = MLPClassifier(max_iter=10**6, time_limit=0.2, tol=0, n_iter_no_change=np.inf).fit(X, Y)
    assert 1 < model.n_iter_ < 10**6


@every_solver
def test_the_first_epoch_is_completed_however_short_the_time(solver):
    for dtype in ("float32", "float64"):
        model = MLPClassifier(**SMALL, solver=solver, dtype=dtype, time_limit=1e-9).fit(X, Y)  # no ConvergenceWarning
        assert model.n_iter_ == 1
        assert same(model, classifier(solver=solver, dtype=dtype, max_iter=1))


@pytest.fixture
def clock(monkeypatch):
    """What the trainings take for the time; it stands still unless a test moves it on."""
    clock = SimpleNamespace(now=100.0)
    time = SimpleNamespace(monotonic=lambda: clock.now, perf_counter=lambda: clock.now)
    monkeypatch.setattr(loop, "time", time)
    return clock


@every_solver
def test_a_training_ends_with_the_last_whole_epoch_of_its_time(solver, clock):
    def two_seconds(state):
        clock.now += 2.0

    for limit, epochs in ((1.0, 1), (4.0, 2), (4.5, 3), (99.0, 10)):
        model = fitted(MLPClassifier(**SMALL, solver=solver, time_limit=limit, callbacks=two_seconds), X, Y)
        assert model.n_iter_ == epochs
        assert same(model, classifier(solver=solver, max_iter=epochs))


def test_an_epoch_in_which_the_time_ends_is_dropped(clock, monkeypatch):
    for name in ("SHORT", "FIRST", "ALONE"):  # the time is asked for after each mini-batch
        monkeypatch.setattr(slices, name, 0.0)

    class Slow(fastbp.Schedule):
        """Its rates of the third epoch take long."""

        def rates(self, steps, total):
            clock.now += 10.0 * (steps[0] == 6)
            return np.full(len(steps), 0.01)

    given = {"learning_rate": Slow(), "batch_size": 50}
    model = MLPClassifier(**SMALL, **given, time_limit=5.0).fit(csr_matrix(X), Y)
    assert model.n_iter_ == len(model.loss_curve_) == 2
    assert same(model, fitted(MLPClassifier(**SMALL | {"max_iter": 2}, **given), csr_matrix(X), Y))


def test_the_time_limit_leaves_the_best_weights_of_early_stopping(clock):
    def second(state):
        clock.now += 1.0

    parameters = SMALL | {"early_stopping": True, "n_iter_no_change": 100, "max_iter": 60}
    wrong = (Y[ODD] + 1) % 3
    model = MLPClassifier(**parameters, time_limit=39.5, callbacks=second)
    model.fit(X[~ODD], Y[~ODD], X_val=X[ODD], y_val=wrong)
    assert model.n_iter_ == 40
    assert model.score(X[ODD], wrong) == model.best_validation_score_ > model.validation_scores_[-1]


def test_partial_fit_knows_no_time_limit(clock):
    def second(state):
        clock.now += 1.0

    model = MLPClassifier(**SMALL, time_limit=1e-9, callbacks=second)
    for _ in range(3):
        model.partial_fit(X, Y, **CLASSES)
    assert len(model.loss_curve_) == 3
    assert not model.stopped_


# ---- Ctrl-C ----------------------------------------------------------------------------------------------------------


@every_solver
@pytest.mark.parametrize("epoch", [1, 3])
def test_ctrl_c_leaves_a_fitted_model(epoch, solver):
    def interrupt(state):
        if state.epoch == epoch:
            raise KeyboardInterrupt

    told = f"^the training was interrupted after {epoch} epochs?$"
    with pytest.warns(RuntimeWarning, match=told):
        model = MLPClassifier(**SMALL, solver=solver, callbacks=interrupt).fit(X, Y)
    assert model.n_iter_ == epoch
    assert same(model, classifier(max_iter=epoch, solver=solver))
    with pytest.warns(RuntimeWarning, match=told):
        model = MLPClassifier(**SMALL, early_stopping=True, callbacks=interrupt).fit(X, Y)
    assert model.predict(X).shape == Y.shape


class Interrupts(fastbp.Schedule):
    """Ctrl-C while the first epoch begins."""

    def rates(self, steps, total):
        raise KeyboardInterrupt


def test_ctrl_c_in_the_first_epoch_is_raised(monkeypatch):
    """And a model that was fitted before has its weights."""
    model = classifier(warm_start=True)
    before = copy.deepcopy(model)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(learning_rate=Interrupts()).fit(X, Y)
    assert same(model, before)
    with pytest.raises(KeyboardInterrupt):
        model.partial_fit(X, Y)
    assert same(model, before)

    def evaluate(self, x, between=None):
        self._theta[:] = 7.0
        raise KeyboardInterrupt

    monkeypatch.setattr(lbfgs.Minimiser, "_evaluate", evaluate)
    with pytest.raises(KeyboardInterrupt):
        model.set_params(solver="lbfgs", learning_rate="constant").fit(X, Y)
    assert same(model, before)
