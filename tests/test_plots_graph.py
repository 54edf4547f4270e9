"""plots.network: nodes and edges, the numbers of a trace on them, and that these can be read."""

import doctest
import itertools
import sys
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("matplotlib")

from matplotlib import pyplot as plt
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure

import fastbp
from fastbp import plots
from fastbp.plots import networks
from tests.plot_cases import drawing, rendered
from tests.test_by_hand import RELU
from tests.test_trace import drawn

SIZES = [(3, 2, 1), (2, 3, 2), (1, 1), (5, 3), (4, 8, 6, 3), (64, 128, 10)]


@pytest.fixture
def ax():
    return drawing()


def edges(ax):
    """{(from, to): colour} of the coloured edges; ends are (layer, height)."""
    lines = [each for each in ax.collections if isinstance(each, LineCollection)][-1]
    ends = [tuple(map(tuple, segment.round(6).tolist())) for segment in lines.get_segments()]
    return dict(zip(ends, lines.get_colors(), strict=True))


def words(ax):
    return [text.get_text() for text in ax.texts]


def with_dots(ax):
    return [line.get_xydata()[0, 0] for line in ax.lines if line.get_marker() == "."]


@pytest.mark.parametrize("trace", [False, True])
def test_the_given_axes_are_used_and_no_other(trace):
    network, x, d = drawn((3, 2, 1), output="identity")
    left, right = Figure().subplots(1, 2)
    assert plots.network(network, right, trace=fastbp.trace(network, x, d) if trace else None) is right
    rendered(right)
    assert not left.has_data()
    assert plt.get_fignums() == []


def test_without_axes_the_current_ones_are_used():
    _, ax = plt.subplots()
    assert plots.network(fastbp.Network((2, 2))) is ax
    plt.close("all")


def test_each_weight_is_an_edge_in_its_colour(ax):
    network = fastbp.Network((2, 2, 1), output="identity", dtype="float64")
    network.theta[:] = [2, -2, 0, 1, 0, 0, -1, 0.5, 0]
    rendered(plots.network(network, ax))
    found = edges(ax)
    at = [[(0, 0.5), (0, -0.5)], [(1, 0.5), (1, -0.5)], [(2, 0)]]  # the first unit on top
    assert found.keys() == {*itertools.product(at[0], at[1]), *itertools.product(at[1], at[2])}
    colours = {2: found[at[0][0], at[1][0]], -2: found[at[0][1], at[1][0]], 0: found[at[0][0], at[1][1]]}
    red, blue = colours[2], colours[-2]
    assert red[0] > red[2]
    assert blue[2] > blue[0]
    np.testing.assert_allclose(colours[0][:3], 1, atol=0.04)
    for weight, ends in ((1, (at[0][1], at[1][1])), (-1, (at[1][0], at[2][0]))):
        strong = colours[2 * weight]
        assert np.abs(found[ends] - colours[0]).sum() < np.abs(strong - colours[0]).sum()
        assert (found[ends][0] > found[ends][2]) == (weight > 0)
    assert words(ax) == ["1", "2", "1", "2", "1"]
    assert [label.get_text() for label in ax.get_xticklabels()] == ["inputs (2)", "relu (2)", "identity (1)"]
    assert ax.get_xlabel() == "9 parameters"
    assert ax.figure.axes[1].get_ylabel() == "weight"


def test_a_network_of_zeros_is_drawn(ax):
    network = fastbp.Network((2, 2))
    network.theta[:] = 0
    rendered(plots.network(network, ax))


def test_the_numbers_of_the_network_worked_out_by_hand(ax):
    network = RELU[0]
    rendered(plots.network(network, ax, trace=fastbp.trace(*RELU[:3])))
    assert len(ax.figure.axes) == 1  # no bar beside numbers
    found = words(ax)
    for expected in ("x 1", "x 2", "x -1", "E 0.5"):
        assert found.count(expected) == 1
    assert "b 0.5\nu -2\ny 0\nδ 0" in found
    assert "b -1\nu 1.5\ny 1.5\nδ 1" in found
    assert "b 0.25\nu -1.25\ny -1.25\nδ -1\nd -0.25" in found
    for w, dw in ((0.5, 0), (-1, 0), (1, 0), (1, 1), (0.5, 2), (-0.5, -1), (2, 0), (-1, -1.5)):
        assert f"{w:g}\n{dw:g}" in found
    assert [label.get_text() for label in ax.get_xticklabels()] == [
        "inputs (3)", "relu (2)", "identity (1)", "squared_error",
    ]  # fmt: skip
    assert ax.get_xlabel() == "on the edges: w, dE/dw"


def test_numbers_lie_at_their_edges(ax):
    """Each label within its edge, and those of an edge are its w and dE/dw."""
    network, x, d = drawn((2, 3, 2))
    trace = fastbp.trace(network, x, d)
    plots.network(network, ax, trace=trace)
    labels = {text.get_text(): text.get_position() for text in ax.texts if text.get_text().count("\n") == 1}
    heights = [{0: 0.5, 1: -0.5}, {0: 1, 1: 0, 2: -1}, {0: 0.5, 1: -0.5}]
    ends = edges(ax)
    starts = {start[0] for start, _ in ends}
    for layer, j, i in [(0, 0, 1), (0, 2, 0), (1, 0, 2), (1, 1, 0)]:
        (low,) = {s for s in starts if int(s) == layer}
        x_at, y_at = labels[f"{network.W[layer][j, i]:.3g}\n{trace.layers[layer].dW[j, i] + 0.0:.3g}"]
        share = (x_at - low) / (1 - 2 * (low - layer))
        assert 0 < share < 1
        left, right = heights[layer][i], heights[layer + 1][j]
        assert y_at == pytest.approx(left + (right - left) * share, abs=1e-5)


@pytest.mark.parametrize("size", [(6.4, 4.8), (12, 9), (20, 16)])
@pytest.mark.parametrize("sizes", SIZES)
def test_numbers_do_not_overlap(sizes, size):
    """No text lies on another one, nor is any cut off; so it is with nodes of which the middle ones are left out."""
    network, x, d = drawn(sizes, output="identity")
    ax = Figure(size, dpi=100).subplots()
    rendered(plots.network(network, ax, trace=fastbp.trace(network, x, d)))
    boxes = [text.get_window_extent() for text in ax.texts]
    for (one, a), (other, b) in itertools.combinations(zip(ax.texts, boxes, strict=True), 2):
        apart = a.x1 < b.x0 + 1 or b.x1 < a.x0 + 1 or a.y1 < b.y0 + 1.5 or b.y1 < a.y0 + 1.5
        assert apart, (one.get_text(), other.get_text())
    width, height = ax.figure.canvas.get_width_height()
    assert all(box.x0 >= 0 and box.x1 <= width and box.y0 >= 0 and box.y1 <= height for box in boxes)


@pytest.mark.parametrize("traced", [False, True])
def test_large_layers_are_their_first_units_dots_and_the_last(traced, ax):
    network, x, d = drawn((64, 128, 10))
    rendered(plots.network(network, ax, trace=fastbp.trace(network, x, d) if traced else None))
    assert with_dots(ax) == ([0, 1, 2] if traced else [0, 1])
    assert {"1", "64", "128", "10"} <= {*words(ax)}
    assert not {"30", "63", "127"} & {*words(ax)}
    assert len(edges(ax)) == (8 if traced else 9 * 9 + 9 * 10)


def test_larger_pictures_have_room_for_more_units():
    network, x, d = drawn((8, 8))
    trace = fastbp.trace(network, x, d)
    shown = [len(edges(plots.network(network, Figure((8, high)).subplots(), trace=trace))) for high in (3, 4.8, 9, 30)]
    assert shown[0] == shown[1] == 4
    assert shown == sorted(shown)
    assert shown[-1] == 64


NETWORK = fastbp.Network((3, 2))


@pytest.mark.parametrize(
    ("network", "trace", "error", "message"),
    [
        (3, None, TypeError, r"^network must be a fastbp\.Network, got 3$"),
        (NETWORK, 3, TypeError, r"^trace must be a fastbp\.Trace or None, got 3$"),
        (NETWORK, NETWORK, TypeError, r"^trace must be a fastbp\.Trace or None, got Network"),
        (
            NETWORK, SimpleNamespace(sizes=(3, 4, 2), layers=(), x=0, d=0, E=0), ValueError,
            r"^trace must be one of this network, with sizes \(3, 2\), got one with \(3, 4, 2\)$",
        ),
    ],
)  # fmt: skip
def test_what_is_refused(network, trace, error, message):
    with pytest.raises(error, match=message):
        plots.network(network, trace=trace)
    assert plt.get_fignums() == []


def test_weights_that_are_not_finite_are_refused():
    network = fastbp.Network((3, 2, 1), output="identity")
    network.W[1][0, 1] = np.nan
    with pytest.raises(ValueError, match=r"^network must have finite weights, got NaN or infinity in W\[1\]$"):
        plots.network(network)


def test_what_is_no_axes_is_refused_and_a_missing_matplotlib_named(monkeypatch):
    with pytest.raises(TypeError, match=r"^ax must be a matplotlib Axes or None, got 3$"):
        plots.network(NETWORK, 3)
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ImportError, match=r"pip install 'fastbp\[plot\]'"):
        plots.network(NETWORK)


def test_the_example_runs():
    failures, tried = doctest.testmod(networks)
    assert tried > 0
    assert failures == 0
