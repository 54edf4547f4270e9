"""Label smoothing: what a training takes for its targets, while its validation keeps those that were given."""

import numpy as np

from fastbp.validation import counted, real_number


def checked(value, output, units):
    """How much targets are smoothed, a number from 0 to below 1; 0 where they are no classes.

    Parameters
    ----------
    value : float
        As it was given.
    output : str
        Activation of the output layer.
    units : int
        Of the output layer.

    Raises
    ------
    TypeError, ValueError
    """
    smoothing = real_number("label_smoothing", value, lambda x: 0 <= x < 1, "at least 0 and below 1")
    if smoothing and output != "softmax" and (output, units) != ("sigmoid", 1):
        raise ValueError(
            f"label_smoothing must be 0 for {counted(units, 'output')} by {output!r}, got {value}: it is for classes, "
            "which softmax has, or one sigmoid for two of them"
        )
    return smoothing


def smoothed(D, smoothing):
    """The targets to train with: D itself where nothing is smoothed, else a read-only array of their own.

    Parameters
    ----------
    D : ndarray of shape (N, units)
        Of the network's dtype. A single unit stands for two classes.
    smoothing : float
        As `checked` returns it.
    """
    if not smoothing:
        return D
    from fastbp.lecture import matrix  # here, because few trainings smooth

    targets = np.empty_like(D)
    matrix.smooth_labels.unchecked(smoothing, max(2, D.shape[1]), D, targets)
    targets.flags.writeable = False
    return targets
