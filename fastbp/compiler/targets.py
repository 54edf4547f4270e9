"""Kinds of processors for which the wheel brings object code, and which of them this process can use.

The levels of x86-64 are those of its ABI (https://gitlab.com/x86-psABIs/x86-64-ABI), under the names that LLVM and GCC
have for them. Numbers lie in memory as the length of the vectors demands it, so a kind fits only where the length is
that of the machine: a processor with AVX-512 takes no object code for AVX2.
"""

import functools
import sys
from typing import NamedTuple

from fastbp.compiler import processor


class Target(NamedTuple):
    """A kind of processors, as LLVM names it, and what all of them have."""

    name: str
    triple: str
    cpu: str
    features: str
    vector_bytes: int


X86, ARM = "x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu"
V2 = "+64bit,+cmov,+cx16,+cx8,+popcnt,+sahf,+sse,+sse2,+sse3,+sse4.1,+sse4.2,+ssse3"
V3 = V2 + ",+avx,+avx2,+bmi,+bmi2,+f16c,+fma,+lzcnt,+movbe"
V4 = V3 + ",+avx512bw,+avx512cd,+avx512dq,+avx512f,+avx512vl"
TARGETS = {
    target.name: target
    for target in (
        Target("x86-64-v2", X86, "x86-64-v2", V2, 16),
        Target("x86-64-v3", X86, "x86-64-v3", V3, 32),
        Target("x86-64-v4", X86, "x86-64-v4", V4, 64),
        Target("arm64", ARM, "generic", "+fp-armv8,+neon", 16),
    )
}

# What every processor has that runs Linux in 64 bits. LLVM has it from /proc/cpuinfo, which may be missing, or that
# of another machine, in an emulator.
ALWAYS = {"aarch64": {"+fp-armv8", "+neon"}}


@functools.cache
def fitting():
    """The target whose object code this process takes; None: there is none, or Numba was told to compile otherwise."""
    usual = processor.settings() == processor.usual_settings() and not processor.is_chosen()
    if not (usual and sys.platform.startswith("linux")):
        return None
    if processor.level():
        return TARGETS[processor.level()]
    _, features = processor.name_and_features()
    return nearest(processor.triple(), features, processor.vector_bytes())


def nearest(triple, features, vector_bytes):
    """The target of this architecture and this length of vectors, if a processor with these features has all of its."""
    architecture = triple.partition("-")[0]
    has = {*features.split(",")} | ALWAYS.get(architecture, set())
    for target in TARGETS.values():
        same = target.triple.partition("-")[0] == architecture and target.vector_bytes == vector_bytes
        if same and has.issuperset(target.features.split(",")):
            return target
    return None
