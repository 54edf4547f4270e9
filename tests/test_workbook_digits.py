"""The end of the workbook: a student's functions learn the digits, and what is told about it."""

import doctest

import numpy as np
import pytest

from fastbp.lecture import workbook
from fastbp.lecture.workbook import contents, digits, judge
from tests.cases import UNCOMPILED


@pytest.fixture(scope="module")
def functions():
    space = {"np": np}
    for name in workbook.names():
        exec(workbook.solution(name), space)
    return {name: space[name] for name in workbook.names()}


@pytest.fixture(scope="module")
def training(functions):
    phases = []
    told = workbook.train_digits(functions, epochs=2, limit=1e9, phase=phases.append)
    return told, phases


def test_the_solutions_learn_the_digits(training):
    told, phases = training
    assert told.problem == ""
    assert told.accuracy > 0.85
    assert told.apart <= digits.EQUAL
    assert told.compiled is not UNCOMPILED
    assert phases == ["plain", "compiling", "training"]
    assert min(told.loops, told.matrix, told.plain) > 0
    assert told.as_dict()["accuracy"] == told.accuracy


def test_what_is_told_are_sentences(training):
    told, _ = training
    lines = str(told).splitlines()
    assert lines[0].startswith("Your own functions have learned handwritten digits: 2 epochs of 1198 images")
    assert ("Your loops, compiled by Numba" in lines[1]) is told.compiled
    assert ("In plain Python your loops would take" in str(told)) is told.compiled
    example = digits.Training(5, 1198, 0.953, 0.005, 0.0175, 1.5, 1e-15, True)
    assert str(example).splitlines()[1:3] == [
        "Your loops, compiled by Numba: 5 ms an epoch; the same as NumPy products: 17.5 ms: 3.5 times as fast.",
        "In plain Python your loops would take 1.5 s an epoch: 300 times as long.",
    ]
    slower = digits.Training(5, 1198, 0.953, 0.02, 0.005, 1.5, 1e-15, True)
    assert "4 times as slow" in str(slower)


def test_the_matrix_version_is_the_exercise():
    """Beside the reference of `epoch`, which takes the mean of the gradients of single samples."""
    exercise = workbook.exercise("epoch")
    for case in exercise.cases(np.random.default_rng(3)):
        given = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in case.inputs.items()}
        digits.matrix_epoch(**given)
        for name, expected in zip(exercise.changes, exercise.reference(*case.inputs.values()), strict=True):
            np.testing.assert_allclose(given[name], expected, rtol=1e-12, atol=1e-14)


def test_what_cannot_be_trained_is_told_in_a_sentence(functions):
    def fails(X, D, order, batch_size, eta, w1, b1, w2, b2):
        raise ValueError("no")

    def does_nothing(X, D, order, batch_size, eta, w1, b1, w2, b2):
        return

    def cannot_be_compiled(X, D, order, batch_size, eta, w1, b1, w2, b2):
        for _ in {}.fromkeys(order.tolist()):
            w1 -= 0 * eta

    assert "raise ValueError" in workbook.train_digits({**functions, "epoch": fails}).problem
    assert (
        "other parameters than the matrix version"
        in workbook.train_digits({**functions, "epoch": does_nothing}, epochs=1).problem
    )
    slow = workbook.train_digits({**functions, "epoch": cannot_be_compiled}, epochs=1, limit=1e-9)
    assert "they are not compiled" in str(slow)
    for name in ("forward", "epoch"):
        with pytest.raises(ValueError, match="functions must hold 'forward' and 'epoch', got"):
            workbook.train_digits({name: functions[name]})
    with pytest.raises(ValueError, match="epochs must be at least 1"):
        workbook.train_digits(functions, epochs=0)


LISTS = """
def weighted_sum(x, w, b, u):
    for j in range(u.size):
        u[j] = b[j] + sum(w[j, i] * x[i] for i in range(x.size))
"""


def test_functions_that_numba_cannot_compile_learn_the_same(functions):
    """Though it has begun to compile some of them, which are called by both."""
    space = {"np": np}
    for name in workbook.names():
        exec(LISTS if name == "weighted_sum" else workbook.solution(name), space)
    told = workbook.train_digits(space, epochs=1, limit=1e9)
    assert told.problem == ""
    assert not told.compiled
    assert told.accuracy == workbook.train_digits(functions, epochs=1, limit=1e9).accuracy > 0.5


def test_a_forward_that_fails_after_the_epochs_is_told(functions):
    def forward(x, w1, b1, w2, b2, u1, y1, u2, y2):
        raise ValueError("no forward")

    assert "no forward" in workbook.train_digits({**functions, "forward": forward}, epochs=1, limit=1e9).problem


@pytest.mark.parametrize("module", [contents, digits, judge])
def test_the_examples_of_the_workbook_run(module):
    failures, tried = doctest.testmod(module)
    assert failures == 0
    assert tried > 1
