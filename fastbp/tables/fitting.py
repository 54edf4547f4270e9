"""A model from a table: looks at it, decides what its columns mean, shuffles its rows, trains, and scores."""

import contextlib
import difflib
import time
from dataclasses import dataclass

import numpy as np

from fastbp import door
from fastbp.epochs import Epochs
from fastbp.lecture.codes import REPORTED
from fastbp.network import DTYPES, Network, outputs
from fastbp.optimizers import Adam
from fastbp.rates import real_number
from fastbp.tables.blocks import TEST, TRAINING, VALIDATION, Blocks, Roles
from fastbp.tables.encoding import CLASSES, Encoding, input_of, target_of, told
from fastbp.tables.model import TableModel
from fastbp.tables.scores import Scores
from fastbp.tables.sources import STDIN, TableError, can_be_read_twice, opened
from fastbp.tables.survey import surveyed
from fastbp.training import Diverged, History, Watch

OPERATIONS = 1e9  # multiplications of a forward pass between two looks at Ctrl-C: some tenths of a second
HELD_OUT, FEWEST = 0.1, 100  # part of the rows for early stopping, where there are so many rows at least
TASKS = ("classification", "regression")


@dataclass
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
    interrupted : bool
        Whether Ctrl-C has ended the training.

    Examples
    --------
    >>> import fastbp, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "signs.csv")
    ...     _ = path.write_text("x,sign\\n" + "-1,minus\\n1,plus\\n" * 100)
    ...     result = fastbp.train_table(path, "sign", test_size=0.25)
    >>> result.rows, result.validated, result.left_out, *result.test.lines()
    (134, 16, 0, 'accuracy: 100.0% of 50 rows', "baseline: 38.0%, if it were always 'plus', the most frequent class")
    """

    model: TableModel
    columns: dict
    history: History
    rows: int
    validated: int
    left_out: int
    test: Scores
    interrupted: bool


def train_table(
    path, target, *, hidden=(64, 32), activation="relu", task=None, test_size=0.2, drop=(), text=(), delimiter=None,
    epochs=1000, batch_size=32, learning_rate=0.001, patience=20, dtype="float32", seed=0, threads=None, tell=None,
):  # fmt: skip
    """Train a network on a table in a file, which may be larger than the memory.

    The file is read twice: for what is in its columns, and to turn its rows into numbers, which wait for the training
    in temporary files if they are many. Numbers are standardised, a missing one is the mean; each text of a column is
    an input of its own, and so is a missing one.

    Parameters
    ----------
    path : str or path-like
        A CSV file in UTF-8 with the names of the columns in its first line, or a Parquet file.
    target : str
        The column to be predicted. Rows without are left out.
    hidden : sequence of int
        Units of the hidden layers.
    activation : str or sequence of str
        As `hidden` of `Network`.
    task : {"classification", "regression"} or None
        None: a classification, if the target has texts, or at most 20 different whole numbers.
    test_size : float
        Part of the rows that are held out for the test, 0 or more and below 1.
    drop : sequence of str
        Columns to be ignored.
    text : sequence of str
        Columns of numbers that are names: each has an input of its own.
    delimiter : str or None
        Between the cells of a CSV file. None: comma, semicolon, tab or bar, as the first line has it.
    epochs, batch_size, learning_rate, patience
        At most so many passes; the learning rate of Adam. A tenth of the rows, if there are at least 100, is held out:
        when their error has not fallen for `patience` epochs, training ends, and the network has its best parameters.
    dtype : {"float32", "float64"}
    seed : int
        Of the test rows, the first weights and the orders.
    threads : int or None
        As in `train`.
    tell : callable or None
        Called as `tell(what, done)` while the table is read, with "looked at" or "read" and a number of rows, and
        after each epoch with "epoch" and the History.

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
        If the error or a parameter is no longer finite.
    ImportError
        If it is a Parquet file, and pyarrow is not installed.
    OSError
        If the file cannot be read, or there is no room for temporary files.

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
    task = None if task is None else door.choice("task", task, TASKS)
    test_size = real_number("test_size", test_size, lambda x: 0 <= x < 1, "at least 0 and below 1")
    dtype, seed = door.dtype(dtype, DTYPES), door.whole_number("seed", seed, 0)
    how = {
        "epochs": door.whole_number("epochs", epochs, 0), "batch_size": door.whole_number("batch_size", batch_size, 1),
        "patience": door.whole_number("patience", patience, 1), "seed": seed,
        "threads": None if threads is None else door.whole_number("threads", threads, 1),
    }  # fmt: skip
    optimizer, tell = (
        Adam(door.positive_number("learning_rate", learning_rate, dtype)),
        tell or (lambda what, done: None),
    )
    hidden = [door.whole_number(f"hidden[{layer}]", units, 1) for layer, units in enumerate(hidden)]
    Network((1, *hidden, 1), hidden=activation)  # what is wrong with these shows before the file is read
    if not can_be_read_twice(door.path("path", path)) or path == STDIN:
        raise TableError(f"{path}: it must be a regular file, because it is read twice: write the table to one first")
    columns, encoding = _looked_at(path, target, task, test_size, drop, text, delimiter, seed, tell)
    rows, left_out = columns[target].rows - columns[target].missing, columns[target].missing
    output = "softmax" if encoding.target.kind == CLASSES else "identity"
    network = Network(
        (encoding.width, *hidden, encoding.target.outputs), hidden=activation, output=output, dtype=dtype, seed=seed
    )
    with contextlib.ExitStack() as stack:
        places = [
            stack.enter_context(Blocks(encoding.width, encoding.target.outputs, dtype, rows, seed)) for _ in range(3)
        ]
        _spread(path, delimiter, encoding, dtype, Roles(seed, test_size, _held_out(rows, test_size)), places, tell)
        training = _Training(network, encoding.target, places[TRAINING], places[VALIDATION], optimizer)
        interrupted = training.run(tell=tell, **how)
        test = Scores(encoding.target)
        for block in places[TEST].numbers():
            X, d = places[TEST].read(block)
            test.add(outputs(network, X), d)
        counts = [place.rows for place in places]
    return TableResult(
        TableModel(network, encoding), columns, training.history, counts[TRAINING], counts[VALIDATION], left_out, test,
        interrupted,
    )  # fmt: skip


def _held_out(rows, test_size):
    return HELD_OUT if rows * (1 - test_size) >= FEWEST else 0.0


def _looked_at(path, target, task, test_size, drop, text, delimiter, seed, tell):
    """The first pass: what is in the columns, and what they mean."""
    table, drop, text = opened(path, delimiter), [*dict.fromkeys(drop)], [*dict.fromkeys(text)]
    for argument, names in (("target", [target]), ("drop", drop), ("text", text)):
        for name in names:
            if name not in table.names:
                close = difflib.get_close_matches(name, table.names, 1)
                hint = f"did you mean {close[0]!r}?" if close else f"its columns are {told(table.names)}"
                raise TableError(f"{path}: it has no column {name!r} ({argument}); {hint}")
    for argument, names in (("drop", drop), ("text", text)):
        if target in names:
            raise TableError(f"{path}: {argument} must be columns of inputs, {target!r} is the target")
    names = [name for name in table.names if name not in drop]
    columns = surveyed(table, names, target, Roles(seed, test_size, 0), tell)
    found = columns[target]
    if found.trained == 0:
        raise TableError(f"{path}: it must have rows to train with, it has {found.rows} in all (test_size={test_size})")
    try:
        encoding = Encoding([], target_of(found, task), drop)
        encoding.inputs = [input_of(columns[name], name in text) for name in names if name != target]
    except TableError as problem:
        raise problem if str(problem).startswith(str(path)) else TableError(f"{path}: {problem}") from None
    if encoding.width == 0:
        raise TableError(
            f"{path}: it must have columns that differ from row to row, besides the target {target!r} and those that "
            "are left out"
        )
    return columns, encoding


def _spread(path, delimiter, encoding, dtype, roles, places, tell):
    """The second pass: the rows as numbers, each to its place."""
    done = 0
    for block in opened(path, delimiter).blocks():
        X, d, role = encoding.encode(block, dtype), encoding.target.encode(block), roles.take(len(block))
        known = ~np.isnan(d)
        for number, place in enumerate(places):
            here = known & (role == number)
            place.add(X[here], d[here])
        done += len(block)
        tell("read", done)
    if places[TRAINING].rows == 0:
        raise TableError(
            f"{path}: it must have rows to train with, it has {sum(place.rows for place in places)} in all"
        )


class _Training:
    """Epochs over blocks: each block is read, and its rows visited in a new order."""

    def __init__(self, network, target, blocks, validation, optimizer):
        self._network, self._target, self._blocks, self._validation = network, target, blocks, validation
        self._optimizer, self.history = optimizer, History()

    def run(self, epochs, batch_size, patience, seed, threads, tell):
        """Trains the network; whether Ctrl-C has ended it, which is raised if there is nothing yet to be kept."""
        theta, rng = self._network.theta, np.random.default_rng(seed)
        moments = np.zeros((self._optimizer.moments, theta.size), theta.dtype)
        batch_size, kept = min(batch_size, max(self._blocks.counts)), theta.copy()
        watch, settings = Watch(patience, 0.0), self._optimizer.settings()
        self._step, self._rate = 0, self._optimizer.learning_rate
        self._piece = batch_size * max(1, int(OPERATIONS / (theta.size * batch_size)))
        with Epochs(theta, self._network.layers, batch_size, settings, moments, threads=threads) as run:
            try:
                for epoch in range(1, epochs + 1):
                    begin = time.perf_counter()
                    loss = self._pass(run, batch_size, rng)
                    if not (np.isfinite(loss) and np.isfinite(theta).all()):
                        raise Diverged(epoch, self._optimizer, self.history)
                    error = self._error(run) if self._validation.rows else loss
                    better, stop = watch.sees(error)
                    if better:
                        np.copyto(kept, theta)
                    self._note(epoch, loss, error, time.perf_counter() - begin, better)
                    tell("epoch", self.history)
                    if stop:
                        break
            except KeyboardInterrupt:
                if not self.history.loss:
                    raise
                return True
            finally:
                np.copyto(theta, kept)
        return False

    def _note(self, epoch, loss, error, seconds, better):
        """Writes an epoch into the history."""
        history = self.history
        history.loss.append(loss)
        history.seconds.append(seconds)
        if self._validation.rows:
            history.validation_loss.append(error)
        if better:
            history.best_epoch = epoch

    def _pass(self, run, batch_size, rng):
        """A step for each mini-batch; the mean of the errors met on the way. Ctrl-C is seen between pieces."""
        total = 0.0
        for block in self._blocks.numbers(rng):
            data = self._data(self._blocks, block)
            order = rng.permutation(len(data[0]))
            for start in range(0, len(order), self._piece):
                piece = order[start : start + self._piece]
                steps = -(-len(piece) // batch_size)
                rates, report = np.full(steps, self._rate), np.empty((steps, REPORTED))
                total += len(piece) * run.run(*data, piece, rates, self._step, report)
                self._step += steps
        return total / self._blocks.rows

    def _error(self, run):
        """The mean error of the rows that are held out."""
        blocks, total = self._validation, 0.0
        for block in blocks.numbers():
            data = self._data(blocks, block)
            total += len(data[0]) * run.mean_error(*data, np.arange(len(data[0])))
        return total / blocks.rows

    def _data(self, blocks, block):
        """X, D and weights of 1, as the kernels want them."""
        X, d = blocks.read(block)
        if self._target.kind == CLASSES:
            D = np.zeros((len(d), self._target.outputs), X.dtype)
            D[np.arange(len(d)), d.astype(int)] = 1
        else:
            D = d[:, None]
        weight = np.ones(len(d), X.dtype)
        for array in (X, D, weight):
            array.flags.writeable = False
        return X, D, weight
