"""Tables in files: what is read from files of all formats, and what is said of what cannot be read."""

import contextlib
import errno
import gzip
import io
import sys
import zipfile
from types import SimpleNamespace

import numpy as np
import pytest

import fastbp
from fastbp.tables import csv_files, sources
from fastbp.tables.cells import Words, numbers, texts
from fastbp.tables.layout import Reading

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


@pytest.mark.parametrize("size", [1, 6, 13, 1 << 20])
def test_blocks_hold_all_rows_in_their_order(size, tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "BLOCK", size)
    monkeypatch.setattr(csv_files, "SAMPLE", 20)
    found = [*sources.opened(written(tmp_path, CSV)).blocks()]
    assert len(found) == {1: 2, 6: 2, 13: 2, 1 << 20: 1}[size] or len(found) > 1
    assert [line for block in found for line in block.lines] == [2, 3, 4]
    assert [cell for block in found for cell in block.columns["kind"].cells()] == ["a", "b", "a"]


def test_threads_of_pyarrow_get_no_memory_of_python(tmp_path, monkeypatch):
    from pyarrow import csv

    given, read_csv = [], csv.read_csv
    monkeypatch.setattr(csv, "read_csv", lambda *how: [given.append(how), read_csv(*how)][1])
    lines, table = CSV.encode(), sources.opened(written(tmp_path, CSV))
    before = sys.getrefcount(lines)
    table._parsed(lines, {*table.names})
    assert len(given) == 1
    assert sys.getrefcount(lines) == before, "what they free while the interpreter ends aborts the process"


def test_numbers_and_texts(tmp_path):
    block = whole(written(tmp_path, CSV))
    np.testing.assert_array_equal(numbers(block, "size"), [1.5, np.nan, 2.5])
    assert texts(block, "colour").cells() == ["red", None, "blue"]
    assert texts(block, "size").cells() == ["1.5", None, "2.5"]
    block = whole(written(tmp_path, CSV), texts=["size"])
    assert block.columns["size"].cells() == ["1.5", "", "2.5"], "as they stand"


@pytest.mark.parametrize(
    "token",
    ["", "?", "NA", "na", "N/A", "#N/A", "<NA>", "NaN", "NAN", "-nan", "NULL", "None", "-", "n.a.", ".", "#DIV/0!"],
)
def test_spellings_of_missing(token, tmp_path):
    block = whole(written(tmp_path, f"a,b\n1,x\n {token} ,{token}\n"))
    np.testing.assert_array_equal(numbers(block, "a"), [1, np.nan])
    assert texts(block, "b").cells() == ["x", None]


SPELLINGS = {
    "byte order mark": b"\xef\xbb\xbfa,b\n1,2\n",
    "UTF-16": "\ufeffa,b\n1,2\n".encode("utf-16-le"),
    "UTF-16, the other way round": "\ufeffa,b\n1,2\n".encode("utf-16-be"),
    "carriage returns": b"a,b\r\n1,2\r\n",
    "no last newline": b"a,b\n1,2",
    "blank lines": b"a,b\n\n1,2\n\n",
    "spaces around names": b" a , b \n1,2\n",
    "quoted": b'"a","b"\n"1","2"\n',
    "blanks": b"a   b\n 1 \t 2\n",
    "a line of a spreadsheet": b"sep=;\na;b\n1;2\n",
    "a title": b"Report\n\na,b\n1,2\n",
    "gzip": gzip.compress(b"a,b\n1,2\n"),
}


@pytest.mark.parametrize("name", SPELLINGS)
def test_spellings_of_csv(name, tmp_path):
    block = whole(written(tmp_path, SPELLINGS[name]))
    assert {name: column.tolist() for name, column in block.columns.items()} == {"a": [1], "b": [2]}


def test_a_file_in_a_zip_archive(tmp_path):
    for names, match in ((["a.csv"], None), (["a.csv", "b.csv"], "it must hold one file, it holds 'a.csv', 'b.csv'")):
        with zipfile.ZipFile(tmp_path / "table.zip", "w") as archive:
            for name in names:
                archive.writestr(name, CSV)
        with pytest.raises(fastbp.TableError, match=match) if match else contextlib.nullcontext():
            assert whole(tmp_path / "table.zip").columns["kind"].cells() == ["a", "b", "a"]


def test_other_encodings_are_said_or_offered(tmp_path):
    path = written(tmp_path, "stadt,y\nKöln,1\nMünchen,2\n".encode("cp1252"))
    with pytest.raises(fastbp.TableError, match=r"line 2, byte 2: it must be UTF-8, or .* said \(--encoding cp1252"):
        whole(path)
    assert whole(path, reading=Reading(encoding="cp1252")).columns["stadt"].cells() == ["Köln", "München"]
    with pytest.raises(fastbp.TableError, match="it is not in the encoding ascii"):
        whole(path, reading=Reading(encoding="ascii"))


def test_a_cell_over_two_lines_counts_both(tmp_path):
    path = written(tmp_path, 'a,b\n"x\ny",1\nz,wrong\n')
    block = whole(path)
    assert block.columns["a"].cells() == ["x\ny", "z"]
    with pytest.raises(fastbp.TableError, match="line 4, column 'b': 'wrong' is no number"):
        numbers(block, "b")


UNREADABLE = {
    "it must begin with a line of column names, it is empty": b"",
    "line 1: two columns have the name 'a'": b"a,b,a\n",
    "line 3: it has 1 cells, and 2 columns": b"a,b\n1,2\n3\n",
    "line 5: it has 3 cells, and 2 columns": b"a,b\n1,2\n\n3,4\n1,2,3\n",
    "line 2, byte 3: it must be UTF-8": b"a,b\n1,\xff\n",
    "line 3: unexpected end of data": b'a,b\n1,"2\n3\n',
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
    block = whole(written(tmp_path, f"a;b\n1.5;2\n?;2\n{cell};2\n"))
    with pytest.raises(fastbp.TableError, match=f"line 4, column 'a': {cell!r} is no number"):
        numbers(block, "a")


def test_a_column_of_numbers_is_texts_from_the_first_that_is_none(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "SAMPLE", 8)
    monkeypatch.setattr(csv_files, "BLOCK", 8)
    parts = [*sources.opened(written(tmp_path, "a,b\n" + "1,2\n" * 5 + "x,2\n" + "1,2\n" * 5)).blocks()]
    kinds = ["texts" if isinstance(part.columns["a"], Words) else "numbers" for part in parts]
    assert kinds == sorted(kinds)
    assert len({*kinds}) == 2
    assert all(isinstance(part.columns["b"], np.ndarray) for part in parts)


def test_lines_are_counted_through_breaks_and_blank_lines(tmp_path, monkeypatch):
    text = b'a,b\r\n"1\n2\n",x\n\n\n"\xe2\x80\xa8",y\n"\r",z\n3,w\n'
    for size in (1, 4, 1000):
        monkeypatch.setattr(csv_files, "SAMPLE", max(8, size))
        monkeypatch.setattr(csv_files, "BLOCK", size)
        found = [*sources.opened(written(tmp_path, text), Reading(header=True)).blocks()]
        assert [line for block in found for line in block.lines] == [4, 7, 9, 10]
        assert [cell for block in found for cell in block.columns["b"].cells()] == [*"xyzw"]


def test_rows_without_a_line_break_within_are_cut_where_quotes_end(tmp_path, monkeypatch):
    monkeypatch.setattr(csv_files, "BLOCK", 5)
    monkeypatch.setattr(csv_files, "SAMPLE", 5)
    rows = "".join('"' + "line\n" * (i % 4) + f'{i}",{i}\n' for i in range(50))
    found = [*sources.opened(written(tmp_path, "a,b\n" + rows)).blocks()]
    assert [value for block in found for value in numbers(block, "b").tolist()] == [*range(50)]


def test_a_first_row_over_two_lines_without_names(tmp_path):
    block = whole(written(tmp_path, 'Title\n"x\ny",1\nz,2\n'), reading=Reading(header=False))
    assert block.columns["column 1"].cells() == ["x\ny", "z"]
    assert [*block.lines] == [3, 4]


def test_standard_input(monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(CSV.encode())))
    assert whole("-").columns["kind"].cells() == ["a", "b", "a"]
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(fastbp.TableError, match="standard input is closed"):
        whole("-")


def test_a_file_that_cannot_be_read_on_is_named(monkeypatch):
    class Broken(io.BytesIO):
        def read(self, size=-1):
            raise OSError(errno.EIO, "Input/output error")

    with pytest.raises(OSError, match="Input/output error") as caught:
        csv_files.CsvTable("table.csv", Broken(CSV.encode()))
    assert caught.value.filename == "table.csv"


def test_csv_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"a CSV file is read by pyarrow: pip install 'fastbp\[tables\]'"):
        sources.opened(written(tmp_path, CSV))


# ---- Spreadsheets ----------------------------------------------------------------------------------------------------


def test_a_spreadsheet(tmp_path):
    pytest.importorskip("python_calamine")
    openpyxl = pytest.importorskip("openpyxl")
    book = openpyxl.Workbook()
    for row in (["Houses", None, None], ["size", "town", "sold"], [40, "Ulm", True], [None] * 3, [50.5, None, False]):
        book.active.append(row)
    book.create_sheet("more")
    book.save(tmp_path / "houses.xlsx")
    table = sources.opened(tmp_path / "houses.xlsx")
    (block,) = table.blocks()
    assert table.names == ["size", "town", "sold"]
    assert [note for note in table.notes if "the first of 2 sheets" in note or "'Houses'" in note] == table.notes
    np.testing.assert_array_equal(numbers(block, "size"), [40, 50.5])
    assert (texts(block, "town").cells(), texts(block, "sold").cells()) == (["Ulm", None], ["True", "False"])
    assert [*block.lines] == [3, 5]


def test_spreadsheets_need_calamine(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "python_calamine", None)
    with pytest.raises(ImportError, match=r"python-calamine: pip install 'fastbp\[tables\]'"):
        sources.opened(written(tmp_path, b"\xd0\xcf\x11\xe0" + bytes(100), "old.xls"))


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
    values = {name: np.concatenate([numbers(part, name) for part in parts]) for name in "abfg"}
    np.testing.assert_array_equal(values["a"], [1, np.nan, 3])
    np.testing.assert_array_equal(values["b"], [0.5, np.nan, np.nan])
    np.testing.assert_array_equal(values["f"], [np.nan] * 3)
    np.testing.assert_array_equal(values["g"], [1, 2, 3])
    found = {name: [text for part in parts for text in texts(part, name).cells()] for name in "acde"}
    assert found == {"a": ["1", None, "3"], "c": ["x", None, "y"], "d": ["True", "False", None], "e": ["p", "q", None]}


def test_parquet_columns_of_other_kinds_are_refused_when_they_are_needed(parquet):
    path = parquet(a=[1.0, 2.0], b=["x", "y"], when=[[1, 2], [3]])
    with pytest.raises(fastbp.TableError, match=r"row 1, column 'when': it must hold numbers or texts, it holds list"):
        fastbp.train_table(path, "b")
    assert fastbp.train_table(path, "b", drop=["when"], epochs=1, test_size=0).model.classes == ["x", "y"]


def test_parquet_integers_that_no_float_holds_are_texts(parquet):
    path = parquet(a=[2**60, 2**60 + 1, None], b=[1, 2, 3])
    found = [text for block in sources.opened(path).blocks() for text in texts(block, "a").cells()]
    assert found == [str(2**60), str(2**60 + 1), None]


def test_parquet_integers_some_of_which_no_float_holds_are_read_alike(parquet):
    path = parquet(a=[1, 2, 2**60, 2**60, 1, 2], b=["x", "y"] * 3)
    for text, expected in (("a", ("text", ["1", "2", str(2**60)])), ((), ("number", []))):
        (column,) = fastbp.train_table(path, "b", text=text, epochs=1, test_size=0).model.encoding.inputs
        assert (column.kind, column.texts) == expected


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


def test_feather_is_read_as_parquet_is(tmp_path):
    pyarrow, feather = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.feather")
    feather.write_feather(pyarrow.table({"a": [1.5, None], "b": ["x", "y"]}), tmp_path / "table.feather")
    block = whole(tmp_path / "table.feather")
    np.testing.assert_array_equal(numbers(block, "a"), [1.5, np.nan])
    assert texts(block, "b").cells() == ["x", "y"]


def test_parquet_without_pyarrow(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(ImportError, match=r"pip install 'fastbp\[tables\]'"):
        sources.opened(written(tmp_path, b"PAR1"))
