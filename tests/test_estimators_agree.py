"""The same random_state gives the same start, batches, losses and models as scikit-learn's classes."""

import inspect
import warnings

import numpy as np
import pytest

pytest.importorskip("sklearn")

import scipy.sparse
from sklearn import neural_network
from sklearn.exceptions import ConvergenceWarning

import fastbp
from tests.cases import UNCOMPILED
from tests.estimator_cases import (
    BOTH,
    VERSION,
    assert_same_predictions,
    assert_same_training,
    data,
    fitted,
    pair,
)

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
weighted = pytest.mark.skipif(VERSION < (1, 7), reason="scikit-learn's has no sample_weight")
NAMES = ("digits", "iris", "diabetes", "breast_cancer", "breast_cancer_raw", "iris_raw")


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", NAMES)
def test_loss_curve_and_predictions(name, solver):
    X, y, kind = data(name)
    theirs, ours = (fitted(each, X, y) for each in pair(kind, solver=solver))
    assert len(ours.loss_curve_) == 50
    assert_same_training(theirs, ours, X)
    assert ours.score(X, y) == pytest.approx(theirs.score(X, y), abs=1e-9)


OPTIONS = [
    {"activation": "identity"},
    {"activation": "logistic"},
    {"activation": "tanh", "hidden_layer_sizes": (17, 9)},
    {"hidden_layer_sizes": []},
    {"hidden_layer_sizes": 13, "batch_size": 7},
    {"hidden_layer_sizes": (3,), "batch_size": 1},
    {"shuffle": False},
    {"alpha": 0},
    {"alpha": 10.0},
    {"batch_size": 10**6},
    {"solver": "sgd", "learning_rate": "invscaling"},
    {"solver": "sgd", "learning_rate": "adaptive", "learning_rate_init": 0.3, "tol": 1e-2, "n_iter_no_change": 2},
    {"solver": "sgd", "momentum": 0},
    {"solver": "sgd", "momentum": 1.0, "learning_rate_init": 1e-4},
    {"solver": "sgd", "nesterovs_momentum": False},
    {"solver": "sgd", "momentum": 0, "alpha": 0},
    {"beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-2},
    {"beta_1": 0, "beta_2": 0},
    {"early_stopping": True, "validation_fraction": 0.2},
    {"early_stopping": True, "n_iter_no_change": 2, "tol": 0.01},
    {"early_stopping": True, "solver": "sgd", "learning_rate": "adaptive", "n_iter_no_change": 1, "tol": 0.05},
    {"tol": 0.05, "n_iter_no_change": 3},
]


@pytest.mark.parametrize("name", ["iris", "diabetes"])
@pytest.mark.parametrize("options", OPTIONS, ids=str)
@pytest.mark.filterwarnings("ignore:Got `batch_size` less than 1")
def test_options(name, options):
    X, y, kind = data(name)
    options = {"max_iter": 20, "hidden_layer_sizes": 20} | options
    assert_same_training(*(fitted(each, X, y) for each in pair(kind, **options)), X)


@pytest.mark.parametrize("kind", BOTH)
def test_the_same_warnings(kind):
    """ConvergenceWarning where the epochs end, none where the tolerance does; the clipped batch."""
    X, y, kind = data("iris" if kind == "MLPClassifier" else "diabetes")
    for options in ({"max_iter": 3}, {"tol": 1.0, "n_iter_no_change": 2}, {"max_iter": 3, "batch_size": 1000}):
        found = []
        for each in pair(kind, **options):
            with warnings.catch_warnings(record=True) as caught:
                warnings.simplefilter("always")
                each.fit(X, y)
            found.append([(w.category, str(w.message)) for w in caught])
        assert found[0] == found[1]
    assert found[0][-1][0] is ConvergenceWarning


@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_warm_start(name, early_stopping):
    X, y, kind = data(name)
    theirs, ours = pair(kind, max_iter=4, warm_start=True, early_stopping=early_stopping, random_state=1)
    for _ in range(2 if early_stopping else 3):
        fitted(theirs, X, y)
        fitted(ours, X, y)
        np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-6)
    assert ours.n_iter_ == theirs.n_iter_ == 4
    if not early_stopping:  # scikit-learn's second fit trains the best weights of the first on, where they lie
        assert_same_training(theirs, ours, X)


def test_warm_start_keeps_the_best_weights():
    """A fit that finds nothing better ends with the best weights of the fits before it."""
    X, y, _ = data("breast_cancer")
    model = fitted(pair("MLPClassifier", max_iter=30, warm_start=True, early_stopping=True)[1], X, y)
    best, coef = model.best_validation_score_, model.coefs_[0].copy()
    fitted(model.set_params(max_iter=2, learning_rate_init=3.0), X, y)
    assert model.best_validation_score_ == best
    np.testing.assert_array_equal(model.coefs_[0], coef)


@pytest.mark.parametrize("after_fit", [False, True])
@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_partial_fit(name, solver, after_fit):
    X, y, kind = data(name)
    theirs, ours = pair(kind, max_iter=3, solver=solver)
    first = {"classes": np.unique(y)} if kind == "MLPClassifier" else {}
    for each in (theirs, ours):
        if after_fit:
            fitted(each, X, y)
        for start in (0, 50, 100):  # iris is sorted: each part has one class
            each.partial_fit(X[start : start + 50], y[start : start + 50], **(first if start == 0 else {}))
    assert_same_training(theirs, ours, X)


@weighted
@pytest.mark.parametrize("early_stopping", [False, True])
@pytest.mark.parametrize("name", ["iris", "breast_cancer", "diabetes"])
def test_sample_weight(name, early_stopping):
    X, y, kind = data(name)
    weight = np.random.default_rng(0).integers(0, 4, len(y)).astype(float)
    both = pair(kind, max_iter=10, batch_size=40, early_stopping=early_stopping)
    assert_same_training(*(fitted(each, X, y, sample_weight=weight) for each in both), X)


def multilabel():
    X, y, _ = data("iris")
    return X, np.column_stack([y == 0, y != 1, X[:, 0] > 0]).astype(int), "MLPClassifier"


def several_outputs():
    X, y, _ = data("diabetes")
    return X, np.column_stack([y, X[:, 0] - y]), "MLPRegressor"


@pytest.mark.parametrize("solver", ["sgd", "adam"])
@pytest.mark.parametrize("problem", [multilabel, several_outputs])
def test_several_targets(problem, solver):
    X, y, kind = problem()
    for options in ({}, {"early_stopping": True}):
        both = pair(kind, max_iter=15, solver=solver, **options)
        assert_same_training(*(fitted(each, X, y) for each in both), X)


@pytest.mark.skipif(VERSION < (1, 7), reason="scikit-learn's has no Poisson loss")
@pytest.mark.parametrize("weight", [None, 1])
def test_poisson(weight):
    X, _, _ = data("diabetes")
    y = np.random.default_rng(0).poisson(np.exp(X[:, 2]))
    weight = weight and np.random.default_rng(0).uniform(0, 2, len(y))
    both = pair("MLPRegressor", loss="poisson", max_iter=20, batch_size=50)
    assert_same_training(*(fitted(each, X, y, sample_weight=weight) for each in both), X)
    both = pair("MLPRegressor", loss="poisson", solver="lbfgs", max_iter=10, tol=1e-6)
    theirs, ours = (fitted(each, X, y) for each in both)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-3)


@pytest.mark.parametrize("layout", ["csr", "csc", "coo"])
@pytest.mark.parametrize("name", ["iris", "diabetes"])
def test_sparse(name, layout):
    X, y, kind = data(name)
    X = np.where(abs(X) < 0.5, 0, X)
    sparse = getattr(scipy.sparse, f"{layout}_matrix")(X)
    for options in ({}, {"early_stopping": True}):
        theirs, ours = (fitted(each, sparse, y) for each in pair(kind, max_iter=8, batch_size=30, **options))
        assert_same_training(theirs, ours, sparse)
        dense = fitted(pair(kind, max_iter=8, batch_size=30, **options)[1], X, y)
        np.testing.assert_allclose(ours.predict(X), dense.predict(sparse), rtol=1e-9)


def test_sparse_in_several_parts(monkeypatch):
    from fastbp.estimators.mlp import lbfgs

    X, y, kind = data("diabetes")
    sparse, whole = scipy.sparse.csr_matrix(X), []
    for size in (1 << 24, 25_000):  # the second is room for 31 samples
        monkeypatch.setattr(lbfgs, "PART_BYTES", size)
        model = fitted(pair(kind, max_iter=5, solver="lbfgs")[1], sparse, y)
        whole.append(model.predict(sparse))
    np.testing.assert_allclose(*whole, rtol=1e-6)


def test_a_random_state_that_goes_on():
    X, y, kind = data("iris")
    found = []
    for each in pair(kind, max_iter=5):
        state = np.random.RandomState(7)
        each.set_params(random_state=state)
        found.append((fitted(each, X, y).loss_curve_, state.uniform()))
    np.testing.assert_allclose(*[curve for curve, _ in found], rtol=1e-6)
    assert found[0][1] == found[1][1]


@pytest.mark.parametrize("name", ["iris", "diabetes", "breast_cancer"])
def test_float32(name):
    X, y, kind = data(name)
    theirs, ours = (fitted(each, X.astype(np.float32), y) for each in pair(kind, max_iter=20))
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=1e-4)
    assert ours.coefs_[0].dtype == theirs.coefs_[0].dtype == np.float32
    assert_same_predictions(theirs, ours, X.astype(np.float32), rtol=1e-4)


@pytest.mark.parametrize("name", ["digits", "iris", "breast_cancer", "diabetes"])
def test_lbfgs(name):
    X, y, kind = data(name)
    theirs, ours = (fitted(each, X, y) for each in pair(kind, solver="lbfgs", max_iter=15, tol=1e-8))
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-3)
    assert ours.n_iter_ == theirs.n_iter_
    assert not hasattr(ours, "loss_curve_")
    expected, found = theirs.predict(X), ours.predict(X)
    if kind == "MLPClassifier":
        assert (found == expected).mean() >= 0.99
    else:
        np.testing.assert_allclose(found, expected, atol=0.01)


@pytest.mark.filterwarnings("ignore:scipy.optimize. The `disp`:DeprecationWarning")
def test_lbfgs_warns_as_scikit_learn_does():
    X, y, kind = data("iris")
    for each in pair(kind, solver="lbfgs", max_iter=2):
        with pytest.warns(ConvergenceWarning, match="lbfgs failed to converge"):
            each.fit(X, y)


@weighted
def test_lbfgs_with_weights():
    X, y, kind = data("diabetes")
    weight = np.random.default_rng(0).integers(0, 3, len(y))
    both = pair(kind, solver="lbfgs", max_iter=10, tol=1e-8)
    theirs, ours = (fitted(each, X, y, sample_weight=weight) for each in both)
    assert ours.loss_ == pytest.approx(theirs.loss_, rel=1e-3)


@pytest.mark.parametrize("kind", BOTH)
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_fitted_attributes(kind, solver, early_stopping):
    """All that scikit-learn's have, of the same types."""
    X, y, kind = data("iris" if kind == "MLPClassifier" else "diabetes")
    theirs, ours = (fitted(e, X, y) for e in pair(kind, max_iter=3, solver=solver, early_stopping=early_stopping))
    expected = {name: value for name, value in vars(theirs).items() if name.endswith("_") and name[0] != "_"}
    for name, value in expected.items():
        kind_of_value = float if isinstance(value, float) else type(value)
        assert isinstance(getattr(ours, name), kind_of_value), name
    more = {name for name in vars(ours) if name.endswith("_") and name[0] != "_"} - expected.keys()
    assert more == {"stopped_"}
    assert ours.n_features_in_ == X.shape[1]


@pytest.mark.parametrize("kind", BOTH)
def test_constructor(kind):
    """scikit-learn's parameters, in their order and with their defaults, and then ours."""
    theirs = inspect.signature(getattr(neural_network, kind)).parameters
    ours = inspect.signature(getattr(fastbp, kind)).parameters
    if VERSION >= (1, 7):
        assert [*ours][: len(theirs)] == [*theirs]
    for name, parameter in theirs.items():
        assert ours[name].default == parameter.default, name
        if VERSION >= (1, 7):
            assert ours[name].kind == parameter.kind, name
    assert all(ours[name].kind == inspect.Parameter.KEYWORD_ONLY for name in ours.keys() - theirs.keys() - {"loss"})


def test_log_proba():
    X, y, kind = data("iris")
    theirs, ours = (fitted(each, X, y) for each in pair(kind, max_iter=5))
    np.testing.assert_allclose(ours.predict_log_proba(X), theirs.predict_log_proba(X), rtol=1e-6)
    np.testing.assert_allclose(np.exp(ours.predict_log_proba(X)), ours.predict_proba(X))


def test_the_derivative_of_relu_at_0_does_not_matter():
    """It is 1 in the lecture and 0 in scikit-learn. A sum of inputs and a drawn bias is never exactly 0, however many
    of the inputs are; only weights that somebody sets to 0 show the difference."""
    X, y, kind = data("digits")
    X = np.where(X > 0.5, X, 0.0)  # most inputs are 0, and some samples nearly all
    assert (X == 0).mean() > 0.7
    assert_same_training(*(fitted(each, X, y) for each in pair(kind, max_iter=50)), X)
    both = pair(kind, max_iter=1, warm_start=True, alpha=0)
    for each in both:
        fitted(each, X, y)
        each.coefs_[0][:] = 0
        each.intercepts_[0][:] = 0
        fitted(each, X, y)
    theirs, ours = both
    assert (theirs.coefs_[0] == 0).all()
    assert (ours.coefs_[0] != 0).any()
