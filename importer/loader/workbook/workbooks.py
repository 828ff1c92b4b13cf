"""Workbooks (.xlsx, .xlsm, .xlsb, .xls, .ods) to tables, with the text that a person sees in the cells."""

import io
import re
import zipfile
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any
from xml.etree import ElementTree as ET

import numpy as np
import pyarrow as pa
import python_calamine as calamine

from importer.errors import NoSourceError, SourceError, UsageError
from importer.loader.assemble import Origin, RawTable
from importer.loader.layout import HEAD_RECORDS, LoadOptions, find_header
from importer.loader.text.column_store import Body
from importer.loader.workbook.displays import (
    SheetDisplay,
    apply_display,
    cell_text,
    ods_display,
    xls_displays,
    xlsx_display,
)
from importer.records import Problem, Severity
from importer.tables import GUIDE_COLUMNS, GUIDE_TITLE, SourceTable

_ROWS = 2048  # that are read at a time
_MAX_LISTED = 12
_ZIP, _OLE = b"PK\x03\x04", bytes.fromhex("D0CF11E0A1B11AE1")
# An encrypted .xlsx is a stream of this name in an OLE file (MS-OFFCRYPTO 2.3.4.4). An encrypted .xls has a FilePass
# record after the first record of its stream, or after a WriteProtect record (MS-XLS 2.1.7.20.3).
_ENCRYPTED = re.compile(
    re.escape("EncryptedPackage".encode("utf-16-le"))
    + rb"|\x09\x08\x10\x00\x00\x06\x05\x00.{12}(?:\x86\x00\x00\x00)?\x2f\x00",
    re.DOTALL,
)


@dataclass(frozen=True)
class Sheet:
    """One sheet: its columns of text down to the last row with a value, and how it looks."""

    origin: Origin
    columns: list[pa.ChunkedArray]
    display: SheetDisplay

    def rows(self, count: int | None = None) -> list[tuple[str, ...]]:
        """All rows, or the first ones."""
        return list(zip(*(column.slice(0, count).to_pylist() for column in self.columns), strict=True))

    def raw_table(self, options: LoadOptions) -> RawTable:
        """The records below the header."""
        header = find_header(self.rows(HEAD_RECORDS), options, self.origin.file, self.origin.sheet or "")
        start = header.row if header else 0
        columns = [column.slice(start) for column in self.columns]
        numbers = np.arange(start + 1, len(self.columns[0]) + 1, dtype=np.int64)
        body = Body(columns, np.full(len(numbers), len(columns), np.int64), numbers)
        return RawTable(self.origin, header, body, more_problems=self._hidden_and_merged)

    def _hidden_and_merged(self, table: SourceTable) -> Iterator[Problem]:
        """What is hidden or merged below the header: one problem for each kind, at its first place."""
        header, height = table.details["header_row"], len(self.columns[0])
        rows = [row + 1 for row in self.display.hidden_rows if header <= row < height]
        names = [cell.strip() or f"Column {place}" for place, cell in enumerate(self.rows(header)[-1], start=1)]
        columns = [names[place] for place in self.display.hidden_columns if place < len(names)]
        merged = [(top + 1, bottom + 1) for top, _, bottom, _ in self.display.merged if top >= header]
        if rows:
            message = f"{len(rows):,} hidden rows are read like the others: {_listed(rows)}"
            hint = "Delete them, or leave them out with a `skip` rule, if they are not to be imported."
            yield Problem(Severity.WARNING, "hidden_rows", message, hint, location=self.origin.at(rows[0]))
        if columns:
            message = f"{len(columns):,} hidden columns are read like the others: {_listed(columns)}"
            place = self.origin.at(header, columns[0])
            yield Problem(Severity.INFO, "hidden_columns", message, "Nothing needs to be done.", location=place)
        if merged:
            blocks = [f"row {top}" if top == bottom else f"rows {top}-{bottom}" for top, bottom in merged]
            message = f"{len(merged):,} merged blocks of cells: {_listed(blocks)}; each has one value in its first cell"
            hint = (
                "The block's other cells are blank. Unmerge them and fill each row; or, where a customer's cells are "
                "merged over several rows, use a mapping with `blank_key: above`."
            )
            yield Problem(Severity.WARNING, "merged_cells", message, hint, location=self.origin.at(merged[0][0]))


def is_workbook(content: bytes) -> bool:
    """Whether the bytes are a ZIP container or an OLE file, whatever the file's name."""
    return content.startswith((_ZIP, _OLE))


def read_workbook(content: bytes, origin: Origin, options: LoadOptions) -> list[RawTable]:
    """The sheets that have cells, hidden ones included; or only the one that ``options`` name.

    Raises :class:`SourceError` for a broken, protected or empty workbook, :class:`UsageError` for an unknown sheet.
    """
    sheets = list(_without_guide(list(_sheets(content, origin, options.sheet))))
    if not sheets:
        raise NoSourceError(
            f"{origin.file}: the workbook is empty", "Export the table again, with its header and rows."
        )
    return [sheet.raw_table(options) for sheet in sheets]


def select_sheets(names: Sequence[str], file: str, only: str | None) -> Sequence[str]:
    """All names, or the one that is wanted. Raises :class:`UsageError` if there is no such sheet."""
    if only is None:
        return names
    if only not in names:
        listed = ", ".join(repr(name) for name in names)
        raise UsageError(f"{file}: there is no sheet {only!r}", f"Its sheets: {listed}.")
    return [only]


def _sheets(content: bytes, origin: Origin, only: str | None) -> Iterator[Sheet]:
    file = origin.file
    display_of = _display_reader(content)
    try:
        with calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)) as workbook:
            names = [sheet.name for sheet in workbook.sheets_metadata if sheet.typ == calamine.SheetTypeEnum.WorkSheet]
            for name in select_sheets(names, file, only):
                sheet = workbook.get_sheet_by_name(name)
                display = SheetDisplay() if sheet.start is None else display_of(name)
                if columns := _columns(sheet, display, file):
                    merged = sorted((*first, *last) for first, last in sheet.merged_cell_ranges or ())
                    yield Sheet(replace(origin, sheet=name), columns, replace(display, merged=merged or display.merged))
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


def _display_reader(content: bytes) -> Callable[[str], SheetDisplay]:
    """A function from a sheet's name to how it looks; broken parts of a workbook show the bare values."""
    if content.startswith(_OLE):
        try:
            displays = xls_displays(content)
        except Exception:  # noqa: BLE001 - a broken file makes xlrd raise anything, and calamine may still read it
            displays = {}
        return lambda sheet: displays.get(sheet, SheetDisplay())

    def read(sheet: str) -> SheetDisplay:
        try:
            with zipfile.ZipFile(io.BytesIO(content)) as archive:
                if "content.xml" in archive.namelist():
                    return ods_display(archive.read("content.xml"), sheet)
                return xlsx_display(archive, sheet)
        except (zipfile.BadZipFile, KeyError, ET.ParseError, OSError, ValueError):
            return SheetDisplay()

    return read


def _columns(sheet: calamine.CalamineSheet, display: SheetDisplay, file: str) -> list[pa.ChunkedArray]:
    """All columns from the sheet's first row and column down to the last row with a value; none without a value.

    Some rows at a time: as Python objects a large sheet needs many times the memory, and to allocate that takes longer
    than everything else.
    """
    if sheet.start is None:
        return []
    chunks: list[list[pa.Array]] = []
    start, height = 0, 0
    before = [[""] * _ROWS] * sheet.start[1]  # columns that calamine leaves out here, though not the rows above
    for block in _blocks_of_rows(sheet, file):
        last = next((place for place in range(len(block), 0, -1) if any(cell != "" for cell in block[place - 1])), 0)
        height = start + last if last else height
        columns = [column[: len(block)] for column in before] + [list(cells) for cells in zip(*block, strict=True)]
        end = start + len(block)
        first, after = (bisect_left(display.cells, (row,)) for row in (start, end))
        apply_display(columns, display.cells[first:after], start)
        chunks = chunks or [[] for _ in columns]
        for own, cells in zip(chunks, columns, strict=True):
            texts = [value if type(value) is str else cell_text(value) for value in cells]
            own.append(pa.array(texts, pa.string()))
        start = end
    return [pa.chunked_array(own, pa.string()).slice(0, height) for own in chunks] if height else []


def _blocks_of_rows(sheet: calamine.CalamineSheet, file: str) -> Iterator[list[list[Any]]]:
    rows = sheet.iter_rows()
    try:
        while block := list(islice(rows, _ROWS)):
            yield block
    except OverflowError as error:
        raise SourceError(
            f"{file}!{sheet.name}: a cell with a format of elapsed time ([h]:mm) contains a number that is too large",
            "Give the column the number format General or Text, and save the workbook again.",
        ) from error


def _without_guide(sheets: Sequence[Sheet]) -> Iterator[Sheet]:
    """The sheets without the one that explains a workbook of rejected rows (never data).

    It lists the file and sheet of origin of the rows in the others; their details get it as ``stands_for``.
    """
    origins: dict[str | None, list[str]] = {}
    others = []
    for sheet in sheets:
        if not any(cell.strip() == GUIDE_TITLE for row in sheet.rows(HEAD_RECORDS) for cell in row):
            others.append(sheet)
            continue
        rows = [[cell.strip() for cell in row] for row in sheet.rows()]
        start = next((at for at, row in enumerate(rows) if set(GUIDE_COLUMNS) <= set(row)), len(rows))
        for row in rows[start + 1 :]:
            name, *source = (row[rows[start].index(column)] for column in GUIDE_COLUMNS)
            if not name:
                break
            origins[name] = source
    for sheet in others:
        source = origins.get(sheet.origin.sheet, [])
        details = {**sheet.origin.details, "stands_for": source} if source else sheet.origin.details
        yield replace(sheet, origin=replace(sheet.origin, details=details))


def _listed(items: Sequence[object]) -> str:
    return ", ".join(map(str, items[:_MAX_LISTED])) + (" and more" if len(items) > _MAX_LISTED else "")
