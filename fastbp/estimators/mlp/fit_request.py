"""What a call of fit hands to its solver."""

import contextlib
import dataclasses
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field

import numpy as np
from sklearn.utils import _safe_indexing

from fastbp.estimators.mlp.samples import Samples


class Interrupted(RuntimeError):
    """A training that was told to end before it was done."""

    def __init__(self):
        super().__init__("the training was interrupted before this fit was done")


@dataclass
class FitRequest:
    """Checked data of one call.

    Attributes
    ----------
    X : ndarray or CSR matrix of shape (samples, inputs)
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
    should_continue : callable
        Asked before each pass over the samples, and within it, with the number of epochs done; the training ends when
        it returns False.
    calling_back : context manager
        In which callbacks are called: a lock, where several fits run at the same time.
    one_of_many : bool
        Whether the fit is one of a search or an ensemble, or of a block, the others of which Ctrl-C ends, too.
    shared : dict
        What requests with the same samples have in common, so that many of them take no more memory than one.
    label_smoothing : float
        How much the training smooths D, which itself is as it was.
    frame : data frame or None
        X as the user gave it, for callbacks of scikit-learn's, if the names of its columns matter.
    """

    X: object
    y: object
    D: np.ndarray
    weight: np.ndarray | None
    validation: object
    incremental: bool
    rows: np.ndarray | None = None
    should_continue: Callable = lambda epochs: True
    calling_back: AbstractContextManager = field(default_factory=contextlib.nullcontext)
    one_of_many: bool = False
    shared: dict = field(default_factory=dict)
    label_smoothing: float = 0.0
    frame: object = None

    def of_rows(self):
        """The same as a request for all of its rows, which takes a copy of them."""
        if self.rows is None:
            return self
        y = None if self.y is None else np.asarray(self.y)[self.rows]
        weight = None if self.weight is None else self.weight[self.rows]
        frame = None if self.frame is None else _safe_indexing(self.frame, self.rows)
        X, D = self.X[self.rows], self.D[self.rows]  # which no other request has
        return dataclasses.replace(self, X=X, y=y, D=D, weight=weight, rows=None, shared={}, frame=frame)

    def given(self):
        """The arguments X and y of scikit-learn's callbacks, which may predict from them."""
        return {"X": self.X if self.frame is None else self.frame, "y": self.y}

    def data(self, dtype):
        """The samples as the kernels want them."""
        arrays = self.X, self.D, self.weight
        key = *map(id, arrays), np.dtype(dtype), self.label_smoothing
        if key not in self.shared:
            self.shared[key] = (
                arrays,
                Samples(*arrays, dtype, self.label_smoothing),
            )  # the arrays, too, whose ids these are
        return self.shared[key][1]

    def check(self, epochs):
        """Raises Interrupted if the training, which has done so many epochs, has to end."""
        if not self.should_continue(epochs):
            raise Interrupted


class HeldOut:
    """Validation samples that are rows of a request's: X, y and weights, of which X is gathered when it is needed.

    Parameters
    ----------
    request : FitRequest
    rows : ndarray of int
    y : ndarray
        Their targets as the user knows them.
    """

    def __init__(self, request, rows, y):
        self._X, self._rows, self._y = request.X, rows, y
        self._weight = None if request.weight is None else request.weight[rows].astype(np.float64)  # for the score

    def __iter__(self):
        return iter((self._X[self._rows], self._y, self._weight))
