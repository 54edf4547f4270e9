"""Update rules, penalties and limits: worked out on paper, and the loops against the matrix version."""

import numpy as np
import pytest

from fastbp.lecture import loops, matrix
from fastbp.lecture.codes import (
    ADAM,
    ADAMW,
    CLIP_NORM,
    EPSILON,
    FIRST_DECAY,
    GROWING,
    L1,
    L2,
    LARGEST_SIZE,
    LEAST_SIZE,
    MAX_NORM,
    MOMENTUM,
    NESTEROV,
    NO_STEP,
    RMSPROP,
    RPROP,
    RULE,
    RULES,
    SECOND_DECAY,
    SETTINGS,
    SGD,
    WEIGHT_DECAY,
)
from fastbp.lecture.layout import biases, weights
from tests.cases import DTYPES, Case, assert_close

both = pytest.mark.parametrize("version", [loops, matrix])
dtypes = pytest.mark.parametrize("dtype", DTYPES)
OPTIONS = {"none": {}, "l2": {L2: 0.1}, "l1": {L1: 0.1}, "max": {MAX_NORM: 0.3}, "clip": {CLIP_NORM: 0.01}}
OPTIONS["all"] = {L1: 0.01, L2: 0.1, MAX_NORM: 0.3, CLIP_NORM: 0.01}


def settings_of(rule, **columns):
    """The vector of an epoch with decays 1/2 and 3/4, so that numbers stay short; Rprop's etas are 1/2 and 3/2."""
    settings = np.zeros(SETTINGS)
    settings[[RULE, FIRST_DECAY, SECOND_DECAY, EPSILON, WEIGHT_DECAY]] = rule, 0.5, 0.75, 1.0, 0.125
    if rule == RPROP:
        settings[[GROWING, LEAST_SIZE, LARGEST_SIZE]] = 1.5, 0.5, 1.75
    for column, value in columns.items():
        settings[int(column)] = value
    return settings


def by(options):
    return {str(column): value for column, value in options.items()}


def test_each_rule_has_a_name():
    """Checkpoints have it."""
    assert sorted(RULES.values()) == [*range(NO_STEP)]


def steps(version, rule, gradients, eta, theta):
    """theta after each step, and the moments after the last."""
    theta, moments, after = np.array([theta]), np.zeros((2, 1)), []
    for number, g in enumerate(gradients, 1):
        version.rule_step(settings_of(rule), eta, number, theta, np.array([g]), *moments)
        after.append(theta[0])
    return after, moments[:, 0]


# eta = 1/2, g = 2, -4, 1; theta starts at 1.
@both
def test_gradient_descent_by_hand(version):
    """1 - 1/2 2 = 0;  0 + 2 = 2;  2 - 1/2 = 3/2."""
    assert steps(version, SGD, [2.0, -4.0, 1.0], 0.5, 1.0)[0] == [0, 2, 1.5]


@both
def test_momentum_by_hand(version):
    """mu = 1/2.  v = -1, theta = 0;  v = -1/2 + 2 = 3/2, theta = 3/2;  v = 3/4 - 1/2 = 1/4, theta = 7/4."""
    after, moments = steps(version, MOMENTUM, [2.0, -4.0, 1.0], 0.5, 1.0)
    assert after == [0, 1.5, 1.75]
    assert moments[0] == 0.25


@both
def test_nesterov_by_hand(version):
    """mu = 1/2.  v = -1, theta = 1 - 1/2 - 1 = -1/2;  v = 3/2, theta = -1/2 + 3/4 + 2 = 9/4;
    v = 1/4, theta = 9/4 + 1/8 - 1/2 = 15/8."""
    after, moments = steps(version, NESTEROV, [2.0, -4.0, 1.0], 0.5, 1.0)
    assert after == [-0.5, 2.25, 1.875]
    assert moments[0] == 0.25


# beta1 = 1/2, beta2 = 3/4, epsilon = 1, eta = 1/2, g = 2, -4:
#   step 1   m = 1, v = 1;      m^ = 1 / (1/2) = 2, v^ = 1 / (1/4) = 4;      m^ / (sqrt(v^) + 1) = 2/3
#   step 2   m = 1/2 - 2 = -3/2, v = 3/4 + 4 = 19/4;   m^ = -3/2 / (3/4) = -2, v^ = 19/4 / (7/16) = 76/7
ADAM_1, ADAM_2 = 2 / 3, -2 / (np.sqrt(76 / 7) + 1)


@both
def test_adam_by_hand(version):
    after, moments = steps(version, ADAM, [2.0, -4.0], 0.5, 1.0)
    np.testing.assert_allclose(after, [1 - ADAM_1 / 2, 1 - ADAM_1 / 2 - ADAM_2 / 2], rtol=1e-15)
    np.testing.assert_array_equal(moments, [-1.5, 4.75])


@both
def test_adamw_by_hand(version):
    """weight_decay = 1/8: each step takes 1/2 1/8 = 1/16 of theta as well; m and v know nothing of that."""
    after, moments = steps(version, ADAMW, [2.0, -4.0], 0.5, 1.0)
    first = 15 / 16 - ADAM_1 / 2
    np.testing.assert_allclose(after, [first, 15 / 16 * first - ADAM_2 / 2], rtol=1e-15)
    np.testing.assert_array_equal(moments, [-1.5, 4.75])


@both
def test_rmsprop_by_hand(version):
    """rho = 3/4, epsilon = 1.  v = 1, theta = 1 - 1/2 2 / (1 + 1) = 1/2;
    v = 3/4 + 1/4 16 = 19/4, theta = 1/2 + 2 / (sqrt(19/4) + 1)."""
    after, moments = steps(version, RMSPROP, [2.0, -4.0], 0.5, 1.0)
    np.testing.assert_allclose(after, [0.5, 0.5 + 2 / (np.sqrt(4.75) + 1)], rtol=1e-15)
    assert moments[0] == 4.75


@both
def test_rprop_by_hand(version):
    """Sizes from 1/2 to 7/4 times 1/2.  s = 1, theta = 1/2;  s = 3/2, theta = -1/4;  s = 7/4, theta = -9/8;
    s = 7/8, g counts as 0;  s stays, theta = -9/8 + 7/16 = -11/16;  s = 1/2, g counts as 0."""
    after, moments = steps(version, RPROP, [2.0, 1.0, 0.5, -4.0, -4.0, 1.0], 0.5, 1.0)
    assert after == [0.5, -0.25, -1.125, -1.125, -0.6875, -0.6875]
    assert moments.tolist() == [0, 0.5]


@both
def test_rprop_of_gradients_without_a_sign(version):
    """0 leaves all as it is, and is followed by a step of the same size; NaN does not hide."""
    after, moments = steps(version, RPROP, [2.0, 0.0, -1.0, np.nan], 0.5, 1.0)
    assert after[:3] == [0.5, 0.5, 1.0]
    assert np.isnan(after[3])
    assert np.isnan(moments[0])
    assert moments[1] == 1


@both
def test_adam_step_is_adamw_without_decay(version):
    found = []
    for name, more in (("adam_step", ()), ("adamw_step", (0.0,))):
        theta, dtheta, m, v = np.random.default_rng(1).random((4, 5))
        getattr(version, name)(theta, dtheta, 0.1, (0.9, 0.999), 1e-8, *more, 3, m, v)
        found.append((theta, m, v))
    np.testing.assert_array_equal(found[0], found[1])


@both
def test_penalties_by_hand(version):
    w, dw = np.array([2.0, -3.0, 0.0, -0.0]), np.ones(4)
    version.add_l2(w, 0.5, dw)
    np.testing.assert_array_equal(dw, [2, -0.5, 1, 1])
    version.add_l1(w, 0.25, dw)
    np.testing.assert_array_equal(dw, [2.25, -0.75, 1, 1])


@both
def test_clipping_by_hand(version):
    """|(3, 4)| = 5."""
    g = np.array([3.0, 4.0])
    assert version.square_sum(g) == 25
    for clip_norm, expected in ((6.0, [3, 4]), (5.0, [3, 4]), (2.5, [1.5, 2])):
        version.clip_gradient(clip_norm, version.square_sum(g), g)
        np.testing.assert_array_equal(g, expected)


@both
def test_square_sum_of_float32_beyond_its_squares(version):
    np.testing.assert_allclose(version.square_sum(np.array([1e30, -1e30], np.float32)), 2e60, rtol=1e-6)


@both
def test_limit_norms_by_hand(version):
    """Rows of length 5, 1 and 0 at most 2.5 long."""
    w = np.array([[3.0, 4.0], [0.0, -1.0], [0.0, 0.0]])
    version.limit_norms(2.5, w)
    np.testing.assert_array_equal(w, [[1.5, 2], [0, -1], [0, 0]])


@both
def test_the_order_of_an_update(version):
    """Penalties, clipping, rule, largest norm. One weight w = 4, one bias b = 4, both with the gradient 0; l2 = 1.

    dE/dw = 4, dE/db = 0;  clipped to 1: (1, 0);  eta = 1/2: w = 7/2, b = 4;  at most 3 long: w = 3, b = 4.
    """
    case = Case((1, 1), output="identity")
    case.theta[:], dtheta = 4, np.zeros(2)
    settings = settings_of(SGD, **by({L2: 1.0, CLIP_NORM: 1.0, MAX_NORM: 3.0}))
    version.update(settings, case.layers, 0.5, 1, 1.0, case.theta, dtheta, np.empty((0, 2)))
    np.testing.assert_array_equal(dtheta, [1, 0])
    np.testing.assert_array_equal(case.theta, [3, 4])


@dtypes
@pytest.mark.parametrize("option", OPTIONS)
@pytest.mark.parametrize("rule", RULES)
def test_updates_of_the_versions_are_equal(rule, option, dtype):
    """Three steps, on vectors of odd lengths."""
    settings = settings_of(RULES[rule], **by(OPTIONS[option]))
    for sizes in ((1, 1), (3, 5), (4, 3, 2), (16, 33, 2)):
        case, rng = Case(sizes, output="identity", dtype=dtype), np.random.default_rng(1)
        gradients = rng.normal(size=(3, case.theta.size)).astype(dtype)
        found = []
        for version in (loops, matrix):
            theta, given, moments = case.theta.copy(), gradients.copy(), np.zeros((2, case.theta.size), dtype)
            for step, dtheta in enumerate(given, 1):
                version.update(settings, case.layers, 0.1, step, 1.0, theta, dtheta, moments)
            found.append((theta, given, *moments))
        for by_loops, by_matrix in zip(*found, strict=True):
            assert_close(by_loops, by_matrix, dtype, times=10)
        norms = [np.linalg.norm(w, axis=1).max() for w in weights(found[0][0], case.layers)]
        assert option not in ("max", "all") or max(norms) <= 0.3 * (1 + 1e-6)


@pytest.mark.parametrize("option", ["l1", "l2", "max"])
@both
def test_penalties_and_norms_leave_the_biases_alone(version, option):
    case = Case((3, 4, 2))
    before = np.concatenate(biases(case.theta, case.layers)).copy()
    settings, dtheta = settings_of(SGD, **by(OPTIONS[option])), np.zeros_like(case.theta)
    version.update(settings, case.layers, 0.5, 1, 1.0, case.theta, dtheta, np.empty((0, dtheta.size)))
    np.testing.assert_array_equal(np.concatenate(biases(case.theta, case.layers)), before)
    assert (case.theta != Case((3, 4, 2)).theta).any()


@both
@dtypes
@pytest.mark.parametrize("rule", RULES)
def test_steps_of_parts_are_the_step_of_the_whole(version, rule, dtype):
    """Views of a part of the vectors, as threads take them."""
    rng = np.random.default_rng(0)
    theta, dtheta, *moments = np.abs(rng.normal(size=(4, 21))).astype(dtype)
    whole = [theta.copy(), np.array(moments)]
    version.rule_step(settings_of(RULES[rule]), 0.1, 2, whole[0], dtheta, *whole[1])
    parts = theta.copy()
    for a, z in ((0, 8), (8, 21)):
        part = [np.array(row[a:z]) for row in moments]
        version.rule_step(settings_of(RULES[rule]), 0.1, 2, parts[a:z], dtheta[a:z], *part)
        assert_close(part, whole[1][:, a:z], dtype)
    assert_close(parts, whole[0], dtype)


@both
@pytest.mark.parametrize("rule", RULES)
def test_an_epoch_makes_the_updates_of_its_settings(version, rule):
    """Rates of its own for each mini-batch; the numbers of the steps go on where the epoch before ended."""
    case, rates = Case((3, 4, 2), samples=7), np.array([0.1, 0.02, 0.3])
    settings = settings_of(RULES[rule], **by({L2: 0.1}))
    moments = np.abs(np.random.default_rng(0).normal(size=(2, case.theta.size)))
    expected, order = moments.copy(), case.rows
    theta = case.epoch(version, 3, rates, settings, moments, first_step=4)[1]
    for b, start in enumerate((0, 3, 6)):
        case.rows = order[start : start + 3]
        matrix.update(settings, case.layers, rates[b], 5 + b, 3.0, case.theta, case.gradient(matrix)[1], expected)
    assert_close(theta, case.theta, "float64", times=10)
    assert_close(moments, expected, "float64", times=10)
