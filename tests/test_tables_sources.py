"""Tables in files: what is read from CSV and Parquet, and what is said of what cannot be read."""

import errno
import io
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import fastbp
from fastbp.tables import sources

CSV = "size,colour,kind\n1.5,red,a\n,,b\n2.5, blue ,a\n"


def written(folder, text, name="table.csv"):
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return path


def whole(path, **how):
    table = sources.opened(path, **how)
    (block,) = table.blocks()
    return block


# ---- CSV -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rows", [1, 2, 3, 100])
def test_blocks_hold_all_rows_in_their_order(rows, tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "ROWS", rows)
    found = [*sources.opened(written(tmp_path, CSV)).blocks()]
    assert [len(block) for block in found] == [min(rows, 3 - start) for start in range(0, 3, rows)]
    assert [line for block in found for line in block.lines] == [2, 3, 4]
    assert [cell for block in found for cell in block.columns["kind"]] == ["a", "b", "a"]


def test_numbers_and_texts(tmp_path):
    block = whole(written(tmp_path, CSV))
    np.testing.assert_array_equal(sources.numbers(block, "size"), [1.5, np.nan, 2.5])
    assert sources.texts(block, "colour") == ["red", None, "blue"]
    assert sources.texts(block, "size") == ["1.5", None, "2.5"]


@pytest.mark.parametrize("token", ["", "?", "NA", "na", "N/A", "#N/A", "<NA>", "NaN", "NAN", "-nan", "NULL", "None"])
def test_spellings_of_missing(token, tmp_path):
    block = whole(written(tmp_path, f"a,b\n1,x\n {token} ,{token}\n"))
    np.testing.assert_array_equal(sources.numbers(block, "a"), [1, np.nan])
    assert sources.texts(block, "b") == ["x", None]


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_found(delimiter, tmp_path):
    path = written(tmp_path, CSV.replace(",", delimiter))
    assert sources.opened(path).names == ["size", "colour", "kind"]
    assert sources.opened(path, delimiter).names == ["size", "colour", "kind"]


SPELLINGS = {
    "byte order mark": b"\xef\xbb\xbfa,b\n1,2\n",
    "carriage returns": b"a,b\r\n1,2\r\n",
    "no last newline": b"a,b\n1,2",
    "blank lines": b"a,b\n\n1,2\n\n",
    "spaces around names": b" a , b \n1,2\n",
    "quoted": b'"a","b"\n"1","2"\n',
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_spellings_of_csv(name, tmp_path):
    block = whole(written(tmp_path, SPELLINGS[name]))
    assert block.columns == {"a": ["1"], "b": ["2"]}


def test_a_cell_over_two_lines_counts_both(tmp_path):
    path = written(tmp_path, 'a,b\n"x\ny",1\nz,wrong\n')
    block = whole(path)
    assert block.columns["a"] == ["x\ny", "z"]
    with pytest.raises(fastbp.TableError, match="line 4, column 'b': 'wrong' is no number"):
        sources.numbers(block, "b")


UNREADABLE = {
    "it must begin with a line of column names, it is empty": b"",
    "line 1: column 2 must have a name": b"a,,c\n1,2,3\n",
    "line 1: two columns have the name 'a'": b"a,b,a\n",
    "line 3: it has 1 cells, and 2 columns": b"a,b\n1,2\n3\n",
    "line 2: it has 3 cells, and 2 columns": b"a,b\n1,2,3\n",
    "line 2, byte 3: it must be UTF-8": b"a,b\n1,\xff\n",
    "line 2: field larger than field limit": b"a,b\n1," + b"x" * 200_000 + b"\n",
    "line 3: unexpected end of data": b'a,b\n1,"2\n3\n',
    "line 2: ',' expected after": b'a,b\n"1"x,2\n',
}


@pytest.mark.parametrize("expected", UNREADABLE)
def test_what_cannot_be_read_is_named(expected, tmp_path):
    path = written(tmp_path, UNREADABLE[expected])
    with pytest.raises(fastbp.TableError) as caught:
        whole(path)
    assert expected in str(caught.value)
    assert str(caught.value).startswith(str(path))


@pytest.mark.parametrize("cell", ["1,5", "x", "1_000", "0x10", "1e", "--1"])
def test_what_is_no_number_is_named(cell, tmp_path):
    block = whole(written(tmp_path, f"a;b\n1;2\n?;2\n{cell};2\n"))
    with pytest.raises(fastbp.TableError, match=f"line 4, column 'a': {cell!r} is no number"):
        sources.numbers(block, "a")


@pytest.mark.parametrize("cell", ["inf", "-Infinity", "1e999", "-1e101"])
def test_numbers_must_be_finite(cell, tmp_path):
    block = whole(written(tmp_path, f"a\n1\n{cell}\n"))
    with pytest.raises(fastbp.TableError, match=rf"line 3, column 'a': numbers must lie between .*, got {cell}"):
        sources.numbers(block, "a")


def test_lines_are_counted_through_breaks_and_blank_lines(tmp_path, monkeypatch):
    monkeypatch.setattr(sources, "ROWS", 2)
    path = written(tmp_path, b'a,b\r\n"1\n2\n",x\n\n\n"\xe2\x80\xa8",y\n"\r",z\n3,w\n')
    found = [*sources.opened(path).blocks()]
    assert [[*block.lines] for block in found] == [[4], [7], [9, 10]]
    assert [cell for block in found for cell in block.columns["b"]] == [*"xyzw"]


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(CSV.encode())))
    assert whole("-").columns["kind"] == ["a", "b", "a"]
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(fastbp.TableError, match="standard input is closed"):
        whole("-")


def test_a_file_that_cannot_be_read_on_is_named(monkeypatch):
    class Broken(io.BytesIO):
        def read1(self, size=-1):
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output error") as caught:
        sources.CsvTable("table.csv", Broken(CSV.encode()))
    assert caught.value.filename == "table.csv"


# ---- Parquet ---------------------------------------------------------------------------------------------------------


@pytest.fixture
def parquet(tmp_path):
    """A function that writes columns into a Parquet file of small row groups."""
    pyarrow, module = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def write(**columns):
        module.write_table(pyarrow.table(columns), tmp_path / "table.data", row_group_size=2)
        return tmp_path / "table.data"

    return write


def test_parquet_is_read_as_csv_is(parquet):
    import pyarrow

    path = parquet(
        a=[1, None, 3], b=[0.5, float("nan"), None], c=["x", None, " y "], d=[True, False, None],
        e=pyarrow.array(["p", "q", None]).dictionary_encode(), f=pyarrow.nulls(3),
        g=pyarrow.array([1, 2, 3], pyarrow.decimal128(5, 2)),
    )  # fmt: skip
    table = sources.opened(path)
    parts = [*table.blocks()]
    assert [line for part in parts for line in part.lines] == [1, 2, 3]
    numbers = {name: np.concatenate([sources.numbers(part, name) for part in parts]) for name in "abfg"}
    np.testing.assert_array_equal(numbers["a"], [1, np.nan, 3])
    np.testing.assert_array_equal(numbers["b"], [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(numbers["f"], [np.nan] * 3)
    np.testing.assert_array_equal(numbers["g"], [1, 2, 3])
    texts = {name: [text for part in parts for text in sources.texts(part, name)] for name in "acde"}
    assert texts == {"a": ["1", None, "3"], "c": ["x", None, "y"], "d": ["True", "False", None], "e": ["p", "q", None]}


def test_parquet_columns_of_other_kinds_are_refused_when_they_are_needed(parquet):
    import datetime

    path = parquet(a=[1.0, 2.0], b=["x", "y"], when=[datetime.datetime(2020, 1, 1)] * 2)
    with pytest.raises(
        fastbp.TableError, match=r"row 1, column 'when': it must hold numbers or texts, it holds timestamp"
    ):
        fastbp.train_table(path, "b")
    assert fastbp.train_table(path, "b", drop=["when"], epochs=1, test_size=0).model.classes == ["x", "y"]


def test_parquet_integers_that_no_float_holds_are_texts(parquet):
    path = parquet(a=[2**60, 2**60 + 1, None], b=[1, 2, 3])
    found = [text for block in sources.opened(path).blocks() for text in sources.texts(block, "a")]
    assert found == [str(2**60), str(2**60 + 1), None]


@pytest.mark.parametrize(("value", "match"), [(np.inf, "got inf"), (-1e150, "got -1e")])
def test_parquet_numbers_must_be_finite(value, match, parquet):
    path = parquet(a=[1.0, value], b=["x", "y"])
    with pytest.raises(fastbp.TableError, match=f"row 2, column 'a': numbers must lie between .*, {match}"):
        fastbp.train_table(path, "b", test_size=0)


def test_parquet_names_are_checked(tmp_path):
    pyarrow, module = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    for names, match in ((["a", "a"], "two columns have the name 'a'"), (["a", ""], "column 2 must have a name")):
        module.write_table(pyarrow.table([[1], [2]], names=names), tmp_path / "table")
        with pytest.raises(fastbp.TableError, match=match):
            sources.opened(tmp_path / "table")


def test_a_damaged_page_of_a_parquet_file(parquet, tmp_path):
    data = bytearray(parquet(a=[1.0, 2.0] * 100).read_bytes())
    data[4:60] = bytes(56)
    path = written(tmp_path, bytes(data), "bad")
    with pytest.raises(fastbp.TableError, match="bad, after row 0: "):
        [*sources.opened(path).blocks()]


def test_a_broken_parquet_file(parquet, tmp_path):
    data = parquet(a=[1.0, 2.0]).read_bytes()
    with pytest.raises(fastbp.TableError, match=r"bad: "):
        sources.opened(written(tmp_path, data[:-9], "bad"))


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'fastbp\[parquet\]'"):
        sources.opened(written(tmp_path, b"PAR1"))
