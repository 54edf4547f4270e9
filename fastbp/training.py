"""Training: epochs over samples. Checks its input, allocates, and keeps the history; an epoch is one compiled call."""

import time
from dataclasses import dataclass, field

import numpy as np

from fastbp import door
from fastbp.epochs import VERSIONS, Epochs
from fastbp.lecture import codes
from fastbp.network import Network
from fastbp.optimizers import SGD, Optimizer
from fastbp.rates import real_number


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


def train(
    network, X, D, *, epochs=10, batch_size=32, optimizer=SGD(0.1), l1=0.0, l2=0.0, max_norm=None, clip_norm=None,
    dropout=0.0, sample_weight=None, shuffle=True, seed=0, threads=None, version="engine",
):  # fmt: skip
    """Train a network in place.

    Parameters
    ----------
    network : Network
    X : array-like of real numbers, shape (N, network.sizes[0])
        Samples. A matrix of the network's dtype in C order is used where it lies (a memory map too), any other is
        copied once.
    D : array-like of real numbers, shape (N, network.sizes[-1])
        Teacher signal. For softmax each row sums to 1; for softmax and sigmoid it lies in 0..1; for the Poisson error
        it is at least 0.
    epochs : int
        Passes over all samples, at least 0.
    batch_size : int
        Samples a step, at least 1. The last batch of an epoch may be smaller.
    optimizer : Optimizer
        The update rule with its learning rate, a number or a schedule. Its memory starts at 0 with each call.
    l1, l2 : float
        Penalties l1 sum |w| + l2/2 sum w^2 on the weights (not the biases) of each step. `History.loss` is without.
    max_norm : float or None
        After each step the weights that lead to a unit are scaled down to this norm, if theirs is larger.
    clip_norm : float or None
        The gradient of a step is scaled down to this norm, if its own is larger.
    dropout : float
        Probability, 0 or more and below 1, that a hidden unit is left out of a step; what stays is scaled up.
    sample_weight : array-like of shape (N,), or None
        Weights of the samples, at least 0: weight k gives the gradient of k copies, weight 0 that of none.
    shuffle : bool
        Draw a new order of the samples for each epoch.
    seed : int
        Seed of these orders and of dropout. The same seed gives the same bits, whatever the number of threads.
    threads : int or None
        Threads that share each epoch; None: as many as pay, at most the cores that the process may use.
    version : {"engine", "tiles", "loops", "matrix"}
        "engine" takes the faster of "tiles" (register tiles over a mini-batch) and "loops" (the lecture's index loops,
        a sample at a time); "matrix" is the lecture as matrix products by NumPy, which serves as their check.

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
    D = door.targets(D, len(X), network.output, network.error, network.sizes[-1], network.dtype)
    weight = door.sample_weights(sample_weight, len(X), network.dtype)
    epochs = door.whole_number("epochs", epochs, 0)
    batch_size = min(door.whole_number("batch_size", batch_size, 1), len(X))
    door.instance("optimizer", optimizer, Optimizer)
    if not hasattr(optimizer.learning_rate, "rates"):
        door.positive_number("learning_rate", optimizer.learning_rate, network.dtype)
    seed = door.whole_number("seed", seed, 0)
    shuffle = door.flag("shuffle", shuffle)
    version = door.choice("version", version, VERSIONS)
    settings = _settings(optimizer, l1, l2, max_norm, clip_norm, dropout, seed)
    if settings[codes.DROPOUT] and version in ("loops", "matrix"):
        raise ValueError(f"dropout must be 0 for version={version!r}, got {dropout}: only the engine's tiles have it")
    if threads is not None:
        threads = door.whole_number("threads", threads, 1)
    theta = door.trainable(network.theta)
    moments = np.zeros((optimizer.moments, theta.size), network.dtype)
    rng = np.random.default_rng(seed) if shuffle else None
    with Epochs(theta, network.layers, batch_size, settings, moments, version, threads) as run:
        return _train(run, theta, (X, D, weight), epochs, -(-len(X) // batch_size), optimizer, rng)


def _settings(optimizer, l1, l2, max_norm, clip_norm, dropout, seed):
    """The vector that kernels read (columns in codes.py)."""
    settings = optimizer.settings()
    for column, name, value in ((codes.L1, "l1", l1), (codes.L2, "l2", l2)):
        settings[column] = real_number(name, value, lambda x: 0 <= x < np.inf, "at least 0 and finite")
    for column, name, value in ((codes.MAX_NORM, "max_norm", max_norm), (codes.CLIP_NORM, "clip_norm", clip_norm)):
        settings[column] = 0 if value is None else door.positive_number(name, value)
    settings[codes.DROPOUT] = real_number("dropout", dropout, lambda x: 0 <= x < 1, "at least 0 and below 1")
    settings[codes.SEED] = seed % 2**53  # a whole number that a float holds
    return settings


def _train(run, theta, data, epochs, steps, optimizer, rng):
    samples = len(data[0])
    history, order, before, report = History(), np.arange(samples), np.empty_like(theta), np.empty((steps, 2))
    for epoch in range(1, epochs + 1):
        if rng:
            order = rng.permutation(samples)
        first_step = (epoch - 1) * steps
        rates = optimizer.rates(first_step, steps, epochs * steps)
        np.copyto(before, theta)
        begin = time.perf_counter()
        try:
            loss = run.run(*data, order, rates, first_step, report)
            if not (np.isfinite(loss) and np.isfinite(theta).all()):
                raise Diverged(epoch, optimizer, history)
        except BaseException:  # Ctrl-C too leaves the last whole epoch
            np.copyto(theta, before)
            raise
        history.loss.append(loss)
        history.seconds.append(time.perf_counter() - begin)
    return history
