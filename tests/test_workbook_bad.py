"""The workbook's judge and functions that are no answers at all: a sentence each, and never a traceback of ours."""

import contextlib
import inspect
import sys
import time

import numpy as np
import pytest

from fastbp.lecture import loops, workbook


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
        (lambda u, *y: u, "its first line must be `def relu(u, y):`, it takes (u, *y)"),
        (Relu(), "is expected, got an object of the class Relu"),
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


def a_number_as_text(u, y, d):
    return "2.5"


def a_list(u, y, d):
    return [0.5 * ((y - d) ** 2).sum()]


def nothing(u, y, d):
    E = 0.5 * ((y - d) ** 2).sum()  # noqa: F841


@pytest.mark.parametrize(
    ("function", "sentence"),
    [
        (no_number, "returns an array of shape (2,): E is one number"),
        (a_text, "returns 'E': E is one number"),
        (nothing, "returns nothing: its last line must be `return ...`, with E"),
        (a_number_as_text, "returns '2.5': E is one number"),
        (a_list, "E is one number"),
    ],
)
def test_what_a_function_returns_is_told(function, sentence):
    assert sentence in message_of("squared_error", function)


def only_the_first_layer(x, w1, b1, w2, b2, u1, y1, u2, y2):
    u1[:] = w1 @ x + b1


def no_step(theta, dtheta, eta):
    theta - eta * dtheta


def only_vectors(X, D, order, batch_size, eta, w1, b1, w2, b2):
    for p in range(w1.size):
        w1[p] -= eta


def too_early(x, w1, b1, w2, b2, u1, y1, u2, y2):
    u1[:] = w1 @ x + b1
    y1[:] = np.maximum(u1, 0)
    y2[:] = np.exp(u2 - u2.max()) / np.exp(u2 - u2.max()).sum()
    u2[:] = w2 @ y1 + b2


def nearly_one(u, y):
    y[:] = np.exp(u - u.max()) / (np.exp(u - u.max()).sum() + 1e-8)


def matrices_first(l, m, n):  # noqa: E741
    return (m, l), (n, m), (m,), (n,)


def numbers(l, m, n):  # noqa: E741
    return (1, 2), (3,), (4, 5), (6,)


def arrays(l, m, n):  # noqa: E741
    return np.zeros((m, l)), np.zeros(m), np.zeros((n, m)), np.zeros(n)


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
        (
            "gradient_step",
            rebinds_theta,
            "`theta = ...` makes a new array of that name and leaves the given one as it was: write its entries, "
            "`theta[p] = ...` (`theta[:] = ...`",
        ),
        ("epoch", only_vectors, "the index goes over 0..2 (for"),
        ("forward", too_early, "y2 is found from an array that is read before it is written: mind the order"),
        ("softmax", nearly_one, "y[0] is 0.81757447"),
        ("parameter_shapes", matrices_first, "the order is W1, B1, W2, B2"),
        (
            "parameter_shapes",
            numbers,
            "W1 has the shape (1, 2) in yours, it should be (2, 3), for l = 3, m = 2, n = 1",
        ),
        ("parameter_shapes", arrays, "returns arrays: their shapes are asked for"),
        ("weighted_sum", other_ranges, "or the ranges of the two loops, exchanged?"),
    ],
)
def test_what_is_left_undone_is_told(name, function, sentence):
    assert sentence in message_of(name, function)


# ---- Answers of others -----------------------------------------------------------------------------------------------


def calls_the_lecture(u, y):
    loops.relu(u, y)


def imports_the_lecture(u, y):
    from fastbp.lecture import matrix

    matrix.relu(u, y)


def by_way_of_another(u, y):
    def inner():
        calls_the_lecture(u, y)

    inner()


def in_a_closure(function):
    def answer(u, y):
        function(u, y)

    return answer


@pytest.mark.parametrize(
    ("function", "what"),
    [
        (loops.relu, "relu"),
        (in_a_closure(loops.relu), "relu"),
        (calls_the_lecture, "loops"),
        (imports_the_lecture, "fastbp.lecture"),
        (by_way_of_another, "loops"),
    ],
)
def test_functions_of_fastbp_are_no_answer(function, what):
    assert message_of("relu", function) == f"it takes {what} from fastbp: here your own lines are asked for"


def test_a_closure_over_a_name_that_has_no_value_is_a_sentence():
    def relu(u, y):
        y[:] = later

    if len(sys.argv) < 0:
        later = 0
    assert "'later'" in message_of("relu", relu)


def test_a_right_formula_for_a_derivative_may_lose_what_is_nearly_0():
    """exp(-u) / (1 + exp(-u))^2 of the slide is 0 where u = -400, for the square is infinite."""

    def sigmoid_derivative(u, y, dh):
        for j in range(u.size):
            dh[j] = np.exp(-u[j]) / (1 + np.exp(-u[j])) ** 2

    assert workbook.check("sigmoid_derivative", sigmoid_derivative).status == "right"
