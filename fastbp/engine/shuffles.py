"""Orders of rows, drawn as NumPy draws them: for estimators as RandomState, for `train_many` as a Generator.

Both shuffle as Fisher and Yates, from the last element down, with a number up to a bound from as many bits as that has,
drawn again if it is too large. `RandomState` takes them from a Mersenne twister (MT19937; Matsumoto and Nishimura, ACM
TOMACS 8, 1998), `default_rng` from a PCG64 (O'Neill, "PCG", HMC-CS-2014-0905: XSL RR 128/64).
"""

from fastbp.compiler.jit import jit
from fastbp.engine.workspace import INCREMENT_AT, KEPT_AT, MERSENNE_WORDS

STATE, MIDDLE = MERSENNE_WORDS, 397  # words of 32 bits
WORD = 0xFFFFFFFF
FACTOR = 0x9FCCF645, 0x4385DF64, 0x1FC65DA4, 0x2360ED05  # of PCG64, the lowest word first


@jit
def bits_of(i):
    """All bits that a number up to i may have."""
    for shift in (1, 2, 4, 8, 16):
        i |= i >> shift
    return i


# ---- RandomState -----------------------------------------------------------------------------------------------------


@jit
def renew_word(key, k, following, other):
    """Word k becomes a mixture of itself, the following and another one."""
    bits = (int(key[k]) & 0x80000000) | (int(key[following]) & 0x7FFFFFFF)
    key[k] = int(key[other]) ^ (bits >> 1) ^ (-(bits & 1) & 0x9908B0DF)


@jit(inline=False)
def renew(key):
    """The next 624 words: in three loops, of whole vectors, where one would need k + 1 and k + 397 modulo 624."""
    for k in range(STATE - MIDDLE):
        renew_word(key, k, k + 1, k + MIDDLE)
    for k in range(STATE - MIDDLE, STATE - 1):
        renew_word(key, k, k + 1, k + MIDDLE - STATE)
    renew_word(key, STATE - 1, 0, MIDDLE - 1)


@jit
def tempered(word):
    """A word as it is handed out."""
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C5680
    word ^= (word << 15) & 0xEFC60000
    return word ^ (word >> 18)


@jit(inline=False)
def shuffle(key, at, order):
    """Shuffles order; at is the number of words that key has handed out, returns the new one.

    A number that is too large swaps the element with itself: no branch that a processor would guess wrongly every
    third time, which takes six times as long.
    """
    i = order.size - 1
    while i > 0:
        mask = bits_of(i)
        half = mask >> 1
        while i > half:
            if at == STATE:
                renew(key)
                at = 0
            drawn = tempered(int(key[at])) & mask
            at += 1
            j = min(drawn, i)
            order[i], order[j] = order[j], order[i]
            i -= int(drawn <= i)
    return at


@jit
def draw_orders(keys, positions, shuffled, orders, counts, rows):
    """New orders for those networks that are shuffled, and into the slots' rows."""
    # keys (slot, 624), positions (slot), shuffled (slot), orders (slot, n), counts (slot), rows (g, n, L)
    L = rows.shape[2]
    for slot in range(counts.size):
        n = counts[slot]
        if shuffled[slot] and n > 0:
            positions[slot] = shuffle(keys[slot], positions[slot], orders[slot, :n])
            for i in range(n):
                rows[slot // L, i, slot % L] = orders[slot, i]


# ---- Generator -------------------------------------------------------------------------------------------------------


@jit
def low(product):
    """The lower word of a product of two."""
    return product & WORD


@jit
def high(product):
    """The upper one, even where the product is too large for its sign."""
    return (product >> 32) & WORD


@jit(inline=False)
def advance(streams, lane):
    """state <- FACTOR state + increment modulo 2^128; the lower word of what it gives, the upper one is kept."""
    # streams (L, words as in workspace.py)
    a, b, c, d = int(streams[lane, 0]), int(streams[lane, 1]), int(streams[lane, 2]), int(streams[lane, 3])
    e, f, g, h = FACTOR
    first = low(a * e) + int(streams[lane, INCREMENT_AT])
    second = high(a * e) + low(a * f) + low(b * e) + int(streams[lane, INCREMENT_AT + 1]) + (first >> 32)
    third = high(a * f) + high(b * e) + low(a * g) + low(b * f) + low(c * e) + (second >> 32)
    third += int(streams[lane, INCREMENT_AT + 2])
    fourth = high(a * g) + high(b * f) + high(c * e) + low(a * h) + low(b * g) + low(c * f) + low(d * e)
    fourth += int(streams[lane, INCREMENT_AT + 3]) + (third >> 32)
    a, b, c, d = first & WORD, second & WORD, third & WORD, fourth & WORD
    streams[lane, 0], streams[lane, 1], streams[lane, 2], streams[lane, 3] = a, b, c, d
    lower, upper, turn = a ^ c, b ^ d, d >> 26
    if turn >= 32:
        lower, upper = upper, lower
    turn &= 31
    streams[lane, KEPT_AT], streams[lane, KEPT_AT + 1] = 1, ((upper >> turn) | (lower << (32 - turn))) & WORD
    return ((lower >> turn) | (upper << (32 - turn))) & WORD


@jit
def word_of(streams, lane):
    """The next 32 bits of a stream."""
    if streams[lane, KEPT_AT] != 0:
        streams[lane, KEPT_AT] = 0
        return int(streams[lane, KEPT_AT + 1])
    return advance(streams, lane)


@jit(inline=False)
def permute(streams, lane, n, order):
    """The first n of order as `Generator.permutation` has them."""
    for i in range(n - 1, 0, -1):
        mask, j = bits_of(i), i + 1
        while j > i:
            j = word_of(streams, lane) & mask
        order[i], order[j] = order[j], order[i]


@jit
def was_drawn(streams, lane, number, drawn):
    """Whether the last order that was drawn is the next one of this stream."""
    same = drawn[0, KEPT_AT + 2] == number
    for k in range(streams.shape[1]):
        same &= drawn[0, k] == streams[lane, k]
    return same


@jit(inline=False)
def draw_permutations(streams, stream_of, own_rows, counts, order, drawn, rows):
    """New orders for the networks of a group; those of the same stream have the same rows, and share theirs.

    A stream of number -1 has none: its rows stay. `order` is the last one that was drawn, which the next group takes
    where it comes to the same; `drawn` tells of it the stream before, its number, and the stream after it.
    """
    # streams (L, words), stream_of (L), own_rows (n, L), counts (L), order (n), drawn (2, words + 1), rows (n, L)
    L = counts.size
    for lane in range(L):
        first, number = 0, stream_of[lane]
        while stream_of[first] != number:
            first += 1
        if number >= 0 and first == lane:
            n = counts[lane]
            if not was_drawn(streams, lane, number, drawn):
                drawn[0, KEPT_AT + 2] = number
                for k in range(streams.shape[1]):
                    drawn[0, k] = streams[lane, k]
                for i in range(n):
                    order[i] = own_rows[i, lane]
                permute(streams, lane, n, order)
                for k in range(streams.shape[1]):
                    drawn[1, k] = streams[lane, k]
            for other in range(lane, L):
                if stream_of[other] == number:
                    for i in range(n):
                        rows[i, other] = order[i]
                    for k in range(streams.shape[1]):
                        streams[other, k] = drawn[1, k]
