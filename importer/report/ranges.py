"""The rows of each customer as text for people (``file!sheet:2-7,9``), and lookups by position."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from importer.tables import TEXT, EntityTables, Positions, Sources, chunked, take_rows


def lookup(values: Positions, at: Positions) -> Positions:
    """``values[at]``; -1 for each -1 in ``at``."""
    if not len(values):
        return np.full(len(at), -1, dtype=np.int64)
    return np.where(at < 0, -1, values[np.maximum(at, 0)])


def take_text(values: "pd.Series[Any]", at: Positions) -> "pd.Series[Any]":
    """``values[at]`` as ``TEXT``; null for each position out of range."""
    inside = (at >= 0) & (at < len(values))
    found = take_rows(chunked(values), at[inside])
    if not inside.all():
        found = found.take(pa.array(np.cumsum(inside) - 1, mask=~inside))
    return pd.Series(pd.array(found, dtype=TEXT))


def table_names(sources: Sources) -> "pd.Series[Any]":
    """``file`` or ``file!sheet`` for each source table, as ``TEXT``."""
    return pd.Series([table.name for table in sources.tables], dtype=TEXT)


@dataclass(frozen=True)
class RowRanges:
    """The rows of each customer, as ascending row positions: ``rows[edges[i]:edges[i + 1]]`` for customer ``i``."""

    sources: Sources
    rows: npt.NDArray[np.int32]
    edges: Positions

    @classmethod
    def of(cls, sources: Sources, tables: EntityTables) -> "RowRanges":
        owner = tables.row_customers
        counts = np.bincount(owner[owner >= 0], minlength=len(tables.customers))
        edges = np.concatenate([np.zeros(1, np.int64), np.cumsum(counts)])
        rows = np.argsort(owner, kind="stable")[len(owner) - int(edges[-1]) :].astype(np.int32)
        return cls(sources, rows, edges)

    def text(self, customers: Positions) -> pa.Array:
        """The rows of these customers as ``file!sheet:2-7,9``; several sources are joined by ``; ``.

        A customer without rows gets ``""``.
        """
        counts = self.edges[customers + 1] - self.edges[customers]
        customer = np.repeat(np.arange(len(customers)), counts)
        within_own = np.arange(len(customer)) - np.repeat(np.cumsum(counts) - counts, counts)
        rows = self.rows[self.edges[customers][customer] + within_own].astype(np.int64)
        if not len(rows):
            return pa.array([""] * len(customers), pa.string())
        numbers, table = self.sources.row_numbers(rows), self.sources.split(rows)[0]
        new_group = np.r_[True, (np.diff(customer) != 0) | (np.diff(table) != 0)]
        starts = np.flatnonzero(new_group | np.r_[True, np.diff(numbers) != 1])
        ends = np.r_[starts[1:], len(rows)] - 1
        first, last = (pc.cast(pa.array(numbers[at]), pa.string()) for at in (starts, ends))
        spans = pc.if_else(pa.array(starts == ends), first, pc.binary_join_element_wise(first, last, "-"))
        groups = np.flatnonzero(new_group)
        within = join_ranges(spans, np.searchsorted(starts, np.append(groups, len(rows))), ",")
        names = pa.array(table_names(self.sources)).take(pa.array(table[groups]))
        texts = pc.binary_join_element_wise(names, within, ":")
        return join_ranges(texts, np.searchsorted(customer[groups], np.arange(len(customers) + 1)), "; ")


def join_ranges(texts: pa.Array, edges: npt.NDArray[Any], separator: str) -> pa.Array:
    """Join ``texts[edges[i]:edges[i + 1]]`` for each i; ``""`` for an empty range."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    return pc.binary_join(pa.ListArray.from_arrays(pa.array(edges, pa.int32()), texts), separator)
