"""|u| up to the largest float: no overflow, no NaN, in either version. (pytest turns NumPy's warnings into errors.)"""

import numpy as np
import pytest

from fastbp.lecture import loops, matrix
from fastbp.lecture.codes import ERRORS_OF, HIDDEN, OUTPUT
from tests.cases import DTYPES

both = pytest.mark.parametrize("version", [loops, matrix])
dtypes = pytest.mark.parametrize("dtype", DTYPES)


def extremes(dtype):
    """Pairs and triples of inputs at and near the ends of the float range, and where exp under- or overflows."""
    top = float(np.finfo(dtype).max)
    ends = [
        top,
        -top,
        top / 2,
        -top / 2,
        1e30,
        -1e30,
        745.2,
        -745.2,
        709.8,
        -709.8,
        103.98,
        88.8,
        -88.8,
        1e-45,
        0.0,
        -0.0,
    ]
    rows = [[a, b] for a in ends for b in ends] + [[a, a, b] for a in ends for b in ends]
    return [np.array(row, dtype) for row in rows]


@both
@dtypes
def test_softmax_stays_a_distribution(version, dtype):
    for u in extremes(dtype):
        y = np.empty_like(u)
        version.softmax(u, y)
        assert ((y >= 0) & (y <= 1)).all(), u
        assert abs(y.sum() - 1) < 1e-6, u
        assert np.all(np.diff(y[np.argsort(u)]) >= 0), u


@both
@dtypes
def test_cross_entropy_is_finite(version, dtype):
    for u in extremes(dtype):
        y = np.empty_like(u)
        version.softmax(u, y)
        for d in np.eye(u.size, dtype=dtype):
            E = version.cross_entropy(u, y, d)
            assert np.isfinite(E), (u, d)
            assert E >= 0, (u, d)
            if d[u.argmax()] == 1 and np.sum(u == u.max()) == 1 and u.max() / 2 - u.min() / 2 > 500:
                assert E == 0, (u, d)


@both
def test_softmax_keeps_its_small_values(version):
    u, y = np.array([0.0, -200.0, -700.0]), np.empty(3)
    version.softmax(u, y)
    np.testing.assert_allclose(y, np.exp(u), rtol=1e-14)


@both
def test_cross_entropy_of_rounded_targets_stays_finite(version):
    """Targets may sum to a little more than 1."""
    u, y = np.array([1.0, -1.0, -1.0]) * np.finfo(float).max, np.empty(3)
    version.softmax(u, y)
    assert version.cross_entropy(u, y, np.array([0.0, 0.6, 0.6])) == np.finfo(float).max


@both
def test_cross_entropy_is_exact_where_the_softmax_is_0(version):
    u, y = np.array([0.0, 5000.0]), np.empty(2)
    version.softmax(u, y)
    assert y[0] == 0
    assert version.cross_entropy(u, y, np.array([1.0, 0.0])) == 5000


@both
@dtypes
def test_sigmoid_and_binary_cross_entropy(version, dtype):
    for u in extremes(dtype):
        y, dh = np.empty_like(u), np.empty_like(u)
        version.sigmoid(u, y)
        assert ((y >= 0) & (y <= 1)).all(), u
        assert np.all(y[u == 0] == 0.5), u
        version.sigmoid_derivative(u, y, dh)
        assert ((dh >= 0) & (dh <= 0.25)).all(), u
        for d in (np.zeros_like(u), np.ones_like(u), np.full_like(u, 0.5)):
            E = version.binary_cross_entropy(u, y, d)
            assert np.isfinite(E), (u, d)
            assert E >= 0, (u, d)


@both
@dtypes
def test_sigmoid_keeps_its_small_values(version, dtype):
    """1 / (1 + exp(-u)) is exp(u) to rounding long before it is 0."""
    u = np.array([-10, -40, -80], dtype)
    y = np.empty_like(u)
    version.sigmoid(u, y)
    np.testing.assert_allclose(y, np.exp(u.astype("float64")) / (1 + np.exp(u.astype("float64"))), rtol=2e-6)


@both
@dtypes
@pytest.mark.parametrize("place", [0, 1, 2])
def test_nan_is_handed_on(version, dtype, place):
    """So that a training that diverges ends with an error and not with numbers."""
    u, y = np.array([0.5, -1, 1], dtype), np.empty(3, dtype)
    u[place] = np.nan
    for name in HIDDEN | OUTPUT:
        getattr(version, name)(u, y)
        assert np.isnan(y[place]), name


@both
def test_squared_error_of_float32_beyond_its_squares(version):
    y, d = np.array([1e20, 0], np.float32), np.zeros(2, np.float32)
    np.testing.assert_allclose(version.squared_error(y, y, d), 5e39, rtol=1e-6)


@both
@dtypes
def test_relu_and_its_derivative(version, dtype):
    top = np.finfo(dtype).max
    u = np.array([-top, -1, -1e-30, -0.0, 0.0, 1e-30, 1, top], dtype)
    y, dh = np.empty_like(u), np.empty_like(u)
    version.relu(u, y)
    np.testing.assert_array_equal(y, [0, 0, 0, 0, 0, u[5], 1, top])
    version.relu_derivative(u, y, dh)
    np.testing.assert_array_equal(dh, [0, 0, 0, 1, 1, 1, 1, 1])  # 1 at u = 0 (slide 36)


@both
@dtypes
@pytest.mark.parametrize("name", HIDDEN)
def test_hidden_activations_and_their_derivatives_are_finite(version, dtype, name):
    """Each lies between its bounds; the derivatives of SiLU, GELU and Mish leave 0..1 by a little. SELU is
    infinite where 1.05 u is."""
    lowest = {"sigmoid": 0, "tanh": -1, "relu": 0, "elu": -1, "softplus": 0, "silu": -0.279, "gelu": -0.171}
    lowest |= {"selu": -1.7581, "mish": -0.309}
    slope, steepest = (1.0508, 1.7581) if name == "selu" else (1, 1.13)
    for u in extremes(dtype):
        y, dh = np.full_like(u, np.nan), np.full_like(u, np.nan)
        with np.errstate(over="ignore" if name == "selu" else "raise"):
            getattr(version, name)(u, y)
        most = slope * np.maximum(u, 0).astype(np.longdouble) + 1
        assert np.isfinite(y[most <= np.finfo(dtype).max]).all(), u
        assert (y >= lowest.get(name, -np.inf)).all(), u
        assert (y <= most).all() or name == "selu", u
        getattr(version, f"{name}_derivative")(u, y, dh)
        assert ((dh >= -0.13) & (dh <= steepest)).all(), u


@both
@dtypes
@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "softplus", "silu", "gelu", "mish"])
def test_activations_like_relu_are_the_identity_far_above_0(version, dtype, name):
    u = np.array([50, 1e3, 1e30, np.finfo(dtype).max], dtype)
    y, dh = np.empty_like(u), np.empty_like(u)
    getattr(version, name)(u, y)
    np.testing.assert_array_equal(y, u)
    getattr(version, f"{name}_derivative")(u, y, dh)
    np.testing.assert_array_equal(dh, 1)


@both
@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *(("leaky_relu", [0.01, 1, 1]), ("elu", [1 - 1e-30, 1, 1]), ("relu", [0, 1, 1])),
        ("selu", [1.7580993408473769, 1.0507009873554805, 1.0507009873554805]),
    ],
)
def test_the_derivative_at_0_is_that_above_0(version, name, expected):
    u = np.array([-1e-30, -0.0, 0.0])
    y, dh = np.empty_like(u), np.empty_like(u)
    getattr(version, name)(u, y)
    getattr(version, f"{name}_derivative")(u, y, dh)
    np.testing.assert_array_equal(dh, expected)


@both
@dtypes
@pytest.mark.parametrize(
    ("name", "exact"),
    [
        *(("elu", np.expm1), ("softplus", np.exp), ("silu", lambda u: u * np.exp(u))),
        ("selu", lambda u: 1.0507009873554805 * 1.6732632423543772 * np.expm1(u)),
        ("mish", lambda u: u * np.exp(u)),
    ],
)
def test_activations_keep_their_small_values(version, dtype, name, exact):
    """Long before they are 0 they are these, to the rounding of the dtype."""
    u = np.array([-40, -60, -80], dtype)
    y = np.empty_like(u)
    getattr(version, name)(u, y)
    np.testing.assert_allclose(y, exact(u.astype("float64")), rtol=2e-6)


@both
@dtypes
def test_exponential_and_poisson_error(version, dtype):
    """Infinity where the exponential is, and never NaN."""
    for u in extremes(dtype):
        y = np.empty_like(u)
        with np.errstate(over="ignore"):
            version.exponential(u, y)
            assert (y >= 0).all(), u
            np.testing.assert_allclose(y, np.exp(u), rtol=1e-6)
        for d in (np.zeros_like(u), np.ones_like(u), np.full_like(u, np.finfo(dtype).max)):
            E = version.poisson_error(u, y, d)
            assert not np.isnan(E), (u, d)
            if np.isinf(y).any():
                assert np.isposinf(E), (u, d)


@both
@dtypes
@pytest.mark.parametrize("error", ["huber", "quantile"])
def test_straight_errors_of_far_targets(version, dtype, error):
    """Where squares of float32 would overflow."""
    y, d = np.array([1e20, -1e20], dtype), np.array([-1e20, 0], dtype)
    delta = np.empty_like(y)
    E = getattr(version, f"{error}_error")(0.25, y, y, d)
    np.testing.assert_allclose(E, {"huber": 0.25 * 3e20, "quantile": 0.75 * 2e20 + 0.25 * 1e20}[error], rtol=1e-6)
    getattr(version, f"{error}_delta")(0.25, y, d, delta)
    np.testing.assert_array_equal(delta, {"huber": [0.25, -0.25], "quantile": [0.75, -0.25]}[error])


@both
def test_straight_errors_at_their_kinks(version):
    """y - d = -2, -1, 0, 1, 2 with level 1: Huber E = 3/2 + 1/2 + 0 + 1/2 + 3/2; with level 1/4: quantile E =
    (2 + 1) / 4 + (1 + 2) 3 / 4 = 3."""
    y, d, delta = np.arange(-2.0, 3), np.zeros(5), np.empty(5)
    assert version.huber_error(1.0, y, y, d) == 4
    version.huber_delta(1.0, y, d, delta)
    np.testing.assert_array_equal(delta, [-1, -1, 0, 1, 1])
    assert version.quantile_error(0.25, y, y, d) == 3
    version.quantile_delta(0.25, y, d, delta)
    np.testing.assert_array_equal(delta, [-0.25, -0.25, 0, 0.75, 0.75])


@both
@dtypes
@pytest.mark.parametrize("error", sorted({error for errors in ERRORS_OF.values() for error in errors}))
def test_errors_hand_nan_on(version, dtype, error):
    u, d = np.array([0.5, np.nan, 1], dtype), np.array([1, 0, 0], dtype)
    level = (0.5,) if error in ("huber", "quantile") else ()
    name = error if error.endswith(("entropy", "error")) else f"{error}_error"
    assert np.isnan(getattr(version, name)(*level, u, u, d))
