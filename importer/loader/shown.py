"""What an .xlsx sheet shows where the reader gives less: leading zeros that are only a format, and error values.

calamine gives the number 2138 for a cell that a spreadsheet shows as 02138 by the format ``00000``, and nothing for
``#N/A``. Both are read here from the workbook's own XML (ECMA-376, parts 18.3 and 18.8), by patterns on the bytes:
parsing all cells as XML takes longer than everything else together.
"""

import io
import posixpath
import re
import zipfile
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any
from xml.etree import ElementTree as ET

__all__ = ["shown_cells", "zero_filled"]

_MAIN = "{*}"
_RELATION = "{http://schemas.openxmlformats.org/officeDocument/2006/relationships}id"
_STRICT_RELATION = "{http://purl.oclc.org/ooxml/officeDocument/relationships}id"
_ZEROS = re.compile(r"(?:\[\$?[^\]]*\])?((?:0|\\.|[-/ ()+]|\"[^\"]*\")+)(?:;.*)?")
_PART = re.compile(r"0|\\(.)|\"([^\"]*)\"|(.)")
_CELL = re.compile(rb'\br="([A-Z]{1,3})(\d+)"')
_STYLE = re.compile(rb'\bs="(\d+)"')
_ERROR = re.compile(
    rb"<(?:\w+:)?c\s([^>]*\bt=\"e\"[^>]*)(?<!/)>(?:(?!</(?:\w+:)?c>).)*?<(?:\w+:)?v>([^<]*)<", re.DOTALL
)


def shown_cells(content: bytes, sheet: str, rows: Sequence[Sequence[Any]]) -> Iterator[tuple[int, int, str]]:
    """(row, column, text) from 0, for cells of ``rows`` that a spreadsheet shows otherwise than calamine gives them.

    Nothing for other formats than .xlsx, and nothing from parts that are missing or broken: calamine has read the
    workbook, so that what it gave stands.
    """
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            formats = _zero_formats(archive)
            part = _sheet_part(archive, sheet)
            xml = archive.read(part) if part else b""
    except (zipfile.BadZipFile, KeyError, ET.ParseError, OSError, ValueError):
        return
    for row, column, text in _errors(xml):
        if row < len(rows) and column < len(rows[row]) and rows[row][column] == "":
            yield row, column, text
    for row, column, code in _formatted(xml, formats):
        value = rows[row][column] if row < len(rows) and column < len(rows[row]) else None
        if isinstance(value, float) and value.is_integer() and 0 <= value < 1e15:
            yield row, column, zero_filled(int(value), code)


def zero_filled(value: int, code: str) -> str:
    """A whole number by a format of zeros: 21380001 by ``00000-0000`` is ``02138-0001``."""
    parts = _parts(code)
    places = parts.count(None)
    digits = str(value).zfill(places)
    surplus = len(digits) - places
    following = iter((digits[: surplus + 1], *digits[surplus + 1 :]))
    return "".join([next(following) if part is None else part for part in parts])


@cache
def _parts(code: str) -> tuple[str | None, ...]:
    """A format's first section: None for each digit, and the text between."""
    match = _ZEROS.fullmatch(code)
    assert match is not None
    return tuple(None if part[0] == "0" else part[1] or part[2] or part[3] or "" for part in _PART.finditer(match[1]))


def _zero_formats(archive: zipfile.ZipFile) -> dict[bytes, str]:
    """Cell style number → format, for formats of at least two zeros."""
    root = _parse(archive, "xl/styles.xml")
    codes = {
        node.get("numFmtId"): node.get("formatCode", "") for node in root.iterfind(f"{_MAIN}numFmts/{_MAIN}numFmt")
    }
    formats = {}
    for number, style in enumerate(root.iterfind(f"{_MAIN}cellXfs/{_MAIN}xf")):
        match = _ZEROS.fullmatch(codes.get(style.get("numFmtId"), ""))
        if match and re.sub(r'\\.|"[^"]*"', "", match[1]).count("0") >= 2:
            formats[str(number).encode()] = codes[style.get("numFmtId")]
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
        place = _CELL.search(match[1])
        if place:
            yield *_place(place), match[2].decode("utf-8", "replace")


def _formatted(xml: bytes, formats: dict[bytes, str]) -> Iterator[tuple[int, int, str]]:
    if not formats:
        return
    styles = b"|".join(formats)
    for match in re.finditer(rb'<(?:\w+:)?c\s[^>]*\bs="(?:' + styles + rb')"[^>]*>', xml):
        place, style = _CELL.search(match[0]), _STYLE.search(match[0])
        if place and style:
            yield *_place(place), formats[style[1]]


def _place(match: re.Match[bytes]) -> tuple[int, int]:
    column = 0
    for letter in match[1]:
        column = column * 26 + letter - 64
    return int(match[2]) - 1, column - 1
