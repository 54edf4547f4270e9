"""The orders in which epochs visit the rows: NumPy's permutations, scikit-learn's shuffles, and where they go on."""

import numpy as np
import pytest

from fastbp.training.row_sampler import RowSampler

ROWS = np.array([7, 3, 3, 11, 0, 5, 9, 2])


def orders(sampler, epochs):
    return [sampler.order(epoch).tolist() for epoch in epochs]


@pytest.mark.parametrize("generator", [3, np.random.default_rng(3), np.random.RandomState(3)], ids=type)
def test_without_shuffling_the_rows_stay_in_their_order(generator):
    sampler = RowSampler(ROWS, False, generator)
    assert orders(sampler, [1, 2, 3]) == [ROWS.tolist()] * 3
    assert sampler.state == {}


@pytest.mark.parametrize("make", [lambda: 3, lambda: np.random.default_rng(3), lambda: np.random.RandomState(3)])
def test_each_epoch_visits_every_row_as_often_as_it_was_given(make):
    rows = ROWS.copy()
    found = orders(RowSampler(rows, True, make()), range(1, 6))
    assert [sorted(order) for order in found] == [sorted(ROWS)] * 5
    assert len({tuple(order) for order in found}) == 5
    assert orders(RowSampler(rows, True, make()), range(1, 6)) == found
    assert rows.tolist() == ROWS.tolist(), "they are the caller's"


@pytest.mark.parametrize("generator", [3, np.random.RandomState(3)], ids=type)
def test_an_order_that_is_asked_for_again_is_the_same_array(generator):
    sampler = RowSampler(ROWS, True, generator)
    first = sampler.order(1)
    assert sampler.order(1) is first
    kept = first.tolist()
    assert sampler.order(2).tolist() != kept


def test_orders_are_permutations_of_the_seed():
    rng = np.random.default_rng(3)
    expected = [ROWS[rng.permutation(len(ROWS))].tolist() for _ in range(4)]
    assert orders(RowSampler(ROWS, True, 3), [1, 2, 3, 4]) == expected
    assert orders(RowSampler(ROWS, True, np.random.default_rng(3)), [1, 2, 3, 4]) == expected
    assert orders(RowSampler(ROWS, True, 4), [1, 2, 3, 4]) != expected


def test_orders_of_a_random_state_are_those_of_scikit_learn():
    """Its MLPs shuffle the order of the epoch before."""
    shuffle = pytest.importorskip("sklearn.utils").shuffle
    order, random_state, expected = ROWS, np.random.RandomState(5), []
    for _ in range(4):
        order = shuffle(order, random_state=random_state)
        expected.append(order.tolist())
    assert orders(RowSampler(ROWS, True, np.random.RandomState(5)), [1, 2, 3, 4]) == expected


@pytest.mark.parametrize("done", [0, 1, 7])
def test_orders_go_on_from_the_state(done):
    whole, sampler, other = RowSampler(ROWS, True, 3), RowSampler(ROWS, True, 3), RowSampler(ROWS, True, 99)
    expected = orders(whole, range(1, 12))
    assert orders(sampler, range(1, done + 1)) == expected[:done]
    state = sampler.state
    assert all(type(number) is int for number in state.values())
    other.go_on(done, {name: int(str(number)) for name, number in state.items()})
    assert other.epoch == done
    assert orders(other, range(done + 1, 12)) == expected[done:]
    unshuffled = RowSampler(ROWS, False, 0)
    unshuffled.go_on(done, {})
    assert unshuffled.order(done + 1).tolist() == ROWS.tolist()
