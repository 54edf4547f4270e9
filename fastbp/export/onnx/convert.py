"""`to_onnx`: models as ONNX models that have been run before they are written.

What is computed: nodes.py; pipelines: pipelines.py; the run: trial.py, with the samples of samples.py.
"""

import sys

import numpy as np

from fastbp import validation
from fastbp.atomic import replacing
from fastbp.export.networks import networks_of
from fastbp.export.onnx import pipelines, trial
from fastbp.export.onnx.nodes import OF_TEXTS, OPSET, estimator_nodes, is_of_several, labels, type_number
from fastbp.export.onnx.samples import rows_of_table, samples_for
from fastbp.export.onnx.tables import table_graph
from fastbp.network import Network
from fastbp.tables.model import TableModel

IR_VERSION = 4  # the first in which constants need not be inputs, too; it is as old as OPSET
NEEDS_ONNX = "fastbp.to_onnx needs onnx: pip install 'fastbp[onnx]'"


def to_onnx(model, path, sample=None):
    """Write a model as an ONNX file: whole, or not at all, and only if it has run and said what the model says.

    Parameters
    ----------
    model : Network, estimator, ensemble, search, sklearn.pipeline.Pipeline or TableModel
        Estimators, ensembles and searches are MLPClassifier, MLPRegressor, EnsembleClassifier, EnsembleRegressor,
        GridSearch, RandomSearch and scikit-learn's own searches over ours, all fitted; of a search it is the
        `best_estimator_`. A pipeline must end with one of these, begin with one matrix of numbers, and have steps that
        skl2onnx can convert.
    path : str or path-like
        Usually ends in ".onnx".
    sample : array-like of shape (samples, inputs), optional
        Samples on which the ONNX model has to say what the model says. By default some are drawn, always the same:
        numbers like those that the first step of a pipeline was fitted with, some of them missing for one that imputes,
        known categories for one that encodes. Those of a TableModel are always drawn.

    Notes
    -----
    The input is "X" [samples, inputs], of float or double as the network is; of a pipeline, too. The outputs:

    - of a network: "Y" [samples, outputs], of its dtype;
    - of a classifier: "label" [samples], texts or int64 (bools are 0 and 1, whole floats are integers), or for several
      labels a sample int64 [samples, labels]; and "probabilities" as `predict_proba` returns them;
    - of a regressor: "variable" [samples, outputs].

    An ensemble is one graph, which averages the outputs of its networks in double; what it returns is of their dtype.

    A TableModel has an input for each column, by its name: double [rows, 1], NaN where a number is missing, or string
    [rows, 1], "" where a text is missing; texts that were not there in training count as rare ones, or as none. Its
    outputs are "label" and "probabilities", or "variable" as double.

    All but pipelines take operator set 9, which any runtime of today reads; pipelines that of skl2onnx.

    What is written has been run by onnxruntime, which the extra `fastbp[onnx]` installs. Without onnxruntime it is run
    by onnx's reference evaluator, which knows operators that others lack; a warning says so.

    Raises
    ------
    NotFittedError
    TypeError
        If the model is something else, its labels are neither numbers nor texts, or the sample is no matrix of numbers.
    ValueError
        If skl2onnx cannot convert the pipeline; if the runtime cannot run a step of it in the network's dtype, or comes
        to something else than the model: the message names the step; if a label does not fit int64, or parameters are
        not finite.
    OSError
        Naming the path, if it cannot be written; what was there before is still there.
    ImportError
        Without onnx, or for a pipeline without skl2onnx.

    Warns
    -----
    RuntimeWarning
        Without onnxruntime.

    Examples
    --------
    >>> import fastbp, pathlib, tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "model.onnx")
    ...     fastbp.to_onnx(fastbp.Network((4, 8, 3)), path)
    ...     path.stat().st_size < 1000
    True
    """
    if isinstance(model, TableModel):
        if sample is not None:
            came = validation.shown(sample)
            raise TypeError(f"sample must be None for a TableModel, which knows its columns, got {came}")
        _require_onnx()
        proto = model_proto(*table_graph(model))
        trial.try_table(proto, model, rows_of_table(model))
    else:
        steps = steps_of(model) or [("", model)]
        last = steps[-1][1]
        networks = networks_of(last)
        if not all(np.isfinite(network.theta).all() for network in networks):
            raise ValueError("model must have finite parameters, got NaN or infinity")
        _require_onnx()
        network = networks[0]
        proto = _of_estimator(last) if len(steps) == 1 else pipelines.proto_of(steps, network.dtype)
        given = samples_for(steps, network) if sample is None else [_checked(sample, steps, network)]
        trial.try_estimator(proto, model, steps, network.dtype, given)
    with replacing(path) as file:
        file.write(proto.SerializeToString())


def steps_of(model, name=""):
    """The steps of a pipeline as a list of (name, step), those of pipelines in it among them; any other model is the
    only one. In the place of a search is what it has found."""
    searches, pipes = (sys.modules.get(f"sklearn.{module}") for module in ("model_selection._search", "pipeline"))
    if searches and isinstance(model, searches.BaseSearchCV):
        return steps_of(_best_of(model), name)
    if pipes and isinstance(model, pipes.Pipeline):
        steps = [(f"{name}__{own}".removeprefix("__"), step) for own, step in model.steps]
        return [inner for own, step in steps if not isinstance(step, str | None) for inner in steps_of(step, own)]
    return [(name, model)]


def _best_of(search):
    from sklearn.utils.validation import check_is_fitted

    if not hasattr(search, "best_estimator_"):
        check_is_fitted(search)
        raise ValueError(f"model must be a search that has a best_estimator_, got one with refit={search.refit!r}")
    return search.best_estimator_


def _checked(sample, steps, network):
    """The sample as it is for the model, and in the network's dtype for the runtime."""
    matrix, columns = validation.real_array("sample", sample), pipelines.inputs_of(steps)
    if matrix.ndim != 2 or not len(matrix) or columns not in (None, matrix.shape[1]):
        raise ValueError(f"sample must have shape (samples, {columns or 'inputs'}), got {matrix.shape}")
    return sample, matrix.astype(network.dtype)


def _require_onnx():
    try:
        import onnx  # noqa: F401
    except ImportError as missing:
        raise ImportError(NEEDS_ONNX) from missing


# ---- Models ----------------------------------------------------------------------------------------------------------


def model_proto(nodes, constants, inputs, outputs):
    """A checked model of nodes.

    Parameters
    ----------
    nodes : list of onnx.NodeProto
    constants : dict of str to ndarray
    inputs, outputs : dict of str to (dtype, list of int or None)
        Their shapes, None for any number.
    """
    from onnx import checker, helper, numpy_helper

    tensors = [numpy_helper.from_array(array, name) for name, array in constants.items()]
    places = [
        [helper.make_tensor_value_info(name, type_number(dtype), shape) for name, (dtype, shape) in infos.items()]
        for infos in (inputs, outputs)
    ]
    graph = helper.make_graph(nodes, "fastbp", *places, tensors)
    opsets = [helper.make_opsetid("", OPSET)]
    if any(node.domain for node in nodes):
        opsets.append(helper.make_opsetid(OF_TEXTS, 1))
    proto = helper.make_model(graph, opset_imports=opsets, ir_version=IR_VERSION, producer_name="fastbp")
    checker.check_model(proto, full_check=True)
    return proto


def _of_estimator(model):
    """The model of a network, an estimator or an ensemble."""
    network = networks_of(model)[0]
    dtype, (inputs, *_, units) = network.dtype, network.sizes
    classes = labels(model.classes_) if hasattr(model, "classes_") else None
    if classes is None:
        outputs = {"Y" if isinstance(model, Network) else "variable": (dtype, [None, units])}
    else:
        label = (np.int64, [None, units]) if is_of_several(model) else (classes.dtype, [None])
        outputs = {"label": label, "probabilities": (dtype, [None, len(classes)])}
    nodes, constants = estimator_nodes(model, classes, "X", "", dtype, [*outputs])
    return model_proto(nodes, constants, {"X": (dtype, [None, inputs])}, outputs)
