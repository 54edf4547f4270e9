"""Dropout: which units are left out, how many, and the gradient without them."""

from types import FunctionType

import numpy as np
import pytest

import fastbp
from fastbp.engine import dropout, workspace
from fastbp.lecture.codes import DROPOUT, SEED, SETTINGS
from fastbp.lecture.layout import biases, weights
from tests.cases import DTYPES, UNCOMPILED, Case, assert_close
from tests.engine_cases import Tiles


def interpreted(module):
    """The functions of a module as plain Python that calls plain Python."""
    names = {name: getattr(value, "py_func", value) for name, value in vars(module).items() if name[:2] != "__"}
    there = {"__builtins__": __builtins__}
    for name, value in names.items():
        there[name] = FunctionType(value.__code__, there) if isinstance(value, FunctionType) else value
    return there


PLAIN = interpreted(dropout)


def mask(seed, step, layer, probability, units, samples, first=0):
    """(units, samples): 0 where a unit is left out, 1 / (1 - p) elsewhere."""
    y, dh = np.ones(units * samples), np.full(units * samples, 2.0)
    PLAIN["drop"](PLAIN["key_of"](seed, step, layer), probability, units, first, samples, samples, y, dh)
    np.testing.assert_array_equal(dh, 2 * y)
    return y.reshape(units, samples)


SEEDS = [0, 1, 2**32 - 1, 2**32, 2**53 - 1]


@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("seed", SEEDS)
def test_the_share_that_stays_and_the_mean_are_right(seed, probability):
    """10,000 draws: four standard deviations either way."""
    kept = mask(seed, 3, 1, probability, 100, 100)
    assert set(np.unique(kept)) == {0, 1 / (1 - probability)}
    deviation = np.sqrt(probability * (1 - probability) / kept.size)
    assert abs((kept > 0).mean() - (1 - probability)) < 4 * deviation
    assert abs(kept.mean() - 1) < 4 * deviation / (1 - probability)
    for axis in (0, 1):  # no unit and no sample is left out more often than chance has it
        assert (kept > 0).mean(axis=axis).std() < 1.5 * deviation * 10


def test_masks_of_steps_layers_and_seeds_are_independent():
    """Two independent masks of p = 1/2 agree in half of all places; so do units, and samples, of the same mask."""
    masks = [mask(seed, step, layer, 0.5, 64, 64) > 0 for seed in SEEDS[:4] for step in (1, 2) for layer in (0, 1)]
    pairs = [(a, b) for n, a in enumerate(masks) for b in masks[:n]]
    pairs += [(masks[0][:, 1:], masks[0][:, :-1]), (masks[0][1:], masks[0][:-1]), (masks[0], masks[0].T)]
    for one, other in pairs:
        assert abs((one == other).mean() - 0.5) < 5 * 0.5 / np.sqrt(one.size)


def test_a_mask_does_not_depend_on_where_its_samples_begin():
    """As threads and chunks share a mini-batch."""
    whole = mask(7, 5, 2, 0.3, 9, 40)
    for first, end in ((0, 16), (16, 37), (37, 40)):
        np.testing.assert_array_equal(mask(7, 5, 2, 0.3, 9, end - first, first), whole[:, first:end])


def by_hand(case, eta, seed, step, probability):
    """theta after a step of a tanh network with the same units left out, as NumPy expressions."""
    W, B = weights(case.theta.astype(float), case.layers), biases(case.theta.astype(float), case.layers)
    x, d = (array[case.rows].astype(float) for array in (case.X, case.D))
    Y, kept = [x], []
    for layer, (w, b) in enumerate(zip(W, B, strict=True)):
        y = Y[-1] @ w.T + b
        if layer < len(W) - 1:
            kept.append(mask(seed, step, layer, probability, len(w), len(x)).T)
            y = np.tanh(y) * kept[-1]
        Y.append(y)
    delta, gradients = (Y[-1] - d) / len(x), []
    for layer in range(len(W) - 1, -1, -1):
        gradients = [(delta.T @ Y[layer]).ravel(), delta.sum(axis=0), *gradients]
        if layer:
            slope = np.where(kept[layer - 1] > 0, 1 - (Y[layer] * (1 - probability)) ** 2, 0)
            delta = delta @ W[layer] * slope * kept[layer - 1]
    return case.theta - eta * np.concatenate(gradients)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("samples", "threads", "chunk"), [(5, 1, 256), (33, 2, 256), (50, 2, 17)])
def test_the_gradient_is_that_of_the_network_without_the_units(samples, threads, chunk, dtype, monkeypatch):
    monkeypatch.setattr(workspace, "FEWEST", chunk)
    monkeypatch.setattr(workspace, "MOST", chunk)
    case = Case((4, 17, 9, 2), "tanh", "identity", dtype, samples)
    settings = np.zeros(SETTINGS)
    settings[[DROPOUT, SEED]] = 0.4, 2**40 + 5
    theta = case.epoch(Tiles(threads), samples, 0.5, settings, first_step=6)[1]
    assert_close(theta - case.theta, by_hand(case, 0.5, 2**40 + 5, 7, 0.4) - case.theta, dtype, 10)


def trained(**how):
    rng = np.random.default_rng(0)
    X, D = rng.normal(size=(40, 4)), np.eye(2)[rng.integers(0, 2, 40)]
    network = fastbp.Network((4, 20, 2), dtype="float64")
    history = fastbp.train(network, X, D, **{"epochs": 3, "batch_size": 20, "version": "tiles"} | how)
    return network, history


def test_hardly_any_dropout_is_none():
    """p below 2^-32 never comes true."""
    assert_close(trained(dropout=1e-13)[0].theta, trained()[0].theta, "float64", 10)
    assert np.abs(trained(dropout=0.1)[0].theta - trained()[0].theta).max() > 1e-4


def test_same_seed_same_units():
    bits = [trained(dropout=0.5, seed=seed, shuffle=False)[0].theta.tobytes() for seed in (1, 1, 2, 2**32 + 1)]
    assert bits[0] == bits[1]
    assert len(set(bits)) == 3


def test_other_units_are_left_out_in_the_next_step_and_epoch():
    """One batch, a tiny rate: the loss changes by the units alone."""
    losses = trained(dropout=0.5, batch_size=40, shuffle=False, epochs=6, optimizer=fastbp.SGD(1e-12))[1].loss
    assert len(set(np.round(losses, 6))) == 6


def test_networks_learn_with_dropout_and_predict_without():
    rng = np.random.default_rng(1)
    X = rng.normal(size=(60 if UNCOMPILED else 300, 2))
    labels = (X[:, 0] > 0).astype(int)
    network = fastbp.Network((2, 32, 2))
    fastbp.train(network, X, np.eye(2)[labels], epochs=20, batch_size=30, dropout=0.3, optimizer=fastbp.SGD(0.3))
    assert (network.predict(X).argmax(axis=1) == labels).mean() > 0.9
    np.testing.assert_array_equal(network.predict(X), network.predict(X))


def test_small_batches_with_dropout_go_to_the_tiles():
    """The lecture's loops have none."""
    how = {"dropout": 0.5, "batch_size": 1, "epochs": 1}
    assert trained(version="engine", **how)[0].theta.tobytes() == trained(version="tiles", **how)[0].theta.tobytes()


def test_a_network_without_hidden_units_drops_none():
    rng = np.random.default_rng(0)
    X, D = rng.normal(size=(20, 3)), np.eye(2)[rng.integers(0, 2, 20)]
    found = []
    for p in (0.0, 0.5):
        network = fastbp.Network((3, 2))
        fastbp.train(network, X, D, dropout=p, version="tiles")
        found.append(network.theta.tobytes())
    assert found[0] == found[1]
