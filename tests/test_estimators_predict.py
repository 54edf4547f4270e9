"""Predictions of plain arrays, which go past scikit-learn's checks, against those of lists, which do not."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.exceptions import NotFittedError

from fastbp import MLPClassifier, MLPRegressor

X = np.random.RandomState(0).normal(size=(60, 3))
TARGETS = {
    "binary": (MLPClassifier, np.where(X[:, 0] > 0, "b", "a")),
    "multiclass": (MLPClassifier, np.digitize(X[:, 0], [-0.5, 0.5]) + 5),
    "one": (MLPClassifier, np.full(60, 7)),
    "labels": (MLPClassifier, (X > 0).astype(int)),
    "regression": (MLPRegressor, X[:, 0]),
}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("what", TARGETS)
def test_plain_arrays_and_lists_predict_the_same(what, dtype):
    kind, y = TARGETS[what]
    model = kind(hidden_layer_sizes=8, max_iter=3, random_state=0, dtype=dtype).fit(X, y)
    for n in (1, 60):
        for x in (X[:n], np.asfortranarray(X[:n]), X[:n].astype(np.float32)):
            for method in ("predict", "predict_proba"):
                if hasattr(model, method):
                    found, expected = getattr(model, method)(x), getattr(model, method)(x.astype(object))
                    assert found.dtype == expected.dtype
                    np.testing.assert_array_equal(found, expected)
    if what in ("binary", "multiclass"):
        Y = model._outputs(X)
        expected = model._label_binarizer.inverse_transform(Y.ravel() if what == "binary" else Y)
        np.testing.assert_array_equal(model.predict(X), expected)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
def test_what_is_wrong_with_a_plain_array_is_told_by_scikit_learn():
    model = MLPRegressor(hidden_layer_sizes=8, max_iter=3, dtype="float32")
    with pytest.raises(NotFittedError):
        model.predict(X)
    model.fit(X, X[:, 0])
    for x, told in (
        (X[0], "Expected 2D array"), (X[:, :2], "X has 2 features"), (X[:0], "0 sample"),
        (np.where(X[3, 1] == X, np.nan, X), "NaN"), (np.where(X[3, 1] == X, 1e300, X), "too large for dtype"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=told):
            model.predict(x)
    model.feature_names_in_ = np.array(["a", "b", "c"], object)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        model.predict(X)


def test_a_classifier_waits_for_no_search():
    script = """
import sys, fastbp.estimators
assert "fastbp.estimators.mlp" not in sys.modules and "GridSearch" in dir(fastbp.estimators)
fastbp.estimators.MLPClassifier, fastbp.estimators.MLPRegressor
print(*sorted({"sklearn.model_selection", "fastbp.estimators.search", "fastbp.estimators.ensemble"} & {*sys.modules}))
from fastbp.estimators import *
print(GridSearch.__name__, EnsembleRegressor.__name__)
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout == "\nGridSearch EnsembleRegressor\n", done.stderr
    with pytest.raises(AttributeError, match="has no attribute 'Forest'"):
        __import__("fastbp.estimators").estimators.Forest  # noqa: B018
