"""Rates of their own for weights, biases and a diagonal: all versions agree, and PyTorch with them."""

import itertools

import numpy as np
import pytest

import fastbp
from fastbp.lecture import loops, matrix
from fastbp.lecture.layout import has_diagonal, layers_above, narrow, wide_count, widen, with_diagonal, with_rates
from tests.cases import DTYPES, UNCOMPILED, assert_close

FACTORS = [[1.0, 0.1], [0.5, 0.0], [2.0, 0.3]]
RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 7))
LABELS = (X[:, :3] @ RNG.normal(size=(3, 3))).argmax(axis=1)
RULES = {
    "sgd": fastbp.SGD(0.1), "momentum": fastbp.SGD(0.1, 0.9), "adam": fastbp.Adam(0.01),
    "rmsprop": fastbp.RMSprop(0.01), "rprop": fastbp.Rprop(0.01),
}  # fmt: skip
LIMITS = {"none": {}, "all": {"l1": 0.001, "l2": 0.01, "max_norm": 1.0, "clip_norm": 0.5}}
RATES = {
    "factors": {"rate_factors": FACTORS}, "diagonal": {"diagonal": 6.0},
    "both": {"rate_factors": FACTORS, "diagonal": 0.5},
}  # fmt: skip


def trained(sizes=(7, 20, 5, 3), dtype="float64", **options):
    network = fastbp.Network(sizes, "tanh", dtype=dtype, seed=3)
    options = {"epochs": 3, "batch_size": 15, "threads": 1} | options
    history = fastbp.train(network, X, LABELS, **options)
    return network, history


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
@pytest.mark.parametrize("limits", LIMITS.values(), ids=LIMITS)
@pytest.mark.parametrize("rule", RULES.values(), ids=RULES)
def test_all_versions_agree(rule, limits, rates):
    options = {"optimizer": rule, **limits, **rates}
    expected, losses = trained(version="matrix", **options)
    plain, _ = trained(version="matrix", optimizer=rule, **limits)
    assert np.abs(expected.theta - plain.theta).max() > 1e-4
    for version in ("engine", "loops"):
        network, history = trained(version=version, **options)
        np.testing.assert_allclose(network.theta, expected.theta, rtol=0, atol=1e-10)
        np.testing.assert_allclose(history.loss, losses.loss, rtol=1e-11)


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
@pytest.mark.parametrize("batch_size", [1, 3, 60])
def test_mini_batches_of_all_sizes(batch_size, rates):
    options = {"batch_size": batch_size, "optimizer": fastbp.SGD(0.02, 0.5), **rates}
    expected, _ = trained(version="matrix", **options)
    network, _ = trained(**options)
    np.testing.assert_allclose(network.theta, expected.theta, rtol=0, atol=1e-10)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
def test_the_bits_do_not_depend_on_the_threads(rates, dtype):
    options = {"version": "tiles", "batch_size": 60, "optimizer": fastbp.Adam(0.01), **LIMITS["all"], **rates}
    sizes = (7, 20, 10, 3) if UNCOMPILED else (7, 300, 40, 3)
    one, two = (trained(sizes, dtype, threads=threads, **options)[0] for threads in (1, 2))
    assert (one.theta == two.theta).all()


def test_factors_of_1_and_no_diagonal_change_no_bit():
    for rule in RULES.values():
        with_them, _ = trained(optimizer=rule, rate_factors=np.ones((3, 2)))
        without, _ = trained(optimizer=rule)
        assert (with_them.theta == without.theta).all()


def test_a_rate_of_0_leaves_the_parameters_as_they_were():
    """For fine-tuning: what is frozen does not move by a bit, the rest does."""
    before = fastbp.Network((7, 20, 5, 3), "tanh", dtype="float64", seed=3)
    for rule in (*RULES.values(), fastbp.AdamW(0.01)):
        for version in ("engine", "loops", "matrix"):
            network, _ = trained(optimizer=rule, version=version, rate_factors=[[0, 0], [0, 1], [1, 1]])
            assert (network.W[0] == before.W[0]).all()
            assert (network.B[0] == before.B[0]).all()
            assert (network.W[1] == before.W[1]).all()
            assert (network.B[1] != before.B[1]).any()
            assert (network.W[2] != before.W[2]).any()


@pytest.mark.parametrize("version", ["engine", "loops", "matrix"])
def test_they_are_the_groups_of_pytorch(version):
    torch = pytest.importorskip("torch")
    ours, _ = trained(
        optimizer=fastbp.Adam(0.01), rate_factors=FACTORS, diagonal=6.0, epochs=20, batch_size=60, shuffle=False,
        version=version,
    )  # fmt: skip
    start = fastbp.Network((7, 20, 5, 3), "tanh", dtype="float64", seed=3)
    factors = torch.ones(7, dtype=torch.float64, requires_grad=True)
    W, B = ([torch.tensor(part, requires_grad=True) for part in parts] for parts in (start.W, start.B))
    groups = [{"params": [factors], "lr": 0.06}]
    for w, b, (of_weights, of_biases) in zip(W, B, FACTORS, strict=True):
        groups += [{"params": [w], "lr": 0.01 * of_weights}, {"params": [b], "lr": 0.01 * of_biases}]
    optimizer = torch.optim.Adam(groups)
    for _ in range(20):
        y = torch.tensor(X) * factors
        for layer, (w, b) in enumerate(zip(W, B, strict=True)):
            y = y @ w.T + b
            y = torch.tanh(y) if layer < 2 else y
        optimizer.zero_grad()
        torch.nn.functional.cross_entropy(y, torch.tensor(LABELS)).backward()
        optimizer.step()
    expected = [(W[0] * factors).detach().numpy(), *(w.detach().numpy() for w in W[1:])]
    for found, w in zip(ours.W, expected, strict=True):
        np.testing.assert_allclose(found, w, rtol=0, atol=1e-7)
    for found, b in zip(ours.B, B, strict=True):
        np.testing.assert_allclose(found, b.detach().numpy(), rtol=0, atol=1e-7)


def test_the_diagonal_by_hand():
    """v = w f: with w = 2, f = 3, dE/dv = 5 it is dE/dw = 15 and dE/df = 10, summed over two units 10 + 4 * 7 = 38."""
    for version, dtype in itertools.product((loops, matrix), DTYPES):
        w, f, dv = (np.array(numbers, dtype) for numbers in ([[2], [4]], [3], [[5], [7]]))
        v, dw, df = np.empty_like(w), np.empty_like(w), np.empty_like(f)
        version.scale_inputs(w, f, v)
        version.split_gradient(dv, w, f, dw, df)
        assert (v.tolist(), dw.tolist(), df.tolist()) == ([[6], [12]], [[15], [21]], [38])


@pytest.mark.parametrize("dtype", DTYPES)
def test_the_diagonal_of_both_versions(dtype):
    w, dv, f = (RNG.normal(size=shape).astype(dtype) for shape in ((5, 3), (5, 3), 3))
    found = []
    for version in (loops, matrix):
        v, dw, df = np.empty_like(w), np.empty_like(w), np.empty_like(f)
        version.scale_inputs(w, f, v)
        version.split_gradient(dv, w, f, dw, df)
        found.append((v, dw, df))
    for ours, theirs in zip(*found, strict=True):
        assert_close(ours, theirs, dtype)


def test_the_table_of_a_diagonal():
    network = fastbp.Network((3, 4, 2), dtype="float64", seed=1)
    layers = with_diagonal(with_rates(network.layers, FACTORS[:2]), 6.0)
    assert has_diagonal(layers)
    assert not has_diagonal(network.layers)
    wide, theta = np.full(wide_count(layers), np.nan), np.empty_like(network.theta)
    widen(network.theta, layers, wide)
    narrow(wide, layers, theta)
    assert (theta == network.theta).all()
    wide[len(theta) + 3 :] *= 2  # v, which is w f
    narrow(wide, layers, theta)
    assert (theta[:12] == 2 * network.theta[:12]).all()
    assert (theta[12:] == network.theta[12:]).all()
    assert layers_above(layers)["biases_rate"].tolist() == [0.1, 0.0]


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
def test_many_networks(rates):
    networks = [fastbp.Network((7, 6, 5, 3), "tanh", seed=seed) for seed in range(3)]
    options = {"epochs": 2, "batch_size": 10, "optimizer": fastbp.Adam(0.01), **rates}
    fastbp.train_many(networks, X, LABELS, **options, seed=[0, 1, 2])
    for seed, network in enumerate(networks):
        alone = fastbp.Network((7, 6, 5, 3), "tanh", seed=seed)
        fastbp.train(alone, X, LABELS, **options, seed=seed, threads=1)
        assert (network.theta == alone.theta).all()


def test_many_networks_have_rates_of_their_own():
    networks = [fastbp.Network(sizes, seed=1) for sizes in ((7, 6, 3), (7, 3), (7, 6, 3))]
    factors, diagonals = [[[0, 0], [0, 1]], None, [[0, 1], [0, 0]]], [None, 1.0, None]
    before = [network.theta.copy() for network in networks]
    fastbp.train_many(networks, X, LABELS, epochs=1, rate_factors=factors, diagonal=diagonals)
    assert (networks[0].W[1] == before[0][48:66].reshape(3, 6)).all()
    assert (networks[0].B[1] != 0).any()
    assert (networks[1].W[0] != before[1][:21].reshape(3, 7)).any()
    assert (networks[2].W[0] == before[2][:42].reshape(6, 7)).all()
    assert (networks[2].B[0] != 0).any()
    networks = [fastbp.Network((7, 6, 3), seed=seed) for seed in range(2)]  # as many as a pair has numbers
    fastbp.train_many(networks, X, LABELS, epochs=1, rate_factors=[[0, 0], [0, 0]])
    assert (networks[1].theta == fastbp.Network((7, 6, 3), seed=1).theta).all()


@pytest.mark.parametrize("rates", RATES.values(), ids=RATES)
def test_a_training_goes_on_from_its_checkpoint(tmp_path, rates):
    options = {"optimizer": fastbp.Adam(0.01), "checkpoint_every": 0, **rates}
    whole, _ = trained(epochs=6, **options)
    path = tmp_path / "checkpoint.safetensors"
    trained(epochs=3, checkpoint=path, **options)
    resumed, _ = trained(epochs=6, checkpoint=path, resume=True, **options)
    assert (resumed.theta == whole.theta).all()
    with pytest.raises(ValueError, match="must be that of checkpoint"):
        trained(epochs=6, checkpoint=path, resume=True, optimizer=fastbp.Adam(0.01), rate_factors=np.full((3, 2), 0.5))


@pytest.mark.parametrize(
    ("option", "value", "problem", "message"),
    [
        ("rate_factors", np.ones((2, 2)), ValueError, r"rate_factors must have shape \(3, 2\), .* got \(2, 2\)"),
        ("rate_factors", [1, 2, 3], ValueError, r"rate_factors must have shape \(3, 2\), .* got \(3,\)"),
        ("rate_factors", [[1, -1]] * 3, ValueError, "rate_factors must be finite and at least 0, got"),
        ("rate_factors", [[1, np.nan]] * 3, ValueError, "rate_factors must be finite and at least 0, got"),
        ("rate_factors", "abc", TypeError, "rate_factors must hold real numbers"),
        ("diagonal", -1, ValueError, "diagonal must be at least 0 and finite, got -1"),
        ("diagonal", True, TypeError, "diagonal must be a number, got True"),
        ("diagonal", "6", TypeError, "diagonal must be a number, got '6'"),
    ],
)
def test_bad_rates(option, value, problem, message):
    with pytest.raises(problem, match=message):
        trained(**{option: value})


@pytest.mark.parametrize(
    ("sizes", "factors", "message"),
    [
        ([(7, 3), (7, 6, 3)], [[1, 0.1]], r"rate_factors must have shape \(2, 2\), .* got \(1, 2\)"),
        ([(7, 6, 3), (7, 6, 5, 3)], [[1, 0.1]] * 2, r"rate_factors must have shape \(3, 2\), .* got \(2, 2\)"),
        ([(7, 6, 3)], np.array(1.0), r"rate_factors must have shape \(2, 2\), .* got \(\)"),
        ([(7, 6, 3)] * 2, [[[1, 1], [1]], None], r"rate_factors\[0\] must"),
    ],
)
def test_bad_rates_of_many_networks(sizes, factors, message):
    networks = [fastbp.Network(each, seed=seed) for seed, each in enumerate(sizes)]
    with pytest.raises((TypeError, ValueError), match=message):
        fastbp.train_many(networks, X, LABELS, epochs=1, rate_factors=factors)
