"""Weights of samples: k is as good as k copies, 0 as good as no sample at all."""

import numpy as np
import pytest

from fastbp.lecture import differences, loops, matrix
from fastbp.lecture.codes import ADAM, EPSILON, FIRST_DECAY, RULE, SECOND_DECAY, SETTINGS
from tests.cases import DTYPES, Case, assert_close

both = pytest.mark.parametrize("version", [loops, matrix])
WEIGHTS = np.array([2.0, 0, 1, 3, 0])


def weighted(case, weight):
    case.weight = np.array(weight, case.dtype)
    case.weight.flags.writeable = False
    return case


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("version", [loops, matrix, differences])
def test_a_weight_is_a_number_of_copies(version, dtype):
    case = weighted(Case((3, 4, 2), dtype=dtype), WEIGHTS)
    E, dtheta = case.gradient(version)
    copies = Case((3, 4, 2), dtype=dtype)
    copies.rows = np.repeat(case.rows, WEIGHTS[case.rows].astype(int))
    copies.scratch = lambda: np.full((5, 100), np.nan, dtype)
    E_copies, by_copies = copies.gradient(version)
    tolerance = 1e5 if version is differences else 10  # which in float32 knows three digits
    assert_close(E, E_copies, dtype, times=10)
    assert_close(dtheta, by_copies, dtype, times=tolerance)
    if version is not differences:
        arguments = case.theta, case.layers, case.data, case.rows, case.scratch()
        assert_close(version.mean_error(*arguments), E, dtype, times=10)


@both
def test_only_the_ratios_of_weights_count(version):
    plain = Case((3, 4, 2)).gradient(version)
    for factor in (1e-300, 0.1, 7.0, 1e300):
        E, dtheta = weighted(Case((3, 4, 2)), np.full(5, factor)).gradient(version)
        assert_close(E, plain[0], "float64")
        assert_close(dtheta, plain[1], "float64")


@both
def test_weights_that_are_all_0(version):
    case = weighted(Case((3, 4, 2)), np.zeros(5))
    E, dtheta = case.gradient(version)
    assert E == 0
    assert not dtheta.any()
    assert version.mean_error(case.theta, case.layers, case.data, case.rows, case.scratch()) == 0
    E, theta = case.epoch(version, 2, 0.1)
    assert E == 0
    np.testing.assert_array_equal(theta, case.theta)


@both
def test_a_sample_without_weight_may_have_an_infinite_error(version):
    """exp(2000) is infinite, and 0 times infinity would be NaN."""
    case = weighted(Case((1, 2, 1), "identity", "exponential", samples=3), [1, 0, 2])
    case.X = np.array([[0.5], [1e6], [-0.5]])
    E, dtheta = case.gradient(version)
    other = weighted(Case((1, 2, 1), "identity", "exponential", samples=3), [1, 0, 2])
    other.X, other.rows = case.X, np.array([0, 2])
    other.scratch = case.scratch
    E_other, by_other = other.gradient(version)
    assert np.isfinite(E)
    assert_close(E, E_other, "float64")
    assert_close(dtheta, by_other, "float64")
    assert np.isfinite(case.epoch(version, 2, 0.01)[0])


@both
@pytest.mark.parametrize("weight", [[1, 2, 3, 4, 5, 6, 7], [1, 0, 0, 2, 1, 0, 3], [0, 0, 0, 0, 0, 0, 2]])
def test_an_epoch_with_weights(version, weight):
    """Batches of 2; one without any weight makes no step, but keeps its rate and its number."""
    settings, rates = np.zeros(SETTINGS), np.array([0.1, 0.2, 0.05, 0.3])
    settings[[RULE, FIRST_DECAY, SECOND_DECAY, EPSILON]] = ADAM, 0.9, 0.99, 1e-3
    case, total = weighted(Case((3, 4, 2), samples=7), weight), 0.0
    moments, expected = np.zeros((2, 2, case.theta.size))
    order = case.rows
    mean, theta = case.epoch(version, 2, rates, settings, moments)
    for b, start in enumerate((0, 2, 4, 6)):
        case.rows = order[start : start + 2]
        share = case.weight[case.rows].sum() / case.weight.sum()
        if share > 0:
            E, dtheta = case.gradient(matrix)
            total += share * E
            matrix.update(settings, case.layers, rates[b], b + 1, 1.0, case.theta, dtheta, expected)
    assert_close(mean, total, "float64", times=10)
    assert_close(theta, case.theta, "float64", times=100)
    assert_close(moments, expected, "float64", times=100)


def test_epochs_of_the_versions_are_equal_with_weights():
    case = weighted(Case((5, 7, 3), samples=33), np.random.default_rng(0).integers(0, 4, 33))
    (E_loops, by_loops), (E_matrix, by_matrix) = (case.epoch(v, 4, 0.1) for v in (loops, matrix))
    assert_close(E_loops, E_matrix, "float64", times=10)
    assert_close(by_loops, by_matrix, "float64", times=100)


@both
def test_backward_multiplies_by_the_weight(version):
    case, found = Case((3, 4, 2), samples=1), []
    for weight in (1.0, 2.5):
        u, y, dy, dh, delta = np.full((5, 6), np.nan)
        version.forward(case.theta, case.layers, case.X[0], u, y)
        dtheta = np.empty_like(case.theta)
        version.backward(case.theta, case.layers, case.X[0], case.D[0], weight, (u, y, dy, dh, delta), False, dtheta)
        found.append(dtheta)
    assert_close(found[1], 2.5 * found[0], "float64")
