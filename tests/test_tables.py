"""Models of tables: what becomes of columns, trainings, predictions, and what is said of tables that do not fit."""

import numpy as np
import pytest

import fastbp
from fastbp.tables import blocks, csv_files, meaning, roles, sources, survey, train_table
from fastbp.tables.cells import numbers
from fastbp.tables.layout import Reading
from fastbp.tables.model import table_for
from fastbp.training.progress import Silent
from tests.cases import UNCOMPILED
from tests.table_cases import FRUIT, QUICK
from tests.test_tables_sources import whole, written

# ---- What columns mean -----------------------------------------------------------------------------------------------


def surveyed(text, folder, target="t", text_columns=(), roles_of=lambda: roles.Roles(0, 0.0, 0.0), **reading):
    """The columns of a table; where it has no target, one is added."""
    lines = text.rstrip("\n").split("\n")
    if target not in lines[0].replace(";", ",").split(","):
        sign = ";" if ";" in lines[0] else ","
        lines = [f"{line}{sign}{target if number == 0 else 1}" for number, line in enumerate(lines)]
    path = written(folder, "\n".join(lines) + "\n")
    names = sources.opened(path, Reading(**reading)).names
    return survey.Survey(path, names, target, text_columns, roles_of, Reading(**reading), Silent()).columns


def test_a_survey(tmp_path, monkeypatch):
    rng = np.random.default_rng(0)
    values = rng.normal(1e6, 1, 500)
    rows = "".join(f"{value!r},{i % 3},{'xyz'[i % 3]}\n" for i, value in enumerate(values.tolist()))
    monkeypatch.setattr(csv_files, "BLOCK", 200)
    columns = surveyed("a,b,c\n" + rows + "?,,\n", tmp_path, text_columns=["b"])
    a, b, c = (columns[name] for name in "abc")
    assert (a.rows, a.missing, a.numeric, a.is_numeric, a.whole) == (501, 1, 500, True, False)
    assert a.mean == pytest.approx(values.mean(), rel=1e-12)
    assert a.deviation == pytest.approx(values.std(), rel=1e-9)
    assert (b.whole, b.texts) == (True, {"0": 167, "1": 167, "2": 166})
    assert (c.is_numeric, c.missing, c.numeric, c.texts) == (False, 1, 0, {"x": 167, "y": 167, "z": 166})


def test_means_are_those_of_the_rows_to_train_with(tmp_path):
    text = "a,t\n" + "".join(f"{i * i},{i}\n" for i in range(100))
    columns = surveyed(text, tmp_path, roles_of=lambda: roles.Roles(3, 0.3, 0.0))
    training = roles.Roles(3, 0.3, 0.1).take(100) != roles.TEST
    assert 65 <= training.sum() <= 75
    assert columns["a"].mean == pytest.approx((np.arange(100.0) ** 2)[training].mean())
    assert columns["t"].deviation == pytest.approx(np.arange(100.0)[training].std())


def test_roles_are_the_same_in_whatever_steps_they_are_taken():
    expected = roles.Roles(5, 0.2, 0.1).take(5000)
    others = roles.Roles(5, 0.2, 0.3)
    again = np.concatenate([others.take(n) for n in (1, 999, 0, 3000, 1000)])
    np.testing.assert_array_equal(again == roles.TEST, expected == roles.TEST)
    parts = np.bincount(expected)
    assert parts[roles.TEST] == 1000  # 4 of every 20
    assert 350 <= parts[roles.VALIDATION] <= 450


def test_of_each_class_the_same_part_is_held_out(tmp_path):
    rng = np.random.default_rng(0)
    labels = rng.choice(["a", "b", "c", ""], 1000, p=[0.8, 0.1, 0.06, 0.04])
    (block,) = sources.opened({"y": labels}).blocks()
    found = roles.Strata(3, 0.2, 0.25, ["a", "b", "c"]).of(block, "y")
    for label in "abc":
        parts = np.bincount(found[labels == label], minlength=3) / (labels == label).sum()
        np.testing.assert_allclose(parts, [0.6, 0.2, 0.2], atol=0.05)
    assert (found[labels == ""] == roles.TRAINING).all()
    halves = roles.Strata(3, 0.2, 0.0, ["a", "b", "c"])
    parts = [halves.of(block.where(rows), "y") for rows in (np.arange(1000) < 300, np.arange(1000) >= 300)]
    np.testing.assert_array_equal(np.concatenate(parts) == roles.TEST, found == roles.TEST)


def test_inputs_of_columns(tmp_path):
    columns = surveyed("n,c,same,empty,few,t\n1,x,5,,1,3\n2,y,5,?,1,4\n4,,5,NA,2,5\n", tmp_path, text_columns=["few"])
    kinds = {name: meaning.input_of(column) for name, column in columns.items() if name != "t"}
    assert {name: column.kind for name, column in kinds.items()} == {
        "n": "number", "c": "text", "same": "left out", "empty": "left out", "few": "number"
    }  # fmt: skip
    assert (kinds["c"].texts, kinds["c"].missing, kinds["c"].other, kinds["c"].width) == ([], True, True, 2), "rare"
    assert meaning.input_of(columns["few"], as_text=True).texts == ["1"], "and 2 is rare"


def test_a_number_with_a_slip_is_named(tmp_path):
    text = "a\n" + "1.5\n2.5\n" * 20 + "3,5\n"
    columns = surveyed(text.replace("\n", ";x\n").replace("a;x", "a;t"), tmp_path)
    with pytest.raises(
        fastbp.TableError,
        match=r"line 42, column 'a': '3,5' is no number, where most .* write it as 1234.5, .*\(--text\)",
    ):
        meaning.input_of(columns["a"])
    assert meaning.input_of(columns["a"], as_text=True).texts == ["1.5", "2.5"]


def test_too_many_texts_share_an_input_and_are_no_classes(tmp_path, monkeypatch):
    for module in (survey, meaning):
        monkeypatch.setattr(module, "MOST", 3)
    columns = surveyed("a,t\nw,w\nx,x\ny,y\nz,z\n" + "w,w\nx,x\ny,y\nz,z\nw,x\n", tmp_path, header=True)
    column = meaning.input_of(columns["a"])
    assert (len(column.texts), column.texts[0], column.other, column.width) == (3, "w", True, 4)
    with pytest.raises(fastbp.TableError, match=r"column 't', the target, has more than .* classes"):
        meaning.target_of(columns["t"])


@pytest.mark.parametrize(
    ("cells", "task", "kind", "texts"),
    [
        ("x y x", None, "classes", ["x", "y"]),
        ("0 1 1", None, "classes", ["0", "1"]),
        ("0.5 1 1", None, "number", []),
        (" ".join(map(str, range(30))), None, "number", []),
        (" ".join(map(str, range(15))), None, "number", []),
        (" ".join(map(str, [*range(5)] * 5)), None, "classes", [*"01234"]),
        (" ".join(map(str, range(15))), "classification", "classes", [*map(str, range(15))]),
        ("0 1 1", "regression", "number", []),
        ("TRUE true False", None, "classes", ["False", "TRUE"]),
        ("01 02 01", None, "classes", ["01", "02"]),
        ("1% 2.5% 7%", None, "number", []),
        ("$1,000 $2.50 $7", None, "number", []),
        ("1 x 1", None, "classes", ["1", "x"]),
    ],
)
def test_targets_of_columns(cells, task, kind, texts, tmp_path):
    columns = surveyed("i;t\n" + "\n".join(f"x;{cell}" for cell in cells.split()) + "\n", tmp_path)
    target = meaning.target_of(columns["t"], task)
    assert (target.kind, target.texts) == (kind, texts)
    if kind == "classes":
        assert target.texts[target.usual] == max(cells.split(), key=cells.split().count)


@pytest.mark.parametrize(
    ("cells", "task", "match"),
    [
        ("x x", None, "must have at least two classes, it has 'x' alone"),
        ("? ?", None, "must have values, all 2 rows are without"),
        ("1 1", "regression", "must have different values in the rows to train with, all are 1"),
        ("1 x", "regression", "line 3, column 't': 'x' is no number"),
        ("1,5 2.5 3 4.5", None, r"line 2, column 't': '1,5' is no number, where .*\(--task classification\)"),
        ("1% 2% 7", None, r"line 4, column 't': '7' must be in %, where"),
        ("1.5 2.5 3.5 soon 5.5 later", None, r"line 5, .*'soon' is no number, .* \(not: 'soon', 'later'\): write"),
        (" ".join(map(str, range(30))), "classification", "has 30 different values in 30 rows: so many classes"),
    ],
)
def test_targets_that_are_none(cells, task, match, tmp_path):
    columns = surveyed("t;i\n" + "".join(f"{cell};x\n" for cell in cells.split()), tmp_path)
    with pytest.raises(fastbp.TableError, match=match):
        meaning.target_of(columns["t"], task)


# ---- Models ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def fruit(tmp_path_factory):
    path = written(tmp_path_factory.mktemp("fruit"), FRUIT)
    return path, fastbp.train_table(path, "kind", drop=["id"], **QUICK)


def test_a_result(fruit):
    _, result = fruit
    assert result.left_out == 1
    assert result.rows + result.validated + result.test.rows == 139
    assert 24 <= result.test.rows <= 32
    assert 17 <= result.validated <= 26  # a fifth of the others
    assert result.columns["colour"].missing == 13
    assert [column.width for column in result.model.encoding.inputs] == [1, 3]
    assert result.model.network.sizes == (4, 4, 2)
    assert result.history.outcome in ("finished", "stopped")
    if not UNCOMPILED:
        assert result.test.accuracy == 1.0


def test_encoded_rows_by_hand(fruit):
    _, result = fruit
    model = result.model
    table, _ = table_for(model, {"size": ["9", None], "colour": ["green", None]})
    (block,) = table.blocks()
    size = model.encoding.inputs[0]
    X = model.encoding.encode(block, np.dtype("float64"))
    np.testing.assert_allclose(X, [[(9 - size.mean) / size.deviation, 1, 0, 0], [0, 0, 0, 1]])


def test_the_same_seed_gives_the_same_bits(fruit, tmp_path):
    path, result = fruit
    again = fastbp.train_table(path, "kind", drop=["id"], threads=2, **QUICK)
    assert again.model.network.theta.tobytes() == result.model.network.theta.tobytes()
    other = fastbp.train_table(path, "kind", drop=["id"], seed=1, **QUICK)
    assert other.model.network.theta.tobytes() != result.model.network.theta.tobytes()


def test_blocks_on_the_disk_hold_what_memory_would(fruit, monkeypatch):
    path, result = fruit
    monkeypatch.setattr(blocks, "IN_MEMORY", 100)
    monkeypatch.setattr(blocks, "BLOCK_BYTES", 400)
    spread = fastbp.train_table(path, "kind", drop=["id"], **QUICK)
    assert (spread.rows, spread.validated, spread.test.rows) == (result.rows, result.validated, result.test.rows)
    if not UNCOMPILED:
        assert spread.test.accuracy == 1.0


def test_blocks_keep_every_row_once():
    rng = np.random.default_rng(0)
    with blocks.Blocks(2, 1, np.dtype("float32"), 50_000_000, 0) as several:
        rows = [rng.normal(size=(n, 3)).astype("float32") for n in (5, 1, 100, 0)]
        for part in rows:
            several.add(part[:, :2], part[:, 2])
        found = [np.column_stack(several.read(block)) for block in several.numbers(rng)]
        assert len(found) > 5
        assert several.rows == 106
        expected, came = (np.concatenate(parts) for parts in (rows, found))
        np.testing.assert_array_equal(came[np.lexsort(came.T)], expected[np.lexsort(expected.T)])
        assert several.read(several.numbers()[0])[0].flags.c_contiguous


@pytest.mark.parametrize("kind", ["path", "text", "dict", "arrays", "pandas", "polars"])
def test_tables_of_all_kinds_give_the_same_predictions(kind, fruit):
    path, result = fruit
    expected = result.model.predict(path)
    if kind in ("path", "text"):
        table = str(path) if kind == "text" else path
    else:
        columns = whole(path).columns
        table = {"size": numbers(whole(path), "size"), "colour": columns["colour"].cells(), "id": columns["id"]}
        if kind == "arrays":
            table = {name: np.array(column) for name, column in table.items()}
        elif kind != "dict":
            table["colour"] = [text or None for text in table["colour"]]
            table = pytest.importorskip(kind).DataFrame(table)
    np.testing.assert_array_equal(result.model.predict(table), expected)
    P = result.model.predict_proba(table)
    assert P.shape == (140, 2)
    np.testing.assert_array_equal(np.array(result.model.classes)[P.argmax(axis=1)], expected)


def test_a_table_model_comes_back_from_its_file(fruit, tmp_path):
    path, result = fruit
    result.model.save(tmp_path / "model")
    came = fastbp.load(tmp_path / "model")
    assert repr(came) == repr(result.model)
    assert came.encoding == result.model.encoding
    np.testing.assert_array_equal(came.predict_proba(path), result.model.predict_proba(path))


BAD = {
    "it has no column 'size', 'colour'": {"id": [1]},
    "'blue' was not there in training, which had 'green', 'red'": {
        "size": [1, 1], "colour": ["red", "blue"]
    },
    "row 2, column 'colour': 'blue' was not there": {"size": [1, 1], "colour": ["red", "blue"]},
    "row 1, column 'size': 'big' is no number": {"size": ["big"], "colour": ["red"]},
    "row 1, column 'size': 1e+80 is too far from 5.": {"size": [1e80], "colour": ["red"]},
    "row 1, column 'size': numbers must lie between -1e+100 and 1e+100, got 1e+300": {
        "size": [1e300], "colour": ["red"]
    },
    "must be a vector as long as the others, got (2,)": {"size": [1], "colour": ["red", "red"]},
    "the table must have columns": {},
}  # fmt: skip


@pytest.mark.parametrize("expected", BAD)
def test_tables_that_do_not_fit(expected, fruit):
    with pytest.raises(fastbp.TableError) as caught:
        fruit[1].model.predict(BAD[expected], strict=True)
    assert expected in str(caught.value)


def test_columns_that_are_new_are_told_or_refused(fruit):
    table, what = {"size": [1], "colour": ["red"], "weight": [1]}, "the column 'weight'"
    with pytest.warns(RuntimeWarning, match=f"^the table: {what} was not there in training, and is not used"):
        y = fruit[1].model.predict(table)
    assert y == fruit[1].model.predict({"size": [1], "colour": ["red"]})
    with pytest.raises(fastbp.TableError, match=f"the table: it has {what}, which was not there in training"):
        fruit[1].model.predict(table, strict=True)


def test_unseen_texts_are_told(fruit):
    with pytest.warns(
        RuntimeWarning, match=r"^texts that were not there in training: 2 rows of 'colour' \('blue', 'x'\)"
    ):
        y = fruit[1].model.predict({"size": [1, 1, 1], "colour": ["blue", "red", "x"]})
    assert y.shape == (3,)


def test_regression(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.uniform(-1, 1, 300)
    path = written(tmp_path, "x,y\n" + "".join(f"{a!r},{1000 + 50 * a!r}\n" for a in x.tolist()))
    result = fastbp.train_table(path, "y", **QUICK | {"epochs": 3 if UNCOMPILED else 200})
    assert result.model.network.output == "identity"
    y = result.model.predict({"x": x})
    assert y.dtype == np.float64
    held_out = roles.Roles(0, 0.2, 0).take(300) == roles.TEST
    d = 1000 + 50 * x[held_out]
    assert result.test.rmse == pytest.approx(np.sqrt(np.mean((y[held_out] - d) ** 2)), rel=1e-4)
    assert result.test.mae == pytest.approx(np.abs(y[held_out] - d).mean(), rel=1e-4)
    assert result.test.r2 == pytest.approx(1 - ((y[held_out] - d) ** 2).sum() / ((d - d.mean()) ** 2).sum(), rel=1e-4)
    mean = (1000 + 50 * x[~held_out]).mean()
    assert result.test.usual_rmse == pytest.approx(np.sqrt(np.mean((mean - d) ** 2)), rel=1e-4)
    if not UNCOMPILED:
        assert result.test.r2 > 0.99
    with pytest.raises(TypeError, match="predict_proba needs a model of classes, 'y' is a number"):
        result.model.predict_proba({"x": x})


def test_whole_numbers_are_the_same_classes_in_any_spelling(tmp_path):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    path = written(tmp_path, "x,t\n" + "1,0.0\n2,1.0\n3,0.\n4,NAN\n" * 10)
    result = fastbp.train_table(path, "t", epochs=1, test_size=0)
    assert (result.model.classes, result.left_out) == (["0", "1"], 10)
    pandas.DataFrame({"x": [1, 2], "t": [0, 1]}).to_parquet(tmp_path / "table.parquet")
    (block,) = sources.opened(tmp_path / "table.parquet").blocks()
    assert result.model.encoding.target.encode(block).tolist() == [0, 1]


def test_the_baseline_is_that_of_the_rows_to_train_with(tmp_path, monkeypatch):
    monkeypatch.setattr(train_table, "STRATIFIED", 0)
    held_out = roles.Roles(0, 0.5, 0).take(100) == roles.TEST
    rows = "".join(f"{i},{'b' if out or i % 10 == 0 else 'a'}\n" for i, out in enumerate(held_out.tolist()))
    target = fastbp.train_table(written(tmp_path, "x,t\n" + rows), "t", test_size=0.5, epochs=1).model.encoding.target
    assert target.texts[target.usual] == "a"


def test_numbers_far_from_0_keep_their_digits(tmp_path):
    rows = "".join(f"{i},{1_600_000_000 + i * 0.25!r}\n" for i in range(100))
    result = fastbp.train_table(written(tmp_path, "x,t\n" + rows), "t", epochs=0)
    y = result.model.predict({"x": [1, 2]})
    assert abs(y[0] - y[1]) < 100
    assert y[0] != y[1]


@pytest.mark.parametrize(
    ("options", "kind", "match"),
    [
        ({"target": "Kind"}, fastbp.TableError, r"table.csv: it has no column 'Kind' \(target\); did you mean 'kind'"),
        ({"drop": ["x"]}, fastbp.TableError, r"no column 'x' \(drop\); its columns are 'size', 'colour', 'id', 'kind'"),
        ({"text": ["x"]}, fastbp.TableError, r"it has no column 'x' \(text\)"),
        ({"text": ["kind"]}, fastbp.TableError, "text must be columns of inputs, 'kind' is the target"),
        (
            {"test_size": 0.9999},
            fastbp.TableError,
            r"must have rows to train with, it has 140 in all \(test_size=0.9999",
        ),
        ({"drop": ["size", "colour", "id"]}, fastbp.TableError, "must have columns that differ from row to row"),
        ({"test_size": 1}, ValueError, "test_size must be at least 0 and below 1, got 1"),
        ({"hidden_layer_sizes": (0,)}, ValueError, r"hidden_layer_sizes\[0\] must be at least 1, got 0"),
        ({"hidden_layer_sizes": 1.5}, TypeError, "hidden_layer_sizes must be an integer, got 1.5"),
        ({"recipe": "strong"}, ValueError, "recipe must be one of 'default', 'realmlp', got 'strong'"),
        ({"recipe": None}, TypeError, "recipe must be one of 'default', 'realmlp', got None"),
        ({"ensemble": 0}, ValueError, "ensemble must be at least 1, got 0"),
        ({"hidden_layer_sizes": "64,32"}, TypeError, "hidden_layer_sizes must be an integer, got '64,32'"),
        ({"drop": 3}, TypeError, "drop must be names of columns, got 3"),
        ({"text": [1]}, TypeError, r"text must be names of columns, got \[1\]"),
        ({"drop": "xy"}, fastbp.TableError, r"has no column 'xy' \(drop\)"),  # and not x and y
        ({"target": 3}, TypeError, "target must be the name of a column, got 3"),
        ({"activation": "x"}, ValueError, "activation must be one of"),
        ({"task": "guess"}, ValueError, "task must be one of 'classification', 'regression'"),
        ({"epochs": -1}, ValueError, "epochs must be at least 0"),
        ({"dtype": "float16"}, ValueError, "dtype must be one of"),
        ({"learning_rate": 0}, ValueError, "learning_rate must be positive"),
        ({"table": "nowhere.csv"}, FileNotFoundError, "nowhere.csv"),
        ({"table": 3}, TypeError, "table must be a str or path-like, got 3"),
        ({"delimiter": ",,"}, ValueError, "delimiter must be a single character, got ',,'"),
        ({"encoding": "latin-99"}, ValueError, "encoding must be one that Python knows, .*, got 'latin-99'"),
        ({"header": 1}, TypeError, "header must be True or False, got 1"),
        ({"decimal": ";"}, ValueError, r"decimal must be one of '\.', ',', got ';'"),
        ({"keep_all": None}, TypeError, "keep_all must be True or False, got None"),
    ],
)
def test_bad_options(options, kind, match, fruit):
    with pytest.raises(kind, match=match):
        fastbp.train_table(**{"table": fruit[0], "target": "kind", **QUICK} | options)


def test_no_rows_are_told(tmp_path):
    for text, match in (("a,t\n", "must have rows to train with, it has 0"), ("a,t\n1,\n2,\n", "must have values")):
        with pytest.raises(fastbp.TableError, match=match):
            fastbp.train_table(written(tmp_path, text), "t")
