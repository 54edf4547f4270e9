"""What trainings of one network on mini-batches have in common: their state, their validation, when they end."""

import numpy as np

from fastbp.training.early_stopping import EarlyStopping
from fastbp.training.history import Diverged, History
from fastbp.training.runner import EpochRunner, shape_of_moments


class NetworkTraining:
    """What the loop asks of a training (see loop.py), but for `train`.

    Parameters
    ----------
    how : TrainingConfiguration
    sampler : RowSampler
    validated : tuple of ndarray
        X, D and weights, of which `how.validation_rows` are validated with.
    index : int
        The network's place among many.

    Attributes
    ----------
    runner : EpochRunner
        While it runs.
    epoch : int
        Epochs done.
    """

    estimator, validated_by, estimates, all_epochs = None, "validation_loss", False, None

    def __init__(self, how, sampler, validated, index=0):
        self.how, self.theta, self.epochs = how, how.theta, how.epochs
        self.network, self.index, self.settings = how.network, index, how.settings
        self.history, self.sampler = History(), sampler
        self.stopping = EarlyStopping(np.inf if how.patience is None else how.patience, how.min_delta)
        self.moments = np.zeros(shape_of_moments(how.moments, how.theta, how.layers), how.theta.dtype)
        self.epoch, self._validated, self.runner = 0, validated, None

    def make_runner(self, version, threads):
        """The runner, to be entered by the caller."""
        how = self.how
        arguments = how.theta, how.layers, how.batch_size, self.settings, self.moments, version, threads
        self.runner = EpochRunner(*arguments)
        return self.runner

    def finite(self, loss):
        """The loss of an epoch, if it and all parameters are finite."""
        if not (np.isfinite(loss) and np.isfinite(self.theta).all()):
            raise Diverged(self.epoch + 1, self.how.optimizer, self.history)
        return loss

    def validate(self):
        rows = self.how.validation_rows
        return None if rows is None else self.runner.mean_error(*self._validated, rows)

    def update(self, epoch, loss, validation_loss, seconds):
        history, self.epoch = self.history, epoch
        history._note(loss, validation_loss, seconds)
        if self.how.patience is None:
            return True, False
        best, ends = self.stopping.update(loss if validation_loss is None else validation_loss)
        if best:
            history.best_epoch = epoch
        return best, bool(ends)
