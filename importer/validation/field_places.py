"""The place of a record's field in the sources."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.tables import Entity, EntityTables, Positions, Sources, SourceTable


@dataclass(frozen=True)
class Places:
    """One place per problem: row position (or -1), source column (or null), and the text of that cell (or null)."""

    rows: Positions
    columns: pa.Array
    cells: pa.Array


def row_texts(sources: Sources, rows: Positions) -> pa.Array:
    """Row positions → ``file:row`` or ``file!sheet:row``."""
    names = pa.array([table.name for table in sources.tables], pa.string())
    numbers = pa.array(sources.row_numbers(rows)).cast(pa.string())
    return pc.binary_join_element_wise(names.take(pa.array(sources.split(rows)[0])), numbers, ":")


def locate(tables: EntityTables, sources: Sources, entity: Entity, field: str, records: Positions) -> Places:
    """The source cell of ``field`` for each record.

    If the field has several columns, the first that is filled in that row is used, or else the first. The cell is null
    if the field has no column in that row's source, or if more than one of its columns is filled.
    """
    frame = tables.frame(entity)
    rows: Positions = frame["_row"].to_numpy()[records]
    if entity == "customer" and field in tables.customer_field_rows:
        own = tables.customer_field_rows[field][records]
        rows = np.where(own >= 0, own, rows)
    entries = frame["_entry"].to_numpy()[records]
    in_table, local = sources.split(rows)
    group = np.where(rows < 0, -1, entries * len(sources.tables) + in_table)
    order = np.argsort(group, kind="stable")
    starts = np.flatnonzero(np.diff(group[order], prepend=-2))
    parts = []
    for chosen in np.split(order, starts[1:]) if len(order) else []:
        origin = tables.entries[int(entries[chosen[0]])].fields.get(field)
        names = origin.columns if origin else ()
        if group[chosen[0]] < 0 or not names:
            parts.append(_nowhere(rows[chosen], names))
        else:
            table = sources.tables[int(in_table[chosen[0]])]
            parts.append(_in_table(table, names, rows[chosen], local[chosen]))
    if not parts:
        return _nowhere(rows, ())
    back = pa.array(np.argsort(order))  # from groups to the given order
    columns, cells = (pa.concat_arrays([getattr(part, name) for part in parts]) for name in ("columns", "cells"))
    return Places(rows, columns.take(back), cells.take(back))


def _nowhere(rows: Positions, names: tuple[str, ...]) -> Places:
    nulls = pa.nulls(len(rows), pa.string())
    return Places(rows, pa.repeat(names[0], len(rows)) if names else nulls, nulls)


def _in_table(table: SourceTable, names: tuple[str, ...], rows: Positions, local: Positions) -> Places:
    present = [name for name in names if name in table.frame.columns]
    if not present:
        return _nowhere(rows, names)
    columns = pa.repeat(present[0], len(rows))
    cells = table.cells(present[0], local)
    if len(present) == 1:
        return Places(rows, columns, cells)
    filled = np.zeros(len(rows), dtype=np.int64)
    for name in present:
        texts = table.cells(name, local)
        has = pc.not_equal(pc.utf8_trim_whitespace(texts), "")
        first = pc.and_(has, pa.array(filled == 0))
        columns = pc.if_else(first, name, columns)
        cells = pc.if_else(first, texts, cells)
        filled += has.to_numpy(zero_copy_only=False)
    several = pa.array(filled > 1)
    return Places(rows, columns, pc.if_else(several, pa.scalar(None, pa.string()), cells))
