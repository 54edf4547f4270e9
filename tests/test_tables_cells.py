"""Cells of tables: numbers in the spellings of spreadsheets, units, texts that mean the same, and nothing."""

import datetime

import numpy as np
import pytest

import fastbp
from fastbp.tables import cells, dates
from fastbp.tables.cells import UNKNOWN, Block, Words, key_of, known, numbers, spelled, texts


def block_of(*column, decimal="."):
    return Block("table.csv", {"a": Words.of(column)}, range(2, len(column) + 2), decimal=decimal)


@pytest.mark.parametrize(
    ("cell", "decimal", "expected"),
    [
        ("1", ".", (1, "")), (" +1.5 ", ".", (1.5, "")), ("-.5e-3", ".", (-0.0005, "")), ("7.", ".", (7, "")),
        ("1,234.5", ".", (1234.5, "")), ("1,234,567", ".", (1234567, "")), ("12 345", ".", (12345, "")),
        ("12\u202f345\u202f678", ".", (12345678, "")), ("1'234.5", UNKNOWN, (1234.5, "")),
        ("1.234,5", ",", (1234.5, "")), ("1.234", ",", (1234, "")), ("43,5", ",", (43.5, "")), (",5", ",", (0.5, "")),
        ("\u22123.5", ".", (-3.5, "")), ("(12.5)", ".", (-12.5, "")), ("12-", ".", (-12, "")),
        ("12 %", ".", (12, "%")), ("$ 5", ".", (5, "$")), ("-$5.50", ".", (-5.5, "$")), ("($5)", ".", (-5, "$")),
        ("US$ 1,000", ".", (1000, "US$")), ("EUR 5", ".", (5, "EUR")), ("5 €", ".", (5, "€")),
        ("3.5kg", ".", (3.5, "kg")),
        ("20 km/h", ".", (20, "km/h")), ("21.5 °C", ".", (21.5, "°C")), ("5 m2", ".", (5, "m2")),
        ("-Infinity", ".", (-np.inf, "")),
    ],
)  # fmt: skip
def test_numbers_as_tables_spell_them(cell, decimal, expected):
    assert spelled(cell, decimal) == expected


@pytest.mark.parametrize(
    ("cell", "decimal"),
    [
        ("", "."), ("x", "."), ("1,5", "."), ("1,5", UNKNOWN), ("1,234", UNKNOWN), ("1.5", ","), ("12,34", "."),
        ("1,234 567", "."), ("1_000", "."), ("--1", "."), ("(-1)", "."), ("(1", "."), ("$5 kg", "."),
        ("2020-01-01", "."),
        ("01.02.2021", "."), ("01.02.2021", ","), ("12:30", "."), ("1/2", "."), ("3 of 5", "."), (".", "."),
        ("e5", "."),
        ("on request", "."), ("1 2", "."),
    ],
)  # fmt: skip
def test_what_is_no_number(cell, decimal):
    assert spelled(cell, decimal) is None


def test_numbers_have_the_unit_of_their_column_or_none():
    np.testing.assert_array_equal(numbers(block_of("5 kg", "", "6"), "a", "kg"), [5, np.nan, 6])
    with pytest.raises(fastbp.TableError, match=r"table.csv, line 3, column 'a': '6 g' must be in kg"):
        numbers(block_of("5 kg", "6 g"), "a", "kg")
    with pytest.raises(fastbp.TableError, match=r"line 2, column 'a': '5 kg' is no number"):
        numbers(block_of("5 kg"), "a")


def test_a_comma_that_could_be_two_things_is_not_guessed():
    with pytest.raises(fastbp.TableError, match=r"line 3, .*'1,234' could mean two numbers: say --decimal , or"):
        numbers(block_of("5", "1,234", decimal=UNKNOWN), "a")


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999", "-1e101"])
def test_numbers_must_be_finite(cell):
    with pytest.raises(fastbp.TableError, match=rf"line 3, column 'a': numbers must lie between .*, got {cell}"):
        numbers(block_of("1", cell), "a")


def test_the_first_row_that_is_wrong_is_named():
    with pytest.raises(fastbp.TableError, match="line 4, column 'a': 'x' is no number"):
        numbers(block_of("1", "2", "x", "y", "x"), "a")


@pytest.mark.parametrize(
    ("cell", "orders"),
    [
        ("2021-02-01", {"ymd"}), ("2021/2/1", {"ymd"}), ("2021-02-01T10:30:00Z", {"ymd"}), ("01.02.2021", {"dmy"}),
        ("01/02/2021", {"dmy", "mdy"}), ("13/02/2021", {"dmy"}), ("02/13/2021", {"mdy"}),
        ("1-2-21 10:30", {"dmy", "mdy"}),
        ("31.02.2021", set()), ("2021-13-01", set()), ("1.2.3.4", set()), ("2021-02", set()),
        ("10:30", set()), ("x", set()),
    ],
)  # fmt: skip
def test_dates_and_the_orders_that_they_can_have(cell, orders):
    assert {order for order in dates.ORDERS if dates.days(cell, order) is not None} == orders
    for order in orders:
        year = datetime.date(1970, 1, 1) + datetime.timedelta(days=int(dates.days(cell, order)))
        assert year.year == 2021


def test_days_and_what_a_network_sees_of_them():
    block = block_of("2021-01-01", "", "2021-07-02 12:00:00", "1969-12-31")
    values = cells.days_of(block, "a", "ymd")
    start = (datetime.date(2021, 1, 1) - datetime.date(1970, 1, 1)).days
    np.testing.assert_array_equal(values, [start, np.nan, start + 182.5, -1])
    out = np.full((4, dates.WIDTH), np.nan)
    dates.encode(values, start, 10.0, out)
    np.testing.assert_allclose(out[:, 0], [0, 0, 18.25, (-1 - start) / 10])
    np.testing.assert_allclose(out[0, 1:3], [0, 1], atol=1e-12)
    np.testing.assert_allclose(out[2, 5:], [0, -1], atol=1e-9)  # noon
    np.testing.assert_array_equal(out[1], 0)
    week = np.array([np.arctan2(row[3], row[4]) / (2 * np.pi) * 7 % 7 for row in out[[0, 3]]])
    np.testing.assert_allclose((week - week[0]) % 7, [0, (-1 - start) % 7], atol=1e-6)
    with pytest.raises(fastbp.TableError, match=r"line 3, column 'a': 'soon' is no date like those in training"):
        cells.days_of(block_of("2021-01-01", "soon"), "a", "ymd")


def test_texts_that_mean_the_same():
    found = texts(block_of("1.0", "1", " 1 ", "NA", "x", "x "), "a")
    assert found.cells() == ["1", "1", "1", None, "x", "x"]
    assert len({key_of(text) for text in ("TRUE", "True", "true", "1")}) == 1
    assert key_of("False") == key_of("0") != key_of("no")


def test_texts_of_numbers():
    block = Block("t", {"a": np.array([1.0, np.nan, 0.5, 1.0])}, range(4))
    assert texts(block, "a").cells() == ["1", None, "0.5", "1"]
    np.testing.assert_array_equal(known(block, "a"), [True, False, True, True])


def test_rows_of_a_mask_keep_their_lines():
    block = block_of("x", "", "z", "x").where(np.array([False, True, True, True]))
    assert (len(block), block.columns["a"].cells()) == (3, ["", "z", "x"])
    assert block.columns["a"].words == ["", "x", "z"] or len(block.columns["a"].words) == 3
    assert str(block.refuse(1, "a", "why")) == "table.csv, line 4, column 'a': why"
    np.testing.assert_array_equal(known(block, "a"), [False, True, True])
    assert cells.Words(np.array([-1, 0]), ["a"]).where(np.array([True, True])).cells() == [None, "a"]


def test_a_column_of_another_kind_is_an_error_for_those_who_need_it():
    block = Block("t", {"a": "timestamp[us]"}, range(1, 2), "row")
    for ask in (numbers, texts, known):
        with pytest.raises(fastbp.TableError, match=r"row 1, column 'a': it must hold numbers or texts, it holds time"):
            ask(block, "a")
