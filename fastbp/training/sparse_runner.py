"""An epoch over sparse samples as one compiled call: lays out what it needs once, and holds the threads together."""

import contextlib

import numpy as np

from fastbp.lecture.codes import NO_STEP, RULE
from fastbp.lecture.layout import layers_above
from fastbp.threads.cores import trainings
from fastbp.threads.slices import Slices


class SparseRunner:
    """What `EpochRunner` is, for X that is a tuple: starts (N + 1), inputs (n) and values (n) of a CSR matrix.

    While an epoch runs, the weights of the first layer lie with a row for each input. Those of `moments` always do
    (see `arrange`).

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

        self._entries, self._batch_size = entries, batch_size
        self._settings, self._moments, self._within = settings, moments, contextlib.ExitStack()
        self._of_first, receiving = layers["biases_at"].item(0), layers["receiving"].item(0)
        self._first, self._theta_above = theta[: self._of_first].reshape(receiving, -1), theta[self._of_first :]
        self._w, self._above = np.empty(self._first.shape[::-1], theta.dtype), layers_above(layers)
        self._is_current, self._theta_stays = False, theta_stays
        self._keeps = settings[RULE] == NO_STEP
        self._dw = np.empty(self._w.shape if self._keeps else (0, receiving), theta.dtype)
        self.gradient = np.empty_like(theta if self._keeps else self._theta_above)
        flops = heuristics.flops_of_sparse_step(layers, batch_size, stored)
        threads = heuristics.threads_for_flops(flops, threads)
        self._team = self._within.enter_context(team.Team(threads))
        self._slices = Slices(threads, flops)
        self._places, self._scratch = workspace.plan(self._above, batch_size, theta.dtype, threads)
        self._sums = np.zeros((2, workspace.blocks_of(self._theta_above.size)))
        self._of_samples = workspace.plan_of_sparse(layers, batch_size, theta.dtype, threads)
        self._by_input = np.empty(len(self._w), np.int64), np.empty(0, np.int32), np.empty(0, theta.dtype)

    def __enter__(self):
        self._within.enter_context(trainings)
        return self

    def __exit__(self, *exception):
        return self._within.__exit__(*exception)

    def run(self, X, D, weight, order, rates, first_step, report, between=None):
        """A step for each mini-batch of `order`: arguments as in `EpochRunner.run`, but for X."""
        self._make_room(X[0], order)
        if not self._is_current:
            np.copyto(self._w, self._first.T)
        moments_above = np.ascontiguousarray(self._moments[:, self._of_first :])
        try:
            self._run(X, D, weight, order, rates, first_step, report, between, moments_above)
        finally:
            if self._keeps:
                np.copyto(self.gradient[: self._of_first].reshape(self._first.shape), self._dw.T)
            else:
                np.copyto(self._first, self._w.T)
                self._is_current = self._theta_stays
                self._moments[:, self._of_first :] = moments_above

    def _run(self, X, D, weight, order, rates, first_step, report, between, moments_above):
        size, gradient = self._batch_size, self.gradient[-len(self._theta_above) :]
        by_sample, blocks, sums, norms = self._of_samples
        of_inputs = self._by_input, by_sample, blocks, sums, self._dw
        memory = (self._scratch, gradient, self._places, self._sums), of_inputs, norms
        parameters, update = (self._w, self._theta_above), (self._settings, self._moments, moments_above)
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
