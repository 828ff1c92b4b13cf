"""How a sheet of a legacy workbook (.xls) looks: number formats, errors, hidden rows and columns.

The file is a compound file (MS-CFB) with a stream of records (MS-XLS): an id and a length, two bytes each, then the
content. Only the few kinds of records that say how cells look are read here; calamine has read their values.
"""

import struct
from collections import defaultdict
from collections.abc import Iterator

from importer.loader.workbook.appearance import Appearance
from importer.loader.workbook.number_formats import telling_format

__all__ = ["look_at_xls"]

_END_OF_CHAIN = 0xFFFFFFF0  # this and all larger ones mean: no further sector
_BOUNDSHEET, _FORMAT, _XF, _BOF, _EOF = 0x85, 0x41E, 0xE0, 0x809, 0x0A
_ROW, _COLINFO, _FORMULA, _BOOLERR, _NUMBER, _RK, _MULRK = 0x208, 0x7D, 0x06, 0x205, 0x203, 0x27E, 0xBD
_HIDDEN_ROW, _HIDDEN_COLUMN = 0x20, 0x01
_ERRORS = {0: "#NULL!", 7: "#DIV/0!", 15: "#VALUE!", 23: "#REF!", 29: "#NAME?", 36: "#NUM!", 42: "#N/A"}


def look_at_xls(content: bytes, sheet: str) -> Appearance:
    """The appearance of one sheet. Raises ``ValueError`` or ``IndexError`` for a file that is broken or older."""
    try:
        stream = _workbook_stream(content)
        start, styles = _globals(stream, sheet)
        return _look(stream, start, styles)
    except struct.error as error:
        raise ValueError(str(error)) from error


def _workbook_stream(content: bytes) -> bytes:
    sector_size = 1 << struct.unpack_from("<H", content, 30)[0]
    mini_size = 1 << struct.unpack_from("<H", content, 32)[0]
    first_folder, _, cutoff, first_mini, _, first_more, _ = struct.unpack_from("<7I", content, 48)

    def sector(number: int) -> bytes:
        return content[(number + 1) * sector_size : (number + 2) * sector_size]

    def numbers(data: bytes) -> tuple[int, ...]:
        return struct.unpack(f"<{len(data) // 4}I", data[: len(data) // 4 * 4])

    tables = list(struct.unpack_from("<109I", content, 76))
    for _ in range(len(content) // sector_size):  # the list of tables goes on in a chain of sectors
        if first_more >= _END_OF_CHAIN:
            break
        *more, first_more = numbers(sector(first_more))
        tables += more
    table = [number for place in tables if place < _END_OF_CHAIN for number in numbers(sector(place))]
    folder = b"".join(map(sector, _chain(table, first_folder)))
    entries = [folder[at : at + 128] for at in range(0, len(folder) - 127, 128)]
    entry = next(item for name in ("Workbook", "Book") for item in entries if _entry_name(item) == name)
    first, size = struct.unpack_from("<II", entry, 116)
    if size >= cutoff:
        return b"".join(map(sector, _chain(table, first)))[:size]
    small = b"".join(map(sector, _chain(table, struct.unpack_from("<I", entries[0], 116)[0])))
    mini = numbers(b"".join(map(sector, _chain(table, first_mini))))
    return b"".join(small[at * mini_size : (at + 1) * mini_size] for at in _chain(mini, first))[:size]


def _chain(table: list[int] | tuple[int, ...], first: int) -> Iterator[int]:
    for _ in range(len(table)):
        if first >= _END_OF_CHAIN:
            return
        yield first
        first = table[first]


def _entry_name(entry: bytes) -> str:
    length = min(64, struct.unpack_from("<H", entry, 64)[0])
    return entry[: max(0, length - 2)].decode("utf-16-le", "ignore")


def _records(stream: bytes, at: int) -> Iterator[tuple[int, bytes]]:
    """Kind and content of each record of one part of the stream; charts within it are left out."""
    depth = 0
    while at + 4 <= len(stream):
        kind, length = struct.unpack_from("<HH", stream, at)
        depth += (kind == _BOF) - (kind == _EOF)
        if depth <= 0:
            return
        if depth == 1:
            yield kind, stream[at + 4 : at + 4 + length]
        at += 4 + length


def _globals(stream: bytes, sheet: str) -> tuple[int, dict[int, str]]:
    """Where the sheet begins, and style number → format for formats that show more than a number's digits."""
    codes: dict[int, str] = {}
    styles: dict[int, int] = {}
    starts: dict[str, int] = {}
    for kind, data in _records(stream, 0):
        if kind == _FORMAT:
            codes[struct.unpack_from("<H", data)[0]] = _string(data[4:], struct.unpack_from("<H", data, 2)[0])
        elif kind == _XF:
            styles[len(styles)] = struct.unpack_from("<H", data, 2)[0]
        elif kind == _BOUNDSHEET:
            starts[_string(data[7:], data[6])] = struct.unpack_from("<I", data)[0]
    telling = {number: codes.get(form, "") for number, form in styles.items() if telling_format(codes.get(form, ""))}
    if sheet not in starts:
        raise ValueError(f"no sheet {sheet!r}")
    return starts[sheet], telling


def _string(data: bytes, length: int) -> str:
    """A string of records: a byte that tells whether letters take one byte or two, then the letters."""
    return data[1 : 1 + 2 * length].decode("utf-16-le") if data[0] & 1 else data[1 : 1 + length].decode("latin-1")


def _look(stream: bytes, start: int, styles: dict[int, str]) -> Appearance:
    formats: dict[str, dict[int, list[int]]] = {form: defaultdict(list) for form in styles.values()}
    texts: list[tuple[int, int, str]] = []
    hidden_rows: list[int] = []
    hidden_columns: list[int] = []
    for kind, data in _records(stream, start):
        if kind == _ROW and data[12] & _HIDDEN_ROW:
            hidden_rows.append(struct.unpack_from("<H", data)[0])
        elif kind == _COLINFO and data[8] & _HIDDEN_COLUMN:
            first, last = struct.unpack_from("<HH", data)
            hidden_columns += range(first, min(last, 255) + 1)
        elif kind == _MULRK:
            row, first = struct.unpack_from("<HH", data)
            for place in range((len(data) - 6) // 6):
                form = styles.get(struct.unpack_from("<H", data, 4 + 6 * place)[0])
                if form is not None:
                    formats[form][first + place].append(row)
        elif kind in {_NUMBER, _RK, _FORMULA, _BOOLERR}:
            row, column, style = struct.unpack_from("<HHH", data)
            if (error := _error(kind, data)) is not None:
                texts.append((row, column, error))
            elif style in styles:
                formats[styles[style]][column].append(row)
    return Appearance(texts, formats, {}, tuple(hidden_rows), tuple(hidden_columns))


def _error(kind: int, data: bytes) -> str | None:
    """The error that a cell shows."""
    if kind == _BOOLERR and data[7]:
        return _ERRORS.get(data[6])
    if kind == _FORMULA and data[6] == 2 and data[12:14] == b"\xff\xff":
        return _ERRORS.get(data[8])
    return None
