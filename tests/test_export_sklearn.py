"""to_sklearn and from_sklearn: the same predictions there and here, and a training that goes on."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("sklearn")

from sklearn import neural_network
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LinearRegression

import fastbp
from fastbp.export import sklearn as export
from fastbp.export.sklearn import from_sklearn, to_sklearn
from tests.cases import DTYPES, UNCOMPILED
from tests.estimator_cases import VERSION, data
from tests.estimator_cases import fitted as fit
from tests.export_cases import COMBINATIONS, network_of, samples, sizes_for

heavy = pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
HAS_POISSON = VERSION >= (1, 7)
SCORELESS = ("texts", "early") if VERSION < (1, 9) else None
RTOL = {"float32": 1e-6, "float64": 1e-12}  # of the largest output
X, Y, _ = data("iris")
SMALL = {"hidden_layer_sizes": 10, "max_iter": 8, "random_state": 0, "learning_rate_init": 0.01}
SEVERAL = np.column_stack([Y == 0, Y != 1]).astype(int)
TARGETS = {
    "classes": ("MLPClassifier", Y),
    "texts": ("MLPClassifier", np.array(["a", "b", "c"])[Y]),
    "two": ("MLPClassifier", Y > 1),
    "several": ("MLPClassifier", SEVERAL),
    "one": ("MLPClassifier", np.full(150, 7)),
    "numbers": ("MLPRegressor", X[:, 0] * 2 - X[:, 1]),
    "rows of numbers": ("MLPRegressor", X[:, 1:]),
}
PARAMETERS = {
    "adam": {},
    "sgd": {"solver": "sgd", "learning_rate": "adaptive", "momentum": 0.5, "batch_size": 30},
    "lbfgs": {"solver": "lbfgs"},
    "early": {"early_stopping": True, "n_iter_no_change": 2, "max_iter": 30, "validation_fraction": 0.2},
    "tanh": {"activation": "tanh", "hidden_layer_sizes": [5, 4], "alpha": 0.1},
    "logistic": {"activation": "logistic", "warm_start": True, "shuffle": False},
    "linear": {"activation": "identity", "hidden_layer_sizes": ()},
}


def parameters_of(model):
    return {
        name: value for name, value in model.get_params().items() if name in neural_network.MLPRegressor().get_params()
    }


def assert_alike(theirs, ours, X, y, dtype="float64"):
    """Parameters, fitted attributes, weights, predictions and the score."""
    assert parameters_of(theirs) == {k: v for k, v in parameters_of(ours).items() if k in theirs.get_params()}
    for name in export.FITTED:
        assert hasattr(theirs, name) == hasattr(ours, name) or name == "_no_improvement_count", name
    for name in ("n_features_in_", "n_outputs_", "n_layers_", "out_activation_", "n_iter_", "t_", "best_loss_"):
        assert getattr(theirs, name, "none") == getattr(ours, name, "none"), name
    for name in ("loss_", "loss_curve_", "validation_scores_", "best_validation_score_", "feature_names_in_"):
        np.testing.assert_equal(getattr(theirs, name, "none"), getattr(ours, name, "none"), err_msg=name)
    for a, b in zip([*theirs.coefs_, *theirs.intercepts_], [*ours.coefs_, *ours.intercepts_], strict=True):
        np.testing.assert_array_equal(a, b)
        assert a.dtype == b.dtype == dtype
        assert not np.shares_memory(a, b)
    expected = ours.predict(X)
    rtol = RTOL[dtype]
    if not hasattr(ours, "classes_"):
        np.testing.assert_allclose(theirs.predict(X), expected, rtol=0, atol=rtol * np.abs(expected).max())
    else:
        np.testing.assert_array_equal(theirs.classes_, ours.classes_)
        assert (theirs.predict(X) == expected).all()
        assert theirs.predict(X).dtype == expected.dtype
        if len(ours.classes_) > 1:
            np.testing.assert_allclose(theirs.predict_proba(X), ours.predict_proba(X), rtol=0, atol=rtol)
    np.testing.assert_allclose(theirs.score(X, y), ours.score(X, y), rtol=1e-5)


# ---- Estimators there and back ---------------------------------------------------------------------------------------


@heavy
@pytest.mark.parametrize("target", TARGETS)
@pytest.mark.parametrize("parameters", PARAMETERS)
def test_estimators_there_and_back(parameters, target):
    kind, y = TARGETS[target]
    if (target, parameters) == SCORELESS:
        pytest.skip("scikit-learn's early stopping scores texts since 1.9")
    chosen = SMALL | PARAMETERS[parameters]
    ours, theirs = getattr(fastbp, kind)(**chosen), getattr(neural_network, kind)(**chosen)
    fit(ours, X, y)
    fit(theirs, X, y)
    assert_alike(to_sklearn(ours), ours, X, y)
    mine = from_sklearn(theirs)
    assert_alike(theirs, mine, X, y)
    assert_alike(to_sklearn(mine), mine, X, y)


@heavy
@pytest.mark.parametrize("target", ["texts", "numbers"])
def test_float32(target):
    kind, y = TARGETS[target]
    small = X.astype(np.float32)
    ours, theirs = getattr(fastbp, kind)(**SMALL), getattr(neural_network, kind)(**SMALL)
    assert_alike(to_sklearn(fit(ours, small, y)), ours, small, y, "float32")
    assert_alike(fit(theirs, small, y), from_sklearn(theirs), small, y, "float32")


@heavy
@pytest.mark.skipif(not HAS_POISSON, reason="scikit-learn has it since 1.7")
def test_the_poisson_loss():
    ours = fit(fastbp.MLPRegressor("poisson", **SMALL), X, Y)
    assert_alike(to_sklearn(ours), ours, X, Y)
    theirs = fit(neural_network.MLPRegressor("poisson", **SMALL), X, Y)
    assert_alike(theirs, from_sklearn(theirs), X, Y)


@heavy
def test_names_of_columns():
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(X, columns=list("abcd"))
    ours = fit(fastbp.MLPClassifier(**SMALL), frame, Y)
    assert_alike(to_sklearn(ours), ours, frame, Y)
    theirs = fit(neural_network.MLPClassifier(**SMALL), frame, Y)
    assert_alike(theirs, from_sklearn(theirs), frame, Y)


@heavy
def test_nothing_is_shared():
    theirs = fit(neural_network.MLPClassifier(**SMALL | {"random_state": np.random.RandomState(3)}), X, Y)
    ours = from_sklearn(theirs)
    again = to_sklearn(ours)
    for a, b in ((theirs, ours), (ours, again), (theirs, again)):
        assert a.loss_curve_ is not b.loss_curve_
        assert a._label_binarizer is not b._label_binarizer
        assert a.random_state is not b.random_state
    before = theirs.coefs_[0].copy()
    ours.coefs_[0][...] = 0
    np.testing.assert_array_equal(theirs.coefs_[0], before)
    assert again.coefs_[0].any()


# ---- Training goes on ------------------------------------------------------------------------------------------------


@heavy
@pytest.mark.parametrize("target", ["classes", "two", "several", "numbers", "rows of numbers"])
def test_partial_fit_goes_on_alike_on_both_sides(target):
    """Without moments SGD has nothing to forget, so the next epochs are the same on both sides."""
    kind, y = TARGETS[target]
    chosen = SMALL | {"solver": "sgd", "momentum": 0.0, "learning_rate_init": 0.05}
    theirs = fit(getattr(neural_network, kind)(**chosen), X, y)
    ours, there = from_sklearn(theirs), to_sklearn(fit(getattr(fastbp, kind)(**chosen), X, y))
    for model in (theirs, ours, there):
        for _ in range(3):
            model.partial_fit(X, y)
    for model in (ours, there):
        assert len(model.loss_curve_) == SMALL["max_iter"] + 3
        assert model.t_ == theirs.t_
        np.testing.assert_allclose(model.loss_curve_, theirs.loss_curve_, rtol=1e-9)
        for a, b in zip(model.coefs_, theirs.coefs_, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-7, atol=1e-9)


@heavy
@pytest.mark.parametrize("parameters", ["adam", "sgd", "lbfgs", "early"])
def test_warm_starts_go_on_alike_on_both_sides(parameters):
    """They begin with moments of 0 anyway."""
    chosen = SMALL | PARAMETERS[parameters] | {"warm_start": True}
    theirs = fit(neural_network.MLPClassifier(**chosen), X, Y)
    ours, there = from_sklearn(theirs), to_sklearn(fit(fastbp.MLPClassifier(**chosen), X, Y))
    for model in (theirs, ours, there):
        fit(model.set_params(max_iter=3), X, Y)
    for model in (ours, there):
        np.testing.assert_allclose(model.loss_, theirs.loss_, rtol=1e-4)
        np.testing.assert_allclose(model.predict_proba(X), theirs.predict_proba(X), rtol=1e-2, atol=1e-3)


@heavy
def test_the_best_weights_of_early_stopping_come_along():
    chosen = SMALL | PARAMETERS["early"]
    theirs = fit(neural_network.MLPClassifier(**chosen), X, Y)
    ours = from_sklearn(theirs)
    best = [*theirs._best_coefs, *theirs._best_intercepts]
    places = [*to_sklearn(ours)._best_coefs, *to_sklearn(ours)._best_intercepts]
    assert all((a == b).all() for a, b in zip(best, places, strict=True))
    theirs._best_coefs = [coef + 1 for coef in theirs._best_coefs]  # no longer those of the model
    assert (to_sklearn(from_sklearn(theirs))._best_coefs[0] == theirs.coefs_[0] + 1).all()


@heavy
@pytest.mark.parametrize("target", TARGETS)
def test_what_came_from_scikit_learn_can_be_kept_and_trained_further(target, tmp_path):
    kind, y = TARGETS[target]
    for name, parameters in PARAMETERS.items():
        if (target, name) == SCORELESS:
            continue
        ours = from_sklearn(fit(getattr(neural_network, kind)(**SMALL | parameters), X, y))
        ours.save(tmp_path / "model")
        back = fastbp.load(tmp_path / "model")
        np.testing.assert_array_equal(back.predict(X), ours.predict(X))
        if ours.solver != "lbfgs":
            for model in (ours, back):
                model.partial_fit(X, y)
            np.testing.assert_array_equal(back.coefs_[0], ours.coefs_[0])


# ---- Networks --------------------------------------------------------------------------------------------------------


def there(sizes, hidden, output, dtype="float64", **options):
    network = network_of(sizes, hidden, output, dtype)
    return network, to_sklearn(network)


@heavy
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("hidden", "output"), [(h, o) for h, o in COMBINATIONS if h in export.ACTIVATIONS])
def test_networks(hidden, output, dtype):
    if output == "exponential" and not HAS_POISSON:
        pytest.skip("scikit-learn has the Poisson loss since 1.7")
    for sizes in sizes_for(output):
        network, model = there(sizes, hidden, output, dtype)
        X = samples(33, sizes[0], dtype)
        Y = network.predict(X)
        if output in ("identity", "exponential"):
            assert type(model) is neural_network.MLPRegressor
            np.testing.assert_allclose(model.predict(X).reshape(Y.shape), Y, rtol=0, atol=RTOL[dtype] * np.abs(Y).max())
        else:
            probabilities = np.hstack([1 - Y, Y]) if Y.shape[1] == 1 else Y
            np.testing.assert_allclose(model.predict_proba(X), probabilities, rtol=0, atol=RTOL[dtype])
            several = output == "sigmoid" and sizes[-1] > 1
            expected = (Y > 0.5).astype(int) if several else probabilities.argmax(axis=1)
            np.testing.assert_array_equal(model.predict(X), expected)
        assert model.coefs_[0].dtype == dtype


@heavy
@pytest.mark.parametrize(
    ("sizes", "output", "y"),
    [
        ((4, 5, 3), "softmax", Y),
        ((4, 5, 2), "softmax", Y == 2),
        ((4, 5, 1), "sigmoid", Y == 2),
        ((4, 5, 2), "sigmoid", SEVERAL),
        ((4, 5, 1), "identity", X[:, 0]),
        ((4, 5, 4), "identity", X),
        ((4, 3), "softmax", Y),
    ],
)
def test_networks_can_be_trained_further_there_and_come_back(sizes, output, y):
    _, model = there(sizes, "tanh", output)
    assert model._no_improvement_count == 0
    y = y if y.dtype != bool else y.astype(int)
    assert_alike(model, from_sklearn(model), X, y)
    model.partial_fit(X, y)
    assert (model.n_iter_, model.t_, len(model.loss_curve_)) == (1, 150, 1)
    mine = from_sklearn(model)
    mine.partial_fit(X, y)
    assert mine.score(X, y) > -10


# ---- What cannot come along ------------------------------------------------------------------------------------------


def test_networks_that_scikit_learn_does_not_have():
    for hidden in ("gelu", "silu", "elu", "selu", "mish", "softplus", "leaky_relu"):
        for both in (hidden, ("relu", hidden)):
            named = rf"hidden layers of identity, sigmoid, tanh, relu for scikit-learn, got {hidden}"
            with pytest.raises(ValueError, match=named):
                to_sklearn(fastbp.Network((2, 3, 3, 2), both))
    with pytest.raises(ValueError, match=r"one activation in all hidden layers for scikit-learn, got relu, tanh"):
        to_sklearn(fastbp.Network((2, 3, 3, 2), ("tanh", "relu")))
    for loss in ("huber", "quantile"):
        with pytest.raises(ValueError, match=rf"the loss squared_error or poisson for scikit-learn, got {loss}"):
            to_sklearn(fastbp.Network((2, 3, 1), output="identity", loss=loss))


@pytest.mark.parametrize("old", [True, False])
def test_the_poisson_loss_needs_a_scikit_learn_that_has_it(old, monkeypatch):
    if old:
        names = [name for name in neural_network.MLPRegressor._get_param_names() if name != "loss"]
        monkeypatch.setattr(neural_network.MLPRegressor, "_get_param_names", lambda: names)
    network = fastbp.Network((2, 3, 1), output="exponential")
    if old or not HAS_POISSON:
        with pytest.raises(ValueError, match=r"the loss squared_error for a scikit-learn below 1.7, got poisson"):
            to_sklearn(network)
    else:
        assert to_sklearn(network).loss == "poisson"


@heavy
def test_estimators_that_scikit_learn_does_not_have():
    with pytest.raises(ValueError, match=r"hidden layers of .* for scikit-learn, got silu"):
        to_sklearn(fit(fastbp.MLPClassifier(**SMALL, activation="silu"), X, Y))
    for loss in ("huber", "quantile"):
        with pytest.raises(ValueError, match=rf"the loss squared_error or poisson for scikit-learn, got {loss}"):
            to_sklearn(fit(fastbp.MLPRegressor(loss, **SMALL), X, Y))
    same = fit(fastbp.MLPClassifier(**SMALL | {"hidden_layer_sizes": (3, 3)}, activation=["sigmoid", "logistic"]), X, Y)
    assert to_sklearn(same).activation == "logistic"


@heavy
def test_parameters_that_stay_behind_are_named():
    more = {"solver": fastbp.SGD(0.2), "dropout": 0.1, "class_weight": "balanced", "max_norm": 3.0}
    without_effect = {"dtype": "float32", "n_jobs": 1, "l1_ratio": 0, "alpha": 0.01}
    ours = fit(fastbp.MLPClassifier(**SMALL, **more, **without_effect), X, Y)
    named = r"scikit-learn has no class_weight='balanced', dropout=0.1, max_norm=3.0, solver=SGD\(.*0.2\): its model"
    with pytest.warns(RuntimeWarning, match=named) as warned:
        theirs = to_sklearn(ours)
    assert warned[0].filename == __file__
    assert (theirs.solver, theirs.alpha) == ("adam", 0.01)
    assert (theirs.predict(X) == ours.predict(X)).all()
    ours = fit(fastbp.MLPRegressor(**SMALL, learning_rate=fastbp.CosineDecay(0.1)), X, Y)
    with pytest.warns(RuntimeWarning, match=r"scikit-learn has no learning_rate=CosineDecay\(.*\): its"):
        assert to_sklearn(ours).learning_rate == "constant"


@heavy
@pytest.mark.parametrize(("given", "there"), [("tanh", "tanh"), ("gelu", "relu"), ([], "relu"), ("sigmoid", "relu")])
def test_an_activation_that_no_layer_has(given, there):
    ours = fit(fastbp.MLPClassifier(**SMALL | {"hidden_layer_sizes": ()}, activation=given), X, Y)
    assert to_sklearn(ours).activation == there


@heavy
def test_an_activation_that_was_changed_after_the_fit_is_not_that_of_the_network():
    ours = fit(fastbp.MLPClassifier(**SMALL), X, Y)
    ours.activation = "tanh"
    assert to_sklearn(ours).activation == "relu"
    theirs = fit(neural_network.MLPClassifier(**SMALL), X, Y)
    theirs.activation = "tanh"
    np.testing.assert_allclose(from_sklearn(theirs).predict_proba(X), theirs.predict_proba(X), rtol=1e-9)
    if HAS_POISSON:
        regressor = fit(neural_network.MLPRegressor(**SMALL), X, Y)
        regressor.loss = "poisson"
        with pytest.raises(
            ValueError, match=r"model must have the loss that it was fitted with, got loss='poisson' for"
        ):
            from_sklearn(regressor)


@heavy
def test_weights_that_do_not_fit():
    theirs = fit(neural_network.MLPClassifier(**SMALL), X, Y)
    theirs.coefs_[0] = theirs.coefs_[0][:2]
    with pytest.raises(ValueError, match=r"coefs_ and intercepts_ must have the shapes .*, got "):
        from_sklearn(theirs)


class Own(neural_network.MLPClassifier):
    """May predict in another way."""


def test_what_is_no_model():
    for wrong in (3, LinearRegression(), fastbp.MLPClassifier(), fastbp.Network((1, 2)), Own()):
        with pytest.raises(TypeError, match=r"model must be a fitted sklearn.neural_network.MLPClassifier .*, got "):
            from_sklearn(wrong)
    for wrong in (3, LinearRegression(), neural_network.MLPClassifier(), fastbp.EnsembleClassifier()):
        with pytest.raises(TypeError, match=r"model must be a fastbp.Network or a fitted .*, got "):
            to_sklearn(wrong)


def test_models_must_be_fitted():
    for kind in ("MLPClassifier", "MLPRegressor"):
        with pytest.raises(NotFittedError, match=kind):
            from_sklearn(getattr(neural_network, kind)())
        with pytest.raises(NotFittedError, match=kind):
            to_sklearn(getattr(fastbp, kind)())


def test_what_to_install():
    script = """
import sys
sys.modules["sklearn"] = None
import fastbp
from fastbp.export.sklearn import from_sklearn, to_sklearn
for function in (to_sklearn, from_sklearn):
    try:
        function(fastbp.Network((1, 2)))
    except ImportError as problem:
        print(problem)
"""
    told = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout.splitlines()
    assert len(told) == 2
    assert all(line.endswith("need scikit-learn 1.6 or later: pip install 'fastbp[sklearn]'") for line in told)
