"""Samples as the kernels want them: dense ones where they lie, sparse ones a few mini-batches at a time."""

import numpy as np
import scipy.sparse

from fastbp.network import outputs as dense_outputs

CHUNK_BYTES = 1 << 24  # of sparse samples that are dense at once


def frozen(array, dtype):
    """A read-only view in C order: kernels are compiled for such. Copied only where that takes a copy."""
    if array.dtype != dtype or not array.flags.carray:
        array = np.require(array, dtype, ["C", "A"])
    view = array.view(np.ndarray)  # of a memory map, too
    view.flags.writeable = False
    return view


def dense_chunk(X, rows, dtype):
    """Rows of a CSR matrix as a dense read-only matrix."""
    return frozen(X[rows].toarray(), dtype)


class Samples:
    """X (samples, inputs), dense or sparse; targets D (samples, outputs); weights of the samples."""

    def __init__(self, X, D, weight, dtype):
        self.sparse = scipy.sparse.issparse(X)
        self.X = X.tocsr() if self.sparse else frozen(X, dtype)
        self.D, self.weight = frozen(D, dtype), frozen(np.ones(len(D), dtype) if weight is None else weight, dtype)
        self._dtype = dtype

    def run(self, runner, order, batch_size, rates, first_step, report, between=None):
        """An epoch of steps over `order` (see `EpochRunner.run`)."""
        if not self.sparse:
            runner.run(self.X, self.D, self.weight, order, rates, first_step, report, between)
            return
        of_batch = batch_size * self.X.shape[1] * self._dtype.itemsize
        batches = max(1, CHUNK_BYTES // of_batch)
        for b in range(0, len(rates), batches):
            if between and b:
                between()
            part, rows = slice(b, b + batches), order[b * batch_size : (b + batches) * batch_size]
            x, d, weight = dense_chunk(self.X, rows, self._dtype), self.D[rows], self.weight[rows]
            d, weight = frozen(d, self._dtype), frozen(weight, self._dtype)
            runner.run(x, d, weight, np.arange(len(rows)), rates[part], first_step + b, report[part], between)


def outputs(network, X):
    """The outputs of checked samples, dense in C order or sparse."""
    if not scipy.sparse.issparse(X):
        return dense_outputs(network, frozen(X, network.dtype))
    X, Y = X.tocsr(), np.empty((X.shape[0], network.sizes[-1]), network.dtype)
    some = max(1, CHUNK_BYTES // (X.shape[1] * network.dtype.itemsize))
    for start in range(0, len(Y), some):
        part = slice(start, start + some)
        Y[part] = dense_outputs(network, dense_chunk(X, part, network.dtype))
    return Y
