"""How the sheets of OpenDocument workbooks look: the file stores the shown text beside each value."""

import io
import re
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from importer.loader.workbook.number_formats import SheetDisplay, ShownCell

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
# Hidden or merged cells, errors, number formats with leading zeros or with a text.
_WORTH_READING = re.compile(
    rb'visibility="(?:collapse|filter)"|-spanned="|value-type="error"|min-integer-digits="[2-9]|<number:text>'
)
_SHOWN_NUMBER = re.compile(r"0\d[\d() /-]*|\(?\d+[)/-][\d() /-]*|(?=.*[A-Za-z])(?=.*\d)[\w() /#-]+")
_MAX_REPEATS = 16_384


def ods_display(xml: bytes, sheet: str) -> SheetDisplay:
    """How one sheet of ``content.xml`` looks. Raises ``ParseError`` and ``ValueError`` for broken XML."""
    if not _WORTH_READING.search(xml):
        return SheetDisplay()
    reader: _SheetReader | None = None
    for event, node in ET.iterparse(io.BytesIO(xml), events=("start", "end")):  # noqa: S314 - as for .xlsx
        if event == "start":
            if node.tag == f"{_TABLE}table":
                reader = _SheetReader() if node.get(f"{_TABLE}name") == sheet else None
        elif reader is not None and node.tag == f"{_TABLE}table-column":
            reader.add_column(node)
        elif node.tag == f"{_TABLE}table-row":
            if reader is not None:
                reader.add_row(node)
            node.clear()
        elif reader is not None and node.tag == f"{_TABLE}table":
            return SheetDisplay(sorted(reader.cells), reader.hidden_rows, reader.hidden_columns, reader.merged)
    return SheetDisplay()


@dataclass
class _SheetReader:
    """What has been read of a sheet; ``row``, ``column``: the next ones."""

    row: int = 0
    column: int = 0
    cells: list[ShownCell] = field(default_factory=list)
    hidden_rows: list[int] = field(default_factory=list)
    hidden_columns: list[int] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)

    def add_column(self, node: ET.Element) -> None:
        """A column, or several like it."""
        count = _count(node, "number-columns-repeated")
        if _is_hidden(node):
            self.hidden_columns += range(self.column, self.column + min(count, _MAX_REPEATS))
        self.column += count

    def add_row(self, node: ET.Element) -> None:
        """A row, or several like it."""
        count = _count(node, "number-rows-repeated")
        rows = range(self.row, self.row + min(count, _MAX_REPEATS))
        column = 0
        for cell in node:
            repeated = _count(cell, "number-columns-repeated")
            if len(cell):
                self._add_cell(cell, rows, range(column, column + min(repeated, _MAX_REPEATS)))
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
