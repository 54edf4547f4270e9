"""Many trainings at once: which networks share lanes, and threads that take one bin of them after the other.

A bin is a list of trainings of one kind: those that may share lanes, or a single one that has an engine of its own.
What becomes of a network depends on itself alone; so neither the bins nor the threads, nor the order in which networks
move into free lanes, can be seen in its bits.
"""

import collections
import itertools
import threading

import numpy as np

from fastbp.lecture import codes
from fastbp.lecture.layout import ACTIVATION, layer_table
from fastbp.training import Diverged, Visits, Watch, train_alone

SLOTS = 256  # networks that a thread trains at a time: as many as make the time between two epochs small
ROWS_OF_SLOTS = 1 << 22  # and not more than have so many rows to visit
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
    data : tuple of ndarray
        X and D, checked, of the network's dtype; then the weights of the samples, or None for 1.
    loss, validation_loss : list of float
    epochs_done, best_epoch : int or None
    outcome : {"waiting", "finished", "stopped", "diverged", "interrupted"}
    """

    def __init__(self, index, work, data):
        self.index, self.work, self.data = index, work, data
        self.loss, self.validation_loss, self.best_epoch, self.outcome = [], [], None, "waiting"

    @property
    def cost(self):
        """Multiplications of the whole training, about."""
        return operations(self.work.network.sizes) * len(self.work.rows) * max(1, self.work.epochs)

    def kind(self):
        """What networks must have in common to share lanes, the sizes of hidden layers apart."""
        work, network = self.work, self.work.network
        limits = tuple(bool(work.settings[column]) for column in LIMITS)
        return (
            id(self.data[0]), id(self.data[1]), network.sizes[0], network.sizes[-1], len(network.sizes),
            tuple(network.layers[:, ACTIVATION:].ravel().tolist()), work.batch_size, limits,
            tuple(work.settings[list(ALIKE)].tolist()), work.optimizer.moments,
        )  # fmt: skip


def operations(sizes):
    """Weights of a network of these sizes, and what comes with each unit."""
    return sum(a * b + 4 * b for a, b in itertools.pairwise(sizes))


class Bin:
    """Trainings that share lanes, the widest first; or one that does not."""

    def __init__(self, trainings, shared):
        self.waiting, self.shared, self.workers = collections.deque(trainings), shared, 0
        self.cost = sum(training.cost for training in trainings)
        self.sizes = tuple(max(of_layer) for of_layer in zip(*(t.work.network.sizes for t in trainings), strict=True))
        self.masked = any(t.work.network.sizes != self.sizes for t in trainings)
        self.rows = max(len(t.work.rows) for t in trainings)
        self.validated = max(0 if t.work.validation is None else len(t.work.validation) for t in trainings)


def bins_of(trainings):
    """All trainings, put into bins."""
    from fastbp.engine import choice, plan  # here, because they import Numba

    kinds, bins = collections.defaultdict(list), []
    for training in trainings:
        work = training.work
        if choice.prefers_lanes(work.network.layers, work.batch_size, work.network.dtype):
            kinds[training.kind()].append(training)
        else:
            bins.append(Bin([training], shared=False))
    for alike in kinds.values():
        lanes = plan.lanes_of_dtype(alike[0].work.network.dtype)
        alike.sort(key=lambda training: (operations(training.work.network.sizes), -training.index), reverse=True)
        together = []
        for training in alike:
            sizes = [t.work.network.sizes for t in (*together[:1], training)]
            wide = operations(tuple(map(max, zip(*sizes, strict=True))))
            if len(together) % lanes == 0 and together and wide > WASTE * operations(sizes[-1]):
                bins.append(Bin(together, shared=True))
                together = []
            together.append(training)
        bins.append(Bin(together, shared=True))
    return bins


class Crew:
    """Threads that train what is in the bins, the costliest first."""

    def __init__(self, trainings, threads):
        self._bins, self._lock = bins_of(trainings), threading.Lock()
        self._threads, self.done, self.stopping, self.problem = threads, 0, threading.Event(), None
        self.finished = threading.Event()

    def run(self, wait):
        """Trains; `wait(crew)` is called again and again meanwhile, and ends the training by an exception or True."""
        workers = [threading.Thread(target=self._work, daemon=True) for _ in range(self._threads)]
        for worker in workers:
            worker.start()
        try:
            while any(worker.is_alive() for worker in workers):
                if wait(self):
                    break
        finally:
            self.stopping.set()
            for worker in workers:
                worker.join()
        if self.problem:
            raise self.problem

    def _work(self):
        try:
            with np.errstate(all="ignore"):
                while not self.stopping.is_set():
                    taken = self._next_bin()
                    if taken is None:
                        break
                    (LanesOfBin if taken.shared else Alone)(self, taken).run()
                    with self._lock:
                        taken.workers -= 1
        except BaseException as problem:
            self.problem = problem
            self.stopping.set()
        self.finished.set()

    def _next_bin(self):
        with self._lock:
            open_bins = [bin for bin in self._bins if bin.waiting]
            if not open_bins:
                return None
            best = max(open_bins, key=lambda bin: bin.cost / (bin.workers + 1))
            best.workers += 1
            return best

    def take(self, bin):
        """The next training of a bin; None if there is none, or if it is time to stop."""
        with self._lock:
            if not bin.waiting or self.stopping.is_set():
                return None
            training = bin.waiting.popleft()
            bin.cost -= training.cost
            return training

    def slots_for(self, bin):
        """How many networks a thread takes at a time."""
        with self._lock:
            return max(1, min(SLOTS, ROWS_OF_SLOTS // bin.rows, -(-len(bin.waiting) // self._threads)))

    def ends(self, training, outcome):
        """A training has ended."""
        training.outcome = outcome
        with self._lock:
            self.done += outcome != "interrupted"


class Alone:
    """A training by an engine of its own."""

    def __init__(self, crew, bin):
        self._crew, self._bin = crew, bin

    def run(self):
        training = self._crew.take(self._bin)
        if training is None:
            return
        work, outcome = training.work, "finished"
        X, D, weight = training.data
        weight = np.ones(len(X), X.dtype) if weight is None else weight
        try:
            history = train_alone(work, X, D, weight, 1, goes_on=lambda: not self._crew.stopping.is_set())
        except Diverged as problem:
            history, outcome = problem.history, "diverged"
        training.loss, training.validation_loss = history.loss, history.validation_loss
        training.best_epoch = history.best_epoch
        if outcome == "finished" and len(history.loss) < work.epochs:
            outcome = "interrupted" if self._crew.stopping.is_set() else "stopped"
        self._crew.ends(training, outcome)


class LanesOfBin:
    """The slots of one thread, and the networks of a bin that pass through them."""

    def __init__(self, crew, bin):
        from fastbp.engine import many

        first = bin.waiting[0] if bin.waiting else None
        self._crew, self._bin, self._block = crew, bin, None
        if first is None:
            return
        work, self._many = first.work, many
        layers = layer_table(bin.sizes, [0] * (len(bin.sizes) - 2), 0, 0).copy()
        layers[:, ACTIVATION:] = work.network.layers[:, ACTIVATION:]
        dtype = work.network.dtype
        self._block = block = many.Block(
            layers, dtype, crew.slots_for(bin), bin.rows, work.batch_size, work.optimizer.moments, work.settings,
            bin.masked,
        )  # fmt: skip
        n = block.slots
        self._trainings, self._visits, self._places = [None] * n, [None] * n, [None] * n
        self._kept = many.shaped(block.theta.shape, dtype)
        self._vrows = many.shaped((*block.counts.shape[:1], bin.validated, block.lanes), np.int64)
        self._vcounts = many.shaped(block.counts.shape, np.int64)
        self._epoch, self._whole, self._streams = np.zeros(n, int), np.ones(n), {}
        self._watch, self._weights = Watch(None, 0.0, n), many.Weights(first.data[0])
        self._watch.patience, self._watch.tol = np.full(n, np.inf), np.zeros(n)

    def run(self):
        if self._block is None:
            return
        slots = range(self._block.slots)
        for slot in slots:
            self._fill(slot)
        while any(training is not None for training in self._trainings):
            self._one_epoch()
            if self._crew.stopping.is_set():
                for slot in slots:
                    if self._trainings[slot] is not None:
                        self._end(slot, "interrupted")

    def _fill(self, slot):
        """The next network that waits moves into a slot; those without epochs have nothing to do there."""
        while (training := self._crew.take(self._bin)) is not None:
            if training.work.epochs > 0:
                break
            self._crew.ends(training, "finished")
        self._trainings[slot] = training
        if training is None:
            return
        work, block = training.work, self._block
        self._places[slot] = self._many.places_in(work.network.sizes, self._bin.sizes)
        weight = -1 if training.data[2] is None else self._weights.number(training.data[2])
        block.enter(slot, work.theta, self._places[slot], work.network.sizes[1:-1], work.settings, weight)
        block.of_slot(block.counts, slot)[...] = len(work.rows)
        block.of_slot(block.rows, slot)[len(work.rows) :] = 0
        block.of_slot(self._kept, slot)[...] = block.of_slot(block.theta, slot)
        block.of_slot(self._vcounts, slot)[...] = 0
        if work.validation is not None:
            block.of_slot(self._vrows, slot)[: len(work.validation)] = work.validation
            block.of_slot(self._vcounts, slot)[...] = len(work.validation)
        self._visits[slot] = self._stream(work)
        self._epoch[slot] = 0
        self._whole[slot] = len(work.rows) if weight < 0 else training.data[2][work.rows].sum(dtype=np.float64)
        self._watch.patience[slot] = np.inf if work.patience is None else work.patience
        self._watch.tol[slot], self._watch.best[slot], self._watch.waited[slot] = work.tol, np.inf, 0

    def _stream(self, work):
        """The orders of a network; networks with the same rows and seed that begin together share them."""
        key = id(work.rows), work.shuffle, work.seed
        stream = self._streams.get(key)
        if stream is None or stream.epoch != 0:
            stream = self._streams[key] = Visits(work.rows, work.shuffle, work.seed)
        return stream

    def _one_epoch(self):
        block, active = self._block, np.array([training is not None for training in self._trainings])
        self._epoch[active] += 1
        self._lay_out(np.flatnonzero(active))
        X, D, _ = next(training.data for training in self._trainings if training is not None)
        loss = block.by_slot(block.epoch(X, D, self._weights.matrix()))[:, 0] / self._whole
        finite = np.isfinite(loss) & block.by_slot(np.isfinite(block.theta).all(axis=1))
        error, validated = loss, block.by_slot(self._vcounts) > 0
        if (validated & active).any():
            found = block.by_slot(block.errors(X, D, self._weights.matrix(), self._vrows, self._vcounts))
            error = np.where(validated, found, loss)
        better, stop = self._watch.sees(error)
        better &= finite & active
        groups = (*block.counts.shape,)
        np.copyto(self._kept, block.theta, where=better.reshape(groups)[:, None, :])
        block.first_step += np.ceil(block.counts / block.batch_size)[:, None, :]
        for slot in np.flatnonzero(active).tolist():
            training, epoch = self._trainings[slot], int(self._epoch[slot])
            if not finite[slot]:
                self._end(slot, "diverged")
                continue
            training.loss.append(float(loss[slot]))
            if validated[slot]:
                training.validation_loss.append(float(error[slot]))
            if better[slot] and training.work.patience is not None:
                training.best_epoch = epoch
            if epoch == training.work.epochs or stop[slot]:
                self._end(slot, "finished" if epoch == training.work.epochs else "stopped")

    def _lay_out(self, slots):
        """What each network visits in this epoch, and its learning rates."""
        block = self._block
        for slot in slots.tolist():
            work, epoch = self._trainings[slot].work, int(self._epoch[slot])
            if work.shuffle or epoch == 1:
                block.of_slot(block.rows, slot)[: len(work.rows)] = self._visits[slot].order(epoch)
            if epoch == 1 or hasattr(work.optimizer.learning_rate, "rates"):
                block.of_slot(block.rates, slot)[: work.steps] = work.rates(epoch)

    def _end(self, slot, outcome):
        """A network moves out, with the parameters to be kept, and the next one in."""
        training, block = self._trainings[slot], self._block
        np.copyto(training.work.theta, block.of_slot(self._kept, slot)[self._places[slot]])
        self._crew.ends(training, outcome)
        block.leave(slot)
        block.of_slot(self._vcounts, slot)[...] = 0
        self._trainings[slot] = None
        self._fill(slot)
