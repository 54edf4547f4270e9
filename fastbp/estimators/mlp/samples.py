"""Samples as the kernels want them: dense ones where they lie, of sparse ones what a CSR matrix stores."""

import numpy as np
import scipy.sparse

from fastbp.engine.evaluation import sparse_outputs
from fastbp.network import outputs as dense_outputs
from fastbp.training.label_smoothing import smoothed
from fastbp.training.runner import EpochRunner
from fastbp.training.sparse_runner import SparseRunner


def frozen(array, dtype):
    """A read-only view in C order: kernels are compiled for such. Copied only where that takes a copy."""
    if array.dtype != dtype or not array.flags.carray:
        array = np.require(array, dtype, ["C", "A"])
    view = array.view(np.ndarray)  # of a memory map, too
    view.flags.writeable = False
    return view


def sorted_once(X):
    """X; if it is sparse, in CSR form, the inputs of a sample in order and each of them once. X itself stays as it is.

    What is stored twice counts as the sum, as for SciPy.
    """
    if scipy.sparse.issparse(X):
        X = X.tocsr()
        if not X.has_canonical_format:
            X = X.copy()
            X.sum_duplicates()
    return X


def stored(X, dtype):
    """What a CSR matrix stores, read-only: where samples start, the number of an input, its value."""
    return frozen(X.indptr, np.int64), frozen(X.indices, np.int32), frozen(X.data, dtype)


class Samples:
    """X (samples, inputs), dense, or sparse as `sorted_once` has it; targets D (samples, outputs), smoothed; weights of
    the samples."""

    def __init__(self, X, D, weight, dtype, label_smoothing=0.0):
        self.sparse = scipy.sparse.issparse(X)
        self.X = stored(X, dtype) if self.sparse else frozen(X, dtype)
        self.D = smoothed(frozen(D, dtype), label_smoothing)
        self.weight = frozen(np.ones(len(D), dtype) if weight is None else weight, dtype)

    def runner(self, theta, layers, batch_size, settings, moments, threads, theta_stays):
        """What makes steps over these samples: arguments as in `SparseRunner`."""
        if not self.sparse:
            return EpochRunner(theta, layers, batch_size, settings, moments, threads=threads)
        of_batch = len(self.X[2]) / len(self.D) * batch_size
        return SparseRunner(theta, layers, batch_size, settings, moments, threads, of_batch, theta_stays)


def outputs(network, X):
    """The outputs of checked samples, dense in C order or sparse as `sorted_once` has them."""
    if scipy.sparse.issparse(X):
        return sparse_outputs(network.theta, network.layers, stored(X, network.dtype))
    return dense_outputs(network, frozen(X, network.dtype))
