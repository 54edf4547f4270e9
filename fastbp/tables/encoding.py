"""From columns to numbers: what the network sees of a table, learnt from the table that it is trained with.

Numbers are standardised, x <- (x - mean) / deviation, so that a missing one, which becomes the mean, is 0. Each text of
a column has an input of its own that is 1 where it stands and 0 elsewhere; so has a missing one, if there was any.
"""

import re
from dataclasses import dataclass, field

import numpy as np

from fastbp import validation
from fastbp.files import values
from fastbp.tables import dates
from fastbp.tables.cells import NEW, NOWHERE, TableError, days_of, numbers, places_of, texts
from fastbp.tables.layout import Reading
from fastbp.tables.survey import MOST
from fastbp.validation import short_list

NUMBER, TEXT, DATE, LEFT_OUT, CLASSES = "number", "text", "date", "left out", "classes"
FEW = 20  # different whole numbers are classes
RARE, RARE_OF = 2, 2000  # texts of fewer rows than that, and than this part of all, share an input
NAMES = 0.9  # a column with more different texts than this part of its rows has names
ROWS_OF_A_CLASS = 5  # at least, where whole numbers are classes: more than two of them
NUMERIC, NUMERIC_TARGET = 0.9, 0.5  # a column with more numbers than this part is meant to have numbers only
IDENTIFIER = re.compile(r"column \d+|(.*[^a-z])?(id|idx|index|key|nr|no|row|row ?names?)|")


@dataclass
class Input:
    """A column of inputs.

    Attributes
    ----------
    name : str
    kind : {"number", "text", "date", "left out"}
        "left out" is a column that says nothing: it is not asked for.
    mean, deviation : float
    texts : list of str
    missing : bool
        Whether some were missing when the network was trained: they have an input of their own.
    unit : str
        What stands beside each number in the table; of dates the order of day, month and year.
    other : bool
        Whether texts that are not in `texts` have an input together, the last one, since there were some in training.
    """

    name: str
    kind: str
    mean: float = 0.0
    deviation: float = 1.0
    texts: list = field(default_factory=list)
    missing: bool = False
    unit: str = ""
    other: bool = False

    @property
    def width(self):
        """How many numbers the network sees."""
        of_texts = len(self.texts) + self.other
        return {NUMBER: 1, DATE: dates.WIDTH, TEXT: of_texts, LEFT_OUT: 0}[self.kind] + self.missing

    def encode(self, block, out, unseen=None):
        """The numbers of a block, into the matrix `out` (rows, width).

        Texts that were not there in training are counted in `unseen`, a Counter, or refused if there is none.
        """
        if self.kind == TEXT:
            self._encode_texts(block, out, unseen)
            return
        if self.kind == NUMBER:
            values = numbers(block, self.name, self.unit)
            self._standardise(block, values, out)
        elif self.kind == DATE:
            values = days_of(block, self.name, self.unit)
            dates.encode(values, self.mean, self.deviation, out[:, : dates.WIDTH])
        if self.missing:
            out[:, -1] = np.isnan(values)

    def _standardise(self, block, values, out):
        with np.errstate(all="ignore"):
            out[:, 0] = np.where(np.isnan(values), 0.0, (values - self.mean) / self.deviation)
        far = ~np.isfinite(out[:, 0])
        if far.any():
            row = int(far.argmax())
            raise block.refuse(row, self.name, f"{values[row]:g} is too far from {self.mean:g}, the mean in training")

    def _encode_texts(self, block, out, unseen):
        found, nowhere = texts(block, self.name), out.shape[1]
        places = places_of(found, self.texts)
        new = np.flatnonzero(places == NEW)
        if new.size and unseen is None and not self.other:
            row = int(new[0])
            raise block.refuse(
                row, self.name, f"{short_list([found.words[found.codes[row]]])} was not there in training, which had "
                f"{short_list(self.texts)}"
            )  # fmt: skip
        if unseen is not None:
            for code, often in zip(*np.unique(found.codes[new], return_counts=True), strict=True):
                unseen[self.name, found.words[code]] += int(often)
        places[new] = nowhere - 1 if self.other else nowhere
        places[places == NOWHERE] = len(self.texts) if self.missing else nowhere
        out[...] = 0
        rows = np.flatnonzero(places < nowhere)
        out[rows, places[rows]] = 1


@dataclass
class Target:
    """The column to be predicted.

    Attributes
    ----------
    name : str
    kind : {"classes", "number"}
    texts : list of str
        The classes, as they stand in the table.
    mean, deviation : float
        Of a number.
    usual : int
        The place of the most frequent class.
    unit : str
        As of an Input.
    """

    name: str
    kind: str
    texts: list = field(default_factory=list)
    mean: float = 0.0
    deviation: float = 1.0
    usual: int = 0
    unit: str = ""

    @property
    def outputs(self):
        """Units of the output layer."""
        return len(self.texts) if self.kind == CLASSES else 1

    def encode(self, block):
        """A number for each row: that of its class, or the standardised value; NaN where it is missing."""
        if self.kind == NUMBER:
            return (numbers(block, self.name, self.unit) - self.mean) / self.deviation
        found = texts(block, self.name)
        places = places_of(found, self.texts)
        if (places == NEW).any():
            row = int((places == NEW).argmax())
            word = found.words[found.codes[row]]
            raise block.refuse(row, self.name, f"{word!r} is none of the {len(self.texts)} classes")
        return np.where(places == NOWHERE, np.nan, places)

    def decode(self, Y):
        """What the outputs Y (rows, outputs) mean: an array of texts, or of float64."""
        if self.kind == CLASSES:
            return np.array(self.texts, object)[Y.argmax(axis=1)]
        return Y[:, 0].astype(np.float64) * self.deviation + self.mean


@dataclass
class Encoding:
    """All columns: the inputs in their order, the target, the names of those that are ignored, and how the table was
    read that they come from."""

    inputs: list
    target: Target
    ignored: list = field(default_factory=list)
    reading: Reading = field(default_factory=Reading)

    @property
    def used(self):
        """The columns that the network sees."""
        return [column for column in self.inputs if column.width]

    @property
    def width(self):
        """Units of the input layer."""
        return sum(column.width for column in self.inputs)

    @property
    def texts(self):
        """The columns that are read as texts."""
        classes = {self.target.name} if self.target.kind == CLASSES else set()
        return classes | {column.name for column in self.inputs if column.kind in (TEXT, DATE)}

    def check(self, source, names, with_target, strict=False):
        """Refuses a table that lacks columns; the names of those that are new, which are refused if it is `strict`."""
        wanted = [column.name for column in self.used] + [self.target.name] * with_target
        lacking = [name for name in wanted if name not in names]
        if lacking:
            raise TableError(f"{source}: it has no column {short_list(lacking)}")
        known = {*wanted, *self.ignored, self.target.name, *(column.name for column in self.inputs)}
        more = [name for name in names if name not in known]
        if more and strict:
            raise TableError(f"{source}: it has the column {short_list(more)}, which was not there in training")
        return more

    def encode(self, block, dtype, unseen=None):
        """X (rows, width) of a block; `unseen` as in Input.encode."""
        X, at = np.empty((len(block), self.width), dtype), 0
        for column in self.used:
            column.encode(block, X[:, at : at + column.width], unseen)
            at += column.width
        return X

    # ---- Files -------------------------------------------------------------------------------------------------------

    def record(self):
        """The strings and arrays of a model file."""
        target, kinds = self.target, [column.kind for column in self.inputs]
        of_texts = [column for column in self.inputs if column.kind == TEXT]
        strings = {
            "columns": ",".join(kinds), "missing": "".join(str(int(column.missing)) for column in self.inputs),
            "other": "".join(str(int(column.other)) for column in self.inputs),
            "target kind": target.kind, "usual class": str(target.usual), "reading": values.encoded(vars(self.reading)),
        }  # fmt: skip
        arrays = {
            "means": np.array([target.mean, *(column.mean for column in self.inputs)]),
            "deviations": np.array([target.deviation, *(column.deviation for column in self.inputs)]),
            "counts": np.array([len(column.texts) for column in of_texts], np.int64),
        }
        names = [target.name, *(column.name for column in self.inputs)]
        for name, found in (
            ("names", names), ("ignored", self.ignored), ("classes", target.texts),
            ("units", [target.unit, *(column.unit for column in self.inputs)]),
            ("texts", [text for column in of_texts for text in column.texts]),
        ):  # fmt: skip
            arrays |= values.texts_record(name, found)
        return strings, arrays

    @classmethod
    def of_record(cls, file):
        """The other way round, from a `ModelFile`. Raises what its `refusing` expects."""
        kinds = [kind for kind in file.string("columns").split(",") if kind]
        if not set(kinds) <= {NUMBER, TEXT, DATE, LEFT_OUT}:
            raise ValueError(f"its columns must be numbers, texts, dates, left out, they are {validation.shown(kinds)}")
        name, *names = values.texts_of(file, "names", len(kinds) + 1)
        means, deviations = (file.array(of, np.float64, (len(kinds) + 1,)).tolist() for of in ("means", "deviations"))
        if not all(np.isfinite(means)) or not all(0 < deviation < np.inf for deviation in deviations):
            raise ValueError("the means and deviations of its columns must be finite, and the deviations positive")
        target = Target(
            name, file.string("target kind", (CLASSES, NUMBER)), values.texts_of(file, "classes"), means[0],
            deviations[0],
        )  # fmt: skip
        target.usual = file.integer("usual class", most=max(0, len(target.texts) - 1))
        inputs = [Input(*of) for of in zip(names, kinds, means[1:], deviations[1:], strict=True)]
        of_texts = [column for column in inputs if column.kind == TEXT]
        counts = file.array("counts", np.int64, (len(of_texts),)).tolist()
        found = values.texts_of(file, "texts")
        if sum(counts) != len(found) or min(counts, default=0) < 0:
            raise ValueError("the texts of its columns do not fit together")
        for name in ("missing", "other"):
            marks = file.string(name)
            if len(marks) != len(inputs) or not set(marks) <= {*"01"}:
                raise ValueError(f"{name!r} must be 0 or 1 for each column")
            for column, mark in zip(inputs, marks, strict=True):
                setattr(column, name, mark == "1")
        target.unit, *units = values.texts_of(file, "units", len(kinds) + 1)
        for column, unit in zip(inputs, units, strict=True):
            column.unit = unit
            if column.kind == DATE and unit not in dates.ORDERS:
                raise ValueError(f"its dates must be {', '.join(dates.ORDERS)}, they are {validation.shown(unit)}")
        at = 0
        for column, count in zip(of_texts, counts, strict=True):
            column.texts, at = found[at : at + count], at + count
        return cls(inputs, target, values.texts_of(file, "ignored"), Reading.of(values.value_of(file, "reading")))


def without_dates(encoding, asked_for):
    """The columns that the network sees. Raises ValueError for dates, which other programs cannot be told to read."""
    of_dates = [column.name for column in encoding.used if column.kind == DATE]
    if of_dates:
        raise ValueError(f"{asked_for} takes numbers and texts, and column {short_list(of_dates)} holds dates")
    return encoding.used


# ---- What a survey means ---------------------------------------------------------------------------------------------


def input_of(column, as_text=False, keep=False, day_first=None):
    """How a surveyed column is seen by the network. Numbers of rows are left out, if they are not to be kept."""
    missing = column.missing > 0
    if column.is_numeric and not as_text:
        if not column.deviation > 0 or (is_number_of_row(column) and not keep):
            return Input(column.name, LEFT_OUT)
        return Input(column.name, NUMBER, column.mean, column.deviation, missing=missing, unit=column.unit)
    if column.is_of_dates and not as_text:
        return _date_of(column, day_first)
    if not as_text:
        _refuse_slips(column, "or say that they are texts (--text), or leave the column out (--drop)")
    known = column.rows - column.missing
    frequent = [text for text, often in column.texts.most_common(MOST) if often >= max(RARE, known // RARE_OF)]
    other = sum(column.texts[text] for text in frequent) < known
    if len(frequent) + other + missing < 2 and not (keep and other):
        return Input(column.name, LEFT_OUT)
    return Input(column.name, TEXT, texts=_in_order(frequent), missing=missing, other=other)


def is_of_names(column):
    """Whether nearly every row has a text of its own."""
    known = column.rows - column.missing
    return not column.is_numeric and not column.is_of_dates and known > 0 and len(column.texts) > NAMES * known


def _date_of(column, day_first):
    """One of dates, in the only order that they can have, or the one that is said."""
    found = dict(column.dates)
    if len(found) > 1 and day_first is not None:
        del found[dates.MDY if day_first else dates.DMY]
    if len(found) > 1:
        raise TableError(
            f"column {column.name!r} has dates as {short_list(column.texts or (), 2)}, where day or month could come "
            "first: say --day-first or --no-day-first (day_first=)"
        )
    ((order, moments),) = found.items()
    if not moments.deviation > 0:
        return Input(column.name, LEFT_OUT)
    return Input(column.name, DATE, moments.mean, moments.deviation, missing=column.missing > 0, unit=order)


def is_number_of_row(column):
    """Whether a column without a name, or with that of an identifier, has each number once, in order."""
    counts = column.numeric > 1 and column.rising and column.whole
    return counts and IDENTIFIER.fullmatch(column.name.lower()) is not None


def target_of(column, task=None):
    """What is to be predicted: classes, if the column has texts, or few different whole numbers for so many rows."""
    what, values = f"column {column.name!r}, the target,", column.rows - column.missing
    if values == 0:
        raise TableError(f"{what} must have values, all {column.rows:,} rows are without")
    few = len(column.texts) <= min(FEW, max(2, values // ROWS_OF_A_CLASS))
    if task is None:
        _refuse_slips(column, "or say that they are classes (--task classification)", NUMERIC_TARGET if not few else 1)
        task = "regression" if column.is_numeric and not (column.whole and few) else "classification"
    if task == "regression":
        if not column.is_numeric:
            raise column.first_text
        if not column.deviation > 0:
            raise TableError(f"{what} must have different values in the rows to train with, all are {column.mean:g}")
        return Target(column.name, NUMBER, mean=column.mean, deviation=column.deviation, unit=column.unit)
    if len(column.texts) > MOST:
        raise TableError(f"{what} has more than {MOST} classes")
    if len(column.texts) < 2:
        raise TableError(f"{what} must have at least two classes, it has {', '.join(map(repr, column.texts))} alone")
    if len(column.texts) > max(FEW, values // 2):
        raise TableError(
            f"{what} has {len(column.texts):,} different values in {values:,} rows: so many classes cannot be learnt "
            "(--task regression takes numbers for what they are)"
        )
    classes, usual = _in_order(column.texts), column.trained_texts.most_common(1)
    return Target(column.name, CLASSES, classes, usual=classes.index(usual[0][0]) if usual else 0)


def _refuse_slips(column, remedy, numeric=NUMERIC):
    """A column that is meant to have numbers, but has some that cannot be read."""
    known = column.rows - column.missing
    if column.first_text is not None and column.numeric + column.like_numbers >= numeric * known > 0:
        problem, others = column.first_like_number or column.first_text, [*column.not_numbers]
        more = f" (not: {short_list(others)})" if others[1:] else ""
        raise TableError(
            f"{problem}, where most of the column are numbers{more}: write it as 1234.5, or leave it empty, {remedy}"
        )


def _in_order(texts):
    """Numbers by their size, then the others by their letters."""

    def key(text):
        try:
            return 0, float(text), text
        except ValueError:
            return 1, 0.0, text

    return sorted(texts, key=key)
