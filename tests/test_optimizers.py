"""Update rules: their published defaults, what the kernels read of them, their rates, and bad arguments."""

import dataclasses
import pickle

import numpy as np
import pytest

import fastbp
from fastbp import SGD, Adam, AdamW, CosineDecay, Optimizer, RMSprop, Rprop, Schedule, StepDecay, WarmUp
from fastbp.lecture import codes
from fastbp.rules import as_optimizer

COLUMNS = [codes.RULE, codes.FIRST_DECAY, codes.SECOND_DECAY, codes.EPSILON, codes.WEIGHT_DECAY]

# The rule, its settings in the order of COLUMNS, its rows of memory, its repr.
ALL = [
    (SGD(), [codes.SGD, 0, 0, 0, 0], 0, "SGD(learning_rate=0.1)"),
    (SGD(0.05), [codes.SGD, 0, 0, 0, 0], 0, "SGD(learning_rate=0.05)"),
    (SGD(1, 0.9), [codes.MOMENTUM, 0.9, 0, 0, 0], 1, "SGD(learning_rate=1.0, momentum=0.9)"),
    (
        SGD(momentum=0.5, nesterov=True),
        [codes.NESTEROV, 0.5, 0, 0, 0],
        1,
        "SGD(learning_rate=0.1, momentum=0.5, nesterov=True)",
    ),
    (
        SGD(CosineDecay(0.5)),
        [codes.SGD, 0, 0, 0, 0],
        0,
        "SGD(learning_rate=CosineDecay(rate=0.5, end=0.0, steps=None))",
    ),
    (Adam(), [codes.ADAM, 0.9, 0.999, 1e-8, 0], 2, "Adam(learning_rate=0.001)"),
    (
        Adam(0.01, 0, 0.99, 1e-6),
        [codes.ADAM, 0, 0.99, 1e-6, 0],
        2,
        "Adam(learning_rate=0.01, beta1=0.0, beta2=0.99, epsilon=1e-06)",
    ),
    (AdamW(), [codes.ADAMW, 0.9, 0.999, 1e-8, 0.01], 2, "AdamW(learning_rate=0.001)"),
    (AdamW(weight_decay=0), [codes.ADAMW, 0.9, 0.999, 1e-8, 0], 2, "AdamW(learning_rate=0.001, weight_decay=0.0)"),
    (RMSprop(), [codes.RMSPROP, 0, 0.99, 1e-8, 0], 1, "RMSprop(learning_rate=0.01)"),
    (RMSprop(decay=0.9), [codes.RMSPROP, 0, 0.9, 1e-8, 0], 1, "RMSprop(learning_rate=0.01, decay=0.9)"),
    (Rprop(), [codes.RPROP, 0.5, 1.2, 1e-6 / 0.01, 5000], 2, "Rprop(learning_rate=0.01)"),
    (
        Rprop(0.5, [0.25, 2], (1e-3, 1)),
        [codes.RPROP, 0.25, 2, 2e-3, 2],
        2,
        "Rprop(learning_rate=0.5, etas=(0.25, 2.0), step_sizes=(0.001, 1.0))",
    ),
]
every_optimizer = pytest.mark.parametrize("optimizer", [row[0] for row in ALL], ids=repr)


@pytest.mark.parametrize(("optimizer", "expected", "moments", "shown"), ALL, ids=[row[3] for row in ALL])
def test_what_the_kernels_read(optimizer, expected, moments, shown):
    settings = optimizer.settings()
    assert settings.shape == (codes.SETTINGS,)
    assert settings.dtype == np.float64
    assert settings[COLUMNS].tolist() == expected
    assert not np.delete(settings, COLUMNS).any()
    assert optimizer.moments == moments
    assert repr(optimizer) == shown


@every_optimizer
def test_settings_are_an_array_of_the_caller(optimizer):
    before = optimizer.settings()
    optimizer.settings()[:] = 7
    np.testing.assert_array_equal(optimizer.settings(), before)


@every_optimizer
def test_optimizers_are_values(optimizer):
    copy = pickle.loads(pickle.dumps(optimizer))
    assert copy == optimizer
    assert hash(copy) == hash(optimizer)
    assert eval(repr(optimizer), vars(fastbp)) == optimizer
    assert isinstance(optimizer, Optimizer)
    with pytest.raises(dataclasses.FrozenInstanceError):
        optimizer.learning_rate = 1.0


NAMES = {"sgd": SGD(), "adam": Adam(), "adamw": AdamW(), "rmsprop": RMSprop(), "rprop": Rprop()}


@pytest.mark.parametrize("name", NAMES)
def test_names_are_rules_with_their_defaults(name):
    assert as_optimizer("optimizer", name) == NAMES[name]
    networks = [fastbp.Network((2, 3, 2), seed=1) for _ in range(2)]
    for network, optimizer in zip(networks, (name, NAMES[name]), strict=True):
        fastbp.train(network, np.eye(2), [0, 1], epochs=3, optimizer=optimizer, version="matrix")
    np.testing.assert_array_equal(networks[0].theta, networks[1].theta)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ("adma", ValueError, "optimizer must be one of 'sgd', 'adam', 'adamw', 'rmsprop', 'rprop', 'lbfgs', got 'adm"),
        ("", ValueError, "optimizer must be one of 'sgd', 'adam', 'adamw', 'rmsprop', 'rprop', 'lbfgs', got ''"),
        (Adam, TypeError, r"optimizer must be a fastbp\.Optimizer, got the class Adam: give Adam\(\)"),
        (3, TypeError, r"optimizer must be a fastbp\.Optimizer or one of .*, got 3"),
        (None, TypeError, r"optimizer must be a fastbp\.Optimizer or one of .*, got None"),
    ],
)
def test_what_is_no_rule(given, error, message):
    with pytest.raises(error, match=f"^{message}"):
        as_optimizer("optimizer", given)


def test_different_rules_differ():
    assert len({row[0] for row in ALL}) == len(ALL)
    assert AdamW(weight_decay=0) != Adam()


def test_a_changed_copy_is_checked_too():
    assert dataclasses.replace(Adam(), beta1=0.5) == Adam(beta1=0.5)
    with pytest.raises(ValueError, match="beta1 must be at least 0 and below 1, got 2"):
        dataclasses.replace(AdamW(), beta1=2)


def test_numbers_become_plain():
    optimizer = SGD(np.float32(0.5), np.float64(0.25), np.True_)
    assert [type(value) for value in dataclasses.astuple(optimizer)] == [float, float, bool]
    assert optimizer == SGD(0.5, 0.25, True)


def test_a_class_of_all_rules_is_no_rule():
    with pytest.raises(TypeError, match="abstract"):
        Optimizer()


@every_optimizer
def test_rates_of_a_whole_training_are_those_of_its_epochs(optimizer):
    together = optimizer.rates(0, 30, 30)
    assert together.dtype == np.float64
    epochs = [optimizer.rates(first, 10, 30) for first in (0, 10, 20)]
    np.testing.assert_array_equal(np.concatenate(epochs), together)
    assert optimizer.rates(0, 0, 0).shape == (0,)


def test_rates_by_hand():
    assert Adam(0.25).rates(7, 3, 100).tolist() == [0.25, 0.25, 0.25]
    np.testing.assert_allclose(RMSprop(StepDecay(0.5, every=4)).rates(2, 4, 100), [0.5, 0.5, 0.05, 0.05], rtol=1e-15)
    warm = AdamW(WarmUp(4, CosineDecay(1.0)))  # of 8 steps, step 4 is at half: cos(pi / 2) = 0
    np.testing.assert_allclose(warm.rates(4, 1, 8), [0.5], rtol=1e-15)


class Returns(Schedule):
    """A user's schedule that gives whatever it was made with."""

    def __init__(self, answer):
        self.answer = answer

    def rates(self, steps, total):
        self.asked = steps, total
        return self.answer


def test_a_schedule_of_the_user_is_asked_for_its_steps():
    schedule = Returns([3, 2, 0])
    rates = SGD(schedule).rates(5, 3, 40)
    assert rates.dtype == np.float64
    assert rates.tolist() == [3, 2, 0]
    assert schedule.asked[0].tolist() == [5, 6, 7]
    assert schedule.asked[0].dtype.kind == "i"
    assert schedule.asked[1] == 40


def test_rates_are_an_array_of_the_caller():
    kept = np.array([9.0, 1.0, 9.0, 2.0, 9.0, 3.0])[1::2]  # strided, and the user's own
    rates = SGD(Returns(kept)).rates(0, 3, 3)
    assert rates.flags.c_contiguous
    rates[:] = 7
    assert kept.tolist() == [1, 2, 3]


class Stubborn:
    """An array of another library that does not give its numbers away."""

    def __array__(self, dtype=None, copy=None):
        raise RuntimeError("on the graphics card")

    def __repr__(self):
        return "<a stubborn array>"


FINITE = r"learning_rate\.rates must return finite rates of at least 0, got"
REAL = r"learning_rate\.rates must return real numbers, got"
SHAPE = r"learning_rate\.rates must return rates of shape \(3,\), as the steps, got"


@pytest.mark.parametrize(
    ("answer", "error", "message"),
    [
        (0.1, ValueError, rf"{SHAPE} \(\)"),
        ([0.1, 0.1], ValueError, rf"{SHAPE} \(2,\)"),
        ([[0.1], [0.1], [0.1]], ValueError, rf"{SHAPE} \(3, 1\)"),
        ([0.1, np.nan, 0.1], ValueError, f"{FINITE} nan for step 6"),
        ([0.1, 0.1, np.inf], ValueError, f"{FINITE} inf for step 7"),
        ([-0.1, 0.1, -0.2], ValueError, f"{FINITE} -0.1 for step 5"),
        (None, TypeError, f"{REAL} None"),
        (["a", "b", "c"], TypeError, rf"{REAL} \['a', 'b', 'c'\]"),
        ([1j, 1, 1], TypeError, rf"{REAL} \[1j, 1, 1\]"),
        ([True, True, False], TypeError, rf"{REAL} \[True, True, False\]"),
        ([[0.1], [0.1, 0.2]], TypeError, rf"{REAL} \[\[0.1\], \[0.1, 0.2\]\]: "),
        (Stubborn(), TypeError, f"{REAL} <a stubborn array>: on the graphics card"),
    ],
)
def test_bad_rates_of_a_user(answer, error, message):
    with pytest.raises(error, match=f"^{message}"):
        Adam(Returns(answer)).rates(5, 3, 40)


DECAY = "must be at least 0 and below 1, got"


@pytest.mark.parametrize(
    ("kind", "arguments", "error", "message"),
    [
        (SGD, {"momentum": 1.1}, ValueError, "momentum must be at least 0 and at most 1, got 1.1"),
        (SGD, {"momentum": -0.1}, ValueError, "momentum must be at least 0 and at most 1, got -0.1"),
        (SGD, {"momentum": np.nan}, ValueError, "momentum must be at least 0 and at most 1, got nan"),
        (SGD, {"momentum": "0.9"}, TypeError, "momentum must be a number, got '0.9'"),
        (SGD, {"momentum": True}, TypeError, "momentum must be a number, got True"),
        (SGD, {"momentum": 0.9, "nesterov": 1}, TypeError, "nesterov must be True or False, got 1"),
        (SGD, {"nesterov": True}, ValueError, "momentum must be above 0 for nesterov=True, got 0.0"),
        (
            SGD,
            {"learning_rate": CosineDecay},
            TypeError,
            r"learning_rate must be a number or a fastbp\.Schedule, got <cl",
        ),
        (
            SGD,
            {"learning_rate": max},
            TypeError,
            r"learning_rate must be a number or a fastbp\.Schedule, got <built-in",
        ),
        (Adam, {"learning_rate": 0}, ValueError, "learning_rate must be positive and finite, got 0"),
        (Adam, {"beta1": 1.0}, ValueError, f"beta1 {DECAY} 1.0"),
        (Adam, {"beta2": -1e-9}, ValueError, f"beta2 {DECAY} -1e-09"),
        (Adam, {"beta2": (0.9, 0.999)}, TypeError, r"beta2 must be a number, got \(0.9, 0.999\)"),
        (Adam, {"epsilon": 0}, ValueError, "epsilon must be positive and finite, got 0"),
        (Adam, {"epsilon": None}, TypeError, "epsilon must be a number, got None"),
        (AdamW, {"learning_rate": -1}, ValueError, "learning_rate must be positive and finite, got -1"),
        (AdamW, {"epsilon": np.inf}, ValueError, "epsilon must be positive and finite, got inf"),
        (AdamW, {"weight_decay": -0.1}, ValueError, "weight_decay must be finite and at least 0, got -0.1"),
        (AdamW, {"weight_decay": np.inf}, ValueError, "weight_decay must be finite and at least 0, got inf"),
        (AdamW, {"weight_decay": 10**400}, ValueError, "weight_decay must be finite and at least 0, got 1000"),
        (AdamW, {"weight_decay": None}, TypeError, "weight_decay must be a number, got None"),
        (RMSprop, {"learning_rate": np.inf}, ValueError, "learning_rate must be positive and finite, got inf"),
        (RMSprop, {"decay": 1}, ValueError, f"decay {DECAY} 1"),
        (RMSprop, {"epsilon": -1}, ValueError, "epsilon must be positive and finite, got -1"),
        (Rprop, {"learning_rate": 0}, ValueError, "learning_rate must be positive and finite, got 0"),
        (Rprop, {"learning_rate": StepDecay(1.0, every=2)}, TypeError, "learning_rate must be a number for Rprop, wh"),
        (Rprop, {"etas": 0.5}, TypeError, "etas must be two numbers, got 0.5"),
        (Rprop, {"etas": (0.5, 1.2, 1.3)}, TypeError, r"etas must be two numbers, got \(0.5, 1.2, 1.3\)"),
        (Rprop, {"etas": (0.5, "2")}, TypeError, r"etas\[1\] must be a number, got '2'"),
        (Rprop, {"etas": (0.0, 1.2)}, ValueError, r"etas\[0\] must be positive and finite, got 0.0"),
        (Rprop, {"etas": (1.2, 0.5)}, ValueError, r"etas must be a number below 1 and one above 1, got \(1.2, 0.5\)"),
        (Rprop, {"step_sizes": "ab"}, TypeError, "step_sizes must be two numbers, got 'ab'"),
        (Rprop, {"step_sizes": (0, 1)}, ValueError, r"step_sizes\[0\] must be positive and finite, got 0"),
        (Rprop, {"step_sizes": (2, 1)}, ValueError, r"step_sizes must be the least and the largest, got \(2.0, 1.0"),
    ],
)
def test_bad_arguments(kind, arguments, error, message):
    with pytest.raises(error, match=f"^{message}"):
        kind(**arguments)
