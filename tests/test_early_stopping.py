"""The rule that ends a training which no longer improves: ours, scikit-learn's, and of many networks at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastbp.training.early_stopping import EarlyStopping

LOSSES = st.lists(st.sampled_from([0.0, 0.25, 0.5, 0.75, 1.0, 2.0, np.inf]), min_size=1, max_size=20)
DELTAS = st.sampled_from([0.0, 0.25, 0.3])


def followed(stopping, losses):
    """[(is it the best, does it end, epochs waited)] after each loss."""
    return [(*map(bool, stopping.update(loss)), int(stopping.waited)) for loss in losses]


def test_epochs_without_improvement_are_counted():
    assert followed(EarlyStopping(2, 0.0), [5, 4, 4, 3, 3.5, 3, 2]) == [
        (True, False, 0), (True, False, 0), (False, False, 1), (True, False, 0), (False, False, 1), (False, True, 2),
        (True, False, 0),
    ]  # fmt: skip


def test_what_falls_by_no_more_than_min_delta_is_no_improvement():
    stopping = EarlyStopping(9, 0.5)
    assert [best for best, _, _ in followed(stopping, [4, 3.5, 3.25, 2.75, 2.0])] == [True, False, True, False, True]
    assert stopping.best == 2


def test_of_scikit_learn_a_fall_by_min_delta_is_an_improvement_and_the_best_is_the_lowest():
    stopping = EarlyStopping(9, 0.5, like_sklearn=True)
    assert followed(stopping, [4, 3.5, 3.25, 3.0, 2.5]) == [
        (True, False, 0), (True, False, 0), (True, False, 1), (True, False, 2), (True, False, 0)
    ]  # fmt: skip
    assert stopping.best == 2.5


@given(LOSSES, DELTAS, st.integers(1, 4))
def test_the_rule_as_a_loop(losses, min_delta, patience):
    best, waited, expected = np.inf, 0, []
    for loss in losses:
        improved = loss < best - min_delta
        best, waited = (loss, 0) if improved else (best, waited + 1)
        expected.append((improved, waited >= patience, waited))
    assert followed(EarlyStopping(patience, min_delta), losses) == expected


@given(LOSSES, DELTAS, st.integers(1, 4))
def test_the_rule_of_scikit_learn_as_a_loop(losses, tol, n_iter_no_change):
    """`_update_no_improvement_count` of its MLPs, which end when the count is above n_iter_no_change."""
    best, count, expected = np.inf, 0, []
    for loss in losses:
        count = count + 1 if loss > best - tol else 0
        expected.append((loss < best, count > n_iter_no_change, count))
        best = min(best, loss)
    assert followed(EarlyStopping(n_iter_no_change + 1, tol, like_sklearn=True), losses) == expected


@pytest.mark.parametrize("like_sklearn", [False, True])
def test_each_of_many_is_as_alone(like_sklearn):
    rng = np.random.default_rng(0)
    losses, patience = rng.integers(0, 5, (30, 40)).astype(float), rng.choice([1, 2, 5, np.inf], 40)
    min_delta = rng.choice([0.0, 1.0, 1.5], 40)
    many = EarlyStopping(patience, min_delta, 40, like_sklearn)
    found = [many.update(loss) for loss in losses]
    for i in range(40):
        alone = EarlyStopping(patience[i], min_delta[i], like_sklearn=like_sklearn)
        for loss, (best, ends) in zip(losses[:, i], found, strict=True):
            assert alone.update(loss) == (best[i], ends[i])
        assert (alone.best, alone.waited) == (many.best[i], many.waited[i])


def test_without_patience_nothing_ends():
    assert not any(ends for _, ends, _ in followed(EarlyStopping(np.inf, 0.0), [1.0] * 1000))


def test_nan_and_infinity_are_no_improvement():
    stopping = EarlyStopping(3, 0.0)
    assert followed(stopping, [np.inf, np.nan, 1.0, np.nan]) == [
        (False, False, 1), (False, False, 2), (True, False, 0), (False, False, 1)
    ]  # fmt: skip
    assert stopping.best == 1
