"""Which rows a workbook to mend holds, and what is to be seen on each of its cells."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.records import Severity
from importer.report.problem_list import Located
from importer.report.ranges import join_ranges
from importer.report.rejected import rows_to_mend
from importer.report.report_input import ReportInput
from importer.report.sheet_xml import holdable, text_bytes
from importer.tables import Sources

__all__ = ["MOST_ROWS", "Chosen", "Marks", "choose_rows", "find_marks"]

MOST_ROWS = 20_000  # of one workbook: more is nothing that anybody mends by hand
_MOST_BYTES = 256 << 20  # of text in it: programs open no larger one
_MOST_COLUMNS = 16_384 - 1  # of a sheet, besides the column that says what is wrong

Positions = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Chosen:
    """``rows``: True by row position for those that the workbook holds; the others are in ``rejected/`` alone.

    ``unheld``: how many are not in it because no workbook can hold a cell of theirs or of their customer's.
    ``surplus``: how many are not, because it is full.
    """

    rows: Mask
    unheld: int
    surplus: int


def choose_rows(report: ReportInput, *, most: int = MOST_ROWS) -> Chosen:
    """The rows to mend that go into a workbook: whole customers in the order of their first rows, and rows alone."""
    shown = np.flatnonzero(rows_to_mend(report))
    owner = report.tables.rows["customer"].to_numpy(np.int64)[shown]
    # A row without a customer stands for itself: its number is behind those of all customers.
    unit = np.where(owner < 0, len(report.rejected) + np.arange(len(shown)), owner)
    _, first, number, sizes = np.unique(unit, return_index=True, return_inverse=True, return_counts=True)
    order = np.argsort(first)
    room = np.zeros(len(sizes), dtype=np.bool_)
    room[order] = np.cumsum(sizes[order]) <= most
    near = room[number]  # only their cells are looked at: a dirty file has millions of rows that find no room anyhow
    held, length = np.ones(len(shown), dtype=np.bool_), np.zeros(len(shown), dtype=np.int64)
    held[near], length[near] = _held(report.sources, shown[near])
    fits = np.ones(len(sizes), dtype=np.bool_)
    fits[number[~held]] = False
    room[order] &= np.cumsum(np.where(fits, np.bincount(number, length, len(sizes)), 0)[order]) <= _MOST_BYTES
    rows = np.zeros(report.sources.row_count, dtype=np.bool_)
    rows[shown[(room & fits)[number]]] = True
    return Chosen(rows, int((~fits)[number].sum()), int((~room & fits)[number].sum()))


def _held(sources: Sources, rows: Positions) -> tuple[Mask, Positions]:
    """Which of these rows a sheet can hold, and how many bytes of text each has."""
    table, local = sources.split(rows)
    out = np.ones(len(rows), dtype=np.bool_)
    length = np.zeros(len(rows), dtype=np.int64)
    for index, item in enumerate(sources.tables):
        here = np.flatnonzero(table == index)
        names = pa.array(list(item.frame.columns), pa.string())
        if len(names) > _MOST_COLUMNS or not holdable(names).all():
            out[here] = False
            continue
        for name in item.frame.columns if len(here) else ():
            texts = item.cells(name, local[here])
            out[here] &= holdable(texts)
            length[here] += np.diff(text_bytes(texts)[1])
    return out, length


@dataclass(frozen=True)
class Marks:
    """The cells of one sheet that something is wrong with, by row and column.

    ``row`` counts from 0 below the header, ``column`` from 0, which is the column that says what is wrong. ``error``:
    whether it is one, or a warning. ``notes`` tell what is wrong and what to do.
    """

    row: Positions
    column: Positions
    error: Mask
    notes: pa.Array

    def __len__(self) -> int:
        return len(self.row)


def find_marks(located: Located, rows: Positions, columns: Sequence[str]) -> Marks:
    """What is wrong with the cells of a sheet that shows these row positions and source columns.

    What is wrong with a row as a whole stands at its first cell.
    """
    serious = (located.kinds["severity"] != str(Severity.INFO)).to_numpy(np.bool_)
    place = located.kinds["_row"].to_numpy(np.int64)
    at = np.searchsorted(rows, place)
    here = np.flatnonzero(serious & (place >= 0) & (np.append(rows, -1)[at] == place))
    told = located.lines(here, ("severity", "message", "hint", "column"))
    found = pc.index_in(pa.array(told["column"]), value_set=pa.array(list(columns), pa.string()))
    column = pc.fill_null(found, -1).to_numpy(zero_copy_only=False).astype(np.int64) + 1
    key = at[here] * (len(columns) + 1) + column
    order = np.argsort(key, kind="stable")
    told, key = told.take(order), key[order]
    cells, starts = np.unique(key, return_index=True)
    edges = np.append(starts, len(key))
    error = (told["severity"] == str(Severity.ERROR)).to_numpy(np.bool_)
    errors = np.logical_or.reduceat(error, starts) if len(key) else error
    return Marks(
        cells // (len(columns) + 1), cells % (len(columns) + 1), errors, join_ranges(_notes(told), edges, "\n\n")
    )


def _notes(problems: pd.DataFrame) -> pa.Array:
    """``Error: message`` and below it the hint."""
    severity, message, hint = (pa.array(problems[name]).cast(pa.string()) for name in ("severity", "message", "hint"))
    hint = pc.if_else(pc.equal(hint, ""), None, hint)
    head = pc.binary_join_element_wise(pc.utf8_capitalize(severity), message, ": ")
    return pc.binary_join_element_wise(head, hint, "\n", null_handling="skip")
