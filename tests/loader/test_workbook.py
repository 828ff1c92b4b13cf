"""Workbooks: text and row numbers as a person sees them, and which sheets are read."""

import datetime as dt
import io
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlwt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl.worksheet.datavalidation import DataValidation
from xlwt.CompoundDoc import XlsDoc

from importer.errors import SourceError, UsageError
from importer.loader import LoadOptions
from importer.loader.workbook import sheet_cells
from importer.loader.workbook.number_formats import number_text
from importer.tables import TEXT
from tests.loader.support import cells, options, problems, skipped, sources, table, write

Sheets = dict[str, Sequence[Sequence[Any]]]
PEOPLE = [["Id", "Name"], [1, "Acme"]]


def save(path: Path, sheets: Sheets, formats: dict[str, str] | None = None) -> Path:
    """An .xlsx file with these sheets; ``formats``: number formats of cells in the first one."""
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


def test_cells_are_read_as_displayed(tmp_path: Path) -> None:
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


def test_leading_zeros_of_a_number_format_are_kept(tmp_path: Path) -> None:
    rows = [
        ["Key", "Zip", "Plus four", "Id", "Amount"],
        ["a", 2138, 21380001, 123456789, 5],
        ["b", "02138", 2138.5, None, 5],
    ]
    codes = {"B2": "00000", "B3": "00000", "C2": "00000-0000", "C3": "00000", "D2": "000\\-00\\-0000", "E2": "0.00"}
    read = table(save(tmp_path / "a.xlsx", {"A": rows}, {**codes, "E3": "#,##0"}))
    assert cells(read)[1:] == [["a", "02138", "02138-0001", "123-45-6789", "5"], ["b", "02138", "2138.5", "", "5"]]


def test_small_numbers_are_shown_as_displayed() -> None:
    assert [number_text(value) for value in (1e-5, 1.5e-6, 1e-7)] == ["0.00001", "0.0000015", "1e-07"]


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


def test_sheets_are_read_in_order_without_hidden_and_empty_ones(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"Z": PEOPLE, "Empty": [], "A": PEOPLE, "Bare": [["Id", "Name"]]})
    book = openpyxl.load_workbook(path)
    book["A"].sheet_state = "hidden"
    book.create_chartsheet("Chart")
    book.save(path)
    found = sources(path)
    assert [(item.name, len(item.frame)) for item in found.tables] == [
        ("a.xlsx!Z", 1),
        ("a.xlsx!A", 0),
        ("a.xlsx!Bare", 0),
    ]
    assert skipped(found.tables[1]) == [(1, "hidden sheet"), (2, "hidden sheet")]
    assert problems(found) == [("warning", "sheet_hidden", "a.xlsx!A")]
    assert cells(table(path, LoadOptions(sheet="A"))) == [["Id", "Name"], ["1", "Acme"]]


def test_only_the_named_sheet_is_read(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"One": PEOPLE, "Two": PEOPLE})
    assert table(path, LoadOptions(sheet="Two")).sheet == "Two"
    assert table(path, LoadOptions(sheet=" two")).sheet == "Two"
    with pytest.raises(UsageError, match=r"a\.xlsx: the workbook has no sheet 'Three'\nIts sheets: 'One', 'Two'"):
        table(path, LoadOptions(sheet="Three"))


def test_sheet_unknown_to_the_mapping_is_counted_but_not_read(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"Notes": [["Read", "me"], ["a", "b"], [], ["c", "d"]], "Data": PEOPLE})
    found = sources(path, using=options("ID", "Name"))
    notes, data = found.tables
    assert (notes.sheet, notes.frame.shape, notes.records) == ("Notes", (0, 0), 4)
    assert skipped(notes) == [(row, "sheet not mapped") for row in (1, 2, 3, 4)]
    assert problems(found) == [("warning", "sheet_ignored", "a.xlsx!Notes")]
    assert cells(data)[1:] == [["1", "Acme"]]
    assert found.record_count == 6


def test_sheets_are_matched_across_sources_and_all_read_if_none_matches(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"Notes": [["Read", "me"], ["a", "b"]]})
    text = write(tmp_path / "b.csv", "Id,Name\n1,A\n")
    assert [len(item.frame) for item in sources(path, text, using=options("Id", "Name")).tables] == [0, 1]
    assert [len(item.frame) for item in sources(path, text, using=options("No", "Such")).tables] == [1, 1]


def test_workbook_is_recognized_by_content(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"A": PEOPLE}).rename(tmp_path / "a.csv")
    assert cells(table(path)) == [["Id", "Name"], ["1", "Acme"]]


def test_secret_columns_and_rejected_file_in_a_workbook_are_handled(tmp_path: Path) -> None:
    rows = [["import_errors", "Id", "Card Number"], ["x", "'=1", 4111111111111111]]
    read = table(save(tmp_path / "a.xlsx", {"A": rows}))
    assert cells(read) == [["Id", "Card Number"], ["=1", ""]]
    assert read.secrets == {"Card Number"}


def test_text_formats_and_hidden_and_merged_cells_are_read(tmp_path: Path) -> None:
    rows = [["Key", "Name", "Days", "Note"], [17, "A", 30, 0.1 + 0.2], [18, "B", 45, 1234.5], [None, "C", 60, None]]
    path = save(tmp_path / "a.xlsx", {"A": rows}, {"A2": '"C-"0000', "A3": '"C-"0000', "C2": '0" days"', "D3": '"$"0'})
    book = openpyxl.load_workbook(path)
    sheet = book["A"]
    sheet.row_dimensions[3].hidden = True
    sheet.column_dimensions["C"].hidden = True
    sheet.merge_cells("A3:A4")
    book.save(path)
    found = sources(path)
    assert cells(found.tables[0])[1:] == [
        ["C-0017", "A", "30 days", "0.3"],
        ["C-0018", "B", "45", "1234.5"],
        ["", "C", "60", ""],
    ]
    assert problems(found) == [
        ("warning", "hidden_rows", "a.xlsx!A:3"),
        ("info", "hidden_columns", "a.xlsx!A:1 [Days]"),
        ("warning", "merged_cells", "a.xlsx!A:3"),
    ]
    assert [problem.message for problem in found.problems] == [
        "1 hidden row was read like the others: 3",
        "1 hidden column was read like the others: Days",
        "1 merged block of cells: rows 3-4; it has one value in its first cell",
    ]


def test_merged_title_is_not_reported(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", {"A": [["Report", None], *PEOPLE]})
    book = openpyxl.load_workbook(path)
    book["A"].merge_cells("A1:B1")
    book.save(path)
    assert sources(path).problems == ()


def test_legacy_workbook_is_read_as_displayed(tmp_path: Path) -> None:
    book = xlwt.Workbook()
    sheet = book.add_sheet("Kunden")
    zeros, code = xlwt.easyxf(num_format_str="00000"), xlwt.easyxf(num_format_str='"C-"0000')
    for place, value in enumerate(["Id", "Zip", "Zip 2", "Name", "Formula"]):
        sheet.write(0, place, value)
    for number in range(1, 301):  # enough to make the file's sector chains long
        for place, (value, style) in enumerate([(number, code), (2138, zeros), (501.5, zeros)]):
            sheet.write(number, place, value, style)
        sheet.write(number, 3, f"Name {number}")
    sheet.write(1, 4, xlwt.Formula("1/0"))
    sheet.row(2).hidden = True
    sheet.col(3).hidden = True
    sheet.merge(3, 4, 4, 4)
    book.add_sheet("Other").write(0, 0, "x")
    book.save(str(tmp_path / "a.xls"))
    found = sources(tmp_path / "a.xls", using=options("Id", "Zip", "Name"))
    read = found.tables[0]
    assert read.frame.loc[0].tolist()[:4] == ["C-0001", "02138", "501.5", "Name 1"]
    assert read.frame["Zip"].unique().tolist() == ["02138"]
    assert read.frame["Id"].tolist()[-1] == "C-0300"
    assert problems(found)[:3] == [
        ("warning", "hidden_rows", "a.xls!Kunden:3"),
        ("info", "hidden_columns", "a.xls!Kunden:1 [Name]"),
        ("warning", "merged_cells", "a.xls!Kunden:4"),
    ]


def test_legacy_workbook_is_read(tmp_path: Path) -> None:
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


OFFICE = "urn:oasis:names:tc:opendocument:xmlns"
ODS_CELL = '<table:table-cell office:value-type="{}" {}><text:p>{}</text:p></table:table-cell>'


def ods_row(*cells: str, **attributes: str) -> str:
    more = "".join(f' table:{name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f"<table:table-row{more}>{''.join(cells)}</table:table-row>"


def ods_text(text: str, more: str = "") -> str:
    return ODS_CELL.format("string", more, text)


def ods_number(value: float, text: str, more: str = "") -> str:
    return ODS_CELL.format("float", f'office:value="{value}" {more}', text)


def ods_content(*rows: str, columns: str = "", root: str = "document-content") -> str:
    return (
        f'<office:{root} xmlns:office="{OFFICE}:office:1.0" xmlns:table="{OFFICE}:table:1.0" '
        f'xmlns:text="{OFFICE}:text:1.0" xmlns:number="{OFFICE}:datastyle:1.0" '
        'xmlns:calcext="urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0">'
        '<office:automatic-styles><number:number-style><number:number number:min-integer-digits="5"/>'
        "</number:number-style></office:automatic-styles><office:body><office:spreadsheet>"
        f'<table:table table:name="A">{columns}{"".join(rows)}</table:table></office:spreadsheet></office:body>'
        f"</office:{root}>"
    )


def save_ods(path: Path, *rows: str, columns: str = "") -> Path:
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    entry = f'<m:file-entry m:full-path="/" m:media-type="{kind}"/>'
    manifest = f'<m:manifest xmlns:m="{OFFICE}:manifest:1.0">{entry}</m:manifest>'
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("mimetype", kind)
        archive.writestr("META-INF/manifest.xml", manifest)
        archive.writestr("content.xml", ods_content(*rows, columns=columns))
    return path


def test_open_document_is_read(tmp_path: Path) -> None:
    path = save_ods(
        tmp_path / "a.ods", ods_row(ods_text("Id"), ods_text("Name")), ods_row(ods_number(12, "12"), ods_text("Zoë"))
    )
    assert cells(table(path)) == [["Id", "Name"], ["12", "Zoë"]]


@pytest.mark.parametrize("start", ["", '<?xml version="1.0" encoding="UTF-8"?>\n'])
def test_open_document_in_a_single_xml_file_is_read(tmp_path: Path, start: str) -> None:
    rows = [ods_row(ods_text("Id"), ods_text("Name")), ods_row(ods_number(12, "12"), ods_text("Zoë"))]
    path = tmp_path / "a.fods"
    path.write_text(start + ods_content(*rows, root="document"), encoding="utf-8")
    assert cells(table(path)) == [["Id", "Name"], ["12", "Zoë"]]


def test_open_document_is_read_as_displayed(tmp_path: Path) -> None:
    path = save_ods(
        tmp_path / "a.ods",
        ods_row(*map(ods_text, ["Id", "Zip", "Amount", "Note"])),
        ods_row(
            *(ods_number(17, "C-0017"), ods_number(2138, "02138"), ods_number(1234, "1,234")),
            ods_text("#N/A", 'office:string-value="" calcext:value-type="error"'),
            number_rows_repeated="2",
        ),
        ods_row(ods_text("18", 'table:number-columns-spanned="2"'), visibility="collapse"),
        columns='<table:table-column table:number-columns-repeated="2"/>'
        '<table:table-column table:visibility="collapse"/>',
    )
    found = sources(path)
    row = ["C-0017", "02138", "1234", "#N/A"]
    assert cells(found.tables[0])[1:] == [row, row, ["18", "", "", ""]]
    assert problems(found) == [
        ("warning", "hidden_rows", "a.ods!A:4"),
        ("info", "hidden_columns", "a.ods!A:1 [Amount]"),
        ("warning", "merged_cells", "a.ods!A:4"),
    ]


def encrypted_xlsx() -> bytes:
    """An OLE file with the stream that identifies an encrypted .xlsx file."""
    stream = XlsDoc()
    stream.save(target := io.BytesIO(), b"\0" * 4096)
    name, old = "EncryptedPackage".encode("utf-16-le"), "Workbook".encode("utf-16-le")
    content = bytearray(target.getvalue())
    at = content.rindex(old)
    content[at : at + len(name)] = name
    content[at + 64] = len(name) + 2
    return bytes(content)


def encrypted_xls() -> bytes:
    """A legacy workbook with a FILEPASS record after its first record."""
    book = xlwt.Workbook()
    book.add_sheet("A").write(0, 0, "x")
    data = book.get_biff_data()
    first = 4 + int.from_bytes(data[2:4], "little")
    record = bytes.fromhex("2F00 0600 0000 1234 5678")
    XlsDoc().save(target := io.BytesIO(), data[:first] + record + data[first:])
    return target.getvalue()


@pytest.mark.parametrize("content", [encrypted_xlsx(), encrypted_xls()], ids=["xlsx", "xls"])
def test_password_protected_workbook_is_refused(tmp_path: Path, content: bytes) -> None:
    with pytest.raises(SourceError, match=r"a\.xlsx: the workbook is password-protected\nSave a copy without"):
        table(write(tmp_path / "a.xlsx", content))


@pytest.mark.parametrize("value", [1e12, 1e308, -1.5])
@pytest.mark.parametrize("code", ["[h]:mm", "yyyy-mm-dd", "h:mm"])
@pytest.mark.parametrize("name", ["a.xls", "a.xlsx"])
def test_numbers_outside_the_calendar_stay_numbers(tmp_path: Path, name: str, value: float, code: str) -> None:
    if name == "a.xls":
        book = xlwt.Workbook()
        sheet = book.add_sheet("Kunden")
        sheet.write(0, 0, "Since")
        sheet.write(1, 0, value, xlwt.easyxf(num_format_str=code))
        book.save(str(tmp_path / name))
    else:
        save(tmp_path / name, {"Kunden": [["Since"], [value]]}, {"A2": code})
    (shown,) = table(tmp_path / name).frame["Since"]
    assert shown == (number_text(value) if value > 0 or code != "[h]:mm" else "-36:00:00")


def test_damaged_and_empty_workbooks_are_refused(tmp_path: Path) -> None:
    whole = save(tmp_path / "a.xlsx", {"A": PEOPLE}).read_bytes()
    for content in (whole[:-200], b"PK\x03\x04rubbish", bytes.fromhex("D0CF11E0A1B11AE1") + b"rubbish" * 100):
        with pytest.raises(SourceError, match=r"b\.xlsx: the workbook cannot be read"):
            table(write(tmp_path / "b.xlsx", content))
    with pytest.raises(SourceError, match=r"c\.xlsx: the workbook is empty"):
        table(save(tmp_path / "c.xlsx", {"A": []}))
    with pytest.raises(
        SourceError, match=r"d\.xlsx!A: there is a header in row 1, but there are no data rows below it"
    ):
        table(save(tmp_path / "d.xlsx", {"A": [["Id", "Name"]]}))


@pytest.mark.parametrize(
    ("part", "said"),
    [("word/document.xml", "a Word document"), ("ppt/presentation.xml", "a PowerPoint presentation")],
)
def test_other_office_files_are_named(tmp_path: Path, part: str, said: str) -> None:
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument"
    with zipfile.ZipFile(tmp_path / "a.xlsx", "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr(
            "_rels/.rels", f'<Relationships><Relationship Id="a" Type="{kind}" Target="{part}"/></Relationships>'
        )
        archive.writestr(part, "<a/>")
    with pytest.raises(SourceError) as caught:
        table(tmp_path / "a.xlsx")
    assert str(caught.value).endswith(
        f"this is not a CSV or Excel file (it looks like {said})\nExport the table as .csv or .xlsx."
    )


CELL = st.one_of(
    st.sampled_from([None, None, "", "x", " 1 ", "é", 0, 1, 2138, 2138.5, -1.5, 1e20, True, False, "#N/A", "#REF!"]),
    st.dates(dt.date(1990, 1, 1), dt.date(2090, 1, 1)),
    st.times().map(lambda time: time.replace(microsecond=0)),
)


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    rows=st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=1, max_size=12),
    above=st.integers(0, 3),
    left=st.integers(0, 2),
    size=st.integers(1, 5),
)
def test_cells_in_small_batches_match_all_at_once(
    tmp_path: Path, rows: list[list[Any]], above: int, left: int, size: int
) -> None:
    rows.append([7, 2138, "end"])
    sheet = [*[[]] * above, *([*[None] * left, *row] for row in [["Id", "Zip", "Note"], *rows])]
    zips = {f"{chr(66 + left)}{number}": "00000" for number in range(above + 2, above + 2 + len(rows), 2)}
    path = save(tmp_path / "a.xlsx", {"A": sheet, "Empty": []}, zips)
    using = options("Id", "Zip", "Note")
    whole = sources(path, using=using)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sheet_cells, "_PENDING", size)
        parted = sources(path, using=using)
    assert [cells(item) for item in parted.tables] == [cells(item) for item in whole.tables]
    assert [skipped(item) for item in parted.tables] == [skipped(item) for item in whole.tables]
    assert parted.problems == whole.problems
    first = whole.tables[0]
    for number, row in zip(first.row_numbers.tolist(), first.frame["Zip"].tolist(), strict=True):
        value = rows[number - above - 2][1]
        assert row == ("02138" if number % 2 == above % 2 else "2138") or value != 2138 or isinstance(value, bool)


@pytest.mark.parametrize(("last", "shown"), [("Acme", "Acme"), (7, "7")])
def test_content_after_the_last_cell_is_not_part_of_it(tmp_path: Path, last: object, shown: str) -> None:
    """In a sheet's file, the texts of drop-down lists and page footers come after the rows."""
    book = openpyxl.Workbook()
    sheet = book.worksheets[0]
    sheet.append(["Id", "Name"])
    sheet.append(["C1", last])
    choice = DataValidation(type="list", formula1='"1,2"')
    choice.add("A2")
    sheet.add_data_validation(choice)
    sheet.oddFooter.center.text = "Page 1"
    book.save(tmp_path / "a.xlsx")
    assert cells(table(tmp_path / "a.xlsx")) == [["Id", "Name"], ["C1", shown]]
