"""The three contractions of a layer over a chunk of samples, as loops over register tiles.

Values of units are stored a row for each unit, a column for each sample: y[j, s] lies at y + j * stride + s. Samples
thus lie along the vectors in the forward pass and in the deltas, whatever the sizes of the layers; only the gradient,
which sums over samples, has the sending units along its vectors. W is in the lecture's order everywhere.

A panel is a copy of as many columns as a tile has, row behind row: the tile reads it in order, without gaps and masks.
"""

import numpy as np

from fastbp.compiler.jit import jit
from fastbp.engine.simd.dispatch import (
    add_column,
    add_outer,
    add_products,
    add_to_tile,
    add_totals,
    ask_for,
    lanes,
    load,
    load_part,
    load_rows,
    moved,
    store,
    store_tile,
    tile_rows,
    total,
    transposed,
    zeros,
)
from fastbp.engine.simd.functions import activation
from fastbp.engine.simd.shapes import FOUR, ONE, THREE, TWO
from fastbp.engine.workspace import BLOCK_ROWS, WIDEST

# What the sums of a product begin with (a number for each row, rows of numbers), or end with (out plus `factor` times
# the sum); the step from a number to its neighbour. No plain integers: Numba would compile a product for each of them.
FROM_ZERO, FROM_COLUMN, FROM_ROWS, ONTO_OUT, NEXT = np.int64(0), np.int64(1), np.int64(2), np.int64(3), np.int64(1)
PACKED = 1 << 15  # matrices a of more numbers are packed: their rows would share places in the cache, or pages


@jit(inline=False)
def tile_product(shape, M, K, a, b, begin, out, last):
    """out_mn = begin_m + sum_k a_mk b_kn for all n of one tile's columns."""
    # a: pointer (m, k) and its steps in m and k, b: pointer (k, n) and its step in k, out: pointer (m, n), step in m;
    # begin: FROM_... or ONTO_OUT, where a column (m) or rows (m, n) begin, their step in m, a factor;
    # of the last vector of a row `last` numbers count
    (a, a_row, a_step), (b, b_step), (begin, start, start_row, factor), (out, out_row), m = a, b, begin, out, 0
    while m < M:
        rows = min(tile_rows(shape), M - m)
        if rows < M - m < 2 * rows:
            rows = (M - m + 1) // 2  # two halves: tiles of few rows are slow
        tile = zeros(shape, out)
        if begin == FROM_COLUMN:
            tile = add_column(tile, rows, moved(start, m))
        elif begin == FROM_ROWS:
            tile = add_to_tile(tile, 1, rows, moved(start, m * start_row), start_row, last)
        for k in range(K):
            tile = add_outer(tile, rows, moved(a, m * a_row + k * a_step), a_row, moved(b, k * b_step))
        if begin == ONTO_OUT:
            tile = add_to_tile(tile, factor, rows, moved(out, m * out_row), out_row, last)
        store_tile(tile, rows, moved(out, m * out_row), out_row, last)
        m += rows


@jit(inline=False)
def product(columns, M, K, a, b, begin, out, last):
    """The same for a number of columns that is known only now: one compiled loop for each."""
    if columns == 4:
        tile_product(FOUR, M, K, a, b, begin, out, last)
    elif columns == 3:
        tile_product(THREE, M, K, a, b, begin, out, last)
    elif columns == 2:
        tile_product(TWO, M, K, a, b, begin, out, last)
    else:
        tile_product(ONE, M, K, a, b, begin, out, last)


@jit(inline=False)
def tile_product_along(shape, M, K, a, b, factor, out):
    """out_mn += factor * sum_k a_mk b_nk for all n of one tile's columns: k lies along the vectors, in a and b."""
    # a: pointer (m, k) and its step in m, b: pointer (n, k) and its step in n,
    # out: pointer (m, n) and its step in n; there must be room for as many m as a tile has rows
    (a, a_row), (b, b_row), (out, out_step), m = a, b, out, 0
    L = lanes(a)
    while m < M:
        rows = min(tile_rows(shape), M - m)
        tile = zeros(shape, out)
        for k in range(0, K, L):
            tile = add_products(tile, rows, moved(a, m * a_row + k), a_row, moved(b, k), b_row, K - k)
        add_totals(tile, factor, moved(out, m), out_step)
        m += rows


@jit(inline=False)
def product_along(M, N, K, a, b, factor, out):
    """The same for all n: few of them, since a is read anew for each tile's columns."""
    (b, b_row), (out, out_step), n = b, out, 0
    while n < N:
        columns = width_of_next(N - n)
        panel, to = (moved(b, n * b_row), b_row), (moved(out, n * out_step), out_step)
        if columns == 4:
            tile_product_along(FOUR, M, K, a, panel, factor, to)
        elif columns == 3:
            tile_product_along(THREE, M, K, a, panel, factor, to)
        elif columns == 2:
            tile_product_along(TWO, M, K, a, panel, factor, to)
        else:
            tile_product_along(ONE, M, K, a, panel, factor, to)
        n += columns


@jit
def whole_row(n, L):
    """How many numbers n units take, in whole vectors."""
    return -(-n // L) * L


@jit
def width_of_next(vectors):
    """How many of so many columns of vectors the next tile takes: widths as even as can be."""
    tiles = -(-vectors // WIDEST)
    return -(-vectors // tiles)


@jit(inline=False)
def transpose_rows(p, index, step, rows, columns, out, out_row):
    """out_cr = p_rc: rows p + index[r] * step become columns. Whole squares are written, zeros beyond."""
    # p (r, c), index (r), out (c, r)
    L = lanes(p)
    for r in range(0, rows, L):
        for c in range(0, columns, L):
            square = transposed(load_rows(moved(p, c), moved(index, r), step, min(L, rows - r), min(L, columns - c)))
            store_tile(square, L, moved(out, c * out_row + r), out_row, L)


@jit(inline=False)
def copy_rows(p, index, step, rows, columns, out, out_row):
    """out_rc = p_rc: rows p + index[r] * step, filled up with zeros to whole vectors."""
    # p (r, c), index (r), out (r, c)
    L = lanes(p)
    whole = columns // L * L
    for r in range(rows):
        row, to = moved(p, index[r] * step), moved(out, r * out_row)
        later = moved(p, index[min(r + 8, rows - 1)] * step)
        for c in range(0, columns, L):
            ask_for(moved(later, c))
        for c in range(0, whole, L):
            store(moved(to, c), load(moved(row, c)))
        if whole < columns:
            store(moved(to, whole), load_part(moved(row, whole), columns - whole))


@jit(inline=False)
def activate(code, rows, columns, row, y, dh):
    """y_j = h(u_j), dh_j = h'(u_j) (slides 5-8), in place: y holds u before."""
    # y, dh (rows, columns)
    for j in range(rows):
        for s in range(0, columns, lanes(y)):
            h, slope = activation(code, load(moved(y, j * row + s)))
            store(moved(y, j * row + s), h)
            store(moved(dh, j * row + s), slope)


@jit(inline=False)
def multiply(rows, columns, row, dh, delta):
    """delta_j = dE/dy_j h'(u_j) (slides 34-36), in place: delta holds dE/dy before."""
    # dh, delta (rows, columns)
    for j in range(rows):
        for s in range(0, columns, lanes(dh)):
            at = j * row + s
            store(moved(delta, at), load(moved(delta, at)) * load(moved(dh, at)))


@jit(inline=False)
def product_of_samples(vectors, M, K, a, b, begin, out, spare):
    """out_ms = begin_m + sum_k a_mk b_ks for `vectors` columns of samples.

    Where b has no step, it is panels, one behind the other. A large matrix a is copied in blocks that all columns use.
    """
    # a, b, begin, out as in tile_product, spare: counting 0, 1, 2, ..., block (k, BLOCK_ROWS)
    (a, a_row, a_step), (b, b_row), (begin, column), (out, out_row), (counting, block) = a, b, begin, out, spare
    L = lanes(b)
    packed = vectors > WIDEST and M * K > PACKED
    height = BLOCK_ROWS if packed else M
    for m in range(0, M, height):
        rows, rows_of_a, row, step = min(height, M - m), moved(a, m * a_row), a_row, a_step
        if packed:
            if a_step == 1:
                transpose_rows(rows_of_a, counting, a_row, rows, K, block, BLOCK_ROWS)
            else:
                copy_rows(rows_of_a, counting, a_step, K, rows, block, BLOCK_ROWS)
            rows_of_a, row, step = block, NEXT, NEXT * BLOCK_ROWS
        v = 0
        while v < vectors:
            columns = width_of_next(vectors - v)
            panel = moved(b, v * L * (K if b_row == 0 else 1)), columns * L if b_row == 0 else b_row
            start, to = (begin, moved(column, m), NEXT, 1.0), (moved(out, m * out_row + v * L), out_row)
            product(columns, rows, K, (rows_of_a, row, step), panel, start, to, L)
            v += columns


@jit(inline=False)
def pack_columns(vectors, K, b, b_row, counting, panels):
    """Rows of `vectors` columns as panels, one behind the other, as product_of_samples takes them."""
    # b (k, s), panels (tile, k, columns of the tile)
    L, v = lanes(b), 0
    while v < vectors:
        columns = width_of_next(vectors - v)
        copy_rows(moved(b, v * L), counting, b_row, K, columns * L, moved(panels, v * L * K), columns * L)
        v += columns


@jit
def put(out, at, number, begin, factor):
    """The number, or that added to what is there, or, with ONTO_OUT, `factor` times it."""
    if begin == FROM_ZERO:
        out[at] = number
    elif begin == FROM_ROWS:
        out[at] += number
    else:
        out[at] += factor * number


@jit(inline=False)
def bias_gradient(rows, samples, delta, row, begin, factor, db):
    """dE/db_j = sum_s delta_js (slides 23, 24, 28, 29), or that (times `factor`) added to db."""
    # delta (j, s), db (j)
    L = lanes(delta)
    for j in range(rows):
        line = moved(delta, j * row)
        sums = load_part(line, min(L, samples))
        for s in range(L, samples, L):
            sums = sums + load_part(moved(line, s), min(L, samples - s))
        put(db, j, total(sums), begin, factor)
