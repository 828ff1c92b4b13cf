"""Some of the customers with their rows, as a part of the work is given them."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from importer.mapping.columns import Codes, Column, Mask
from importer.mapping.grouping.row_assignment import Owned, Owners
from importer.mapping.grouping.row_status import Fates, SkipReasons
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.table_rows import assign_tables, gather
from importer.tables import FieldOrigin, Sources

__all__ = ["Share", "deal_out", "owners_of"]

_FEW = 2**15  # shares below it need half the bytes
_COUNTED = 1 << 22  # rows at a time


@dataclass(frozen=True)
class Share:
    """Customers that follow one another, and all their rows.

    ``rows``: their row positions among all sources, ascending. ``customers``: the customer of each row, numbered from 0
    within the share; ``keyed``: whether the row makes that customer, or only gives it children. ``first``: the position
    of the first customer among all. ``ids``, ``origin`` and ``present``: as :class:`Owners` and ``Owned`` have them.
    """

    rows: Codes
    customers: Codes
    keyed: Mask
    first: int
    ids: pa.Array
    origin: FieldOrigin
    present: frozenset[str]


def deal_out(owners: Owners, most: int) -> Iterator[Share]:
    """All customers in shares of at most ``most`` rows, or of one customer; rows without a customer are in none.

    Where there is no customer, there is one share without rows.
    """
    whose = owners.fates.customer
    keyed = np.zeros(len(whose), bool)
    keyed[owners.main.rows.rows] = True
    present = frozenset(name for name, owned in owners.owned.items() if owned.present)
    ids = owners.ids.to_arrow()
    sizes = _sizes(whose, len(ids))
    edges = _edges(sizes, most)
    shares = np.arange(len(edges), dtype=np.int16 if len(edges) < _FEW else np.int32)  # and one that is not dealt out
    number = np.append(np.repeat(shares[:-1], np.diff(edges)), shares[-1])[whose]
    for share, (start, stop) in enumerate(pairwise(edges.tolist())):
        rows = np.flatnonzero(number == share).astype(np.int64)  # to sort all rows would take several times the memory
        own = pa.concat_arrays([ids.slice(start, stop - start)])  # a copy: else the whole column would travel along
        yield Share(rows, whose[rows].astype(np.int64) - start, keyed[rows], start, own, owners.origin, present)


def _sizes(whose: npt.NDArray[np.integer], customers: int) -> Codes:
    """How many rows each customer has; counted some at a time, because counting takes 16 bytes a row."""
    sizes = np.zeros(customers, np.int64)
    for first in range(0, len(whose), _COUNTED):
        own = whose[first : first + _COUNTED]
        sizes += np.bincount(own[own >= 0], minlength=customers)
    return sizes


def _edges(sizes: Codes, most: int) -> Codes:
    """Where shares begin, and the end of the last: as many whole customers in each as fit."""
    ends = np.cumsum(sizes)
    edges = [0] if len(sizes) else [0, 0]
    while edges[-1] < len(sizes):
        done = int(ends[edges[-1] - 1]) if edges[-1] else 0
        edges.append(max(int(np.searchsorted(ends, done + most, side="right")), edges[-1] + 1))
    return np.array(edges, np.int64)


def owners_of(share: Share, mapping: Mapping, sources: Sources) -> Owners:
    """Whose rows are whose in ``sources``, which are the rows of a share."""
    tables = {name: gather(name, sources, numbers) for name, numbers in assign_tables(mapping, sources).items()}
    owned = {name: Owned(table, share.customers[table.rows], name in share.present) for name, table in tables.items()}
    main = owned[mapping.main_table]
    keyed = share.keyed[main.rows.rows]
    if not keyed.all():
        main = Owned(main.rows.keep(keyed), main.customers[keyed], present=True)
    fates = Fates(share.customers, SkipReasons(len(share.rows)), np.zeros(len(share.rows), bool))
    return Owners(Column.from_text(share.ids), share.origin, (), main, owned, fates, [])
