"""TableModel: a network, and what it takes to put tables in and get predictions out."""

import collections
import copy

import numpy as np

from fastbp import caller
from fastbp.files.safetensors import write
from fastbp.network import Network
from fastbp.tables.cells import known
from fastbp.tables.encoding import Encoding
from fastbp.tables.layout import Reading
from fastbp.tables.mean_outputs import mean_outputs
from fastbp.tables.scores import Scores
from fastbp.tables.sources import opened
from fastbp.tables.target import CLASSES
from fastbp.tables.trained_rows import TrainedRows
from fastbp.validation import counted, short_list


class TableModel:
    """A network for tables: what the command `fastbp train` makes, and `fastbp.load` reads from its file.

    Parameters
    ----------
    network : Network
    encoding : Encoding
        The columns: `encoding.inputs` and `encoding.target`.
    others : sequence of Network
        Of an ensemble those after the first, of its sizes: predictions are made of the mean of the outputs.
    trained_rows : TrainedRows or None
        By which `evaluate` recognises rows of the training; None: it does not.

    Attributes
    ----------
    network, encoding, trained_rows : Network, Encoding, TrainedRows or None
        As given.
    networks : list of Network
        All of them.
    classes : list of str, or None
        For a regression None.

    Examples
    --------
    >>> import fastbp, pathlib, tempfile
    >>> rows = ["size,colour,kind", *["1.5,red,cherry", "9.0,red,apple", "1.7,black,cherry", "8.5,green,apple"] * 10]
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "fruit.csv")
    ...     _ = path.write_text("\\n".join(rows))
    ...     model = fastbp.train_table(path, "kind", seed=1).model
    >>> print(*model.predict({"size": [1.6, 8.8], "colour": ["black", "red"]}))
    cherry apple
    """

    def __init__(self, network, encoding, others=(), trained_rows=None):
        self.network, self.encoding, self.networks = network, encoding, [network, *others]
        self.trained_rows = trained_rows

    def __repr__(self):
        target, columns = self.encoding.target, sum(column.width > 0 for column in self.encoding.inputs)
        what = f"{len(target.texts)} classes" if target.kind == CLASSES else "a number"
        return f"<TableModel: {target.name!r}, {what}, from {columns} columns by {self._networks_in_words()}>"

    def _networks_in_words(self):
        n = len(self.networks)
        return f"the mean of {n} networks, each {self.network}" if n > 1 else str(self.network)

    @property
    def classes(self):
        """The classes in the order of their probabilities, a list of str; None for a regression."""
        return list(self.encoding.target.texts) if self.encoding.target.kind == CLASSES else None

    def predict(self, table, *, strict=False):
        """The class or the number of each row.

        Parameters
        ----------
        table : str, path-like, mapping of names to columns, or data frame
            A file as in `train_table`, which is read as that of the training was; or a table in memory. Missing values
            are None, NaN or empty texts. The target may be there or not.
        strict : bool
            Whether columns and texts that were not there in training are an error. They are not used, but told. Where
            rare texts share an input, new ones have it, too, and are no error.

        Returns
        -------
        ndarray of shape (rows,)
            For classes of objects that are texts, else of float64.

        Raises
        ------
        TableError
            Naming file, line and column, if columns are missing, or a value cannot be understood.

        Warns
        -----
        RuntimeWarning
            If there are columns or texts that were not there in training.

        Examples
        --------
        >>> import fastbp, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "lines.csv")
        ...     _ = path.write_text("x,y\\n" + "".join(f"{x},{2 * x}\\n" for x in range(100)))
        ...     model = fastbp.train_table(path, "y", learning_rate=0.01, seed=1).model
        >>> model.predict({"x": [10, 20, 30]}).round(-1)
        array([20., 40., 60.])
        """
        return self.encoding.target.decode(self._outputs(table, strict))

    def predict_proba(self, table, *, strict=False):
        """The probabilities of the classes.

        Parameters
        ----------
        table, strict : as in `predict`

        Returns
        -------
        ndarray of shape (rows, classes)
            In the order of `classes`.

        Raises
        ------
        TypeError
            If the target is a number.
        TableError
            As in `predict`.

        Examples
        --------
        >>> import fastbp, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "signs.csv")
        ...     _ = path.write_text("x,sign\\n" + "-1,minus\\n1,plus\\n" * 100)
        ...     model = fastbp.train_table(path, "sign").model
        >>> model.classes, model.predict_proba({"x": [-1.0, 1.0]}).round(1).tolist()
        (['minus', 'plus'], [[1.0, 0.0], [0.0, 1.0]])
        """
        if self.classes is None:
            raise TypeError(f"predict_proba needs a model of classes, {self.encoding.target.name!r} is a number")
        return self._outputs(table, strict)

    def evaluate(self, table, *, strict=False):
        """How good the predictions for a table with the target are.

        Parameters
        ----------
        table, strict : as in `predict`
            The target must be there; rows without a value of it are left out.

        Returns
        -------
        Scores
            Its `trained` says how many rows are the same as rows of the training, whose scores tell little of new
            ones.

        Raises
        ------
        TableError
            As in `predict`.

        Warns
        -----
        RuntimeWarning
            As in `predict`.

        Examples
        --------
        >>> import fastbp, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path = pathlib.Path(folder, "lines.csv")
        ...     _ = path.write_text("x,y\\n" + "".join(f"{x},{2 * x}\\n" for x in range(100)))
        ...     model = fastbp.train_table(path, "y", test_size=0.2, learning_rate=0.01, seed=1).model
        ...     scores = model.evaluate(path)
        >>> scores.rows, scores.trained, scores.r2 > 0.9
        (100, 80, True)
        """
        came, unseen = self._opened(table, strict, with_target=True)
        scores = scores_of(self, came.blocks(), unseen)
        if unseen:
            caller.warn(in_words(self, unseen))
        return scores

    def _outputs(self, table, strict):
        """Those of the network for a whole table (rows, outputs)."""
        came, unseen = self._opened(table, strict)
        found = [outputs_of(self, block, unseen) for block in came.blocks()]
        if unseen:
            caller.warn(in_words(self, unseen))
        return np.concatenate(found) if found else np.empty((0, self.network.sizes[-1]), self.network.dtype)

    def _opened(self, table, strict, with_target=False):
        """The table, which fits the model, and the counter of texts that are new, or None; new columns are told."""
        came, more = table_for(self, table, with_target=with_target, strict=strict)
        if more:
            caller.warn(f"{came.source}: the column {short_list(more)} was not there in training, and is not used")
        return came, None if strict else collections.Counter()

    # ---- Files -------------------------------------------------------------------------------------------------------

    def save(self, path):
        """Write the model to a file, from which `fastbp.load` reads it; whole, or not at all.

        Parameters
        ----------
        path : str or path-like

        Raises
        ------
        OSError
            Naming the path, if it cannot be written; what was there before is still there.

        Examples
        --------
        >>> import fastbp, pathlib, tempfile
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     path, model_path = (pathlib.Path(folder, name) for name in ("signs.csv", "model.safetensors"))
        ...     _ = path.write_text("x,sign\\n" + "-1,minus\\n1,plus\\n" * 100)
        ...     fastbp.train_table(path, "sign").model.save(model_path)
        ...     print(*fastbp.load(model_path).predict({"x": [-2.0, 2.0]}))
        minus plus
        """
        strings, arrays = self.network._record()
        if len(self.networks) > 1:
            arrays["theta of others"] = np.stack([network.theta for network in self.networks[1:]])
        parts = [self.encoding] if self.trained_rows is None else [self.encoding, self.trained_rows]
        for more, others in (part.record() for part in parts):
            strings, arrays = strings | more, arrays | others
        write(path, "table", strings, arrays)

    @classmethod
    def _of_record(cls, file):
        """The model in a `ModelFile`. Raises what its `refusing` expects."""
        network, encoding = Network._of_record(file), Encoding.of_record(file)
        wanted = encoding.width, encoding.target.outputs, "softmax" if encoding.target.kind == CLASSES else "identity"
        if (network.sizes[0], network.sizes[-1], network.output) != wanted:
            raise ValueError(f"its network {network} does not fit its columns, which need {wanted}")
        others = []
        if "theta of others" in file.arrays:
            for theta in file.array("theta of others", network.dtype, (None, network.theta.size)):
                others.append(copy.deepcopy(network))
                np.copyto(others[-1].theta, theta)
        if not all(np.isfinite(each.theta).all() for each in (network, *others)):
            raise ValueError("the parameters of its networks must be finite")
        return cls(network, encoding, others, TrainedRows.of_record(file))


def outputs_of(model, block, unseen=None):
    """The outputs of a TableModel's network for a block (rows, outputs); `unseen` as in Input.encode."""
    return mean_outputs(model.networks, _inputs(model, block, unseen))


def scores_of(model, blocks, unseen=None):
    """The Scores of a TableModel for blocks with the target; `unseen` as in Input.encode."""
    target = model.encoding.target
    scores = Scores(target, model.trained_rows)
    for block in blocks:
        with_target = known(block, target.name)
        rows = block.where(with_target)
        X, d = _inputs(model, rows, unseen), target.encode(rows)
        scores.add(mean_outputs(model.networks, X), d)
        scores.familiar.add(X, target.for_digests(rows, d))
        scores.left_out += len(block) - len(rows)
    return scores


def _inputs(model, block, unseen):
    X = model.encoding.encode(block, model.network.dtype, unseen)
    X.flags.writeable = False
    return X


def in_words(model, unseen):
    """What was counted in `unseen`, in words."""
    parts = []
    for column in model.encoding.used:
        words = {word: often for (name, word), often in unseen.items() if name == column.name}
        if words:
            rare = ", or were rare there" * column.other
            parts.append(f"{counted(sum(words.values()), 'row')} of {column.name!r} ({short_list(words, 3)}{rare})")
    return f"texts that were not there in training: {', '.join(parts)}"


def table_for(model, table, reading=Reading(), texts=(), with_target=False, strict=False):
    """A table that fits the model, and the names of its columns that are new.

    It is read as that of the training was, where `reading` says nothing else; `texts` are columns that are wanted as
    they stand.
    """
    encoding = model.encoding
    found = opened(table, reading.or_else(encoding.reading), encoding.texts | {*texts})
    return found, encoding.check(found.source, found.names, with_target, strict)
