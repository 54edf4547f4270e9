"""Models, samples and sessions of onnxruntime for the tests of ONNX files."""

import numpy as np
import onnx
import onnxruntime
import pytest

import fastbp
from fastbp.export.onnx.convert import to_onnx

RTOL = {"float32": 1e-6, "float64": 1e-12}  # of the largest output
TYPES = {"float32": "tensor(float)", "float64": "tensor(double)", "int64": "tensor(int64)", "object": "tensor(string)"}


def session_of(path):
    """onnxruntime's session of a file or of a model."""
    proto = path.SerializeToString() if hasattr(path, "SerializeToString") else str(path)
    return onnxruntime.InferenceSession(proto, providers=["CPUExecutionProvider"])


def run(session, X):
    """{name: output}; each is as it was declared."""
    (given,) = session.get_inputs()
    assert given.type == TYPES[X.dtype.name]
    assert given.shape[1] == X.shape[1]
    outputs = dict(zip([out.name for out in session.get_outputs()], session.run(None, {given.name: X}), strict=True))
    for out in session.get_outputs():
        array = outputs[out.name]
        if isinstance(array, np.ndarray):  # no ZipMap
            assert out.type == TYPES[array.dtype.name]
            assert list(array.shape[1:]) == out.shape[1:]
    return outputs


def exported(model, folder):
    to_onnx(model, folder / "model.onnx")
    onnx.checker.check_model(str(folder / "model.onnx"), full_check=True)
    return session_of(folder / "model.onnx")


def problem():
    """Inputs far from 0, and three kinds of samples."""
    X = np.random.default_rng(0).normal(3, 5, (200, 7))
    return X, (X[:, 0] > 3).astype(int) + (X[:, 1] > 3)


def estimator(kind, *arguments, **parameters):
    pytest.importorskip("sklearn")
    chosen = {"hidden_layer_sizes": (9, 5), "activation": ["silu", "tanh"], "max_iter": 5, "random_state": 0}
    return getattr(fastbp, kind)(*arguments, **chosen | parameters)


def pipeline(scaler, last):
    """Behind a scaler of that name, or alone."""
    if scaler is None:
        return last
    pytest.importorskip("skl2onnx")
    from sklearn import pipeline, preprocessing

    return pipeline.make_pipeline(getattr(preprocessing, scaler)(), last)


LABELS = {
    "two": lambda k: (k > 1) + 3,
    "three": lambda k: (k * 5 - 3).astype(np.int16),
    "beyond int32": lambda k: k * 2**40,
    "bool": lambda k: k > 0,
    "whole floats": lambda k: k * 2.0,
    "texts": lambda k: np.array(["a", "bb", "\u00e9"])[k],
    "objects": lambda k: np.array(["a", "bb", "\u00e9"], object)[k],
    "two of several": lambda k: np.column_stack([k > 0, k > 1]).astype(int),
    "three of several": lambda k: np.column_stack([k > 0, k > 1, k == 1]).astype(int),
    "one": lambda k: np.full(len(k), "only"),
}
