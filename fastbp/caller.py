"""Warnings that point at the line which brought them about: the user's, however many of ours are between."""

import sys
import warnings

OURS = ("fastbp", "sklearn", "joblib", "contextlib")  # what stands between a user and a training


def warn(message, category=RuntimeWarning):
    """Warn of something, at the innermost line that is not of this package, nor of one that calls it for the user.

    Parameters
    ----------
    message : str
    category : type
        A Warning.
    """
    frame, level = sys._getframe(1), 2
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in OURS:
        frame, level = frame.f_back, level + 1
    warnings.warn(message, category, stacklevel=level)
