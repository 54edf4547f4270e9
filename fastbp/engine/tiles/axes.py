"""What lies along the vectors where it is not the samples, and in a gradient not the sending units.

*Units of the first layer*: u_sj = b_j + sum_i x_si w_ij and dE/dw_ij = sum_s x_si delta_sj read X number by number
where it lies, without a transposed copy, and fill their vectors where the samples of a mini-batch would not. For that
W lies in an order of its own while an epoch runs: in panels of as many units as a tile has columns, the weights of an
input behind those of the one before, w[panel, i, j of the panel]. Only u and delta, small beside X, are transposed.

*Inputs of the first layer*: of fewer units than fill a vector u_sj is a sum along the vectors, x_s and w_j as they lie.

*Samples in a gradient*: of a few sending units most lanes would be empty, so there the sum runs along the vectors.
"""

from fastbp.compiler.jit import jit
from fastbp.compiler.views import borrowed
from fastbp.engine.simd.dispatch import address, lanes, load_rows, moved, store_tile, tile_rows, transposed
from fastbp.engine.simd.shapes import ONE
from fastbp.engine.tiles.layers import (
    FROM_ROWS,
    NEXT,
    bias_gradient,
    copy_rows,
    product,
    product_along,
    put,
    transpose_rows,
    whole_row,
    width_of_next,
)
from fastbp.engine.workspace import COUNTING_AT, DELTAS_AT, ROW, X_AT, X_ROW

IN_PANELS = 0  # the only word of `state`: whether the weights lie in panels now


@jit
def has_units_along(layers, layer, places, L):
    """Whether the receiving units of a layer lie along the vectors: of the first one, where they fill one."""
    return layer == 0 and places[X_ROW] > 0 and layers[0]["receiving"] >= L


@jit(inline=False)
def forward_from_rows(theta, layers, x, mine, workspace, panels, out):
    """u_j = sum_i w_ji x_i + b_j (slide 7) of some samples of a chunk, whose inputs are copied side by side before."""
    # theta (p), x (N, i), mine: rows (s) of the chunk, first sample, number of samples,
    # workspace: places, scratch, panels: room for u (s, j) or (j, s), out: u (j, s)
    (rows, first, samples), (places, scratch), layer = mine, workspace, layers[0]
    inputs, row, sending = moved(scratch, places[X_AT] + first * places[X_ROW]), places[X_ROW], layer["sending"]
    copy_rows(x, moved(rows, first), sending, samples, sending, inputs, row)
    if has_units_along(layers, 0, places, lanes(x)):
        forward_by_units(theta, layer, samples, (inputs, row), address(places, COUNTING_AT), panels, out, places[ROW])
    else:
        forward_along_inputs(theta, layer, samples, (inputs, row), panels, out, places[ROW])


@jit(inline=False)
def forward_by_units(theta, layer, samples, x, counting, panels, out, out_row):
    """The same with the receiving units along the vectors."""
    # layer: a row of the table, x: inputs (s, i) and their step in s, counting: 0, 1, 2, ...
    (inputs, row), sending, receiving, L, v = x, layer["sending"], layer["receiving"], lanes(panels), 0
    w, b = moved(theta, layer["weights_at"]), moved(theta, layer["biases_at"])
    vectors, u_row = -(-receiving // L), whole_row(receiving, L)
    while v < vectors:
        columns, j = width_of_next(vectors - v), v * L
        width = min(columns * L, receiving - j)
        start, to, last = (FROM_ROWS, moved(b, j), 0 * u_row, 1.0), (moved(panels, j), u_row), width - (columns - 1) * L
        product(columns, samples, sending, (inputs, row, NEXT), (moved(w, j * sending), width), start, to, last)
        v += columns
    transpose_rows(panels, counting, u_row, samples, receiving, out, out_row)


@jit(inline=False)
def forward_along_inputs(theta, layer, samples, x, panels, out, out_row):
    """The same with the inputs along the vectors, W in the lecture's order: neither X nor W is transposed."""
    # layer: a row of the table, x: inputs (s, i) and their step in s
    (inputs, row), sending, receiving = x, layer["sending"], layer["receiving"]
    w, b, n = moved(theta, layer["weights_at"]), moved(theta, layer["biases_at"]), whole_row(samples, lanes(panels))
    sums_row = n + tile_rows(ONE)
    for at in range(receiving * sums_row):
        panels[at] = 0
    product_along(samples, receiving, sending, (inputs, row), (w, sending), 1.0, (panels, sums_row))
    for j in range(receiving):
        for s in range(n):
            out[j * out_row + s] = b[j] + panels[j * sums_row + s]


@jit(inline=False)
def gradient_by_units(dtheta, layer, samples, workspace, panel, begin, block):
    """dE/dw_ji = sum_s delta_js x_is (slides 26-29) of a panel's units and n inputs from i on; dE/db_j with i = 0.

    The weights of inputs are numbers a, and those of units vectors b.
    """
    # dtheta (p), layer: a row of the table, workspace: places, scratch, panel: room for delta (s, j), begin: FROM_...
    # or ONTO_OUT and the factor, block: the panel's first vector and how many it has, i and n
    (places, scratch), (begin, factor), (v, columns, i, n), L = workspace, begin, block, lanes(panel)
    sending, j, row = layer["sending"], v * L, places[ROW]
    width, inputs = min(columns * L, layer["receiving"] - j), moved(scratch, places[X_AT] + i)
    delta = moved(scratch, places[DELTAS_AT] + (layer["units_at"] + j) * row)
    transpose_rows(delta, address(places, COUNTING_AT), row, width, samples, panel, columns * L)
    dw = moved(dtheta, layer["weights_at"] + j * sending + i * width)
    a, start = (inputs, NEXT, places[X_ROW]), (begin, dw, width, factor)
    product(columns, n, samples, a, (panel, columns * L), start, (dw, width), width - (columns - 1) * L)
    if i == 0:
        bias_gradient(width, samples, delta, row, begin, factor, moved(dtheta, layer["biases_at"] + j))


@jit(inline=False)
def gradient_along_samples(delta, x, n, sending, samples, sums, begin, dw):
    """dE/dw_ji = sum_s delta_js x_is (slides 26-29) of n units and a few inputs, s along the vectors."""
    # delta: pointer (j, s) and its step in j, x: (i, s) and its step in i, sums: room for (i, j) and for a tile,
    # begin: FROM_... or ONTO_OUT and the factor, dw (j, i)
    (begin, factor), sums_row = begin, n + tile_rows(ONE)
    for at in range(sending * sums_row):
        sums[at] = 0
    product_along(n, sending, samples, delta, x, 1.0, (sums, sums_row))
    for j in range(n):
        for i in range(sending):
            put(dw, j * sending + i, sums[i * sums_row + j], begin, factor)


@jit(inline=False)
def transpose(p, counting, rows, columns, row, out, out_row):
    """out_cr = p_rc, and nothing beside."""
    # p (r, c), counting: 0, 1, 2, ..., out (c, r)
    L = lanes(p)
    for r in range(0, rows, L):
        for c in range(0, columns, L):
            square = transposed(load_rows(moved(p, c), moved(counting, r), row, min(L, rows - r), min(L, columns - c)))
            store_tile(square, min(L, columns - c), moved(out, c * out_row + r), out_row, min(L, rows - r))


@jit(inline=False)
def reorder(w, layer, in_panels, counting, spare):
    """w_ji to panels, or back."""
    # w, spare (j, i) or (panel, i, j of the panel)
    sending, receiving, L, v = layer["sending"], layer["receiving"], lanes(w), 0
    vectors = -(-receiving // L)
    while v < vectors:
        columns, j = width_of_next(vectors - v), v * L
        width, at = min(columns * L, receiving - j), j * sending
        if in_panels:
            transpose(moved(w, at), counting, width, sending, sending, moved(spare, at), width)
        else:
            transpose(moved(w, at), counting, sending, width, width, moved(spare, at), sending)
        v += columns
    for at in range(sending * receiving):
        w[at] = spare[at]


@jit
def set_order(theta, layers, moments, places, spare, state, in_panels):
    """The first layer's weights, and what the rule remembers of them, in panels or not, if they do not lie so yet."""
    # theta, spare (p), moments (rows of the rule, p), state: 0 or 1
    layers, places = borrowed((layers, places))
    if state[IN_PANELS] != in_panels:
        counting, to, at = address(places, COUNTING_AT), address(spare, 0), layers[0]["weights_at"]
        reorder(address(theta, at), layers[0], in_panels, counting, to)
        for m in range(moments.shape[0]):
            reorder(address(moments, m * moments.shape[1] + at), layers[0], in_panels, counting, to)
        state[IN_PANELS] = in_panels
