"""What `progress` and `verbose` show: a bar where tqdm is installed, else lines."""

import contextlib
import sys
import time

import numpy as np

from fastbp import validation
from fastbp.compiler import notice

EVERY = 1.0  # seconds between two lines


class Silent:
    """Shows nothing."""

    def show(self, done, total, seconds, **figures):
        """So much is done; `figures` are losses by their names."""

    def status(self, text):
        """What is being done, before there is anything to count."""

    def say(self, message):
        """Something that happened."""

    def close(self):
        """The training is over."""


class Calls(Silent):
    """Calls a function of the user's."""

    def __init__(self, function):
        self._function = function

    def show(self, done, total, seconds, **figures):
        self._function(done, total, seconds)


class Bar(Silent):
    """A bar by tqdm, on standard error."""

    def __init__(self, total, unit):
        from tqdm.auto import tqdm

        self._bar, self._described = tqdm(total=total, unit=unit), False

    def show(self, done, total, seconds, **figures):
        if self._described:  # what is counted now is something else
            self._bar.set_description(refresh=False)
            self._described = False
        if figures:
            self._bar.set_postfix({name: f"{value:.6g}" for name, value in figures.items()}, refresh=False)
        self._bar.update(done - self._bar.n)

    def status(self, text):
        self._bar.set_description(text)
        self._described = True

    def say(self, message):
        self._bar.write(message, file=sys.stderr)

    def close(self):
        self._bar.close()


class Lines(Silent):
    """Lines with what is done, how fast, and how long the rest will take, on standard error."""

    def __init__(self, unit):
        self._unit, self._shown, self._done, self._said = unit, -EVERY, -1, time.monotonic()

    def show(self, done, total, seconds, **figures):
        if done == self._done or (0 <= seconds - self._shown < EVERY and done < total):  # below 0: a second training
            return
        self._shown, self._done = seconds, done
        rate = done / seconds if seconds else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate else ""
        losses = "".join(f", {name} {value:.4g}" for name, value in figures.items())
        self.say(f"{done:,} of {total:,} {self._unit}s{losses}, {rate:,.0f} a second{left}")

    def status(self, text):
        if time.monotonic() - self._said >= EVERY:
            self.say(text)

    def say(self, message):
        self._said = time.monotonic()
        print(message, file=sys.stderr)


@contextlib.contextmanager
def display(progress, total, unit):
    """What the argument `progress` asks for: False, True, a callable, or a display of one's own.

    A compilation that takes long is told of there, if it is one that says anything.
    """
    shown = progress
    if not isinstance(progress, Silent):
        shown = Calls(progress) if callable(progress) else _bar(total, unit) if progress else Silent()
    speaks = type(shown).say is not Silent.say
    try:
        with notice.told_by(shown.say if speaks else None):
            yield shown
    finally:
        shown.close()


def checked(progress):
    """The argument, True or False or a callable."""
    if callable(progress) or isinstance(progress, Silent | bool | np.bool_):
        return progress
    raise TypeError(f"progress must be True, False or a callable, got {validation.shown(progress)}")


def _bar(total, unit):
    try:
        return Bar(total, unit)
    except ImportError:
        return Lines(unit)
