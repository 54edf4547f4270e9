"""Warnings that point at the line which brought them about: the user's, however many of ours are between."""

import sys
import warnings

OURS = ("fastbp", "sklearn", "joblib", "contextlib", "numba", "importlib")  # what stands between a user and a training


def warn(message, category=RuntimeWarning):
    """Warn of something, at the innermost line that is not of this package, nor of one that calls it for the user.

    Parameters
    ----------
    message : str
    category : type
        A Warning.
    """
    frame = sys._getframe(1)
    while frame.f_back and frame.f_globals.get("__name__", "").partition(".")[0] in OURS:
        frame = frame.f_back
    names = frame.f_globals
    registry = names.setdefault("__warningregistry__", {})
    warnings.warn_explicit(
        message, category, frame.f_code.co_filename, frame.f_lineno, names.get("__name__") or "<string>", registry
    )
