"""The file of a workbook of rejected rows: sheets, colors and notes.

Plain values and Arrow columns go in, so that another process can write the file.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from importer.report.report_files import whole_file

GUIDE = "How to fix"
LONGEST_CELL = 32_767  # UTF-16 units
_LONGEST_NOTE = 2_000
_WIDEST = 40  # characters of a column
_REASONS_WIDTH = 48
_ROWS = 1_000  # held as Python objects at a time
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
Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Marks:
    """The cells of one sheet that have a problem, by row and column.

    ``row`` counts from 0 below the header, ``column`` from 0, which is ``import_errors``. ``error``: True for an
    error, False for a warning. ``notes`` say what is wrong and what to do.
    """

    row: Positions
    column: Positions
    error: npt.NDArray[np.bool_]
    notes: pa.Array


@dataclass(frozen=True)
class Sheet:
    """One sheet of rejected rows: its columns' titles, and its cells as the workbook shows them, never null.

    The first column says what is wrong with each row. ``notes``: how many of the marks may have one.
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
    import xlsxwriter  # noqa: PLC0415 - a check without errors does not need it
    from xlsxwriter.exceptions import FileCreateError  # noqa: PLC0415

    with whole_file(path) as file, TemporaryDirectory(prefix=".writing-", dir=path.parent) as scratch:
        workbook = xlsxwriter.Workbook(file, {"tmpdir": scratch})
        workbook.set_properties({"title": GUIDE, "created": datetime(2000, 1, 1)})  # noqa: DTZ001 - always the same
        formats = {name: workbook.add_format(kind) for name, kind in _FORMATS.items()}
        _write_guide(workbook.add_worksheet(GUIDE), formats, content.guide)
        for sheet in content.sheets:
            _write_sheet(workbook.add_worksheet(sheet.name), formats, sheet)
        try:
            workbook.close()
        except FileCreateError as error:
            raise OSError(*error.args[0].args) from error


def _write_guide(sheet: Any, formats: dict[str, Any], rows: Sequence[tuple[str, tuple[str, ...]]]) -> None:
    sheet.hide_gridlines(2)
    for column, width in enumerate((30, 30, 22, 90)):
        sheet.set_column(column, column, width)
    for number, (kind, cells) in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write_string(number, column, cell[:LONGEST_CELL], formats[kind])


def _write_sheet(sheet: Any, formats: dict[str, Any], plan: Sheet) -> None:
    from xlsxwriter.utility import xl_range  # noqa: PLC0415

    last_row, last_column = len(plan.columns[0]), len(plan.titles) - 1
    sheet.set_column(0, 0, _REASONS_WIDTH, formats["reasons"])
    for place, (title, column) in enumerate(zip(plan.titles[1:], plan.columns[1:], strict=True), start=1):
        sheet.set_column(place, place, _width(title, column), formats["text"])
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, last_row, last_column)
    sheet.ignore_errors({"number_stored_as_text": xl_range(0, 0, last_row, last_column)})
    _write_notes(sheet, plan.marks, plan.notes)
    for place, title in enumerate(plan.titles):
        _write_text(sheet, 0, place, title, formats["header"])
    places = zip(plan.marks.row.tolist(), plan.marks.column.tolist(), plan.marks.error.tolist(), strict=True)
    marked = {
        (row + 1, column): formats[("" if column else "row ") + ("error" if error else "warning")]
        for row, column, error in places
    }
    usual = [formats["reasons"], *[formats["text"]] * last_column]
    table = pa.table(list(plan.columns), names=[str(place) for place in range(last_column + 1)])
    rows = (
        row for batch in table.to_batches(_ROWS) for row in zip(*map(pa.Array.to_pylist, batch.columns), strict=True)
    )
    for number, cells in enumerate(rows, start=1):
        for place, cell in enumerate(cells):
            kind = marked.get((number, place))
            if cell:
                _write_text(sheet, number, place, cell, kind or usual[place])
            elif kind:
                sheet.write_blank(number, place, None, kind)


def _write_text(sheet: Any, row: int, column: int, text: str, kind: Any) -> None:
    if text.startswith("<r>") and text.endswith("</r>"):  # XlsxWriter would take it for the XML of a rich string
        sheet.write_rich_string(row, column, text[:1], kind, text[1:], kind)
    else:
        sheet.write_string(row, column, text, kind)


def _width(title: str, column: pa.Array) -> int:
    """A column's width in characters: that of its longest text, within what fits a screen."""
    longest = pc.max(pc.utf8_length(column)).as_py() or 0
    return int(min(max(longest, len(title) + 3, 8), _WIDEST)) + 1


def _write_notes(sheet: Any, marks: Marks, most: int) -> None:
    """Notes on marked cells; the first column needs none, because it says itself what is wrong with the row."""
    at = np.flatnonzero(marks.column > 0)[:most]
    texts = marks.notes.take(pa.array(at)).to_pylist()
    for row, column, text in zip(marks.row[at].tolist(), marks.column[at].tolist(), texts, strict=True):
        shown = text if len(text) <= _LONGEST_NOTE else f"{text[:_LONGEST_NOTE]}…"
        lines = sum(1 + len(line) // 45 for line in shown.split("\n"))
        sheet.write_comment(row + 1, column, shown, {"author": "importer", "width": 320, "height": 18 * lines + 12})
