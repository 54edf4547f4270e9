"""The one habit of all commands of this folder: they print, and with --write they write what they print."""

import argparse
import os

from benchmarks import machine, markdown
from benchmarks.process import Failed, say


def parser(part, about, rows=None, rounds=None, called="rows"):
    """A parser with --write; with --rows PART ... and --rounds N where there are rows, and laps that can be chosen.

    `rows` are a list, or a function that makes it of the options; `called` is what a user calls them.
    """
    one = argparse.ArgumentParser(
        prog=f"python -m benchmarks.{part}" if part else "python -m benchmarks",
        description=f"{about} Nothing else should run meanwhile. Prints what it finds; nothing is written unasked.",
    )
    if rows is not None:
        what = f"only {called} whose name has one of these parts"
        one.add_argument(f"--{called}", dest="rows", nargs="+", metavar="PART", help=what)
        one.set_defaults(known_rows=rows)
    if rounds is not None:
        one.add_argument("--rounds", type=int, default=rounds, metavar="N", help=f"laps of each (default: {rounds})")
    one.add_argument("--write", action="store_true", help="write what is printed into README.md, too")
    return one


def parse(one, arguments):
    """The options; `rows` are those that were asked for."""
    options = one.parse_args(arguments)
    if hasattr(options, "rows"):
        known = options.known_rows(options) if callable(options.known_rows) else options.known_rows
        options.rows = [row for row in known if any(part in str(row) for part in options.rows or [""])]
        if not options.rows:
            one.error("no row has such a name; the rows are: " + "; ".join(map(str, known)))
    if getattr(options, "rounds", 1) < 1:
        one.error("--rounds must be at least 1")
    return options


def check(write, places):
    """Refuse what can be refused before the long run.

    Parameters
    ----------
    write : bool
        Whether the tables shall be published; if not, kernels for another processor are a warning.
    places : dict
        {path: parts}: the files to be written, and the parts between whose markers.
    """
    if os.environ.get("NUMBA_DISABLE_JIT", "0") != "0":
        raise Failed("NUMBA_DISABLE_JIT is set, so nothing of fastbp would be compiled: unset it")
    faults = machine.faults()
    if faults and write:
        raise Failed("; ".join(faults))
    for fault in faults:
        say(f"warning: {fault}")
    if not machine.judged():
        say("note: whether the BLAS has its kernels for this processor cannot be told here")
    for path, parts in places.items() if write else ():
        markdown.places(path, parts)


def run(part, render, write, path=markdown.README):
    """Print the text that `render()` makes, and write it if asked; returns the exit code."""
    try:
        check(write, {path: [part]})
        text = render()
        print(text, flush=True)
        if write:
            markdown.write(path, {part: text})
            say(f"Written into {path}.")
    except (Failed, markdown.NoPlace) as problem:
        say(f"error: {problem}")
        return 1
    return 0
