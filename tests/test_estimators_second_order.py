"""solver="lm" of MLPRegressor, and the rules of second order as solvers."""

import warnings

import numpy as np
import pytest
import scipy.sparse
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import cross_val_score

import fastbp
from fastbp import BayesianRegularization, LevenbergMarquardt, MLPClassifier, MLPRegressor
from tests import test_second_order
from tests.cases import UNCOMPILED


def curve(n, outputs=1):
    X, D = test_second_order.curve(n, outputs)
    return X, D[:, 0] if outputs == 1 else D


def model(**options):
    usual = {"solver": "lm", "hidden_layer_sizes": (8,), "activation": "tanh", "max_iter": 300, "random_state": 0}
    return MLPRegressor(**(usual | options))


@pytest.mark.skipif(UNCOMPILED, reason="it takes minutes")
@pytest.mark.parametrize("outputs", [1, 2])
def test_it_comes_to_a_lower_loss_than_lbfgs(outputs):
    X, y = curve(n=100, outputs=outputs)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        by_lm = [model(alpha=0.01, random_state=i).fit(X, y) for i in range(3)]
        by_lbfgs = [model(alpha=0.01, random_state=i, solver="lbfgs", max_iter=5000).fit(X, y) for i in range(3)]
    by_lm, by_lbfgs = (min(models, key=lambda one: one.loss_) for models in (by_lm, by_lbfgs))
    assert by_lm.n_iter_ < 300
    assert by_lm.loss_ < 1.1 * by_lbfgs.loss_
    assert by_lm.score(X, y) > 0.9
    assert not hasattr(by_lm, "partial_fit")
    assert not hasattr(by_lm, "loss_curve_")
    assert by_lm.predict(X).shape == ((100,) if outputs == 1 else (100, 2))


def test_it_makes_the_steps_of_train():
    X, y = curve(n=100)
    with pytest.warns(ConvergenceWarning, match="all max_iter=5 iterations were made, and"):
        fitted = model(max_iter=5, alpha=0.5, tol=0.0).fit(X, y)
    with pytest.warns(ConvergenceWarning):
        started = model(max_iter=1, alpha=0.5, tol=0.0).fit(X, y)
    network = fastbp.Network((2, 8, 1), "tanh", "identity", "float64")
    network.theta[:] = started._net().theta
    history = fastbp.train(network, X, y, epochs=4, optimizer=LevenbergMarquardt(min_gradient=0.0), l2=0.5 / 100)
    penalty = 0.5 * 0.5 / 100 * sum(np.square(w).sum() for w in fitted.coefs_)
    assert fitted.loss_ < started.loss_
    np.testing.assert_allclose(fitted.loss_ - penalty, history.loss[-1], rtol=0.2)  # whose damping begins anew


@pytest.mark.parametrize("rule", [LevenbergMarquardt(goal=0.01), BayesianRegularization(min_gradient=1e-3)])
def test_a_rule_is_a_solver_and_files_hold_it(rule, tmp_path):
    X, y = curve(n=60)
    fitted = model(solver=rule).fit(X, y)
    fitted.save(tmp_path / "model.safetensors")
    loaded = fastbp.load(tmp_path / "model.safetensors")
    assert loaded.solver == rule
    np.testing.assert_array_equal(loaded.predict(X), fitted.predict(X))
    if rule.goal:
        assert fitted.loss_ - 0.5 * 1e-4 / 60 * sum(np.square(w).sum() for w in fitted.coefs_) <= 0.01


def test_weights_float32_warm_starts_and_searches():
    X, y = curve(n=60)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        single = model(max_iter=10).fit(X.astype("float32"), y)
        assert single.coefs_[0].dtype == np.float32
        copies = np.arange(60) % 3
        weighted = model(max_iter=4).fit(X, y, sample_weight=copies)
        copied = model(max_iter=4).fit(np.repeat(X, copies, 0), np.repeat(y, copies))
        np.testing.assert_allclose(weighted.predict(X), copied.predict(X), rtol=1e-5)
        warm = model(max_iter=3, warm_start=True).fit(X, y)
        first = warm.loss_
        assert warm.fit(X, y).loss_ < first
        assert cross_val_score(model(max_iter=20), X, y, cv=3).shape == (3,)
        found = fastbp.GridSearch(model(max_iter=20), {"solver": ["lm", "adam"], "alpha": [0.01, 1.0]}, cv=3).fit(X, y)
        assert found.best_params_["solver"] == "lm"
        ensemble = fastbp.EnsembleRegressor(model(max_iter=20), 3, random_state=0).fit(X, y)
        assert ensemble.score(X, y) > 0.8


def test_iterations_that_are_just_enough_are_no_reason_to_warn():
    X, y = curve(n=100)
    options = {"hidden_layer_sizes": (3,), "alpha": 0.01}
    n = model(**options).fit(X, y).n_iter_
    assert n < 300
    assert model(**options, max_iter=n).fit(X, y).n_iter_ == n


def test_validation_data_and_callbacks_end_it():
    X, y = curve(n=100)
    stopped = model(early_stopping=True, n_iter_no_change=3, tol=1e-5).fit(X[:50], y[:50], X_val=X[50:], y_val=y[50:])
    assert stopped.n_iter_ < 300
    assert stopped.best_validation_score_ == pytest.approx(stopped.score(X[50:], y[50:]))
    seen = []
    model(callbacks=lambda state: seen.append(state) or state.epoch == 2).fit(X, y)
    assert [state.epoch for state in seen] == [1, 2]
    assert seen[0].estimator is seen[1].estimator


@pytest.mark.parametrize("solver", ["lm", BayesianRegularization()])
def test_what_it_does_not_suit_is_refused(solver):
    X, y = curve(n=20)
    with pytest.raises(ValueError, match=r"minimises squared errors.* got a classifier, whose errors are others"):
        MLPClassifier(solver=solver).fit(X, y > 0)
    for options, message in (
        ({"loss": "huber"}, "got loss='huber': take 'lbfgs'"),
        ({"dropout": 0.1}, "dropout must be 0 for solver="),
        ({"clip_norm": 1.0}, "clip_norm must be None for solver="),
        ({"hidden_layer_sizes": (200, 200)}, "at most 16,384 of them, got"),
    ):
        with pytest.raises(ValueError, match=message):
            model(**({"solver": solver} | options)).fit(X, y)
    with pytest.raises(ValueError, match="X must be dense for solver="):
        model(solver=solver).fit(scipy.sparse.csr_matrix(X), y)
    with pytest.raises(ValueError, match="diverged in epoch 1"):
        model(solver=solver).fit(X, 1e200 * y)
