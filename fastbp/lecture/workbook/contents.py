"""The exercises in the lecture's order, with their hints and solutions."""

import functools

from fastbp import validation
from fastbp.lecture.workbook import (
    by_hand,
    deltas,
    differentiation,
    errors,
    forward,
    gradients,
    sources,
    units,
    whole,
)


@functools.cache
def _all(seed):
    """{name: exercise}, numbered."""
    parts = (units, forward, by_hand, errors, differentiation, gradients, deltas, whole)
    found = [one for part in parts for one in (part.EXERCISES if part is not by_hand else (by_hand.exercise(seed),))]
    return {one.name: one._replace(number=number) for number, one in enumerate(found, 1)}


def names():
    """The names of the exercises, in the lecture's order.

    Returns
    -------
    tuple of str

    Examples
    --------
    >>> from fastbp.lecture import workbook
    >>> workbook.names()[:4]
    ('parameter_shapes', 'sigmoid', 'relu', 'softmax')
    """
    return tuple(_all(0))


def exercise(name, seed=0):
    """One exercise: its text, its arguments, its slides.

    Parameters
    ----------
    name : str
    seed : int
        Of the numbers of `by_hand`.

    Returns
    -------
    Exercise
        With name, number, slides, arguments, signature, formula (with its blanks), task, hints, and `blank`, the
        function to fill in.

    Raises
    ------
    ValueError, TypeError
        There is none of this name.

    Examples
    --------
    >>> from fastbp.lecture import workbook
    >>> workbook.exercise("hidden_delta").signature
    'hidden_delta(dy, dh, delta)'
    """
    if not isinstance(name, str):
        raise TypeError(f"name must be a str, got {validation.shown(name)}")
    if name not in names():
        near = validation.did_you_mean(name, names()) or "; names() lists them all"
        raise ValueError(f"there is no exercise {name!r}{near}")
    return _all(validation.whole_number("seed", seed, 0))[name]


def hint(name, step=1, seed=0):
    """A hint, the first one or a later one; the step after the last hint is the solution.

    Parameters
    ----------
    name : str
    step : int
        From 1.
    seed : int
        Of the numbers of `by_hand`.

    Returns
    -------
    str

    Examples
    --------
    >>> from fastbp.lecture import workbook
    >>> workbook.hint("hidden_delta", 2)
    "dy_j/du_j is h'(u_j), dh[j]."
    """
    chosen, step = exercise(name, seed), validation.whole_number("step", step, 1)
    if step <= len(chosen.hints):
        return chosen.hints[step - 1]
    return solution(name, seed)


def solution_parts(name, seed=0):
    """{name: text} of what the solution is made of, the function itself last; before it what it needs from elsewhere.

    Functions of other exercises are not among them, NumPy is `np`.
    """
    if exercise(name, seed).judge is not None:
        return {name: by_hand.solution(seed)}
    return sources.solution_parts(name)


def solution(name, seed=0):
    """The solution as text: where it is a loop of the lecture, that loop as it ships.

    Parameters
    ----------
    name : str
    seed : int
        Of the numbers of `by_hand`.

    Returns
    -------
    str

    Examples
    --------
    >>> from fastbp.lecture import workbook
    >>> print(workbook.solution("bias_gradient").splitlines()[-1].strip())
    db[j] = delta[j]
    """
    parts = list(solution_parts(name, seed).values())
    imports = [part for part in parts if part.startswith("from ")]
    return "\n\n\n".join(["\n".join(imports)] * bool(imports) + [part for part in parts if part not in imports])
