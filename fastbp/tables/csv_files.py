"""CSV files in blocks of rows, cut into cells and turned into numbers by pyarrow.

pyarrow is fast, but tells of errors in its own words. So what it does not take is looked at once more, cell by cell, to
name the line. A column is read as numbers until a cell of it is none, and from then on as texts.
"""

import codecs
import contextlib
import csv
import io
import itertools
import weakref
from collections.abc import Sequence

import numpy as np

from fastbp.tables.arrow_vectors import vector_of
from fastbp.tables.cells import MISSING, Block, TableError, Words, plain_numbers
from fastbp.tables.layout import BLANKS, Reading, encoding_of, layout_of, reader_of, single_blanks
from fastbp.threads.ahead import ahead

SAMPLE, BLOCK, LONGEST = 1 << 20, 1 << 22, 1 << 26  # bytes: to look at, to read at once, of a row in quotes
LIKE = "--encoding cp1252, --encoding utf-16"  # what files are that are not UTF-8


def arrow(what="a table in a file"):
    """pyarrow, or one sentence on what to install."""
    try:
        import pyarrow.csv
    except ImportError as missing:
        raise ImportError(f"{what} is read by pyarrow: pip install 'fastbp[tables]'") from missing
    return pyarrow


class CsvTable:
    """A CSV file.

    Parameters
    ----------
    source : str
        What errors call it.
    file : binary file
    reading : Reading
    texts : container of str
        Columns that are read as texts from the beginning.
    close : callable, optional
        Called with the last block, or the first error; by default it closes the file.
    at_hand : bool
        Whether its bytes come without delay, so that a thread may read ahead.

    Attributes
    ----------
    names : list of str
    reading : Reading
        As given, and as found where nothing was given.
    notes : list of str
    """

    def __init__(self, source, file, reading=Reading(), texts=(), close=None, at_hand=False):
        self.source, self._texts, self._is_at_hand = source, {*texts}, at_hand
        self._close = weakref.finalize(self, close or file.close)
        with self._refusing():
            self._arrow = arrow("a CSV file")
            head = _read(file, SAMPLE)
            encoding, mark = encoding_of(head, reading.encoding)
            self._file = _Utf8(source, file, head[mark:], encoding)
            self._head, self._line = self._file.read(SAMPLE), 1
            end = len(self._head) if len(head) < SAMPLE else self._head.rfind(b"\n") + 1 or len(self._head)
            self._check_utf8(self._head[:end], 1)
            sample = self._head[:end].decode()
            found = layout_of(source, sample, Reading(encoding=encoding).or_else(reading))
        self.names, self.reading, self.notes = found.names, found.reading, found.notes
        before = "".join(itertools.islice(io.StringIO(sample, newline=""), found.lines)).encode()
        self._head, self._line = self._head[len(before) :], found.lines + 1

    @contextlib.contextmanager
    def _refusing(self):
        """Errors of the system name the file, which is closed then."""
        try:
            yield
        except OSError as problem:
            self._close()
            raise OSError(problem.errno, problem.strerror, self.source) from problem
        except BaseException:
            self._close()
            raise

    def blocks(self):
        """The rows that have not been read, as blocks."""
        return ahead(self._blocks()) if self._is_at_hand else self._blocks()

    def _blocks(self):
        with self._refusing():
            waiting, self._head, ends = self._head, b"", False
            while not ends:
                more = self._file.read(BLOCK)
                waiting, ends = waiting + more, not more
                cut = len(waiting) if ends else _end_of_rows(waiting)
                lines, waiting = waiting[:cut], waiting[cut:]
                if lines and not lines.isspace():
                    yield self._block(lines, ends)
                self._line += _line_ends(lines)
            self._close()

    def _block(self, lines, is_last):
        try:
            columns = self._columns(lines)
        except self._arrow.ArrowInvalid as problem:
            self._check_utf8(lines, self._line)
            raise self._of_rows(lines, str(problem)) from None
        if is_last and _count(lines, b'"') % 2:  # the last quotes may have swallowed lines
            problem = self._of_rows(lines, None)
            if problem:
                raise problem
        ends = Lines(lines, self._line, len(next(iter(columns.values()))), self.reading.delimiter)
        return Block(self.source, columns, ends, decimal=self.reading.decimal)

    # ---- By pyarrow --------------------------------------------------------------------------------------------------

    def _columns(self, lines):
        """{name: vector or Words}; what does not fit its column is texts from now on."""
        if self.reading.delimiter == BLANKS:
            lines = single_blanks(lines.decode()).encode()
        try:
            return self._parsed(lines, self._texts)
        except self._arrow.ArrowInvalid:
            columns = self._parsed(lines, {*self.names})
        for name, column in columns.items():
            if name not in self._texts:
                values = None if self.reading.decimal == "," else plain_numbers(column.words)
                if values is None:
                    self._texts.add(name)
                else:
                    columns[name] = np.append(values, np.nan)[column.codes]
        return columns

    def _parsed(self, lines, texts):
        pa, how = self._arrow, self._arrow.csv
        number, text = pa.float64(), pa.string()
        places = [str(place) for place in range(len(self.names))]
        kinds = {place: text if name in texts else number for place, name in zip(places, self.names, strict=True)}
        table = how.read_csv(
            pa.BufferReader(_in_arrow(lines)),
            how.ReadOptions(column_names=places, block_size=max(1, len(lines))),
            how.ParseOptions(delimiter=self.reading.delimiter, newlines_in_values=True),
            how.ConvertOptions(
                column_types=kinds, null_values=NOTHING, strings_can_be_null=False,
                decimal_point=self.reading.decimal or ".",
            ),
        )  # fmt: skip
        return {name: _of_arrow(table.column(place)) for place, name in enumerate(self.names)}

    # ---- What is wrong -----------------------------------------------------------------------------------------------

    def _check_utf8(self, lines, first):
        try:
            lines.decode()
        except UnicodeDecodeError as problem:
            before = lines[: problem.start]
            line, byte = first + before.count(b"\n"), problem.start - before.rfind(b"\n")
            raise TableError(
                f"{self.source}, line {line}, byte {byte}: it must be UTF-8, or its encoding must be said ({LIKE})"
            ) from None

    def _of_rows(self, lines, problem):
        """The error about a row that has other cells than there are columns, or quotes that do not end; or about the
        problem, if there is one."""
        columns, reader = len(self.names), reader_of(lines.decode(), self.reading.delimiter, strict=True)
        try:
            for cells in reader:
                if len(cells) not in (0, columns):
                    return TableError(
                        f"{self.source}, line {self._line - 1 + reader.line_num}: it has {len(cells)} cells, and "
                        f"{columns} columns"
                    )
        except csv.Error as wrong:
            problem = wrong
        return problem and TableError(f"{self.source}, line {self._line - 1 + reader.line_num}: {problem}")


NOTHING = sorted({way(word) for word in MISSING for way in (str, str.upper, str.capitalize)} | {"NaN", "-NaN", "<NA>"})


def _in_arrow(lines):
    """The same bytes in memory of pyarrow's.

    Its threads may hold what they read for a moment after `read_csv` has returned. Memory of Python's is given back
    with the interpreter's lock; a thread that asks for it while the interpreter ends aborts the process.
    """
    import pyarrow

    memory = pyarrow.allocate_buffer(len(lines))
    np.frombuffer(memory, np.uint8)[:] = np.frombuffer(lines, np.uint8)
    return memory


def _of_arrow(column):
    """A chunked array of numbers or strings as a vector or Words."""
    import pyarrow

    if pyarrow.types.is_floating(column.type):
        return vector_of(column, np.nan)
    found = column.combine_chunks().dictionary_encode()
    if isinstance(found, pyarrow.ChunkedArray):
        found = found.combine_chunks()
    return Words(vector_of(found.indices, 0), found.dictionary.to_pylist())


class Lines(Sequence):
    """On which line each row of a block ends, found only when somebody asks."""

    def __init__(self, lines, first, rows, delimiter):
        self._lines, self._first, self._rows, self._delimiter, self._ends = lines, first, rows, delimiter, None

    def __len__(self):
        return self._rows

    def __getitem__(self, row):
        if self._ends is None:
            reader = reader_of(self._lines.decode(), self._delimiter)
            self._ends = [self._first - 1 + reader.line_num for cells in reader if cells]
        return self._ends[row]


def _end_of_rows(lines):
    """Where the last whole row ends: behind a line break that is not within quotes."""
    last = cut = lines.rfind(b"\n") + 1
    quotes = _count(lines, b'"') - lines.count(b'"', cut)
    while cut and quotes % 2:
        before = lines.rfind(b"\n", 0, cut - 1) + 1
        quotes -= lines.count(b'"', before, cut)
        cut = before
    return cut if cut or len(lines) < LONGEST else last  # a quote that is none, an inch say


def _line_ends(lines):
    """How many lines end: by a line feed, a carriage return, or both."""
    returns = _count(lines, b"\r")
    return _count(lines, b"\n") + returns - (lines.count(b"\r\n") if returns else 0)


def _count(text, byte):
    """`text.count(byte)`, at a fourth of the time, and for a byte that does not occur a thirtieth."""
    return np.count_nonzero(np.frombuffer(text, np.uint8) == byte[0]) if byte in text else 0


def _read(file, n):
    """n bytes, or all that there are."""
    parts, size = [], 0
    while size < n:
        part = file.read(n - size)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


class _Utf8:
    """A file of another encoding as UTF-8."""

    def __init__(self, source, file, head, encoding):
        self._source, self._file, self._head, self._encoding = source, file, head, encoding
        self._decoder = None if encoding == "utf-8" else codecs.getincrementaldecoder(encoding)()

    def read(self, n):
        """About n bytes; nothing at the end."""
        content = self._head or _read(self._file, n)
        self._head = b""
        if self._decoder is None:
            return content
        try:
            return self._decoder.decode(content, not content).encode()
        except UnicodeDecodeError as problem:
            raise TableError(f"{self._source}: it is not in the encoding {self._encoding} ({problem.reason})") from None
