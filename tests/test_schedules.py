"""Learning-rate schedules: numbers by hand, limits, what lies beyond the end, and bad arguments."""

import dataclasses
import math
import pickle
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest

import fastbp
from fastbp import Constant, CosineDecay, InverseScaling, LogCosine, OneCycle, Schedule, StepDecay, WarmUp

ALL = [
    Constant(0.3),
    StepDecay(0.3, every=7),
    StepDecay(0.3, every=1, factor=1.0),
    CosineDecay(0.3),
    CosineDecay(0.3, end=0.1, steps=20),
    InverseScaling(0.3),
    InverseScaling(0.3, power=2.0),
    OneCycle(0.3),
    OneCycle(0.3, start_factor=0.5, end_factor=0.0, rise=0.5, steps=20),
    WarmUp(5, 0.3),
    WarmUp(5, OneCycle(0.3)),
    LogCosine(0.3),
    LogCosine(0.3, cycles=2, steps=20),
]
NEVER_RISING = ALL[:7]
every_schedule = pytest.mark.parametrize("schedule", ALL, ids=repr)


@pytest.mark.parametrize(
    ("schedule", "steps", "expected"),
    [
        (Constant(0.25), [0, 5, 99], [0.25, 0.25, 0.25]),
        (StepDecay(0.5, every=3), [0, 2, 3, 5, 6, 99], [0.5, 0.5, 0.05, 0.05, 0.005, 0.5e-33]),
        (StepDecay(8, every=1, factor=0.5), [0, 1, 2, 3], [8.0, 4.0, 2.0, 1.0]),
        # cos(0), cos(pi/3), cos(pi/2), cos(2 pi/3), cos(pi) = 1, 1/2, 0, -1/2, -1
        (CosineDecay(1.0, steps=6), [0, 2, 3, 4, 6], [1.0, 0.75, 0.5, 0.25, 0.0]),
        (CosineDecay(0.9, end=0.1, steps=6), [0, 2, 3, 4, 6], [0.9, 0.7, 0.5, 0.3, 0.1]),
        (CosineDecay(1.0), [0, 25, 50, 99], [1.0, 0.5 + math.sqrt(2) / 4, 0.5, 0.5 - math.cos(math.pi / 100) / 2]),
        # 1 + 3 t / T = 1, 2, 4, where cycles end; cos(2 pi log2 2.5) and, at 7 / 4, cos(2 pi log2 1.75)
        (LogCosine(0.8, cycles=2, steps=6), [0, 2, 6, 99], [0.0, 0.0, 0.0, 0.0]),
        (LogCosine(0.8, cycles=2), [50], [0.4 * (1 - math.cos(2 * math.pi * math.log2(2.5)))]),
        (LogCosine(0.8, cycles=1), [75], [0.4 * (1 - math.cos(2 * math.pi * math.log2(1.75)))]),
        (InverseScaling(0.6), [0, 3, 8, 99], [0.6, 0.3, 0.2, 0.06]),
        (InverseScaling(0.6, power=1), [0, 1, 2, 5], [0.6, 0.3, 0.2, 0.1]),
        (WarmUp(4, 0.8), [0, 1, 2, 3, 4, 99], [0.2, 0.4, 0.6, 0.8, 0.8, 0.8]),
        (WarmUp(1, 0.8), [0, 1], [0.8, 0.8]),
        # The clock of `then` runs during the warm-up: its rates are 8, 4, 2, 1 and not 8, 8, 8, 8, 4.
        (WarmUp(4, StepDecay(8, every=1, factor=0.5)), [0, 1, 2, 3, 4], [2.0, 2.0, 1.5, 1.0, 0.5]),
        (WarmUp(2, WarmUp(4, 0.8)), [0, 1, 2, 3], [0.1, 0.4, 0.6, 0.8]),
    ],
)
def test_by_hand(schedule, steps, expected):
    np.testing.assert_allclose(schedule.rates(steps, 100), expected, rtol=1e-14)


def one_cycle(step, peak, start, end, rise, total):
    """The two half cosines, one step at a time: Smith & Topin's triangle with its sides bent."""
    highest = rise * total - 1
    first, last, at, until = (start, peak, 0, highest) if step <= highest else (peak, end, highest, total - 1)
    return last + (first - last) * (1 + math.cos(math.pi * (step - at) / (until - at))) / 2


@pytest.mark.parametrize("total", [2, 3, 5, 16, 33, 100])
@pytest.mark.parametrize("rise", [0.0, 0.07, 0.3, 0.6, 0.99])
def test_one_cycle_is_its_formula(total, rise):
    schedule = OneCycle(0.7, start_factor=0.1, end_factor=0.02, rise=rise)
    expected = [one_cycle(step, 0.7, 0.07, 0.0014, rise, total) for step in range(total)]
    np.testing.assert_allclose(schedule.rates(range(total), total), expected, rtol=1e-13)


def test_one_cycle_as_pytorch_has_it():
    """OneCycleLR(max_lr=0.5, total_steps=10, anneal_strategy="cos") of PyTorch 2.13, its ten rates."""
    expected = [
        0.02,
        0.26,
        0.5,
        0.47524231600673683,
        0.40587282697488153,
        0.30563101096814466,
        0.19437098903185537,
        0.09412917302511849,
        0.024759683993263143,
        2e-06,
    ]
    np.testing.assert_allclose(OneCycle(0.5).rates(range(10), 10), expected, rtol=1e-12)


def test_one_cycle_at_its_limits():
    steps = range(10)
    only_falls = OneCycle(1.0, rise=0.0).rates(steps, 10)
    assert 0.9 < only_falls[0] < 1
    assert (np.diff(only_falls) < 0).all()
    only_rises = OneCycle(1.0, rise=1.0).rates(steps, 10)
    assert (np.diff(only_rises) > 0).all()
    assert (only_rises[0], only_rises[-1]) == (0.04, 1.0)
    at_once = OneCycle(1.0, rise=0.1).rates(steps, 10)  # the peak is step 0, where PyTorch divides by 0
    assert at_once[0] == 1
    assert (np.diff(at_once) < 0).all()
    assert OneCycle(1.0, rise=1.0).rates([0], 1) == 1
    np.testing.assert_allclose(OneCycle(1.0).rates([0], 1), 4e-6, rtol=1e-12)


@pytest.mark.parametrize("total", [1, 2, 10, 1000])
def test_one_cycle_rises_to_its_peak_and_falls(total):
    rates = OneCycle(0.3).rates(range(total), total)
    top = rates.argmax()
    assert (np.diff(rates[: top + 1]) > 0).all()
    assert (np.diff(rates[top:]) < 0).all()
    assert rates.max() <= 0.3
    if total >= 10:
        assert top == 0.3 * total - 1
        assert rates[top] == 0.3


@pytest.mark.parametrize("schedule", NEVER_RISING, ids=repr)
def test_decay_never_rises(schedule):
    rates = schedule.rates(range(60), 60)
    assert rates[0] == 0.3
    assert (np.diff(rates) <= 0).all()


def test_warm_up_rises_evenly():
    rates = WarmUp(50, 0.3).rates(range(60), 60)
    np.testing.assert_allclose(np.diff(rates[:50]), 0.3 / 50, rtol=1e-12)
    assert (rates[49:] == 0.3).all()


@pytest.mark.parametrize(
    ("schedule", "end", "last"),
    [
        (CosineDecay(0.3), 60, 0.0),
        (CosineDecay(0.3, end=0.1), 60, 0.1),
        (CosineDecay(0.3, end=0.1, steps=7), 7, 0.1),
        (CosineDecay(0.3, end=0.3, steps=7), 0, 0.3),
        (OneCycle(0.3), 59, 0.3 / 25 * 1e-4),
        (OneCycle(0.3, end_factor=0.0, steps=7), 6, 0.0),
        (OneCycle(0.3, rise=1.0, steps=7), 6, 0.3),
        (WarmUp(50, CosineDecay(0.3, end=0.1, steps=20)), 49, 0.1),
        (LogCosine(0.3), 60, 0.0),
        (LogCosine(0.3, cycles=3, steps=7), 7, 0.0),
    ],
)
def test_after_its_end_a_schedule_stays_where_it_is(schedule, end, last):
    rates = schedule.rates([end, end + 1, 1000, 2**53], total=60)
    np.testing.assert_allclose(rates, last, rtol=1e-14)
    assert (rates == rates[0]).all()


def test_steps_of_the_whole_training_are_the_default():
    for of_training, of_its_own in [
        (CosineDecay(0.3), CosineDecay(0.3, steps=40)),
        (OneCycle(0.3), OneCycle(0.3, steps=40)),
        (LogCosine(0.3), LogCosine(0.3, steps=40)),
    ]:
        steps = range(50)
        np.testing.assert_array_equal(of_training.rates(steps, 40), of_its_own.rates(steps, 99))
        assert (of_training.rates([20], 40) != of_training.rates([20], 99)).all()


@every_schedule
def test_a_rate_depends_on_its_step_alone(schedule):
    together = schedule.rates(np.arange(60), 60)
    assert together.dtype == np.float64
    shuffled = np.random.default_rng(0).permutation(60)
    np.testing.assert_array_equal(schedule.rates(shuffled, 60), together[shuffled])
    np.testing.assert_array_equal(schedule.rates(np.arange(60, dtype=np.uint8).reshape(6, 10), 60).ravel(), together)


@every_schedule
def test_a_training_of_no_steps_and_of_one(schedule):
    assert schedule.rates([], 0).shape == (0,)
    assert np.isfinite(schedule.rates([0, 1], 0)).all()
    assert 0 < schedule.rates([0], 1)[0] <= 0.3 or isinstance(schedule, LogCosine)  # which begins at 0


@every_schedule
def test_rates_are_finite_and_not_negative_far_out(schedule):
    with np.errstate(all="raise"):
        rates = schedule.rates([0, 1, 10**6, 2**53], total=2**53)
    assert np.isfinite(rates).all()
    assert (rates >= 0).all()
    assert (rates <= 0.3).all()


def test_a_decay_to_nothing_is_silent():
    with np.errstate(all="raise"):
        assert StepDecay(0.3, every=1).rates([1000], 10) == 0
        assert InverseScaling(0.3, power=1e300).rates([1], 10) == 0


@every_schedule
def test_schedules_are_values(schedule):
    copy = pickle.loads(pickle.dumps(schedule))
    assert copy == schedule
    assert hash(copy) == hash(schedule)
    assert eval(repr(schedule), vars(fastbp)) == schedule
    assert len({*ALL}) == len(ALL)
    field = dataclasses.fields(schedule)[0].name
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(schedule, field, 1)


def test_numbers_become_plain():
    schedule = OneCycle(np.float32(0.5), rise=Fraction(1, 4), end_factor=1, steps=np.int64(8))
    assert [type(value) for value in dataclasses.astuple(schedule)] == [float, float, float, float, int]
    assert schedule == OneCycle(0.5, rise=0.25, end_factor=1.0, steps=8)
    assert repr(WarmUp(np.uint8(3), 1)) == "WarmUp(steps=3, then=1.0)"


RATE = "must be positive and finite, got"
PART = "must be above 0 and at most 1, got"
SHARE = "must be between 0 and 1, got"


@pytest.mark.parametrize(
    ("kind", "arguments", "error", "message"),
    [
        (Constant, {"rate": 0}, ValueError, f"rate {RATE} 0"),
        (Constant, {"rate": "0.1"}, TypeError, "rate must be a number, got '0.1'"),
        (StepDecay, {"rate": -1, "every": 3}, ValueError, f"rate {RATE} -1"),
        (StepDecay, {"rate": 1, "every": 0}, ValueError, "every must be at least 1, got 0"),
        (StepDecay, {"rate": 1, "every": 2.0}, TypeError, "every must be an integer, got 2.0"),
        (StepDecay, {"rate": 1, "every": None}, TypeError, "every must be an integer, got None"),
        (
            StepDecay,
            {"rate": 1, "every": 2**53 + 1},
            ValueError,
            r"every must be at most 2\*\*53, got 9007199254740993",
        ),
        (StepDecay, {"rate": 1, "every": 3, "factor": 0}, ValueError, f"factor {PART} 0"),
        (StepDecay, {"rate": 1, "every": 3, "factor": 1.1}, ValueError, f"factor {PART} 1.1"),
        (StepDecay, {"rate": 1, "every": 3, "factor": np.nan}, ValueError, f"factor {PART} nan"),
        (StepDecay, {"rate": 1, "every": 3, "factor": True}, TypeError, "factor must be a number, got True"),
        (StepDecay, {"rate": 1, "every": 3, "factor": 10**400}, ValueError, f"factor {PART} 1000"),
        (StepDecay, {"rate": 1, "every": 3, "factor": -(10**400)}, ValueError, f"factor {PART} -1000"),
        (CosineDecay, {"rate": np.inf}, ValueError, f"rate {RATE} inf"),
        (
            CosineDecay,
            {"rate": 1, "end": -0.1},
            ValueError,
            "end must be at least 0 and at most the rate, 1.0, got -0.1",
        ),
        (CosineDecay, {"rate": 1, "end": 2}, ValueError, "end must be at least 0 and at most the rate, 1.0, got 2"),
        (CosineDecay, {"rate": 1, "end": None}, TypeError, "end must be a number, got None"),
        (CosineDecay, {"rate": 1, "steps": 0}, ValueError, "steps must be at least 1, got 0"),
        (CosineDecay, {"rate": 1, "steps": "all"}, TypeError, "steps must be an integer, got 'all'"),
        (LogCosine, {"rate": 0}, ValueError, f"rate {RATE} 0"),
        (LogCosine, {"rate": 1, "cycles": 0}, ValueError, "cycles must be at least 1, got 0"),
        (LogCosine, {"rate": 1, "cycles": 53}, ValueError, "cycles must be at most 52, got 53"),
        (LogCosine, {"rate": 1, "cycles": 1.5}, TypeError, "cycles must be an integer, got 1.5"),
        (LogCosine, {"rate": 1, "steps": 0}, ValueError, "steps must be at least 1, got 0"),
        (InverseScaling, {"rate": None}, TypeError, "rate must be a number, got None"),
        (InverseScaling, {"rate": 1, "power": 0}, ValueError, f"power {RATE} 0"),
        (OneCycle, {"peak": np.nan}, ValueError, f"peak {RATE} nan"),
        (OneCycle, {"peak": 1, "start_factor": 0}, ValueError, f"start_factor {PART} 0"),
        (OneCycle, {"peak": 1, "start_factor": 25}, ValueError, f"start_factor {PART} 25"),
        (OneCycle, {"peak": 1, "end_factor": -0.1}, ValueError, f"end_factor {SHARE} -0.1"),
        (OneCycle, {"peak": 1, "end_factor": 1e4}, ValueError, f"end_factor {SHARE} 10000.0"),
        (OneCycle, {"peak": 1, "rise": 30}, ValueError, f"rise {SHARE} 30"),
        (OneCycle, {"peak": 1, "rise": 1j}, TypeError, "rise must be a number, got 1j"),
        (OneCycle, {"peak": 1, "steps": -5}, ValueError, "steps must be at least 1, got -5"),
        (WarmUp, {"steps": 0, "then": 0.1}, ValueError, "steps must be at least 1, got 0"),
        (WarmUp, {"steps": 2.5, "then": 0.1}, TypeError, "steps must be an integer, got 2.5"),
        (WarmUp, {"steps": 5, "then": 0}, ValueError, f"then {RATE} 0"),
        (WarmUp, {"steps": 5, "then": None}, TypeError, r"then must be a number or a fastbp\.Schedule, got None"),
        (WarmUp, {"steps": 5, "then": OneCycle}, TypeError, r"then must be a number or a fastbp\.Schedule, got <class"),
    ],
)
def test_bad_arguments(kind, arguments, error, message):
    with pytest.raises(error, match=f"^{message}"):
        kind(**arguments)


@every_schedule
@pytest.mark.parametrize(
    ("steps", "total", "error", "message"),
    [
        ([0.0, 1.0], 10, TypeError, r"steps must be integers, got \[0.0, 1.0\]"),
        ([True], 10, TypeError, r"steps must be integers, got \[True\]"),
        ("all", 10, TypeError, "steps must be integers, got 'all'"),
        ([3, -1], 10, ValueError, "steps must be at least 0, got -1"),
        ([0], -1, ValueError, "total must be at least 0, got -1"),
        ([0], 10.0, TypeError, "total must be an integer, got 10.0"),
        ([0], 10**400, ValueError, r"total must be at most 2\*\*53, got"),
    ],
)
def test_bad_steps(schedule, steps, total, error, message):
    with pytest.raises(error, match=f"^{message}"):
        schedule.rates(steps, total)


def test_a_schedule_needs_its_rates():
    class Nothing(Schedule):
        pass

    with pytest.raises(TypeError, match="rates"):
        Nothing()


def test_warm_up_checks_a_schedule_of_the_user():
    class Single(Schedule):
        def rates(self, steps, total):
            return 0.1

    with pytest.raises(ValueError, match=r"^then\.rates must return rates of shape \(3,\), as the steps, got \(\)"):
        WarmUp(2, Single()).rates(range(3), 3)


def test_schedules_do_without_the_compiler():
    script = "import sys, fastbp; fastbp.OneCycle, fastbp.SGD; assert 'numba' not in sys.modules"
    subprocess.run([sys.executable, "-c", script], check=True)
