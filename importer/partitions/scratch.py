"""The scratch folder of a run in parts, and tables in it as Arrow files that are mapped into memory, not read."""

import fcntl
import pickle
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
from pyarrow import ipc

from importer.errors import OutputError
from importer.partitions.mapped_memory import mapped
from importer.private_files import make_folder, open_private

__all__ = ["keep", "kept", "read_frame", "scratch_folder", "stored", "write_frame"]

PREFIX = ".parts-"
_LOCK = "in-use"
_ROWS = 65_536  # of a batch: far more would not fit into ordinary Arrow strings, each costs time to open


@contextmanager
def scratch_folder(out: Path) -> Iterator[Path]:
    """A folder in ``out`` for its owner alone, gone when the block ends; what killed runs left behind goes first.

    A folder in use is known by a lock on a file in it, which ends with its process. Raises :class:`OutputError`.
    """
    try:
        make_folder(out)
        _clear(out)
        folder = Path(tempfile.mkdtemp(prefix=PREFIX, dir=out.resolve()))  # 0700
    except OSError as error:
        raise OutputError(
            f"{out}: a scratch folder cannot be made: {error.strerror or error}", "Give another folder with --out."
        ) from error
    try:
        with open_private(folder / _LOCK) as lock:
            _take(lock.fileno())
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _clear(out: Path) -> None:
    for folder in out.glob(f"{PREFIX}*"):
        try:
            with (folder / _LOCK).open("rb") as lock:
                _take(lock.fileno())
        except OSError:  # in use, or just being made
            continue
        shutil.rmtree(folder, ignore_errors=True)


def _take(descriptor: int) -> None:
    fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


def write_frame(path: Path, frame: pd.DataFrame) -> None:
    """Write a frame of Arrow and number columns, readable by its owner only. Raises :class:`OutputError`."""
    columns = {str(name): pa.array(frame[name]) for name in frame.columns}
    table = pa.table(columns)
    with _told(path):
        open_private(path).close()
        with pa.OSFile(str(path), "wb") as file, ipc.new_file(file, table.schema) as writer:
            writer.write_table(table, max_chunksize=_ROWS)


def stored(path: Path, array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array that lies in a file from now on. Raises :class:`OutputError`."""
    if not len(array):
        return array
    with _told(path), open_private(path) as file:
        file.write(np.ascontiguousarray(array).data)
    return np.frombuffer(mapped(path), array.dtype)


def keep(path: Path, thing: object) -> None:
    """Put arrays and plain values away; :func:`kept` gives them back. Raises :class:`OutputError`."""
    with _told(path), open_private(path) as file:
        pickle.dump(thing, file, protocol=pickle.HIGHEST_PROTOCOL)


def kept(path: Path) -> Any:
    """What :func:`keep` put away."""
    with path.open("rb") as file:
        return pickle.load(file)  # noqa: S301 - of our own folder, which is its owner's alone


@contextmanager
def _told(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path.parent}: the scratch folder cannot be written: {error.strerror or error}",
            "Make room on the disk, or give another folder with --out.",
        ) from error


def read_frame(path: Path, *, numbers: bool = True) -> pd.DataFrame:
    """What :func:`write_frame` wrote; texts stay in the file until they are looked at.

    Numbers become numpy's, as the tables between stages have them; without ``numbers`` they stay in the file as well.
    """
    table = ipc.open_file(mapped(path)).read_all()
    frame: pd.DataFrame = table.to_pandas(types_mapper=_types if numbers else pd.ArrowDtype)
    return frame


def _types(kind: pa.DataType) -> pd.ArrowDtype | None:
    return None if pa.types.is_integer(kind) else pd.ArrowDtype(kind)
