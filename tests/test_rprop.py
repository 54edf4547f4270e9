"""Rprop in trainings: the steps of PyTorch's, all samples in each, and what multiplies its sizes."""

import numpy as np
import pytest

import fastbp
from fastbp.engine import heuristics
from tests.cases import DTYPES, UNCOMPILED, assert_close

N, EPOCHS = (12, 6) if UNCOMPILED else (200, 50)
RNG = np.random.default_rng(0)
X = RNG.normal(size=(N, 8))
D = np.sin(X @ RNG.normal(size=(8, 2)) / 2)
LABELS = (X[:, :3] @ RNG.normal(size=(3, 3))).argmax(axis=1)
VERSIONS = ("matrix", "loops", "tiles", "engine")
HOWS = {
    "defaults": {"optimizer": "rprop"},
    "others": {"optimizer": fastbp.Rprop(0.05, etas=(0.3, 1.1), step_sizes=(1e-3, 0.1))},
    "limits at once": {"optimizer": fastbp.Rprop(0.5, step_sizes=(0.001, 0.02))},
    "penalties": {"optimizer": "rprop", "l2": 0.01, "l1": 0.001, "max_norm": 2.0, "clip_norm": 0.1},
}


def network(sizes=(8, 20, 2), dtype="float64", **options):
    return fastbp.Network(sizes, **{"activation": "tanh", "output": "identity", "dtype": dtype, "seed": 1} | options)


def trained(d=D, epochs=EPOCHS, made=None, **how):
    made = made or network()
    history = fastbp.train(made, X, d, epochs=epochs, **{"optimizer": "rprop"} | how)
    return made, history


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("how", HOWS.values(), ids=HOWS)
def test_all_versions_agree(how, version):
    expected, losses = trained(version="matrix", **how)
    made, history = trained(version=version, **how)
    assert_close(made.theta, expected.theta, "float64", times=100)
    assert_close(history.loss, losses.loss, "float64", times=100)
    assert history.loss[-1] < history.loss[0]


@pytest.mark.parametrize("name", ["defaults", "others", "limits at once"])
def test_pytorch_makes_the_same_steps(name):
    torch = pytest.importorskip("torch")
    made = network()
    module, given = fastbp.to_torch(made), HOWS[name]["optimizer"]
    rule = fastbp.Rprop() if given == "rprop" else given
    theirs = torch.optim.Rprop(module.parameters(), rule.learning_rate, rule.etas, rule.step_sizes)
    for _ in range(EPOCHS):
        theirs.zero_grad()
        error = 0.5 * ((module(torch.tensor(X)) - torch.tensor(D)) ** 2).sum(dim=1).mean()
        error.backward()
        theirs.step()
    expected = np.concatenate([p.detach().numpy().ravel() for p in module.parameters()])
    trained(made=made, optimizer=rule)
    np.testing.assert_allclose(made.theta, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("dtype", DTYPES)
def test_each_step_takes_all_samples(dtype):
    """Whatever the mini-batches and their order were to be."""
    expected = trained(made=network(dtype=dtype), batch_size=N, shuffle=False)[0].theta
    for how in ({"batch_size": 1}, {"batch_size": 7, "seed": 5}, {"batch_size": 10**6}):
        np.testing.assert_array_equal(trained(made=network(dtype=dtype), **how)[0].theta, expected)


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.parametrize("dtype", DTYPES)
def test_the_bits_do_not_depend_on_the_threads(dtype, monkeypatch):
    monkeypatch.setattr(heuristics, "usable_cores", lambda: 8)
    how = {"l2": 0.01, "clip_norm": 0.1, "epochs": 5}
    found = [
        trained(made=network((8, 150, 2), dtype), version="tiles", threads=threads, **how)[0]
        for threads in (1, 2, 3, 8)
    ]
    for other in found[1:]:
        np.testing.assert_array_equal(other.theta, found[0].theta)


@pytest.mark.parametrize("version", VERSIONS)
def test_rate_factors_multiply_all_sizes(version):
    """Twice the factors are twice the rate and the limits; 0: the parameters stay."""
    twice = trained(rate_factors=np.full((2, 2), 2.0), version=version, epochs=5)[0]
    expected = trained(optimizer=fastbp.Rprop(0.02, step_sizes=(2e-6, 100)), version=version, epochs=5)[0]
    np.testing.assert_allclose(twice.theta, expected.theta, rtol=1e-12)
    some, before = trained(rate_factors=[[1.0, 0.0], [0.0, 1.0]], version=version, epochs=5)[0], network()
    np.testing.assert_array_equal(some.B[0], before.B[0])
    np.testing.assert_array_equal(some.W[1], before.W[1])
    assert (some.W[0] != before.W[0]).all()


def test_many_networks_of_several_widths_and_rows():
    """They share lanes: units and samples that others do not have change nothing."""
    made = [network((8, 3 + i % 4, 2), seed=i) for i in range(6)]
    alone = [network((8, 3 + i % 4, 2), seed=i) for i in range(6)]
    how = {"epochs": [5, 3, 5, 2, 5, 4], "optimizer": [fastbp.Rprop(0.01 * (1 + i)) for i in range(6)]}
    rows = [np.arange(i % 2, N) for i in range(6)]
    done = fastbp.train_many(made, X, D, rows=rows, threads=1, **how)
    for i, one in enumerate(alone):
        history = fastbp.train(one, X, D, rows=rows[i], epochs=how["epochs"][i], optimizer=how["optimizer"][i])
        assert_close(made[i].theta, one.theta, "float64", times=100)
        assert_close(done.history(i).loss, history.loss, "float64", times=100)


def test_a_network_without_a_loss_is_told_of():
    with pytest.raises(fastbp.Diverged, match=r"epoch 1 with Rprop\(learning_rate=0.01\)"):
        trained(d=D * 1e300, version="loops")


def test_an_estimator_takes_all_samples_too():
    pytest.importorskip("sklearn")
    how = {"hidden_layer_sizes": 6, "max_iter": 8, "random_state": 0, "shuffle": False, "n_iter_no_change": 99}
    with pytest.warns(UserWarning, match="Maximum iterations"):
        models = [
            fastbp.MLPClassifier(solver=solver, batch_size=size, learning_rate_init=0.01, **how).fit(X, LABELS)
            for solver, size in (("rprop", "auto"), (fastbp.Rprop(0.01), 7))
        ]
    assert models[0].loss_curve_ == models[1].loss_curve_
    assert models[0].loss_curve_[-1] < models[0].loss_curve_[0]
    with pytest.raises(TypeError, match="learning_rate must be a number for Rprop"):
        fastbp.MLPClassifier(solver="rprop", learning_rate=fastbp.Constant(0.1)).fit(X, LABELS)


def test_a_model_file_has_the_rule(tmp_path):
    pytest.importorskip("sklearn")
    rule = fastbp.Rprop(0.05, etas=(0.25, 1.5))
    model = fastbp.MLPRegressor(hidden_layer_sizes=3, solver=rule, max_iter=200, tol=1e3, n_iter_no_change=1).fit(X, D)
    model.save(tmp_path / "model.safetensors")
    assert fastbp.load(tmp_path / "model.safetensors").solver == rule
