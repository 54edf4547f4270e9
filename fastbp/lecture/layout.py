"""How a network lies in memory: one table that both versions of the lecture read.

The parameters of all layers are one flat vector `theta`: w of the first weight layer in C order (a row for each
receiving unit), its b, w of the second, and so on. The values of all units (u, y, delta, ...) are flat vectors too,
layer after layer, without the input layer. A row of the table `layers` says where a weight layer lies in them.
"""

import itertools

import numpy as np

LAYER = np.dtype([
    ("sending", np.int64), ("receiving", np.int64),  # numbers of units
    ("weights_at", np.int64), ("biases_at", np.int64), ("units_at", np.int64),  # places in the flat vectors
    ("activation", np.int64),  # its code
    ("error", np.int64), ("level", np.float64),  # in the last row: code of the error; its threshold, quantile or limit
])  # fmt: skip

# The rows of the scratch matrix of a pass: u, y, dE/dy, h'(u) and delta of all units.
SCRATCH_ROWS = 5


def layer_table(sizes, activations, error, level=0.0):
    """The table `layers` of a network, of shape (len(sizes) - 1,) and dtype LAYER, read-only: kernels trust it.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer, the input layer first.
    activations : sequence of int
        Codes of the activations of the weight layers, the output's last.
    error : int
        Code of the error.
    level : float
        Threshold of the Huber error, level of the quantile error, or limit of a cross-entropy (0 for none); rounded to
        a multiple of 2**-32.
    """
    layers = np.zeros(len(sizes) - 1, LAYER)
    parameters = units = 0
    for row, (sending, receiving) in zip(layers, itertools.pairwise(sizes), strict=True):
        biases_at = parameters + sending * receiving
        row["sending"], row["receiving"] = sending, receiving
        row["weights_at"], row["biases_at"], row["units_at"] = parameters, biases_at, units
        parameters, units = biases_at + receiving, units + receiving
    layers["activation"] = activations
    layers["error"][-1], layers["level"][-1] = error, round(level * 2**32) / 2**32  # as always: seeds keep their bits
    layers.flags.writeable = False
    return layers


def layers_above(layers):
    """The table of the network above the first layer's weights: it has no inputs, and theta begins with the biases."""
    above, first = layers.copy(), layers["biases_at"][0]
    above["sending"][0] = above["biases_at"][0] = 0
    for name in ("weights_at", "biases_at"):
        above[name][1:] -= first
    above.flags.writeable = False
    return above


def parameter_count(sizes):
    """The length of `theta`, from the sizes: what no memory holds does not fit into the integers of a table either."""
    return sum((sending + 1) * receiving for sending, receiving in itertools.pairwise(sizes))


def weight_counts(layers):
    """The number of weights of each weight layer, (layers,)."""
    return layers["sending"] * layers["receiving"]


def unit_count(layers):
    """The number of units without the input layer."""
    return layers["units_at"].item(-1) + layers["receiving"].item(-1)


def scratch_for(layers, samples, dtype):
    """What a pass over `samples` samples needs beside its arguments: an empty matrix with rows u, y, dy, dh, delta.

    The matrix version fills it; the loops go sample by sample and use the first `unit_count(layers)` columns.
    """
    return np.empty((SCRATCH_ROWS, samples * unit_count(layers)), dtype)


def weights(theta, layers):
    """The matrices W of `theta`, one a weight layer, each (receiving, sending): views."""
    return [theta[at:end].reshape(receiving, sending) for sending, receiving, at, end, *_ in layers.tolist()]


def biases(theta, layers):
    """The vectors B of `theta`, one a weight layer, each (receiving,): views."""
    return [theta[at : at + receiving] for _, receiving, _, at, *_ in layers.tolist()]


def as_rows(*arrays):
    """Arrays of a mini-batch, (s, ...): one sample is a mini-batch of one."""
    return arrays if arrays[0].ndim == 2 else tuple(array[None] for array in arrays)
