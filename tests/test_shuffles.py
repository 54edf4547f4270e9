"""Orders as NumPy's RandomState draws them, against NumPy."""

import numpy as np
import pytest

from fastbp.engine.lanes.shuffles import STATE, draw_orders, shuffle


@pytest.mark.parametrize("n", [1, 2, 3, 31, 32, 33, 700])
@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1])
def test_the_order_is_that_of_randomstate(n, seed):
    rng, order = np.random.RandomState(seed), np.arange(n)
    _, key, at, *_ = rng.get_state()
    key, expected = key.copy(), np.arange(n)
    for _ in range(4):  # several times, so that the state is renewed in between
        rng.shuffle(expected)
        at = shuffle(key, at, order)
        assert (order == expected).all()
    _, key_after, at_after, *_ = rng.get_state()
    assert at == at_after
    assert (key == key_after).all()


def test_each_slot_has_its_own_stream_and_those_that_are_not_shuffled_stay():
    slots, n, L = 5, 9, 4
    rngs = [np.random.RandomState(seed) for seed in range(slots)]
    keys = np.array([rng.get_state()[1] for rng in rngs])
    positions, counts = np.full(slots, STATE), np.array([9, 5, 0, 9, 9])
    orders, rows = np.tile(np.arange(n), (slots, 1)) + 100, np.full((2, n, L), -1)
    shuffled = np.array([True, True, True, False, True])
    draw_orders(keys, positions, shuffled, orders, counts, rows)
    for slot in range(slots):
        expected = np.arange(counts[slot]) + 100
        if shuffled[slot]:
            rngs[slot].shuffle(expected)
            assert (rows[slot // L, : counts[slot], slot % L] == expected).all()
        else:
            assert (rows[slot // L, :, slot % L] == -1).all()
        assert (orders[slot, : counts[slot]] == expected).all()
        assert (orders[slot, counts[slot] :] == np.arange(counts[slot], n) + 100).all()
