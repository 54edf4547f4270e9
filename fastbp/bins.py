"""Which networks are trained together: a bin holds those that may share lanes, or a single one of an engine of its own.

What becomes of a network depends on itself alone; so the bins cannot be seen in its bits.
"""

import collections
import functools
import itertools

from fastbp.lecture import codes
from fastbp.lecture.layout import ACTIVATION

WASTE = 1.25  # networks share lanes with others that take at most so many times their operations
LIMITS = (codes.L1, codes.L2, codes.MAX_NORM, codes.CLIP_NORM, codes.DROPOUT)
ALIKE = (codes.RULE, codes.PER_SAMPLE, codes.EPSILON_HAT)


class Training:
    """A network to be trained: its `Work`, which data it takes, and how far it has come.

    Attributes
    ----------
    index : int
        Its place in the list of networks.
    work : Work
        Or what has its attributes network, theta, settings, moments, rows, validation, epochs and batch_size.
    data : tuple of ndarray
        X and D, checked, of the network's dtype; then the weights of the samples, or None for 1.
    loss, validation_loss : sequence of float
    best_epoch : int or None
    outcome : {"waiting", "finished", "stopped", "diverged", "interrupted"}
    cost : int
        Multiplications of the whole training, about.
    """

    def __init__(self, index, work, data):
        self.index, self.work, self.data = index, work, data
        self.loss, self.validation_loss, self.best_epoch, self.outcome = (), (), None, "waiting"
        self.cost = operations(work.network.sizes) * len(work.rows) * max(1, work.epochs)

    def kind(self):
        """What networks must have in common to share lanes, but for hidden sizes; None if it has no part in that."""
        from fastbp.engine import choice  # here, because it imports Numba

        work, network = self.work, self.work.network
        if not choice.prefers_lanes(network.layers, work.batch_size, network.dtype):
            return None
        return (
            *map(id, self.data[:2]), network.sizes[0], network.sizes[-1], len(network.sizes),
            network.layers[:, ACTIVATION:].tobytes(), work.batch_size, work.moments,
            (work.settings[[*LIMITS]] != 0).tobytes(), work.settings[[*ALIKE]].tobytes(),
        )  # fmt: skip

    def key(self):
        """What makes two trainings of one kind for sure, found faster than that."""
        work, network = self.work, self.work.network
        return (
            id(work.settings), id(self.data[1]), network.sizes, network.hidden, network.output, network.error,
            network.level, work.batch_size, work.moments,
        )  # fmt: skip


@functools.cache
def operations(sizes):
    """Weights of a network of these sizes, and what comes with each unit."""
    return sum(a * b + 4 * b for a, b in itertools.pairwise(sizes))


class Bin:
    """Trainings that share lanes, the widest first; or one that does not."""

    def __init__(self, trainings, shared):
        self.waiting, self.shared, self.workers = collections.deque(trainings), shared, 0
        self.first = trainings[0]
        self.cost = sum(training.cost for training in trainings)
        sizes = {training.work.network.sizes for training in trainings}
        self.sizes = tuple(max(of_layer) for of_layer in zip(*sizes, strict=True))
        self.masked = sizes != {self.sizes}
        self.rows = max(len(t.work.rows) for t in trainings)
        self.validated = max(0 if t.work.validation is None else len(t.work.validation) for t in trainings)


def bins_of(trainings):
    """All trainings, put into bins."""
    from fastbp.engine import plan  # here, because it imports Numba

    kinds, bins, known = collections.defaultdict(list), [], {}
    for training in trainings:
        key = training.key()
        if key not in known:
            known[key] = training.kind()
        if known[key] is None:
            bins.append(Bin([training], shared=False))
        else:
            kinds[known[key]].append(training)
    for alike in kinds.values():
        lanes = plan.lanes_of_dtype(alike[0].work.network.dtype)
        alike.sort(key=lambda training: (-operations(training.work.network.sizes), training.index))
        together = []
        for training in alike:
            if together and len(together) % lanes == 0 and _wasteful(together[0], training):
                bins.append(Bin(together, shared=True))
                together = []
            together.append(training)
        bins.append(Bin(together, shared=True))
    return bins


def _wasteful(widest, training):
    sizes = training.work.network.sizes
    wide = tuple(map(max, zip(widest.work.network.sizes, sizes, strict=True)))
    return operations(wide) > WASTE * operations(sizes)
