"""The one loop over epochs: of `train`, of the estimators' stochastic fits, of `train_table`.

What an epoch is, and what follows from its loss, a *task* knows:

    task.theta                       the parameters, changed in place
    task.epochs                      at most so many
    task.train(between)              an epoch of steps; its loss. Calls between() now and then; raises what there is
                                     to raise if the loss or a parameter is no longer finite: an error, or Ended
    task.validate()                  the validation loss or score after it, or None
    task.update(epoch, loss, validated, seconds)
                                     takes note; whether these parameters are to be kept, and whether the training ends
    task.network, task.estimator, task.index, task.validated_by
                                     what callbacks are told; which of the two `validate` gives
"""

import contextlib
import time

import numpy as np

from fastbp import caller
from fastbp.training.history import TrainingState, asked_to_end
from fastbp.validation import counted

BLOCK = 0.01  # seconds of several epochs that are trained at once: Ctrl-C waits so long at most
MOST = 1000  # epochs of a block


class Unfinished(Exception):
    """An epoch was told to end on its way."""


class Ended(Exception):
    """An epoch has failed, which ends the training and does not count."""


class Loop:
    """Epochs until one of these ends them: their number, the task, a callback, the time limit, Ctrl-C, or who asked for
    the training.

    Parameters
    ----------
    task : object
        As above.
    callbacks : sequence of callable
        Called with a TrainingState after each epoch.
    shown : Silent
        Where progress is shown.
    time_limit : float or None
        Seconds. The first epoch is always completed; a later one is dropped where they end within it.
    should_continue : callable
        Asked after each epoch and between slices of one, with the number of those done; the training ends, with the
        last whole epoch, if it says no.
    checkpointer : Checkpointer or None
    calling_back : context manager
        In which callbacks are called.
    one_of_many : bool
        Whether Ctrl-C is meant for others, too, and is raised, however much is done.
    blocks : optional
        Trains several epochs at once, in place of `task.train` and all that would look at each of them:
        `blocks.run(kept, epochs)` makes some, at most so many, whose parameters go to `kept`; `blocks.noted()` takes
        note of those that are done, and returns their number and whether the training ends.
    all_epochs : callable, optional
        Makes the loop itself, in place of `task.train`: called as `all_epochs(between, after)`, it calls `between()`
        now and then and `after(loss, begin)`, which is `end_epoch`, when theta has the parameters of an epoch.

    Attributes
    ----------
    epoch : int
        Epochs done.
    outcome : {"finished", "stopped", "interrupted"}
    kept : ndarray
        The parameters to be kept: theta gets them in the end.
    """

    def __init__(
        self, task, callbacks=(), shown=None, time_limit=None, should_continue=lambda epochs: True, checkpointer=None,
        calling_back=contextlib.nullcontext(), blocks=None, one_of_many=False, all_epochs=None,
    ):  # fmt: skip
        self.task, self.epoch, self.outcome, self.kept = task, 0, "finished", task.theta.copy()
        self._callbacks, self._shown, self._time_limit = callbacks, shown, time_limit
        self._should_continue, self._checkpointer, self._calling_back = should_continue, checkpointer, calling_back
        self._begin, self._blocks, self._one_of_many = time.monotonic(), blocks, one_of_many
        self._all_epochs = all_epochs

    def run(self):
        """Trains. Ctrl-C ends it, with a warning, if an epoch is done, and is raised else."""
        ended = self.outcome != "finished"
        try:
            if self._all_epochs and self.task.epochs > 0:
                self._all_epochs(self._between, self.end_epoch)
            while not self._all_epochs and self.epoch < self.task.epochs and not ended:
                begin = time.perf_counter()
                ended = self._block() if self._blocks else self.end_epoch(self.task.train(self._between), begin)
        except Unfinished:
            self.outcome = "interrupted"
        except Ended:
            self.outcome = "stopped"
            if self._checkpointer:
                self._checkpointer.ended()
        except KeyboardInterrupt:
            self.interrupt()
        finally:
            np.copyto(self.task.theta, self.kept)

    def interrupt(self):
        """Ctrl-C is being handled: it is raised again if no epoch is done yet, or for others; else it is a warning."""
        if self.epoch == 0 or self._one_of_many:
            raise
        self.outcome = "interrupted"
        caller.warn(f"the training was interrupted after {counted(self.epoch, 'epoch')}")

    def end_epoch(self, loss, begin):
        """What follows from an epoch with finite parameters; whether the training ends.

        Parameters
        ----------
        loss : float
        begin : float
            When it began, by `time.perf_counter`.
        """
        task, epoch = self.task, self.epoch + 1
        validated = task.validate()
        seconds = time.monotonic() - self._begin
        try:
            if self._shown:
                figures = {} if validated is None else {"validation": validated}
                self._shown.show(epoch, task.epochs, seconds, loss=loss, **figures)
        finally:  # Ctrl-C may strike while it is shown: the epoch counts
            keep, ends = task.update(epoch, loss, validated, time.perf_counter() - begin)
            if keep:
                np.copyto(self.kept, task.theta)
            self.epoch, self.outcome = epoch, "stopped" if ends else "finished"
        if self._checkpointer:
            self._checkpointer.after(self, ends)
        if self._call_back(loss, validated, seconds):
            self.outcome = "stopped"
        return self._ends()

    def _block(self):
        """Some epochs at once; whether the training ends."""
        self._between()
        try:
            self._blocks.run(self.kept, self.task.epochs - self.epoch)
        finally:  # Ctrl-C may strike when they are done: they count
            epochs, ends = self._blocks.noted()
            self.epoch, self.outcome = self.epoch + epochs, "stopped" if ends else "finished"
        return self._ends()

    def _ends(self):
        """Whether the training ends: nobody may have said so yet."""
        if self.outcome == "finished" and self.epoch < self.task.epochs and not self._may_go_on():
            self.outcome = "interrupted"
        return self.outcome != "finished" or self.epoch >= self.task.epochs

    def _may_go_on(self):
        """Whether neither who asked for the training nor the clock ends it."""
        if self._time_limit is not None and time.monotonic() - self._begin >= self._time_limit and self.epoch > 0:
            if self._shown:
                self._shown.say(f"The time limit of {self._time_limit:g} seconds is over.")
            return False
        return self._should_continue(self.epoch)

    def _between(self):
        """Between two slices of an epoch."""
        if not self._may_go_on():
            raise Unfinished

    def _call_back(self, loss, validated, seconds):
        """Whether a callback asks for the end; all are called."""
        if not self._callbacks:
            return False
        task = self.task
        state = TrainingState(
            self.epoch, task.epochs, float(loss), seconds, task.network, estimator=task.estimator, index=task.index,
            **({} if validated is None else {task.validated_by: float(validated)}),
        )  # fmt: skip
        with self._calling_back:
            return asked_to_end(self._callbacks, state)
