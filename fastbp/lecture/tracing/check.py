"""Each derivative of a trace beside its difference quotient and the matrix version: three witnesses of one number."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastbp.lecture import layout
from fastbp.lecture.codes import ERROR, ERRORS_OF, HIDDEN, OUTPUT
from fastbp.lecture.tracing.steps import of_unit, of_weight
from fastbp.lecture.tracing.terms import shown

KINKED = "relu", "leaky_relu"  # activations whose derivative jumps, at u = 0
MEAN_OF_SLOPES = "a kink: the quotient is the mean of the slopes on its two sides"
OF_TWIN, OF_QUOTIENT = 1e-10, 1e-5  # by how much they may differ, measured by the largest number that is there
ROWS = 12  # of a layer that are printed


class CheckRow(NamedTuple):
    """One derivative from three sources."""

    quantity: str
    slides: str
    analytic: float
    matrix: float
    difference: float
    note: str


@dataclass(frozen=True, eq=False)
class Check:
    """All derivatives of a trace, the largest difference to a quotient, and whether all agree."""

    rows: tuple
    largest_difference: float
    ok: bool
    layers: tuple  # how many rows each layer has

    def __repr__(self):
        verdict = "all agree" if self.ok else "NOT all agree"
        return f"<{len(self.rows):,} derivatives: {verdict}, largest difference {self.largest_difference:.2g}>"

    def __str__(self):
        heading = ["", "slides", "analytic", "matrix", "quotient", "difference", ""]
        lines, start = [heading], 0
        for rows in self.layers:
            for row in self.rows[start : start + min(rows, ROWS)]:
                numbers = [shown(value, 6) for value in row[2:5]]
                gap = f"{abs(row.analytic - row.difference):.1e}"
                lines.append([row.quantity, row.slides, *numbers, gap, row.note])
            if rows > ROWS:
                lines.append([f"... and {rows - ROWS:,} more of this layer", *[""] * 6])
            start += rows
        widths = [max(len(line[column]) for line in lines if line[1]) for column in range(len(heading))]
        text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)) for line in lines]
        return "\n".join([*map(str.rstrip, text), repr(self)[1:-1]])


def check(trace):
    """The `Check` of a trace. Nothing of the trace is changed."""
    from fastbp.lecture import differences, matrix  # here, because the differences import Numba

    layers = _table(trace)
    theta, analytic = (_flat(trace, letter) for letter in ("", "d"))
    samples, rows = (trace.x[None], trace.d[None], np.ones(1)), np.arange(1)
    by_matrix, quotients = np.empty_like(theta), np.empty_like(theta)
    with np.errstate(all="ignore"):
        matrix.gradient(theta, layers, samples, rows, layout.scratch_for(layers, 1, np.float64), by_matrix)
        differences.gradient(theta, layers, samples, rows, layout.scratch_for(layers, 1, np.float64), quotients)
        gaps = np.abs(analytic - quotients)
    largest = max(1.0, abs(trace.E), np.abs(analytic).max())
    same = np.abs(analytic - by_matrix) <= OF_TWIN * largest
    near = gaps <= OF_QUOTIENT * largest
    kinks = np.zeros(theta.size, bool)
    for p in np.flatnonzero(~near):
        kinks[p] = _crosses_a_kink(trace, layers, theta, p)
    found = tuple(
        CheckRow(name, slides, *map(float, numbers), MEAN_OF_SLOPES * kink)
        for (name, slides), *numbers, kink in zip(
            _names(trace), analytic, by_matrix, quotients, kinks.tolist(), strict=True
        )
    )
    of_layers = tuple(layer.dW.size + layer.dB.size for layer in trace.layers)
    smooth = gaps[~kinks]
    return Check(found, float(smooth.max(initial=0)), bool(same.all() and (near | kinks).all()), of_layers)


def _table(trace):
    """The table of the network; without the limit that a cross-entropy may have, of which no derivative knows."""
    names = [layer.activation for layer in trace.layers]
    activations = [*(HIDDEN[name] for name in names[:-1]), OUTPUT[names[-1]]]
    level = trace.level if ERRORS_OF[names[-1]][0] == "squared_error" else 0.0
    return layout.layer_table(trace.sizes, activations, ERROR[trace.loss], level)


def _flat(trace, letter):
    """W, B or dW, dB of all layers in the order of theta."""
    parts = [getattr(layer, letter + name).ravel() for layer in trace.layers for name in "WB"]
    return np.concatenate(parts)


def _names(trace):
    """The quantity and the slides of each derivative, in the order of theta."""
    for number, layer in enumerate(trace.layers, start=1):
        for j, i in np.ndindex(layer.dW.shape):
            yield f"dE/d{of_weight(j, i, number)}", layer.slides["dW"]
        for j in range(layer.dB.size):
            yield f"dE/d{of_unit('b', j, number)}", layer.slides["dB"]


def _crosses_a_kink(trace, layers, theta, p):
    """Whether the difference quotient of a parameter has the two sides of a kink, one each."""
    dx = np.finfo(np.float64).eps ** (1 / 3) * max(abs(theta[p]), 1)  # as in `differences`
    sides = [_sides(trace, layers, np.where(np.arange(theta.size) == p, theta + step, theta)) for step in (dx, -dx)]
    return bool((sides[0] != sides[1]).any())


def _sides(trace, layers, theta):
    """On which side of its kink each unit is: u of ReLU and its kin, y - d of a quantile."""
    from fastbp.lecture import matrix

    u, y = np.empty((2, layout.unit_count(layers)))
    with np.errstate(all="ignore"):
        matrix.forward(theta, layers, trace.x, u, y)
    kinked = np.repeat([layer.activation in KINKED for layer in trace.layers], layers["receiving"])
    ends = y[-trace.d.size :] - trace.d if trace.loss == "quantile" else []
    return np.concatenate([np.sign(u[kinked]), np.sign(ends)])
