"""Slide 31 against slides 32 and 33 (and counts): the full sum over r and the short form give the same delta."""

import numpy as np
import pytest

from fastbp.lecture import loops, matrix
from tests.cases import DTYPES, assert_close, teacher

DERIVATIVES = {
    "identity": "squared_error_derivative",
    "softmax": "cross_entropy_derivative",
    "sigmoid": "binary_cross_entropy_derivative",
    "exponential": "poisson_error_derivative",
}


def jacobian_of_output(version, output, u, y):
    jacobian = np.full((y.size, y.size), np.nan, y.dtype)
    if output == "softmax":
        version.softmax_derivative(u, y, jacobian)
        return jacobian
    dh = y.copy()  # exp' = exp
    if output != "exponential":
        getattr(version, f"{output}_derivative")(u, y, dh)
    jacobian[:] = np.diag(dh)  # y_r, r != k, is no function of u_k
    return jacobian


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("units", [1, 2, 10, 33])
@pytest.mark.parametrize("output", DERIVATIVES)
@pytest.mark.parametrize("version", [loops, matrix])
def test_general_and_short_form_agree(version, output, units, dtype):
    rng = np.random.default_rng(units)
    u, y = rng.normal(0, 2, units).astype(dtype), np.empty(units, dtype)
    getattr(version, output)(u, y)
    for d in teacher(rng, 4, units, output, dtype):
        dy, general, short = np.empty_like(y), np.empty_like(y), np.empty_like(y)
        getattr(version, DERIVATIVES[output])(y, d, dy)
        version.output_delta_general(dy, jacobian_of_output(version, output, u, y), general)
        version.output_delta(y, d, short)
        tolerance = 1e-13 if dtype == "float64" else 1e-5
        np.testing.assert_allclose(general, short, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("version", [loops, matrix])
def test_columns_of_the_softmax_jacobian_sum_to_0(version):
    """The outputs sum to 1 whatever u is."""
    u, y, jacobian = np.array([0.3, -2.0, 1.0]), np.empty(3), np.empty((3, 3))
    version.softmax(u, y)
    version.softmax_derivative(u, y, jacobian)
    np.testing.assert_allclose(jacobian.sum(axis=0), 0, atol=1e-16)
    assert_close(jacobian, jacobian.T, "float64")
    assert (np.diag(jacobian) > 0).all()
