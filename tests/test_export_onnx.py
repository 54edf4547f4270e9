"""to_onnx: onnxruntime says what the model says."""

import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")

import onnx

import fastbp
from fastbp.export.onnx import convert as export
from fastbp.export.onnx import nodes
from fastbp.export.onnx.convert import to_onnx
from fastbp.export.onnx.pipelines import register_converters
from fastbp.lecture.codes import HIDDEN, OUTPUT
from tests.cases import DTYPES, UNCOMPILED
from tests.export_cases import (
    COMBINATIONS,
    LARGEST,
    activation_alone,
    assert_extremes,
    extremes,
    fitted,
    network_of,
    samples,
    sizes_for,
)
from tests.onnx_cases import LABELS, RTOL, estimator, exported, pipeline, problem, run, session_of

# ---- Networks --------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("hidden", "output"), COMBINATIONS)
def test_networks_of_all_kinds(hidden, output, dtype, tmp_path):
    for sizes in sizes_for(output):
        network = network_of(sizes, hidden, output, dtype)
        session = exported(network, tmp_path)
        for rows in (1, 33):
            X = samples(rows, sizes[0], dtype)
            expected, outputs = network.predict(X), run(session, X)
            assert list(outputs) == ["Y"]
            assert outputs["Y"].dtype == dtype
            np.testing.assert_allclose(outputs["Y"], expected, rtol=0, atol=RTOL[dtype] * np.abs(expected).max())


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({*HIDDEN, *OUTPUT}))
def test_activations_of_all_numbers(name, dtype, tmp_path):
    network, x = activation_alone(name, dtype), extremes(name, dtype)
    assert_extremes(run(exported(network, tmp_path), x)["Y"], network, name, x)


def test_an_exponential_may_be_infinite(tmp_path):
    largest = LARGEST["float64"]
    session = exported(activation_alone("exponential", "float64"), tmp_path)
    assert run(session, np.array([[largest], [-largest]]))["Y"].ravel().tolist() == [np.inf, 0]


def test_activations_of_their_own_in_each_layer(tmp_path):
    network = network_of((3, *range(2, 2 + len(HIDDEN)), 2), list(HIDDEN), "softmax", "float64")
    X = samples(9, 3, "float64")
    np.testing.assert_allclose(run(exported(network, tmp_path), X)["Y"], network.predict(X), rtol=1e-12)


def test_the_model_is_as_old_as_can_be_and_says_who_wrote_it(tmp_path):
    to_onnx(fastbp.Network((2, 3, 2)), str(tmp_path / "model.onnx"))
    proto = onnx.load(tmp_path / "model.onnx")
    assert [(opset.domain, opset.version) for opset in proto.opset_import] == [("", 9)]
    assert proto.ir_version == 4
    assert proto.producer_name == "fastbp"
    assert [node.op_type for node in proto.graph.node] == ["Gemm", "Relu", "Gemm", "Softmax"]
    assert [tensor.name for tensor in proto.graph.initializer] == ["W0", "B0", "W1", "B1"]


def test_the_nodes_of_a_network_are_a_part_that_fits_anywhere(tmp_path):
    """Two networks in one graph, the second behind the first, in a dtype that is not theirs."""
    first, second = (
        network_of((4, 6, 3), "elu", "identity", "float64"),
        network_of((3, 5, 2), "gelu", "softmax", "float64"),
    )
    front, constants, middle = nodes.network_nodes(first, "table", "a_", np.float32)
    back, others, last = nodes.network_nodes(second, middle, "b_", np.float32)
    assert all(name.startswith("a_") for node in front for name in (node.name, *node.output))
    assert not constants.keys() & others.keys()
    proto = export.model_proto(
        [*front, *back],
        constants | others,
        {"table": (np.float32, [None, 4])},
        {last: (np.float32, [None, 2])},
    )
    X = samples(7, 4, "float32")
    expected = second.predict(first.predict(X))
    np.testing.assert_allclose(run(session_of(proto), X)[last], expected, rtol=0, atol=1e-6)


# ---- Estimators and pipelines ----------------------------------------------------------------------------------------


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.parametrize("scaler", [None, "StandardScaler", "MinMaxScaler"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("labels", LABELS)
def test_classifiers(labels, dtype, scaler, tmp_path):
    X, k = problem()
    X, y = X.astype(dtype), LABELS[labels](k)
    model = fitted(pipeline(scaler, estimator("MLPClassifier")), X, y)
    outputs = run(exported(model, tmp_path), X)
    assert list(outputs) == ["label", "probabilities"]
    expected = model.predict(X)
    assert outputs["label"].dtype == (object if expected.dtype.kind in "UO" else np.int64)
    np.testing.assert_array_equal(outputs["label"], expected)
    probabilities = model.predict_proba(X)
    assert outputs["probabilities"].dtype == dtype
    assert outputs["probabilities"].shape == probabilities.shape
    np.testing.assert_allclose(outputs["probabilities"], probabilities, rtol=0, atol=RTOL[dtype])


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.parametrize("scaler", [None, "StandardScaler", "MinMaxScaler"])
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("loss", "outputs"), [("squared_error", 1), ("squared_error", 3), ("poisson", 1)])
def test_regressors(loss, outputs, dtype, scaler, tmp_path):
    X, k = problem()
    X = X.astype(dtype)
    y = k if outputs == 1 else np.column_stack([k, X[:, 0], X[:, 1] - X[:, 2]])
    model = fitted(pipeline(scaler, estimator("MLPRegressor", loss)), X, y)
    found, expected = run(exported(model, tmp_path), X), model.predict(X).reshape(len(X), -1)
    assert list(found) == ["variable"]
    np.testing.assert_allclose(found["variable"], expected, rtol=0, atol=RTOL[dtype] * np.abs(expected).max())


def test_a_pipeline_in_a_pipeline(tmp_path):
    X, k = problem()
    model = fitted(pipeline("MinMaxScaler", pipeline("StandardScaler", estimator("MLPClassifier"))), X, k)
    np.testing.assert_array_equal(run(exported(model, tmp_path), X)["label"], model.predict(X))


def test_weights_that_a_user_has_put_into_the_model(tmp_path):
    X, k = problem()
    model = fitted(estimator("MLPRegressor"), X, k)
    model.coefs_ = [coef * 2 for coef in model.coefs_]
    np.testing.assert_allclose(run(exported(model, tmp_path), X)["variable"].ravel(), model.predict(X), rtol=1e-12)


# ---- skl2onnx --------------------------------------------------------------------------------------------------------


@pytest.fixture
def skl2onnx():
    package = pytest.importorskip("skl2onnx")
    register_converters()
    return package


def test_options_of_skl2onnx(skl2onnx):
    X, k = problem()
    X = X.astype(np.float32)  # for doubles there is no ZipMap
    model = fitted(estimator("MLPClassifier"), X, np.array(["a", "b", "c"])[k])
    zipped = run(session_of(skl2onnx.to_onnx(model, X)), X)["output_probability"]
    np.testing.assert_allclose([row["b"] for row in zipped], model.predict_proba(X)[:, 1], rtol=1e-5)
    columns = run(session_of(skl2onnx.to_onnx(model, X, options={"zipmap": "columns"})), X)
    np.testing.assert_allclose(columns["sc"].ravel(), model.predict_proba(X)[:, 2], rtol=1e-5)
    numbers = run(session_of(skl2onnx.to_onnx(model, X, options={"zipmap": False, "nocl": True})), X)
    np.testing.assert_array_equal(model.classes_[numbers["label"]], model.predict(X))
    options = {"zipmap": False, "output_class_labels": True}
    told = session_of(skl2onnx.to_onnx(model, X, options=options)).run(["class_labels"], {"X": X})
    assert told[0].tolist() == ["a", "b", "c"]


@pytest.mark.parametrize("dtype", ["float32", "int64"])
def test_inputs_of_another_dtype_than_the_networks(dtype, skl2onnx):
    """It computes in float32 then, as skl2onnx does with scikit-learn's own networks."""
    X, k = problem()
    X = X.round()
    model = fitted(estimator("MLPClassifier"), X, k)
    found = run(session_of(skl2onnx.to_onnx(model, X[:1].astype(dtype), options={"zipmap": False})), X.astype(dtype))
    assert found["probabilities"].dtype == np.float32
    np.testing.assert_allclose(found["probabilities"], model.predict_proba(X), rtol=0, atol=1e-5)


@pytest.mark.parametrize("opset", [9, 13, 18])
def test_other_operator_sets(opset, skl2onnx):
    X, k = problem()
    chosen = {"activation": ["elu", "softplus"]}
    classifier, regressor = (fitted(estimator(f"MLP{kind}", **chosen), X, k) for kind in ("Classifier", "Regressor"))
    target = {"": opset, "ai.onnx.ml": 1}
    proto = skl2onnx.to_onnx(classifier, X, options={"zipmap": False}, target_opset=target)
    np.testing.assert_array_equal(run(session_of(proto), X)["label"], classifier.predict(X))
    found = run(session_of(skl2onnx.to_onnx(regressor, X, target_opset=target)), X)["variable"]
    np.testing.assert_allclose(found.ravel(), regressor.predict(X), rtol=1e-12, atol=1e-12)


def test_a_model_within_a_model_of_scikit_learn(skl2onnx):
    from sklearn.ensemble import VotingRegressor

    X, k = problem()
    model = fitted(
        VotingRegressor([(str(seed), estimator("MLPRegressor", random_state=seed)) for seed in (0, 1)]), X, k
    )
    found = run(session_of(skl2onnx.to_onnx(model, X)), X)
    np.testing.assert_allclose(found["variable"].ravel(), model.predict(X), rtol=1e-6)


# ---- Refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", [3, "network", None, np.zeros(3)])
def test_what_is_no_model(model, tmp_path):
    with pytest.raises(TypeError, match=r"model must be a fastbp.Network or a fitted .*, got "):
        to_onnx(model, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_pipelines_that_cannot_be_converted(tmp_path):
    pytest.importorskip("skl2onnx")
    from sklearn.linear_model import LinearRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import FunctionTransformer, StandardScaler

    X, k = problem()
    with pytest.raises(TypeError, match=r"model must be .* got LinearRegression"):
        to_onnx(make_pipeline(StandardScaler(), LinearRegression()).fit(X, k), tmp_path / "model.onnx")
    own = make_pipeline(FunctionTransformer(np.cbrt), estimator("MLPRegressor"))
    with pytest.raises(ValueError, match=r"pipeline that skl2onnx can convert .*it says: FunctionTransformer"):
        to_onnx(fitted(own, X, k), tmp_path / "model.onnx")


@pytest.mark.parametrize("scaler", [None, "StandardScaler"])
def test_models_must_be_fitted(scaler, tmp_path):
    model = pipeline(scaler, estimator("MLPClassifier"))
    from sklearn.exceptions import NotFittedError

    with pytest.raises(NotFittedError, match="MLPClassifier"):
        to_onnx(model, tmp_path / "model.onnx")


def test_labels_that_onnx_does_not_have():
    with pytest.raises(TypeError, match=r"model must have labels that are numbers or texts, got .*None"):
        nodes.labels(np.array(["a", None]))
    with pytest.raises(TypeError, match=r"model must have labels that are numbers or texts, got .*datetime64"):
        nodes.labels(np.array(["2020-01-01"], "datetime64[D]"))
    with pytest.raises(ValueError, match=r"model must have labels that fit int64, got .*9223372036854775808"):
        nodes.labels(np.array([1, 2**63], np.uint64))


def test_parameters_must_be_finite(tmp_path):
    network = fastbp.Network((2, 3, 2))
    network.theta[4] = np.nan
    with pytest.raises(ValueError, match="model must have finite parameters, got NaN or infinity"):
        to_onnx(network, tmp_path / "model.onnx")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(tmp_path):
    with pytest.raises(OSError, match="nowhere"):
        to_onnx(fastbp.Network((1, 2)), tmp_path / "nowhere" / "model.onnx")


def test_what_to_install(monkeypatch, tmp_path):
    X, k = problem()
    model = fitted(pipeline("StandardScaler", estimator("MLPRegressor", max_iter=1)), X, k)
    monkeypatch.setitem(sys.modules, "skl2onnx", None)
    with pytest.raises(ImportError, match=r"to_onnx needs skl2onnx for a Pipeline: pip install 'fastbp\[onnx\]'"):
        to_onnx(model, tmp_path / "model.onnx")
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ImportError, match=r"to_onnx needs onnx: pip install 'fastbp\[onnx\]'"):
        to_onnx(fastbp.Network((1, 2)), tmp_path / "model.onnx")


def test_a_network_needs_neither_scikit_learn_nor_skl2onnx(tmp_path):
    script = (
        "import sys, fastbp; from fastbp.export.onnx.convert import to_onnx; "
        f"to_onnx(fastbp.Network((1, 2)), {str(tmp_path / 'model.onnx')!r}); "
        "print(sorted({'sklearn', 'skl2onnx', 'torch'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == "[]\n"
