"""`to_onnx`: networks, estimators and pipelines as ONNX models. What is computed: nodes.py."""

import sys

import numpy as np

from fastbp.atomic import replacing
from fastbp.export.networks import network_of
from fastbp.export.onnx.nodes import OF_TEXTS, OPSET, label_nodes, labels, network_nodes, type_number
from fastbp.export.onnx.tables import table_graph
from fastbp.network import Network
from fastbp.tables.model import TableModel

IR_VERSION = 4  # the first in which constants need not be inputs, too; it is as old as OPSET
NEEDS_ONNX = "fastbp.to_onnx needs onnx: pip install 'fastbp[onnx]'"
NEEDS_SKL2ONNX = "fastbp.to_onnx needs skl2onnx for a Pipeline: pip install 'fastbp[onnx]'"


def to_onnx(model, path):
    """Write a model as an ONNX file: whole, or not at all.

    Parameters
    ----------
    model : Network, MLPClassifier, MLPRegressor, TableModel or sklearn.pipeline.Pipeline
        Estimators and pipelines fitted; a pipeline must end with one of ours, begin with one matrix of numbers, and
        have steps that skl2onnx can convert.
    path : str or path-like
        Usually ends in ".onnx".

    Notes
    -----
    The input is "X" [samples, inputs], of float or double as the network is; of a pipeline, too. The outputs:

    - of a network: "Y" [samples, outputs], of its dtype;
    - of a classifier: "label" [samples], texts or int64 (bools are 0 and 1, whole floats are integers), or for several
      labels a sample int64 [samples, labels]; and "probabilities" as `predict_proba` returns them;
    - of a regressor: "variable" [samples, outputs].

    A TableModel has an input for each column, by its name: double [rows, 1], NaN where a number is missing, or string
    [rows, 1], "" where a text is missing; texts that were not there in training count as none of those that were. Its
    outputs are "label" and "probabilities", or "variable" as double.

    Networks and estimators take operator set 9, which any runtime of today reads; pipelines that of skl2onnx.

    Raises
    ------
    NotFittedError
    TypeError
        If the model is something else, or its labels are neither numbers nor texts.
    ValueError
        If skl2onnx cannot convert the pipeline, or a label does not fit int64.
    OSError
        Naming the path, if it cannot be written; what was there before is still there.
    ImportError
        Without onnx, or for a pipeline without skl2onnx.

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
        _require_onnx()
        proto = model_proto(*table_graph(model))
    else:
        network = network_of(_last_step(model))
        _require_onnx()
        proto = _of_network(network, model) if _last_step(model) is model else _of_pipeline(model, network)
    with replacing(path) as file:
        file.write(proto.SerializeToString())


def _last_step(model):
    """The last step of a pipeline; anything else as it is."""
    if "sklearn.pipeline" in sys.modules:
        from sklearn.pipeline import Pipeline

        while isinstance(model, Pipeline) and model.steps:
            model = model.steps[-1][1]
    return model


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


def _of_network(network, model):
    """The model of a network, or of the estimator around it."""
    dtype, (inputs, *_, units) = network.dtype, network.sizes
    nodes, constants, y = network_nodes(network, "X", "")
    if hasattr(model, "classes_"):
        classes, several = labels(model.classes_), is_of_several(model)
        more, others = label_nodes(classes, several, y, "label_", dtype, ("label", "probabilities"))
        nodes, constants = nodes + more, constants | others
        label = (np.int64, [None, units]) if several else (classes.dtype, [None])
        outputs = {"label": label, "probabilities": (dtype, [None, len(classes)])}
    else:
        name = "Y" if isinstance(model, Network) else "variable"
        nodes[-1].output[0] = name
        outputs = {name: (dtype, [None, units])}
    return model_proto(nodes, constants, {"X": (dtype, [None, inputs])}, outputs)


def is_of_several(model):
    """Whether a classifier gives a sample several labels."""
    return model._label_binarizer.y_type_ == "multilabel-indicator"


# ---- skl2onnx --------------------------------------------------------------------------------------------------------


def register_converters():
    """Teach skl2onnx our MLPClassifier and MLPRegressor, wherever in a model it meets them.

    The options are those that it has for scikit-learn's own: for classifiers "zipmap", "nocl" and
    "output_class_labels". As there, a network computes in the dtype of its input.

    Raises
    ------
    ImportError
        Without skl2onnx.

    Examples
    --------
    >>> import fastbp, numpy as np, skl2onnx
    >>> from fastbp.export.onnx.convert import register_converters
    >>> model = fastbp.MLPRegressor(solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> register_converters()
    >>> [output.name for output in skl2onnx.to_onnx(model, np.zeros((1, 1), np.float32)).graph.output]
    ['variable']
    """
    try:
        from skl2onnx import update_registered_converter
    except ImportError as missing:
        raise ImportError(NEEDS_SKL2ONNX) from missing
    from fastbp.estimators.mlp.classifier import MLPClassifier
    from fastbp.estimators.mlp.regressor import MLPRegressor

    options = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [True, False]}
    update_registered_converter(
        MLPClassifier, "FastbpMLPClassifier", _classifier_shapes, _convert_classifier, options=options
    )
    update_registered_converter(MLPRegressor, "FastbpMLPRegressor", _regressor_shapes, _convert_regressor)


def _of_pipeline(pipeline, network):
    register_converters()
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kind = FloatTensorType if network.dtype == np.float32 else DoubleTensorType
    inputs, last = [("X", kind([None, getattr(pipeline, "n_features_in_", None)]))], _last_step(pipeline)
    options = {id(last): {"zipmap": False}} if hasattr(last, "classes_") else None
    try:
        return convert_sklearn(pipeline, "fastbp", inputs, options=options)
    except Exception as problem:  # of any kind: there is no class for all of them
        raise ValueError(
            "model must be a pipeline that skl2onnx can convert for one matrix of numbers (for others call "
            f"fastbp.export.onnx.convert.register_converters() and skl2onnx yourself); it says: {problem}"
        ) from problem


def _classes(scope, model):
    """The labels, or their numbers with the option "nocl"."""
    from skl2onnx.common.utils_classifier import get_label_classes

    return labels(get_label_classes(scope, model))


def _classifier_shapes(operator):
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType
    from skl2onnx.common.utils import check_input_and_output_numbers

    check_input_and_output_numbers(operator, input_count_range=1, output_count_range=2)
    model, samples = operator.raw_operator, operator.inputs[0].get_first_dimension()
    classes = _classes(operator.scope_inst, model)
    kind = StringTensorType if classes.dtype == object else Int64TensorType
    operator.outputs[0].set_type(kind([samples, len(classes)] if is_of_several(model) else [samples]))
    operator.outputs[1].type.shape = [samples, len(classes)]


def _regressor_shapes(operator):
    from skl2onnx.common.utils import check_input_and_output_numbers

    check_input_and_output_numbers(operator, input_count_range=1, output_count_range=1)
    samples = operator.inputs[0].get_first_dimension()
    operator.outputs[0].type.shape = [samples, operator.raw_operator.n_outputs_]


def _convert_classifier(scope, operator, container):
    model, prefix = operator.raw_operator, scope.get_unique_variable_name("fastbp_")
    dtype, y = _add_network(operator, container, prefix)
    outputs = tuple(output.full_name for output in operator.outputs)
    _add(container, *label_nodes(_classes(scope, model), is_of_several(model), y, f"{prefix}label_", dtype, outputs))


def _convert_regressor(scope, operator, container):
    _, y = _add_network(operator, container, scope.get_unique_variable_name("fastbp_"))
    container.add_node("Identity", y, operator.outputs[0].full_name)


def _add_network(operator, container, prefix):
    """The network of an estimator; the dtype in which it computes, and the name of its outputs."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    source, kind = operator.inputs[0].full_name, operator.inputs[0].type
    dtype = np.dtype(np.float64 if isinstance(kind, DoubleTensorType) else np.float32)
    if not isinstance(kind, DoubleTensorType | FloatTensorType):
        container.add_node("Cast", source, f"{prefix}cast", to=type_number(dtype))
        source = f"{prefix}cast"
    nodes, constants, y = network_nodes(operator.raw_operator._net(), source, prefix, dtype)
    _add(container, nodes, constants)
    return dtype, y


def _add(container, nodes, constants):
    """Nodes and constants as skl2onnx takes them."""
    from onnx.helper import get_attribute_value

    for name, array in constants.items():
        container.add_initializer(name, type_number(array.dtype), list(array.shape), array.ravel().tolist())
    for node in nodes:
        attributes = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
        container.add_node(node.op_type, list(node.input), list(node.output), name=node.name, **attributes)
