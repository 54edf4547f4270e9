"""What a call of fit hands to its solver."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from fastbp.estimators.rows import Rows


class Interrupted(RuntimeError):
    """A training that was told to end before it was done."""

    def __init__(self):
        super().__init__("the training was interrupted before this fit was done")


@dataclass
class Job:
    """Checked data of one call.

    Attributes
    ----------
    X : ndarray or CSR or CSC matrix of shape (samples, inputs)
    y : array-like
        The targets as the user gave them, for callbacks.
    D : ndarray of shape (samples, outputs)
        Targets of the output units.
    weight : ndarray of shape (samples,), or None
    validation : tuple (X, y, weight or None), HeldOut, or None
    incremental : bool
        One epoch that goes on where the last one ended (`partial_fit`).
    rows : ndarray of int, or None
        The rows to train with, of which some may come several times; None: all.
    goes_on : callable or None
        Asked before each pass over the samples; the training ends when it returns False.
    shared : dict
        What jobs with the same samples have in common, so that many of them take no more memory than one.
    """

    X: object
    y: object
    D: np.ndarray
    weight: np.ndarray | None
    validation: object
    incremental: bool
    rows: np.ndarray | None = None
    goes_on: Callable | None = None
    shared: dict = field(default_factory=dict)

    def of_rows(self):
        """The same as a job for all of its rows, which takes a copy of them."""
        if self.rows is None:
            return self
        y = None if self.y is None else np.asarray(self.y)[self.rows]
        weight = None if self.weight is None else self.weight[self.rows]
        X, D = self.X[self.rows], self.D[self.rows]  # which no other job has
        return dataclasses.replace(self, X=X, y=y, D=D, weight=weight, rows=None, shared={})

    def data(self, dtype):
        """The samples as the kernels want them."""
        arrays = self.X, self.D, self.weight
        key = *map(id, arrays), np.dtype(dtype)
        if key not in self.shared:
            self.shared[key] = arrays, Rows(*arrays, dtype)  # the arrays, too, whose ids these are
        return self.shared[key][1]

    def check(self):
        """Raises Interrupted if the training has to end."""
        if self.goes_on is not None and not self.goes_on():
            raise Interrupted


class HeldOut:
    """Validation samples that are rows of a job's: X, y and weights, of which X is gathered when it is needed.

    Parameters
    ----------
    job : Job
    rows : ndarray of int
    y : ndarray
        Their targets as the user knows them.
    """

    def __init__(self, job, rows, y):
        self._X, self._rows, self._y = job.X, rows, y
        self._weight = None if job.weight is None else job.weight[rows]

    def __iter__(self):
        return iter((self._X[self._rows], self._y, self._weight))
