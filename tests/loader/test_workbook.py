"""Workbooks: the text a person sees, the rows where a person sees them, and which sheets are read."""

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt
from xlwt.CompoundDoc import XlsDoc

from importer.errors import SourceError, UsageError
from importer.loader import LoadOptions
from importer.loader.shown import zero_filled
from importer.tables import TEXT
from tests.loader.support import cells, options, problems, skipped, sources, table, write

Sheets = dict[str, Sequence[Sequence[Any]]]
PEOPLE = [["Id", "Name"], [1, "Acme"]]


def save(path: Path, sheets: Sheets, formats: dict[str, str] | None = None) -> Path:
    """An .xlsx of these sheets; ``formats``: number formats of cells of the first one."""
    book = openpyxl.Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    for place, code in (formats or {}).items():
        book.worksheets[0][place].number_format = code
    book.save(path)
    return path


def test_cells_as_a_person_sees_them(tmp_path: Path) -> None:
    shown = [
        *((12, "12"), (12.0, "12"), (1.5, "1.5"), (-3, "-3"), (0.1, "0.1"), (True, "TRUE"), (False, "FALSE"), (1, "1")),
        *((123456789012345, "123456789012345"), (2**53, "9007199254740992"), (1e20, "1e+20")),
        *((dt.date(2024, 3, 5), "2024-03-05"), (dt.datetime(2024, 3, 5, 10, 30), "2024-03-05 10:30:00")),
        *((dt.time(3, 4), "03:04:00"), (dt.timedelta(hours=30, minutes=5), "30:05:00")),
        *(("  kept ", "  kept "), ("00123", "00123"), ("1.23E+05", "1.23E+05"), (None, ""), ("a\nb", "a\nb")),
        *(("#N/A", "#N/A"), ("#DIV/0!", "#DIV/0!")),
    ]
    read = table(save(tmp_path / "a.xlsx", {"A": [["Key", "Value"], *(["k", value] for value, _ in shown)]}))
    assert read.frame["Value"].tolist() == [text for _, text in shown]
    assert all(dtype == TEXT for dtype in read.frame.dtypes)


def test_leading_zeros_that_a_number_format_shows(tmp_path: Path) -> None:
    rows = [
        ["Key", "Zip", "Plus four", "Id", "Amount"],
        ["a", 2138, 21380001, 123456789, 5],
        ["b", "02138", 2138.5, None, 5],
    ]
    codes = {"B2": "00000", "B3": "00000", "C2": "00000-0000", "C3": "00000", "D2": "000\\-00\\-0000", "E2": "0.00"}
    read = table(save(tmp_path / "a.xlsx", {"A": rows}, {**codes, "E3": "#,##0"}))
    assert cells(read)[1:] == [["a", "02138", "02138-0001", "123-45-6789", "5"], ["b", "02138", "2138.5", "", "5"]]


@pytest.mark.parametrize(
    ("value", "code", "text"),
    [
        (7, "000", "007"),
        (12345, "000", "12345"),
        (1234567, "00-000", "1234-567"),
        (12, '"C-"0000;-0', "C-0012"),
        (12, "[$-409]0000", "0012"),
    ],
)
def test_zero_filled(value: int, code: str, text: str) -> None:
    assert zero_filled(value, code) == text


def test_rows_are_numbered_as_in_the_sheet(tmp_path: Path) -> None:
    blank: list[Any] = []
    rows = [blank, blank, [None, None, "Report"], blank, [None, None, "Id", None, "Name", "Phone", "Phone"]]
    rows += [[None, None, 1, "x", "A", 5, 6], blank, [None, None, 2, None, "B"], [None, None, "Total", None, None, 11]]
    path = save(tmp_path / "a.xlsx", {"A": [*rows, blank]})
    book = openpyxl.load_workbook(path)
    book["A"]["J40"].number_format = "0.00"  # styled, but without a value
    book.save(path)
    read = table(path)
    assert cells(read) == [
        ["Id", "Column 4", "Name", "Phone", "Phone#2"],
        ["1", "x", "A", "5", "6"],
        ["2", "", "B", "", ""],
    ]
    assert read.row_numbers.tolist() == [6, 8]
    assert skipped(read) == [
        *((1, "blank"), (2, "blank"), (3, "title"), (4, "blank"), (5, "header"), (7, "blank"), (9, "total")),
    ]
    assert (read.file, read.sheet, read.details["header_row"]) == ("a.xlsx", "A", 5)


def test_all_sheets_in_their_order_hidden_ones_too_empty_ones_left_out(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"Z": PEOPLE, "Empty": [], "A": PEOPLE, "Bare": [["Id", "Name"]]})
    book = openpyxl.load_workbook(path)
    book["A"].sheet_state = "hidden"
    book.create_chartsheet("Chart")
    book.save(path)
    found = sources(path)
    assert [(item.name, len(item.frame)) for item in found.tables] == [
        ("a.xlsx!Z", 1),
        ("a.xlsx!A", 1),
        ("a.xlsx!Bare", 0),
    ]
    assert found.problems == ()


def test_named_sheet_only(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"One": PEOPLE, "Two": PEOPLE})
    assert table(path, LoadOptions(sheet="Two")).sheet == "Two"
    with pytest.raises(UsageError, match=r"a\.xlsx: there is no sheet 'two'\nIts sheets: 'One', 'Two'"):
        table(path, LoadOptions(sheet="two"))


def test_sheet_that_the_mapping_does_not_know_is_counted_and_not_read(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"Notes": [["Read", "me"], ["a", "b"], [], ["c", "d"]], "Data": PEOPLE})
    found = sources(path, using=options("ID", "Name"))
    notes, data = found.tables
    assert (notes.sheet, notes.frame.shape, notes.records) == ("Notes", (0, 0), 4)
    assert skipped(notes) == [(row, "sheet not mapped") for row in (1, 2, 3, 4)]
    assert problems(found) == [("warning", "sheet_ignored", "a.xlsx!Notes")]
    assert cells(data)[1:] == [["1", "Acme"]]
    assert found.record_count == 6


def test_sheets_are_compared_over_all_sources_and_all_read_when_none_matches(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"Notes": [["Read", "me"], ["a", "b"]]})
    text = write(tmp_path / "b.csv", "Id,Name\n1,A\n")
    assert [len(item.frame) for item in sources(path, text, using=options("Id", "Name")).tables] == [0, 1]
    assert [len(item.frame) for item in sources(path, text, using=options("No", "Such")).tables] == [1, 1]


def test_workbook_by_content_whatever_its_name(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"A": PEOPLE}).rename(tmp_path / "a.csv")
    assert cells(table(path)) == [["Id", "Name"], ["1", "Acme"]]


def test_secret_columns_and_rejected_file_in_a_workbook(tmp_path: Path) -> None:
    rows = [["import_errors", "Id", "Card Number"], ["x", "'=1", 4111111111111111]]
    read = table(save(tmp_path / "a.xlsx", {"A": rows}))
    assert cells(read) == [["Id", "Card Number"], ["=1", ""]]
    assert read.secrets == {"Card Number"}


def test_legacy_workbook(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Kunden")
    date = xlwt.easyxf(num_format_str="YYYY-MM-DD")
    for place, value in enumerate(["Id", "Name", "Since", "Active", "Rate"]):
        sheet.write(2, place + 1, value)
    for place, value in enumerate([1001, "Zoë", dt.date(2024, 3, 5), True, 0.25]):
        sheet.write(3, place + 1, value, date if place == 2 else xlwt.Style.default_style)
    book.save(str(tmp_path / "a.xls"))
    read = table(tmp_path / "a.xls")
    assert cells(read)[1:] == [["1001", "Zoë", "2024-03-05", "TRUE", "0.25"]]
    assert (read.sheet, read.row_numbers.tolist()) == ("Kunden", [4])


def test_open_document(tmp_path: Path) -> None:
    office = "urn:oasis:names:tc:opendocument:xmlns"
    row = "<table:table-row>{}</table:table-row>".format
    text = '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell>'.format
    number = (
        '<table:table-cell office:value-type="float" office:value="{0}"><text:p>{0}</text:p></table:table-cell>'.format
    )
    content = (
        f'<office:document-content xmlns:office="{office}:office:1.0" xmlns:table="{office}:table:1.0" '
        f'xmlns:text="{office}:text:1.0"><office:body><office:spreadsheet><table:table table:name="A">'
        + row(text("Id") + text("Name"))
        + row(number(12) + text("Zoë"))
        + "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    entry = f'<m:file-entry m:full-path="/" m:media-type="{kind}"/>'
    manifest = f'<m:manifest xmlns:m="{office}:manifest:1.0">{entry}</m:manifest>'
    with zipfile.ZipFile(tmp_path / "a.ods", "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", content)
    assert cells(table(tmp_path / "a.ods")) == [["Id", "Name"], ["12", "Zoë"]]


def encrypted_xlsx() -> bytes:
    """An OLE file with the one stream that an encrypted .xlsx is known by."""
    stream = XlsDoc()
    stream.save(target := io.BytesIO(), b"\0" * 4096)
    name, old = "EncryptedPackage".encode("utf-16-le"), "Workbook".encode("utf-16-le")
    content = bytearray(target.getvalue())
    at = content.rindex(old)
    content[at : at + len(name)] = name
    content[at + 64] = len(name) + 2
    return bytes(content)


def encrypted_xls() -> bytes:
    """A legacy workbook with a FILEPASS record behind its first record."""
    book = xlwt.Workbook()
    book.add_sheet("A").write(0, 0, "x")
    data = book.get_biff_data()
    first = 4 + int.from_bytes(data[2:4], "little")
    record = bytes.fromhex("2F00 0600 0000 1234 5678")
    XlsDoc().save(target := io.BytesIO(), data[:first] + record + data[first:])
    return target.getvalue()


@pytest.mark.parametrize("content", [encrypted_xlsx(), encrypted_xls()], ids=["xlsx", "xls"])
def test_password(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match=r"a\.xlsx: the workbook is protected by a password\nSave a copy without"):
        table(write(tmp_path / "a.xlsx", content))


def test_broken_and_empty_workbooks(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.xlsx", {"A": PEOPLE}).read_bytes()
    for content in (whole[:-200], b"PK\x03\x04rubbish", bytes.fromhex("D0CF11E0A1B11AE1") + b"rubbish" * 100):
        with pytest.raises(SourceError, match=r"b\.xlsx: the workbook cannot be read"):
            table(write(tmp_path / "b.xlsx", content))
    with pytest.raises(SourceError, match=r"c\.xlsx: the workbook is empty"):
        table(save(tmp_path / "c.xlsx", {"A": []}))
    with pytest.raises(SourceError, match=r"d\.xlsx!A: there is a header in row 1 but no data row below it"):
        table(save(tmp_path / "d.xlsx", {"A": [["Id", "Name"]]}))
