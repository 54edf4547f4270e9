"""Columns that alone predict the target: those that are told, and those that are not."""

import numpy as np
import pytest

import fastbp
from fastbp.tables.leaks import tells
from tests.table_cases import FRUIT
from tests.test_tables_sources import written

TRAIN = {"hidden_layer_sizes": (), "epochs": 1, "test_size": 0}


def leaks(table, target="y", **options):
    return fastbp.train_table(table, target, **TRAIN | options).leaks


def of_classes(rows=1000, classes=3, seed=0):
    """A table whose columns say a part of the class, and the class of each row."""
    rng = np.random.default_rng(seed)
    d = rng.integers(0, classes, rows)
    return {"a": d + rng.normal(0, 0.7, rows), "b": rng.normal(0, 1, rows), "y": np.array([*"xyz"], object)[d]}, d


def of_numbers(rows=1000, seed=0):
    """A table whose columns say a part of the number, and the number of each row."""
    rng = np.random.default_rng(seed)
    X = rng.normal(0, 1, (rows, 2))
    d = X[:, 0] + np.square(X[:, 1]) + rng.normal(0, 0.2, rows)
    return {"a": X[:, 0], "b": X[:, 1], "y": d}, d


def several_texts_of_a_class(d, rng):
    return np.array([f"{number}{rng.integers(5)}" + "a" for number in d], object)


@pytest.mark.parametrize(
    "leak",
    [
        lambda d, rng: d * 10.0,
        lambda d, rng: np.array(["no", "yes", ""], object)[d],
        several_texts_of_a_class,
        lambda d, rng: d + rng.uniform(-0.4, 0.4, len(d)),
        lambda d, rng: np.where(d == 1, np.nan, d + rng.uniform(-0.4, 0.4, len(d))),
        lambda d, rng: np.where(rng.random(len(d)) < 0.001, 0, d),
    ],
    ids=["code", "text", "texts", "sorted by it", "a class is missing", "nearly all rows"],
)
def test_leaks_of_classes_are_told(leak):
    table, d = of_classes()
    assert leaks(table | {"leak": leak(d, np.random.default_rng(1))}) == ["leak"]
    assert leaks(table) == []


@pytest.mark.parametrize(
    "leak",
    [
        lambda d, rng: 3 * d - 7,
        lambda d, rng: -np.exp(d),
        lambda d, rng: d + rng.normal(0, 0.01, len(d)),
        lambda d, rng: np.where(np.arange(len(d)) == 3, 1e6, d),
        lambda d, rng: np.where(rng.random(len(d)) < 0.3, np.nan, d),
        lambda d, rng: (d - d.min()) * rng.choice([-1, 1], len(d)),
    ],
    ids=["linear", "monotone", "a little noise", "an outlier", "some are missing", "folded"],
)
def test_leaks_of_numbers_are_told(leak):
    table, d = of_numbers()
    assert leaks(table | {"leak": leak(d, np.random.default_rng(1))}) == ["leak"]
    assert leaks(table) == []


def test_a_value_for_each_text_is_told():
    table, _ = of_numbers()
    town = np.random.default_rng(2).integers(0, 40, 1000)
    table["y"] = np.random.default_rng(3).normal(0, 1, 40)[town]
    assert leaks(table | {"town": np.array([f"town {i}" for i in town], object)}) == ["town"]


def test_few_rows_of_a_code_are_enough():
    table, d = of_classes(60)
    assert leaks(table | {"code": d}) == ["code"]
    assert leaks({name: values[:25] for name, values in (table | {"code": d}).items()}) == [], "fewer are not"


def test_good_columns_are_no_leaks():
    datasets = pytest.importorskip("sklearn.datasets")
    for load in (datasets.load_iris, datasets.load_wine, datasets.load_breast_cancer, datasets.load_diabetes):
        X, y = load(return_X_y=True)
        table = {f"x{i}": column for i, column in enumerate(X.T)} | {"y": y}
        assert leaks(table) == []


def test_chance_is_no_leak():
    rng = np.random.default_rng(99)
    for seed in range(5):
        table, _ = of_classes(70, 2, seed)
        table |= {f"n{i}": rng.integers(0, 2 + i, 70) for i in range(10)}
        table |= {f"t{i}": np.array([*"abcdefghij"], object)[rng.integers(0, 10, 70)] for i in range(10)}
        assert leaks(table) == []
    names = np.array([f"name {i // 2}" for i in range(200)], object)
    table, d = of_classes(200)
    assert leaks(table | {"name": names, "y": np.array([*"xyz"], object)[np.sort(d)]}, text="name") == []


def test_rare_classes_and_rare_values_are_no_evidence():
    rng = np.random.default_rng(0)
    d = (np.arange(1000) < 8).astype(int)
    assert not tells(d.astype(float), d, True), "8 rows of the class"
    d = (np.arange(1000) < 30).astype(int)
    assert tells(d.astype(float), d, True)
    assert not tells((rng.random(1000) < 0.5).astype(float), d, True), "97 % are right, as they always are"


def test_a_single_column_is_no_leak(tmp_path):
    x = np.arange(100.0)
    assert leaks({"x": x, "y": 2 * x}) == []
    assert leaks({"x": x, "more": x % 7, "y": 2 * x}) == ["x"]
    assert leaks(written(tmp_path, FRUIT), "kind", drop="id") == []


def test_leaks_are_told_with_the_remedy():
    table, d = of_classes()
    result = fastbp.train_table(table | {"code": d, "twin": d * 2}, "y", **TRAIN)
    (note,) = result.notes
    assert note.startswith("likely a leak: 'code', 'twin', each of which alone predicts the target nearly perfectly; ")
    assert note.endswith("leave it out: --drop NAME (drop=)")
    assert fastbp.train_table(table | {"code": d}, "y", drop="code", **TRAIN).notes == []
