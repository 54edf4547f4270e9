"""A model of tables as C: what turns columns into numbers, before its network; and what follows."""

from fastbp.export.c import source
from fastbp.tables.encoding import CLASSES, NUMBER, without_dates


def table_text(model, name):
    """The whole C file of a TableModel.

    Parameters
    ----------
    model : TableModel
    name : str
        Of the function.
    """
    network, target, columns, real = (
        model.network,
        model.encoding.target,
        without_dates(model.encoding, "to_c"),
        source.c_type(model.network),
    )
    of_classes = target.kind == CLASSES
    types = "double", real if of_classes else "double"  # a number may need more digits than its network
    text = source.opening(network, _meaning(model), name, len(columns), types)
    text += source.network_text(network, f"{name}_network")
    lines, at = [], 0
    for place, column in enumerate(columns):
        if column.kind == NUMBER:
            mean, deviation = column.mean.hex(), column.deviation.hex()
            lines.append(f"v[{at}] = x[{place}] == x[{place}] ? ({real})((x[{place}] - {mean}) / {deviation}) : 0;")
            lines += [f"v[{at + 1}] = x[{place}] != x[{place}];"] * column.missing
        else:
            lines.append(f"for (int i = 0; i < {column.width}; i++)")
            lines.append(f"    v[{at} + i] = x[{place}] == i;")
            if column.other:
                lines.append(f"if (x[{place}] < 0)")
                lines.append(f"    v[{at + column.width - 1}] = 1;")
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
    for place, column in enumerate(model.encoding.used):
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
