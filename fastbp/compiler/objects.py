"""How code that was compiled gets into this process, without Numba."""

import ctypes
import mmap
import struct

from fastbp.compiler import processor

SYMBOL = "fastbp_entry"  # what Python calls

# All that object code of a kernel may need of others: functions of numbers and of memory in the C library, and a way
# to wait. Python and Numba are not among them.
OF_NUMBERS = (
    "ceil", "cos", "exp", "exp2", "expm1", "fabs", "floor", "fma", "fmod", "ldexp", "log", "log10", "log1p", "log2",
    "nearbyint", "pow", "rint", "round", "roundeven", "sin", "sqrt", "tanh", "trunc",
)  # fmt: skip
ALLOWED = {*OF_NUMBERS, *(f"{name}f" for name in OF_NUMBERS), "memcpy", "memmove", "memset", "usleep", "Sleep"}
ALLOWED |= {"bzero", "__bzero", "_fltused", "__chkstk", "___chkstk_ms"}  # on macOS; on Windows

_LINKED = []  # what is linked stays for as long as the process


def link(code, header):
    """The address of the entry, in memory from now on.

    None where it needs names that are not allowed, or not in this process: one that is missing would end it.
    """
    names = [*map(str, header["needs"])]
    if not {*names} <= ALLOWED:
        return None
    if not header["flat"]:
        return _linked_by_llvm(code, names)
    try:
        return mapped(code, names, **header["flat"])
    except (TypeError, struct.error):  # a header that `prepared` did not write
        return None


def mapped(image, names, entry, addresses, pointers):
    """The address of the entry of code that is laid out (flat.py), in memory from now on; None where that cannot be.

    Parameters
    ----------
    image : bytes
    names : list of str
        Of the functions of the C library that it needs.
    entry : int
        Where its entry lies in it.
    addresses : int
        Where the row of addresses of the names begins.
    pointers : list of int
        Where there are pointers, counted from its begin.
    """
    if not 0 <= entry < addresses <= len(image) - 8 * len(names) or min(pointers, default=0) < 0:
        return None
    process = ctypes.CDLL(None)
    try:
        found = [ctypes.cast(getattr(process, name), ctypes.c_void_p).value for name in names]
        memory = mmap.mmap(-1, len(image), mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    except (AttributeError, OSError):
        return None
    memory[:] = image
    begin = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    struct.pack_into(f"<{len(names)}Q", memory, addresses, *found)
    for at in pointers:
        struct.pack_into("<Q", memory, at, begin + struct.unpack_from("<Q", memory, at)[0])
    if process.mprotect(ctypes.c_void_p(begin), ctypes.c_size_t(len(image)), mmap.PROT_READ | mmap.PROT_EXEC):
        return None
    _LINKED.append(memory)
    return begin + entry


def _linked_by_llvm(code, names):
    import llvmlite.binding as llvm  # here: whoever has no such code need not wait for it

    engine = llvm.create_mcjit_compiler(llvm.parse_assembly(""), processor.target_machine(jit=True))
    if not all(map(llvm.address_of_symbol, names)):  # after it, because only now it looks into the whole process
        return None
    engine.add_object_file(llvm.ObjectFileRef.from_data(code))
    engine.finalize_object()
    _LINKED.append((engine, code))
    return engine.get_function_address(SYMBOL)
