"""Data that come in blocks: each is checked when it comes, and mini-batches go on from one block into the next."""

import contextlib
import itertools

import numpy as np

from fastbp import validation
from fastbp.lecture.codes import REPORTED, WEIGHT
from fastbp.training.label_smoothing import smoothed

EXPECTED = "(X, D) or (X, D, sample_weight)"
SAMPLED, ROWS_OF_SAMPLE = 10, 100  # blocks that a sample of the rows is taken from, and rows of each


def checked_function(blocks, expected=EXPECTED):
    """What a user gives as `blocks`, if it can be called."""
    if not callable(blocks):
        hint = "makes a new one in each epoch" if hasattr(blocks, "__next__") else "returns it: lambda: blocks"
        raise TypeError(
            f"blocks must be a function that returns an iterable of {expected}, got {validation.shown(blocks)} "
            f"(give one that {hint})"
        )
    return blocks


def made(blocks, expected=EXPECTED):
    """What a function of a user's yields, closed with this; run by the thread that makes blocks."""
    given = blocks()
    try:
        items = iter(given)
    except TypeError:
        raise TypeError(f"blocks must return an iterable of {expected}, got {validation.shown(given)}") from None
    del given
    yield from items


def parts_of(block, expected=EXPECTED):
    """The two or three parts of a block, the third of which may be None."""
    if not isinstance(block, tuple | list) or len(block) not in (2, 3):
        came = f"a {type(block).__name__} of {len(block)}" if isinstance(block, tuple | list) else _kind(block)
        raise TypeError(f"must be a tuple {expected}, got {came}")
    return (*block, None)[:3]


def without_rows(X, D):
    """Whether there is nothing in a block: a filter may leave such."""
    return all(getattr(array, "shape", ())[:1] == (0,) or (isinstance(array, list) and not array) for array in (X, D))


def checked_samples(given, network, empty=False):
    """X, D and weights, checked and laid out for a network.

    Parameters
    ----------
    given : tuple or list
        X and D, perhaps weights.
    network : Network
    empty : bool
        Whether there may be no rows, for which None is returned, and none that counts.
    """
    X, D, weight = parts_of(given)
    if empty and without_rows(X, D):
        return None
    X = validation.real_matrix("X", X, network.sizes[0], network.dtype)
    D = validation.targets(D, len(X), network.output, network.loss, network.sizes[-1], network.dtype)
    return X, D, validation.sample_weights(weight, len(X), network.dtype, some=not empty)


@contextlib.contextmanager
def told_of(place):
    """What is refused here is told with its place."""
    try:
        yield
    except (TypeError, ValueError) as problem:
        problem.args = (f"{place}{problem}",)
        raise


def refuse_empty(blocks, epoch):
    """There were no rows in an epoch, and so many blocks."""
    what = "blocks with rows" if blocks else "blocks"
    once = " (a generator or an open file, once gone through, has no more of them)" * (epoch > 1)
    raise ValueError(
        f"blocks must return {what} for each epoch, and there were none in epoch {epoch}: it is called once an epoch, "
        f"and must begin anew each time{once}"
    )


class BlockSource:
    """The blocks that a function of a user's makes, epoch by epoch.

    Parameters
    ----------
    blocks : callable
        Returns an iterable of tuples (X, D) or (X, D, sample_weight) for each epoch.
    network : Network

    Attributes
    ----------
    sample : list of tuple
        X, D and weights of some rows of the first blocks.
    """

    def __init__(self, blocks, network):
        self._blocks, self._network, self.sample = checked_function(blocks), network, []

    def epoch(self, number, label_smoothing=0.0):
        """What there is in an epoch, whose number is 1 in the first one; run by the thread that makes blocks.

        Yields
        ------
        X, D, weight : ndarray
            Of a block with rows, as `real_matrix`, `targets` and `sample_weights` of `validation` make them.
        """
        place, rows, counts = 0, 0, False  # not by `enumerate`, which would hold on to a block while the next is made
        with contextlib.closing(made(self._blocks)) as blocks:
            for block in blocks:
                place += 1
                with told_of(f"blocks: block {place} of epoch {number}: "):
                    samples = checked_samples(block, self._network, empty=True)
                del block
                if samples is None:
                    continue
                rows, counts = rows + len(samples[0]), counts or bool(samples[2].any())
                samples = samples[0], smoothed(samples[1], label_smoothing), samples[2]
                if len(self.sample) < SAMPLED:
                    self.sample.append(_some(samples))
                yield samples
                del samples
        if not rows:
            refuse_empty(place, number)
        if not counts:
            raise ValueError(f"blocks: sample_weight must be above 0 for some sample of epoch {number}, got 0 for all")


class BlockSteps:
    """Steps over blocks. A mini-batch that a block cannot fill is filled by the next one, so that only the last one of
    an epoch has fewer samples, and the steps do not depend on where rows that stay in order are cut into blocks.

    Parameters
    ----------
    runner : EpochRunner
    batch_size : int
    rates : callable
        `rates(first_step, count)` are learning rates.
    done : int
        Steps made before.

    Attributes
    ----------
    done : int
        Steps, those of all epochs.
    """

    def __init__(self, runner, batch_size, rates, done=0):
        self._runner, self._batch_size, self._rates, self.done = runner, batch_size, rates, done

    def epoch(self, blocks, order_of, between, count=None):
        """A step for each mini-batch; the mean of the losses met on the way.

        Parameters
        ----------
        blocks : iterable of (X, D, weight)
            Arrays as `EpochRunner.run` takes them.
        order_of : callable
            Called with the number of rows of a block; the rows in the order in which they are visited.
        between : callable
            Called before each block, and while it is trained with.
        count : int or None
            How many blocks there are, if that is known: all that is left for the last one is then one call.
        """
        self._total = self._weight = 0.0
        parts, waiting, numbers = [], 0, itertools.count(1)  # the rows that wait for a mini-batch to be full
        for block in blocks:
            between()
            order = order_of(len(block[0]))
            if parts:
                some, order = np.split(order, [min(self._batch_size - waiting, len(order))])
                parts.append(_rows(block, some))
                waiting += len(some)
                if waiting == self._batch_size:
                    self._run(_joined(parts), np.arange(waiting), between)
                    parts, waiting = [], 0
            most = len(order) if next(numbers) == count else len(order) // self._batch_size * self._batch_size
            whole, rest = np.split(order, [most])
            if len(whole):
                self._run(block, whole, between)
            if len(rest):
                parts.append(_rows(block, rest))
                waiting += len(rest)
            del block
            if not np.isfinite(self._total):  # the loss stays so: the other blocks are not waited for
                break
        if parts:
            self._run(_joined(parts), np.arange(waiting), between)
        return float(self._total / self._weight) if self._weight else 0.0

    def _run(self, samples, order, between):
        steps = -(-len(order) // self._batch_size)
        report = np.empty((steps, REPORTED))
        loss = self._runner.run(*samples, order, self._rates(self.done, steps), self.done, report, between)
        weight = report[:, WEIGHT].sum()
        self._total, self._weight = self._total + loss * weight, self._weight + weight
        self.done += steps


def _rows(samples, order):
    return tuple(array[order] for array in samples)


def _joined(parts):
    """The samples of some parts, as arrays that are read-only, as all that kernels see."""
    samples = tuple(map(np.concatenate, zip(*parts, strict=True)))
    for array in samples:
        array.flags.writeable = False
    return samples


def _some(samples):
    """Copies of some rows, evenly spaced."""
    return _rows(samples, np.arange(0, len(samples[0]), 1 + len(samples[0]) // ROWS_OF_SAMPLE))


def _kind(value):
    shape = getattr(value, "shape", None)
    return validation.shown(value) if shape is None else f"{type(value).__name__} of shape {shape}"
