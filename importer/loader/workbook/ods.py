"""How a sheet of an OpenDocument workbook looks: the file says beside each value what is shown for it."""

import io
import re
from collections import defaultdict
from dataclasses import dataclass, field
from xml.etree import ElementTree as ET

from importer.loader.workbook.appearance import Appearance

__all__ = ["look_at_ods"]

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_OFFICE = "{urn:oasis:names:tc:opendocument:xmlns:office:1.0}"
_TEXT = "{urn:oasis:names:tc:opendocument:xmlns:text:1.0}"
_CALC = "{urn:org:documentfoundation:names:experimental:calc:xmlns:calcext:1.0}"
# What makes looking worthwhile: hidden or merged cells, errors, number formats with leading zeros or with a text.
_WORTHWHILE = re.compile(
    rb'visibility="(?:collapse|filter)"|-spanned="|value-type="error"|min-integer-digits="[2-9]|<number:text>'
)
_TELLING = re.compile(r"0\d[\d() /-]*|\(?\d+[)/-][\d() /-]*|(?=.*[A-Za-z])(?=.*\d)[\w() /#-]+")
_MOST_REPEATS = 16_384


def look_at_ods(xml: bytes, sheet: str) -> Appearance:
    """The appearance of one sheet of ``content.xml``. Raises ``ParseError`` and ``ValueError`` for broken XML."""
    if not _WORTHWHILE.search(xml):
        return Appearance()
    look = None
    for event, node in ET.iterparse(io.BytesIO(xml), events=("start", "end")):  # noqa: S314 - as for .xlsx
        if event == "start":
            if node.tag == f"{_TABLE}table":
                look = _Look() if node.get(f"{_TABLE}name") == sheet else None
        elif look is not None and node.tag == f"{_TABLE}table-column":
            look.add_column(node)
        elif node.tag == f"{_TABLE}table-row":
            if look is not None:
                look.add_row(node)
            node.clear()
        elif look is not None and node.tag == f"{_TABLE}table":
            return look.appearance()
    return Appearance()


@dataclass
class _Look:
    """A sheet that is being read."""

    row: int = 0
    column: int = 0
    texts: list[tuple[int, int, str]] = field(default_factory=list)
    shown: dict[int, dict[int, str]] = field(default_factory=lambda: defaultdict(dict))
    rows: list[int] = field(default_factory=list)
    columns: list[int] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)

    def appearance(self) -> Appearance:
        """What was found."""
        return Appearance(self.texts, {}, self.shown, tuple(self.rows), tuple(self.columns), tuple(self.merged))

    def add_column(self, node: ET.Element) -> None:
        """A column, or several alike."""
        count = _count(node, "number-columns-repeated")
        if _is_hidden(node):
            self.columns += range(self.column, self.column + min(count, _MOST_REPEATS))
        self.column += count

    def add_row(self, node: ET.Element) -> None:
        """A row, or several alike."""
        count = _count(node, "number-rows-repeated")
        column = 0
        for cell in node:
            repeated = _count(cell, "number-columns-repeated")
            if len(cell):
                self._add_cell(cell, column, min(count, _MOST_REPEATS), min(repeated, _MOST_REPEATS))
            column += repeated
        if _is_hidden(node):
            self.rows += range(self.row, self.row + min(count, _MOST_REPEATS))
        self.row += count

    def _add_cell(self, cell: ET.Element, column: int, rows: int, columns: int) -> None:
        down, across = _count(cell, "number-rows-spanned") - 1, _count(cell, "number-columns-spanned") - 1
        if down > 0 or across > 0:
            self.merged.append((self.row, column, self.row + down, column + across))
        text = "\n".join("".join(part.itertext()) for part in cell.iterfind(f"{_TEXT}p"))
        places = [(row, place) for row in range(self.row, self.row + rows) for place in range(column, column + columns)]
        if cell.get(f"{_CALC}value-type") == "error":
            self.texts += [(row, place, text) for row, place in places]
        elif _tells_more(text, cell.get(f"{_OFFICE}value", "")):
            for row, place in places:
                self.shown[place][row] = text


def _tells_more(text: str, value: str) -> bool:
    """Whether what is shown are the digits of the value, with zeros in front or signs between and around."""
    try:
        number = float(value)
    except ValueError:
        return False
    digits = re.sub(r"\D", "", text).lstrip("0")
    return number.is_integer() and digits == str(int(number)) and bool(_TELLING.fullmatch(text)) and text != digits


def _count(node: ET.Element, name: str) -> int:
    return max(1, int(node.get(f"{_TABLE}{name}", "1")))


def _is_hidden(node: ET.Element) -> bool:
    return node.get(f"{_TABLE}visibility") in {"collapse", "filter"}
