"""The workbook's judge and functions that are no answers at all: a sentence each, and never a traceback of ours."""

import contextlib
import inspect
import sys
import time

import numpy as np
import pytest

from fastbp.lecture import workbook


def message_of(name, function, **how):
    result = workbook.check(name, function, **how)
    assert result.status in ("wrong", "error"), result
    assert "Traceback" not in str(result)
    return result.message


def line_of(function, text):
    """The number of the line of a function in which a text stands."""
    lines, first = inspect.getsourcelines(function)
    return first + next(at for at, line in enumerate(lines) if text in line)


# ---- No answers ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "near"), [("hiden_delta", "; did you mean 'hidden_delta'?"), ("x", "; names() lists them all")]
)
def test_an_unknown_exercise_is_refused(name, near):
    for look in (workbook.exercise, workbook.hint, workbook.solution, lambda name: workbook.check(name, None)):
        with pytest.raises(ValueError, match="there is no exercise") as refused:
            look(name)
        assert str(refused.value).endswith(near)
    with pytest.raises(TypeError, match="name must be a str"):
        workbook.check(len, name)


class Relu:
    def __call__(self, u, y):
        pass


def yields(u, y):
    yield u


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (3, "a function `def relu(u, y):` is expected, got 3"),
        (None, "is expected, got None"),
        (Relu, "is expected, got a class"),
        (np.maximum, "is expected, got <ufunc 'maximum'>"),
        (yields, "it has `yield`"),
        (lambda u: u, "its first line must be `def relu(u, y):`, it takes (u)"),
        (lambda u, *y: u, "its first line must be"),
        (lambda y, u: u, "its arguments are in another order"),
    ],
)
def test_what_is_no_function_of_these_arguments_is_told_so(function, sentence):
    assert sentence in message_of("relu", function)


def docstring(u, y):
    """y = ..."""


def dots(u, y): ...


def passes(u, y):
    pass


def not_implemented(u, y):
    raise NotImplementedError


@pytest.mark.parametrize("function", [docstring, dots, passes, not_implemented])
def test_an_empty_function_is_not_begun(function):
    result = workbook.check("relu", function)
    assert result.status == "not begun"
    assert "y_j = ____" in result.message


# ---- What functions do -----------------------------------------------------------------------------------------------


def endless(u, y):
    j = 0
    while j < u.size:
        y[j] = u[j]


def endless_that_catches(u, y):
    while True:
        with contextlib.suppress(Exception):
            y[0] += 1


def past_the_end(u, y):
    for j in range(u.size + 1):
        y[j] = u[j]


def reads_past_the_end(x, w, b, u):
    for j in range(u.size):
        for i in range(x.size + 1):
            u[j] = w[j, i - 1] + x[i]


def too_many_indices(u, y):
    for j in range(u.size):
        y[j] = u[j, 0]


def exits(u, y):
    sys.exit(3)


def recurses(u, y):
    recurses(u, y)


def asks(u, y):
    y[0] = float(input("u? "))


def misspelt(u, y):
    for j in range(u.size):
        y[j] = max(U[j], 0)  # noqa: F821


def before_its_value(u, y):
    for j in range(u.size):
        total += u[j]  # noqa: F821, F841


def whole_array(u, y):
    y[:] = u if u >= 0 else 0


def calls_an_array(u, y):
    for j in range(u.size):
        y[j] = u(j)


def divides(u, y):
    for j in range(u.size):
        y[j] = 1 / (j - j)


def other_shapes(u, y):
    y[:] = np.ones(u.size + 1)


@pytest.mark.parametrize(
    ("function", "text", "sentence"),
    [
        (past_the_end, "y[j] = u[j]", "with the index 2, but {} has 2 entries: the index goes over 0..1"),
        (too_many_indices, "y[j] = u[j, 0]", "u has 1 index, not 2"),
        (exits, "sys.exit", "ends the whole program"),
        (recurses, "def recurses", "calls the function itself without end"),
        (asks, "input", "waits for input, and there is none"),
        (misspelt, "max(U", "name 'U' is not defined"),
        (before_its_value, "total +=", "it needs a first value before the loop"),
        (whole_array, "if u >= 0", "ask for each entry, u[j] >= 0"),
        (calls_an_array, "u(j)", "round brackets call a function"),
        (divides, "1 / (j - j)", "divides by 0"),
        (other_shapes, "np.ones", "the shapes do not fit"),
    ],
)
def test_what_a_function_raises_is_told_with_its_line(function, text, sentence):
    message = message_of("relu", function)
    assert f"line {line_of(function, text)} (`" in message
    assert any(sentence.format(letter) in message for letter in "uy"), message


def test_an_index_past_the_end_names_the_array_and_its_size():
    message = message_of("weighted_sum", reads_past_the_end)
    assert "reads x[i] with the index 2, but x has 2 entries: the index goes over 0..1" in message


def test_an_endless_loop_is_stopped():
    begin, before = time.perf_counter(), sys.gettrace()
    message = message_of("relu", endless, limit=0.3)
    assert f"did not end within 0.3 s: line {line_of(endless, 'while')}" in message or "y[j] = u[j]" in message
    assert "did not end within 0.3 s" in message_of("relu", endless_that_catches, limit=0.3)
    assert time.perf_counter() - begin < 60
    assert sys.gettrace() is before


def test_ctrl_c_passes_through():
    def relu(u, y):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        workbook.check("relu", relu)
    assert sys.stdin is not None


def returns_it(u, y):
    return np.maximum(u, 0)


def rebinds(u, y):
    y = np.maximum(u, 0)  # noqa: F841


def does_nothing(u, y):
    print(u.size)


def writes_input(u, y):
    for j in range(u.size):
        if u[j] < 0:
            u[j] = 0
        y[j] = u[j]


def leaves_out_the_last(u, y):
    for j in range(u.size - 1):
        y[j] = max(u[j], 0)


def leaves_out_the_first(u, y):
    for j in range(1, u.size):
        y[j] = max(u[j], 0)


def something_else(u, y):
    for j in range(u.size):
        y[j] = u[j] if u[j] >= 0 else u[j] ** 2


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (returns_it, "returns its result: write it into the argument y, `y[j] = ...`"),
        (rebinds, "`y = ...` makes a new array of that name"),
        (does_nothing, "y is never written: `y[j] = ...` writes an entry"),
        (writes_input, "writes into its input u: u must stay as it is, only y is written"),
        (leaves_out_the_last, "y[1] is never written (for two units): it is the last"),
        (leaves_out_the_first, "y[0] is never written (for two units): it is the first; indices begin at 0"),
        (something_else, "y[0] is 2.25, it should be 0, for two units: u = [-1.5, 0.5]. Right where u = 0 and u > 0"),
    ],
)
def test_what_a_function_leaves_is_told(function, sentence):
    assert sentence in message_of("relu", function)


def no_number(u, y, d):
    return y - d


def a_text(u, y, d):
    return "E"


def nothing(u, y, d):
    E = 0.5 * ((y - d) ** 2).sum()  # noqa: F841


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (no_number, "returns an array of shape (2,): E is one number"),
        (a_text, "returns 'E': E is one number"),
        (nothing, "returns nothing: its last line must be `return ...`, with E"),
    ],
)
def test_what_a_function_returns_is_told(function, sentence):
    assert sentence in message_of("squared_error", function)


def only_the_first_layer(x, w1, b1, w2, b2, u1, y1, u2, y2):
    u1[:] = w1 @ x + b1


def no_step(theta, dtheta, eta):
    theta - eta * dtheta


def rebinds_theta(theta, dtheta, eta):
    theta = theta - eta * dtheta


def other_ranges(x, w, b, u):
    for j in range(w.shape[1]):
        u[j] = b[j]
        for i in range(w.shape[0]):
            u[j] += w[j, i] * x[i]


@pytest.mark.parametrize(
    ("name", "function", "sentence"),
    [
        ("forward", only_the_first_layer, "y1 is never written"),
        ("gradient_step", no_step, "theta is as it was: it must change"),
        ("gradient_step", rebinds_theta, "`theta = ...` makes a new array of that name"),
        ("weighted_sum", other_ranges, "or the ranges of the two loops, exchanged?"),
    ],
)
def test_what_is_left_undone_is_told(name, function, sentence):
    assert sentence in message_of(name, function)
