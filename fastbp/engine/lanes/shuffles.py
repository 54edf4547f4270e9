"""The orders of many networks, drawn as NumPy's RandomState draws them: a Mersenne twister for each (MT19937).

Matsumoto and Nishimura, "Mersenne Twister" (ACM TOMACS 8, 1998); `RandomState.shuffle` is Fisher and Yates' from the
last element down, with a number below a bound from as many bits as that has, drawn again if it is too large.
"""

from fastbp.compiler.jit import jit
from fastbp.engine.lanes.notes import MERSENNE_WORDS

STATE, MIDDLE = MERSENNE_WORDS, 397  # words of 32 bits


@jit(inline=False)
def renew(key):
    """The next 624 words."""
    for k in range(STATE):
        bits = (int(key[k]) & 0x80000000) | (int(key[(k + 1) % STATE]) & 0x7FFFFFFF)
        key[k] = int(key[(k + MIDDLE) % STATE]) ^ (bits >> 1) ^ (0x9908B0DF if bits & 1 else 0)


@jit
def tempered(word):
    """A word as it is handed out."""
    word ^= word >> 11
    word ^= (word << 7) & 0x9D2C5680
    word ^= (word << 15) & 0xEFC60000
    return word ^ (word >> 18)


@jit(inline=False)
def shuffle(key, at, order):
    """Shuffles order; at is the number of words that key has handed out, returns the new one."""
    for i in range(order.size - 1, 0, -1):
        mask = i
        for shift in (1, 2, 4, 8, 16):
            mask |= mask >> shift
        j = i + 1
        while j > i:
            if at == STATE:
                renew(key)
                at = 0
            j = tempered(int(key[at])) & mask
            at += 1
        order[i], order[j] = order[j], order[i]
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
