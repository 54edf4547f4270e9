"""Data and comparisons for the tests of the estimators."""

import warnings
from dataclasses import dataclass
from functools import cache

import numpy as np
import sklearn
from sklearn import datasets, neural_network
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler

import fastbp

VERSION = tuple(int(number) for number in sklearn.__version__.split(".")[:2])
BOTH = ("MLPClassifier", "MLPRegressor")


@dataclass(frozen=True)
class Explodes(fastbp.Schedule):
    """A rate that is all right for some part of the training, and then far too large."""

    part: float = 0.3

    def rates(self, steps, total):
        return np.where(np.asarray(steps) < self.part * total, 0.01, 1e200)


@cache
def data(name):
    """X in float64 and y, and the name of the class for it."""
    X, y = getattr(datasets, f"load_{name.removesuffix('_raw')}")(return_X_y=True)
    if name == "digits":
        X, y = X[:500], y[:500]
    if name.endswith("_raw"):
        return X, y, "MLPClassifier"
    X = StandardScaler().fit_transform(X)
    if name == "diabetes":
        return X, (y - y.mean()) / y.std(), "MLPRegressor"
    return X, y, "MLPClassifier"


def pair(kind, **parameters):
    """scikit-learn's estimator and ours."""
    parameters = {"random_state": 3, "max_iter": 50, "tol": 0, "n_iter_no_change": 1000} | parameters
    return getattr(neural_network, kind)(**parameters), getattr(fastbp, kind)(**parameters)


def fitted(estimator, *args, method="fit", **more):
    """The estimator after `fit`, which may end for want of epochs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.filterwarnings("ignore", "scipy.optimize: The `disp`", DeprecationWarning)  # scikit-learn 1.6
        return getattr(estimator, method)(*args, **more)


def same(a, b):
    """Whether two estimators have the same parameters of their networks, to the bit."""
    return all((c == d).all() for c, d in zip([*a.coefs_, *a.intercepts_], [*b.coefs_, *b.intercepts_], strict=True))


def assert_same_training(theirs, ours, X, rtol=1e-6):
    """The same loss curve, counts and scores, and predictions that agree."""
    np.testing.assert_allclose(ours.loss_curve_, theirs.loss_curve_, rtol=rtol)
    for name in ("n_iter_", "t_", "n_layers_", "n_outputs_", "out_activation_"):
        assert getattr(ours, name) == getattr(theirs, name), name
    for name in ("loss_", "best_loss_", "best_validation_score_"):
        a, b = getattr(ours, name), getattr(theirs, name)
        assert (a is None) == (b is None), name
        if a is not None:
            np.testing.assert_allclose(a, b, rtol=rtol, err_msg=name)
    assert (ours.validation_scores_ is None) == (theirs.validation_scores_ is None)
    if ours.validation_scores_ is not None:
        np.testing.assert_allclose(ours.validation_scores_, theirs.validation_scores_, rtol=rtol)
    for a, b in zip([*ours.coefs_, *ours.intercepts_], [*theirs.coefs_, *theirs.intercepts_], strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=rtol * 100, atol=rtol)
    assert_same_predictions(theirs, ours, X, rtol)


def assert_same_predictions(theirs, ours, X, rtol=1e-6):
    expected, found = theirs.predict(X), ours.predict(X)
    assert found.shape == expected.shape
    if hasattr(ours, "classes_"):
        assert found.dtype == expected.dtype
        assert (found == expected).mean() >= 0.995
        np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), rtol=rtol * 100, atol=rtol * 10)
    else:
        np.testing.assert_allclose(found, expected, rtol=rtol * 100, atol=rtol * abs(expected).max())
