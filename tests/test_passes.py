"""Whole networks of any shape: the loops, the matrix products and finite differences find the same gradient."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbp.lecture import differences, loops, matrix
from fastbp.lecture.codes import ERRORS_OF, HIDDEN, OUTPUT
from fastbp.lecture.layout import biases, unit_count, weights
from tests.cases import DTYPES, Case, assert_close

networks = {
    "sizes": st.lists(st.integers(1, 40), min_size=2, max_size=6),  # 1 to 5 weight layers
    "hidden": st.sampled_from(sorted(HIDDEN)),
    "output": st.sampled_from(sorted(OUTPUT)),
    "dtype": st.sampled_from(DTYPES),
    "samples": st.integers(1, 50),
    "seed": st.integers(0, 2**32),
}


KINKED = {"relu", "leaky_relu"}
OUTPUTS = [(output, error) for output, errors in ERRORS_OF.items() for error in errors]


def away_from_kinks(case):
    """ReLU has no derivative at 0. Where a sum lies within rounding of it, the two versions may take either side."""
    scratch = case.scratch()
    matrix.predict(case.theta, case.layers, case.X, scratch, np.empty((case.samples, case.outputs), case.dtype))
    u = np.abs(scratch[0])
    assert np.isfinite(u).all()
    return u.min() > (1e-4 if case.dtype == "float32" else 1e-10)


@given(**networks)
def test_gradients_of_the_versions_are_equal(sizes, hidden, output, dtype, samples, seed):
    case = Case(sizes, hidden, output, dtype, samples, seed)
    if hidden in KINKED and not away_from_kinks(case):
        return
    (E_loops, by_loops), (E_matrix, by_matrix) = case.gradient(loops), case.gradient(matrix)
    assert_close(E_loops, E_matrix, dtype, times=10)
    for layer_of in (weights, biases):  # each by its own size: gradients of the first layers may be small
        for loops_layer, matrix_layer in zip(
            layer_of(by_loops, case.layers), layer_of(by_matrix, case.layers), strict=True
        ):
            assert_close(loops_layer, matrix_layer, dtype, times=100)
    error = [v.mean_error(case.theta, case.layers, case.data, case.rows, case.scratch()) for v in (loops, matrix)]
    assert_close(error, E_matrix, dtype, times=10)


@given(**networks)
def test_outputs_of_the_versions_are_equal(sizes, hidden, output, dtype, samples, seed):
    case = Case(sizes, hidden, output, dtype, samples, seed)
    Y = [np.full((samples, sizes[-1]), np.nan, dtype) for _ in range(2)]
    for version, y in zip((loops, matrix), Y, strict=True):
        version.predict(case.theta, case.layers, case.X, case.scratch(), y)
    assert_close(Y[0], Y[1], dtype, times=10)
    if output == "softmax":
        np.testing.assert_allclose(Y[0].sum(axis=1), 1, rtol=1e-5)


@given(**{name: drawn for name, drawn in networks.items() if name != "dtype"}, batch_size=st.integers(1, 60))
def test_epochs_of_the_versions_are_equal(sizes, hidden, output, samples, seed, batch_size):
    case = Case(sizes, hidden, output, "float64", samples, seed)
    (E_loops, by_loops), (E_matrix, by_matrix) = (case.epoch(v, batch_size, 0.001) for v in (loops, matrix))
    assert_close(E_loops, E_matrix, "float64", times=1e3)
    assert_close(by_loops, by_matrix, "float64", times=1e3)


@pytest.mark.parametrize(("output", "error"), OUTPUTS)
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("sizes", [(1, 1), (3, 2), (3, 4, 2), (2, 5, 3, 4, 2), (7, 17, 3)])
def test_gradient_equals_central_differences(sizes, hidden, output, error):
    case = Case(
        sizes, hidden, output, samples=6, seed=3, error=error, level=0.3 if error in ("huber", "quantile") else None
    )
    assert away_from_kinks(case)
    theta = case.theta.copy()
    E, by_differences = case.gradient(differences)
    np.testing.assert_array_equal(case.theta, theta)
    for version in (loops, matrix):
        E_analytic, analytic = case.gradient(version)
        np.testing.assert_allclose(E_analytic, E, rtol=1e-13)
        np.testing.assert_allclose(analytic, by_differences, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize(("dtype", "rtol"), [("float32", 0.01), ("float64", 1e-6)])
def test_differences_of_parameters_of_any_size(dtype, rtol):
    """Their steps are as large as the parameters; and each has its value back afterwards, to the bit."""
    case = Case((2, 1), output="identity", dtype=dtype, samples=3)
    case.theta[:] = [1e4, -3e3, 0]
    before = case.theta.copy()
    by_differences, analytic = case.gradient(differences)[1], case.gradient(loops)[1]
    np.testing.assert_allclose(by_differences, analytic, rtol=rtol)
    assert case.theta.tobytes() == before.tobytes()


@pytest.mark.parametrize("version", [loops, matrix])
def test_gradient_is_the_mean_over_the_rows(version):
    """Any selection of rows, in any order and more than once."""
    case = Case((3, 4, 2), samples=6)
    case.rows = np.array([4, 0, 4, 5])
    E, dtheta = case.gradient(version)
    parts = []
    for row in case.rows:
        case.rows = np.array([row])
        parts.append(case.gradient(version))
    assert_close(E, np.mean([part[0] for part in parts]), "float64")
    assert_close(dtheta, np.mean([part[1] for part in parts], axis=0), "float64")


@pytest.mark.parametrize("add", [False, True])
@pytest.mark.parametrize("version", [loops, matrix])
def test_backward_of_one_sample_adds_or_replaces(version, add):
    case = Case((3, 4, 2), samples=1)
    values = tuple(np.full(unit_count(case.layers), np.nan) for _ in range(5))
    version.forward(case.theta, case.layers, case.X[0], *values[:2])
    dtheta = np.full_like(case.theta, 1.0 if add else np.nan)
    version.backward(case.theta, case.layers, case.X[0], case.D[0], 1.0, values, add, dtheta)
    assert_close(dtheta, case.gradient(matrix)[1] + add, "float64")


@pytest.mark.parametrize("version", [loops, matrix])
def test_an_epoch_takes_its_batches_in_the_order_given(version):
    """7 samples in batches of 3: two whole batches and one of a single sample."""
    case = Case((3, 4, 2), samples=7)
    errors, order = [], case.rows
    mean, theta = case.epoch(version, 3, 0.1)
    for start in (0, 3, 6):
        case.rows = order[start : start + 3]
        E, dtheta = case.gradient(matrix)
        errors += [E] * len(case.rows)
        case.theta -= 0.1 * dtheta
    assert_close(theta, case.theta, "float64")
    assert_close(mean, np.mean(errors), "float64")


@pytest.mark.parametrize("sizes", [(1, 1), (3, 4, 2), (2, 5, 3, 4, 2)])
def test_parameters_tile_theta_layer_by_layer(sizes):
    case = Case(sizes)
    parts = [
        p
        for w, b in zip(weights(case.theta, case.layers), biases(case.theta, case.layers), strict=True)
        for p in (w, b)
    ]
    np.testing.assert_array_equal(np.concatenate([part.ravel() for part in parts]), case.theta)
    assert [part.shape for part in parts[::2]] == list(zip(sizes[1:], sizes[:-1], strict=True))
    assert all(np.shares_memory(part, case.theta) for part in parts)
