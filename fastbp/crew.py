"""Threads that train what is in the bins, one bin after the other."""

import threading
import time
import warnings

import numpy as np

from fastbp.bins import operations
from fastbp.cores import trainings
from fastbp.progress import shown
from fastbp.slots import NetworksInSlots
from fastbp.training import Diverged, train_alone
from fastbp.workers import Workers

OPERATIONS, SLOTS = 1e7, 1024  # networks that a thread trains at a time: as many as have so many to do in an epoch,
# which makes the time between two epochs small, and not more, so that those that end early make room
TICK = 0.1  # seconds between two looks at the clock
ROWS_OF_SLOTS = 1 << 22  # and not more than have so many rows to visit


class Crew:
    """Threads that train what is in the bins, the costliest first.

    Parameters
    ----------
    bins : list of Bin
    threads : int
    in_slots, alone : callable
        What trains a bin, called as `in_slots(crew, bin).run()` for one whose networks share lanes.

    Attributes
    ----------
    done : int
        Trainings that have ended.
    stopping : bool
        Whether what trains shall end after its epoch.
    """

    def __init__(self, bins, threads, in_slots=NetworksInSlots, alone=None):
        self._bins, self._lock, self._ways = bins, threading.Lock(), (alone or Alone, in_slots)
        self._threads, self.done, self.stopping, self._problem = threads, 0, False, None

    def train(self, time_limit, progress):
        """Trains all, or until the time is over, or Ctrl-C; returns seconds.

        Parameters
        ----------
        time_limit : float or None
            Seconds.
        progress : bool or callable
            As in `train_many`.
        """
        begin, total = time.monotonic(), sum(len(bin.waiting) for bin in self._bins)
        workers = Workers(self._work, self._threads)
        with shown(progress, total) as show:
            try:
                workers.start()
                while not workers.all_left(TICK):
                    seconds = time.monotonic() - begin
                    show(self.done, total, seconds)
                    if time_limit is not None and seconds >= time_limit:
                        break
            except KeyboardInterrupt:
                message = "the training was interrupted; what is there is returned"
                warnings.warn(message, RuntimeWarning, stacklevel=4)
            finally:
                self.stopping = True
                workers.leave()
            show(self.done, total, time.monotonic() - begin)
        if self._problem:
            raise self._problem
        return time.monotonic() - begin

    def _work(self, number):
        try:
            with np.errstate(all="ignore"):
                while (taken := self._next_bin(number)) is not None:
                    self._ways[taken.shared](self, taken).run()
                    with self._lock:
                        taken.workers -= 1
        except BaseException as problem:
            self._problem, self.stopping = problem, True

    def _next_bin(self, number):
        """What is to be trained next; threads but the first wait while other trainings have all cores."""
        while number and not (trainings.have_room() or self.stopping) and any(bin.waiting for bin in self._bins):
            time.sleep(TICK)
        with self._lock:
            open_bins = [bin for bin in self._bins if bin.waiting]
            if not open_bins or self.stopping:
                return None
            best = max(open_bins, key=lambda bin: bin.cost / (bin.workers + 1))
            best.workers += 1
            return best

    def take(self, bin, number):
        """The next trainings of a bin, at most so many; none if it is time to stop."""
        with self._lock:
            taken = [bin.waiting.popleft() for _ in range(0 if self.stopping else min(number, len(bin.waiting)))]
            bin.cost -= sum(training.cost for training in taken)
            return taken

    def slots_for(self, bin):
        """How many networks a thread takes at a time."""
        enough = int(OPERATIONS / (operations(bin.sizes) * bin.rows)) + 1
        with self._lock:
            return max(1, min(enough, SLOTS, ROWS_OF_SLOTS // bin.rows, -(-len(bin.waiting) // self._threads)))

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
        for training in self._crew.take(self._bin, 1):
            work, outcome = training.work, "finished"
            X, D, weight = training.data
            weight = np.ones(len(X), X.dtype) if weight is None else weight
            try:
                history = train_alone(work, X, D, weight, 1, goes_on=lambda: not self._crew.stopping)
            except Diverged as problem:
                history, outcome = problem.history, "diverged"
            training.loss, training.validation_loss = history.loss, history.validation_loss
            training.best_epoch = history.best_epoch
            if outcome == "finished" and len(history.loss) < work.epochs:
                outcome = "interrupted" if self._crew.stopping else "stopped"
            self._crew.ends(training, outcome)
