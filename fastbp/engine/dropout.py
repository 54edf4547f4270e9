"""Dropout: units that are left out of a step, chosen by a hash, so that no state is kept and threads need not agree.

Inverted dropout (Srivastava et al. 2014, section 10): the outputs that stay are divided by the probability to stay, so
nothing changes when the network is used.
"""

from fastbp.compiler.jit import jit

WORD = 0xFFFFFFFF


@jit
def mixed(x):
    """A bijection of 32-bit integers in which each bit depends on all others (constants of lowbias32, Wellons 2018)."""
    x = ((x ^ (x >> 16)) * 0x7FEB352D) & WORD
    x = ((x ^ (x >> 15)) * 0x846CA68B) & WORD
    return x ^ (x >> 16)


@jit
def key_of(seed, step, layer):
    """The start of the hashes of one layer in one step."""
    low, high = int(seed) & WORD, (int(seed) >> 32) & WORD
    return mixed(mixed(mixed(mixed(low + 1) ^ high) ^ (step & WORD)) ^ layer)


@jit(inline=False)
def drop(key, probability, rows, first, columns, row, y, dh):
    """y_js <- y_js / (1 - p), and h'(u_js) the same, or both 0 with probability p."""
    # y, dh (j, s); the first sample is number `first` of its mini-batch
    bound, scale = int(probability * 4294967296.0), 1.0 / (1.0 - probability)
    for j in range(rows):
        unit = mixed(key ^ (j + 0x10001))
        for s in range(columns):
            stays = mixed((unit + (first + s) * 0x9E3779B1) & WORD) >= bound
            y[j * row + s] = y[j * row + s] * scale if stays else 0.0
            dh[j * row + s] = dh[j * row + s] * scale if stays else 0.0
