"""Register tiles as Numba values: rows x columns vectors that a loop holds in one variable.

    for k in range(K):
        tile = add_outer(tile, rows, a + .., step, b + ..)    # tile[r, c] += a[r] * b[c] for r < rows and all c

`rows` is a variable: a switch inside the loop costs nothing that can be measured, and one compiled loop serves tiles of
all heights, where a loop for each height would take seconds to compile.
"""

from llvmlite import ir
from numba.core import types
from numba.core.errors import TypingError
from numba.extending import intrinsic

from fastbp.engine.simd.vectors import (
    AS_WRITTEN,
    I32,
    I64,
    Tile,
    Vec,
    call,
    constant,
    load_at,
    load_part_at,
    pointee,
    prefetch,
    spread_over,
    store_at,
    store_part_at,
)  # fmt: skip

# Rows of b that are asked for before they are needed: a panel comes from the second-level cache. 5 % of a large layer;
# cutting the rows into blocks that fit into the first gained as much there and lost it in the gradient.
AHEAD = 8


def _cells(b, tile):
    return [b.extract_value(tile, cell) for cell in range(tile.type.count)]


def _tile_of(b, cells):
    value = ir.Constant(ir.ArrayType(cells[0].type, len(cells)), ir.Undefined)
    for cell, content in enumerate(cells):
        value = b.insert_value(value, content, cell)
    return value


@intrinsic
def tile_rows(typing_context, shape):
    """How many rows tiles of this shape have."""
    return types.intp(shape), lambda context, b, sig, args: I64(sig.args[0].rows)


@intrinsic
def tile_columns(typing_context, shape):
    """How many columns of vectors tiles of this shape have."""
    return types.intp(shape), lambda context, b, sig, args: I64(sig.args[0].columns)


@intrinsic
def zeros(typing_context, shape, pointer):
    """A tile of zeros, of the dtype behind the pointer."""
    tile = Tile(shape.rows, shape.columns, pointee(pointer))
    return tile(shape, pointer), lambda context, b, sig, args: ir.Constant(context.get_value_type(tile), None)


def _for_height(b, tile, rows, kind, handle):
    """The tile that handle(cells, n) makes of its cells, for the height n = rows: a switch with a case for each."""
    end = b.append_basic_block("end")
    cases = [b.append_basic_block(f"rows{n}") for n in range(1, kind.rows + 1)]
    switch = b.switch(rows, cases[-1])
    results = []
    for n, case in enumerate(cases, start=1):
        if n < kind.rows:
            switch.add_case(I64(n), case)
        b.position_at_end(case)
        results.append((_tile_of(b, handle(_cells(b, tile), n)), b.block))
        b.branch(end)
    b.position_at_end(end)
    merged = b.phi(tile.type)
    for result in results:
        merged.add_incoming(*result)
    return merged


@intrinsic
def add_outer(typing_context, tile, rows, a, step, b_row):
    """tile[r, c] += a[r * step] * b_row[c] for r < rows: rows of numbers times a row of vectors."""

    def codegen(context, b, sig, args):
        kind = sig.args[0]
        tile, rows, a, step, b_row = args
        vector, columns = tile.type.element, kind.columns
        row = [load_at(b, b_row, I64(c * vector.count), vector) for c in range(columns)]
        for c in range(columns):
            prefetch(b, b_row, (AHEAD * columns + c) * vector.count)

        def add(cells, n):
            for r in range(n):
                number = spread_over(b, b.load(b.gep(a, [b.mul(step, I64(r))])), vector)
                for c in range(columns):
                    cells[r * columns + c] = call(b, "fmuladd", vector, [number, row[c], cells[r * columns + c]])
            return cells

        return _for_height(b, tile, rows, kind, add)

    return tile(tile, types.intp, a, types.intp, b_row), codegen


@intrinsic
def add_products(typing_context, tile, rows, a, a_row, b, b_row, n):
    """tile[r, c] += a_r * b_c, lane by lane, for r < rows: n numbers at a + r * a_row and at b + c * b_row."""

    def codegen(context, builder, sig, args):
        kind = sig.args[0]
        tile, rows, a, a_row, other, b_row, lanes = args
        vector, columns = tile.type.element, kind.columns

        def with_loads(loaded):
            def add(cells, height):
                row = [loaded(other, builder.mul(b_row, I64(c))) for c in range(columns)]
                for r in range(height):
                    left = loaded(a, builder.mul(a_row, I64(r)))
                    for c in range(columns):
                        cell = r * columns + c
                        cells[cell] = call(builder, "fmuladd", vector, [left, row[c], cells[cell]])
                return cells

            return [_for_height(builder, tile, rows, kind, add)]

        return _merged(
            builder,
            builder.icmp_signed(">=", lanes, I64(vector.count)),
            lambda: with_loads(lambda p, offset: load_at(builder, p, offset, vector)),
            lambda: with_loads(lambda p, offset: load_part_at(builder, p, offset, lanes, vector)),
        )[0]

    return tile(tile, types.intp, a, types.intp, b, types.intp, types.intp), codegen


def _totals(b, vectors):
    """A vector with the sum of the lanes of each of so many vectors, by halves: the sums of two share a vector."""
    lanes, integers = len(vectors), ir.VectorType(I32, len(vectors))
    width = lanes
    while len(vectors) > 1:
        half, starts = width // 2, range(0, lanes, width)
        low = [at + s for start in starts for at in (start, lanes + start) for s in range(half)]
        low, high = (ir.Constant(integers, [at + more for at in low]) for more in (0, half))
        vectors = [
            b.fadd(b.shuffle_vector(one, other, low), b.shuffle_vector(one, other, high), flags=AS_WRITTEN)
            for one, other in zip(vectors[: len(vectors) // 2], vectors[len(vectors) // 2 :], strict=True)
        ]
        width = half
    return vectors[0]


@intrinsic
def add_totals(typing_context, tile, factor, p, column):
    """p[c * column + r] += factor * the sum of the lanes of tile[r, c]. Whole vectors are written; rows of 0 add 0."""

    def codegen(context, b, sig, args):
        kind = sig.args[0]
        tile, factor, p, column = args
        vector, cells = tile.type.element, _cells(b, tile)
        nothing = constant(vector, 0.0)
        for c in range(kind.columns):
            for first in range(0, kind.rows, vector.count):
                rows = cells[first * kind.columns + c : (first + vector.count) * kind.columns : kind.columns]
                sums = _totals(b, rows + [nothing] * (vector.count - len(rows)))
                at = b.add(b.mul(column, I64(c)), I64(first))
                before = load_at(b, p, at, vector)
                store_at(b, call(b, "fmuladd", vector, [spread_over(b, factor, vector), sums, before]), p, at)
        return context.get_dummy_value()

    return types.void(tile, tile.dtype, p, types.intp), codegen


def _each_row(b, rows, kind, handle):
    """handle(r) for each r < rows, as a chain of branches that the first missing row leaves."""
    end = b.append_basic_block("end")
    for r in range(kind.rows):
        there = b.append_basic_block(f"row{r}")
        b.cbranch(b.icmp_signed("<", I64(r), rows), there, end)
        b.position_at_end(there)
        handle(r)
    b.branch(end)
    b.position_at_end(end)


def _offset(b, r, step, c, vector):
    return b.add(b.mul(step, I64(r)), I64(c * vector.count))


def _whole(b, rows, last, kind, lanes):
    """Whether all rows and all numbers of a tile count, which most tiles have and need no branches and masks."""
    return b.and_(b.icmp_signed(">=", rows, I64(kind.rows)), b.icmp_signed(">=", last, I64(lanes)))


@intrinsic
def store_tile(typing_context, tile, rows, p, step, last):
    """p[r * step + c] = tile[r, c] for r < rows; of the last column of vectors only the first `last` numbers."""

    def codegen(context, b, sig, args):
        kind = sig.args[0]
        tile, rows, p, step, last = args
        vector, columns = tile.type.element, kind.columns
        cells = _cells(b, tile)

        def store_row(r):
            for c in range(columns):
                store_at(b, cells[r * columns + c], p, _offset(b, r, step, c, vector))

        def store_row_with_mask(r):
            for c in range(columns):
                n = last if c == columns - 1 else I64(vector.count)
                store_part_at(b, cells[r * columns + c], p, _offset(b, r, step, c, vector), n)

        with b.if_else(_whole(b, rows, last, kind, vector.count)) as (whole, part):
            with whole:
                for r in range(kind.rows):
                    store_row(r)
            with part:
                _each_row(b, rows, kind, store_row_with_mask)
        return context.get_dummy_value()

    return types.void(tile, types.intp, p, types.intp, types.intp), codegen


def _merged(b, condition, one, other):
    """one() where the condition holds, other() elsewhere: lists of values."""
    with b.if_else(condition) as (then, otherwise):
        with then:
            first, first_block = one(), b.block
        with otherwise:
            second, second_block = other(), b.block
    merged = []
    for left, right in zip(first, second, strict=True):
        merged.append(b.phi(left.type))
        merged[-1].add_incoming(left, first_block)
        merged[-1].add_incoming(right, second_block)
    return merged


@intrinsic
def add_to_tile(typing_context, tile, factor, rows, p, step, last):
    """factor * tile[r, c] + p[r * step + c] for r < rows; of the last column of vectors the first `last` numbers."""

    def codegen(context, b, sig, args):
        kind = sig.args[0]
        tile, factor, rows, p, step, last = args
        vector, columns = tile.type.element, kind.columns
        factors = spread_over(b, factor, vector)
        places = [(r, c) for r in range(kind.rows) for c in range(columns)]

        def load_all():
            return [load_at(b, p, _offset(b, r, step, c, vector), vector) for r, c in places]

        def load_some():
            loaded = []
            for r, c in places:
                inside = b.icmp_signed("<", I64(r), rows)
                n = b.select(inside, last if c == columns - 1 else I64(vector.count), I64(0))
                at = b.select(inside, _offset(b, r, step, c, vector), I64(0))
                loaded.append(load_part_at(b, p, at, n, vector))
            return loaded

        loaded = _merged(b, _whole(b, rows, last, kind, vector.count), load_all, load_some)
        pairs = zip(_cells(b, tile), loaded, strict=True)
        return _tile_of(b, [call(b, "fmuladd", vector, [factors, cell, number]) for cell, number in pairs])

    return tile(tile, tile.dtype, types.intp, p, types.intp, types.intp), codegen


@intrinsic
def add_column(typing_context, tile, rows, p):
    """tile[r, c] + p[r] for r < rows."""

    def codegen(context, b, sig, args):
        kind = sig.args[0]
        tile, rows, p = args
        vector, columns = tile.type.element, kind.columns
        cells = _cells(b, tile)
        for r in range(kind.rows):
            at = b.select(b.icmp_signed("<", I64(r), rows), I64(r), I64(0))
            number = spread_over(b, b.load(b.gep(p, [at])), vector)
            for c in range(columns):
                cells[r * columns + c] = b.fadd(cells[r * columns + c], number, flags=AS_WRITTEN)
        return _tile_of(b, cells)

    return tile(tile, types.intp, p), codegen


@intrinsic
def load_rows(typing_context, p, index, step, rows, n):
    """A square tile of one column: row r holds the first n numbers at p[index[r] * step]; zeros elsewhere."""
    dtype = pointee(p)

    def codegen(context, b, sig, args):
        kind = sig.return_type
        p, index, step, rows, n = args
        vector = context.get_value_type(kind.vec)

        def load_all():
            numbers = [b.load(b.gep(index, [I64(r)])) for r in range(kind.rows)]
            return [load_at(b, p, b.mul(number, step), vector) for number in numbers]

        def load_some():
            loaded = []
            for r in range(kind.rows):
                inside = b.icmp_signed("<", I64(r), rows)
                number = b.load(b.gep(index, [b.select(inside, I64(r), I64(0))]))
                loaded.append(load_part_at(b, p, b.mul(number, step), b.select(inside, n, I64(0)), vector))
            return loaded

        return _tile_of(b, _merged(b, _whole(b, rows, n, kind, vector.count), load_all, load_some))

    return Tile(Vec(dtype).lanes, 1, dtype)(p, index, types.intp, types.intp, types.intp), codegen


@intrinsic
def transposed(typing_context, tile):
    """The square tile with rows and lanes exchanged: in each stage neighbours at a distance exchange halves."""
    if tile.columns != 1 or tile.rows != tile.vec.lanes:
        raise TypingError(f"a square tile is needed, got {tile}")

    def codegen(context, b, sig, args):
        cells, n = _cells(b, args[0]), sig.args[0].rows
        integers = ir.VectorType(I32, n)
        distance = 1
        while distance < n:
            upper = [i if not i & distance else n + i - distance for i in range(n)]
            lower = [i + distance if not i & distance else n + i for i in range(n)]
            for r in range(n):
                if not r & distance:
                    one, other = cells[r], cells[r + distance]
                    cells[r] = b.shuffle_vector(one, other, ir.Constant(integers, upper))
                    cells[r + distance] = b.shuffle_vector(one, other, ir.Constant(integers, lower))
            distance *= 2
        return _tile_of(b, cells)

    return tile(tile), codegen
