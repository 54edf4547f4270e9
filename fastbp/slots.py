"""The slots of one thread: networks of a bin move in, share lanes for their epochs, and make room for the next."""

import collections

import numpy as np

from fastbp.cores import trainings
from fastbp.lecture.layout import ACTIVATION, layer_table
from fastbp.rates import Schedule
from fastbp.training import Visits, Watch


class Slots:
    """What all networks that share lanes have in common; what an epoch needs and means is up to subclasses.

    Parameters
    ----------
    crew : Crew
        Hands out trainings, and is told which have ended.
    bin : Bin
    """

    def __init__(self, crew, bin):
        from fastbp.engine import many  # here, because it imports Numba

        self._crew, self._bin, self._many, work = crew, bin, many, bin.first.work
        layers = layer_table(bin.sizes, [0] * (len(bin.sizes) - 2), 0, 0).copy()
        layers[:, ACTIVATION:] = work.network.layers[:, ACTIVATION:]
        self.block = many.Block(
            layers, work.network.dtype, crew.slots_for(bin), bin.rows, work.batch_size, work.moments, work.settings,
            bin.masked,
        )  # fmt: skip
        self.trainings, self._taken, self._places = [None] * self.block.slots, np.zeros(self.block.slots, bool), {}
        self._weights = many.Weights(bin.first.data[0])
        self._allocate(self.block.slots)

    def run(self):
        """All trainings of the bin, or as many as other threads leave."""
        with trainings:
            self._run()

    def _run(self):
        self._fill(range(self.block.slots))
        while (slots := np.flatnonzero(self._taken)).size:
            self._lay_out(slots)
            X, D, _ = self._bin.first.data
            report = self.block.by_slot(self.block.epoch(X, D, self._weights.matrix()))
            ended = self._after(slots, report)
            if self._crew.stopping:
                ended = dict.fromkeys(slots.tolist(), "interrupted") | ended
            for slot, outcome in ended.items():
                self._end(slot, outcome)
                self._crew.ends(self.trainings[slot], outcome)
                self.trainings[slot], self._taken[slot] = None, False
            if ended:
                self.block.leave(np.array([*ended]))
                self._fill(ended)

    def _fill(self, slots):
        """The next networks that wait move in; those without epochs have nothing to do there."""
        slots, groups = [*slots], collections.defaultdict(list)
        while slots and (taken := self._crew.take(self._bin, len(slots))):
            for training in taken:
                if training.work.epochs > 0:
                    work = training.work
                    groups[work.network.sizes, len(work.rows)].append((slots.pop(), training))
                else:
                    self._crew.ends(training, "finished")
        for (sizes, rows), entering in groups.items():
            if sizes not in self._places:
                self._places[sizes] = self._many.places_in(sizes, self._bin.sizes)
            numbers, trainings = np.array([slot for slot, _ in entering]), [training for _, training in entering]
            for slot, training in entering:
                self.trainings[slot], self._taken[slot] = training, True
            works = [training.work for training in trainings]
            weight_of = [-1 if t.data[2] is None else self._weights.number(t.data[2]) for t in trainings]
            self.block.enter(
                numbers, self._places[sizes], [work.theta for work in works], sizes[1:-1],
                [work.settings for work in works], weight_of, rows,
            )  # fmt: skip
            self._enter(numbers, trainings)

    def own(self, array, slot):
        """What belongs to the parameters of the network in a slot, of an array like `block.theta`."""
        return self.block.of_slot(array, slot)[self._places[self.trainings[slot].work.network.sizes]]

    def errors(self, rows, counts):
        """The mean error of each network over rows of its own: a number for each slot."""
        X, D, _ = self._bin.first.data
        return self.block.by_slot(self.block.errors(X, D, self._weights.matrix(), rows, counts))


class NetworksInSlots(Slots):
    """Trainings of `train_many`: each has its epochs, rates, an order of its rows, and perhaps patience."""

    def _allocate(self, n):
        block = self.block
        self._shuffled, self._schedules, self._whole = {}, set(), np.ones(n)
        self._watch = Watch(np.full(n, np.inf), np.zeros(n), n)
        self._kept = self._many.shaped(block.theta.shape, block.dtype)
        self._validation = self._many.shaped((len(block.theta), self._bin.validated, block.lanes), np.int64)
        self._validated = self._many.shaped(block.counts.shape, np.int64)
        self._epoch, self._epochs, self._best = (np.zeros(n, int) for _ in range(3))
        self._loss, self._error = np.empty((n, 16)), np.empty((n, 16))

    def _enter(self, slots, trainings):
        block, works, streams = self.block, [training.work for training in trainings], {}
        groups, lanes = block.split(slots)
        for slot, work in zip(slots.tolist(), works, strict=True):
            key = id(work.rows), work.shuffle, work.seed if work.shuffle else 0
            if key not in streams:  # networks with the same rows and seed that begin together share their orders
                streams[key] = Visits(work.rows, work.shuffle, work.seed)
            if work.shuffle:
                self._shuffled[slot] = streams[key]
            if isinstance(work.optimizer.learning_rate, Schedule):
                self._schedules.add(slot)
            if work.validation is not None:
                block.of_slot(self._validation, slot)[: len(work.validation)] = work.validation
        rows = [work.rows for work in works]
        block.rows[groups, : len(rows[0]), lanes] = rows[0] if len({*map(id, rows)}) == 1 else np.array(rows)
        rates = [work.optimizer.learning_rate for work in works]
        block.rates[groups, :, lanes] = [[0.0 if isinstance(rate, Schedule) else rate] for rate in rates]
        self._kept[groups, :, lanes] = block.theta[groups, :, lanes]
        self._validated[groups, lanes] = [0 if work.validation is None else len(work.validation) for work in works]
        self._whole[slots] = [
            len(w.rows) if t.data[2] is None else t.data[2][w.rows].sum(dtype=np.float64)
            for w, t in zip(works, trainings, strict=True)
        ]
        self._epoch[slots], self._epochs[slots] = 0, [work.epochs for work in works]
        watch, self._best[slots] = self._watch, 0
        watch.patience[slots] = [np.inf if work.patience is None else work.patience for work in works]
        watch.tol[slots], watch.best[slots], watch.waited[slots] = [work.tol for work in works], np.inf, 0

    def _lay_out(self, slots):
        """What each network visits in this epoch, and its learning rates."""
        self._epoch[slots] += 1
        block = self.block
        for slot, visits in self._shuffled.items():
            block.of_slot(block.rows, slot)[: len(visits.rows)] = visits.order(int(self._epoch[slot]))
        for slot in self._schedules:
            work = self.trainings[slot].work
            block.of_slot(block.rates, slot)[: work.steps] = work.rates(int(self._epoch[slot]))

    def _after(self, slots, report):
        """Takes note of an epoch; whose training has ended, and how."""
        block, watch, epoch = self.block, self._watch, self._epoch[slots]
        loss = report[:, 0] / self._whole
        finite = np.isfinite(loss) & block.finite()
        error, validated = loss, block.by_slot(self._validated) > 0
        if validated[slots].any():
            error = np.where(validated, self.errors(self._validation, self._validated), loss)
        better, stop = watch.sees(error)
        better &= finite
        block.copy_of(better, self._kept)
        if epoch.max() > self._loss.shape[1]:
            self._loss, self._error = (np.hstack([had, np.empty_like(had)]) for had in (self._loss, self._error))
        self._loss[slots, epoch - 1], self._error[slots, epoch - 1] = loss[slots], error[slots]
        self._best = np.where(better, self._epoch, self._best)
        finished, finite, stop = epoch == self._epochs[slots], finite[slots], stop[slots]
        how = np.where(finite, np.where(finished, "finished", "stopped"), "diverged")
        ends = finished | stop | ~finite
        return dict(zip(slots[ends].tolist(), how[ends].tolist(), strict=True))

    def _end(self, slot, outcome):
        """A network moves out with the parameters to be kept."""
        training, epochs = self.trainings[slot], int(self._epoch[slot]) - (outcome == "diverged")
        np.copyto(training.work.theta, self.own(self._kept, slot))
        training.loss = self._loss[slot, :epochs].copy()
        if training.work.validation is not None:
            training.validation_loss = self._error[slot, :epochs].copy()
        if training.work.patience is not None and epochs:
            training.best_epoch = int(self._best[slot]) or None
        self.block.of_slot(self._validated, slot)[...] = 0
        self._schedules.discard(slot)
        self._shuffled.pop(slot, None)
