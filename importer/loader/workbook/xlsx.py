"""How the sheets of a workbook look, beyond what calamine gives.

calamine gives the number 2138 for a cell that a spreadsheet shows as 02138 by the format ``00000``, and nothing for
``#N/A``. For .xlsx both are read here from the workbook's own XML (ECMA-376, parts 18.3 and 18.8), by patterns on the
bytes: parsing all cells as XML takes longer than everything else together.
"""

import io
import posixpath
import re
import zipfile
from collections import defaultdict
from collections.abc import Iterator
from functools import cache
from xml.etree import ElementTree as ET

from importer.loader.workbook.appearance import Appearance
from importer.loader.workbook.number_formats import telling_format
from importer.loader.workbook.ods import look_at_ods
from importer.loader.workbook.xls import look_at_xls

__all__ = ["look_at"]

_OLE = bytes.fromhex("D0CF11E0A1B11AE1")
_MAIN = "{*}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_PLACE = re.compile(rb'\br="([A-Z]{1,3})(\d+)"')
_CELL_TAG = re.compile(rb"<(?:\w+:)?c(?!\w)")
_ERROR = re.compile(
    rb"<(?:\w+:)?c\s([^>]*\bt=\"e\"[^>]*)(?<!/)>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<", re.DOTALL
)
_HIDDEN_ROW = re.compile(rb'<(?:\w+:)?row\s(?=[^>]*\bhidden="(?:1|true)")[^>]*?\br="(\d+)"')
_HIDDEN_COLUMN = re.compile(rb'<(?:\w+:)?col\s(?=[^>]*\bhidden="(?:1|true)")[^>]*>')
_MOST_COLUMNS = 16_384


def look_at(content: bytes, sheet: str) -> Appearance:
    """The appearance of one sheet; nothing from parts that are missing or broken: what calamine gave stands then."""
    try:
        if content.startswith(_OLE):
            return look_at_xls(content, sheet)
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if "content.xml" in archive.namelist():
                return look_at_ods(archive.read("content.xml"), sheet)
            part = _sheet_part(archive, sheet)
            return _look(archive.read(part), _telling_styles(archive)) if part else Appearance()
    except (zipfile.BadZipFile, KeyError, IndexError, ET.ParseError, OSError, ValueError):
        return Appearance()


def _look(xml: bytes, styles: dict[bytes, str]) -> Appearance:
    hidden = b'hidden="' in xml
    return Appearance(
        texts=tuple(_errors(xml)),
        formats=_formatted(xml, styles),
        hidden_rows=tuple(int(row) - 1 for row in _HIDDEN_ROW.findall(xml)) if hidden else (),
        hidden_columns=tuple(_hidden_columns(xml)) if hidden else (),
    )


def _telling_styles(archive: zipfile.ZipFile) -> dict[bytes, str]:
    """Cell style number → format, for formats that show more than a number's digits."""
    root = _parse(archive, "xl/styles.xml")
    codes = {
        node.get("numFmtId"): node.get("formatCode", "") for node in root.iterfind(f"{_MAIN}numFmts/{_MAIN}numFmt")
    }
    formats = {}
    for number, style in enumerate(root.iterfind(f"{_MAIN}cellXfs/{_MAIN}xf")):
        form = codes.get(style.get("numFmtId"), "")
        if telling_format(form):
            formats[str(number).encode()] = form
    return formats


def _sheet_part(archive: zipfile.ZipFile, sheet: str) -> str | None:
    """The path of a sheet's XML in the container."""
    relations = {node.get("Id"): node.get("Target", "") for node in _parse(archive, "xl/_rels/workbook.xml.rels")}
    for node in _parse(archive, "xl/workbook.xml").iterfind(f"{_MAIN}sheets/{_MAIN}sheet"):
        if node.get("name") == sheet:
            target = relations[node.get(_RELATION) or node.get(_STRICT_RELATION)]
            return posixpath.normpath(posixpath.join("/xl", target)).lstrip("/")
    return None


def _parse(archive: zipfile.ZipFile, part: str) -> ET.Element:
    # Expat itself refuses exponential entities since 2.4.1, and ElementTree resolves no external ones.
    return ET.fromstring(archive.read(part))  # noqa: S314


def _errors(xml: bytes) -> Iterator[tuple[int, int, str]]:
    for match in _ERROR.finditer(xml) if b't="e"' in xml else ():
        place = _PLACE.search(match[1])
        if place:
            yield int(place[2]) - 1, _column(place[1]), match[2].decode("utf-8", "replace")


def _formatted(xml: bytes, styles: dict[bytes, str]) -> dict[str, dict[int, list[int]]]:
    """Format → column → rows of its cells, in their order.

    Looking for the style and then back to its cell is many times as fast as looking at each cell.
    """
    formats: dict[str, dict[int, list[int]]] = {form: defaultdict(list) for form in styles.values()}
    for match in re.finditer(rb'\ss="(' + b"|".join(styles) + rb')"', xml) if styles else ():
        start = xml.rfind(b"<", 0, match.start())
        tag = xml[start : match.start()]
        if _CELL_TAG.match(tag):
            place = _PLACE.search(tag) or _PLACE.search(xml[start : xml.find(b">", start)])
            if place:
                formats[styles[match[1]]][_column(place[1])].append(int(place[2]) - 1)
    return formats


def _hidden_columns(xml: bytes) -> Iterator[int]:
    for match in _HIDDEN_COLUMN.finditer(xml):
        bounds = [re.search(rb'\b%s="(\d+)"' % name, match[0]) for name in (b"min", b"max")]
        first, last = (int(bound[1]) if bound else 0 for bound in bounds)
        yield from range(max(first, 1) - 1, min(last, _MOST_COLUMNS))


@cache
def _column(letters: bytes) -> int:
    column = 0
    for letter in letters:
        column = column * 26 + letter - 64
    return column - 1
