"""What a call from Python runs: a function that is written for arguments of certain types.

A loop over the arguments takes longer than a small kernel. So each form of a kernel gets a function without loops,
which names what is in the arguments, looks at the type of each, and packs all of them at once (marshal.py). Its source
is made of the lines below and of numbers: nothing that a user has named gets into it.
"""

import ctypes
import functools
import struct

import numpy as np

from fastbp.compiler import marshal

FUNCTION = """
def call(a):
    {checks}
    try:
        words = pack(dtypes, {words})
    except error as problem:
        raise OverflowError("a kernel takes integers of 64 bits: " + str(problem)) from None
    {out}
    status = function(words, {place})
    return {value} if status == FIT else other(status)
"""
NUMBER = {"out": "out = number()", "place": "out", "value": "out[0]"}
ENDS = {"": {"out": "", "place": "None", "value": "None"}, "d": NUMBER, "q": NUMBER}
ENDS["?"] = NUMBER | {"value": "bool(out[0])"}

# Without types of the arguments, which would take ctypes time: it passes bytes, None and arrays as pointers anyway.
ENTRY = ctypes.CFUNCTYPE(ctypes.c_int64)  # lets go of the GIL


def call_of(address, result, arguments):
    """The function that takes the arguments of a call, as a tuple, if they are of the same types as these.

    It returns MISFIT, and has done nothing, where they are not.

    Parameters
    ----------
    address : int
        Of the entry in memory.
    result : str
        The letter of what it returns.
    arguments : tuple
        Those of a first call.
    """
    leaves = {}
    checks = [*_unpacking("a", arguments, leaves)]
    kinds = {f"kind_{at}": kind for at, kind in enumerate(dict.fromkeys(leaves.values()))}
    for word, kind in kinds.items():
        same = " is ".join(f"type({name})" for name in leaves if leaves[name] is kind)
        checks.append(f"if not {same} is {word}: return MISFIT")
    words = (f"id({name})" if kind is np.ndarray else name for name, kind in leaves.items())
    source = FUNCTION.format(checks="\n    ".join(checks), words=", ".join(words), **ENDS[result])
    dtypes = [array.dtype for array in marshal.arrays_of(arguments)]
    letters = "".join(marshal.WORDS.get(kind, "q") for kind in leaves.values())
    scope = kinds | {
        "MISFIT": marshal.MISFIT,
        "FIT": marshal.FIT,
        "pack": struct.Struct(f"={8 * len(dtypes)}s{letters}").pack,
        "error": struct.error,
        "dtypes": struct.pack(f"={len(dtypes)}q", *map(id, dtypes)),
        "kept": dtypes,  # so that their places stay theirs
        "number": marshal.RESULTS[result],
        "function": ENTRY(address),
        "other": _other,
    }
    exec(_code(source), scope)
    return scope["call"]


def _unpacking(name, items, leaves):
    """Lines that name what is in a tuple and in those within; `leaves` gets the types of all that is no tuple."""
    names = [f"{name}_{at}" for at in range(len(items))]
    yield f"if type({name}) is not tuple or len({name}) != {len(items)}: return MISFIT"
    yield f"[{', '.join(names)}] = {name}"
    for each, item in zip(names, items, strict=True):
        if type(item) is tuple:
            yield from _unpacking(each, item, leaves)
        else:
            leaves[each] = type(item)


@functools.cache  # many forms differ in dtypes alone, and to compile it takes as long as thousands of calls
def _code(source):
    return compile(source, "<call of a kernel>", "exec")


def _other(status):
    """What becomes of a call that has returned nothing."""
    if status == marshal.FAILED:
        raise RuntimeError("a kernel has failed: its arguments are out of range")
    return marshal.MISFIT
