"""Models of tables as ONNX and C: the same predictions as from the table, missing values and texts included."""

import ctypes
import dataclasses
import shutil
import subprocess

import numpy as np
import pytest

import fastbp
from fastbp.tables.encoding import Encoding, Input
from fastbp.tables.model import TableModel
from fastbp.tables.target import NUMBER, Logarithm, Target
from tests.cases import DTYPES, UNCOMPILED

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="nothing of it is compiled by Numba")
RTOL = {"float32": 1e-6, "float64": 1e-13}
C99 = ["-std=c99", "-O2", "-Wall", "-Wextra", "-Wpedantic", "-Werror"]
NAMES = ["big number", "colour", 'ä "quote" */ x', "small"]
ROWS = {
    "big number": [1.6e9 + 3.25, np.nan, 1.6e9 - 7.5, 1.6e9],
    "colour": ["red", "", "dark blue", "red"],
    'ä "quote" */ x': ["yes", "no", "no", "maybe"],
    "small": [-0.1, 0.2, np.nan, 0.0],
    "constant": [1, 1, 1, 1],
}


TARGETS = {
    "classes": Target("who", "classes", ["a", "ü", "c"]),
    "number": Target("y", NUMBER, [], 1.6e9, 7.0),
    "clamped": Target("y", NUMBER, [], 1.6e9, 7.0, lowest=1.6e9 - 3, highest=1.6e9 + 6),
    "logarithm": Target("y", NUMBER, [], 9.0, 7.0, log=Logarithm(2.0, 0.5, 1.25)),
    "clamped logarithm": Target("y", NUMBER, [], 9.0, 7.0, lowest=6.0, highest=7.25, log=Logarithm(2.0, 0.5, 1.25)),
}
SCALE = {"classes": 1, "number": 7, "clamped": 7, "logarithm": 20, "clamped logarithm": 20}  # of rounding errors
FAR = {"small": [-1e30, 1e36, np.nan, 0.0]}


def model_of(kind, dtype, seed=1, robust=False):
    """A model with columns of all kinds: of one network, or, if it is robust, of three."""
    inputs = [
        Input(NAMES[0], NUMBER, 1.6e9, 5.0, missing=True, robust=robust),
        Input(NAMES[1], "text", texts=["dark blue", "red"], missing=True, other=True),
        Input("constant", "left out"),
        Input(NAMES[2], "text", texts=["maybe", "no", "yes"]),
        Input(NAMES[3], NUMBER, 0.05, 0.125, robust=robust),
    ]
    target = dataclasses.replace(TARGETS[kind])
    output = "softmax" if kind == "classes" else "identity"
    sizes = (10, 5, target.outputs)
    networks = [fastbp.Network(sizes, activation="tanh", output=output, dtype=dtype) for _ in range(3 if robust else 1)]
    rng = np.random.default_rng(seed)
    for network in networks:
        network.theta[:] = rng.normal(size=network.theta.size)
    return TableModel(networks[0], Encoding(inputs, target), networks[1:])


def expected_of(model, rows=ROWS):
    return model.predict_proba(rows) if model.classes else model.predict(rows)[:, None]


def test_the_models_that_are_exported_differ():
    y = {kind: expected_of(model_of(kind, "float64")) for kind in TARGETS}
    assert ((y["clamped"] == 1.6e9 - 3) | (y["clamped"] == 1.6e9 + 6)).sum() in (1, 2, 3)
    assert ((y["clamped logarithm"] == 6) | (y["clamped logarithm"] == 7.25)).sum() in (1, 2, 3)
    assert not np.array_equal(y["classes"], expected_of(model_of("classes", "float64", robust=True)))


def run_onnx(path, rows):
    runtime = pytest.importorskip("onnxruntime")
    session = runtime.InferenceSession(path, providers=["CPUExecutionProvider"])
    feed = {
        name: np.array(rows[name], object if isinstance(rows[name][0], str) else np.float64)[:, None] for name in NAMES
    }
    assert [given.name for given in session.get_inputs()] == NAMES
    return dict(zip([out.name for out in session.get_outputs()], session.run(None, feed), strict=True))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("kind", TARGETS)
def test_onnx(kind, robust, dtype, tmp_path):
    pytest.importorskip("onnx")
    model, rows = model_of(kind, dtype, robust=robust), ROWS | (FAR if robust else {})
    fastbp.to_onnx(model, tmp_path / "model.onnx")
    found, expected = run_onnx(tmp_path / "model.onnx", rows), expected_of(model, rows)
    atol = RTOL[dtype] * SCALE[kind]  # of the deviation, and not of the mean far away
    if kind == "classes":
        assert list(found) == ["label", "probabilities"]
        assert found["label"].tolist() == model.predict(rows).tolist()
        assert found["probabilities"].dtype == dtype
        np.testing.assert_allclose(found["probabilities"], expected, rtol=0, atol=atol)
    else:
        assert list(found) == ["variable"]
        assert found["variable"].dtype == np.float64
        np.testing.assert_allclose(found["variable"], expected, rtol=0, atol=atol)


def test_onnx_takes_unseen_texts_for_none_of_those_there_were(tmp_path):
    pytest.importorskip("onnx")
    model, rows = model_of("classes", "float64"), ROWS | {"colour": ["pink", "", "red", "?"]}
    fastbp.to_onnx(model, tmp_path / "model.onnx")
    found = run_onnx(tmp_path / "model.onnx", rows)["probabilities"]
    rows["colour"][3] = "other"  # what a table calls missing is a text like others here
    with pytest.warns(RuntimeWarning, match="texts that were not there in training: 2 rows of 'colour'"):
        expected = model.predict_proba(rows)
    np.testing.assert_allclose(found, expected, rtol=0, atol=1e-13)


def numbers_of(model, rows=ROWS):
    """The rows as the C function takes them."""
    columns = []
    for column in model.encoding.inputs:
        if column.kind == NUMBER:
            columns.append(np.array(rows[column.name], float))
        elif column.width:
            texts = [*column.texts, *[""] * column.missing]
            columns.append(np.array([texts.index(text) for text in rows[column.name]], float))
    return np.column_stack(columns)


@pytest.mark.skipif(shutil.which("gcc") is None, reason="there is no gcc")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("robust", [False, True])
@pytest.mark.parametrize("kind", TARGETS)
def test_c(kind, robust, dtype, tmp_path):
    model, rows = model_of(kind, dtype, robust=robust), ROWS | (FAR if robust else {})
    real = ctypes.c_float if dtype == "float32" and kind == "classes" else ctypes.c_double
    fastbp.to_c(model, tmp_path / "model.c", name="guess")
    command = ["gcc", *C99, "-shared", "-fPIC", "-o", tmp_path / "model.so", tmp_path / "model.c", "-lm"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    library, X, expected = ctypes.CDLL(str(tmp_path / "model.so")), numbers_of(model, rows), expected_of(model, rows)
    pointers = ctypes.POINTER(ctypes.c_double), ctypes.POINTER(real)
    library.guess.argtypes, library.guess.restype = pointers, None
    Y = np.full((len(X), expected.shape[1] + 1), 7, np.dtype(real))
    for x, y in zip(X, Y, strict=True):
        library.guess(x.ctypes.data_as(pointers[0]), y.ctypes.data_as(pointers[1]))
    assert (Y[:, -1] == 7).all()
    np.testing.assert_allclose(Y[:, :-1], expected, rtol=0, atol=2 * RTOL[dtype] * SCALE[kind])
    X[:, 1:3] = -1
    library.guess(X[0].ctypes.data_as(pointers[0]), Y[0].ctypes.data_as(pointers[1]))
    unseen = {name: column[:1] for name, column in (rows | {"colour": ["pink"], NAMES[2]: ["pink"]}).items()}
    with pytest.warns(RuntimeWarning, match="texts that were not there in training"):
        expected = model.predict_proba(unseen) if model.classes else model.predict(unseen)
    np.testing.assert_allclose(Y[0, :-1], expected.ravel(), rtol=2e-6)


@pytest.mark.parametrize("kind", ["classes", "number"])
def test_columns_may_have_the_names_of_outputs(kind, tmp_path):
    runtime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnx")
    model = model_of(kind, "float32")
    names = ["label", "variable", "probabilities", "fastbp/column_sub0"]
    for column, name in zip([c for c in model.encoding.inputs if c.width], names, strict=True):
        column.name = name
    fastbp.to_onnx(model, tmp_path / "model.onnx")
    session = runtime.InferenceSession(tmp_path / "model.onnx", providers=["CPUExecutionProvider"])
    assert [given.name for given in session.get_inputs()] == names
    outputs = {"classes": ["label_", "probabilities_"], "number": ["variable_"]}[kind]
    assert [out.name for out in session.get_outputs()] == outputs


def test_the_comment_of_the_c_file_tells_what_to_give(tmp_path):
    fastbp.to_c(model_of("classes", "float32"), tmp_path / "model.c")
    text = " ".join((tmp_path / "model.c").read_text().split())
    assert "void predict(const double *x, float *y) reads 4 inputs x and writes 3 outputs y" in text
    assert "x[0]: 'big number', a number, NaN where it is missing." in text
    assert "x[1]: 'colour', 0 for 'dark blue', 1 for 'red', 2 where it is missing; -1 for any other text." in text
    assert r"""x[2]: '\xe4 "quote" * / x', 0 for 'maybe', 1 for 'no', 2 for 'yes'; -1 for any other text.""" in text
    assert r"y: the probabilities of the classes of 'who', 'a', '\xfc', 'c'." in text
    assert "enum { PREDICT_INPUTS = 4, PREDICT_OUTPUTS = 3 };" in text
