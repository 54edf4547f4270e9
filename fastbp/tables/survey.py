"""The first pass over a table: what is in each column."""

import collections
import re

import numpy as np

from fastbp.tables import dates
from fastbp.tables.cells import (
    NOWHERE,
    TableError,
    Words,
    is_missing,
    key_of,
    known,
    numbers,
    plain_numbers,
    spelled,
    texts,
    why_not,
)
from fastbp.tables.roles import TEST
from fastbp.tables.samples import Sample
from fastbp.tables.sources import opened

MOST, SHOWN = 1000, 6  # different texts of a column that become inputs; cells that are no numbers, in a message
ROWS_OF_A_LABEL = 5  # of those that begin with numbers, at least
COUNTED = 100_000  # different texts that are counted; beyond that those are forgotten that have come once
FARTHEST = 1e30  # times the distance of the quartiles, at most, that numbers of the rows to train with are apart
LIKE_NUMBER = re.compile(r"[-+]?[$€£]?\s?\d[\d.,' ]*\s?[%€]?")  # 1,000 or 3,5 where the file has other signs


class Column:
    """What one column of a table holds, in the rows that have a target.

    Attributes
    ----------
    name : str
    rows, missing, numeric, like_numbers : int
        Cells, those without a value, those with a number, those with a number in a spelling that cannot be read.
    first_like_number : TableError or None
        What would be said of the first cell that looks like a number, and is none.
    not_numbers : Counter of str
        Some of the cells that are no numbers.
    texts, trained_texts : Counter of str
        How often each text is there, and how often in the rows to train with (of the target only). Texts that mean the
        same are the one that came first. Of more than COUNTED texts the rarest are forgotten.
    trained : int
        Rows to train with.
    mean, deviation, lowest, highest : float
        Of the numbers in those rows.
    sample : Sample or None
        Of the numbers in those rows, if one is wanted.
    logarithms : Moments
        Of the logarithms of the positive numbers in those rows (of the target only).
    not_positive : TableError or None
        What would be said of the first number that has no logarithm (of the target only).
    dates : dict of str to Moments
        Orders of day, month and year in which all cells are dates (dates.py), with the days in those rows.
    whole : bool
        Whether all numbers are integers.
    rising : bool
        Whether each number is the one before plus 1.
    """

    def __init__(self, name, is_target=False, as_text=False, sampled=False):
        self.name, self.is_target, self._counts_texts = name, is_target, is_target or as_text
        self.rows = self.missing = self.numeric = self.like_numbers = self.trained = 0
        self._first_text, self.first_like_number, self.whole, self.rising = None, None, True, True
        self.texts, self.trained_texts = collections.Counter(), collections.Counter()
        self._shown, self._last, self._kinds, self._numbers = {}, None, set(), Moments()
        self.dates = {order: Moments() for order in dates.ORDERS}
        self._units, self._first_of_unit, self.not_numbers = collections.Counter(), {}, collections.Counter()
        self.lowest, self.highest, self.sample = np.inf, -np.inf, Sample() if sampled else None
        self.logarithms, self.not_positive = Moments(), None

    @property
    def mean(self):
        return self._numbers.mean

    @property
    def deviation(self):
        return self._numbers.deviation

    @property
    def median_and_scale(self):
        """Of a column with a sample, as RealMLP has them (arXiv 2407.04491): the median; the distance of the quartiles,
        or where they are the same half of that of the lowest and the highest number."""
        low, median, high = self.sample.quartiles
        whole = self.highest - self.lowest
        return median, max(high - low if high > low else whole / 2, whole / FARTHEST)

    @property
    def is_of_dates(self):
        """Whether there is a date and nothing else."""
        return self.numeric == 0 and self.missing < self.rows and len(self.dates) > 0

    @property
    def first_text(self):
        """What would be said of the first cell that is no number, or has another unit than most; None."""
        if self._first_text is None and len(self._units) > 1:
            where, cell = self._first_of_unit[min(self._units, key=self._units.get)]
            return TableError(f"{where}{cell!r} " + (f"must be in {self.unit}" if self.unit else "has a unit"))
        return self._first_text

    @property
    def is_of_labels(self):
        """Whether few different cells have numbers beside different words: "1st", "2nd", or "1. White", "2. Black".

        Where most are numbers alone, a word is a slip.
        """
        labels = self._first_text is None and len(self._units) > 1 and self.unit != ""
        return labels and ROWS_OF_A_LABEL * len(self.texts) <= self.rows - self.missing

    @property
    def is_numeric(self):
        """Whether there is a number and nothing else, all in one unit."""
        return self.numeric > 0 and self.first_text is None

    @property
    def unit(self):
        """What stands beside most of the numbers: "kg", "$", "%", or nothing."""
        return self._units.most_common(1)[0][0] if self._units else ""

    @property
    def changes(self):
        """Whether it began as numbers and went on as texts: what was counted before is not as it stood in the file."""
        return len(self._kinds) > 1

    def see(self, block, counted, trained):
        """Takes note of a block; of its rows those count that have a target, and some of them are to train with."""
        self.rows += int(counted.sum())
        self.trained += int(trained.sum())
        column = block.column(self.name)
        self._kinds.add(type(column))
        if isinstance(column, Words):
            values = self._see_words(block, column, counted)
        else:
            values = numbers(block, self.name)
            self.missing += int(np.isnan(values[counted]).sum())
            self._note_unit("", block, np.isfinite(values) & counted, lambda row: f"{values[row]:g}")
        finite = np.isfinite(values) & counted
        self.numeric += int(finite.sum())
        self._see_numbers(block, values, finite, finite & trained)
        if self.numeric:
            self.dates = {}
        elif self.dates and isinstance(column, Words):
            self._look_for_dates(column, counted, trained)
        self._look_at_order(values[finite])
        if (self._counts_texts or isinstance(column, Words)) and not (self.is_target and len(self.texts) > MOST):
            self._count(texts(block, self.name), counted, trained)

    def _see_numbers(self, block, values, finite, trained):
        """Those of all rows that count, and those of the rows to train with."""
        learnt = values[trained]
        self._numbers.add(learnt)
        if learnt.size:
            self.lowest, self.highest = min(self.lowest, float(learnt.min())), max(self.highest, float(learnt.max()))
        if self.sample is not None:
            self.sample.add(learnt)
        if self.is_target:
            self.logarithms.add(np.log(learnt[learnt > 0]))
            low = finite & (values <= 0)
            if self.not_positive is None and low.any():
                row = int(low.argmax())
                self.not_positive = block.refuse(row, self.name, f"{values[row]:g} must be above 0 to have a logarithm")

    def _see_words(self, block, column, counted):
        """Their numbers, NaN elsewhere."""
        often = np.bincount(column.codes[counted], minlength=len(column.words))
        plain = None if block.decimal == "," else plain_numbers(column.words)
        if plain is not None and np.isfinite(plain[~np.isnan(plain)]).all():
            self.missing += int(often[np.isnan(plain)].sum())
            values = np.append(plain, np.nan)[column.codes]
            self._note_unit("", block, ~np.isnan(values) & counted, lambda row: column.words[column.codes[row]].strip())
            return values
        values = np.full(len(column.words) + 1, np.nan)
        for code in np.flatnonzero(often).tolist():
            word = column.words[code]
            found = None if is_missing(word) else spelled(word, block.decimal)
            if is_missing(word):
                self.missing += int(often[code])
            elif found is not None and np.isfinite(found[0]):
                values[code] = found[0]
                rows = (column.codes == code) & counted if found[1] not in self._units else None
                self._note_unit(found[1], block, rows, lambda row, word=word: word.strip(), int(often[code]))
            else:
                self._note_text(block, column, code, int(often[code]))
        return values[column.codes]

    def _note_unit(self, unit, block, rows, cell_of, often=None):
        """So many numbers with a unit, and where the first of them is: in one of the rows."""
        often = int(rows.sum()) if often is None else often
        if often and unit not in self._units:
            row = int(rows.argmax())
            self._first_of_unit[unit] = str(block.refuse(row, self.name, "")), cell_of(row)
        if often:
            self._units[unit] += often

    def _note_text(self, block, column, code, often):
        word = column.words[code]
        is_like_number = LIKE_NUMBER.fullmatch(word.strip()) is not None
        if self._first_text is None or (is_like_number and self.first_like_number is None):
            problem = block.refuse(column.row_of(code), self.name, why_not(word, None, "", block.decimal))
            self._first_text = self._first_text or problem
            self.first_like_number = self.first_like_number or (problem if is_like_number else None)
        if len(self.not_numbers) < SHOWN:
            self.not_numbers[word.strip()] += often
        self.like_numbers += often * is_like_number

    def _look_at_order(self, values):
        if values.size and (self.whole or self.rising):
            self.whole = self.whole and bool((values == np.rint(values)).all())
            steps = np.diff(values, prepend=values[0] - 1 if self._last is None else self._last)
            self.rising, self._last = self.rising and bool((steps == 1).all()), values[-1]

    def _count(self, found, counted, trained):
        words = [self._shown.setdefault(key_of(word), word) for word in found.words]
        for counter, rows in ((self.texts, counted), (self.trained_texts, trained & self.is_target)):
            known = found.codes[rows & (found.codes != NOWHERE)]
            for word, often in zip(words, np.bincount(known, minlength=len(words)).tolist(), strict=True):
                if often:
                    counter[word] += often
        if len(self.texts) > COUNTED:
            self.texts = collections.Counter({word: often for word, often in self.texts.items() if often > 1})
            self._shown = {key_of(word): word for word in self.texts}

    def _look_for_dates(self, column, counted, trained):
        """Orders of day, month and year in which all cells so far are dates."""
        used = np.flatnonzero(np.bincount(column.codes[counted], minlength=len(column.words)))
        known = [(code, column.words[code]) for code in used.tolist() if not is_missing(column.words[code])]
        for order in [*self.dates]:
            values = np.full(len(column.words) + 1, np.nan)
            for code, word in known:
                value = dates.days(word, order)
                if value is None:
                    del self.dates[order]
                    break
                values[code] = value
            else:
                of_rows = values[column.codes]
                self.dates[order].add(of_rows[~np.isnan(of_rows) & trained])


class Moments:
    """Mean and standard deviation of numbers that come in parts (Chan, Golub and LeVeque 1983)."""

    def __init__(self):
        self.mean, self._squares, self._n = 0.0, 0.0, 0

    def add(self, values):
        """Takes note of some numbers."""
        if not values.size:
            return
        mean, before, self._n = values.mean(), self._n, self._n + values.size
        apart = mean - self.mean
        self._squares += np.square(values - mean).sum() + apart**2 * before * values.size / self._n
        self.mean += apart * values.size / self._n

    @property
    def deviation(self):
        return float(np.sqrt(self._squares / self._n)) if self._n else 0.0


class Survey:
    """What was found in a whole table.

    Attributes
    ----------
    columns : dict of str to Column
        Of the target all rows count, of the others those with a target.
    texts : set of str
        Columns that had to be read as texts.
    source : str
    reading : Reading or None
        As found.
    notes : list of str

    Of the columns `sampled` (names) there is a sample.
    """

    def __init__(self, table, names, target, text, roles_of, reading, shown, sampled=()):
        self.texts, self._sampled = {target, *text}, sampled
        while not self._read(opened(table, reading, self.texts), names, target, text, roles_of(), shown):
            pass

    def _read(self, table, names, target, text, roles, shown):
        """False if a column turned out to hold texts after some numbers: all is read once more then, as it stands."""
        self.columns = {name: Column(name, name == target, name in text, name in self._sampled) for name in names}
        self.source, self.reading, self.notes, done = table.source, table.reading, [*table.notes], 0
        for block in table.blocks():
            counted = known(block, target)
            trained = (roles.of(block, target) != TEST) & counted
            for name, column in self.columns.items():
                column.see(block, np.ones(len(block), bool) if name == target else counted, trained)
            done += len(block)
            shown.status(f"looked at {done:,} rows")
        changed = {name for name, column in self.columns.items() if column.changes} - self.texts
        self.texts |= changed
        return not changed
