"""A trace as a table of text: each layer with a line for each unit, and its matrices beside each other."""

from fastbp.lecture.tracing.terms import shown

UNITS = 8  # lines of a table, at most
WIDTH, LEAST, MOST = 100, 3, 10  # of a line; columns of a matrix at least, and at most where there is room
DIGITS = 5


def table(trace):
    """All numbers of a trace in at most a hundred columns; long layers are shortened."""
    sizes = "-".join(map(str, trace.sizes))
    lines = [f"Trace of one sample through {sizes}, loss {trace.loss}"]
    for letter, values in (("x", trace.x), ("d", trace.d)):
        lines.append(f"{letter} = {_listed(values)}  ({_where(trace.slides[letter])})")
    lines.append(f"E = {shown(trace.E, DIGITS)}  ({_where(trace.slides['E'])})")
    for number, layer in enumerate(trace.layers, start=1):
        output = number == len(trace.layers)
        place = "the output" if output else "hidden"
        lines += ["", f"Layer {number}, {place}: {layer.activation}, {layer.x.size} -> {layer.u.size}"]
        lines += [*_units(layer, output), "", *_matrices(layer)]
        if layer.activation == "softmax":
            lines += ["", *_jacobian(layer)]
    return "\n".join(line.rstrip() for line in lines)


def _where(slides):
    if not slides[0].isdigit():
        return slides
    return f"slides {slides}" if "," in slides else f"slide {slides}"


def _listed(values):
    """Numbers in one line; of many the first and the last."""
    texts = [shown(value, DIGITS) for value in values]
    return ", ".join(texts if len(texts) <= UNITS else [*texts[: UNITS - 2], "...", texts[-1]])


def _units(layer, output):
    """u, y, h', dE/dy, delta, b and dE/db of each unit, below the slides of each."""
    columns = {"u": "u", "y": "y", "dh": "h'(u)", "dy": "dE/dy", "delta": "delta", "B": "b", "dB": "dE/db"}
    if output:
        columns = {"u": "u", "y": "y", "dy": "dE/dy", "dh": "dy/du", "delta": "delta", "B": "b", "dB": "dE/db"}
    slides = [layer.slides[letter] for letter in columns]
    sources = {}
    for name, text in zip(columns.values(), slides, strict=True):
        if not text[0].isdigit():
            sources.setdefault(text, []).append(name)
    head = [["unit", *columns.values()], ["slides", *(text if text[0].isdigit() else "*" for text in slides)]]
    rows = [[f"{j + 1}", *(shown(getattr(layer, letter)[j], DIGITS) for letter in columns)] for j in _shown(layer.u)]
    notes = [f"* {', '.join(names)}: {text}" for text, names in sources.items()]
    return _aligned(head + rows) + _left_out(layer.u.size, "units") + notes


def _shown(values):
    return range(len(values)) if len(values) <= UNITS else range(UNITS - 2)


def _left_out(size, what):
    return [f"... and {size - UNITS + 2:,} more {what}"] if size > UNITS else []


def _matrices(layer):
    """W and dE/dW side by side: a row for each receiving unit."""
    names = {"w": (layer.W, layer.slides["W"]), "dE/dw": (layer.dW, layer.slides["dW"])}
    titled = [(f"{name} ({_where(slides)})", matrix) for name, (matrix, slides) in names.items()]
    return _beside(titled) + _left_out(layer.u.size, "units")


def _jacobian(layer):
    title = f"dy_r/du_k, a row for each r ({_where(layer.slides['jacobian'])})"
    return _beside([(title, layer.jacobian)]) + _left_out(layer.u.size, "units")


def _beside(titled):
    """Matrices side by side, with as many of their columns as a line has room for."""
    for most in range(MOST, LEAST - 1, -1):
        parts = [[title, *_aligned(_rows(matrix, most))] for title, matrix in titled]
        widths = [max(map(len, part)) for part in parts]
        lines = ["    ".join(map(str.ljust, line, widths)) for line in zip(*parts, strict=True)]
        if max(map(len, lines)) <= WIDTH:
            break
    return lines


def _rows(matrix, most):
    """The first rows and columns of a matrix, and the last column, numbered."""
    size = matrix.shape[1]
    columns = range(size) if size <= most else [*range(most - 1), None, size - 1]
    head = ["unit", *("..." if i is None else f"{i + 1}" for i in columns)]
    return [head] + [
        [f"{j + 1}", *("..." if i is None else shown(matrix[j, i], DIGITS) for i in columns)] for j in _shown(matrix)
    ]


def _aligned(rows):
    """Lines of cells, each column as wide as its widest cell, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.rjust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]
