"""Estimators whose loss or parameters are no longer finite: an error, or with early stopping the best weights."""

import copy

import numpy as np
import pytest

pytest.importorskip("sklearn")

import scipy.optimize
from sklearn.exceptions import ConvergenceWarning

import fastbp
from fastbp import MLPClassifier, MLPRegressor
from tests.cases import UNCOMPILED
from tests.estimator_cases import Explodes, data, fitted, same

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
X, Y, _ = data("iris")
XR, YR, _ = data("diabetes")
SMALL = {"hidden_layer_sizes": 10, "max_iter": 10, "random_state": 0, "learning_rate_init": 0.01}
LATE = SMALL | {"early_stopping": True, "learning_rate": Explodes(), "batch_size": 50}
DATA = {MLPClassifier: (X, Y), MLPRegressor: (XR, YR)}
both = pytest.mark.parametrize("kind", [MLPClassifier, MLPRegressor])


@both
def test_a_training_with_early_stopping_that_diverges_has_the_best_weights(kind):
    model = kind(**LATE)
    told = r"^The training diverged: in epoch 4 of solver='adam', with the learning rate Explodes.* or scale X"
    with pytest.warns(ConvergenceWarning, match=told) as warned:
        model.fit(*DATA[kind])
    assert len(warned) == 1
    assert (model.n_iter_, len(model.loss_curve_), len(model.validation_scores_)) == (3, 3, 3)
    assert not model.stopped_
    calm = fitted(kind(**LATE | {"learning_rate": "constant", "max_iter": 3}), *DATA[kind])
    assert same(model, calm)
    assert model.best_validation_score_ == calm.best_validation_score_ == max(model.validation_scores_)


@both
@pytest.mark.parametrize(
    "more",
    [{"learning_rate": Explodes(0.0)}, {"early_stopping": False}, {"restore_best_weights": False}],
    ids=["at once", "without early stopping", "without the best weights"],
)
def test_divergence_is_an_error_where_no_best_weights_are_wanted_or_there(kind, more):
    with pytest.raises(ValueError, match=r"non-finite .* The model has the parameters from before that epoch\.$"):
        kind(**LATE | more).fit(*DATA[kind])


def test_a_training_in_parts_ends_where_it_diverges():
    model = MLPRegressor(**LATE)
    for _ in range(3):
        model.partial_fit(XR, YR)
    assert not model.stopped_
    with pytest.warns(ConvergenceWarning, match="^The training diverged: in epoch 1 of"):
        model.partial_fit(XR, YR)
    assert model.stopped_
    assert len(model.validation_scores_) == 3
    before = copy.deepcopy(model)
    assert np.isfinite(before.predict(XR)).all()
    assert same(model.partial_fit(XR, YR), before)


def test_going_on_after_divergence():
    """The next call begins with a fresh memory of the rule."""
    model = MLPRegressor(**SMALL | {"solver": "adam", "beta_2": 0.5}).partial_fit(XR, YR)
    with pytest.raises(ValueError, match="non-finite"):
        model.partial_fit(XR * 1e200, YR)
    assert np.isfinite(model.partial_fit(XR, YR).loss_)


def test_divergence():
    """One error that names the learning rate and scaling; the parameters are the last finite ones."""
    model = MLPRegressor(**SMALL | {"solver": "sgd", "learning_rate_init": 1e30})
    with pytest.raises(ValueError, match="Solver produced non-finite parameter weights") as caught:
        model.fit(XR * 1e100, YR)
    assert "learning_rate_init=1e+30" in str(caught.value)
    assert "StandardScaler" in str(caught.value)
    assert np.isfinite(model.coefs_[0]).all()
    with pytest.raises(ValueError, match=r"the learning rate 1e\+30"):
        MLPRegressor(**SMALL, solver=fastbp.SGD(1e30)).fit(XR * 1e100, YR)


def test_an_error_says_which_parameters_the_model_has():
    """With restore_best_weights alone those of the least training loss."""
    best = MLPRegressor(**LATE | {"early_stopping": False, "restore_best_weights": True})
    with pytest.raises(ValueError, match=r"The model has the parameters of its best epoch\.$"):
        best.fit(XR, YR)
    least = int(np.argmin(best.loss_curve_)) + 1
    assert same(best, fitted(MLPRegressor(**SMALL | {"max_iter": least, "batch_size": 50}), XR, YR))


@pytest.mark.parametrize("early_stopping", [False, True])
def test_what_lbfgs_makes_infinite_is_an_error_or_the_best_weights(early_stopping, monkeypatch):
    model = MLPRegressor(**SMALL, solver="lbfgs", early_stopping=early_stopping)
    minimize = scipy.optimize.minimize

    def diverging(*args, **more):
        result = minimize(*args, **more)
        return scipy.optimize.OptimizeResult(result | {"x": result.x * np.inf, "status": 0})

    monkeypatch.setattr(scipy.optimize, "minimize", diverging)
    how = {"X_val": XR[::2], "y_val": YR[::2]}
    if not early_stopping:
        with pytest.raises(ValueError, match="non-finite"):
            fitted(model, XR, YR, **how)
        return
    with pytest.warns(ConvergenceWarning, match=r"^Solver produced non-finite .* has the best parameters before that"):
        model.fit(XR, YR, **how)
    assert model.score(XR[::2], YR[::2]) == model.best_validation_score_ > 0
