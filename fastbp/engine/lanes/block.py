"""A block of networks of one kind that share lanes: where they lie, and what an epoch of all of them is.

A slot is a place for one network, a lane of a group. Networks move into slots and out of them between epochs, so one
that has ended makes room for the next. Narrow networks may share a block with wider ones: the units that they do not
have are 0 (`masked`).
"""

import itertools

import numpy as np

from fastbp.engine import entries, workspace
from fastbp.engine.lanes.notes import NUMBERS, REPORTED
from fastbp.engine.workspace import STATE_WORDS, STREAM_WORDS
from fastbp.lecture import codes
from fastbp.lecture.layout import biases, layer_table, parameter_count, parameters_of, weights


class Block:
    """Slots for networks of one kind.

    Parameters
    ----------
    layers : ndarray
        The table of the widest of them.
    dtype : numpy.dtype
    slots : int
        Rounded up to whole groups.
    rows : int
        The most samples that one of them visits in an epoch.
    batch_size : int
    moments : int
        Rows of memory of the rule.
    settings : ndarray
        Of one of them: an empty slot must have the rule of the others.
    masked : bool
        Whether some are narrower than `layers`.
    """

    def __init__(self, layers, dtype, slots, rows, batch_size, moments, settings, masked):
        self.lanes = L = workspace.lanes_of_dtype(dtype)
        groups, parameters = -(-slots // L), parameters_of(layers)
        self.layers, self.dtype, self.slots, self.batch_size = layers, dtype, groups * L, batch_size
        self._by_four = batch_size > 1
        samples = 4 if self._by_four else 1
        self.theta = shaped((groups, parameters, L), dtype)
        self.moments = shaped((groups, moments, parameters, L), dtype)
        self.settings = shaped((groups, codes.SETTINGS, L), np.float64)
        self.settings[:] = settings[:, None]
        self.rows, self.own_rows = (shaped((groups, rows, L), np.int64) for _ in range(2))
        self.counts, self.weight_of = (shaped((groups, L), np.int64) for _ in range(2))
        self.streams, self.stream_of = shaped((groups, L, STREAM_WORDS), np.int64), np.full((groups, L), -1)
        self.weight_of[:] = -1
        self.rates = shaped((groups, -(-rows // batch_size), L), np.float64)
        self.first_step = shaped((groups, 1, L), np.float64)
        self.widths = shaped((groups, len(layers), L), np.int64)
        self._places = workspace.places_of_lanes(layers, dtype)
        self._values = shaped((int(self._places[workspace.ROWS]), samples, L), dtype)
        self._spare = shaped((2 + moments, parameters, L), dtype)
        self._numbers = shaped((NUMBERS, L), np.float64)
        self._report, self._done = shaped((groups, 1, REPORTED, L), np.float64), np.zeros(groups, np.int64)
        self._order, self._drawn = np.zeros((1, rows), np.int64), np.zeros((1, 2, STREAM_WORDS + 1), np.int64)
        self._errors = shaped((groups, L), np.float64)
        self._masked, self._plain = masked, is_plain(settings)

    def of_slot(self, array, slot):
        """The part of an array (groups, ..., lanes) that belongs to a slot: a view."""
        return array[slot // self.lanes, ..., slot % self.lanes]

    def split(self, slots):
        """The groups and the lanes of some slots, as index vectors."""
        return slots // self.lanes, slots % self.lanes

    def by_slot(self, array):
        """An array (groups, ..., lanes) as (slots, ...)."""
        return np.moveaxis(array, -1, 1).reshape(self.slots, *array.shape[1:-1])

    def enter(self, slots, places, thetas, widths, settings, weight_of, rows):
        """Networks of one shape move in: their parameters go to `places`, their memory is 0.

        Parameters
        ----------
        slots, places : ndarray of int
        thetas, settings, weight_of : list
            One for each slot.
        widths : tuple
            Units of the hidden layers.
        rows : int
            Samples that each visits in an epoch.
        """
        groups, lanes = self.split(slots)
        self.theta[groups[:, None], places, lanes[:, None]] = thetas
        self.settings[groups, :, lanes] = settings
        self.widths[groups, : len(widths), lanes] = widths
        self.weight_of[groups, lanes] = weight_of
        self.counts[groups, lanes] = rows
        self.first_step[groups, 0, lanes] = 0

    def leave(self, slots):
        """The slots are empty from now on."""
        groups, lanes = self.split(slots)
        self.counts[groups, lanes] = 0
        self.theta[groups, :, lanes] = 0
        self.moments[groups, :, :, lanes] = 0
        self.rows[groups, :, lanes] = 0
        self.stream_of[groups, lanes] = -1

    def shuffle(self, slots, numbers, words, rows):
        """Each epoch of some slots has an order of its own of their rows (n, or slots and n).

        Those of the same number have the same stream, given by its words, and rows.
        """
        groups, lanes = self.split(slots)
        self.own_rows[groups, : rows.shape[-1], lanes] = rows
        self.stream_of[groups, lanes], self.streams[groups, lanes] = numbers, words

    def finite(self):
        """Whether the parameters of each slot are finite, (slots,)."""
        finite = np.isfinite(self.theta)
        if finite.all():  # as they nearly always are; by slots it takes five times as long
            return np.ones(self.slots, bool)
        return self.by_slot(finite.all(axis=1))

    def copy_of(self, chosen, out):
        """The parameters of the chosen slots (a bool for each) into `out`, an array as `theta`."""
        where = True if chosen.all() else chosen.reshape(self.counts.shape)[:, None, :]
        np.copyto(out, self.theta, where=where)

    def epochs(self, X, D, weight, n, kept):
        """At most n epochs of all: a group ends with the one in which the numbers of a network are no longer finite.

        Parameters
        ----------
        X, D, weight : ndarray
        n : int
        kept : ndarray
            As `theta`. If n is above 1 it becomes `theta` before the last epoch of each group.

        Returns
        -------
        report, done : ndarray
            Shapes (slots, n, 3) and (slots,): what each epoch tells (rows LOSS, ... of `notes`), and how many there
            were.
        """
        kernel = entries.epochs_by_four if self._by_four else entries.epochs_by_one
        if n != self._report.shape[1]:
            self._report = shaped((len(self.theta), n, REPORTED, self.lanes), np.float64)
            self._order, self._drawn = (np.zeros((n, *had.shape[1:]), np.int64) for had in (self._order, self._drawn))
        visits = self.rows, self.counts, self.weight_of, self.batch_size
        steps = self.rates, self.first_step, self.settings, self.moments, self._plain
        memory, units = (self._places, self._values, self._spare, self._numbers), (self.widths, self._masked)
        orders = self.streams, self.stream_of, self.own_rows, self._order, self._drawn
        told = orders, kept, self._report, self._done
        kernel(self.theta, self.layers, (X, D, weight), visits, steps, units, memory, told)
        return self.by_slot(self._report), np.repeat(self._done, self.lanes)

    def errors(self, X, D, weight, rows, counts):
        """The mean error of each network over rows of its own (groups, n, lanes), of which the first `counts` count."""
        kernel = entries.errors_by_four if self._by_four else entries.errors_by_one
        visits, units = (rows, counts, self.weight_of), (self.widths, self._masked)
        memory = self._places, self._values, self._numbers
        kernel(self.theta, self.layers, (X, D, weight), visits, self.settings, units, memory, self._errors)
        return self._errors


def is_plain(settings):
    """As that of tiles/updates.py, which is compiled: whether a step is w <- w - eta dE/dw and nothing else."""
    limits = settings[[codes.L1, codes.L2, codes.MAX_NORM, codes.CLIP_NORM]]
    return bool(settings[codes.RULE] == codes.SGD and not limits.any())


def shaped(shape, dtype):
    """An array of zeros that begins with a cache line."""
    return workspace.aligned(int(np.prod(shape)), np.dtype(dtype)).reshape(shape)


def places_in(sizes, widest):
    """Where the parameters of a network lie in those of a wider one of the same depth: an index vector."""
    if tuple(sizes) == tuple(widest):
        return np.arange(parameter_count(sizes))
    wide = layer_table(widest, [0] * (len(widest) - 1), 0)
    numbers, places = np.arange(parameter_count(widest)), []
    for w, b, (sending, receiving) in zip(
        weights(numbers, wide), biases(numbers, wide), itertools.pairwise(sizes), strict=True
    ):
        places += [w[:receiving, :sending].ravel(), b[:receiving]]
    return np.concatenate(places)


def words_of(state):
    """The words of a stream of PCG64 (its places in `workspace`), of what `RowSampler.state` tells."""
    words = [number >> 32 * k & 0xFFFFFFFF for number in (state["state"], state["inc"]) for k in range(STATE_WORDS)]
    return [*words, state["has_uint32"], state["uinteger"]]


class Weights:
    """The different weights of samples that networks of a block have, as the rows of one matrix."""

    def __init__(self, X):
        self._rows, self._numbers, self._matrix = [], {}, np.empty((0, len(X)), X.dtype)

    def number(self, weight):
        """The number of a vector of weights, which is kept."""
        if id(weight) not in self._numbers:
            self._numbers[id(weight)] = len(self._rows)
            self._rows.append(weight)
            self._matrix = None
        return self._numbers[id(weight)]

    def matrix(self):
        """All of them (w, N), read-only as kernels see it."""
        if self._matrix is None:
            self._matrix = np.stack(self._rows)
        self._matrix.flags.writeable = False
        return self._matrix
