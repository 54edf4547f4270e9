"""The first pass over a table: what is in each column."""

import collections
import re

import numpy as np

from fastbp.tables.blocks import TEST
from fastbp.tables.sources import TableError, is_missing, number, numbers, texts

MOST = 1000  # different texts of a column that become inputs
LIKE_NUMBER = re.compile(r"[-+]?[$€£]?\s?\d[\d.,' ]*\s?[%€]?")  # 1,000 or 3,5 or 12 %, which no float is


class Column:
    """What one column of a table holds.

    Attributes
    ----------
    name : str
    rows, missing, numeric, like_numbers : int
        Cells, those without a value, those with a number, those with a number in a spelling that cannot be read.
    first_text, first_like_number : TableError or None
        What would be said of the first cell that is no number, and of the first that looks like one.
    texts, trained_texts : Counter of str, or None
        How often each text is there, and how often in the rows to train with (of the target only); None if there are
        more than MOST.
    trained : int
        Rows to train with.
    mean, deviation : float
        Of the numbers in those rows.
    whole : bool
        Whether all numbers are integers.
    """

    def __init__(self, name, is_target=False):
        self.name, self._is_target = name, is_target
        self.rows = self.missing = self.numeric = self.like_numbers = self.trained = self._summed = 0
        self.first_text, self.first_like_number, self.whole = None, None, True
        self.texts, self.trained_texts = collections.Counter(), collections.Counter()
        self.mean, self._squares = 0.0, 0.0

    @property
    def deviation(self):
        return float(np.sqrt(self._squares / self._summed)) if self._summed else 0.0

    @property
    def is_numeric(self):
        """Whether there is a number and nothing else."""
        return self.numeric > 0 and self.first_text is None

    def see(self, block, trained):
        """Takes note of a block; `trained` tells which of its rows are to train with."""
        self.rows += len(block)
        self.trained += int(trained.sum())
        try:
            values = numbers(block, self.name)
        except TableError as problem:
            values = self._see_texts(block, problem)
        else:
            self.missing += int(np.isnan(values).sum())
        finite = np.isfinite(values)
        self.numeric += int(finite.sum())
        self._add(values[finite & trained])
        self.whole = self.whole and bool((values[finite] == np.rint(values[finite])).all())
        if self.texts is not None:
            self._count(texts(block, self.name), trained)

    def _see_texts(self, block, problem):
        """Of cells that are not all numbers: those that are, NaN elsewhere."""
        cells = block.columns[self.name]
        if not isinstance(cells, list):
            raise problem
        self.first_text = self.first_text or problem
        self.missing += sum(map(is_missing, cells))
        values = np.array([number(cell) for cell in cells], np.float64)  # of None NaN
        for row in np.flatnonzero(np.isnan(values)).tolist():
            if LIKE_NUMBER.fullmatch(cells[row].strip()):
                self.like_numbers += 1
                if self.first_like_number is None:
                    self.first_like_number = block.refuse(row, self.name, f"{cells[row]!r} is no number")
        return values

    def _count(self, found, trained):
        self.texts.update(found)
        del self.texts[None]
        if self._is_target:
            self.trained_texts.update(text for text, here in zip(found, trained.tolist(), strict=True) if here)
            del self.trained_texts[None]
        if len(self.texts) > MOST:
            self.texts = self.trained_texts = None

    def _add(self, values):
        """Mean and squares of all numbers so far (Chan, Golub and LeVeque 1983)."""
        if not values.size:
            return
        mean, before, self._summed = values.mean(), self._summed, self._summed + values.size
        apart = mean - self.mean
        self._squares += np.square(values - mean).sum() + apart**2 * before * values.size / self._summed
        self.mean += apart * values.size / self._summed


def surveyed(table, names, target, roles, shown):
    """{name: Column} of some columns of a whole table."""
    columns, done = {name: Column(name, name == target) for name in names}, 0
    for block in table.blocks():
        trained = roles.take(len(block)) != TEST
        for column in columns.values():
            column.see(block, trained)
        done += len(block)
        shown.status(f"looked at {done:,} rows")
    return columns
