"""The loop over register tiles (`product` in engine/tiles/layers.py) against BLAS, and against the peak of the core.

out = a b with the shapes of a layer: a are weights, b a panel of 1 to 4 vectors of samples. The tiles run as in an
epoch, many products in one compiled call; np.dot as in the matrix version, one call from Python for each. The peak is a
loop over a tile that reads nothing but registers.
"""

import functools

import numpy as np
import pytest

from benchmarks.cases import assert_same
from benchmarks.peers.peak import peak_gflops
from fastbp.compiler.jit import jit
from fastbp.engine.simd.dispatch import address
from fastbp.engine.simd.shapes import VECTOR_BYTES
from fastbp.engine.tiles.layers import FROM_ZERO, NEXT, product

SHAPES = [(10, 64), (64, 64), (100, 784)]  # receiving and sending units
WIDTHS = [1, 2, 3, 4]
FLOPS = 1e8  # of a round of the tiles: about a millisecond

pytestmark = pytest.mark.benchmark(disable_gc=True, min_time=1e-3, max_time=0.06, min_rounds=10)
peak = functools.cache(peak_gflops)


@jit
def products(columns, a, b, out, times):
    """out_mn = sum_k a_mk b_kn, so many times."""
    M, K, N = a.shape[0], a.shape[1], b.shape[1]
    of_a, of_b, to = address(a, 0), address(b, 0), address(out, 0)
    for _ in range(times):
        product(columns, M, K, (of_a, K, NEXT), (of_b, N), (FROM_ZERO, to, NEXT, 1.0), (to, N), N // columns)


def dot(columns, a, b, out, times):
    for _ in range(times):
        np.dot(a, b, out)


VERSIONS = {"tiles": products, "dot": dot}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("columns", WIDTHS)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: f"{shape[0]}x{shape[1]}")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_tiles(benchmark, dtype, shape, columns, version):
    (M, K), N = shape, columns * VECTOR_BYTES // np.dtype(dtype).itemsize
    rng = np.random.default_rng(4)
    a, b = rng.uniform(0, 1, (M, K)).astype(dtype), rng.uniform(0, 1, (K, N)).astype(dtype)
    found = {name: np.full((M, N), np.nan, dtype) for name in VERSIONS}
    for name, function in VERSIONS.items():
        function(columns, a, b, found[name], 1)  # compiles, too
    assert_same(dtype, [found["tiles"]], [found["dot"]])

    flops, times = 2 * M * K * N, int(FLOPS / (2 * M * K * N))
    benchmark.group = f"product {M}x{K}x{N} {dtype}"
    benchmark.extra_info.update(what="tiles", version=version, dtype=dtype, shape=[M, K], columns=columns)
    benchmark.extra_info.update(gflop=flops * times / 1e9, peak=peak(dtype))
    benchmark(VERSIONS[version], columns, a, b, found[version], times)
