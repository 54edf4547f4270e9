"""A model of tables for other programs: what turns columns into numbers, before its network; and what follows."""

import numpy as np

from fastbp.export.c import source
from fastbp.export.onnx import nodes
from fastbp.tables.encoding import CLASSES, NUMBER


def used(model):
    """The columns that the network sees."""
    return [column for column in model.encoding.inputs if column.width]


# ---- ONNX ------------------------------------------------------------------------------------------------------------


def table_graph(model):
    """The computation of a TableModel as nodes.

    Numbers come as double [rows, 1], NaN where they are missing; texts as strings [rows, 1], empty where they are
    missing. A text that was not there in training counts as none of those that were.

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
    while any(column.name.startswith(prefix) for column in used(model)):
        prefix += "/"
    graph, parts, inputs = nodes.Nodes(f"{prefix}column_", np.float64), [], {}
    for column in used(model):
        if column.kind == NUMBER:
            inputs[column.name] = np.float64, [None, 1]
            standardised = graph.add("Div", graph.add("Sub", column.name, column.mean), column.deviation)
            x = graph.add("Where", graph.add("IsNaN", column.name), 0.0, standardised)
        else:
            inputs[column.name] = np.dtype(object), [None, 1]
            texts = [*column.texts, *[""] * column.missing]
            known = graph.add("OneHotEncoder", column.name, cats_strings=texts, zeros=1, domain=nodes.OF_TEXTS)
            x = graph.add("Reshape", known, np.array([-1, len(texts)], np.int64))
        parts.append(graph.add("Cast", x, to=nodes.type_number(network.dtype)))
    more, constants, y = nodes.network_nodes(network, graph.add("Concat", *parts, axis=1), f"{prefix}network_")
    last = nodes.Nodes(f"{prefix}target_", np.float64)
    label, probabilities, variable = (_free(name, inputs) for name in ("label", "probabilities", "variable"))
    if target.kind == CLASSES:
        last.add("Identity", y, output=probabilities)
        last.add("Gather", np.array(target.texts, object), last.add("ArgMax", y, axis=1, keepdims=0), output=label)
        outputs = {
            label: (np.dtype(object), [None]), probabilities: (network.dtype, [None, len(target.texts)])
        }  # fmt: skip
    else:
        y = last.add("Mul", last.add("Cast", y, to=nodes.type_number(np.float64)), target.deviation)
        last.add("Add", y, target.mean, output=variable)
        outputs = {variable: (np.float64, [None, 1])}
    return graph.nodes + more + last.nodes, graph.constants | constants | last.constants, inputs, outputs


def _free(name, taken):
    """A name that no column has."""
    while name in taken:
        name += "_"
    return name


# ---- C ---------------------------------------------------------------------------------------------------------------


def table_text(model, name):
    """The whole C file of a TableModel.

    Parameters
    ----------
    model : TableModel
    name : str
        Of the function.
    """
    network, target, columns, real = model.network, model.encoding.target, used(model), source.c_type(model.network)
    of_classes = target.kind == CLASSES
    types = "double", real if of_classes else "double"  # a number may need more digits than its network
    text = source.opening(network, _meaning(model), name, len(columns), types)
    text += source.network_text(network, f"{name}_network")
    lines, at = [], 0
    for place, column in enumerate(columns):
        if column.kind == NUMBER:
            mean, deviation = column.mean.hex(), column.deviation.hex()
            lines.append(f"v[{at}] = x[{place}] == x[{place}] ? ({real})((x[{place}] - {mean}) / {deviation}) : 0;")
        else:
            lines.append(f"for (int i = 0; i < {column.width}; i++)")
            lines.append(f"    v[{at} + i] = x[{place}] == i;")
        at += column.width
    if of_classes:
        declared, end = f"{real} v[{at}];", [f"{name}_network(v, y);"]
    else:
        declared = f"{real} v[{at}], u;"
        end = [f"{name}_network(v, &u);", f"y[0] = (double)u * {target.deviation.hex()} + {target.mean.hex()};"]
    body = "\n".join(f"    {line}" for line in [declared, *lines, *end])
    return f"{text}void {name}(const double *x, {types[1]} *y)\n{{\n{body}\n}}\n{source.CLOSING}"


def _meaning(model):
    """Paragraphs for the comment: what each x and y is."""
    target = model.encoding.target
    for place, column in enumerate(used(model)):
        if column.kind == NUMBER:
            yield f"x[{place}]: {column.name!a}, a number, NaN where it is missing."
        else:
            texts = [f"{number} for {text!a}" for number, text in enumerate(column.texts)]
            texts += [f"{len(column.texts)} where it is missing"] * column.missing
            yield f"x[{place}]: {column.name!a}, {', '.join(texts)}; -1 for any other text."
    if target.kind == CLASSES:
        yield f"y: the probabilities of the classes of {target.name!a}, {', '.join(map(ascii, target.texts))}."
    else:
        yield f"y[0]: {target.name!a}."
