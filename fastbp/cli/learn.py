"""fastbp learn: the lecture as exercises that are written, judged and explained here; and as a page for a browser."""

import argparse
import os
import textwrap

from fastbp.cli import learn_check, options
from fastbp.lecture import workbook
from fastbp.lecture.workbook import collect, files

ABOUT = """\
The lecture on backpropagation as {count} exercises: from u_j = sum_i w_ji x_i + b_j to a whole
epoch of training. You write the functions in a file, a few lines of Python each; what is wrong
is told in words, and in the end your own functions learn to read handwritten digits.

You need the chain rule, and any editor; neither NumPy nor Numba. The slides are also a page
with moving numbers for your browser:  fastbp learn --page lecture.html
"""


def add(commands):
    """The command, its options, and its actions."""
    parser = options.command(
        commands,
        "learn",
        "learn backpropagation: exercises that are checked and explained, and a page with moving numbers",
        "The lecture on backpropagation as exercises, which are judged in words, and as a page for\n"
        "a browser. Without an action: what there is, and what to do next.",
        "fastbp learn",
        "fastbp learn start",
        "fastbp learn show sigmoid",
        "fastbp learn check exercises.py",
        "fastbp learn --page lecture.html --language ja",
    )
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "--page", type=html_file, metavar="OUT.html",
        help="write the lecture as a page for a browser: one file, which needs no network",
    )  # fmt: skip
    either.add_argument(
        "--serve", nargs="?", type=options.of(int, 0, 65536), const=0, metavar="PORT",
        help="show the page at an address of this machine alone, until Ctrl-C (default: any free port)",
    )  # fmt: skip
    either.add_argument(
        "--solutions", nargs="?", const="-", metavar="FILE",
        help="for teachers: all solutions, to a file or to standard output",
    )  # fmt: skip
    parser.add_argument("--language", metavar="CODE", help="of the page when it opens, as ja (default: en)")
    parser.add_argument(
        "--seed", type=options.of(int, 0), default=None, metavar="N", help="of the numbers (default: 0)"
    )
    parser.set_defaults(run=run, action=None)
    actions = parser.add_subparsers(title="actions", metavar="ACTION", dest="action")
    _add_start(actions)
    _add_show(actions)
    _add_hint(actions)
    learn_check.add(actions)
    _add_collect(actions)


def _add_start(actions):
    parser = options.command(
        actions,
        "start",
        "write a file with all exercises, to be filled in",
        "Writes a file with a function to fill in for each exercise. What is there is not written\nover.",
        "fastbp learn start",
        "fastbp learn start mine.py --seed 7",
    )
    parser.add_argument("file", nargs="?", default=files.USUAL, help="the new file (default: %(default)s)")
    _add_seed(parser, "other numbers for each student: it is written into the file (default: 0)")
    parser.set_defaults(run=start)


def _add_show(actions):
    parser = options.command(
        actions, "show", "what an exercise asks for", "Shows the text of an exercise.", "fastbp learn show sigmoid"
    )
    _add_exercise(parser)
    parser.set_defaults(run=show)


def _add_hint(actions):
    parser = options.command(
        actions,
        "hint",
        "a hint, then the next one, at last the solution",
        "Shows a hint for an exercise; the last step is the solution.",
        "fastbp learn hint sigmoid",
        "fastbp learn hint sigmoid 2",
    )
    _add_exercise(parser)
    parser.add_argument("step", type=options.of(int, 1), nargs="?", default=1, help="1, 2, ... (default: 1)")
    parser.set_defaults(run=hint)


def _add_collect(actions):
    parser = options.command(
        actions,
        "collect",
        "for teachers: the results of a class as a table (CSV)",
        "Prints a line for each file that `fastbp learn check FILE --json` has printed. A file that\n"
        "is none has no line; standard error says so, and the exit status is 1.",
        "fastbp learn check exercises.py --json > results.json",
        "fastbp learn collect results.json > class.csv",
    )
    parser.add_argument("results", nargs="+", metavar="RESULTS.json", help="what check --json has printed")
    parser.set_defaults(run=collect_results)


def _add_exercise(parser):
    parser.add_argument("name", type=exercise_name, help="of an exercise; `fastbp learn` lists them")
    _add_seed(parser, f"of the numbers in it (default: that of {files.USUAL}, if it is here, or 0)")


def _add_seed(parser, what):
    parser.add_argument("--seed", type=options.of(int, 0), default=argparse.SUPPRESS, metavar="N", help=what)


def exercise_name(text):
    """The type of an argument that names an exercise, by its number, too."""
    if text.isdecimal() and 1 <= int(text) <= len(workbook.names()):
        return workbook.names()[int(text) - 1]
    if text not in workbook.names():
        raise argparse.ArgumentTypeError(learn_check.no_exercise(text))
    return text


def html_file(text):
    """The type of an option that names a page: a slip must not replace the exercises."""
    if not text.lower().endswith((".html", ".htm")):
        raise argparse.ArgumentTypeError(f"must end in .html, got {text!r}")
    return text


# ---- Without an action -----------------------------------------------------------------------------------------------


def run(given):
    """The page or the solutions, if they are asked for; or where the student stands."""
    if given.language is not None and given.page is None and given.serve is None:
        raise argparse.ArgumentTypeError("--language is of the page: give --page or --serve, too")
    if given.page is not None:
        _write_page(given)
    elif given.serve is not None:
        _serve(given)
    elif given.solutions is not None:
        _write_solutions(given)
    else:
        overview()


def _write_page(given):
    from fastbp.lecture import page  # here: its parts are many

    page.write(given.page, seed=given.seed or 0, language=given.language or "en")
    print(f"written: {given.page}\nnext: open it in a browser, as a file: it needs no network")


def _serve(given):
    from fastbp.lecture import page

    def ready(address):
        print(f"the page is at {address}\nnext: open that address in a browser; Ctrl-C here ends it", flush=True)

    try:
        page.serve(given.serve, seed=given.seed or 0, language=given.language or "en", ready=ready)
    except OSError as problem:
        raise ValueError(f"{problem.strerror}; --serve without a number takes a port that is free") from None


def _write_solutions(given):
    if given.solutions == "-":
        print(files.solved(given.seed or 0), end="")
        return
    files.write(given.solutions, files.solved(given.seed or 0, given.solutions))
    print(f"written: {given.solutions}\nnext: fastbp learn check {given.solutions}")


def overview():
    """What this is, all exercises, and what to do next."""
    print(ABOUT.format(count=len(workbook.names())))
    states, next_line = {}, "fastbp learn start      writes exercises.py, with a function to fill in for each of them"
    if os.path.exists(files.USUAL):
        try:
            found = files.read(files.USUAL)
        except ValueError as problem:
            print(f"{problem}\n")
            next_line = f"put that right, then  fastbp learn check {files.USUAL}"
        else:
            states = dict.fromkeys(found["begun"], "begun")
            next_line = _next(found)
    for name in workbook.names():
        exercise = workbook.exercise(name)
        if name in files.PARTS:
            print(files.PARTS[name])
        print(f"  {exercise.number:2d}  {exercise.signature:66s}{states.get(name, '')}".rstrip())
    if states or os.path.exists(files.USUAL):
        print(f"\n{files.USUAL}: {len(states)} of {len(workbook.names())} begun")
    print(f"\nnext: {next_line}")


def _next(found):
    if not found["begun"]:
        return f"fastbp learn show {workbook.names()[0]}      says what the first one asks for"
    return f"fastbp learn check {files.USUAL}      says what is right by now"


# ---- Actions ---------------------------------------------------------------------------------------------------------


def start(given):
    """A new file to fill in."""
    files.write(given.file, files.blank(given.seed or 0, given.file))
    first = workbook.names()[0]
    print(
        f"written: {given.file}, with {len(workbook.names())} functions to fill in: open it in an editor\n"
        f"next: fastbp learn show {first}      says what the first one asks for"
    )


def collect_results(given):
    """The table, and what there is to say of files that are not in it; returns the exit code."""
    text, problems = collect.table(given.results)
    print(text, end="")
    for problem in problems:
        options.say(f"error: {problem}")
    return 1 if problems else 0


def _seed_here(given):
    """Of the option, or of the file that is here; 0 if that cannot be read."""
    if given.seed is not None:
        return given.seed
    try:
        return files.read(files.USUAL)["seed"]
    except (ValueError, OSError):
        return 0


def show(given):
    """The text of an exercise."""
    exercise = workbook.exercise(given.name, seed=_seed_here(given))
    print(f"exercise {exercise.number} of {len(workbook.names())}: {exercise.signature}\n\n{exercise.text}\n")
    file = files.USUAL if os.path.exists(files.USUAL) else "FILE"
    print(f"A hint, if you need one:  fastbp learn hint {given.name}")
    if file == "FILE":
        print("FILE is your file with the exercises; if you have none:  fastbp learn start")
    print(f"\nnext: write it into {file}, then  fastbp learn check {file} {given.name}")


def hint(given):
    """One step, and how to come to the next one."""
    name, step, seed = given.name, given.step, _seed_here(given)
    last = len(workbook.exercise(name).hints) + 1
    if step > last:
        raise argparse.ArgumentTypeError(f"{name} has {last} steps, of which the last is the solution; got step {step}")
    text, check = workbook.hint(name, step, seed), f"fastbp learn check {files.USUAL} {name}"
    if step == last:
        print(f"{name}, step {step} of {last}, the solution:\n\n{text}\n{_words_of(text)}\nnext: {check}")
        return
    what = " (the solution)" if step + 1 == last else ""
    print(f"{name}, step {step} of {last}:\n\n{textwrap.fill(text, 100)}\n")
    print(f"next: {check}, or  fastbp learn hint {name} {step + 1}{what}")


WORDS = {  # in the lecture's loops, which run in either precision, for one network or for many
    "where(": "where(condition, yes, no) is  yes if condition else no",
    "larger(": "larger(a, c) is  max(a, c)",
    "smaller(": "smaller(a, c) is  min(a, c)",
    "double(": "double(a) is  a  in double precision",
    ".dtype.type(": "u.dtype.type(1) is  1  in the precision of u",
}


def _words_of(text):
    """What in a solution a reader cannot know."""
    words = [meaning for word, meaning in WORDS.items() if word in text]
    return "".join(f"\n{line}" for line in ["It is the loop that fastbp runs itself. In it", *words]) if words else ""
