"""A line on standard error that tells how far things have come."""

import math
import shutil
import sys
import time

from fastbp.cli import options
from fastbp.training.progress import Silent

OFTEN, RARELY = 0.1, 5.0  # seconds between two states: on a terminal, and elsewhere


class StatusLine(Silent):
    """Shows a state now and then: in place of the last one on a terminal, else as a line of its own."""

    def __init__(self):
        self._terminal = sys.stderr is not None and sys.stderr.isatty()
        self._shown, self._width, self._best, self._left_out = 0.0, 0, (math.inf, 0), None

    def show(self, done, total, seconds, loss, validation=None):
        watched = loss if validation is None else validation
        if done == 1 or watched < self._best[0]:  # the first epoch may be that of a second training
            self._best = watched, done
        held_out = "" if validation is None else f", of rows held out {validation:.4g}"
        self.status(f"epoch {done}: loss {loss:.4g}{held_out} (best in epoch {self._best[1]}), {seconds:.1f} s")

    def status(self, text):
        """A new state, which may be left out if the last one is not long ago."""
        now = time.monotonic()
        self._left_out = text
        if now - self._shown >= (OFTEN if self._terminal else RARELY):
            self._shown = now
            self._write(text)

    def say(self, message):
        self._end_line()
        options.say(message)

    def clear(self):
        """Takes the last state away: what comes next is printed in its place."""
        self._left_out = None
        if self._terminal and self._width:
            options.say(f"\r{' ' * self._width}\r", end="")
            self._width = 0

    def close(self):
        """The last state is shown, and what is printed next begins a line."""
        if self._left_out:
            self._write(self._left_out)
        self._end_line()

    def _write(self, text):
        self._left_out = None
        if self._terminal:
            text = text[: shutil.get_terminal_size().columns - 1]
            options.say(f"\r{text.ljust(self._width)}", end="")
            self._width = len(text)
        else:
            options.say(text)

    def _end_line(self):
        if self._terminal and self._width:
            options.say("")
            self._width = 0
