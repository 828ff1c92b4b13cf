"""``rejected.xlsx``: the rows that somebody has to mend, as a workbook that shows the cells and can be given back."""

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.report.marked_cells import Marks, choose_rows, find_marks
from importer.report.rejected import ImportErrors
from importer.report.report_files import removed
from importer.report.report_input import ReportInput
from importer.report.sheet_xml import LONGEST_CELL
from importer.report.workbook_file import GUIDE, Content, Sheet, save_workbook
from importer.report.workbook_guide import SheetPlan, guide_rows
from importer.tables import IMPORT_ERRORS, SourceTable, keep_apostrophes

__all__ = ["Workbook", "at_once", "sheet_names", "write_workbook"]

_MOST_NOTES = 3_000  # spreadsheets become slow with more, and each costs as much as ten rows
_LONGEST_NAME = 31  # of a sheet, by the program that everybody has


@dataclass(frozen=True)
class Workbook:
    """How many rows to mend a workbook holds, and how many are in ``rejected/`` alone."""

    rows: int
    left_out: int


def at_once(work: Callable[..., object], *arguments: object) -> None:
    """Do some work here and now."""
    work(*arguments)


def write_workbook(
    path: Path, report: ReportInput, *, command: str, begin: Callable[..., None] = at_once
) -> Workbook | None:
    """Write the rows to mend as one workbook with a sheet for each source table, and one that explains them.

    ``command`` is what gives it back. ``begin`` is handed the work that is left when all is gathered, with its
    arguments; it may have another process do it. Comes back: what it holds, or None where there is nothing to mend; a
    workbook that an earlier report left there is then removed. Raises :class:`OutputError`.
    """
    chosen = choose_rows(report)
    if not chosen.rows.any():
        removed(path)
        return None
    plans = _plan(report, chosen.rows)
    reasons = _reasons(report, chosen.rows)
    marks = [find_marks(report.located, plan.rows, list(plan.table.frame.columns)) for plan in plans]
    notable = [int((found.column > 0).sum()) for found in marks]
    unnoted = max(0, sum(notable) - _MOST_NOTES)
    guide = guide_rows(report, chosen, plans, command=command, unnoted=unnoted)
    sheets, start, notes = [], 0, _MOST_NOTES
    for plan, found, count in zip(plans, marks, notable, strict=True):
        sheets.append(_sheet(plan, found, reasons.slice(start, len(plan.rows)), notes))
        start, notes = start + len(plan.rows), max(0, notes - count)
    begin(save_workbook, path.absolute(), Content(guide, sheets))  # another process may stand elsewhere
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


def _reasons(report: ReportInput, rows: "np.ndarray[Any, np.dtype[np.bool_]]") -> pa.Array:
    """What is wrong with each row, a line for each problem, below the number that the row has in its source."""
    at = np.flatnonzero(rows)
    numbers = pc.cast(pa.array(report.sources.row_numbers(at)), pa.string())
    reasons = ImportErrors.of(report, rows).texts(at, "\n")
    texts = pc.binary_join_element_wise(
        "row ", numbers, "\n", reasons, "", null_handling="replace", null_replacement=""
    )
    return pc.utf8_slice_codeunits(texts, 0, LONGEST_CELL // 2)


def _sheet(plan: SheetPlan, marks: Marks, reasons: pa.Array, notes: int) -> Sheet:
    local = plan.rows - plan.start
    columns = [keep_apostrophes(plan.table.cells(name, local)) for name in plan.table.frame.columns]
    titles = keep_apostrophes(pa.array([IMPORT_ERRORS, *plan.table.frame.columns])).to_pylist()
    return Sheet(plan.name, titles, [reasons, *columns], marks, notes)


_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f\ufffe\uffff]")


def sheet_names(tables: Sequence[SourceTable]) -> list[str]:
    """A sheet's name for each table: the file's name without its ending, or the sheet's where a file has several.

    At most 31 characters: of a longer name both ends are kept, because either may be what tells it from others. Names
    are told apart without regard to case.
    """
    files = Counter(table.file for table in tables)
    taken = {GUIDE.casefold(), "history"}  # Excel keeps the second for itself
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
