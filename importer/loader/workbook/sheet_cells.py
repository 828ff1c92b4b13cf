"""The cells of one sheet as they are read: only those with a text are kept, wherever they are.

A sheet may have a million rows and 16,384 columns, and a stray cell in its last corner. So cells are kept by column
with their rows, and the finished columns have only those blank rows and columns that are between others.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import filled_cells
from importer.errors import SourceError
from importer.tables import Positions

MAX_ROWS, MAX_COLUMNS = 1_048_576, 16_384  # Excel's own limits
_MAX_AREA = 50_000_000  # cells, blank ones between others included
_MAX_CELLS, _MIN_TEXT = 100_000_000, 128 * 1024**2
_PENDING = 10_000  # cells of a column that are buffered as Python objects
_ROW_GAP, _COLUMN_GAP = 1000, 100  # this many consecutive blank ones are kept
CROSSED_OUT, UNSEEN = "cells that are crossed out", "cells that cannot be seen"
EXPORT = "Open it in a spreadsheet program, delete everything below and next to the table, and save it as .xlsx."


@dataclass
class Allowance:
    """What all sheets of a workbook may contain in total, because a small file can unpack to gigabytes.

    ``file``: the name for messages. ``text``: how many characters, by the size of what is read.
    """

    file: str
    text: int
    cells: int = _MAX_CELLS

    @classmethod
    def for_size(cls, file: str, size: int) -> "Allowance":
        return cls(file, max(_MIN_TEXT, 4 * size))

    def take(self, cells: int, text: int) -> None:
        """Raises :class:`SourceError` if it is used up."""
        self.cells -= cells
        self.text -= text
        if self.cells < 0 or self.text < 0:
            raise SourceError(
                f"{self.file}: the workbook repeats cells so often that they would fill gigabytes",
                f"Normal exports do not look like this. {EXPORT}",
            )


@dataclass
class _Column:
    rows: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    stored: list[tuple[Positions, pa.Array]] = field(default_factory=list)

    def store(self) -> None:
        if self.rows:
            self.stored.append((np.array(self.rows, np.int64), pa.array(self.texts, pa.string())))
            self.rows.clear()
            self.texts.clear()

    def finished(self) -> tuple[Positions, pa.ChunkedArray]:
        """Rows in ascending order, each once, and their texts. Of two cells at one place, the last one counts."""
        rows = np.concatenate([rows for rows, _ in self.stored])
        texts = pa.chunked_array([texts for _, texts in self.stored])
        if (np.diff(rows) > 0).all():
            return rows, texts
        unique, places = np.unique(rows[::-1], return_index=True)
        return unique, texts.take(pa.array(len(rows) - 1 - places))


class Note(NamedTuple):
    """A warning of the catalogue about how a sheet was read."""

    code: str
    message: str
    hint: str


_SAME_PLACE = Note(
    "workbook_damaged",
    "several cells have the same row and column; only the last one is read",
    "Open the file in Excel, which repairs it, check the rows, and save it as .xlsx.",
)


@dataclass
class SheetCells:
    """A sheet; all places count from 0.

    ``merged``: (first row, first column, last row, last column) of each merged block. ``uncalculated``: formulas
    without a value. ``rounded``: whole numbers whose last digits are gone. ``marked``: what a person sees of cells that
    are crossed out or not shown, and their rows. ``invisible``: how many rows and texts that are not shown were left
    out. ``notes``: what else is to be said of how it was read.
    """

    name: str
    allowance: Allowance
    hidden: bool = False
    hidden_rows: list[range] = field(default_factory=list)
    hidden_columns: list[range] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    uncalculated: list[tuple[int, int]] = field(default_factory=list)
    rounded: list[tuple[int, int]] = field(default_factory=list)
    marked: dict[str, list[int]] = field(default_factory=dict)
    invisible: dict[str, int] = field(default_factory=dict)
    notes: list[Note] = field(default_factory=list)
    _columns: dict[int, _Column] = field(default_factory=dict)

    def put(self, row: int, column: int, text: str) -> None:
        """Add a cell; a cell without text is ignored. Raises :class:`SourceError` beyond the limits of a sheet."""
        if not text:
            return
        own = self._columns.get(column)
        if own is None or row >= MAX_ROWS or row < 0:
            own = self._new_column(row, column)
        self.allowance.take(1, len(text))  # now: texts that wait may be long, and in many columns
        rows = own.rows
        rows.append(row)
        own.texts.append(text)
        if len(rows) >= _PENDING:
            own.store()

    def put_all(self, rows: Positions, columns: Positions, texts: pa.StringArray) -> None:
        """Many cells at once, all within the limits of a sheet and taken from the allowance; some are null or blank."""
        kept = np.flatnonzero(pc.fill_null(pc.greater(pc.binary_length(texts), 0), fill_value=False))
        kept = kept[np.argsort(columns[kept], kind="stable")]
        rows, columns, texts = rows[kept], columns[kept], texts.take(pa.array(kept))
        bounds = [0, *(np.flatnonzero(np.diff(columns)) + 1).tolist(), len(columns)]
        for start, end in pairwise(bounds if len(columns) else []):
            own = self._columns.setdefault(int(columns[start]), _Column())
            own.store()
            own.stored.append((rows[start:end], texts.slice(start, end - start)))

    def mark(self, how: str, rows: Iterable[int]) -> None:
        """Note rows with a filled cell that is crossed out or not shown; ``how``: in words."""
        self.marked.setdefault(how, []).extend(rows)

    def put_repeated(self, rows: range, columns: range, text: str) -> None:
        if text:
            self.allowance.take(0, len(rows) * len(columns) * (100 + len(text)))
            for row in rows:
                for column in columns:
                    self.put(row, column, text)

    def _new_column(self, row: int, column: int) -> _Column:
        if not (0 <= row < MAX_ROWS and 0 <= column < MAX_COLUMNS):
            place = f"a cell in row {row + 1:,}, column {column + 1:,}"
            raise SourceError(f"{self.allowance.file}: {place} is beyond the limits of a sheet", EXPORT)
        return self._columns.setdefault(column, _Column())

    def finish(self) -> "Grid":
        """All cells in whole columns. Raises :class:`SourceError` if they are too many, or too far apart."""
        for column in self._columns.values():
            column.store()
        found = {place: column.finished() for place, column in sorted(self._columns.items())}
        if any(
            len(rows) < sum(len(own) for own, _ in self._columns[place].stored) for place, (rows, _) in found.items()
        ):
            self.notes.append(_SAME_PLACE)
        self._columns = {}
        filled = {place: rows[filled_cells(texts)] for place, (rows, texts) in found.items()}
        places = _spread(np.array([place for place, rows in filled.items() if len(rows)], np.int64), _COLUMN_GAP)
        every = np.unique(np.concatenate([np.empty(0, np.int64), *filled.values()]))
        rows = _spread(every, _ROW_GAP)
        if len(rows) * len(places) > _MAX_AREA:
            raise SourceError(
                f"{self.allowance.file}!{self.name}: {len(rows):,} rows and {len(places):,} columns are too many",
                f"Most of the cells are blank. {EXPORT}",
            )
        blank = pa.chunked_array([pa.repeat(pa.scalar("", pa.string()), len(rows))])
        columns = [_dense(found[place], rows) if place in found else blank for place in places.tolist()]
        return Grid(rows, places, columns)


@dataclass(frozen=True)
class Grid:
    """Whole columns of text. ``rows``, ``places``: the row and column numbers, from 0; long blank gaps are left out."""

    rows: Positions
    places: Positions
    columns: list[pa.ChunkedArray]

    def head(self, count: int | None = None) -> list[tuple[str, ...]]:
        """All rows, or the first ones."""
        return list(zip(*(column.slice(0, count).to_pylist() for column in self.columns), strict=True))

    def indices(self, cells: list[tuple[int, int]]) -> Iterator[tuple[int, int]]:
        """Places in the sheet → indices here, for the cells that are here."""
        row_index = {row: index for index, row in enumerate(self.rows.tolist())} if cells else {}
        column_index = {place: index for index, place in enumerate(self.places.tolist())}
        for row, column in sorted(cells):
            if row in row_index and column in column_index:
                yield row_index[row], column_index[column]


def _spread(filled: Positions, gap: int) -> Positions:
    """From 0 to the last of ``filled``, in ascending order, without gaps of more than ``gap``."""
    if not len(filled):
        return filled
    steps = np.diff(filled, prepend=-1)
    if steps.max() <= gap + 1:
        return np.arange(filled[-1] + 1)
    kept = np.zeros(filled[-1] + 1, bool)
    kept[filled] = True
    for place in np.flatnonzero((steps > 1) & (steps <= gap + 1)):
        kept[filled[place] - steps[place] + 1 : filled[place]] = True
    return np.flatnonzero(kept)


def _dense(column: tuple[Positions, pa.ChunkedArray], rows: Positions) -> pa.ChunkedArray:
    """One text for each of ``rows``."""
    own, texts = column
    if len(own) == len(rows) and (own == rows).all():
        return texts
    within = np.isin(own, rows, assume_unique=True)  # blank characters far from everything else
    index = np.full(len(rows), -1, np.int64)
    index[np.searchsorted(rows, own[within])] = np.flatnonzero(within)
    taken = texts.take(pa.array(index, mask=index < 0))
    return pc.fill_null(taken, "")
