"""What is to be drawn, as vectors of numbers or of labels."""

import numpy as np

from fastbp import validation


def numbers(name, value, samples):
    """A vector of finite float64, one for each sample."""
    array = _vector(name, value, samples)
    if array.dtype.kind not in "fiub":
        raise TypeError(f"{name} must hold real numbers, got an array of dtype {array.dtype}")
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite, got {array[~np.isfinite(array)][0]}")
    return array.astype(np.float64)


def labels(name, value, samples=None):
    """A vector of labels, of the kind int64, bool or str."""
    array = _vector(name, value, samples)
    if array.dtype.kind in "OT":  # strings of pandas and of NumPy 2
        array = np.asarray(array.tolist())
    if array.dtype.kind in "iuf" and (array == np.floor(array)).all() and np.abs(array).max() < 2**53:
        array = array.astype(np.int64)  # labels 0.0, 1.0, ... come from tables of numbers
    if array.dtype.kind not in "ibU":
        raise TypeError(f"{name} must hold integers or strings, got an array of dtype {array.dtype}")
    return array


def known(name, array, classes):
    """Refuses labels that are not among the classes."""
    strange = ~np.isin(array, classes) if alike(array, classes) else np.full(len(array), True)
    if strange.any():
        shown, came = validation.shown(classes.tolist()), array[strange][0].item()
        raise ValueError(f"{name} must hold classes of the model, {shown}, got {came!r}")


def alike(some, others):
    """Whether both are strings or both are integers; NumPy would compare 1 and "1" as strings."""
    return (some.dtype.kind == "U") == (others.dtype.kind == "U")


def _vector(name, value, samples):
    whose = "at least one" if samples is None else f"one for each of the {samples} samples"
    try:
        array = np.asarray(value)
    except ValueError as problem:
        raise ValueError(f"{name} must be a vector, {whose}, got rows that do not fit together") from problem
    if array.ndim == 0:
        raise TypeError(f"{name} must be a vector, {whose}, got {validation.shown(value)}")
    if array.ndim != 1 or array.size != (samples or max(array.size, 1)):
        hint = f"; of a row for each sample make labels with {name}.argmax(axis=1)" if array.ndim == 2 else ""
        raise ValueError(f"{name} must be a vector, {whose}, got an array of shape {array.shape}{hint}")
    return array
