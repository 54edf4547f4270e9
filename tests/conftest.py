"""Hypothesis settings: fewer examples where every loop runs in the interpreter, the same ones on every CI run.

And Ctrl-C interrupts, as the tests of it expect: a shell that starts a job in the background lets it ignore the signal.
"""

import os
import signal

from hypothesis import settings

from tests.cases import UNCOMPILED

settings.register_profile(
    "fastbp", deadline=None, max_examples=40 if UNCOMPILED else 200, derandomize="CI" in os.environ
)
settings.load_profile("fastbp")

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser):
    parser.addoption(
        "--fuzz", type=int, default=100_000, metavar="N", help="damaged model files to read (default: %(default)s)"
    )
