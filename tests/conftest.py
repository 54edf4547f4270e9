"""Hypothesis settings: fewer examples where every loop runs in the interpreter, the same ones on every CI run."""

import os

import numba
from hypothesis import settings

UNCOMPILED = bool(numba.config.DISABLE_JIT)
settings.register_profile(
    "fastbp", deadline=None, max_examples=40 if UNCOMPILED else 200, derandomize="CI" in os.environ
)
settings.load_profile("fastbp")
