"""The outputs of several networks as one."""

import numpy as np

from fastbp.network import outputs


def mean_outputs(networks, X):
    """The mean of the outputs of networks, taken in double precision (rows, outputs); X as in `outputs`."""
    if len(networks) == 1:
        return outputs(networks[0], X)
    total = np.zeros((len(X), networks[0].sizes[-1]))
    for network in networks:
        total += outputs(network, X)
    return (total / len(networks)).astype(networks[0].dtype)
