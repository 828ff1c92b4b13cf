"""Removes the rows of a sheet's XML that have the form in which nearly all programs write them, before it is parsed.

A Python call for each tag takes three times as long as everything else. So one pattern splits the pieces that consist
of complete rows of plain cells, each with a number or a shared text. All other pieces are parsed.
"""

import re
from collections.abc import Callable
from typing import IO, NamedTuple

_PIECE = 512 * 1024
_CELL = re.compile(
    r'<c r="([A-Z]{1,3})(\d{1,7})"(?: s="(\d{1,6})")?(?: t="([ns])")?(?:/>|></c>|>(?:<v>([-+.\dEe]{1,40})</v>)</c>)'
)
_BETWEEN = re.compile(r"(?:</row>|<row r=\"\d{1,7}\"(?: [\w:]+=\"[^\"<&]*\")*/?>|\s)*")
_END = b"</row>"


class PlainCells(NamedTuple):
    """Cells, attribute by attribute: ``A`` and ``7`` of A7, the number of the style, the type, and the value."""

    columns: list[str]
    rows: list[str]
    styles: list[str | None]
    kinds: list[str | None]
    values: list[str | None]


class PlainRows:
    """A stream without plain rows. ``add`` gets their cells; it returns False if they must be parsed after all."""

    def __init__(self, stream: IO[bytes], add: Callable[[PlainCells], bool]) -> None:
        self.stream, self.add = stream, add
        self.rest = b""
        self.is_within = False  # the rows, that is
        self.is_plain = True  # nothing so far can contain text that looks like rows

    def read(self, _: int) -> bytes:
        """The next piece that is to be parsed; blank at the end."""
        while True:
            piece = self.stream.read(_PIECE)
            data, self.rest = self.rest + piece, b""
            if not data:
                return b""
            if not piece or not self.is_plain:
                return data
            if not self.is_within:
                return self._head(data)
            end = data.rfind(_END) + len(_END)
            if end < len(_END) or b"<!" in data or b"<?" in data:
                self.is_plain = False
                return data
            self.rest = data[end:]
            if not self._take(data[:end]):
                return data[:end]

    def _head(self, data: bytes) -> bytes:
        """What comes before the rows."""
        start = data.find(b"<sheetData>")
        if start < 0:
            self.is_plain = False
            return data
        start += len(b"<sheetData>")
        head = data[:start]
        self.is_within = self.is_plain = not (b"<!" in head or b"\0" in head or head.count(b"<?") > 1)
        self.rest = data[start:] if self.is_plain else b""
        return data[:start] if self.is_plain else data

    def _take(self, data: bytes) -> bool:
        """Add the rows if all of them are plain. Returns whether they are."""
        try:
            text = data.decode("ascii")
        except UnicodeDecodeError:
            return False
        parts = _CELL.split(text)
        between = parts[::6]
        if not all(map(_BETWEEN.fullmatch, set(between))):
            return False
        tags = "".join(between)
        if "hidden" in tags or 'ht="0"' in tags or tags.count("<row") - tags.count("/>") != tags.count("</row>"):
            return False
        cells = PlainCells(*(parts[place::6] for place in range(1, 6)))
        return not cells.rows or self.add(cells)
