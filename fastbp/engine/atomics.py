"""What threads need that share memory: steps that no other thread sees half done."""

import os

from numba.core import types
from numba.extending import intrinsic


@intrinsic
def atomic_add(typing_context, pointer, value):
    """p[0] += value, as one step that no other thread sees half done; returns what was there before."""

    def codegen(context, b, sig, args):
        return b.atomic_rmw("add", args[0], args[1], "seq_cst")

    return types.int64(pointer, types.int64), codegen


@intrinsic
def atomic_load(typing_context, pointer):
    """p[0], and after it all that others wrote before they wrote that."""
    return types.int64(pointer), lambda context, b, sig, args: b.load_atomic(args[0], "acquire", 8)


let_others_run = types.ExternalFunction("SwitchToThread" if os.name == "nt" else "sched_yield", types.int32())
