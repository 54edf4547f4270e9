"""Where tables come from: CSV and Parquet files, read in blocks of rows, so that a file may be larger than the memory.

A column of a block is a list of strings as they stand in a CSV file, or a vector of float64 whose missing values are
NaN. What cannot be read ends in a TableError that names the file, the line and the column.
"""

import contextlib
import csv
import io
import itertools
import re
import sys
import weakref
from dataclasses import dataclass

import numpy as np

from fastbp import door

ROWS = 1024  # of a block: its cells fit into the cache, with 8192 reading takes twice as long
DELIMITERS = ",;\t|"
MISSING = frozenset(["", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None"])
STDIN = "-"
LINE_BREAK = re.compile("\r\n|\r|\n")


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
            values = np.array(["nan" if cell in MISSING else cell for cell in column], np.float64)
        except ValueError:  # a slip, or spaces around what stands for a missing value
            values = np.array([np.nan if is_missing(cell) else _number(cell) for cell in column], object)
            wrong = [row for row, value in enumerate(values) if value is None]
            if wrong:
                raise block.refuse(wrong[0], name, f"{door.shown(column[wrong[0]])} is no number") from None
            values = values.astype(np.float64)
        if "_" in "".join(column):  # Python's spelling of numbers, not that of tables
            row = next(row for row, cell in enumerate(column) if "_" in cell)
            raise block.refuse(row, name, f"{door.shown(column[row])} is no number")
    infinite = np.isinf(values)
    if infinite.any():
        row = int(infinite.argmax())
        raise block.refuse(row, name, f"numbers must be finite, got {door.shown(column[row])}")
    return values


def texts(block, name):
    """A column as strings without spaces around them, None where a value is missing."""
    column = _readable(block, name)
    if isinstance(column, np.ndarray):
        return [None if np.isnan(value) else f"{value:.15g}" for value in column.tolist()]
    return [None if is_missing(cell) else cell.strip() for cell in column]


def _readable(block, name):
    column = block.columns[name]
    if isinstance(column, str):
        raise block.refuse(0, name, f"it must hold numbers or texts, it holds {column}")
    return column


def is_missing(cell):
    """Whether a cell holds no value."""
    return cell in MISSING or cell.strip() in MISSING


def _number(cell):
    try:
        return float(cell)
    except ValueError:
        return None


def opened(path, delimiter=None):
    """The table in a file: CSV, or Parquet if it begins as such; "-" is a CSV table on standard input.

    Parameters
    ----------
    path : str or path-like
    delimiter : str or None
        Between the cells of a CSV file; None: the one of , ; tab | of which the first line has most.
    """
    path = door.path("path", path)
    if path == STDIN:
        return CsvTable("standard input", delimiter, sys.stdin.buffer)
    with open(path, "rb") as file:
        parquet = file.read(4) == b"PAR1"
    return ParquetTable(path) if parquet else CsvTable(path, delimiter)


class CsvTable:
    """A CSV file in UTF-8 whose first line has the names of the columns.

    Attributes
    ----------
    source : str
        What errors call it.
    names : list of str
    """

    def __init__(self, source, delimiter=None, stream=None):
        self.source, self._again = source, stream is None
        self._lines = io.TextIOWrapper(stream or open(source, "rb"), "utf-8-sig", newline="")  # noqa: SIM115
        self._close = weakref.finalize(self, self._lines.close)
        with self._refusing():
            first = next(self._lines, None)
            if first is None:
                raise TableError(f"{source}: it must begin with a line of column names, it is empty")
            delimiter = delimiter or max(DELIMITERS, key=first.count)
            self._reader = csv.reader(itertools.chain([first], self._lines), delimiter=delimiter, strict=True)
            self.names = [name.strip() for name in next(self._reader)]
            for number, name in enumerate(self.names, 1):
                if not name:
                    raise TableError(f"{source}, line 1: column {number} must have a name")
                if self.names.index(name) != number - 1:
                    raise TableError(f"{source}, line 1: two columns have the name {name!r}")

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
            raise TableError(f"{self.source}, {self._place_of_other_bytes()}: it must be UTF-8") from None
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

    def blocks(self):
        """All rows, as blocks."""
        at = 1
        try:
            for group in range(self._file.num_row_groups):  # all at once, what has been read would be kept
                for batch in self._file.iter_batches(ROWS, row_groups=[group], use_threads=False):
                    columns = {name: self._column(batch.column(i)) for i, name in enumerate(self.names)}
                    yield Block(self.source, columns, range(at, at + batch.num_rows), "row")
                    at += batch.num_rows
        except self._problem as problem:
            raise TableError(f"{self.source}, after row {at - 1}: {problem}") from None

    def _column(self, array):
        import pyarrow
        from pyarrow import types

        kind = array.type
        if types.is_dictionary(kind):
            array, kind = array.dictionary_decode(), kind.value_type
        if types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind):
            return array.cast(pyarrow.float64(), safe=False).to_numpy(zero_copy_only=False)
        if types.is_boolean(kind):
            return [{True: "True", False: "False", None: ""}[value] for value in array.to_pylist()]
        if types.is_string(kind) or types.is_large_string(kind):
            return ["" if value is None else value for value in array.to_pylist()]
        if types.is_null(kind):
            return [""] * len(array)
        return str(kind)  # an error only for those who need the column
