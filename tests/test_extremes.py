"""|u| up to the largest float: no overflow, no NaN, in either version. (pytest turns NumPy's warnings into errors.)"""

import numpy as np
import pytest

from fastbp.lecture import loops, matrix
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
    for name in ("identity", "sigmoid", "relu", "softmax"):
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
