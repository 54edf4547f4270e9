"""Where pictures are drawn, and in which colours."""

import numpy as np

from fastbp import validation

# Okabe and Ito's colours, which the colour-blind tell apart, in an order in which the greys of neighbours differ.
COLOURS = "#0072B2", "#E69F00", "#009E73", "#CC79A7", "#000000", "#56B4E9", "#D55E00", "#F0E442"
MARKERS = "os^Dv<>P"  # for those who see no colours at all
MOST = 0.6  # of the height of an Axes that a legend may take
SCALE = "cividis"  # dark blue, grey, yellow: it grows lighter all the way, in print and to the colour-blind too
AROUND_ZERO = "RdBu_r"  # blue, white for 0, red: the colour-blind tell these two apart
BETWEEN = "0.75"  # the grey between images whose middle colour is white


def axes(ax):
    """The Axes to draw into: the given one, or for None the current one of pyplot."""
    try:
        import matplotlib.axes
    except ImportError as missing:
        raise ImportError("fastbp.plots needs matplotlib: pip install 'fastbp[plot]'") from missing
    if ax is None:
        from matplotlib import pyplot  # here, because it looks for a window system

        return pyplot.gca()
    if not isinstance(ax, matplotlib.axes.Axes):
        raise TypeError(f"ax must be a matplotlib Axes or None, got {validation.shown(ax)}")
    return ax


def colours(n):
    """Colours of n classes, as rows of red, green and blue from 0 to 1."""
    import matplotlib
    from matplotlib.colors import to_rgba_array

    if n <= len(COLOURS):
        return to_rgba_array(COLOURS)[:n, :3]
    return matplotlib.colormaps[SCALE](np.linspace(0, 1, n))[:, :3]


def legend_on_top(ax):
    """A legend in two columns above all that is drawn, for which the Axes gets room: it hides nothing.

    Inside of the Axes, because outside a title would lie there, or the figure would end.
    """
    for columns in (2, 1):
        legend = ax.legend(loc="upper center", ncols=columns, fontsize="small")
        box = legend.get_window_extent()
        if box.width <= ax.bbox.width:
            break
    low, high = ax.transScale.transform([(1, end) for end in ax.get_ylim()])[:, 1]  # logarithms, perhaps
    gap = 2 * legend.borderaxespad * legend.prop.get_size() * ax.figure.dpi / 72
    share = min(MOST, (box.height + gap) / ax.bbox.height)
    top = ax.transScale.inverted().transform([(1, low + (high - low) / (1 - share))])[0, 1]
    ax.set_ylim(top=top)
