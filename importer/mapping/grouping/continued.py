"""Continuation rows: a blank key means the customer of the row above, in the same source table."""

import numpy as np

from importer.mapping.columns import Codes, Mask
from importer.mapping.grouping.keys import KeyCells
from importer.mapping.table_rows import TableData

__all__ = ["heads"]


def heads(cells: KeyCells, table: TableData, begins: Mask) -> Codes:
    """For each row the row whose key counts for it: itself, or the one that it continues; -1 where there is none.

    ``begins``: rows that continue nothing, whatever their key.

    A row that the loader rejected and the beginning of a source table end what went before: nobody knows whose the
    rows under them are. Where a key has several parts, a row that fills some of them and agrees with the row above
    continues it; one that contradicts it does not, and what follows goes with it rather than with the one before.
    """
    rows = np.arange(len(table), dtype=np.int64)
    block = np.searchsorted(_breaks(table), table.index, side="right")
    whole = cells.whole
    above = _last(whole, rows, block)
    differs = begins.copy()
    for part in cells.parts:
        differs |= part.filled & (part.codes != np.append(part.codes, -1)[above])
    return _last(whole | differs, rows, block)


def _breaks(table: TableData) -> Codes:
    """Where, in the gathered whole, a source table begins or a rejected row stands."""
    begins = np.cumsum([0, *map(len, table.tables)])[:-1]
    broken = np.flatnonzero(np.concatenate([np.zeros(0, bool), *(source.broken for source in table.tables)]))
    return np.sort(np.concatenate([begins, broken])).astype(np.int64)


def _last(chosen: Mask, rows: Codes, block: Codes) -> Codes:
    """For each row the nearest chosen row at or above it in its block, or -1."""
    found = np.maximum.accumulate(np.where(chosen, rows, -1)) if len(rows) else rows
    return np.where((found >= 0) & (np.append(block, -1)[found] == block), found, -1).astype(np.int64)
