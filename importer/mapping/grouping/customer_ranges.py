"""Customers with their rows, shared out to partitions."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import pyarrow as pa

from importer.mapping.columns import Codes, Column, Mask
from importer.mapping.grouping.row_assignment import CustomerRows, RowAssignment, RowStatus
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.table_rows import assign_tables, gather
from importer.tables import FieldOrigin, Sources


@dataclass(frozen=True)
class Share:
    """Consecutive customers, and all their rows.

    ``rows``: their row positions among all sources, ascending. ``customers``: the customer of each row, numbered from 0
    within the share; ``keyed``: whether the row makes that customer, or only gives it children. ``first``: the position
    of the first customer among all. ``ids``, ``origin`` and ``present``: as in :class:`RowAssignment`.
    """

    rows: Codes
    customers: Codes
    keyed: Mask
    first: int
    ids: pa.Array
    origin: FieldOrigin
    present: frozenset[str]


def deal_out(assignment: RowAssignment, most: int) -> Iterator[Share]:
    """All customers in shares of at most ``most`` rows, or of one customer; rows without a customer are in none.

    Where there is no customer, there is one share without rows.
    """
    customers = assignment.status.customer
    keyed = np.zeros(len(customers), bool)
    keyed[assignment.main.rows.rows] = True
    present = frozenset(name for name, rows in assignment.by_table.items() if rows.present)
    ids = assignment.ids.to_arrow()
    edges = _edges(np.bincount(customers[customers >= 0], minlength=len(ids)), most)
    number = np.append(np.repeat(np.arange(len(edges) - 1), np.diff(edges)), -1)[customers]
    for share, (start, stop) in enumerate(pairwise(edges.tolist())):
        rows = np.flatnonzero(number == share)
        own = pa.concat_arrays([ids.slice(start, stop - start)])  # a copy: a slice would be sent with the whole column
        yield Share(rows, customers[rows] - start, keyed[rows], start, own, assignment.origin, present)


def _edges(sizes: Codes, most: int) -> Codes:
    """Where shares begin, and the end of the last: as many whole customers in each as fit."""
    ends = np.cumsum(sizes)
    edges = [0] if len(sizes) else [0, 0]
    while edges[-1] < len(sizes):
        done = int(ends[edges[-1] - 1]) if edges[-1] else 0
        edges.append(max(int(np.searchsorted(ends, done + most, side="right")), edges[-1] + 1))
    return np.array(edges, np.int64)


def owners_of(share: Share, mapping: Mapping, sources: Sources) -> RowAssignment:
    """The customer of each row of ``sources``, which are the rows of a share."""
    tables = {name: gather(name, sources, numbers) for name, numbers in assign_tables(mapping, sources).items()}
    by_table = {
        name: CustomerRows(table, share.customers[table.rows], name in share.present) for name, table in tables.items()
    }
    main = by_table[mapping.main_table]
    keyed = share.keyed[main.rows.rows]
    if not keyed.all():
        main = CustomerRows(main.rows.keep(keyed), main.customers[keyed], present=True)
    count = len(share.rows)
    status = RowStatus(share.customers, np.full(count, None, object), np.zeros(count, bool))
    return RowAssignment(Column.from_text(share.ids), share.origin, (), main, by_table, status, [])
