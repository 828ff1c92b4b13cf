"""Columns of text as they grow: in memory, or in a file of the scratch folder."""

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import pyarrow as pa
from pyarrow import ipc

from importer.errors import OutputError
from importer.tables import Mask, Positions


@dataclass(frozen=True)
class StoredColumns:
    """Complete columns.

    ``path``: the Arrow file that has them, by ``names``; None if they are in memory. ``release_memory`` unloads the
    parts of that file that were read; they are read again when needed.
    """

    columns: list[pa.ChunkedArray]
    names: Sequence[str] = ()
    path: Path | None = None
    release_memory: Callable[[], None] = lambda: None


class ColumnWriter:
    """Columns that grow, in a new file in ``folder`` or in memory. All methods raise :class:`OutputError`."""

    def __init__(self, names: Sequence[str], folder: Path | None) -> None:
        self.folder = folder
        self.schema = pa.schema([(name, pa.string()) for name in names])
        self.path: Path | None = None
        with self._explained():
            if folder is None:
                self.sink = pa.BufferOutputStream()
            else:
                descriptor, path = tempfile.mkstemp(prefix="cells-", dir=folder)  # 0600
                os.close(descriptor)
                self.path = Path(path)
                self.sink = pa.OSFile(path, "wb")
            self.writer = ipc.new_file(self.sink, self.schema)

    def add(self, columns: Sequence[pa.Array]) -> None:
        with self._explained():
            self.writer.write_batch(pa.record_batch(list(columns), schema=self.schema))

    def finish(self) -> StoredColumns:
        """The complete columns; nothing more can be added."""
        with self._explained():
            self.writer.close()
            if self.path is None:
                return StoredColumns(ipc.open_file(self.sink.getvalue()).read_all().columns)
            self.sink.close()
            with self.path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        table = ipc.open_file(pa.py_buffer(mapped)).read_all()
        _release(mapped)
        return StoredColumns(table.columns, table.column_names, self.path, partial(_release, mapped))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"{self.folder}: the scratch folder cannot be written: {error.strerror or error}",
                "Free some disk space, or specify another folder with --out.",
            ) from error


def _release(mapped: mmap.mmap) -> None:
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


def filter_stored(stored: StoredColumns, keep: Mask) -> StoredColumns:
    """The kept rows of columns on disk, in a new file that replaces the old one. Raises :class:`OutputError`."""
    assert stored.path is not None
    writer = ColumnWriter(stored.names, stored.path.parent)
    start = 0
    for batch in zip(*(column.chunks for column in stored.columns), strict=True):
        own = keep[start : start + len(batch[0])]
        if own.any():
            writer.add(batch if own.all() else [cells.filter(pa.array(own)) for cells in batch])
        start += len(own)
        stored.release_memory()
    stored.path.unlink()
    return writer.finish()


@dataclass(frozen=True)
class Body:
    """The records below the header, by column.

    ``columns``: strings without nulls, all of one length; a missing cell is ``""``. ``widths``: how many cells each
    record had. ``numbers``: the 1-based number of each record in its source, ascending. ``unfinished``: the last
    record has no line end. ``stored``: the first columns, if they are on disk.
    """

    columns: list[pa.ChunkedArray]
    widths: Positions
    numbers: Positions
    unfinished: bool = False
    stored: StoredColumns = StoredColumns([])

    def __len__(self) -> int:
        return len(self.numbers)

    def row(self, index: int) -> list[str]:
        return [column[index].as_py() for column in self.columns]


def blank_cells(count: int) -> pa.Array:
    return pa.repeat(pa.scalar("", pa.string()), count)
