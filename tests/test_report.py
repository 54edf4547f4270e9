"""What an epoch reports of each mini-batch, its error and its penalty; penalties a sample; steps that are none."""

import numpy as np
import pytest

import fastbp
from fastbp.lecture import loops, matrix
from fastbp.lecture.codes import (
    ADAM,
    ADAMW,
    CLIP_NORM,
    EPSILON_HAT,
    L1,
    L2,
    MEAN_ERROR,
    NO_STEP,
    PENALTY,
    PER_SAMPLE,
    REPORTED,
    SGD,
    WEIGHT,
    WEIGHT_DECAY,
)
from fastbp.lecture.layout import weights
from tests.cases import DTYPES, UNCOMPILED, Case, assert_close
from tests.engine_cases import Tiles
from tests.test_updates import by, settings_of

both = pytest.mark.parametrize("version", [loops, matrix])
all_three = pytest.mark.parametrize("version", [loops, matrix, Tiles(), Tiles(2)], ids=["loops", "matrix", "1", "2"])
dtypes = pytest.mark.parametrize("dtype", DTYPES)
PENALTIES = {L1: 0.03, L2: 0.2}


@both
def test_penalties_by_hand(version):
    """w = 3, -4, 0: 1/2 1/2 (9 + 16) = 6.25; 1/2 (3 + 4) = 3.5; the derivatives are w/2 and sign(w)/2."""
    w = np.array([3.0, -4.0, 0.0])
    assert version.l2_penalty(w, 0.5) == 6.25
    assert version.l1_penalty(w, 0.5) == 3.5
    dw = np.ones(3)
    assert version.add_penalties(settings_of(SGD, **by({L1: 0.5, L2: 0.5})), 2.0, w, dw) == 9.75
    np.testing.assert_array_equal(dw, [1 + 1.5 + 0.5, 1 - 2 - 0.5, 1])
    dw = np.ones(3)
    assert version.add_penalties(settings_of(SGD, **by({L1: 0.5, L2: 0.5, PER_SAMPLE: 1})), 2.0, w, dw) == 9.75 / 2
    np.testing.assert_array_equal(dw, [1 + 1, 1 - 1.25, 1])


@dtypes
def test_penalties_of_the_versions_are_equal(dtype):
    rng = np.random.default_rng(0)
    for size in (1, 7, 100):
        w = rng.normal(size=size).astype(dtype)
        for penalty in ("l2_penalty", "l1_penalty"):
            found = [getattr(version, penalty)(w, 0.3) for version in (loops, matrix)]
            np.testing.assert_allclose(*found, rtol=1e-12)


def weighted_case(dtype):
    """70 samples, ten of them without weight, the second mini-batch of 16 with none at all."""
    sizes = (5, 7, 3) if UNCOMPILED else (40, 65, 3)  # 2,798 parameters: two blocks
    case = Case(sizes, "tanh", dtype=dtype, samples=70)
    case.weight = np.random.default_rng(3).uniform(0.5, 2, 70).astype(dtype)
    case.weight[case.rows[:10]] = case.weight[case.rows[16:32]] = 0
    case.weight.flags.writeable = False
    return case


@dtypes
@pytest.mark.parametrize("per_sample", [0, 1])
@all_three
def test_report_of_an_epoch(version, per_sample, dtype):
    """Error, penalty before its step and weight of each mini-batch; the last is ragged, and one counts nothing."""
    case = weighted_case(dtype)
    settings = settings_of(SGD, **by(PENALTIES | {PER_SAMPLE: per_sample}))
    mean, theta = case.epoch(version, 16, 0.1, settings)
    expected, order = np.zeros((5, REPORTED)), case.rows
    for b in range(5):
        rows = case.rows = order[16 * b : 16 * (b + 1)]
        whole = expected[b, WEIGHT] = case.weight[rows].sum(dtype=np.float64)
        if whole > 0:
            expected[b, MEAN_ERROR], dtheta = case.gradient(matrix)
            share = 1 / whole if per_sample else 1
            W, dW = weights(case.theta, case.layers), weights(dtheta, case.layers)
            expected[b, PENALTY] = share * sum(0.03 * abs(w).sum() + 0.1 * (w * w).sum() for w in W)
            for w, dw in zip(W, dW, strict=True):
                dw += (share * (0.03 * np.sign(w) + 0.2 * w)).astype(dtype)
            case.theta -= np.dtype(dtype).type(0.1) * dtheta
    case.rows = order
    case.epoch(version, 16, 0.1, settings)
    assert_close(theta, case.theta, dtype, times=10)
    report = weighted_case(dtype)
    report.epoch(version, 16, 0.1, settings)
    assert_close(report.report, expected, dtype, times=10)
    assert_close(mean, np.average(expected[:, MEAN_ERROR], weights=expected[:, WEIGHT]), dtype, times=10)


@both
def test_mean_of_batches_by_hand(version):
    """(3 2 + 1 6) / 4 = 3; a mini-batch that weighs nothing counts nothing, and no report is 0."""
    report = np.array([[2.0, 9.0, 3.0], [0.0, 0.0, 0.0], [6.0, 9.0, 1.0]])
    assert version.mean_of_batches(report) == 3.0
    assert version.mean_of_batches(report[1:2]) == version.mean_of_batches(report[:0]) == 0.0


@pytest.mark.parametrize("clip", [0, 0.01])
@dtypes
def test_the_same_report_for_any_number_of_threads(dtype, clip):
    settings = settings_of(ADAM, **by(PENALTIES | {PER_SAMPLE: 1, CLIP_NORM: clip}))
    found = set()
    for threads in range(1, 3 if UNCOMPILED else 5):
        case, moments = weighted_case(dtype), None
        moments = np.zeros((2, case.theta.size), dtype)
        theta = case.epoch(Tiles(threads), 16, 0.01, settings, moments)[1]
        found.add((theta.tobytes(), moments.tobytes(), case.report.tobytes()))
    assert len(found) == 1


@all_three
def test_a_plain_step_reports_no_penalty(version):
    case = weighted_case("float64")
    case.epoch(version, 16, 0.1)
    assert (case.report[:, 1] == 0).all()
    assert (case.report[[0, 2, 3, 4], 0] > 0).all()
    assert case.report[1, 0] == 0


@all_three
@pytest.mark.parametrize("rule", [ADAM, ADAMW])
def test_epsilon_hat_is_that_of_the_short_form(version, rule):
    """Kingma and Ba 2015, end of section 2: alpha_t = alpha sqrt(1 - beta2^t) / (1 - beta1^t), no v^ but v."""
    case = Case((3, 4, 2), samples=12)
    settings = settings_of(rule, **by({EPSILON_HAT: 1}))
    moments, start, order = np.zeros((2, case.theta.size)), case.theta.copy(), case.rows
    theta = case.epoch(version, 4, 0.1, settings, moments)[1]
    m, v = np.zeros((2, case.theta.size))
    for t in range(1, 4):
        case.rows = order[4 * (t - 1) : 4 * t]
        g = case.gradient(matrix)[1]
        m, v = 0.5 * m + 0.5 * g, 0.75 * v + 0.25 * g * g
        alpha = 0.1 * np.sqrt(1 - 0.75**t) / (1 - 0.5**t)
        decay = settings[WEIGHT_DECAY] if rule == ADAMW else 0
        case.theta[:] = (1 - 0.1 * decay) * case.theta - alpha * m / (np.sqrt(v) + 1.0)
    assert_close(theta - start, case.theta - start, "float64", times=10)


@pytest.mark.parametrize("optimizer", [fastbp.Adam, fastbp.AdamW])
def test_epsilon_hat_of_an_optimizer(optimizer):
    assert optimizer(epsilon_hat=True).settings()[EPSILON_HAT] == 1
    assert optimizer().settings()[EPSILON_HAT] == 0
    with pytest.raises(TypeError, match="epsilon_hat must be True or False, got 1"):
        optimizer(epsilon_hat=1)


@all_three
@dtypes
def test_no_step_leaves_the_gradient(version, dtype):
    case = weighted_case(dtype)
    settings = settings_of(NO_STEP, **by({L2: 0.2, PER_SAMPLE: 1}))
    theta = case.epoch(version, 70, 0.1, settings)[1]
    np.testing.assert_array_equal(theta, case.theta)
    E, dtheta = case.gradient(matrix)
    for w, dw in zip(weights(case.theta, case.layers), weights(dtheta, case.layers), strict=True):
        dw += (0.2 / case.weight.sum(dtype=np.float64) * w).astype(dtype)
    assert_close(case.dtheta, dtheta, dtype, times=10)
    assert_close(case.report[0, 0], E, dtype, times=10)


@both
def test_cross_entropy_of_rounded_outputs_by_hand(version):
    """-ln 1/2 - ln(1 - 1/4), and a logarithm of 0 that ends at 3."""
    y, d = np.array([[0.5, 0.25, 0.0]]), np.array([[1.0, 0.0, 1.0]])
    if version is loops:
        y, d = y[0], d[0]
    np.testing.assert_allclose(version.binary_cross_entropy_of_outputs(3.0, y, d), np.log(2) - np.log(0.75) + 3)


@all_three
@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
def test_a_limit_of_the_cross_entropy(version, output):
    """It ends the errors that are shown, and changes no step."""
    limited, free = (Case((3, 4), output=output, samples=9, level=level) for level in (0.5, None))
    thetas = [case.epoch(version, 1, 0.1)[1] for case in (limited, free)]
    np.testing.assert_array_equal(*thetas)
    most = 0.5 if output == "softmax" else 4 * 0.5 + 1e-12
    assert limited.report[:, 0].max() <= most < free.report[:, 0].max()
    if output == "softmax":
        assert_close(limited.report[:, 0], np.minimum(free.report[:, 0], 0.5), "float64")
