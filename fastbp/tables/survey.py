"""The first pass over a table: what is in each column."""

import collections

import numpy as np

from fastbp.tables.blocks import TEST
from fastbp.tables.sources import is_missing, numbers, texts

MOST = 1000  # different texts of a column that become inputs
NUMERIC = 0.9  # a column with more numbers than this part is meant to have numbers only


class Column:
    """What one column of a table holds.

    Attributes
    ----------
    name : str
    rows, missing, numeric : int
        Cells, those without a value, those with a number.
    first_text : TableError or None
        What would be said of the first cell that is no number.
    texts : Counter of str, or None
        How often each text is there; None if there are more than MOST.
    mean, deviation : float
        Of the numbers in the rows that the network is trained with.
    whole : bool
        Whether all numbers are integers.
    """

    def __init__(self, name):
        self.name, self.rows, self.missing, self.numeric = name, 0, 0, 0
        self.first_text, self.texts, self.whole = None, collections.Counter(), True
        self.mean, self._squares, self._summed = 0.0, 0.0, 0

    @property
    def deviation(self):
        return float(np.sqrt(self._squares / self._summed)) if self._summed else 0.0

    @property
    def is_numeric(self):
        """Whether there is a number and nothing else."""
        return self.numeric > 0 and self.first_text is None

    def see(self, block, trained):
        """Takes note of a block, of whose numbers those of the rows that are `trained` with make the mean."""
        self.rows += len(block)
        try:
            values = numbers(block, self.name)
        except ValueError as problem:
            self.first_text = self.first_text or problem
            column = block.columns[self.name]
            if isinstance(column, str):
                raise
            values = np.array([_number_or_nan(cell) for cell in column])
            self.missing += sum(map(is_missing, column))
        else:
            self.missing += int(np.isnan(values).sum())
        finite = np.isfinite(values)
        self.numeric += int(finite.sum())
        self._add(values[finite & trained])
        self.whole = self.whole and bool((values[finite] == np.rint(values[finite])).all())
        if self.texts is not None:
            self.texts.update(texts(block, self.name))
            del self.texts[None]
            if len(self.texts) > MOST:
                self.texts = None

    def _add(self, values):
        """Mean and squares of all numbers so far (Chan, Golub and LeVeque 1983)."""
        if not values.size:
            return
        mean, before, self._summed = values.mean(), self._summed, self._summed + values.size
        apart = mean - self.mean
        self._squares += np.square(values - mean).sum() + apart**2 * before * values.size / self._summed
        self.mean += apart * values.size / self._summed


def _number_or_nan(token):
    try:
        return float(token)
    except ValueError:
        return np.nan


def surveyed(table, names, roles, tell):
    """{name: Column} of some columns of a whole table."""
    columns, done = {name: Column(name) for name in names}, 0
    for block in table.blocks():
        trained = roles.take(len(block)) != TEST
        for column in columns.values():
            column.see(block, trained)
        done += len(block)
        tell("looked at", done)
    return columns
