"""A network as nodes and edges, with the numbers of one sample."""

import itertools

import numpy as np

from fastbp import validation
from fastbp.plots.style import AROUND_ZERO, BETWEEN, axes

PLACES = 10  # for the nodes of a layer, at most
LABEL, SIZE = 17, 7  # points between the labels of edges, and of a text
NODE, WIDE = 14, 23  # points, the width of a node without numbers, and half of that of one with numbers
TO_ERROR = 0.75  # from the output to the error, where 1 is from layer to layer


def network(network, ax=None, *, trace=None):
    """Draw a network as nodes and edges: with the colours of its weights, or with the numbers of one sample.

    Of a large layer the first units and the last are drawn.

    Parameters
    ----------
    network : Network
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current one. The larger it is, the more units have room with their numbers.
    trace : Trace, optional
        A sample that has passed this network: x, or b, u, y and delta, at the nodes, w and dE/dw on the edges, d and
        the error E at the output.

    Returns
    -------
    matplotlib.axes.Axes
        With a column for each layer. Blue edges have negative weights, red ones positive, the stronger the larger.

    Raises
    ------
    TypeError, ValueError
        If network is none, its weights are not finite, or the trace is none of a network of these sizes.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastbp
    >>> from fastbp import plots
    >>> from matplotlib.figure import Figure
    >>> network = fastbp.Network((3, 2, 1), output="identity")
    >>> trace = fastbp.trace(network, [1.0, 2.0, -1.0], 0.5)
    >>> ax = plots.network(network, Figure().subplots(), trace=trace)
    >>> [label.get_text() for label in ax.get_xticklabels()]
    ['inputs (3)', 'relu (2)', 'identity (1)', 'squared_error']
    """
    _checked(network, trace)
    ax = axes(ax)
    high, wide = (side / ax.figure.dpi * 72 for side in (ax.bbox.height, ax.bbox.width))
    most = PLACES if trace is None else _places_with_numbers(high)
    columns = [_column(size, most) for size in network.sizes]
    deepest, last = max(map(len, columns)), len(columns) - 1
    names = [f"{name} ({size:,})" for name, size in zip(["inputs", *network.activations], network.sizes, strict=True)]
    if trace is None:
        _edges(ax, network, columns)
        ax.set(xlim=(-0.3, last + 0.3), xticks=range(last + 1), xticklabels=names)
        ax.set_xlabel(f"{network.theta.size:,} parameters")
        _nodes(ax, columns, min(NODE, 0.7 * high / deepest))
    else:
        beside = min(0.3, WIDE / wide * (last + 1.35))
        _edges(ax, network, columns, beside, trace)
        _numbers(ax, columns, beside, trace)
        places = [*range(last + 1), last + TO_ERROR]
        ax.set(xlim=(-0.3, last + TO_ERROR + 0.3), xticks=places, xticklabels=[*names, network.loss])
        ax.set_xlabel("on the edges: w, dE/dw")
    ax.set(ylim=(-deepest / 2, deepest / 2), yticks=[])
    ax.tick_params(length=0, labelsize="small")
    ax.spines[:].set_visible(False)
    return ax


def _checked(network, trace):
    if not all(hasattr(network, name) for name in ("sizes", "activations", "W", "loss")):
        raise TypeError(f"network must be a fastbp.Network, got {validation.shown(network)}")
    for layer, w in enumerate(network.W):
        if not np.isfinite(w).all():
            raise ValueError(f"network must have finite weights, got NaN or infinity in W[{layer}]")
    if trace is None:
        return
    if not all(hasattr(trace, name) for name in ("sizes", "layers", "x", "d", "E")):
        raise TypeError(f"trace must be a fastbp.Trace or None, got {validation.shown(trace)}")
    if trace.sizes != network.sizes:
        raise ValueError(f"trace must be one of this network, with sizes {network.sizes}, got one with {trace.sizes}")


def _places_with_numbers(points):
    """How many nodes a column may have so that the labels of the edges between two of them do not overlap.

    From n to n nodes there are n^2 labels, in n of n + 1 parts of the height between two nodes.
    """
    fitting = [n for n in range(3, PLACES + 1) if points / (n * (n + 1)) >= LABEL]
    return max(fitting, default=3)


def _column(size, most):
    """{unit: height} of the units of a layer that are drawn, from top to bottom; None stands for all others."""
    units = range(size) if size <= most else [*range(most - 2), None, size - 1]
    return {unit: (min(size, most) - 1) / 2 - place for place, unit in enumerate(units)}


def _drawn(column):
    return {unit: height for unit, height in column.items() if unit is not None}


def _edges(ax, network, columns, beside=0.0, trace=None):
    """All edges between units that are drawn, the strongest on top; with a trace they begin and end beside the nodes,
    and have numbers."""
    import matplotlib
    from matplotlib.collections import LineCollection

    lines, weights = [], []
    for layer, (w, (left, right)) in enumerate(zip(network.W, itertools.pairwise(map(_drawn, columns)), strict=True)):
        along = _where_labels_are_apart([*left.values()], [*right.values()])
        for (i, low), (j, high) in itertools.product(left.items(), right.items()):
            lines.append([(layer + beside, low), (layer + 1 - beside, high)])
            weights.append(w[j, i])
            if trace is not None:
                place = layer + beside + (1 - 2 * beside) * along, low + (high - low) * along
                _label(ax, *place, f"{_short(w[j, i])}\n{_short(trace.layers[layer].dW[j, i])}")
    order = np.argsort(np.abs(weights))
    lines, weights = np.array(lines)[order], np.array(weights)[order]
    limit = np.abs(weights).max() or 1.0
    colour = matplotlib.cm.ScalarMappable(matplotlib.colors.Normalize(-limit, limit), AROUND_ZERO)
    widths = 0.8 + 1.5 * np.abs(weights) / limit
    if trace is not None:  # an outline, because weights near 0 have numbers too, and are white
        ax.add_collection(LineCollection(lines, colors=BETWEEN, linewidths=widths + 0.6, zorder=1))
    ax.add_collection(LineCollection(lines, colors=colour.to_rgba(weights), linewidths=widths, zorder=1.1))
    if trace is None:
        ax.figure.colorbar(colour, ax=ax, label="weight", fraction=0.05, pad=0.03)


def _where_labels_are_apart(left, right):
    """Which part of the way from left to right labels of all edges are, one above the other, equally far apart."""
    if len(left) == 1:
        return 1 / 2
    step = min(a - b for a, b in itertools.pairwise(left))
    return step / (2 * step + right[0] - right[-1])


def _label(ax, x, y, text):
    box = {"boxstyle": "square,pad=0.05", "facecolor": "white", "edgecolor": "none"}
    ax.text(x, y, text, ha="center", va="center", fontsize=SIZE - 1, linespacing=1, bbox=box, zorder=2)


def _nodes(ax, columns, size):
    """A circle with its number for each unit."""
    for layer, column in enumerate(columns):
        for unit, height in _drawn(column).items():
            ax.plot(layer, height, "o", markersize=size, color="white", markeredgecolor="black", zorder=3)
            ax.text(layer, height, unit + 1, ha="center", va="center", fontsize=size / 2, zorder=4)
        _dots(ax, layer, column)


def _dots(ax, layer, column):
    if None in column:
        ax.plot([layer] * 3, column[None] + np.array([-0.15, 0, 0.15]), ".", color="black", markersize=3, zorder=3)


def _numbers(ax, columns, beside, trace):
    """A box with its numbers for each unit, and one for the error."""
    for layer, column in enumerate(columns):
        for unit, height in _drawn(column).items():
            _box(ax, layer, height, _numbers_of(trace, layer, unit), unit + 1)
            ends = layer - beside * (layer > 0), layer + beside * (layer < len(trace.layers))
            ax.plot(ends, [height, height], color=BETWEEN, linewidth=1, zorder=1)  # to where its edges end
        _dots(ax, layer, column)
    for height in _drawn(columns[-1]).values():
        ends = [len(trace.layers), len(trace.layers) + TO_ERROR], [height, 0]
        ax.plot(*ends, color=BETWEEN, linewidth=1, zorder=1)
    _box(ax, len(trace.layers) + TO_ERROR, 0, [f"E {_short(trace.E)}"])


def _short(value):
    return f"{value + 0.0:.3g}"  # 0 has no sign here


def _numbers_of(trace, layer, unit):
    if layer == 0:
        return [f"x {_short(trace.x[unit])}"]
    of = trace.layers[layer - 1]
    letters = {"b": of.B, "u": of.u, "y": of.y, "δ": of.delta}
    if layer == len(trace.layers):
        letters["d"] = trace.d
    return [f"{letter} {_short(values[unit])}" for letter, values in letters.items()]


def _box(ax, x, y, lines, unit=None):
    box = {"boxstyle": "round,pad=0.3", "facecolor": "white", "edgecolor": "black"}
    ax.text(x, y, "\n".join(lines), ha="center", va="center", fontsize=SIZE, linespacing=1.1, bbox=box, zorder=3)
    if unit is not None:
        above = 0, SIZE * (0.65 * len(lines) + 0.5)
        ax.annotate(
            unit, (x, y), above, textcoords="offset points", ha="center", va="bottom", fontsize=SIZE, weight="bold",
            zorder=3,
        )  # fmt: skip
