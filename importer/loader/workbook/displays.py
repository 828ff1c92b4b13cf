"""How the sheets of workbooks look, beyond the values that calamine gives.

calamine gives the number 2138 for a cell that Excel shows as 02138 by the format ``00000``, and nothing for ``#N/A``.
In an .xlsx file both are read here from the workbook's own XML (ECMA-376, parts 18.3 and 18.8), by patterns on the
bytes: parsing all cells as XML takes longer than everything else together. For an .xls file, xlrd reads them.
An OpenDocument workbook stores the shown text beside each value.
"""

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from xml.etree import ElementTree as ET

import xlrd

from importer.loader.workbook.number_formats import SheetDisplay, ShownCell, shows_more

_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d+)"')
_CELL_TAG = re.compile(rb"<(?:\w+:)?c(?!\w)")
_ERROR = re.compile(
    rb"<(?:\w+:)?c\s([^>]*\bt=\"e\"[^>]*)(?<!/)>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<", re.DOTALL
)
_HIDDEN_ROW = re.compile(rb'<(?:\w+:)?row\s(?=[^>]*\bhidden="(?:1|true)")[^>]*?\br="(\d+)"')
_HIDDEN_COLUMN = re.compile(rb'<(?:\w+:)?col\s(?=[^>]*\bhidden="(?:1|true)")[^>]*>')
_MAX_COLUMNS = 16_384
_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
# Hidden or merged cells, errors, number formats with leading zeros or with a text.
_WORTH_READING = re.compile(
    rb'visibility="(?:collapse|filter)"|-spanned="|value-type="error"|min-integer-digits="[2-9]|<number:text>'
)
_SHOWN_NUMBER = re.compile(r"0\d[\d() /-]*|\(?\d+[)/-][\d() /-]*|(?=.*[A-Za-z])(?=.*\d)[\w() /#-]+")


def xlsx_display(archive: zipfile.ZipFile, sheet: str) -> SheetDisplay:
    """How one sheet looks. Raises what ``zipfile`` and ``ElementTree`` do, ``KeyError`` and ``ValueError``."""
    part = _sheet_part(archive, sheet)
    if part is None:
        return SheetDisplay()
    xml = archive.read(part)
    hidden = b'hidden="' in xml
    return SheetDisplay(
        cells=sorted([*_errors(xml), *_formatted(xml, _formats_by_style(archive))]),
        hidden_rows=[int(row) - 1 for row in _HIDDEN_ROW.findall(xml)] if hidden else [],
        hidden_columns=list(_hidden_columns(xml)) if hidden else [],
    )


def _formats_by_style(archive: zipfile.ZipFile) -> dict[bytes, str]:
    """Cell style number → format, for formats that show more than a number's digits."""
    root = _parse(archive, "xl/styles.xml")
    codes = {node.get("numFmtId"): node.get("formatCode", "") for node in root.iterfind("{*}numFmts/{*}numFmt")}
    styles = enumerate(root.iterfind("{*}cellXfs/{*}xf"))
    formats = {str(number).encode(): codes.get(style.get("numFmtId"), "") for number, style in styles}
    return {number: code for number, code in formats.items() if shows_more(code)}


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The path of a sheet's XML in the container."""
    relations = {node.get("Id"): node.get("Target", "") for node in _parse(archive, "xl/_rels/workbook.xml.rels")}
    for node in _parse(archive, "xl/workbook.xml").iterfind("{*}sheets/{*}sheet"):
        if node.get("name") == sheet:
            target = relations[node.get(_RELATION) or node.get(_STRICT_RELATION)]
            return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
    return None


def _parse(archive: zipfile.ZipFile, part: str) -> ET.Element:
    # Expat itself refuses exponential entities since 2.4.1, and ElementTree resolves no external ones.
    return ET.fromstring(archive.read(part))  # noqa: S314


def _errors(xml: bytes) -> Iterator[ShownCell]:
    for match in _ERROR.finditer(xml) if b't="e"' in xml else ():
        if place := _PLACE.search(match[1]):
            yield ShownCell(int(place[2]) - 1, _column(place[1]), match[2].decode("utf-8", "replace"))


def _formatted(xml: bytes, styles: dict[bytes, str]) -> Iterator[ShownCell]:
    """Looking for the style and then back to its cell is many times faster than looking at each cell."""
    for match in re.finditer(rb'\ss="(' + b"|".join(styles) + rb')"', xml) if styles else ():
        start = xml.rfind(b"<", 0, match.start())
        tag = xml[start : match.start()]
        if _CELL_TAG.match(tag) and (place := _PLACE.search(tag) or _PLACE.search(xml[start : xml.find(b">", start)])):
            yield ShownCell(int(place[2]) - 1, _column(place[1]), number_format=styles[match[1]])


def _hidden_columns(xml: bytes) -> Iterator[int]:
    for match in _HIDDEN_COLUMN.finditer(xml):
        bounds = [re.search(rb'\b%s="(\d+)"' % name, match[0]) for name in (b"min", b"max")]
        first, last = (int(bound[1]) if bound else 0 for bound in bounds)
        yield from range(max(first, 1) - 1, min(last, _MAX_COLUMNS))


@cache
def _column(letters: bytes) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return column - 1


def xls_displays(content: bytes) -> dict[str, SheetDisplay]:
    """Sheet name → how it looks. Raises whatever xlrd raises for broken and older files."""
    book = xlrd.open_workbook(file_contents=content, formatting_info=True, ragged_rows=True, logfile=io.StringIO())
    codes = [book.format_map[style.format_key].format_str for style in book.xf_list]
    formats = {number: code for number, code in enumerate(codes) if shows_more(code)}
    return {
        sheet.name: SheetDisplay(
            cells=list(_xls_cells(sheet, formats)),
            hidden_rows=[row for row, info in sheet.rowinfo_map.items() if info.hidden],
            hidden_columns=[column for column, info in sheet.colinfo_map.items() if info.hidden],
        )
        for sheet in book.sheets()
    }


def _xls_cells(sheet: xlrd.sheet.Sheet, formats: dict[int, str]) -> Iterator[ShownCell]:
    for row, cells in enumerate(sheet.get_rows()):
        for column, cell in enumerate(cells):
            if cell.ctype == xlrd.XL_CELL_ERROR:
                yield ShownCell(row, column, xlrd.error_text_from_code.get(cell.value, ""))
            elif cell.ctype == xlrd.XL_CELL_NUMBER and cell.xf_index in formats:
                yield ShownCell(row, column, number_format=formats[cell.xf_index])


def ods_display(xml: bytes, sheet: str) -> SheetDisplay:
    """How one sheet of ``content.xml`` looks. Raises ``ParseError`` and ``ValueError`` for broken XML."""
    if not _WORTH_READING.search(xml):
        return SheetDisplay()
    display: _OdsDisplay | None = None
    for event, node in ET.iterparse(io.BytesIO(xml), events=("start", "end")):  # noqa: S314 - as for .xlsx
        if event == "start":
            if node.tag == f"{_TABLE}table":
                display = _OdsDisplay() if node.get(f"{_TABLE}name") == sheet else None
        elif display is not None and node.tag == f"{_TABLE}table-column":
            display.add_column(node)
        elif node.tag == f"{_TABLE}table-row":
            if display is not None:
                display.add_row(node)
            node.clear()
        elif display is not None and node.tag == f"{_TABLE}table":
            display.cells.sort()
            return display
    return SheetDisplay()


@dataclass
class _OdsDisplay(SheetDisplay):
    """A sheet that is being read; ``row``, ``column``: the next ones."""

    row: int = 0
    column: int = 0

    def add_column(self, node: ET.Element) -> None:
        count = _count(node, "number-columns-repeated")
        if _is_hidden(node):
            self.hidden_columns += range(self.column, self.column + min(count, _MAX_COLUMNS))
        self.column += count

    def add_row(self, node: ET.Element) -> None:
        count = _count(node, "number-rows-repeated")
        rows = range(self.row, self.row + min(count, _MAX_COLUMNS))
        column = 0
        for cell in node:
            repeated = _count(cell, "number-columns-repeated")
            if len(cell):
                self._add_cell(cell, rows, range(column, column + min(repeated, _MAX_COLUMNS)))
            column += repeated
        if _is_hidden(node):
            self.hidden_rows += rows
        self.row += count

    def _add_cell(self, cell: ET.Element, rows: range, columns: range) -> None:
        down, across = _count(cell, "number-rows-spanned") - 1, _count(cell, "number-columns-spanned") - 1
        if down > 0 or across > 0:
            self.merged.append((self.row, columns.start, self.row + down, columns.start + across))
        text = "\n".join("".join(part.itertext()) for part in cell.iterfind(f"{_TEXT}p"))
        is_error = cell.get(f"{_CALC}value-type") == "error"
        if is_error or _shows_more(text, cell.get(f"{_OFFICE}value", "")):
            self.cells += [ShownCell(row, column, text) for row in rows for column in columns]


def _shows_more(text: str, value: str) -> bool:
    """Whether the text is the digits of the value with leading zeros, or with signs between or around them."""
    try:
        number = float(value)
    except ValueError:
        return False
    digits = re.sub(r"\D", "", text).lstrip("0")
    return number.is_integer() and digits == str(int(number)) and bool(_SHOWN_NUMBER.fullmatch(text)) and text != digits


def _count(node: ET.Element, name: str) -> int:
    return max(1, int(node.get(f"{_TABLE}{name}", "1")))


def _is_hidden(node: ET.Element) -> bool:
    return node.get(f"{_TABLE}visibility") in {"collapse", "filter"}
