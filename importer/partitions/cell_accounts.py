"""What becomes of every filled cell of a partition, counted by source table and column; and those that are lost."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.cell_text import filled_cells
from importer.errors import InternalError
from importer.mapping.blank_texts import BlankTexts
from importer.mapping.cell_sources import FieldSource
from importer.mapping.columns import trim
from importer.mapping.table_rows import find_column
from importer.records import Severity
from importer.tables import (
    CELL_CATEGORIES,
    CELL_DTYPES,
    CellCategory,
    Entity,
    EntityTables,
    Positions,
    ProblemTable,
    Sources,
    SourceTable,
    no_lines,
)

Mask = npt.NDArray[np.bool_]
_SPACE = 16  # bytes of white space around a text that stands for nothing
_NUMBERS = {category: number for number, category in enumerate(CELL_CATEGORIES)}


@dataclass(frozen=True)
class CellRules:
    """What cells count as apart from fields: ``roles`` by source table and column, and texts that stand for nothing."""

    roles: Mapping[str, Mapping[str, CellCategory]]
    blanks: BlankTexts


_LOST = (  # category, and how each of its cells is reported
    (
        _NUMBERS["left_out"],
        Severity.INFO,
        "cell_left_out",
        "the value is not sent",
        "The mapping leaves such values out.",
    ),
    (
        _NUMBERS["passed_over"],
        Severity.INFO,
        "cell_passed_over",
        "the value is not sent: another column or row has the value for this field",
        "If both are needed, map this column to a field of its own.",
    ),
    (
        _NUMBERS["unclaimed"],
        Severity.WARNING,
        "cell_unclaimed",
        "the value is not sent: the mapping uses this column, but not in this row",
        "Correct the row, or the conditions in the mapping.",
    ),
)


def account_cells(
    cells: Sequence[FieldSource],
    rules: CellRules,
    tables: EntityTables,
    moved: Mapping[Entity, Positions],
    sources: Sources,
    rejected: Mask,
    known: pd.DataFrame,
) -> tuple[pd.DataFrame, ProblemTable]:
    """Count the filled cells by category, and report each that is lost and not yet among the problems ``known``.

    ``moved``: where each record that was mapped is in ``tables`` (-1: it was dropped). ``rejected``: by row position.
    The counts are lines of ``EntityTables.cells``.
    """
    categories = _categories(cells, rules, tables, moved, sources)
    owner = tables.rows["customer"].to_numpy(np.int64)
    lines: list[tuple[object, ...]] = []
    problems: list[ProblemTable] = []
    told = {name: own.to_numpy(np.int64) for name, own in known["row"].groupby(known["column"])}
    for number, table in enumerate(sources.tables):
        rows = np.arange(sources.offsets[number], sources.offsets[number + 1])
        for column, found in categories[number].items():
            at = np.flatnonzero(filled_cells(table.column(column)))
            if not len(at):
                continue
            own = found[at].astype(np.int64)
            nothing = _stands_for_nothing(table.cells(column, at), rules.blanks)
            own[nothing & (own != _NUMBERS["used"])] = _NUMBERS["blank_text"]
            own = np.where(rejected[rows[at]], _NUMBERS["rejected_row"], own)
            lines.append((number, column, *np.bincount(own, minlength=len(CELL_CATEGORIES)).tolist()))
            new = at[~np.isin(rows[at], told.get(column, ()))]
            own = np.append(own, -1)[np.searchsorted(at, new)]
            problems += _lost(column, table, new, own, rows, owner)
    counts = pd.DataFrame(lines, columns=list(CELL_DTYPES)).astype(CELL_DTYPES) if lines else no_lines(CELL_DTYPES)
    return counts, ProblemTable.concat(problems)


def all_cells(parts: Sequence[pd.DataFrame], sources: Sources, rows: pd.DataFrame, rejected: Mask) -> pd.DataFrame:
    """``EntityTables.cells``: the counts of all partitions, and those of cells that are in none.

    ``rows``: as ``EntityTables.rows``; ``rejected``: by customer. Raises :class:`InternalError` when the sum for a
    column is not the number of its filled cells.
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
    column: str, table: SourceTable, at: Positions, categories: Positions, rows: Positions, owner: Positions
) -> Iterator[ProblemTable]:
    """The lost cells of a column, at ``at`` in its table; ``rows``: the row positions of the table."""
    for category, severity, code, message, hint in _LOST:
        lost = at[categories == category]
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


def _stands_for_nothing(cells: pa.Array, blanks: BlankTexts) -> Mask:
    mask = np.zeros(len(cells), np.bool_)
    short = np.flatnonzero(np.asarray(pc.less_equal(pc.binary_length(cells), blanks.longest + _SPACE)))
    mask[short] = blanks.among(trim(cells.take(pa.array(short))), "")
    return mask


def _categories(
    cells: Sequence[FieldSource],
    rules: CellRules,
    tables: EntityTables,
    moved: Mapping[Entity, Positions],
    sources: Sources,
) -> list[dict[str, npt.NDArray[np.int8]]]:
    """For each source table and column the category of each row's cell, if it is filled."""
    found = [
        {
            column: np.full(len(table), _NUMBERS[role], np.int8)
            for column, role in rules.roles.get(table.name, {}).items()
        }
        for table in sources.tables
    ]
    for one in cells:
        which, local = sources.split(one.rows)
        for number in np.unique(which).tolist():
            own = which == number
            headers = sources.tables[number].headers
            for header, at, category in _marks(one, tables, moved, headers):
                rows = local[own & at]
                codes = found[number][header]
                codes[rows] = np.minimum(codes[rows], _NUMBERS[category])
    return found


def _marks(
    one: FieldSource, tables: EntityTables, moved: Mapping[Entity, Positions], headers: tuple[str, ...]
) -> Iterator[tuple[str, Mask, CellCategory]]:
    """What a field makes of the cells of its rows, by column."""
    frame = tables.frame(one.entity)
    sent = np.zeros(len(frame) + 1, np.bool_)
    if one.field in frame:
        sent[:-1] = frame[one.field].notna().to_numpy(np.bool_)
    value = sent[np.append(moved[one.entity], -1)[one.records]]
    for reference in one.references:
        header = find_column(reference, headers)
        if header is None:
            continue
        other = np.logical_or.reduce(
            [mask for name, mask in one.passed if name == reference] or [np.zeros(len(value), np.bool_)]
        )
        yield header, value & one.given & ~other, "used"
        yield header, other, "passed_over"
        yield header, ~(value & one.given) & ~other, "left_out"
