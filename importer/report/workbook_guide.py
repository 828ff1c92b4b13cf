"""The sheet of ``rejected.xlsx`` that explains the workbook, and the plans of the other sheets that it describes."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from importer.catalogue import find
from importer.records import Severity
from importer.report.cells_to_fill import PartColumns, with_parts
from importer.report.plain_words import ABOUT_TEXT_FILES, in_owner_words, owner_fix, owner_title
from importer.report.problem_list import Located, ProblemGroup
from importer.report.report_input import Reader, ReportInput, loose_rows
from importer.tables import GUIDE_COLUMNS, GUIDE_RUNS, GUIDE_TITLE, Mask, Positions, SourceTable
from importer.wording import counted

_CODES = ("Code", "Severity", "Count", "What it means, what to do, and the first message")
_KINDS = ("What is wrong", "To fix or review", "Count", "What to do, and the first message")
_STEPS = (
    "1.  Each of the other sheets has rows from one of your files or sheets. Cells with sensitive data are left blank.",
    "2.  Red cells (solid border, bold) are wrong.",
    "3.  Hover over a colored cell: its note says what is wrong and what to do. So does the import_errors column.",
    "     If import_errors itself is red, the whole row is wrong: read its text, and correct the row.",
    "4.  Type the right value into the cell. Do not change the headers.",
    "     Change or delete an uncolored row only if a note mentions it.",
    "5.  If a note mentions another row, find it by its number: import_errors begins with the row number in your file.",
    "6.  The import_errors column and this sheet are never imported. You do not need to clear them.",
)
_YELLOW = " Review the yellow cells (dashed border, italic)."
_JOINING = (
    "     Rows for addresses and contacts need their customer's row as well. Rows that may belong to the same "
    "customer are included here. If you assign a row to a different customer, also copy that customer's rows from "
    "your file into this sheet."
)
_IMPORT = "7.  Save the workbook as .xlsx, and {} it with the same mapping:"
_SEND_BACK = "7.  Save the workbook as .xlsx, and send it back to {}. The person who imports it uses this command:"
_LISTED = "     Some cells have a drop-down list of valid values: click the arrow next to the cell, and choose one."
_PARTS = (
    "     Blue cells are for an address that could not be split into its parts: fill them in, at least the street "
    "and the city. Or correct the whole address in its own cell, and leave them blank."
)


@dataclass(frozen=True)
class Chosen:
    """``rows``: by row position, True for the rows that the workbook holds; the others are only in ``rejected/``.

    ``unheld``: how many rows are left out because no workbook can hold one of their cells or of their customer's cells.
    ``surplus``: how many are left out because the workbook is full.
    """

    rows: Mask
    unheld: int
    surplus: int


@dataclass(frozen=True)
class SheetPlan:
    """A sheet of rows: its name, the table that its rows are from, their row positions, and that of the table's start.

    ``parts``: the columns that are added for parts of addresses.
    """

    name: str
    table: SourceTable
    rows: Positions
    start: int
    parts: Sequence[PartColumns] = ()

    @cached_property
    def columns(self) -> list[str]:
        """The columns of the sheet, after the one that says what is wrong."""
        return with_parts(self.table.headers, self.parts)


def guide_rows(
    report: ReportInput,
    chosen: Chosen,
    sheets: Sequence[SheetPlan],
    end: tuple[str, str],
    unnoted: int,
    *,
    reader: Reader,
    lists: bool,
) -> list[tuple[str, tuple[str, ...]]]:
    """The rows of the guide: (kind, cells). The kinds are ``title``, ``text``, ``command``, ``header``, and ``line``.

    ``end``: the command that imports the workbook, and the run that wrote it. ``unnoted``: how many marked cells lack a
    note. ``reader``: who corrects the workbook, and who gets it back. ``lists``: whether cells offer values to choose
    from.
    """
    blank = ("text", ())
    joining = [_JOINING] if loose_rows(report.sources, report.tables) else []
    offered = [_LISTED] if lists else []
    parts = [_PARTS] if any(sheet.parts for sheet in sheets) else []
    lines: list[tuple[str, tuple[str, ...]]] = [("title", (GUIDE_TITLE,)), blank]
    first, second, *steps = _STEPS
    more = (*offered, *parts, *steps[4:5], *joining, *steps[5:])
    if any(group.severity == Severity.WARNING for group in _groups(report.located, chosen.rows)):
        second += _YELLOW
    lines += [("text", (step,)) for step in (first, second, *steps[:4], *more)]
    command, run = end
    verb = "check" if command.startswith("importer check ") else "import"
    back = reader.contact or ("the person who sent it to you" if reader.is_owner else None)
    lines.append(("text", (_IMPORT.format(verb) if back is None else _SEND_BACK.format(back),)))
    lines += [("command", (f"     {command}",)), ("text", (f"{GUIDE_RUNS[0]}{run}.",) if run else ())]
    lines += [blank, ("header", (*GUIDE_COLUMNS[0], "Rows"))]
    for sheet in sheets:
        # A sheet that was imported again names the file and sheet that it came from originally.
        file, name = sheet.table.details.get("stands_for") or (sheet.table.file, sheet.table.sheet or "")
        lines.append(("line", (sheet.name, file, name, f"{len(sheet.rows):,}")))
    titles, kinds = (_KINDS, _kinds) if reader.is_owner else (_CODES, _codes)
    lines += [blank, ("header", titles), *(("line", cells) for cells in kinds(report.located, chosen.rows))]
    absent = [("text", (text,)) for text in _absent(chosen, sheets, unnoted)]
    return [*lines, blank, ("header", ("Left out of this workbook",)), *absent] if absent else lines


def _groups(located: Located, rows: Mask) -> list[ProblemGroup]:
    """What is wrong with the rows, by code: errors first, then the most frequent."""
    here = np.append(rows, False)[located.kinds["_row"].to_numpy(np.int64)]
    return located.groups(np.flatnonzero(located.of(Severity.ERROR, Severity.WARNING) & here))


def _kinds(located: Located, rows: Mask) -> Iterator[tuple[str, ...]]:
    """A line for each kind of problem that the rows have, in words for the owner of the data."""
    for group in _groups(located, rows):
        first = in_owner_words(located.lines(group.at[:1], ("code", "message", "hint")))["message"].iloc[0]
        do = "to fix" if group.severity == Severity.ERROR else "to review"
        yield owner_title(group.code), do, f"{len(group.at):,}", f"{owner_fix(group.code)}\nFirst: {first}"


def _codes(located: Located, rows: Mask) -> Iterator[tuple[str, ...]]:
    for group in _groups(located, rows):
        first = located.lines(group.at[:1], ("message",))["message"].iloc[0]
        entry = find(group.code)
        texts = [] if entry is None else [f"{entry.title}. {entry.explanation}", entry.fix]
        if group.code in ABOUT_TEXT_FILES:
            texts[-1] = owner_fix(group.code)
        yield group.code, group.severity, f"{len(group.at):,}", "\n".join([*texts, f"First: {first}"])


def _absent(chosen: Chosen, sheets: Sequence[SheetPlan], unnoted: int) -> Iterator[str]:
    for sheet in sheets:
        if sheet.table.secrets:
            names = ", ".join(sorted(sheet.table.secrets))
            yield f"Sensitive columns left blank in sheet {sheet.name}: {names}."
    if chosen.surplus:
        more = counted(chosen.surplus, "more row")
        yield f"{more}, because a larger workbook would be slow to open. See the rejected folder."
    if chosen.unheld:
        unheld = counted(chosen.unheld, "row")
        yield f"{unheld} of customers with text that a workbook cannot hold. See the rejected folder."
    if unnoted:
        yield (
            f"The notes of {counted(unnoted, 'colored cell')}, because more notes would slow the workbook down. "
            "See the import_errors column."
        )
