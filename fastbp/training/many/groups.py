"""Which networks are trained together: a group holds those that may share lanes, or one with an engine of its own.

What becomes of a network depends on itself alone; so the groups cannot be seen in its bits.
"""

import collections
import functools
import itertools

from fastbp.lecture import codes

WASTE = 1.25  # networks share lanes with others that take at most so many times their operations
LIMITS = (codes.L1, codes.L2, codes.MAX_NORM, codes.CLIP_NORM, codes.DROPOUT)
ALIKE = (codes.RULE, codes.PER_SAMPLE, codes.EPSILON_HAT)


class Job:
    """A network to be trained: its `TrainingConfiguration`, which data it takes, and how far it has come.

    Attributes
    ----------
    index : int
        Its place in the list of networks.
    how : TrainingConfiguration
        Or what has its attributes network, theta, layers, settings, moments, rows, validation_rows, epochs,
        batch_size.
    data : tuple of ndarray
        X and D, checked, of the network's dtype; then the weights of the samples, or None for 1.
    unsmoothed : ndarray
        The targets of the validation: D before label smoothing.
    loss, validation_loss : sequence of float
    best_epoch : int or None
    outcome : {"waiting", "finished", "stopped", "diverged", "interrupted"}
    cost : int
        Multiplications of the whole training, about.
    """

    def __init__(self, index, how, data, unsmoothed=None):
        self.index, self.how, self.data = index, how, data
        self.unsmoothed = data[1] if unsmoothed is None else unsmoothed
        self.loss, self.validation_loss, self.best_epoch, self.outcome = (), (), None, "waiting"
        self.cost = operations(how.network.sizes) * len(how.rows) * max(1, how.epochs)

    def kind(self):
        """What networks must have in common to share lanes, but for hidden sizes; None if it has no part in that."""
        from fastbp.engine import heuristics  # here: whoever does not train need not wait for it

        how, network = self.how, self.how.network
        if how.layers is not network.layers or how.settings[codes.RULE] == codes.NO_STEP:  # lanes know one rate
            return None
        if not heuristics.prefers_lanes(network.layers, how.batch_size, network.dtype):
            return None
        return (
            *map(id, self.data[:2]), network.sizes[0], network.sizes[-1], len(network.sizes),
            tuple(network.activations), network.loss, network._level, how.batch_size, how.moments,
            (how.settings[[*LIMITS]] != 0).tobytes(), how.settings[[*ALIKE]].tobytes(),
        )  # fmt: skip

    def key(self):
        """What makes two jobs of one kind for sure, found faster than that."""
        how, network = self.how, self.how.network
        return (
            id(how.settings), id(self.data[1]), network.sizes, network.activation, network.output, network.loss,
            network._level, how.batch_size, how.moments, how.layers is network.layers,
        )  # fmt: skip


@functools.cache
def operations(sizes):
    """Weights of a network of these sizes, and what comes with each unit."""
    return sum(a * b + 4 * b for a, b in itertools.pairwise(sizes))


class Group:
    """Trainings that share lanes, the widest first; or one that does not."""

    def __init__(self, jobs, shared):
        self.waiting, self.shared, self.threads = collections.deque(jobs), shared, 0
        self.first = jobs[0]
        self.cost = sum(job.cost for job in jobs)
        sizes = {job.how.network.sizes for job in jobs}
        self.sizes = tuple(max(of_layer) for of_layer in zip(*sizes, strict=True))
        self.masked = sizes != {self.sizes}
        self.rows = max(len(t.how.rows) for t in jobs)
        self.validated = max(0 if t.how.validation_rows is None else len(t.how.validation_rows) for t in jobs)


def grouped(jobs):
    """All jobs, put into groups."""
    from fastbp.engine import workspace  # here: whoever does not train need not wait for it

    kinds, groups, known = collections.defaultdict(list), [], {}
    for job in jobs:
        key = job.key()
        if key not in known:
            known[key] = job.kind()
        if known[key] is None:
            groups.append(Group([job], shared=False))
        else:
            kinds[known[key]].append(job)
    for alike in kinds.values():
        lanes = workspace.lanes_of_dtype(alike[0].how.network.dtype)
        alike.sort(key=lambda job: (-operations(job.how.network.sizes), job.index))
        together = []
        for job in alike:
            if together and len(together) % lanes == 0 and _wasteful(together[0], job):
                groups.append(Group(together, shared=True))
                together = []
            together.append(job)
        groups.append(Group(together, shared=True))
    return groups


def _wasteful(widest, job):
    sizes = job.how.network.sizes
    wide = tuple(map(max, zip(widest.how.network.sizes, sizes, strict=True)))
    return operations(wide) > WASTE * operations(sizes)
