"""A model from a table: looks at it, decides what its columns mean, shuffles its rows, trains, and scores."""

import contextlib
import functools
from collections.abc import Iterable

from fastbp import validation
from fastbp.network import DTYPES
from fastbp.tables.blocks import Blocks
from fastbp.tables.cells import TableError, known
from fastbp.tables.class_weights import check_class_weight, weights_of
from fastbp.tables.cross_validation import check_folds, cross_validated
from fastbp.tables.fitting import Fitting
from fastbp.tables.frames import is_table
from fastbp.tables.layout import checked_reading
from fastbp.tables.leaks import LOOKED_AT, likely_leaks, notes_on
from fastbp.tables.meaning import alike, encoding_of
from fastbp.tables.model import TableModel
from fastbp.tables.recipes import ROBUST, chosen
from fastbp.tables.result import TableResult
from fastbp.tables.roles import TEST, TRAINING, VALIDATION, Roles, Strata
from fastbp.tables.scores import scores_of_rows
from fastbp.tables.sources import STDIN, can_be_read_twice, opened
from fastbp.tables.survey import Survey
from fastbp.tables.target import CLASSES
from fastbp.tables.target_transforms import AUTO, checked, fitted, prepare
from fastbp.tables.trained_rows import TrainedRows
from fastbp.training import progress as display
from fastbp.training.history import was_interrupted
from fastbp.validation import real_number, short_list

STRATIFIED = 20_000  # rows of classes, at most, of each of which the same part is held out
TASKS = ("classification", "regression")


def train_table(
    table, target, *, recipe="default", ensemble=1, hidden_layer_sizes=None, activation=None, task=None, test_size=0.2,
    cv=None, drop=(), text=(), keep_all=False, class_weight=None, scaling=None, target_transform=None,
    clamp_output=None, delimiter=None, encoding=None, header=None, decimal=None, day_first=None, epochs=None,
    batch_size=None, learning_rate=None, patience=None, min_delta=0.0, dtype="float32", seed=0, threads=None,
    time_limit=None, callbacks=None, progress=False,
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
    recipe : {"default", "realmlp"}
        What is decided where an option is None. "default": a small network in little time. "realmlp": the tabular
        defaults of RealMLP-TD-S [1]_, 3 x 256 units, which take about a hundred times as long and mostly predict
        better.
    ensemble : int
        Networks that differ by their seeds, and whose mean outputs are the predictions. More than one are trained by
        `train_many`, with all rows in memory.
    hidden_layer_sizes : int or sequence of int, or None
        Units of each hidden layer; empty for none. None: 64 and 32, or those of the recipe.
    activation : str or sequence of str, or None
        As in `Network`. None: "relu", or that of the recipe.
    task : {"classification", "regression"} or None
        None: a classification, if the target has texts, or few different whole numbers for so many rows.
    test_size : float
        Part of the rows that are held out for the test, 0 or more and below 1.
    cv : int or None
        Folds of a cross-validation, at least 2: so many networks are trained as that of the model, each without a fold
        of the rows that are not held out for the test, and scored by it. They are trained at once, with all rows as
        numbers in memory (1 GiB at most). What becomes of a column, means and deviations too, is learnt from all these
        rows, not for each fold anew.
    drop : str or sequence of str
        Columns to be ignored.
    text : str or sequence of str
        Columns of numbers that are names: each has an input of its own.
    keep_all : bool
        Whether columns are inputs, too, that seem to be the numbers of the rows.
    class_weight : "balanced", mapping of classes to numbers, or None
        How much a row of each class counts in training; "balanced": all classes the same. A class that is not named
        counts 1.
    scaling : {"standard", "robust"} or None
        Of numbers. None: "standard", or that of the recipe. "standard": by mean and deviation. "robust": by median and
        quartiles, then clipped smoothly, x / sqrt(1 + (x / 3)^2), as in RealMLP [1]_: for columns with outliers. Median
        and quartiles are those of the rows to train with, or of 10,000 of them that are drawn at random if there are
        more.
    target_transform : {"log", "auto"} or None
        "log": the logarithm of the target, a positive number, is learnt; predictions are exp of the outputs times the
        mean of exp(residual) over the rows to train with, Duan's smearing factor. "auto": where it is positive and its
        skewness is above 1, both are trained, one after the other (callbacks see both; each has half the `time_limit`),
        and the one with the lower squared error on the rows to stop by is kept: `notes` tells. None: the target as it
        is, since "auto" takes twice as long.
    clamp_output : bool or None
        Whether predictions of a number are clamped to the range of the target in the rows to train with. None: they are
        not, or as the recipe says.
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
    epochs, batch_size : int or None
        Passes over the rows, at most, and rows of a step. None: 1000 and 32, or those of the recipe.
    learning_rate : float or None
        Of Adam. None: 0.001, or that of the recipe.
    patience : int or None
        A tenth of the rows is held out: when their loss has not fallen by more than `min_delta` for so many epochs,
        training ends, and the network has the parameters of the best epoch. Below 1,000 rows it is a fifth, and the
        network is then trained once more, with all of them, for as many epochs as were best; below 60 none is, and the
        loss of the training counts. None: 20, or that of the recipe: "realmlp" makes all its epochs, and holds out no
        rows for classes if there are fewer than 1,000.
    min_delta : float
        At least 0.
    dtype : {"float32", "float64"}
    seed : int
        Of the test rows, the first weights and the orders.
    threads : int or None
        As in `train`.
    time_limit : float or None
        Seconds, as in `train`; a cross-validation, after it, has as many of its own.
    callbacks : callable, sequence of callable, or None
        As in `train`.
    progress : bool or callable
        True: a bar by tqdm, or lines where it is not installed. A callable is called as `progress(done, total,
        seconds)` after each epoch; for an ensemble it is not.

    Returns
    -------
    TableResult

    Raises
    ------
    TableError
        Naming file, line and column; or because there is no room in memory for the rows of an ensemble.
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

    References
    ----------
    .. [1] D. Holzmüller, L. Grinsztajn, I. Steinwart: Better by default: strong pre-tuned MLPs and boosted trees on
       tabular data. NeurIPS 2024, arXiv 2407.04491.

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
    recipes = chosen(
        recipe, dtype, hidden_layer_sizes=hidden_layer_sizes, activation=activation, epochs=epochs, scaling=scaling,
        batch_size=batch_size, learning_rate=learning_rate, patience=patience, clamp_output=clamp_output,
    )  # fmt: skip
    ensemble, threads = validation.whole_number("ensemble", ensemble, 1), validation.threads(threads)
    cv = None if cv is None else validation.whole_number("cv", cv, 2)
    min_delta = real_number("min_delta", min_delta, *validation.NOT_NEGATIVE)
    callbacks, time_limit = validation.callables("callbacks", callbacks), validation.time_limit(time_limit)
    drop, text = _names("drop", drop), _names("text", text)
    if not isinstance(target, str):
        raise TypeError(f"target must be the name of a column, got {validation.shown(target)}")
    keep_all, target_transform = validation.flag("keep_all", keep_all), checked(target_transform)
    check_class_weight(class_weight)
    reading = checked_reading(delimiter, encoding, header, decimal, day_first)
    _refuse_streams(table)
    with contextlib.ExitStack() as stack:
        most = max(each.epochs for each in recipes.values())
        shown = stack.enter_context(display.display(display.checked(progress), most, "epoch"))
        names = _checked_names(table, target, drop, text, reading)
        robust = any(each.scaling == ROBUST for each in recipes.values())
        sampled = names if robust else [target] if target_transform == AUTO else []
        look = functools.partial(Survey, table, names, target, text, shown=shown, sampled=sampled)
        meaning = functools.partial(
            encoding_of, target=target, task=task, drop=drop, text=text, keep_all=keep_all, reading=reading,
            test_size=test_size, robust=robust,
        )  # fmt: skip
        found, coding, roles = _surveyed(look, meaning, reading, seed, test_size)
        columns, recipe = found.columns, recipes[coding.target.kind]
        both = prepare(coding.target, columns[target], recipe.clamp_output, target_transform)
        rows, left_out = columns[target].rows - columns[target].missing, columns[target].missing
        if cv:
            check_folds(cv, columns[target], coding, dtype)
        places = [stack.enter_context(Blocks(coding.width, coding.target.outputs, dtype, rows, seed)) for _ in range(3)]
        part, trained_rows = recipe.held_out(rows * (1 - test_size)), TrainedRows()
        _spread(table, coding, dtype, roles(part), places, shown, trained_rows)
        leaks = likely_leaks(coding, *places[TRAINING].sample(LOOKED_AT, seed))
        weights = weights_of(class_weight, coding.target, columns[target].trained_texts, dtype)
        fitting = Fitting(recipe, ensemble, dtype, seed, min_delta, threads, callbacks, weights, shown)
        fit = functools.partial(fitting.fit, time_limit=time_limit and time_limit / (1 + both))
        networks, history, places, more = fitted(fit, coding.target, places, both, time_limit is not None)
        test, scores = scores_of_rows(networks, coding.target, places[TEST]), None
        if cv and (time_limit is not None or not was_interrupted(history)):  # by Ctrl-C
            scores = cross_validated(cv, fitting, coding.target, places, part, time_limit)
        counts = [place.rows for place in places]
    model = TableModel(networks[0], coding, networks[1:], trained_rows)
    notes = [*found.notes, *alike(coding), *more, *_lacking(networks, ensemble), *notes_on(leaks)]
    rows = counts[TRAINING], counts[VALIDATION], left_out
    return TableResult(model, columns, history, *rows, test, notes, leaks, scores)


def _lacking(networks, ensemble):
    """A note, if the time was over before all networks had begun."""
    if len(networks) < ensemble:
        yield f"{len(networks)} of {ensemble} networks have been trained: the others had not begun when it was ended"


def _surveyed(look, meaning, reading, seed, test_size):
    """The Survey, the Encoding that it means, and what rows are for: of classes the same part of each is held out."""
    roles = functools.partial(Roles, seed, test_size)
    found = look(lambda: roles(0), reading)
    coding = meaning(found)
    target = coding.target
    if target.kind == CLASSES and found.columns[target.name].rows <= STRATIFIED:  # chance does it for more
        roles = functools.partial(Strata, seed, test_size, classes=target.texts)
        found = look(lambda: roles(0), coding.reading)
        coding = meaning(found)
    return found, coding, roles


def _names(argument, given):
    """Names of columns, each once; a text is one name."""
    names = [given] if isinstance(given, str) else [*given] if isinstance(given, Iterable) else [None]
    if not all(isinstance(name, str) for name in names):
        raise TypeError(f"{argument} must be names of columns, got {validation.shown(given)}")
    return [*dict.fromkeys(names)]


def _refuse_streams(table):
    if not is_table(table) and (not can_be_read_twice(validation.path("table", table)) or table == STDIN):
        raise TableError(f"{table}: it must be a regular file, because it is read twice: write the table to one first")


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


def _spread(table, encoding, dtype, roles, places, shown, trained_rows):
    """The second pass: the rows as numbers, each to its place."""
    done, found = 0, opened(table, encoding.reading, encoding.texts)
    for block in found.blocks():
        with_target, role = known(block, encoding.target.name), roles.of(block, encoding.target.name)
        rows = block.where(with_target)
        X, d, role = encoding.encode(rows, dtype), encoding.target.encode(rows), role[with_target]
        for number, place in enumerate(places):
            place.add(X[role == number], d[role == number])
        trained_rows.add(X[role != TEST], encoding.target.for_digests(rows, d)[role != TEST])
        done += len(block)
        shown.status(f"read {done:,} rows")
    if places[TRAINING].rows == 0:
        raise TableError(
            f"{found.source}: it must have rows to train with, it has {sum(place.rows for place in places)} in all"
        )
