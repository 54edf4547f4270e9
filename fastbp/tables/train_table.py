"""A model from a table: looks at it, decides what its columns mean, shuffles its rows, trains, and scores."""

import contextlib
import functools
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np

from fastbp import validation
from fastbp.network import DTYPES, Network, outputs
from fastbp.optimizers import Adam
from fastbp.tables.blocks import Blocks
from fastbp.tables.cells import TableError, known
from fastbp.tables.encoding import Encoding
from fastbp.tables.frames import is_table
from fastbp.tables.layout import Reading, checked_reading
from fastbp.tables.meaning import input_of, target_of
from fastbp.tables.model import TableModel
from fastbp.tables.roles import TEST, TRAINING, VALIDATION, Roles, Strata
from fastbp.tables.scores import Scores
from fastbp.tables.sources import STDIN, can_be_read_twice, opened
from fastbp.tables.survey import Survey
from fastbp.tables.table_training import TableTraining
from fastbp.tables.target import CLASSES
from fastbp.tables.target_transforms import AUTO, checked, fitted, prepare
from fastbp.training import progress as display
from fastbp.training.early_stopping import EarlyStopping
from fastbp.training.history import History
from fastbp.validation import real_number, short_list

HELD_OUT, FEWEST = 0.1, 100  # part of the rows for early stopping, where there are so many rows at least
STRATIFIED = 20_000  # rows of classes, at most, of each of which the same part is held out
TASKS = ("classification", "regression")
ROBUST = "robust"
SCALINGS = ("standard", ROBUST)


@dataclass(repr=False)
class TableResult:
    """What `train_table` returns.

    Attributes
    ----------
    model : TableModel
    columns : dict of str to Column
        What was found in each column.
    history : History
    rows, validated, left_out : int
        Rows to train with, to validate with, and without a target.
    test : Scores
        Of the rows held out for the test.
    notes : list of str
        What was passed over or guessed when the table was read; and which of two trainings was better.

    Examples
    --------
    >>> import fastbp, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "signs.csv")
    ...     _ = path.write_text("x,sign\\n" + "-1,minus\\n1,plus\\n" * 100)
    ...     result = fastbp.train_table(path, "sign", test_size=0.25)
    >>> result.rows, result.validated, result.left_out, *list(result.test.lines())[:2]
    (135, 15, 0, 'accuracy: 100.0% of 50 rows', "baseline: 50.0%, if it were always 'minus', the most frequent class")
    """

    model: TableModel
    columns: dict
    history: History
    rows: int
    validated: int
    left_out: int
    test: Scores
    notes: list

    def __repr__(self):
        lines = [repr(self.model), repr(self.history), *self.test.lines("test ")]
        return (
            f"<TableResult: {self.rows:,} rows to train with, {self.validated:,} to validate with; "
            + "; ".join(lines)
            + ">"
        )


def train_table(
    table, target, *, hidden_layer_sizes=(64, 32), activation="relu", task=None, test_size=0.2, drop=(), text=(),
    keep_all=False, class_weight=None, scaling="standard", target_transform=None, clamp_output=False,
    delimiter=None, encoding=None, header=None, decimal=None, day_first=None, epochs=1000, batch_size=32,
    learning_rate=0.001, patience=20, min_delta=0.0, dtype="float32", seed=0, threads=None, time_limit=None,
    callbacks=None, progress=False,
):  # fmt: skip
    """Train a network on a table in a file, which may be larger than the memory.

    The file is read twice: for what is in its columns, and to turn its rows into numbers, which wait for the training
    in temporary files if they are many. Numbers are scaled, a missing one becomes 0; each text of a column is
    an input of its own, and so is a missing one. The model remembers how the table was read.

    Parameters
    ----------
    table : str, path-like, mapping of names to columns, or data frame
        A CSV file, compressed or not, a Parquet or Feather file, or a spreadsheet (pip install 'fastbp[tables]'); or
        a table in memory.
    target : str
        The column to be predicted. Rows without are left out.
    hidden_layer_sizes : int or sequence of int
        Units of each hidden layer; empty for none.
    activation : str or sequence of str
        As in `Network`.
    task : {"classification", "regression"} or None
        None: a classification, if the target has texts, or few different whole numbers for so many rows.
    test_size : float
        Part of the rows that are held out for the test, 0 or more and below 1.
    drop : str or sequence of str
        Columns to be ignored.
    text : str or sequence of str
        Columns of numbers that are names: each has an input of its own.
    keep_all : bool
        Whether columns are inputs, too, that seem to be the numbers of the rows.
    class_weight : "balanced", mapping of classes to numbers, or None
        How much a row of each class counts in training; "balanced": all classes the same. A class that is not named
        counts 1.
    scaling : {"standard", "robust"}
        Of numbers. "standard": by mean and deviation. "robust": by median and quartiles, then clipped smoothly,
        x / sqrt(1 + (x / 3)^2), as in RealMLP (arXiv 2407.04491): for columns with outliers. Median and quartiles are
        those of the rows to train with, or of 10,000 of them that are drawn at random if there are more.
    target_transform : {"log", "auto"} or None
        "log": the logarithm of the target, a positive number, is learnt; predictions are exp of the outputs times the
        mean of exp(residual) over the rows to train with, Duan's smearing factor. "auto": where it is positive and its
        skewness is above 1, both are trained, one after the other (callbacks see both; each has half the `time_limit`),
        and the one with the lower squared error on the rows to stop by is kept: `notes` tells. None: the target as it
        is, since "auto" takes twice as long.
    clamp_output : bool
        Whether predictions of a number are clamped to the range of the target in the rows to train with.
    delimiter : str or None
        Between the cells of a CSV file; " " is any number of blanks. None: what cuts most lines alike.
    encoding : str or None
        Of a CSV file, as Python calls it. None: UTF-8, or what its byte order mark says.
    header : bool or None
        Whether a CSV file has names of columns; without they are "column 1", "column 2", ... None: it has, and an
        error if they look like data.
    decimal : {".", ","} or None
        Before the fraction of a number in a CSV file. None: what most numbers have.
    day_first : bool or None
        Whether 1/2/2021 is a day of February. None: what all dates of a column can be, and an error if that is both.
    epochs, batch_size : int
        Passes over the rows, at most, and rows of a step.
    learning_rate : float
        Of Adam.
    patience : int
        A tenth of the rows, if there are at least 100, is held out: when their loss (without them: that of the
        training) has not fallen by more than `min_delta` for so many epochs, training ends, and the network has the
        parameters of the best epoch.
    min_delta : float
        At least 0.
    dtype : {"float32", "float64"}
    seed : int
        Of the test rows, the first weights and the orders.
    threads : int or None
        As in `train`.
    time_limit : float or None
        Seconds, as in `train`.
    callbacks : callable, sequence of callable, or None
        As in `train`.
    progress : bool or callable
        True: a bar by tqdm, or lines where it is not installed. A callable is called as `progress(done, total,
        seconds)` after each epoch.

    Returns
    -------
    TableResult

    Raises
    ------
    TableError
        Naming file, line and column.
    TypeError, ValueError
        Naming the argument, what came and what was expected.
    Diverged
        If the loss or a parameter is no longer finite.
    ImportError
        If what reads such a file is not installed.
    OSError
        If the file cannot be read, or there is no room for temporary files.
    KeyboardInterrupt
        By Ctrl-C before the first epoch is over.

    Warns
    -----
    RuntimeWarning
        By Ctrl-C later: the training ends there, and what has been learnt is returned.

    Examples
    --------
    >>> import fastbp, pathlib, tempfile
    >>> rows = ["size,colour,kind", *["1.5,red,cherry", "9.0,red,apple", "1.7,black,cherry", "8.5,green,apple"] * 20]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "fruit.csv")
    ...     _ = path.write_text("\\n".join(rows))
    ...     result = fastbp.train_table(path, "kind", epochs=50)
    >>> result.model.classes, result.test.rows, result.test.accuracy
    (['apple', 'cherry'], 16, 1.0)
    """
    task = None if task is None else validation.choice("task", task, TASKS)
    test_size = real_number("test_size", test_size, lambda x: 0 <= x < 1, "at least 0 and below 1")
    dtype, seed = validation.dtype(dtype, DTYPES), validation.whole_number("seed", seed, 0)
    epochs, threads = validation.whole_number("epochs", epochs, 0), validation.threads(threads)
    batch_size = validation.whole_number("batch_size", batch_size, 1)
    rule = Adam(validation.positive_number("learning_rate", learning_rate, dtype))
    patience = validation.whole_number("patience", patience, 1)
    stopping = functools.partial(EarlyStopping, patience, real_number("min_delta", min_delta, *validation.NOT_NEGATIVE))
    callbacks, time_limit = validation.callables("callbacks", callbacks), validation.time_limit(time_limit)
    units, drop, text = validation.hidden_units(hidden_layer_sizes), _names("drop", drop), _names("text", text)
    Network((1, *units, 1), activation, "identity")  # what is wrong with these shows before the file is read
    if not isinstance(target, str):
        raise TypeError(f"target must be the name of a column, got {validation.shown(target)}")
    keep_all, scaling = validation.flag("keep_all", keep_all), validation.choice("scaling", scaling, SCALINGS)
    clamp_output, target_transform = checked(clamp_output, target_transform)
    _check_class_weight(class_weight)
    reading = checked_reading(delimiter, encoding, header, decimal, day_first)
    if not is_table(table) and (not can_be_read_twice(validation.path("table", table)) or table == STDIN):
        raise TableError(f"{table}: it must be a regular file, because it is read twice: write the table to one first")
    with contextlib.ExitStack() as stack:
        shown = stack.enter_context(display.display(display.checked(progress), epochs, "epoch"))
        names = _checked_names(table, target, drop, text, reading)
        roles = functools.partial(Roles, seed, test_size)
        sampled = names if scaling == ROBUST else [target] if target_transform == AUTO else []
        look = functools.partial(Survey, table, names, target, text, shown=shown, sampled=sampled)
        found = look(lambda: roles(0), reading)
        how = target, task, drop, text, keep_all, reading, test_size, scaling == ROBUST
        coding = _encoding_of(found, *how)
        if coding.target.kind == CLASSES and found.columns[target].rows <= STRATIFIED:  # chance does it for more
            roles = functools.partial(Strata, seed, test_size, classes=coding.target.texts)
            found = look(lambda: roles(0), coding.reading)
            coding = _encoding_of(found, *how)
        columns = found.columns
        both = prepare(coding.target, columns[target], clamp_output, target_transform)
        rows, left_out = columns[target].rows - columns[target].missing, columns[target].missing
        width, outputs_ = coding.width, coding.target.outputs
        output = "softmax" if coding.target.kind == CLASSES else "identity"
        places = [stack.enter_context(Blocks(width, outputs_, dtype, rows, seed)) for _ in range(3)]
        _spread(table, coding, dtype, roles(_held_out(rows, test_size)), places, shown)

        def fit(target, places):
            network = Network((width, *units, outputs_), activation, output, dtype, seed)
            training = TableTraining(network, target, places, rule, epochs, batch_size, stopping(), seed)
            training.weights = _weights(class_weight, target, found.columns[target.name].trained_texts)
            return network, training.run(threads, callbacks, shown, time_limit and time_limit / (1 + both))

        network, history, places, more = fitted(fit, coding.target, places, both, time_limit is not None)
        test = _tested(network, coding.target, places[TEST])
        counts = [place.rows for place in places]
    model, notes = TableModel(network, coding), [*found.notes, *_alike(coding), *more]
    return TableResult(model, columns, history, counts[TRAINING], counts[VALIDATION], left_out, test, notes)


def _tested(network, target, place):
    """The scores of some rows."""
    scores = Scores(target)
    for block in place.numbers():
        X, d = place.read(block)
        scores.add(outputs(network, X), d)
    return scores


def _alike(encoding):
    """Notes on texts that may have been meant to be the same."""
    for column in (encoding.target, *encoding.used):
        spellings = {}
        for text in column.texts:
            spellings.setdefault(" ".join(text.casefold().split()), []).append(text)
        several = [text for texts in spellings.values() if len(texts) > 1 for text in texts]
        if several:
            names = short_list(several)
            yield f"texts of {column.name!r} that differ by case or blanks alone are not the same: {names}"


def _names(argument, given):
    """Names of columns, each once; a text is one name."""
    names = [given] if isinstance(given, str) else [*given] if isinstance(given, Iterable) else [None]
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"{argument} must be names of columns, got {validation.shown(given)}")
    return [*dict.fromkeys(names)]


def _held_out(rows, test_size):
    return HELD_OUT if rows * (1 - test_size) >= FEWEST else 0.0


def _checked_names(table, target, drop, text, reading):
    """The columns that are looked at."""
    found = opened(table, reading)
    source, names = found.source, found.names
    for argument, wanted in (("target", [target]), ("drop", drop), ("text", text)):
        for name in wanted:
            if name not in names:
                hint = validation.did_you_mean(name, names) or f"; its columns are {short_list(names)}"
                raise TableError(f"{source}: it has no column {name!r} ({argument}){hint}")
    for argument, wanted in (("drop", drop), ("text", text)):
        if target in wanted:
            raise TableError(f"{source}: {argument} must be columns of inputs, {target!r} is the target")
    return [name for name in names if name not in drop]


def _encoding_of(survey, target, task, drop, text, keep_all, reading, test_size, robust):
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


def _check_class_weight(class_weight):
    """What can be said of it before the table is read."""
    if isinstance(class_weight, str):
        validation.choice("class_weight", class_weight, ("balanced",))
    elif class_weight is not None and not isinstance(class_weight, Mapping):
        raise TypeError(f"class_weight must be 'balanced', a mapping or None, got {validation.shown(class_weight)}")


def _weights(class_weight, target, counts):
    """How much a row of each class counts; None: all the same."""
    if class_weight is None:
        return None
    if target.kind != CLASSES:
        raise ValueError(
            f"class_weight must be None where the target is a number, got {validation.shown(class_weight)}"
        )
    if isinstance(class_weight, str):
        rows = [counts[text] for text in target.texts]
        return np.array([sum(rows) / (len(rows) * n) if n else 1.0 for n in rows])
    unknown = [str(name) for name in class_weight if str(name) not in target.texts]
    if unknown:
        raise ValueError(f"class_weight must be of {short_list(target.texts)}, got {short_list(unknown)}")
    named = {str(name): value for name, value in class_weight.items()}
    for name, value in named.items():
        real_number(f"class_weight[{name!r}]", value, *validation.NOT_NEGATIVE)
    weights = np.array([named.get(text, 1.0) for text in target.texts])
    if not weights[[counts[text] > 0 for text in target.texts]].any():
        raise ValueError(f"class_weight must leave rows to train with, got {validation.shown(class_weight)}")
    return weights


def _spread(table, encoding, dtype, roles, places, shown):
    """The second pass: the rows as numbers, each to its place."""
    done, found = 0, opened(table, encoding.reading, encoding.texts)
    for block in found.blocks():
        with_target, role = known(block, encoding.target.name), roles.of(block, encoding.target.name)
        rows = block.where(with_target)
        X, d, role = encoding.encode(rows, dtype), encoding.target.encode(rows), role[with_target]
        for number, place in enumerate(places):
            place.add(X[role == number], d[role == number])
        done += len(block)
        shown.status(f"read {done:,} rows")
    if places[TRAINING].rows == 0:
        raise TableError(
            f"{found.source}: it must have rows to train with, it has {sum(place.rows for place in places)} in all"
        )
