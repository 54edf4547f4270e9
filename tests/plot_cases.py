"""What the tests of pictures share: an Axes to draw into, and what can be seen of it."""

import pytest

pytest.importorskip("matplotlib")

import matplotlib
import numpy as np
from matplotlib.figure import Figure

import fastbp

matplotlib.use("Agg")


def drawing(**options):
    """An Axes that pyplot does not know of."""
    return Figure(dpi=50, **options).subplots()


def rendered(ax):
    """Draws what would be seen, which may fail or warn, too."""
    ax.figure.canvas.draw()
    return ax


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def constant(number, sizes=(1, 1), output="identity", dtype="float64"):
    """A network whose outputs do not depend on what comes in: its sums are this number, or these numbers."""
    network = fastbp.Network(sizes, output=output, dtype=dtype)
    network.theta[:] = 0
    network.B[-1][:] = number
    return network


def logit(p):
    """The sum at which a sigmoid is p."""
    return np.log(np.divide(p, np.subtract(1, p)))
