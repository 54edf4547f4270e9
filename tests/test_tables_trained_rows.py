"""Rows that a model was trained with are recognised by their digests."""

import numpy as np
import pytest

import fastbp
from fastbp.files.safetensors import ModelFile, write
from fastbp.tables import trained_rows
from fastbp.tables.trained_rows import Familiar, TrainedRows, digests_of
from tests.table_cases import FRUIT, QUICK
from tests.test_tables_sources import written


def numbers(rows, width=5, dtype="float32", seed=0):
    rng = np.random.default_rng(seed)
    return rng.normal(0, 1, (rows, width)).astype(dtype), rng.normal(0, 1, rows)


@pytest.fixture(scope="module")
def lines(tmp_path_factory):
    """A table without two rows that are the same, and the result of a training."""
    rng = np.random.default_rng(0)
    table = {"a": rng.normal(0, 1, 500), "b": rng.normal(0, 1, 500), "y": rng.integers(0, 2, 500)}
    return table, fastbp.train_table(table, "y", **QUICK)


def part(table, begin, end):
    return {name: values[begin:end] for name, values in table.items()}


def test_rows_of_the_training_are_counted(lines):
    table, result = lines
    known = result.rows + result.validated
    scores = result.model.evaluate(table)
    assert (scores.rows, scores.trained) == (500, known)
    assert [*scores.lines()][-1] == (
        f"{known} of 500 rows are the same as rows it was trained with: the score of new rows will be lower"
    )
    halves = [result.model.evaluate(part(table, *ends)).trained for ends in ((0, 250), (250, 500))]
    assert sum(halves) == known, "in any blocks"
    backwards = {name: values[::-1] for name, values in table.items()}
    assert result.model.evaluate(backwards).trained == known, "in any order"


def test_new_rows_are_not(lines):
    table, result = lines
    new = table | {"a": table["a"] + 1e-3}
    scores = result.model.evaluate(new)
    assert scores.trained == 0
    assert "trained" not in "".join(scores.lines())
    other = table | {"y": 1 - table["y"]}
    assert result.model.evaluate(other).trained == 0, "the target is another one"


def test_scores_are_those_of_the_test(tmp_path):
    path = written(tmp_path, FRUIT)
    result = fastbp.train_table(path, "kind", drop="id", **QUICK)
    scores = result.model.evaluate(path)
    assert (scores.rows, scores.left_out) == (139, 1)
    assert scores.confusion.sum() == 139
    with pytest.warns(RuntimeWarning, match="the column 'more' was not there in training"):
        result.model.evaluate({"size": [1.0], "colour": ["red"], "more": [1], "kind": ["apple"]})
    with pytest.warns(RuntimeWarning, match="texts that were not there in training: 1 row of 'colour'"):
        result.model.evaluate({"size": [1.0], "colour": ["blue"], "kind": ["apple"]})
    with pytest.raises(fastbp.TableError, match="it has no column 'kind'"):
        result.model.evaluate({"size": [1.0], "colour": ["red"]})


def test_the_file_of_the_model_knows_them_and_older_ones_do_not(lines, tmp_path):
    table, result = lines
    result.model.save(tmp_path / "model")
    known = result.rows + result.validated
    assert fastbp.load(tmp_path / "model").evaluate(table).trained == known
    file = ModelFile(tmp_path / "model")
    strings = {name: value for name, value in file.strings.items() if name not in ("kind", trained_rows.HALVINGS)}
    arrays = {name: array for name, array in file.arrays.items() if name != trained_rows.ARRAY}
    write(tmp_path / "old", "table", strings, arrays)
    old = fastbp.load(tmp_path / "old")
    assert old.trained_rows is None
    scores = old.evaluate(table)
    assert (scores.rows, scores.trained) == (500, None)
    old.save(tmp_path / "again")
    assert (tmp_path / "again").read_bytes() == (tmp_path / "old").read_bytes()
    for wrong in ([3, 2], [2, 2], [*range(40_000)], [-1]):
        arrays |= {trained_rows.ARRAY: np.array(wrong, np.int64)}
        write(tmp_path / "wrong", "table", strings | {trained_rows.HALVINGS: "1"}, arrays)
        with pytest.raises(fastbp.ModelFileError, match="digests of rows must be"):
            fastbp.load(tmp_path / "wrong")


def test_of_many_rows_a_sample_is_kept_that_order_does_not_change(monkeypatch):
    monkeypatch.setattr(trained_rows, "MOST", 100)
    X, d = numbers(5000)
    whole, in_parts = TrainedRows(), TrainedRows()
    whole.add(X, d)
    for rows in np.array_split(np.random.default_rng(1).permutation(5000), 13):
        in_parts.add(X[rows], d[rows])
    kept = whole.record()[1][trained_rows.ARRAY]
    assert 50 < len(kept) <= 100
    np.testing.assert_array_equal(kept, in_parts.record()[1][trained_rows.ARRAY])
    new, d_new = numbers(3000, seed=1)
    familiar = Familiar(whole)
    familiar.add(np.concatenate([X[:3000], new]), np.concatenate([d[:3000], d_new]))
    assert familiar.trained == pytest.approx(3000, abs=1000)
    (line,) = familiar.lines()
    assert line.startswith(
        f"about {familiar.trained:,} of 6,000 rows are the same as rows it was trained with, judged by "
    )
    few = Familiar(whole)
    few.add(X[:0], d[:0])
    assert (few.trained, [*few.lines()]) == (None, []), "no row to look up"


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_digests_differ_wherever_rows_differ(dtype):
    X = np.zeros((201, 200), dtype)
    X[np.arange(200), np.arange(200)] = 1
    X = np.concatenate([X, 2 * X[:200], -X[:200], X[:200] + np.eye(200, k=1, dtype=dtype)[:200]])
    d = np.zeros(len(X))
    assert len(np.unique(digests_of(X, d))) == len(np.unique(X, axis=0))
    np.testing.assert_array_equal(digests_of(X, d), digests_of(X[:, :] * -1 * -1, -d), "-0 is 0")
    assert not np.isin(digests_of(X, d + 1), digests_of(X, d)).any()
    np.testing.assert_array_equal(digests_of(X, d)[5:9], digests_of(X[5:9], d[5:9]))
    bits = np.unpackbits(digests_of(*numbers(4000, dtype=dtype)).view(np.uint8)).reshape(4000, 64).mean(axis=0)
    np.testing.assert_allclose(bits, 0.5, atol=0.05)
