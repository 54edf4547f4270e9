"""The FMA peak of one core: a loop over a register tile that reads nothing from memory."""

import time
from functools import lru_cache

import numpy as np

SECONDS = 0.02


def peak_gflops(dtype):
    """GFLOP/s of one core in `dtype`, the best of three loops of some 20 ms."""
    kernel, rows, vectors, vector_bytes = _kernel()
    flops = 2 * rows * vectors * vector_bytes // np.dtype(dtype).itemsize  # of a turn
    a, b, out = (np.zeros(rows * vector_bytes, dtype) for _ in range(3))
    kernel(a, b, out, 1)  # compiles

    def seconds(turns):
        begin = time.perf_counter()
        kernel(a, b, out, turns)
        return time.perf_counter() - begin

    turns = 1000
    while seconds(turns) < SECONDS / 2:
        turns *= 2
    return turns * flops / min(seconds(turns) for _ in range(3)) / 1e9


@lru_cache
def _kernel():
    """All rows of a tile take the same number times the same vectors: both stay in registers, as the tile does."""
    import numba

    from fastbp.engine.simd.dispatch import add_outer, address, store_tile, zeros
    from fastbp.engine.simd.shapes import TWO, VECTOR_BYTES

    rows = TWO.rows

    @numba.njit(nogil=True, error_model="numpy")
    def multiply_and_add(a, b, out, turns):
        tile = zeros(TWO, address(out, 0))
        for _ in range(turns):
            tile = add_outer(tile, rows, address(a, 0), 0, address(b, 0))
        store_tile(tile, rows, address(out, 0), 1, 1)

    return multiply_and_add, rows, TWO.columns, VECTOR_BYTES
