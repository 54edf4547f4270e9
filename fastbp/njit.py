"""Networks inside functions that you compile yourself with `numba.njit`: no allocation, no Python.

    import numba
    from fastbp.njit import compiled, predict

    @numba.njit(cache=True)
    def steps(net, x, y, n):  # x moves on by y, the outputs of the network
        for _ in range(n):
            predict(net, x, y)
            for i in range(x.size):
                x[i] += 0.1 * y[i]

    steps(compiled(network), x, y, 100)

The functions are the loops of the lecture. Called from Python they work, too, as slowly as any call. Rows that are
made for a call, `predict(net, X[i], y)`, cost some nanoseconds each, since Numba counts who refers to an array.
Numba's own cache (`cache=True`) looks at your file alone: after an update of fastbp, delete it.
"""

from typing import NamedTuple

import numpy as np

from fastbp import validation
from fastbp.engine.inside import jacobian, learn, predict
from fastbp.lecture.layout import unit_count
from fastbp.network import Network

__all__ = ["CompiledNetwork", "compiled", "jacobian", "learn", "predict"]

MOST_UNITS = 6_000  # whose values, five of each in double precision, take a small part of any thread's stack


class CompiledNetwork(NamedTuple):
    """What `compiled` returns: hand it to functions that call `predict`, `learn` and `jacobian`.

    Attributes
    ----------
    theta : ndarray of shape (P,)
        The parameters of the network, which they stay.
    layers : structured ndarray
        The table of its layers.
    gradient : ndarray of shape (P,)
        What `learn` needs.

    Examples
    --------
    >>> import fastbp
    >>> net = fastbp.compiled(fastbp.Network((2, 3, 1), output="identity"))
    >>> net.theta.shape
    (13,)
    """

    theta: np.ndarray
    layers: np.ndarray
    gradient: np.ndarray


def compiled(network):
    """A network as an argument of functions that are compiled by `numba.njit`.

    Parameters
    ----------
    network : Network
        Its parameters are shared, not copied: what `learn` or `train` change is seen by both.

    Returns
    -------
    CompiledNetwork
        For `fastbp.njit.predict`, `learn` and `jacobian`. It may be predicted with by several threads at once; `learn`
        is for one at a time.

    Raises
    ------
    TypeError, ValueError
        If it is no Network, or has more than 6,000 units.

    Examples
    --------
    >>> import fastbp, numpy as np
    >>> from fastbp.njit import learn, predict
    >>> network = fastbp.Network((1, 1), output="identity", dtype="float64")
    >>> net, y = fastbp.compiled(network), np.empty(1)
    >>> for _ in range(500):  # from Python, here; in a function of yours with @numba.njit it takes a thousandth
    ...     for x in (np.array([0.0]), np.array([1.0])):
    ...         E = learn(net, x, 3 * x + 1, 0.1)
    >>> predict(net, np.array([2.0]), y)
    >>> y.round(3)
    array([7.])
    """
    validation.instance("network", network, Network)
    units = unit_count(network.layers)
    if units > MOST_UNITS:
        raise ValueError(f"network must have at most {MOST_UNITS:,} units for compiled code, got {units:,}")
    return CompiledNetwork(network.theta, network.layers, np.zeros_like(network.theta))
