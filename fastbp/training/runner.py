"""An epoch as one compiled call: chooses the kernel, lays out what it needs once, and holds the threads together."""

import contextlib

import numpy as np

from fastbp.lecture.layout import has_diagonal, narrow, scratch_for, trained_count, wide_count, widen
from fastbp.threads.cores import trainings
from fastbp.threads.slices import Slices, Whole

VERSIONS = ("engine", "tiles", "loops", "matrix")
STEPS_OF_AN_ORDER = 16  # an epoch of fewer is not worth an order of the weights of its own


def shape_of_moments(rows, theta, layers):
    """That of the memory of a rule with so many rows: with a diagonal the last row holds all that is trained."""
    return (rows + 1, wide_count(layers)) if has_diagonal(layers) else (rows, theta.size)


class EpochRunner:
    """Epochs over mini-batches of one network, for as long as the `with` block lasts.

    Parameters
    ----------
    theta, layers
        The parameters, changed in place, and the table of the layers.
    batch_size : int
        Samples in a mini-batch; the last of an epoch may have fewer.
    settings, moments
        What `update` reads, and the memory of its rule, of the shape that `shape_of_moments` gives. A diagonal begins
        anew if its row is 0, or has come to other first weights.
    version, threads
        As in `train`.
    slices : Slices, optional
        How epochs are cut, and how many threads share each part.

    Attributes
    ----------
    gradient : ndarray, as theta
        That of the last mini-batch, where the rule is NO_STEP; with any other it is scratch.
    """

    def __init__(self, theta, layers, batch_size, settings, moments, version="engine", threads=None, slices=None):
        self._narrow = None
        if has_diagonal(layers):
            self._narrow, theta, moments = theta, moments[-1], moments[:-1]
            widen(self._narrow, layers, theta)
        self._theta, self._layers, self._batch_size = theta, layers, batch_size
        self._settings, self._moments = settings, moments
        self.gradient = np.empty_like(theta)
        self._version, self._within, self._kernel = version, contextlib.ExitStack(), None
        self._places = self._by_samples = self._order = None
        if version == "matrix":
            from fastbp.lecture import matrix

            self._set_lecture(matrix.epoch.unchecked, matrix.mean_error.unchecked, matrix.mean_of_batches.unchecked)
            self._slices = Whole()
            self._scratch = scratch_for(layers, batch_size, theta.dtype)
            return
        from fastbp.engine import entries, evaluation, heuristics, team, workspace  # here: matrix needs none
        from fastbp.lecture import entries as loops

        if version == "engine":
            self._version = heuristics.version_for(layers, batch_size, settings, theta.dtype)
        self._set_lecture(loops.epoch, loops.mean_error, loops.mean_of_batches)
        self._threads = 1
        if self._version == "loops":
            self._scratch = scratch_for(layers, 1, theta.dtype)
        elif self._version == "few":
            self._places, self._scratch = workspace.plan_of_few(layers, batch_size, theta.dtype)
            self._kernel = entries.epoch_of_few
        else:
            self._threads = heuristics.threads_for(layers, batch_size, theta.dtype, threads)
            in_order = self._narrow is not None  # factors of the inputs are multiplied with columns
            by_units = not in_order and heuristics.prefers_units(layers, batch_size, settings, theta.dtype)
            rows_of_x = by_units or heuristics.prefers_inputs(layers, theta.dtype)
            self._places, self._scratch = workspace.plan(layers, batch_size, theta.dtype, self._threads, rows_of_x)
            self._kernel = entries.epoch
            self._by_samples = workspace.by_samples(self._places)
            self._order = _Order(theta, layers, moments, self._places, self.gradient) if by_units else None
        if self._kernel:
            self._sums, self._memory_of_errors = np.zeros((2, workspace.blocks_of(trained_count(layers)))), None
            self._evaluation, self._entries = evaluation, entries
            self._team, self._board = self._within.enter_context(team.Team(self._threads)), team.ALONE
        self._slices = slices or Slices(self._threads, heuristics.flops_of_step(layers, batch_size))

    @property
    def _in_order(self):
        """Places for epochs whose weights stay in the lecture's order."""
        return self._by_samples if self._order else self._places

    def _set_lecture(self, epoch, mean_error, mean_of_batches):
        self._epoch, self._mean_error, self._mean_of_batches = epoch, mean_error, mean_of_batches

    def __enter__(self):
        self._within.enter_context(trainings)
        return self

    def __exit__(self, *exception):
        return self._within.__exit__(*exception)

    def mean_error(self, X, D, weight, rows):
        """The weighted mean error of some rows, without dropout.

        Parameters
        ----------
        X, D, weight : ndarray of shape (N, inputs), (N, outputs), (N,)
            As in `run`.
        rows : ndarray of int64
        """
        with np.errstate(all="ignore"):
            if self._kernel:
                memory = self._memory_for_errors(len(rows))
                return self._evaluation.mean_error(
                    self._theta, self._layers, (X, D, weight), rows, memory, self._team, self._slices.best
                )
            samples = 1 if self._version == "loops" else len(rows)
            scratch = scratch_for(self._layers, samples, self._theta.dtype)
            return self._mean_error(self._theta, self._layers, (X, D, weight), rows, scratch)

    def _memory_for_errors(self, rows):
        """Of the passes without a gradient: threads that take whole chunks need scratch of their own."""
        if self._memory_of_errors is None:
            workspace, dtype = self._evaluation.workspace, self._theta.dtype
            if self._version == "few":
                places, scratch = workspace.plan(self._layers, rows, dtype, 1)
            else:
                places, scratch = self._by_samples, self._scratch
            if self._threads > 1:
                scratch = workspace.scratch_of(places, self._threads, dtype)
            self._memory_of_errors = scratch, places
        return self._memory_of_errors

    def run(self, X, D, weight, order, rates, first_step, report, between=None):
        """A step for each mini-batch of `order`; the mean of the errors met on the way.

        Parameters
        ----------
        X, D, weight : ndarray of shape (N, inputs), (N, outputs), (N,)
            Samples, targets and weights, as `validation` hands them out.
        order : ndarray of int64
            The rows, a mini-batch after the other.
        rates : ndarray of float64, shape (batches,)
        first_step : int
            Steps made before.
        report : ndarray of float64, shape (batches, 3)
            Receives of each mini-batch what `codes.py` lists.
        between : callable, optional
            Called between slices of the epoch. What it raises ends the epoch there.
        """
        size, own_order = self._batch_size, self._order if len(rates) >= STEPS_OF_AN_ORDER else None
        places = self._places if own_order else self._in_order
        if self._narrow is not None:  # which a callback may have changed
            widen(self._narrow, self._layers, self._theta)
        try:
            if own_order:
                own_order.set(True)
            with np.errstate(all="ignore"):  # a training that diverges is reported by the caller, once
                for part, threads in self._slices.of(len(rates)):
                    if between and part.start:
                        between()
                    rows = order[part.start * size : part.stop * size]
                    steps = rates[part], first_step + part.start, self._settings, self._moments
                    arguments = self._theta, self._layers, (X, D, weight), rows, size, steps
                    if self._kernel:
                        memory = self._scratch, self.gradient, places, self._sums
                        self._team.run(self._kernel, *arguments, memory, report[part], threads=threads)
                    else:
                        self._epoch(*arguments, (self._scratch, self.gradient), report[part])
                if self._narrow is not None:
                    narrow(self._theta, self._layers, self._narrow)
                return float(self._mean_of_batches(report))
        finally:
            if own_order:
                own_order.set(False)

    def takes_several(self, batches):
        """Whether epochs of so many mini-batches are short, and for one thread alone: `run_several` takes such."""
        return self._version == "tiles" and self._narrow is None and self._slices.takes_whole(batches)

    def run_several(self, X, D, weight, order, rates, first_step, report, drawing, rule, counts, kept, losses):
        """Some epochs in one call, which Ctrl-C does not end.

        Parameters
        ----------
        X to report
            As in `run`; the order is changed in place, the rates are those of each epoch.
        drawing : tuple of ndarray of uint32, shape (624,), and bool
            The key of a `RandomState`, and whether the order is shuffled before each epoch.
        rule, counts : ndarray of float64, of int64
            When to end, and what became of it: as `engine/tiles/notes.py` lists.
        kept : ndarray, as theta
            Receives the parameters after the last whole epoch.
        losses : ndarray of float64
            Receives those of as many epochs as it has room for.
        """
        steps = rates, first_step, self._settings, self._moments
        memory = self._scratch, self.gradient, self._in_order, self._sums
        with np.errstate(all="ignore"):
            self._entries.epochs(
                self._theta, self._layers, (X, D, weight), order, self._batch_size, steps, memory, report,
                (*drawing, rule, counts, kept, losses, self._board),
            )  # fmt: skip


class _Order:
    """The order of the first layer's weights, the lecture's or the engine's own, and the means to change it.

    Parameters
    ----------
    theta, layers, moments
        As in EpochRunner.
    places : ndarray
        Of the plan of the epochs.
    spare : ndarray, as theta
        Is written to.
    """

    def __init__(self, theta, layers, moments, places, spare):
        from fastbp.engine import entries

        self._set, self._arguments = entries.set_order, (theta, layers, moments, places, spare, np.zeros(1, np.int64))

    def set(self, in_panels):
        """The engine's own, `in_panels`, or the lecture's. Nothing happens where it is that already."""
        self._set(*self._arguments, int(in_panels))
