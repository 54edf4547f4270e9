"""What Linux says of an x86-64 processor, in a millisecond; LLVM knows more, but its import takes 30."""

import functools
import sys

IDENTITY = "vendor_id", "cpu family", "model", "stepping", "flags"
V3 = "avx avx2 bmi1 bmi2 f16c fma abm movbe cx16 lahf_lm popcnt pni ssse3 sse4_1 sse4_2"  # of x86-64-v3
V4 = "avx512f avx512bw avx512cd avx512dq avx512vl"  # and of x86-64-v4


@functools.cache
def identity():
    """What LLVM tells processors apart by, as text; "" on other systems."""
    fields = _first_core()
    return repr([fields[name] for name in IDENTITY]) if {*IDENTITY} <= fields.keys() else ""


def level():
    """The level of x86-64 whose vectors are those of the processor; "" where that is to be seen otherwise."""
    has = {*_first_core().get("flags", "").split()}
    if not has.issuperset(V3.split()):
        return ""
    if "avx512f" not in has:
        return "x86-64-v3"
    return "x86-64-v4" if has.issuperset(V4.split()) else ""


@functools.cache
def _first_core():
    if not sys.platform.startswith("linux"):
        return {}
    try:
        with open("/proc/cpuinfo") as file:
            first = file.read(16_384).partition("\n\n")[0]
    except OSError:
        return {}
    return {name.strip(): value.strip() for name, _, value in (line.partition(":") for line in first.splitlines())}
