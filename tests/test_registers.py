"""Vectors, tiles and pointers: LLVM's and NumPy's do the same, and neither touches what lies beside."""

import ctypes
import functools
import inspect
import mmap
import re
import sys
from pathlib import Path
from types import FunctionType

import numpy as np
import pytest

from fastbp.compiler.jit import jit
from fastbp.engine.simd import dispatch as r
from fastbp.engine.simd import numpy_fallback as standins
from fastbp.engine.simd.shapes import FOUR, ONE, THREE, TWO, VECTOR_BYTES
from tests.cases import DTYPES, UNCOMPILED

SHAPES = {"one": ONE, "two": TWO, "three": THREE, "four": FOUR}
GUARD = -77.0
dtypes = pytest.mark.parametrize("dtype", DTYPES)
shapes = pytest.mark.parametrize("shape", SHAPES)


def lanes_of(dtype):
    return VECTOR_BYTES // np.dtype(dtype).itemsize


def partial(dtype):
    """Numbers of lanes that count: none, some, nearly all, all."""
    return sorted({0, 1, lanes_of(dtype) // 2, lanes_of(dtype) - 1, lanes_of(dtype)})


def numbers(n, dtype, seed=0):
    """Small whole numbers: however a sum of products is rounded, it is the same."""
    return np.random.default_rng(seed).integers(-9, 10, n).astype(dtype)


compiled_once = functools.cache(jit)


def twice(kernel, *arguments):
    """(result, arguments) after the kernel ran as it is and with the stand-ins: the same bits. Arrays are copied."""
    compiled = compiled_once(kernel)
    stood_in = FunctionType(kernel.__code__, {"r": standins, **SHAPES_BY_NAME})
    found = []
    for version in (compiled, stood_in):
        copies = [a.copy() if isinstance(a, np.ndarray) else a for a in arguments]
        with np.errstate(all="ignore"):
            found.append((version(*copies), copies))
    assert found[0][0] == found[1][0]
    for one, other in zip(found[0][1], found[1][1], strict=True):
        np.testing.assert_array_equal(one, other)
        np.testing.assert_array_equal(np.signbit(one), np.signbit(other))
    return found[0]


SHAPES_BY_NAME = {"ONE": ONE, "TWO": TWO, "THREE": THREE, "FOUR": FOUR}


def test_every_register_function_has_a_stand_in_and_a_test():
    names = {name for name in vars(r) if name[0] != "_" and name != "numba"}
    assert all(inspect.isfunction(getattr(standins, name)) for name in names)
    if not UNCOMPILED:
        assert all(getattr(r, name) is not getattr(standins, name) for name in names)
    tests = "".join(path.read_text() for path in Path(__file__).parent.glob("test_register*.py"))
    assert names == set(re.findall(r"\br\.(\w+)\(", tests))


# ---- Pointers and vectors --------------------------------------------------------------------------------------------


def copy_vectors(x, at, n, y):
    for v in range(n):
        p = r.moved(r.address(x, at), v * r.lanes(r.address(x, 0)))
        r.ask_for(r.moved(p, 10**6))  # beside the array: it does nothing to what is computed
        r.store(r.moved(r.address(y, 0), at + v * r.lanes(p)), r.load(p))
    return r.lanes(r.address(x, 0))


@dtypes
@pytest.mark.parametrize("at", [0, 1, 5])
def test_vectors_lie_anywhere(at, dtype):
    L = lanes_of(dtype)
    x = numbers(4 * L + 5, dtype)
    result, (_, _, _, y) = twice(copy_vectors, x, at, 3, np.full(4 * L + 5, GUARD, dtype))
    assert result == L
    np.testing.assert_array_equal(y[at : at + 3 * L], x[at : at + 3 * L])
    assert (np.delete(y, range(at, at + 3 * L)) == GUARD).all()


def element(x, i, value):
    p = r.address(x, 1)
    p[i] = p[i] + value
    return p[i]


@dtypes
def test_elements_of_pointers_and_of_matrices(dtype):
    x = np.arange(12, dtype=dtype).reshape(3, 4)
    result, (x, _, _) = twice(element, x, 6, 0.5)
    assert result == x[1, 3] == 7.5


def load_first(x, at, n, y):
    r.store(r.address(y, 0), r.load_part(r.address(x, at), n))


@dtypes
def test_part_of_a_vector_is_loaded_and_the_rest_is_zero(dtype):
    L = lanes_of(dtype)
    x = numbers(L + 3, dtype) + 20
    for n in partial(dtype):
        y = twice(load_first, x, 3, n, np.full(L, GUARD, dtype))[1][-1]
        np.testing.assert_array_equal(y, [*x[3 : 3 + n], *np.zeros(L - n)])


@pytest.mark.skipif(UNCOMPILED or sys.platform != "linux", reason="asks the kernel of Linux for a forbidden page")
@dtypes
def test_a_part_at_the_end_of_memory_reads_and_writes_no_further(dtype):
    """The page behind the array may not be touched: one that does ends the process."""
    page, memory = mmap.PAGESIZE, mmap.mmap(-1, 2 * mmap.PAGESIZE)
    whole = np.frombuffer(memory, np.uint8)
    libc = ctypes.CDLL(None, use_errno=True)
    behind = ctypes.c_void_p(whole.ctypes.data + page)
    assert libc.mprotect(behind, page, 0) == 0
    try:
        x, L = whole[:page].view(dtype), lanes_of(dtype)
        load_some, store_some, rows = jit(load_first), jit(store_part), jit(fill_rows)
        y, tile = np.full(L, GUARD, dtype), np.zeros(L * L, dtype)
        for n in range(L):
            x[:] = numbers(x.size, dtype)
            load_some(x, x.size - n, n, y)
            np.testing.assert_array_equal(y, [*x[x.size - n :], *np.zeros(L - n)])
            store_some(y + 1, n, x, x.size - n)
            np.testing.assert_array_equal(x[x.size - n :], y[:n] + 1)
            rows(x, x.size - n, np.zeros(1, int), 1, 1, n, tile)
            np.testing.assert_array_equal(tile[:n], x[x.size - n :])
    finally:
        assert libc.mprotect(behind, page, mmap.PROT_READ | mmap.PROT_WRITE) == 0


def arithmetic(x, y, z, out):
    a, b, c = r.load(r.address(x, 0)), r.load(r.address(y, 0)), r.load(r.address(z, 0))
    n, at = r.lanes(r.address(x, 0)), r.address(out, 0)
    r.store(at, a + b)
    r.store(r.moved(at, n), a - b)
    r.store(r.moved(at, 2 * n), a * b)
    r.store(r.moved(at, 3 * n), a / c)
    r.store(r.moved(at, 4 * n), -a)
    r.store(r.moved(at, 5 * n), (a + 3) * 0.5 - 1 / c)
    r.store(r.moved(at, 6 * n), r.fma(a, b, c))
    r.store(r.moved(at, 7 * n), r.fma(a, 2.0, 0.25))
    r.store(r.moved(at, 8 * n), r.where_less(a, b, c, -a))
    r.store(r.moved(at, 9 * n), r.where_less(a, 0.0, 1.0, a))
    r.store(r.moved(at, 10 * n), r.magnitude(a))
    r.store(r.moved(at, 11 * n), r.with_sign_of(c, b))
    r.store(r.moved(at, 12 * n), r.spread(at, x[1]))
    r.store(r.moved(at, 13 * n), a + b + c - b - c)
    return r.total(a), r.double(a)


@dtypes
def test_arithmetic_of_vectors(dtype):
    L = lanes_of(dtype)
    a, b = numbers(L, dtype), numbers(L, dtype, 1)
    a[0], b[0] = -0.0, 0.0
    c = np.abs(numbers(L, dtype, 2)) + 1
    (sum_of_lanes, is_double), (*_, out) = twice(arithmetic, a, b, c, np.zeros(14 * L, dtype))
    one = np.dtype(dtype).type(1)
    expected = [
        *(a + b, a - b, a * b, a / c, -a, (a + 3) * one / 2 - one / c, a * b + c, 2 * a + one / 4),
        *(np.where(a < b, c, -a), np.where(a < 0, 1, a), np.abs(a), np.where(np.signbit(b), -c, c)),
        *(np.full(L, a[1]), a + b + c - b - c),
    ]
    np.testing.assert_array_equal(out.reshape(14, L), np.array(expected, dtype))
    np.testing.assert_array_equal(np.signbit(out.reshape(14, L)), np.signbit(np.array(expected, dtype)))
    assert sum_of_lanes == a.sum()
    assert is_double == (dtype == "float64")


def rounded(x, big, out):
    r.store(r.address(out, 0), (r.load(r.address(x, 0)) + big) - big)
    return r.total(r.load(r.address(x, 0)))


@dtypes
def test_sums_keep_the_order_in_which_they_are_written(dtype):
    """x + 2^p - 2^p is x to a whole number; the sum of lanes goes by halves."""
    L, rng = lanes_of(dtype), np.random.default_rng(4)
    x = (rng.normal(size=L) * 10.0 ** rng.integers(-3, 4, L)).astype(dtype)
    big = 1.5 * 2.0 ** np.finfo(dtype).nmant
    out = twice(rounded, x, big, np.zeros(L, dtype))[1][-1]
    np.testing.assert_array_equal(out, np.rint(x))


def compared(x, out):
    a = r.load(r.address(x, 0))
    r.store(r.address(out, 0), r.where_less(a, 1.0, 2.0, a))


@dtypes
def test_nan_is_less_than_nothing(dtype):
    x = np.full(lanes_of(dtype), np.nan, dtype)
    x[::2] = -np.inf
    out = twice(compared, x, np.zeros_like(x))[1][-1]
    np.testing.assert_array_equal(out, np.where(np.isnan(x), np.nan, 2))


def powers(n, x, m, beyond, biased, bias, out):
    """Beside 1.5 * 2^mantissa a whole number stands in the lowest bits; `biased` is that and the bias of exponents."""
    L = r.lanes(r.address(n, 0))
    for at in range(0, n.size, L):
        number, t = r.load(r.address(x, at)), r.load(r.address(beyond, at)) + biased + bias
        r.store(r.address(out, at), r.two_to(r.load(r.address(n, at)) + biased))
        r.store(r.address(out, n.size + at), r.exponent_of(number))
        r.store(r.address(out, 2 * n.size + at), r.mantissa_of(number))
        r.store(r.address(out, 3 * n.size + at), r.times_two_to(r.load(r.address(m, at)), t))


@dtypes
def test_powers_of_two_and_the_parts_of_numbers(dtype):
    """Every exponent of a normal number; steps of two also beside them, to 0 and to infinity."""
    info = np.finfo(dtype)
    bias = float(info.maxexp - 1)
    n = np.arange(info.minexp, info.maxexp)
    n = np.append(n, np.zeros(-n.size % 16, int))
    beyond = np.linspace(info.minexp - info.nmant - 3, info.maxexp + 3, n.size).astype(int)
    m = 1 + np.random.default_rng(0).random(n.size).astype(dtype) * (1 - info.eps)
    m[::3], m[1::3] = 1, 2 - info.eps
    x = np.ldexp(m, n)
    given = n.astype(dtype), x, m, beyond.astype(dtype), 1.5 * 2.0**info.nmant + bias, bias
    out = twice(powers, *given, np.zeros(4 * n.size, dtype))[1][-1].reshape(4, -1)
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(out, [np.ldexp(1.0, n), n, m, np.ldexp(m, beyond)])


# ---- Tiles -----------------------------------------------------------------------------------------------------------


def outer(shape, rows, K, a, step, b, out, out_row, last):
    tile = r.zeros(shape, r.address(out, 0))
    for k in range(K):
        p = r.moved(r.address(a, 0), k)
        tile = r.add_outer(tile, rows, p, step, r.moved(r.address(b, 0), k * r.tile_columns(shape) * r.lanes(p)))
    r.store_tile(tile, rows, r.moved(r.address(out, 0), 5), out_row, last)
    return r.tile_rows(shape) * 100 + r.tile_columns(shape)


def for_shape(kernel, shape):
    """The same kernel with one of the global shapes in the place of its first argument: shapes are types to Numba."""
    source = inspect.getsource(kernel).replace(f"def {kernel.__name__}(shape, ", f"def {kernel.__name__}(")
    namespace = dict(globals())
    exec(source.replace("shape", shape.upper()), namespace)
    return namespace[kernel.__name__]


@dtypes
@shapes
def test_outer_products_of_every_height_and_width(shape, dtype):
    """sum_k a_rk b_kc for as many rows as are asked for; nothing is written beside them."""
    kernel, (height, columns), L = for_shape(outer, shape), SHAPES[shape], lanes_of(dtype)
    K, step, row = 3, 7, columns * L + 2
    b = numbers(K * columns * L, dtype, 1)
    for rows in range(1, height + 1):
        a = numbers((rows - 1) * step + K, dtype)
        for last in {0, 1, L - 1, L, 1 + rows % L}:
            width = (columns - 1) * L + last
            out = np.full(5 + height * row + L, GUARD, dtype)
            result, arguments = twice(kernel, rows, K, a, step, b, out, row, last)
            expected = np.full_like(out, GUARD)
            place = expected[5 : 5 + height * row].reshape(height, row)
            A = np.array([a[m * step : m * step + K] for m in range(rows)])
            place[:rows, :width] = (A @ b.reshape(K, -1))[:, :width]
            np.testing.assert_array_equal(arguments[-3], expected)
            assert result == 100 * height + columns


def sums(shape, rows, p, at, step, last, column, factor, out):
    tile = r.zeros(shape, r.address(out, 0))
    tile = r.add_column(tile, rows, r.address(column, 0))
    tile = r.add_to_tile(tile, factor, rows, r.address(p, at), step, last)
    r.store_tile(tile, rows, r.address(out, 0), r.tile_columns(shape) * r.lanes(r.address(out, 0)), last)


@dtypes
@shapes
def test_sums_begin_with_what_is_there_and_with_a_column(shape, dtype):
    """p - column / 2: p ends with the last number that counts, the column with the last row."""
    kernel, (height, columns), L = for_shape(sums, shape), SHAPES[shape], lanes_of(dtype)
    step = columns * L + 3
    for rows in range(1, height + 1):
        for last in {0, 1, L - 1, L}:
            width = (columns - 1) * L + last
            p, column = numbers(4 + (rows - 1) * step + width, dtype) + 20, numbers(rows, dtype, 1)
            out = twice(kernel, rows, p, 4, step, last, column, -0.5, np.full(height * columns * L, GUARD, dtype))[1][
                -1
            ]
            expected = np.full((height, columns * L), GUARD, dtype)
            for m in range(rows):
                expected[m, :width] = -0.5 * column[m] + p[4 + m * step : 4 + m * step + width]
            np.testing.assert_array_equal(out.reshape(height, -1), expected)


def fill_rows(p, at, index, step, rows, n, out):
    tile = r.load_rows(r.address(p, at), r.address(index, 0), step, rows, n)
    r.store_tile(tile, r.lanes(r.address(p, 0)), r.address(out, 0), r.lanes(r.address(p, 0)), r.lanes(r.address(p, 0)))


@dtypes
def test_rows_are_gathered(dtype):
    """No more of the index and of the rows is read than counts."""
    L = lanes_of(dtype)
    for rows in partial(dtype)[1:]:
        for n in partial(dtype):
            index = np.random.default_rng(n).permutation(2 * L)[:rows]
            p = numbers(2 + index.max() * (n + 1) + n, dtype) + 20
            out = twice(fill_rows, p, 2, index, n + 1, rows, n, np.full(L * L, GUARD, dtype))[1][-1]
            expected = np.zeros((L, L), dtype)
            expected[:rows, :n] = [p[2 + i * (n + 1) : 2 + i * (n + 1) + n] for i in index]
            np.testing.assert_array_equal(out.reshape(L, L), expected)


def transpose(x, index, out):
    L = r.lanes(r.address(x, 0))
    tile = r.transposed(r.load_rows(r.address(x, 0), r.address(index, 0), L, L, L))
    r.store_tile(tile, L, r.address(out, 0), L, L)


@dtypes
def test_transposed_squares(dtype):
    L = lanes_of(dtype)
    x = np.arange(L * L, dtype=dtype)
    out = twice(transpose, x, np.arange(L), np.zeros_like(x))[1][-1]
    np.testing.assert_array_equal(out.reshape(L, L), x.reshape(L, L).T)


# ---- What threads need, and what the stand-ins check -----------------------------------------------------------------


def counted(counter, n):
    before = r.atomic_add(r.address(counter, 1), n)
    r.pause()
    r.nap()
    found = r.atomic_load(r.address(counter, 1))
    replaced = r.atomic_replace(r.address(counter, 0), 1, 4), r.atomic_replace(r.address(counter, 0), 1, 5)
    r.atomic_store(r.address(counter, 2), before + found)
    return before, found, replaced


def test_words_that_threads_share():
    (before, found, replaced), (counter, _) = twice(counted, np.array([1, 5, 9]), 3)
    assert (before, found, tuple(map(bool, replaced))) == (5, 8, (True, False))
    assert counter.tolist() == [4, 8, 13]


def store_part(x, n, y, at):
    tile = r.zeros(ONE, r.address(y, 0))
    tile = r.add_to_tile(tile, 1.0, 1, r.address(x, 0), 1, n)
    r.store_tile(tile, 1, r.address(y, at), 1, n)


BESIDE = {
    "before": lambda p: p.range(-3, 2),
    "load": lambda p: standins.load(standins.moved(p, 1)),
    "load_part": lambda p: standins.load_part(p, p.array.size - 1),
    "store": lambda p: standins.store(standins.moved(p, 1), p.array),
    "element": lambda p: p[p.array.size - 2],
    "element set": lambda p: p.__setitem__(-3, 1.0),
    "store_tile": lambda p: standins.store_tile(standins.zeros(ONE, p), 2, p, 1, 16),
    "add_to_tile": lambda p: standins.add_to_tile(standins.zeros(ONE, p), 1.0, 2, p, 1, 16),
    "add_column": lambda p: standins.add_column(standins.zeros(ONE, p), ONE.rows, standins.moved(p, 1)),
    "add_outer, row": lambda p: standins.add_outer(standins.zeros(ONE, p), 1, p, 1, p),
    "add_outer, column": lambda p: standins.add_outer(
        standins.zeros(ONE, p), 2, p, p.array.size, standins.address(p.array, 0)
    ),
    "load_rows": lambda p: standins.load_rows(p, standins.address(np.array([0, 1]), 0), 1, 2, p.array.size),
    "load_rows, index": lambda p: standins.load_rows(p, standins.address(np.array([0]), 0), 1, 2, 1),
}


@pytest.mark.parametrize("what", BESIDE)
def test_stand_ins_touch_nothing_beside_the_array(what):
    """A vector of one register, and a pointer to its third number."""
    x = np.zeros(lanes_of("float64"))
    with pytest.raises(IndexError, match=r"elements -?\d+ to -?\d+ of an array of \d+"):
        BESIDE[what](standins.address(x, 2))
    assert not x.any()


def test_arrays_that_do_not_lie_in_c_order_are_refused():
    problem = TypeError if UNCOMPILED else Exception
    with pytest.raises(problem, match="C order"):
        jit(element)(np.zeros((4, 4)).T[1:], 0, 1.0)
