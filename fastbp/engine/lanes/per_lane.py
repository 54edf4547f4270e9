"""What networks that share their lanes do not share: their samples and what these weigh, and the units they drop."""

from fastbp.compiler.jit import jit
from fastbp.engine.dropout import WORD, key_of, mixed
from fastbp.engine.lanes.notes import SHARE, SIZE, STEP, WHOLE
from fastbp.engine.simd.dispatch import address, moved
from fastbp.engine.tiles.layers import transpose_rows
from fastbp.engine.workspace import INPUTS_AT, SIGNALS_AT
from fastbp.lecture.codes import DROPOUT, SEED

FEW_COLUMNS = 4  # are copied number by number: a square of the transposition would be mostly empty


@jit(inline=False)
def gather(array, columns, rows, L, out, out_row):
    """out_il = array_ri for the row r of each network: one copy for all where they visit the same."""
    # array (N, i), rows (L), out (i, L)
    first, same = rows[0], True
    for lane in range(1, L):
        same &= rows[lane] == first
    if same:
        row = moved(array, first * columns)
        for i in range(columns):
            for lane in range(L):
                out[i * out_row + lane] = row[i]
    elif columns <= FEW_COLUMNS:
        for lane in range(L):
            row = moved(array, rows[lane] * columns)
            for i in range(columns):
                out[i * out_row + lane] = row[i]
    else:
        transpose_rows(array, rows, columns, L, columns, out, out_row)


@jit(inline=False)
def gather_samples(X, D, rows, at, values, places):
    """The inputs and targets that each network visits in the places from `at` on; its first ones behind the last."""
    # X (N, i), D (N, k), rows (n, L), values (rows, S, L)
    S, L, x, d = values.shape[1], values.shape[2], address(X, 0), address(D, 0)
    for s in range(S):
        index = address(rows, (at + s if at + s < rows.shape[0] else 0) * L)
        gather(x, X.shape[1], index, L, address(values, (places[INPUTS_AT] * S + s) * L), S * L)
        gather(d, D.shape[1], index, L, address(values, (places[SIGNALS_AT] * S + s) * L), S * L)


@jit(inline=False)
def weigh(weight, weight_of, rows, counts, batch_size, b, numbers):
    """What the samples of each network weigh together in mini-batch b, and how many they are; how many are most."""
    # weight (w, N), weight_of (L), rows (n, L), counts (L), numbers (7, L)
    most = 0
    for lane in range(counts.size):
        n = max(0, min(batch_size, counts[lane] - b * batch_size))
        total = float(n)
        if weight_of[lane] >= 0:
            total = 0.0
            for s in range(n):
                total += weight[weight_of[lane], rows[b * batch_size + s, lane]]
        numbers[WHOLE, lane], numbers[SIZE, lane] = total, n
        numbers[SHARE, lane] = 1.0 / total if total > 0 else 0.0
        most = max(most, n)
    return most


@jit(inline=False)
def share_samples(weight, weight_of, rows, at, s, numbers, shares):
    """weight_s / sum of the weights of the mini-batch: how much a sample counts; 0 where a network has none."""
    # shares (S, L); the first sample is number s of its mini-batch
    for i in range(shares.shape[0]):
        for lane in range(shares.shape[1]):
            shares[i, lane] = numbers[SHARE, lane] if s + i < numbers[SIZE, lane] else 0.0
    if weight.shape[0] > 0:
        for i in range(shares.shape[0]):
            for lane in range(shares.shape[1]):
                if weight_of[lane] >= 0 and s + i < numbers[SIZE, lane]:
                    shares[i, lane] *= weight[weight_of[lane], rows[at + i, lane]]


@jit(inline=False)
def keep_units(layers, widths, settings, numbers, s, drops, keep):
    """keep_j = 0 for a unit that a network does not have, or drops; else 1 / (1 - p), p the probability to drop it."""
    # widths (layer, L), settings (columns in codes.py, L), keep (unit, S L); the first sample is number s
    L = widths.shape[1]
    for layer in range(layers.size - 1):
        for lane in range(L):
            p = settings[DROPOUT, lane] if drops else 0.0
            bound, scale = int(p * 4294967296.0), 1.0 / (1.0 - p)
            key = key_of(settings[SEED, lane], int(numbers[STEP, lane]), layer)
            for j in range(layers[layer]["receiving"]):
                unit, inside = mixed(key ^ (j + 0x10001)), j < widths[layer, lane]
                for i in range(keep.shape[1] // L):
                    stays = p == 0 or mixed((unit + (s + i) * 0x9E3779B1) & WORD) >= bound
                    keep[layers[layer]["units_at"] + j, i * L + lane] = scale if inside and stays else 0.0


@jit
def some_drop(settings):
    """Whether a network drops units."""
    drops = False
    for lane in range(settings.shape[1]):
        drops |= settings[DROPOUT, lane] > 0
    return drops


@jit
def largest_of(counts):
    """The samples of the network that has most."""
    largest = 0
    for lane in range(counts.size):
        largest = max(largest, counts[lane])
    return largest


@jit
def all_count_alike(weight_of, counts):
    """Whether all that are there have as many samples, each of weight 1."""
    largest, alike = largest_of(counts), True
    for lane in range(counts.size):
        alike &= (counts[lane] == largest or counts[lane] == 0) and weight_of[lane] < 0
    return alike


@jit
def some_wait(numbers, counts):
    """Whether a network has no step in this mini-batch, though it is there."""
    waits = False
    for lane in range(counts.size):
        waits |= counts[lane] > 0 and not numbers[WHOLE, lane] > 0
    return waits


@jit(inline=False)
def copy_all(source, out):
    """out_pl = source_pl."""
    for p in range(source.shape[0]):
        for lane in range(source.shape[1]):
            out[p, lane] = source[p, lane]


@jit(inline=False)
def put_back(numbers, saved, out):
    """Networks without a step in this mini-batch get back what they had before it."""
    # numbers (7, L), saved (p, L), out (p, L)
    for lane in range(out.shape[1]):
        if not numbers[WHOLE, lane] > 0:
            for p in range(out.shape[0]):
                out[p, lane] = saved[p, lane]


@jit(inline=False)
def are_finite(array):
    """Whether all numbers are finite: 0 times one that is not is NaN."""
    # array (p, L)
    total = array.dtype.type(0)
    for p in range(array.shape[0]):
        for lane in range(array.shape[1]):
            total += array[p, lane] * 0
    return total == 0
