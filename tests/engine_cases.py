"""The engine's epoch as the tests call it: with the arguments of the lecture's, and its memory between guards."""

import numpy as np

from fastbp.engine import workspace
from fastbp.engine.team import Team
from fastbp.engine.tiles import epoch

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

    def __init__(self, threads=1):
        self.threads = threads

    def epoch(self, theta, layers, samples, order, batch_size, steps, memory, report):
        (rates, first_step, settings, moments), (_, dtheta) = steps, memory
        places, scratch = workspace.plan(layers, batch_size, theta.dtype, self.threads)
        guarded = [Guarded(array) for array in (theta, moments, np.full_like(scratch, np.nan), dtheta, report)]
        sums = Guarded(np.full((2, workspace.blocks_of(theta)), np.nan))
        inner = [each.inner for each in guarded]
        steps, memory = (rates, first_step, settings, inner[1]), (*inner[2:4], places, sums.inner)
        batches = order, batch_size, steps, memory, inner[4]
        with Team(self.threads) as team:
            team.run(quiet_epoch, inner[0], layers, samples, *batches, threads=self.threads)
        for each in (*guarded, sums):
            each.check()
        theta[:], moments[:], dtheta[:], report[:] = inner[0], inner[1], *inner[3:]


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
