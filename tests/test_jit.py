"""fastbp/compiler/jit.py: what compiled code assumes."""

import os
import subprocess
import sys

import numba
import numpy as np
import pytest

from fastbp.compiler.jit import jit
from fastbp.lecture import loops
from tests.cases import UNCOMPILED, Case

pytestmark = pytest.mark.skipif(UNCOMPILED, reason="nothing is compiled with NUMBA_DISABLE_JIT=1")


def test_arrays_whose_elements_are_not_neighbours_are_refused():
    """A borrowed view would read what lies between them."""
    case = Case((4, 3), samples=2)
    u, y = np.empty(3), np.empty(3)
    with pytest.raises(numba.TypingError, match="kernels take arrays in C order"):
        loops.forward.unchecked(case.theta, case.layers, np.asfortranarray(case.X)[1], u, y)


@jit
def is_not_a_number(x):
    return x != x


@jit
def quotient(x, y):
    return x / y


@jit
def hold_the_core(rounds):
    total = 0.0
    for r in range(rounds):
        total += np.sqrt(float(r))
    return total


def test_nan_and_infinity_are_seen_in_compiled_code():
    assert is_not_a_number(np.nan)
    assert not is_not_a_number(np.inf)
    assert quotient(1.0, 0.0) == np.inf
    assert np.isnan(quotient(0.0, 0.0))


def test_kernels_run_without_the_gil():
    assert hold_the_core.targetoptions["nogil"]


def test_ctrl_c_waits_until_a_kernel_is_compiled(tmp_path):
    """Raised among LLVM's objects it could crash the interpreter; and it must not get lost."""
    script = """
import signal
import numpy as np
from fastbp.compiler import wrapper
from fastbp.lecture.loops import updates
seen = []
def compiling(*arguments, original=wrapper.object_of):
    signal.raise_signal(signal.SIGINT)
    seen.append("compiled")
    return original(*arguments)
wrapper.object_of = compiling
try:
    updates.square_sum(np.ones(3))
except KeyboardInterrupt:
    seen.append("interrupted")
print(seen, updates.square_sum(np.ones(3)), signal.getsignal(signal.SIGINT) is signal.default_int_handler)
"""
    environment = os.environ | {"NUMBA_CACHE_DIR": str(tmp_path)}
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment)
    assert out.stdout == "['compiled', 'interrupted'] 3.0 True\n", out.stderr
