"""A sheet of a workbook, a section of a tagged file: cells that are not yet a table."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from importer.errors import SourceError
from importer.loader.assemble import Origin, assemble, skipped_frame
from importer.loader.layout import find_header, header_score
from importer.loader.load_options import LoadOptions
from importer.loader.text.csv_parser import HEAD_RECORDS
from importer.loader.text.text_cells import Body
from importer.records import Problem, Severity
from importer.tables import SourceTable

__all__ = ["Loaded", "Part", "Sheet", "Unseen", "ignored_table"]

Loaded = tuple[SourceTable, list[Problem]]
_FEW = 12


class Part(Protocol):
    """One of several tables in a file, which the mapping may or may not know."""

    @property
    def origin(self) -> Origin:
        """Where it is from."""

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The numbers of its rows."""

    def matches(self, options: LoadOptions) -> bool:
        """Whether the mapping knows it."""

    def table(self, options: LoadOptions) -> Loaded:
        """Its table; without data rows when there is nothing but a header."""


@dataclass(frozen=True)
class Unseen:
    """What a person does not see in a sheet, or sees otherwise: numbers from 0.

    ``rows``, ``columns``: the hidden ones. ``merged``: (first row, first column, last row, last column) of each block
    of cells that is shown as one.
    """

    rows: tuple[int, ...] = ()
    columns: tuple[int, ...] = ()
    merged: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True)
class Sheet:
    """One sheet: where it is from, its columns of text down to the last row with a value, and its first rows."""

    origin: Origin
    columns: list[pa.ChunkedArray]
    head: list[list[str]]
    unseen: Unseen = Unseen()

    @classmethod
    def of(cls, origin: Origin, columns: Sequence[pa.ChunkedArray], unseen: Unseen = Unseen()) -> "Sheet":
        """A sheet of columns of one length."""
        head = [column.slice(0, HEAD_RECORDS).to_pylist() for column in columns]
        return cls(origin, list(columns), [list(row) for row in zip(*head, strict=True)], unseen)

    @property
    def numbers(self) -> npt.NDArray[np.int64]:
        """The numbers of its rows, the blank ones above the table included."""
        return np.arange(1, len(self.columns[0]) + 1, dtype=np.int64)

    def matches(self, options: LoadOptions) -> bool:
        """Whether a row of the head names columns of the mapping."""
        return any(header_score(row, options) for row in self.head)

    def table(self, options: LoadOptions) -> Loaded:
        """The table below the header. Raises :class:`SourceError` when there is no header."""
        header = find_header(self.head, options)
        if header is None:
            raise SourceError(
                f"{self.origin.name}: no header in the first {HEAD_RECORDS} rows",
                "Delete the blank rows above the table.",
            )
        columns = [column.slice(header.row) for column in self.columns]
        count = len(self.columns[0]) - header.row
        body = Body.following(columns, np.full(count, len(columns), np.int64), header.row + 1)
        table, problems = assemble(self.origin, header, body, (), options)
        return table, [*problems, *_told(self, header.row, header.cells)]


def ignored_table(part: Part) -> Loaded:
    """A table without columns for a part that the mapping does not know; every row of it counts as skipped."""
    origin, numbers = part.origin, part.numbers
    skipped = skipped_frame(numbers, ["sheet not mapped"] * len(numbers))
    problem = Problem(
        Severity.WARNING,
        "sheet_ignored",
        f"none of the sheet's {len(numbers):,} rows is read: no header in it is one of the mapping's columns",
        "Fine for notes and instructions; else correct the headers, or name them in the mapping.",
        location=replace(origin.at(1), row=None),
    )
    frame = pd.DataFrame(index=pd.RangeIndex(0))
    nothing = np.zeros(0, np.int64)
    table = SourceTable(
        origin.file, origin.sheet, frame, nothing, skipped, np.zeros(0, bool), details=dict(origin.details)
    )
    return table, [problem]


def _told(sheet: Sheet, header: int, cells: Sequence[str]) -> list[Problem]:
    """What is hidden or merged below the header, in a line for each kind, at its first place."""
    rows = [row + 1 for row in sheet.unseen.rows if header <= row < len(sheet.columns[0])]
    columns = [cells[place].strip() or f"Column {place + 1}" for place in sheet.unseen.columns if place < len(cells)]
    merged = [block for block in sheet.unseen.merged if block[0] >= header]
    problems = []
    if rows:
        message = f"{len(rows):,} hidden rows are read like the others: {_listed(rows)}"
        hint = "Delete them, or leave them out with a `skip` rule, if they are not to be imported."
        problems.append(Problem(Severity.WARNING, "hidden_rows", message, hint, location=sheet.origin.at(rows[0])))
    if columns:
        message = f"{len(columns):,} hidden columns are read like the others: {_listed(columns)}"
        place = replace(sheet.origin.at(header), column=columns[0])
        problems.append(Problem(Severity.INFO, "hidden_columns", message, "Nothing needs to be done.", location=place))
    if merged:
        blocks = [f"row {top + 1}" if top == bottom else f"rows {top + 1}-{bottom + 1}" for top, _, bottom, _ in merged]
        message = f"{len(merged):,} merged blocks of cells: {_listed(blocks)}; each has one value, in its first cell"
        hint = (
            "The block's other cells are blank. Unmerge them and fill each row; or, where a customer's cells are "
            "merged over several rows, use a mapping with `blank_key: above`."
        )
        at = sheet.origin.at(merged[0][0] + 1)
        problems.append(Problem(Severity.WARNING, "merged_cells", message, hint, location=at))
    return problems


def _listed(items: Sequence[object]) -> str:
    return ", ".join(map(str, items[:_FEW])) + (" and more" if len(items) > _FEW else "")
