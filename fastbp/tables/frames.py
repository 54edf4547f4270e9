"""Tables in memory: a dict of columns, or a data frame of pandas, polars or Arrow."""

import datetime
from collections.abc import Mapping

import numpy as np

from fastbp.tables.cells import Block, TableError, Words
from fastbp.validation import shown

SOURCE = "the table"


def is_table(table):
    """Whether it is one in memory."""
    return isinstance(table, Mapping) or hasattr(table, "columns")


class FrameTable:
    """A table in memory, which is one block.

    Attributes
    ----------
    source, names, reading, notes
        As of an ArrowTable.
    """

    source, reading, notes = SOURCE, None, ()

    def __init__(self, table):
        self._columns = {str(name): _column(str(name), values) for name, values in _columns_of(table)}
        self.names = [*self._columns]
        if not self.names:
            raise TableError(f"{SOURCE} must have columns, it has none")
        rows = len(next(iter(self._columns.values())))
        for name, column in self._columns.items():
            if len(column) != rows:
                raise TableError(
                    f"{SOURCE}, column {name!r}: it must be a vector as long as the others, got ({len(column)},)"
                )

    def blocks(self):
        """All rows, as one block."""
        columns = {name: column.kind if isinstance(column, Other) else column for name, column in self._columns.items()}
        rows = len(next(iter(self._columns.values())))
        yield Block(self.source, columns, range(1, rows + 1), "row")


def _columns_of(table):
    """(name, values) of each column."""
    if hasattr(table, "column_names"):  # of Arrow
        return [(name, table[name]) for name in table.column_names]
    return [(name, table[name]) for name in (table if isinstance(table, Mapping) else table.columns)]


class Other:
    """A column of neither numbers nor texts."""

    def __init__(self, kind, rows):
        self.kind, self._rows = kind, rows

    def __len__(self):
        return self._rows


def _column(name, values):
    array = np.asarray(values)
    if array.ndim != 1:
        raise TableError(f"{SOURCE}, column {name!r}: it must be a vector as long as the others, got {array.shape}")
    if array.dtype.kind in "fiu":
        return array.astype(np.float64)
    if array.dtype.kind == "M":
        return Words.of(["" if np.isnat(value) else str(value) for value in array.astype("datetime64[us]")])
    if array.dtype.kind in "mcV":
        return Other(str(array.dtype), len(array))
    return Words.of(["" if _is_nothing(value) else _cell(name, value) for value in array.tolist()])


def _cell(name, value):
    if isinstance(value, str | bool | int | float | np.generic | datetime.date) or hasattr(value, "as_tuple"):
        return str(value)  # as_tuple: a Decimal
    raise TableError(f"{SOURCE}, column {name!r}: it must hold numbers or texts, it holds {shown(value)}")


def _is_nothing(value):
    """Whether it is None, NaN, or pandas' NA, which says nothing when it is compared."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        return True
