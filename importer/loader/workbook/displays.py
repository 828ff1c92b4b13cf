"""How the sheets of workbooks look, beyond the values that calamine gives.

calamine gives the number 2138 for a cell that Excel shows as 02138 by the format ``00000``, and nothing for ``#N/A``.
In an .xlsx file both are read here from the workbook's own XML (ECMA-376, parts 18.3 and 18.8), by patterns on the
bytes: parsing all cells as XML takes longer than everything else together. For an .xls file, xlrd reads them.
An OpenDocument workbook stores the shown text beside each value.
"""

import datetime as dt
import io
import math
import posixpath
import re
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any, NamedTuple
from xml.etree import ElementTree as ET

import xlrd

_EXACT = 2**53  # every whole number up to here is exact in a workbook's floating point
_MOST_DIGITS = 1e15  # larger numbers have lost their last digits
_SMALL = 1e-6  # smaller numbers are written with an exponent
_FORMAT = re.compile(r"(?:\[\$?[^\]]*\])?((?:[0#?]|\\.|[-/ ()+.]|_.|\*.|\"[^\"]*\")+)(?:;.*)?", re.DOTALL)
_TOKEN = re.compile(r"[0#?]|\\(.)|\"([^\"]*)\"|_.|\*.|(.)", re.DOTALL)
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


class ShownCell(NamedTuple):
    """A cell at a place (from 0) that shows a text, or a number by a format."""

    row: int
    column: int
    text: str = ""
    number_format: str = ""


@dataclass
class SheetDisplay:
    """How a sheet looks; all places count from 0.

    ``cells``: in ascending order, those that show more than the digits of a number, or that have a text but no value,
    such as ``#N/A``. ``merged``: (first row, first column, last row, last column) of each merged block.
    """

    cells: list[ShownCell] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)


def apply_display(columns: list[list[Any]], cells: Sequence[ShownCell], first_row: int) -> None:
    """Put what is shown in place of the values in ``columns``, the first of whose rows is ``first_row``."""
    for row, place, text, number_format in cells:
        if place >= len(columns) or row - first_row >= len(columns[place]):
            continue
        value = columns[place][row - first_row]
        is_number = type(value) in {int, float}  # a bool is not a number here
        if number_format:
            if is_number and 0 <= value < _MOST_DIGITS and value == int(value):
                columns[place][row - first_row] = format_number(int(value), number_format)
        elif is_number or value == "":
            columns[place][row - first_row] = text


@lru_cache(maxsize=100_000, typed=True)
def cell_text(value: Any) -> str:
    """A value of any type other than text as a person sees it without a format; dates as ISO 8601."""
    match value:
        case bool():
            return "TRUE" if value else "FALSE"
        case float():
            return number_text(value)
        case dt.datetime():
            return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "seconds")
        case dt.time():
            return value.isoformat("seconds")
        case dt.timedelta():
            minutes, seconds = divmod(round(value.total_seconds()), 60)
            return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"
    return str(value)


def number_text(value: float) -> str:
    """A number without format: whole ones without a decimal point, others with the 15 digits that are shown."""
    if value.is_integer() and abs(value) <= _EXACT:
        return str(int(value))
    text = f"{value:.15g}" if not value.is_integer() else repr(value)
    if "e-" in text and abs(value) >= _SMALL:
        text = f"{Decimal(text):f}"
    return text if math.isfinite(value) else ""


def shown_number(text: str, number_format: str) -> str:
    """A number written as text (``2138``, ``4.155E9``) by a number format; unchanged if it is not a number."""
    try:
        value = float(text)
    except ValueError:
        return text
    if shows_more(number_format) and value.is_integer() and 0 <= value < _MOST_DIGITS:
        return format_number(int(value), number_format)
    return text if text.isdecimal() else number_text(value)


@cache
def shows_more(number_format: str) -> bool:
    """Whether a format shows more of a whole number than its digits: leading zeros, or text between or around them.

    ``00000`` and ``"C-"0`` do; ``0.00``, ``#,##0`` and formats of money and dates don't.
    """
    match = _FORMAT.fullmatch(number_format)
    if match is None or "." in re.sub(r'\\.|"[^"]*"', "", match[1]):
        return False
    tokens = _tokens(number_format)
    digits = [text for is_digit, text in tokens if is_digit]
    has_text = any(char.isalnum() for is_digit, text in tokens if not is_digit for char in text)
    return bool(digits) and (digits.count("0") >= 2 or has_text)


@lru_cache(maxsize=100_000)
def format_number(value: int, number_format: str) -> str:
    """A whole number by a format that :func:`shows_more`: 21380001 by ``00000-0000`` is ``02138-0001``."""
    tokens = _tokens(number_format)
    places = [text for is_digit, text in tokens if is_digit]
    digits = str(value).zfill(places.count("0"))
    surplus = max(0, len(digits) - len(places))
    missing = max(0, len(places) - len(digits))
    following = iter([""] * missing + [digits[: surplus + 1], *digits[surplus + 1 :]])  # surplus digits come first
    return "".join([next(following) if is_digit else text for is_digit, text in tokens])


@cache
def _tokens(number_format: str) -> tuple[tuple[bool, str], ...]:
    """A format's first section: (True, the sign) for each digit, and (False, the text) for what is between them."""
    match = _FORMAT.fullmatch(number_format)
    assert match is not None
    return tuple(
        (True, token[0]) if token[0] in "0#?" else (False, token[1] or token[2] or token[3] or "")
        for token in _TOKEN.finditer(match[1])
    )


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
