"""From columns to numbers: what the network sees of a table, learnt from the table that it is trained with.

Numbers are standardised, x <- (x - mean) / deviation, so that a missing one, which becomes the mean, is 0; or scaled
robustly, by median and quartiles. Each text of a column has an input of its own that is 1 where it stands and 0
elsewhere; so has a missing one, if there was any. What a survey means: meaning.py.
"""

from dataclasses import dataclass, field

import numpy as np

from fastbp import validation
from fastbp.files import values
from fastbp.tables import dates
from fastbp.tables.cells import NEW, NOWHERE, TableError, days_of, numbers, places_of, texts
from fastbp.tables.layout import Reading
from fastbp.tables.target import CLASSES, NUMBER, Target
from fastbp.validation import short_list

TEXT, DATE, LEFT_OUT = "text", "date", "left out"
LIMIT = 3.0  # of a number that is scaled robustly


@dataclass
class Input:
    """A column of inputs.

    Attributes
    ----------
    name : str
    kind : {"number", "text", "date", "left out"}
        "left out" is a column that says nothing: it is not asked for.
    mean, deviation : float
        Where a number becomes 0, and how far from there 1; of a robust one the median, and the distance of the
        quartiles.
    texts : list of str
    missing : bool
        Whether some were missing when the network was trained: they have an input of their own.
    unit : str
        What stands beside each number in the table; of dates the order of day, month and year.
    other : bool
        Whether texts that are not in `texts` have an input together, the last one, since there were some in training.
    robust : bool
        Whether numbers are clipped smoothly after they have been scaled: `clipped`.
    """

    name: str
    kind: str
    mean: float = 0.0
    deviation: float = 1.0
    texts: list = field(default_factory=list)
    missing: bool = False
    unit: str = ""
    other: bool = False
    robust: bool = False

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
            scaled = np.where(np.isnan(values), 0.0, (values - self.mean) / self.deviation)
            out[:, 0] = scaled
        far = ~np.isfinite(out[:, 0])
        if far.any():
            row, what = int(far.argmax()), "median" if self.robust else "mean"
            raise block.refuse(row, self.name, f"{values[row]:g} is too far from {self.mean:g}, the {what} in training")
        if self.robust:
            out[:, 0] = clipped(scaled)

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


def clipped(x):
    """x / sqrt(1 + (x / 3)^2), near 0 as x and never beyond -3 and 3 (Holzmueller, Grinsztajn and Steinwart 2024)."""
    return x / np.hypot(1.0, x / LIMIT)


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
        if any(column.robust for column in self.inputs):
            strings["robust"] = "".join(str(int(column.robust)) for column in self.inputs)
        return strings, arrays | target.record()

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
        for name in ("missing", "other", *(["robust"] if "robust" in file.strings else [])):
            marks = file.string(name)
            if len(marks) != len(inputs) or not set(marks) <= {*"01"}:
                raise ValueError(f"{name!r} must be 0 or 1 for each column")
            for column, mark in zip(inputs, marks, strict=True):
                setattr(column, name, mark == "1")
        if any(column.robust and column.kind != NUMBER for column in inputs):
            raise ValueError("columns that are scaled robustly must be numbers")
        target.restore(file)
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
