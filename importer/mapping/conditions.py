"""Which rows a condition of the mapping (``skip``, ``when``) holds for."""

import re
from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from importer.mapping.columns import Column, Mask
from importer.mapping.language.mapping_rules import Condition
from importer.mapping.table_rows import TableData
from importer.mapping.transforms.registry import read_flag

__all__ = ["holds"]


def holds(condition: Condition, table: TableData, mapped: frozenset[str]) -> Mask:
    """True on rows for which the condition holds; ``mapped``: every column reference of the mapping to this table."""
    if condition.any_ is not None:
        some: Mask = np.any([holds(inner, table, mapped) for inner in condition.any_], axis=0)
        return some
    if condition.all_ is not None:
        every: Mask = np.all([holds(inner, table, mapped) for inner in condition.all_], axis=0)
        return every
    if condition.only is not None:
        return _only(condition.only, table, mapped)
    assert condition.column is not None  # the model sees to it
    if not table.names(condition.column):
        return np.full(len(table), bool(condition.blank))  # a column that the file does not have counts as empty
    return _cell_holds(condition, table.column(condition.column))


def _cell_holds(condition: Condition, column: Column) -> Mask:
    if condition.blank is not None:
        blank: Mask = ~column.filled
        return blank if condition.blank else column.filled
    if condition.is_ is not None:
        return column.rows_with(_among(column, condition.is_))
    if condition.is_not is not None:
        return column.filled & ~column.rows_with(_among(column, condition.is_not))
    if condition.flag is not None:
        wanted = condition.flag
        return column.rows_with(_judged(column, lambda value: read_flag(value) is wanted))
    pattern = re.compile(condition.matches or "")
    return column.rows_with(_judged(column, lambda value: pattern.search(value) is not None))


def _among(column: Column, texts: list[str]) -> Mask:
    wanted = pa.array([text.strip().lower() for text in texts], pa.string())
    chosen: Mask = pc.is_in(pc.utf8_lower(column.values), value_set=wanted).to_numpy(zero_copy_only=False)
    return chosen


def _judged(column: Column, judge: Callable[[str], bool]) -> Mask:
    return np.fromiter((judge(value) for value in column.values.to_pylist()), bool, len(column.values))


def _only(names: list[str], table: TableData, mapped: frozenset[str]) -> Mask:
    """Something is filled in these columns, and nothing in any other column that the mapping reads."""
    own = {header for name in names for header in table.names(name)}
    some = np.zeros(len(table), bool)
    for name in names:
        some |= table.column(name).filled
    for reference in mapped:
        if not own & set(table.names(reference)):
            some &= ~table.column(reference).filled
    return some
