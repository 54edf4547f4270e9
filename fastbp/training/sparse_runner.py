"""An epoch over sparse samples as one compiled call: lays out what it needs once, and holds the threads together."""

import contextlib

import numpy as np

from fastbp.lecture.codes import NO_STEP, RULE
from fastbp.lecture.layout import goes_on, has_diagonal, layers_above, trained_count, widen
from fastbp.threads.cores import trainings
from fastbp.threads.slices import Slices


class SparseRunner:
    """What `EpochRunner` is, for X that is a tuple: starts (N + 1), inputs (n) and values (n) of a CSR matrix.

    While an epoch runs, the weights of the first layer lie with a row for each input. Those of `moments` always do
    (see `arrange`), also those that a diagonal is trained with, in its last row.

    Parameters
    ----------
    theta, layers, batch_size, settings, moments, threads
        As in `EpochRunner`.
    stored : float
        Numbers that a mini-batch stores, about.
    theta_stays : bool
        Whether nobody else changes theta between two epochs.

    Attributes
    ----------
    gradient : ndarray, as theta
        That of the last mini-batch, where the rule is NO_STEP; of any other without the first layer's weights.
    """

    def __init__(self, theta, layers, batch_size, settings, moments, threads, stored, theta_stays):
        from fastbp.engine import entries, heuristics, team, workspace

        self._entries, self._batch_size, self._theta, self._layers = entries, batch_size, theta, layers
        self._settings, self._moments, self._within = settings, moments, contextlib.ExitStack()
        self._of_first, receiving = layers["biases_at"].item(0), layers["receiving"].item(0)
        self._first, self._theta_above = theta[: self._of_first].reshape(receiving, -1), theta[self._of_first :]
        self._v, self._above = np.empty(self._first.shape[::-1], theta.dtype), layers_above(layers)
        self._is_current, self._theta_stays, self._wide = False, theta_stays, None
        self._w, self._f = self._v, np.empty(0, theta.dtype)
        if has_diagonal(layers):
            self._wide, self._moments = moments[-1], moments[:-1]
            self._w = self._wide[: self._of_first].reshape(self._v.shape)
            self._f = self._wide[theta.size : trained_count(layers)]
        self._df = np.empty_like(self._f)
        self._keeps = settings[RULE] == NO_STEP
        self._dw = np.empty(self._v.shape if self._keeps else (0, receiving), theta.dtype)
        self.gradient = np.empty_like(theta if self._keeps else self._theta_above)
        flops = heuristics.flops_of_sparse_step(layers, batch_size, stored)
        threads = heuristics.threads_for_flops(flops, threads)
        self._team = self._within.enter_context(team.Team(threads))
        self._slices = Slices(threads, flops)
        self._places, self._scratch = workspace.plan(self._above, batch_size, theta.dtype, threads)
        self._sums = np.zeros((2, workspace.blocks_of(self._theta_above.size)))
        self._of_samples = workspace.plan_of_sparse(layers, batch_size, theta.dtype, threads)
        self._by_input = np.empty(len(self._v), np.int64), np.empty(0, np.int32), np.empty(0, theta.dtype)

    def __enter__(self):
        self._within.enter_context(trainings)
        return self

    def __exit__(self, *exception):
        return self._within.__exit__(*exception)

    def run(self, X, D, weight, order, rates, first_step, report, between=None):
        """A step for each mini-batch of `order`: arguments as in `EpochRunner.run`, but for X."""
        self._make_room(X[0], order)
        if not self._is_current:
            self._follow()
        above = slice(self._of_first, self._theta.size)
        moments_above = np.ascontiguousarray(self._moments[:, above])
        try:
            self._run(X, D, weight, order, rates, first_step, report, between, moments_above)
        finally:
            if self._keeps:
                np.copyto(self.gradient[: self._of_first].reshape(self._first.shape), self._dw.T)
            else:
                np.copyto(self._first, self._v.T)
                self._is_current = self._theta_stays
                self._moments[:, above] = moments_above
                if self._wide is not None:
                    self._wide[above] = self._theta_above
                    self._wide[trained_count(self._layers) :] = self._first.ravel()

    def _follow(self):
        """The weights of the first layer are those of theta, and so are those that the diagonal is trained with."""
        np.copyto(self._v, self._first.T)
        if self._wide is not None and not goes_on(self._theta, self._layers, self._wide):
            widen(self._theta, self._layers, self._wide)
            np.copyto(self._w, self._v)

    def _run(self, X, D, weight, order, rates, first_step, report, between, moments_above):
        size, gradient = self._batch_size, self.gradient[-len(self._theta_above) :]
        by_sample, blocks, sums, norms = self._of_samples
        of_inputs = self._by_input, by_sample, blocks, sums, self._dw
        memory = (self._scratch, gradient, self._places, self._sums), of_inputs, norms
        parameters = (self._v, self._w, self._f, self._df), self._theta_above
        update = self._settings, self._moments, moments_above
        with np.errstate(all="ignore"):  # a training that diverges is reported by the caller, once
            for part, threads in self._slices.of(len(rates)):
                if between and part.start:
                    between()
                rows = order[part.start * size : part.stop * size]
                steps = rates[part], first_step + part.start, update
                arguments = parameters, self._above, (X, D, weight), rows, size, steps, memory, report[part]
                self._team.run(self._entries.sparse_epoch, *arguments, threads=threads)

    def _make_room(self, starts, order):
        """For what the fullest mini-batch stores."""
        stored = np.add.reduceat(np.diff(starts)[order], np.arange(0, len(order), self._batch_size))
        ends, who, values = self._by_input
        if stored.max() > len(who):
            who, values = (np.empty(stored.max(), array.dtype) for array in (who, values))
            self._by_input = ends, who, values


def arrange(moments, layers, by_inputs):
    """Have the first layer's moments, which lie as theta does, lie with a row for each input, or the other way round.

    So do the weights that a diagonal is trained with; those of the passes behind them stay.

    Parameters
    ----------
    moments : ndarray of shape (rows, p)
        Changed in place.
    layers : ndarray
        The table of the layers.
    by_inputs : bool
        Whether they are to have a row for each input.
    """
    sending, receiving, first = layers["sending"].item(0), layers["receiving"].item(0), layers["biases_at"].item(0)
    before = (receiving, sending) if by_inputs else (sending, receiving)
    for row in moments:
        row[:first] = row[:first].reshape(before).T.ravel()
