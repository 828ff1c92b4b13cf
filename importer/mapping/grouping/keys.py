"""Keys, which decide which customer a row belongs to."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Codes, Column, Mask, combine, first_rows
from importer.mapping.field_parts import LIST_SEPARATOR
from importer.mapping.fields import Context, evaluate, evaluate_former
from importer.mapping.language.mapping_rules import FieldRule
from importer.mapping.table_rows import TableData
from importer.mapping.trace import Trace
from importer.mapping.transform_results import RowChange
from importer.tables import FieldOrigin

Reasons = npt.NDArray[np.object_]


@dataclass(frozen=True)
class KeyCells:
    """The parts of each row's key, a column each; the source columns; and what the transforms rewrote.

    ``former``: the parts as earlier versions compared them, if any of them may differ.
    """

    parts: tuple[Column, ...]
    origin: FieldOrigin
    changes: tuple[RowChange, ...] = ()
    former: tuple[Column, ...] = ()

    def take(self, rows: Codes) -> "KeyCells":
        """The cells of the rows at these indices; an index of -1 gives blanks."""
        changes = tuple(change.take(rows) for change in self.changes)
        parts, former = (tuple(part.take(rows) for part in own) for own in (self.parts, self.former))
        return KeyCells(parts, self.origin, changes, former)

    def keep(self, chosen: Mask) -> "KeyCells":
        return self if chosen.all() else self.take(np.flatnonzero(chosen))


@dataclass(frozen=True)
class Keys:
    """The keys of a table's rows. ``codes``: each row's key (-1: blank), numbered in the order of first rows.

    ``exact``: the distinct keys, joined by ``LIST_SEPARATOR``; ``ids``: the same joined by ``-``, as reference ids.
    ``former``: the IDs as earlier versions made them, blank if they are the same.
    ``skipped``: keys of rows that were skipped → the reason. ``changes``: what the keys' transforms rewrote.
    """

    codes: Codes
    exact: pa.Array
    ids: Column
    origin: FieldOrigin
    skipped: dict[str, str] = field(default_factory=dict)
    changes: tuple[RowChange, ...] = ()
    former: Column | None = None

    @property
    def count(self) -> int:
        return len(self.exact)

    def keep(self, chosen: Mask) -> "Keys":
        """The keys of only some rows; rows that are left out must have blank keys."""
        changes = tuple(change.take(np.flatnonzero(chosen)) for change in self.changes)
        return replace(self, codes=self.codes[chosen], changes=changes)

    def remember_skipped(self, gone: "Keys", reasons: Reasons) -> "Keys":
        """Keep why the rows of other keys were skipped, so that their children are skipped for the same reason."""
        first = reasons[first_rows(gone.codes, gone.count, gone.codes >= 0)]
        pairs = zip(gone.exact.to_pylist(), first, pc.is_in(gone.exact, value_set=self.exact).to_pylist(), strict=True)
        return replace(self, skipped={key: reason for key, reason, known in pairs if not known})


def key_cells(parts: Sequence[FieldRule], table: TableData, folder: Path, trace: Trace | None = None) -> KeyCells:
    """The parts of each row's key, after their transforms, which record in ``trace`` what they do."""
    context = Context(Column.blank(len(table)), folder, trace=trace)
    found = [evaluate("key", part, table, "", context) for part in parts]
    origin = FieldOrigin(tuple(name for one in found for name in one.origin.columns))
    changes = tuple(change for one in found for change in one.changes)
    columns = tuple(one.column for one in found)
    former = [evaluate_former(part, table, "", one, context) for part, one in zip(parts, found, strict=True)]
    if all(column is None for column in former):
        return KeyCells(columns, origin, changes)
    before = tuple(now if was is None else was for was, now in zip(former, columns, strict=True))
    return KeyCells(columns, origin, changes, before)


def read_keys(cells: KeyCells) -> Keys:
    """The key of each row, trimmed and compared exactly. A key with a blank part is blank."""
    tuples, distinct = combine(cells.parts)
    whole = np.append(np.logical_and.reduce([column.filled for column in distinct]), False)
    number = tuples if whole[:-1].all() else np.where(whole[tuples], tuples, -1)
    blank = number < 0
    order = pd.unique(number[~blank] if blank.any() else number)
    rank = np.full(len(whole), -1, np.int64)
    rank[order] = np.arange(len(order))
    texts = [column.take(order).to_arrow() for column in distinct]
    exact, ids = (pc.binary_join_element_wise(*texts, separator) for separator in (LIST_SEPARATOR, "-"))
    codes, former = rank[number], None
    if cells.former:
        before = pc.binary_join_element_wise(*(part.to_arrow() for part in cells.former), "-")
        former = former_ids(ids, codes, before)
    return Keys(codes, exact, Column.from_text(ids), cells.origin, changes=cells.changes, former=former)


def former_ids(ids: pa.Array, codes: Codes, former: pa.Array) -> Column:
    """Each record's ID as earlier versions generated it from its first row; blank if one of its rows had the same ID.

    ``codes``: the record of each row (-1: none); ``former``: what each row's id would have been.
    """
    now = ids.take(pa.array(codes, mask=codes < 0))
    known = pc.fill_null(pc.not_equal(now, former), False).to_numpy(zero_copy_only=False)
    same = pc.fill_null(pc.equal(now, former), False).to_numpy(zero_copy_only=False)
    kept = np.zeros(len(ids) + 1, bool)
    kept[codes[same]] = True
    first = first_rows(codes, len(ids), known & ~kept[codes])
    return Column.from_text(former).take(first)


def match_keys(own: Keys, customers: Keys) -> tuple[Codes, Reasons]:
    """Each row's customer (-1: none), and why there is none if its customer's rows were skipped (otherwise ``""``)."""
    found = pc.index_in(own.exact, value_set=customers.exact).fill_null(-1).to_numpy().astype(np.int64)
    matched = np.append(found, -1)[own.codes]
    why = np.full(own.count + 1, "", dtype=object)
    if customers.skipped:
        why[:-1] = [customers.skipped.get(key, "") for key in own.exact.to_pylist()]
    return matched, np.where(matched < 0, why[own.codes], "")


def continued_rows(cells: KeyCells, table: TableData, begins: Mask) -> Codes:
    """For each row the row whose key counts for it: itself, or the one that it continues; -1 if there is none.

    A blank key means the customer of the row above, in the same source table. ``begins``: rows that continue nothing,
    whatever their key. The start of a source table and a row that the loader rejected end what is above them: the
    customer of the rows below is not known. Where a key has several parts, a row that fills some of them and agrees
    with the row above continues it; one that contradicts it does not, and the rows below continue that one.
    """
    begin = np.cumsum([0, *map(len, table.tables)])[:-1]
    broken = np.flatnonzero(np.concatenate([np.zeros(0, bool), *(source.broken for source in table.tables)]))
    block = np.searchsorted(np.sort(np.concatenate([begin, broken])), table.index, side="right")
    whole = np.logical_and.reduce([part.filled for part in cells.parts])
    above = _last(whole, block)
    differs = begins.copy()
    for part in cells.parts:
        differs |= part.filled & (part.codes != np.append(part.codes, -1)[above])
    return _last(whole | differs, block)


def _last(chosen: Mask, block: Codes) -> Codes:
    """For each row the nearest chosen row at or above it in its block, or -1."""
    found = pd.Series(np.arange(len(chosen))).where(chosen).groupby(block).ffill()
    return found.fillna(-1).to_numpy(np.int64)
