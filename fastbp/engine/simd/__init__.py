"""The vocabulary of the kernels: vectors, register tiles, arrays of lanes, atomics; in LLVM, or uncompiled in NumPy."""
