"""How a network lies in memory: one table of integers that both versions of the lecture read.

The parameters of all layers are one flat vector `theta`: w of the first weight layer in C order (a row for each
receiving unit), its b, w of the second, and so on. The values of all units (u, y, delta, ...) are flat vectors too,
layer after layer, without the input layer. Row l of the table `layers` says where weight layer l lies in them.
"""

import itertools

import numpy as np

# The columns of `layers`: numbers of sending and receiving units, places of w, b and units, code of the activation;
# in the last row also the code of the error and its level (the threshold of Huber's, the level of the quantile), an
# integer in units of LEVEL_UNIT because the table holds integers.
SENDING, RECEIVING, WEIGHTS_AT, BIASES_AT, UNITS_AT, ACTIVATION, ERROR, LEVEL = range(8)
LEVEL_UNIT = 2.0**-32

# The rows of the scratch matrix of a pass: u, y, dE/dy, h'(u) and delta of all units.
SCRATCH_ROWS = 5


def layer_table(sizes, hidden, output, error, level=0.0):
    """The table `layers` of a network, int64 of shape (len(sizes) - 1, 8), read-only: kernels trust it.

    Parameters
    ----------
    sizes : sequence of int
        Units of each layer, the input layer first.
    hidden : sequence of int
        Codes of the activations of the hidden layers, one for each.
    output, error : int
        Codes of the activation of the output layer and of the error.
    level : float
        Threshold of the Huber error, or level of the quantile error.
    """
    layers = np.zeros((len(sizes) - 1, 8), np.int64)
    parameters = units = 0
    for layer, (sending, receiving) in enumerate(itertools.pairwise(sizes)):
        biases_at = parameters + sending * receiving
        layers[layer, :ACTIVATION] = sending, receiving, parameters, biases_at, units
        parameters, units = biases_at + receiving, units + receiving
    layers[:, ACTIVATION] = *hidden, output
    layers[-1, ERROR], layers[-1, LEVEL] = error, round(level / LEVEL_UNIT)
    layers.flags.writeable = False
    return layers


def parameter_count(sizes):
    """The length of `theta`, from the sizes: what no memory holds does not fit into the integers of a table either."""
    return sum((sending + 1) * receiving for sending, receiving in itertools.pairwise(sizes))


def unit_count(layers):
    """The number of units without the input layer."""
    return int(layers[-1, UNITS_AT] + layers[-1, RECEIVING])


def scratch_for(layers, samples, dtype):
    """What a pass over `samples` samples needs beside its arguments: an empty matrix with rows u, y, dy, dh, delta.

    The matrix version fills it; the loops go sample by sample and use the first `unit_count(layers)` columns.
    """
    return np.empty((SCRATCH_ROWS, samples * unit_count(layers)), dtype)


def weights(theta, layers):
    """The matrices W of `theta`, one a weight layer, each (receiving, sending): views."""
    return [theta[row[WEIGHTS_AT] : row[BIASES_AT]].reshape(row[RECEIVING], row[SENDING]) for row in layers.tolist()]


def biases(theta, layers):
    """The vectors B of `theta`, one a weight layer, each (receiving,): views."""
    return [theta[row[BIASES_AT] : row[BIASES_AT] + row[RECEIVING]] for row in layers.tolist()]
