"""The sentence about a wrong answer: a known mistake, an entry that is not written, or the first wrong number."""

import numpy as np

from fastbp.lecture.workbook.comparing import agree, all_agree, entry, is_like, results_of, shown
from fastbp.lecture.workbook.explained import explained
from fastbp.lecture.workbook.student import only_names

SHORT = 14  # numbers of a case that are shown


def verdict(exercise, function, cases, answers, expected, limit):
    """(status, sentence) for an answer that is not right, None for one that is."""
    came = [answer.results for answer in answers]
    sentence = _changes_inputs(exercise, answers) or _keeps_what_was_there(exercise, cases, answers)
    if sentence:
        return "wrong", sentence
    if all(mine is not None and all_agree(mine, right) for mine, right in zip(came, expected, strict=True)):
        return None
    sentence = ""
    if all(_may_come_of_numbers(answer.problem) for answer in answers):
        sentence = known_mistake(exercise, cases, came, expected)
    sentence = sentence or _writes_nothing(exercise, function, cases, answers, expected)
    if sentence:
        return "wrong", sentence
    for answer, case in zip(answers, cases, strict=True):
        if answer.problem is not None:
            return "error", f"{explained(answer.problem, function.__code__.co_filename, limit)} (for {case.label})"
    return "wrong", _unwritten(exercise, cases, answers) or _first_wrong(exercise, cases, came, expected)


def _may_come_of_numbers(problem):
    """Whether a wrong formula may raise this: an index or a shape that does not fit, a number that is too large."""
    return problem is None or (
        isinstance(problem, IndexError | ArithmeticError | ValueError) and "truth value" not in str(problem)
    )


def known_mistake(exercise, cases, came, expected):
    """The sentence of the mistake that gives the same results on all cases, "" if there is none."""
    for sentence, wrong in exercise.mistakes:
        if is_like(came, [results_of(wrong, *pair) for pair in zip(cases, expected, strict=True)]):
            return sentence
    return ""


# ---- What every function can do wrong --------------------------------------------------------------------------------


def _changes_inputs(exercise, answers):
    for answer in answers:
        if answer.changed:
            name = answer.changed[0]
            return exercise.changed_input or (
                f"writes into its input {name}: {name} must stay as it is, only {_list(exercise)} is written"
            )
    return ""


def _list(exercise):
    written = exercise.outputs + exercise.changes
    return ", ".join(written) if written else "nothing"


def _keeps_what_was_there(exercise, cases, answers):
    """An output that depends on what the outputs held before: added to and never set, or read too early."""
    for answer, case in zip(answers, cases, strict=True):
        if answer.results is None or answer.refilled is None:
            continue
        for letter, first, second, old in _outputs(exercise, answer, case):
            if not (np.isnan(first) & np.isfinite(second) & (second != old)).any():
                continue
            if len(exercise.outputs) > 1:
                return (
                    f"what stood in {letter} before is still in it, or {letter} is found from an array that is read "
                    "before it is written: mind the order of the lines, and set what is added to first (`a[...] = 0`)"
                )
            return (
                f"what stood in {letter} before is still in it: set it first (`{letter}[...] = 0`, or a total that "
                "begins at 0), then add"
            )
    return ""


def _outputs(exercise, answer, case):
    """Of each output: its letter, its two results, and what it held before the second run."""
    for letter, first, second in zip(exercise.outputs, answer.results, answer.refilled, strict=False):
        yield letter, first, second, 5.25 + 0.375 * np.arange(first.size).reshape(first.shape)


def _never_written(exercise, answer, case):
    """{letter: mask} of the entries of the outputs that hold what they held before, both times."""
    if answer.results is None or answer.refilled is None:
        return {}
    return {
        letter: np.isnan(first) & (second == old) for letter, first, second, old in _outputs(exercise, answer, case)
    }


def _writes_nothing(exercise, function, cases, answers, expected):
    ended = [
        (answer, case, right)
        for answer, case, right in zip(answers, cases, expected, strict=True)
        if answer.results is not None
    ]
    if not ended:
        return ""
    letters = exercise.outputs + exercise.changes
    for place, letter in enumerate(letters):
        if letter in exercise.outputs:
            untouched = all(_never_written(exercise, answer, case)[letter].all() for answer, case, _ in ended)
        else:
            untouched = all(np.array_equal(answer.results[place], case.inputs[letter]) for answer, case, _ in ended)
            untouched &= not all(np.array_equal(right[place], case.inputs[letter]) for _, case, right in ended)
        if not untouched:
            continue
        case = ended[0][1]
        shape = case.shapes[letter] if letter in exercise.outputs else case.inputs[letter].shape
        index = "[j, i]" if shape[1:] else "[p]" if letter == "theta" else "[j]"
        if not exercise.returns and ended[0][0].returned is not None:
            return (
                f"returns its result: write it into the argument {letter}, `{letter}{index} = ...`, and return nothing"
            )
        if only_names(function, letter):
            return (
                f"`{letter} = ...` makes a new array of that name and leaves the given one as it was: write its "
                f"entries, `{letter}{index} = ...` (`{letter}[:] = ...`, with a colon, is all at once)"
            )
        if letter in exercise.changes:
            return f"{letter} is as it was: it must change"
        return f"{letter} is never written: `{letter}{index} = ...` writes an entry"
    return ""


# ---- What is left ----------------------------------------------------------------------------------------------------


def _unwritten(exercise, cases, answers):
    for answer, case in zip(answers, cases, strict=True):
        for letter, mask in _never_written(exercise, answer, case).items():
            if not mask.any():
                continue
            place = tuple(map(int, np.argwhere(mask)[0]))
            words = f"{entry(letter, place)} is never written (for {case.label})"
            if mask.ndim == 1 and mask.sum() == 1 and mask.size > 1:
                if place[0] == mask.size - 1:
                    return f"{words}: it is the last; range({letter}.size) has all indices"
                if place[0] == 0:
                    return f"{words}: it is the first; indices begin at 0"
            return words
    return ""


def _first_wrong(exercise, cases, came, expected):
    """The first number that is not right, with the inputs if they are few; and where it is right."""
    right = [case.label for case, *pair in zip(cases, came, expected, strict=True) if all_agree(*pair)]
    case, mine, theirs = next(
        triple for triple in zip(cases, came, expected, strict=True) if not all_agree(triple[1], triple[2])
    )
    letter, one, other = next(
        triple
        for triple in zip(exercise.results, mine, theirs, strict=True)
        if triple[1].shape != triple[2].shape or not agree(triple[1], triple[2]).all()
    )
    place = tuple(map(int, np.argwhere(~agree(one, other))[0]))
    words = _is_and_should_be(exercise, letter, place, one, other) + f", for {case.label}"
    if exercise.read is None and sum(np.size(value) for value in case.inputs.values()) <= SHORT:
        words += f": {', '.join(f'{name} = {shown(value)}' for name, value in case.inputs.items())}"
    words += _right_branches(exercise, cases, came, expected)
    before = exercise.results[: exercise.results.index(letter)]
    if before and not right:
        words += f". {', '.join(before)} {'is' if len(before) == 1 else 'are'} right there"
    return words + (f". Right for: {'; '.join(right)}" if right else "")


def _is_and_should_be(exercise, letter, place, one, other):
    """Both numbers, with so many digits that they differ."""
    if exercise.read is not None:
        return exercise.told(one, other)
    digits = next((n for n in (6, 9, 12, 15) if f"{one[place]:.{n}g}" != f"{other[place]:.{n}g}"), 17)
    return f"{entry(letter, place)} is {one[place]:.{digits}g}, it should be {other[place]:.{digits}g}"


def _right_branches(exercise, cases, came, expected):
    if exercise.branches is None:
        return ""
    right, wrong = {}, {}
    for case, mine, theirs in zip(cases, came, expected, strict=True):
        good = agree(mine[0], theirs[0])
        for label, mask in exercise.branches(*case.inputs.values()).items():
            right[label] = right.get(label, True) and bool(good[mask].all())
            wrong[label] = wrong.get(label, True) and not good[mask].any()
    fine = [label for label, always in right.items() if always]
    return f". Right where {' and '.join(fine)}" if fine else ""
