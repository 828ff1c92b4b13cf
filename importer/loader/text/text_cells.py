"""Where the cells of a text go as they are read: into memory, or into a file of the scratch folder."""

import mmap
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from pyarrow import ipc

from importer.errors import OutputError

__all__ = ["NOWHERE", "Body", "Cells", "Kept", "Numbers", "cells", "chosen", "positions"]


def _nothing() -> None:
    pass


@dataclass(frozen=True)
class Kept:
    """Columns that are complete.

    ``path``: the Arrow file in which they lie by ``names``, if they do. ``forget``: gives back the memory into which
    parts of that file were mapped; they are read again where they are looked at again.
    """

    columns: list[pa.ChunkedArray]
    names: Sequence[str] = ()
    path: Path | None = None
    forget: Callable[[], None] = _nothing


NOWHERE = Kept([])


def chosen(kept: Kept, rows: npt.NDArray[np.bool_]) -> Kept:
    """Only those rows of columns on disk, in a file that takes the other's place. Raises :class:`OutputError`."""
    assert kept.path is not None
    some = _OnDisk(kept.names, kept.path.parent)
    start = 0
    for batch in zip(*(column.chunks for column in kept.columns), strict=True):
        own = rows[start : start + len(batch[0])]
        if own.any():
            some.add(batch if own.all() else [cells.filter(pa.array(own)) for cells in batch])
        start += len(own)
        kept.forget()
    kept.path.unlink()
    return some.finished()


class Cells(Protocol):
    """Columns that grow."""

    def add(self, columns: Sequence[pa.Array]) -> None:
        """Put further cells below each column. Raises :class:`OutputError`."""

    def finished(self) -> Kept:
        """All of them; nothing can be added any more. Raises :class:`OutputError`."""


def cells(names: Sequence[str], scratch: Path | None) -> Cells:
    """Columns of these names without cells, in a new file in ``scratch`` if it is given."""
    return _InMemory(len(names)) if scratch is None else _OnDisk(names, scratch)


class _InMemory:
    def __init__(self, width: int) -> None:
        self.chunks: list[list[pa.Array]] = [[] for _ in range(width)]

    def add(self, columns: Sequence[pa.Array]) -> None:
        for chunks, column in zip(self.chunks, columns, strict=True):
            chunks.append(column)

    def finished(self) -> Kept:
        return Kept([pa.chunked_array(chunks, pa.string()) for chunks in self.chunks])


class _OnDisk:
    def __init__(self, names: Sequence[str], scratch: Path) -> None:
        self.scratch = scratch
        self.schema = pa.schema([(name, pa.string()) for name in names])
        with self._explained():
            descriptor, path = tempfile.mkstemp(prefix="cells-", dir=scratch)  # 0600
            os.close(descriptor)
            self.path = Path(path)
            self.file = pa.OSFile(path, "wb")
            self.writer = ipc.new_file(self.file, self.schema)

    def add(self, columns: Sequence[pa.Array]) -> None:
        with self._explained():
            self.writer.write_batch(pa.record_batch(list(columns), schema=self.schema))

    def finished(self) -> Kept:
        with self._explained():
            self.writer.close()
            self.file.close()
            with self.path.open("rb") as file:
                mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        table = ipc.open_file(pa.py_buffer(mapped)).read_all()
        _forget(mapped)
        return Kept(table.columns, table.column_names, self.path, partial(_forget, mapped))

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except OSError as error:
            raise OutputError(
                f"{self.scratch}: the scratch folder cannot be written: {error.strerror or error}",
                "Make room on the disk, or give another folder with --out.",
            ) from error


def _forget(mapped: mmap.mmap) -> None:
    if hasattr(mmap, "MADV_DONTNEED"):
        mapped.madvise(mmap.MADV_DONTNEED)


Numbers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Body:
    """The records below the header, by the column.

    ``columns``: strings without nulls, all of one length; a missing cell is ``""``. ``widths``: how many cells each
    record had. ``numbers``: the 1-based number of each record in its source, ascending. ``unfinished``: the last
    record has no line end. ``kept``: where the first columns lie.
    """

    columns: list[pa.ChunkedArray]
    widths: Numbers
    numbers: Numbers
    unfinished: bool = False
    kept: Kept = NOWHERE

    @classmethod
    def following(
        cls, columns: list[pa.ChunkedArray], widths: Numbers, start: int, *, unfinished: bool = False
    ) -> "Body":
        """Records that follow one another, the first of which is number ``start``."""
        return cls(columns, widths, np.arange(start, start + len(widths), dtype=np.int64), unfinished)

    def __len__(self) -> int:
        return len(self.widths)

    def row(self, index: int) -> list[str]:
        """The cells of one record."""
        return [column[index].as_py() for column in self.columns]


def positions(numbers: Numbers, wanted: Numbers) -> Numbers:
    """Where in ascending ``numbers`` those of ``wanted`` stand that are among them."""
    at = np.searchsorted(numbers, wanted)
    at, wanted = at[at < len(numbers)], wanted[at < len(numbers)]
    found: Numbers = at[numbers[at] == wanted]
    return found
