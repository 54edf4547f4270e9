"""What comes from outside is checked and laid out here, once; what is inside checks nothing.

Every refusal names the argument, what came and what was expected.
"""

import contextlib
import math
import numbers
import operator
import os
import sys
from collections.abc import Iterable, Mapping, Set

import numpy as np

LEAST_LEVEL, LARGEST_LEVEL = 2.0**-32, 2.0**30  # of the number of a loss, which is a multiple of the least
WITHIN_ONE = "between 2^-32 and 1 - 2^-32"
ROWS_AT_ONCE = 4096
NOT_NEGATIVE = (lambda x: 0 <= x < math.inf), "at least 0 and finite"  # for `real_number`
ROUNDING = 1e-5  # how far targets may lie beside 0..1 and their sums beside 1: float32, and sums of a thousand classes


def real_matrix(name, value, columns, dtype):
    """The array-like `value` as a read-only matrix (samples, columns) in C order; copied only where that takes a copy.

    Kernels see every X and D as read-only, so that an array that is read-only (a memory map, say) is used where it lies
    and costs no compilation of its own.
    """
    given = real_array(name, value)
    if given.ndim != 2 or given.shape[1] != columns:
        hint = ""
        if given.ndim == 1 and given.size == columns:
            hint = f" (for one sample give {name}[None, :])"
        elif given.ndim == 1 and columns == 1:
            hint = f" (give {name}[:, None])"
        elif name == "D" and given.ndim == 2 and given.shape[1] == 1:
            hint = " (if these are class labels, give D[:, 0])"
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


def targets(D, samples, output, loss, units, dtype, name="D"):
    """The teacher signal as a read-only matrix (samples, units) that suits the output and its loss.

    A vector is class labels for softmax, 0, 1, ..., and a column for a single unit.
    """
    given = real_array(name, D)
    if given.ndim == 1 and len(given) != samples:
        raise ValueError(f"{name} must have a target for each of the {samples} samples of X, got {len(given)}")
    if given.ndim == 1 and units == 1:
        given = given[:, None]
    elif given.ndim == 1 and output == "softmax":
        given = _one_hot(name, given, units, dtype)
    elif given.ndim == 1:
        hint = f" (np.eye({units})[{name}] makes rows of class labels)" * (given.dtype.kind in "iu")
        raise ValueError(f"{name} must have shape (samples, {units}), a target for each unit, got {given.shape}{hint}")
    d = real_matrix(name, given, units, dtype)
    if len(d) != samples:
        raise ValueError(f"{name} must have a row for each of the {samples} samples of X, got {len(d)}")
    if loss == "poisson" and d.min() < 0:
        row, column = np.argwhere(d < 0)[0]
        raise ValueError(
            f"{name} must be at least 0 for loss='poisson', got {d[row, column]} in row {row}, column {column}"
        )
    if output in ("softmax", "sigmoid") and (d.min() < -ROUNDING or d.max() > 1 + ROUNDING):
        row, column = np.argwhere((d < -ROUNDING) | (d > 1 + ROUNDING))[0]
        raise ValueError(
            f"{name} must lie between 0 and 1 for output={output!r}, got {d[row, column]} in row {row}, column {column}"
        )
    if output == "softmax":
        sums = d.sum(axis=1, dtype=np.float64)
        wrong = np.abs(sums - 1) > (1e-3 if given.dtype == np.float16 else ROUNDING)
        if wrong.any():
            row = int(wrong.argmax())
            raise ValueError(f"each row of {name} must sum to 1 for output='softmax', got {sums[row]:.7g} in row {row}")
    return d


def _one_hot(name, labels, classes, dtype):
    """A row for each label: 1 at its place, 0 elsewhere."""
    wrong = ~((labels >= 0) & (labels < classes) & (labels == np.rint(labels)))
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(
            f"{name} must hold class labels, integers from 0 to {classes - 1} for the {classes} outputs, got "
            f"{labels[place]} in place {place}"
        )
    rows = np.zeros((len(labels), classes), dtype)
    rows[np.arange(len(labels)), labels.astype(np.int64)] = 1
    return rows


def sample_weights(value, samples, dtype, some=True):
    """How much each sample counts, as a read-only vector; None is 1 for all. Whether some must count, `some` says."""
    if value is None:
        weights = np.ones(samples, dtype)
    else:
        given = real_array("sample_weight", value)
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
        if not 0 <= total < math.inf or (some and total == 0):
            raise ValueError(f"sample_weight must have a sum that is positive and finite, got the sum {total}")
    weights.flags.writeable = False
    return weights


def row_numbers(name, value, samples):
    """Numbers of rows of X, a vector of int64 with at least one; None is all."""
    if value is None:
        return np.arange(samples)
    if isinstance(value, tuple | list) and any(isinstance(part, tuple | list | np.ndarray) for part in value):
        raise ValueError(
            f"{name} must be numbers of rows of X, got arrays of samples: append these to X and D, and give the "
            "numbers of their rows"
        )
    given = real_array(name, np.arange(samples)[value] if isinstance(value, slice) else value)
    if given.ndim != 1 or given.size == 0:
        came = f"an array of shape {given.shape}" if given.ndim else shown(value)
        raise ValueError(f"{name} must be a vector of row numbers, at least one, got {came}")
    if given.dtype.kind not in "iu":
        hint = " (np.flatnonzero gives the numbers of what is True)" * (given.dtype == bool)
        raise TypeError(f"{name} must hold integers, got an array of dtype {given.dtype}{hint}")
    wrong = (given < 0) | (given >= samples)
    if wrong.any():
        place = int(wrong.argmax())
        raise ValueError(
            f"{name} must lie between 0 and {samples - 1}, the rows of X, got {given[place]} in place {place}"
        )
    return np.ascontiguousarray(given, np.int64)


def _is_sequence(value):
    """Whether its items have an order, and may be numbers."""
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Set | Mapping)


def hidden_units(sizes):
    """The numbers of units of the hidden layers, of which a single one may be an integer, as a list of int."""
    if not _is_sequence(sizes):
        return [whole_number("hidden_layer_sizes", sizes, 1)]
    return [whole_number(f"hidden_layer_sizes[{layer}]", size, 1) for layer, size in enumerate(sizes)]


def layer_sizes(sizes):
    """The numbers of units of at least two layers, as a tuple of int."""
    if not _is_sequence(sizes):
        raise TypeError(f"sizes must be a sequence of integers, got {shown(sizes)}")
    sizes = tuple(sizes)
    if len(sizes) < 2:
        raise ValueError(f"sizes must have at least two layers, inputs and outputs, got {sizes!r}")
    return tuple(whole_number(f"sizes[{layer}]", size, 1) for layer, size in enumerate(sizes))


def hidden_activations(activation, options, layers):
    """The activation of all hidden layers, a str, or of each, a tuple of str."""
    if isinstance(activation, bytes | Set | Mapping) or not isinstance(activation, Iterable):
        return choice("activation", activation, options)
    if isinstance(activation, str):
        return choice("activation", activation, options)
    names = tuple(activation)
    if len(names) != layers:
        raise ValueError(f"activation must have a name for each of the {layers} hidden layers, got {shown(names)}")
    return tuple(choice(f"activation[{layer}]", name, options) for layer, name in enumerate(names))


def loss_of_output(loss, output, options, losses_of):
    """The loss, one of those that go with the output activation; None is the usual one."""
    possible = losses_of[output]
    if loss is None:
        return possible[0]
    if choice("loss", loss, options) not in possible:
        raise ValueError(f"loss must be {' or '.join(map(repr, possible))} for output={output!r}, got {shown(loss)}")
    return loss


def parameter_of_loss(loss, huber_delta, quantile):
    """The one number that a loss has, None if it has none."""
    for name, value in (("huber_delta", huber_delta), ("quantile", quantile)):
        if value is not None and not name.startswith(loss):
            raise ValueError(f"{name} must be None for loss={loss!r}, got {shown(value)}")
    if loss == "huber":
        delta = 1.0 if huber_delta is None else huber_delta
        return real_number("huber_delta", delta, lambda x: LEAST_LEVEL <= x <= LARGEST_LEVEL, "between 2^-32 and 2^30")
    if loss == "quantile":
        quantile = 0.5 if quantile is None else quantile
        return real_number("quantile", quantile, lambda x: LEAST_LEVEL <= x <= 1 - LEAST_LEVEL, WITHIN_ONE)
    return None


def stored_level(loss, level):
    """Refuses what a file must not hold as the number of a loss: of a cross-entropy that is the most that it counts."""
    if loss in ("huber", "quantile"):
        parameter_of_loss(loss, *((level, None) if loss == "huber" else (None, level)))
    if level is not None:
        real_number("loss parameter", level, lambda x: LEAST_LEVEL <= x <= LARGEST_LEVEL, "between 2^-32 and 2^30")
    elif loss in ("huber", "quantile"):
        raise ValueError(f"loss parameter must be a number for loss={loss!r}, it has none")


def dtype(value, options):
    """One of the dtypes in `options`, by its name, as numpy.float32 or as a dtype."""
    name = value
    if value is not None:  # which NumPy takes for float64
        with contextlib.suppress(TypeError):
            name = np.dtype(value).name
            if name not in options:  # no slip: another dtype
                raise ValueError(f"dtype must be one of {', '.join(map(repr, options))}, got {name!r}")
    return np.dtype(choice("dtype", name, options))


def trainable(name, network):
    """A network whose parameters are finite and can be changed."""
    if not np.isfinite(network.theta).all():
        raise ValueError(f"{name} must have finite parameters, got NaN or infinity in {name}.theta")
    if not network.theta.flags.writeable:
        raise ValueError(f"{name} must have parameters that can be changed, got a read-only {name}.theta")
    return network


def real_array(name, value):
    if hasattr(value, "toarray"):
        raise TypeError(f"{name} must be a dense array, got the sparse {type(value).__name__}; give {name}.toarray()")
    refuse_masked(name, value)
    try:
        array = np.asarray(value)
    except Exception as problem:  # an object may raise anything when it is asked for its numbers
        if isinstance(value, list | tuple) and isinstance(problem, ValueError):
            raise ValueError(f"{name} must be a matrix of numbers, got rows that do not fit together") from problem
        raise TypeError(f"{name} must be an array of real numbers, got {shown(value)}: {problem}") from problem
    if array.dtype.kind not in "fiub":
        convertible = array.dtype == object and hasattr(value, "astype")
        hint = f"; if it holds numbers, give {name}.astype(float)" if convertible else ""
        if name == "D" and array.dtype.kind in "US":
            hint = "; np.unique(D, return_inverse=True)[1] makes class labels of texts"
        raise TypeError(f"{name} must hold real numbers, got an array of dtype {array.dtype}{hint}")
    return array


def refuse_masked(name, value):
    """Refuses an array with masked values, which other checks would take for numbers."""
    if "numpy.ma" not in sys.modules:  # nobody can have made one, and it is slow to import
        return
    if isinstance(value, np.ma.MaskedArray) and np.ma.is_masked(value):  # which a frame with a column "_mask" is, too
        raise ValueError(f"{name} must have no masked values, got {np.ma.count_masked(value)} of them")


def shown(value):
    """repr(value), however long or broken that is, in at most 80 characters."""
    try:
        text = repr(value)
    except Exception:
        text = object.__repr__(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def short_list(names, most=10, longest=40):
    """Some names in quotes, shortened, for a message."""
    names = list(names)
    some = [repr(name if len(name) <= longest else f"{name[:longest]}...") for name in names[:most]]
    return ", ".join(some) + (f" and {len(names) - most:,} more" if len(names) > most else "")


def counted(number, what):
    """How many, in words: "1 row", "1,000 rows"."""
    return f"{number:,} {what}{'s' * (number != 1)}"


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


def real_number(name, value, accepted, expected):
    """A float that `accepted(float)` takes; `expected` says in words which those are."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, numbers.Real):
        raise TypeError(f"{name} must be a number, got {shown(value)}")
    try:
        number = float(value)
    except OverflowError:
        number = math.nan  # too large for a float, and no comparison accepts it
    if not accepted(number):
        raise ValueError(f"{name} must be {expected}, got {shown(value)}")
    return number


def positive_number(name, value, dtype="float64"):
    """A float that is above 0 and finite in the dtype."""
    where = "" if dtype == "float64" else f" in {dtype}"
    with np.errstate(all="ignore"):
        return real_number(name, value, lambda x: 0 < np.dtype(dtype).type(x) < math.inf, f"positive and finite{where}")


def store(frozen, **values):
    """Checked values into the fields of a frozen dataclass."""
    for name, value in values.items():
        object.__setattr__(frozen, name, value)


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


def threads(value):
    """The most threads, or None."""
    return None if value is None else whole_number("threads", value, 1)


def time_limit(value):
    """Seconds, or None."""
    return None if value is None else positive_number("time_limit", value)


def callables(name, value):
    """One callable or a sequence of them, or None, as a tuple."""
    given = () if value is None else (value,) if callable(value) else value
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise TypeError(f"{name} must be a callable or a sequence of callables, got {shown(value)}")
    found = tuple(given)
    for i, one in enumerate(found):
        if not callable(one):
            raise TypeError(f"{name}[{i}] must be callable, got {shown(one)}")
    return found


def choice(name, value, options):
    """One of the names in `options`."""
    expected = f"one of {', '.join(map(repr, options))}"
    if not isinstance(value, str):
        raise TypeError(f"{name} must be {expected}, got {shown(value)}")
    if value not in options:
        raise ValueError(f"{name} must be {expected}, got {shown(value)}{did_you_mean(value, options)}")
    return value


def did_you_mean(name, known):
    """The nearest of the known names, as the end of a message; nothing if none is near."""
    by_small_letters = {other.lower(): other for other in known}
    import difflib  # here: it is needed for messages only

    near = difflib.get_close_matches(name.lower(), by_small_letters, 1)
    return f"; did you mean {by_small_letters[near[0]]!r}?" if near else ""


def instance(name, value, kind):
    """An object of the class `kind`."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be a fastbp.{kind.__name__}, got {shown(value)}")
    return value
