"""The steps of fastbp.trace: their order, their words, and their numbers, which are computed again from the text."""

import itertools
import re

import numpy as np
import pytest

import fastbp
from fastbp.lecture.codes import HIDDEN
from fastbp.lecture.example import example
from fastbp.lecture.tracing.terms import shown
from tests.test_by_hand import RELU
from tests.test_trace import LOSSES, drawn, traced

PARTS = ["forward", "error", "STEP 1", "STEP 1.5", "STEP 2", "update"]


def network_of(problem):
    network = fastbp.Network(problem["sizes"], problem["activation"], problem["output"], "float64")
    for layer in range(2):
        network.W[layer][:], network.B[layer][:] = problem["W"][layer], problem["B"][layer]
    return network


def computed(text):
    """What someone with a calculator gets from the numbers of a step."""
    text = text.partition(", because ")[0].replace(" x ", " * ").replace("^", "**")
    text = re.sub(r"\|([^|]*)\|", r"abs(\1)", text)
    text = re.sub(r"ln (-?[\w.]+(?:e-\d+)?)", r"ln(\1)", text)
    names = {"exp": np.exp, "ln": np.log, "tanh": np.tanh, "sqrt": np.sqrt, "pi": np.pi, "abs": abs}
    return float(eval(text, {"__builtins__": {}}, names))


def assert_right(step):
    """The text gives the result, in the digits that are shown."""
    found = computed(step.numbers)
    if step.numbers.endswith(", because floats are rounded"):
        assert abs(found - step.result) < 1e-13 > abs(step.result), str(step)
        return
    assert shown(found) == shown(step.result) or abs(found - step.result) <= 1e-8 * abs(step.result), str(step)


@pytest.mark.parametrize("sizes", [(3, 2), (2, 3, 1), (4, 3, 2, 3)])
@pytest.mark.parametrize(("output", "loss"), LOSSES)
def test_who_computes_what_is_shown_gets_the_result(output, loss, sizes):
    for seed in range(3):
        for step in traced(sizes, "relu", output, loss, seed).steps():
            assert_right(step)


@pytest.mark.parametrize("hidden", HIDDEN)
def test_so_for_each_activation(hidden):
    for seed in range(5):
        for step in traced((2, 4, 2), hidden, seed=seed).steps():
            assert_right(step)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("activation", ["relu", "sigmoid"])
@pytest.mark.parametrize("problem", ["regression", "classification"])
def test_so_for_the_examples_of_the_lecture(problem, activation, seed):
    numbers = example(seed, problem, activation)
    for step in fastbp.trace(network_of(numbers), numbers["x"], numbers["d"]).steps():
        assert_right(step)


def test_a_result_that_is_left_of_large_terms_has_operands_with_enough_digits():
    network = fastbp.Network((2, 1), output="identity", dtype="float64")
    network.theta[:] = 1.23456789, -1.23456, 0
    first = next(fastbp.trace(network, [1.0, 1.0], 0).steps())
    assert str(first).endswith("= 1.23456789 x 1 - 1.23456 x 1 + 0 = 7.89e-06")
    assert_right(first)


def test_what_rounding_has_left_is_called_so():
    """delta of two classes is (p, -p), but for the last bit; so nothing is left of p w - p w, or that bit."""
    trace = fastbp.trace(*drawn((1, 1, 2), "identity")[:2], 0)
    for name, value in (("delta", [-0.43782349911420193, 0.43782349911420188]), ("W", [[0.75], [0.75]])):
        object.__setattr__(trace.layers[1], name, np.array(value))
    object.__setattr__(trace.layers[0], "dy", np.array([-5e-17]))
    (step,) = (step for step in trace.steps() if step.part == "STEP 1.5")
    assert str(step).endswith(" = -0.4378 x 0.75 + 0.4378 x 0.75 = -5e-17, because floats are rounded")
    assert_right(step)


@pytest.mark.parametrize("hidden", ["relu", "gelu", "selu", "mish"])
@pytest.mark.parametrize(("output", "loss"), LOSSES)
def test_each_number_of_the_trace_has_its_step_and_no_other(output, loss, hidden):
    """Results are exactly the numbers of the trace, each quantity as often as there are numbers of it."""
    trace = traced((3, 2, 4, 3), hidden, output, loss)
    found = {}
    for step in trace.steps():
        found.setdefault((step.part, re.sub(r"\d", "", step.quantity.partition("^")[0])), []).append(step.result)
    last, hidden_layers = trace.layers[-1], trace.layers[-2::-1]

    def of(letter, layers):
        return np.concatenate([getattr(layer, letter).ravel() for layer in layers])

    jacobian = last.jacobian if output == "softmax" else last.jacobian.diagonal()
    downwards = {"h'(u_": "dh", "delta_": "delta", "dE/dw_": "dW", "dE/db_": "dB"}
    expected = {
        ("forward", "u_"): of("u", trace.layers),
        ("forward", "y_"): of("y", trace.layers),
        ("error", "E"): [trace.E],
        ("STEP 1", "dE/dy_"): last.dy,
        ("STEP 1", "dy_"): jacobian.ravel(),
        ("STEP 1", "delta_"): np.concatenate([last.delta_general, last.delta]),
        ("STEP 1", "dE/dw_"): last.dW.ravel(),
        ("STEP 1", "dE/db_"): last.dB,
        ("STEP 1.5", "dE/dy_"): of("dy", hidden_layers),
        **{("STEP 2", name): of(letter, hidden_layers) for name, letter in downwards.items()},
        ("update", "w_"): of("W_after", trace.layers),
        ("update", "b_"): of("B_after", trace.layers),
    }
    assert found.keys() == expected.keys()
    for key, numbers in expected.items():
        np.testing.assert_array_equal(found[key], numbers, err_msg=str(key))


def test_the_order_is_the_lectures():
    """Forward, the error, STEP 1 at the output, then STEP 1.5 and STEP 2 for each hidden layer downwards, update."""
    steps = list(traced((2, 3, 4, 2)).steps())
    parts = [part for part, _ in itertools.groupby(steps, key=lambda step: step.part)]
    assert parts == [*PARTS[:3], "STEP 1.5", "STEP 2", "STEP 1.5", "STEP 2", "update"]
    layers = [[int(n) for n in re.findall(r"\^\((\d)\)", step.quantity)] for step in steps if step.part[:6] == "STEP 2"]
    assert layers == sorted(layers, reverse=True)
    assert [part for part, _ in itertools.groupby(s.part for s in traced((2, 2)).steps())] == [*PARTS[:3], "update"]


def test_the_network_worked_out_by_hand_step_by_step():
    steps = [f"{step.part}, {step.slide}: {step}" for step in fastbp.trace(*RELU[:3]).steps()]
    assert steps[:13] == [
        "forward, 7: u_1^(1) = w_11^(1) x_1 + w_12^(1) x_2 + w_13^(1) x_3 + b_1^(1) "
        "= 0.5 x 1 - 1 x 2 + 1 x (-1) + 0.5 = -2",
        "forward, 7: u_2^(1) = w_21^(1) x_1 + w_22^(1) x_2 + w_23^(1) x_3 + b_2^(1) "
        "= 1 x 1 + 0.5 x 2 - 0.5 x (-1) - 1 = 1.5",
        "forward, 5, 36: y_1^(1) = (u_1^(1) if u_1^(1) >= 0 else 0) = 0, because -2 < 0",
        "forward, 5, 36: y_2^(1) = (u_2^(1) if u_2^(1) >= 0 else 0) = 1.5, because 1.5 >= 0",
        "forward, 8: u_1^(2) = w_11^(2) y_1^(1) + w_12^(2) y_2^(1) + b_1^(2) = 2 x 0 - 1 x 1.5 + 0.25 = -1.25",
        "forward, 5, 32: y_1^(2) = u_1^(2) = -1.25",
        "error, 9, 32: E = 1/2 (y_1^(2) - d_1)^2 = 1/2 x (-1.25 - (-0.25))^2 = 0.5",
        "STEP 1, 31, 32: dE/dy_1^(2) = y_1^(2) - d_1 = -1.25 - (-0.25) = -1",
        "STEP 1, 32: dy_1^(2)/du_1^(2) = 1",
        "STEP 1, 31: delta_1^(2) = dE/dy_1^(2) dy_1^(2)/du_1^(2) = -1 x 1 = -1",
        "STEP 1, 32: delta_1^(2) = y_1^(2) - d_1 = -1.25 - (-0.25) = -1",
        "STEP 1, 21, 22: dE/dw_11^(2) = delta_1^(2) y_1^(1) = -1 x 0 = 0",
        "STEP 1, 21, 22: dE/dw_12^(2) = delta_1^(2) y_2^(1) = -1 x 1.5 = -1.5",
    ]
    for expected in (
        "STEP 1, 23, 24: dE/db_1^(2) = delta_1^(2) = -1",
        "STEP 1.5, 25: dE/dy_2^(1) = delta_1^(2) w_12^(2) = -1 x (-1) = 1",
        "STEP 2, 36: h'(u_1^(1)) = (1 if u_1^(1) >= 0 else 0) = 0, because -2 < 0",
        "STEP 2, 34, 36: delta_2^(1) = dE/dy_2^(1) h'(u_2^(1)) = 1 x 1 = 1",
        "STEP 2, 26, 27: dE/dw_22^(1) = delta_2^(1) x_2 = 1 x 2 = 2",
        "STEP 2, 28, 29: dE/db_2^(1) = delta_2^(1) = 1",
        "update, 12: w_12^(2) <- w_12^(2) - eta dE/dw_12^(2) = -1 - 0.1 x (-1.5) = -0.85",
    ):
        assert expected in steps


def test_softmax_step_by_step():
    """u = (0, ln 3), as in test_by_hand: y = (1, 3) / 4."""
    network = fastbp.Network((1, 2), dtype="float64")
    network.theta[:] = [0, np.log(3), 0, 0]
    steps = [f"{step.slide}: {step}" for step in fastbp.trace(network, [1.0], 0).steps()]
    for expected in (
        "6, 33: y_1^(1) = exp(u_1^(1)) / (exp(u_1^(1)) + exp(u_2^(1))) = exp(0) / (exp(0) + exp(1.0986)) = 0.25",
        "9, 33: E = -(d_1 ln y_1^(1) + d_2 ln y_2^(1)) = -(1 x ln 0.25 + 0 x ln 0.75) = 1.386",
        "31, 33: dE/dy_1^(1) = -d_1 / y_1^(1) = -1 / 0.25 = -4",
        "33: dy_2^(1)/du_2^(1) = y_2^(1) (1 - y_2^(1)) = 0.75 x (1 - 0.75) = 0.1875",
        "33: dy_2^(1)/du_1^(1) = -y_2^(1) y_1^(1) = -0.75 x 0.25 = -0.1875",
        "31: delta_1^(1) = dE/dy_1^(1) dy_1^(1)/du_1^(1) + dE/dy_2^(1) dy_2^(1)/du_1^(1) "
        "= -4 x 0.1875 + 0 x (-0.1875) = -0.75",
        "33: delta_2^(1) = y_2^(1) - d_2 = 0.75 - 0 = 0.75",
    ):
        assert expected in steps


@pytest.mark.parametrize(
    ("loss", "y", "expected"),
    [
        ("huber", 3.0, ["|y_1^(1) - d_1|", "= 1, because |3 - 0| > 1", "= 1 x (|3 - 0| - 1/2 x 1) = 2.5, because"]),
        ("huber", -3.0, ["= -1, because |-3 - 0| > 1"]),
        ("huber", 0.5, ["= 0.5 - 0 = 0.5, because |0.5 - 0| <= 1"]),
        ("quantile", 2.0, ["= 1 - 0.5 = 0.5, because 2 > 0", "(1 - 0.5) x (2 - 0) = 1, because 0 < 2"]),
        ("quantile", -2.0, ["= -0.5, because -2 < 0"]),
        ("quantile", 0.0, ["= 0, because 0 <= 0"]),
    ],
)
def test_cases_say_which_holds(loss, y, expected):
    network = fastbp.Network((1, 1), output="identity", dtype="float64", loss=loss)
    network.theta[:] = 0, y
    text = "\n".join(map(str, fastbp.trace(network, [1.0], 0.0).steps()))
    for part in expected:
        assert part in text


def test_long_sums_and_large_numbers_of_units_are_short():
    network, x, d = drawn((12, 11, 2))
    first, *_ = steps = list(fastbp.trace(network, x, d).steps())
    assert first.formula == "w_11^(1) x_1 + w_12^(1) x_2 + ... + b_1^(1)"
    assert re.fullmatch(r"\S+ x \S+ [+-] \S+ x \S+ \+ \.\.\. [+-] \S+", first.numbers)
    assert {"dE/dw_11,12^(1)", "dE/dw_1,10^(2)", "dE/dw_29^(1)"} <= {step.quantity for step in steps}
    assert max(len(str(step)) for step in steps) < 200
