"""Recipes and ensembles for tables: what they decide, what a user overrides, what is kept in files and exports."""

import dataclasses

import numpy as np
import pytest

import fastbp
from fastbp.lecture.layout import has_diagonal
from fastbp.network import outputs
from fastbp.tables import fitting, recipes
from fastbp.tables.recipes import RECIPES, Recipe, chosen, draw_ntk
from fastbp.tables.target import CLASSES, NUMBER
from fastbp.training.history import was_interrupted
from tests.table_cases import FRUIT, QUICK, seen_by_train_many
from tests.test_tables_sources import written

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 3))
NUMBERS = {"a": X[:, 0], "b": X[:, 1], "c": X[:, 2], "y": 50 + 10 * (X[:, 0] * X[:, 1] + X[:, 2])}
LABELS = {"a": X[:, 0], "b": X[:, 1], "y": np.where(X[:, 0] * X[:, 1] > 0, "same", "other")}
SMALL = {"hidden_layer_sizes": (8, 8), "epochs": 4}


@pytest.fixture
def fruit(tmp_path):
    return written(tmp_path, FRUIT)


# ---- What a recipe decides -------------------------------------------------------------------------------------------


def test_realmlp_is_what_its_paper_says():
    """Holzmüller et al. 2024, RealMLP-TD-S."""
    for kind, rate, activation, smoothing in ((CLASSES, 0.04, "selu", 0.1), (NUMBER, 0.07, "mish", 0.0)):
        recipe = RECIPES["realmlp"][kind]
        assert recipe.hidden_layer_sizes == (256, 256, 256)
        assert (recipe.epochs, recipe.batch_size) == (256, 256)
        assert (recipe.activation, recipe.label_smoothing) == (activation, smoothing)
        optimizer = recipe.optimizer
        assert (optimizer.beta1, optimizer.beta2) == (0.9, 0.95)
        rates = optimizer.rates(0, 1024, 1024)
        np.testing.assert_allclose(
            rates, rate * (0.5 - 0.5 * np.cos(2 * np.pi * np.log2(1 + 15 * np.arange(1024) / 1024)))
        )
        network = recipe.network(9, 3, kind, np.dtype("float64"), 1)
        layers = recipe.layers(network)
        np.testing.assert_allclose(layers["weights_rate"], [1 / 3, 1 / 16, 1 / 16, 1 / 16])
        assert (layers["biases_rate"] == 0.1).all()
        assert has_diagonal(layers)
        assert layers["diagonal_rate"][0] == 6


def test_first_weights_of_the_neural_tangent_parametrisation():
    network = fastbp.Network((400, 300, 200, 2), dtype="float64")
    draw_ntk(network, np.random.default_rng(0))
    for w, b, n in zip(network.W[:2], network.B[:2], (400, 300), strict=True):
        np.testing.assert_allclose(w.std(), 1 / np.sqrt(n), rtol=0.02)
        np.testing.assert_allclose(b.std(), 1, rtol=0.15)
    assert not network.W[2].any()
    assert not network.B[2].any()


def test_what_is_given_overrides_the_recipe():
    nothing = dict.fromkeys(
        (
            "hidden_layer_sizes",
            "activation",
            "epochs",
            "batch_size",
            "learning_rate",
            "patience",
            "scaling",
            "clamp_output",
        )
    )
    assert chosen("default", "float32", **nothing) == RECIPES["default"] == {CLASSES: Recipe(), NUMBER: Recipe()}
    given = nothing | {"hidden_layer_sizes": 7, "epochs": 3, "learning_rate": 0.5, "clamp_output": False}
    for kind, recipe in chosen("realmlp", "float32", **given).items():
        before = RECIPES["realmlp"][kind]
        expected = {"hidden_layer_sizes": (7,), "epochs": 3, "learning_rate": 0.5, "clamp_output": False}
        assert recipe == dataclasses.replace(before, **expected)
    parts = [RECIPES["realmlp"][CLASSES].held_out(rows) for rows in (50, 999, 1000)]
    assert parts == [0, 0, 0.1]
    assert chosen("realmlp", "float32", **nothing | {"patience": 5})[CLASSES].held_out(999) == 0.2
    assert [RECIPES["realmlp"][NUMBER].held_out(rows) for rows in (50, 60, 1000)] == [0, 0.2, 0.1]


def test_of_few_rows_with_classes_realmlp_trains_with_all_to_the_end():
    result = fastbp.train_table(LABELS, "y", recipe="realmlp", **SMALL)
    assert (result.rows, result.validated) == (300 - result.test.rows, 0)
    assert result.history.best_epoch == len(result.history.loss) == 4
    assert result.model.network.activation == "selu"
    smooth = -(0.95 * np.log(0.95) + 0.05 * np.log(0.05))
    assert min(result.history.loss) > smooth, "labels are smoothed by a tenth, of two classes"


def test_of_many_rows_with_classes_realmlp_takes_the_best_epoch():
    many = {name: np.tile(column, 5) for name, column in LABELS.items()}
    result = fastbp.train_table(many, "y", recipe="realmlp", **SMALL)
    assert result.validated > 0
    losses = result.history.validation_loss
    assert (len(losses), result.history.best_epoch) == (4, 1 + int(np.argmin(losses)))


def test_of_numbers_realmlp_takes_the_best_epoch_and_clamps():
    result = fastbp.train_table(NUMBERS, "y", recipe="realmlp", **SMALL | {"epochs": 12})
    assert result.validated > 0
    losses = result.history.validation_loss
    assert len(losses) == 12
    assert result.history.best_epoch == 1 + int(np.argmin(losses))
    encoding = result.model.encoding
    assert all(column.robust for column in encoding.used)
    assert encoding.target.lowest is not None
    far = {name: np.array([1e6, -1e6]) for name in ("a", "b", "c")}
    assert (
        (encoding.target.lowest <= result.model.predict(far)) & (result.model.predict(far) <= encoding.target.highest)
    ).all()
    plain = fastbp.train_table(NUMBERS, "y", recipe="realmlp", scaling="standard", clamp_output=False, **SMALL)
    assert not any(column.robust for column in plain.model.encoding.used)
    assert plain.model.encoding.target.lowest is None


def test_the_recipe_reaches_the_training(monkeypatch):
    """Each part of it changes the result."""
    reference = fastbp.train_table(LABELS, "y", recipe="realmlp", **SMALL).model.network.theta
    for change in ({"label_smoothing": 0.0}, {"diagonal": None}, {"bias_rate": 1.0}, {"beta2": 0.999}, {"cycles": 1}):
        changed = {CLASSES: dataclasses.replace(RECIPES["realmlp"][CLASSES], **change), NUMBER: Recipe()}
        monkeypatch.setitem(recipes.RECIPES, "realmlp", changed)
        other = fastbp.train_table(LABELS, "y", recipe="realmlp", **SMALL).model.network.theta
        monkeypatch.undo()
        assert (other != reference).any(), change
    assert (fastbp.train_table(LABELS, "y", recipe="realmlp", **SMALL).model.network.theta == reference).all()


# ---- Ensembles -------------------------------------------------------------------------------------------------------


def test_an_ensemble_is_the_mean_of_networks_that_differ_by_their_seeds():
    result = fastbp.train_table(NUMBERS, "y", ensemble=3, seed=5, **QUICK)
    model = result.model
    assert len(model.networks) == 3
    assert model.network is model.networks[0]
    thetas = [network.theta for network in model.networks]
    assert all((one != other).any() for one, other in zip(thetas, thetas[1:] + thetas[:1], strict=True))
    (block,) = fitting_blocks(NUMBERS)
    encoded = model.encoding.encode(block, np.float32)
    encoded.flags.writeable = False
    mean = np.mean([outputs(network, encoded).astype(float) for network in model.networks], axis=0)
    np.testing.assert_allclose(model.predict(NUMBERS), model.encoding.target.decode(mean), rtol=1e-6)
    alone = fastbp.train_table(NUMBERS, "y", seed=5, **QUICK)
    np.testing.assert_allclose(model.network.theta, alone.model.network.theta, atol=0.2)
    assert result.history.epochs.shape == (3,)
    assert "the mean of 3 networks, each Network((3, 4, 1)" in repr(model)
    assert not was_interrupted(result.history)


def fitting_blocks(table):
    from fastbp.tables.sources import opened

    return [*opened(table).blocks()]


@pytest.mark.parametrize("threads", [1, 2])
def test_the_bits_of_an_ensemble_do_not_depend_on_the_threads(threads):
    model = fastbp.train_table(LABELS, "y", recipe="realmlp", ensemble=3, threads=threads, **SMALL).model
    other = fastbp.train_table(LABELS, "y", recipe="realmlp", ensemble=3, **SMALL).model
    for one, two in zip(model.networks, other.networks, strict=True):
        assert one.theta.tobytes() == two.theta.tobytes()


def test_files_keep_all_networks(fruit, tmp_path):
    model = fastbp.train_table(fruit, "kind", ensemble=2, drop="id", **QUICK).model
    model.save(tmp_path / "model")
    loaded = fastbp.load(tmp_path / "model")
    assert [network.theta.tobytes() for network in loaded.networks] == [
        network.theta.tobytes() for network in model.networks
    ]
    assert repr(loaded) == repr(model)
    np.testing.assert_array_equal(loaded.predict_proba(fruit), model.predict_proba(fruit))
    assert loaded.evaluate(fruit).accuracy == model.evaluate(fruit).accuracy


def test_an_ensemble_stops_by_the_rows_held_out_and_trains_once_more(monkeypatch):
    calls = seen_by_train_many(monkeypatch)
    result = fastbp.train_table(NUMBERS, "y", ensemble=2, patience=3, **QUICK)
    first, again = calls
    assert [len(rows) for rows in first["rows"]] == [result.rows] * 2
    assert [len(rows) for rows in first["validation_rows"]] == [result.validated] * 2
    assert [len(rows) for rows in again["rows"]] == [result.rows + result.validated] * 2
    assert again["done"].epochs.tolist() == first["done"].best_epoch.tolist()
    calls.clear()
    fastbp.train_table(NUMBERS, "y", recipe="realmlp", ensemble=2, **SMALL)
    assert len(calls) == 1, "the recipe keeps its best epoch"
    assert calls[0]["diagonal"] == 6.0
    assert calls[0]["label_smoothing"] == 0.0


def test_folds_of_ensembles():
    result = fastbp.train_table(LABELS, "y", ensemble=2, cv=3, **QUICK)
    assert len(result.cv.folds) == 3
    assert sum(scores.rows for scores in result.cv.folds) == result.rows + result.validated
    alone = fastbp.train_table(LABELS, "y", cv=3, **QUICK)
    assert result.cv.mean["log_loss"] != alone.cv.mean["log_loss"]


def test_the_logarithm_goes_with_ensembles():
    table = {"x": X[:, 0], "y": np.exp(2 * X[:, 0] + 3)}
    result = fastbp.train_table(table, "y", ensemble=2, target_transform="auto", **QUICK)
    assert "the logarithm is" in "".join(result.notes)
    assert len(result.model.networks) == 2


@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_a_time_limit_leaves_networks_that_have_begun():
    result = fastbp.train_table(
        NUMBERS, "y", ensemble=4, time_limit=1e-9, threads=1, epochs=100, hidden_layer_sizes=(300, 300)
    )
    assert 1 <= len(result.model.networks) <= 4
    assert was_interrupted(result.history)


def test_a_divergence_is_an_error():
    with pytest.raises(fastbp.Diverged, match="diverged in epoch"):
        fastbp.train_table(NUMBERS, "y", ensemble=2, learning_rate=1e30, epochs=5)


def test_rows_that_do_not_fit_into_memory_are_told(monkeypatch):
    monkeypatch.setattr(fitting, "MOST_BYTES", 1 << 10)
    with pytest.raises(fastbp.TableError, match=r"an ensemble is trained on rows in memory, .*: train one network"):
        fastbp.train_table(NUMBERS, "y", ensemble=2, **QUICK)
