"""Fits of many estimators as one training: each in a lane where it can be, else on a thread."""

import contextlib
import functools
import threading
import warnings
from types import SimpleNamespace

import numpy as np
import scipy.sparse

from fastbp import caller
from fastbp.estimators.batched.fit_shards import FitShards, SentFit
from fastbp.estimators.mlp import parameters
from fastbp.estimators.mlp.collector import Collected
from fastbp.estimators.mlp.fit_request import FitRequest, Interrupted
from fastbp.estimators.mlp.stochastic import all_rows, begin
from fastbp.estimators.n_jobs import threads_of
from fastbp.files.digest import digest
from fastbp.training.early_stopping import EarlyStopping
from fastbp.training.loop import Ended
from fastbp.training.many.groups import Job, grouped
from fastbp.training.many.lane_batch import LaneBatch
from fastbp.training.many.scheduler import Scheduler
from fastbp.training.many.shards import Asks
from fastbp.training.many.tasks import sendable
from fastbp.training.progress import display


def train_fits(fits, n_jobs=None, time_limit=None, progress=False, executor=None, stops=lambda: False):
    """Train what a collector has collected; each fit gets what it has learnt, or a `problem`.

    Parameters
    ----------
    fits : list of Collected
        Those with a problem already are left alone.
    n_jobs : int or None
        As in scikit-learn's classes.
    time_limit : float or None
        Seconds, after which those that are not done have a problem.
    progress : bool or callable
        As in `train_many`.
    executor : as in `train_many`
    stops : callable
        Whether to stop as after Ctrl-C, asked now and then by threads.

    Returns
    -------
    seconds : float
    interrupted : bool
        Whether Ctrl-C has ended it, and not `stops`: what that means, the caller says.
    """
    threads, jobs = threads_of(n_jobs), []
    kind = FitJob if executor is None else SentFit
    for fit in fits:
        if fit.problem is None:
            try:
                own_generator(fit)
                jobs.append(kind(len(jobs), fit))
            except Exception as problem:  # of the validation split, for example
                fit.problem = problem
    if not jobs:
        return 0.0, False
    if executor is None:
        stack([job for job in jobs if job.task])
        scheduler = Scheduler(grouped(jobs), min(threads, len(jobs)), FitBatch, FitsOneByOne)
    else:
        from fastbp.training.many.executor_scheduler import ExecutorScheduler  # here: few fits need it

        shards = FitShards(functools.partial(_train_here, n_jobs))
        scheduler = ExecutorScheduler(jobs, executor, shards)

    asks = Asks(scheduler, stops)
    try:
        with display(progress, len(jobs), "network") as shown:
            seconds = scheduler.train(time_limit, shown, asks)
    finally:
        for job in jobs:
            if job.outcome in ("waiting", "interrupted"):
                job.fit.problem = Interrupted()
    if executor is not None:
        for message, category in dict.fromkeys(shards.warnings):
            caller.warn(message, category)
    return seconds, scheduler.interrupted and not asks.is_told


def train_shard(packed, time_limit, stops):
    """What another process does with fits that `FitShards` has packed: estimators, problems and warnings; and whether
    Ctrl-C came there alone.

    Parameters
    ----------
    packed : list
    time_limit : float or None
    stops : callable
        Whether to stop, asked now and then.
    """
    shared = {}
    fits = [
        Collected(estimator, None, FitRequest(y=None, shared=shared, **request), dtype)
        for estimator, request, dtype in packed
    ]
    with _caught() as caught:
        _, interrupted = train_fits(fits, time_limit=time_limit, stops=stops)
    problems = ["interrupted" if isinstance(fit.problem, Interrupted) else fit.problem for fit in fits]
    results = [
        (fit.estimator, sendable(problem) if isinstance(problem, Exception) else problem)
        for fit, problem in zip(fits, problems, strict=True)
    ]
    return (results, [(str(one.message), one.category) for one in caught]), interrupted


@contextlib.contextmanager
def _caught():
    """The warnings of this block, where there is nobody to see them: in the main thread of a worker."""
    if threading.current_thread() is not threading.main_thread():
        yield []
        return
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield caught


def _train_here(n_jobs, fits, time_limit, shown):
    """What a broken executor has left; whether Ctrl-C has ended it."""
    _, interrupted = train_fits(fits, n_jobs, time_limit, shown)
    return interrupted


def own_generator(fit):
    """A generator for a fit that would draw from NumPy's own, which all would share."""
    own = fit.estimator
    if own.random_state is None and _draws(own, fit.request):
        own._random_state = np.random.RandomState(own._random_state.randint(2**31))


class FitJob(Job):
    """A fit as a job: with a task, if it may share lanes."""

    def __init__(self, index, fit):
        own, request = fit.estimator, fit.request
        self.fit, self.task, task = fit, None, None
        if _may_share_lanes(own, request):
            self.task = task = begin(own, request)
            own._context = None  # no callbacks
        network = own._net()
        how = SimpleNamespace(
            network=network, theta=network.theta, layers=task.layers if task else network.layers, settings=None,
            moments=0, validation_rows=None, epochs=own.max_iter, batch_size=0,
            rows=all_rows(len(request.D)) if request.rows is None else request.rows,
        )  # fmt: skip
        self.start, data = 0, (None, None, None)  # the place of its samples among those of all
        if task:
            how.settings, how.moments, how.rows = task.settings, len(task.memory.moments), task.rows
            how.batch_size, data = task.batch_size, (task.data.X, task.data.D, None)
        super().__init__(index, how, data)

    def kind(self):
        return None if self.task is None else super().kind()

    def key(self):
        return None if self.task is None else (*super().key(), self.how.settings.tobytes(), id(self.data[0]))[1:]

    @property
    def simple(self):
        """Whether nothing but the loss decides when the training ends, and the rates stay."""
        own, task = self.fit.estimator, self.task
        return not (
            task.request.validation or task.stopping.restores or task.scheduled or task.constant is not None
            or (own.solver == "sgd" and own.learning_rate != "constant")
        )  # fmt: skip


def _draws(own, request):
    """Whether the training draws numbers, after those of the first weights."""
    holds_out = own.early_stopping and request.validation is None
    return parameters.is_stochastic(own) and bool(own.shuffle or holds_out or own.dropout)


def _may_share_lanes(own, request):
    """Whether nothing is asked for that only a training alone has."""
    return not (
        not parameters.is_stochastic(own) or own.verbose or own.time_limit is not None or own.callbacks is not None
        or hasattr(own, "_skl_callbacks") or scipy.sparse.issparse(request.X)
        or own._random_state.get_state(legacy=False)["bit_generator"] != "MT19937"
    )  # fmt: skip


def stack(jobs):
    """Fits with as many inputs and outputs get one X and one D, in which those with the same samples share them."""
    kinds, digests = {}, {}
    for job in jobs:
        X, D = job.data[:2]
        blocks = kinds.setdefault((X.dtype, X.shape[1], D.shape[1]), {})
        blocks.setdefault((_digest(X, digests), _digest(D, digests)), []).append(job)
    for blocks in kinds.values():
        parts = [[block[0].data[i] for block in blocks.values()] for i in range(2)]
        X, D = (part[0] if len(part) == 1 else np.concatenate(part) for part in parts)
        for array in (X, D):
            array.flags.writeable = False
        start, weights = 0, {}
        for block in blocks.values():
            for job in block:
                job.start = start
                job.data = (X, D, _weights(job, len(X), weights, digests))
            start += len(block[0].task.data.X)


def _digest(array, known):
    """What tells different arrays apart; the same array is read once."""
    key = array.__array_interface__["data"][0], array.shape
    if key not in known:
        known[key] = digest([array])
    return known[key]


def _weights(job, samples, known, digests):
    """The weights of all samples, None for 1; the same array for those who have the same."""
    if job.fit.request.weight is None:
        return None
    weight, start = job.task.data.weight, job.start
    key = start, _digest(weight, digests)
    if key not in known:
        known[key] = np.zeros(samples, weight.dtype)
        known[key][start : start + len(weight)] = weight
    return known[key]


class FitsOneByOne:
    """Fits by an engine of their own."""

    def __init__(self, scheduler, group):
        self._scheduler, self._group = scheduler, group

    def run(self):
        for job in self._scheduler.take(self._group, 1):
            fit, outcome = job.fit, "finished"
            fit.request.should_continue = self._scheduler.may_go_on
            fit.request.calling_back, fit.request.one_of_many = self._scheduler.calling_back, True
            try:
                if job.task is None:
                    fit.estimator._train(fit.request.of_rows(), fit.dtype)
                else:
                    job.task.run(1)
                    fit.estimator._renew(fit.dtype)
            except Interrupted:
                outcome = "interrupted"
            except KeyboardInterrupt:  # of a callback; the signal reaches the main thread alone
                outcome = "interrupted"
                self._scheduler.interrupt()
            except Exception as problem:
                fit.problem, outcome = problem, "diverged"
            self._scheduler.ends(job, outcome)


class FitBatch(LaneBatch):
    """Fits that share lanes. What follows from an epoch is decided for all at once where that is `simple`."""

    def _allocate(self, n):
        from fastbp.engine import entries  # here, as below: scikit-learn's own import need not wait for LLVM's
        from fastbp.engine.lanes.notes import SUM_OF_ERRORS, SUM_OF_PENALTIES
        from fastbp.engine.workspace import MERSENNE_WORDS

        self._entries, self._sums = entries, (SUM_OF_ERRORS, SUM_OF_PENALTIES)
        self._kept = self._lanes.shaped(self.block.theta.shape, self.block.dtype)
        self._keys, self._positions = np.zeros((n, MERSENNE_WORDS), np.uint32), np.zeros(n, np.int64)
        self._shuffled, self._simple = np.zeros(n, bool), np.zeros(n, bool)
        self._orders = np.zeros((n, self.block.rows.shape[1]), np.int64)
        self._counts, self._epoch, self._epochs = (np.zeros(n, np.int64) for _ in range(3))
        self._scale, self._stopping = np.zeros(n), EarlyStopping(np.zeros(n), np.zeros(n), n, like_sklearn=True)
        self._loss = np.empty((n, 16))

    def _enter(self, slots, jobs):
        block = self.block
        groups, lanes = block.split(slots)
        self._kept[groups, :, lanes] = block.theta[groups, :, lanes]
        self._counts[slots] = len(jobs[0].how.rows)
        for slot, job in zip(slots.tolist(), jobs, strict=True):
            own, task = job.fit.estimator, job.task
            self._shuffled[slot], self._simple[slot] = own.shuffle, job.simple
            _, self._keys[slot], self._positions[slot], *_ = own._random_state.get_state()
            rows = task.rows + job.start
            self._orders[slot, : len(rows)] = block.of_slot(block.rows, slot)[: len(rows)] = rows
            block.of_slot(block.rates, slot)[: task.steps] = task.rates()
            block.of_slot(block.first_step, slot)[...] = task.memory.steps
            block.of_slot(block.moments, slot)[:, self._places[job.how.network.sizes]] = task.memory.moments
            self._epoch[slot], self._epochs[slot], self._scale[slot] = 0, own.max_iter, own._shown_error(1.0)
            if self._simple[slot]:
                stopping = self._stopping
                stopping.best[slot], stopping.waited[slot] = own.best_loss_, own._no_improvement_count
                stopping.min_delta[slot], stopping.patience[slot] = own.tol, own.n_iter_no_change + 1

    def _lay_out(self, slots):
        """The order of the next epoch."""
        self._epoch[slots] += 1
        self._entries.draw_orders(
            self._keys, self._positions, self._shuffled, self._orders, self._counts, self.block.rows
        )
        return 1

    def _after(self, slots, report, _):
        """Takes note of an epoch; which fits have ended, and how."""
        block, epoch = self.block, self._epoch[slots]
        error, penalty = (report[:, 0, column] for column in self._sums)
        total = self._scale * error + penalty
        finite = ~np.isnan(total) & block.finite()
        loss = total / np.maximum(1, self._counts)
        _, exhausted = self._stopping.update(np.where(finite, loss, np.inf))
        if epoch.max() > self._loss.shape[1]:
            self._loss = np.hstack([self._loss, np.empty_like(self._loss)])
        self._loss[slots, epoch - 1] = loss[slots]
        ended = self._simple & (exhausted | (self._epoch == self._epochs)) | ~finite
        looked_at = slots[(ended | ~self._simple)[slots]]
        block.copy_of(finite, self._kept)
        outcomes = {}
        for slot in looked_at.tolist():
            outcome = self._decided(slot, float(error[slot]), float(penalty[slot]), bool(exhausted[slot]))
            if outcome:
                outcomes[slot] = outcome
        return outcomes

    def _decided(self, slot, error, penalty, exhausted):
        """What one fit decides after an epoch: how it has ended, or None."""
        job = self.jobs[slot]
        task, simple, theta = job.task, self._simple[slot], self.own(self.block.theta, slot)
        order, last = self._orders[slot, : len(task.rows)] - job.start, self._epoch[slot] == self._epochs[slot]
        try:
            if simple:
                self._note(slot, job.fit.estimator, task, int(self._epoch[slot]) - (not np.isfinite(theta).all()))
            loss = task.loss_of(error, penalty, theta, order)
            if simple:
                ends = exhausted and task.no_more_improvement()
            else:
                np.copyto(task.theta, theta)  # for the validation score
                _, ends = task.update(int(self._epoch[slot]), loss, task.validate(), 0.0)
        except Ended:
            return "stopped"
        except Exception as problem:
            job.fit.problem = problem
            return "diverged"
        if ends:
            return "stopped"
        if last:
            task.warn_of_last_epoch()
            return "finished"
        self.block.of_slot(self.block.rates, slot)[: task.steps] = task.rates()
        return None

    def _note(self, slot, own, task, epochs):
        """What the estimator would have noted of epochs that were decided for all at once."""
        own.n_iter_, own.loss_curve_ = epochs, [*own.loss_curve_, *self._loss[slot, :epochs].tolist()]
        own.t_ += len(task.rows) * epochs
        if epochs:
            own.loss_ = own.loss_curve_[-1]
        own.best_loss_ = float(self._stopping.best[slot])
        own._no_improvement_count = int(self._stopping.waited[slot])
        task.memory.steps += task.steps * (int(self._epoch[slot]) - 1)  # and `loss_of` the last

    def _end(self, slot, outcome):
        """A fit moves out, with what a training alone leaves behind."""
        job = self.jobs[slot]
        own, task, places = job.fit.estimator, job.task, self._places[job.how.network.sizes]
        np.copyto(task.theta, self.own(self._kept, slot))
        task.memory.moments[...] = self.block.of_slot(self.block.moments, slot)[:, places]
        if own.shuffle:  # else nothing was drawn, and it may be NumPy's own generator, which is left alone
            own._random_state.set_state(("MT19937", self._keys[slot], int(self._positions[slot])))
        task.close(task.theta)
        own._renew(job.fit.dtype)
        self._counts[slot] = 0
        self._shuffled[slot] = self._simple[slot] = False
