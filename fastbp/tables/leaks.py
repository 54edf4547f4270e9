"""Columns that alone predict the target nearly perfectly, in a sample of the rows to train with.

Such a column is likely a leak: the target in other words, or what is only known when the target is. A column of few
values predicts what is most frequent where it has each of them; one of many numbers what its neighbours have, when the
rows are sorted by it. For targets that are numbers all is done with their ranks, so that an outlier says no more than
another row.
"""

import numpy as np

from fastbp.tables.encoding import LEFT_OUT, TEXT
from fastbp.tables.target import CLASSES
from fastbp.validation import short_list

LOOKED_AT = 10_000  # rows
FEWEST, FEWEST_OF_CLASSES = 30, 200  # rows to judge by; by the order of many numbers: a good one parts few rows easily
OF_A_VALUE = 10  # rows for each value, at least, of a column of few values
RARE = 10  # rows, at least, that have another than the most frequent value, of the column and of the target
LEFT = {True: 0.02, False: 0.002}  # what may be wrong for classes; for ranks, where it is a correlation of 0.999


def likely_leaks(encoding, X, d):
    """Names of columns, by which alone the target can be told in nearly all rows.

    Parameters
    ----------
    encoding : Encoding
    X : ndarray of shape (rows, width)
        Encoded rows.
    d : ndarray of shape (rows,)
        Their encoded targets.

    Returns
    -------
    list of str
        None of a table with a single column of inputs, which has nothing else to predict by.
    """
    columns, at, found = [column for column in encoding.inputs if column.kind != LEFT_OUT], 0, []
    classes = encoding.target.kind == CLASSES
    d = d.astype(int) if classes else _ranks(d)
    for column in columns:
        part, at = X[:, at : at + column.width], at + column.width
        values, is_known = _values_of(column, part)
        is_text, mostly = column.kind == TEXT, len(d) / 2 <= is_known.sum() < len(d)
        if tells(values, d, classes, is_text) or (mostly and tells(values[is_known], d[is_known], classes, is_text)):
            found.append(column.name)
    return found if len(columns) > 1 else []


def notes_on(names):
    """What is said of them, if there are any."""
    if names:
        alone = "each of which alone predicts" if len(names) > 1 else "which alone predicts"
        yield (
            f"likely a leak: {short_list(names)}, {alone} the target nearly perfectly; if it is not known before the "
            f"target is, leave it out: --drop NAME (drop=)"
        )


def _values_of(column, part):
    """A number for each row, and which rows have a value: a missing one has a number of its own."""
    missing_at = len(column.texts) if column.kind == TEXT else -1  # rare texts have an input behind it
    is_known = part[:, missing_at] == 0 if column.missing else np.ones(len(part), bool)
    if column.kind == TEXT:
        return np.where(part.any(axis=1), part.argmax(axis=1), part.shape[1]), is_known
    return np.where(is_known, part[:, 0], np.float32(np.inf)), is_known


def tells(values, d, classes, is_text=False):
    """Whether values (rows,) tell classes, or ranks, d (rows,) nearly always, and not by chance."""
    if len(d) < FEWEST or min(_others(values), _others(d)) < RARE:
        return False
    _, place, often = np.unique(values, return_inverse=True, return_counts=True)
    if len(often) * OF_A_VALUE <= len(d):
        return (_left_of_classes if classes else _left_of_ranks)(place, often, d) <= LEFT[classes]
    if is_text or (classes and len(d) < FEWEST_OF_CLASSES):
        return False
    in_order = d[np.argsort(values, kind="stable")]
    return (_changes_of_classes if classes else _bends_of_ranks)(in_order) <= LEFT[classes]


def _others(values):
    """Rows without the most frequent value."""
    return len(values) - np.unique(values, return_counts=True)[1].max()


def _left_of_classes(place, often, d):
    """Rows without the most frequent class of their value, as a part of those without the most frequent of all."""
    counts = np.zeros((len(often), d.max() + 1), int)
    np.add.at(counts, (place, d), 1)
    return (len(d) - counts.max(axis=1).sum()) / _others(d)


def _left_of_ranks(place, often, d):
    """The variance of ranks around the mean of their value, as a part of that around the mean of all."""
    means = np.bincount(place, d) / often
    within = np.square(d - means[place]).sum() / (len(d) - len(often))
    return within * (len(d) - 1) / np.square(d - d.mean()).sum()


def _changes_of_classes(d):
    """How often the class changes, besides once for each, as a part of how often it would in an order of chance."""
    counts = np.bincount(d)
    changes = np.count_nonzero(np.diff(d)) - np.count_nonzero(counts) + 1
    return changes / (len(d) - np.square(counts).sum() / len(d))


def _bends_of_ranks(d):
    """The variance of ranks around the mean of both neighbours, as a part of what it would be in an order of chance."""
    return np.square(d[1:-1] - (d[:-2] + d[2:]) / 2).mean() / (1.5 * np.square(d - d.mean()).mean())


def _ranks(d):
    """The rank of each number; equal ones share the mean of theirs."""
    _, place, often = np.unique(d, return_inverse=True, return_counts=True)
    return (np.cumsum(often) - (often + 1) / 2)[place]
