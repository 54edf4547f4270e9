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
        arrays = {str(name): np.asarray(values) for name, values in _columns_of(table)}
        self.names = [*arrays]
        if not self.names:
            raise TableError(f"{SOURCE} must have columns, it has none")
        self._rows = len(next(iter(arrays.values()))) if next(iter(arrays.values())).ndim else None
        for name, array in arrays.items():
            if array.shape != (self._rows,):
                raise TableError(
                    f"{SOURCE}, column {name!r}: it must be a vector as long as the others, got {array.shape}"
                )
        self._columns = {name: _column(name, array) for name, array in arrays.items()}

    def blocks(self):
        """All rows, as one block."""
        yield Block(self.source, self._columns, range(1, self._rows + 1), "row")


def _columns_of(table):
    """(name, values) of each column."""
    if hasattr(table, "column_names"):  # of Arrow
        return [(name, table[name]) for name in table.column_names]
    return [(name, table[name]) for name in (table if isinstance(table, Mapping) else table.columns)]


def _column(name, array):
    """A vector or Words; the kind of any other."""
    if array.dtype.kind in "fiu":
        return array.astype(np.float64)
    if array.dtype.kind == "M":
        return Words.of(["" if np.isnat(value) else str(value) for value in array.astype("datetime64[us]")])
    if array.dtype.kind in "mcV":
        return str(array.dtype)
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
