"""Training: epochs over samples. Checks its input, allocates, and keeps the history; an epoch is one compiled call."""

import importlib
import time
from dataclasses import dataclass, field

import numpy as np

from fastbp import door
from fastbp.lecture.layout import scratch_for
from fastbp.network import Network
from fastbp.optimizers import SGD

VERSIONS = ("loops", "matrix")


@dataclass
class History:
    """What happened in a training: one entry an epoch.

    Attributes
    ----------
    loss : list of float
        Mean error of a sample, each taken just before the step that its mini-batch makes.
    seconds : list of float
        Wall-clock time of each epoch; the first one holds the compilation, if there was one.

    Examples
    --------
    >>> import fastbp
    >>> history = fastbp.train(fastbp.Network((1, 1), output="identity"), [[1.0]], [[1.0]], epochs=3)
    >>> len(history.loss), history.loss[0] > history.loss[2]
    (3, True)
    """

    loss: list = field(default_factory=list)
    seconds: list = field(default_factory=list)


class Diverged(FloatingPointError):
    """The error or a parameter is no longer finite. The network has the parameters of the last finite epoch.

    Attributes
    ----------
    epoch : int
        The epoch that failed; the first one is 1.
    history : History
        The epochs before it.

    Examples
    --------
    >>> import fastbp
    >>> network = fastbp.Network((1, 1), output="identity")
    >>> try:
    ...     fastbp.train(network, [[100.0]], [[1.0]], epochs=100, optimizer=fastbp.SGD(10.0))
    ... except fastbp.Diverged as problem:
    ...     print(problem.epoch == len(problem.history.loss) + 1)
    True
    """

    def __init__(self, epoch, optimizer, history):
        super().__init__(epoch, optimizer, history)
        self.epoch, self.optimizer, self.history = epoch, optimizer, history

    def __str__(self):
        kept = f"those of epoch {self.epoch - 1}" if self.epoch > 1 else "those from before the training"
        return (
            f"training diverged in epoch {self.epoch} with {self.optimizer}: the error or a parameter is no longer "
            f"finite. Lower the learning rate, or scale X (and D, for output='identity') to about -1..1. "
            f"The network's parameters are {kept}."
        )


def train(network, X, D, *, epochs=10, batch_size=32, optimizer=SGD(0.1), shuffle=True, seed=0, version="loops"):
    """Train a network in place.

    Parameters
    ----------
    network : Network
    X : array-like of real numbers, shape (N, network.sizes[0])
        Samples. A matrix of the network's dtype in C order is used where it lies, any other is copied once.
    D : array-like of real numbers, shape (N, network.sizes[-1])
        Teacher signal. For softmax each row sums to 1; for softmax and sigmoid it lies in 0..1.
    epochs : int
        Passes over all samples, at least 0.
    batch_size : int
        Samples a step, at least 1. The last batch of an epoch may be smaller.
    optimizer : SGD
        The update rule.
    shuffle : bool
        Draw a new order of the samples for each epoch.
    seed : int
        Seed of these orders. The same seed gives the same bits.
    version : {"loops", "matrix"}
        The lecture's index loops, compiled by Numba, or its matrix products by NumPy, which serve as their check.

    Returns
    -------
    History

    Raises
    ------
    TypeError, ValueError
        Naming the argument, what came and what was expected. The network is as it was.
    Diverged
        If the error or a parameter is no longer finite. The network has the parameters of the last finite epoch.

    Examples
    --------
    >>> import fastbp
    >>> xor = fastbp.Network((2, 8, 2), seed=1)
    >>> X, labels = [[0, 0], [0, 1], [1, 0], [1, 1]], [0, 1, 1, 0]
    >>> history = fastbp.train(xor, X, np.eye(2)[labels], epochs=500, batch_size=4, optimizer=fastbp.SGD(0.5))
    >>> xor.predict(X).argmax(axis=1)
    array([0, 1, 1, 0])
    """
    door.instance("network", network, Network)
    X = door.real_matrix("X", X, network.sizes[0], network.dtype)
    D = door.targets(D, len(X), network.output, network.sizes[-1], network.dtype)
    epochs = door.whole_number("epochs", epochs, 0)
    batch_size = min(door.whole_number("batch_size", batch_size, 1), len(X))
    door.instance("optimizer", optimizer, SGD)
    shuffle = door.flag("shuffle", shuffle)
    rng = np.random.default_rng(door.whole_number("seed", seed, 0))
    kernels = importlib.import_module(f"fastbp.lecture.{door.choice('version', version, VERSIONS)}")
    rate = door.positive_number("learning_rate", optimizer.learning_rate, network.dtype)
    theta = door.trainable(network.theta)

    layers, history = network.layers, History()
    samples_at_once = 1 if version == "loops" else batch_size
    scratch, dtheta = scratch_for(layers, samples_at_once, network.dtype), np.empty_like(theta)
    order, before = np.arange(len(X)), np.empty_like(theta)
    for epoch in range(1, epochs + 1):
        if shuffle:
            order = rng.permutation(len(X))
        np.copyto(before, theta)
        begin = time.perf_counter()
        try:
            with np.errstate(all="ignore"):  # a training that diverges is reported below, once
                loss = kernels.epoch(theta, layers, X, D, order, batch_size, rate, scratch, dtheta)
            if not (np.isfinite(loss) and np.isfinite(theta).all()):
                raise Diverged(epoch, optimizer, history)
        except BaseException:  # Ctrl-C too leaves the last whole epoch
            np.copyto(theta, before)
            raise
        history.loss.append(loss)
        history.seconds.append(time.perf_counter() - begin)
    return history
