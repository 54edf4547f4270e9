"""Epochs over the rows of a table, a block of them in memory at a time."""

import numpy as np

from fastbp.optimizers import settings_of
from fastbp.tables.roles import TRAINING, VALIDATION
from fastbp.tables.target import CLASSES
from fastbp.training.blocks import BlockSteps
from fastbp.training.early_stopping import EarlyStopping
from fastbp.training.history import Diverged, History
from fastbp.training.label_smoothing import smoothed
from fastbp.training.loop import Loop
from fastbp.training.runner import EpochRunner, shape_of_moments


class TableTraining:
    """What the loop asks of a training on a table: each block is read, and its rows visited in a new order."""

    estimator, index, validated_by, weights = None, 0, "validation_loss", None

    def __init__(self, network, target, places, recipe, min_delta, seed, to_the_end=False):
        self.network, self.theta, self.epochs, self.history = network, network.theta, recipe.epochs, History()
        self.target, self._blocks, self._validation = target, places[TRAINING], places[VALIDATION]
        self.recipe, self._given, self._rule = recipe, (recipe, min_delta, seed), recipe.optimizer
        self._rng = np.random.default_rng(seed)
        patience = None if to_the_end else recipe.patience_with(self._validation.rows > 0)
        self._stopping = EarlyStopping(np.inf, -np.inf) if patience is None else EarlyStopping(patience, min_delta)
        self._batch_size = min(recipe.batch_size, self._blocks.rows)
        self._total = recipe.epochs * -(-self._blocks.rows // self._batch_size)
        self._layers, self._label_smoothing = recipe.layers(network), recipe.label_smoothing
        shape = shape_of_moments(self._rule.moments, self.theta, self._layers)
        self._moments = np.zeros(shape, self.theta.dtype)

    def again(self, places):
        """The same training with other rows; it does not end by itself, and has the parameters of its last epoch."""
        again = TableTraining(self.network, self.target, places, *self._given, to_the_end=True)
        again.weights = self.weights
        return again

    def run(self, threads, callbacks, shown, time_limit):
        """All epochs; the history."""
        settings = settings_of(self._rule)
        with EpochRunner(
            self.theta, self._layers, self._batch_size, settings, self._moments, threads=threads
        ) as self._runner:
            self._steps = BlockSteps(self._runner, self._batch_size, self._rates)
            loop = Loop(self, callbacks, shown, time_limit)
            loop.run()
        self.history.outcome = loop.outcome
        return self.history

    def train(self, between):
        """A step for each mini-batch; the mean of the losses met on the way."""
        numbers = self._blocks.numbers(self._rng)
        blocks = (self._data(self._blocks, block, self._label_smoothing) for block in numbers)
        loss = self._steps.epoch(blocks, self._rng.permutation, between, len(numbers))
        if not (np.isfinite(loss) and np.isfinite(self.theta).all()):
            raise Diverged(len(self.history.loss) + 1, self._rule, self.history)
        return loss

    def _rates(self, first_step, count):
        return self._rule.rates(first_step, count, self._total)

    def validate(self):
        """The mean loss of the rows that are held out; None if there are none that count."""
        blocks, total, weights = self._validation, 0.0, 0.0
        for block in blocks.numbers():
            data = self._data(blocks, block)
            weight = data[2].sum(dtype=np.float64)
            if weight:  # else all have classes that count nothing
                total += weight * self._runner.mean_error(*data, np.arange(len(data[0])))
                weights += weight
        return float(total / weights) if weights else None

    def update(self, epoch, loss, validation_loss, seconds):
        history = self.history
        history._note(loss, validation_loss, seconds)
        best, ends = self._stopping.update(loss if validation_loss is None else validation_loss)
        if best:
            history.best_epoch = epoch
        return bool(best), bool(ends)

    def _data(self, blocks, block, label_smoothing=0.0):
        """X, D and weights, as the kernels want them."""
        X, d = blocks.read(block)
        if self.target.kind == CLASSES:
            D = np.zeros((len(d), self.target.outputs), X.dtype)
            D[np.arange(len(d)), d.astype(int)] = 1
            D = smoothed(D, label_smoothing)
        else:
            D = d[:, None]
        weight = np.ones(len(d), X.dtype) if self.weights is None else self.weights[d.astype(int)].astype(X.dtype)
        for array in (X, D, weight):
            array.flags.writeable = False
        return X, D, weight
