"""How Python's arguments reach a kernel: as one row of 64-bit words.

A number is a word, an array is the place of its object. The kernel's entry (wrapper.py) reads from there what NumPy's
C interface promises to be there, PyArrayObject: place of the numbers, shape, strides. It first compares dtype, number
of axes and flags with those that it was compiled for, and does nothing where they differ. So a call costs Python little
more than a look at the type of each argument (calls.py); the address of an array's numbers, asked for in Python, takes
longer than all of that.
"""

import ctypes

import numpy as np

HEAD = object.__basicsize__  # bytes before what PyArrayObject adds to an object
DATA, AXES, SHAPE, STRIDES, DTYPE, FLAGS = (HEAD + at for at in (0, 8, 16, 24, 40, 48))
C_ORDER, F_ORDER, ALIGNED, WRITABLE = 0x1, 0x2, 0x100, 0x400  # flags
WORDS = {bool: "?7x", int: "q", float: "d", np.bool_: "?7x", np.int64: "q", np.float64: "d", np.float32: "d"}
WORDS |= dict.fromkeys((np.int8, np.int16, np.int32, np.uint8, np.uint16, np.uint32), "q")
MISFIT = object()  # what a call returns where the arguments are others than those that the kernel was compiled for
RESULTS = {"": None, "d": ctypes.c_double * 1, "q": ctypes.c_int64 * 1, "?": ctypes.c_int64 * 1}
FIT, FAILED = 0, 2  # what an entry returns; 1 is a misfit


def plain(argument):
    """The argument with views of its arrays that are of no subclass, say of numpy.memmap."""
    if isinstance(argument, tuple):
        return tuple(map(plain, argument)) if type(argument) is tuple else argument
    return argument.view(np.ndarray) if isinstance(argument, np.ndarray) else argument


def read_only(argument):
    """The argument with views of its arrays that cannot be written to."""
    if type(argument) is tuple:
        return tuple(map(read_only, argument))
    if type(argument) is np.ndarray:
        argument = argument.view()
        argument.flags.writeable = False
    return argument


def leaves(arguments):
    """The arguments and those in tuples, one after the other."""
    for argument in arguments:
        if type(argument) is tuple:
            yield from leaves(argument)
        else:
            yield argument


def arrays_of(arguments):
    return [leaf for leaf in leaves(arguments) if isinstance(leaf, np.ndarray)]


def signature_of(arguments, name):
    """What a kernel must be compiled for, as text; a TypeError where that cannot be said."""
    return ",".join(_text(argument, name) for argument in arguments)


def _text(argument, name):
    kind = type(argument)
    if kind is tuple:
        return f"({signature_of(argument, name)})"
    if kind is np.ndarray:
        dtype, flags = argument.dtype, argument.flags.num
        if not dtype.isnative or dtype.hasobject or dtype.subdtype:
            raise TypeError(f"{name}: kernels take arrays of numbers in the machine's byte order, got one of {dtype}")
        what = dtype.str if dtype.names is None else repr((dtype.descr, dtype.itemsize, dtype.isalignedstruct))
        access = ("w" if flags & WRITABLE else "r") + ("" if flags & ALIGNED else "u")
        return f"{what}[{argument.ndim}]{order_of(flags)}{access}"
    if kind not in WORDS:
        raise TypeError(f"{name}: kernels take NumPy arrays, numbers and tuples of them, got a {kind.__name__}")
    return kind.__name__


def order_of(flags):
    """How the numbers lie, as Numba writes it: C, F, or A for any other."""
    return "C" if flags & C_ORDER else "F" if flags & F_ORDER else "A"


def expected_flags(array):
    """The flags that an array is compared in, and what they must be.

    What only reads an array takes one that may be written to as well.
    """
    flags = array.flags.num
    order = {"C": C_ORDER, "F": C_ORDER | F_ORDER, "A": C_ORDER | F_ORDER}[order_of(flags)]
    mask = order | ALIGNED | flags & WRITABLE
    return mask, flags & mask


def arrays_are_as_promised():
    """Whether NumPy's arrays lie in memory as this module reads them."""
    array = np.zeros((2, 3), np.float32)[:, 1:]
    if ctypes.sizeof(ctypes.c_void_p) != 8 or type(array).__basicsize__ < FLAGS + 4:
        return False
    words = (ctypes.c_int64 * 7).from_address(id(array) + HEAD)
    data, axes, shape, strides, _, dtype, flags = words
    found = [tuple((ctypes.c_int64 * 2).from_address(at)) for at in (shape, strides)] if axes & 0xFFFF == 2 else []
    seen = data, axes & 0xFFFFFFFF, *found, dtype, flags & 0xFFFFFFFF
    return seen == (array.ctypes.data, 2, array.shape, array.strides, id(array.dtype), array.flags.num)
