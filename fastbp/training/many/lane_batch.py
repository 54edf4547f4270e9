"""The lanes of one thread: networks of a group move in, share lanes for their epochs, and make room for the next."""

import collections
import time

import numpy as np

from fastbp.engine.lanes.notes import LOSS
from fastbp.engine.workspace import STREAM_WORDS
from fastbp.learning_rate import Schedule
from fastbp.lecture.layout import layer_table
from fastbp.threads.cores import trainings
from fastbp.training.early_stopping import EarlyStopping
from fastbp.training.history import TrainingState, asked_to_end
from fastbp.training.row_sampler import RowSampler

NO_STREAM = -1, [0] * STREAM_WORDS  # of those that keep their order


class LaneBatch:
    """What all networks that share lanes have in common; what an epoch needs and means is up to subclasses.

    Parameters
    ----------
    scheduler : Scheduler
        Hands out jobs, and is told which have ended.
    group : Group
    """

    def __init__(self, scheduler, group):
        from fastbp.engine.lanes import block  # here: whoever does not train need not wait for it

        self._scheduler, self._group, self._lanes, how = scheduler, group, block, group.first.how
        table = how.network.layers
        layers = layer_table(group.sizes, table["activation"], *table[["error", "level"]][-1].item())
        self.block = block.Block(
            layers, how.network.dtype, scheduler.networks_at_once(group), group.rows, how.batch_size, how.moments,
            how.settings, group.masked,
        )  # fmt: skip
        self.jobs, self._taken, self._places = [None] * self.block.slots, np.zeros(self.block.slots, bool), {}
        self._weights = block.Weights(group.first.data[0])
        self._allocate(self.block.slots)

    def run(self):
        """All jobs of the group, or as many as other threads leave."""
        with trainings:
            self._fill(range(self.block.slots))
            while (slots := np.flatnonzero(self._taken)).size:
                self._epochs_of(slots)

    def _epochs_of(self, slots):
        n = self._lay_out(slots)
        X, D, _ = self._group.first.data
        ended = self._after(slots, *self.block.epochs(X, D, self._weights.matrix(), n, self._kept))
        if self._scheduler.stopping:
            ended = dict.fromkeys(slots.tolist(), "interrupted") | ended
        for slot, outcome in ended.items():
            self._end(slot, outcome)
            self._scheduler.ends(self.jobs[slot], outcome)
            self.jobs[slot], self._taken[slot] = None, False
        if ended:
            self.block.leave(np.array([*ended]))
            self._fill(ended)

    def _fill(self, slots):
        """The next networks that wait move in; those without epochs have nothing to do there."""
        slots, alike = [*slots], collections.defaultdict(list)
        while slots and (taken := self._scheduler.take(self._group, len(slots))):
            for job in taken:
                if job.how.epochs > 0:
                    alike[job.how.network.sizes, len(job.how.rows)].append((slots.pop(), job))
                else:
                    self._scheduler.ends(job, "finished")
        for (sizes, rows), entering in alike.items():
            if sizes not in self._places:
                self._places[sizes] = self._lanes.places_in(sizes, self._group.sizes)
            numbers, jobs = np.array([slot for slot, _ in entering]), [job for _, job in entering]
            for slot, job in entering:
                self.jobs[slot], self._taken[slot] = job, True
            weight_of = [-1 if job.data[2] is None else self._weights.number(job.data[2]) for job in jobs]
            self.block.enter(
                numbers, self._places[sizes], [job.how.theta for job in jobs], sizes[1:-1],
                [job.how.settings for job in jobs], weight_of, rows,
            )  # fmt: skip
            self._enter(numbers, jobs)

    def own(self, array, slot):
        """What belongs to the parameters of the network in a slot, of an array like `block.theta`."""
        return self.block.of_slot(array, slot)[self._places[self.jobs[slot].how.network.sizes]]

    def errors(self, rows, counts):
        """The mean error of each network over rows of its own, of targets that are not smoothed: one for each slot."""
        X, D = self._group.first.data[0], self._group.first.unsmoothed
        return self.block.by_slot(self.block.errors(X, D, self._weights.matrix(), rows, counts))


class NetworkBatch(LaneBatch):
    """Networks of `train_many`: each has its epochs, rates, an order of its rows, and perhaps patience."""

    def _allocate(self, n):
        block = self.block
        self._schedules, self._calling, self._streams = set(), set(), 0
        self._whole = np.ones(n)
        self._stopping = EarlyStopping(np.full(n, np.inf), np.zeros(n), n)
        self._kept = self._lanes.shaped(block.theta.shape, block.dtype)
        self._validation = self._lanes.shaped((len(block.theta), self._group.validated, block.lanes), np.int64)
        self._validated = self._lanes.shaped(block.counts.shape, np.int64)
        self._epoch, self._epochs, self._best = (np.zeros(n, int) for _ in range(3))
        self._loss, self._watched = np.empty((n, 16)), np.empty((n, 16))

    def _enter(self, slots, jobs):
        block, hows, streams, entering = self.block, [job.how for job in jobs], {}, []
        groups, lanes = block.split(slots)
        for slot, how in zip(slots.tolist(), hows, strict=True):
            key = id(how.rows), how.seed
            if how.shuffle and key not in streams:  # networks with the same rows and seed that begin together share it
                streams[key] = self._streams, self._lanes.words_of(RowSampler(how.rows, True, how.seed).state)
                self._streams += 1
            entering.append(streams[key] if how.shuffle else NO_STREAM)
            if isinstance(how.optimizer.learning_rate, Schedule):
                self._schedules.add(slot)
            if how.callbacks:
                self._calling.add(slot)
            if how.validation_rows is not None:
                block.of_slot(self._validation, slot)[: len(how.validation_rows)] = how.validation_rows
        rows = [how.rows for how in hows]
        rows = rows[0] if len({*map(id, rows)}) == 1 else np.array(rows)
        block.rows[groups, : rows.shape[-1], lanes] = rows
        if streams:
            block.shuffle(slots, *map(list, zip(*entering, strict=True)), rows)
        rates = [how.optimizer.learning_rate for how in hows]
        block.rates[groups, :, lanes] = [[0.0 if isinstance(rate, Schedule) else rate] for rate in rates]
        self._kept[groups, :, lanes] = block.theta[groups, :, lanes]
        validated = [0 if how.validation_rows is None else len(how.validation_rows) for how in hows]
        self._validated[groups, lanes] = validated
        self._whole[slots] = [
            len(job.how.rows) if job.data[2] is None else job.data[2][job.how.rows].sum(dtype=np.float64)
            for job in jobs
        ]
        self._epoch[slots], self._epochs[slots], self._best[slots] = 0, [how.epochs for how in hows], 0
        stopping = self._stopping
        stopping.patience[slots] = [np.inf if how.patience is None else how.patience for how in hows]
        stopping.min_delta[slots] = [how.min_delta for how in hows]
        stopping.best[slots], stopping.waited[slots] = np.inf, 0

    def _lay_out(self, slots):
        """The learning rates of the next epochs; how many there are before something must be looked at."""
        for slot in self._schedules:
            how = self.jobs[slot].how
            self.block.of_slot(self.block.rates, slot)[: how.steps] = how.rates(int(self._epoch[slot]) + 1)
        watched = self._calling or self._schedules or np.isfinite(self._stopping.patience[slots]).any()
        if watched or self._validated.any() or self._scheduler.stopping:
            return 1
        return min(int((self._epochs - self._epoch)[slots].min()), self._scheduler.epochs_at_once(self._group, slots))

    def _after(self, slots, report, done):
        """Takes note of epochs; whose training has ended, and how."""
        block, stopping, n = self.block, self._stopping, report.shape[1]
        self._epoch[slots] += done[slots]
        losses, epoch = report[:, :, LOSS] / self._whole[:, None], self._epoch[slots]
        loss = losses[np.arange(len(losses)), done - 1]
        finite = np.isfinite(loss) & block.finite()
        watched, validated = loss, block.by_slot(self._validated) > 0
        if validated[slots].any():
            watched = np.where(validated, self.errors(self._validation, self._validated), loss)
        best, stop = stopping.update(watched)
        best = (best | np.isinf(stopping.patience)) & finite
        block.copy_of(best, self._kept)
        first = epoch - done[slots]
        while (first + n).max() > self._loss.shape[1]:
            self._loss, self._watched = (np.hstack([had, np.empty_like(had)]) for had in (self._loss, self._watched))
        self._loss[slots[:, None], first[:, None] + np.arange(n)] = losses[slots]
        self._watched[slots, epoch - 1] = watched[slots]
        self._best = np.where(best, self._epoch, self._best)
        finished, finite, stop = epoch == self._epochs[slots], finite[slots], stop[slots]
        for place, slot in enumerate(slots.tolist() if self._calling else ()):
            if slot in self._calling and finite[place]:
                stop[place] |= self._call_back(slot, float(loss[slot]), float(watched[slot]), bool(validated[slot]))
        how = np.where(finite, np.where(stop, "stopped", "finished"), "diverged")
        ends = finished | stop | ~finite
        return dict(zip(slots[ends].tolist(), how[ends].tolist(), strict=True))

    def _call_back(self, slot, loss, watched, validated):
        """Whether a callback asks for the end of one network's training."""
        job, scheduler = self.jobs[slot], self._scheduler
        np.copyto(job.how.theta, self.own(self.block.theta, slot))
        state = TrainingState(
            int(self._epoch[slot]), job.how.epochs, loss, time.monotonic() - scheduler.began, job.how.network,
            watched if validated else None, index=job.index,
        )  # fmt: skip
        try:
            with scheduler.calling_back:
                ends = asked_to_end(job.how.callbacks, state)
        except BaseException:  # the training ends for all of them, with the parameters that were to be kept
            for taken in np.flatnonzero(self._taken):
                np.copyto(self.jobs[taken].how.theta, self.own(self._kept, taken))
            raise
        places = self._places[job.how.network.sizes]
        self.block.of_slot(self.block.theta, slot)[places] = job.how.theta  # a callback may have changed them
        return ends

    def _end(self, slot, outcome):
        """A network moves out with the parameters to be kept."""
        job, epochs = self.jobs[slot], int(self._epoch[slot]) - (outcome == "diverged")
        np.copyto(job.how.theta, self.own(self._kept, slot))
        job.loss = self._loss[slot, :epochs].copy()
        if job.how.validation_rows is not None:
            job.validation_loss = self._watched[slot, :epochs].copy()
        if job.how.patience is not None and epochs:
            job.best_epoch = int(self._best[slot]) or None
        self.block.of_slot(self._validated, slot)[...] = 0
        self._schedules.discard(slot)
        self._calling.discard(slot)
