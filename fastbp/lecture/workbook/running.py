"""Runs a student's function once, with a limit of time, and keeps what it prints, warns of and raises."""

import contextlib
import io
import sys
import time
import warnings
from typing import NamedTuple

import numpy as np

KEPT = 200  # characters of what is printed


class TimeLimit(BaseException):
    """The function did not end in time. (No Exception, so that a bare `except Exception` does not swallow it.)"""


class Ran(NamedTuple):
    """What came of a call."""

    returned: object
    problem: BaseException | None
    printed: str
    warned: tuple  # texts
    errstate_changed: bool


class _Kept(io.TextIOBase):
    """A stream that keeps only the beginning of what is written."""

    def __init__(self):
        self.text = ""

    def write(self, text):
        self.text += text[: KEPT - len(self.text)]
        return len(text)

    def writable(self):
        return True


def run(function, arguments, seconds, file=None):
    """Call it; what is still running after so many seconds ends with TimeLimit at its next line. None: no limit.

    `file` is where the function stands: warnings from there are kept with their lines.
    """
    printed, returned, problem = _Kept(), None, None
    before = sys.gettrace()
    with (
        warnings.catch_warnings(record=True) as warned,
        np.errstate(all="warn", under="ignore"),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
        _nothing_to_read(),
    ):
        warnings.simplefilter("always")
        state = np.geterr()
        try:
            if seconds is not None:
                sys.settrace(_limit(time.perf_counter() + seconds))
            try:
                returned = function(*arguments)
            finally:
                if seconds is not None:
                    sys.settrace(before)
        except KeyboardInterrupt:
            raise
        except BaseException as caught:  # SystemExit too: what a student writes must not end the judge
            problem = caught
        changed = np.geterr() != state
    texts = tuple(dict.fromkeys(_of_line(one, file) for one in warned if one.category is not ResourceWarning))
    return Ran(returned, problem, printed.text, texts, changed)


def _of_line(warning, file):
    where = f"line {warning.lineno}: " if warning.filename == file else ""
    return f"{where}{warning.message}"


def _limit(deadline):
    """A tracing function that stops what runs too long, at the next line of Python."""

    def trace(frame, event, argument):
        if time.perf_counter() > deadline:
            raise TimeLimit
        return trace

    return trace


@contextlib.contextmanager
def _nothing_to_read():
    """Who asks for input gets the end of the file at once."""
    before, sys.stdin = sys.stdin, io.StringIO()
    try:
        yield
    finally:
        sys.stdin = before
