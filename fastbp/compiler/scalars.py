"""The few operations on a number that Python cannot do on a vector of numbers too.

A formula that chooses with `where`, and not with `if`, is right for a number and, in each lane, for a register full of
numbers: so the loops of the lecture train one network, or one in each lane (engine/lanes).
"""

import numba
import numpy as np
from numba.core import types
from numba.extending import intrinsic

from fastbp.compiler.jit import jit


def _where(condition, yes, no):
    """`yes` where the condition holds, else `no`; both are computed."""
    if isinstance(condition, np.ndarray):
        return np.where(condition, yes, no).view(type(condition))
    return yes if condition else no


def _double(x):
    """x in double precision. (np.float64 alone warns of overflow uncompiled.)"""
    return x.astype(np.float64) if isinstance(x, np.ndarray) else float(np.float64(x))


if numba.config.DISABLE_JIT:
    where, double = _where, _double
else:

    @intrinsic
    def where(typing_context, condition, yes, no):
        kind = typing_context.unify_types(yes, no)

        def codegen(context, b, sig, args):
            chosen = [context.cast(b, arg, came, kind) for arg, came in zip(args[1:], sig.args[1:], strict=True)]
            return b.select(args[0], *chosen)

        return kind(condition, yes, no), codegen

    @intrinsic
    def double(typing_context, x):
        kind = getattr(x, "in_double", types.float64)
        return kind(x), lambda context, b, sig, args: context.cast(b, args[0], sig.args[0], kind)


@jit
def larger(a, c):
    """The larger of the two; NaN if a is."""
    return where(c > a, c, a)


@jit
def smaller(a, c):
    """The smaller of the two; NaN if a is."""
    return where(c < a, c, a)
