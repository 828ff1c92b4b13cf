"""All forms of workbooks: what a person sees in the cells, and what is hidden."""

import io
import struct
import zipfile
from pathlib import Path

import pytest
import xlwt

from importer.errors import SourceError
from importer.loader.workbook import plain_rows
from importer.loader.workbook.number_formats import shown
from importer.tables import Sources
from tests.loader.support import cells, options, problems, skipped, sources, table, write

MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
KINDS = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"


def relations(*targets: tuple[str, str]) -> str:
    entries = "".join(
        f'<Relationship Id="rId{number}" Type="{KINDS}/{kind}" Target="{target}"/>'
        for number, (kind, target) in enumerate(targets, start=1)
    )
    return f"<Relationships>{entries}</Relationships>"


def text(place: str, value: str) -> str:
    return f'<c r="{place}" t="inlineStr"><is><t xml:space="preserve">{value}</t></is></c>'


def styles(*codes: str) -> str:
    """The styles from 1 on have these formats."""
    formats = "".join(f'<numFmt numFmtId="{164 + number}" formatCode="{code}"/>' for number, code in enumerate(codes))
    cell_styles = "".join(f'<xf numFmtId="{164 + number}"/>' for number in range(len(codes)))
    return (
        f'<styleSheet xmlns="{MAIN}"><numFmts>{formats}</numFmts><cellStyleXfs><xf numFmtId="9"/></cellStyleXfs>'
        f'<cellXfs><xf numFmtId="0"/>{cell_styles}</cellXfs></styleSheet>'
    )


def rows(*lines: str) -> str:
    body = "".join(f'<row r="{number}">{line}</row>' for number, line in enumerate(lines, start=1))
    return f"<sheetData>{body}</sheetData>"


def save(
    path: Path,
    *sheets: str,
    look: str = "",
    states: tuple[str, ...] = (),
    texts: str = "",
    calculation: str = "",
    names: tuple[str, ...] = (),
) -> Path:
    """An .xlsx file with sheets A, B, and so on, given as XML."""
    names = names or tuple("ABCDEF"[: len(sheets)])
    states = states or ("visible",) * len(sheets)
    listed = "".join(
        f'<sheet name="{name}" sheetId="{number}" state="{state}" r:id="rId{number}"/>'
        for number, (name, state) in enumerate(zip(names, states, strict=True), start=1)
    )
    parts = [("worksheet", f"worksheets/sheet{number}.xml") for number in range(1, len(sheets) + 1)]
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("_rels/.rels", relations(("officeDocument", "xl/workbook.xml")))
        archive.writestr(
            "xl/workbook.xml",
            f'<workbook xmlns="{MAIN}" xmlns:r="{KINDS}"><sheets>{listed}</sheets>{calculation}</workbook>',
        )
        archive.writestr(
            "xl/_rels/workbook.xml.rels",
            relations(*parts, ("styles", "styles.xml"), *([("sharedStrings", "texts.xml")] if texts else [])),
        )
        archive.writestr("xl/styles.xml", look or styles())
        if texts:
            archive.writestr("xl/texts.xml", f'<sst xmlns="{MAIN}">{texts}</sst>')
        for number, sheet in enumerate(sheets, start=1):
            archive.writestr(f"xl/worksheets/sheet{number}.xml", f'<worksheet xmlns="{MAIN}">{sheet}</worksheet>')
    return path


HEADER = text("A1", "Id") + text("B1", "Name")
ACME = '<c r="A2"><v>17</v></c>' + text("B2", "Acme")
EURO = chr(0x20AC)


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        *((7, "000", "007"), (12345, "000", "12345"), (1234567, "00-000", "1234-567"), (12, '"C-"0000;-0', "C-0012")),
        *((12, "[$-409]0000", "0012"), (17, "[Red]00000", "00017"), (12, "0\\0\\0", "1200"), (12, "0.00", "12")),
        # Conditions choose a section.
        *((2138, "[<=99999]00000;00000\\-0000", "02138"), (21380001, "[<=99999]00000;00000\\-0000", "02138-0001")),
        *((5550132, "[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", "555-0132"),),
        *((4155550132, "[<=9999999]###\\-####;\\(###\\)\\ ###\\-####", "(415) 555-0132"),),
        *((5, "[Blue][<10]00;[<100]000;0000", "05"), (50, "[Blue][<10]00;[<100]000;0000", "050")),
        *((500, "[Blue][<10]00;[<100]000;0000", "0500"), (7, "[=1]0;[>5]000;0", "007")),
        # A plus belongs to the number.
        *((6563234567, "+0", "+6563234567"), (65, "\\+0", "+65"), (65, '"+"0', "+65"), (65, "+0;-0", "+65")),
        # Amounts and numbers with thousands separators become plain numbers.
        *((1234, "#,##0", "1234"), (1234, "# ##0", "1234"), (12, "0_);(0)", "12"), (12, "# ?/?", "12")),
        *((0.02, "0%", "2%"), (0.075, "0%", "7.5%"), (1, "0.00%", "100%"), (-0.07, "0%;(0%)", "-7%")),
        *((12, f"[${EURO}-407] #,##0", "12"), (-5, "0000", "-5"), (1, '"Yes";;"No"', "Yes"), (0, '"Yes";;"No"', "No")),
        # Long numbers are shown without an exponent if their format says so.
        *((3.10101195608231e17, "0", "310101195608231000"), (3.10101195608231e17, "General", "3.10101195608231e+17")),
        *((9007199254740991, "0", "9007199254740991"), (3.10101195608231e17, "#", "310101195608231000")),
        # Dates, times, and durations.
        *((45356, "dd/mm/yyyy", "2024-03-05"), (45356.4375, "d mmm yy h:mm", "2024-03-05 10:30:00")),
        *((9.5 / 24, "h:mm AM/PM", "09:30:00"), (27.298333333333332 / 24, "[h]:mm:ss", "27:17:54")),
        *(
            (1, "[$-F800]dddd\\,\\ mmmm\\ dd\\,\\ yyyy", "1900-01-01"),
            (61, "yyyy", "1900-03-01"),
            (1e9, "yyyy", "1000000000"),
        ),
    ],
)
def test_numbers_are_shown_in_their_format(value: float, code: str, expected: str) -> None:
    assert shown(float(value), code) == expected


@pytest.mark.parametrize(
    ("value", "code", "expected"),
    [
        (0.75, "hh:mm", "18:00:00"),
        (0, "h:mm", "00:00:00"),
        (43894, "d.m.yy", "2024-03-05"),
        (1.5, "[h]:mm", "36:00:00"),
    ],
)
def test_dates_counted_from_1904_are_shown(value: float, code: str, expected: str) -> None:
    assert shown(value, code, since_1904=True) == expected


@pytest.mark.parametrize(
    "variant",
    [
        lambda xml: xml,
        lambda xml: xml.replace('r="1"', "").replace('r="2"', "").replace('r="A2"', "").replace('r="B2"', ""),
        lambda xml: xml.replace('"', "'"),
        lambda xml: xml.replace("<", "<x:").replace("<x:/", "</x:").replace("xmlns=", "xmlns:x="),
        lambda xml: xml.replace("><", ">\n  <!-- <c r='A9' s='1'><v>1</v></c> --><"),
        lambda xml: xml.replace(' s="1"', "").replace("<c r=", '<c s="1" r='),
        lambda xml: '<?xml version="1.0" encoding="utf-16"?>' + xml,
    ],
    ids=["plain", "no places", "apostrophes", "prefixes", "comments", "order", "utf-16"],
)
@pytest.mark.parametrize("upper", [False, True], ids=["", "parts in capitals with backslashes"])
def test_styles_are_read_in_any_file_layout(tmp_path: Path, variant, upper: bool) -> None:
    body = rows(
        '<c r="A1" t="s"><v>0</v></c><c r="B1" t="s"><v>1</v></c>',
        '<c r="A2" s="1"><v>17</v></c><c r="B2" t="e"><v>#N/A</v></c>',
    ).replace('<row r="2">', '<row r="2" hidden="1">')
    source = save(
        tmp_path / "a.xlsx",
        body,
        look=styles("0000"),
        texts="<si><t>Id</t></si><si><r><t>Na</t></r><r><t>me</t></r></si>",
    )
    target = tmp_path / "b.xlsx"
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            xml = old.read(name).decode()
            if name.startswith("xl/worksheets"):
                xml = variant(xml)
            member = zipfile.ZipInfo("x")
            member.filename = name.replace("/", "\\").upper() if upper and name != "[Content_Types].xml" else name
            new.writestr(member, xml.encode("utf-16" if "utf-16" in xml else "utf-8"))
    found = sources(target)
    assert cells(found.tables[0]) == [["Id", "Name"], ["0017", "#N/A"]]
    assert problems(found) == [("warning", "hidden_rows", "b.xlsx!A:2")]


@pytest.mark.parametrize("look", ["<styleSheet", "<styleSheet/>"], ids=["broken", "none"])
def test_unreadable_number_formats_are_reported(tmp_path: Path, look: str) -> None:
    found = sources(
        save(tmp_path / "a.xlsx", rows(HEADER, '<c r="A2" s="1"><v>17</v></c>' + text("B2", "x")), look=look)
    )
    assert problems(found) == [("warning", "look_unknown", "a.xlsx!A")]


def test_fast_path_for_plain_rows_matches_the_parser(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = [
        f'<c r="A{n}"><v>{n}</v></c><c r="B{n}" s="{n % 3}"><v>{n / 4}</v></c><c r="C{n}" t="s"><v>{n % 2}</v></c>'
        + (f'<c r="D{n}" t="b"><v>1</v></c>' if n % 40 == 0 else f'<c r="E{n}" s="2"/>')
        for n in range(2, 300)
    ]
    path = save(
        tmp_path / "a.xlsx", rows(HEADER, *lines), look=styles("00000", "yyyy-mm-dd"), texts="<si><t>x</t></si><si/>"
    )
    monkeypatch.setattr(plain_rows, "_PIECE", 2000)
    taken = sources(path)
    monkeypatch.setattr(plain_rows.PlainRows, "_take", lambda *_: False)
    parsed = sources(path)
    assert cells(taken.tables[0]) == cells(parsed.tables[0])
    assert taken.tables[0].frame.loc[[0, 2, 38]].to_numpy().tolist() == [
        ["2", "12:00:00", "x", ""],
        ["4", "00001", "x", ""],
        ["40", "00010", "x", "TRUE"],
    ]


def hidden_xls(path: Path, level: int) -> Path:
    book = xlwt.Workbook()
    for name, visibility in (("A", 0), ("B", level)):
        sheet = book.add_sheet(name)
        sheet.visibility = visibility
        for place, value in enumerate(["Id", "Name"]):
            sheet.write(0, place, value)
            sheet.write(1, place, f"{name}{place}")
    book.save(str(path))
    return path


SPREADSHEETML = (
    '<?xml version="1.0"?><Workbook xmlns="urn:schemas-microsoft-com:office:spreadsheet" '
    'xmlns:ss="urn:schemas-microsoft-com:office:spreadsheet" xmlns:x="urn:schemas-microsoft-com:office:excel">'
    "{}</Workbook>"
)
ONE_ROW = (
    "<Row><Cell><Data ss:Type='String'>Id</Data></Cell></Row><Row><Cell><Data ss:Type='String'>{0}1</Data></Cell></Row>"
)


def hidden_xml(path: Path, state: str) -> Path:
    options = f"<x:WorksheetOptions><x:Visible>{state}</x:Visible></x:WorksheetOptions>"
    sheets = "".join(
        f'<Worksheet ss:Name="{name}"><Table>{ONE_ROW.format(name)}</Table>{more}</Worksheet>'
        for name, more in (("A", ""), ("B", options))
    )
    return write(path, SPREADSHEETML.format(sheets))


def hidden_ods(path: Path) -> Path:
    style = '<style:style style:name="h"><style:table-properties table:display="false"/></style:style>'
    return ods(path, ods_table("A", ["Id"], ["A1"]) + ods_table("B", ["Id"], ["B1"], style="h"), styles=style)


OFFICE = "urn:oasis:names:tc:opendocument:xmlns"


def ods_cell(value: str, kind: str = "string", more: str = "") -> str:
    return f'<table:table-cell office:value-type="{kind}" {more}><text:p>{value}</text:p></table:table-cell>'


def ods_table(name: str, *lines: list[str], style: str = "") -> str:
    body = "".join(
        "<table:table-row>"
        + "".join(cell if cell.startswith("<") else ods_cell(cell) for cell in line)
        + "</table:table-row>"
        for line in lines
    )
    return f'<table:table table:name="{name}" table:style-name="{style}">{body}</table:table>'


def ods(path: Path, body: str, styles: str = "", between: str = "") -> Path:
    spaces = " ".join(
        f'xmlns:{name}="{OFFICE}:{uri}:1.0"'
        for name, uri in [
            ("office", "office"),
            ("table", "table"),
            ("text", "text"),
            ("style", "style"),
            ("fo", "xsl-fo-compatible"),
            ("number", "datastyle"),
        ]
    )
    xml = (
        f"<office:document-content {spaces}><office:automatic-styles>{styles}</office:automatic-styles>"
        f"<office:body><office:spreadsheet>{body}</office:spreadsheet></office:body></office:document-content>"
    )
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("content.xml", xml.replace("><", f">{between}<"))
    return path


@pytest.mark.parametrize(
    "make",
    [
        lambda path: save(path, rows(HEADER, ACME), rows(HEADER, ACME), states=("visible", "hidden")),
        lambda path: save(path, rows(HEADER, ACME), rows(HEADER, ACME), states=("visible", "veryHidden")),
        lambda path: hidden_xls(path, 1),
        lambda path: hidden_xls(path, 2),
        lambda path: hidden_xml(path, "SheetHidden"),
        lambda path: hidden_xml(path, "SheetVeryHidden"),
        hidden_ods,
        lambda path: write(path, xlsb(state=1)),
    ],
    ids=["xlsx", "xlsx very", "xls", "xls very", "xml", "xml very", "ods", "xlsb"],
)
def test_hidden_sheets_are_skipped_and_reported(tmp_path: Path, make) -> None:
    path = make(tmp_path / "a.xlsx")
    found = sources(path, using=options("Id"))
    assert [(item.sheet, len(item.frame)) for item in found.tables] == [("A", 1), ("B", 0)]
    assert [reason for _, reason in skipped(found.tables[1])] == ["hidden sheet", "hidden sheet"]
    assert problems(found) == [("warning", "sheet_hidden", "a.xlsx!B")]
    assert "--sheet 'B'" in found.problems[0].hint
    named = sources(path, using=options("Id", sheet="B"))
    assert [(item.sheet, len(item.frame)) for item in named.tables] == [("B", 1)]
    assert named.problems == ()


MARKED = (
    f'<styleSheet xmlns="{MAIN}"><fonts><font/><font><b/><strike/></font><font><strike val="0"/></font>'
    '<font><color rgb="FFFFFFFF"/></font><font><color theme="0"/></font>'
    '<font><color theme="0" tint="-0.5"/></font></fonts>'
    '<fills><fill><patternFill patternType="none"/></fill><fill><patternFill patternType="solid"><fgColor theme="4"/>'
    '</patternFill></fill><fill><patternFill patternType="solid"><fgColor indexed="9"/></patternFill></fill></fills>'
    '<numFmts><numFmt numFmtId="164" formatCode=";;;"/></numFmts><cellXfs><xf fontId="0"/><xf fontId="1"/>'
    '<xf numFmtId="164"/><xf fontId="2"/><xf fontId="3"/><xf fontId="3" fillId="1"/><xf fontId="4" fillId="2"/>'
    '<xf fontId="5"/></cellXfs><dxfs><dxf><font><strike/></font></dxf></dxfs></styleSheet>'
)


def marked_xlsx(path: Path, cell: str) -> Path:
    lines = [cell.format(f"A{number}", style) for number, style in enumerate((3, 1, 2, 0, 4, 5, 6, 7), start=2)]
    return save(path, rows(text("A1", "Id"), *lines, '<c r="A10" s="1"/>'), look=MARKED)


def marked_xls(path: Path) -> Path:
    book = xlwt.Workbook()
    sheet = book.add_sheet("A")
    hidden, seen = "font: color white", "font: color white; pattern: pattern solid, fore_color blue"
    for row, look in enumerate(["", "font: bold on", "font: struck_out on", "", "", hidden, seen]):
        sheet.write(row, 0, f"Id{row}", xlwt.easyxf(look, num_format_str=";;;" if row == 3 else "0"))
    book.save(str(path))
    return path


def marked_xml(path: Path) -> Path:
    white, fill = "<Font ss:Color='#FFFFFF'/>", "<Interior ss:Color='{}' ss:Pattern='Solid'/>"
    looks = "".join(
        f"<Style ss:ID='{style}'>{look}</Style>"
        for style, look in {
            "s": "<Font ss:StrikeThrough='1'/>",
            "b": "<Font ss:Bold='1'/>",
            "c": white,
            "d": white + fill.format("#4472C4"),
            "e": white + fill.format("#ffffff"),
            "f": "<NumberFormat ss:Format=';;;'/>",
        }.items()
    )
    lines = "".join(
        f"<Row><Cell ss:StyleID='{style}'><Data ss:Type='String'>{style}</Data></Cell></Row>" for style in "absbcdef"
    )
    return write(
        path, SPREADSHEETML.format(f"<Styles>{looks}</Styles><Worksheet ss:Name='A'><Table>{lines}</Table></Worksheet>")
    )


MARKED_HTML = (
    "<td><s>3</s></td>",
    "<td>x <del><b>3</b></del></td>",
    '<td style="text-decoration: underline line-through">3</td>',
    "<td class=xl1>3</td>",
)


def marked_html(path: Path, cell: str) -> Path:
    css = "<style>.xl1 {text-line-through:single} .xl2 {text-line-through:none}</style>"
    lines = "".join(f"<tr>{own}</tr>" for own in ("<th>Id</th>", "<td class=xl2><s></s>2</td>", cell, "<td>4</td>"))
    return write(path, f"<html>{css}<table>{lines}</table></html>")


def marked_ods(path: Path) -> Path:
    line = '<style:style style:name="{0}"><style:text-properties style:text-line-through-style="{0}"/></style:style>'
    white = '<style:text-properties fo:color="#ffffff"/>'
    blue = white + '<style:table-cell-properties fo:background-color="#4472c4"/>'
    styles = f'<style:style style:name="white">{white}</style:style><style:style style:name="blue">{blue}</style:style>'
    styles += f'<style:style style:name="own" style:parent-style-name="Header">{white}</style:style>'
    names = ("none", "solid", "other", "white", "blue", "own")
    lines = [[ods_cell(style, more=f'table:style-name="{style}"')] for style in names]
    hidden = [ods_cell("", "float", 'office:value="17"')]
    return ods(path, ods_table("A", ["Id"], *lines, hidden), styles=line.format("none") + line.format("solid") + styles)


def xlsb_color(kind: int, index: int = 0, tint: int = 0, value: bytes = bytes(4)) -> bytes:
    return struct.pack("<BBh", kind << 1, index, tint) + value


def marked_xlsb(path: Path) -> Path:
    white, black, blue = xlsb_color(3), xlsb_color(1, 8), xlsb_color(2, value=b"\x44\x72\xc4\xff")
    fonts = [(0, black), (8, black), (0, white), (0, xlsb_color(2, value=b"\xff" * 4)), (0, xlsb_color(3, 0, -100))]
    looks = b"".join(record(43, struct.pack("<HH", 220, flags) + bytes(8) + color) for flags, color in fonts)
    looks += b"".join(
        record(45, struct.pack("<I", fill) + color) for fill, color in [(0, white), (1, blue), (1, white)]
    )
    styles = [(0, 0, 0), (0, 0, 0), (0, 1, 0), (164, 0, 0), (0, 2, 0), (0, 3, 1), (0, 3, 2), (0, 4, 0)]
    looks += record(44, struct.pack("<H", 164) + wide(";;;")) + record(617, b"")
    looks += b"".join(record(47, struct.pack("<HHHH", 0, *style)) for style in styles) + record(618, b"")
    lines = [xlsb_row(row, xlsb_cell(6, 0, wide(f"x{row}"), style=row)) for row in range(2, 8)]
    return write(path, xlsb(*lines, looks=looks, state=1))


@pytest.mark.parametrize(
    ("make", "rows_unseen"),
    [
        (lambda path: marked_xlsx(path, '<c r="{}" s="{}"><v>7</v></c>'), ["4, 6, 8"]),
        (lambda path: marked_xlsx(path, '<c r="{}" s="{}" t="str"><v>x</v></c>'), ["4, 6, 8"]),
        (marked_xls, ["4, 6"]),
        (marked_xlsb, ["4, 5, 7"]),
        (marked_ods, ["5, 8"]),
        (marked_xml, ["5, 7, 8"]),
        *((lambda path, cell=cell: marked_html(path, cell), []) for cell in MARKED_HTML),
    ],
    ids=["xlsx", "xlsx texts", "xls", "xlsb", "ods", "xml", "s", "del", "own style", "class"],
)
def test_crossed_out_or_invisible_rows_are_reported(tmp_path: Path, make, rows_unseen: list[str]) -> None:
    found = [problem for problem in sources(make(tmp_path / "a.xlsx")).problems if problem.code == "row_marked"]
    crossed_out, *unseen = (problem.message for problem in found)
    assert crossed_out == "1 row has cells that are crossed out and was read like the others: 3"
    assert [message.rpartition(": ")[2] for message in unseen] == rows_unseen


@pytest.mark.parametrize("more", ["", '<c r="B3" t="b"><v>1</v></c>'], ids=["plain", "parsed"])
def test_partly_crossed_out_texts_are_reported(tmp_path: Path, more: str) -> None:
    old = "<si><r><rPr><strike/></rPr><t>Old </t></r><r><t>Acme</t></r></si>"
    new = '<si><r><rPr><strike val="0"/></rPr><t>New</t></r></si>'
    lines = ['<c r="A2" t="s"><v>1</v></c>', '<c r="A3" t="s"><v>0</v></c>' + more, '<c r="A4" t="s"><v>1</v></c>']
    found = sources(save(tmp_path / "a.xlsx", rows(HEADER, *lines), texts=old + new))
    assert problems(found) == [("warning", "row_marked", "a.xlsx!A:3")]
    assert cells(found.tables[0])[2][0] == "Old Acme"


def test_missing_shared_texts_are_fine_if_not_needed(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", rows(HEADER, ACME), texts="<si/>")
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(tmp_path / "b.xlsx", "w") as new:
        for name in old.namelist():
            if name != "xl/texts.xml":
                new.writestr(name, old.read(name))
    assert cells(table(tmp_path / "b.xlsx")) == cells(table(path))


def unseen_html(path: Path) -> Path:
    css = "<style>.w {color: #FFF} .d {background: navy; color: white}</style>"
    lines = "".join(
        f"<tr>{own}</tr>"
        for own in (
            "<th class=d>Id</th>",
            "<td class=w>2</td>",
            '<td>3 <font color="White">x</font></td>',
            '<td bgcolor="#000080"><span style="color:rgb(255,255,255)">4</span></td>',
            "<td class=w><b style='color:inherit'></b></td>",
        )
    )
    return write(path, f"<html>{css}<table bgcolor=white>{lines}</table></html>")


GRADIENT = '<fill><gradientFill><stop position="0"><color theme="0"/></stop></gradientFill></fill>'
COVERED = "<mergeCells><mergeCell ref='A2:A3'/></mergeCells>"


@pytest.mark.parametrize(
    ("make", "unseen"),
    [
        (unseen_html, "2, 3"),
        (
            lambda path: save(
                path,
                rows(HEADER, '<c r="A2" s="5"><v>1</v></c>', '<c r="A3" s="6"><v>1</v></c>'),
                look=MARKED.replace("</fills>", f"{GRADIENT}</fills>").replace("<fills>", f"<fills>{GRADIENT}"),
            ),
            "2",
        ),
        (lambda path: save(path, rows(HEADER, ACME, text("A3", "x"), text("A4", "x")) + COVERED), "3"),
    ],
    ids=["html", "xlsx gradient", "covered"],
)
def test_invisible_cells_are_reported(tmp_path: Path, make, unseen: str) -> None:
    found = [problem for problem in sources(make(tmp_path / "a.xlsx")).problems if problem.code == "row_marked"]
    assert [message.rpartition(": ")[2] for message in (problem.message for problem in found)] == [unseen]
    assert "cells that cannot be seen" in found[0].message


def test_workbook_with_only_hidden_sheets_is_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", "", rows(HEADER, ACME), states=("visible", "hidden"))
    with pytest.raises(SourceError, match=r"a\.xlsx: all sheets with cells are hidden: B\nUnhide the sheet, or"):
        sources(path)
    assert sources(save(tmp_path / "b.xlsx", rows(HEADER, ACME), "", states=("visible", "hidden"))).problems == ()


def test_hidden_sheet_with_the_only_mapped_columns_is_reported(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", rows("<c><v>1</v></c>"), rows(HEADER, ACME), states=("visible", "hidden"))
    with pytest.raises(
        SourceError, match=r"a\.xlsx: only hidden sheets have columns of the mapping: B\nUnhide the sheet"
    ):
        sources(path, using=options("Id"))
    assert table(path, options("Id", sheet="b")).sheet == "B"


def record(kind: int, data: bytes) -> bytes:
    number = bytes([kind]) if kind < 128 else bytes([kind & 0x7F | 0x80, kind >> 7])
    return number + bytes([len(data)]) + data


def wide(value: str) -> bytes:
    return struct.pack("<I", len(value)) + value.encode("utf-16-le")


def xlsb_cell(kind: int, column: int, data: bytes, style: int = 0) -> bytes:
    return record(kind, struct.pack("<II", column, style) + data)


def xlsb_row(number: int, *items: bytes, hidden: bool = False) -> bytes:
    return record(0, struct.pack("<IIHBBB", number, 0, 300, 0, 0x10 if hidden else 0, 0)) + b"".join(items)


def xlsb_looks() -> bytes:
    formats = record(44, struct.pack("<H", 164) + wide("0000"))
    style = [record(47, struct.pack("<HH", 0, number) + bytes(12)) for number in (0, 164)]
    unused = record(47, struct.pack("<HH", 0, 9) + bytes(12))
    return unused + formats + record(617, b"") + b"".join(style) + record(618, b"")


def xlsb(
    *more: bytes, state: int = 0, end: bytes = record(146, b""), texts: int = 2, looks: bytes = xlsb_looks()
) -> bytes:
    """A binary workbook with sheets A and B."""
    sheet = record(145, b"") + xlsb_row(0, xlsb_cell(7, 0, struct.pack("<I", 0)), xlsb_cell(6, 1, wide("Name")))
    rk = struct.pack("<I", 17 << 2 | 2)
    sheet += xlsb_row(1, xlsb_cell(2, 0, rk, style=1), xlsb_cell(8, 1, wide("Acme"))) + b"".join(more) + end
    book = record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("A"))
    book += record(156, struct.pack("<II", state, 2) + wide("rId2") + wide("B"))
    with zipfile.ZipFile(content := io.BytesIO(), "w") as archive:
        archive.writestr("[Content_Types].xml", "<Types/>")
        archive.writestr("_rels/.rels", relations(("officeDocument", "xl/workbook.bin")))
        archive.writestr("xl/workbook.bin", book)
        parts = [("worksheet", "worksheets/a.bin"), ("worksheet", "worksheets/b.bin")]
        archive.writestr(
            "xl/_rels/workbook.bin.rels", relations(*parts, ("styles", "styles.bin"), ("sharedStrings", "s.bin"))
        )
        archive.writestr("xl/styles.bin", looks)
        archive.writestr("xl/s.bin", b"".join(record(19, b"\0" + wide("Id")) for _ in range(texts)))
        archive.writestr("xl/worksheets/a.bin", sheet)
        archive.writestr("xl/worksheets/b.bin", sheet)
    return content.getvalue()


def test_binary_workbook_is_read(tmp_path: Path) -> None:
    row = xlsb_row(
        2,
        *(xlsb_cell(5, 0, struct.pack("<d", 18.0), style=1), xlsb_cell(3, 1, b"\x2a")),
        *(
            xlsb_cell(10, 2, b"\1"),
            xlsb_cell(62, 3, b"\0" + wide("rich")),
            xlsb_cell(2, 4, struct.pack("<I", 250 << 2 | 3)),
        ),
        hidden=True,
    )
    found = sources(write(tmp_path / "a.xlsb", xlsb(row)), using=options(sheet="A"))
    assert cells(found.tables[0])[1:] == [["0017", "Acme", "", "", ""], ["0018", "#N/A", "TRUE", "rich", "2.5"]]
    assert problems(found) == [("warning", "hidden_rows", "a.xlsb!A:3")]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (xlsb(end=b""), "the sheet 'A' cannot be read .it ends in row 2"),
        (xlsb(end=record(146, b"")[:-1]), "a record is cut off"),
        (xlsb(texts=0), "row 1, column 1 refers to missing text"),
        (xlsb(xlsb_cell(5, 0, b"\0")), "cannot be read"),
        (xlsb(xlsb_cell(6, 0, struct.pack("<I", 999))), "text is cut off"),
    ],
)
def test_damaged_binary_workbook_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        sources(write(tmp_path / "a.xlsb", content))


FORMULA = "<f>LOWER(C2)</f>"


@pytest.mark.parametrize(
    ("cell", "calculation"),
    [
        (f'<c r="B2">{FORMULA}</c>', ""),
        (f'<c r="B2">{FORMULA}<v></v></c>', ""),
        (f'<c r="B2" t="n">{FORMULA}<v/></c>', ""),
        (f'<c r="B2">{FORMULA}<v>0</v></c>', '<calcPr fullCalcOnLoad="1"/>'),
        ('<c r="B2"><f t="shared" si="0"/></c>', ""),
    ],
)
def test_formula_without_value_is_an_error_if_used(tmp_path: Path, cell: str, calculation: str) -> None:
    path = save(
        tmp_path / "a.xlsx", rows(HEADER, text("A2", "x") + cell, ACME.replace("2", "3")), calculation=calculation
    )
    found = sources(path, using=options("Id", "Name"))
    assert problems(found) == [("error", "formula_without_value", "a.xlsx!A:2 [Name]")]
    assert found.tables[0].broken.tolist() == [True, False]
    unused = sources(path, using=options("Id"))
    assert problems(unused) == [("info", "formula_without_value", "a.xlsx!A:1 [Name]")]


def test_formulas_with_values_are_read_as_values(tmp_path: Path) -> None:
    line = (
        f'<c r="A2">{FORMULA}<v>0</v></c><c r="B2" t="str">{FORMULA}<v></v></c><c r="C2" t="str">{FORMULA}<v> a</v></c>'
    )
    found = sources(save(tmp_path / "a.xlsx", rows(HEADER + text("C1", "C"), line)))
    assert (cells(found.tables[0])[1:], found.problems) == ([["0", "", " a"]], ())


def test_formula_without_value_is_reported_in_other_formats(tmp_path: Path) -> None:
    xml = SPREADSHEETML.format(
        "<Worksheet ss:Name='A'><Table><Row><Cell><Data ss:Type='String'>Id</Data></Cell></Row>"
        "<Row><Cell ss:Formula='=1+1'/></Row></Table></Worksheet>"
    )
    lines = [["Id"], ['<table:table-cell table:formula="of:=1+1"/>'], ["x"]]
    assert [code for _, code, _ in problems(sources(ods(tmp_path / "a.ods", ods_table("A", *lines))))] == [
        "formula_without_value"
    ]
    with pytest.raises(SourceError, match="no data row"):
        sources(write(tmp_path / "a.xml", xml))


@pytest.mark.parametrize("stray", [text("XFD1048576", " "), text("XFD1048576", ""), '<c r="XFD1048576" s="1"/>'])
def test_blank_cell_in_the_last_row_is_ignored(tmp_path: Path, stray: str) -> None:
    body = rows(HEADER, ACME).replace("</sheetData>", f'<row r="1048576">{stray}</row></sheetData>')
    found = sources(save(tmp_path / "a.xlsx", body, look=styles("0")))
    assert (cells(found.tables[0])[1:], found.problems) == ([["17", "Acme"]], ())


def test_distant_filled_cells_are_read_as_rows(tmp_path: Path) -> None:
    far = f'<row r="5000">{text("A5000", "18")}</row><row r="1048576">{text("XFD1048576", "x")}</row></sheetData>'
    found = sources(save(tmp_path / "a.xlsx", rows(HEADER, ACME).replace("</sheetData>", far)))
    assert found.tables[0].row_numbers.tolist() == [2, 5000, 1048576]
    assert found.tables[0].frame["Id"].tolist() == ["17", "18", ""]
    ends = [text("A2", "x"), text("A1048577", "x"), text("XFE1", "x"), '<c r="1A"><v>1</v></c>']
    for end in ends[1:]:
        with pytest.raises(SourceError, match=r"beyond the limits|not a cell reference"):
            sources(save(tmp_path / "b.xlsx", rows(HEADER, ACME + end)))


def test_lost_digits_are_reported(tmp_path: Path) -> None:
    lines = [
        f'<c r="A{number}" s="1"><v>{value}</v></c>' + text(f"B{number}", "x")
        for number, value in enumerate(
            ["310101195608231000", "4111111111111110", "4111111111111111", "123456789012345"], start=2
        )
    ]
    found = sources(save(tmp_path / "a.xlsx", rows(HEADER, *lines), look=styles("0")))
    assert found.tables[0].frame["Id"].tolist() == [
        *("310101195608231000", "4111111111111110", "4111111111111111", "123456789012345")
    ]
    assert problems(found) == [("warning", "digits_lost", "a.xlsx!A:2 [Id]")]
    assert found.problems[0].message.startswith("2 numbers")


def test_lost_digits_next_to_a_blank_column_have_the_right_location(tmp_path: Path) -> None:
    header = text("A1", "Name") + text("C1", "Id")
    path = save(
        tmp_path / "a.xlsx", rows(header, text("A2", "x") + '<c r="C2" s="1"><v>1e17</v></c>'), look=styles("0")
    )
    assert problems(sources(path)) == [("warning", "digits_lost", "a.xlsx!A:2 [Id]")]


def test_dates_as_text_in_date_cells_are_read(tmp_path: Path) -> None:
    dates = {
        "2024-03-05": "2024-03-05",
        "2024-03-05T00:00:00": "2024-03-05",
        "2024-03-05T10:30:00.000Z": "2024-03-05 10:30:00",
    }
    lines = [f'<c r="A{row}" t="d"><v>{date}</v></c>' for row, date in enumerate(dates, start=2)]
    assert cells(table(save(tmp_path / "a.xlsx", rows(HEADER, *lines))))[1:] == [[date, ""] for date in dates.values()]


def test_escaped_characters_in_texts_are_decoded(tmp_path: Path) -> None:
    texts = "<si><t>a_x000D_&#10;b</t></si><si><t>_xD83D__xDE00_</t></si><si><t>_xD83D_x</t></si>"
    lines = [f'<c r="A{row}" t="s"><v>{row - 2}</v></c>' for row in (2, 3, 4)]
    read = table(save(tmp_path / "a.xlsx", rows(HEADER, *lines), texts=texts))
    assert read.frame["Id"].tolist() == ["a\r\nb", "\U0001f600", "\ufffdx"]


def test_rows_with_only_errors_are_rows(tmp_path: Path) -> None:
    line = '<c r="A{0}" t="e"><v>#N/A</v></c><c r="B{0}" t="e"><v>#REF!</v></c>'
    found = sources(save(tmp_path / "a.xlsx", rows(HEADER, ACME, line.format(3), line.format(4))))
    assert cells(found.tables[0])[1:] == [["17", "Acme"], *[["#N/A", "#REF!"]] * 2]


@pytest.mark.parametrize(
    ("sheet", "message"),
    [
        ("<sheetData><row r='1'>" + text("A1", "Id"), "the sheet 'A' cannot be read"),
        (rows('<c r="A1" t="s"><v>7</v></c>'), "row 1, column 1 refers to missing text"),
        (rows('<c r="A1" t="s"><v>-1</v></c>'), "row 1, column 1 refers to missing text"),
        ("<sheetData>" + "<a>" * 1_100_000, "nested tags"),
        (f"<!--{'x' * 2_000_000}-->" + rows(HEADER), "a tag or comment of more than a million characters"),
    ],
)
def test_damaged_sheet_is_refused(tmp_path: Path, sheet: str, message: str) -> None:
    with pytest.raises(SourceError, match=message):
        sources(save(tmp_path / "a.xlsx", sheet, texts="<si><t>Id</t></si>"))


def test_xml_entities_and_duplicate_sheet_names_are_refused(tmp_path: Path) -> None:
    path = save(tmp_path / "a.xlsx", rows(HEADER, ACME), rows(HEADER, ACME), names=("A", "A"))
    with pytest.raises(SourceError, match=r"a\.xlsx: two sheets are named 'A'"):
        sources(path)
    twice = "".join(f"<Worksheet ss:Name='A'><Table>{ONE_ROW.format('A')}</Table></Worksheet>" for _ in range(2))
    with pytest.raises(SourceError, match="two sheets are named 'A'"):
        sources(write(tmp_path / "a.xml", SPREADSHEETML.format(twice)))
    with pytest.raises(SourceError, match="two sheets are named 'A'"):
        sources(ods(tmp_path / "a.ods", ods_table("A", ["Id"], ["1"]) * 2))
    entity = '<!DOCTYPE a [<!ENTITY a "Id">]>' + SPREADSHEETML.partition("?>")[2].format(ONE_ROW)
    with pytest.raises(SourceError, match="it declares its own entities"):
        sources(write(tmp_path / "b.xml", '<?xml version="1.0"?>' + entity))


def spreadsheetml(tmp_path: Path, looks: str, columns: str, *lines: str) -> Sources:
    sheet = f"<Styles>{looks}</Styles><Worksheet ss:Name='A'><Table>{columns}{''.join(lines)}</Table></Worksheet>"
    return sources(write(tmp_path / "a.xml", SPREADSHEETML.format(sheet)))


def xml_cell(value: object, kind: str = "String", more: str = "") -> str:
    return f'<Cell {more}><Data ss:Type="{kind}">{value}</Data></Cell>'


ZEROS = "<Style ss:ID='z'><NumberFormat ss:Format='00000'/></Style><Style ss:ID='child' ss:Parent='z'/>"
XML_HEADER = f"<Row>{xml_cell('Id')}{xml_cell('Name')}</Row>"


@pytest.mark.parametrize(
    ("columns", "row", "more", "expected"),
    [
        ("<Column ss:StyleID='z'/>", "", "", "00017"),
        ("<Column ss:StyleID='child'/>", "", "", "00017"),
        ("<Column ss:Index='1' ss:Span='3' ss:StyleID='z'/>", "", "", "00017"),
        ("<Column ss:Index='2' ss:StyleID='z'/>", "", "", "17"),
        ("", "ss:StyleID='z'", "", "00017"),
        ("", "", "ss:StyleID='child'", "00017"),
        ("<Column ss:StyleID='z'/>", "", "ss:StyleID='plain'", "17"),
    ],
)
def test_styles_of_columns_rows_and_parents_are_applied(
    tmp_path: Path, columns: str, row: str, more: str, expected: str
) -> None:
    line = f"<Row {row}>{xml_cell(17, 'Number', more)}{xml_cell('x')}</Row>"
    found = spreadsheetml(tmp_path, ZEROS + "<Style ss:ID='plain'/>", columns, XML_HEADER, line)
    assert cells(found.tables[0])[1:] == [[expected, "x"]]


@pytest.mark.parametrize(
    ("value", "kind", "code", "expected"),
    [
        ("1899-12-31T09:30:00.000", "DateTime", "Short Time", "09:30:00"),
        ("1899-12-30T23:59:59.000", "DateTime", "h:mm", "23:59:59"),
        ("2024-03-05T00:00:00.000", "DateTime", "Short Date", "2024-03-05"),
        ("2024-03-05T10:30:00", "DateTime", "General", "2024-03-05 10:30:00"),
        ("1900-01-01T03:17:54.000", "DateTime", "[h]:mm:ss", "27:17:54"),
        ("45356", "Number", "Short Date", "2024-03-05"),
        ("0.5", "Number", "h:mm", "12:00:00"),
        ("1", "Number", "Yes/No", "Yes"),
        ("next week", "DateTime", "Short Date", "next week"),
    ],
)
def test_dates_and_times_in_spreadsheetml_are_shown(
    tmp_path: Path, value: str, kind: str, code: str, expected: str
) -> None:
    look = f"<Style ss:ID='s'><NumberFormat ss:Format='{code}'/></Style>"
    line = f"<Row>{xml_cell('x')}{xml_cell(value, kind, 'ss:StyleID=' + chr(34) + 's' + chr(34))}</Row>"
    assert cells(spreadsheetml(tmp_path, look, "", XML_HEADER, line).tables[0])[1:] == [["x", expected]]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        (ods_cell("00017", "float", 'office:value="17"'), "00017"),
        (ods_cell("+65 6323", "float", 'office:value="656323"'), "+65 6323"),
        (ods_cell("8%", "percentage", 'office:value="0.075"'), "7.5%"),
        (ods_cell("1,234", "float", 'office:value="1234"'), "1234"),
        (ods_cell("3.101E+17", "float", 'office:value="310101195608231000"'), "3.10101195608231e+17"),
        (ods_cell("310101195608231000", "float", 'office:value="310101195608231000"'), "310101195608231000"),
        (ods_cell("27:17:54", "time", 'office:time-value="PT27H17M54S"'), "27:17:54"),
        (ods_cell("9:30", "time", 'office:time-value="PT09H30M00S"'), "09:30:00"),
        (ods_cell("05.03.24", "date", 'office:date-value="2024-03-05"'), "2024-03-05"),
        (ods_cell("5. März", "date", 'office:date-value="2024-03-05T10:30:00"'), "2024-03-05 10:30:00"),
        (ods_cell("WAHR", "boolean", 'office:boolean-value="true"'), "TRUE"),
        (ods_cell("a<text:s text:c='2'/>b</text:p><text:p>c"), "a  b\nc"),
        (
            "<table:table-cell><office:annotation><text:p>note</text:p></office:annotation><text:p>x</text:p></table:table-cell>",
            "x",
        ),
    ],
)
@pytest.mark.parametrize("between", ["", "\n  "], ids=["", "white space"])
def test_open_document_cells_are_read(tmp_path: Path, cell: str, expected: str, between: str) -> None:
    path = ods(tmp_path / "a.ods", ods_table("A", ["Id", "Name"], ["x", cell]), between=between)
    assert cells(table(path)) == [["Id", "Name"], ["x", expected]]


@pytest.mark.parametrize("lines", [10_000_000, 1_000_000])
def test_huge_row_repetitions_are_refused(tmp_path: Path, lines: int) -> None:
    body = ods_table("A", ["Id"], ["x" * 1000]).replace(
        "<table:table-row>", f'<table:table-row table:number-rows-repeated="{lines}">'
    )
    with pytest.raises(SourceError, match="repeats cells so often"):
        sources(ods(tmp_path / "a.ods", body))


def test_absurd_formats_and_columns_are_handled(tmp_path: Path) -> None:
    assert shown(17, "[" * 900_000)
    with pytest.raises(SourceError, match="column 1 is described twice"):
        spreadsheetml(tmp_path, "", '<Column ss:Span="16000"/><Column ss:Index="1"/>', xml_cell("a"))


@pytest.mark.parametrize("between", ["", "<!-- -->"], ids=["plain rows", "parsed rows"])
@pytest.mark.parametrize("length", [30_000, 3_000_000])
def test_huge_shared_text_repetitions_are_refused(tmp_path: Path, between: str, length: int) -> None:
    lines = [f'<c r="A{n}" t="s"><v>0</v></c>{between}<c r="B{n}" t="s"><v>0</v></c>' for n in range(1, 6000)]
    path = save(tmp_path / "a.xlsx", rows(*lines), texts=f"<si><t>{'x' * length}</t></si>")
    with pytest.raises(SourceError, match="repeats cells so often"):
        sources(path)


def test_duplicate_cells_are_reported(tmp_path: Path) -> None:
    sheet = rows(HEADER, ACME).replace("</sheetData>", f'<row r="2">{text("B2", "Other")}</row></sheetData>')
    found = sources(save(tmp_path / "a.xlsx", sheet))
    assert cells(found.tables[0])[1:] == [["17", "Other"]]
    assert problems(found) == [("warning", "workbook_damaged", "a.xlsx!A")]


def test_blank_repeated_cells_are_ignored(tmp_path: Path) -> None:
    cell = '<table:table-cell table:number-columns-repeated="16384"/>'
    blank = f'<table:table-row table:number-rows-repeated="1048000">{cell}</table:table-row>'
    path = ods(tmp_path / "a.ods", ods_table("A", ["Id"], ["1"]).replace("</table:table>", blank + "</table:table>"))
    assert cells(table(path)) == [["Id"], ["1"]]


def test_xls_with_other_stream_names_and_code_pages_is_read(tmp_path: Path) -> None:
    content = hidden_xls(tmp_path / "a.xls", 0).read_bytes()
    for name in ("WORKBOOK", "workbook"):
        path = write(tmp_path / "b.xls", content.replace("Workbook".encode("utf-16-le"), name.encode("utf-16-le")))
        assert [cells(item)[1:] for item in sources(path).tables] == [[["A0", "A1"]], [["B0", "B1"]]]
    code_page = bytes.fromhex("42000200B004")
    assert code_page in content
    for page in (1252, 437, 65001):
        book = xlwt.Workbook(encoding="utf-8")
        for place, value in enumerate(["Id", "Kowalski & Spółka"]):
            book.add_sheet("A").write(place, 0, value) if place == 0 else book.get_sheet(0).write(place, 0, value)
        book.save(str(tmp_path / "c.xls"))
        changed = (tmp_path / "c.xls").read_bytes().replace(code_page, code_page[:4] + page.to_bytes(2, "little"))
        assert cells(table(write(tmp_path / "d.xls", changed))) == [["Id"], ["Kowalski & Spółka"]]
