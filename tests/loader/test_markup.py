"""SpreadsheetML 2003, and web pages named like spreadsheets."""

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


def test_types_gaps_and_formats_are_read(tmp_path: Path) -> None:
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


def test_merged_and_hidden_cells_are_reported(tmp_path: Path) -> None:
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


def test_several_worksheets_in_utf_16_are_read(tmp_path: Path) -> None:
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
        (book(row(cell("x", Index="two"))), "cannot be read .Index is 'two', not a number"),
        (book(""), "the workbook is empty"),
        ("<?xml version='1.0'?><customers><customer id='1'/></customers>", "a web page or XML document"),
        ("<!DOCTYPE html><html><body><form>Sign in</form></body></html>", "a web page or XML document"),
    ],
)
def test_markup_that_is_not_a_table_is_refused_with_a_reason(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SourceError, match=message) as caught:
        sources(write(tmp_path / "a.xls", text))
    assert "a.xls" in caught.value.message
    assert caught.value.hint


@pytest.mark.parametrize(
    ("named", "written"), [("iso-8859-1", "utf-8"), ("utf-8", "cp1252"), ("shift_jis", "shift_jis")]
)
def test_page_in_another_encoding_than_declared_is_read(tmp_path: Path, named: str, written: str) -> None:
    name = "\u682a\u5f0f" if named == "shift_jis" else "Zo\xeb"
    text = f'<meta charset="{named}"><table><tr><td>Id<td>Name<tr><td>0017<td>{name} Co</table>'
    assert cells(table(write(tmp_path / "a.xls", text, written)))[1:] == [["0017", f"{name} Co"]]


def test_web_page_with_a_spreadsheet_file_name_is_read(tmp_path: Path) -> None:
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


def test_page_with_several_tables_is_read(tmp_path: Path) -> None:
    people = "<table><tr><th>Id<th>Name<tr><td>1<td>A</table>"
    layout = f"<table><tr><td>Menu<table><tr><td>x<tr><td>y</table></td><td>{people}</td></tr></table>"
    found = sources(write(tmp_path / "a.xls", f"<html>{layout}</html>"), using=options("Id", "Name"))
    assert [(item.name, len(item.frame)) for item in found.tables] == [("a.xls!Table 1", 0), ("a.xls!Table 2", 1)]


PAGE = (
    "<html><style><!-- .h, tr#old {{display:none}} td.z{{mso-number-format:0000}} --></style><table>{}</table></html>"
)
PAGE_HEADER = "<tr><th>Id</th><th>Name</th></tr>"


@pytest.mark.parametrize(
    ("lines", "expected", "counts"),
    [
        ("<tr style='display:none'><td>9<td>z</tr><tr><td>1<td>a</tr>", ["1", "a"], {"1 row"}),
        ("<tr class='h'><td>9<td>z</tr><tr class=x><td>1<td>a</tr>", ["1", "a"], {"1 row"}),
        ("<tr hidden><td>9<td>z</tr><tr><td>1<td>a", ["1", "a"], {"1 row"}),
        ("<tr><td>1<td>a<span style='DISPLAY : none'>9</span>b</tr>", ["1", "ab"], {"1 text"}),
        ("<tr><td>1<td>a<div style='color:red;visibility:hidden'>9<b>9</b></div></tr>", ["1", "a"], {"2 texts"}),
        ("<tbody style='display:none'><tr><td>9<td>z</tr></tbody><tr><td>1<td>a</tr>", ["1", "a"], {"1 row"}),
        ("<tr ID=Old><td>9<td>z</tr><tr><td>1<td>a</tr>", ["1", "a"], {"1 row"}),
        ("<!-- <tr><td>9<td>z</tr> --><tr><td>1<td>a</tr>", ["1", "a"], set()),
        ("<tr style='display:none'><td><td></tr><tr><td>1<td>a</tr>", ["1", "a"], set()),
    ],
)
def test_invisible_page_content_is_left_out_and_counted(
    tmp_path: Path, lines: str, expected: list[str], counts: set[str]
) -> None:
    found = sources(write(tmp_path / "a.xls", PAGE.format(PAGE_HEADER + lines)))
    assert cells(found.tables[0])[1:] == [expected]
    assert {problem.code for problem in found.problems} == ({"invisible_cells"} if counts else set())
    assert {" ".join(problem.message.split()[:2]) for problem in found.problems} == counts


@pytest.mark.parametrize(
    ("attributes", "value", "expected"),
    [
        ("""style='mso-number-format:"0000"'""", "17", "0017"),
        ("""style="mso-number-format:'00000\\-0000'" """, "21380001", "02138-0001"),
        ("style='mso-number-format:0000'", "17", "0017"),
        ("class=z", "17", "0017"),
        ("""style='mso-number-format:"\\@"'""", "0017", "0017"),
        ("""style='mso-number-format:"Short Date"'""", "45356", "2024-03-05"),
        ("""style='mso-number-format:"0\\.00"'""", "17.5", "17.5"),
        ("", "17", "17"),
    ],
)
def test_number_formats_of_a_web_page_are_applied(tmp_path: Path, attributes: str, value: str, expected: str) -> None:
    page = PAGE.format(PAGE_HEADER + f"<tr><td {attributes}>{value}</td><td>a</td></tr>")
    assert cells(table(write(tmp_path / "a.xls", page)))[1:] == [[expected, "a"]]


TABLE = f"<table>{PAGE_HEADER}<tr><td>1</td><td>a</td></tr></table>"


@pytest.mark.parametrize(
    "page",
    [
        f"<div>{TABLE}</div>",
        f"<p>As of 2024, all customers</p>{TABLE}",
        f"<br />\n<b>Warning</b>: Undefined, in <b>x.php</b><br />{TABLE}",
        f"\ufeff\n  <span>x</span>{TABLE}",
        f"<font size=2>{TABLE}",
        f"Customers as of 2024\n\n{TABLE}",
        f"<h1>Customers</h1><form>{TABLE}</form>",
        TABLE.replace("<table>", "<TABLE BORDER=1>\n<TBODY>"),
    ],
)
def test_web_pages_with_any_beginning_are_read(tmp_path: Path, page: str) -> None:
    assert cells(table(write(tmp_path / "a.xls", page))) == [["Id", "Name"], ["1", "a"]]


@pytest.mark.parametrize(
    "text",
    [
        '<customers><customer id="C-001" name="Harbor, Goods"/><customer id="C-002" name="Kestrel, Sons"/></customers>',
        "<list>\n  <c><id>1</id></c>\n</list>",
        "<ns:a xmlns:ns='x'>\n<ns:b/></ns:a>",
        "\ufeff<a><b>1,2</b></a>",
        "<!-- x -->\n<a><b/></a>",
    ],
)
def test_xml_without_a_declaration_is_not_a_table(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match="a web page or XML document, not a table"):
        sources(write(tmp_path / "a.csv", text))


@pytest.mark.parametrize(
    "text", ['[{"Id": "1", "Name": "A"}]', '{"Id": 1}\n{"Id": 2}\n', '\ufeff[\n  {\n "Id" : null}]']
)
def test_json_is_not_a_table(tmp_path: Path, text: str) -> None:
    with pytest.raises(SourceError, match=r"a\.csv: JSON, not a table"):
        sources(write(tmp_path / "a.csv", text))


@pytest.mark.parametrize("text", ["<Id>,<Name>\n1,a\n", 'Id,Note\n1,"<table><tr><td>x</td></tr></table>"\n'])
def test_text_with_tags_is_delimited_text(tmp_path: Path, text: str) -> None:
    assert len(table(write(tmp_path / "a.csv", text)).frame) == 1


def test_truncated_page_is_refused(tmp_path: Path) -> None:
    page = PAGE.format(PAGE_HEADER + "<tr><td>1</td><td>a</td></tr>" * 5)
    with pytest.raises(SourceError, match=r"a\.xls: the page was cut off inside a table, in row 5"):
        sources(write(tmp_path / "a.xls", page[: page.index("</tr>", page.index("<td>1") + 80)]))
    assert len(table(write(tmp_path / "b.xls", page.replace("</table>", ""))).frame) == 5


def test_multiplying_spans_and_tags_are_bounded(tmp_path: Path) -> None:
    wide = "<tr>" + "<td colspan=1000 rowspan=1000>x" * 17 + "</tr>"
    with pytest.raises(SourceError, match="beyond the limits of a sheet"):
        sources(write(tmp_path / "a.xls", f"<table>{wide * 2}</table>"))
    with pytest.raises(SourceError, match="more than 2,000 nested tags"):
        sources(write(tmp_path / "a.xls", "<table><tr><td>" + "<b>" * 3000))
    for junk in ("<!--", "<!", "</", "<a ", "<a x='", "<style>", "<![if x"):
        assert len(table(write(tmp_path / "a.xls", f"<html>{TABLE}" + junk * 100_000)).frame) == 1


GRID = "<tr><td>Id<td>Name</tr><tr><td>1<td>Acme</tr>"


@pytest.mark.parametrize(
    "page",
    [
        f"<table style='{'a' * 200_000}'>{GRID}</table>",
        f"<style>p {{display{'b' * 200_000}}}</style><table>{GRID}</table>",
        f"<table><caption>&#{'9' * 200_000}; &#{'0' * 5000}65;</caption>{GRID}</table>",
        f"<table title='&#{'9' * 5000};'>{GRID}</table>",
    ],
    ids=["style", "style sheet", "number", "number in an attribute"],
)
def test_long_names_and_numbers_are_read_quickly(tmp_path: Path, page: str) -> None:
    assert cells(table(write(tmp_path / "a.xls", page))) == [["Id", "Name"], ["1", "Acme"]]


def test_cells_next_to_wide_cells_of_earlier_rows_are_placed(tmp_path: Path) -> None:
    wide = "<td colspan=1000 rowspan=1000>x" * 16
    found = table(write(tmp_path / "a.xls", f"<table>{GRID}<tr>{wide}</tr>{'<tr><td>y</tr>' * 999}</table>"))
    assert found.frame.iloc[-1].to_list()[-1] == "y"
