"""Where tables come from: CSV and Parquet files, read in blocks of rows, so that a file may be larger than the memory.

A column of a block is a list of strings as they stand in a CSV file, or a vector of float64 whose missing values are
NaN. What cannot be read ends in a TableError that names the file, the line and the column.
"""

import codecs
import contextlib
import csv
import itertools
import sys
from dataclasses import dataclass

import numpy as np

from fastbp import door

ROWS = 8192  # of a block of a CSV file
DELIMITERS = ",;\t|"
MISSING = frozenset(["", "?", "NA", "N/A", "n/a", "NaN", "nan", "NULL", "null", "None"])
STDIN = "-"


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
            values = np.array(column, dtype=np.float64)  # fast, and right for most columns
        except ValueError:
            values = np.array([np.nan if is_missing(token) else _number(token) for token in column], object)
            wrong = [row for row, value in enumerate(values) if value is None]
            if wrong:
                raise block.refuse(wrong[0], name, f"{door.shown(column[wrong[0]])} is no number") from None
            values = values.astype(np.float64)
        if "_" in "".join(column):  # Python's spelling of numbers, not that of tables
            row = next(row for row, token in enumerate(column) if "_" in token)
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
    return [None if is_missing(token) else token.strip() for token in column]


def _readable(block, name):
    column = block.columns[name]
    if isinstance(column, str):
        raise block.refuse(0, name, f"it must hold numbers or texts, it holds {column}")
    return column


def is_missing(token):
    """Whether a cell holds no value."""
    return token in MISSING or token.strip() in MISSING


def _number(token):
    try:
        return float(token)
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
        return CsvTable("standard input", delimiter, contextlib.nullcontext(sys.stdin.buffer))
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
        self.source, self._stream, self._delimiter, self._line = source, stream, delimiter, 0
        self._rows = self._read()
        try:
            self.names = next(self._rows)
        except StopIteration:
            raise TableError(f"{source}: it must begin with a line of column names, it is empty") from None

    def _read(self):
        """The names, then the rows as lists of cells; `_line` is the last line that was read."""
        with self._stream or open(self.source, "rb") as binary:
            lines = self._decoded(binary)
            first = next(lines, None)
            if first is None:
                return
            if self._delimiter is None:
                self._delimiter = max(DELIMITERS, key=first.count)
            reader = csv.reader(itertools.chain([first], lines), delimiter=self._delimiter, strict=True)
            try:
                names = [name.strip() for name in next(reader)]
                self._check(names)
                yield names
                for cells in reader:
                    self._line = reader.line_num
                    if len(cells) == len(names):
                        yield cells
                    elif cells:  # none on a line that is empty
                        raise TableError(
                            f"{self.source}, line {self._line}: it has {len(cells)} cells, and {len(names)} columns"
                        )
            except csv.Error as problem:
                raise TableError(f"{self.source}, line {reader.line_num}: {problem}") from None

    def _decoded(self, binary):
        number = 0
        for number, line in enumerate(binary, 1):
            if number == 1:
                line = line.removeprefix(codecs.BOM_UTF8)
            try:
                yield line.decode("utf-8")
            except UnicodeDecodeError as problem:
                raise TableError(
                    f"{self.source}, line {number}: it must be UTF-8, byte {problem.start + 1} of the line is not"
                ) from None

    def _check(self, names):
        for number, name in enumerate(names, 1):
            if not name:
                raise TableError(f"{self.source}, line 1: column {number} must have a name")
            if names.index(name) != number - 1:
                raise TableError(f"{self.source}, line 1: two columns have the name {name!r}")

    def blocks(self):
        """The rows that have not been read, as blocks."""
        while True:
            rows, lines = [], []
            for cells in self._rows:
                rows.append(cells)
                lines.append(self._line)
                if len(rows) == ROWS:
                    break
            if not rows:
                return
            yield Block(self.source, dict(zip(self.names, map(list, zip(*rows, strict=True)), strict=True)), lines)


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
            for batch in self._file.iter_batches(batch_size=ROWS):
                columns = {name: self._column(name, batch.column(i)) for i, name in enumerate(self.names)}
                yield Block(self.source, columns, range(at, at + batch.num_rows), "row")
                at += batch.num_rows
        except self._problem as problem:
            raise TableError(f"{self.source}, after row {at - 1}: {problem}") from None

    def _column(self, name, array):
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
