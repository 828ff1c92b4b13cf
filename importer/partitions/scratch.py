"""The scratch folder of a run, and the tables and arrays in it, which are mapped into memory instead of being read.

A page of a mapped file is loaded when it is read, and counts as the process's memory until the system needs that for
something else. All pages can be loaded again, so they are released when there are many.
"""

import ctypes
import fcntl
import mmap
import os
import shutil
import tempfile
import threading
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from importer.errors import OutputError
from importer.private_files import make_folder, open_private
from importer.tables import numbers_as_numpy
from importer.wording import readable

PREFIX = ".parts-"
_LOCK_FILE = "in-use"
_MOST = 128 << 20  # bytes of mapped files in memory, the program's own code included
_INTERVAL = 0.02  # seconds
_SIZES = Path("/proc/self/statm")
_ROWS = 65_536  # rows per batch: with far more, strings would overflow Arrow's offsets; each batch takes time to open

_maps: "weakref.WeakSet[mmap.mmap]" = weakref.WeakSet()
_maps_lock = threading.Lock()


@contextmanager
def scratch_folder(out: Path) -> Iterator[Path]:
    """A private folder in ``out``, removed when the block ends. ``out`` is also removed if it is new and still empty.

    First, folders that killed runs left behind are removed; a folder in use has a file that is locked while its process
    lives. Raises :class:`OutputError`.
    """
    full = str(out.resolve())
    if readable(full) != full:
        message = f"{readable(full)}: the name is not UTF-8, so it cannot be shown in reports and commands"
        raise OutputError(message, "Rename it, or specify another folder with --out.")
    new = not out.exists()
    try:
        _remove_leftovers(out)
        folder, lock = _locked_folder(out)
    except OSError as error:
        raise OutputError(
            f"{out}: a scratch folder cannot be created: {error.strerror or error}",
            "Specify another folder with --out.",
        ) from error
    try:
        with lock:
            yield folder
    finally:
        _remove(folder)
        if new:
            with suppress(OSError):  # it is not empty
                out.rmdir()


def _locked_folder(out: Path) -> tuple[Path, BinaryIO]:
    """A new folder, and its locked file. If another run removes the folder before it is locked, try again."""
    while True:
        make_folder(out)
        try:
            folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=out.resolve()))  # 0700
        except FileNotFoundError:  # a run that made ``out`` has just removed it
            continue
        lock = open_private(folder / _LOCK_FILE)
        with suppress(BlockingIOError):
            _lock(lock)
            if (folder / _LOCK_FILE).exists():
                return folder, lock
        lock.close()


def _remove_leftovers(out: Path) -> None:
    for folder in out.glob(f"{PREFIX}*"):
        with suppress(OSError), (folder / _LOCK_FILE).open("rb") as file:  # it is in use or just being created
            _lock(file)
            _remove(folder)


def _remove(folder: Path) -> None:
    """Remove the lock file last, so that the leftover is recognized if the process is killed midway."""
    with suppress(OSError):
        for path in sorted(folder.iterdir(), key=lambda path: path.name == _LOCK_FILE):
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink()
        folder.rmdir()


def _lock(file: BinaryIO) -> None:
    """Lock a file. Raises :class:`BlockingIOError` if this or another process already holds the lock."""
    fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)


@contextmanager
def new_file(path: Path) -> Iterator[BinaryIO]:
    """A private file, which gets its name only when it is complete. Raises :class:`OutputError`.

    An abandoned worker may still write the same file; the last complete file counts.
    """
    try:
        with tempfile.NamedTemporaryFile(prefix=f"{path.name}.", dir=path.parent, delete=False) as file:  # 0600
            yield cast("BinaryIO", file)
        Path(file.name).replace(path)
    except OSError as error:
        raise OutputError(
            f"{path.parent}: the scratch folder cannot be written to: {error.strerror or error}",
            "Free some space on the disk, or specify another folder with --out.",
        ) from error


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame of Arrow and number columns as an Arrow file. Raises :class:`OutputError`."""
    table = pa.table({str(name): pa.array(frame[name]) for name in frame.columns})
    with new_file(path) as file, ipc.new_file(file, table.schema) as writer:
        writer.write_table(table, max_chunksize=_ROWS)


def read_frame(path: Path, *, numbers: bool = True) -> pd.DataFrame:
    """What :func:`write_frame` wrote; texts stay in the file until they are used.

    Numbers become NumPy arrays, as in the tables between stages; without ``numbers``, they also stay in the file.
    """
    table = ipc.open_file(map_file(path)).read_all()
    frame: pd.DataFrame = table.to_pandas(types_mapper=numbers_as_numpy if numbers else pd.ArrowDtype)
    return frame


def write_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Write an array for :func:`read_array`. Raises :class:`OutputError`."""
    with new_file(path) as file:
        file.write(np.ascontiguousarray(array).data)


def read_array(path: Path, dtype: npt.DTypeLike) -> npt.NDArray[Any]:
    """What :func:`write_array` wrote, as an array of ``dtype`` that stays in its file until it is used."""
    return np.frombuffer(map_file(path) if path.stat().st_size else b"", dtype)


def map_file(path: Path) -> pa.Buffer:
    """The content of a file, which must not be empty. A page is read when it is used."""
    with path.open("rb") as file:
        memory = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    with _maps_lock:
        _maps.add(memory)
    return pa.py_buffer(memory)


def release_pages() -> None:
    """Release all pages of mapped files; they are read again when they are used."""
    with _maps_lock:
        maps = list(_maps)
    for memory in maps:
        with suppress(OSError, ValueError):  # closed in the meantime
            memory.madvise(mmap.MADV_DONTNEED)


def watch_memory(most: int = _MOST) -> threading.Event:
    """Keep the pages of mapped files below ``most`` bytes until the event is set, if the system counts them."""
    done = threading.Event()
    if _SIZES.exists() and hasattr(mmap, "MADV_DONTNEED"):
        threading.Thread(target=_watch, args=(most, done), daemon=True).start()
    return done


def _watch(most: int, done: threading.Event) -> None:
    page = os.sysconf("SC_PAGE_SIZE")
    while not done.wait(_INTERVAL):
        if int(_SIZES.read_text().split()[2]) * page > most:
            release_pages()


def release_memory() -> None:
    """Return free memory to the system, which allocators would otherwise keep for later."""
    with suppress(NotImplementedError):
        pa.default_memory_pool().release_unused()
    with suppress(OSError, AttributeError):  # not every C library has malloc_trim
        ctypes.CDLL(None).malloc_trim(0)
