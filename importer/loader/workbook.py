"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods) to ``SourceTable``s, with the text a person sees in the cells."""

import datetime as dt
import io
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import python_calamine as calamine

from importer.errors import NoSourceError, SourceError, UsageError
from importer.loader.appearance import apply_shown
from importer.loader.assemble import Origin
from importer.loader.guide import without_guide
from importer.loader.numbers import number_texts
from importer.loader.options import LoadOptions
from importer.loader.sheets import Sheet, Unseen
from importer.loader.shown import look_at

__all__ = ["is_workbook", "read_sheets"]

Blocks = tuple[tuple[int, int, int, int], ...]
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
    sheets = []
    for name, (rows, merged) in _values(content, origin.file, options.sheet).items():
        while rows and not any(cell != "" for cell in rows[-1]):
            rows.pop()
        if not rows:
            continue
        appearance = look_at(content, name)
        columns = [list(cells) for cells in zip(*rows, strict=True)]
        rows.clear()
        apply_shown(columns, appearance)
        unseen = Unseen(appearance.hidden_rows, appearance.hidden_columns, merged or appearance.merged)
        sheets.append(Sheet.of(replace(origin, sheet=name), [_text(cells) for cells in columns], unseen))
    sheets = without_guide(sheets)
    if not sheets:
        raise NoSourceError(
            f"{origin.file}: the workbook is empty", "Export the table again, with its header and its rows."
        )
    return sheets


def _values(content: bytes, file: str, only: str | None) -> dict[str, tuple[list[list[Any]], Blocks]]:
    """Sheet name → rows of Python values, from the sheet's first row and column on, and its merged blocks."""
    try:
        with calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            names = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
            if only is not None and only not in names:
                listed = ", ".join(repr(name) for name in names)
                raise UsageError(f"{file}: there is no sheet {only!r}", f"Its sheets: {listed}.")
            return {name: _sheet_values(workbook, name) for name in (names if only is None else [only])}
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


def _sheet_values(workbook: calamine.CalamineWorkbook, name: str) -> tuple[list[list[Any]], Blocks]:
    sheet = workbook.get_sheet_by_name(name)
    blocks = [(*first, *last) for first, last in sheet.merged_cell_ranges or ()]
    return sheet.to_python(skip_empty_area=False), tuple(sorted(blocks))


def _text(values: list[Any]) -> pa.ChunkedArray:
    """Cells as text; 1, 1.0 and True are told apart by their type."""
    kinds = set(map(type, values))
    if len(kinds) == 1:
        return pa.chunked_array([_shown(kinds.pop(), values)])
    texts = pa.array([value if type(value) is str else None for value in values], pa.string())
    for kind in kinds - {str}:
        own = [value for value in values if type(value) is kind]
        if len(own) == texts.null_count:
            here = texts.is_null()
        else:
            here = pa.array([type(value) is kind for value in values], pa.bool_())
        texts = pc.replace_with_mask(texts, here, _shown(kind, own))
    return pa.chunked_array([texts])


def _shown(kind: type, values: list[Any]) -> pa.Array:
    """Values of one type as text; each distinct one is put into words once, and numbers all together."""
    if kind is str:
        return pa.array(values, pa.string())
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
