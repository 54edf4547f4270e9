"""A model of tables as ONNX: what turns columns into numbers, before its network; and what follows."""

import numpy as np

from fastbp.export.onnx import nodes
from fastbp.tables.encoding import LIMIT, without_dates
from fastbp.tables.target import CLASSES, NUMBER

FAR = 1e30  # clipped numbers beyond it are the limit to the last bit, and squares have room


def table_graph(model):
    """The computation of a TableModel as nodes.

    Numbers come as double [rows, 1], NaN where they are missing; texts as strings [rows, 1], empty where they are
    missing. A text that was not there in training counts as a rare one, if these share an input, or else as none.

    Parameters
    ----------
    model : TableModel

    Returns
    -------
    nodes : list of onnx.NodeProto
    constants : dict of str to ndarray
    inputs, outputs : dict of str to (dtype, list of int or None)
        As `onnx.model_proto` takes them: an input for each column, by its name; "label" and "probabilities", or
        "variable", with "_" behind if a column has that name.
    """
    network, target = model.network, model.encoding.target
    prefix = "fastbp/"
    while any(column.name.startswith(prefix) for column in model.encoding.used):
        prefix += "/"
    graph, parts, inputs = nodes.Nodes(f"{prefix}column_", np.float64), [], {}
    for column in without_dates(model.encoding, "to_onnx"):
        if column.kind == NUMBER:
            inputs[column.name] = np.float64, [None, 1]
            standardised = graph.add("Div", graph.add("Sub", column.name, column.mean), column.deviation)
            standardised = _clipped(graph, standardised) if column.robust else standardised
            missing = graph.add("IsNaN", column.name)
            x = graph.add("Where", missing, 0.0, standardised)
            if column.missing:
                x = graph.add("Concat", x, graph.add("Where", missing, 1.0, 0.0), axis=1)
        else:
            inputs[column.name] = np.dtype(object), [None, 1]
            x = _of_texts(graph, column)
        parts.append(graph.add("Cast", x, to=nodes.type_number(network.dtype)))
    x, last = graph.add("Concat", *parts, axis=1), nodes.Nodes(f"{prefix}target_", np.float64)
    if len(model.networks) > 1:
        more, constants, y = nodes.mean_nodes(model.networks, x, f"{prefix}network_", network.dtype)
        y = last.add("Cast", y, to=nodes.type_number(network.dtype))
    else:
        more, constants, y = nodes.network_nodes(network, x, f"{prefix}network_")
    label, probabilities, variable = (_free(name, inputs) for name in ("label", "probabilities", "variable"))
    if target.kind == CLASSES:
        last.add("Identity", y, output=probabilities)
        last.add("Gather", np.array(target.texts, object), last.add("ArgMax", y, axis=1, keepdims=0), output=label)
        outputs = {
            label: (np.dtype(object), [None]), probabilities: (network.dtype, [None, len(target.texts)])
        }  # fmt: skip
    else:
        *steps, (operator, *constants_) = _steps_to_a_number(target)
        y = last.add("Cast", y, to=nodes.type_number(np.float64))
        for step, *constant in steps:
            y = last.add(step, y, *constant)
        last.add(operator, y, *constants_, output=variable)
        outputs = {variable: (np.float64, [None, 1])}
    return graph.nodes + more + last.nodes, graph.constants | constants | last.constants, inputs, outputs


def _clipped(graph, x):
    """x / sqrt(1 + (x / 3)^2)."""
    x = graph.add("Min", graph.add("Max", x, -FAR), FAR)
    part = graph.add("Div", x, LIMIT)
    return graph.add("Div", x, graph.add("Sqrt", graph.add("Add", 1.0, graph.add("Mul", part, part))))


def _steps_to_a_number(target):
    """Operators, each with its constant if it has one, that make a prediction of an output."""
    of = target.log or target
    steps = [("Mul", of.deviation), ("Add", of.mean)]
    if target.log:
        steps += [("Exp",), ("Mul", target.log.smearing)]
    if target.lowest is not None:
        steps += [("Max", target.lowest), ("Min", target.highest)]
    return steps


def _of_texts(graph, column):
    """1 where each text stands; where there is none, and where another one does, if these have inputs."""
    texts = [*column.texts, ""]
    known = graph.add("OneHotEncoder", column.name, cats_strings=texts, zeros=1, domain=nodes.OF_TEXTS)
    x = graph.add("Reshape", known, np.array([-1, len(texts)], np.int64))
    x = graph.add("Cast", x, to=nodes.type_number(np.float64))
    parts = [graph.add("Gather", x, np.arange(len(column.texts) + column.missing), axis=1)]
    if column.other:
        parts.append(graph.add("Sub", 1.0, graph.add("ReduceSum", x, axes=[1], keepdims=1)))
    return graph.add("Concat", *parts, axis=1)


def _free(name, taken):
    """A name that no column has."""
    while name in taken:
        name += "_"
    return name
