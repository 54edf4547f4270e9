"""What threads need that share memory: steps that no other thread sees half done, and ways to wait.

The words that they share are int64, and every access is sequentially consistent: what a thread wrote before it changed
such a word is seen by whoever reads the change.
"""

import os

from llvmlite import ir
from numba.core import cgutils, types
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
    return types.int64(pointer), lambda context, b, sig, args: b.load_atomic(args[0], "seq_cst", 8)


@intrinsic
def atomic_store(typing_context, pointer, value):
    """p[0] = value, after all that this thread wrote before."""

    def codegen(context, b, sig, args):
        b.store_atomic(args[1], args[0], "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(pointer, types.int64), codegen


@intrinsic
def atomic_replace(typing_context, pointer, expected, value):
    """p[0] = value if p[0] is as expected; whether it was."""

    def codegen(context, b, sig, args):
        return b.extract_value(b.cmpxchg(*args, "seq_cst", "seq_cst"), 1)

    return types.boolean(pointer, types.int64, types.int64), codegen


@intrinsic
def pause(typing_context):
    """Tell the core that this thread waits in a loop: the other hardware thread of the core goes on meanwhile."""

    def codegen(context, b, sig, args):
        machine, i32 = b.module.triple.partition("-")[0], ir.IntType(32)
        x86, arm = ("llvm.x86.sse2.pause", []), ("llvm.aarch64.hint", [i32(1)])  # 1: yield
        name, args = {"x86_64": x86, "i686": x86, "aarch64": arm, "arm64": arm}.get(machine, (None, None))
        if name:
            function = ir.FunctionType(ir.VoidType(), [arg.type for arg in args])
            b.call(cgutils.get_or_insert_function(b.module, function, name), args)
        return context.get_dummy_value()

    return types.void(), codegen


@intrinsic
def nap(typing_context):
    """Leave the core to others for 50 microseconds, or somewhat longer (Windows: a millisecond)."""

    def codegen(context, b, sig, args):
        i32, name, length = ir.IntType(32), *(("Sleep", 1) if os.name == "nt" else ("usleep", 50))
        function = ir.FunctionType(ir.VoidType() if os.name == "nt" else i32, [i32])
        b.call(cgutils.get_or_insert_function(b.module, function, name), [i32(length)])
        return context.get_dummy_value()

    return types.void(), codegen
