"""Results of a function beside those that are expected: whether they are equal, and where they are not."""

import numpy as np

CLOSE = 1e-9  # of a number itself, and of the largest beside it
WITNESS = 1e-6  # difference quotients know no more


def as_arrays(value):
    """One result or several, as a tuple of float arrays."""
    return tuple(np.asarray(part, dtype=float) for part in (value if isinstance(value, tuple) else (value,)))


def agree(came, expected, close=CLOSE):
    """Where two arrays of one shape agree, entry by entry; what is not finite agrees with what is not finite.

    Close is measured by the number itself and the largest beside it; for difference quotients, which come from numbers
    of the size of 1, at least by 1.
    """
    finite = np.isfinite(expected)
    scale = np.abs(expected[finite]).max(initial=1.0 if close == WITNESS else 0.0)
    with np.errstate(invalid="ignore", over="ignore"):
        near = np.abs(came - expected) <= close * (np.abs(expected) + scale)
    return np.where(finite, near & np.isfinite(came), ~np.isfinite(came))


def all_agree(came, expected, close=CLOSE):
    """Whether all results of a call do."""
    return all(
        one.shape == other.shape and agree(one, other, close).all() for one, other in zip(came, expected, strict=True)
    )


def apart(came, expected):
    """The largest difference between finite results."""
    largest = 0.0
    for one, other in zip(came, expected, strict=True):
        finite = np.isfinite(one) & np.isfinite(other)
        largest = max(largest, np.abs(one[finite] - other[finite]).max(initial=0.0))
    return float(largest)


def results_of(function, case, like=None):
    """What the reference or a known mistake gives for a case; None where it breaks, or has other shapes than `like`."""
    inputs = [value.copy() if isinstance(value, np.ndarray) else value for value in case.inputs.values()]
    try:
        with np.errstate(all="ignore"):
            found = as_arrays(function(*inputs))
    except (ValueError, IndexError, ArithmeticError):
        return None
    fits = like is None or [part.shape for part in found] == [part.shape for part in like]
    return found if fits else None


def has_hole(results):
    """Whether a result is not finite anywhere."""
    return not all(np.isfinite(part).all() for part in results)


def is_like(came, wrong):
    """Whether results, of each case, are those of a known mistake. One that breaks is like one that is not finite."""
    seen = False
    for mine, theirs in zip(came, wrong, strict=True):
        if mine is None or theirs is None:
            other = theirs if mine is None else mine
            if other is not None and not has_hole(other):
                return False
        elif not all_agree(mine, theirs):
            return False
        else:
            seen = True
    return seen


def shown(value):
    """A number or a small array, in as few characters as will do."""
    if callable(value):
        return value.__name__
    if np.ndim(value) == 0:
        return f"{value:.6g}"
    return f"[{', '.join(map(shown, value))}]"


def entry(letter, place):
    """The name of an entry: "u[1]", "dw[0, 2]", and the letter alone for a number."""
    return f"{letter}[{', '.join(map(str, place))}]" if place else letter
