"""Tables as people have them: each is trained on as a careful person would, or asks what it must know."""

import datetime

import numpy as np
import pytest

import fastbp
from fastbp.tables.model import table_for
from tests.table_cases import QUICK
from tests.test_tables_sources import written

TRAIN = {"hidden_layer_sizes": (4,), "epochs": 1}


def trained(folder, table, target, **options):
    return fastbp.train_table(written(folder, table), target, **TRAIN | options)


def kinds(result):
    return {column.name: column.kind for column in result.model.encoding.inputs}


def rows(line, number=18):
    """Lines from a function of their number."""
    return "".join(f"{line(i)}\n" for i in range(number))


def test_any_number_of_blanks_between_cells(tmp_path):
    text = "mpg   cyl disp   acc\n18.0   8   307.0  12.0\n15.0   8   350.0  11.5\n24.0   4   113.0  15.0\n"
    result = trained(tmp_path, text, "mpg", test_size=0)
    assert kinds(result) == dict.fromkeys(("cyl", "disp", "acc"), "number")
    assert result.columns["disp"].mean == pytest.approx(770 / 3)
    assert result.model.predict(written(tmp_path, "cyl  disp acc\n 8   300  12\n", "new.txt")).shape == (1,)


@pytest.mark.parametrize("sign", [":", ";", "|", "\t"])
def test_other_delimiters(sign, tmp_path):
    result = trained(
        tmp_path, f"x{sign}y{sign}label\n" + rows(lambda i: f"{i}{sign}{2 * i}{sign}{'ab'[i % 2]}"), "label"
    )
    assert (result.model.classes, kinds(result)) == (["a", "b"], {"x": "number", "y": "number"})


def test_decimal_commas(tmp_path):
    text = "size;price\n" + rows(lambda i: f"{43 + 3 * i},5;{1 + i // 9}.{37 * (i % 9) + 100},25")
    result = trained(tmp_path, text, "price", test_size=0)
    assert result.columns["size"].mean == pytest.approx(43.5 + 3 * 8.5)
    assert result.columns["price"].mean == pytest.approx(1500 + 100 + 37 * 4 + 0.25)
    new = written(tmp_path, "size\n43,5\n", "new.csv")
    np.testing.assert_array_equal(result.model.predict(new), result.model.predict({"size": [43.5]}))


def test_the_line_with_which_spreadsheets_tell_the_separator(tmp_path):
    result = trained(tmp_path, "sep=;\nsize;price\n40;1000\n50;1200\n60;1500\n55;1300\n", "price", test_size=0)
    assert kinds(result) == {"size": "number"}


def test_a_number_that_no_network_should_see(tmp_path):
    with pytest.raises(fastbp.TableError, match=r"line 19, column 'x': numbers must lie between .*, got 1e\+300"):
        trained(tmp_path, "x,y\n" + rows(lambda i: f"{i},{2 * i}.5", 17) + "1e300,5.5\n", "y")


@pytest.mark.parametrize("first", ["6,148,72,33.6,1", "1.52,13.64,0.00,0.00,1"])
def test_no_line_of_names(first, tmp_path):
    text = first + "\n" + rows(lambda i: f"{i % 7},{100 + 3 * i},{60 + i},{20 + i / 4},{i % 2}")
    with pytest.raises(fastbp.TableError, match=r"line 1: .* looks like data: .* --no-header"):
        trained(tmp_path, text, "1")
    result = trained(tmp_path, text, "column 5", header=False, test_size=0)
    assert (result.rows, result.model.classes) == (19, ["0", "1"]), "the first row is one as the others"
    assert result.model.predict(written(tmp_path, first + "\n", "new.csv")).shape == (1,), "the model remembers"


DATES = {"%d.%m.%Y": "dmy", "%Y-%m-%d": "ymd", "%d/%m/%Y": "dmy", "%m/%d/%y": "mdy", "%Y-%m-%d %H:%M:%S": "ymd"}


@pytest.mark.parametrize("form", DATES)
def test_dates(form, tmp_path):
    first = datetime.datetime(2021, 2, 1, 6)
    days = [first + datetime.timedelta(days=i) for i in range(30)]
    text = "day,size,price\n" + rows(lambda i: f"{days[i].strftime(form)},{43 + i % 7},{1037.5 + 37 * i}", 30)
    result = trained(tmp_path, text, "price", test_size=0)
    (column, _) = result.model.encoding.inputs
    assert (column.kind, column.unit, column.width) == ("date", DATES[form], 7)
    assert column.mean == pytest.approx((days[0] - datetime.datetime(1970, 1, 1)).days + 14.5, abs=0.3)
    told = result.model.predict({"day": [days[3].strftime(form)], "size": [46]})
    assert told.shape == (1,)
    result.model.save(tmp_path / "model")
    np.testing.assert_array_equal(
        fastbp.load(tmp_path / "model").predict({"day": [days[3].strftime(form)], "size": [46]}), told
    )
    for write in (fastbp.to_onnx, fastbp.to_c):
        with pytest.raises(ValueError, match="takes numbers and texts, and column 'day' holds dates"):
            write(result.model, tmp_path / "out")


def test_dates_that_are_missing_have_an_input(tmp_path):
    text = "day,price\n" + rows(lambda i: f"{'' if i % 5 == 2 else f'2021-03-{i + 1:02d}'},{i}.5", 30)
    result = trained(tmp_path, text, "price", test_size=0)
    (column,) = result.model.encoding.inputs
    assert (column.kind, column.missing, column.width) == ("date", True, 8)
    table, _ = table_for(result.model, {"day": ["", "2021-03-01"]})
    (block,) = table.blocks()
    X = result.model.encoding.encode(block, np.dtype("float64"))
    np.testing.assert_array_equal(X[0], [0] * 7 + [1])
    assert X[1, 7] == 0
    assert X[1, 0] == pytest.approx((18687 - column.mean) / column.deviation)


def test_dates_whose_order_is_open_are_asked_for(tmp_path):
    text = "day,price\n" + rows(lambda i: f"{1 + i % 12}/{1 + i % 5}/2021,{i}.5", 30)
    with pytest.raises(fastbp.TableError, match=r"column 'day' has dates as .*/2021', .*: say --day-first or"):
        trained(tmp_path, text, "price")
    for day_first, order in ((True, "dmy"), (False, "mdy")):
        assert trained(tmp_path, text, "price", day_first=day_first).model.encoding.inputs[0].unit == order


def test_dates_are_the_same_in_all_formats(tmp_path):
    pyarrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    pandas = pytest.importorskip("pandas")
    days = [datetime.date(2021, 1, 1) + datetime.timedelta(days=3 * i) for i in range(30)]
    columns = {"day": days, "y": [i + 0.5 for i in range(30)]}
    expected = fastbp.train_table(columns, "y", **TRAIN).model.network.theta.tobytes()
    parquet.write_table(pyarrow.table(columns), tmp_path / "days.parquet")
    times = [datetime.datetime(day.year, day.month, day.day) for day in days]
    for table in (tmp_path / "days.parquet", pandas.DataFrame({"day": times, "y": columns["y"]})):
        assert fastbp.train_table(table, "y", **TRAIN).model.network.theta.tobytes() == expected
    text = "day,y\n" + rows(lambda i: f"{days[i]},{i}.5", 30)
    assert trained(tmp_path, text, "y").model.network.theta.tobytes() == expected


def test_a_target_of_numbers_with_some_words(tmp_path):
    text = "size,rooms,price\n" + rows(lambda i: f"{43 + 3 * i},1,{'on request' if i % 5 == 3 else 1037.5 + 37 * i}")
    with pytest.raises(
        fastbp.TableError, match=r"line 5, column 'price': 'on request' is no number, where most .*task"
    ):
        trained(tmp_path, text, "price")


def test_rows_without_a_target_count_in_nothing(tmp_path):
    text = "size,town,bought\n" + rows(lambda i: f"{3 * i},{'xy'[i % 2]},{'no' if i < 9 else 'yes'}")
    expected = trained(tmp_path, text, "bought", test_size=0)
    result = trained(tmp_path, text + "459,total,\n", "bought", test_size=0)
    assert result.left_out == 1
    assert result.model.encoding == expected.model.encoding
    assert result.model.network.theta.tobytes() == expected.model.network.theta.tobytes()


def test_a_last_column_that_is_empty(tmp_path):
    for head in ("a,b,y,\n", "a,b,y\n"):
        result = trained(tmp_path, head + "1,2,3.5,\n2,3,4.5,\n4,3,5.5,\n", "y", test_size=0)
        assert kinds(result) == {"a": "number", "b": "number", "column 4": "left out"}


@pytest.mark.parametrize("head", [",TV,sales\n", "TV,sales\n", "id,TV,sales\n", "row_id,TV,sales\n"])
def test_a_column_that_numbers_the_rows(head, tmp_path):
    text = head + rows(lambda i: f"{i + 1},{20 + i % 7}.5,{10 + i}.5")
    result = trained(tmp_path, text, "sales", test_size=0)
    first = next(iter(kinds(result)))
    assert kinds(result) == {first: "left out", "TV": "number"}
    assert kinds(trained(tmp_path, text, "sales", test_size=0, keep_all=True))[first] == "number"
    assert result.model.predict({"TV": [20.5]}).shape == (1,)


def test_a_count_that_has_a_name_of_its_own_is_kept(tmp_path):
    assert kinds(trained(tmp_path, "year,y\n" + rows(lambda i: f"{2000 + i},{i}.5"), "y")) == {"year": "number"}


@pytest.mark.parametrize("cell", ["{} kg", "$ {}", "{} %", "({})", "\u2212{}", "{}kg"])
def test_units_currencies_percent_and_signs(cell, tmp_path):
    result = trained(tmp_path, "weight,y\n" + rows(lambda i: f"{cell.format(51.5 + i)},{i}.5"), "y", test_size=0)
    sign = -1 if cell in ("({})", "\u2212{}") else 1
    assert result.columns["weight"].mean == pytest.approx(sign * (51.5 + 8.5))
    model = result.model
    told = model.predict({"weight": [cell.format(52.5)]})
    np.testing.assert_array_equal(told, model.predict({"weight": [sign * 52.5]}))
    with pytest.raises(fastbp.TableError, match=r"'52.5 lb' (must be in|is no number)"):
        model.predict({"weight": ["52.5 lb"]})


@pytest.mark.parametrize("labels", [["1st", "2nd", "3rd"], ["1. White", "2. Black", "3. Asian"]])
def test_labels_that_begin_with_numbers(labels, tmp_path):
    rows = [(labels[i % 3], i * 7 % 10, labels[i * 7 % 3]) for i in range(60)]
    path = written(tmp_path, "kind,x,y\n" + "".join(f"{kind},{x},{y}\n" for kind, x, y in rows))
    model = fastbp.train_table(path, "y", **QUICK).model
    assert model.classes == labels
    assert model.encoding.inputs[0].texts == labels
    table = {name: [row[place] for row in rows] for place, name in enumerate(("kind", "x", "y"))}
    assert fastbp.train_table(table, "y", **QUICK).model.encoding.inputs == model.encoding.inputs


def test_units_that_change_within_a_column(tmp_path):
    text = "weight,y\n" + rows(lambda i: f"{51 + i} {'kg' if i != 7 else 'g'},{i}.5")
    with pytest.raises(fastbp.TableError, match=r"line 9, column 'weight': '58 g' must be in kg, where most"):
        trained(tmp_path, text, "y")


@pytest.mark.parametrize("words", ["TRUE FALSE", "True False", "true false", "1 0", "1.0 0.0"])
def test_truth_is_the_same_in_all_programs(words, tmp_path):
    yes, no = words.split()
    result = trained(tmp_path, "x,seen,y\n" + rows(lambda i: f"{i},{'TRUE' if i % 2 else 'FALSE'},{i % 3}.5"), "y")
    found = result.model.predict({"x": [1, 2], "seen": [yes, no]})
    np.testing.assert_array_equal(found, result.model.predict({"x": [1, 2], "seen": ["TRUE", "FALSE"]}))


def test_whole_numbers_are_classes_where_there_are_few_for_so_many_rows(tmp_path):
    assert trained(tmp_path, "x,y\n" + rows(lambda i: f"{i}.5,{i}"), "y").model.classes is None
    assert trained(tmp_path, "x,y\n" + rows(lambda i: f"{i}.5,{i % 3}"), "y").model.classes == ["0", "1", "2"]


def test_rare_classes_may_count_more(tmp_path):
    rng = np.random.default_rng(0)
    x, rare = rng.normal(size=300), rng.random(300) < 0.1
    text = "x,y\n" + rows(lambda i: f"{x[i] + rare[i]},{'rare' if rare[i] else 'usual'}", 300)
    plain, balanced = (trained(tmp_path, text, "y", epochs=60, class_weight=how) for how in (None, "balanced"))
    P, Q = (result.model.predict_proba({"x": x + rare})[:, 0] for result in (plain, balanced))
    assert P.mean() < 0.25 < 0.35 < Q.mean()
    counts = balanced.columns["y"].trained_texts
    by_hand = {name: counts.total() / (2 * counts[name]) for name in counts}
    again = trained(tmp_path, text, "y", epochs=60, class_weight=by_hand)
    assert again.model.network.theta.tobytes() == balanced.model.network.theta.tobytes()
    for wrong, kind, match in (
        ("even", ValueError, "class_weight must be one of 'balanced', got 'even'"),
        ({"other": 2}, ValueError, "class_weight must be of 'rare', 'usual', got 'other'"),
        ({"rare": -1}, ValueError, r"class_weight\['rare'\] must be at least 0"),
        ({"rare": 1e300}, ValueError, r"class_weight\['rare'\] must be at most .*e\+36 for so many rows in float32"),
        ({"rare": 0, "usual": 0}, ValueError, "class_weight must leave rows to train with"),
        (3, TypeError, "class_weight must be 'balanced', a mapping or None, got 3"),
    ):
        with pytest.raises(kind, match=match):
            trained(tmp_path, text, "y", class_weight=wrong)
    with pytest.raises(ValueError, match="class_weight must be None where the target is a number, got 'balanced'"):
        trained(tmp_path, text, "x", class_weight="balanced")


def test_texts_that_differ_by_case_are_told(tmp_path):
    text = "x,town,sex\n" + rows(lambda i: f"{i},{['Bad  Ems', 'Bad Ems'][i % 2]},{['Male', 'male ', 'female'][i % 3]}")
    result = trained(tmp_path, text, "sex")
    assert result.model.classes == ["Male", "female", "male"]
    assert result.notes == [
        "texts of 'sex' that differ by case or blanks alone are not the same: 'Male', 'male'",
        "texts of 'town' that differ by case or blanks alone are not the same: 'Bad  Ems', 'Bad Ems'",
    ]


def test_all_problems_of_a_table_are_told_at_once(tmp_path):
    text = "a,b,y\n" + rows(lambda i: f"{'x' if i == 3 else i},{'y' if i == 5 else i},{i}.5")
    with pytest.raises(fastbp.TableError) as caught:
        trained(tmp_path, text, "y")
    first, second = str(caught.value).split("\n")
    assert "line 5, column 'a': 'x' is no number" in first
    assert "line 7, column 'b': 'y' is no number" in second


@pytest.mark.parametrize("library", ["pandas", "polars", "pyarrow"])
def test_a_table_in_memory(library, tmp_path):
    module = pytest.importorskip(library)
    columns = {
        "x": [i / 2 for i in range(40)],
        "town": ["Ulm", "Bonn"] * 20,
        "y": [f"{'ab'[i > 19]}" for i in range(40)],
    }
    table = module.table(columns) if library == "pyarrow" else module.DataFrame(columns)
    result = fastbp.train_table(table, "y", **TRAIN)
    assert kinds(result) == {"x": "number", "town": "text"}
    expected = fastbp.train_table(columns, "y", **TRAIN)
    assert result.model.network.theta.tobytes() == expected.model.network.theta.tobytes()
    np.testing.assert_array_equal(result.model.predict(table), result.model.predict(columns))


def test_codes_of_digits_are_texts_as_they_stand(tmp_path):
    text = "zip,y\n" + rows(lambda i: f"0{i % 3}1,{i}.5", 30)
    result = trained(tmp_path, text, "y", text=["zip"])
    assert result.model.encoding.inputs[0].texts == ["001", "011", "021"]
    mixed = "zip,y\n" + rows(lambda i: f"{'0101' if i % 2 else 'K1A'},{i}.5", 30)
    assert trained(tmp_path, mixed, "y").model.encoding.inputs[0].texts == ["0101", "K1A"]


def test_a_column_that_turns_to_texts_late_is_read_as_it_stands(tmp_path, monkeypatch):
    monkeypatch.setattr("fastbp.tables.csv_files.BLOCK", 64)
    monkeypatch.setattr("fastbp.tables.csv_files.SAMPLE", 64)
    text = "zip,y\n" + rows(lambda i: f"0{i % 2}1,{i}.5", 40) + rows(lambda i: f"K{i % 2}A,{i}.5", 40)
    assert trained(tmp_path, text, "y").model.encoding.inputs[0].texts == ["001", "011", "K0A", "K1A"]
