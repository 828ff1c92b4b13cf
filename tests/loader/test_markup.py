"""SpreadsheetML 2003 and web pages under a spreadsheet's name."""

from pathlib import Path

import pytest

from importer.errors import SourceError, UsageError
from tests.loader.support import cells, options, problems, skipped, sources, table, write

BOOK = """<?xml version="1.0" encoding="{encoding}"?>
<?mso-application progid="Excel.Sheet"?>
<Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet"
 xmlns:html="http://www.w3.org/TR/REC-html40">
<Styles><Style ss:ID="Default" ss:Name="Normal"/><Style ss:ID="zip"><NumberFormat ss:Format="00000"/></Style></Styles>
{sheets}</Workbook>"""
SHEET = '<Worksheet ss:Name="{name}"><Table>{rows}</Table></Worksheet>'


def cell(text: object, kind: str = "String", **attributes: object) -> str:
    more = "".join(f' ss:{name}="{value}"' for name, value in attributes.items())
    return f'<Cell{more}><Data ss:Type="{kind}">{text}</Data></Cell>'


def row(*items: str, **attributes: object) -> str:
    more = "".join(f' ss:{name}="{value}"' for name, value in attributes.items())
    return f"<Row{more}>{''.join(items)}</Row>"


def book(*rows: str, **more: str) -> str:
    sheets = {"Customers": "".join(rows), **more}
    return BOOK.format(
        encoding="utf-8", sheets="".join(SHEET.format(name=name, rows=text) for name, text in sheets.items())
    )


HEADER = row(*map(cell, ["Id", "Name", "Zip", "Since", "Active", "Rate"]))


def test_types_gaps_and_formats(tmp_path: Path) -> None:
    rows = [
        row(cell("Report"), Index=2),
        HEADER,
        row(
            *(cell(4155550132, "Number"), cell("Zo\u00eb &amp; Co&#10;Ltd"), cell(2138, "Number", StyleID="zip")),
            *(cell("2024-03-05T00:00:00.000", "DateTime"), cell(1, "Boolean"), cell("0.25", "Number")),
        ),
        row(cell("C2"), cell("2024-03-05T10:30:00.000", "DateTime", Index=4), cell("#N/A", "Error"), Index=6),
        row(cell("1.23E5", "Number"), cell("<html:B>Bold</html:B> text")),
    ]
    read = table(write(tmp_path / "a.xls", book(*rows)), options("Id", "Name"))
    assert cells(read)[1:] == [
        ["4155550132", "Zoë & Co\nLtd", "02138", "2024-03-05", "TRUE", "0.25"],
        ["C2", "", "", "2024-03-05 10:30:00", "#N/A", ""],
        ["123000", "Bold text", "", "", "", ""],
    ]
    assert read.row_numbers.tolist() == [4, 6, 7]
    assert skipped(read) == [(1, "blank"), (2, "title"), (3, "header"), (5, "blank")]
    assert read.name == "a.xls!Customers"


def test_merged_and_hidden_are_said(tmp_path: Path) -> None:
    columns = '<Column/><Column ss:Hidden="1"/>'
    rows = [
        columns + HEADER,
        row(cell("C1", MergeDown=1), cell("Acme", MergeAcross=1), cell("2024-01-01")),
        row(cell("x", Index=2), Hidden=1),
    ]
    found = sources(write(tmp_path / "a.xls", book(*rows)))
    assert cells(found.tables[0])[1:] == [["C1", "Acme", "", "2024-01-01", "", ""], ["", "x", "", "", "", ""]]
    assert problems(found) == [
        ("warning", "hidden_rows", "a.xls!Customers:3"),
        ("info", "hidden_columns", "a.xls!Customers:1 [Name]"),
        ("warning", "merged_cells", "a.xls!Customers:2"),
    ]


def test_several_worksheets_in_utf_16(tmp_path: Path) -> None:
    text = book(HEADER, row(cell(1, "Number"), cell("A")), Notes=row(cell("Read")) + row(cell("me")))
    text = text.replace('encoding="utf-8"', 'encoding="utf-16"')
    found = sources(write(tmp_path / "a.csv", text, "utf-16"), using=options("Id", "Name"))
    assert [(item.name, len(item.frame)) for item in found.tables] == [("a.csv!Customers", 1), ("a.csv!Notes", 0)]
    assert [code for _, code, _ in problems(found)] == ["sheet_ignored"]
    assert table(tmp_path / "a.csv", options("Id", "Name", sheet="Customers")).sheet == "Customers"
    with pytest.raises(UsageError, match=r"no sheet 'None'\nIts sheets: 'Customers', 'Notes'"):
        table(tmp_path / "a.csv", options(sheet="None"))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (book(HEADER, row(cell("C1")))[:-80], "the XML workbook cannot be read .unclosed token"),
        (book(row(cell("x", Index=99999999))), "beyond the limits"),
        (book(row(cell("x", Index="two"))), "cannot be read .Index is 'two' and not a number"),
        (book(""), "the workbook is empty"),
        ("<?xml version='1.0'?><customers><customer id='1'/></customers>", "a web page or XML document"),
        ("<!DOCTYPE html><html><body><form>Sign in</form></body></html>", "a web page or XML document"),
    ],
)
def test_markup_that_is_no_table_says_so(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        sources(write(tmp_path / "a.xls", text))
    assert "a.xls" in caught.value.message
    assert caught.value.hint


def test_web_page_under_a_spreadsheet_s_name(tmp_path: Path) -> None:
    text = """<html><head><meta http-equiv="Content-Type" content="text/html; charset=windows-1252">
    <style>td {color: red}</style></head><body><h1>Customers</h1><table border=1>
    <tr><th colspan="3">Report of March</th></tr>
    <tr><th>Id</th><th>Name</th><th>Address</th>
    <tr><td>0017<td>Zo\xeb &amp; <b>Co</b><td>12 High St<br>Leeds</tr>
    <tr><td rowspan=2>0018</td><td>Kestrel&nbsp;Ltd</td><td>  4
       Mill Ln </td></tr>
    <tr><td>Sons</td><td></td></tr>
    <tr><td></td></tr></table></body></html>"""
    found = sources(write(tmp_path / "a.xls", text, "cp1252"), using=options("Id", "Name"))
    (read,) = found.tables
    assert cells(read)[1:] == [
        ["0017", "Zoë & Co", "12 High St\nLeeds"],
        ["0018", "Kestrel\xa0Ltd", "4 Mill Ln"],
        ["", "Sons", ""],
    ]
    assert (read.name, read.row_numbers.tolist()) == ("a.xls", [3, 4, 5])
    assert problems(found) == [("warning", "merged_cells", "a.xls:4")]


def test_page_with_several_tables(tmp_path: Path) -> None:
    people = "<table><tr><th>Id<th>Name<tr><td>1<td>A</table>"
    layout = f"<table><tr><td>Menu<table><tr><td>x<tr><td>y</table></td><td>{people}</td></tr></table>"
    found = sources(write(tmp_path / "a.xls", f"<html>{layout}</html>"), using=options("Id", "Name"))
    assert [(item.name, len(item.frame)) for item in found.tables] == [("a.xls!Table 1", 0), ("a.xls!Table 2", 1)]
