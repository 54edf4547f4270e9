"""Derivatives of the outputs and by the inputs, and products with the second ones: twins, and central differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastbp
from fastbp.lecture import codes, layout, loops, matrix
from tests.cases import DTYPES, Case, assert_close
from tests.test_passes import KINKED, OUTPUTS, away_from_kinks

STEP = 1e-6  # of the differences
NAMES = "input_jacobian", "parameter_jacobian", "input_gradient", "hessian_product"
SIZES = [(1, 1), (3, 2), (3, 4, 2), (2, 5, 3, 4, 2), (7, 17, 3)]


def direction(case):
    return np.random.default_rng(7).normal(size=case.theta.size).astype(case.dtype)


def by(version, case, name):
    """One of NAMES, by a version of the lecture; what is not written is NaN."""
    n, k, i, p = case.samples, case.outputs, case.X.shape[1], case.theta.size
    scratch = np.full((10, n * layout.unit_count(case.layers)), np.nan, case.dtype)
    shape = {"input_jacobian": (n, k, i), "parameter_jacobian": (n, k, p), "input_gradient": (n, i)}.get(name, (p,))
    out, call = np.full(shape, np.nan, case.dtype), getattr(version, name)
    if name == "input_gradient":
        call(case.theta, case.layers, case.X, case.D, scratch[:5], out)
    elif name == "hessian_product":
        call(case.theta, case.layers, case.data, case.rows, direction(case), scratch, out)
    else:
        call(case.theta, case.layers, case.X, scratch[:5], out)
    return out


def outputs(case, theta=None, X=None):
    Y = np.empty((case.samples, case.outputs), case.dtype)
    X = case.X if X is None else X
    matrix.predict(case.theta if theta is None else theta, case.layers, X, case.scratch(), Y)
    return Y


def along(place, size):
    return STEP * (np.arange(size) == place)


# ---- Twins -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
@given(
    sizes=st.lists(st.integers(1, 20), min_size=2, max_size=5),
    hidden=st.sampled_from(sorted(codes.HIDDEN)),
    output=st.sampled_from(OUTPUTS),
    dtype=st.sampled_from(DTYPES),
    samples=st.integers(1, 20),
    seed=st.integers(0, 2**32),
)
def test_loops_equal_matrix_products(name, sizes, hidden, output, dtype, samples, seed):
    case = Case(sizes, hidden, output[0], dtype, samples, seed, error=output[1])
    if hidden in KINKED | {"selu", "elu"} and not away_from_kinks(case):
        return
    if output[1] in ("huber", "quantile"):  # whose own kinks lie at a distance of `level` and 0
        apart = np.abs(outputs(case) - case.D)
        if np.abs(apart - (0.5 if output[1] == "huber" else 0)).min() < 1e-4:
            return
    assert_close(by(loops, case, name), by(matrix, case, name), dtype, times=1000)


@pytest.mark.parametrize("version", [loops, matrix])
def test_forward_along_is_the_change_of_a_pass(version):
    case = Case((3, 4, 2), "tanh", "softmax", samples=1)
    units, v = layout.unit_count(case.layers), direction(case)
    u, y, dh, ru, ry = (np.full(units, np.nan) for _ in range(5))
    version.forward(case.theta, case.layers, case.X[0], u, y)
    matrix.tanh_derivative(u, y, dh)
    version.forward_along(case.theta, case.layers, v, case.X[0], y, dh, ru, ry)
    ends = []
    for sign in (1, -1):
        ends.append((np.empty(units), np.empty(units)))
        version.forward(case.theta + sign * STEP * v, case.layers, case.X[0], *ends[-1])
    for found, after, before in zip((ru, ry), *ends, strict=True):
        np.testing.assert_allclose(found, (after - before) / (2 * STEP), rtol=1e-7, atol=1e-9)


# ---- Differences -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", codes.HIDDEN)
def test_second_derivatives_are_those_of_the_first(hidden):
    u = np.linspace(-6, 6, 101) + 0.01  # not at a kink
    code, found = codes.HIDDEN[hidden], np.empty(101)
    y, ends = np.empty(101), []
    for sign in (1, -1):
        ends.append(np.empty(101))
        matrix.activate(code, u + sign * STEP, y)
        matrix.activation_derivative(code, u + sign * STEP, y, ends[-1])
    matrix.activate(code, u, y)
    matrix.second_derivative(code, u, y, found)
    np.testing.assert_allclose(found, (ends[0] - ends[1]) / (2 * STEP), rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("output", "error"), OUTPUTS)
@pytest.mark.parametrize("hidden", codes.HIDDEN)
@pytest.mark.parametrize("sizes", SIZES)
def test_all_equal_central_differences(sizes, hidden, output, error):
    case = Case(sizes, hidden, output, samples=3, seed=3, error=error)
    assert away_from_kinks(case)
    close = {"rtol": 1e-6, "atol": 1e-8}
    inputs, parameters = by(matrix, case, "input_jacobian"), by(matrix, case, "parameter_jacobian")
    for i in range(sizes[0]):
        e = along(i, sizes[0])
        change = (outputs(case, X=case.X + e) - outputs(case, X=case.X - e)) / (2 * STEP)
        np.testing.assert_allclose(inputs[:, :, i], change, **close)
    for p in range(0, case.theta.size, 7):
        e = along(p, case.theta.size)
        change = (outputs(case, case.theta + e) - outputs(case, case.theta - e)) / (2 * STEP)
        np.testing.assert_allclose(parameters[:, :, p], change, **close)
    deltas = np.empty((3, sizes[-1]))  # dE/dy is not that of E by u; so E is asked at moved inputs
    for i in range(sizes[0]):
        ends = []
        for sign in (1, -1):
            scratch, X = case.scratch(), case.X + sign * along(i, sizes[0])
            matrix.predict(case.theta, case.layers, X, scratch, deltas)
            ends.append(matrix.error_of_sample(case.layers, scratch[0], scratch[1], case.D))
        change = (ends[0] - ends[1]) / (2 * STEP)
        np.testing.assert_allclose(by(matrix, case, "input_gradient")[:, i], change, **close)
    v, theta, ends = direction(case), case.theta, []
    for sign in (1, -1):
        case.theta = theta + sign * STEP * v
        ends.append(case.gradient(matrix)[1])
    case.theta = theta
    np.testing.assert_allclose(
        by(matrix, case, "hessian_product"), (ends[0] - ends[1]) / (2 * STEP), rtol=1e-5, atol=1e-7
    )


# ---- Weights of samples ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", [loops, matrix])
def test_a_product_takes_the_weights_as_copies_and_leaves_out_those_of_0(version):
    case = Case((3, 4, 2), "tanh", samples=4)
    case.weight = np.array([2.0, 1.0, 0.0, 1.0])
    case.D = case.D.copy()
    case.D[2] = np.inf
    case.rows = np.arange(4)
    weighted = by(version, case, "hessian_product")
    case.weight, case.rows = np.ones(4), np.array([0, 0, 1, 3])
    assert_close(by(version, case, "hessian_product"), weighted, "float64")
    case.weight = np.zeros(4)
    np.testing.assert_array_equal(by(version, case, "hessian_product"), np.zeros(case.theta.size))


# ---- Methods of a network --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_methods_give_what_the_lecture_gives(dtype):
    network = fastbp.Network((3, 5, 4, 2), ("tanh", "mish"), dtype=dtype, seed=1)
    case = Case((3, 5, 4, 2), ("tanh", "mish"), dtype=dtype, samples=6)
    case.theta, case.rows = network.theta, np.arange(6)
    v, weight = direction(case), np.arange(1.0, 7.0)
    assert_close(network.jacobian(case.X), by(matrix, case, "input_jacobian"), dtype, times=10)
    assert_close(network.parameter_jacobian(case.X), by(matrix, case, "parameter_jacobian"), dtype, times=10)
    assert_close(network.input_gradient(case.X, case.D), by(matrix, case, "input_gradient"), dtype, times=10)
    case.weight = weight.astype(dtype)
    found = network.hessian_product(case.X, case.D, v, sample_weight=weight)
    assert_close(found, by(matrix, case, "hessian_product"), dtype, times=10)
    assert found.dtype == network.jacobian(case.X).dtype == np.dtype(dtype)


def test_products_with_all_directions_are_a_symmetric_matrix():
    network = fastbp.Network((2, 4, 2), "gelu", dtype="float64", seed=1)
    rng = np.random.default_rng(0)
    X, D = rng.normal(size=(9, 2)), rng.integers(2, size=9)
    H = np.array([network.hessian_product(X, D, e) for e in np.eye(network.theta.size)])
    assert_close(H, H.T, "float64", times=10)
    assert np.abs(H).max() > 0.01


X, D = np.ones((4, 3)), np.ones((4, 2))
NETWORK = fastbp.Network((3, 2), output="identity")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: NETWORK.jacobian(np.ones(3)), r"X must have shape \(samples, 3\), got \(3,\) \(for one sample"),
        (lambda: NETWORK.parameter_jacobian([[1, np.nan, 2]]), "X must be finite, got NaN or infinity: nan in row 0"),
        (lambda: NETWORK.input_gradient(X, D[:2]), "D must have"),
        (lambda: NETWORK.hessian_product(X, D, np.ones(7)), r"v must have shape \(8,\), a number for each parameter"),
        (lambda: NETWORK.hessian_product(X, D, [0] * 7 + [1e39]), "v must be finite in float32, got 1e.39 in place 7"),
        (lambda: NETWORK.hessian_product(X, D, ["a"] * 8), "v must hold real numbers"),
        (lambda: NETWORK.hessian_product(X, D, np.ones(8), np.zeros(4)), "sample_weight must have a sum"),
    ],
)
def test_bad_input_is_told(call, message):
    with pytest.raises((TypeError, ValueError), match=message):
        call()
