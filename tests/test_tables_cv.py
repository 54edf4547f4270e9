"""Cross-validation of tables: its folds, what the networks are trained with, its scores, what is refused."""

import numpy as np
import pytest

import fastbp
from fastbp.tables import cross_validation
from tests.table_cases import FRUIT, QUICK, seen_by_train_many
from tests.test_tables_sources import written


@pytest.fixture(scope="module")
def fruit(tmp_path_factory):
    return written(tmp_path_factory.mktemp("fruit"), FRUIT)


def trained(table, target="kind", **options):
    return fastbp.train_table(table, target, **{"drop": ["id"] if target == "kind" else []} | QUICK | options)


def test_folds_of_classes(fruit, monkeypatch):
    calls = seen_by_train_many(monkeypatch)
    result = trained(fruit, cv=5, class_weight={"apple": 2.0}, threads=1, seed=3, patience=7, min_delta=0.01)
    first, again = calls
    rows = result.rows + result.validated
    assert len(first["X"]) == rows == sum(scores.rows for scores in result.cv.folds)
    for trained_with, stopped_by, all_of_it in zip(first["rows"], first["validation_rows"], again["rows"], strict=True):
        np.testing.assert_array_equal(np.sort(np.concatenate([trained_with, stopped_by])), all_of_it)
        assert len(stopped_by) == pytest.approx(0.2 * len(all_of_it), abs=1)
    tested = [np.setdiff1d(np.arange(rows), of) for of in again["rows"]]
    assert sorted(np.concatenate(tested).tolist()) == [*range(rows)], "each row is tested once"
    for of in tested:
        np.testing.assert_allclose(np.bincount(first["D"][of]), np.bincount(first["D"]) / 5, atol=1)
    assert (first["threads"], first["patience"], first["min_delta"], first["epochs"]) == (1, 7, 0.01, QUICK["epochs"])
    assert first["seed"] == [3, 4, 5, 6, 7]
    assert len({*first["sample_weight"].tolist()}) == 2
    assert again["done"].epochs.tolist() == first["done"].best_epoch.tolist()
    assert "patience" not in again


def test_scores_are_those_of_rows_that_a_network_has_not_seen():
    rng = np.random.default_rng(0)
    table = {"a": rng.normal(0, 1, 300), "b": rng.normal(0, 1, 300), "y": rng.integers(0, 2, 300)}
    cv = fastbp.train_table(table, "y", cv=4, test_size=0, hidden_layer_sizes=(64,), epochs=20).cv
    assert len(cv.folds) == 4
    assert 0.3 < cv.mean["accuracy"] < 0.7, "nothing but noise"
    accuracies = [scores.accuracy for scores in cv.folds]
    assert cv.mean["accuracy"] == pytest.approx(np.mean(accuracies))
    assert cv.deviation["accuracy"] == pytest.approx(np.std(accuracies, ddof=1))
    assert [*cv.mean] == ["accuracy", "balanced_accuracy", "f1", "log_loss", "roc_auc"]


def test_the_model_is_that_of_a_training_without(fruit):
    assert trained(fruit).cv is None
    with_cv = trained(fruit, cv=3)
    assert with_cv.model.network.theta.tobytes() == trained(fruit).model.network.theta.tobytes()
    assert repr(with_cv).endswith("; ".join(with_cv.cv.lines()) + ">")


def test_scores_of_numbers():
    x = np.linspace(-1, 1, 200)
    table = {"x": x, "z": np.cos(99 * x), "y": 100 + 50 * x}
    cv = fastbp.train_table(table, "y", cv=4, hidden_layer_sizes=(), epochs=60, learning_rate=0.05).cv
    assert [*cv.mean] == [*cv.deviation] == ["rmse", "mae", "r2"]
    assert cv.mean["r2"] > 0.9
    (line,) = cv.lines()
    assert line.startswith(f"4-fold cross-validation: RMSE {cv.mean['rmse']:.4g} +- {cv.deviation['rmse']:.4g}, mean ")
    assert repr(cv) == f"<CrossValidation: {line}>"


def test_large_tables_are_stopped_by_a_tenth_and_not_trained_again(monkeypatch):
    calls = seen_by_train_many(monkeypatch)
    x = np.arange(1500) % 97 / 97
    fastbp.train_table({"x": x, "y": np.sin(x)}, "y", cv=3, test_size=0, hidden_layer_sizes=(), epochs=2)
    (first,) = calls
    assert [len(rows) for rows in first["rows"]] == [900] * 3
    assert [len(rows) for rows in first["validation_rows"]] == [100] * 3


def test_few_rows_are_not_held_out(monkeypatch):
    calls = seen_by_train_many(monkeypatch)
    fastbp.train_table({"x": np.arange(40.0), "y": np.arange(40) % 2}, "y", cv=2, hidden_layer_sizes=(), epochs=2)
    (first,) = calls
    assert first["validation_rows"] == [None, None]


@pytest.mark.filterwarnings("ignore:the training was interrupted")
def test_the_time_limit_holds_for_folds_too(fruit):
    result = trained(fruit, cv=3, epochs=10**6, patience=10**6, time_limit=1e-9)
    assert result.cv.interrupted
    assert "interrupted" in "".join(result.cv.lines())
    assert not trained(fruit, cv=3).cv.interrupted


def test_without_a_score():
    (line,) = cross_validation.CrossValidation([], True).lines()
    assert line == "cross-validation: interrupted before there was a score"


SMALLEST = "^cv must be at most the number of rows of the smallest class that are not held out for the test, 6, got 7$"


@pytest.mark.parametrize(
    ("cv", "kind", "match"),
    [
        (1, ValueError, "^cv must be at least 2, got 1$"),
        (2.5, TypeError, "^cv must be an integer, got 2.5$"),
        (7, ValueError, SMALLEST),
    ],
)
def test_folds_that_cannot_be(cv, kind, match):
    table = {"x": np.arange(40.0), "y": np.array([*"abbbb" * 6, *"bbbbbbbbbb"], object)}
    with pytest.raises(kind, match=match):
        fastbp.train_table(table, "y", cv=cv, test_size=0, epochs=1)


def test_more_folds_than_rows_and_tables_that_are_too_large(fruit, monkeypatch):
    table = {"x": np.arange(40.0), "y": np.arange(40) / 7}
    with pytest.raises(ValueError, match=r"^cv must be at most the number of rows that are not held out"):
        fastbp.train_table(table, "y", cv=41, test_size=0, epochs=1)
    monkeypatch.setattr(cross_validation, "MOST_BYTES", 1 << 10)
    with pytest.raises(ValueError, match=r"^cv must be None for a table that takes more than"):
        trained(fruit, cv=3)
