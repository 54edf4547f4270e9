"""Hypothesis settings: fewer examples where every loop runs in the interpreter, the same ones on every CI run."""

import os

from hypothesis import settings

from tests.cases import UNCOMPILED

settings.register_profile(
    "fastbp", deadline=None, max_examples=40 if UNCOMPILED else 200, derandomize="CI" in os.environ
)
settings.load_profile("fastbp")


def pytest_addoption(parser):
    parser.addoption(
        "--fuzz", type=int, default=100_000, metavar="N", help="damaged model files to read (default: %(default)s)"
    )
