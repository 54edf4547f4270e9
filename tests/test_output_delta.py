"""Slide 31 against slides 32 and 33: the full sum over r and the short form are two formulas for the same delta."""

import numpy as np
import pytest

from fastbp.lecture import loops, matrix
from tests.cases import DTYPES, assert_close, teacher


def derivative_of_error(version, output, y, d):
    dy = np.empty_like(y)
    if output == "identity":
        version.squared_error_derivative(y, d, dy)
    elif output == "softmax":
        version.cross_entropy_derivative(y, d, dy)
    else:  # E = -(d ln y + (1 - d) ln(1 - y)), which is not on the slides
        dy[:] = (y - d) / (y * (1 - y))
    return dy


def jacobian_of_output(version, output, u, y):
    jacobian = np.full((y.size, y.size), np.nan, y.dtype)
    if output == "softmax":
        version.softmax_derivative(u, y, jacobian)
        return jacobian
    dh = np.empty_like(y)
    getattr(version, f"{output}_derivative")(u, y, dh)
    jacobian[:] = np.diag(dh)  # y_r, r != k, is no function of u_k
    return jacobian


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("units", [1, 2, 10, 33])
@pytest.mark.parametrize("output", ["identity", "softmax", "sigmoid"])
@pytest.mark.parametrize("version", [loops, matrix])
def test_general_and_short_form_agree(version, output, units, dtype):
    rng = np.random.default_rng(units)
    u, y = rng.normal(0, 2, units).astype(dtype), np.empty(units, dtype)
    getattr(version, output)(u, y)
    for d in teacher(rng, 4, units, output, dtype):
        general, short = np.empty_like(y), np.empty_like(y)
        dy = derivative_of_error(version, output, y, d)
        version.output_delta_general(dy, jacobian_of_output(version, output, u, y), general)
        version.output_delta(y, d, short)
        np.testing.assert_allclose(general, short, rtol=0, atol=1e-13 if dtype == "float64" else 1e-5)


@pytest.mark.parametrize("version", [loops, matrix])
def test_columns_of_the_softmax_jacobian_sum_to_0(version):
    """The outputs sum to 1 whatever u is."""
    u, y, jacobian = np.array([0.3, -2.0, 1.0]), np.empty(3), np.empty((3, 3))
    version.softmax(u, y)
    version.softmax_derivative(u, y, jacobian)
    np.testing.assert_allclose(jacobian.sum(axis=0), 0, atol=1e-16)
    assert_close(jacobian, jacobian.T, "float64")
    assert (np.diag(jacobian) > 0).all()
