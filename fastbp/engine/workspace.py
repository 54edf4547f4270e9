"""Where an epoch keeps what it needs: one array for all threads, laid out once, before the epoch begins."""

import functools

import numpy as np

from fastbp.engine.simd.shapes import REGISTERS, VECTOR_BYTES
from fastbp.lecture.layout import LAYER, unit_count, weight_counts

# What `places` holds: samples a chunk, length of a row of units; where outputs, slopes h'(u), deltas, targets, shares
# of the samples, errors and what the first thread has of its own begin; the length of that, and where in it the block
# of a packed matrix begins (behind the panels); where x of a chunk begins, a row for each sample, and how long such a
# row is: 0 where the first layer has its samples along the vectors; then 0, 1, 2, ...
CHUNK, ROW = range(2)
OUTPUTS_AT, SLOPES_AT, DELTAS_AT, TARGETS_AT, SHARES_AT, ERRORS_AT, PANELS_AT = range(2, 9)
OWN, BLOCK_AT, X_AT, X_ROW, COUNTING_AT = range(9, 14)

WIDEST = 4 if REGISTERS == 32 else 3  # vectors in the widest tile; of 16 registers 2 x 4 sums leave too many unused
BLOCK_ROWS = 48  # rows of a packed matrix: whole tiles of each height
BLOCK = 2048  # parameters that a thread updates at once; sums over parameters are sums of sums of blocks
FEWEST, MOST, CHUNK_BYTES = 104, 2048, 1 << 18
WIDE, FEWEST_OF_WIDE = 1 << 18, 256  # so many weights in a layer are read from far away: for more samples at once
MERSENNE_WORDS = 624  # the state of a generator of random numbers (shuffles.py)
# A stream of PCG64, in words of 32 bits, the lowest first: state, increment, whether a word is kept, and that.
STATE_WORDS = 4
INCREMENT_AT, KEPT_AT, STREAM_WORDS = STATE_WORDS, 2 * STATE_WORDS, 2 * STATE_WORDS + 2


def whole_vectors(n, lanes):
    return -(-n // lanes) * lanes


def uneven(row, dtype):
    """A row of whole vectors, one longer where rows a power of two apart would share their places in the cache."""
    return row + (VECTOR_BYTES // dtype.itemsize if row * dtype.itemsize % 512 == 0 else 0)


def chunk_of(layers, batch_size, dtype):
    """How many samples pass through the layers at once: as many as the second-level cache holds, of wide layers more.

    A mini-batch is cut into chunks of nearly the same size. That depends on the sizes alone: the order of the sums, and
    so the bits, must not depend on the threads.
    """
    bytes_of_sample = (3 * unit_count(layers) + int(layers[0]["sending"])) * dtype.itemsize
    wide = weight_counts(layers).max() > WIDE
    most = min(MOST, max(FEWEST_OF_WIDE if wide else FEWEST, CHUNK_BYTES // bytes_of_sample))
    chunks = -(-batch_size // most)
    return min(batch_size, most, whole_vectors(-(-batch_size // chunks), VECTOR_BYTES // dtype.itemsize))


def plan(layers, batch_size, dtype, threads, rows_of_x=False):
    """The table `places`, which nobody changes, and the array `scratch` for an epoch of this network.

    With `rows_of_x` the samples do not lie along the vectors of the first layer (axes.py): it reads X row by row.
    """
    places = _places(layers.tobytes(), batch_size, dtype)
    length = int(places[PANELS_AT] + threads * places[OWN])
    if rows_of_x:
        places = places.copy()
        row = uneven(whole_vectors(layers["sending"].item(0), VECTOR_BYTES // dtype.itemsize), dtype)
        places[X_AT], places[X_ROW], length = length, row, length + int(places[CHUNK]) * row
    return places, aligned(length, dtype)


@functools.lru_cache(maxsize=16)
def _places(table, batch_size, dtype):
    """Worked out once: that takes ten times as long as the outputs of a sample."""
    layers = np.frombuffer(table, LAYER)
    lanes = VECTOR_BYTES // dtype.itemsize
    chunk = chunk_of(layers, batch_size, dtype)
    row = uneven(whole_vectors(chunk, lanes), dtype)
    units, outputs = unit_count(layers), layers["receiving"].item(-1)
    sizes = [int(layers[0]["sending"]), *layers["receiving"].tolist()]
    widest = whole_vectors(max(sizes), lanes)
    panels = max(widest * whole_vectors(chunk, lanes), whole_vectors(chunk, lanes) * WIDEST * lanes)
    lengths = [units * row, units * row, units * row, whole_vectors(outputs, lanes) * row, row, row]
    places = np.arange(-COUNTING_AT, max(widest, chunk, WIDEST * lanes))
    places[CHUNK], places[ROW], places[OWN], places[BLOCK_AT] = chunk, row, panels + widest * BLOCK_ROWS, panels
    places[OUTPUTS_AT:OWN] = np.cumsum([0, *lengths])
    places[X_AT] = places[X_ROW] = 0
    return places


def plan_of_few(layers, samples, dtype):
    """The same for an epoch of `tiles/few.py`: a row for each sample, all units of which begin with a whole vector."""
    lanes = VECTOR_BYTES // dtype.itemsize
    receiving = layers["receiving"].tolist()
    row, inputs = sum(whole_vectors(n, lanes) for n in receiving), whole_vectors(int(layers[0]["sending"]), lanes)
    rows, widest = whole_vectors(samples, lanes), max(inputs, *(whole_vectors(n, lanes) for n in receiving))
    outputs = 3 * whole_vectors(receiving[-1], lanes) * rows
    lengths = [rows * row, rows * row, rows * row, outputs, rows, rows, rows * inputs]
    places = np.arange(-COUNTING_AT, max(widest, rows, WIDEST * lanes))
    places[CHUNK], places[ROW], places[OWN], places[BLOCK_AT] = samples, row, 0, rows * inputs
    places[OUTPUTS_AT:OWN] = np.cumsum([0, *lengths[:-1]])
    return places, aligned(sum(lengths) + max(receiving) * WIDEST * lanes, dtype)


def by_samples(places):
    """The same places, for a pass in which the first layer has its samples along the vectors."""
    places = places.copy()
    places[X_ROW] = 0
    return places


def scratch_of(places, threads, dtype):
    """An array `scratch` in which each of the threads has a chunk of its own."""
    return aligned(int(threads * (places[PANELS_AT] + places[OWN])), dtype)


def plan_of_sparse(layers, batch_size, dtype, threads):
    """What sparse samples need beside that: values of the first layer, a row for each sample; a block of its weights
    for each thread; the sums over its blocks; what limits the norms of its units."""
    inputs, receiving = layers["sending"].item(0), layers["receiving"].item(0)
    by_sample = rows_for_samples(receiving, batch_size, dtype)
    blocks = aligned(threads * max(BLOCK, receiving), dtype).reshape(threads, -1)
    sums = np.zeros((2, -(-inputs // max(1, BLOCK // receiving))))
    return by_sample, blocks, sums, np.zeros(receiving)


def rows_for_samples(units, samples, dtype):
    """A row of whole vectors for each sample, and rows for a vector of samples more: what is transposed is whole."""
    lanes = VECTOR_BYTES // dtype.itemsize
    row = whole_vectors(units, lanes)
    return aligned((samples + lanes) * row, dtype).reshape(-1, row)


def blocks_of(parameters):
    """How many blocks so many parameters are."""
    return -(-parameters // BLOCK)


def aligned(n, dtype):
    """n numbers that begin with a cache line, all 0."""
    whole = np.zeros(n + 64 // dtype.itemsize, dtype)
    skip = -whole.ctypes.data % 64 // dtype.itemsize
    return whole[skip : skip + n]


# Where the values of a group of lanes begin, in rows of samples and lanes: inputs, targets, values of units (u, y, dy,
# dh, delta), what is kept of the units, shares of the samples; the rows of all.
INPUTS_AT, SIGNALS_AT, VALUES_AT, KEEP_AT, SHARE_AT, ROWS = range(6)


def lanes_of_dtype(dtype):
    """How many networks share a vector."""
    return VECTOR_BYTES // dtype.itemsize


def places_of_lanes(layers, dtype):
    """The table `places` of a group of networks."""
    lanes, units = lanes_of_dtype(dtype), unit_count(layers)
    squares = [whole_vectors(int(n), lanes) for n in (layers[0]["sending"], layers[-1]["receiving"])]
    return np.cumsum([0, *squares, 5 * units, units, 1])
