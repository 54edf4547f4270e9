"""The witnesses of a right answer: the lecture's loop, its matrix twin, and central differences."""

import numpy as np

from fastbp.lecture.workbook.comparing import CLOSE, WITNESS, all_agree, apart, as_arrays, results_of


class BrokenWitness(AssertionError):
    """A witness says something else than the workbook: a defect of fastbp, not of the answer."""


def testimony(exercise, cases, came):
    """What results that are right were compared with, and how far they are apart at most, as sentences.

    Raises BrokenWitness if a witness and the reference do not agree.
    """
    expected = [results_of(exercise.reference, case) for case in cases]
    spoken = []
    for what, close, witness in _witnesses(exercise):
        largest = heard = 0
        for case, right, mine in zip(cases, expected, came, strict=True):
            said = witness(case)
            if said is None:
                continue
            said = as_arrays(said)
            if not all_agree(said, right, close):
                raise BrokenWitness(f"{what} of {exercise.name} disagrees for {case.label}: please report this")
            largest, heard = max(largest, apart(said, mine)), heard + 1
        if heard:
            spoken.append(
                f"{what}: {f'at most {largest:.0e} apart' if largest else 'equal'} on {heard} input{'s' * (heard > 1)}"
            )
    return spoken


def _witnesses(exercise):
    """(name, how close, function of a case) of each that there is."""
    from fastbp.lecture import loops, matrix  # here: the loops import Numba

    found = []
    for what, version in (("the lecture's loop", loops), ("the matrix version", matrix)):
        kernel = getattr(version, exercise.name, None)
        if kernel is not None and exercise.name not in OTHER_ARGUMENTS:
            found.append((what, CLOSE, lambda case, kernel=kernel: _called(exercise, kernel, case)))
    if exercise.name in OTHER_ARGUMENTS:
        found.append(("the lecture's loops together", CLOSE, lambda case: _called(exercise, _solution(exercise), case)))
    if exercise.difference is not None:
        found.append(("central differences", WITNESS, lambda case: exercise.difference(*_inputs(case))))
    return found


OTHER_ARGUMENTS = ("forward", "backward", "gradient", "epoch")  # those of the lecture are of networks of any depth


def _solution(exercise):
    from fastbp.lecture.workbook import solutions

    return getattr(solutions, exercise.name)


def _inputs(case):
    return [value.copy() if isinstance(value, np.ndarray) else value for value in case.inputs.values()]


def _called(exercise, kernel, case):
    given = {
        name: np.empty(case.shapes[name]) if name in case.shapes else case.inputs[name] for name in exercise.arguments
    }
    given = {name: value.copy() if isinstance(value, np.ndarray) else value for name, value in given.items()}
    returned = kernel(*given.values())
    results = [given[name] for name in exercise.outputs + exercise.changes]
    return (*results, returned) if exercise.returns else tuple(results)
