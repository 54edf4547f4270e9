"""What a survey means: how each column is seen by the network, and what is to be predicted."""

import re

from fastbp.tables import dates
from fastbp.tables.cells import TableError
from fastbp.tables.encoding import DATE, LEFT_OUT, TEXT, Encoding, Input
from fastbp.tables.layout import Reading
from fastbp.tables.survey import MOST
from fastbp.tables.target import CLASSES, NUMBER, Target
from fastbp.validation import short_list

FEW = 20  # different whole numbers are classes
RARE, RARE_OF = 2, 2000  # texts of fewer rows than that, and than this part of all, share an input
NAMES = 0.9  # a column with more different texts than this part of its rows has names
ROWS_OF_A_CLASS = 5  # at least, where whole numbers are classes: more than two of them
NUMERIC, NUMERIC_TARGET = 0.9, 0.5  # a column with more numbers than this part is meant to have numbers only
IDENTIFIER = re.compile(r"column \d+|(.*[^a-z])?(id|idx|index|key|nr|no|row|row ?names?)|")


def input_of(column, as_text=False, keep=False, day_first=None, robust=False):
    """How a surveyed column is seen by the network. Numbers of rows are left out, if they are not to be kept; those of
    other columns may be scaled robustly."""
    missing = column.missing > 0
    if column.is_numeric and not as_text:
        if not column.deviation > 0 or (is_number_of_row(column) and not keep):
            return Input(column.name, LEFT_OUT)
        scale = column.median_and_scale if robust else (column.mean, column.deviation)
        return Input(column.name, NUMBER, *scale, missing=missing, unit=column.unit, robust=robust)
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
    if column.is_of_labels:
        return
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


def encoding_of(survey, target, task, drop, text, keep_all, reading, test_size, robust):
    """What the columns mean."""
    columns, source, rows = survey.columns, survey.source, survey.columns[target]
    if rows.trained == 0 and (rows.rows == 0 or rows.missing < rows.rows):
        raise TableError(
            f"{source}: it must have rows to train with, it has {rows.rows} in all (test_size={test_size})"
        )
    encoding, problems = Encoding([], None, drop, survey.reading or Reading()), []
    for name, column in columns.items():
        try:
            if name == target:
                encoding.target = target_of(column, task)
            else:
                encoding.inputs.append(input_of(column, name in text, keep_all, reading.day_first, robust))
        except TableError as problem:
            problems.append(str(problem) if str(problem).startswith(source) else f"{source}: {problem}")
    if problems:
        raise TableError("\n".join(problems))
    if encoding.width == 0:
        raise TableError(
            f"{source}: it must have columns that differ from row to row, besides the target {target!r} and those that "
            "are left out"
        )
    return encoding


def alike(encoding):
    """Notes on texts that may have been meant to be the same."""
    for column in (encoding.target, *encoding.used):
        spellings = {}
        for text in column.texts:
            spellings.setdefault(" ".join(text.casefold().split()), []).append(text)
        several = [text for texts in spellings.values() if len(texts) > 1 for text in texts]
        if several:
            names = short_list(several)
            yield f"texts of {column.name!r} that differ by case or blanks alone are not the same: {names}"
