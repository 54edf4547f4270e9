"""Epochs over the rows of a table, a block of them in memory at a time."""

import numpy as np

from fastbp.lecture.codes import REPORTED
from fastbp.optimizers import settings_of
from fastbp.tables.roles import TRAINING, VALIDATION
from fastbp.tables.target import CLASSES
from fastbp.training.history import Diverged, History
from fastbp.training.loop import Loop
from fastbp.training.runner import EpochRunner


class TableTraining:
    """What the loop asks of a training on blocks: each block is read, and its rows visited in a new order."""

    estimator, index, validated_by, weights = None, 0, "validation_loss", None

    def __init__(self, network, target, places, rule, epochs, batch_size, stopping, seed):
        self.network, self.theta, self.epochs, self.history = network, network.theta, epochs, History()
        self._target, self._blocks, self._validation = target, places[TRAINING], places[VALIDATION]
        self._rule, self._stopping, self._rng = rule, stopping, np.random.default_rng(seed)
        self._batch_size, self._step = min(batch_size, max(self._blocks.counts)), 0
        self._moments = np.zeros((rule.moments, self.theta.size), self.theta.dtype)

    def run(self, threads, callbacks, shown, time_limit):
        """All epochs; the history."""
        settings, layers = settings_of(self._rule), self.network.layers
        with EpochRunner(
            self.theta, layers, self._batch_size, settings, self._moments, threads=threads
        ) as self._runner:
            loop = Loop(self, callbacks, shown, time_limit)
            loop.run()
        self.history.outcome = loop.outcome
        return self.history

    def train(self, between):
        """A step for each mini-batch; the mean of the losses met on the way."""
        total = weights = 0.0
        for block in self._blocks.numbers(self._rng):
            between()
            data = self._data(self._blocks, block)
            order = self._rng.permutation(len(data[0]))
            steps = -(-len(order) // self._batch_size)
            rates, report = np.full(steps, self._rule.learning_rate), np.empty((steps, REPORTED))
            total += data[2].sum(dtype=np.float64) * self._runner.run(*data, order, rates, self._step, report, between)
            weights += data[2].sum(dtype=np.float64)
            self._step += steps
        loss = float(total / weights)
        if not (np.isfinite(loss) and np.isfinite(self.theta).all()):
            raise Diverged(len(self.history.loss) + 1, self._rule, self.history)
        return loss

    def validate(self):
        """The mean loss of the rows that are held out."""
        blocks, total, weights = self._validation, 0.0, 0.0
        if not blocks.rows:
            return None
        for block in blocks.numbers():
            data = self._data(blocks, block)
            total += data[2].sum(dtype=np.float64) * self._runner.mean_error(*data, np.arange(len(data[0])))
            weights += data[2].sum(dtype=np.float64)
        return float(total / weights)

    def update(self, epoch, loss, validation_loss, seconds):
        history = self.history
        history.loss.append(loss)
        history.seconds.append(seconds)
        if validation_loss is not None:
            history.validation_loss.append(validation_loss)
        best, ends = self._stopping.update(loss if validation_loss is None else validation_loss)
        if best:
            history.best_epoch = epoch
        return bool(best), bool(ends)

    def _data(self, blocks, block):
        """X, D and weights of 1, as the kernels want them."""
        X, d = blocks.read(block)
        if self._target.kind == CLASSES:
            D = np.zeros((len(d), self._target.outputs), X.dtype)
            D[np.arange(len(d)), d.astype(int)] = 1
        else:
            D = d[:, None]
        weight = np.ones(len(d), X.dtype) if self.weights is None else self.weights[d.astype(int)].astype(X.dtype)
        for array in (X, D, weight):
            array.flags.writeable = False
        return X, D, weight
