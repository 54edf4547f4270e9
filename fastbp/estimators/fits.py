"""Fits of many estimators as one training: each in a lane where it can be, else on a thread."""

from types import SimpleNamespace

import numpy as np
import scipy.sparse

from fastbp.bins import Training, bins_of
from fastbp.checkpoints import digest
from fastbp.cores import usable_cores
from fastbp.crew import Crew
from fastbp.estimators.job import Interrupted
from fastbp.estimators.stochastic import all_rows, begin
from fastbp.estimators.stopping import compared
from fastbp.slots import Slots


def train_together(fits, n_jobs=None, time_limit=None, progress=False):
    """Train what a collector has collected; each fit gets what it has learnt, or a `problem`. Returns seconds.

    Parameters
    ----------
    fits : list of Collected
        Those with a problem already are left alone.
    n_jobs : int or None
        Threads; None: one for each core that the process may use, -1 all, -2 all but one; 0 is a ValueError.
    time_limit : float or None
        Seconds, after which those that are not done have a problem.
    progress : bool or callable
        As in `train_many`.
    """
    if n_jobs == 0:
        raise ValueError("n_jobs must be None, a number of threads, or below 0 for all but some, got 0")
    trainings = []
    for fit in fits:
        if fit.problem is None:
            try:
                trainings.append(Fit(len(trainings), fit))
            except Exception as problem:  # of the validation split, for example
                fit.problem = problem
    if not trainings:
        return 0.0
    stack([training for training in trainings if training.course])
    threads = usable_cores() if n_jobs is None else n_jobs if n_jobs > 0 else max(1, usable_cores() + 1 + n_jobs)
    crew = Crew(bins_of(trainings), min(threads, len(trainings)), FitsInSlots, FitsAlone)
    try:
        return crew.train(time_limit, progress)
    finally:
        for training in trainings:
            if training.outcome in ("waiting", "interrupted"):
                training.fit.problem = Interrupted()


class Fit(Training):
    """A fit as a training."""

    def __init__(self, index, fit):
        own, job = fit.estimator, fit.job
        self.fit, self.course, course = fit, None, None
        if _fits_in_slots(own, job):
            self.course = course = begin(own, job)
            own._context = None  # no callbacks
        network = own._net()
        work = SimpleNamespace(
            network=network, theta=network.theta, settings=None, moments=0, validation=None, epochs=own.max_iter,
            rows=all_rows(len(job.D)) if job.rows is None else job.rows, batch_size=0,
        )  # fmt: skip
        self.start, data = 0, (None, None, None)  # the place of its samples among those of all
        if course:
            work.settings, work.moments, work.rows = course.settings, len(course.memory.moments), course.rows
            work.batch_size, data = course.batch_size, (course.data.X, course.data.D, None)
            if own.random_state is None:  # NumPy's own generator, which all would share
                own._random_state = np.random.RandomState(own._random_state.randint(2**31))
        super().__init__(index, work, data)

    def kind(self):
        return None if self.course is None else super().kind()

    def key(self):
        return None if self.course is None else (*super().key(), self.work.settings.tobytes(), id(self.data[0]))[1:]

    @property
    def simple(self):
        """Whether nothing but the loss decides when the training ends, and the rates stay."""
        own, course = self.fit.estimator, self.course
        return not (
            course.job.validation or course.stopping.restores or course.scheduled or course.constant is not None
            or (own.solver == "sgd" and own.learning_rate != "constant")
        )  # fmt: skip


def _fits_in_slots(own, job):
    """Whether nothing is asked for that only a training alone has."""
    return not (
        own.solver == "lbfgs" or own.verbose or own.time_limit is not None or own.callbacks is not None
        or hasattr(own, "_skl_callbacks") or scipy.sparse.issparse(job.X)
        or own._random_state.get_state(legacy=False)["bit_generator"] != "MT19937"
    )  # fmt: skip


def stack(trainings):
    """Fits with as many inputs and outputs get one X and one D, in which those with the same samples share them."""
    kinds, digests = {}, {}
    for training in trainings:
        X, D = training.data[:2]
        blocks = kinds.setdefault((X.dtype, X.shape[1], D.shape[1]), {})
        blocks.setdefault((_digest(X, digests), _digest(D, digests)), []).append(training)
    for blocks in kinds.values():
        parts = [[block[0].data[i] for block in blocks.values()] for i in range(2)]
        X, D = (part[0] if len(part) == 1 else np.concatenate(part) for part in parts)
        for array in (X, D):
            array.flags.writeable = False
        start, weights = 0, {}
        for block in blocks.values():
            for training in block:
                training.start = start
                training.data = (X, D, _weights(training, len(X), weights, digests))
            start += len(block[0].course.data.X)


def _digest(array, known):
    """What tells different arrays apart; the same array is read once."""
    key = array.__array_interface__["data"][0], array.shape
    if key not in known:
        known[key] = digest([array])
    return known[key]


def _weights(training, samples, known, digests):
    """The weights of all samples, None for 1; the same array for those who have the same."""
    if training.fit.job.weight is None:
        return None
    weight, start = training.course.data.weight, training.start
    key = start, _digest(weight, digests)
    if key not in known:
        known[key] = np.zeros(samples, weight.dtype)
        known[key][start : start + len(weight)] = weight
    return known[key]


class FitsAlone:
    """A fit by an engine of its own."""

    def __init__(self, crew, bin):
        self._crew, self._bin = crew, bin

    def run(self):
        for training in self._crew.take(self._bin, 1):
            fit, outcome = training.fit, "finished"
            fit.job.goes_on = lambda: not self._crew.stopping
            try:
                if training.course is None:
                    fit.estimator._train(fit.job.of_rows(), fit.dtype)
                else:
                    training.course.run(1)
                    fit.estimator._renew(fit.dtype)
            except Interrupted:
                outcome = "interrupted"
            except Exception as problem:
                fit.problem, outcome = problem, "diverged"
            self._crew.ends(training, outcome)


class FitsInSlots(Slots):
    """Fits that share lanes. What follows from an epoch is decided for all at once where that is `simple`."""

    def _allocate(self, n):
        from fastbp.engine import shuffles  # here, as below, because they import Numba
        from fastbp.engine.neighbours import SUM_OF_ERRORS, SUM_OF_PENALTIES

        self._shuffles, self._sums = shuffles, (SUM_OF_ERRORS, SUM_OF_PENALTIES)
        self._kept = self._many.shaped(self.block.theta.shape, self.block.dtype)
        self._keys, self._positions = np.zeros((n, shuffles.STATE), np.uint32), np.zeros(n, np.int64)
        self._shuffled, self._simple = np.zeros(n, bool), np.zeros(n, bool)
        self._orders = np.zeros((n, self.block.rows.shape[1]), np.int64)
        self._counts, self._epoch, self._epochs, self._waited = (np.zeros(n, np.int64) for _ in range(4))
        self._scale, self._best, self._tol, self._patience = (np.zeros(n) for _ in range(4))
        self._loss = np.empty((n, 16))

    def _enter(self, slots, trainings):
        block = self.block
        groups, lanes = block.split(slots)
        self._kept[groups, :, lanes] = block.theta[groups, :, lanes]
        self._counts[slots] = len(trainings[0].work.rows)
        for slot, training in zip(slots.tolist(), trainings, strict=True):
            own, course = training.fit.estimator, training.course
            self._shuffled[slot], self._simple[slot] = own.shuffle, training.simple
            _, self._keys[slot], self._positions[slot], *_ = own._random_state.get_state()
            rows = course.rows + training.start
            self._orders[slot, : len(rows)] = block.of_slot(block.rows, slot)[: len(rows)] = rows
            block.of_slot(block.rates, slot)[: course.steps] = course.rates()
            block.of_slot(block.first_step, slot)[...] = course.memory.steps
            block.of_slot(block.moments, slot)[:, self._places[training.work.network.sizes]] = course.memory.moments
            self._epoch[slot], self._epochs[slot], self._scale[slot] = 0, own.max_iter, own._shown_error(1.0)
            if self._simple[slot]:
                self._best[slot], self._waited[slot] = own.best_loss_, own._no_improvement_count
                self._tol[slot], self._patience[slot] = own.tol, own.n_iter_no_change

    def _lay_out(self, slots):
        self._epoch[slots] += 1
        self._shuffles.draw_orders(
            self._keys, self._positions, self._shuffled, self._orders, self._counts, self.block.rows
        )

    def _after(self, slots, report):
        """Takes note of an epoch; which fits have ended, and how."""
        block, epoch = self.block, self._epoch[slots]
        error, penalty = (report[:, column] for column in self._sums)
        total = self._scale * error + penalty
        finite = ~np.isnan(total) & block.finite()
        loss = total / np.maximum(1, self._counts)
        stalled, better = compared(loss, self._best, self._tol)
        self._waited = np.where(stalled, self._waited + 1, 0)
        self._best = np.where(better & finite, loss, self._best)
        if epoch.max() > self._loss.shape[1]:
            self._loss = np.hstack([self._loss, np.empty_like(self._loss)])
        self._loss[slots, epoch - 1] = loss[slots]
        ended = self._simple & ((self._waited > self._patience) | (self._epoch == self._epochs)) | ~finite
        looked_at = slots[(ended | ~self._simple)[slots]]
        block.copy_of(finite, self._kept)
        outcomes = {}
        for slot in looked_at.tolist():
            outcome = self._decided(slot, float(error[slot]), float(penalty[slot]))
            if outcome:
                outcomes[slot] = outcome
        return outcomes

    def _decided(self, slot, error, penalty):
        """What one fit decides after an epoch: how it has ended, or None."""
        fit, course = self.trainings[slot].fit, self.trainings[slot].course
        simple, theta = self._simple[slot], self.own(self.block.theta, slot)
        try:
            if simple:
                self._note(slot, fit.estimator, course, int(self._epoch[slot]) - (not np.isfinite(theta).all()))
            elif course.constant is not None:
                course.order = self._orders[slot, : len(course.rows)] - self.trainings[slot].start
            loss = course.loss_of(error, penalty, theta)
            if simple:
                stop = self._waited[slot] > self._patience[slot]
                return "stopped" if stop and course._no_more_improvement() else "finished" if course.spent() else None
            np.copyto(course.network.theta, theta)  # for the validation score
            if course.ends(theta, loss):
                return "stopped"
        except Exception as problem:
            fit.problem = problem
            return "diverged"
        self.block.of_slot(self.block.rates, slot)[: course.steps] = course.rates()
        return None

    def _note(self, slot, own, course, epochs):
        """What the estimator would have noted of epochs that were decided for all at once."""
        own.n_iter_, own.loss_curve_ = epochs, [*own.loss_curve_, *self._loss[slot, :epochs].tolist()]
        own.t_ += len(course.rows) * epochs
        if epochs:
            own.loss_ = own.loss_curve_[-1]
        own.best_loss_ = float(self._best[slot])
        own._no_improvement_count = int(self._waited[slot])
        course.memory.steps += course.steps * (int(self._epoch[slot]) - 1)  # and `loss_of` the last

    def _end(self, slot, outcome):
        """A fit moves out, with what a training alone leaves behind."""
        training = self.trainings[slot]
        own, course, places = training.fit.estimator, training.course, self._places[training.work.network.sizes]
        np.copyto(course.network.theta, self.own(self._kept, slot))
        course.memory.moments[...] = self.block.of_slot(self.block.moments, slot)[:, places]
        own._random_state.set_state(("MT19937", self._keys[slot], int(self._positions[slot])))
        course.close(course.network.theta)
        own._renew(training.fit.dtype)
        self._counts[slot] = 0
        self._shuffled[slot] = self._simple[slot] = False
