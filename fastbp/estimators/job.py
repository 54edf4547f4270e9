"""What a call of fit hands to its solver."""

from dataclasses import dataclass

import numpy as np


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
    validation : tuple (X, y, weight or None), or None
    incremental : bool
        One epoch that goes on where the last one ended (`partial_fit`).
    rows : ndarray of int, or None
        The rows to train with, of which some may come several times; None: all.
    """

    X: object
    y: object
    D: np.ndarray
    weight: np.ndarray | None
    validation: tuple | None
    incremental: bool
    rows: np.ndarray | None = None

    def of_rows(self):
        """The same as a job for all of its rows, which takes a copy of them."""
        if self.rows is None:
            return self
        y = None if self.y is None else np.asarray(self.y)[self.rows]
        weight = None if self.weight is None else self.weight[self.rows]
        return Job(self.X[self.rows], y, self.D[self.rows], weight, self.validation, self.incremental)
