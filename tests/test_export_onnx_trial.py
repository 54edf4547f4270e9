"""to_onnx runs what it writes: by onnxruntime or onnx's own evaluator, on samples that the model takes."""

import sys

import numpy as np
import pytest

pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")
pytest.importorskip("sklearn")

from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MinMaxScaler,
    OneHotEncoder,
    PolynomialFeatures,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

import fastbp
from fastbp.export.onnx import nodes, pipelines, samples
from fastbp.export.onnx.convert import steps_of, to_onnx
from tests.cases import DTYPES
from tests.export_cases import fitted
from tests.onnx_cases import estimator, exported, problem, run, session_of
from tests.test_export_tables import model_of


@pytest.fixture
def wrong_tanh(monkeypatch):
    monkeypatch.setitem(nodes.ACTIVATIONS, "tanh", lambda add, u: add("Tanh", add("Mul", u, 1.1)))


@pytest.fixture
def without_onnxruntime(monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)


def network():
    return fastbp.Network((3, 8, 2), activation="tanh")


def classifier():
    X, k = problem()
    return fitted(estimator("MLPClassifier", activation="tanh"), X, k)


def piped():
    X, k = problem()
    return fitted(make_pipeline(PolynomialFeatures(), estimator("MLPRegressor", activation="tanh")), X / 10, k)


MODELS = [
    network,
    classifier,
    piped,
    lambda: model_of("classes", "float32"),
    lambda: model_of("number", "float32"),
    lambda: model_of("number", "float64"),
]


@pytest.mark.parametrize("make", MODELS)
def test_what_comes_to_something_else_is_not_written(make, wrong_tanh, tmp_path):
    (tmp_path / "model.onnx").write_text("what was there")
    with pytest.raises(ValueError, match=r"model must be .* that onnxruntime runs .*: it comes to something else for"):
        to_onnx(make(), tmp_path / "model.onnx")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["what was there"]


@pytest.mark.parametrize("make", MODELS)
def test_without_onnxruntime_it_is_said_what_has_run(make, without_onnxruntime, tmp_path):
    with pytest.warns(RuntimeWarning, match=r"run by onnx's reference evaluator.*pip install 'fastbp\[onnx\]'") as seen:
        to_onnx(make(), tmp_path / "model.onnx")
    assert seen[0].filename == __file__
    assert (tmp_path / "model.onnx").stat().st_size


@pytest.mark.parametrize("make", MODELS)
def test_the_reference_evaluator_looks_as_closely(make, without_onnxruntime, wrong_tanh, tmp_path):
    with pytest.raises(ValueError, match=r"model must be .* that onnx's reference evaluator runs .*: it comes to"):
        to_onnx(make(), tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_other_labels_are_not_written(monkeypatch, tmp_path):
    classes = nodes.labels
    monkeypatch.setattr("fastbp.export.onnx.convert.labels", lambda given: classes(given)[::-1])
    with pytest.raises(ValueError, match=r"model must be .*: it comes to other labels, \[.*\]\.\.\. instead of \["):
        to_onnx(classifier(), tmp_path / "model.onnx")


# ---- Steps that do not run in float64 --------------------------------------------------------------------------------


def test_a_step_without_a_kernel_for_double_is_named_with_what_to_do(monkeypatch, tmp_path):
    """SimpleImputer as skl2onnx writes it: by an operator that onnxruntime has for float alone."""
    monkeypatch.setattr(pipelines, "_convert_imputer", pipelines._by_skl2onnx)
    X, k = problem()
    for dtype in DTYPES:
        steps = FunctionTransformer(), SimpleImputer(), estimator("MLPClassifier", dtype=dtype)
        model = fitted(make_pipeline(make_pipeline(*steps)), X, k)
        if dtype == "float32":
            found = run(exported(model, tmp_path), X.astype(dtype))
            np.testing.assert_allclose(found["probabilities"], model.predict_proba(X), rtol=0, atol=1e-4)
        else:
            message = (
                "model must be a pipeline that onnxruntime runs in float64, the dtype of its network, got the step "
                r"'pipeline__simpleimputer', SimpleImputer: .*Imputer.*\. Nothing is written; "
                'give the network dtype="float32", or replace the step'
            )
            with pytest.raises(ValueError, match=message):
                to_onnx(model, tmp_path / "other.onnx")
            assert not (tmp_path / "other.onnx").exists()


# ---- Samples ---------------------------------------------------------------------------------------------------------


def drawn(model):
    """The matrices that are drawn for a model."""
    steps = steps_of(model)
    return [X for X, _ in samples.samples_for(steps, steps[-1][1]._net())]


def test_the_same_samples_every_time():
    for first, second in zip(drawn(piped()), drawn(piped()), strict=True):
        np.testing.assert_array_equal(first, second)
        assert first.shape == (samples.ROWS, 7)


def test_samples_lie_where_a_step_was_fitted():
    X, k = problem()
    X = X * [1, 10, 100, 1, 1, 1, 1] + [0, 1e4, 0, 0, 0, 0, -1e5]
    for step in (
        StandardScaler(),
        RobustScaler(),
        MinMaxScaler(),
        KBinsDiscretizer(3, strategy="uniform"),
        QuantileTransformer(n_quantiles=20),
    ):
        model = fitted(make_pipeline(step, estimator("MLPRegressor")), X, k)
        there = drawn(model)[0]
        assert (np.abs(there.mean(axis=0) - X.mean(axis=0)) < 3 * X.std(axis=0)).all(), step
        assert (there.std(axis=0) < 10 * X.std(axis=0)).all(), step
        assert (there.std(axis=0) > X.std(axis=0) / 10).all(), step


def test_missing_values_where_a_step_imputes():
    X, k = problem()
    X[::3, 1] = np.nan
    partly = ColumnTransformer([("imputed", SimpleImputer(), [1, 2])], remainder="passthrough")
    for steps in ((SimpleImputer(),), (StandardScaler(), SimpleImputer()), (partly,)):
        with_missing, without = drawn(fitted(make_pipeline(*steps, estimator("MLPRegressor")), X, k))
        assert np.isnan(with_missing[:, 1]).any()
        assert np.isnan(with_missing[:, 3]).any() == (steps[0] is not partly)
        assert np.isfinite(without).all()
    X[np.isnan(X)] = -1
    model = fitted(make_pipeline(SimpleImputer(missing_values=-1), estimator("MLPRegressor")), X, k)
    assert (drawn(model)[0] == -1).any()


def test_known_categories_where_a_step_encodes():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.choice([3, 7, 9], 200), rng.choice([-2, 5], 200)]).astype(float)
    model = fitted(make_pipeline(OneHotEncoder(), estimator("MLPRegressor")), X, X[:, 0])
    for column, known in zip(drawn(model)[0].T, ([3, 7, 9], [-2, 5]), strict=True):
        assert np.unique(column).tolist() == known


def test_samples_of_ones_own_where_none_can_be_drawn(tmp_path):
    rng = np.random.default_rng(0)
    X = rng.choice([3.0, 7.0, 9.0], (200, 2))
    model = fitted(make_pipeline(FunctionTransformer(), OneHotEncoder(), estimator("MLPClassifier")), X, X[:, 0] > 3)
    with pytest.raises(
        ValueError, match=r"sample must be given as samples that the model can predict; .*unknown categ"
    ):
        to_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())
    to_onnx(model, tmp_path / "model.onnx", sample=X[:5].tolist())
    np.testing.assert_array_equal(run(session_of(tmp_path / "model.onnx"), X)["label"], model.predict(X))


def test_samples_that_are_none(tmp_path):
    model, path = classifier(), tmp_path / "model.onnx"
    for sample, message in (
        (np.ones((2, 3)), r"sample must have shape \(samples, 7\), got \(2, 3\)"),
        (np.ones((0, 7)), r"sample must have shape \(samples, 7\), got \(0, 7\)"),
        (np.full((2, 7), np.nan), r"sample must be given as samples that the model can predict; .*NaN"),
    ):
        with pytest.raises(ValueError, match=message):
            to_onnx(model, path, sample)
    with pytest.raises(TypeError, match="sample must hold real numbers, got"):
        to_onnx(model, path, [["a"] * 7])
    with pytest.raises(TypeError, match="sample must be None for a TableModel, which knows its columns, got"):
        to_onnx(model_of("classes", "float32"), path, {"small": [1.0]})
    assert not list(tmp_path.iterdir())
