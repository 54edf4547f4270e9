"""Object code: which symbols it needs, and how it gets into this process without Numba."""

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


def needs(code):
    """The names of the symbols that object code leaves to others, sorted; a ValueError for what is none."""
    try:
        if code[:4] == b"\x7fELF":
            return sorted(_needs_of_elf(code))
        if code[:4] == b"\xcf\xfa\xed\xfe":
            return sorted(_needs_of_macho(code))
        return sorted(_needs_of_coff(code))
    except (struct.error, IndexError, OverflowError, ValueError) as problem:
        raise ValueError(f"this is no object code: {problem}") from None


def _needs_of_elf(code):
    at, size, count = struct.unpack_from("<Q10xHH", code, 40)
    sections = [struct.unpack_from("<II4Q2I2Q", code, at + size * number) for number in range(count)]
    for _, kind, _, _, start, length, names, *_ in sections:
        if kind == 2:  # the table of symbols
            for symbol in range(start + 24, start + length, 24):
                name, binding, _, section = struct.unpack_from("<IBBH", code, symbol)
                if section == 0 and binding >> 4:
                    yield _text(code, sections[names][4] + name)


def _needs_of_macho(code):
    at = 32
    for _ in range(struct.unpack_from("<I", code, 16)[0]):
        command, size, symbols, count, names = struct.unpack_from("<5I", code, at)
        if command == 2:  # the table of symbols
            for symbol in range(symbols, symbols + 16 * count, 16):
                name, kind, section, _, value = struct.unpack_from("<IBBHQ", code, symbol)
                if kind & 0x0F == 1 and section == 0 and value == 0:
                    yield _text(code, names + name).removeprefix("_")
        at += size


def _needs_of_coff(code):
    symbols, count = struct.unpack_from("<8xII", code)
    number = 0
    while number < count:
        name, value, section, _, storage, more = struct.unpack_from("<8sIhHBB", code, symbols + 18 * number)
        if storage == 2 and section == 0 and value == 0:
            long = name[:4] == b"\0\0\0\0"
            at = symbols + 18 * count + int.from_bytes(name[4:], "little")
            yield _text(code, at) if long else name.rstrip(b"\0").decode()
        number += 1 + more


def _text(code, at):
    return code[at : code.index(b"\0", at)].decode()


def prepared(code):
    """What is kept of object code, and what its header says: laid out if that can be (flat.py), else as it is."""
    from fastbp.compiler import flat  # here: a process that compiles nothing need not wait for it

    names = needs(code)
    try:
        image, places = flat.flattened(code, SYMBOL, names)
    except flat.Unfit:
        return code, {"needs": names, "flat": {}}
    return image, {"needs": names, "flat": places}


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
