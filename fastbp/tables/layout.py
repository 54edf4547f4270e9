"""How a CSV file is laid out: its encoding, what is between the cells, lines before the names, the decimal sign.

No file says it, but its first lines mostly do. Where they leave open what would change the result, whether the first
line has names say, there is an error that names the option, and no guess.
"""

import codecs
import collections
import csv
import dataclasses
import io
import re
import sys
from dataclasses import dataclass

from fastbp.tables.cells import UNKNOWN, TableError, check_names, is_missing, spelled
from fastbp.validation import choice, flag, short_list, shown

BLANKS = " "  # as a delimiter: any number of blanks and tabulators
DELIMITERS = ",;\t|:" + BLANKS  # the first of those that are equally good
COMMA_OF_LISTS = re.compile(r"(?<!\d),|,(?!\d)")  # and not of a decimal number
SEPARATOR_LINE = re.compile(r'"?sep=(.)"?')  # of spreadsheets
LINES, ROWS = 1000, 200  # of the sample that are looked at, at most
DECIMAL_COMMA = re.compile(r"[^\d.,]{0,5}(\d{1,3}(\.\d{3})+,\d+|0?,\d+|\d*,(\d{1,2}|\d{4,}))([^\d.,].*)?")
DECIMAL_POINT = re.compile(r"[^\d.,]{0,5}(\d{1,3}(,\d{3})+\.\d+|0?\.\d+|\d*\.(\d{1,2}|\d{4,}))([^\d.,].*)?")
BYTE_ORDER_MARKS = (b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be")


@dataclass(frozen=True)
class Reading:
    """How a table is read; None is what its first lines tell.

    Attributes
    ----------
    delimiter : str or None
        Between the cells; " " is any number of blanks.
    encoding : str or None
    header : bool or None
        Whether there is a line with the names of the columns; without they are "column 1", "column 2", ...
    decimal : str or None
        "." or ","; "" where numbers with a comma in them are refused, since it could be either.
    day_first : bool or None
        Whether 1/2/2021 is a day of February.
    """

    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    decimal: str | None = None
    day_first: bool | None = None

    @classmethod
    def of(cls, found):
        """The one whose attributes a dict has. Raises TypeError or ValueError for any other."""
        one = cls(**found)
        if {one.header, one.day_first} - {None, True, False} or one.decimal not in (None, ".", ",", UNKNOWN):
            raise ValueError(f"a table cannot be read as {shown(found)}")
        for name in (one.delimiter, one.encoding):
            if name is not None and not isinstance(name, str):
                raise ValueError(f"a table cannot be read as {shown(found)}")
        return one

    def or_else(self, other):
        """This one, and the other one's where it says nothing."""
        given = {name: value for name, value in vars(self).items() if value is not None}
        return dataclasses.replace(other, **given)


@dataclass(frozen=True)
class Layout:
    """What was found.

    Attributes
    ----------
    reading : Reading
        Without anything that is None.
    names : list of str
    lines : int
        Before the first row.
    notes : list of str
        What the user may want to know: sentences.
    """

    reading: Reading
    names: list
    lines: int
    notes: list


def checked_reading(delimiter, encoding, header, decimal, day_first):
    """How a table is read, as options say it."""
    if delimiter is not None and (not isinstance(delimiter, str) or len(delimiter) != 1 or delimiter in '\r\n"'):
        raise ValueError(f"delimiter must be a single character, got {shown(delimiter)}")
    header, day_first = (
        None if value is None else flag(name, value) for name, value in (("header", header), ("day_first", day_first))
    )
    decimal = None if decimal is None else choice("decimal", decimal, (".", ","))
    return Reading(delimiter, None if encoding is None else _codec(encoding), header, decimal, day_first)


def _codec(encoding):
    """The name of an encoding as Python's codecs have it."""
    try:
        return codecs.lookup(encoding).name
    except (LookupError, TypeError):
        raise ValueError(
            f"encoding must be one that Python knows, as utf-8, cp1252 or utf-16, got {shown(encoding)}"
        ) from None


def encoding_of(head, given=None):
    """The encoding of bytes at the beginning of a file, and how many of them are a byte order mark."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if head.startswith(mark):
            return encoding, len(mark)
    return given or "utf-8", 0


def layout_of(source, sample, reading):
    """The Layout of a table that begins with the text `sample`: whole lines.

    Raises
    ------
    TableError
        If there are no names, or it cannot be told whether there are.
    """
    lines, notes = lines_of(sample), []
    marked = SEPARATOR_LINE.fullmatch(lines[0].strip("\r\n")) if lines else None
    first = 1 if marked else 0
    comments = first
    while comments < len(lines) and lines[comments].startswith("#"):
        comments += 1
    rest = "".join(lines[comments : comments + LINES])
    delimiter = reading.delimiter or (marked and marked[1]) or _delimiter_of(rest)
    rows = rows_of(rest, delimiter)
    if not rows:
        raise TableError(f"{source}: it must begin with a line of column names, it is empty")
    rows, comments, notes = _with_commented_names(rows, lines, first, comments, delimiter)
    rows, titles, last = _without_titles(rows, reading.header is not False)
    notes += [f"line {comments + number}, before the names, was passed over: {shown(text)}" for number, text in titles]
    header = reading.header
    if header is None:
        header = True
        if _looks_like_data(rows):
            raise TableError(
                f"{source}, line {comments + rows[0][0]}: it must have the names of the columns, and looks like data: "
                f"{short_list(rows[0][1], 6)}. Say --no-header (header=False) if there are no names, and the columns "
                "are called 'column 1', 'column 2', ...; or --header (header=True) if these are the names"
            )
    width = len(rows[1][1]) if len(rows) > 1 and len(rows[1][1]) == len(rows[0][1]) + 1 else len(rows[0][1])
    names = _named(rows[0][1] if header else [""] * width, width, rows[1:])
    line = comments + (rows[0][0] if header else last)
    check_names(f"{source}, line {line}", names)
    decimal = reading.decimal or _decimal_of([cell for _, cells in rows[header:] for cell in cells], delimiter)
    found = Reading(delimiter, reading.encoding or "utf-8", header, decimal, reading.day_first)
    return Layout(found, names, line, notes)


def lines_of(text):
    """With their ends, which are those that csv knows: not all that str.splitlines takes for one."""
    return [*io.StringIO(text, newline="")]


def reader_of(text, delimiter, strict=False):
    """csv's reader of a text, whose cells may be of any length."""
    csv.field_size_limit(sys.maxsize)
    text = single_blanks(text) if delimiter == BLANKS else text
    return csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=strict)


def rows_of(text, delimiter, most=ROWS):
    """[(line on which it ends, cells), ...] of the rows of a text, without blank lines."""
    reader, rows = reader_of(text, delimiter), []
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) or len(cells) > 1:
                rows.append((reader.line_num, cells))
            if len(rows) == most:
                break
    except csv.Error:  # told when the table is read
        pass
    return rows


IN_QUOTES_OR_BLANKS = re.compile(r'"[^"\n]*"|[ \t]+')


def single_blanks(text):
    """The same with one blank where there are several, and none around a line."""
    text = IN_QUOTES_OR_BLANKS.sub(lambda found: " " if found[0][0] in " \t" else found[0], text)
    return re.sub(r"^ | (?=\r?$)", "", text, flags=re.MULTILINE)


def _delimiter_of(text):
    """Which of DELIMITERS cuts most lines into as many cells, two or more; decimal commas come late."""
    best, share, candidates = ",", 0.0, DELIMITERS
    if not COMMA_OF_LISTS.search(text):
        candidates = ";\t|,:" + BLANKS
    for delimiter in candidates:
        counts = collections.Counter(len(cells) for _, cells in rows_of(text, delimiter))
        cells, lines = max(counts.items(), key=lambda item: (item[1], item[0]), default=(0, 0))
        if cells >= 2 and lines / counts.total() > share:
            best, share = delimiter, lines / counts.total()
    return best


def _with_commented_names(rows, lines, first, comments, delimiter):
    """The rows; with the names in front of them, if these stand in the last comment line, as NumPy writes them."""
    if comments > first and _looks_like_data(rows):
        names = rows_of(lines[comments - 1].lstrip("# "), delimiter)
        if names and len(names[0][1]) == len(rows[0][1]) and not all(map(_is_number, names[0][1])):
            rows = [(1, names[0][1]), *((line + 1, cells) for line, cells in rows)]
            return rows, comments - 1, []
    passed = comments - first
    return rows, comments, [f"{passed} comment lines before the names were passed over"] if passed else []


def _without_titles(rows, as_exported):
    """The rows behind lines of a single cell, where others have several; (line, text) of these, and the last of them.

    As spreadsheets export them, such lines have as many cells as others, but one is not empty. So may a first row.
    """
    usual, titles = collections.Counter(len(cells) for _, cells in rows).most_common(1)[0][0], 0
    for _, cells in rows[:-1]:
        if usual < 2 or sum(cell.strip() != "" for cell in cells) > 1:
            break
        if len(cells) == usual and (usual == 2 or not as_exported):
            break
        titles += 1
    found = [(line, " ".join(cells).strip()) for line, cells in rows[:titles]]
    return rows[titles:], [(line, text) for line, text in found if text], found[-1][0] if found else 0


def _is_number(cell):
    return _unit_of(cell) is not None


def _unit_of(cell):
    """What stands beside a number; None for what is none."""
    found = spelled(cell, ".") or spelled(cell, ",")
    return found and found[1]


def _looks_like_data(rows):
    """Whether the first row could be one as the others: numbers where they have numbers, or texts that they have."""
    (_, first), others = rows[0], [cells for _, cells in rows[1:]]
    if not others or any(len(cells) != len(first) for cells in others):
        return False
    columns = [[cell for cell in column if not is_missing(cell)] for column in zip(*others, strict=True)]
    pairs = [(cell, column) for cell, column in zip(first, columns, strict=True) if column]
    of_numbers = [(cell, {*map(_unit_of, column)}) for cell, column in pairs if all(map(_is_number, column))]
    if of_numbers:
        alike = [_is_number(cell) and _unit_of(cell) in units for cell, units in of_numbers]
        return any(alike) and all(one or is_missing(cell) for one, (cell, _) in zip(alike, of_numbers, strict=True))
    return len(pairs) > 1 and all(cell in column for cell, column in pairs)


def _named(cells, width, rows):
    """Names of all columns; one that has none is called by its number.

    Rows may have a cell more than there are names: one at their end that is empty, or the number of the row in front.
    """
    names = [cell.strip() for cell in cells]
    if len(names) < width:
        names = [*names, ""] if all(not cells[-1].strip() for _, cells in rows if len(cells) == width) else ["", *names]
    return [name or f"column {number}" for number, name in enumerate(names, 1)]


def _decimal_of(cells, delimiter):
    """A comma, if more numbers are written with it than with a point; "" if nothing tells.

    A comma within the cells of a file whose cells it separates stands between thousands.
    """
    cells = [cell.strip() for cell in cells]
    with_comma = sum(DECIMAL_COMMA.fullmatch(cell) is not None for cell in cells)
    with_point = sum(DECIMAL_POINT.fullmatch(cell) is not None for cell in cells)
    return "," if with_comma > with_point else "." if with_point or delimiter == "," else UNKNOWN
