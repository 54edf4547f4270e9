"""The workbook's judge and functions that are no answers at all: a sentence each, and never a traceback of ours."""

import contextlib
import inspect
import sys
import time
import warnings

import numpy as np
import pytest

from fastbp.lecture import workbook
from tests.cases import UNCOMPILED

SCALE = 1.0  # read by `with_a_global`


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


# ---- Notes -----------------------------------------------------------------------------------------------------------


def prints(delta, db):
    print("delta is", delta)
    for j in range(db.size):
        db[j] = delta[j]


def prints_without_end(delta, db):
    for j in range(db.size):
        for _ in range(1000):
            print("x" * 1000)
        db[j] = delta[j]


def warns(u, y):
    for j in range(u.size):
        y[j] = 1 / (1 + np.exp(-u[j])) + 0 * (np.exp(800 + 0 * u[j]) > 1)


def sets_errors(delta, db):
    np.seterr(all="ignore")
    db[:] = delta


def matrix(x, w, b, u):
    u[:] = np.einsum("ji,i->j", w, x) + b  # which Numba does not know


def generator(x, w, b, u):
    for j in range(u.size):
        u[j] = b[j] + sum(w[j, i] * x[i] for i in range(x.size))


def other_names(a, c):
    for j in range(c.size):
        c[j] = a[j]


def test_printing_is_right_with_a_note(capsys):
    for function in (prints, prints_without_end):
        result = workbook.check("bias_gradient", function)
        assert result.status == "right", result
        assert len([note for note in result.notes if "it prints" in note]) == 1
        assert len(str(result)) < 1000
    assert capsys.readouterr() == ("", "")


def test_warnings_of_numpy_become_a_note():
    before = np.geterr()
    with warnings.catch_warnings(record=True) as seen:
        result = workbook.check("sigmoid", warns)
    assert seen == []
    line = line_of(warns, "np.exp")
    assert [note for note in result.notes if note.startswith(f"NumPy warns, line {line}: overflow encountered")]
    result = workbook.check("bias_gradient", sets_errors)
    assert any("np.seterr" in note for note in result.notes)
    assert np.geterr() == before


def test_other_names_of_the_arguments_are_a_note():
    result = workbook.check("bias_gradient", other_names)
    assert result.status == "right"
    assert "its arguments have other names than those of `def bias_gradient(delta, db):`" in result.notes


# ---- Compiled --------------------------------------------------------------------------------------------------------

compiled_only = pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled")


@compiled_only
def test_a_matrix_version_need_not_compile():
    result = workbook.check("weighted_sum", matrix)
    assert (result.status, result.notes) == ("right", ["matrix version, not compiled"])


@compiled_only
def test_a_loop_that_numba_cannot_compile_is_told_why():
    result = workbook.check("weighted_sum", generator)
    assert result.status == "error"
    assert result.message.startswith("its numbers are right, but Numba cannot compile it: line ")


def with_a_global(delta, db):
    for j in range(db.size):
        db[j] = SCALE * delta[j]


@compiled_only
def test_a_global_that_changes_is_found(monkeypatch):
    """Plain Python reads it each time, Numba once: here it changes when the compiled runs begin."""

    def phase(what):
        if what == "compiled":
            monkeypatch.setitem(with_a_global.__globals__, "SCALE", 2.0)

    assert workbook.check("bias_gradient", with_a_global).status == "right"
    message = message_of("bias_gradient", with_a_global, phase=phase)
    assert "right in plain Python, but compiled by Numba it gives other numbers" in message


def twice(a):
    return once(a) + once(a)


def once(a):
    return a / 2


def through_others(delta, db):
    for j in range(db.size):
        db[j] = twice(delta[j])


def test_functions_that_it_calls_are_compiled_too():
    factor = 1.0

    def by_closure(delta, db):
        for j in range(db.size):
            db[j] = factor * twice(delta[j])

    for function in (through_others, by_closure):
        result = workbook.check("bias_gradient", function)
        assert result.status == "right", result


@compiled_only
def test_the_compiled_run_happens(monkeypatch):
    """A function that is right in plain Python only, which the machine code cannot see."""
    from fastbp.compiler import jit

    original, ran = jit.compiled_plainly, []

    def compiled_plainly(function, arguments, *, bounds_checked):
        machine = original(function, arguments, bounds_checked=bounds_checked)
        return (lambda *given: ran.append(bounds_checked) or machine(*given)) if arguments is not None else machine

    monkeypatch.setattr(jit, "compiled_plainly", compiled_plainly)
    assert workbook.check("bias_gradient", through_others).status == "right"
    assert ran == [True] * 4


# ---- Results ---------------------------------------------------------------------------------------------------------


def test_results_as_text_as_a_table_and_for_json():
    right, wrong, empty = (
        workbook.check("bias_gradient", function)
        for function in (through_others, lambda delta, db: 1, lambda delta, db: None)
    )
    assert str(right).startswith(
        "bias_gradient: right. right on all 4 hidden inputs\n  compared with the lecture's loop"
    )
    assert repr(right) == str(right)
    assert right.as_dict().keys() >= {"name", "number", "slides", "status", "message", "notes", "witnesses"}
    lines = workbook.table([right, wrong, empty]).splitlines()
    assert len(lines) == 5
    assert lines[1].split() == ["ok", "15", "bias_gradient", "23,", "24,", "28,", "29,", "30", "right"]
    assert lines[-1] == "1 of 3 right"


def test_hints_come_in_steps_and_the_solution_last():
    hints = workbook.exercise("backward_sum").hints
    assert [workbook.hint("backward_sum", step) for step in range(1, len(hints) + 1)] == list(hints)
    assert workbook.hint("backward_sum", len(hints) + 1) == workbook.solution("backward_sum")
    for step, problem in ((0, ValueError), (1.5, TypeError)):
        with pytest.raises(problem, match="step must be"):
            workbook.hint("backward_sum", step)
