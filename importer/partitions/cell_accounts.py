"""What happens to every filled cell of a partition, counted by source table and column; and reports of lost cells."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa

from importer.cell_text import edges, filled_cells
from importer.errors import InternalError
from importer.mapping.cell_sources import FieldSource, RecordSource
from importer.mapping.columns import Column
from importer.mapping.table_rows import find_column
from importer.mapping.transforms.text_forms import BlankTexts
from importer.records import Severity
from importer.tables import (
    CELL_CATEGORIES,
    CELL_DTYPES,
    CellCategory,
    Entity,
    EntityTables,
    Mask,
    Positions,
    ProblemTable,
    Sources,
    SourceTable,
)

_SPACE = 16  # the most bytes of white space around a text that means a blank
_NUMBERS = {category: number for number, category in enumerate(CELL_CATEGORIES)}


@dataclass(frozen=True)
class CellRules:
    """The categories of cells outside fields: ``roles`` by source table and column, and the texts that mean a blank."""

    roles: Mapping[str, Mapping[str, CellCategory]]
    blanks: BlankTexts


_LOST = (  # the number of a category, and the problem for each of its cells
    (
        _NUMBERS["left_out"],
        Severity.INFO,
        "cell_left_out",
        "the value is not sent, because the mapping leaves such values out",
        "",
    ),
    (
        _NUMBERS["passed_over"],
        Severity.INFO,
        "cell_passed_over",
        "the value is not sent, because the field uses a value from another column or row",
        "If both are needed, map this column to a field of its own.",
    ),
    (
        _NUMBERS["unclaimed"],
        Severity.WARNING,
        "cell_unclaimed",
        "the value is not sent, because the mapping uses this column, but not in this row",
        "Correct the row, or the conditions in the mapping.",
    ),
)


def account_cells(
    cells: Sequence[RecordSource],
    rules: CellRules,
    tables: EntityTables,
    moved: Mapping[Entity, Positions],
    sources: Sources,
    rejected: Mask,
    known: pd.DataFrame,
) -> tuple[pd.DataFrame, ProblemTable]:
    """Count the filled cells by category, and report each lost cell that is not yet among the problems ``known``.

    ``moved``: the position in ``tables`` of each record that was mapped (-1: it was dropped). ``rejected``: by row
    position. The counts are lines of ``EntityTables.cells``.
    """
    categories = _categories(cells, rules, tables, moved, sources)
    owner = tables.row_customers
    lines: list[tuple[object, ...]] = []
    problems: list[ProblemTable] = []
    reported = {name: own.to_numpy(np.int64) for name, own in known["row"].groupby(known["column"])}
    for number, table in enumerate(sources.tables):
        rows = np.arange(sources.offsets[number], sources.offsets[number + 1])
        refused = rejected[rows]
        for column, own in categories[number].items():
            texts = table.column(column)
            filled = filled_cells(texts)
            if not filled.any():
                continue
            own[_mean_blank(texts, rules.blanks) & (own != _NUMBERS["used"])] = _NUMBERS["blank_text"]
            own[refused] = _NUMBERS["rejected_row"]
            lines.append((number, column, *np.bincount(own[filled], minlength=len(CELL_CATEGORIES)).tolist()))
            new = np.zeros(len(owner) + 1, np.bool_)  # the last place is for problems without a row
            new[rows] = filled
            new[reported.get(column, [])] = False
            problems += _lost(column, table, np.where(new[rows], own, -1), rows, owner)
    counts = pd.DataFrame(lines, columns=list(CELL_DTYPES)).astype(CELL_DTYPES)
    return counts, ProblemTable.concat(problems)


def all_cells(parts: Sequence[pd.DataFrame], sources: Sources, rows: pd.DataFrame, rejected: Mask) -> pd.DataFrame:
    """``EntityTables.cells``: the counts of all partitions, and of the cells that are in no partition.

    ``rows``: as ``EntityTables.rows``; ``rejected``: by customer. Raises :class:`InternalError` if the sum for a column
    is not the number of its filled cells.
    """
    owner = rows["customer"].to_numpy(np.int64)
    skipped = rows["skipped"].notna().to_numpy(np.bool_)
    refused = ~skipped & ((owner < 0) | np.append(rejected, False)[owner])
    lines, filled = [], []
    for number, table in enumerate(sources.tables):
        own = slice(sources.offsets[number], sources.offsets[number + 1])
        for column in table.frame.columns:
            secret = column in table.emptied
            there = table.emptied[column] if secret else filled_cells(table.column(column))
            at = there & ((owner[own] < 0) | secret)
            counts = [int((at & mask[own]).sum()) for mask in (skipped, refused, ~skipped & ~refused)]
            filled.append(int(there.sum()))
            lines.append((number, column, *counts, *[0] * (len(CELL_CATEGORIES) - len(counts))))
    other = pd.DataFrame(lines, columns=list(CELL_DTYPES)).astype(CELL_DTYPES)  # in the order of the columns
    cells = pd.concat([other, *parts], ignore_index=True).groupby(["table", "column"], sort=False, as_index=False).sum()
    sums = cells[list(CELL_CATEGORIES)].sum(axis=1).to_numpy()
    if (sums != filled).any():
        wrong = int(np.flatnonzero(sums != filled)[0])
        raise InternalError(
            f"column {cells['column'][wrong]!r} has {filled[wrong]} filled cells, but {sums[wrong]} are accounted for"
        )
    return cells[sums > 0].reset_index(drop=True)


def _lost(
    column: str, table: SourceTable, categories: Positions, rows: Positions, owner: Positions
) -> Iterator[ProblemTable]:
    """The problems of a column's lost cells. ``categories``, ``rows``: each row's category (or -1) and position."""
    for category, severity, code, message, hint in _LOST:
        lost = np.flatnonzero(categories == category)
        if len(lost):
            values = pd.Series(pd.arrays.ArrowExtensionArray(table.cells(column, lost)))
            yield ProblemTable.build(
                len(lost),
                severity=severity,
                code=code,
                customer=owner[rows[lost]],
                row=rows[lost],
                column=column,
                value=values,
                message=message,
                hint=hint,
            )


def _mean_blank(texts: pa.ChunkedArray, blanks: BlankTexts) -> Mask:
    """True for cells with a text that means a blank. Only short cells are checked, because such texts are short."""
    cells = texts.combine_chunks()
    lengths, plain = edges(cells)
    short = np.flatnonzero((lengths > 0) & (lengths <= blanks.longest + np.where(plain, 0, _SPACE)))
    mask = np.zeros(len(cells), np.bool_)
    column = Column.from_text(cells.take(pa.array(short)))
    mask[short] = column.rows_with(blanks.among(column.values, ""))
    return mask


def _categories(
    cells: Sequence[RecordSource],
    rules: CellRules,
    tables: EntityTables,
    moved: Mapping[Entity, Positions],
    sources: Sources,
) -> list[dict[str, npt.NDArray[np.int8]]]:
    """For each source table and column, the category that each row's cell has if it is filled."""
    found = [
        {
            column: np.full(len(table), _NUMBERS[role], np.int8)
            for column, role in rules.roles.get(table.name, {}).items()
        }
        for table in sources.tables
    ]
    for one in cells:
        frame, records = tables.frame(one.entity), np.append(moved[one.entity], -1)[one.records]
        which, local = sources.split(one.rows)
        for number in np.flatnonzero(np.bincount(which)).tolist():
            own = which == number
            headers = sources.tables[number].headers
            for source in one.fields:
                sent = np.zeros(len(frame) + 1, np.bool_)
                if source.field in frame:
                    sent[:-1] = frame[source.field].notna().to_numpy(np.bool_)
                for header, at, category in _marks(source, sent[records], headers):
                    rows = local[own & at]
                    codes = found[number][header]
                    codes[rows] = np.minimum(codes[rows], _NUMBERS[category])
    return found


def _marks(one: FieldSource, sent: Mask, headers: tuple[str, ...]) -> Iterator[tuple[str, Mask, CellCategory]]:
    """The categories of the cells that a field reads, by column. ``sent``: rows whose record has a value for it."""
    for reference in one.references:
        header = find_column(reference, headers)
        if header is None:
            continue
        passed = [mask for name, mask in one.passed if name == reference]
        other = np.logical_or.reduce([np.zeros(len(sent), np.bool_), *passed])
        used = sent & one.given & ~other
        yield header, other, "passed_over"
        yield header, ~used & ~other, "left_out"
        yield header, used, "used"
