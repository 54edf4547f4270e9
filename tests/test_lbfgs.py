"""L-BFGS in trainings: SciPy's iterations, an epoch each; what ends them; what is refused."""

import pickle
import sys

import numpy as np
import pytest

import fastbp
from fastbp.engine import heuristics
from fastbp.lecture.codes import ERRORS_OF
from tests.cases import DTYPES, UNCOMPILED, assert_close, teacher

scipy_optimize = pytest.importorskip("scipy.optimize")

N = 12 if UNCOMPILED else 100
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 5))
D = np.sin(X @ RNG.normal(size=(5, 2)) / 2)
VERSIONS = ("matrix", "loops", "tiles", "engine")
LOSSES = [(output, loss) for output, losses in ERRORS_OF.items() for loss in losses]


def network(output="identity", loss=None, dtype="float64", hidden=6, seed=1):
    return fastbp.Network((5, hidden, 2), "tanh", output, dtype, loss=loss, seed=seed)


def trained(d=D, epochs=8, made=None, **how):
    made = made or network()
    history = fastbp.train(made, X, d, epochs=epochs, **{"optimizer": "lbfgs", "threads": 1} | how)
    return made, history


# ---- The iterations --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_they_are_those_of_scipy(version):
    """Also with a penalty, which the losses are without."""
    made, l2, expected = network(), 0.01, []

    def of_all(theta):
        made.theta[:] = theta
        E, dW, _ = made.gradient(X, D)
        penalty = 0.0
        for w, dw in zip(made.W, dW, strict=True):
            penalty += 0.5 * l2 * np.square(w).sum()
            dw += l2 * w
        return E + penalty, dW[0].base.copy()

    def note(theta):
        made.theta[:] = theta
        expected.append(made.evaluate(X, D))

    options = {"maxiter": 8, "maxcor": 5}
    found = scipy_optimize.minimize(
        of_all, made.theta.copy(), method="L-BFGS-B", jac=True, options=options, callback=note
    )
    ours, history = trained(optimizer=fastbp.LBFGS(history_size=5), l2=l2, version=version)
    np.testing.assert_allclose(ours.theta, found.x, rtol=1e-6, atol=1e-8)
    np.testing.assert_allclose(history.loss, expected, rtol=1e-8)
    assert history.outcome == "finished"
    assert len(history.seconds) == 8


def noting(model, first):
    """Its fit by L-BFGS, which notes the weights that it begins with."""
    fit = model._fit_lbfgs

    def noted(*arguments):
        first.append([array.copy() for array in (*model.coefs_, *model.intercepts_)])
        return fit(*arguments)

    return noted


def test_scikit_learn_comes_to_the_same_after_each(monkeypatch):
    """From the same weights, with the same limits; there the penalty is divided by the number of samples."""
    neural_network = pytest.importorskip("sklearn.neural_network")
    exceptions = pytest.importorskip("sklearn.exceptions")
    how = {"hidden_layer_sizes": 6, "activation": "tanh", "solver": "lbfgs", "alpha": 0.1, "random_state": 0}
    losses, first = [], []
    for iterations in (1, 4, 9):
        theirs = neural_network.MLPRegressor(**how, max_iter=iterations)
        monkeypatch.setattr(theirs, "_fit_lbfgs", noting(theirs, first))
        with pytest.warns(exceptions.ConvergenceWarning):
            theirs.fit(X, D)
        losses.append(0.5 * np.square(theirs.predict(X) - D).mean())
    made = network()
    for place, array in zip([*made.W, *made.B], first[0], strict=True):
        place[...] = array.T
    rule = fastbp.LBFGS(gtol=1e-4, ftol=1e7 * np.finfo(float).eps)
    history = trained(made=made, epochs=9, optimizer=rule, l2=0.1 / N)[1]
    np.testing.assert_allclose([history.loss[i - 1] / 2 for i in (1, 4, 9)], losses, rtol=1e-4)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("output", "loss"), LOSSES)
def test_every_loss_falls_from_epoch_to_epoch(output, loss, dtype):
    d = teacher(np.random.default_rng(1), N, 2, output, dtype)
    made = network(output, loss, dtype)
    history = trained(d, made=made, epochs=5)[1]
    assert (np.diff(history.loss) < 0).all()
    assert history.loss[-1] == pytest.approx(made.evaluate(X, d), rel=1e-5)


def test_it_comes_to_a_minimum():
    """Of the loss with its penalty; float32 ends where it sees no more progress."""
    made, history = trained(epochs=2000, l2=0.01, optimizer=fastbp.LBFGS(gtol=1e-5, ftol=0), version="matrix")
    assert history.outcome == "stopped"
    _, dW, _ = made.gradient(X, D)
    for w, dw in zip(made.W, dW, strict=True):
        dw += 0.01 * w
    assert np.abs(dW[0].base).max() <= 1e-5
    single, history = trained(made=network(dtype="float32"), l2=0.01, epochs=2000, optimizer=fastbp.LBFGS(gtol=0))
    assert history.outcome == "stopped"
    assert single.evaluate(X, D) == pytest.approx(made.evaluate(X, D), rel=0.05)


def test_weights_are_copies_and_rows_are_samples():
    weight = np.arange(N) % 3
    copies = np.repeat(np.arange(N), weight)
    expected = trained(rows=copies)[0].theta
    np.testing.assert_allclose(trained(sample_weight=weight)[0].theta, expected, rtol=1e-6, atol=1e-8)
    some = fastbp.train(made := network(), X[copies], D[copies], epochs=8, optimizer="lbfgs")
    np.testing.assert_allclose(made.theta, expected, rtol=1e-6, atol=1e-8)
    assert len(some.loss) == 8


def test_smoothed_labels_are_what_it_fits():
    labels = (X[:, 0] > 0).astype(int)
    smooth = trained(labels, made=network("softmax"), epochs=30, label_smoothing=0.2)[0]
    rows = trained(np.eye(2)[labels] * 0.8 + 0.1, made=network("softmax"), epochs=30)[0]
    np.testing.assert_allclose(smooth.theta, rows.theta, rtol=1e-3, atol=1e-3)


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
def test_the_bits_do_not_depend_on_the_threads(monkeypatch):
    monkeypatch.setattr(heuristics, "usable_cores", lambda: 8)
    found = [trained(made=network(hidden=150), version="tiles", threads=n)[0].theta for n in (1, 2, 3, 8)]
    for other in found[1:]:
        np.testing.assert_array_equal(other, found[0])


def test_many_networks_are_as_alone():
    rules = [fastbp.LBFGS(), fastbp.LBFGS(3), "lbfgs", fastbp.SGD(0.1)]
    made = [network(seed=i) for i in range(4)]
    done = fastbp.train_many(made, X, D, epochs=[6, 5, 4, 3], optimizer=rules, l2=0.01, threads=2)
    for i, rule in enumerate(rules):
        one, history = trained(made=network(seed=i), epochs=6 - i, optimizer=rule, l2=0.01)
        assert_close(made[i].theta, one.theta, "float64", times=100)
        assert_close(done.history(i).loss, history.loss, "float64", times=100)


# ---- The end ---------------------------------------------------------------------------------------------------------


def test_its_own_limits_end_it():
    history = trained(epochs=500, optimizer=fastbp.LBFGS(gtol=0.05))[1]
    assert history.outcome == "stopped"
    assert 0 < len(history.loss) < 500
    by_ftol = trained(epochs=500, optimizer=fastbp.LBFGS(ftol=0.01))[1].loss
    assert by_ftol[-2] - by_ftol[-1] <= 0.01 < by_ftol[-3] - by_ftol[-2]
    assert len(trained(epochs=500, optimizer=fastbp.LBFGS(max_fun=3))[1].loss) <= 3
    start = network()
    made, history = trained(optimizer=fastbp.LBFGS(gtol=1e9))
    assert (history.loss, history.outcome) == ([], "stopped")
    np.testing.assert_array_equal(made.theta, start.theta)
    made, history = trained(epochs=0)
    assert (history.loss, history.outcome) == ([], "finished")


def test_patience_callbacks_and_the_time_limit_end_it():
    rows, held = np.arange(N // 2), np.arange(N // 2, N)
    made, history = trained(made=network(hidden=30), epochs=300, rows=rows, validation_rows=held, patience=4)
    assert history.outcome == "stopped"
    assert history.best_epoch == len(history.loss) - 4 == 1 + int(np.argmin(history.validation_loss))
    assert made.evaluate(X[held], D[held]) == pytest.approx(min(history.validation_loss), rel=1e-9)
    seen = []
    history = trained(
        callbacks=lambda state: seen.append((state.loss, state.network.evaluate(X, D))) or state.epoch == 3
    )
    assert len(history[1].loss) == 3
    np.testing.assert_allclose([loss for loss, _ in seen], [found for _, found in seen], rtol=1e-12)
    assert history[1].outcome == "stopped"
    history = trained(epochs=10**6, time_limit=1e-6)[1]
    assert (len(history.loss), history.outcome) == (1, "interrupted")


def test_progress_is_told():
    told = []
    trained(epochs=4, progress=lambda done, total, seconds: told.append((done, total)))
    assert told == [(i, 4) for i in range(1, 5)]


def test_ctrl_c_keeps_whole_epochs():
    def stop(state):
        if state.epoch == 2:
            raise KeyboardInterrupt

    expected = trained(epochs=2)[0]
    made = network()
    with pytest.warns(RuntimeWarning, match="interrupted after 2 epochs"):
        _, history = trained(made=made, callbacks=stop)
    assert (len(history.loss), history.outcome) == (2, "interrupted")
    np.testing.assert_array_equal(made.theta, expected.theta)


def test_ctrl_c_in_the_first_epoch_is_raised(monkeypatch):
    def interrupted(self, *arguments):
        self._theta[:] = 7
        raise KeyboardInterrupt

    from fastbp.training.lbfgs import Minimiser

    monkeypatch.setattr(Minimiser, "_evaluate", interrupted)
    made = network()
    with pytest.raises(KeyboardInterrupt):
        trained(made=made)
    np.testing.assert_array_equal(made.theta, network().theta)


@pytest.mark.filterwarnings("ignore:overflow", "ignore:invalid")
def test_a_loss_beyond_all_numbers_is_told_without_a_learning_rate():
    made = network()
    with pytest.raises(fastbp.Diverged, match=r"diverged in epoch 1 with LBFGS\(\)") as problem:
        trained(D * 1e200, made=made, version="loops")
    assert "learning rate" not in str(problem.value)
    np.testing.assert_array_equal(made.theta, network().theta)


# ---- What is refused -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"history_size": 0}, ValueError, "history_size must be at least 1, got 0"),
        ({"history_size": 2.5}, TypeError, "history_size must be an integer, got 2.5"),
        ({"gtol": -1}, ValueError, "gtol must be at least 0 and finite, got -1"),
        ({"ftol": "a"}, TypeError, "ftol must be a number, got 'a'"),
        ({"max_fun": 0}, ValueError, "max_fun must be at least 1, got 0"),
    ],
)
def test_bad_arguments(arguments, error, message):
    with pytest.raises(error, match=f"^{message}"):
        fastbp.LBFGS(**arguments)


def test_it_is_a_value():
    rule = fastbp.LBFGS(20, max_fun=7)
    assert pickle.loads(pickle.dumps(rule)) == rule
    assert hash(rule) == hash(fastbp.LBFGS(20, max_fun=7))
    assert repr(rule) == "LBFGS(history_size=20, max_fun=7)"
    assert (rule.moments, rule.learning_rate) == (0, None)
    np.testing.assert_array_equal(rule.rates(3, 2, 10), [0, 0])


@pytest.mark.parametrize(
    ("option", "value", "usual"),
    [
        ("l1", 0.1, 0), ("dropout", 0.5, 0), ("max_norm", 1.0, None), ("clip_norm", 1.0, None),
        ("rate_factors", np.ones((2, 2)), None), ("diagonal", 6.0, None),
    ],
)  # fmt: skip
def test_options_of_mini_batches(option, value, usual):
    with pytest.raises(ValueError, match=f"^{option} must be {usual} for optimizer LBFGS, got "):
        trained(**{option: value})
    with pytest.raises(ValueError, match=f"^{option} must be {usual} for optimizer LBFGS, got "):
        fastbp.train_many([network()], X, D, optimizer="lbfgs", **{option: value})


def test_checkpoints_and_streams(tmp_path):
    with pytest.raises(ValueError, match=r"^checkpoint must be None for optimizer LBFGS, because SciPy .*, got '"):
        trained(checkpoint=str(tmp_path / "file"))
    assert not list(tmp_path.iterdir())
    with pytest.raises(ValueError, match=r"^optimizer must be one of mini-batches"):
        fastbp.OnlineRegressor(optimizer="lbfgs")


def test_without_scipy_it_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "scipy.optimize", None)
    made = network()
    for call in (lambda: trained(made=made), lambda: fastbp.train_many([made], X, D, optimizer="lbfgs")):
        with pytest.raises(
            ImportError, match=r"^optimizer LBFGS is SciPy's: pip install scipy, or 'fastbp\[sklearn\]'"
        ):
            call()
    np.testing.assert_array_equal(made.theta, network().theta)


def test_levenberg_and_marquardt_name_it_where_their_equations_are_too_large():
    large = fastbp.Network((1, 6000, 1), "tanh", "identity", "float64")
    with pytest.raises(ValueError, match=r"got 18,001: take fastbp.LBFGS\(\), or Adam"):
        fastbp.train(large, [[0.0]], [0.0], optimizer=fastbp.LevenbergMarquardt())
    assert len(fastbp.train(large, [[0.0]], [1.0], epochs=1, optimizer=fastbp.LBFGS()).loss) == 1


# ---- Estimators ------------------------------------------------------------------------------------------------------


def test_an_estimator_takes_its_constants(tmp_path):
    pytest.importorskip("sklearn")
    how = {"hidden_layer_sizes": 5, "max_iter": 400, "random_state": 0, "alpha": 10.0}
    own = fastbp.LBFGS(gtol=1e-4, ftol=1e7 * np.finfo(float).eps, max_fun=15_000)
    named, given, other = (
        fastbp.MLPRegressor(solver=solver, **how).fit(X, D) for solver in ("lbfgs", own, fastbp.LBFGS(2, gtol=1e-3))
    )
    assert named.loss_ == given.loss_ != other.loss_
    given.save(tmp_path / "model.safetensors")
    assert fastbp.load(tmp_path / "model.safetensors").solver == own
    with pytest.raises(ValueError, match="dropout must be 0 for solver=LBFGS"):
        fastbp.MLPRegressor(solver=own, dropout=0.1).fit(X, D)
    with pytest.raises(AttributeError, match="partial_fit"):
        fastbp.MLPRegressor(solver=own).partial_fit(X, D)
