"""The engine's epoch as the tests call it: with the arguments of the lecture's, and its memory between guards.

And trainings whose epochs are cut as a test wants it.
"""

import contextlib
import itertools
import sys
import time

import numpy as np

import fastbp
from fastbp.engine import workspace
from fastbp.engine.team import Team
from fastbp.engine.tiles import axes, epoch, few
from tests.cases import UNCOMPILED

GUARDS = 64  # numbers on each side


def quiet_epoch(*args):
    """NumPy's warnings are for one thread, and compiled code has none."""
    with np.errstate(all="ignore"):
        return epoch.epoch(*args)


class Tiles:
    """`epoch` with the arguments of the lecture's, shared by so many threads.

    What it writes lies between guards, which must be there afterwards; what it has not written before it reads it is
    NaN.
    """

    kernel = staticmethod(quiet_epoch)

    def __init__(self, threads=1):
        self.threads = threads

    def plan(self, layers, batch_size, dtype):
        return workspace.plan(layers, batch_size, dtype, self.threads)

    def run(self, team, theta, layers, samples, order, batch_size, steps, memory, report):
        arguments = theta, layers, samples, order, batch_size, steps, memory, report
        team.run(self.kernel, *arguments, threads=self.threads)

    def epoch(self, theta, layers, samples, order, batch_size, steps, memory, report):
        (rates, first_step, settings, moments), (_, dtheta) = steps, memory
        places, scratch = self.plan(layers, batch_size, theta.dtype)
        guarded = [Guarded(array) for array in (theta, moments, np.full_like(scratch, np.nan), dtheta, report)]
        sums = Guarded(np.full((2, workspace.blocks_of(theta.size)), np.nan))
        inner = [each.inner for each in guarded]
        steps, memory = (rates, first_step, settings, inner[1]), (*inner[2:4], places, sums.inner)
        with Team(self.threads) as team:
            self.run(team, inner[0], layers, samples, order, batch_size, steps, memory, inner[4])
        for each in (*guarded, sums):
            each.check()
        theta[:], moments[:], dtheta[:], report[:] = inner[0], inner[1], *inner[3:]


class Few(Tiles):
    """The same by `epoch_of_few`."""

    @staticmethod
    def kernel(*args):
        with np.errstate(all="ignore"):
            return few.epoch_of_few(*args)

    def plan(self, layers, batch_size, dtype):
        return workspace.plan_of_few(layers, batch_size, dtype)


class AlongInputs(Tiles):
    """The same with the inputs of a first layer of few units along the vectors."""

    def plan(self, layers, batch_size, dtype):
        return workspace.plan(layers, batch_size, dtype, self.threads, rows_of_x=True)


class ByUnits(AlongInputs):
    """The same with the receiving units of the first layer along the vectors."""

    def run(self, team, theta, layers, samples, order, batch_size, steps, memory, report):
        spare, state = Guarded(np.full_like(theta, np.nan)), np.zeros(1, np.int64)
        how = theta, layers, steps[3], memory[2], spare.inner, state
        axes.set_order(*how, 1)
        super().run(team, theta, layers, samples, order, batch_size, steps, memory, report)
        axes.set_order(*how, 0)
        spare.check()


class Guarded:
    """A copy of an array, from a cache line on, between numbers that nobody may change."""

    def __init__(self, array):
        size, guards = array.size, GUARDS * 8 // array.itemsize
        self.whole = workspace.aligned(size + 2 * guards, array.dtype)
        self.whole[:] = 1.25e7
        self.inner = self.whole[guards : guards + size].reshape(array.shape)
        self.inner[...] = array
        self.beside = [self.whole[:guards], self.whole[guards + size :]]

    def check(self):
        for numbers in self.beside:
            np.testing.assert_array_equal(numbers, np.float32(1.25e7), "written beside an array")


# ---- Trainings by several threads ------------------------------------------------------------------------------------


def network_and_data():
    samples = 20 if UNCOMPILED else 3000
    rng = np.random.default_rng(0)
    X, D = rng.normal(size=(samples, 6)), np.eye(3)[rng.integers(0, 3, samples)]
    return fastbp.Network((6, 20, 3)), X, D


HOW = {"batch_size": 20 if UNCOMPILED else 64, "version": "tiles"}


def after(epochs, threads):
    network, X, D = network_and_data()
    fastbp.train(network, X, D, epochs=epochs, threads=threads, **HOW)
    return network.theta.tobytes()


class Changing:
    """Slices of one mini-batch, each with another number of threads."""

    def __init__(self, *counts):
        self.counts, self.made, self.best = itertools.cycle(counts), [], max(counts)

    def of(self, batches):
        for b in range(batches):
            self.made.append(next(self.counts))
            yield slice(b, b + 1), self.made[-1]


@contextlib.contextmanager
def none_left():
    """No thread is left behind by what happens in this block."""
    before = len(sys._current_frames())  # of all threads; `threading` knows its own alone
    yield
    for _ in range(100):  # what was told to end may take a moment
        if len(sys._current_frames()) > before:
            time.sleep(0.02)
    assert len(sys._current_frames()) <= before
