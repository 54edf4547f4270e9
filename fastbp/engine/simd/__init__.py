"""The vocabulary of the kernels: vectors, register tiles, arrays of lanes and atomics as LLVM's, or NumPy's uncompiled."""
