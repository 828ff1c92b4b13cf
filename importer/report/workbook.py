"""``rejected.xlsx``: the rows that somebody has to mend, as a workbook that shows the cells and can be given back."""

import re
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any, BinaryIO

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.report.cells import LONGEST_CELL, StyledColumn, rows_xml
from importer.report.files import removed, whole_file
from importer.report.guide import SheetPlan, guide_rows
from importer.report.mending import Marks, choose_rows, find_marks
from importer.report.model import ReportInput
from importer.report.places import one_array
from importer.report.rejected import import_errors
from importer.tables import IMPORT_ERRORS, TEXT, SourceTable, keep_apostrophes

__all__ = ["Workbook", "sheet_names", "write_workbook"]

_MOST_NOTES = 3_000  # spreadsheets become slow with more, and each costs as much as ten rows
_LONGEST_NOTE = 2_000
_LONGEST_NAME = 31  # of a sheet, by the program that everybody has
_GUIDE = "How to mend"
_OPTIONS = {
    "constant_memory": True,
    "strings_to_numbers": False,
    "strings_to_formulas": False,
    "strings_to_urls": False,
}
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
class Workbook:
    """How many rows to mend a workbook holds, and how many are in ``rejected/`` alone."""

    rows: int
    left_out: int


def write_workbook(path: Path, report: ReportInput, *, command: str) -> Workbook | None:
    """Write the rows to mend as one workbook with a sheet for each source table, and one that explains them.

    ``command`` is what gives it back. Comes back: what it holds, or None where there is nothing to mend; a workbook
    that an earlier report left there is then removed. Raises :class:`OutputError`.
    """
    chosen = choose_rows(report)
    if not chosen.rows.any():
        removed(path)
        return None
    sheets = _plan(report, chosen.rows)
    texts = _reasons(report, chosen.rows)
    marks = [find_marks(report.located, sheet.rows, list(sheet.table.frame.columns)) for sheet in sheets]
    unnoted = max(0, sum(int((found.column > 0).sum()) for found in marks) - _MOST_NOTES)
    guide = guide_rows(report, chosen, sheets, command=command, unnoted=unnoted)
    with whole_file(path) as file, tempfile.TemporaryDirectory(prefix=".writing-", dir=path.parent) as scratch:
        _save(file, scratch, guide, sheets, marks, texts)
    return Workbook(int(chosen.rows.sum()), chosen.unheld + chosen.surplus)


def _plan(report: ReportInput, rows: "np.ndarray[Any, np.dtype[np.bool_]]") -> list[SheetPlan]:
    """The sheets. A table without rows has one only where a row lacks its customer, whose rows can be added there."""
    sources = report.sources
    alone = (rows & (report.tables.rows["customer"].to_numpy(np.int64) < 0)).any()
    plans = []
    for index, (table, name) in enumerate(zip(sources.tables, sheet_names(sources.tables), strict=True)):
        start, end = sources.offsets[index : index + 2]
        own = start + np.flatnonzero(rows[start:end])
        if len(own) or (alone and len(table.frame)):
            plans.append(SheetPlan(name, table, own, int(start)))
    return plans


def _reasons(report: ReportInput, rows: "np.ndarray[Any, np.dtype[np.bool_]]") -> "pd.Series[Any]":
    """What is wrong with each row, a line for each problem, below the number that the row has in its source."""
    at = np.flatnonzero(rows)
    numbers = pc.cast(pa.array(report.sources.row_numbers(at)), pa.string())
    reasons = one_array(import_errors(report, rows, "\n"))
    texts = pc.binary_join_element_wise(
        "row ", numbers, "\n", reasons, "", null_handling="replace", null_replacement=""
    )
    return pd.Series(pd.array(pc.utf8_slice_codeunits(texts, 0, LONGEST_CELL // 2), dtype=TEXT), index=at)


def _save(
    file: BinaryIO,
    scratch: str,
    guide: Sequence[tuple[str, tuple[str, ...]]],
    sheets: Sequence[SheetPlan],
    marks: Sequence[Marks],
    texts: "pd.Series[Any]",
) -> None:
    import xlsxwriter  # noqa: PLC0415 - a list without faults needs none of it
    from xlsxwriter.exceptions import FileCreateError  # noqa: PLC0415

    workbook = xlsxwriter.Workbook(file, _OPTIONS | {"tmpdir": scratch})
    workbook.set_properties({"title": _GUIDE, "created": pd.Timestamp(2000, 1, 1).to_pydatetime()})  # always the same
    formats = {name: workbook.add_format(kind) for name, kind in _FORMATS.items()}
    _write_guide(workbook.add_worksheet(_GUIDE), formats, guide)
    notes = _MOST_NOTES
    for sheet, found in zip(sheets, marks, strict=True):
        notes -= _write_sheet(
            workbook.add_worksheet(sheet.name), formats, sheet, found, texts.reindex(sheet.rows), notes
        )
    try:
        workbook.close()
    except FileCreateError as error:  # how XlsxWriter passes on an OSError
        raise error.args[0] from error


def _write_guide(sheet: Any, formats: dict[str, Any], rows: Sequence[tuple[str, tuple[str, ...]]]) -> None:
    sheet.hide_gridlines(2)
    for column, width in enumerate((30, 30, 22, 90)):
        sheet.set_column(column, column, width)
    for number, (kind, cells) in enumerate(rows):
        for column, cell in enumerate(cells):
            sheet.write_string(number, column, cell[:LONGEST_CELL], formats[kind])


def _write_sheet(
    sheet: Any, formats: dict[str, Any], plan: SheetPlan, marks: Marks, texts: "pd.Series[Any]", notes: int
) -> int:
    """One sheet of rows, with at most so many notes; comes back: how many it has."""
    from xlsxwriter.utility import xl_rowcol_to_cell  # noqa: PLC0415

    titles = [IMPORT_ERRORS, *plan.table.frame.columns]
    local = plan.rows - plan.start
    columns = [one_array(texts)]
    columns += [keep_apostrophes(one_array(plan.table.frame[name].take(local))) for name in plan.table.frame.columns]
    last_row, last_column = len(local), len(titles) - 1
    # XlsxWriter has no way to be handed rows that are XML already: this is where it keeps its own in constant memory.
    numbers = {name: kind._get_xf_index() for name, kind in formats.items()}  # noqa: SLF001
    header = [StyledColumn(keep_apostrophes(pa.array([title])), numbers["header"]) for title in titles]
    for part in (*rows_xml(header, first_row=1), *rows_xml(_styled(columns, marks, numbers), first_row=2)):
        sheet.row_data_fh.write(part)
    sheet.dim_rowmin, sheet.dim_rowmax, sheet.dim_colmin, sheet.dim_colmax = 0, last_row, 0, last_column
    sheet.set_column(0, 0, 48, formats["reasons"])
    for place, (title, column) in enumerate(zip(titles, columns, strict=True)):
        if place:
            sheet.set_column(place, place, _width(title, column), formats["text"])
    sheet.freeze_panes(1, 1)
    sheet.autofilter(0, 0, last_row, last_column)
    sheet.ignore_errors({"number_stored_as_text": f"A1:{xl_rowcol_to_cell(last_row, last_column)}"})
    return _write_notes(sheet, marks, notes)


def _styled(columns: Sequence[pa.Array], marks: Marks, numbers: dict[str, int]) -> list[StyledColumn]:
    """The columns with the formats of their marked cells."""
    styled = [StyledColumn(columns[0], numbers["reasons"])]
    styled += [StyledColumn(column, numbers["text"]) for column in columns[1:]]
    for place in np.unique(marks.column).tolist():
        own = marks.column == place
        prefix = "" if place else "row "
        styles = np.full(len(columns[0]), styled[place].plain, dtype=np.int64)
        for error, name in ((True, "error"), (False, "warning")):
            styles[marks.row[own & (marks.error == error)]] = numbers[prefix + name]
        styled[place] = StyledColumn(columns[place], styled[place].plain, styles)
    return styled


def _width(title: str, column: pa.Array) -> int:
    """A column's width in characters: that of its longest text, within what fits a screen."""
    longest = pc.max(pc.utf8_length(column)).as_py() or 0
    return int(min(max(longest, len(title) + 3, 8), 40)) + 1


def _write_notes(sheet: Any, marks: Marks, most: int) -> int:
    """Notes on marked cells; what is wrong with a whole row stands in its first cell, which needs none."""
    at = np.flatnonzero(marks.column > 0)[: max(most, 0)]
    texts = marks.notes.take(pa.array(at)).to_pylist()
    for row, column, text in zip(marks.row[at].tolist(), marks.column[at].tolist(), texts, strict=True):
        shown = text if len(text) <= _LONGEST_NOTE else f"{text[:_LONGEST_NOTE]}…"
        lines = sum(1 + len(line) // 45 for line in shown.split("\n"))
        sheet.write_comment(row + 1, column, shown, {"author": "importer", "width": 320, "height": 18 * lines + 12})
    return len(at)


_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f\ufffe\uffff]")


def sheet_names(tables: Sequence[SourceTable]) -> list[str]:
    """A sheet's name for each table: the file's name without its ending, or the sheet's where a file has several.

    At most 31 characters: of a longer name both ends are kept, because either may be what tells it from others. Names
    are told apart without regard to case.
    """
    files = Counter(table.file for table in tables)
    taken = {_GUIDE.casefold(), "history"}  # Excel keeps the second for itself
    names = []
    for table in tables:
        several = table.sheet is not None and (files[table.file] > 1 or "stands_for" in table.details)
        stem = PurePath(table.file.replace("\\", "/")).stem
        wanted = _FORBIDDEN.sub("_", (table.sheet or stem) if several else stem).strip(" '") or "source"
        name, number = _short(wanted, ""), 1
        while name.casefold() in taken:
            number += 1
            name = _short(wanted, f" ({number})")
        taken.add(name.casefold())
        names.append(name)
    return names


def _short(name: str, ending: str) -> str:
    room = _LONGEST_NAME - len(ending)
    if _units(name) <= room:
        return name + ending
    head, tail = name[: room // 2], name[-(room // 2) :]
    while _units(head) + _units(tail) > room - 1:
        head, tail = head[:-1], tail[1:]
    return f"{head}…{tail}{ending}"


def _units(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
