"""How long the registers of this machine are, and the shapes of the tiles that fit into them."""

from typing import NamedTuple

from fastbp.compiler import processor


class TileShape(NamedTuple):
    """How many rows and columns (of vectors) a tile has: as a global constant, a type to Numba."""

    rows: int
    columns: int


VECTOR_BYTES = processor.vector_bytes()
_ARM = VECTOR_BYTES == 16 and processor.triple().startswith(("aarch64", "arm64"))
REGISTERS = 32 if VECTOR_BYTES == 64 or _ARM else 16

# As tall as fits: a tile, a row of b and one number of a share the registers. With fewer than eight
# sums they wait for each other.
ONE, TWO, THREE, FOUR = (
    TileShape(rows, columns)
    for columns, rows in enumerate((16, 12, 8, 6) if REGISTERS == 32 else (8, 6, 4, 2), start=1)
)

# How many samples of each network a vector holds where networks share lanes.
ONE_SAMPLE, FOUR_SAMPLES = TileShape(1, 1), TileShape(4, 1)
