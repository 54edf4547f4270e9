"""Says once in a process that a kernel is being compiled, where somebody watches and that takes more than a second."""

import contextlib
import threading

PATIENCE = 1.0  # seconds
MESSAGE = "compiling for this machine, which takes some seconds; what is compiled is kept for the next time"

_TELLERS, _TOLD = [], []


@contextlib.contextmanager
def told_by(say):
    """Inside of this block `say(message)` tells of a compilation that takes long; None: who does outside of it."""
    if say is not None:
        _TELLERS.append(say)
    try:
        yield
    finally:
        if say is not None:
            _TELLERS.remove(say)


@contextlib.contextmanager
def compiling():
    """A kernel is compiled in this block."""
    if _TOLD or not _TELLERS:
        yield
        return
    timer = threading.Timer(PATIENCE, _tell)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _tell():
    if not _TOLD and _TELLERS:
        _TELLERS[-1](MESSAGE)
        _TOLD.append(True)  # after it: what could not be told is not told
