"""A part of the customers: which they are, and where its files lie."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from importer.errors import UsageError
from importer.mapping.grouping.customer_ranges import Share
from importer.partitions.scratch import keep, kept
from importer.partitions.stored_table import StoredTable
from importer.settings import Options
from importer.tables import Sources, SourceTable

__all__ = ["Part", "SourceFile", "rows_of_a_part"]

_USUAL = 60_000  # rows: more need more memory, fewer repeat what is done once for a part
_FEWEST = 2_000
_MIB = 1 << 20
_LEAST = 400 * _MIB  # of memory in all
_PARENT = 200 * _MIB  # the importer itself, and what it knows of every row
_PROCESS = 130 * _MIB  # a process of the crew before it has done anything
_TIMES = 9  # what a part needs, compared with the text of its rows


def rows_of_a_part(options: Options, sources: Sources, hands: int) -> int:
    """How many rows a part may have: so many that all are busy to the end, and fit into the memory together.

    Raises :class:`UsageError` when so little memory is given that no part would do.
    """
    count = sources.row_count
    most = _USUAL
    if options.memory is not None:
        if options.memory < _LEAST:
            raise UsageError(
                f"--memory is {options.memory // _MIB} MiB, which is too little",
                f"Give {_LEAST // _MIB}MiB or more; in several processes each needs {_PROCESS // _MIB} MiB.",
            )
        text = sum(int(table.frame.memory_usage(index=False, deep=False).sum()) for table in sources.tables)
        room = (options.memory - _PARENT) / hands - _PROCESS
        most = min(_USUAL, max(_FEWEST, int(room / _TIMES / max(text / count, 1.0))))
    parts = hands * math.ceil(count / most / hands)
    return max(_FEWEST, math.ceil(count / parts))


Positions = npt.NDArray[np.int64]


@dataclass(frozen=True)
class SourceFile:
    """A source table whose frame lies on disk, and where its rows begin among all row positions."""

    path: Path
    start: int
    table: SourceTable

    def rows(self, chosen: Positions, numbers: Positions) -> SourceTable:
        """Some rows of the table; ``numbers``: their row numbers."""
        known = {one.name: getattr(self.table, one.name) for one in fields(SourceTable)}
        known |= {"row_numbers": numbers, "broken": np.zeros(len(chosen), np.bool_)}
        return StoredTable(**known, path=self.path, chosen=chosen)


@dataclass(frozen=True)
class Part:
    """A share of the customers, and the folder of what is made of it: its rows as well lie there.

    ``first``: the position of its first customer among all. ``files``: of every source table what a part needs.
    """

    number: int
    folder: Path
    first: int
    files: tuple[SourceFile, ...]

    @classmethod
    def dealt(cls, number: int, folder: Path, share: Share, files: tuple[SourceFile, ...], sources: Sources) -> "Part":
        """A part of some customers. Raises :class:`OutputError`."""
        part = cls(number, folder, share.first, files)
        keep(part.path("share"), share)
        keep(part.path("row-numbers"), _row_numbers(share, files, sources))
        return part

    @property
    def share(self) -> Share:
        """Its customers and their rows, read from disk."""
        share: Share = kept(self.path("share"))
        return share

    def sources(self) -> Sources:
        """The rows of the share as sources of their own; their cells are read from disk when they are asked for."""
        rows, numbers = self.share.rows, kept(self.path("row-numbers"))
        edges = np.searchsorted(rows, [*(file.start for file in self.files), np.iinfo(np.int64).max])
        tables = []
        for place, file in enumerate(self.files):
            own = rows[edges[place] : edges[place + 1]] - file.start
            tables.append(file.rows(own, numbers[place]))
        return Sources(tuple(tables))

    def path(self, name: str) -> Path:
        """A file of the part."""
        return self.folder / f"{self.number}-{name}"


def _row_numbers(share: Share, files: Sequence[SourceFile], sources: Sources) -> tuple[Positions, ...]:
    """Of each source table the numbers of the share's rows."""
    edges = np.searchsorted(share.rows, [*(file.start for file in files), sources.row_count])
    return tuple(
        table.row_numbers[share.rows[edges[place] : edges[place + 1]] - file.start]
        for place, (file, table) in enumerate(zip(files, sources.tables, strict=True))
    )
