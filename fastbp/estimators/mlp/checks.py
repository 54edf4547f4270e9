"""What scikit-learn's checks let pass though no network can learn it, or predict from it: dates, weights that vanish.

NumPy makes numbers of dates without a word, and of a date that is missing -9.2e18. scikit-learn leaves weights and
targets as they came; here they are looked at in the dtype of the training.
"""

import contextlib
import datetime

import numpy as np
import scipy.sparse
from sklearn.utils.validation import _check_sample_weight, check_array, validate_data

from fastbp import validation
from fastbp.estimators.mlp.samples import sorted_once

SPARSE = "csr"  # any other form is made that one
DATES = (np.datetime64, np.timedelta64, datetime.date, datetime.time, datetime.timedelta)
COMPLEX = (complex, np.complexfloating)
TEXTS = (str, bytes)
KINDS = dict.fromkeys("biuf", np.float64) | {"c": np.complex128, "M": np.datetime64, "m": np.timedelta64}


@contextlib.contextmanager
def told_of(name):
    """An error of scikit-learn's, which knows X and sample_weight alone, begins with this name."""
    try:
        yield
    except (TypeError, ValueError) as problem:
        kind = ValueError if isinstance(problem, ValueError) else TypeError
        raise kind(f"{name}: {problem}") from problem


# ---- Dates and times -------------------------------------------------------------------------------------------------


def types_without_dates(name, value):
    """The types of what is in an array-like, a set.

    Raises
    ------
    TypeError
        If these are dates or times: in an array, in a list, among objects, or in a column of a data frame.
    ValueError
        If values are masked.
    """
    validation.refuse_masked(name, value)
    found = set()
    for column, types in _parts(value):
        if types <= found:
            continue
        dates = sorted(kind.__name__ for kind in types if issubclass(kind, DATES))
        if dates:
            where = "" if column is None else f" in column {value.columns[column]!r}"
            raise TypeError(
                f"{name} must hold real numbers, got dates or times ({dates[0]}){where}; give numbers, for example the "
                "days since the first of them: (dates - dates.min()) / np.timedelta64(1, 'D')"
            )
        found |= types
    return found


def _parts(value):
    """Pairs: the number of a column of a data frame, else None, and the types that are there."""
    if scipy.sparse.issparse(value):
        yield None, {value.dtype.type}
    elif hasattr(type(value), "dtypes") and hasattr(value, "columns") and len(getattr(value, "shape", ())) == 2:
        by_place = value.iloc if hasattr(value, "iloc") else value
        for number, dtype in enumerate(value.dtypes):
            yield number, _types(dtype) or _types_of_items(by_place[:, number])
    else:
        yield None, _types(getattr(value, "dtype", None)) or _types_of_items(value)


def _types(dtype):
    """The type that a dtype of NumPy, pandas or polars stands for, in a set; an empty one where items tell more."""
    if isinstance(dtype, np.dtype):
        return set() if dtype.hasobject else {dtype.type}
    kind = getattr(dtype, "kind", None)  # of pandas's own dtypes
    if kind in KINDS:
        return {KINDS[kind]}
    for question, answer in (("is_numeric", np.float64), ("is_temporal", np.datetime64)):  # of polars
        if hasattr(dtype, question) and getattr(dtype, question)():
            return {answer}
    return set()


def _types_of_items(value):
    try:
        array = np.asarray(value)
    except Exception:  # scikit-learn meets it again, and has words for it
        return set()
    return set(map(type, array.ravel().tolist())) if array.dtype == object else {array.dtype.type}


# ---- Inputs ----------------------------------------------------------------------------------------------------------


def inputs(estimator, X, dtype):
    """The X of a prediction, in this dtype and as `sorted_once` has it. scikit-learn's errors are its own."""
    types_without_dates("X", X)
    X = validate_data(estimator, X, accept_sparse=SPARSE, reset=False)
    if X.dtype != dtype:  # the names of its columns have been looked at, and are gone
        with np.errstate(all="ignore"):  # what is too large for float32 ends in an error
            X = check_array(X, accept_sparse=SPARSE, dtype=dtype, order="C", estimator=estimator, input_name="X")
    return sorted_once(X)


# ---- Targets ---------------------------------------------------------------------------------------------------------


def refuse_no_numbers(name, y):
    """Refuses targets of a regressor, as they came, that scikit-learn would make numbers of, though they are none."""
    if any(issubclass(kind, COMPLEX) for kind in types_without_dates(name, y)):
        raise ValueError(f"Complex data not supported: {name} must hold real numbers")


def refuse_targets(name, y, dtype):
    """Refuses targets of a regressor, after scikit-learn's checks, that are no finite numbers in this dtype."""
    if scipy.sparse.issparse(y):
        raise TypeError(f"{name} must be a dense array, got the sparse {type(y).__name__}; give {name}.toarray()")
    if y.dtype.kind not in "fiub":
        hint = f"; if the texts are numbers, give np.asarray({name}, float)" * (y.dtype.kind in "SUT")
        raise TypeError(f"{name} must hold real numbers, got an array of dtype {y.dtype}{hint}")
    largest = np.finfo(dtype).max
    if not (-largest <= y.min() and y.max() <= largest):  # not so for NaN
        wrong = y[~((-largest <= y) & (y <= largest))][0]
        where = f" in {np.dtype(dtype)}, the dtype of the training" * bool(np.isfinite(wrong))
        raise ValueError(f"{name} must be finite{where}, got {wrong}")


def refuse_missing_dates(name, labels):
    """Dates may be labels of classes, but not one that is missing."""
    if labels.dtype.kind in "mM" and np.isnat(labels).any():
        raise ValueError(f"Input {name} contains NaT.")


# ---- Weights ---------------------------------------------------------------------------------------------------------


def weights(name, given, X, dtype, of_class=None):
    """How much each sample counts, in this dtype; None where all count 1.

    Parameters
    ----------
    name : str
        Of the argument.
    given : array-like, number or None
        What it was called with.
    X : ndarray or CSR matrix of shape (samples, inputs)
    dtype : numpy.dtype
    of_class : ndarray of shape (samples,), or None
        The weights of the samples' classes, with which those are multiplied.

    Raises
    ------
    ValueError, TypeError
        Also if no sample counts in that dtype, or the sum is not finite.
    """
    if given is None and of_class is None:
        return None
    weight, what = np.ones(X.shape[0]) if given is None else _of_samples(name, given, X), name
    if of_class is not None:
        if not (np.isfinite(of_class) & (of_class >= 0)).all():
            raise ValueError(
                f"class_weight must have weights that are at least 0 and finite, got those of the samples from "
                f"{of_class.min()} to {of_class.max()}"
            )
        what = "class_weight" if given is None else f"{name} times class_weight"
    with np.errstate(all="ignore"):
        weight = weight if of_class is None else weight * of_class
        counting = weight.astype(dtype)
        total = counting.sum(dtype=np.float64)
    if not np.isfinite(counting).all():
        place = int(np.isfinite(counting).argmin())
        raise ValueError(f"{what} must be finite in {dtype}, got {weight[place]} in place {place}")
    if not 0 < total < np.inf:
        raise ValueError(f"{what} must have a sum that is positive and finite in {dtype}, got the sum {total}")
    return counting


def _of_samples(name, given, X):
    """The weights as they came, each of them finite and at least 0."""
    types = types_without_dates(name, given)
    with np.errstate(all="ignore"), contextlib.nullcontext() if name == "sample_weight" else told_of(name):
        weight = _check_sample_weight(given, X)
    if any(issubclass(kind, TEXTS + COMPLEX) for kind in types):
        raise TypeError(f"{name} must hold real numbers, got {', '.join(sorted(kind.__name__ for kind in types))}")
    weight = weight.astype(np.float64)  # one number may have been an integer, or a fraction
    if not np.isfinite(weight).all():
        raise ValueError(f"{name} must be finite, got {weight[~np.isfinite(weight)][0]}")
    if (weight < 0).any():
        raise ValueError(f"Negative values in data passed to `{name}`.")
    return weight


def refuse_vanished_weights(weight, rows, what):
    """Refuses a part of the samples in which none counts."""
    if weight is not None and not weight[rows].any():
        raise ValueError(f"sample_weight is 0 for all {validation.counted(len(rows), 'sample')} {what}")
