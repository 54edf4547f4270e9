"""to_onnx of pipelines, ensembles and searches: onnxruntime says what the model says."""

import warnings

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")
pytest.importorskip("sklearn")

from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.exceptions import NotFittedError
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    Normalizer,
    OneHotEncoder,
    PolynomialFeatures,
    PowerTransformer,
    RobustScaler,
    StandardScaler,
)

import fastbp
from fastbp.export.onnx.convert import to_onnx
from fastbp.export.onnx.pipelines import register_converters
from tests.cases import DTYPES, UNCOMPILED
from tests.export_cases import fitted
from tests.onnx_cases import LABELS, RTOL, estimator, exported, problem, run, session_of

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")

# ---- Steps -----------------------------------------------------------------------------------------------------------

WITH_MISSING = {
    "mean": SimpleImputer(),
    "median": SimpleImputer(strategy="median"),
    "most frequent": SimpleImputer(strategy="most_frequent"),
    "constant": SimpleImputer(strategy="constant", fill_value=-3),
    "indicator": SimpleImputer(add_indicator=True),
    "empty kept": SimpleImputer(keep_empty_features=True),
    "after a scaler": make_pipeline(StandardScaler(), SimpleImputer()),
    "before polynomials": make_pipeline(SimpleImputer(), PolynomialFeatures(), StandardScaler()),
    "of columns": ColumnTransformer([("some", SimpleImputer(), [6, 1]), ("rest", "passthrough", slice(2, 6))]),
    "united": FeatureUnion([("mean", SimpleImputer()), ("most", SimpleImputer(strategy="most_frequent"))]),
}
OTHERS = {
    "quadratic": PolynomialFeatures(),
    "cubic": PolynomialFeatures(3, include_bias=False),
    "interactions": PolynomialFeatures((2, 3), interaction_only=True),
    "bias alone": PolynomialFeatures(0),
    "robust": RobustScaler(),
    "by the largest": MaxAbsScaler(),
    "of length 1": Normalizer(),
    "binary": Binarizer(threshold=0.3),
    "components": PCA(2),
    "chosen": make_pipeline(FunctionTransformer(), SelectKBest(k=3)),
    "nothing": Pipeline([("nothing", "passthrough")]),
}


def with_missing(X):
    X = np.where(np.random.default_rng(1).random(X.shape) < 0.2, np.nan, X)
    X[:, [2, 3]] = np.nan_to_num(X[:, [2, 3]])
    return X


@pytest.mark.filterwarnings("ignore:Skipping features")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", WITH_MISSING)
def test_steps_that_impute(name, dtype, tmp_path):
    X, k = problem()
    X = with_missing(X).astype(dtype)
    if name.startswith("of"):
        X[:, 3:6] = 1
    elif name != "united":
        X[:, 0] = np.nan  # a column of which nothing is known
    model = make_pipeline(WITH_MISSING[name], estimator("MLPClassifier"))
    assert_same(fitted_quietly(model, X, k), X, tmp_path, dtype, 10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", OTHERS)
def test_other_steps(name, dtype, tmp_path):
    X, k = problem()
    X = (X / 10).astype(dtype)
    model = fitted_quietly(make_pipeline(OTHERS[name], estimator("MLPRegressor")), X, k)
    assert_same(model, X, tmp_path, dtype, 100)


@pytest.mark.parametrize("method", ["yeo-johnson", "box-cox"])
def test_a_step_that_skl2onnx_converts_in_float32_alone(method, tmp_path):
    X, k = problem()
    X = np.abs(X) + 1
    model = make_pipeline(PowerTransformer(method), estimator("MLPRegressor"))
    message = (
        "got the step 'powertransformer', PowerTransformer, in float64: "
        'give the network dtype="float32", or replace the step; it says'
    )
    with pytest.raises(ValueError, match=message):
        to_onnx(fitted(model, X, k), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    model.set_params(mlpregressor__dtype="float32")
    assert_same(fitted(model, X.astype(np.float32), k), X.astype(np.float32), tmp_path, "float32", 1000)


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_number_that_stands_for_a_missing_one(dtype, tmp_path):
    X, k = problem()
    X = X.round().astype(dtype)
    for missing in (-1, 3.0):
        model = fitted(make_pipeline(SimpleImputer(missing_values=missing), estimator("MLPRegressor")), X, k)
        assert_same(model, X, tmp_path, dtype, 10)


@pytest.mark.parametrize("dtype", DTYPES)
def test_categories(dtype, tmp_path):
    rng = np.random.default_rng(0)
    X = rng.integers(-2, 3, (200, 3)).astype(dtype)
    encoded = ColumnTransformer([("hot", OneHotEncoder(sparse_output=False), [0, 2]), ("number", "passthrough", [1])])
    for step in (OneHotEncoder(), encoded):
        model = make_pipeline(step, estimator("MLPClassifier", dtype=dtype))  # it would be that of the encoder
        assert_same(fitted(model, X, X[:, 0]), X, tmp_path, dtype, 10)


def fitted_quietly(model, X, y):
    """After a fit that may say that a column is empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return fitted(model, X, y)


def assert_same(model, X, folder, dtype, times=1):
    """The file says what the model says, in the dtype of its networks."""
    found = run(exported(model, folder), X)
    if hasattr(model, "classes_"):
        assert list(found) == ["label", "probabilities"]
        np.testing.assert_array_equal(found["label"], model.predict(X))
        expected, came = model.predict_proba(X), found["probabilities"]
    else:
        assert list(found) == ["variable"]
        expected, came = model.predict(X).reshape(len(X), -1), found["variable"]
    assert came.dtype == dtype
    np.testing.assert_allclose(came, expected, rtol=0, atol=times * RTOL[dtype] * np.abs(expected).max())


# ---- Ensembles -------------------------------------------------------------------------------------------------------


def ensemble(kind, networks=5, **parameters):
    return getattr(fastbp, f"Ensemble{kind}")(
        estimator(f"MLP{kind}", **parameters), networks, bootstrap=True, random_state=0
    )


def in_a_pipeline(model):
    return make_pipeline(StandardScaler(), SimpleImputer(), model)


@pytest.mark.parametrize("around", [lambda model: model, in_a_pipeline], ids=["alone", "in a pipeline"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS)
def test_ensembles_of_classifiers(labels, dtype, around, tmp_path):
    X, k = problem()
    X = X.astype(dtype)
    assert_same(fitted(around(ensemble("Classifier")), X, LABELS[labels](k)), X, tmp_path, dtype)


@pytest.mark.parametrize("around", [lambda model: model, in_a_pipeline], ids=["alone", "in a pipeline"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("loss", "outputs"), [("squared_error", 1), ("squared_error", 3), ("poisson", 1)])
def test_ensembles_of_regressors(loss, outputs, dtype, around, tmp_path):
    X, k = problem()
    X = X.astype(dtype)
    y = k if outputs == 1 else np.column_stack([k, X[:, 0], X[:, 1] - X[:, 2]])
    assert_same(fitted(around(ensemble("Regressor", loss=loss)), X, y), X, tmp_path, dtype)


def test_an_ensemble_of_one_and_one_of_many(tmp_path):
    X, k = problem()
    for networks in (1, 40):
        assert_same(fitted(ensemble("Classifier", networks), X, k), X, tmp_path, "float64")


def test_labels_are_those_of_the_mean_in_double(tmp_path):
    """Of two networks one is sure of a class, the other nearly as sure of the other: in float32 it would be a tie."""
    X, k = problem()
    model = fitted(ensemble("Classifier", 2, dtype="float32", activation="relu"), X, k > 0)
    first, second = (one._net() for one in model.estimators_)
    for network, bias in ((first, 30), (second, -18)):
        network.theta[:] = 0
        network.B[-1][...] = bias
    probability = model.predict_proba(X[:1])[0, 1]
    assert probability > np.float32(probability) == 0.5
    assert model.predict(X[:1])[0]
    assert_same(model, X.astype(np.float32), tmp_path, "float32")


def test_skl2onnx_knows_ensembles():
    from skl2onnx import to_onnx as convert

    register_converters()
    X, k = problem()
    X = X.astype(np.float32)
    model = fitted(ensemble("Classifier"), X, np.array(["a", "b", "c"])[k])
    zipped = run(session_of(convert(model, X)), X)["output_probability"]
    np.testing.assert_allclose([row["b"] for row in zipped], model.predict_proba(X)[:, 1], rtol=1e-5)


# ---- Searches --------------------------------------------------------------------------------------------------------


def searched(model, name, values=(1e-5, 1e-1), kind=fastbp.GridSearch):
    return kind(model, {name: list(values)}, cv=2)


SEARCHES = {
    "grid": lambda: searched(estimator("MLPClassifier"), "alpha"),
    "regression": lambda: searched(estimator("MLPRegressor"), "alpha"),
    "random": lambda: fastbp.RandomSearch(estimator("MLPClassifier"), {"alpha": [1e-5, 1e-1]}, n_iter=2, cv=2),
    "halving": lambda: fastbp.GridSearch(estimator("MLPClassifier"), {"alpha": [1e-5, 1e-1]}, cv=2, halving=True),
    "scikit-learn's": lambda: searched(estimator("MLPClassifier"), "alpha", kind=GridSearchCV),
    "of a pipeline": lambda: searched(in_a_pipeline(estimator("MLPClassifier")), "mlpclassifier__alpha"),
    "in a pipeline": lambda: in_a_pipeline(searched(estimator("MLPClassifier"), "alpha")),
    "of an ensemble": lambda: searched(ensemble("Regressor", 3), "n_networks", (2, 3)),
    "of steps": lambda: searched(
        Pipeline([("step", SimpleImputer()), ("network", estimator("MLPClassifier"))]),
        "step",
        (PolynomialFeatures(), "passthrough"),
    ),
    "in a search": lambda: searched(
        make_pipeline(PCA(), searched(estimator("MLPRegressor"), "alpha")), "pca__n_components", (2, 3)
    ),
}


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", SEARCHES)
def test_searches(name, dtype, tmp_path):
    X, k = problem()
    X = (X / 10).astype(dtype)
    assert_same(fitted_quietly(SEARCHES[name](), X, k), X, tmp_path, dtype, 10)


def test_a_search_must_have_found_something(tmp_path):
    X, k = problem()
    search = searched(estimator("MLPClassifier"), "alpha")
    with pytest.raises(NotFittedError, match="GridSearch"):
        to_onnx(search, tmp_path / "model.onnx")
    search.refit = False
    with pytest.raises(
        ValueError, match=r"model must be a search that has a best_estimator_, got one with refit=False"
    ):
        to_onnx(fitted_quietly(search, X, k), tmp_path / "model.onnx")
    with pytest.raises(NotFittedError, match="EnsembleRegressor"):
        to_onnx(ensemble("Regressor"), tmp_path / "model.onnx")


def test_one_search_over_another_model(tmp_path):
    from sklearn.linear_model import LogisticRegression

    X, k = problem()
    other = searched(LogisticRegression(), "C", (0.1, 1.0), GridSearchCV)
    with pytest.raises(TypeError, match=r"model must be a fastbp\.Network or a fitted .*, got LogisticRegression"):
        to_onnx(fitted_quietly(other, X, k), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
