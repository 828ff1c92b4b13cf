"""Makes a ``SourceTable`` from header and records: column names, skipped and broken records, sensitive columns."""

import operator
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import filled_cells, header_key, unmark_formulas
from importer.errors import SourceError
from importer.loader.layout import HEAD_RECORDS, Header, LoadOptions, header_score
from importer.loader.non_data_rows import classify, lone_texts, other_headers
from importer.loader.sensitive_columns import (
    holds_card_numbers,
    holds_password_hashes,
    is_secret,
    is_tax_number,
)
from importer.loader.text.column_store import Body, StoredColumns, blank_cells, filter_stored
from importer.records import Location, Problem, Severity
from importer.tables import IMPORT_ERRORS, Mask, Positions, SourceTable
from importer.wording import counted, first_few

_FEW_CELLS, _MOST_PIECES = 2, 1000
_IN_QUOTES = "Put the cell that contains a delimiter in quotation marks, and double any quotation marks inside it."
_IN_COLUMNS = "Move each value to its own column, and clear the cells beyond the last column."
_FULL_SHEETS = {65_536: "an .xls", 1_048_576: "an .xlsx"}  # their last rows
_MAX_SHORT_ROWS = 10  # reported one by one in any file; ten times as many in a file in which they are rare

Loaded = tuple[SourceTable, list[Problem]]
MOST_COLUMNS = 6000  # each of them costs some time in every stage; the widest exports seen have 300


@dataclass(frozen=True)
class Origin:
    """Where a table comes from and how it was read."""

    file: str
    sheet: str | None
    details: Mapping[str, Any]

    def at(self, row: int | None, column: str | None = None) -> Location:
        return Location(self.file, self.sheet, row, column)


@dataclass(frozen=True)
class RecordFault:
    """Why one record (``index``, from 0) of a body is unusable. ``column``: the header of the cell at fault."""

    index: int
    code: str
    message: str
    hint: str
    column: str | None = None


@dataclass(frozen=True)
class RawTable:
    """The records of one file, sheet, or tagged section.

    ``header``: None if the first records are all blank. ``required``: it is read whether or not the mapping knows it.
    ``known``: False for a section whose tag the mapping does not name, though it names others. ``more_problems``: what
    else is to be reported of the finished table. ``unread``: why none of it is read, for a hidden sheet.
    """

    origin: Origin
    header: Header | None
    body: Body
    faults: Sequence[RecordFault] = ()
    required: bool = False
    known: bool = True
    more_problems: Callable[[SourceTable], Iterable[Problem]] = field(default=lambda _: ())
    unread: Problem | None = None

    def matches(self, options: LoadOptions) -> bool:
        """Whether the mapping has the table's tag and some of its columns."""
        return self.known and self.header is not None and header_score(self.header.cells, options) > 0


def skipped_frame(rows: npt.ArrayLike, reasons: Sequence[str]) -> pd.DataFrame:
    """``SourceTable.skipped``: columns ``row`` (int64) and ``reason`` (str), sorted by row."""
    frame = pd.DataFrame({"row": np.asarray(rows, dtype=np.int64), "reason": pd.Series(reasons, dtype="str")})
    return frame.sort_values("row", ignore_index=True)


def assemble(raw: RawTable, options: LoadOptions) -> Loaded:
    """The finished table, and problems of individual rows. Raises :class:`SourceError` if there is no header."""
    origin, header, body = raw.origin, raw.header, raw.body
    if header is None:
        raise SourceError(
            f"{origin.at(None)}: no header in the first {HEAD_RECORDS} rows", "Delete the blank rows above the table."
        )
    if len(header.cells) > MOST_COLUMNS:
        message = (
            f"{origin.at(header.row)}: the header has {len(header.cells):,} columns; at most {MOST_COLUMNS:,} are read"
        )
        raise SourceError(message, "Is it a list of customers? Delete the columns that do not belong to it.")
    full = _full_sheet(origin, body)
    reasons, doubtful = classify(body, header)
    keep = ~np.logical_or.reduce([mask for _, mask in reasons])
    like_total = body.numbers[doubtful]
    at_fault = body.numbers[[fault.index for fault in raw.faults]]
    skipped = skipped_frame(
        np.concatenate([[row for row, _ in header.above], *(body.numbers[mask] for _, mask in reasons)]),
        [reason for _, reason in header.above] + [reason for reason, mask in reasons for _ in range(int(mask.sum()))],
    )
    body = _filtered(body, keep)
    broken, problems = _long_rows(origin, body, len(header.cells))
    problems += [
        Problem(Severity.ERROR, fault.code, fault.message, fault.hint, location=origin.at(row, fault.column))
        for fault, row in zip(raw.faults, at_fault.tolist(), strict=True)
    ]
    broken |= np.isin(body.numbers, at_fault)
    problems += _short_rows(origin, body, broken, header.width, ends_in_data=bool(keep[-1:].all()))
    headers = list(_other_headers(origin, body, header, skipped))
    reported = {problem.location.row for problem in headers if problem.location is not None}
    reported |= {*body.numbers[broken].tolist(), *like_total.tolist()}
    problems += [*headers, *_lone_texts(origin, body, header, reported)]
    problems += _like_totals(origin, like_total)
    data, emptied = _named_columns(header.cells, body, options)
    secrets = frozenset(emptied)
    path = _path_of(data, body.stored)
    if secrets and broken.any():
        data = _without_secrets(data, secrets, broken)
        problems = [replace(problem, value=None) for problem in problems]
    arrays = {name: pd.arrays.ArrowExtensionArray(column) for name, column in data.items()}
    frame = pd.DataFrame(arrays, index=pd.RangeIndex(len(body)), copy=False)
    details = {**origin.details, "header_row": header.row}
    described = (body.numbers, skipped, broken, secrets, details, path, emptied)
    table = SourceTable(origin.file, origin.sheet, frame, *described)
    return table, [*problems, *full, *raw.more_problems(table)]


def _full_sheet(origin: Origin, body: Body) -> list[Problem]:
    """A warning if the last row is the last one that a sheet can have."""
    last = int(body.numbers[-1]) if len(body) else 0
    if last not in _FULL_SHEETS:
        return []
    message = (
        f"this is row {last:,}, the last that {_FULL_SHEETS[last]} sheet can have: rows after it may have been cut off"
    )
    hint = "Compare the number of rows with your system, or export in several parts or as CSV, without Excel."
    return [Problem(Severity.WARNING, "sheet_full", message, hint, location=origin.at(last))]


def _other_headers(origin: Origin, body: Body, header: Header, skipped: pd.DataFrame) -> Iterator[Problem]:
    """Warnings about rows that look like headers. Raises :class:`SourceError` if no row below one can be read."""
    blank, repeated = (skipped["row"][skipped["reason"] == reason].to_numpy() for reason in ("blank", "header"))
    for row, kind in other_headers(body, header, blank, repeated):
        if kind == "reordered":
            message = (
                f"{origin.at(row)}: the header in row {header.row} is repeated with the columns in a different order"
            )
            hint = "The rows below it would be read incorrectly. Put them in a separate file, or reorder their cells."
            raise SourceError(message, hint)
        if kind == "page":
            message = "the row may be the heading of a page or group, or a customer: it was read like any other row"
            hint = "If it is not a customer, delete the row."
        else:
            message = (
                f"the row looks like another header: it was read like any other row, "
                f"and the header in row {header.row} was used for the rows below it"
            )
            hint = "If the rows below it belong to another table, delete them or put them in a separate file."
        yield Problem(Severity.WARNING, "row_like_header", message, hint, location=origin.at(row))


def _like_totals(origin: Origin, rows: Positions) -> Iterator[Problem]:
    message = "the row looks like a total, but may be a customer with that name: it was read like any other row"
    hint = "If it is a total, delete the row or skip it with a `skip` rule in the mapping."
    for row in rows.tolist():
        yield Problem(Severity.WARNING, "row_like_total", message, hint, location=origin.at(row))


def _lone_texts(origin: Origin, body: Body, header: Header, reported: Container[int | None]) -> list[Problem]:
    """A warning about rows that may be headings of groups, or notes. ``reported``: rows that have another warning."""
    rows = [row for row in lone_texts(body, header).tolist() if row not in reported]
    if not rows:
        return []
    one = len(rows) == 1
    has, was = ("row has", "it was") if one else ("rows have", "they were")
    places = first_few(rows, _MAX_SHORT_ROWS)
    message = f"{len(rows):,} {has} text in only one column ({places}): {was} read like any other row"
    notes = (
        "If it is a heading or a note, not a customer, delete it" if one else "Delete those that are headings or notes"
    )
    hint = f"{notes}, or skip such rows with a `skip` rule."
    return [Problem(Severity.WARNING, "row_like_header", message, hint, location=origin.at(rows[0]))]


def ignored_table(raw: RawTable) -> Loaded:
    """A table without columns, for one that is hidden or not known to the mapping; all of its rows are skipped."""
    above = [row for row, _ in raw.header.above] if raw.header else []
    numbers = np.concatenate([np.array(above, np.int64), raw.body.numbers])
    what = "file" if raw.origin.sheet is None else "sheet"
    rows = counted(len(numbers), "row")
    problem = raw.unread or Problem(
        Severity.WARNING,
        "sheet_ignored",
        f"the {what} has no header that matches the mapping, so none of its rows were read ({rows})",
        "This is fine for notes and instructions; otherwise, correct the headers, or add them to the mapping.",
        location=raw.origin.at(None),
    )
    skipped = skipped_frame(numbers, ["hidden sheet" if raw.unread else f"{what} not mapped"] * len(numbers))
    data = pd.DataFrame(index=pd.RangeIndex(0)), np.zeros(0, np.int64), skipped, np.zeros(0, bool)
    return SourceTable(raw.origin.file, raw.origin.sheet, *data, details=dict(raw.origin.details)), [problem]


def _filtered(body: Body, keep: Mask) -> Body:
    """The kept records; if they are on disk, they are in a separate file."""
    if keep.all():
        return body
    stored = StoredColumns([]) if body.stored.path is None else filter_stored(body.stored, keep)
    columns = stored.columns + [column.filter(pa.array(keep)) for column in body.columns[len(stored.columns) :]]
    return Body(columns, body.widths[keep], body.numbers[keep], body.unfinished, stored)


def _long_rows(origin: Origin, body: Body, width: int) -> tuple[Mask, list[Problem]]:
    beyond = body.columns[width:]
    hint = _IN_QUOTES if "delimiter" in origin.details else _IN_COLUMNS
    broken = np.logical_or.reduce([np.zeros(len(body), dtype=bool), *map(filled_cells, beyond)])
    problems = [
        Problem(
            Severity.ERROR,
            "row_too_long",
            f"the row has more cells than the header ({width})",
            hint,
            location=origin.at(int(body.numbers[index])),
            value=" | ".join(text for column in beyond if (text := column[int(index)].as_py()).strip()),
        )
        for index in np.flatnonzero(broken)
    ]
    return broken, problems


def _short_rows(origin: Origin, body: Body, broken: Mask, width: int, *, ends_in_data: bool) -> list[Problem]:
    """The rows with too few cells. Pieces of rows, and a last row that was cut off, are marked as ``broken``."""
    short = (body.widths < width) & ~broken
    problems = []
    if body.unfinished and ends_in_data and short[-1] and int(short.sum()) == 1:
        broken[-1], short[-1] = True, False
        message = (
            f"the last row has fewer cells than the header ({width}) and no line break: the file was cut off there"
        )
        hint = "Export or copy the file again; rows may be missing after this one."
        at = origin.at(int(body.numbers[-1]))
        problems.append(Problem(Severity.ERROR, "row_cut_off", message, hint, location=at))
    pieces = _pieces(body.widths, short, width)
    hint = "A cell probably contains a line break: put the cell in quotation marks, or export again."
    for row, own in zip(body.numbers[pieces].tolist(), body.widths[pieces].tolist(), strict=True):
        has = f"it has {counted(own, 'cell')}, and the header has {width}"
        message = f"this seems to be part of a row that a line break has split: {has}"
        problems.append(Problem(Severity.ERROR, "row_split", message, hint, location=origin.at(row)))
    broken |= pieces
    rows = body.numbers[short & ~pieces].tolist()
    hint = "The missing cells at the end are read as blank. Check that the rest of the row is not on the next line."
    if len(rows) > (10 * _MAX_SHORT_ROWS if 10 * len(rows) <= len(body) else _MAX_SHORT_ROWS):
        first = ", ".join(map(str, rows[:_MAX_SHORT_ROWS]))
        message = f"{len(rows):,} rows have fewer cells than the header ({width}): rows {first}, and more"
        return [*problems, Problem(Severity.WARNING, "row_short", message, hint, location=origin.at(None))]
    message = f"the row has fewer cells than the header ({width})"
    return problems + [Problem(Severity.WARNING, "row_short", message, hint, location=origin.at(row)) for row in rows]


def _pieces(widths: Positions, short: Mask, width: int) -> Mask:
    """The short rows, if each is a piece of a row that a line break has split.

    A program that leaves out blank cells at the end writes other short rows, too. One cell alone below a whole row is a
    piece of it; the row above stays.
    """
    pieces, at = np.zeros(len(short), dtype=bool), np.flatnonzero(short)
    start = 0
    while width > _FEW_CELLS and start < len(at) <= _MOST_PIECES:
        end, cells = start + 1, int(widths[at[start]])
        while cells < width and end < len(at) and at[end] == at[end - 1] + 1:
            cells += int(widths[at[end]]) - 1
            end += 1
        if cells != width and not (end == start + 1 and cells == 1 and at[start] > 0):
            return np.zeros(len(short), dtype=bool)
        pieces[at[start:end]] = True
        start = end
    return pieces


def column_names(header: Sequence[str], width: int) -> list[str]:
    """The names of the first ``width`` columns: the header's cells, trimmed and made unique."""
    taken: dict[str, int] = {}
    cells = [header[place].strip() if place < len(header) else "" for place in range(width)]
    return [_unique(cell or f"Column {place + 1}", taken) for place, cell in enumerate(cells)]


def _unique(name: str, taken: dict[str, int]) -> str:
    """The name, with a number if its key is in ``taken`` (key → last number used), to which the result is added."""
    key = header_key(name)
    candidate = name
    while (new := header_key(candidate)) in taken:
        taken[key] = taken.get(key, 1) + 1
        candidate = f"{name}#{taken[key]}"
    taken[new] = taken.get(new, 1)
    return candidate


def _named_columns(
    header: Sequence[str], body: Body, options: LoadOptions
) -> tuple[dict[str, pa.ChunkedArray], dict[str, Mask]]:
    """The columns by name, and the filled cells of columns that were emptied, whose data must not leave the source."""
    rejected_rows = bool(header) and header_key(header[0]) == IMPORT_ERRORS  # the program's own file, corrected
    if rejected_rows:
        header = unmark_formulas(pa.array([cell.strip() for cell in header], pa.string())).to_pylist()
    taken: dict[str, int] = {}
    data: dict[str, pa.ChunkedArray] = {}
    emptied: dict[str, Mask] = {}
    empty = pa.chunked_array([blank_cells(len(body))])
    for place in range(int(rejected_rows and not options.notes), max(len(header), len(body.columns))):
        cell = header[place].strip() if place < len(header) else ""
        column = body.columns[place] if place < len(body.columns) else empty
        if not cell and not filled_cells(column).any():
            continue
        name = _unique(cell or f"Column {place + 1}", taken)
        column = unmark_formulas(column) if rejected_rows else column
        secret = is_secret(name) or (is_tax_number(name) and header_key(name) not in options.allowed)
        if secret or holds_password_hashes(column) or holds_card_numbers(name, column, body.stored.release_memory):
            emptied[name] = filled_cells(column)
            column = empty
        data[name] = column
        body.stored.release_memory()
    return data, emptied


def _path_of(data: Mapping[str, pa.ChunkedArray], stored: StoredColumns) -> Path | None:
    """The file that contains exactly these columns; a file that also has other columns is deleted."""
    if list(data) == list(stored.names) and all(map(operator.is_, data.values(), stored.columns)):
        return stored.path
    if stored.path is not None:
        stored.path.unlink()  # what is mapped of it stays readable
    return None


def _without_secrets(
    columns: Mapping[str, pa.ChunkedArray], secrets: frozenset[str], broken: Mask
) -> dict[str, pa.ChunkedArray]:
    """The columns without the cells of broken records that a secret may have shifted into.

    Those are the cells to the right of a secret column, and those that contain a line end.
    """
    first = next(place for place, name in enumerate(columns) if name in secrets)
    at = pa.array(broken)
    data = {}
    for place, (name, column) in enumerate(columns.items()):
        slipped = at if place >= first else pc.and_(at, pc.match_substring_regex(column, r"[\r\n]"))
        data[name] = pa.chunked_array([pc.if_else(slipped, "", column)])
    return data
