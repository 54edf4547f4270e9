"""Label smoothing: targets that a training shares out among the classes, and its validation does not."""

import numpy as np
import pytest

import fastbp
from fastbp.lecture import loops, matrix
from tests.cases import UNCOMPILED, assert_close

RNG = np.random.default_rng(0)
X, LABELS = RNG.normal(size=(60, 4)), np.arange(60) % 3
D, BINARY = np.eye(3)[LABELS], (LABELS == 1).astype(float)
SMOOTH = 0.9 * D + 0.1 / 3
VERSIONS = ["engine", "tiles", "loops", "matrix"]
ROWS = {"rows": range(50), "validation_rows": range(50, 60)}


def network(output="softmax", seed=1, hidden=(5,)):
    return fastbp.Network((4, *hidden, 3 if output == "softmax" else 1), output=output, dtype="float64", seed=seed)


def trained(D, output="softmax", **how):
    made = network(output)
    history = fastbp.train(made, X, D, **{"epochs": 4, "batch_size": 7} | how)
    return made, history


@pytest.mark.parametrize("version", [loops, matrix], ids=["loops", "matrix"])
def test_the_formula_by_hand(version):
    """0.7 x 1 + 0.3 / 3 = 0.8 and 0.3 / 3 = 0.1; of one sigmoid 0.7 x 1 + 0.3 / 2 = 0.85."""
    t = np.empty(3)
    version.smooth_labels(0.3, 3, np.array([1.0, 0.0, 0.0]), t)
    np.testing.assert_allclose(t, [0.8, 0.1, 0.1], rtol=1e-15)
    one = np.empty(1)
    version.smooth_labels(0.3, 2, np.array([1.0]), one)
    np.testing.assert_allclose(one, 0.85, rtol=1e-15)


# ---- train -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_it_trains_with_smoothed_targets_and_validates_with_those_given(version):
    (one, history), (other, expected) = (
        trained(d, version=version, label_smoothing=s, **ROWS) for d, s in ((LABELS, 0.1), (SMOOTH, 0.0))
    )
    assert_close(one.theta, other.theta, "float64")
    assert_close(history.loss, expected.loss, "float64")
    held_out = slice(50, 60)
    assert history.validation_loss[-1] == pytest.approx(one.evaluate(X[held_out], D[held_out]), rel=1e-12)
    assert expected.validation_loss[-1] == pytest.approx(one.evaluate(X[held_out], SMOOTH[held_out]), rel=1e-12)
    assert history.validation_loss[-1] != pytest.approx(expected.validation_loss[-1], rel=1e-5)


def test_one_sigmoid_stands_for_two_classes():
    one, history = trained(BINARY, "sigmoid", label_smoothing=0.1)
    other, expected = trained(0.9 * BINARY + 0.05, "sigmoid")
    assert_close(one.theta, other.theta, "float64")
    assert_close(history.loss, expected.loss, "float64")


def test_patience_watches_the_targets_that_were_given():
    """Smoothed, the validation loss would have its best epoch elsewhere."""
    how = {"epochs": 60, "patience": 60, "optimizer": fastbp.Adam(0.05), **ROWS}
    one, history = trained(LABELS, label_smoothing=0.6, **how)
    best = int(np.argmin(history.validation_loss))
    assert history.best_epoch == best + 1
    assert one.evaluate(X[50:], D[50:]) == pytest.approx(history.validation_loss[best], rel=1e-12)


def test_an_array_of_no_dimension_is_a_number():
    expected = trained(LABELS, label_smoothing=0.1)[0].theta
    np.testing.assert_array_equal(trained(LABELS, label_smoothing=np.array(0.1))[0].theta, expected)


def test_the_targets_given_stay_as_they_are():
    given = D.copy()
    trained(given, label_smoothing=0.5)
    np.testing.assert_array_equal(given, D)


@pytest.mark.parametrize(
    ("output", "loss", "units"),
    [("identity", "squared_error", 3), ("exponential", "poisson", 1), ("sigmoid", "binary_cross_entropy", 3)],
)
def test_other_outputs_have_no_classes(output, loss, units):
    made = fastbp.Network((4, units), output=output, loss=loss)
    d, softmax = np.ones((60, units)), fastbp.Network((4, units), output="softmax") if units > 1 else None
    message = f"label_smoothing must be 0 for {units} outputs? by '{output}', got 0.1: it is for classes"
    with pytest.raises(ValueError, match=message):
        fastbp.train(made, X, d, label_smoothing=0.1)
    several = [made] if softmax is None else [softmax, made]
    with pytest.raises(ValueError, match=message):  # also where another network before has been checked
        fastbp.train_many(several, X, d / units, label_smoothing=0.1)
    fastbp.train(made, X, d, label_smoothing=0.0, epochs=1)


@pytest.mark.parametrize("output", ["softmax", "sigmoid"])
@pytest.mark.parametrize("smoothing", [0.1, 0.75])
def test_torch_makes_the_same_step(output, smoothing):
    torch = pytest.importorskip("torch")
    made, d = network(output), torch.from_numpy(LABELS if output == "softmax" else BINARY[:, None])
    module = fastbp.to_torch(made)[:-1]
    if output == "softmax":
        E = torch.nn.CrossEntropyLoss(label_smoothing=smoothing)(module(torch.from_numpy(X)), d)
    else:  # its users smooth the targets
        d = (1 - smoothing) * d + smoothing / 2
        E = torch.nn.BCEWithLogitsLoss()(module(torch.from_numpy(X)), d)
    E.backward()
    torch.optim.SGD(module.parameters(), 0.5).step()
    given = LABELS if output == "softmax" else BINARY
    history = fastbp.train(
        made, X, given, epochs=1, batch_size=60, optimizer=fastbp.SGD(0.5), label_smoothing=smoothing
    )
    assert history.loss[0] == pytest.approx(E.item(), rel=1e-12)
    expected = np.concatenate([parameter.detach().numpy().ravel() for parameter in module.parameters()])
    assert_close(made.theta, expected, "float64")


# ---- train_many ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hidden", [(5,), (400,)], ids=["lanes", "alone"])
def test_each_of_many_has_its_own(hidden):
    smoothing = [0.0, 0.1, 0.1, 0.5]
    if UNCOMPILED:
        hidden = (5,)
    made = [network(seed=seed, hidden=hidden) for seed in range(4)]
    how = {"epochs": 3, "batch_size": 16, **ROWS}
    done = fastbp.train_many(made, X, LABELS, label_smoothing=smoothing, **how)
    for i, (one, s) in enumerate(zip(made, smoothing, strict=True)):
        alone = network(seed=i, hidden=hidden)
        history = fastbp.train(alone, X, (1 - s) * D + s / 3, **how)
        assert_close(one.theta, alone.theta, "float64", 10)
        assert_close(done.loss[i], history.loss, "float64", 10)
        assert done.validation_loss[i, -1] == pytest.approx(one.evaluate(X[50:], D[50:]), rel=1e-10)


# ---- Checkpoints -----------------------------------------------------------------------------------------------------


def test_a_checkpoint_knows_how_much(tmp_path):
    path = tmp_path / "run.ckpt"
    trained(LABELS, label_smoothing=0.1, checkpoint=path)
    message = r"label_smoothing must be that of checkpoint .*, 0\.1, got 0\.2"
    with pytest.raises(ValueError, match=message):
        trained(LABELS, label_smoothing=0.2, checkpoint=path, resume=True)
    longer = trained(LABELS, label_smoothing=0.1, checkpoint=path, resume=True, epochs=6)[0]
    np.testing.assert_array_equal(longer.theta, trained(LABELS, label_smoothing=0.1, epochs=6)[0].theta)
