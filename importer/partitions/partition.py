"""A partition of the customers: which rows it has, and where its files are."""

import math
import pickle
from dataclasses import dataclass, fields
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from importer.errors import UsageError
from importer.mapping.grouping.row_assignment import CustomerShare
from importer.partitions.scratch import map_file, new_file, read_array, read_frame, write_frame
from importer.settings import Options
from importer.tables import Positions, Sources, SourceTable, taken

_USUAL = 100_000  # rows: more need more memory, fewer repeat the fixed costs of a partition
_FEWEST = 2_000
_MIB = 1 << 20
_SMALL = 128 * _MIB  # of text: one partition
_LEAST = 400 * _MIB  # of memory in all
_PARENT = 200 * _MIB  # the importer itself, and what it keeps of every row
_PROCESS = 130 * _MIB  # a worker process before its first partition
_TIMES = 9  # what a partition needs, as a multiple of the text of its rows


def rows_per_partition(options: Options, sources: Sources, workers: int) -> int:
    """How many rows a partition may have, so that all workers are busy to the end and fit into the memory together.

    Raises :class:`UsageError` when ``--memory`` is too small for any partition.
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


@dataclass(frozen=True, kw_only=True)
class StoredTable(SourceTable):
    """Some rows of a source table whose cells are on disk; ``frame`` has all columns and no rows.

    ``path``: the file with all of its rows. ``chosen``: which of them, ascending.
    """

    path: Path
    chosen: Positions

    def column(self, name: str) -> pa.ChunkedArray:
        chunks = self._file.column(name).chunks
        parts = [chunks[number] if mask is None else chunks[number].filter(mask) for number, mask in self._masks]
        return pa.chunked_array(parts, pa.string())

    def cells(self, name: str, rows: Positions) -> pa.Array:
        return taken(self._file.column(name), self.chosen[rows])

    @cached_property
    def _masks(self) -> list[tuple[int, pa.Array | None]]:
        """The chunks of the file that hold chosen rows, and which of their rows (None: all): alike for all columns."""
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
    """A source table on disk: its cells, its row numbers, and where its rows begin among all row positions.

    ``table``: the rest of it, without rows.
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

    ``first``: the position of its first customer among all. ``files``: what it needs of every source table.
    """

    number: int
    folder: Path
    first: int
    files: tuple[SourceFile, ...]

    @property
    def share(self) -> CustomerShare:
        """Its customers and their rows, read from disk."""
        share: CustomerShare = self.restore("share")
        return share

    def sources(self, rows: Positions) -> Sources:
        """Some of its rows as sources of their own; a column's cells are read from disk when it is used.

        ``rows``: ascending, among all sources.
        """
        edges = np.searchsorted(rows, [*(file.start for file in self.files), np.iinfo(np.int64).max])
        return Sources(
            tuple(file.rows(rows[edges[n] : edges[n + 1]] - file.start) for n, file in enumerate(self.files))
        )

    def path(self, name: str) -> Path:
        """A file of the partition."""
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
