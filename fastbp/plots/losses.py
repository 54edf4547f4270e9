"""The loss of each epoch: of one training, of an estimator's fit, or of many networks."""

import contextlib

import numpy as np

from fastbp import validation
from fastbp.plots.style import COLOURS, axes, legend_on_top

LINE = 20  # points between two numbers at an axis, at least
STEPS = (1, 2, 5), (1, 3), (1,)  # numbers in each decade, where there is room for them
FEW = 4  # decades below which losses are numbers and not powers of ten


def loss(history, ax=None, *, log=False):
    """Draw the loss of each epoch, that of the validation too, and mark the best epoch.

    Parameters
    ----------
    history : History, ManyHistory, fitted estimator or sequence of float
        Of a ManyHistory: all networks as thin lines, and as a thick one the median of those that were still in
        training, as long as these were at least half. Of an estimator: `loss_curve_`, and `validation_scores_` on an
        axis of their own at the right. What a sequence holds are losses.
    ax : matplotlib.axes.Axes, optional
        Where to draw; by default pyplot's current one.
    log : bool
        A logarithmic axis of losses.

    Returns
    -------
    matplotlib.axes.Axes
        With a marker at the epoch whose parameters the network has, where `patience` has chosen one; else at that of
        the best validation score, the lowest validation loss or the lowest loss. Many networks have no marker.

    Raises
    ------
    TypeError, ValueError
        If history is nothing of that, or has no epoch; if log is True and a loss is not above 0.
    ImportError
        Without matplotlib.

    Examples
    --------
    >>> import fastbp
    >>> from fastbp import plots
    >>> from matplotlib.figure import Figure
    >>> history = fastbp.train(fastbp.Network((1, 1), output="identity"), [[1.0]], [[0.0]], epochs=5)
    >>> ax = plots.loss(history, Figure().subplots(), log=True)
    >>> ax.get_xlabel(), len(ax.lines[0].get_ydata())
    ('epoch', 5)
    """
    training, validated, scores, best = _curves(history)
    if validation.flag("log", log):
        least = min(curves.min(where=np.isfinite(curves), initial=np.inf) for curves in (training, validated))
        if not least > 0:
            raise ValueError(f"log must be False where a loss is not above 0, got True and a loss of {least:.7g}")
    ax = axes(ax)
    from matplotlib.ticker import MaxNLocator

    ax.set(xlabel="epoch", ylabel="loss")
    if log:
        ax.set_yscale("log")
    ax.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
    lines = _draw(ax, training, COLOURS[0], "training")
    if len(validated):
        lines += _draw(ax, validated, COLOURS[1], "validation")
    top = ax
    if len(scores):
        top = ax.twinx()
        top.set_ylabel("validation score")
        lines += _draw(top, scores, COLOURS[1], "validation score")
    if best:
        height = lines[-1].get_ydata()[best - 1]
        lines += top.plot([best], [height], "o", color="black", fillstyle="none", label=f"best epoch: {best}")
    if len(training) > 1 and len(lines) > 1:
        legend_on_top(ax)  # many networks are everywhere
    elif len(lines) > 1:  # beside the curve; scores rise to the upper right, where losses have fallen to the lower one
        top.legend(handles=lines, loc="center right" if len(scores) else "best")
    _ticks(ax, log)
    return ax


def _ticks(ax, log):
    """Numbers at the losses that can be read off: none that only tells what to add, no two that overlap."""
    from matplotlib.ticker import LogLocator, MaxNLocator, NullFormatter, NullLocator, StrMethodFormatter

    if not log:
        ax.ticklabel_format(axis="y", useOffset=False)
        return
    low, high = ax.get_ylim()
    decades, room = np.log10(high / low), ax.bbox.height / ax.figure.dpi * 72 / LINE
    steps = next((steps for steps in STEPS if len(steps) * decades <= room), STEPS[-1])
    if decades < 1:
        ax.yaxis.set_major_locator(MaxNLocator(int(np.clip(room, 2, 6))))
        ax.yaxis.set_minor_locator(NullLocator())
    elif decades < FEW:
        ax.yaxis.set_major_locator(LogLocator(subs=steps, numticks=100))
        ax.yaxis.set_minor_locator(LogLocator(subs=range(2, 10), numticks=100))
    if decades < FEW:
        ax.yaxis.set_major_formatter(StrMethodFormatter("{x:g}"))
    ax.yaxis.set_minor_formatter(NullFormatter())


def _draw(ax, curves, colour, label):
    """Curves (networks, epochs): one as a line; several as thin lines, and their median. The line, or the median."""
    from matplotlib.collections import LineCollection

    epochs, line, width = np.arange(1, curves.shape[1] + 1), curves[0], 1.5
    if len(curves) > 1:
        line, label = np.nanmedian(curves, axis=0), f"{label}, median of {len(curves):,} networks"
        line[np.isfinite(curves).mean(axis=0) < 0.5] = np.nan  # it would tell of few, who may be unlike the others
        width = 2.5
        thin = {"colors": colour, "linewidths": 0.6, "alpha": min(0.5, 3 / np.sqrt(len(curves)))}
        ax.add_collection(LineCollection([np.column_stack([epochs, curve]) for curve in curves], **thin))
    marker = "." if len(epochs) == 1 else None  # there is no line through one point
    return ax.plot(epochs, line, color=colour, linewidth=width, marker=marker, label=label)


def _curves(history):
    """Losses, validation losses and validation scores, each (networks, epochs), and the best epoch of one network."""
    many = np.ndim(getattr(history, "loss", None)) == 2  # a row for each network
    if many and len(history.loss) == 1:
        history, many = history.history(0), False
    if hasattr(history, "loss_curve_"):
        training, validated, scores = history.loss_curve_, [], getattr(history, "validation_scores_", None) or []
        if len(scores) not in (0, len(training)):
            raise ValueError(
                f"history must have a validation score for each epoch or none, got {len(scores)} scores in "
                f"{len(training)} epochs"
            )
    elif hasattr(history, "validation_loss"):
        training, validated, scores = history.loss, history.validation_loss, []
    else:
        training, validated, scores = _sequence(history), [], []
    training, validated, scores = _rows(training), _rows(validated), _rows(scores)
    if not len(training):
        raise ValueError(f"history must have at least one epoch, got {validation.shown(history)}")
    best = None
    if not many:
        falling = -scores if len(scores) else validated if len(validated) else training
        best = getattr(history, "best_epoch", None) or int(np.nanargmin(falling)) + 1
    return training, validated, scores, best


def _sequence(history):
    """The losses that someone else has kept."""
    with contextlib.suppress(ValueError):  # rows that do not fit together
        losses = np.asarray(history)
        if losses.ndim == 1 and losses.dtype.kind in "iuf":
            return losses
    raise TypeError(
        "history must be a fastbp.History or ManyHistory, an estimator with a loss_curve_ (fitted, by a solver of "
        f"mini-batches), or a sequence of numbers, got {validation.shown(history)}"
    )


def _rows(curves):
    """As a matrix (networks, epochs), NaN where there is no number, without networks and last epochs that have none."""
    curves = np.atleast_2d(np.asarray(curves, np.float64))
    known = np.isfinite(curves)
    epochs = np.flatnonzero(known.any(axis=0)).max(initial=-1) + 1
    return np.where(known, curves, np.nan)[known.any(axis=1), :epochs]
