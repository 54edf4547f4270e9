"""What a model takes for what: confusion matrices, and what it predicts in the plane of its inputs."""

from collections.abc import Iterable

import numpy as np

from fastbp import validation
from fastbp.plots import checks, models
from fastbp.plots.style import MARKERS, SCALE, axes, colours

LARGEST, WIDTH = 10, 0.64  # points of a text; the width of a digit, in this unit
PALEST, DEEPEST = 0.12, 0.6  # share of its colour that a region has, for classes that are a guess or certain


def confusion(labels, predicted, ax=None, *, names=None, normalize=False):
    """Draw how many samples of each class were taken for which, as a confusion matrix.

    Parameters
    ----------
    labels, predicted : array-like of int or str, shape (N,)
        The true and the predicted classes.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current one.
    names : sequence of str, optional
        Of classes that are integers: `names[c]` is the name of class c. Of strings: all classes, in the order in which
        to show them. By default those that occur, sorted.
    normalize : bool
        Show shares of the samples of each true class in place of counts.

    Returns
    -------
    matplotlib.axes.Axes
        With a row for each true class and a column for each predicted one.

    Raises
    ------
    TypeError, ValueError
        If labels and predicted are no labels of the same samples, or a class is not among the names.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> from fastbp import plots
    >>> from matplotlib.figure import Figure
    >>> ax = plots.confusion([0, 0, 1, 1], [0, 1, 1, 1], Figure().subplots(), names=["cat", "dog"])
    >>> [text.get_text() for text in ax.texts]
    ['1', '1', '0', '2']
    """
    labels = checks.labels("labels", labels)
    predicted = checks.labels("predicted", predicted, len(labels))
    if not checks.alike(labels, predicted):
        raise TypeError(f"predicted must be of the kind of labels, {labels.dtype}, got an array of {predicted.dtype}")
    classes, names = _named(np.union1d(labels, predicted), names)
    places = {c: place for place, c in enumerate(classes)}
    shown = np.zeros((len(classes), len(classes)), np.int64)
    np.add.at(shown, tuple([places[c] for c in side.tolist()] for side in (labels, predicted)), 1)
    texts, most = shown.astype(str), shown.max()
    if validation.flag("normalize", normalize):
        shown, most = shown / np.maximum(shown.sum(axis=1, keepdims=True), 1), 1
        texts = np.array([[f"{share:.2f}" for share in row] for row in shown])
    ax = axes(ax)
    image = ax.imshow(shown, cmap="Blues", vmin=0, vmax=most)
    bright = image.to_rgba(shown)[..., :3] @ [0.299, 0.587, 0.114] > 0.5
    cell = min(ax.bbox.width, ax.bbox.height) / ax.figure.dpi * 72 / len(classes)  # points
    size = min(LARGEST, cell / (WIDTH * (1 + max(map(len, texts.flat)))))
    for (row, column), text in np.ndenumerate(texts):
        colour = "black" if bright[row, column] else "white"
        alpha = None if shown[row, column] else 0.4  # what is there stands out
        ax.text(column, row, text, color=colour, alpha=alpha, fontsize=size, ha="center", va="center")
    upright = max(map(len, names)) * WIDTH * LARGEST > cell
    ax.set_xticks(range(len(names)), names, rotation="vertical" if upright else "horizontal")
    ax.set_yticks(range(len(names)), names)
    ax.set(xlabel="predicted class", ylabel="true class")
    return ax


def _named(found, names):
    """All classes and their names, in the order in which to show them."""
    if names is None:
        return found.tolist(), [*map(str, found)]
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(f"names must be a sequence of strings or None, got {validation.shown(names)}")
    names = [*names]
    for place, name in enumerate(names):
        if not isinstance(name, str):
            raise TypeError(f"names[{place}] must be a string, got {validation.shown(name)}")
    classes = names if found.dtype.kind == "U" else [*range(len(names))]
    if len(set(classes)) < len(classes):
        raise ValueError(f"names must differ where they are the classes, got {validation.shown(names)}")
    nameless = [c for c in found.tolist() if c not in classes]
    if nameless:
        raise ValueError(
            f"names must have one for each class, got {validation.shown(names)} without one for {nameless[0]!r}"
        )
    return classes, names


def decision_regions(model, X, y=None, ax=None, *, resolution=200):
    """Draw what a model of two inputs predicts around the samples X, and the samples.

    Parameters
    ----------
    model : Network, or anything with a method `predict`
        A Network with softmax, a sigmoid or several outputs, or a classifier: the regions of its classes, the paler
        the less probable the class, where there are probabilities. Else contours of the predicted numbers.
    X : array-like of real numbers, shape (N, 2)
    y : array-like of shape (N,), optional
        Classes (of a Network 0, 1, ...) or numbers, by which the samples have their colours.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current one.
    resolution : int
        Points along each input at which the model is asked, at least 2.

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If the model has no `predict`, another number of inputs, or several predictions for a sample; if X or y do not
        fit.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastbp
    >>> from fastbp import plots
    >>> from matplotlib.figure import Figure
    >>> network = fastbp.Network((2, 8, 3))
    >>> ax = plots.decision_regions(network, [[0, 0], [0, 1], [1, 1]], [0, 1, 2], Figure().subplots(), resolution=20)
    >>> [text.get_text() for text in ax.get_legend().get_texts()]
    ['0', '1', '2']
    """
    if not callable(getattr(model, "predict", None)):
        raise TypeError(f"model must be a fastbp.Network or have a method predict, got {validation.shown(model)}")
    inputs = model.sizes[0] if hasattr(model, "sizes") else getattr(model, "n_features_in_", 2)
    if inputs != 2:
        raise ValueError(f"model must have 2 inputs, got one with {inputs}: {validation.shown(model)}")
    X, resolution = validation.real_matrix("X", X, 2, np.float64), validation.whole_number("resolution", resolution, 2)
    low, high = X.min(axis=0), X.max(axis=0)
    margin = np.where(high > low, 0.08 * (high - low), 1.0)
    sides = np.linspace(low - margin, high + margin, resolution).T
    Y, P, classes = _predictions(model, np.column_stack([side.ravel() for side in np.meshgrid(*sides)]))
    if Y.dtype.kind == "f":
        y = None if y is None else checks.numbers("y", y, len(X))
        ax = axes(ax)
        _draw_numbers(ax, sides, Y, X, y)
    else:
        y = None if y is None else checks.labels("y", y, len(X))
        if classes is None:  # all that are known to occur
            classes = np.union1d(Y, y) if y is not None and checks.alike(Y, y) else np.unique(Y)
        if y is not None:
            checks.known("y", y, classes)
        ax, palette = axes(ax), colours(len(classes))
        _draw_regions(ax, sides, np.searchsorted(classes, Y), P, palette)
        _draw_samples(ax, X, y, classes, palette, np.unique(Y))
    names = getattr(model, "feature_names_in_", ("first input", "second input"))
    ax.set(xlim=sides[0, [0, -1]], ylim=sides[1, [0, -1]], xlabel=names[0], ylabel=names[1])
    return ax


def _predictions(model, grid):
    """The prediction at each point, a float or a label; the probabilities of the classes, and the classes, or None."""
    if hasattr(model, "sizes"):
        Y = models.outputs(model, grid)
        if Y.ndim == 1:
            return Y, None, None
        return Y.argmax(axis=1), None if model.output in models.NUMBERS else Y, np.arange(Y.shape[1])
    Y = models.answers(model.predict, grid)
    if Y.size != len(grid):
        raise ValueError(f"model must predict one number or class for a sample, got predictions of shape {Y.shape}")
    if not hasattr(model, "classes_"):
        return (Y.ravel() if Y.dtype.kind == "f" else checks.labels("predictions of the model", Y.ravel())), None, None
    classes, order = np.unique(checks.labels("classes_", model.classes_), return_index=True)
    P = models.answers(model.predict_proba, grid)[:, order] if hasattr(model, "predict_proba") else None
    return checks.labels("predictions of the model", Y.ravel()), P, classes


def _draw_numbers(ax, sides, Y, X, y):
    """Contours of the numbers, and the samples in the colours of theirs."""
    from matplotlib.ticker import MaxNLocator

    all_numbers = Y if y is None else np.append(Y, y)
    levels = MaxNLocator(14).tick_values(all_numbers.min(), all_numbers.max())
    regions = ax.contourf(*sides, Y.reshape(len(sides[1]), -1), levels, cmap=SCALE)
    ax.figure.colorbar(regions, ax=ax, label="prediction")
    look = {"c": "black"} if y is None else {"c": y, "cmap": SCALE, "norm": regions.norm, "edgecolors": "black"}
    ax.scatter(*X.T, s=18, linewidths=0.6, **look)


def _draw_regions(ax, sides, places, P, palette):
    """Each point in the colour of its class, and lines between the classes."""
    share = np.full(len(places), (PALEST + DEEPEST) / 2)
    if P is not None:  # a guess has the probability 1 / classes
        n = P.shape[1]
        sure = (P[np.arange(len(P)), places] * n - 1) / max(n - 1, 1)
        share = PALEST + (DEEPEST - PALEST) * np.clip(sure, 0, 1)
    picture = 1 - share[:, None] * (1 - palette[places])
    shape = len(sides[1]), len(sides[0])
    half = (sides[:, 1] - sides[:, 0]) / 2  # of a pixel, in whose middle the model was asked
    extent = [end for side, h in zip(sides, half, strict=True) for end in (side[0] - h, side[-1] + h)]
    ax.imshow(picture.reshape(*shape, 3), extent=extent, origin="lower", aspect="auto", interpolation="bilinear")
    if P is None or (P.argmax(axis=1) != places).any():
        P = np.eye(len(palette))[places]
    for place in np.unique(places)[1:]:  # the lines around all classes but one are all lines
        ahead = P[:, place] - np.delete(P, place, axis=1).max(axis=1)
        ax.contour(*sides, ahead.reshape(shape), [0], colors="white", linewidths=1)


def _draw_samples(ax, X, y, classes, palette, regions):
    """The samples, those of each class in its colour and with its marker; without y all alike, beside the regions."""
    from matplotlib.patches import Patch

    handles = []
    if y is None:
        ax.scatter(*X.T, s=12, color="black", linewidths=0)
    for place, label in enumerate(classes):
        if y is None and label in regions:
            handles.append(Patch(color=palette[place], label=str(label)))
        elif y is not None and label in y:
            look = {"s": 22, "linewidths": 0.6, "edgecolors": "white", "marker": MARKERS[place % len(MARKERS)]}
            handles.append(ax.scatter(*X[y == label].T, color=[palette[place]], label=str(label), **look))
    if len(handles) > 1:
        ax.legend(handles=handles, loc="best", title="class")  # where the fewest samples are
