"""A training that has learnt nothing because X is not scaled says so once, with the remedy."""

import numpy as np
import pytest

import fastbp
from fastbp.training.diagnosis import ENOUGH, HUGE, advice
from tests.cases import teacher

N = 60
LOSSES = [
    ("softmax", None), ("sigmoid", None), ("identity", "squared_error"), ("identity", "huber"),
    ("identity", "quantile"), ("exponential", "poisson"),
]  # fmt: skip
REMEDY = r"scale its columns to about -1\.\.1, by \(X - X\.mean\(axis=0\)\) / X\.std\(axis=0\) for example$"


def unscaled(n=N, largest=5000.0):
    X = np.random.default_rng(0).uniform(-1, 1, (n, 3))
    X[n // 2] = largest
    return X


def constant(output, loss, u):
    """A network whose outputs are always the same."""
    network = fastbp.Network((3, np.size(u)), output=output, loss=loss, dtype="float64")
    network.theta[:] = 0
    network.B[0][:] = u
    return network


def best_sums(output, loss, D, weight):
    """The sums before the output activation for the mean of the targets, or their median."""
    if loss in ("huber", "quantile"):
        return np.median(D, axis=0)
    y = np.average(D, axis=0, weights=weight)
    return {"softmax": np.log, "sigmoid": lambda y: np.log(y / (1 - y)), "exponential": np.log}.get(output, np.array)(y)


@pytest.mark.parametrize(("output", "loss"), LOSSES)
def test_the_loss_that_is_to_be_undercut_is_that_of_the_best_constant_outputs(output, loss):
    rng = np.random.default_rng(1)
    X, D, weight = unscaled(), teacher(rng, N, 3, output, "float64"), rng.random(N) + 0.5
    if loss in ("huber", "quantile"):
        weight[:] = 1
    network = constant(output, loss, best_sums(output, loss, D, weight))
    loss_of_constant = network.evaluate(X, D, weight)
    told = advice(fastbp.History([loss_of_constant] * ENOUGH), network, X, D, weight, np.arange(N))
    assert f"its loss is {loss_of_constant:.4g} after 5 epochs, and {loss_of_constant:.4g} for outputs that" in told
    assert advice(fastbp.History([0.98 * loss_of_constant] * ENOUGH), network, X, D, weight, np.arange(N)) is None


@pytest.mark.parametrize("output", ["softmax", "sigmoid", "identity"])
def test_targets_that_are_all_the_same_are_learnt_by_biases_alone(output):
    """The best constant outputs have no loss, which nothing undercuts."""
    targets, network = np.tile([[0.0, 1.0]], (N, 1)), constant(output, None, [0.0, 0.0])
    assert advice(fastbp.History([1e-9] * ENOUGH), network, unscaled(), targets, np.ones(N), np.arange(N)) is None


D = np.tile([[0.0], [2.0]], (N // 2, 1))  # by constant outputs a loss of 1/2
SCALED = unscaled(largest=10.0)


@pytest.mark.parametrize(
    ("losses", "X", "told"),
    [
        ([0.5] * ENOUGH, unscaled(), True),
        ([0.5] * (ENOUGH - 1), unscaled(), False),  # too early
        ([0.1] * ENOUGH, unscaled(), False),
        ([0.5] * ENOUGH, SCALED, False),
        ([HUGE * 0.5 + 0.1], unscaled(), True),  # far worse than nothing
        ([HUGE * 0.5 + 0.1], SCALED, False),
        ([9.0, 0.1], unscaled(), False),
        ([np.nan], unscaled(), False),
        ([], unscaled(), False),
    ],
)
def test_when_there_is_advice(losses, X, told):
    network = constant("identity", None, [0.0])
    found = advice(fastbp.History(losses), network, X, D, np.ones(N), np.arange(N))
    assert (found is not None) == told
    if told:
        assert "the network has learnt nothing: its loss is" in found
        assert "X has values up to 5000: scale its columns" in found


def test_the_rows_and_the_weights_of_the_training_are_looked_at():
    network, weight, history = constant("identity", None, [0.0]), np.ones(N), fastbp.History([0.5] * ENOUGH)
    few = np.arange(N // 2)  # without the one that is large
    assert advice(history, network, unscaled(), D, weight, few) is None
    history = fastbp.History([0.4] * ENOUGH)
    assert advice(history, network, unscaled(), D, weight, np.arange(N)) is None
    weight[1::2] = 3  # the mean is 3/2, from which 0 and 2 are 3/2 and 1/2 away
    told = advice(history, network, unscaled(), D, weight, np.arange(N))
    assert told.startswith("the network has learnt nothing: its loss is 0.4 after 5 epochs, and 0.375 for outputs")


def test_of_many_rows_some_are_looked_at_whatever_they_weigh():
    """Each third of 2,500 rows, and these count nothing: there is nothing to be said, and no warning of NumPy's."""
    n, network = 2500, constant("identity", None, [0.0])
    X, d, weight = unscaled(n), np.resize(D, (n, 1)), np.ones(n)
    weight[::3] = 0
    assert advice(fastbp.History([0.1] * ENOUGH), network, X, d, weight, np.arange(n)) is None


# ---- Trainings -------------------------------------------------------------------------------------------------------


def dead(seed=0):
    """A network with hidden units that are 0 whatever comes: it cannot learn more than the mean."""
    network = fastbp.Network((3, 4, 1), output="identity", dtype="float64", seed=seed)
    network.B[0][:] = -1e9
    return network


def test_train_warns_once_where_it_is_called():
    with pytest.warns(RuntimeWarning, match=f"^the network has learnt nothing: .* up to 5000: {REMEDY}") as warned:
        fastbp.train(dead(), unscaled(), D, epochs=30)
    assert [warning.filename for warning in warned] == [__file__]


def test_train_says_nothing_where_something_is_learnt_or_x_is_scaled():
    fastbp.train(dead(), SCALED, D, epochs=30)
    network = fastbp.Network((3, 1), output="identity", dtype="float64")
    X = unscaled()
    X[:, 0] = D[:, 0]
    fastbp.train(network, X, D, rows=range(N // 2), epochs=30)


def test_train_many_warns_once_of_all():
    scaled = fastbp.Network((3, 1), output="identity", dtype="float64")
    made = [scaled, dead(1), dead(2), dead(3)]
    message = r"^networks\[1\] \(and 2 more of the first 4\): the network has learnt nothing: .*"
    rows = [range(N // 2), None, None, None]
    with pytest.warns(RuntimeWarning, match=message + REMEDY) as warned:
        fastbp.train_many(made, unscaled(), D, epochs=30, rows=rows)
    assert [warning.filename for warning in warned] == [__file__]
    with pytest.warns(RuntimeWarning, match=r"^networks\[0\]: the network has learnt nothing"):
        fastbp.train_many([dead()], unscaled(), D, epochs=30)


def test_a_training_that_diverges_from_unscaled_input_names_the_remedy():
    network = fastbp.Network((3, 4, 1), output="identity", dtype="float64")
    with pytest.raises(fastbp.Diverged, match=r"Lower the learning rate, or scale X \(and D, .*\) to about -1\.\.1\."):
        fastbp.train(network, unscaled(), D, epochs=30)
    with pytest.warns(
        RuntimeWarning, match=r"1 of 1 networks diverged: .*Lower their learning rate, or scale X"
    ) as told:
        fastbp.train_many([fastbp.Network((3, 4, 1), output="identity", dtype="float64")], unscaled(), D, epochs=30)
    assert len(told) == 1


def test_estimators_warn_too():
    pytest.importorskip("sklearn")
    from sklearn.exceptions import ConvergenceWarning

    X, y = 1000 * np.random.default_rng(0).normal(size=(N, 3)), np.arange(N) % 2
    with pytest.warns(ConvergenceWarning) as told:
        fastbp.MLPRegressor(hidden_layer_sizes=(4,), max_iter=2, random_state=0).fit(X, y)
    messages = [str(warning.message) for warning in told if "nothing" in str(warning.message)]
    assert len(messages) == 1
    assert "the network has learnt nothing: its loss is" in messages[0]
    assert {warning.filename for warning in told} == {__file__}
