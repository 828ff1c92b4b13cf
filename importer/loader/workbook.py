"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods) to ``SourceTable``s, with the text a person sees in the cells."""

import datetime as dt
import io
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import python_calamine as calamine

from importer.errors import SourceError, UsageError
from importer.loader.assemble import Origin, assemble, skipped_frame
from importer.loader.layout import find_header, header_score
from importer.loader.options import LoadOptions
from importer.loader.parse import HEAD_RECORDS, Body
from importer.loader.shown import shown_cells
from importer.records import Problem, Severity
from importer.tables import SourceTable

__all__ = ["Sheet", "ignored_table", "is_workbook", "read_sheets", "sheet_table"]

_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("D0CF11E0A1B11AE1")
# An encrypted .xlsx is a stream of this name in an OLE file (MS-OFFCRYPTO 2.3.4.4). An encrypted .xls has a FilePass
# record behind the first record of its stream, at most a WriteProtect record between (MS-XLS 2.1.7.20.3).
_ENCRYPTED = re.compile(
    re.escape("EncryptedPackage".encode("utf-16-le"))
    + rb"|\x09\x08\x10\x00\x00\x06\x05\x00.{12}(?:\x86\x00\x00\x00)?\x2f\x00",
    re.DOTALL,
)
_EXACT = 2**53  # every whole number up to here is exact in a workbook's floating point


@dataclass(frozen=True)
class Sheet:
    """One sheet: where it is from, its columns of text down to the last row with a value, and its first rows."""

    origin: Origin
    columns: list[pa.ChunkedArray]
    head: list[list[str]]

    @property
    def height(self) -> int:
        """The number of rows, the blank ones above the table included."""
        return len(self.columns[0])

    def matches(self, options: LoadOptions) -> bool:
        """Whether a row of the head names columns of the mapping."""
        return any(header_score(row, options) for row in self.head)


def is_workbook(content: bytes) -> bool:
    """Whether the bytes are a ZIP container or an OLE file, whatever the file's name says."""
    return content.startswith((_ZIP, _OLE))


def read_sheets(content: bytes, origin: Origin, options: LoadOptions) -> list[Sheet]:
    """The sheets that have cells, hidden ones included; or only the one that ``options`` name.

    Raises :class:`SourceError` for a broken, protected or empty workbook, :class:`UsageError` for an unknown sheet.
    """
    sheets = []
    for name, rows in _values(content, origin.file, options.sheet).items():
        for row, column, text in shown_cells(content, name, rows):
            rows[row][column] = text
        while rows and not any(cell != "" for cell in rows[-1]):
            rows.pop()
        if rows:
            sheets.append(_sheet(replace(origin, sheet=name), rows))
    if not sheets:
        raise SourceError(
            f"{origin.file}: the workbook is empty", "Export the table again, with its header and its rows."
        )
    return sheets


def _values(content: bytes, file: str, only: str | None) -> dict[str, list[list[Any]]]:
    """Sheet name → rows of Python values, from the sheet's first row and column on."""
    try:
        with calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            names = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
            if only is not None and only not in names:
                listed = ", ".join(repr(name) for name in names)
                raise UsageError(f"{file}: there is no sheet {only!r}", f"Its sheets: {listed}.")
            names = names if only is None else [only]
            return {name: workbook.get_sheet_by_name(name).to_python(skip_empty_area=False) for name in names}
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


def _sheet(origin: Origin, rows: list[list[Any]]) -> Sheet:
    columns = [_text(list(cells)) for cells in zip_longest(*rows, fillvalue="")]
    head = [column.slice(0, HEAD_RECORDS).to_pylist() for column in columns]
    return Sheet(origin, columns, [list(row) for row in zip(*head, strict=True)])


def sheet_table(sheet: Sheet, options: LoadOptions) -> tuple[SourceTable, list[Problem]]:
    """The table of a sheet; without data rows when there is nothing but a header."""
    header = find_header(sheet.head, options)
    if header is None:
        raise SourceError(
            f"{sheet.origin.file}!{sheet.origin.sheet}: no header in the first {HEAD_RECORDS} rows",
            "Delete the blank rows above the table.",
        )
    columns = [column.slice(header.row) for column in sheet.columns]
    body = Body.following(columns, np.full(sheet.height - header.row, len(columns), np.int64), header.row + 1)
    return assemble(sheet.origin, header, body, (), options)


def ignored_table(sheet: Sheet) -> tuple[SourceTable, list[Problem]]:
    """A table without columns for a sheet that the mapping does not know; every row of it counts as skipped."""
    origin, count = sheet.origin, sheet.height
    skipped = skipped_frame(range(1, count + 1), ["sheet not mapped"] * count)
    problem = Problem(
        Severity.WARNING,
        "sheet_ignored",
        f"none of the sheet's {count:,} rows is read: no header in it is one of the mapping's columns",
        "Fine for notes and instructions; else correct the headers, or name them in the mapping.",
        location=replace(origin.at(1), row=None),
    )
    frame = pd.DataFrame(index=pd.RangeIndex(0))
    nothing = np.zeros(0, np.int64)
    table = SourceTable(
        origin.file, origin.sheet, frame, nothing, skipped, np.zeros(0, bool), details=dict(origin.details)
    )
    return table, [problem]


def _text(values: Sequence[Any]) -> pa.ChunkedArray:
    """Cells as text. Each distinct value is put into words once; 1, 1.0 and True are told apart by their type."""
    kinds = set(map(type, values))
    if kinds <= {str}:
        texts: Sequence[str] = values
    elif len(kinds) == 1:
        shown = _shown(kinds.pop(), set(values))
        texts = [shown[value] for value in values]
    else:
        by_kind = {kind: _shown(kind, {value for value in values if type(value) is kind}) for kind in kinds}
        texts = [by_kind[type(value)][value] for value in values]
    return pa.chunked_array([pa.array(texts, pa.string())])


def _shown(kind: type, values: set[Any]) -> dict[Any, str]:
    write = _WRITERS.get(kind, str)
    return {value: write(value) for value in values}


def _number(value: float) -> str:
    return str(int(value)) if value.is_integer() and abs(value) <= _EXACT else repr(value)


def _moment(value: dt.datetime) -> str:
    return value.date().isoformat() if value.time() == dt.time() else value.isoformat(" ", "seconds")


def _clock(value: dt.time) -> str:
    return value.isoformat("seconds")


def _duration(value: dt.timedelta) -> str:
    minutes, seconds = divmod(round(value.total_seconds()), 60)
    return f"{minutes // 60}:{minutes % 60:02}:{seconds:02}"


_WRITERS: dict[type, Callable[[Any], str]] = {
    bool: lambda value: "TRUE" if value else "FALSE",
    float: _number,
    dt.datetime: _moment,
    dt.time: _clock,
    dt.timedelta: _duration,
}
