"""Ctrl-C while a kernel is compiled."""

import contextlib
import signal
import threading

from fastbp.compiler import notice


@contextlib.contextmanager
def compiling():
    """Ctrl-C waits until the end of the block: raised among LLVM's objects, it can crash the interpreter."""
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        with notice.compiling():
            yield
        return
    came = []
    signal.signal(signal.SIGINT, lambda *arguments: came.append(arguments))
    try:
        with notice.compiling():
            yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if came:
            handler(*came[0])
