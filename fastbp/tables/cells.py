"""What the cells of a table mean: numbers in the spellings of tables, texts, and nothing.

A column of a block is a vector of float64 whose missing values are NaN, or `Words`: its different cells, each of which
is looked at once, however often it is there. What cannot be understood ends in a TableError that names the source, the
line and the column.
"""

import collections
import functools
import re
from dataclasses import dataclass

import numpy as np

from fastbp import validation
from fastbp.tables.dates import days

MISSING = frozenset(  # in small letters; those with # in front and ! or ? behind are errors of spreadsheets
    {"", "?", "-", "--", ".", "na", "n/a", "n.a.", "n.a", "#n/a", "<na>", "nan", "-nan", "nat", "null", "nil", "none"}
    | {"missing", "#div/0!", "#value!", "#ref!", "#name?", "#num!", "#null!"}
)
LARGEST = 1e100  # of a number, so that squares of sums have room
EXACT = 2**53  # up to here float64 holds every integer
WHOLE = re.compile(r"(-?\d+)\.0*")
TRUTH = {"true": "1", "false": "0"}  # whichever program wrote them
NOWHERE, NEW = -1, -2  # the code of a missing value, and of a text that is none of those that are known
UNKNOWN = ""  # a decimal sign: numbers with a comma in them could mean two things


class TableError(ValueError):
    """A table that cannot be read, or does not fit the model: where, what came and what was expected.

    Examples
    --------
    >>> import fastbp
    >>> issubclass(fastbp.TableError, ValueError)
    True
    """


@dataclass
class Words:
    """A column as its different cells.

    Attributes
    ----------
    codes : ndarray of int, shape (rows,)
        Which of `words` each row has; NOWHERE: none.
    words : list of str
    """

    codes: np.ndarray
    words: list

    @classmethod
    def of(cls, cells):
        """Those of a sequence of str."""
        places = {}
        codes = np.fromiter((places.setdefault(cell, len(places)) for cell in cells), np.intp, len(cells))
        return cls(codes, [*places])

    def __len__(self):
        return len(self.codes)

    def cells(self):
        """A str for each row, or None."""
        words = [*self.words, None]
        return [words[code] for code in self.codes.tolist()]

    def where(self, rows):
        """The same of some rows (a mask), without words that none of them has."""
        used, codes = np.unique(self.codes[rows], return_inverse=True)
        words = [self.words[code] for code in used.tolist() if code != NOWHERE]
        return Words(codes - (len(used) - len(words)), words)

    def row_of(self, word):
        """The first row that has the word of this number."""
        return int((self.codes == word).argmax())


class Picked:
    """Some of the numbers of lines; those behind them may have to be found first."""

    def __init__(self, lines, places):
        self._lines, self._places = lines, places

    def __len__(self):
        return len(self._places)

    def __getitem__(self, row):
        return self._lines[int(self._places[row])]


@dataclass
class Block:
    """Some rows of a table.

    Attributes
    ----------
    source : str
        The name of the file.
    columns : dict of str to ndarray of float64, Words, or str
        A str is the kind of a column that is neither numbers nor texts.
    lines : sequence of int
        Where each row ends: lines of a CSV file, counted from 1; rows of other tables.
    unit : str
        What `lines` counts.
    decimal : {".", ",", UNKNOWN}
        The sign before the fraction of a number.
    """

    source: str
    columns: dict
    lines: object
    unit: str = "line"
    decimal: str = "."

    def __len__(self):
        return len(self.lines)

    def where(self, rows):
        """The rows of a mask."""
        if rows.all():
            return self
        columns = dict(self.columns)
        for name, column in columns.items():
            if not isinstance(column, str):
                columns[name] = column.where(rows) if isinstance(column, Words) else column[rows]
        return Block(self.source, columns, Picked(self.lines, np.flatnonzero(rows)), self.unit, self.decimal)

    def refuse(self, row, name, what):
        """A TableError about one value."""
        return TableError(f"{self.source}, {self.unit} {self.lines[row]}, column {name!r}: {what}")

    def column(self, name):
        """One that can be read."""
        column = self.columns[name]
        if isinstance(column, str):
            raise self.refuse(0, name, f"it must hold numbers or texts, it holds {column}")
        return column


def check_names(where, names):
    """Refuses names of columns that are empty, or there twice."""
    for number, name in enumerate(names, 1):
        if not name:
            raise TableError(f"{where}: column {number} must have a name")
    if len({*names}) < len(names):
        name, _ = next(item for item in collections.Counter(names).items() if item[1] > 1)
        raise TableError(f"{where}: two columns have the name {name!r}")


# ---- Numbers ---------------------------------------------------------------------------------------------------------


@functools.cache
def _spelling(decimal):
    """The pattern of a number: groups of thousands, a sign in one of several places, and its unit."""
    groups = {",": r"[.'\u2019\s]", ".": r"[,'\u2019\s]", UNKNOWN: r"['\u2019\s]"}  # between thousands
    whole = rf"(?:\d{{1,3}}(?:(?P<group>{groups[decimal]})\d{{3}}(?:(?P=group)\d{{3}})*)|\d+)"
    point = "," if decimal == "," else r"\."
    number = rf"(?P<whole>{whole})?(?P<fraction>{point}\d*)?(?P<power>[eE][-+]?\d+)?"
    sign, before = r"[-+\u2212]", r"[A-Z]{0,3}\s?[$€£¥₹]|[A-Z]{3}"
    after = r"[^\W\d_][^\s()]{0,9}|[%‰$€£¥₹°µ][^\s()]{0,9}"
    return re.compile(
        rf"(?P<open>\()?\s*(?P<sign>{sign})?\s*(?P<before>{before})?\s*(?P<inner>{sign})?\s*{number}"
        rf"\s*(?P<after>{after})?\s*(?P<close>\))?(?P<last>-)?"
    )


INFINITE = re.compile(r"([-+]?)inf(inity)?", re.IGNORECASE)


def spelled(cell, decimal="."):
    """(number, unit) of a cell, or None if it is no number: "1,234.5", "(12)", "$ 5", "12 %", "3.5 kg"."""
    cell = cell.strip()
    infinite = INFINITE.fullmatch(cell)
    if infinite:
        return float(f"{infinite[1]}inf"), ""
    found = _spelling(decimal).fullmatch(cell)
    if not found or not re.search(r"\d", (found["whole"] or "") + (found["fraction"] or "")):
        return None
    minus = [mark for mark in (found["sign"], found["inner"], found["last"], found["open"]) if mark]
    if len(minus) > 1 or bool(found["open"]) != bool(found["close"]) or (found["before"] and found["after"]):
        return None
    whole = re.sub(r"\D", "", found["whole"] or "0")
    value = float(f"{whole}{(found['fraction'] or '').replace(',', '.')}{found['power'] or ''}")
    return -value if minus and minus[0] != "+" else value, (found["before"] or found["after"] or "").strip()


def numbers(block, name, unit=""):
    """A column as float64, NaN where a value is missing.

    Parameters
    ----------
    block : Block
    name : str
    unit : str
        What may stand beside each number: "kg", "$", "%".

    Raises
    ------
    TableError
        For the first value that is no finite number, or has another unit.
    """
    column = block.column(name)
    if isinstance(column, np.ndarray):
        values = column
    else:
        values = None if block.decimal == "," else plain_numbers(column.words)
        if values is None:
            values = _spelled_numbers(block, name, column, unit)
        values = np.append(values, np.nan)[column.codes]
    large = np.abs(values) > LARGEST
    if large.any():
        row = int(large.argmax())
        came = f"{column[row]:g}" if values is column else column.words[column.codes[row]].strip()
        raise block.refuse(row, name, f"numbers must lie between -{LARGEST:g} and {LARGEST:g}, got {came}")
    return values


def _spelled_numbers(block, name, column, unit):
    """A number for each word."""
    found = [(np.nan, "") if is_missing(word) else spelled(word, block.decimal) for word in column.words]
    wrong = [code for code, one in enumerate(found) if one is None or one[1] not in ("", unit)]
    if wrong:
        row = min(map(column.row_of, wrong))
        word, one = column.words[column.codes[row]], found[column.codes[row]]
        raise block.refuse(row, name, why_not(word, one, unit, block.decimal))
    return np.array([value for value, _ in found])


def why_not(word, found, unit, decimal):
    """What is wrong with a cell that was found to mean nothing, or a number with another unit."""
    if found is not None and unit:
        return f"{validation.shown(word)} must be in {unit}"
    if decimal == UNKNOWN and spelled(word, ",") is not None and spelled(word, ".") is not None:
        return f"{validation.shown(word)} could mean two numbers: say --decimal , or --decimal . (decimal=)"
    return f"{validation.shown(word)} is no number"


def plain_numbers(words):
    """A list of cells as a vector, NaN where a value is missing; None if some are no numbers in Python."""
    try:
        values = np.array([word or "nan" for word in words], np.float64)
    except ValueError:
        return None
    return None if "_" in "".join(words) else values  # Python's spelling of numbers, not that of tables


def is_missing(cell):
    """Whether a cell holds no value."""
    return not cell[:1].isdigit() and cell.strip().lower() in MISSING  # most cells are numbers


def known(block, name):
    """Which rows have a value in a column."""
    column = block.column(name)
    if isinstance(column, np.ndarray):
        return ~np.isnan(column)
    return np.array([not is_missing(word) for word in column.words] + [False])[column.codes]


def cells_of(block, name):
    """A column as it stands in the table: a str for each row."""
    column = block.column(name)
    if isinstance(column, Words):
        return ["" if cell is None else cell for cell in column.cells()]
    return ["" if value != value else _text(value) for value in column.tolist()]


def days_of(block, name, order):
    """A column of dates as days from 1970 on (dates.py), NaN where a value is missing."""
    column, found = block.column(name), []
    if isinstance(column, np.ndarray):
        column = Words.of(cells_of(block, name))
    for code, word in enumerate(column.words):
        value = np.nan if is_missing(word) else days(word, order)
        if value is None:
            raise block.refuse(column.row_of(code), name, f"{validation.shown(word)} is no date like those in training")
        found.append(value)
    return np.array([*found, np.nan])[column.codes]


# ---- Texts -----------------------------------------------------------------------------------------------------------


def texts(block, name):
    """A column as Words without spaces around them; the code of a missing value is NOWHERE. 1.0 is the text 1."""
    column = block.column(name)
    if isinstance(column, np.ndarray):
        values, codes = np.unique(column, return_inverse=True)  # NaN is the last one
        words = [_text(value) for value in values[~np.isnan(values)].tolist()]
        return Words(np.where(codes < len(words), codes, NOWHERE), words)
    places, new = {}, np.full(len(column.words) + 1, NOWHERE)
    for code, word in enumerate(column.words):
        if not is_missing(word):
            new[code] = places.setdefault(_without_zeros(word.strip()), len(places))
    return Words(new[column.codes], [*places])


def key_of(text):
    """What is the same for all spellings of a text: TRUE, True, true and 1."""
    return TRUTH.get(text.lower(), text)


def places_of(found, known):
    """Which of the known texts each row of some Words has: NOWHERE where it is missing, NEW for another one."""
    places = {key_of(text): place for place, text in enumerate(known)}
    return np.array([*(places.get(key_of(word), NEW) for word in found.words), NOWHERE])[found.codes]


def _without_zeros(cell):
    found = WHOLE.fullmatch(cell) if "." in cell else None
    return found[1] if found else cell


def _text(value):
    return str(int(value)) if value.is_integer() and abs(value) < EXACT else repr(value)
