"""Judges a student's function: runs it plain and compiled on hidden inputs, and says in words what is wrong."""

import time
from typing import NamedTuple

import numpy as np

from fastbp import validation
from fastbp.lecture.workbook import contents
from fastbp.lecture.workbook.comparing import all_agree, as_arrays, results_of
from fastbp.lecture.workbook.explained import explained
from fastbp.lecture.workbook.results import Result
from fastbp.lecture.workbook.running import TimeLimit, run
from fastbp.lecture.workbook.student import Refused, accepted, compiled, is_begun, not_compiled, with_compiled
from fastbp.lecture.workbook.verdicts import verdict
from fastbp.lecture.workbook.witnesses import testimony

LIMIT = 10.0  # seconds for all hidden inputs, plain


class Answer(NamedTuple):
    """What a function made of a case: its results with two different contents of the outputs before it was called."""

    results: tuple | None  # outputs held NaN before; None where the function has raised
    refilled: tuple | None  # outputs held other numbers before
    changed: tuple  # the names of inputs that are no longer what they were
    returned: object
    problem: BaseException | None


def check(name, function, seed=0, limit=LIMIT, phase=None):
    """Judge a function that answers an exercise.

    Parameters
    ----------
    name : str
        Of the exercise, one of `names()`.
    function : function
        The answer: a Python function with the arguments of the exercise, by loops or by NumPy expressions.
    seed : int
        Of the hidden inputs, and of the numbers of `by_hand`.
    limit : float
        Seconds after which a loop in plain Python is stopped.
    phase : function, optional
        Called with "plain", "witnesses", "compiling" and "compiled" before each of these begins.

    Returns
    -------
    Result

    Raises
    ------
    ValueError, TypeError
        There is no exercise of this name.

    Examples
    --------
    >>> from fastbp.lecture import workbook
    >>> def bias_gradient(delta, db):
    ...     for j in range(db.size):
    ...         db[j] = -delta[j]
    >>> workbook.check("bias_gradient", bias_gradient)
    bias_gradient (wrong): the sign: dE/db_j = delta_j
    """
    exercise = contents.exercise(name, seed)
    tell, notes, witnesses = phase or (lambda what: None), [], []
    try:
        plain, found = accepted(exercise, function)
        notes += found
        if not is_begun(plain):
            raise Refused("not begun", f"nothing stands in it yet: {exercise.formula}")
        tell("plain")
        message, cases, came = _judged_plain(exercise, plain, seed, limit, notes)
        if exercise.judge is None:
            tell("witnesses")
            witnesses += testimony(exercise, cases, came)
            _judge_compiled(exercise, plain, cases, tell, notes)
        status = "right"
    except Refused as refusal:
        status, message = refusal.status, refusal.message
    return Result(exercise.name, exercise.number, exercise.slides, status, message, notes, witnesses)


# ---- Plain -----------------------------------------------------------------------------------------------------------


def _judged_plain(exercise, function, seed, limit, notes):
    """The sentence for a right answer, the cases and what it made of them; Refused with a sentence for a wrong one."""
    file = function.__code__.co_filename
    if exercise.judge is not None:
        ran = run(function, (), limit, file)
        _note(ran, notes)
        if ran.problem is not None:
            raise Refused("error", explained(ran.problem, file, limit))
        message = exercise.judge(ran.returned, seed)
        if message:
            raise Refused("wrong", message)
        return "every number is right", [], []
    cases = exercise.cases(np.random.default_rng([seed, exercise.number]))
    deadline = time.perf_counter() + limit
    answers = [answer(exercise, function, one, limit, deadline, notes) for one in cases]
    expected = [results_of(exercise.reference, one) for one in cases]
    problem = verdict(exercise, function, cases, answers, expected, limit)
    if problem:
        raise Refused(*problem)
    return f"right on all {len(cases)} hidden inputs", cases, [one.results for one in answers]


def arguments_of(exercise, case, fill):
    """Copies of the inputs, and outputs that hold NaN, or other numbers."""
    given = {}
    for name in exercise.arguments:
        if name in case.shapes:
            shape = case.shapes[name]
            given[name] = 5.25 + 0.375 * np.arange(np.prod(shape)).reshape(shape) if fill else np.full(shape, np.nan)
        else:
            value = case.inputs[name]
            given[name] = value.copy() if isinstance(value, np.ndarray) else value
    return given


def answer(exercise, function, case, limit, deadline, notes):
    """Run it on one case; `limit` seconds for all cases together end at the deadline."""
    both = []
    for fill in (False, True) if exercise.outputs else (False,):
        given = arguments_of(exercise, case, fill)
        ran = run(function, given.values(), deadline - time.perf_counter(), function.__code__.co_filename)
        _note(ran, notes)
        if isinstance(ran.problem, TimeLimit | SystemExit | RecursionError | EOFError):
            raise Refused("error", explained(ran.problem, function.__code__.co_filename, limit))
        if isinstance(ran.problem, NotImplementedError):
            raise Refused("not begun", f"nothing stands in it yet: {exercise.formula}")
        changed = tuple(
            name
            for name in exercise.inputs
            if name not in exercise.changes
            and isinstance(given[name], np.ndarray)
            and not np.allclose(given[name], case.inputs[name], rtol=1e-12, atol=1e-12, equal_nan=True)
        )
        both.append((ran, _results(exercise, given, ran), changed))
    ran, results, changed = both[0]
    return Answer(results, both[-1][1], changed, ran.returned, ran.problem)


def _results(exercise, given, ran):
    """Outputs, changes and what was returned, as arrays; None where there are none."""
    if ran.problem is not None:
        return None
    found = [given[name] for name in exercise.outputs + exercise.changes]
    if exercise.returns:
        returned = ran.returned
        if returned is None:
            raise Refused("wrong", f"returns nothing: its last line must be `return ...`, with {exercise.returns}")
        try:
            found.append(exercise.read(returned) if exercise.read else _number(returned, exercise.returns))
        except ValueError as problem:
            raise Refused("wrong", str(problem)) from None
    return as_arrays(tuple(found))


def _number(returned, letter):
    if isinstance(returned, np.ndarray) and returned.ndim:
        raise ValueError(f"returns an array of shape {np.shape(returned)}: {letter} is one number")
    try:
        if isinstance(returned, bool | np.bool_ | str | bytes):
            raise TypeError
        return float(returned)
    except (TypeError, ValueError):
        raise ValueError(f"returns {validation.shown(returned)}: {letter} is one number") from None


def _note(ran, notes):
    found = []
    if ran.printed:
        found.append(f"it prints ({ran.printed.strip()[:40]!r} ...): fine for looking, not needed")
    found += [f"NumPy warns, {text}" for text in ran.warned]
    if ran.errstate_changed:
        found.append("it changes what NumPy does about overflow (np.seterr): that was set back")
    notes += [note for note in found if note.split("(")[0] not in {other.split("(")[0] for other in notes}]


# ---- Compiled --------------------------------------------------------------------------------------------------------


def _judge_compiled(exercise, function, cases, tell, notes):
    """Refused if the compiled function gives other numbers than the plain one.

    That Numba does not know something is no mistake, for the numbers are right: it is a note.
    """
    tell("compiling")
    made = {}
    try:
        machine = compiled(function, arguments_of(exercise, cases[0], False).values(), made)
    except Exception as problem:  # Numba's errors are of many kinds
        notes.append(not_compiled(problem, function))
        return
    if machine is None:
        notes.append("not compiled, because NUMBA_DISABLE_JIT is set")
        return
    tell("compiled")
    for case in cases:
        plain, fast = (arguments_of(exercise, case, False) for _ in range(2))
        ran = run(machine, with_compiled(fast.values(), made), None)
        if ran.problem is not None:
            why = explained(ran.problem, function.__code__.co_filename, LIMIT)
            raise Refused("wrong", f"right in plain Python, but compiled by Numba it fails for {case.label}: {why}")
        mine = _results(exercise, fast, ran)
        again = _results(exercise, plain, run(function, plain.values(), LIMIT))
        if again is None or not all_agree(mine, again, 1e-12):
            raise Refused(
                "wrong",
                f"right in plain Python, but compiled by Numba it gives other numbers for {case.label}. Does it use "
                "something beside its arguments that changes? Numba reads that once, when it compiles",
            )
