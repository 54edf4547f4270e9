"""The door: what comes from outside is checked and laid out here, once. Below the door nothing checks.

Every refusal names the argument, what came and what was expected.
"""

import contextlib
import math
import numbers
import operator
import os
from collections.abc import Iterable, Mapping, Set

import numpy as np

LEAST_LEVEL, LARGEST_LEVEL = 2.0**-32, 2.0**30  # the table of layers holds it as an integer, in units of the least
ROWS_AT_ONCE = 4096
ROUNDING = 1e-5  # how far targets may lie beside 0..1 and their sums beside 1: float32, and sums of a thousand classes


def real_matrix(name, value, columns, dtype):
    """The array-like `value` as a read-only matrix (samples, columns) in C order; copied only where that takes a copy.

    Kernels see every X and D as read-only, so that an array that is read-only (a memory map, say) is used where it lies
    and costs no compilation of its own.
    """
    given = _real_array(name, value)
    if given.ndim != 2 or given.shape[1] != columns:
        hint = ""
        if given.ndim == 1 and given.size == columns:
            hint = f" (for one sample give {name}[None, :])"
        elif given.ndim == 1 and columns == 1:
            hint = f" (give {name}[:, None])"
        raise ValueError(f"{name} must have shape (samples, {columns}), got {given.shape}{hint}")
    if len(given) == 0:
        raise ValueError(f"{name} must have at least one sample, got an array of shape {given.shape}")
    with np.errstate(all="ignore"):
        array = np.require(given, dtype, ["C", "A"]).view(np.ndarray)
    for start in range(0, len(array), ROWS_AT_ONCE):  # in parts: a memory map may be larger than the memory
        finite = np.isfinite(array[start : start + ROWS_AT_ONCE])
        if finite.all():
            continue
        row, column = np.argwhere(~finite)[0] + (start, 0)
        came = given[row, column]
        why = "NaN or infinity" if not np.isfinite(came) else f"values too large for {np.dtype(dtype)}"
        raise ValueError(f"{name} must be finite, got {why}: {came} in row {row}, column {column}")
    array.flags.writeable = False
    return array


def targets(D, samples, output, error, units, dtype):
    """The teacher signal as a read-only matrix (samples, units) that suits the output and its error."""
    given = _real_array("D", D)
    if given.ndim == 1 and units > 1 and given.size == samples:
        raise ValueError(
            f"D must have shape (samples, {units}), a target for each output unit, got labels of shape {given.shape}; "
            f"np.eye({units})[labels] makes targets of class labels 0..{units - 1}"
        )
    d = real_matrix("D", given, units, dtype)
    if len(d) != samples:
        raise ValueError(f"D must have a row for each of the {samples} samples of X, got {len(d)}")
    if error == "poisson" and d.min() < 0:
        row, column = np.argwhere(d < 0)[0]
        raise ValueError(
            f"D must be at least 0 for error='poisson', got {d[row, column]} in row {row}, column {column}"
        )
    if output in ("softmax", "sigmoid") and (d.min() < -ROUNDING or d.max() > 1 + ROUNDING):
        row, column = np.argwhere((d < -ROUNDING) | (d > 1 + ROUNDING))[0]
        raise ValueError(
            f"D must lie between 0 and 1 for output={output!r}, got {d[row, column]} in row {row}, column {column}"
        )
    if output == "softmax":
        sums = d.sum(axis=1, dtype=np.float64)
        wrong = np.abs(sums - 1) > (1e-3 if given.dtype == np.float16 else ROUNDING)
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"each row of D must sum to 1 for output='softmax', got {sums[row]:.7g} in row {row}")
    return d


def sample_weights(value, samples, dtype):
    """How much each sample counts, as a read-only vector; None is 1 for all."""
    if value is None:
        weights = np.ones(samples, dtype)
    else:
        given = _real_array("sample_weight", value)
        if given.shape != (samples,):
            raise ValueError(
                f"sample_weight must have shape ({samples},), a weight for each sample of X, got {given.shape}"
            )
        with np.errstate(all="ignore"):
            weights = np.require(given, dtype, ["C", "A"]).view(np.ndarray)
        wrong = ~(np.isfinite(weights) & (weights >= 0))
        if wrong.any():
            row = int(wrong.argmax())
            where = "" if not np.isfinite(given[row]) or given[row] < 0 else f" in {np.dtype(dtype)}"
            raise ValueError(f"sample_weight must be at least 0 and finite{where}, got {given[row]} in place {row}")
        with np.errstate(all="ignore"):
            total = weights.sum(dtype=np.float64)
        if not 0 < total < math.inf:
            raise ValueError(f"sample_weight must have a sum that is positive and finite, got the sum {total}")
    weights.flags.writeable = False
    return weights


def row_numbers(name, value, samples):
    """Numbers of rows of X, a vector of int64 with at least one; None is all."""
    if value is None:
        return np.arange(samples)
    given = _real_array(name, value)
    if given.ndim != 1 or given.size == 0:
        raise ValueError(f"{name} must be a vector of row numbers, at least one, got an array of shape {given.shape}")
    if given.dtype.kind not in "iu":
        raise TypeError(f"{name} must hold integers, got an array of dtype {given.dtype}")
    wrong = (given < 0) | (given >= samples)
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(
            f"{name} must lie between 0 and {samples - 1}, the rows of X, got {given[place]} in place {place}"
        )
    return np.ascontiguousarray(given, np.int64)


def layer_sizes(sizes):
    """The numbers of units of at least two layers, as a tuple of int."""
    if isinstance(sizes, str | bytes | Set | Mapping) or not isinstance(sizes, Iterable):
        raise TypeError(f"sizes must be a sequence of integers, got {shown(sizes)}")
    sizes = tuple(sizes)
    if len(sizes) < 2:
        raise ValueError(f"sizes must have at least two layers, inputs and outputs, got {sizes!r}")
    return tuple(whole_number(f"sizes[{layer}]", size, 1) for layer, size in enumerate(sizes))


def hidden_activations(hidden, options, layers):
    """The activation of all hidden layers, a str, or of each, a tuple of str."""
    if isinstance(hidden, bytes | Set | Mapping) or not isinstance(hidden, Iterable) or isinstance(hidden, str):
        return choice("hidden", hidden, options)
    hidden = tuple(hidden)
    if len(hidden) != layers:
        raise ValueError(f"hidden must have a name for each of the {layers} hidden layers, got {shown(hidden)}")
    return tuple(choice(f"hidden[{layer}]", name, options) for layer, name in enumerate(hidden))


LEVELS = {"huber": 1.0, "quantile": 0.5, "cross_entropy": None, "binary_cross_entropy": None}  # by default


def error_of_output(error, output, options, errors_of):
    """The error, one of those that go with the output activation; None is the usual one."""
    possible = errors_of[output]
    if error is None:
        return possible[0]
    if choice("error", error, options) not in possible:
        raise ValueError(f"error must be {' or '.join(map(repr, possible))} for output={output!r}, got {shown(error)}")
    return error


def level_of_error(level, error):
    """The threshold of the Huber error, the level of the quantile error, the largest cross-entropy; else None."""
    if level is None:
        return LEVELS.get(error)
    if error not in LEVELS:
        raise ValueError(f"level must be None for error={error!r}, got {shown(level)}")
    number = positive_number("level", level)
    if error == "quantile" and not LEAST_LEVEL <= number <= 1 - LEAST_LEVEL:
        raise ValueError(f"level must lie between 0 and 1 for error='quantile', got {shown(level)}")
    if error != "quantile" and not LEAST_LEVEL <= number <= LARGEST_LEVEL:
        raise ValueError(f"level must lie between 2^-32 and 2^30 for error={error!r}, got {shown(level)}")
    return number


def dtype(value, options):
    """One of the dtypes in `options`, by its name, as numpy.float32 or as a dtype."""
    name = value
    if value is not None:  # which NumPy takes for float64
        with contextlib.suppress(TypeError):
            name = np.dtype(value).name
    return np.dtype(choice("dtype", name, options))


def trainable(name, network):
    """A network whose parameters are finite and can be changed."""
    if not np.isfinite(network.theta).all():
        raise ValueError(f"{name} must have finite parameters, got NaN or infinity in {name}.theta")
    if not network.theta.flags.writeable:
        raise ValueError(f"{name} must have parameters that can be changed, got a read-only {name}.theta")
    return network


def _real_array(name, value):
    if hasattr(value, "toarray"):
        raise TypeError(f"{name} must be a dense array, got the sparse {type(value).__name__}; give {name}.toarray()")
    if np.ma.is_masked(value):
        raise ValueError(f"{name} must have no masked values, got {np.ma.count_masked(value)} of them")
    try:
        array = np.asarray(value)
    except Exception as problem:  # an object may raise anything when it is asked for its numbers
        if isinstance(value, list | tuple) and isinstance(problem, ValueError):
            raise ValueError(f"{name} must be a matrix of numbers, got rows that do not fit together") from problem
        raise TypeError(f"{name} must be an array of real numbers, got {shown(value)}: {problem}") from problem
    if array.dtype.kind not in "fiub":
        convertible = array.dtype == object and hasattr(value, "astype")
        hint = f"; if it holds numbers, give {name}.astype(float)" if convertible else ""
        raise TypeError(f"{name} must hold real numbers, got an array of dtype {array.dtype}{hint}")
    return array


def shown(value):
    """repr(value), however long or broken that is, in at most 80 characters."""
    try:
        text = repr(value)
    except Exception:
        text = object.__repr__(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def single(value):
    """What an array of shape () holds; anything else as it came."""
    return value[()] if isinstance(value, np.ndarray) and value.ndim == 0 else value


def whole_number(name, value, at_least):
    """An integer that is not a bool and not below `at_least`."""
    try:
        if isinstance(value, bool | np.bool_):
            raise TypeError
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {shown(value)}") from None
    if number < at_least:
        raise ValueError(f"{name} must be at least {at_least}, got {shown(value)}")
    return number


def positive_number(name, value, dtype="float64"):
    """A float that is above 0 and finite in the dtype."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    with np.errstate(all="ignore"):
        rounded = np.dtype(dtype).type(number)
    if not 0 < rounded < math.inf:
        where = "" if dtype == "float64" else f" in {dtype}"
        raise ValueError(f"{name} must be positive and finite{where}, got {shown(value)}")
    return number


def path(name, value):
    """A path as a str."""
    try:
        return os.fsdecode(value)
    except TypeError:
        raise TypeError(f"{name} must be a str or path-like, got {shown(value)}") from None


def flag(name, value):
    """True or False."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be True or False, got {shown(value)}")
    return bool(value)


def choice(name, value, options):
    """One of the names in `options`."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {', '.join(map(repr, options))}, got {shown(value)}")
    if value not in options:
        raise ValueError(f"{name} must be one of {', '.join(map(repr, options))}, got {shown(value)}")
    return value


def instance(name, value, kind):
    """An object of the class `kind`."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a fastbp.{kind.__name__}, got {shown(value)}")
    return value
