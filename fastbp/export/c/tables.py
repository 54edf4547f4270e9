"""A model of tables as C: what turns columns into numbers, before its network; and what follows."""

from fastbp.export.c import source
from fastbp.tables.encoding import LIMIT, without_dates
from fastbp.tables.target import CLASSES, NUMBER

CLIPPED = """static double {name}_clipped(double x)
{{
    return x / hypot(1, x / {limit:g}); /* x / sqrt(1 + (x / {limit:g})^2), without its overflow */
}}

"""


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
    text += source.networks_text(model.networks, f"{name}_network")
    if any(column.robust for column in columns):
        text += CLIPPED.format(name=name, limit=LIMIT)
    lines, at = [], 0
    for place, column in enumerate(columns):
        if column.kind == NUMBER:
            mean, deviation = column.mean.hex(), column.deviation.hex()
            scaled = f"(x[{place}] - {mean}) / {deviation}"
            scaled = f"{name}_clipped({scaled})" if column.robust else f"({scaled})"
            lines.append(f"v[{at}] = x[{place}] == x[{place}] ? ({real}){scaled} : 0;")
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
        end = [f"{name}_network(v, &u);", *_number(target)]
    body = "\n".join(f"    {line}" for line in [declared, *lines, *end])
    return f"{text}void {name}(const double *x, {types[1]} *y)\n{{\n{body}\n}}\n{source.CLOSING}"


def _number(target):
    """Lines: the prediction of a number."""
    of = target.log or target
    yield f"y[0] = (double)u * {of.deviation.hex()} + {of.mean.hex()};"
    if target.log:
        yield f"y[0] = exp(y[0]) * {target.log.smearing.hex()};"
    if target.lowest is not None:
        low, high = target.lowest.hex(), target.highest.hex()
        yield f"y[0] = y[0] < {low} ? {low} : y[0] > {high} ? {high} : y[0];"


def _meaning(model):
    """Paragraphs for the comment: what each x and y is."""
    target = model.encoding.target
    if len(model.networks) > 1:
        yield f"There are {len(model.networks)} such networks, of whose outputs the mean is taken."
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
