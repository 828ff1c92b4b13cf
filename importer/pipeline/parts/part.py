"""A part of the customers: which they are, and where its files lie."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import numpy.typing as npt

from importer.mapping.share import Share
from importer.pipeline.parts.scratch import keep, kept
from importer.pipeline.parts.stored import StoredTable
from importer.tables import Sources, SourceTable

__all__ = ["Part", "SourceFile"]

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
