"""Tables of Arrow: Parquet and Feather files, read a part at a time, and tables in memory."""

import numpy as np

from fastbp.tables.arrow_vectors import vector_of
from fastbp.tables.cells import EXACT, Block, TableError, Words, check_names
from fastbp.threads.ahead import ahead

ROWS = 1 << 16  # of a block


class ArrowTable:
    """A Parquet file, or a Feather file (Arrow's own format).

    Attributes
    ----------
    source, names, notes
        As of a CsvTable.
    reading : None
        There is nothing to be told.
    """

    reading, notes = None, ()

    def __init__(self, path, parquet, arrow, texts=()):
        self.source, self._problem, self._texts = path, arrow.ArrowException, texts
        try:
            if parquet:
                from pyarrow.parquet import ParquetFile

                self._file = ParquetFile(path)
                self._batches, names = self._of_row_groups, self._file.schema_arrow.names
            else:
                self._file = arrow.ipc.open_file(arrow.memory_map(path))
                self._batches, names = self._of_feather, self._file.schema.names
        except (arrow.ArrowException, OSError) as problem:
            raise TableError(f"{path}: {problem}") from None
        self.names = list(names)
        check_names(path, self.names)

    def _of_row_groups(self):
        for group in range(self._file.num_row_groups):  # all at once, what has been read would be kept
            yield from self._file.iter_batches(ROWS, row_groups=[group], use_threads=False)

    def _of_feather(self):
        for number in range(self._file.num_record_batches):
            batch = self._file.get_batch(number)
            yield from (batch.slice(at, ROWS) for at in range(0, batch.num_rows, ROWS))

    def blocks(self):
        """All rows, as blocks."""
        return ahead(self._blocks())

    def _blocks(self):
        at = 1
        try:
            for batch in self._batches():
                columns = {name: column_of(batch.column(i), name in self._texts) for i, name in enumerate(self.names)}
                yield Block(self.source, columns, range(at, at + batch.num_rows), "row")
                at += batch.num_rows
        except (self._problem, OSError, ValueError) as problem:  # the last one of buffers that are too short
            raise TableError(f"{self.source}, after row {at - 1}: {problem}") from None


def column_of(array, as_text=False):
    """An array of Arrow as a vector or Words; the kind of any other. Integers may be wanted as texts."""
    import pyarrow
    from pyarrow import types

    kind = array.type
    if types.is_dictionary(kind):
        array, kind = array.dictionary_decode(), kind.value_type
    if types.is_integer(kind) and (as_text or not _are_exact(array)):
        return _words(array.cast(pyarrow.string()))
    if types.is_floating(kind) or types.is_integer(kind) or types.is_decimal(kind):
        return vector_of(array.cast(pyarrow.float64(), safe=False), np.nan)
    if types.is_boolean(kind):
        return Words.of([{True: "True", False: "False", None: ""}[value] for value in array.to_pylist()])
    if types.is_string(kind) or types.is_large_string(kind) or getattr(types, "is_string_view", types.is_string)(kind):
        return _words(array)
    if types.is_date(kind) or types.is_timestamp(kind):
        return _words(array.cast(pyarrow.string()))
    if types.is_null(kind):
        return Words(np.zeros(len(array), np.intp), [""])
    return str(kind)  # an error only for those who need the column


def _words(array):
    """Strings as Words; one that is missing is the last word."""
    import pyarrow

    found = array.cast(pyarrow.large_string()).dictionary_encode()
    words = found.dictionary.to_pylist()
    return Words(vector_of(found.indices, len(words)), [*words, ""])


def _are_exact(integers):
    """Whether float64 holds them all."""
    from pyarrow import compute

    ends = compute.min_max(integers).as_py()
    return ends["min"] is None or (ends["min"] >= -EXACT and ends["max"] <= EXACT)
