"""`load`: what a model file holds, as the object that has written it."""

from fastbp.files.safetensors import ModelFile
from fastbp.network import Network


def load(path):
    """Read a network, an estimator or a model of tables from its file.

    Parameters
    ----------
    path : str or path-like
        Written by the method `save`, by `train(..., checkpoint=path)` or by the command `fastbp train`.

    Returns
    -------
    Network, MLPClassifier, MLPRegressor, EnsembleClassifier, EnsembleRegressor, OnlineClassifier, OnlineRegressor or
    TableModel
        Of a checkpoint: the network that the training would have returned.

    Raises
    ------
    ModelFileError
        If the file is damaged, or no model file. Nothing in it is evaluated, and nothing large is allocated before it
        is known to fit the file.
    OSError
        If it cannot be read.
    ImportError
        If it holds an estimator, and scikit-learn is not installed.

    Notes
    -----
    Arrays take at most twice the size of the file. What scikit-learn's estimators keep as Python objects, loss curves
    and the networks of an ensemble, takes more: some kilobytes a network.

    Examples
    --------
    >>> import fastbp, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.safetensors")
    ...     fastbp.Network((2, 3, 1), output="identity").save(path)
    ...     fastbp.load(path).sizes
    (2, 3, 1)
    """
    return restored(ModelFile(path))


def restored(file):
    """What is in a `ModelFile`."""
    if file.kind == "network":
        read = Network._of_record
    elif file.kind == "checkpoint":
        read = _of_checkpoint
    elif file.kind == "checkpoint of many":
        read = _of_checkpoint_of_many
    elif file.kind == "table":
        from fastbp.tables.model import TableModel

        read = TableModel._of_record
    elif file.kind.startswith("online"):
        from fastbp.online.loading import of_record as read
    else:
        from fastbp.estimators import loading  # here, because it imports scikit-learn

        read = loading.READERS[file.kind]
    with file.refusing():
        model = read(file)
        file.done()
    return model


def _of_checkpoint(file):
    """The network; what the training would need besides is left."""
    network = Network._of_record(file)
    file.strings.clear()
    file.arrays.clear()
    return network


def _of_checkpoint_of_many(file):
    raise ValueError("it holds networks of `train_many`, which takes them over with resume=True")
