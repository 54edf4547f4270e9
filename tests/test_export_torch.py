"""to_torch and from_torch: the same predictions there and here."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

pytest.importorskip("torch")

import torch
from torch import nn

import fastbp
from fastbp.export import torch as export
from fastbp.export.torch import from_torch, to_torch
from fastbp.lecture.codes import HIDDEN, OUTPUT
from tests.cases import DTYPES, UNCOMPILED
from tests.export_cases import (
    COMBINATIONS,
    activation_alone,
    assert_extremes,
    extremes,
    fitted,
    network_of,
    samples,
    sizes_for,
)

RTOL = {"float32": 1e-6, "float64": 1e-12}  # of the largest output


def predicted(module, X):
    with torch.no_grad():
        return module(torch.from_numpy(X)).numpy()


def same(a, b):
    return repr(a) == repr(b) and a.theta.tobytes() == b.theta.tobytes()


# ---- There and back --------------------------------------------------------------------------------------------------


@pytest.mark.skipif(UNCOMPILED, reason="takes the interpreter minutes")
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(("hidden", "output"), COMBINATIONS)
def test_networks_of_all_kinds(hidden, output, dtype):
    for sizes in sizes_for(output):
        network, X = network_of(sizes, hidden if len(sizes) > 2 else (), output, dtype), samples(33, sizes[0], dtype)
        module, expected = to_torch(network), network.predict(X)
        found = predicted(module, X)
        assert found.dtype == dtype
        np.testing.assert_allclose(found, expected, rtol=0, atol=RTOL[dtype] * np.abs(expected).max())
        assert same(from_torch(module), network)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("name", sorted({*HIDDEN, *OUTPUT}))
def test_activations_of_all_numbers(name, dtype):
    network, x = activation_alone(name, dtype), extremes(name, dtype)
    assert_extremes(predicted(to_torch(network), x), network, name, x)


def test_softplus_above_its_threshold():
    for dtype in DTYPES:
        network, x = activation_alone("softplus", dtype), np.geomspace(15, 1e30, 500)[:, None].astype(dtype)
        np.testing.assert_allclose(predicted(to_torch(network), x), network.predict(x), rtol=np.finfo(dtype).eps)


def test_each_layer_its_own_activation():
    network = network_of((3, *range(2, 2 + len(HIDDEN)), 2), list(HIDDEN), "softmax", "float64")
    module, X = to_torch(network), samples(9, 3, "float64")
    np.testing.assert_allclose(predicted(module, X), network.predict(X), rtol=1e-12)
    assert [type(child).__name__ for child in module if not isinstance(child, nn.Linear)] == [
        *("Sigmoid", "Tanh", "ReLU", "LeakyReLU", "ELU", "SELU", "Softplus", "SiLU", "GELU", "Mish"),
        "Softmax",  # identity has none
    ]
    assert same(from_torch(module), network)


def test_parameters_are_copies_both_ways():
    network = network_of((3, 4, 2), "relu", "softmax", "float32")
    module, before = to_torch(network), network.theta.copy()
    assert all(parameter.requires_grad for parameter in module.parameters())
    with torch.no_grad():
        module[0].weight.zero_()
        module[0].bias.zero_()
    np.testing.assert_array_equal(network.theta, before)
    back = from_torch(module)
    back.theta[:] = 1
    assert not module[0].weight.any()


def test_a_network_over_a_read_only_file_is_copied_without_a_warning():
    network = fastbp.Network((3, 4, 2))
    network.theta.flags.writeable = False
    network._hold(network.theta)
    assert same(from_torch(to_torch(network)), network)


def test_torchs_random_numbers_stay_where_they_are():
    torch.manual_seed(3)
    before = torch.get_rng_state()
    to_torch(fastbp.Network((3, 4, 2)))
    assert torch.equal(torch.get_rng_state(), before)


def test_the_network_of_an_estimator():
    pytest.importorskip("sklearn")
    X = samples(60, 3, "float64")
    model = fitted(fastbp.MLPClassifier(5, max_iter=3, random_state=0), X, np.arange(60) % 3)
    np.testing.assert_allclose(predicted(to_torch(model), X), model.predict_proba(X), rtol=1e-12)


@pytest.mark.parametrize("way", ["pickle", "state"])
def test_a_module_can_be_kept(way):
    network = network_of((3, 4, 2), "elu", "exponential", "float64")
    module, X = to_torch(network), samples(5, 3, "float64")
    assert type(module[-1]) is export.Exponential
    if way == "pickle":
        other = pickle.loads(pickle.dumps(module))
    else:
        other = to_torch(network_of((3, 4, 2), "elu", "exponential", "float64", seed=9))
        other.load_state_dict(module.state_dict())
    np.testing.assert_array_equal(predicted(other, X), predicted(module, X))


def test_a_pickle_of_another_process_finds_the_exponential(tmp_path):
    module = to_torch(network_of((1, 1), (), "exponential", "float32"))
    (tmp_path / "module").write_bytes(pickle.dumps(module))
    script = f"import pickle; print(pickle.load(open({str(tmp_path / 'module')!r}, 'rb')))"
    assert subprocess.run([sys.executable, "-c", script], capture_output=True, text=True).stdout == f"{module}\n"


def test_the_module_has_no_other_names():
    with pytest.raises(AttributeError, match=r"module 'fastbp.export.torch' has no attribute 'Nonsense'"):
        export.Nonsense  # noqa: B018


# ---- From torch ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_people_write(dtype):
    """Modules used twice and nested ones, no bias, dropout, names, and what does nothing."""
    torch.manual_seed(0)
    act, kind = nn.ReLU(inplace=True), getattr(torch, dtype)
    module = nn.Sequential(
        nn.Flatten(),
        nn.Sequential(nn.Linear(4, 7, bias=False), nn.Dropout(0.5), act),
        nn.Identity(),
        nn.Sequential(nn.Sequential(nn.Linear(7, 7), act), nn.Linear(7, 5)),
        nn.Linear(5, 3),
        nn.Dropout(0.9),
        nn.LogSoftmax(dim=1),
    ).to(kind)
    network, X = from_torch(module), samples(9, 4, dtype)
    assert network.sizes == (4, 7, 7, 5, 3)
    assert network.activation == ("relu", "relu", "identity")
    assert (network.output, network.dtype) == ("softmax", dtype)
    np.testing.assert_allclose(network.predict(X), np.exp(predicted(module.eval(), X)), rtol=10 * RTOL[dtype])
    assert not network.B[0].any()


def test_outputs_that_the_module_leaves_to_the_loss():
    torch.manual_seed(0)
    module, X = nn.Sequential(nn.Linear(4, 5), nn.SiLU(), nn.Linear(5, 2)), samples(9, 4, "float32")
    logits = predicted(module, X)
    by_output = {
        "softmax": np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True),
        "sigmoid": 1 / (1 + np.exp(-logits)),
        "exponential": np.exp(logits),
        "identity": logits,
    }
    for output, expected in by_output.items():
        network = from_torch(module, output)
        assert network.output == output
        np.testing.assert_allclose(network.predict(X), expected, rtol=1e-4)
    assert from_torch(module).output == "identity"
    for last, output in ((nn.Softmax(dim=-1), "softmax"), (nn.Sigmoid(), "sigmoid")):
        assert from_torch(nn.Sequential(*module, last), output=output).output == output
    huber = from_torch(module, loss="huber", huber_delta=0.25)
    assert (huber.loss, huber.huber_delta, huber.quantile) == ("huber", 0.25, None)
    upper = from_torch(module, loss="quantile", quantile=0.9)
    assert (upper.loss, upper.huber_delta, upper.quantile) == ("quantile", None, 0.9)


def test_the_default_softplus_of_torch():
    module = to_torch(activation_alone("softplus", "float64"))
    module[1] = nn.Softplus()
    x = np.linspace(-40, 40, 1001)[:, None]
    np.testing.assert_allclose(from_torch(module).predict(x), predicted(module, x), rtol=0, atol=2.1e-9)


class Own(nn.Sequential):
    def forward(self, x):
        return super().forward(x) + 1


def linear(sending, receiving, dtype=torch.float32, **settings):
    return nn.Linear(sending, receiving, dtype=dtype, **settings)


REFUSED = [
    ([], r"module must have at least one Linear, got none"),
    ([nn.ReLU(), linear(2, 2)], r"module\[0\] must come after a Linear, got ReLU\(\)"),
    ([linear(2, 2), nn.ReLU(), nn.Dropout(), nn.Tanh()], r"module\[3\] must come after a Linear, got Tanh\(\)"),
    ([linear(2, 2), nn.Sequential(nn.Conv1d(2, 2, 1))], r"module\[1\]\[0\] must be one of Linear, .* got Conv1d"),
    ([linear(2, 2), nn.BatchNorm1d(2)], r"module\[1\] must be one of .*, LogSoftmax, Identity, .* got BatchNorm1d"),
    ([linear(2, 2), Own(linear(2, 2))], r"module\[1\] must be one of .* got Own"),
    ([linear(2, 2), nn.LeakyReLU(0.2)], r"module\[1\], LeakyReLU\(.*0.2\), must have the negative_slope 0.01, got 0.2"),
    ([linear(2, 2), nn.ELU(alpha=2.0)], r"module\[1\], ELU\(.*\), must have the alpha 1.0, got 2.0"),
    ([linear(2, 2), nn.GELU()], r"module\[1\], GELU\(.*\), must have the approximate 'tanh', got 'none'"),
    ([linear(2, 2), nn.Softplus(beta=2)], r"module\[1\], Softplus\(.*\), must have the beta 1.0, got 2"),
    ([linear(2, 2), nn.Softplus(threshold=5)], r"Softplus\(.*\), must have the threshold at least 20, got 5"),
    ([linear(2, 2), nn.Softmax(dim=0)], r"module\[1\], Softmax\(dim=0\), must have the dim 1 or -1, got 0"),
    ([linear(2, 2), nn.LogSoftmax(dim=None)], r"module\[1\], LogSoftmax\(.*\), must have the dim 1 or -1, got None"),
    ([nn.Flatten(0), linear(2, 2)], r"module\[0\], Flatten\(.*\), must have the start_dim 1, got 0"),
    ([linear(2, 3), nn.Tanh(), linear(2, 2)], r"module\[2\] must take the 3 outputs of the Linear before, got Linear"),
    ([linear(2, 2), nn.Softmax(1), linear(2, 2)], r"module\[1\] must be an activation of hidden layers, got softmax"),
    ([linear(2, 2), nn.Sigmoid(), linear(2, 2), nn.Tanh()], r"module\[3\] must be an activation of outputs, .* tanh"),
    ([linear(2, 2), linear(2, 2, torch.float64)], r"module\[1\] must have parameters of .* got float32, float64"),
    ([linear(2, 2, torch.bfloat16)], r"module\[0\] must have parameters of float32 or float64, .* got bfloat16"),
]


@pytest.mark.parametrize(("modules", "message"), REFUSED)
def test_what_no_network_can_do_is_named_with_its_place(modules, message):
    with pytest.raises(ValueError, match=message):
        from_torch(nn.Sequential(*modules))


def test_other_refusals():
    module = nn.Sequential(linear(2, 2), nn.Softmax(dim=1))
    for wrong in (linear(2, 2), Own(linear(2, 2)), nn.ModuleList([linear(2, 2)]), 3):
        with pytest.raises(TypeError, match=r"module must be a torch.nn.Sequential, got "):
            from_torch(wrong)
    with pytest.raises(ValueError, match=r"output must be None or 'softmax' for a module that ends with it, got 'sigm"):
        from_torch(module, output="sigmoid")
    with pytest.raises(ValueError, match=r"output must be one of .*, got 'tanh'"):
        from_torch(module[:1], output="tanh")
    with pytest.raises(TypeError, match=r"output must be one of .*, got 3"):
        from_torch(module[:1], output=3)
    with pytest.raises(ValueError, match=r"loss must be 'cross_entropy' for output='softmax', got 'huber'"):
        from_torch(module, loss="huber")
    with pytest.raises(ValueError, match=r"huber_delta must be None for loss='squared_error', got 2"):
        from_torch(module[:1], huber_delta=2)
    with pytest.raises(ValueError, match=r"quantile must be None for loss='huber', got 0\.5"):
        from_torch(module[:1], loss="huber", quantile=0.5)
    with pytest.raises(ValueError, match=r"at least two outputs for output='softmax'"):
        from_torch(nn.Sequential(linear(2, 1), nn.Softmax(dim=1)))
    with pytest.raises(TypeError, match=r"model must be a fastbp.Network or a fitted .*, got Sequential"):
        to_torch(module)


def test_an_estimator_must_be_fitted():
    exceptions = pytest.importorskip("sklearn.exceptions")
    with pytest.raises(exceptions.NotFittedError, match="MLPRegressor"):
        to_torch(fastbp.MLPRegressor())


@pytest.mark.parametrize(("function", "argument"), [(to_torch, fastbp.Network((1, 2))), (from_torch, None)])
def test_what_to_install(function, argument, monkeypatch):
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(ImportError, match=rf"fastbp.{function.__name__} needs torch: pip install 'fastbp\[torch\]'"):
        function(argument)
