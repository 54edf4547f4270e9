"""fastbp learn check: what in a student's file is right, what is wrong and why, and what to do next."""

import argparse
import contextlib
import dataclasses
import os

import fastbp
from fastbp.cli import options
from fastbp.cli.status_line import StatusLine
from fastbp.lecture import workbook
from fastbp.lecture.workbook import collect, files, limits
from fastbp.validation import did_you_mean, short_list

TRAINING = ("forward", "backward", "gradient", "epoch")  # the student's functions that train the digits network
SECONDS = None  # limits.SECONDS; the tests have less patience


def add(actions):
    """The action and its options."""
    parser = options.command(
        actions,
        "check",
        "what is right, what is wrong and why",
        "Judges the functions of a file in which something was written, plain and compiled, and\n"
        "says of each that is not right what is wrong. Whatever the file does, it has 10 seconds\n"
        "for each function. Exit status 0: all that was begun is right (and all that was named).",
        "fastbp learn check exercises.py",
        "fastbp learn check exercises.py sigmoid relu",
        "fastbp learn check exercises.py --json --student 'Ada Lovelace' > ada.json",
    )
    parser.add_argument("file", nargs="?", default=files.USUAL, help="a Python file (default: %(default)s)")
    parser.add_argument(
        "names", nargs="*", metavar="NAME", help="exercises; default: all in which something is written"
    )
    parser.add_argument("--json", action="store_true", help="one JSON document on standard output, for `collect`")
    parser.add_argument("--student", metavar="NAME", help="in the JSON document (default: the file's name without .py)")
    parser.add_argument(
        "--no-training", action="store_true", help="end before the student's functions train the digits network"
    )
    parser.set_defaults(run=run)


def run(given):
    """Carries it out; returns the exit code."""
    _check_names(given)
    try:
        found = files.read(given.file)
        results, notes = _judge(given, found)
    except ValueError as problem:
        if given.json and os.path.isfile(given.file):  # a class has a line for everybody
            student = given.student or files.student_of(given.file)
            print(collect.document(student, 0, fastbp.__version__, [], problem=str(problem)))
        options.say(f"error: {problem}")
        if os.path.isfile(given.file):
            options.say(f"next: put that right, then  fastbp learn check {given.file}")
        return 1
    bad = [result for result in results if result.status != "right" and (given.names or result.status != "not begun")]
    if given.json:
        student = given.student or files.student_of(given.file)
        print(collect.document(student, found["seed"], fastbp.__version__, results, notes))
    else:
        _show(given, found, results, notes)
    return 1 if bad else 0


def no_exercise(name):
    """What is said of a name that no exercise has."""
    return f"there is no exercise {name!r}{did_you_mean(name, workbook.names()) or '; fastbp learn lists them'}"


def _check_names(given):
    unknown = [name for name in given.names if name not in workbook.names()]
    if unknown:
        raise argparse.ArgumentTypeError(no_exercise(unknown[0]))
    if given.file in workbook.names() and not os.path.exists(given.file):
        names = " ".join([given.file, *given.names])
        raise argparse.ArgumentTypeError(f"the file comes first: fastbp learn check {files.USUAL} {names}")
    if given.student is not None and not given.json:
        raise argparse.ArgumentTypeError("--student is in the JSON document: give --json, too")


def _judge(given, found):
    """The results of the exercises that are named, or of all, in the lecture's order; and notes on the file."""
    asked = [name for name in workbook.names() if name in (given.names or found["begun"])]
    results, notes = {}, [*found["notes"]]
    with contextlib.closing(StatusLine()) as status:
        for what, value in limits.judged(given.file, asked, found["seed"], SECONDS):
            if what == "status":
                status.status(f"checking {value} ({len(results) + 1} of {len(asked)})")
            elif what == "note":
                notes.append(f"{os.path.basename(given.file)}: {value}")
            else:
                results[value.name] = value
        status.clear()
    results = {name: _blamed(result, found["calls"], results) for name, result in results.items()}
    absent = [] if given.names else [name for name in workbook.names() if name not in results]
    results |= {name: limits.result_of(name, "not begun") for name in absent}
    return [results[name] for name in workbook.names() if name in results], notes


def _blamed(result, calls, results):
    """A result that is not right; if it calls functions that are not, then these are to be corrected first."""
    before = [name for name in calls.get(result.name, []) if name in results and results[name].status != "right"]
    if result.status not in ("wrong", "error") or not before:
        return result
    what = f"it calls {short_list(before)}, which {'is' if len(before) == 1 else 'are'} not right: correct that first"
    return dataclasses.replace(result, message=f"{what}. As it is: {result.message}")


# ---- For readers -----------------------------------------------------------------------------------------------------


def _show(given, found, results, notes):
    for result in results:
        if given.names or result.status in ("wrong", "error"):
            print(f"{result}\n")
        elif result.notes:
            print("\n".join([f"{result.name} ({result.status})", *(f"  note: {note}" for note in result.notes), ""]))
    for note in notes:
        print(f"note: {note}\n")
    if not given.names:
        print(f"{workbook.table(results)}\n")
        right = [result.name for result in results if result.status == "right"]
        if {*TRAINING} <= {*right} and not given.no_training:
            _train(given, found)
    print(f"next: {_next(given, found, results)}")


def _train(given, found):
    print("Now your own functions learn to read handwritten digits; it takes up to a minute ...", flush=True)
    try:
        print(f"{limits.trained(given.file, found['seed'], SECONDS)}\n")
    except ValueError as problem:
        print(f"{problem}\n")


def _next(given, found, results):
    check = f"fastbp learn check {given.file}"
    for result in results:
        if result.status in ("wrong", "error"):
            named = f"{check} {result.name}"
            return f"correct {result.name}, then  {named}  (a hint: fastbp learn hint {result.name})"
    for name in given.names or workbook.names():
        if name not in found["begun"]:
            return f"fastbp learn show {name}  says what this one asks for; then  {check}"
    if given.names:
        at = workbook.names().index(given.names[-1])
        left = [name for name in workbook.names()[at:] + workbook.names()[:at] if name not in found["begun"]]
        return f"fastbp learn show {left[0]}  says what the next one asks for" if left else f"{check}  judges them all"
    return "nothing is left to do here. What you have written is what fastbp trains with: see  fastbp demo"
