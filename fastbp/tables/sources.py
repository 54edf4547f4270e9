"""Where tables come from: CSV and Parquet files, read in blocks of rows, so that a file may be larger than the memory.

A column of a block is a list of strings as they stand in a CSV file, or a vector of float64 whose missing values are
NaN. What cannot be read ends in a TableError that names the file, the line and the column.
"""

import contextlib
import csv
import io
import itertools
import os
import re
import sys
import weakref
from dataclasses import dataclass

import numpy as np

from fastbp import validation

ROWS = 1024  # of a block: its cells fit into the cache, with 8192 reading takes twice as long
DELIMITERS = ",;\t|"
MISSING = frozenset(["", "?", "na", "n/a", "#n/a", "<na>", "nan", "-nan", "null", "none"])  # in small letters
LARGEST = 1e100  # of a number, so that squares of sums have room
EXACT = 2**53  # up to here float64 holds every integer
STDIN = "-"
LINE_BREAK = re.compile("\r\n|\r|\n")
WHOLE = re.compile(r"(-?\d+)\.0*")


class TableError(ValueError):
    """A table that cannot be read, or does not fit the model: where, what came and what was expected.

    Examples
    --------
    >>> import fastbp
    >>> issubclass(fastbp.TableError, ValueError)
    True
    """


@dataclass
class Block:
    """Some rows of a table.

    Attributes
    ----------
    source : str
        The name of the file.
    columns : dict of str to list of str, ndarray of float64, or str
        A str is the kind of a column that is neither numbers nor texts.
    lines : sequence of int
        Where each row ends: lines of a CSV file, counted from 1; rows of other tables.
    unit : str
        What `lines` counts.
    """

    source: str
    columns: dict
    lines: object
    unit: str = "line"

    def __len__(self):
        return len(self.lines)

    def refuse(self, row, name, what):
        """A TableError about one value."""
        return TableError(f"{self.source}, {self.unit} {self.lines[row]}, column {name!r}: {what}")


def numbers(block, name):
    """A column as float64, NaN where a value is missing.

    Raises
    ------
    TableError
        For the first value that is no finite number.
    """
    column = _readable(block, name)
    if isinstance(column, np.ndarray):
        values = column
    else:
        try:
            values = np.array([cell or "nan" for cell in column], np.float64)
        except ValueError:  # a slip, or another word for a missing value
            cells = ["nan" if is_missing(cell) else cell for cell in column]
            wrong = next((row for row, cell in enumerate(cells) if number(cell) is None), None)
            if wrong is not None:
                raise block.refuse(wrong, name, f"{validation.shown(column[wrong])} is no number") from None
            values = np.array(cells, np.float64)
        if "_" in "".join(column):  # Python's spelling of numbers, not that of tables
            row = next(row for row, cell in enumerate(column) if "_" in cell)
            raise block.refuse(row, name, f"{validation.shown(column[row])} is no number")
    large = np.abs(values) > LARGEST
    if large.any():
        row = int(large.argmax())
        came = column[row] if isinstance(column, list) else f"{column[row]:g}"
        raise block.refuse(row, name, f"numbers must lie between -{LARGEST:g} and {LARGEST:g}, got {came}")
    return values


def texts(block, name):
    """A column as strings without spaces around them, None where a value is missing; 1.0 is the text 1."""
    column = _readable(block, name)
    if isinstance(column, np.ndarray):
        return [None if value != value else _text(value) for value in column.tolist()]
    cells = [cell.strip() for cell in column]
    return [None if cell.lower() in MISSING else _without_zeros(cell) if "." in cell else cell for cell in cells]


def _without_zeros(cell):
    found = WHOLE.fullmatch(cell)
    return found[1] if found else cell


def _text(value):
    return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)


def _readable(block, name):
    column = block.columns[name]
    if isinstance(column, str):
        raise block.refuse(0, name, f"it must hold numbers or texts, it holds {column}")
    return column


def is_missing(cell):
    """Whether a cell holds no value."""
    return cell.strip().lower() in MISSING


def number(cell):
    """What a cell means, None if it is no number."""
    try:
        return float(cell)
    except ValueError:
        return None


def opened(path, delimiter=None):
    """The table in a file: CSV, or Parquet if it begins as such; "-" is a CSV table on standard input.

    Parameters
    ----------
    path : str or path-like
        What is no regular file, a pipe say, is a CSV table that can be read once.
    delimiter : str or None
        Between the cells of a CSV file; None: the one of , ; tab | of which the first line has most.
    """
    path = validation.path("path", path)
    if path == STDIN:
        if sys.stdin is None:
            raise TableError("standard input is closed")
        return CsvTable("standard input", sys.stdin.buffer, delimiter, again=False)
    file = open(path, "rb")  # noqa: SIM115
    if not can_be_read_twice(path):
        return CsvTable(path, file, delimiter, again=False)
    parquet = file.read(4) == b"PAR1"
    file.seek(0)
    if parquet:
        file.close()
        return ParquetTable(path)
    return CsvTable(path, file, delimiter)


def can_be_read_twice(path):
    """Whether it is a regular file, or not there at all, which others tell."""
    return os.path.isfile(path) or not os.path.exists(path)


def _check_names(source, names):
    for number, name in enumerate(names, 1):
        if not name:
            raise TableError(f"{source}, line 1: column {number} must have a name")
        if names.index(name) != number - 1:
            raise TableError(f"{source}, line 1: two columns have the name {name!r}")


class CsvTable:
    """A CSV file in UTF-8 whose first line has the names of the columns.

    Attributes
    ----------
    source : str
        What errors call it.
    names : list of str
    """

    def __init__(self, source, file, delimiter=None, again=True):
        self.source, self._again = source, again
        self._lines = io.TextIOWrapper(file, "utf-8-sig", newline="")
        self._close = weakref.finalize(self, self._lines.close)
        with self._refusing():
            first = next(self._lines, None)
            if first is None:
                raise TableError(f"{source}: it must begin with a line of column names, it is empty")
            delimiter = delimiter or max(DELIMITERS, key=first.count)
            self._reader = csv.reader(itertools.chain([first], self._lines), delimiter=delimiter, strict=True)
            self.names = [name.strip() for name in next(self._reader)]
            _check_names(source, self.names)

    @contextlib.contextmanager
    def _refusing(self):
        """What cannot be read in this block is told with its line; the file is closed then."""
        try:
            yield
        except csv.Error as problem:
            self._close()
            raise TableError(f"{self.source}, line {self._reader.line_num}: {problem}") from None
        except UnicodeDecodeError:
            self._close()
            raise TableError(
                f"{self.source}, {self._place_of_other_bytes()}: it must be UTF-8 (save it as such, or use iconv)"
            ) from None
        except OSError as problem:
            self._close()
            raise OSError(problem.errno, problem.strerror, self.source) from problem
        except BaseException:
            self._close()
            raise

    def _place_of_other_bytes(self):
        """Where the file is not UTF-8: its lines are decoded many at a time."""
        if self._again:
            with open(self.source, "rb") as file:
                for number, line in enumerate(file, 1):
                    try:
                        line.decode("utf-8")
                    except UnicodeDecodeError as problem:
                        return f"line {number}, byte {problem.start + 1}"
        return f"after line {self._reader.line_num if hasattr(self, '_reader') else 0}"

    def blocks(self):
        """The rows that have not been read, as blocks."""
        columns, first = len(self.names), self._reader.line_num + 1
        with self._refusing():
            while rows := [*itertools.islice(self._reader, ROWS)]:
                last = self._reader.line_num
                lines = range(first, last + 1) if last - first + 1 == len(rows) else _ends(rows, first)
                if {*map(len, rows)} != {columns}:
                    lines, rows = self._without_empty_lines(lines, rows, columns)
                if rows:
                    cells = map(list, zip(*rows, strict=True))
                    yield Block(self.source, dict(zip(self.names, cells, strict=True)), lines)
                first = last + 1
            self._close()

    def _without_empty_lines(self, lines, rows, columns):
        """The numbers of the lines and their cells; refuses those with more or fewer than there are columns."""
        for line, cells in zip(lines, rows, strict=True):
            if len(cells) not in (0, columns):
                raise TableError(f"{self.source}, line {line}: it has {len(cells)} cells, and {columns} columns")
        full = [(line, cells) for line, cells in zip(lines, rows, strict=True) if cells]
        return [line for line, _ in full], [cells for _, cells in full]


def _ends(rows, first):
    """The lines on which rows end, where some cells go over several."""
    breaks = [sum(len(LINE_BREAK.findall(cell)) for cell in cells) for cells in rows]
    return (first + np.arange(len(rows)) + np.cumsum(breaks)).tolist()


class ParquetTable:
    """A Parquet file, read a row group at a time.

    Attributes
    ----------
    source, names
        As of a CsvTable.
    """

    def __init__(self, path):
        try:
            from pyarrow import ArrowException, parquet
        except ImportError as missing:
            raise ImportError(
                f"{path} is a Parquet file, which needs pyarrow: pip install 'fastbp[parquet]'"
            ) from missing
        self.source, self._problem = path, ArrowException
        try:
            self._file = parquet.ParquetFile(path)
        except (ArrowException, OSError) as problem:
            raise TableError(f"{path}: {problem}") from None
        self.names = list(self._file.schema_arrow.names)
        _check_names(path, self.names)

    def blocks(self):
        """All rows, as blocks."""
        at = 1
        try:
            for group in range(self._file.num_row_groups):  # all at once, what has been read would be kept
                for batch in self._file.iter_batches(ROWS, row_groups=[group], use_threads=False):
                    columns = {name: self._column(batch.column(i)) for i, name in enumerate(self.names)}
                    yield Block(self.source, columns, range(at, at + batch.num_rows), "row")
                    at += batch.num_rows
        except (self._problem, OSError) as problem:
            raise TableError(f"{self.source}, after row {at - 1}: {problem}") from None

    def _column(self, array):
        import pyarrow
        from pyarrow import types

        kind = array.type
        if types.is_dictionary(kind):
            array, kind = array.dictionary_decode(), kind.value_type
        if types.is_integer(kind) and len(array) > array.null_count and not _are_exact(array):
            return ["" if value is None else str(value) for value in array.to_pylist()]
        if types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind):
            return array.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False)
        if types.is_boolean(kind):
            return [{True: "True", False: "False", None: ""}[value] for value in array.to_pylist()]
        if types.is_string(kind) or types.is_large_string(kind):
            return ["" if value is None else value for value in array.to_pylist()]
        if types.is_null(kind):
            return [""] * len(array)
        return str(kind)  # an error only for those who need the column


def _are_exact(integers):
    """Whether float64 holds them all."""
    from pyarrow import compute

    ends = compute.min_max(integers).as_py()
    return ends["min"] >= -EXACT and ends["max"] <= EXACT
