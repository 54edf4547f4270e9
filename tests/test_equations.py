"""Cholesky's factor and what it serves for: twins, NumPy's own solutions, one by hand, and what has no factor."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbp.lecture import loops, matrix
from tests.cases import DTYPES, assert_close

VERSIONS = pytest.mark.parametrize("version", [loops, matrix])


def definite(n, dtype="float64", seed=0):
    """A symmetric matrix whose condition is a few hundred at most."""
    rng = np.random.default_rng(seed)
    J = rng.normal(size=(3 * n, n))
    return (J.T @ J / n + 0.1 * np.eye(n)).astype(dtype)


@VERSIONS
def test_a_factor_by_hand(version):
    """4 = 2 2, 2 = 1 2, 10 = 1 1 + 3 3; then 2 z = 4, z + 3 z' = 14; 3 x' = 4, 2 x + x' = 2."""
    A, x = np.array([[4.0, np.nan], [2.0, 10.0]]), np.empty(2)
    assert version.cholesky(A)
    np.testing.assert_array_equal(A, [[2, np.nan], [1, 3]])  # the upper half is neither read nor written
    version.cholesky_solve(A, np.array([4.0, 14.0]), x)
    np.testing.assert_allclose(x, [1 / 3, 4 / 3], rtol=1e-15)
    assert version.trace_of_inverse(A, np.empty(2)) == pytest.approx((10 + 4) / 36, rel=1e-15)


@given(n=st.integers(1, 40), dtype=st.sampled_from(DTYPES), seed=st.integers(0, 2**32))
def test_loops_equal_matrix_products(n, dtype, seed):
    A, b, found = definite(n, dtype, seed), np.random.default_rng(seed).normal(size=n).astype(dtype), []
    for version in (loops, matrix):
        L, x = A.copy(), np.full(n, np.nan, dtype)
        assert version.cholesky(L)
        version.cholesky_solve(L, b, x)
        found.append((L, x, version.trace_of_inverse(L, np.full(n, np.nan, dtype))))
    for one, other in zip(*found, strict=True):
        assert_close(one, other, dtype, times=1000)


@VERSIONS
@pytest.mark.parametrize("n", [1, 2, 7, 8, 9, 31, 100])
def test_they_are_what_numpy_finds(version, n):
    A, b = definite(n), np.random.default_rng(1).normal(size=n)
    L, x = A.copy(), b.copy()
    assert version.cholesky(L)
    np.testing.assert_array_equal(np.triu(L, 1), np.triu(A, 1))
    assert_close(np.tril(L) @ np.tril(L).T, A, "float64")
    version.cholesky_solve(L, x, x)  # x in place of b
    assert_close(A @ x, b, "float64", times=1000)
    assert version.trace_of_inverse(L, np.empty(n)) == pytest.approx(np.trace(np.linalg.inv(A)), rel=1e-10)


@VERSIONS
@pytest.mark.parametrize(
    "A",
    [np.zeros((2, 2)), -np.eye(3), np.diag([1.0, 0.0]), np.array([[1.0, 2.0], [2.0, 1.0]]), np.full((1, 1), np.nan)],
)
def test_what_is_not_definite_has_no_factor(version, A):
    assert version.cholesky(A.copy()) is False
