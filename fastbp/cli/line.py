"""A line on standard error that tells how far things have come."""

import shutil
import sys
import time

from fastbp.cli import options

OFTEN, RARELY = 0.1, 5.0  # seconds between two states: on a terminal, and elsewhere


class Line:
    """Shows a state now and then: in place of the last one on a terminal, else as a line of its own.

    Parameters
    ----------
    quiet : bool
    """

    def __init__(self, quiet=False):
        self._quiet, self._terminal = quiet, sys.stderr is not None and sys.stderr.isatty()
        self._shown, self._width = 0.0, 0

    def show(self, text, last=False):
        """A new state, which may be left out unless it is the last one of its kind."""
        now = time.monotonic()
        if self._quiet or (not last and now - self._shown < (OFTEN if self._terminal else RARELY)):
            return
        self._shown = now
        if self._terminal:
            text = text[: shutil.get_terminal_size().columns - 1]
            options.say(f"\r{text.ljust(self._width)}", end="")
            self._width = len(text)
        else:
            options.say(text)

    def close(self):
        """What is printed next begins a line."""
        if self._terminal and self._width:
            options.say("")
            self._width = 0
