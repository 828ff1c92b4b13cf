"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods) to ``SourceTable``s, with the text a person sees in the cells."""

import datetime as dt
import io
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import python_calamine as calamine

from importer.errors import NoSourceError, SourceError, UsageError
from importer.loader.assemble import Origin
from importer.loader.load_options import LoadOptions
from importer.loader.workbook.appearance import Appearance, apply_shown
from importer.loader.workbook.guide_sheet import without_guide
from importer.loader.workbook.number_formats import number_texts
from importer.loader.workbook.sheets import Sheet, Unseen
from importer.loader.workbook.xlsx import look_at

__all__ = ["is_workbook", "read_sheets"]

_ROWS = 2048  # that are taken at a time
_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("D0CF11E0A1B11AE1")
# An encrypted .xlsx is a stream of this name in an OLE file (MS-OFFCRYPTO 2.3.4.4). An encrypted .xls has a FilePass
# record behind the first record of its stream, at most a WriteProtect record between (MS-XLS 2.1.7.20.3).
_ENCRYPTED = re.compile(
    re.escape("EncryptedPackage".encode("utf-16-le"))
    + rb"|\x09\x08\x10\x00\x00\x06\x05\x00.{12}(?:\x86\x00\x00\x00)?\x2f\x00",
    re.DOTALL,
)


def is_workbook(content: bytes) -> bool:
    """Whether the bytes are a ZIP container or an OLE file, whatever the file's name says."""
    return content.startswith((_ZIP, _OLE))


def read_sheets(content: bytes, origin: Origin, options: LoadOptions) -> list[Sheet]:
    """The sheets that have cells, hidden ones included; or only the one that ``options`` name.

    Raises :class:`SourceError` for a broken, protected or empty workbook, :class:`UsageError` for an unknown sheet.
    """
    sheets = list(_sheets(content, origin, options.sheet))
    sheets = without_guide(sheets)
    if not sheets:
        raise NoSourceError(
            f"{origin.file}: the workbook is empty", "Export the table again, with its header and its rows."
        )
    return sheets


def _sheets(content: bytes, origin: Origin, only: str | None) -> Iterator[Sheet]:
    file = origin.file
    try:
        with calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            names = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
            if only is not None and only not in names:
                listed = ", ".join(repr(name) for name in names)
                raise UsageError(f"{file}: there is no sheet {only!r}", f"Its sheets: {listed}.")
            for name in names if only is None else [only]:
                sheet = workbook.get_sheet_by_name(name)
                appearance = look_at(content, name).in_order() if sheet.start is not None else Appearance()
                columns = _columns(sheet, appearance)
                if columns:
                    merged = tuple(sorted((*first, *last) for first, last in sheet.merged_cell_ranges or ()))
                    unseen = Unseen(appearance.hidden_rows, appearance.hidden_columns, merged or appearance.merged)
                    yield Sheet.of(replace(origin, sheet=name), columns, unseen)
    except calamine.CalamineError as error:
        if isinstance(error, calamine.PasswordError) or (content.startswith(_OLE) and _ENCRYPTED.search(content)):
            raise SourceError(
                f"{file}: the workbook is protected by a password",
                "Save a copy without the password and import that.",
            ) from error
        raise SourceError(
            f"{file}: the workbook cannot be read ({error})",
            "Open it in a spreadsheet program and save it again as .xlsx, or export it as CSV.",
        ) from error


def _columns(sheet: calamine.CalamineSheet, appearance: Appearance) -> list[pa.ChunkedArray]:
    """All columns from the sheet's first row and column on down to the last row with a value; none without one.

    Some rows at a time: as Python's objects a large sheet needs many times the memory, and to fill that takes longer
    than all else.
    """
    if sheet.start is None:
        return []
    chunks: list[list[pa.Array]] = []
    start, height = 0, 0
    rows = sheet.iter_rows()
    before = [[""] * _ROWS] * sheet.start[1]  # columns that calamine leaves out here, though not the rows above
    while block := list(islice(rows, _ROWS)):
        last = next((place for place in range(len(block), 0, -1) if any(cell != "" for cell in block[place - 1])), 0)
        height = start + last if last else height
        columns = [column[: len(block)] for column in before] + [list(cells) for cells in zip(*block, strict=True)]
        apply_shown(columns, appearance.within(start, start + len(block)))
        chunks = chunks or [[] for _ in columns]
        for own, cells in zip(chunks, columns, strict=True):
            own.append(_text(cells))
        start += len(block)
    return [pa.chunked_array(own, pa.string()).slice(0, height) for own in chunks] if height else []


def _text(values: list[Any]) -> pa.Array:
    """Cells as text; 1, 1.0 and True are told apart by their type."""
    try:
        return pa.array(values, pa.string())
    except pa.ArrowTypeError:  # not all of them are text
        kinds = set(map(type, values))
    if len(kinds) == 1:
        return _shown(kinds.pop(), values)
    texts = pa.array([value if type(value) is str else None for value in values], pa.string())
    for kind in kinds - {str}:
        own = [value for value in values if type(value) is kind]
        if len(own) == texts.null_count:
            here = texts.is_null()
        else:
            here = pa.array([type(value) is kind for value in values], pa.bool_())
        texts = pc.replace_with_mask(texts, here, _shown(kind, own))
    return texts


def _shown(kind: type, values: list[Any]) -> pa.Array:
    """Values of one type as text; each distinct one is put into words once, and numbers all together."""
    if kind is float:
        return number_texts(values)
    write = _WRITERS.get(kind, str)
    texts = {value: write(value) for value in set(values)}
    return pa.array([texts[value] for value in values], pa.string())


def _moment(value: dt.datetime) -> str:
    return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "seconds")


def _clock(value: dt.time) -> str:
    return value.isoformat("seconds")


def _duration(value: dt.timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


_WRITERS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "TRUE" if value else "FALSE",
    dt.datetime: _moment,
    dt.time: _clock,
    dt.timedelta: _duration,
}
