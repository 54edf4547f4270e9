"""The one rule that decides whether a loss still falls, and when a training that no longer improves ends."""

import numpy as np


class EarlyStopping:
    """Counts the epochs without improvement: of one network, or element by element of many.

    Parameters
    ----------
    patience : float or ndarray
        So many epochs in a row without improvement end the training; inf: none do.
    min_delta : float or ndarray
        A loss that is lower than the best one by no more than this is no improvement.
    shape : tuple
        Of the losses.
    like_sklearn : bool
        A loss that is lower by exactly min_delta is an improvement, and the best one is the lowest so far, whether it
        was an improvement or not.

    Attributes
    ----------
    best : ndarray
        The loss that is to be undercut.
    waited : ndarray
        Epochs since the last improvement.
    """

    def __init__(self, patience, min_delta, shape=(), like_sklearn=False):
        self.patience, self.min_delta, self._like_sklearn = patience, min_delta, like_sklearn
        self.best, self.waited = (np.full(shape, np.inf), np.zeros(shape)) if shape else (np.inf, 0)

    def update(self, loss):
        """Takes note of an epoch; whether it is the best so far, and whether the training ends."""
        if self._like_sklearn:
            best, stalled = loss < self.best, loss > self.best - self.min_delta
        else:
            best = loss < self.best - self.min_delta
            stalled = best == False  # noqa: E712 (of numbers and of arrays)
        self.best = _where(best, loss, self.best)
        self.waited = _where(stalled, self.waited + 1, 0)
        return best, self.waited >= self.patience


def _where(condition, yes, no):
    """np.where, which takes a microsecond for a single number."""
    return np.where(condition, yes, no) if isinstance(condition, np.ndarray) else yes if condition else no
