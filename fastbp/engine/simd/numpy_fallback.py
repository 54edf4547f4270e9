"""What the other modules of this folder have, in NumPy: for `NUMBA_DISABLE_JIT=1`, where intrinsics cannot run.

A vector is an array of lanes, a tile an array (rows, columns, lanes), a pointer an array and a place in it; reading or
writing beside the array raises IndexError, which is how we know that the compiled code, which checks nothing, does not.
"""

import threading
import time

import numpy as np

from fastbp.engine.simd.shapes import VECTOR_BYTES


class Pointer:
    """A place in a flat array."""

    def __init__(self, array, at):
        self.array, self.at = array, int(at)

    def range(self, offset, n):
        """The n elements `offset` further on."""
        first = self.at + int(offset)
        if not 0 <= first <= first + n <= self.array.size:
            raise IndexError(f"elements {first} to {first + n - 1} of an array of {self.array.size}")
        return self.array[first : first + n]

    def __getitem__(self, i):
        return self.range(i, 1)[0]

    def __setitem__(self, i, value):
        self.range(i, 1)[0] = value


def address(array, at):
    flat = array.reshape(-1)
    if array.size and not np.shares_memory(flat, array):
        raise TypeError("kernels take arrays in C order")
    return Pointer(flat, at)


def moved(pointer, n):
    return Pointer(pointer.array, pointer.at + int(n))


def lanes(pointer):
    return VECTOR_BYTES // pointer.array.itemsize


def load(pointer):
    return pointer.range(0, lanes(pointer)).copy()


def store(pointer, vec):
    pointer.range(0, lanes(pointer))[:] = vec


def load_part(pointer, n):
    vec = np.zeros(lanes(pointer), pointer.array.dtype)
    n = max(0, min(n, vec.size))
    if n:
        vec[:n] = pointer.range(0, n)
    return vec


def ask_for(pointer):
    pass


def spread(pointer, number):
    return np.full(lanes(pointer), number, pointer.array.dtype)


def total(vec):
    while vec.size > 1:
        vec = vec[: vec.size // 2] + vec[vec.size // 2 :]
    return vec[0]


def fma(x, y, z):
    wide = np.float64 if x.dtype == np.float32 else np.longdouble
    return (np.asarray(x, wide) * np.asarray(y, wide) + np.asarray(z, wide)).astype(x.dtype)


def where_less(x, bound, yes, no):
    return np.where(x < bound, yes, no).astype(x.dtype)


def double(x):
    return x.dtype == np.float64


def magnitude(x):
    return np.abs(x)


def with_sign_of(x, sign):
    return np.copysign(x, sign)


def _bits(t):
    return t.view(np.uint32 if t.dtype == np.float32 else np.uint64)


def _as_exponent(bits):
    single = bits.dtype == np.uint32
    return (bits << (23 if single else 52)).view(np.float32 if single else np.float64)


def two_to(t):
    return _as_exponent(_bits(t))


def times_two_to(x, t):
    half = _bits(t) >> 1
    return x * _as_exponent(half) * _as_exponent(_bits(t) - half)


def exponent_of(x):
    return (np.frexp(x)[1] - 1).astype(x.dtype)


def mantissa_of(x):
    return 2 * np.frexp(x)[0]


def tile_rows(shape):
    return shape.rows


def tile_columns(shape):
    return shape.columns


def zeros(shape, pointer):
    return np.zeros((shape.rows, shape.columns, lanes(pointer)), pointer.array.dtype)


def add_outer(tile, rows, a, step, b_row):
    columns, n = tile.shape[1:]
    row = b_row.range(0, columns * n).reshape(columns, n)
    tile = tile.copy()
    for r in range(min(rows, len(tile))):
        tile[r] += a[r * step] * row
    return tile


def add_products(tile, rows, a, a_row, b, b_row, n):
    tile = tile.copy()
    for r in range(min(rows, len(tile))):
        for c in range(tile.shape[1]):
            tile[r, c] += load_part(moved(a, r * a_row), n) * load_part(moved(b, c * b_row), n)
    return tile


def add_totals(tile, factor, p, column):
    n = tile.shape[2]
    for c in range(tile.shape[1]):
        for first in range(0, len(tile), n):
            sums = np.zeros(n, tile.dtype)
            for r, cell in enumerate(tile[first : first + n, c]):
                sums[r] = total(cell)
            cells = p.range(c * column + first, n)
            cells[:] = fma(sums, tile.dtype.type(factor), cells)


def store_tile(tile, rows, p, step, last):
    columns, n = tile.shape[1:]
    for r in range(min(rows, len(tile))):
        width = (columns - 1) * n + min(last, n)
        p.range(r * step, width)[:] = tile[r].reshape(-1)[:width]


def add_to_tile(tile, factor, rows, p, step, last):
    columns, n = tile.shape[1:]
    tile = tile.copy()
    for r in range(min(rows, len(tile))):
        width = (columns - 1) * n + min(last, n)
        cells = tile[r].reshape(-1)
        cells[:width] = fma(cells[:width], tile.dtype.type(factor), p.range(r * step, width))
    return tile


def add_column(tile, rows, p):
    tile = tile.copy()
    for r in range(min(rows, len(tile))):
        tile[r] += p[r]
    return tile


def load_rows(p, index, step, rows, n):
    tile = np.zeros((lanes(p), 1, lanes(p)), p.array.dtype)
    for r in range(min(rows, len(tile))):
        tile[r, 0] = load_part(moved(p, index[r] * step), n)
    return tile


def transposed(tile):
    return np.ascontiguousarray(tile[:, 0, :].T)[:, None, :]


class Lanes(np.ndarray):
    """A number of each network, (L) or for each sample (S, L); a truth value of each is true if any is."""

    def __bool__(self):
        return bool(np.any(np.asarray(self)))

    def __iadd__(self, other):  # a number is not changed in place; and it may become one for each sample
        return self + other

    def __isub__(self, other):
        return self - other

    def __imul__(self, other):
        return self * other

    def __itruediv__(self, other):
        return self / other


class Sums(Lanes):
    """A number of each network, to which samples are added one after the other."""

    def __add__(self, samples):
        total = np.asarray(self)
        for sample in np.asarray(samples).reshape(-1, self.size):
            total = (total + sample).astype(self.dtype)
        return total

    __iadd__ = __add__


class LaneType:
    """What `dtype` of an array of vectors is."""

    def __init__(self, dtype):
        self.number = dtype

    def type(self, value):
        return np.asarray(value, self.number).view(Lanes)


class LaneArray:
    """An array whose last axes are those of an element: what is read from it is a copy, as from an array of numbers."""

    def __init__(self, array, axes=1, element=Lanes):
        self.array, self.axes, self.element, self.dtype = array, axes, element, LaneType(array.dtype)
        self.shape = array.shape[: array.ndim - axes]
        self.size = int(np.prod(self.shape))

    def __getitem__(self, index):
        part = self.array[index]
        if isinstance(index, slice):
            return LaneArray(part, self.axes, self.element)
        return part.copy().view(self.element)

    def __setitem__(self, index, value):
        self.array[index] = value

    def reshape(self, *shape):
        return LaneArray(self.array.reshape(*shape, *self.array.shape[-self.axes :]), self.axes, self.element)


def lanes_of(array):
    return LaneArray(array)


def samples_of(array, shape):
    return LaneArray(array, 2)


def sums_of(lanes):
    return LaneArray(lanes.array, 1, Sums)


def pairs_of(array, like):
    return LaneArray(array)


def atomic_add(pointer, value):
    with _ONE_AT_A_TIME:
        before = int(pointer[0])
        pointer[0] = before + value
        return before


def atomic_load(pointer):
    return int(pointer[0])


def atomic_store(pointer, value):
    pointer[0] = value


def atomic_replace(pointer, expected, value):
    with _ONE_AT_A_TIME:
        same = int(pointer[0]) == expected
        if same:
            pointer[0] = value
        return same


def nap():
    time.sleep(0)


def pause():
    pass


_ONE_AT_A_TIME = threading.Lock()
