"""Where tables come from: files of several formats, standard input, and what is in memory already.

Whatever it is, it becomes blocks of rows (cells.py), so that a file may be larger than the memory.
"""

import contextlib
import io
import os
import sys
import zipfile

from fastbp import validation
from fastbp.tables.arrow_files import ArrowTable
from fastbp.tables.cells import TableError
from fastbp.tables.csv_files import CsvTable, arrow
from fastbp.tables.frames import FrameTable, is_table
from fastbp.tables.layout import Reading
from fastbp.tables.sheets import ZIP, SheetTable, is_sheet

STDIN = "-"
COMPRESSED = {b"\x1f\x8b": "gzip", b"\x28\xb5\x2f\xfd": "zstd", b"BZh": "bz2"}
PARQUET, FEATHER = b"PAR1", b"ARROW1"


def opened(table, reading=Reading(), texts=()):
    """A table whose columns have names and whose rows come in blocks.

    Parameters
    ----------
    table : str, path-like, mapping of names to columns, or data frame
        CSV, also compressed, Parquet, Feather, or a spreadsheet: what it is its first bytes tell. "-" is a CSV table
        on standard input. What is no regular file, a pipe say, is a CSV table that can be read once.
    reading : Reading
        Of a CSV file.
    texts : container of str
        Columns that are texts whatever they look like.
    """
    if is_table(table):
        return FrameTable(table)
    path = validation.path("path", table)
    if path == STDIN:
        if sys.stdin is None:
            raise TableError("standard input is closed")
        return CsvTable("standard input", sys.stdin.buffer, reading, texts)
    with contextlib.ExitStack() as stack:
        file = stack.enter_context(open(path, "rb"))
        regular = can_be_read_twice(path)
        if regular:
            begin = file.read(8)
            file.seek(0)
            if begin.startswith((PARQUET, FEATHER)):
                return ArrowTable(path, begin.startswith(PARQUET), arrow("a Parquet or Feather file"), texts)
            if is_sheet(path, begin):
                return SheetTable(path, reading)
            file = _unpacked(path, file, begin, stack)
        return CsvTable(path, file, reading, texts, close=stack.pop_all().close, at_hand=regular)


def _unpacked(path, file, begin, stack):
    """The same file, or what it holds if it is compressed; what must be closed is put onto the stack."""
    if begin.startswith(ZIP):
        archive = stack.enter_context(zipfile.ZipFile(file))
        names = [name for name in archive.namelist() if not name.endswith("/")]
        if len(names) != 1:
            raise TableError(f"{path}: it must hold one file, it holds {validation.short_list(names) or 'none'}")
        return stack.enter_context(archive.open(names[0]))
    for mark, codec in COMPRESSED.items():
        if begin.startswith(mark):
            pa = arrow("a CSV file")
            return stack.enter_context(io.BufferedReader(pa.CompressedInputStream(pa.PythonFile(file, "rb"), codec)))
    return file


def can_be_read_twice(path):
    """Whether it is a regular file, or not there at all, which others tell."""
    return os.path.isfile(path) or not os.path.exists(path)
