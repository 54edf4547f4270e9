"""fastbp.Network: one vector and its views, initial weights, predictions, losses, gradients, what is shown of it."""

import copy
import pickle
from xml.etree import ElementTree

import numpy as np
import pytest

import fastbp
from fastbp.lecture import matrix
from fastbp.lecture.codes import ELU, HUBER, QUANTILE, RELU, SOFTMAX, TANH
from fastbp.lecture.layout import scratch_for
from tests.cases import DTYPES, assert_close, teacher

READ_ONLY = (
    "theta", "W", "B", "sizes", "activation", "activations", "output", "dtype", "layers", "loss", "huber_delta",
    "quantile",
)  # fmt: skip


def test_parameters_are_views_of_one_vector():
    network = fastbp.Network((4, 8, 3))
    assert [w.shape for w in network.W] == [(8, 4), (3, 8)]
    assert [b.shape for b in network.B] == [(8,), (3,)]
    assert network.theta.shape == (4 * 8 + 8 + 8 * 3 + 3,)
    network.theta[:] = np.arange(67)
    assert network.W[0][1, 2] == 1 * 4 + 2
    assert network.B[0][0] == 32
    assert network.W[1][2, 7] == 40 + 2 * 8 + 7
    assert network.B[1][2] == 66
    network.W[1][0, 0] = -1
    assert network.theta[40] == -1


@pytest.mark.parametrize("name", READ_ONLY)
def test_nothing_can_be_replaced_by_mistake(name):
    """Parameters are changed in place, a new array would part the vector from its views; the rest is what they fit."""
    network = fastbp.Network((2, 2))
    with pytest.raises(AttributeError, match=name):
        setattr(network, name, getattr(network, name))


def test_the_table_that_kernels_trust_is_read_only():
    """A wrong place in it would be read outside of the arrays."""
    for network in (fastbp.Network((2, 2)), copy.deepcopy(fastbp.Network((2, 2)))):
        with pytest.raises(ValueError, match="read-only"):
            network.layers["sending"] = 10**9


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy, lambda n: pickle.loads(pickle.dumps(n))])
def test_a_copy_has_its_own_vector_and_views_of_it(duplicate):
    network = fastbp.Network(
        (3, 5, 2), activation=["sigmoid"], output="identity", dtype="float64", seed=7, loss="huber", huber_delta=0.3
    )
    other = duplicate(network)
    np.testing.assert_array_equal(other.theta, network.theta)
    assert repr(other) == repr(network)
    np.testing.assert_array_equal(other.layers, network.layers)
    assert not np.shares_memory(other.theta, network.theta)
    assert all(np.shares_memory(part, other.theta) for part in other.W + other.B)
    other.W[0][...] = 0
    assert network.W[0].all()


@pytest.mark.parametrize("activation", ["relu", "mish", "sigmoid", "tanh", "identity"])
def test_initial_weights_follow_the_published_rule(activation):
    """Glorot & Bengio 2010: bound sqrt(6 / (n_in + n_out)); a tenth of it at last."""
    network = fastbp.Network((300, 200, 100, 50), activation=activation, dtype="float64")
    for w, bound in zip(network.W, np.sqrt(6 / np.array([500, 300, 150])) * [1, 1, 0.1], strict=True):
        assert bound * 0.99 < np.abs(w).max() <= bound
        np.testing.assert_allclose(w.std(), bound / np.sqrt(3), rtol=0.02)
        assert abs(w.mean()) < 4 * w.std() / np.sqrt(w.size)
    assert not any(b.any() for b in network.B)


def test_the_seed_decides_the_start_and_the_dtype_only_rounds_it():
    start = {(d, s): fastbp.Network((5, 4, 3), dtype=d, seed=s).theta for d in DTYPES for s in (0, 1)}
    again = fastbp.Network((5, 4, 3), dtype="float32", seed=1).theta
    assert again.tobytes() == start["float32", 1].tobytes()
    np.testing.assert_array_equal(start["float64", 0].astype("float32"), start["float32", 0])
    assert (start["float64", 0] != start["float64", 1]).any()


@pytest.mark.parametrize("dtype", ["float32", np.float32, np.dtype("float32")])
def test_each_spelling_of_a_dtype(dtype):
    assert fastbp.Network((1, 2), dtype=dtype).theta.dtype == np.float32


def test_sizes_of_any_integer_kind():
    assert fastbp.Network(np.array([2, 3])).sizes == fastbp.Network([2, 3]).sizes == (2, 3)
    assert isinstance(fastbp.Network(np.array([2, 3])).sizes[0], int)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("output", ["identity", "softmax", "sigmoid", "exponential"])
@pytest.mark.parametrize("activation", ["identity", "sigmoid", "relu", ("tanh", "gelu")])
def test_predict_and_gradient_equal_the_matrix_version(activation, output, dtype):
    network = fastbp.Network((4, 6, 5, 3), activation=activation, output=output, dtype=dtype, seed=2)
    rng = np.random.default_rng(0)
    X, D = rng.normal(size=(9, 4)).astype(dtype), teacher(rng, 9, 3, output, dtype)
    scratch, Y, dtheta = scratch_for(network.layers, 9, dtype), np.empty((9, 3), dtype), np.empty_like(network.theta)
    matrix.predict(network.theta, network.layers, X, scratch, Y)
    predicted = network.predict(X)
    assert predicted.dtype == dtype
    assert_close(predicted, Y, dtype)
    weight, rows = rng.random(9).astype(dtype), np.arange(9)
    by_matrix = matrix.gradient(network.theta, network.layers, (X, D, weight), rows, scratch, dtheta)
    E, dW, dB = network.gradient(X, D, weight)
    assert isinstance(E, float)
    assert_close(E, by_matrix, dtype)
    assert [dw.shape for dw in dW] == [w.shape for w in network.W]
    assert [db.shape for db in dB] == [b.shape for b in network.B]
    flat = np.concatenate([part.ravel() for pair in zip(dW, dB, strict=True) for part in pair])
    assert_close(flat, dtheta, dtype)


def test_gradient_leaves_the_network_as_it_was():
    network = fastbp.Network((2, 3, 2))
    before = network.theta.tobytes()
    first = network.gradient([[1, 2]], [[0, 1]])[1][0].copy()
    network.gradient([[5, -2]], [[1, 0]])
    assert network.theta.tobytes() == before
    np.testing.assert_array_equal(network.gradient([[1, 2]], [[0, 1]])[1][0], first)


def test_each_hidden_layer_may_have_an_activation_of_its_own():
    network = fastbp.Network((3, 4, 4, 4, 2), activation=["tanh", "elu", "relu"])
    assert network.activation == ("tanh", "elu", "relu")
    assert network.layers["activation"].tolist() == [TANH, ELU, RELU, SOFTMAX]
    assert fastbp.Network((3, 4, 4, 2), activation="elu").layers["activation"].tolist() == [ELU, ELU, SOFTMAX]
    assert fastbp.Network((3, 2), activation=()).activation == ()


@pytest.mark.parametrize(
    ("arguments", "loss", "huber_delta", "quantile", "shown"),
    [
        ({}, "cross_entropy", None, None, ""),
        ({"output": "sigmoid"}, "binary_cross_entropy", None, None, ""),
        ({"output": "exponential", "loss": "poisson"}, "poisson", None, None, ""),
        ({"output": "identity"}, "squared_error", None, None, ""),
        ({"output": "identity", "loss": "huber"}, "huber", 1.0, None, ", loss='huber'"),
        (
            {"output": "identity", "loss": "huber", "huber_delta": 2},
            "huber",
            2.0,
            None,
            ", loss='huber', huber_delta=2.0",
        ),
        ({"output": "identity", "loss": "quantile"}, "quantile", None, 0.5, ", loss='quantile'"),
        (
            {"output": "identity", "loss": "quantile", "quantile": 0.9},
            "quantile",
            None,
            0.9,
            ", loss='quantile', quantile=0.9",
        ),
    ],
)
def test_loss_huber_delta_and_quantile(arguments, loss, huber_delta, quantile, shown):
    network = fastbp.Network((3, 2), **arguments)
    assert (network.loss, network.huber_delta, network.quantile) == (loss, huber_delta, quantile)
    output, level = arguments.get("output", "softmax"), huber_delta or quantile
    call = f"Network((3, 2), activation='relu', output={output!r}, dtype='float32'{shown})"
    assert repr(network) == f"{call}  # 8 parameters"
    assert network._description == call
    again = eval(repr(network), {"Network": fastbp.Network})
    assert again.theta.tobytes() == network.theta.tobytes()
    assert repr(again) == repr(network)
    if level is not None:
        assert network.layers[-1]["error"] == {"huber": HUBER, "quantile": QUANTILE}[loss]
        np.testing.assert_allclose(network.layers[-1]["level"], level, rtol=0, atol=2**-32)


def test_a_notebook_shows_the_layers():
    network = fastbp.Network((1000, 4, 3), activation=["gelu"], dtype="float64")
    shown = network._repr_html_()
    assert shown.count("<circle") == 6 + 4 + 3  # six of the thousand inputs
    assert shown.count("<line") == 6 * 4 + 4 * 3
    for word in (">1,000<", ">4<", ">3<", ">input<", ">gelu<", ">softmax<"):
        assert word in shown
    assert "4,019 parameters in float64, loss cross_entropy" in shown
    ElementTree.fromstring(shown)  # well-formed, whatever the names hold


def test_weights_of_samples_are_as_good_as_copies():
    network, X, D = fastbp.Network((2, 3, 1), output="identity"), [[1, 2], [3, 4], [5, 6]], [[1], [2], [3]]
    E, dW, _ = network.gradient(X, D, sample_weight=[2, 0, 1])
    E_copies, dW_copies, _ = network.gradient([X[0], X[0], X[2]], [D[0], D[0], D[2]])
    np.testing.assert_allclose(E, E_copies, rtol=1e-6)
    np.testing.assert_allclose(dW[0], dW_copies[0], rtol=1e-5)
    np.testing.assert_allclose(network.evaluate(X, D, sample_weight=[2, 0, 1]), E, rtol=1e-6)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("output", "loss"),
    [
        ("softmax", "cross_entropy"),
        ("sigmoid", "binary_cross_entropy"),
        ("identity", "squared_error"),
        ("identity", "huber"),
        ("identity", "quantile"),
        ("exponential", "poisson"),
    ],
)
def test_evaluate_is_the_loss_of_the_gradient(output, loss, dtype):
    """For some samples and for more than a chunk of them, and for a single one."""
    network = fastbp.Network((4, 6, 3), output=output, loss=loss, dtype=dtype, seed=2)
    rng = np.random.default_rng(0)
    X, D = rng.normal(size=(1000, 4)).astype(dtype), teacher(rng, 1000, 3, output, dtype)
    before = network.theta.tobytes()
    for samples in (1, 9, 1000):
        found = network.evaluate(X[:samples], D[:samples])
        assert isinstance(found, float)
        assert_close(found, network.gradient(X[:samples], D[:samples])[0], dtype)
    weight = rng.random(1000)
    assert_close(network.evaluate(X, D, weight), network.gradient(X, D, weight)[0], dtype)
    assert network.theta.tobytes() == before


def test_evaluate_by_hand():
    """u = 2 x: y = 2 and 4, so 1/2 (2 - 1)^2 and 1/2 (4 - 1)^2."""
    network = fastbp.Network((1, 1), output="identity")
    network.theta[:] = 2, 0
    assert network.evaluate([[1], [2]], [1, 1]) == (0.5 + 4.5) / 2
    assert network.evaluate([[1], [2]], [1, 1], [3, 1]) == (3 * 0.5 + 4.5) / 4


def test_evaluate_and_gradient_take_labels():
    rng = np.random.default_rng(0)
    X, labels = rng.normal(size=(9, 4)), rng.integers(0, 3, 9)
    for network, D, rows in (
        (fastbp.Network((4, 5, 3)), labels, np.eye(3)[labels]),
        (fastbp.Network((4, 5, 1), output="sigmoid"), labels > 0, (labels > 0)[:, None]),
    ):
        assert network.evaluate(X, D) == network.evaluate(X, rows)
        assert network.gradient(X, D)[0] == network.gradient(X, rows)[0]
