"""A network, the mean of an ensemble, and the labels that a classifier makes of them, as the nodes of an ONNX graph.

The formulas are those of `fastbp/lecture/loops/activations.py`, in operators for which onnxruntime has kernels of both
dtypes, and in a form that keeps the digits and makes no NaN of a finite u. What is made of the nodes: convert.py.
"""

import numpy as np

from fastbp import validation
from fastbp.export.networks import is_ensemble, networks_of
from fastbp.lecture.matrix.activations import GELU_CUBIC, GELU_SCALE, SELU_FLOOR, SELU_SCALE, SLOPE

OPSET = 9  # the nodes mean the same in all later ones
OF_TEXTS = "ai.onnx.ml"  # the domain of operators that take texts


class Nodes:
    """Nodes of a graph in the order in which they are computed, and the constants among their inputs.

    Attributes
    ----------
    nodes : list of onnx.NodeProto
    constants : dict of str to ndarray
    """

    def __init__(self, prefix, dtype):
        self._prefix, self._dtype = prefix, np.dtype(dtype)
        self.nodes, self.constants = [], {}

    def add(self, operator, *inputs, output=None, **attributes):
        """A node; the name of its output. Inputs are names, arrays, or floats, which get the dtype of the graph."""
        from onnx.helper import make_node

        names = [value if isinstance(value, str) else self._constant(value) for value in inputs]
        output = output or f"{self._prefix}{operator.lower()}{len(self.nodes)}"
        self.nodes.append(make_node(operator, names, [output], name=f"{output}_node", **attributes))
        return output

    def _constant(self, value):
        array = np.asarray(value, self._dtype if isinstance(value, float) else None)
        name = f"{self._prefix}constant{len(self.constants)}"
        self.constants[name] = array
        return name


def _relu(add, u):
    return add("Relu", u)


def _leaky_relu(add, u):
    return add("Max", u, add("Mul", u, SLOPE))


def _below(add, u):
    """exp(v) - 1, v = min(u, 0): as 2 t / (1 - t), t = tanh(v / 2), which is precise near 0."""
    t = add("Tanh", add("Mul", add("Min", u, 0.0), 0.5))
    return add("Div", add("Add", t, t), add("Sub", 1.0, t))


def _elu(add, u):
    return add("Add", add("Max", u, 0.0), _below(add, u))


def _selu(add, u):
    return add("Add", add("Mul", add("Max", u, 0.0), SELU_SCALE), add("Mul", _below(add, u), SELU_FLOOR))


def _softplus(add, u):
    """max(u, 0) + ln(1 + e), e = exp(-abs(u)).

    What the sum w = 1 + e has lost of e comes back as (e - (w - 1)) / w, the next term of the series of ln.
    """
    e = add("Exp", add("Neg", add("Abs", u)))
    w = add("Add", 1.0, e)
    lost = add("Div", add("Sub", e, add("Sub", w, 1.0)), w)
    return add("Add", add("Max", u, 0.0), add("Add", add("Log", w), lost))


def _gated(add, numerator, minus_v):
    """numerator / (1 + exp(-v)): where the exponential is infinite, this is 0."""
    return add("Div", numerator, add("Add", 1.0, add("Exp", minus_v)))


def _sigmoid(add, u):
    """Not the operator Sigmoid, of which onnxruntime's kernels give 0 from about u = -18."""
    return _gated(add, 1.0, add("Neg", u))


def _silu(add, u):
    return _gated(add, u, add("Neg", u))


def _gelu(add, u):
    """u / (1 + exp(-2 z)), z = sqrt(2 / pi) (u + 0.044715 u^3), for 1/2 (1 + tanh z) is a sigmoid of 2 z."""
    square = add("Mul", u, u)
    return _gated(add, u, add("Mul", u, add("Add", -2 * GELU_SCALE, add("Mul", square, -2 * GELU_SCALE * GELU_CUBIC))))


def _mish(add, u):
    """u n / (n + 2), n = e (e + 2), e = exp(u): beyond 22 the fraction is 1, and n could overflow."""
    e = add("Exp", add("Min", u, 22.0))
    n = add("Mul", e, add("Add", e, 2.0))
    return add("Mul", u, add("Div", n, add("Add", n, 2.0)))


ACTIVATIONS = {
    "identity": lambda add, u: u,
    "relu": _relu,
    "leaky_relu": _leaky_relu,
    "elu": _elu,
    "selu": _selu,
    "softplus": _softplus,
    "silu": _silu,
    "gelu": _gelu,
    "mish": _mish,
    "tanh": lambda add, u: add("Tanh", u),
    "sigmoid": _sigmoid,
    "softmax": lambda add, u: add("Softmax", u, axis=1),
    "exponential": lambda add, u: add("Exp", u),
}


def network_nodes(network, source, prefix, dtype=None):
    """The computation of a network as nodes.

    Parameters
    ----------
    network : Network
    source : str
        Name of its input, a tensor [samples, inputs] of the dtype.
    prefix : str
        With which all names begin that are made here.
    dtype : dtype, optional
        To compute in another one than the network's.

    Returns
    -------
    nodes : list of onnx.NodeProto
        For any operator set from OPSET on.
    constants : dict of str to ndarray
    output : str
        Name of the last node's output, a tensor [samples, outputs].
    """
    dtype = network.dtype if dtype is None else dtype
    graph, y = Nodes(prefix, dtype), source
    for layer, (w, b, activation) in enumerate(zip(network.W, network.B, network.activations, strict=True)):
        names = f"{prefix}W{layer}", f"{prefix}B{layer}"
        graph.constants.update(zip(names, (w.astype(dtype), b.astype(dtype)), strict=True))
        y = ACTIVATIONS[activation](graph.add, graph.add("Gemm", y, *names, transB=1))
    return graph.nodes, graph.constants, y


def mean_nodes(networks, source, prefix, dtype):
    """The mean of the outputs of several networks as nodes, in float64, in which an ensemble computes it.

    Parameters, and what is returned, are those of `network_nodes`; the networks compute in the dtype.
    """
    nodes, constants, parts = [], {}, []
    last = Nodes(f"{prefix}mean_", np.float64)
    for number, network in enumerate(networks):
        more, others, y = network_nodes(network, source, f"{prefix}network{number}_", dtype)
        nodes += more
        constants |= others
        parts.append(y if np.dtype(dtype) == np.float64 else last.add("Cast", y, to=type_number(np.float64)))
    mean = last.add("Div", last.add("Sum", *parts), float(len(networks)))
    return nodes + last.nodes, constants | last.constants, mean


def estimator_nodes(model, classes, source, prefix, dtype, outputs):
    """What a fitted estimator or ensemble predicts, as nodes.

    Parameters
    ----------
    model : Network, MLPClassifier, MLPRegressor, EnsembleClassifier or EnsembleRegressor
    classes : ndarray or None
        Of a classifier its labels, as `labels` has them.
    source, prefix : str
        As in `network_nodes`.
    dtype : dtype
        In which the networks compute, and of the last output.
    outputs : sequence of str
        Names of the labels and of the probabilities, or of the outputs alone.

    Returns
    -------
    nodes : list of onnx.NodeProto
    constants : dict of str to ndarray
    """
    networks, (*label, last) = networks_of(model), outputs
    if is_ensemble(model):
        nodes, constants, y = mean_nodes(networks, source, prefix, dtype)
    else:
        nodes, constants, y = network_nodes(networks[0], source, prefix, dtype)
    computed = np.dtype(np.float64 if is_ensemble(model) else dtype)
    predicted = last if computed == dtype else f"{prefix}double"
    if classes is None:
        nodes[-1].output[0] = predicted
    else:
        several = is_of_several(model)
        more, others = label_nodes(classes, several, y, f"{prefix}label_", computed, (*label, predicted))
        nodes += more
        constants |= others
    if predicted != last:
        cast = Nodes(f"{prefix}cast_", dtype)
        cast.add("Cast", predicted, output=last, to=type_number(dtype))
        nodes += cast.nodes
    return nodes, constants


def label_nodes(classes, several, y, prefix, dtype, outputs):
    """What a classifier makes of the outputs of its network, as nodes.

    Parameters
    ----------
    classes : ndarray
        The labels, of int64 or of texts.
    several : bool
        Whether a sample has several labels.
    y : str
        Name of the network's outputs.
    prefix : str
        With which all names begin that are made here.
    dtype : dtype
        Of the network's outputs.
    outputs : tuple of str
        Names of the labels and of the probabilities.

    Returns
    -------
    nodes : list of onnx.NodeProto
    constants : dict of str to ndarray
    """
    from onnx.numpy_helper import from_array

    graph, (label, probabilities) = Nodes(prefix, dtype), outputs
    if several:
        graph.add("Identity", y, output=probabilities)
        graph.add("Cast", graph.add("Greater", y, 0.5), output=label, to=type_number(np.int64))
        return graph.nodes, graph.constants
    if len(classes) == 1:  # whatever the network says
        one = from_array(np.ones(1, dtype))
        graph.add("ConstantOfShape", graph.add("Shape", y), output=probabilities, value=one)
    elif len(classes) == 2:
        graph.add("Concat", graph.add("Sub", 1.0, y), y, output=probabilities, axis=1)
    else:
        graph.add("Identity", y, output=probabilities)
    best = graph.add("ArgMax", probabilities, axis=1, keepdims=0)
    graph.add("Gather", classes, best, output=label)
    return graph.nodes, graph.constants


def is_of_several(model):
    """Whether a classifier, or an ensemble of them, gives a sample several labels."""
    one = model.estimators_[0] if is_ensemble(model) else model
    return one._label_binarizer.y_type_ == "multilabel-indicator"


def type_number(dtype):
    """ONNX's number of a dtype; objects are texts."""
    from onnx import TensorProto, helper

    return TensorProto.STRING if np.dtype(dtype).kind == "O" else helper.np_dtype_to_tensor_dtype(np.dtype(dtype))


def labels(classes):
    """The labels of a classifier as ONNX can hold them: int64, or an array of objects that are texts."""
    if classes.dtype.kind in "biuf":  # scikit-learn takes only those floats that are whole
        numbers = classes.astype(np.int64)
        if (numbers != classes).any():
            raise ValueError(f"model must have labels that fit int64, got {validation.shown(classes)}")
        return numbers
    if all(isinstance(label, str) for label in classes):
        return classes.astype(object)
    raise TypeError(f"model must have labels that are numbers or texts, got {validation.shown(classes)}")
