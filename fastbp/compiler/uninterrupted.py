"""To compile and to link, one thread at a time; neither Ctrl-C nor a fork comes in between."""

import contextlib
import os
import signal
import threading

from fastbp.compiler import notice

COMPILING, LINKING = threading.RLock(), threading.RLock()  # whoever needs both takes them in this order


@contextlib.contextmanager
def compiling():
    """Ctrl-C waits until the end of the block: raised among LLVM's objects, it can crash the interpreter."""
    with COMPILING:
        if COMPILING not in _WAITS:
            import logging  # noqa: F401  before that: see below

            _let_forks_wait_for(COMPILING)
        with without_ctrl_c(), notice.compiling():
            yield


@contextlib.contextmanager
def without_ctrl_c():
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    came = []
    signal.signal(signal.SIGINT, lambda *arguments: came.append(arguments))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])


# A fork waits until no other thread compiles or links: the child would have the locks of Numba, of LLVM and of modules
# that are being imported as that thread held them, and no thread to open them. What was registered last is called
# first, and `logging` at a fork takes a lock that Numba needs to go on: so it is imported before the first compilation.
_WAITS = []


def _let_forks_wait_for(lock):
    def acquire():
        with without_ctrl_c():
            lock.acquire()

    _WAITS.append(lock)
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(before=acquire, after_in_parent=lock.release, after_in_child=lock.release)


_let_forks_wait_for(LINKING)
