"""Sheets of binary workbooks (.xlsb), whose parts are sequences of records (MS-XLSB, part 2)."""

import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import xlrd

from importer.errors import SourceError
from importer.loader.workbook.number_formats import is_rounded, shown
from importer.loader.workbook.sheet_cells import Allowance, SheetCells
from importer.loader.workbook.workbook_parts import Container, explained, worksheets
from importer.loader.workbook.xlsx_reader import plain_text
from importer.loader.workbook.xlsx_styles import NO_STYLES, Font, built_in, look_of

# Types of records.
_ROW, _CELLS, _SHORT_CELLS, _RICH_CELL, _TEXT_ITEM = 0, range(1, 12), range(12, 19), 62, 19
_FONT, _FORMAT, _FILL, _STYLE = 43, 44, 45, 47
_COLUMNS, _END_OF_CELLS, _WORKBOOK, _SHEET, _MERGED = 60, 146, 153, 156, 176
_BEGIN_STYLES, _END_STYLES = 617, 618
_MAX_TYPE_BYTES, _MAX_SIZE_BYTES = 2, 4
_PALETTE, _RGB, _THEME = 1, 2, 3  # types of colors
_WHITE = frozenset({(_PALETTE, 9), (_RGB, b"\xff\xff\xff"), (_THEME, 0)})


def read_xlsb(container: Container, file: str, wanted: Callable[[str], bool]) -> Iterator[SheetCells]:
    """The worksheets in their order; empty ones for those that are not ``wanted``."""
    with explained(file):
        workbook = container.relations("").of_kind("officeDocument") or "xl/workbook.bin"
        relations = container.relations(workbook)
        book = _Book(file)
        book.read(container.open(workbook).read())
        if part := relations.of_kind("sharedStrings"):
            book.read(container.open(part).read())
    styles = relations.of_kind("styles")
    try:
        if styles is not None:
            with explained(file):
                book.read(container.open(styles).read())
    except SourceError:
        book.looks.clear()
    allowance = Allowance.for_size(file, container.size)
    for cells, part in worksheets(book.sheets, relations, allowance, wanted):
        if part is not None:
            with explained(file, f"the sheet {cells.name!r}"):
                _Sheet(book, cells).read(container.open(part).read())
        yield cells


def _records(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(type, content) of each record. Raises ``ValueError`` if one is cut off.

    Whoever reads a record that is too short for its type raises ``struct.error`` or ``IndexError``.
    """
    at = 0
    while at < len(data):
        kind, at = _number(data, at, _MAX_TYPE_BYTES)
        size, at = _number(data, at, _MAX_SIZE_BYTES)
        if at + size > len(data):
            raise ValueError("a record is cut off")
        yield kind, data[at : at + size]
        at += size


def _number(data: bytes, at: int, most: int) -> tuple[int, int]:
    """A number of up to ``most`` bytes of 7 bits, and where the next one begins."""
    value = 0
    for place in range(most):
        if at >= len(data):
            raise ValueError("a record is cut off")
        byte = data[at]
        at += 1
        value += (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            break
    return value, at


def _text(data: bytes, at: int) -> tuple[str, int]:
    """A text with its length before it, and what follows it."""
    (length,) = struct.unpack_from("<I", data, at)
    end = at + 4 + 2 * length
    if length == 0xFFFFFFFF:
        return "", at + 4
    if end > len(data):
        raise ValueError("text is cut off")
    return data[at + 4 : end].decode("utf-16-le", "replace"), end


@dataclass
class _Book:
    """What all sheets share: their list, texts, and styles. ``looks``: of each style, as :func:`look_of` gives them."""

    file: str
    sheets: list[tuple[str, bool, str]] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    codes: dict[int, str] = field(default_factory=dict)
    looks: list[tuple[str, str]] = field(default_factory=list)
    fonts: list[Font] = field(default_factory=list)
    white_fills: list[bool] = field(default_factory=list)
    since_1904: bool = False

    def read(self, data: bytes) -> None:
        within = False
        for kind, record in _records(data):
            if kind == _SHEET:
                state, _ = struct.unpack_from("<II", record)
                relation, end = _text(record, 8)
                self.sheets.append((_text(record, end)[0], state != 0, relation))
            elif kind == _WORKBOOK:
                self.since_1904 = bool(record[0] & 1)
            elif kind == _TEXT_ITEM:
                self.texts.append(plain_text(_text(record, 1)[0]))
            elif kind == _FORMAT:
                self.codes[struct.unpack_from("<H", record)[0]] = _text(record, 2)[0]
            elif kind == _FONT:
                self.fonts.append(Font(bool(record[2] & 8), _is_white(record, 12)))
            elif kind == _FILL:
                self.white_fills.append(not struct.unpack_from("<I", record)[0] or _is_white(record, 4))
            elif kind in {_BEGIN_STYLES, _END_STYLES}:
                within = kind == _BEGIN_STYLES
            elif kind == _STYLE and within:
                self._add_style(*struct.unpack_from("<HHH", record, 2))

    def _add_style(self, number: int, font: int, fill: int) -> None:
        own = self.fonts[font] if font < len(self.fonts) else Font()
        white_fill = fill < len(self.white_fills) and self.white_fills[fill]
        self.looks.append(look_of(self.codes.get(number) or built_in(number), own, white_fill=white_fill))


def _is_white(record: bytes, at: int) -> bool:
    """Whether a color (BrtColor) is white: in the palette, by its value, or as the theme's background."""
    kind, index, tint, value = struct.unpack_from("<BBh3s", record, at)
    return not tint and (kind >> 1, value if kind >> 1 == _RGB else index) in _WHITE


@dataclass
class _Sheet:
    """A sheet that is being read. ``row``, ``column``: of the last cell."""

    book: _Book
    cells: SheetCells
    row: int = -1
    column: int = -1

    def read(self, data: bytes) -> None:
        complete = False
        for kind, record in _records(data):
            if kind == _ROW:
                self.row, self.column = struct.unpack_from("<I", record)[0], -1
                if record[11] & 0x10:
                    self.cells.hidden_rows.append(range(self.row, self.row + 1))
            elif kind in _CELLS or kind == _RICH_CELL:
                self.column, style = struct.unpack_from("<II", record)
                self._add_cell(kind, style & 0xFFFFFF, record[8:])
            elif kind in _SHORT_CELLS:
                self.column += 1
                self._add_cell(kind - 11, struct.unpack_from("<I", record)[0] & 0xFFFFFF, record[4:])
            elif kind == _COLUMNS:
                first, last, width, _, flags = struct.unpack_from("<IIIIH", record)
                if flags & 1 or width == 0:
                    self.cells.hidden_columns.append(range(first, last + 1))
            elif kind == _MERGED:
                top, bottom, left, right = struct.unpack_from("<IIII", record)
                self.cells.merged.append((top, left, bottom, right))
            complete = complete or kind == _END_OF_CELLS
        if not complete:
            raise ValueError(f"it ends in row {self.row + 1}")

    def _add_cell(self, kind: int, style: int, data: bytes) -> None:
        if self.row < 0:
            raise ValueError("a cell outside all rows")
        match kind:
            case 2:
                text = self._shown(_rk(struct.unpack_from("<I", data)[0]), style)
            case 3 | 11:
                text = xlrd.error_text_from_code.get(data[0], "#ERROR")
            case 4 | 10:
                text = "TRUE" if data[0] else "FALSE"
            case 5 | 9:
                text = self._shown(struct.unpack_from("<d", data)[0], style)
            case 6 | 8:
                text = plain_text(_text(data, 0)[0])
            case 7:
                text = self._shared(struct.unpack_from("<I", data)[0])
            case 62:
                text = plain_text(_text(data, 1)[0])
            case _:
                text = ""
        self.cells.put(self.row, self.column, text)
        if text and style < len(self.book.looks) and (mark := self.book.looks[style][1]):
            self.cells.mark(mark, [self.row])

    def _shown(self, value: float, style: int) -> str:
        known = style < len(self.book.looks)
        if not known and style and NO_STYLES not in self.cells.notes:
            self.cells.notes.append(NO_STYLES)
        if is_rounded(value):
            self.cells.rounded.append((self.row, self.column))
        return shown(value, self.book.looks[style][0] if known else "", since_1904=self.book.since_1904)

    def _shared(self, number: int) -> str:
        if number >= len(self.book.texts):
            raise ValueError(f"row {self.row + 1}, column {self.column + 1} refers to missing text")
        return self.book.texts[number]


def _rk(number: int) -> float:
    """A number in 30 bits: whole or the upper half of a floating point number, perhaps times a hundred."""
    if number & 2:
        whole = number >> 2
        value = float(whole - (1 << 30) if whole >= 1 << 29 else whole)
    else:
        value = struct.unpack("<d", b"\0\0\0\0" + struct.pack("<I", number & 0xFFFFFFFC))[0]
    return value / 100 if number & 1 else value
