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
    """

    X: object
    y: object
    D: np.ndarray
    weight: np.ndarray | None
    validation: tuple | None
    incremental: bool
