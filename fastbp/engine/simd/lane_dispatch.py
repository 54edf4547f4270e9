"""Arrays of vectors for the kernels: LLVM's, or NumPy's where nothing is compiled."""

import numba

if numba.config.DISABLE_JIT:
    from fastbp.engine.simd.numpy_fallback import lanes_of, pairs_of, samples_of, sums_of
else:
    from fastbp.engine.simd.lane_arrays import lanes_of, pairs_of, samples_of, sums_of

__all__ = ["lanes_of", "pairs_of", "samples_of", "sums_of"]
