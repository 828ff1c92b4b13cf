"""``rejected.xlsx``: the rejected rows as a workbook that marks the cells to fix and can be imported again."""

import operator
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import keep_apostrophes
from importer.records import Severity
from importer.report.cells_to_fill import cell_lists, listed_columns, parts_to_fill
from importer.report.plain_words import in_owner_words, in_workbook_words
from importer.report.problem_list import Located
from importer.report.ranges import join_ranges
from importer.report.rejected import ImportErrors, Words, rows_to_fix
from importer.report.report_files import removed
from importer.report.report_input import OPERATOR, Reader, ReportInput
from importer.report.workbook_file import GUIDE, LISTS, LONGEST_CELL, Marks, RejectedSheet, save_workbook
from importer.report.workbook_guide import Chosen, SheetPlan, guide_rows
from importer.tables import IMPORT_ERRORS, Mask, Positions, Sources, SourceTable

MOST_ROWS = 20_000  # per workbook: nobody fixes more by hand
_MOST_BYTES = 256 << 20  # of text per workbook: programs cannot open more
_MOST_COLUMNS = 16_384 - 1  # per sheet, besides the column that says what is wrong
_MOST_NOTES = 3_000  # more notes make spreadsheets slow
_LONGEST_NAME = 31  # Excel's limit for the name of a sheet
_FORBIDDEN = re.compile(r"[\[\]:*?/\\\x00-\x1f\x7f\ufffe\uffff]")
_UNSUPPORTED = "\ufffe|\uffff"  # XML cannot hold these characters, and programs do not understand their escapes


@dataclass(frozen=True)
class Workbook:
    """How many rejected rows a workbook holds, and how many are only in ``rejected/``."""

    rows: int
    left_out: int


def write_workbook(
    path: Path,
    report: ReportInput,
    chosen: Chosen,
    *,
    command: str,
    run: str = "",
    reader: Reader = OPERATOR,
    begin: Callable[..., object] = operator.call,
) -> Workbook | None:
    """Write the chosen rows as one workbook with a sheet for each source table, and a sheet that explains them.

    ``chosen``: see :func:`choose_rows`. ``command`` imports the workbook again; ``run`` is the run's ID. ``reader``:
    who corrects the workbook, and who gets it back. ``begin`` is called with the function that saves the file and its
    arguments, and may run the function in a different process. Returns what the workbook holds, or None if there is
    nothing to fix; then a workbook from an earlier report is removed. Raises :class:`OutputError`.
    """
    if not chosen.rows.any():
        removed(path)
        return None
    plans = _plan(report, chosen.rows)
    words = in_owner_words if reader.is_owner else in_workbook_words
    texts = ImportErrors.of(report, chosen.rows, words).numbered(np.flatnonzero(chosen.rows), "\n", "\n")
    reasons = pc.utf8_slice_codeunits(texts, 0, LONGEST_CELL // 2)
    lists = cell_lists(report)
    sheets: list[RejectedSheet] = []
    start, notes, unnoted = 0, _MOST_NOTES, 0
    for plan in plans:
        offered = listed_columns(report, lists, plan.parts)
        hints = {column: lists[kind].hint for column, kind in offered.items()}
        marks = _find_marks(report.located, plan.rows, plan.columns, hints, words)
        own = {plan.columns.index(name) + 1: kind for name, kind in offered.items() if name in plan.columns}
        sheets.append(_sheet(plan, marks, reasons.slice(start, len(plan.rows)), notes, own))
        start += len(plan.rows)
        count = int((marks.column > 0).sum())
        unnoted += max(0, count - notes)
        notes = max(0, notes - count)
    used = {kind for sheet in sheets for kind in sheet.lists.values()}
    lists = {kind: own for kind, own in lists.items() if kind in used}
    guide = guide_rows(report, chosen, plans, (command, run), unnoted, reader=reader, lists=bool(lists))
    begin(save_workbook, path.absolute(), guide, sheets, lists)  # a different process may run in a different folder
    return Workbook(int(chosen.rows.sum()), chosen.unheld + chosen.surplus)


def choose_rows(report: ReportInput, *, most: int = MOST_ROWS) -> Chosen:
    """The rejected rows for a workbook, at most ``most``: whole customers by their first rows, and individual rows."""
    shown = np.flatnonzero(rows_to_fix(report))
    owner = report.tables.row_customers[shown]
    # A row without a customer is a separate unit, whose number follows those of all customers.
    unit = np.where(owner < 0, len(report.rejected) + np.arange(len(shown)), owner)
    _, first, number, sizes = np.unique(unit, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    fits = np.zeros(len(sizes), dtype=np.bool_)
    fits[order] = np.cumsum(sizes[order]) <= most
    near = fits[number]  # only their cells are looked at: a dirty file has millions of rows that do not fit anyway
    storable, length = np.ones(len(shown), dtype=np.bool_), np.zeros(len(shown), dtype=np.int64)
    storable[near], length[near] = _storable_rows(report.sources, shown[near])
    whole = np.ones(len(sizes), dtype=np.bool_)
    whole[number[~storable]] = False
    fits[order] &= np.cumsum(np.where(whole, np.bincount(number, length, len(sizes)), 0)[order]) <= _MOST_BYTES
    rows = np.zeros(report.sources.row_count, dtype=np.bool_)
    rows[shown[(fits & whole)[number]]] = True
    return Chosen(rows, int((~whole)[number].sum()), int((~fits & whole)[number].sum()))


def _storable_rows(sources: Sources, rows: Positions) -> tuple[Mask, Positions]:
    """Which of these rows a sheet can hold, and how many bytes of text each has."""
    table, local = sources.split(rows)
    storable = np.ones(len(rows), dtype=np.bool_)
    length = np.zeros(len(rows), dtype=np.int64)
    for index in np.unique(table).tolist():
        here = np.flatnonzero(table == index)
        source = sources.tables[index]
        names = pa.array(list(source.frame.columns), pa.string())
        if len(names) > _MOST_COLUMNS or not _fits_in_cell(names).all():
            storable[here] = False
            continue
        for name in source.frame.columns:
            texts = source.cells(name, local[here])
            storable[here] &= _fits_in_cell(texts)
            length[here] += pc.binary_length(texts).to_numpy(zero_copy_only=False)
    return storable, length


def _fits_in_cell(texts: pa.Array) -> Mask:
    """True for each text that a workbook can hold and return unchanged."""
    storable: Mask = ~pc.match_substring_regex(texts, _UNSUPPORTED).to_numpy(zero_copy_only=False)
    for place in np.flatnonzero(pc.binary_length(texts).to_numpy(zero_copy_only=False) > LONGEST_CELL):
        storable[place] &= _units(texts[place].as_py()) <= LONGEST_CELL
    return storable


def _plan(report: ReportInput, rows: Mask) -> list[SheetPlan]:
    """The sheets. A table without such rows gets one only if a row has no customer, which can then be added there."""
    sources = report.sources
    alone = (rows & (report.tables.row_customers < 0)).any()
    parts = parts_to_fill(report)
    plans = []
    for index, (table, name) in enumerate(zip(sources.tables, sheet_names(sources.tables), strict=True)):
        start, end = sources.offsets[index : index + 2]
        own = start + np.flatnonzero(rows[start:end])
        if len(own) or (alone and len(table.frame)):
            plans.append(SheetPlan(name, table, own, int(start), parts[index]))
    return plans


def _sheet(plan: SheetPlan, marks: Marks, reasons: pa.Array, notes: int, lists: Mapping[int, str]) -> RejectedSheet:
    local = plan.rows - plan.start
    blank = pa.array([""] * len(local), pa.string())
    own = plan.table.frame.columns
    columns = [keep_apostrophes(plan.table.cells(name, local)) if name in own else blank for name in plan.columns]
    titles = keep_apostrophes(pa.array([IMPORT_ERRORS, *plan.columns])).to_pylist()
    to_fill = {
        plan.columns.index(header) + 1: np.flatnonzero(np.isin(plan.rows, parts.rows))
        for parts in plan.parts
        for header in parts.headers.values()
    }
    return RejectedSheet(plan.name, titles, [reasons, *columns], marks, notes, lists, to_fill)


def _find_marks(
    located: Located, rows: Positions, columns: Sequence[str], hints: Mapping[str, str], words: Words
) -> Marks:
    """The cells with problems on a sheet that shows these row positions and source columns.

    A problem of a whole row is marked at its first cell. ``hints``: column → what is valid in it. ``words`` rewords
    the problems for the person who fixes them.
    """
    serious = located.of(Severity.ERROR, Severity.WARNING)
    place = located.kinds["_row"].to_numpy(np.int64)
    at = np.searchsorted(rows, place)
    here = np.flatnonzero(serious & (place >= 0) & (np.append(rows, -1)[at] == place))
    lines = words(located.lines(here, ("severity", "message", "hint", "column", "code")))
    found = pc.index_in(pa.array(lines["column"]), value_set=pa.array(list(columns), pa.string()))
    column = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    key = at[here] * (len(columns) + 1) + column
    order = np.argsort(key, kind="stable")
    lines, key = lines.take(order), key[order]
    cells, starts = np.unique(key, return_index=True)
    error = (lines["severity"] == str(Severity.ERROR)).to_numpy(np.bool_)
    errors = np.logical_or.reduceat(error, starts) if len(key) else error
    row, column = np.divmod(cells, len(columns) + 1)
    notes = join_ranges(_notes(lines), np.append(starts, len(key)), "\n\n")
    valid = pa.array([None, *(hints.get(name) for name in columns)], pa.string()).take(pa.array(column))
    return Marks(row, column, errors, pc.binary_join_element_wise(notes, valid, "\n\n", null_handling="skip"))


def _notes(problems: pd.DataFrame) -> pa.Array:
    """``Error: message`` and below it the hint."""
    severity, message, hint = (pa.array(problems[name]).cast(pa.string()) for name in ("severity", "message", "hint"))
    hint = pc.if_else(pc.equal(hint, ""), None, hint)
    head = pc.binary_join_element_wise(pc.utf8_capitalize(severity), message, ": ")
    return pc.binary_join_element_wise(head, hint, "\n", null_handling="skip")


def sheet_names(tables: Sequence[SourceTable]) -> list[str]:
    """A sheet name for each table: the file's name without its extension, or the sheet's name if a file has several.

    A name has at most 31 characters; a longer one keeps both ends, because either may distinguish it. No two names
    differ only in case.
    """
    files = Counter(table.file for table in tables)
    taken = {GUIDE.casefold(), LISTS.casefold(), "history"}  # Excel reserves the last
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
    """The length in UTF-16, which is what Excel counts."""
    return len(text.encode("utf-16-le")) // 2
