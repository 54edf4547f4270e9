"""Tiles whose sums run along the vectors: compiled and in NumPy, for every height and width."""

import numpy as np
import pytest

from fastbp.engine.simd import dispatch as r
from fastbp.engine.simd import numpy_fallback as standins
from tests.test_registers import GUARD, SHAPES, dtypes, for_shape, lanes_of, numbers, shapes, twice

FACTOR = 0.5


def along(shape, rows, K, a, a_row, b, b_row, factor, out, out_step):
    tile, L = r.zeros(shape, r.address(out, 0)), r.lanes(r.address(out, 0))
    for k in range(0, K, L):
        tile = r.add_products(tile, rows, r.moved(r.address(a, 0), k), a_row, r.moved(r.address(b, 0), k), b_row, K - k)
    r.add_totals(tile, factor, r.address(out, 1), out_step)


@dtypes
@shapes
def test_sums_along_vectors_of_every_height_and_width(shape, dtype):
    """out_rc += sum_k a_rk b_ck / 2. Both operands end with the last number that counts."""
    (height, columns), L = SHAPES[shape], lanes_of(dtype)
    kernel, step = for_shape(along, shape), -(-height // L) * L + 2
    for rows in range(1, height + 1):
        for K in sorted({1, L - 1, L, L + 1, 3 * L} - {0}):
            a, b = numbers((rows - 1) * (K + 3) + K, dtype), numbers((columns - 1) * (K + 2) + K, dtype, 1)
            out = np.full(1 + columns * step, GUARD, dtype)
            found = twice(kernel, rows, K, a, K + 3, b, K + 2, FACTOR, out, step)[1][-2]
            expected = out.copy()
            for c in range(columns):
                for m in range(rows):
                    expected[1 + c * step + m] += FACTOR * (a[m * (K + 3) :][:K] @ b[c * (K + 2) :][:K])
            np.testing.assert_array_equal(found, expected)


@dtypes
def test_lanes_are_summed_by_halves(dtype):
    """The order of `total`, in which large numbers leave nothing of small ones."""
    L = lanes_of(dtype)
    a, b = np.ones(L, dtype), np.ones(L, dtype)
    a[0], a[L // 2] = 1e30, -1e30
    out = np.zeros(1 + max(16, L) + 2, dtype)
    found = twice(for_shape(along, "one"), 1, L, a, L, b, L, FACTOR, out, 1)[1][-2]
    assert found[1] == FACTOR * (L - 2)


BESIDE = {
    "add_products, a": lambda p: standins.add_products(standins.zeros(SHAPES["one"], p), 2, p, 1, p, 1, p.array.size),
    "add_totals": lambda p: standins.add_totals(standins.zeros(SHAPES["one"], p), 1.0, p, 1),
}


@pytest.mark.parametrize("what", BESIDE)
def test_stand_ins_touch_nothing_beside_the_array(what):
    x = np.zeros(lanes_of("float64"))
    with pytest.raises(IndexError, match=r"elements -?\d+ to -?\d+ of an array of \d+"):
        BESIDE[what](standins.address(x, 2))
