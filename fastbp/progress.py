"""What `progress=True` shows: a bar where tqdm is installed, else lines on standard error."""

import contextlib
import sys

from fastbp import door

EVERY = 1.0  # seconds between two lines


def shown(progress, total):
    """A context manager whose function show(done, total, seconds) does what the argument `progress` asks for."""
    if callable(progress):
        return contextlib.nullcontext(progress)
    return bar(total) if door.flag("progress", progress) else contextlib.nullcontext(lambda *state: None)


@contextlib.contextmanager
def bar(total):
    """A function show(done, total, seconds) that draws a bar, or writes a line now and then."""
    try:
        from tqdm import tqdm
    except ImportError:
        yield Lines()
        return
    with tqdm(total=total, unit="network") as drawn:
        yield lambda done, total, seconds: drawn.update(done - drawn.n)


class Lines:
    """Lines with what is done, how fast, and how long the rest will take."""

    def __init__(self):
        self._shown, self._done = -EVERY, -1

    def __call__(self, done, total, seconds):
        if done == self._done or (seconds - self._shown < EVERY and done < total):
            return
        self._shown, self._done = seconds, done
        rate = done / seconds if seconds else 0.0
        left = f", {(total - done) / rate:.0f} s left" if rate else ""
        print(f"{done:,} of {total:,} networks, {rate:,.0f} a second{left}", file=sys.stderr)
