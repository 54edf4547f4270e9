"""The workbook: its exercises, their solutions, and that each known mistake is told by its own sentence."""

import inspect
import itertools
from collections import Counter

import numpy as np
import pytest

from fastbp.lecture import loops, workbook
from fastbp.lecture.workbook import contents, student, witnesses
from fastbp.lecture.workbook import solutions as solutions_module
from fastbp.lecture.workbook.comparing import is_like, results_of
from tests import workbook_wrong_backward, workbook_wrong_whole
from tests.cases import UNCOMPILED, kernels
from tests.workbook_wrong import WRONG

assert workbook_wrong_backward, workbook_wrong_whole  # they have noted their wrong answers
SEEDS = range(8)
JUDGED = [name for name in workbook.names() if name != "by_hand"]  # on hidden inputs


def cases_of(name, seed):
    exercise = workbook.exercise(name, seed)
    cases = exercise.cases(np.random.default_rng([seed, exercise.number]))
    expected = [results_of(exercise.reference, case) for case in cases]
    return exercise, cases, expected


def written_by(exercise, formula):
    """The answer of a student whose results are those of a formula, and who breaks where it has other shapes."""
    inputs = len(exercise.inputs)
    outputs, changes = exercise.outputs, exercise.changes

    def function(*given):
        named = dict(zip(exercise.arguments, given, strict=True))
        found = formula(*(given[:inputs]))
        found = found if isinstance(found, tuple) else (found,)
        for letter, value in zip(outputs + changes, found, strict=False):
            if np.shape(value) != named[letter].shape:
                raise IndexError(letter)
            named[letter][...] = value
        return as_returned(exercise, found[-1]) if exercise.returns else None

    parameters = [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in exercise.arguments]
    function.__signature__ = inspect.Signature(parameters)
    return function


def as_returned(exercise, value):
    if exercise.read is None:
        return value
    return (value[0], value[1]), (value[2],), (value[3], value[4]), (value[5],)


@pytest.fixture(scope="module")
def solutions():
    """All solutions in one name space, as in a student's file."""
    space = {"np": np}
    for name in workbook.names():
        exec(workbook.solution(name), space)
    return space


# ---- Exercises -------------------------------------------------------------------------------------------------------


def test_there_are_25_exercises_in_the_order_of_the_slides():
    assert len(workbook.names()) == 25
    assert [workbook.exercise(name).number for name in workbook.names()] == list(range(1, 26))


@pytest.mark.parametrize("name", workbook.names())
def test_an_exercise_says_what_to_write(name):
    exercise = workbook.exercise(name)
    assert "____" in exercise.formula.replace("__,", "____").replace("__)", "____")
    assert 2 <= len(exercise.hints) <= 4
    for argument in exercise.arguments:
        assert argument in exercise.task, argument
    space = {}
    exec(exercise.blank, space)
    assert list(inspect.signature(space[name]).parameters) == list(exercise.arguments)
    assert workbook.check(name, space[name]).status == "not begun"
    assert max(map(len, exercise.blank.splitlines())) <= 120


@pytest.mark.parametrize("name", sorted(set(JUDGED) & set(kernels(loops)) - set(witnesses.OTHER_ARGUMENTS)))
def test_what_is_a_loop_of_the_lecture_has_its_arguments_and_its_text(name):
    plain = kernels(loops)[name]
    assert workbook.exercise(name).arguments == tuple(inspect.signature(plain).parameters)
    text = inspect.getsource(plain).removeprefix("@jit\n").rstrip()
    assert workbook.solution_parts(name)[name] == text


def test_solutions_are_loops_of_the_lecture_where_there_are_such():
    own = {name for name in workbook.names() if name not in kernels(loops) or name in witnesses.OTHER_ARGUMENTS}
    assert own - {"by_hand"} == kernels(solutions_module).keys()


def test_other_seeds_have_other_numbers():
    assert workbook.exercise("by_hand", 1).task != workbook.exercise("by_hand", 2).task
    one, other = (cases_of("weighted_sum", seed)[1][0].inputs["x"] for seed in (1, 2))
    assert not np.array_equal(one, other)


# ---- Right answers ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", workbook.names())
def test_the_solution_is_right(name, solutions):
    phases = []
    result = workbook.check(name, solutions[name], phase=phases.append)
    assert result.status == "right", result
    if name != "by_hand":
        assert phases == ["plain", "witnesses", "compiling"] + ["compiled"] * (not UNCOMPILED)
        assert result.notes == (["not compiled, because NUMBA_DISABLE_JIT is set"] if UNCOMPILED else [])


@pytest.mark.parametrize("seed", SEEDS)
def test_the_references_are_right_for_every_seed(seed):
    for name in JUDGED:
        exercise, cases, expected = cases_of(name, seed)
        spoken = witnesses.testimony(exercise, cases, expected)
        own = exercise.difference is not None, hasattr(loops, name)
        assert len(spoken) >= sum(own), name


def test_a_broken_witness_raises(monkeypatch):
    def relu(u, y):
        y[:] = u

    monkeypatch.setattr(loops, "relu", relu)
    exercise, cases, expected = cases_of("relu", 0)
    with pytest.raises(witnesses.BrokenWitness, match="the lecture's loop of relu"):
        witnesses.testimony(exercise, cases, expected)


def test_witnesses_are_compared_with_what_the_student_has():
    def nearly(u, y):
        for j in range(u.size):
            y[j] = 1 / (1 + 2.7182818284 ** -u[j])

    result = workbook.check("sigmoid", nearly)
    assert result.status == "right"
    assert len(result.witnesses) == 2
    for witness in result.witnesses:
        assert 1e-13 < float(witness.split(" at most ")[1].split()[0]) < 1e-9, witness


# ---- Wrong answers ---------------------------------------------------------------------------------------------------


def test_every_exercise_has_wrong_answers_of_students():
    assert min(Counter(name for name, _, _ in WRONG)[name] for name in JUDGED) >= 3


@pytest.mark.parametrize(
    ("name", "function", "sentence"), WRONG, ids=lambda part: part if isinstance(part, str) else ""
)
def test_a_wrong_answer_gets_its_sentence(name, function, sentence):
    function.__signature__ = inspect.Signature(
        [inspect.Parameter(n, inspect.Parameter.POSITIONAL_OR_KEYWORD) for n in workbook.exercise(name).arguments]
    )  # l, m and n of the lecture have other names in the tests
    for seed in (0, 5):
        result = workbook.check(name, function, seed=seed)
        assert result.status == "wrong"
        assert sentence in result.message
        assert result.witnesses == []


@pytest.mark.parametrize("name", JUDGED)
def test_each_known_mistake_gets_its_own_sentence(name, monkeypatch):
    monkeypatch.setattr(student, "taken_from_fastbp", lambda *_: "")  # the formulas are fastbp's own
    exercise = workbook.exercise(name)
    for sentence, formula in exercise.mistakes:
        result = workbook.check(name, written_by(exercise, formula))
        assert (result.status, result.message) == ("wrong", sentence)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("name", JUDGED)
def test_no_mistake_is_right_and_no_two_are_alike(name, seed):
    exercise, cases, expected = cases_of(name, seed)
    found = {
        sentence: [results_of(formula, *pair) for pair in zip(cases, expected, strict=True)]
        for sentence, formula in exercise.mistakes
    }
    assert len(found) == len(exercise.mistakes)
    for sentence, results in found.items():
        assert any(one is not None for one in results), sentence
        assert not is_like(expected, results), sentence
    for (sentence, results), (other, others) in itertools.combinations(found.items(), 2):
        assert not is_like(results, others), (sentence, other)


# ---- By hand ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", SEEDS)
def test_numbers_worked_out_by_hand(seed):
    rows = contents.by_hand.quantities(seed)
    values = [value for _, _, value in rows]
    returned = [round(value, 3) for value in values]

    def by_hand():
        return returned

    assert workbook.check("by_hand", by_hand, seed=seed).status == "right"
    for place, (letters, formula, value) in enumerate(rows):
        returned = [*values[:place], value + 0.01, *values[place + 1 :]]
        message = workbook.check("by_hand", by_hand, seed=seed).message
        assert message == f"{letters} = {formula}: you have {value + 0.01:.6g}, which is not right"
        returned = [*values[:place], ...]
        message = workbook.check("by_hand", by_hand, seed=seed).message
        assert message == f"right so far, {place} of {len(rows)} numbers: the next is {letters} = {formula}"


def test_the_network_worked_out_by_hand_is_that_of_the_comment():
    values = [value for _, _, value in contents.by_hand.quantities(0)]
    by_hand = [-2, 1.5, 0, 1.5, -1.25, 0.5, -1, 0, -1.5, -1, -2, 1, 0, 1, 0, 0, 0, 1, 2, -1, 0, 1]  # in example.py
    np.testing.assert_array_equal(values, by_hand)


@pytest.mark.parametrize(
    ("returned", "sentence"),
    [
        (None, "a list of 22 numbers is asked for"),
        (["-2"], "u_1, number 1 of the list, is '-2': a number is expected"),
        ([2], "you have 2, which is not right (the sign)"),
        ([float("nan")], "you have nan, which is not right"),
    ],
)
def test_what_is_no_list_of_numbers_gets_a_sentence(returned, sentence):
    assert sentence in workbook.check("by_hand", lambda: returned if returned is not None else print()).message
