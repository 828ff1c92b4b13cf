"""Routine rewriting of whole columns: counted by source table, column, field and kind, each with one example."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Codes, Mask
from importer.mapping.table_rows import TableData, find_column, source_reference
from importer.tables import CHANGE_DTYPES, Entity, Sources


@dataclass(frozen=True)
class RowChange:
    """What one step did to a column: on row ``i``, where ``chosen[codes[i]]``, ``before`` became ``after``.

    ``codes`` (-1: blank) index ``chosen``, ``before`` and ``after``; ``reference`` names the column. ``after`` is null
    where the value was left out.
    """

    code: str
    reference: str
    codes: Codes
    chosen: Mask
    before: pa.Array
    after: pa.Array

    def only(self, rows: Mask) -> "RowChange":
        """The change on fewer rows."""
        return replace(self, codes=np.where(rows, self.codes, -1))

    def take(self, rows: Codes) -> "RowChange":
        """The change on the rows at these indices; only the first of repeated indices counts."""
        first = np.full(len(self.codes) + 1, -1, np.int64)
        first[rows[::-1]] = np.arange(len(rows) - 1, -1, -1)
        fresh = first[rows] == np.arange(len(rows))
        return replace(self, codes=np.where(fresh, np.append(self.codes, -1)[rows], -1))

    def hits(self) -> Mask:
        """True on the rows that were changed."""
        rows: Mask = np.append(self.chosen, False)[self.codes]
        return rows


def rewriting(
    code: str, reference: str, codes: Codes, before: pa.Array, after: pa.Array, told: Mask
) -> Iterator[RowChange]:
    """What became of distinct values, apart from those ``told`` in findings: rewritten ones, and ones left out."""
    if after is before:
        return
    blank = pc.fill_null(pc.equal(after, ""), True).to_numpy(zero_copy_only=False)
    differs = pc.fill_null(pc.not_equal(before, after), True).to_numpy(zero_copy_only=False) & ~told
    if (differs & ~blank).any():
        yield RowChange(code, reference, codes, differs & ~blank, before, after)
    if (differs & blank).any():
        yield RowChange("value_left_out", reference, codes, differs & blank, before, after)


_Key = tuple[str, Entity, str, int, str]  # code, entity, field, source table, column
_Line = tuple[int, list[Codes], str | None, str | None]  # the first cell's row, all rows, the first cell's texts


@dataclass
class Counted:
    """Counts changes over all fields of a mapping. A cell that goes to two records of a kind counts once."""

    sources: Sources
    lines: dict[_Key, _Line] = field(default_factory=dict)

    def add(self, entity: Entity, fields: Mapping[str, Iterable[RowChange]], table: TableData, rows: Mask) -> None:
        """Count what happened to the fields of one entry of the mapping, on these rows of its table."""
        for name, changes in fields.items():
            for change in changes:
                self._count(entity, name, change, table, np.flatnonzero(change.hits() & rows))

    def _count(self, entity: Entity, name: str, change: RowChange, table: TableData, at: Codes) -> None:
        if not len(at):
            return
        positions, reference = table.rows[at], source_reference(change.reference)
        source = self.sources.split(positions)[0]  # rows, and so their tables, ascend
        edges = np.flatnonzero(np.diff(source, prepend=-1, append=-1))
        for start, end in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            number, text = int(source[start]), int(change.codes[at[start]])
            column = find_column(reference, self.sources.tables[number].frame.columns)
            key = (change.code, entity, name, number, column or reference)
            line = (
                int(positions[start]),
                [positions[start:end]],
                change.before[text].as_py(),
                change.after[text].as_py(),
            )
            known = self.lines.get(key)
            if known is not None:
                first, _, before, after = line if line[0] < known[0] else known
                line = (first, [*known[1], *line[1]], before, after)
            self.lines[key] = line

    def frame(self) -> pd.DataFrame:
        """The columns of ``EntityTables.changes``, in the order of the first cells."""
        lines = sorted(self.lines.items(), key=lambda item: (item[1][0], item[0]))
        data = [
            (code, entity, name, column, len(np.unique(np.concatenate(rows))), first, before, after)
            for (code, entity, name, _, column), (first, rows, before, after) in lines
        ]
        frame = pd.DataFrame(data, columns=list(CHANGE_DTYPES))
        return frame.astype(CHANGE_DTYPES)
