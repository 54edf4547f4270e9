"""How CSV files are laid out: what is found in their first lines, and what is asked instead of guessed."""

import pytest

import fastbp
from fastbp.tables.cells import UNKNOWN
from fastbp.tables.layout import Reading, encoding_of, layout_of


def found(text, **reading):
    return layout_of("table.csv", text, Reading(**reading))


@pytest.mark.parametrize("delimiter", [*",;\t|:", " "])
def test_the_delimiter_is_what_cuts_all_lines_alike(delimiter):
    text = "size,colour,kind\n1,red,a\n2,blue,b\n".replace(",", delimiter)
    layout = found(text)
    assert (layout.reading.delimiter, layout.names, layout.lines) == (delimiter, ["size", "colour", "kind"], 1)
    assert found(text, delimiter=delimiter).names == layout.names


@pytest.mark.parametrize(
    ("text", "delimiter", "names"),
    [
        ("size;price\n43,5;1037,25\n46,5;1074,25\n", ";", ["size", "price"]),
        ("when;value\n2020-01-01 10:30:00;5\n2020-01-02 11:30:00;6\n", ";", ["when", "value"]),
        ('name,note\n"a, b","x; y"\nc,d\n', ",", ["name", "note"]),
        ("mpg   cyl  acc\n18.0  8   12\n 15.0  8   11\n", " ", ["mpg", "cyl", "acc"]),
        ('mpg "car name"\n18 "chevrolet malibu"\n15 "buick"\n', " ", ["mpg", "car name"]),
        ("a\n1\n2\n", ",", ["a"]),
        ("1,5;2\n2,5;3\n", ";", ["column 1", "column 2"]),
        ("1,5,2\n2,5,3\n", ",", ["column 1", "column 2", "column 3"]),
    ],
)
def test_cells_may_hold_other_delimiters(text, delimiter, names):
    layout = found(text, header=names[0] != "column 1")
    assert (layout.reading.delimiter, layout.names) == (delimiter, names)


@pytest.mark.parametrize(
    ("before", "note"),
    [
        ("sep=;\n", None),
        ("Sales of 2021\n\n", "line 1, before the names, was passed over: 'Sales of 2021'"),
        ("# made by a program\n# on Monday\n", "2 comment lines before the names were passed over"),
    ],
)
def test_lines_before_the_names(before, note):
    layout = found(before + "size;price\n40;1000\n50;1200\n")
    assert (layout.names, layout.lines) == (["size", "price"], before.count("\n") + 1)
    assert layout.notes == [note] * (note is not None)


def test_a_title_as_spreadsheets_export_it():
    layout = found("Report,,\n,,\nsize,rooms,price\n40,1,1000\n50,2,1200\n")
    assert (layout.names, layout.lines, len(layout.notes)) == (["size", "rooms", "price"], 3, 1)


def test_a_first_row_of_one_value_is_no_title():
    layout = found("5,,\n6,1,2\n7,2,3\n", header=False)
    assert (layout.lines, layout.notes) == (0, [])


def test_names_in_a_comment_as_numpy_writes_them():
    layout = found("# size,price\n40,1000\n50,1200\n")
    assert (layout.names, layout.lines, layout.notes) == (["size", "price"], 1, [])


# ---- Names, or none --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "6,148,72\n1,85,66\n8,183,64\n",
        "1.52,0.00,0.00,1\n1.51,0.10,0.00,1\n",
        "yes,no\nno,no\nyes,yes\nno,yes\n",
        "5,a\n6,b\n7,c\n",
        "x,1\ny,2\nz,3\n",
        "2020,size\n1,x\n2,y\n",
        ",2.5\n1,3.5\n2,4.5\n",
    ],
)
def test_a_first_line_of_data_is_not_taken_for_names(text):
    with pytest.raises(fastbp.TableError, match=r"table.csv, line 1: .*looks like data.* --no-header .* or --header"):
        found(text)
    layout = found(text, header=False)
    width = text.split("\n")[0].count(",") + 1
    assert (layout.names, layout.lines) == ([f"column {n + 1}" for n in range(width)], 0)
    if len(set(text.split("\n")[0].split(","))) == width:
        assert found(text, header=True).lines == 1


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "a,b\nx,y\n", "a,b\n", "y\n1\n", "x,y\nNA,1\n", "1st,2nd\n1,2\n3,4\n"])
def test_names_are_names(text):
    assert found(text).names == text.split("\n")[0].split(",")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        (",TV,sales\n1,2.5,3\n2,3.5,4\n", ["column 1", "TV", "sales"]),
        ("a,b,\n1,2,\n3,4,\n", ["a", "b", "column 3"]),
        ("a,b\n1,2,\n3,4,\n", ["a", "b", "column 3"]),
        ("a,b\n1,2,3\n2,4,5\n", ["column 1", "a", "b"]),
        (" a , b \n1,2\n", ["a", "b"]),
    ],
)
def test_columns_without_a_name_are_called_by_their_number(text, names):
    assert found(text).names == names


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "table.csv: it must begin with a line of column names, it is empty"),
        ("\n\n", "it is empty"),
        ("a,b,a\n1,2,x\n", "line 1: two columns have the name 'a'"),
        ("title\n\nx,x\n1,b\n2,c\n", "line 3: two columns have the name 'x'"),
    ],
)
def test_what_has_no_names(text, match):
    with pytest.raises(fastbp.TableError, match=match):
        found(text)


# ---- Decimal signs, encodings ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("cells", "delimiter", "decimal"),
    [
        ("43,5 1.037,25", ";", ","),
        ("0,125 0,250", ";", ","),
        ("43.5 1,037.25", ";", "."),
        ("1,037 2,500", ";", UNKNOWN),
        ("1037 2500", ";", UNKNOWN),
        ("1037 2500", ",", "."),
        ("x y", ";", UNKNOWN),
        ("43,5kg 44,5kg", ";", ","),
    ],
)
def test_the_decimal_sign(cells, delimiter, decimal):
    first, second = cells.split()
    assert found(f"a{delimiter}b\n{first}{delimiter}z\n{second}{delimiter}w\n").reading.decimal == decimal
    assert found(f"a{delimiter}b\n{first}{delimiter}z\n", decimal=".").reading.decimal == "."


@pytest.mark.parametrize(
    ("head", "expected"),
    [
        (b"a,b", ("utf-8", 0)), (b"\xef\xbb\xbfa", ("utf-8", 3)), ("\ufeffa".encode("utf-16-le"), ("utf-16-le", 2)),
        ("\ufeffa".encode("utf-16-be"), ("utf-16-be", 2)),
    ],
)  # fmt: skip
def test_byte_order_marks(head, expected):
    assert encoding_of(head) == expected
    assert encoding_of(b"a", "cp1252") == ("cp1252", 0)


def test_a_reading_fills_what_another_one_leaves_open():
    given = Reading(delimiter=";", header=False).or_else(Reading(",", "utf-8", True, "."))
    assert given == Reading(";", "utf-8", False, ".")
    for wrong in ({"header": 3}, {"decimal": ";"}, {"delimiter": 1}, {"other": 1}):
        with pytest.raises((TypeError, ValueError)):
            Reading.of(wrong)
