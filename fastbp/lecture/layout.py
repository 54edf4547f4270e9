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
    ("trained_at", np.int64),  # where the weights lie that the rule changes: `weights_at`, or see `with_diagonal`
    ("weights_rate", np.float64), ("biases_rate", np.float64), ("diagonal_rate", np.float64),  # times the learning rate
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
        row["weights_at"] = row["trained_at"] = parameters
        row["biases_at"], row["units_at"] = biases_at, units
        parameters, units = biases_at + receiving, units + receiving
    layers["activation"] = activations
    layers["weights_rate"] = layers["biases_rate"] = layers["diagonal_rate"] = 1
    layers["error"][-1], layers["level"][-1] = error, round(level * 2**32) / 2**32  # as always: seeds keep their bits
    layers.flags.writeable = False
    return layers


def layers_above(layers):
    """The table of the network above the first layer's weights: it has no inputs, and theta begins with the biases."""
    above, first = layers.copy(), layers["biases_at"][0]
    for name in ("sending", "weights_at", "biases_at", "trained_at"):
        above[name][0] = 0
    for name in ("weights_at", "biases_at", "trained_at"):
        above[name][1:] -= first
    above.flags.writeable = False
    return above


def with_rates(layers, factors):
    """The table of a network whose weights and biases learn at rates of their own: `factors` (layers, 2) of them."""
    rated = layers.copy()
    rated["weights_rate"], rated["biases_rate"] = np.transpose(factors)
    rated.flags.writeable = False
    return rated


def rated(layers, factors, diagonal):
    """The table for a training: with rates of their own, and with a diagonal; None for neither."""
    layers = layers if factors is None else with_rates(layers, factors)
    return layers if diagonal is None else with_diagonal(layers, diagonal)


def rated_parts(layers):
    """(place, length, rate) of the parameters that learn together, if some learn at a rate of their own; else none."""
    rates = layers[["weights_rate", "biases_rate", "diagonal_rate"]].tolist()
    if all(of_layer == (1, 1, 1) for of_layer in rates):
        return []
    parts = []
    for row, (of_weights, of_biases, _) in zip(layers, rates, strict=True):
        parts.append((row["trained_at"].item(), (row["sending"] * row["receiving"]).item(), of_weights))
        parts.append((row["biases_at"].item(), row["receiving"].item(), of_biases))
    if has_diagonal(layers):
        parts.append((parameters_of(layers), layers["sending"].item(0), rates[0][2]))
    return parts


# ---- A trained diagonal ----------------------------------------------------------------------------------------------
# While it is trained, u_j = sum_i w_ji f_i x_i + b_j of the first layer is that of weights v_ji = w_ji f_i: they stand
# behind all others, so that passes read v where else they read w. The parameters are then theta, f (i), v (j, i).


def with_diagonal(layers, rate):
    """The table of a network with the diagonal f, which learns with `rate` times the learning rate."""
    wide = layers.copy()
    wide["weights_at"][0] = parameters_of(layers) + layers["sending"][0]
    wide["diagonal_rate"][0] = rate
    wide.flags.writeable = False
    return wide


def has_diagonal(layers):
    """Whether it is such a table."""
    return bool(layers["weights_at"][0] != layers["trained_at"][0])


def parameters_of(layers):
    """The length of `theta`, without a diagonal and what comes with it."""
    return (layers["biases_at"][-1] + layers["receiving"][-1]).item()


def trained_count(layers):
    """How many parameters the rule changes, from the first on: those, and the diagonal if there is one."""
    return parameters_of(layers) + (layers["sending"].item(0) if has_diagonal(layers) else 0)


def wide_count(layers):
    """The length of `theta` with a diagonal: what is trained, and the weights of the first layer a second time."""
    return trained_count(layers) + layers["receiving"].item(0) * layers["sending"].item(0)


def goes_on(theta, layers, wide):
    """Whether `wide` (p') has come to the first weights of theta (p): then its factors can be trained on.

    In a new memory, or one that has been cleared, the factors are 0.
    """
    at = layers["weights_at"].item(0)
    return bool(wide[theta.size : at].any()) and np.array_equal(wide[at:], theta[: wide.size - at])


def widen(theta, layers, wide):
    """Goes on with the factors, or begins with 1. theta (p), layers: of the network with the diagonal -> wide (p')"""
    at = layers["weights_at"].item(0)
    first = wide.size - at
    if not goes_on(theta, layers, wide):
        wide[:first], wide[theta.size : at], wide[at:] = theta[:first], 1, theta[:first]
    wide[first : theta.size] = theta[first:]


def narrow(wide, layers, theta):
    """The network without: its first weights are w_ji f_i. wide (p') -> theta (p)"""
    at = layers["weights_at"].item(0)
    theta[:] = wide[: theta.size]
    theta[: wide.size - at] = wide[at:]


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
    return _matrices(theta, layers[["sending", "receiving", "weights_at"]])


def trained_weights(theta, layers):
    """The matrices that the rule changes: those, but for the first layer below which there is a diagonal."""
    return _matrices(theta, layers[["sending", "receiving", "trained_at"]])


def _matrices(theta, table):
    return [theta[at : at + i * j].reshape(j, i) for i, j, at in table.tolist()]


def biases(theta, layers):
    """The vectors B of `theta`, one a weight layer, each (receiving,): views."""
    return [theta[at : at + receiving] for _, receiving, _, at, *_ in layers.tolist()]


def as_rows(*arrays):
    """Arrays of a mini-batch, (s, ...): one sample is a mini-batch of one."""
    return arrays if arrays[0].ndim == 2 else tuple(array[None] for array in arrays)
