"""Pipelines as ONNX models, by skl2onnx.

It learns here what our estimators are, and how two of scikit-learn's steps are written so that they run in float64.
"""

import numbers

import numpy as np

from fastbp.export.networks import is_ours
from fastbp.export.onnx.nodes import Nodes, estimator_nodes, is_of_several, labels, type_number

NEEDS_SKL2ONNX = "fastbp.to_onnx needs skl2onnx for a Pipeline: pip install 'fastbp[onnx]'"


def proto_of(steps, dtype):
    """The model of some steps of a pipeline, whose input "X" has that dtype.

    Parameters
    ----------
    steps : list of (str, estimator)
        Fitted, as `convert.steps_of` has them; with our estimator at the end or without it.
    dtype : dtype

    Raises
    ------
    ValueError
        If skl2onnx cannot convert them, naming the first step of which that is so, and what to do.
    """
    register_converters()
    try:
        return _converted(steps, dtype)
    except Exception as problem:  # of any kind: there is no class for all of them
        name, step = next((some[-1] for some in _beginnings(steps) if not _is_converted(some, dtype)), steps[-1])
        remedy = "replace the step"
        if dtype == np.float64 and _is_converted(steps, np.float32):
            remedy = f'give the network dtype="float32", or {remedy}'
        raise ValueError(
            "model must be a pipeline that skl2onnx can convert for one matrix of numbers (for others call "
            "fastbp.export.onnx.pipelines.register_converters() and skl2onnx yourself), got the step "
            f"{name!r}, {type(step).__name__}, in {np.dtype(dtype)}: {remedy}; it says: {problem}"
        ) from problem


def _beginnings(steps):
    """The first step, the first two, and so on."""
    return [steps[:number] for number in range(1, len(steps) + 1)]


def _is_converted(steps, dtype):
    try:
        _converted(steps, dtype)
    except Exception:
        return False
    return True


def _converted(steps, dtype):
    from skl2onnx import convert_sklearn
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType
    from skl2onnx.sklapi import CastTransformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import Pipeline
    from sklearn.preprocessing import PolynomialFeatures

    kind, last = FloatTensorType if dtype == np.float32 else DoubleTensorType, steps[-1][1]
    if is_ours(last):  # encoders, for example, come to float32
        steps = [*steps[:-1], ("cast", CastTransformer(dtype=dtype)), steps[-1]]
    return convert_sklearn(
        Pipeline(steps),
        "fastbp",
        [("X", kind([None, inputs_of(steps)]))],
        options={id(last): {"zipmap": False}} if hasattr(last, "classes_") else None,
        custom_conversion_functions={SimpleImputer: _convert_imputer, PolynomialFeatures: _convert_polynomial},
        custom_shape_calculators={SimpleImputer: _imputer_shapes},
    )


def inputs_of(steps):
    """The columns that the first step takes, or None if it does not say."""
    return getattr(steps[0][1], "n_features_in_", None)


# ---- Our estimators --------------------------------------------------------------------------------------------------


def register_converters():
    """Teach skl2onnx our estimators and ensembles, wherever in a model it meets them.

    The options are those that it has for scikit-learn's own: for classifiers "zipmap", "nocl" and
    "output_class_labels". As there, a network computes in the dtype of its input.

    Raises
    ------
    ImportError
        Without skl2onnx.

    Examples
    --------
    >>> import fastbp, numpy as np, skl2onnx
    >>> from fastbp.export.onnx.pipelines import register_converters
    >>> model = fastbp.MLPRegressor(solver="lbfgs", random_state=0).fit([[0.0], [1.0], [2.0]], [1.0, 3.0, 5.0])
    >>> register_converters()
    >>> [output.name for output in skl2onnx.to_onnx(model, np.zeros((1, 1), np.float32)).graph.output]
    ['variable']
    """
    try:
        from skl2onnx import update_registered_converter
    except ImportError as missing:
        raise ImportError(NEEDS_SKL2ONNX) from missing
    from fastbp.estimators.ensemble.ensembles import EnsembleClassifier, EnsembleRegressor
    from fastbp.estimators.mlp.classifier import MLPClassifier
    from fastbp.estimators.mlp.regressor import MLPRegressor

    options = {"zipmap": [True, False, "columns"], "output_class_labels": [False, True], "nocl": [True, False]}
    for kind in (MLPClassifier, EnsembleClassifier):
        update_registered_converter(
            kind, f"Fastbp{kind.__name__}", _classifier_shapes, _convert_estimator, options=options
        )
    for kind in (MLPRegressor, EnsembleRegressor):
        update_registered_converter(kind, f"Fastbp{kind.__name__}", _regressor_shapes, _convert_estimator)


def _classes(scope, model):
    """The labels, or their numbers with the option "nocl"; None of a regressor."""
    from skl2onnx.common.utils_classifier import get_label_classes

    return labels(get_label_classes(scope, model)) if hasattr(model, "classes_") else None


def _classifier_shapes(operator):
    from skl2onnx.common.data_types import Int64TensorType, StringTensorType
    from skl2onnx.common.utils import check_input_and_output_numbers

    check_input_and_output_numbers(operator, input_count_range=1, output_count_range=2)
    model, samples = operator.raw_operator, operator.inputs[0].get_first_dimension()
    classes = _classes(operator.scope_inst, model)
    kind = StringTensorType if classes.dtype == object else Int64TensorType
    operator.outputs[0].set_type(kind([samples, len(classes)] if is_of_several(model) else [samples]))
    operator.outputs[1].set_type(_kind_of(operator)([samples, len(classes)]))


def _regressor_shapes(operator):
    from skl2onnx.common.utils import check_input_and_output_numbers

    check_input_and_output_numbers(operator, input_count_range=1, output_count_range=1)
    samples = operator.inputs[0].get_first_dimension()
    operator.outputs[0].set_type(_kind_of(operator)([samples, operator.raw_operator.n_outputs_]))


def _convert_estimator(scope, operator, container):
    model, source, prefix = operator.raw_operator, operator.inputs[0].full_name, _prefix(scope)
    dtype = _dtype_of(operator)
    if dtype is None:  # whole numbers, as skl2onnx has it for scikit-learn's own networks
        dtype = np.dtype(np.float32)
        container.add_node("Cast", source, f"{prefix}cast", to=type_number(dtype))
        source = f"{prefix}cast"
    outputs = [output.full_name for output in operator.outputs]
    _add(container, *estimator_nodes(model, _classes(scope, model), source, prefix, dtype, outputs))


# ---- Steps of scikit-learn's that skl2onnx writes in operators without a kernel for double ---------------------------


def _convert_imputer(scope, operator, container):
    """SimpleImputer by Where; skl2onnx has the operator Imputer."""
    model, dtype = operator.raw_operator, _dtype_of(operator)
    if dtype is None or len(operator.inputs) > 1 or not isinstance(model.missing_values, numbers.Real):
        _by_skl2onnx(scope, operator, container)
        return
    graph, source = Nodes(_prefix(scope), dtype), operator.inputs[0].full_name
    if np.isnan(model.missing_values):
        missing = graph.add("IsNaN", source)
    else:
        missing = graph.add("Equal", source, float(model.missing_values))
    values, kept = _imputed(model)
    y = graph.add("Where", missing, values.astype(dtype), source)
    if len(kept) < len(values):
        y = graph.add("Gather", y, kept, axis=1)
    if model.indicator_ is not None:
        shown = graph.add("Gather", missing, model.indicator_.features_.astype(np.int64), axis=1)
        y = graph.add("Concat", y, graph.add("Cast", shown, to=type_number(dtype)), axis=1)
    graph.add("Identity", y, output=operator.outputs[0].full_name)
    _add(container, graph.nodes, graph.constants)


def _imputed(model):
    """What a SimpleImputer puts into each column, and the columns that it keeps: not those it knows nothing of."""
    values = model.statistics_.astype(np.float64)
    return values, np.flatnonzero(~np.isnan(values)).astype(np.int64)


def _imputer_shapes(operator):
    from skl2onnx.common._registration import get_shape_calculator

    get_shape_calculator(operator.type)(operator)
    model = operator.raw_operator
    if _dtype_of(operator) is not None:
        shown = 0 if model.indicator_ is None else len(model.indicator_.features_)
        operator.outputs[0].type.shape[1] = len(_imputed(model)[1]) + shown


def _convert_polynomial(scope, operator, container):
    """PolynomialFeatures as products of columns, one factor of all of them after the other; skl2onnx has ReduceProd."""
    dtype = _dtype_of(operator)
    if dtype is None:
        _by_skl2onnx(scope, operator, container)
        return
    graph, source, y = Nodes(_prefix(scope), dtype), operator.inputs[0].full_name, None
    columns = [np.repeat(np.arange(len(powers)), powers) for powers in operator.raw_operator.powers_]
    for number in range(max(1, *map(len, columns))):
        at = np.array([column[number] if number < len(column) else -1 for column in columns], np.int64)
        factor = graph.add("Gather", source, np.maximum(at, 0), axis=1)
        if (at < 0).any():
            factor = graph.add("Where", at < 0, 1.0, factor)
        y = factor if y is None else graph.add("Mul", y, factor)
    graph.add("Identity", y, output=operator.outputs[0].full_name)
    _add(container, graph.nodes, graph.constants)


def _by_skl2onnx(scope, operator, container):
    from skl2onnx.common._registration import get_converter

    get_converter(operator.type)(scope, operator, container)


# ---- What converters have in common ----------------------------------------------------------------------------------


def _prefix(scope):
    """With which the names of an operator begin, and those of no other."""
    return scope.get_unique_variable_name("fastbp_")


def _dtype_of(operator):
    """float32 or float64 as the input of an operator is; None for any other."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    kind = operator.inputs[0].type
    if isinstance(kind, DoubleTensorType):
        return np.dtype(np.float64)
    return np.dtype(np.float32) if isinstance(kind, FloatTensorType) else None


def _kind_of(operator):
    """skl2onnx's type of what a network comes to."""
    from skl2onnx.common.data_types import DoubleTensorType, FloatTensorType

    return DoubleTensorType if _dtype_of(operator) == np.float64 else FloatTensorType


def _add(container, nodes, constants):
    """Nodes and constants as skl2onnx takes them."""
    from onnx.helper import get_attribute_value

    for name, array in constants.items():
        container.add_initializer(name, type_number(array.dtype), list(array.shape), array.ravel().tolist())
    for node in nodes:
        attributes = {attribute.name: get_attribute_value(attribute) for attribute in node.attribute}
        container.add_node(node.op_type, list(node.input), list(node.output), name=node.name, **attributes)
