"""Source tables of a part: the cells stay on disk until a column of them is asked for."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import ipc

from importer.partitions.mapped_memory import mapped
from importer.tables import SourceTable

__all__ = ["StoredTable"]

Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class StoredTable(SourceTable):
    """Some rows of a source table whose cells lie on disk; ``frame`` has all columns and no rows.

    ``path``: the file with all of its rows. ``chosen``: which of them, ascending.
    """

    path: Path
    chosen: Positions

    def column(self, name: str) -> pa.ChunkedArray:
        return pa.chunked_array(_taken(name, self._own), pa.string())

    def cells(self, name: str, rows: Positions) -> pa.Array:
        wanted, places = np.unique(self.chosen[rows], return_inverse=True)
        found = _taken(name, self._among(wanted))
        return pa.concat_arrays([pa.array([], pa.string()), *found]).take(pa.array(places))

    @cached_property
    def _batches(self) -> tuple[list[pa.RecordBatch], Positions]:
        """All that lies in the file, mapped into memory, and where each batch begins; the end of the last as well."""
        batches = ipc.open_file(mapped(self.path)).read_all().to_batches()
        return batches, np.cumsum([0, *map(len, batches)])

    @cached_property
    def _own(self) -> list[tuple[pa.RecordBatch, pa.Array]]:
        return self._among(self.chosen)

    def _among(self, rows: Positions) -> list[tuple[pa.RecordBatch, pa.Array]]:
        """The batches that hold any of these rows of the file (ascending), each with their places in it."""
        batches, starts = self._batches
        edges = np.searchsorted(rows, starts)
        return [
            (batches[n], pa.array(rows[edges[n] : edges[n + 1]] - starts[n])) for n in np.flatnonzero(np.diff(edges))
        ]


def _taken(name: str, among: list[tuple[pa.RecordBatch, pa.Array]]) -> list[pa.Array]:
    return [pc.take(batch.column(name), rows, boundscheck=False) for batch, rows in among]
