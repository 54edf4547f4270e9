"""The workbook's judge: notes beside the result, the compiled run, and how results are shown."""

import time
import warnings

import numpy as np
import pytest

from fastbp.lecture import workbook
from fastbp.lecture.workbook import judge
from tests.cases import UNCOMPILED
from tests.test_workbook_bad import line_of, message_of

SCALE = 1.0  # read by `with_a_global`

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


def lists(x, w, b, u):
    for j in range(u.size):
        u[j] = b[j]
        for w_ji, x_i in zip(w[j].tolist(), x, strict=False):
            u[j] += w_ji * x_i


def with_a_module(delta, db):
    for j in range(db.size):
        time.sleep(0)
        db[j] = delta[j]


def leaves_a_process(delta, db):
    db[:] = delta
    warnings.warn("subprocess 1 is still running", ResourceWarning, stacklevel=2)


def slow_product(x, w, b, u):
    wide = np.zeros((w.shape[0], 2 * w.shape[1]))
    wide[:, ::2] = w
    for j in range(u.size):
        u[j] = b[j]
    u += wide[:, ::2] @ x


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
    assert not any("still running" in note for note in workbook.check("bias_gradient", leaves_a_process).notes)
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
def test_a_right_answer_that_numba_cannot_compile_is_right_with_a_note_that_says_why():
    result = workbook.check("weighted_sum", generator)
    assert result.status == "right"
    [note] = result.notes
    where = f"line {line_of(generator, 'sum(')} (`u[j] = b[j] + sum("
    assert note.startswith(f"right, but Numba cannot compile it, so that it stays slow: {where}")
    assert note.endswith("write it as a loop")


@compiled_only
def test_what_numba_does_not_know_is_named():
    result = workbook.check("weighted_sum", lists)
    assert result.status == "right"
    [note] = result.notes
    assert "Unknown attribute 'tolist'" in note
    assert len(note) < 320
    note = workbook.check("bias_gradient", with_a_module).notes[0]
    assert "Unknown attribute 'sleep' of type module time. What it compiles" in note


@compiled_only
@pytest.mark.parametrize("name", ["weighted_sum", "bias_gradient"])
def test_that_scipy_is_missing_is_no_mistake(name, monkeypatch):
    """Numba multiplies matrices by SciPy's routines, which nobody needs for the lecture."""

    def compiled(*given):
        raise ImportError("scipy 0.16+ is required for linear algebra")

    monkeypatch.setattr(judge, "compiled", compiled)
    for function in {"weighted_sum": (matrix, generator), "bias_gradient": (through_others,)}[name]:
        result = workbook.check(name, function)
        assert result.status == "right"
        assert result.notes == [
            "not compiled: Numba needs SciPy for @ and np.dot, which is not installed; loops it compiles without"
        ]


@compiled_only
def test_products_that_numba_finds_slow_are_no_warning_of_ours():
    with warnings.catch_warnings(record=True) as seen:
        assert workbook.check("weighted_sum", slow_product).status == "right"
    assert seen == []


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
        "bias_gradient (right): right on all 4 hidden inputs\n  compared with the lecture's loop"
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
