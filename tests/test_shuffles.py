"""Orders as NumPy's RandomState and its default generator draw them, against NumPy."""

import numpy as np
import pytest

from fastbp.engine import workspace
from fastbp.engine.lanes.block import words_of
from fastbp.engine.shuffles import STATE, advance, draw_orders, draw_permutations, shuffle
from fastbp.training.row_sampler import RowSampler


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 31, 32, 33, 64, 65, 700, 70_000])
@pytest.mark.parametrize(("seed", "skipped"), [(0, 0), (1, 1), (2, 600), (2**32 - 1, 623), (3, 624)])
def test_the_order_is_that_of_randomstate(n, seed, skipped):
    rng, order = np.random.RandomState(seed), np.arange(n)
    rng.randint(2**32, size=skipped, dtype=np.uint32)
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


def streams_of(*seeds):
    return np.array([words_of(RowSampler(np.arange(1), True, seed).state) for seed in seeds])


def nothing_drawn():
    return np.zeros((2, workspace.STREAM_WORDS + 1), int)


@pytest.mark.parametrize("n", [1, 2, 3, 31, 32, 33, 700])
@pytest.mark.parametrize("seed", [0, 1, 2**40])
def test_the_permutation_is_that_of_a_generator(n, seed):
    rng, streams, own_rows = np.random.default_rng(seed), streams_of(seed), np.arange(n)[:, None] + 100
    order, drawn, rows = np.zeros(n + 1, int), nothing_drawn(), np.full((n, 1), -1)
    for _ in range(4):  # several times, so that half of a number is kept in between, or not
        draw_permutations(streams, np.zeros(1, int), own_rows, np.array([n]), order, drawn, rows)
        assert (rows[:, 0] == rng.permutation(n) + 100).all()
    state = rng.bit_generator.state
    expected = words_of({**state["state"], "has_uint32": state["has_uint32"], "uinteger": state["uinteger"]})
    assert streams[0, workspace.KEPT_AT] == expected[workspace.KEPT_AT]
    kept = [*range(workspace.KEPT_AT), *([workspace.KEPT_AT + 1] if expected[workspace.KEPT_AT] else [])]
    assert streams[0, kept].tolist() == np.array(expected)[kept].tolist()


def test_words_of_a_stream_from_states_of_all_bits():
    """Carries from word to word, and each turn of the output."""
    rng, found = np.random.default_rng(0), set()
    for number in range(300):
        words = rng.integers(0, 2**32, 2 * workspace.STATE_WORDS)
        words[rng.random(words.size) < 0.3] = 2**32 - 1
        words[workspace.INCREMENT_AT] |= 1
        state, increment = (sum(int(w) << 32 * k for k, w in enumerate(part)) for part in np.split(words, 2))
        other = np.random.PCG64(0)
        other.state = {
            "bit_generator": "PCG64", "state": {"state": state, "inc": increment}, "has_uint32": 0, "uinteger": 0
        }  # fmt: skip
        streams = np.array([[*words, 0, 0]])
        low = advance(streams, 0)
        assert int(streams[0, -1]) << 32 | int(low) == int(other.random_raw()), number
        found.add(int(streams[0, workspace.STATE_WORDS - 1]) >> 26)
    assert len(found) > 50


def test_networks_of_one_stream_share_their_orders_and_go_on_alone():
    L, n = 4, 9
    streams, stream_of, counts = streams_of(5, 5, 7, 5), np.array([3, 3, 8, -1]), np.array([n, n, 5, n])
    own_rows, rows, order = np.tile(np.arange(n)[:, None], L), np.full((n, L), -1), np.zeros(n, int)
    drawn, rngs = nothing_drawn(), [np.random.default_rng(seed) for seed in (5, 7)]
    for gone in (False, True):
        if gone:
            stream_of[0] = -1
            rows[:, 0] = -1
        draw_permutations(streams, stream_of, own_rows, counts, order, drawn, rows)
        expected = rngs[0].permutation(n)
        assert (rows[:, 1] == expected).all()
        assert (rows[:, 0] == (-1 if gone else expected)).all()
        assert (rows[:5, 2] == rngs[1].permutation(5)).all()
        assert (rows[5:, 2] == -1).all()
        assert (rows[:, 3] == -1).all()


def test_a_group_takes_the_order_of_the_one_before_where_it_is_as_far():
    n, own_rows, order, drawn = 20, np.arange(20)[:, None], np.zeros(20, int), nothing_drawn()
    counts, number, rng = np.array([n]), np.zeros(1, int), np.random.default_rng(3)
    expected = [rng.permutation(n) for _ in range(3)]
    streams, rows = [streams_of(3) for _ in range(3)], np.zeros((n, 1), int)

    def next_of(group):
        draw_permutations(streams[group], number, own_rows, counts, order, drawn, rows)
        return rows[:, 0].tolist()

    assert next_of(0) == expected[0].tolist()
    assert next_of(0) == expected[1].tolist()
    assert next_of(1) == expected[0].tolist()  # less far: drawn once more
    order[:] = order[::-1].copy()  # only to see that it is taken
    assert next_of(2) == expected[0][::-1].tolist()
    assert next_of(2) == expected[1].tolist()
    assert next_of(1) == expected[1].tolist()
    assert (streams[1] == streams[2]).all()
