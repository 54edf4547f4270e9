"""Which way an epoch goes: loops, a sample at a time, or tiles, and along what; and how many threads share it.

The lecture's loops win where vectors would be mostly empty. The choice between the ways looks at the sizes, the
mini-batch and the rule alone, never at the threads: the ways round differently, and the same seed must give the same
bits.
"""

from fastbp.engine.simd.shapes import VECTOR_BYTES
from fastbp.engine.workspace import chunk_of, lanes_of_dtype, whole_vectors
from fastbp.lecture.codes import DROPOUT, MAX_NORM, NO_STEP, RULE
from fastbp.lecture.layout import weight_counts
from fastbp.threads.cores import usable_cores

FLOPS_OF_A_THREAD = 8e6  # with less work than this for each in a step, threads lose more than they gain
FLOPS_OF_A_START = 5e7  # less work than this is not worth the start of a thread
LANE_BYTES, LANE_BYTES_OF_FEW, FEW_SAMPLES = 9600, 19200, 8  # weights of a network that shares lanes; mini-batches
FLOPS_OF_AN_UPDATE = 12  # of a weight: what Adam takes
FEWEST_OF_FEW = 5  # samples up to which `tiles/few.py` is faster with vectors of 8 numbers and less
FEW_WEIGHTS = 1000  # so small a network is bound by what comes with a vector, not by its arithmetic
WEIGHTS_OF_ONE = 1 << 14  # with so many, one sample at a time is not faster by loops
VECTORS_OF_INPUTS = 4  # from which on it pays that the inputs of a few units lie along the vectors
# What a first layer costs with units along full vectors, where it costs 1 with samples: X is not transposed, but u and
# delta are (0.80 to 0.97 with many inputs or more of them than units, else 1.0 to 1.2).
COST_OF_UNITS, COST_FROM_FEW_INPUTS, FEW_INPUTS = 0.95, 1.1, 64


def flops_of_step(layers, samples):
    """Floating-point operations of a step: 2 a weight and sample forward, 2 for the gradient, 2 for dE/dy."""
    weights = weight_counts(layers).tolist()
    return 2 * samples * (3 * sum(weights) - weights[0])


def flops_of_outputs(layers, samples):
    """Floating-point operations of a pass without a gradient."""
    return 2 * samples * int(weight_counts(layers).sum())


def flops_of_sparse_step(layers, samples, stored):
    """The same for sparse samples that store so many numbers: 4 a number and receiving unit, and the first update."""
    weights, receiving = weight_counts(layers).tolist(), layers["receiving"].item(0)
    return 6 * samples * sum(weights[1:]) + 4 * stored * receiving + FLOPS_OF_AN_UPDATE * weights[0]


def version_for(layers, batch_size, settings, dtype):
    """ "loops", "few" or "tiles": how an epoch of one network goes. Only tiles know dropout."""
    if not settings[DROPOUT]:
        if prefers_few(layers, batch_size, dtype):
            return "few"
        if prefers_loops(layers, batch_size, dtype):
            return "loops"
    return "tiles"


def prefers_loops(layers, batch_size, dtype):
    """Whether a sample at a time is faster than a vector of samples (measured by benchmarks/test_choice.py)."""
    few = max(1, lanes_of_dtype(dtype) // 8)
    if batch_size != few + 1:
        return batch_size <= few
    return int(weight_counts(layers).sum()) < FEW_WEIGHTS


def prefers_few(layers, batch_size, dtype):
    """Whether units along the vectors are faster than a sample at a time, and than samples along the vectors."""
    weights = int(weight_counts(layers).sum())
    if batch_size <= 2:
        return weights >= (WEIGHTS_OF_ONE if batch_size == 1 else FEW_WEIGHTS)
    return batch_size <= min(FEW_SAMPLES, max(FEWEST_OF_FEW, FEWEST_OF_FEW * lanes_of_dtype(dtype) // 8))


def prefers_units(layers, batch_size, settings, dtype):
    """Whether the first layer is to have its receiving units along the vectors, and not the samples.

    That is so where they fill their vectors about as well and less is copied. Norms of rows need the rows, and a
    gradient that is asked for the lecture's order.
    """
    inputs, units, lanes = int(layers[0]["sending"]), int(layers[0]["receiving"]), lanes_of_dtype(dtype)
    if units < lanes or settings[MAX_NORM] or settings[RULE] == NO_STEP:
        return False
    samples = chunk_of(layers, batch_size, dtype)
    by_units, by_samples = whole_vectors(units, lanes) / units, whole_vectors(samples, lanes) / samples
    cost = COST_OF_UNITS if inputs >= min(units, FEW_INPUTS) else COST_FROM_FEW_INPUTS
    return by_units * cost < by_samples


def prefers_inputs(layers, dtype):
    """Whether the first layer is to have its inputs along the vectors: units that fill none, of inputs that fill some.

    Neither X nor W is transposed then (0.77 to 0.94; with fewer inputs 1.0 to 1.1).
    """
    lanes = lanes_of_dtype(dtype)
    return layers["receiving"].item(0) < lanes and layers["sending"].item(0) >= VECTORS_OF_INPUTS * lanes


def prefers_lanes(layers, batch_size, dtype):
    """Whether many such networks are trained faster with one in each lane than one by one (benchmarks/lanes.py).

    That is so for small ones, whose samples fill no tile. The number of networks must not matter: the ways round
    differently, and what becomes of a network must not depend on which others are trained with it.
    """
    weights = int(weight_counts(layers).sum())
    return weights * dtype.itemsize <= (LANE_BYTES_OF_FEW if batch_size <= FEW_SAMPLES else LANE_BYTES)


def threads_for(layers, batch_size, dtype, threads=None):
    """How many threads may share an epoch: `threads` if given, else as many as the work of a step keeps busy.

    They are never more than the cores that may be used, nor than the vectors of samples of a mini-batch.
    """
    vectors = -(-batch_size * dtype.itemsize // VECTOR_BYTES)
    return min(threads_for_flops(flops_of_step(layers, batch_size), threads), vectors)


def threads_for_flops(flops, threads=None):
    """The same for so many operations, where the samples are not all that there is to be shared."""
    return max(1, min(int(flops / FLOPS_OF_A_THREAD) if threads is None else threads, usable_cores()))


def threads_for_outputs(layers, samples, chunk, threads=None):
    """The same for a pass without a gradient, in chunks of samples. Threads must be started for it."""
    if threads is None:
        threads = int(flops_of_outputs(layers, samples) / FLOPS_OF_A_START)
    return max(1, min(threads, -(-samples // chunk), usable_cores() if threads > 1 else 1))
