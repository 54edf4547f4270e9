"""TableModel: a network, and what it takes to put tables in and get predictions out."""

import collections

import numpy as np

from fastbp import caller
from fastbp.files.safetensors import write
from fastbp.network import Network, outputs
from fastbp.tables.encoding import Encoding
from fastbp.tables.layout import Reading
from fastbp.tables.sources import opened
from fastbp.tables.target import CLASSES
from fastbp.validation import counted, short_list


class TableModel:
    """A network for tables: what the command `fastbp train` makes, and `fastbp.load` reads from its file.

    Parameters
    ----------
    network : Network
    encoding : Encoding
        The columns: `encoding.inputs` and `encoding.target`.

    Attributes
    ----------
    network, encoding : Network, Encoding
        As given.
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

    def __init__(self, network, encoding):
        self.network, self.encoding = network, encoding

    def __repr__(self):
        target, columns = self.encoding.target, sum(column.width > 0 for column in self.encoding.inputs)
        what = f"{len(target.texts)} classes" if target.kind == CLASSES else "a number"
        return f"<TableModel: {target.name!r}, {what}, from {columns} columns by {self.network}>"

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

    def _outputs(self, table, strict):
        """Those of the network for a whole table (rows, outputs)."""
        unseen, (came, more) = None if strict else collections.Counter(), table_for(self, table, strict=strict)
        if more:
            caller.warn(f"{came.source}: the column {short_list(more)} was not there in training, and is not used")
        found = [outputs_of(self, block, unseen) for block in came.blocks()]
        if unseen:
            caller.warn(in_words(self, unseen))
        return np.concatenate(found) if found else np.empty((0, self.network.sizes[-1]), self.network.dtype)

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
        more, others = self.encoding.record()
        write(path, "table", strings | more, arrays | others)

    @classmethod
    def _of_record(cls, file):
        """The model in a `ModelFile`. Raises what its `refusing` expects."""
        network, encoding = Network._of_record(file), Encoding.of_record(file)
        wanted = encoding.width, encoding.target.outputs, "softmax" if encoding.target.kind == CLASSES else "identity"
        if (network.sizes[0], network.sizes[-1], network.output) != wanted:
            raise ValueError(f"its network {network} does not fit its columns, which need {wanted}")
        return cls(network, encoding)


def outputs_of(model, block, unseen=None):
    """The outputs of a TableModel's network for a block (rows, outputs); `unseen` as in Input.encode."""
    X = model.encoding.encode(block, model.network.dtype, unseen)
    X.flags.writeable = False
    return outputs(model.network, X)


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
