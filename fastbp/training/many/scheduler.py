"""Threads that train what is in the groups, one group after the other."""

import threading
import time

import numpy as np

from fastbp.compiler import processor
from fastbp.threads.cores import trainings
from fastbp.threads.pool import ThreadPool
from fastbp.training.history import Diverged
from fastbp.training.many.groups import operations
from fastbp.training.many.lane_batch import NetworkBatch
from fastbp.training.train import task_of, train_alone

OPERATIONS, AT_ONCE = 1e7, 1024  # networks that a thread trains at a time: as many as have so many to do in an epoch,
# which makes the time between two epochs small, and not more, so that those that end early make room
# Operations that a thread does before it looks whether it is to stop: some 10 milliseconds.
BETWEEN_LOOKS = 1e4 if processor.uncompiled() else 1e8
TICK = 0.1  # seconds between two looks at the clock
ROWS_AT_ONCE = 1 << 22  # and not more than have so many rows to visit


class Scheduler:
    """Threads that train what is in the groups, the costliest first.

    Parameters
    ----------
    groups : list of Group
    threads : int
    in_lanes, alone : callable
        What trains a group, called as `in_lanes(scheduler, group).run()` for one whose networks share lanes.

    Attributes
    ----------
    done : int
        Jobs that have ended.
    stopping : bool
        Whether what trains shall end after its epoch.
    interrupted : bool
        Whether Ctrl-C has ended it: what that means, the caller says.
    calling_back : Lock
        Callbacks are called one at a time.
    began : float
        When, by `time.monotonic`.
    """

    def __init__(self, groups, threads, in_lanes=NetworkBatch, alone=None):
        self._groups, self._lock, self._ways = groups, threading.Lock(), (alone or OneByOne, in_lanes)
        self._threads, self.done, self.stopping, self._problem = threads, 0, False, None
        self.calling_back, self.interrupted = threading.Lock(), False

    def train(self, time_limit, shown, each_tick=lambda: None):
        """Trains all, or until the time is over, or Ctrl-C; returns seconds.

        Parameters
        ----------
        time_limit : float or None
            Seconds.
        shown : Silent
            Where progress is shown.
        each_tick : callable
            Called now and then while others train.
        """
        self.began = begin = time.monotonic()
        total = sum(len(group.waiting) for group in self._groups)
        threads = ThreadPool(self._work, self._threads)
        try:
            threads.start()
            while not threads.all_left(TICK):
                seconds = time.monotonic() - begin
                shown.show(self.done, total, seconds)
                each_tick()
                if time_limit is not None and seconds >= time_limit:
                    break
        except KeyboardInterrupt:
            self.interrupt()
        finally:
            self.stopping = True
            threads.leave()
        try:
            shown.show(self.done, total, time.monotonic() - begin)
        except KeyboardInterrupt:  # what is trained is there
            self.interrupt()
        if self._problem is not None:
            raise self._problem
        return time.monotonic() - begin

    def _work(self, number):
        try:
            with np.errstate(all="ignore"):
                while (taken := self._next_group(number)) is not None:
                    self._ways[taken.shared](self, taken).run()
                    with self._lock:
                        taken.threads -= 1
        except BaseException as problem:
            self._problem, self.stopping = problem, True

    def _next_group(self, number):
        """What is to be trained next; threads but the first wait while other trainings have all cores."""
        while number and not (trainings.have_room() or self.stopping) and any(group.waiting for group in self._groups):
            time.sleep(TICK)
        with self._lock:
            open_groups = [group for group in self._groups if group.waiting]
            if not open_groups or self.stopping:
                return None
            best = max(open_groups, key=lambda group: group.cost / (group.threads + 1))
            best.threads += 1
            return best

    def take(self, group, number):
        """The next jobs of a group, at most so many; none if it is time to stop."""
        with self._lock:
            taken = [group.waiting.popleft() for _ in range(0 if self.stopping else min(number, len(group.waiting)))]
            group.cost -= sum(job.cost for job in taken)
            return taken

    def networks_at_once(self, group):
        """How many networks a thread takes at a time."""
        enough = int(OPERATIONS / (operations(group.sizes) * group.rows)) + 1
        with self._lock:
            return max(1, min(enough, AT_ONCE, ROWS_AT_ONCE // group.rows, -(-len(group.waiting) // self._threads)))

    def epochs_at_once(self, group, slots):
        """How many epochs of the networks in some slots are done without a look at whether it is time to stop."""
        return int(BETWEEN_LOOKS / (operations(group.sizes) * group.rows * len(slots))) + 1

    def may_go_on(self, epochs):
        """Whether a training that has done so many epochs goes on: a time limit lets each have its first one."""
        return not (self.stopping and (epochs or self.interrupted or self._problem is not None))

    def interrupt(self):
        """Ctrl-C: what trains ends, even in its first epoch."""
        self.interrupted = self.stopping = True

    def ends(self, job, outcome):
        """A training has ended."""
        job.outcome = outcome
        with self._lock:
            self.done += outcome != "interrupted"


class OneByOne:
    """Trainings by an engine of their own."""

    def __init__(self, scheduler, group):
        self._scheduler, self._group = scheduler, group

    def run(self):
        for job in self._scheduler.take(self._group, 1):
            X, D, weight = job.data
            weight = np.ones(len(X), X.dtype) if weight is None else weight
            outcome = None
            try:
                task = task_of(job.how, X, D, weight, index=job.index, unsmoothed=job.unsmoothed)
                calling_back = self._scheduler.calling_back
                history = train_alone(task, 1, should_continue=self._scheduler.may_go_on, calling_back=calling_back)
            except Diverged as problem:
                history, outcome = problem.history, "diverged"
            job.loss, job.validation_loss, job.best_epoch = history.loss, history.validation_loss, history.best_epoch
            self._scheduler.ends(job, outcome or history.outcome)
