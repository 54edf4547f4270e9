"""Spreadsheets (xlsx, xls, ods): the first sheet, read by calamine, as rows of cells like those of a CSV file."""

import csv
import dataclasses
import io
import zipfile

from fastbp.tables.cells import Block, TableError, Words
from fastbp.tables.layout import Reading, layout_of

DELIMITER = "\t"
ZIP, OLE = b"PK\x03\x04", b"\xd0\xcf\x11\xe0"  # how archives begin, and files of older programs


def is_sheet(path, begin):
    """Whether a file that begins so is a spreadsheet."""
    if begin.startswith(OLE):
        return True
    if not begin.startswith(ZIP):
        return False
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
    except zipfile.BadZipFile:
        return False
    return "xl/workbook.xml" in names or "xl/workbook.bin" in names or ("mimetype" in names and "content.xml" in names)


class SheetTable:
    """The first sheet of a spreadsheet; others are told.

    Attributes
    ----------
    source, names, reading, notes
        As of a CsvTable.
    """

    def __init__(self, path, reading=Reading()):
        try:
            import python_calamine
        except ImportError as missing:
            raise ImportError(
                f"{path} is a spreadsheet, which is read by python-calamine: pip install 'fastbp[tables]'"
            ) from missing
        self.source = path
        try:
            book = python_calamine.CalamineWorkbook.from_path(path)
            rows = book.get_sheet_by_index(0).to_python(skip_empty_area=False)
        except (python_calamine.CalamineError, OSError) as problem:
            raise TableError(f"{path}: {problem}") from None
        rows = [[_cell(cell) for cell in row] for row in rows]
        sample = io.StringIO(newline="")
        csv.writer(sample, delimiter=DELIMITER, lineterminator="\n").writerows(
            [cell.replace("\n", " ") for cell in row] for row in rows[:400]
        )
        found = layout_of(path, sample.getvalue(), dataclasses.replace(reading, delimiter=DELIMITER, encoding="utf-8"))
        self.names, self.reading, self.notes = found.names, found.reading, [*found.notes]
        if len(book.sheet_names) > 1:
            self.notes.append(f"the first of {len(book.sheet_names)} sheets was read: {book.sheet_names[0]!r}")
        self._first, self._rows = found.lines + 1, rows[found.lines :]

    def blocks(self):
        """All rows that are not empty, as one block."""
        rows = [(self._first + at, row) for at, row in enumerate(self._rows) if any(row)]
        if rows:
            columns = zip(*(row for _, row in rows), strict=True)
            named = {name: Words.of(cells) for name, cells in zip(self.names, columns, strict=True)}
            yield Block(self.source, named, [line for line, _ in rows], "row", self.reading.decimal)


def _cell(value):
    """A cell as a CSV file would have it."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return "" if value is None else str(value)
