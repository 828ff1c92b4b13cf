"""A workbook's file: XlsxWriter makes all of it but the rows, which are put in as they are zipped.

Of what XlsxWriter offers, its own rows are what takes long: a call of Python for each cell, and a file that is written,
read and written again. What goes in here are plain values and Arrow columns, so that another process can do the work.
"""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from pathlib import Path
from typing import Any, BinaryIO
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.report.marked_cells import Marks
from importer.report.report_files import whole_file
from importer.report.sheet_xml import LONGEST_CELL, StyledColumn, rows_xml, text_bytes

__all__ = ["GUIDE", "Content", "Sheet", "save_workbook"]

GUIDE = "How to mend"
_LONGEST_NOTE = 2_000
_WIDEST = 40  # characters of a column
_LEVEL = 1  # of compression: others take more than twice as long, and save a tenth
_OPTIONS = {"in_memory": True, "strings_to_numbers": False, "strings_to_formulas": False, "strings_to_urls": False}
_TEXT = {"num_format": "@", "valign": "top"}
_ERROR = _TEXT | {"bg_color": "#FFC7CE", "font_color": "#9C0006", "bold": True, "border": 2, "border_color": "#9C0006"}
_WARNING = _TEXT | {"bg_color": "#FFEB9C", "font_color": "#7F6000", "italic": True, "border": 3}
_HEADER = _TEXT | {"bold": True, "bg_color": "#DDE3EA", "bottom": 1}
_WRAPPED = {"text_wrap": True}
_FORMATS: dict[str, dict[str, Any]] = {
    "text": _TEXT, "error": _ERROR, "warning": _WARNING, "header": _HEADER,
    "reasons": _TEXT | _WRAPPED, "row error": _ERROR | _WRAPPED, "row warning": _WARNING | _WRAPPED,
    "title": _TEXT | {"bold": True, "font_size": 14}, "command": _TEXT | {"font_name": "Consolas", "bold": True},
    "line": _TEXT | _WRAPPED,
}  # fmt: skip


@dataclass(frozen=True)
class Sheet:
    """One sheet of rows to mend: its columns' titles, and its cells as the workbook shows them, never null.

    The first column says what is wrong with each row. ``notes``: so many of the marks at most have one.
    """

    name: str
    titles: Sequence[str]
    columns: Sequence[pa.Array]
    marks: Marks
    notes: int


@dataclass(frozen=True)
class Content:
    """What a workbook holds. ``guide``: rows of cells, each with its format."""

    guide: Sequence[tuple[str, tuple[str, ...]]]
    sheets: Sequence[Sheet]


def save_workbook(path: Path, content: Content) -> None:
    """Write a workbook. Raises :class:`OutputError`."""
    frame, numbers = _frame(content)
    rows = {f"xl/worksheets/sheet{place}.xml": sheet for place, sheet in enumerate(content.sheets, start=2)}
    with (
        whole_file(path) as file,
        ZipFile(frame) as made,
        ZipFile(file, "w", ZIP_DEFLATED, compresslevel=_LEVEL) as out,
    ):
        for part in made.namelist():
            info = ZipInfo(part, (1980, 1, 1, 0, 0, 0))  # always the same
            info.compress_type = ZIP_DEFLATED
            with out.open(info, "w", force_zip64=part in rows) as member:
                if part in rows:
                    _write_rows(member, made.read(part), rows[part], numbers)
                else:
                    member.write(made.read(part))


def _frame(content: Content) -> tuple[BinaryIO, dict[str, int]]:
    """The workbook without its rows, and the numbers by which cells name their formats."""
    import xlsxwriter  # noqa: PLC0415 - a list without faults needs none of it

    file = io.BytesIO()
    workbook = xlsxwriter.Workbook(file, _OPTIONS)
    workbook.set_properties({"title": GUIDE, "created": datetime(2000, 1, 1)})  # noqa: DTZ001 - always the same
    formats = {name: workbook.add_format(kind) for name, kind in _FORMATS.items()}
    _write_guide(workbook.add_worksheet(GUIDE), formats, content.guide)
    for sheet in content.sheets:
        _lay_out(workbook.add_worksheet(sheet.name), formats, sheet)
    numbers = {name: kind._get_xf_index() for name, kind in formats.items()}  # noqa: SLF001 - as its own cells do
    workbook.close()
    return file, numbers


def _write_guide(sheet: Any, formats: dict[str, Any], rows: Sequence[tuple[str, tuple[str, ...]]]) -> None:
    sheet.hide_gridlines(2)
    for column, width in enumerate((30, 30, 22, 90)):
        sheet.set_column(column, column, width)
    for number, (kind, cells) in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write_string(number, column, cell[:LONGEST_CELL], formats[kind])


def _lay_out(sheet: Any, formats: dict[str, Any], plan: Sheet) -> None:
    """All of a sheet but its cells."""
    from xlsxwriter.utility import xl_rowcol_to_cell  # noqa: PLC0415

    last_row, last_column = len(plan.columns[0]), len(plan.titles) - 1
    sheet.set_column(0, 0, 48, formats["reasons"])
    for place, (title, column) in enumerate(zip(plan.titles, plan.columns, strict=True)):
        if place:
            sheet.set_column(place, place, _width(title, column), formats["text"])
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, last_row, last_column)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_rowcol_to_cell(last_row, last_column)}"})
    _write_notes(sheet, plan.marks, plan.notes)


def _width(title: str, column: pa.Array) -> int:
    """A column's width in characters: that of its longest text, within what fits a screen."""
    least = max(len(title) + 3, 8)
    lengths = np.diff(text_bytes(column)[1])
    if lengths.max(initial=0) <= least:  # no text has more characters than bytes
        return min(least, _WIDEST) + 1
    longest = pc.max(pc.utf8_length(column.filter(pa.array(lengths > least)))).as_py()
    return int(min(max(longest, least), _WIDEST)) + 1


def _write_notes(sheet: Any, marks: Marks, most: int) -> None:
    """Notes on marked cells; what is wrong with a whole row stands in its first cell, which needs none."""
    at = np.flatnonzero(marks.column > 0)[:most]
    texts = marks.notes.take(pa.array(at)).to_pylist()
    for row, column, text in zip(marks.row[at].tolist(), marks.column[at].tolist(), texts, strict=True):
        shown = text if len(text) <= _LONGEST_NOTE else f"{text[:_LONGEST_NOTE]}…"
        lines = sum(1 + len(line) // 45 for line in shown.split("\n"))
        sheet.write_comment(row + 1, column, shown, {"author": "importer", "width": 320, "height": 18 * lines + 12})


def _write_rows(member: Any, xml: bytes, sheet: Sheet, numbers: dict[str, int]) -> None:
    """A sheet's XML with its rows."""
    from xlsxwriter.utility import xl_rowcol_to_cell  # noqa: PLC0415

    last = xl_rowcol_to_cell(len(sheet.columns[0]), len(sheet.titles) - 1)
    before, after = re.split(b"<sheetData(?:/>|>.*</sheetData>)", xml, flags=re.DOTALL)  # bare rows, where notes are
    before = re.sub(b'<dimension ref="[^"]*"', f'<dimension ref="A1:{last}"'.encode(), before)
    header = [StyledColumn(pa.array([title]), numbers["header"]) for title in sheet.titles]
    member.write(before + b"<sheetData>")
    for block in chain(rows_xml(header, first_row=1), rows_xml(_styled(sheet, numbers), first_row=2)):
        member.write(block)
    member.write(b"</sheetData>" + after)


def _styled(sheet: Sheet, numbers: dict[str, int]) -> list[StyledColumn]:
    """The columns with the formats of their marked cells."""
    marks = sheet.marks
    styled = [StyledColumn(sheet.columns[0], numbers["reasons"])]
    styled += [StyledColumn(column, numbers["text"]) for column in sheet.columns[1:]]
    for place in np.unique(marks.column).tolist():
        own = marks.column == place
        prefix = "" if place else "row "
        styles = np.full(len(styled[place].texts), styled[place].plain, dtype=np.int64)
        for error, name in ((True, "error"), (False, "warning")):
            styles[marks.row[own & (marks.error == error)]] = numbers[prefix + name]
        styled[place] = StyledColumn(styled[place].texts, styled[place].plain, styles)
    return styled
