"""The sheet of a workbook to mend that explains the others: what to do, what each code means, what is not in it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from importer.catalogue import find
from importer.records import Severity
from importer.report.counts import loose_rows
from importer.report.marked_cells import Chosen
from importer.report.problem_list import Located
from importer.report.report_input import ReportInput
from importer.tables import GUIDE_COLUMNS, GUIDE_TITLE, SourceTable

__all__ = ["SheetPlan", "guide_rows"]

_CODES = ("Code", "Severity", "Times", "What it means, what to do, and what it says where it is first")
_STEPS = (
    "1.  Each of the other sheets holds rows of one of your files or sheets, with all columns, unchanged.",
    "2.  Cells on red with a solid frame and bold text are wrong; on yellow with a dashed frame, worth a look.",
    "3.  Point at such a cell: its note says what is wrong and what to do. The column import_errors says it as well.",
    "4.  Type the right text into the cell. Leave headers and rows without colour as they are: they are needed.",
    "5.  Where a row names another one, look for that number: each row begins with the one that it has in your file.",
    "6.  What stands in import_errors is never read, nor is this sheet: neither needs to be cleared.",
    "7.  Save the workbook as it is (.xlsx), and give it back with the same mapping:",
)


_JOINING = (
    "     A row that belongs to a customer needs the customer's own rows as well. Likely ones are here; if it is "
    "another, copy its rows from your file."
)


@dataclass(frozen=True)
class SheetPlan:
    """One sheet of rows: its name, the table they are from, their row positions, and that of the table's first row."""

    name: str
    table: SourceTable
    rows: np.ndarray[Any, np.dtype[np.int64]]
    start: int


def guide_rows(
    report: ReportInput, chosen: Chosen, sheets: Sequence[SheetPlan], *, command: str, unnoted: int
) -> list[tuple[str, tuple[str, ...]]]:
    """The rows of the guide: (kind, cells); the kinds are ``title``, ``text``, ``command``, ``header`` and ``line``."""
    blank = ("text", ())
    lines: list[tuple[str, tuple[str, ...]]] = [("title", (GUIDE_TITLE,)), blank]
    lines += [("text", (step,)) for step in (*_STEPS[:5], *_joining(report), *_STEPS[5:])]
    lines += [("command", (f"     {command}",)), blank, ("header", (*GUIDE_COLUMNS, "Rows here"))]
    lines += [("line", (sheet.name, *_origin(sheet.table), f"{len(sheet.rows):,}")) for sheet in sheets]
    lines += [blank, ("header", _CODES), *(("line", cells) for cells in _codes(report.located, chosen.rows))]
    absent = [("text", (text,)) for text in _absent(chosen, sheets, unnoted)]
    return [*lines, blank, ("header", ("What is not here",)), *absent] if absent else lines


def _joining(report: ReportInput) -> list[str]:
    """What to do with rows of which nobody knows yet whose they are, if there are any."""
    return [_JOINING] if loose_rows(report.sources, report.tables) else []


def _origin(table: SourceTable) -> tuple[str, str]:
    """The file and sheet that a table came from in the first place, also when it was given back before."""
    file, sheet = table.details.get("stands_for") or (table.file, table.sheet or "")
    return file, sheet


def _codes(located: Located, rows: "np.ndarray[Any, np.dtype[np.bool_]]") -> Iterator[tuple[str, ...]]:
    """A line for each code that the rows have: errors first, the most frequent first."""
    kinds = located.kinds
    serious = (kinds["severity"] != str(Severity.INFO)).to_numpy(np.bool_)
    groups = located.groups(np.flatnonzero(serious & np.append(rows, False)[kinds["_row"].to_numpy(np.int64)]))
    for group in groups:
        first = located.lines(group.at[:1], ("message",))["message"].iloc[0]
        entry = find(group.code)
        texts = [] if entry is None else [f"{entry.title}. {entry.explanation}", entry.fix]
        yield group.code, group.severity, f"{len(group.at):,}", "\n".join([*texts, f"First: {first}"])


def _absent(chosen: Chosen, sheets: Sequence[SheetPlan], unnoted: int) -> Iterator[str]:
    for sheet in sheets:
        if sheet.table.secrets:
            names = ", ".join(sorted(sheet.table.secrets))
            yield f"Sheet {sheet.name}: these columns hold what must not leave your files, and were emptied: {names}."
    if chosen.surplus:
        yield f"{chosen.surplus:,} more rows, because a larger workbook is slow to open: see the folder rejected."
    if chosen.unheld:
        yield f"{chosen.unheld:,} rows of customers with text that no workbook can hold: see the folder rejected."
    if unnoted:
        yield f"The notes of {unnoted:,} coloured cells, because many make it slow: import_errors says what is wrong."
