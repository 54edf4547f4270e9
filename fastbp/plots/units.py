"""The weights of the first layer as images."""

from collections.abc import Iterable

import numpy as np

from fastbp import validation
from fastbp.plots.style import AROUND_ZERO, BETWEEN, axes

WIDER = 4 / 3  # the picture, than high
LISTED = 12  # numbers of units in a label, at most


def weights(model, ax=None, *, shape=None, units=None):
    """Draw the weights between the inputs and each unit of the first layer, as an image for each unit.

    Parameters
    ----------
    model : Network or fitted estimator with `coefs_`
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current one.
    shape : (int, int), optional
        Rows and columns of an image; by default it is a square.
    units : sequence of int, optional
        The units to show, in this order; by default all.

    Returns
    -------
    matplotlib.axes.Axes
        With the images row by row; the colours, which a bar explains, are symmetric around 0, which is white.

    Raises
    ------
    TypeError, ValueError
        If the model has no weights, the inputs do not fill the shape, or there is no such unit.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastbp
    >>> from fastbp import plots
    >>> from matplotlib.figure import Figure
    >>> ax = plots.weights(fastbp.Network((64, 12, 10)), Figure().subplots())
    >>> ax.images[0].get_array().shape  # 3 rows of 4 images, with a line between them
    (26, 35)
    """
    w = _first_layer(model)
    rows, columns = _shape(shape, w.shape[1])
    units, told = _units(units, len(w))
    gap = max(1, min(rows, columns) // 8)
    across = _across(len(units), (rows + gap) / (columns + gap))
    down = -(-len(units) // across)
    picture = np.full((down * (rows + gap) - gap, across * (columns + gap) - gap), np.nan)
    for place, unit in enumerate(units):
        top, left = place // across * (rows + gap), place % across * (columns + gap)
        picture[top : top + rows, left : left + columns] = w[unit].reshape(rows, columns)
    limit = np.nanmax(np.abs(picture)) or 1.0
    ax = axes(ax)
    import matplotlib

    scale = matplotlib.colormaps[AROUND_ZERO].with_extremes(bad=BETWEEN)
    image = ax.imshow(picture, cmap=scale, vmin=-limit, vmax=limit)
    height, width = picture.shape
    ax.figure.colorbar(image, ax=ax, label="weight", fraction=0.05 * height / width, pad=0.03)  # as high as the images
    ax.spines[:].set_color(BETWEEN)
    ax.set(xticks=[], yticks=[], xlabel=f"weights of {told}")
    return ax


def _first_layer(model):
    """W[0] (receiving, sending)."""
    if hasattr(model, "W"):
        w = model.W[0]
    elif hasattr(model, "coefs_"):
        w = np.transpose(model.coefs_[0])
    else:
        raise TypeError(
            f"model must be a fastbp.Network or a fitted estimator with coefs_, got {validation.shown(model)}"
        )
    if not np.isfinite(w).all():
        raise ValueError("model must have finite weights, got NaN or infinity in its first layer")
    return w


def _shape(shape, inputs):
    """Rows and columns of an image."""
    if shape is None:
        side = round(np.sqrt(inputs))
        if side * side != inputs:
            raise ValueError(
                f"shape must be given, (rows, columns), because {inputs} inputs are no square, got shape=None"
            )
        return side, side
    if not isinstance(shape, Iterable) or len(shape := tuple(shape)) != 2:
        raise TypeError(f"shape must be (rows, columns) or None, got {validation.shown(shape)}")
    rows, columns = (validation.whole_number(f"shape[{place}]", size, 1) for place, size in enumerate(shape))
    if rows * columns != inputs:
        raise ValueError(f"shape must have as many pixels as the model has inputs, {inputs}, got {shape!r}")
    return rows, columns


def _across(n, steepness):
    """The number of images in a row: of those for a picture of about the right form, one with few empty places."""
    ideal = np.sqrt(n * WIDER * steepness)
    fewest, most = (min(n, int(np.ceil(factor * ideal))) for factor in (0.8, 1.5))
    return min(range(fewest, most + 1), key=lambda across: (-n % across, abs(across - ideal)))


def _units(units, there):
    """The numbers of the units to show, and how a label tells them."""
    units = range(there) if units is None else units
    if not isinstance(units, Iterable):
        raise TypeError(f"units must be a sequence of integers or None, got {validation.shown(units)}")
    units = [validation.whole_number(f"units[{place}]", unit, 0) for place, unit in enumerate(units)]
    if not units or max(units) >= there:
        raise ValueError(f"units must be at least one number below {there}, the units there are, got {units!r}")
    listed = [*map(str, units)] if len(units) <= LISTED else [str(units[0]), str(units[1]), "...", str(units[-1])]
    return units, f"units {', '.join(listed)}, row by row" if len(units) > 1 else f"unit {units[0]}"
