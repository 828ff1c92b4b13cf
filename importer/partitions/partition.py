"""A partition of the customers: which customers and rows are in it, and where its files are."""

import math
import pickle
from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from importer.errors import UsageError
from importer.mapping.columns import Column
from importer.mapping.grouping.row_assignment import CustomerRows, RowAssignment, RowStatus
from importer.mapping.language.mapping_model import Mapping
from importer.mapping.table_rows import assign_tables
from importer.partitions.scratch import map_file, new_file, read_array, read_frame, write_frame
from importer.settings import Options
from importer.tables import FieldOrigin, Mask, Positions, Sources, SourceTable, take_rows

_USUAL = 100_000  # rows: more need more memory, fewer repeat the fixed costs of a partition
_FEWEST = 2_000
_MIB = 1 << 20
_SMALL = 128 * _MIB  # with less text than this, there is one partition
_LEAST = 400 * _MIB  # the least memory that can be set with --memory
_PARENT = 200 * _MIB  # memory of the importer itself, and of what it keeps about every row
_PROCESS = 130 * _MIB  # memory of a worker process before its first partition
_TIMES = 9  # the memory that a partition needs, as a multiple of its rows' text


def rows_per_partition(options: Options, sources: Sources, workers: int) -> int:
    """How many rows a partition may have, so that all workers are busy until the end and fit into memory together.

    Raises :class:`UsageError` if ``--memory`` is too small.
    """
    count, most = sources.row_count, _USUAL
    text = sum(int(table.frame.memory_usage(index=False, deep=False).sum()) for table in sources.tables)
    if options.memory is None and workers == 1 and text < _SMALL:
        return count
    if options.memory is not None:
        if options.memory < _LEAST:
            raise UsageError(
                f"--memory: {options.memory // _MIB} MiB is too little",
                f"Use {_LEAST // _MIB}MiB or more; each of several processes needs {_PROCESS // _MIB} MiB.",
            )
        free = (options.memory - _PARENT) / workers - _PROCESS
        most = min(_USUAL, max(_FEWEST, int(free / _TIMES / max(text / count, 1.0))))
    partitions = workers * math.ceil(count / most / workers)
    return max(_FEWEST, math.ceil(count / partitions))


@dataclass(frozen=True)
class CustomerShare:
    """Consecutive customers, and all their rows.

    ``rows``: their row positions among all sources, ascending. ``customers``: the customer of each row, numbered from 0
    within the share; ``keyed``: whether the row is one that the customer is made from, or only adds children to it.
    ``first``: the position of the first customer among all. ``numbered``: as in :class:`TableData`, by table. ``ids``,
    ``former``, ``origin``, and ``present``: as in :class:`RowAssignment`.
    """

    rows: Positions
    customers: Positions
    keyed: Mask
    first: int
    ids: pa.Array
    former: pa.Array | None
    numbered: dict[str, frozenset[str]]
    origin: FieldOrigin
    present: frozenset[str]

    def only(self, customers: Positions) -> "CustomerShare":
        """The share of some of its customers, which are renumbered. ``customers``: numbers in this share, ascending."""
        own = np.isin(self.customers, customers)
        at = pa.array(customers)
        return replace(
            self,
            rows=self.rows[own],
            customers=np.searchsorted(customers, self.customers[own]),
            keyed=self.keyed[own],
            first=self.first + int(customers[0]),
            ids=self.ids.take(at),
            former=None if self.former is None else self.former.take(at),
        )


def deal_out(assignment: RowAssignment, most: int) -> Iterator[CustomerShare]:
    """All customers in shares of at most ``most`` rows or of one customer. Rows without a customer are left out.

    If there are no customers, there is one share without rows.
    """
    customers = assignment.status.customer
    keyed = np.zeros(len(customers), bool)
    keyed[assignment.main.rows.rows] = True
    numbered = {name: rows.rows.numbered for name, rows in assignment.by_table.items()}
    present = frozenset(name for name, rows in assignment.by_table.items() if rows.present)
    ids, former = assignment.ids.to_arrow(), None if assignment.former is None else assignment.former.to_arrow()
    # The start of each share, and the end of the last. Each share has as many whole customers as fit.
    ends = np.cumsum(np.bincount(customers[customers >= 0], minlength=len(ids)))
    edges = [0] if len(ids) else [0, 0]
    while edges[-1] < len(ids):
        done = int(ends[edges[-1] - 1]) if edges[-1] else 0
        edges.append(max(int(np.searchsorted(ends, done + most, side="right")), edges[-1] + 1))
    number = np.append(np.repeat(np.arange(len(edges) - 1), np.diff(edges)), -1)[customers]
    for share, (start, stop) in enumerate(pairwise(edges)):
        rows = np.flatnonzero(number == share)
        own = pa.concat_arrays([ids.slice(start, stop - start)])  # a copy: pickling a slice writes the whole column
        was = None if former is None else pa.concat_arrays([former.slice(start, stop - start)])
        yield CustomerShare(
            rows, customers[rows] - start, keyed[rows], start, own, was, numbered, assignment.origin, present
        )


def share_assignment(share: CustomerShare, mapping: Mapping, sources: Sources) -> RowAssignment:
    """The customer of each row of ``sources``, which are the rows of a share."""
    by_table = {
        name: CustomerRows(
            replace(table, numbered=share.numbered[name]), share.customers[table.rows], name in share.present
        )
        for name, table in assign_tables(mapping, sources).items()
    }
    main = by_table[mapping.main_table]
    keyed = share.keyed[main.rows.rows]
    if not keyed.all():
        main = CustomerRows(main.rows.keep(keyed), main.customers[keyed], present=True)
    count = len(share.rows)
    status = RowStatus(share.customers, np.full(count, None, object), np.zeros(count, bool))
    former = None if share.former is None else Column.from_text(share.former)
    return RowAssignment(Column.from_text(share.ids), share.origin, main, by_table, status, former)


@dataclass(frozen=True, kw_only=True)
class StoredTable(SourceTable):
    """Some rows of a source table whose cells are on disk. ``frame`` has all columns but no rows.

    ``path``: the file with all rows of the table. ``chosen``: the numbers of the rows, ascending.
    """

    path: Path
    chosen: Positions

    def column(self, name: str) -> pa.ChunkedArray:
        chunks = self._file.column(name).chunks
        parts = [chunks[number] if mask is None else chunks[number].filter(mask) for number, mask in self._masks]
        return pa.chunked_array(parts, pa.string())

    def cells(self, name: str, rows: Positions) -> pa.Array:
        return take_rows(self._file.column(name), self.chosen[rows])

    @cached_property
    def _masks(self) -> list[tuple[int, pa.Array | None]]:
        """The chunks that hold chosen rows, and which of their rows (None: all). They are the same for all columns."""
        masks, start = [], 0
        for number, length in enumerate(map(len, self._file.column(0).chunks)):
            low, high = np.searchsorted(self.chosen, [start, start + length])
            if high - low == length:
                masks.append((number, None))
            elif high > low:
                mask = np.zeros(length, np.bool_)
                mask[self.chosen[low:high] - start] = True
                masks.append((number, pa.array(mask)))
            start += length
        return masks

    @cached_property
    def _file(self) -> pa.Table:
        return ipc.open_file(map_file(self.path)).read_all()


@dataclass(frozen=True)
class SourceFile:
    """A source table on disk: the files with its cells and row numbers, and the row position of its first row.

    ``table``: the rest of the table, without rows.
    """

    cells: Path
    numbers: Path
    start: int
    table: SourceTable

    def rows(self, chosen: Positions) -> SourceTable:
        """Some rows of the table."""
        known = {one.name: getattr(self.table, one.name) for one in fields(SourceTable)}
        numbers = read_array(self.numbers, np.int64)[chosen]
        known |= {"row_numbers": numbers, "broken": np.zeros(len(chosen), np.bool_)}
        return StoredTable(**known, path=self.cells, chosen=chosen)


@dataclass(frozen=True)
class Partition:
    """A range of customers, and the folder with its files.

    ``first``: the position of its first customer among all. ``files``: the source tables on disk.
    """

    number: int
    folder: Path
    first: int
    files: tuple[SourceFile, ...]

    @property
    def share(self) -> CustomerShare:
        """The partition's customers and their rows, read from disk."""
        share: CustomerShare = self.restore("share")
        return share

    def sources(self, rows: Positions) -> Sources:
        """Some of its rows as separate sources. A column's cells are read from disk when it is used.

        ``rows``: row positions among all sources, ascending.
        """
        edges = np.searchsorted(rows, [*(file.start for file in self.files), np.iinfo(np.int64).max])
        return Sources(
            tuple(file.rows(rows[edges[n] : edges[n + 1]] - file.start) for n, file in enumerate(self.files))
        )

    def path(self, name: str) -> Path:
        """The path of a file of the partition."""
        return self.folder / f"{self.number}-{name}"

    def dump(self, name: str, value: object) -> None:
        """Write any value for :meth:`restore`. Raises :class:`OutputError`."""
        with new_file(self.path(name)) as file:
            pickle.dump(value, file, protocol=pickle.HIGHEST_PROTOCOL)

    def restore(self, name: str) -> Any:
        """What :meth:`dump` wrote."""
        with self.path(name).open("rb") as file:
            return pickle.load(file)  # noqa: S301 - from our own folder, which only its owner may write to

    def write(self, name: str, frame: pd.DataFrame) -> None:
        """Write a frame for :meth:`read`. Raises :class:`OutputError`."""
        write_frame(self.path(name), frame)

    def read(self, name: str) -> pd.DataFrame:
        """A frame of the partition; texts stay on disk until they are used."""
        return read_frame(self.path(name))
