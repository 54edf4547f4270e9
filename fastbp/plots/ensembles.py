"""What many networks predict, and how far they disagree."""

from collections.abc import Iterable

import numpy as np

from fastbp import validation
from fastbp.plots import checks, models
from fastbp.plots.style import COLOURS, axes, legend_on_top

SINGLE = 50  # networks that are drawn one by one, at most
POINTS = 200  # between the least and the largest sample, besides the samples


def ensemble_spread(model_or_networks, X, ax=None, *, y=None):
    """Draw what the networks of an ensemble predict on average, and how far they disagree.

    Of one input, and numbers or two classes: the mean as a line, bands of 1 and 2 standard deviations, and up to 50
    networks as thin lines. Else of numbers: the samples in the order of their mean, with bars of 1 standard deviation;
    of classes: for each sample the mean probability of the class that is predicted, and its standard deviation.

    Parameters
    ----------
    model_or_networks : fitted EnsembleRegressor or EnsembleClassifier, or sequence of Network
    X : array-like of real numbers, shape (N, inputs)
        Samples. The line of one input goes from the least to the largest.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current one.
    y : array-like of shape (N,), optional
        What the samples are, drawn with the predictions: numbers, or classes (of Networks 0, 1, ...).

    Returns
    -------
    matplotlib.axes.Axes

    Raises
    ------
    TypeError, ValueError
        If these are no networks, none, or some that do not fit together; if X or y do not fit.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastbp
    >>> from fastbp import plots
    >>> from matplotlib.figure import Figure
    >>> networks = [fastbp.Network((1, 8, 1), output="identity", seed=seed) for seed in range(20)]
    >>> ax = plots.ensemble_spread(networks, [[-1.0], [1.0]], Figure().subplots())
    >>> ax.get_xlabel(), len(ax.lines)  # 20 networks and their mean
    ('input', 21)
    """
    networks, inputs, classes = _members(model_or_networks)
    X = validation.real_matrix("X", X, inputs, np.float64)
    if y is not None and classes is None:
        y = checks.numbers("y", y, len(X))
    elif y is not None:
        y = checks.labels("y", y, len(X))
        checks.known("y", y, classes)
    told = validation.counted(len(networks), "network")
    if inputs == 1 and X.min() < X.max() and (classes is None or len(classes) == 2):
        x = np.union1d(X, np.linspace(X.min(), X.max(), POINTS))
        found = _moments(networks, x[:, None])
        ax = axes(ax)
        _draw_line(ax, x, *found, classes, told)
        if y is not None:
            height = y if classes is None else y == classes[1]
            ax.plot(X[:, 0], height, "o", color=COLOURS[1], markersize=4, zorder=4, label="samples")
    else:
        mean, std, _ = _moments(networks, X)
        ax = axes(ax)
        if classes is None:
            _draw_numbers(ax, mean, std, y, told)
        else:
            _draw_classes(ax, mean, std, None if y is None else y == classes[mean.argmax(axis=1)], told)
    if len(ax.get_legend_handles_labels()[1]) > 1:
        legend_on_top(ax)
    return ax


def _members(given):
    """The networks, their number of inputs, and the classes of which they give probabilities; None for numbers."""
    if hasattr(given, "estimators_"):
        first, classes = given.estimators_[0], getattr(given, "classes_", None)
        if first.n_outputs_ > 1 and first.out_activation_ != "softmax":
            raise ValueError(
                "model_or_networks must predict one number or class for a sample, got an ensemble with "
                f"{first.n_outputs_} of them"
            )
        return given.estimators_, given.n_features_in_, None if classes is None else checks.labels("classes_", classes)
    if not isinstance(given, Iterable):
        raise TypeError(
            "model_or_networks must be a fitted ensemble or a sequence of fastbp.Network, got "
            f"{validation.shown(given)}"
        )
    networks = [*given]
    if not networks:
        raise ValueError("model_or_networks must have at least one network, got an empty sequence")
    for place, network in enumerate(networks):
        if not hasattr(network, "sizes"):
            raise TypeError(f"model_or_networks[{place}] must be a fastbp.Network, got {validation.shown(network)}")
    kinds = [(network.sizes[0], network.sizes[-1], network.output) for network in networks]
    for place, kind in enumerate(kinds):
        if kind != kinds[0]:
            raise ValueError(
                f"model_or_networks[{place}] must have inputs and outputs like the first network, "
                f"{_kind(*kinds[0])}, got {_kind(*kind)}"
            )
    inputs, outputs, output = kinds[0]
    if output not in models.NUMBERS:
        return networks, inputs, np.arange(2 if output == "sigmoid" and outputs == 1 else outputs)
    if outputs > 1:
        raise ValueError(f"model_or_networks must have one output, got {_kind(*kinds[0])}")
    return networks, inputs, None


def _kind(inputs, outputs, output):
    return f"Network(({inputs}, ..., {outputs}), output={output!r})"


def _moments(networks, X):
    """Mean and standard deviation over the networks of what they say of each sample, and what the first ones say."""
    mean = square = 0.0
    single = []
    for number, network in enumerate(networks, 1):  # Welford 1962: one pass, which forgets the outputs
        Y = models.outputs(network, X).astype(np.float64)
        before, mean = mean, mean + (Y - mean) / number
        square = square + (Y - before) * (Y - mean)
        if number <= SINGLE:
            single.append(Y)
    return mean, np.sqrt(square / len(networks)), np.array(single)


def _draw_line(ax, x, mean, std, single, classes, told):
    """The mean, bands around it, and single networks, over one input."""
    within, what = (-np.inf, np.inf), "prediction"
    if classes is not None:
        mean, std, single = mean[:, 1], std[:, 1], single[:, :, 1]
        within, what = (0, 1), f"probability of class {classes[1]}"
        ax.set_yticks(np.linspace(0, 1, 6))  # above it the legend
    ax.plot(x, mean, color=COLOURS[0], linewidth=2, zorder=3, label=f"mean of {told}")
    for times, alpha in ((1, 0.25), (2, 0.15)):
        band = np.clip([mean - times * std, mean + times * std], *within)
        label = f"within {validation.counted(times, 'standard deviation')}"
        ax.fill_between(x, *band, color=COLOURS[0], alpha=alpha, linewidth=0, label=label)
    lines = ax.plot(x, single.T, color="0.3", linewidth=0.4, alpha=0.6)
    lines[0].set_label("single networks")
    ax.set(xlabel="input", ylabel=what)


def _draw_numbers(ax, mean, std, y, told):
    """The samples in the order of their mean, with bars of the standard deviation."""
    order, ranks = np.argsort(mean, kind="stable"), np.arange(1, len(mean) + 1)
    mean, std = mean[order], std[order]
    ax.plot(ranks, mean, ".", markersize=4, color=COLOURS[0], label=f"mean of {told}")
    ax.vlines(ranks, mean - std, mean + std, color=COLOURS[0], linewidth=0.8, label="within 1 standard deviation")
    if y is not None:
        ax.plot(ranks, y[order], "x", markersize=4, color=COLOURS[1], label="samples")
    ax.set(xlabel="samples in the order of their mean prediction", ylabel="prediction")


def _draw_classes(ax, mean, std, right, told):
    """The probability of the predicted class, and its standard deviation, of each sample."""
    points = np.take_along_axis(np.stack([mean, std]), mean.argmax(axis=1)[None, :, None], axis=2)[..., 0]
    if right is None:
        ax.plot(*points, ".", markersize=4, color=COLOURS[0], label=told)
    else:
        for chosen, look, colour, label in ((right, ".", COLOURS[0], "right"), (~right, "x", COLOURS[1], "wrong")):
            if chosen.any():
                ax.plot(*points[:, chosen], look, markersize=5, color=colour, label=f"{label}: {chosen.sum():,}")
    ax.set(xlabel="mean probability of the predicted class", ylabel=f"standard deviation over {told}")
